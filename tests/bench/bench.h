/* SPDX-License-Identifier: GPL-2.0 */
/* What the bench guests share. */
#ifndef BENCH_H
#define BENCH_H

#include "types.h"

/* Around what plugins count (plugin/count.c). */
static inline void mark_begin(void)
{
	asm volatile("mov x27, x27" : : : "memory");
}

static inline void mark_end(void)
{
	asm volatile("mov x28, x28" : : : "memory");
}

/* A tick of the host in one of `n` batches says nothing. Sorts. */
static inline u64 median(u64 *a, u32 n)
{
	u32 i, j;
	u64 t;

	for (i = 1; i < n; i++) {
		t = a[i];
		for (j = i; j && a[j - 1] > t; j--)
			a[j] = a[j - 1];
		a[j] = t;
	}
	return a[n / 2];
}

#endif
