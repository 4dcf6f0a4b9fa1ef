// SPDX-License-Identifier: GPL-2.0
/* See psci.h. Any CPU, no state. SMCCC 1.1: x4 and up survive, x0..x3 are results. */
#include "psci.h"

s64 hvc(u64 fn, u64 a1, u64 a2, u64 a3)
{
	register u64 x0 asm("x0") = fn;
	register u64 x1 asm("x1") = a1;
	register u64 x2 asm("x2") = a2;
	register u64 x3 asm("x3") = a3;

	asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
	return (s64)x0;
}
