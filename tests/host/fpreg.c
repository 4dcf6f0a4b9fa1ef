// SPDX-License-Identifier: GPL-2.0
/*
 * fpreg CPU - a host task that has something in its FP/SIMD registers, on the CPU of somebody's
 * vCPU: over and over it fills V0..V31, FPCR and FPSR, spins in user space long enough to be
 * preempted, and looks at them again. Until SIGTERM; the status is 0 if nothing ever changed.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define SPIN   3000000UL
#define FPCR_Z (3ULL << 22) /* rounds towards zero */
#define FPSR_Q (1ULL << 27)

struct regs {
	uint64_t v[32][2];
	uint64_t fpcr, fpsr;
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

#define EACH(op, base)                                                                        \
	op " q0, q1, [" base "]\n" op " q2, q3, [" base ", 32]\n"                             \
	op " q4, q5, [" base ", 64]\n" op " q6, q7, [" base ", 96]\n"                         \
	op " q8, q9, [" base ", 128]\n" op " q10, q11, [" base ", 160]\n"                     \
	op " q12, q13, [" base ", 192]\n" op " q14, q15, [" base ", 224]\n"                   \
	op " q16, q17, [" base ", 256]\n" op " q18, q19, [" base ", 288]\n"                   \
	op " q20, q21, [" base ", 320]\n" op " q22, q23, [" base ", 352]\n"                   \
	op " q24, q25, [" base ", 384]\n" op " q26, q27, [" base ", 416]\n"                   \
	op " q28, q29, [" base ", 448]\n" op " q30, q31, [" base ", 480]\n"

static void hold(const struct regs *in, struct regs *out)
{
	unsigned long n = SPIN;

	__asm__ volatile(EACH("ldp", "%[in]")
			 "msr fpcr, %[cr]\n"
			 "msr fpsr, %[sr]\n"
			 "1: subs %[n], %[n], #1\n"
			 "b.ne 1b\n"
			 EACH("stp", "%[out]")
			 "mrs %[n], fpcr\n"
			 "str %[n], [%[out], 512]\n"
			 "mrs %[n], fpsr\n"
			 "str %[n], [%[out], 520]\n"
			 "msr fpcr, xzr\n"
			 "msr fpsr, xzr\n"
			 : [n] "+r"(n)
			 : [in] "r"(in), [out] "r"(out), [cr] "r"(in->fpcr), [sr] "r"(in->fpsr)
			 : "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
			   "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",
			   "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}

int main(int argc, char **argv)
{
	struct regs want = { .fpcr = FPCR_Z, .fpsr = FPSR_Q }, got;
	unsigned long rounds = 0;
	cpu_set_t cpus;

	if (argc != 2)
		die("usage: fpreg CPU");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("fpreg: CPU %s: %m", argv[1]);
	signal(SIGTERM, on_term);
	for (unsigned int i = 0; i < 32; i++) {
		want.v[i][0] = 0x686f73740000ULL << 16 | i; /* "host" */
		want.v[i][1] = (uint64_t)getpid() << 32 | i;
	}
	while (!stop) {
		hold(&want, &got);
		rounds++;
		if (!memcmp(&want, &got, sizeof(want)))
			continue;
		for (unsigned int i = 0; i < 32; i++)
			if (memcmp(want.v[i], got.v[i], 16))
				printf("fpreg: CPU %s, round %lu: v%u is %#llx:%#llx\n", argv[1],
				       rounds, i, (unsigned long long)got.v[i][1],
				       (unsigned long long)got.v[i][0]);
		if (want.fpcr != got.fpcr || want.fpsr != got.fpsr)
			printf("fpreg: CPU %s, round %lu: fpcr %#llx, fpsr %#llx\n", argv[1], rounds,
			       (unsigned long long)got.fpcr, (unsigned long long)got.fpsr);
		return 1;
	}
	printf("fpreg: CPU %s: %lu rounds\n", argv[1], rounds);
	return 0;
}
