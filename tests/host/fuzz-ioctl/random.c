// SPDX-License-Identifier: GPL-2.0
/* Where numbers, addresses and instructions come from (see fuzz.h): the thread's seed alone. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

__thread uint64_t seed;

uint64_t rnd(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15UL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

uint64_t below(uint64_t n)
{
	return rnd() % n;
}

bool one_in(uint64_t n)
{
	return below(n) == 0;
}

/* A number that some check may be about. */
uint64_t odd(void)
{
	switch (below(6)) {
	case 0:
		return below(64);
	case 1:
		return 1UL << below(64);
	case 2:
		return (1UL << below(64)) - 1;
	case 3:
		return ~0UL - below(4096);
	case 4:
		return rnd() & ~0xfffUL;
	default:
		return rnd();
	}
}

/* Mostly `good`; now and then something else. */
uint64_t mostly(uint64_t good)
{
	return one_in(20) ? odd() : good;
}

struct machine *machine(void)
{
	return &machines[below(NR_VMS)];
}

int call(int fd, unsigned long cmd, void *arg)
{
	if (one_in(200))
		arg = (void *)PICK(0, 1, (uintptr_t)arena + ARENA, 0xffff000000000000UL, 0x7fffffff0000UL);
	return ioctl(fd, cmd, arg);
}

/* An address of the guest: RAM, the vGIC, a device, or nonsense. */
uint64_t ipa(void)
{
	switch (below(8)) {
	case 0:
		return 0x08000000 + (below(0x20000) & ~3UL);
	case 1:
		return 0x080a0000 + (below(0x80000) & ~3UL);
	case 2:
		return 0x0a000000 + below(0x1000);
	case 3:
		return odd();
	case 4:
		return 0x08080000 + PICK(0, 8, 0x80, 0x88, 0x90, 0x100, 0x108, 0x10040, below(0x20000));
	default:
		return VM_RAM_IPA + (below(2 * ARENA) & ~7UL);
	}
}

/* Something for the guest to execute. */
static uint32_t instruction(void)
{
	uint32_t rt = below(31), rn = below(31), x = rnd();

	switch (below(16)) {
	case 0:
		return 0xd4000002; /* hvc #0 */
	case 1:
		return 0xd4000003; /* smc #0 */
	case 2:
		return 0xd503207f; /* wfi */
	case 3:
		return 0xd5300000 | (x & 0x7ffe0) | rt; /* mrs */
	case 4:
		return 0xd5100000 | (x & 0x7ffe0) | rt; /* msr */
	case 5:
		return 0xd5080000 | (x & 0x7ffe0) | rt; /* sys: tlbi, dc, ic, at */
	case 6:
		return 0xf9400000 | rn << 5 | rt; /* ldr */
	case 7:
		return 0xf9000000 | rn << 5 | rt; /* str */
	case 8:
		return 0x29000000 | (x & 0x40c00000) | rn << 5 | rt; /* stp, ldp */
	case 9:
		return 0x38000400 | (x & 0xc0dff000) | rn << 5 | rt; /* with write-back */
	case 10:
		return 0xd2800000 | (x & 0x60ffe0) | rt; /* movz */
	case 11:
		return 0xf2800000 | (x & 0x60ffe0) | rt; /* movk */
	case 12:
		return 0xd4200000 | (x & 0x1fffe0); /* brk */
	case 13:
		return 0x1e604000 | rn << 5 | rt; /* fmov */
	case 14:
		return 0x14000000 | (x & 0x3f); /* b */
	default:
		return x;
	}
}

void store(uint64_t off, const void *data, size_t len)
{
	int fd[2];

	if (pipe(fd))
		return;
	/* EFAULT, no signal, where another thread has protected it */
	if (write(fd[1], data, len) == (ssize_t)len)
		(void)!read(fd[0], arena + off, len);
	close(fd[0]);
	close(fd[1]);
}

void fill_memory(void)
{
	uint32_t code[64];
	int i;

	for (i = 0; i < 64; i++)
		code[i] = instruction();
	store(below(ARENA) & ~0xfffUL, code, sizeof(code));
}
