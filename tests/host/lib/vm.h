/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM for tests, by raw ioctls: no vGIC, no devices, and guests of a few instructions that walk
 * over memory. TAP output. Every function that is not said to return an error ends the program
 * with a message when the kernel refuses.
 */
#ifndef HOST_VM_H
#define HOST_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_run;

#define VM_MAX_VCPUS 8
#define VM_CODE_IPA  0x10000000UL /* one page with the guests below, read-only */
#define VM_DONE_IPA  0x0f000000UL /* a write here ends a guest program: MMIO to the client */
#define VM_RAM_IPA   0x40000000UL

struct vm {
	int fd;
	int vcpu[VM_MAX_VCPUS];
	struct kvm_run *run[VM_MAX_VCPUS];
	unsigned int nr_vcpus;
	void *code;
};

/* What a guest program does with every `step` bytes of [start, end). */
enum vm_program {
	VM_WRITE, /* store `value` + address */
	VM_READ,  /* add up what is there; the sum is the result */
	VM_EXEC,  /* call it (the memory holds "add x5, x5, #1; ret"); the count is the result */
};

extern const char *vm_device; /* "/dev/zvm" unless --device says otherwise */
extern int vm_dev;	      /* it, opened by vm_open_device() */
void vm_open_device(int argc, char **argv);

void vm_create(struct vm *vm, unsigned int vcpus);
void vm_destroy(struct vm *vm);
/* struct kvm_run of every vCPU: vm_create() maps them. */
void vm_map_run(struct vm *vm);
void vm_unmap_run(struct vm *vm);
/* KVM_SET_USER_MEMORY_REGION; 0 or -errno. */
int vm_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t size, void *hva);
/* Prepare a program on a vCPU. */
void vm_load(struct vm *vm, unsigned int vcpu, enum vm_program prog, uint64_t start, uint64_t end,
	     uint64_t step, uint64_t value);
/*
 * Run until the program ends. 0 and *result; -errno of KVM_RUN; 1: the guest touched memory that
 * is not there or not writable (the exit is in vm->run[vcpu]).
 */
int vm_run(struct vm *vm, unsigned int vcpu, uint64_t *result);
/*
 * After a KVM_EXIT_MMIO: only the next KVM_RUN leaves the instruction, so it comes before registers
 * are set. vm_run() has done it.
 */
void vm_complete(struct vm *vm, unsigned int vcpu);
/* vm_load() and it, expecting success. */
uint64_t vm_do(struct vm *vm, unsigned int vcpu, enum vm_program prog, uint64_t start,
	       uint64_t end, uint64_t step, uint64_t value);
/* 64-bit registers of a vCPU by KVM's ids. */
#define VM_CORE(n) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(n))
void vm_set_reg(int vcpu, uint64_t id, uint64_t val);
uint64_t vm_get_reg(int vcpu, uint64_t id);
/* One counter of the VM by KVM_GET_STATS_FD, -1 if there is none of that name. */
int64_t vm_stat(struct vm *vm, const char *name);

/* How many times slower than usual this machine is: $GUEST_SLOW, 1 to 100. */
unsigned int slowness(void);
/* mmap of anonymous memory, aligned to `align` (a power of two). */
void *mem_map(size_t size, size_t align);
/* "Name: N" of a /proc file, -1 if it has none. */
long proc_value(const char *file, const char *name);

void ok(bool good, const char *name);
void skip(const char *name, const char *why);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
int done(void); /* the plan; the exit status */

#endif
