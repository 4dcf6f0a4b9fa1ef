// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory: the region table and the bounded ways into it.
 *
 * Called by the VMM to build the table before vCPUs run, and by every device on any thread
 * afterwards. No locks: the table is constant by then. Addresses and lengths are not trusted; all
 * arithmetic is on offsets inside a region that has already been found, so nothing can wrap.
 */
#include <errno.h>
#include <inttypes.h>

#include <zvm/gmem.h>

int zvm_gmem_add(struct zvm_gmem *g, uint64_t ipa, uint64_t size, void *hva, bool readonly,
		 struct zvm_err *e)
{
	uint64_t last = ipa + (size - 1);
	unsigned int i;

	if (!size || !hva)
		return zvm_err_set(e, EINVAL, "memory region at 0x%" PRIx64 " is empty", ipa);
	if (last < ipa)
		return zvm_err_set(e, EINVAL,
				   "memory region 0x%" PRIx64 "+0x%" PRIx64
				   " runs past the end of the address space",
				   ipa, size);
	if (g->nr == ZVM_GMEM_MAX_REGIONS)
		return zvm_err_set(e, ENOSPC, "more than %d memory regions", ZVM_GMEM_MAX_REGIONS);

	for (i = 0; i < g->nr; i++) {
		const struct zvm_gmem_region *r = &g->region[i];

		if (ipa <= r->ipa + (r->size - 1) && r->ipa <= last)
			return zvm_err_set(e, EEXIST,
					   "memory region 0x%" PRIx64 "+0x%" PRIx64
					   " overlaps 0x%" PRIx64 "+0x%" PRIx64,
					   ipa, size, r->ipa, r->size);
	}

	for (i = g->nr; i > 0 && g->region[i - 1].ipa > ipa; i--)
		g->region[i] = g->region[i - 1];
	g->region[i] = (struct zvm_gmem_region){
		.ipa = ipa,
		.size = size,
		.hva = hva,
		.readonly = readonly,
	};
	g->nr++;
	return 0;
}

/* The region in which len bytes from ipa fit; for len 0 the end of a region still belongs to it. */
static const struct zvm_gmem_region *find_whole(const struct zvm_gmem *g, uint64_t ipa,
						uint64_t len)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++) {
		const struct zvm_gmem_region *r = &g->region[i];

		if (ipa >= r->ipa && ipa - r->ipa <= r->size && len <= r->size - (ipa - r->ipa))
			return r;
	}
	return NULL;
}

const void *zvm_gmem_ptr(const struct zvm_gmem *g, uint64_t ipa, uint64_t len)
{
	const struct zvm_gmem_region *r = find_whole(g, ipa, len);

	return r ? r->hva + (ipa - r->ipa) : NULL;
}

void *zvm_gmem_wptr(const struct zvm_gmem *g, uint64_t ipa, uint64_t len)
{
	const struct zvm_gmem_region *r = find_whole(g, ipa, len);

	return r && !r->readonly ? r->hva + (ipa - r->ipa) : NULL;
}

int zvm_gmem_iov(const struct zvm_gmem *g, uint64_t ipa, uint64_t len, bool writable,
		 struct iovec *iov, unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < g->nr && len; i++) {
		const struct zvm_gmem_region *r = &g->region[i];
		uint64_t room;

		if (ipa < r->ipa)
			return -EFAULT;
		if (ipa - r->ipa >= r->size)
			continue;
		if (writable && r->readonly)
			return -EFAULT;
		if (n == max)
			return -E2BIG;

		room = r->size - (ipa - r->ipa);
		if (room > len)
			room = len;
		iov[n].iov_base = r->hva + (ipa - r->ipa);
		iov[n].iov_len = room;
		n++;
		len -= room;
		/* Wraps to 0 only behind a region that ends at 2^64: no further one can match. */
		ipa += room;
	}
	return len ? -EFAULT : (int)n;
}

int zvm_gmem_read(const struct zvm_gmem *g, uint64_t ipa, void *buf, uint64_t len)
{
	struct iovec iov[ZVM_GMEM_MAX_REGIONS];
	int i, n = zvm_gmem_iov(g, ipa, len, false, iov, ZVM_GMEM_MAX_REGIONS);
	uint8_t *p = buf;

	for (i = 0; i < n; i++) {
		memcpy(p, iov[i].iov_base, iov[i].iov_len);
		p += iov[i].iov_len;
	}
	/* The caller checks its copy: keep the compiler from going back to the original. */
	__asm__ volatile("" ::: "memory");
	return n < 0 ? n : 0;
}

int zvm_gmem_write(const struct zvm_gmem *g, uint64_t ipa, const void *buf, uint64_t len)
{
	struct iovec iov[ZVM_GMEM_MAX_REGIONS];
	int i, n = zvm_gmem_iov(g, ipa, len, true, iov, ZVM_GMEM_MAX_REGIONS);
	const uint8_t *p = buf;

	for (i = 0; i < n; i++) {
		memcpy(iov[i].iov_base, p, iov[i].iov_len);
		p += iov[i].iov_len;
	}
	return n < 0 ? n : 0;
}
