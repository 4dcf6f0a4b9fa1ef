// SPDX-License-Identifier: GPL-2.0
/*
 * status - interrupt status words (ZVM_CAP_STATUS_WORD), seen from a client.
 *
 * A guest of a few instructions reads and acknowledges; what the module answers does not come back
 * as an exit. TAP; exit status 0 if all passed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <linux/zvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define PAGE	 4096UL
#define PROG_IPA 0x10010000UL /* beside the programs of vm.c */
#define WORD_IPA 0x0a000000UL /* a page of its own */
#define REGS	 (WORD_IPA + 0x60)
#define ROUNDS	 2000

/* Each program at a multiple of 64 bytes. x0 the registers, x1 how many bits, x3 value, x4
 * VM_DONE_IPA, x5 result */
asm(".section .rodata\n"
    ".balign 4096\n"
    "status_read:\n"
    "	ldr w5, [x0]\n"
    "	str x5, [x4]\n"
    "	b .\n"
    ".balign 64\n"
    "	str w3, [x0]\n"
    "	str x5, [x4]\n"
    "	b .\n"
    ".balign 64\n"
    "	ldp w5, w6, [x0]\n"
    "	str x5, [x4]\n"
    "	b .\n"
    ".balign 64\n"
    "0:	ldr w6, [x0]\n"
    "	cbz w6, 0b\n"
    "	str w6, [x0, #4]\n"
    "	and w7, w6, #1\n"
    "	add x5, x5, x7\n"
    "	add x5, x5, x6, lsr #1\n"
    "	cmp x5, x1\n"
    "	b.lo 0b\n"
    "	str x5, [x4]\n"
    "	b .\n"
    ".balign 4096\n"
    ".previous\n");
extern const char status_read[]; /* all of them, a page */
enum program { READ, WRITE, PAIR, SERVE };

static struct vm vm;
static void *prog;
static _Atomic uint32_t *word;

