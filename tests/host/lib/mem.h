/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of guest memory share: sizes, whether and how memory is pinned, a guest on a thread
 * of its own.
 */
#ifndef HOST_MEM_H
#define HOST_MEM_H

#include "vm.h"

#define MB   (1UL << 20)
#define PAGE 4096UL
#define RAM  VM_RAM_IPA

extern bool zvm;    /* counters and pinning can be looked at */
extern bool pinned; /* new VMs pin their memory */
/* Opens the device and finds out the two above. */
void mem_init(int argc, char **argv);

/* Write a /proc or /sys file. */
bool write_text(const char *file, const char *text);
/* Pages that the kernel holds pinned for anybody. */
long pinned_now(void);
/* Wait until there are no more of them than that: files close after a process was reaped. */
bool pins_return_to(long before);
/* Does [mem, mem + size) hold what VM_WRITE put there from `ipa` on? */
bool holds(const char *mem, size_t size, size_t step, uint64_t ipa, uint64_t value);

/* VM_WRITE on a vCPU, as a thread: pthread_create(..., race, struct racer *). */
struct racer {
	struct vm *vm;
	unsigned int vcpu;
	uint64_t start, end, step, value;
	uint64_t result;
	int ret; /* of vm_run() */
};
void *race(void *arg);

#endif
