/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory as the VMM sees it: the one place where an IPA becomes a host pointer.
 *
 * The table is filled before any vCPU runs and never changes while one does, so every lookup is
 * lock-free and may be made on any thread. A pointer that was handed out stays valid as long as
 * the VMM keeps the mapping; the table owns nothing and unmaps nothing.
 *
 * Addresses and lengths given to the lookups are hostile. They are uint64_t throughout and no sum
 * is formed that could wrap: a range is accepted only if it lies wholly inside RAM. The memory
 * itself changes under our feet: a value that is checked must be loaded once into a local first.
 */
#ifndef ZVM_GMEM_H
#define ZVM_GMEM_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <zvm/err.h>

#define ZVM_GMEM_MAX_REGIONS 16

struct zvm_gmem_region {
	uint64_t ipa;  /* first byte */
	uint64_t size; /* bytes, never 0 */
	uint8_t *hva;
	bool readonly; /* the guest cannot write it, so devices must not either */
};

/* Sorted by ipa, without overlap. Zero-initialise; read the fields, change them by add only. */
struct zvm_gmem {
	unsigned int nr;
	struct zvm_gmem_region region[ZVM_GMEM_MAX_REGIONS];
};

/*
 * Adds [ipa, ipa + size). -EINVAL: size 0, hva NULL, or the end is beyond 2^64; -EEXIST: overlaps
 * a region; -ENOSPC: table full. The table is unchanged on error. A range may end at 2^64 exactly.
 */
int zvm_gmem_add(struct zvm_gmem *g, uint64_t ipa, uint64_t size, void *hva, bool readonly,
		 struct zvm_err *e);

/*
 * Pointer to [ipa, ipa + len) when it lies wholly inside one region, else NULL. wptr also refuses
 * read-only regions. len 0 is legal anywhere in a region and at its end.
 */
const void *zvm_gmem_ptr(const struct zvm_gmem *g, uint64_t ipa, uint64_t len);
void *zvm_gmem_wptr(const struct zvm_gmem *g, uint64_t ipa, uint64_t len);

/*
 * Copy out of or into the guest; the range may straddle regions that touch. 0, or -EFAULT when any
 * byte is outside RAM (or read-only, for a write); then nothing has been copied. len 0 is 0.
 */
int zvm_gmem_read(const struct zvm_gmem *g, uint64_t ipa, void *buf, uint64_t len);
int zvm_gmem_write(const struct zvm_gmem *g, uint64_t ipa, const void *buf, uint64_t len);

/*
 * Describes [ipa, ipa + len) as iovec entries, one for each region touched. Returns their number
 * (0 for len 0), -EFAULT as above, -E2BIG when more than max would be needed.
 */
int zvm_gmem_iov(const struct zvm_gmem *g, uint64_t ipa, uint64_t len, bool writable,
		 struct iovec *iov, unsigned int max);

/*
 * Single loads and stores of little-endian values in memory the guest changes at the same time.
 * p is naturally aligned. Plain forms are relaxed: single-copy atomic, unordered. acquire orders
 * the load before everything after it (an index before the entries it publishes); release orders
 * everything before it before the store (entries before the index that publishes them).
 */
static inline uint16_t zvm_le16_load(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static inline uint32_t zvm_le32_load(const void *p)
{
	return le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
}

static inline uint64_t zvm_le64_load(const void *p)
{
	return le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
}

static inline uint16_t zvm_le16_load_acquire(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static inline void zvm_le16_store(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELAXED);
}

static inline void zvm_le32_store(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, htole32(v), __ATOMIC_RELAXED);
}

static inline void zvm_le16_store_release(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELEASE);
}

#endif /* ZVM_GMEM_H */
