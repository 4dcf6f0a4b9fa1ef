// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM. Called on the main thread while no vCPU runs.
 *
 * The mapping is private and anonymous. An area one gigabyte larger is reserved first, to choose an
 * address with the alignment that stage-2 blocks need; what is left over goes back.
 */
#include "vmm/machine/ram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define BLOCK_SIZE (1ULL << 30)

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static int hugetlb_flags(const struct zvm_config_backing *backing)
{
	switch (backing->hugepages) {
	case ZVM_HUGEPAGES_2M:
		return MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);
	case ZVM_HUGEPAGES_1G:
		return MAP_HUGETLB | (30 << MAP_HUGE_SHIFT);
	default:
		return 0;
	}
}

static int populate(uint8_t *hva, uint64_t size, const struct zvm_config_backing *backing)
{
	if (backing->prefault && madvise(hva, size, MADV_POPULATE_WRITE) < 0) {
		if (errno != EINVAL)
			return -errno;
		/* Before Linux 5.14: one write to each page does the same. */
		for (uint64_t at = 0; at < size; at += 4096)
			((volatile uint8_t *)hva)[at] = 0;
	}
	if (backing->lock && mlock(hva, size) < 0)
		return -errno;
	return 0;
}

static int explain(struct zvm_err *err, int no, uint64_t size,
		   const struct zvm_config_backing *backing)
{
	const char *remedy = "give the VM less memory";

	if (hugetlb_flags(backing))
		remedy = "reserve enough huge pages of that size (vm.nr_hugepages), or leave "
			 "memory_backing.hugepages at its default";
	else if (backing->lock)
		remedy = "raise RLIMIT_MEMLOCK (ulimit -l), or leave memory_backing.lock off";
	return zvm_err_set(err, no, "cannot get %llu MiB of memory from the host: %s; %s",
			   (unsigned long long)size >> 20, strerror(no), remedy);
}

int zvm_ram_map(uint64_t ipa, uint64_t size, const struct zvm_config_backing *backing,
		uint8_t **out, struct zvm_err *err)
{
	uint64_t span = size + BLOCK_SIZE;
	uint8_t *area, *hva;
	uint64_t skip;
	int ret;

	area = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return explain(err, errno, size, backing);
	skip = (ipa - (uintptr_t)area) & (BLOCK_SIZE - 1);
	hva = area + skip;

	if (mmap(hva, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | hugetlb_flags(backing), -1,
		 0) == MAP_FAILED) {
		ret = explain(err, errno, size, backing);
		munmap(area, span);
		return ret;
	}
	if (skip)
		munmap(area, skip);
	if (span - skip - size)
		munmap(hva + size, span - skip - size);

	/* Advice only: a host without THP, or without names for mappings, runs the guest as well.
	 */
	if (backing->hugepages == ZVM_HUGEPAGES_THP)
		madvise(hva, size, MADV_HUGEPAGE);
	else if (backing->hugepages == ZVM_HUGEPAGES_OFF)
		madvise(hva, size, MADV_NOHUGEPAGE);
	madvise(hva, size, MADV_DONTDUMP);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, hva, size, "zvm-guest");

	ret = populate(hva, size, backing);
	if (ret < 0) {
		munmap(hva, size);
		return explain(err, -ret, size, backing);
	}
	*out = hva;
	return 0;
}

void zvm_ram_unmap(uint8_t *hva, uint64_t size)
{
	if (hva)
		munmap(hva, size);
}

int zvm_ram_clear(uint8_t *hva, uint64_t size, const struct zvm_config_backing *backing)
{
	/* Locked and (before Linux 5.18) hugetlb pages cannot be dropped. */
	if (backing->lock || madvise(hva, size, MADV_DONTNEED) < 0) {
		memset(hva, 0, size);
		return 0;
	}
	return populate(hva, size, backing);
}