static int add(uint64_t addr, const volatile void *at)
{
	struct kvm_enable_cap cap = {
		.cap = ZVM_CAP_STATUS_WORD,
		.args = { addr, (uintptr_t)at },
	};

	return ioctl(vm.fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

/* As vm_run(). */
static int run(enum program p, uint64_t at, uint64_t value, uint64_t *result)
{
	vm_load(&vm, 0, VM_READ, at, value, 0, value);
	vm_set_reg(vm.vcpu[0], VM_CORE(regs.pc), PROG_IPA + p * 64UL);
	return vm_run(&vm, 0, result);
}

/* The value that the guest reads; ~0: the client was asked. */
static uint64_t reads(uint64_t at)
{
	uint64_t val;

	return run(READ, at, 0, &val) ? ~0UL : val;
}

static void create(void)
{
	vm_create(&vm, 1);
	prog = mem_map(PAGE, PAGE);
	memcpy(prog, status_read, PAGE);
	if (vm_slot(&vm, 101, KVM_MEM_READONLY, PROG_IPA, PAGE, prog))
		die("slot of the programs");
}

static void destroy(void)
{
	vm_destroy(&vm);
	munmap(prog, PAGE);
}

static void refusals(void)
{
	struct kvm_enable_cap more = { .cap = ZVM_CAP_STATUS_WORD, .args = { REGS, 0, 1 } };
	void *readonly = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, max = ioctl(vm.fd, KVM_CHECK_EXTENSION, ZVM_CAP_STATUS_WORD);

	ok(max > 0, "the capability says how many there may be");
	ok(add(REGS + 4, word) == -EINVAL, "an address that is no multiple of 8: -EINVAL");
	ok(add(1UL << 60, word) == -EINVAL, "an address outside the guest's space: -EINVAL");
	ok(add(REGS, (char *)word + 2) == -EINVAL, "a word that is not aligned: -EINVAL");
	more.args[1] = (uintptr_t)word;
	ok(ioctl(vm.fd, KVM_ENABLE_CAP, &more) == -1 && errno == EINVAL,
	   "an argument that means nothing: -EINVAL");
	ok(add(REGS, (void *)16) == -EFAULT, "a word in no memory: -EFAULT");
	ok(add(REGS, readonly) == -EFAULT, "a word in memory that is read-only: -EFAULT");
	ok(add(REGS, word) == 0, "a word");
	ok(add(REGS, word + 1) == -EEXIST, "another one at the same address: -EEXIST");
	for (i = 1; i < max && !add(REGS + 0x200 * i, word + i); i++)
		;
	ok(i == max, "as many as there may be");
	ok(add(REGS - 8, word) == -ENOSPC, "one more: -ENOSPC");
	munmap(readonly, PAGE);
}

static void registers(void)
{
	uint64_t *mem = mem_map(PAGE, PAGE), result;
	int i;

	for (i = 0; i < 2; i++) { /* the first access finds out that there is no memory */
		atomic_store(word, 0x80000005);
		atomic_store(word + 1, 0x11);
		ok(reads(REGS) == 0x80000005, "the guest reads the word");
		ok(reads(REGS + 0x200) == 0x11, "and the next one");
		ok(run(WRITE, REGS + 4, 4, &result) == 0 && atomic_load(word) == 0x80000001 &&
			   atomic_load(word + 1) == 0x11,
		   "what it writes behind it is cleared");
		ok(run(WRITE, REGS + 4, 0x80000008, &result) == 0 && atomic_load(word) == 1,
		   "and nothing else");
	}
	ok(reads(REGS + 4) == ~0UL, "a read of the acknowledge register is the client's");
	ok(run(WRITE, REGS, 1, &result) == 1 && atomic_load(word) == 1,
	   "and so is a write of the status register,");
	vm_load(&vm, 0, VM_READ, REGS, REGS + 8, 8, 0);
	ok(vm_run(&vm, 0, &result) == 1, "an access to both,");
	ok(reads(REGS + 8) == ~0UL && reads(REGS - 4) == ~0UL, "and what is beside them");
	ok(run(PAIR, REGS, 0, &result) == 1, "of a pair the second half is");

	memset(mem, 0x5a, PAGE);
	ok(!vm_slot(&vm, 5, 0, WORD_IPA, PAGE, mem), "memory over the registers");
	ok(reads(REGS) == 0x5a5a5a5a, "the guest reads the memory");
	ok(run(WRITE, REGS + 4, 1, &result) == 0 && atomic_load(word) == 1, "and writes it");
	ok(!vm_slot(&vm, 5, 0, WORD_IPA, 0, mem), "that memory taken away");
	ok(reads(REGS) == 1, "the word is there again");
	ok(add(REGS - 8, word) == -EBUSY, "a word after the guest has run: -EBUSY");
	munmap(mem, PAGE);
}

static void *device(void *arg)
{
	uint32_t bit = (uint32_t)(uintptr_t)arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		atomic_fetch_or(word, bit);
		while (atomic_load(word) & bit)
			usleep(10);
	}
	return NULL;
}

/* Each bit that is set comes to the guest once, whatever happens to the other meanwhile. */
static void at_the_same_time(void)
{
	pthread_t t[2];
	uint64_t result = 0;
	int i;

	atomic_store(word, 0);
	for (i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, device, (void *)(uintptr_t)(i + 1)))
			die("pthread_create");
	ok(run(SERVE, REGS, 2 * ROUNDS, &result) == 0 && result == 2 * ROUNDS,
	   "two devices set bits and the guest acknowledges: none is lost");
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

static void lifetime(void)
{
	long before;
	void *page;

	destroy();
	before = proc_value("/proc/self/status", "VmLck");
	create();
	page = mem_map(PAGE, PAGE);
	*(uint32_t *)page = 77;
	ok(add(REGS, page) == 0 && proc_value("/proc/self/status", "VmLck") > before,
	   "the page is charged");
	munmap(page, PAGE);
	ok(reads(REGS) == 77, "the client unmaps it: the guest's reads go on");
	destroy();
	ok(proc_value("/proc/self/status", "VmLck") == before, "and is given back with the VM");
}

int main(int argc, char **argv)
{
	vm_open_device(argc, argv);
	word = mem_map(PAGE, PAGE);
	create();
	refusals();
	registers();
	at_the_same_time();
	lifetime();
	return done();
}
