// SPDX-License-Identifier: GPL-2.0
/*
 * timers - the timers of VMs without a vGIC, whose interrupts go nowhere and must not harm anybody:
 * one time for all vCPUs, no interrupt storm, no view of another guest's CPU interface. It stays on
 * CPU 0 and ends with the host's timer interrupt of that CPU as a VM left it; timers.sh then runs a
 * guest there. TAP; exit status 0 if all passed.
 */
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define CODE	RAM
#define VECTORS (RAM + PAGE)
#define UNDEF	0x77
#define FAR	(1ULL << 50)
#define VBAR	ARM64_SYS_REG(3, 0, 12, 0, 0)

#define BLOB_SIZE 32
#define BLOB(name, code) \
	asm(".section .rodata\n.balign 32\n.globl " name "\n" name ": " code "\n.balign 32\n.previous\n")
BLOB("guest_clock", "1: isb; mrs x5, cntvct_el0; str x5, [x4]; b 1b");
BLOB("guest_spin", "mov x6, #0x1000000; 1: subs x6, x6, #1; b.ne 1b; ret");
BLOB("guest_pmr", "mrs x5, S3_0_C4_C6_0; ret"); /* ICC_PMR_EL1 */
BLOB("guest_handler", "mov x5, #0x77; str x5, [x4]; b .");
extern const char guest_clock[], guest_spin[], guest_pmr[], guest_handler[];

static char *mem;

static void put(const char *code)
{
	memcpy(mem, code, BLOB_SIZE);
	__builtin___clear_cache(mem, mem + PAGE);
}

static uint64_t call(struct vm *vm, unsigned int vcpu, const char *code)
{
	put(code);
	return vm_do(vm, vcpu, VM_EXEC, CODE, CODE + 1, PAGE, 0);
}

static uint64_t hz(void)
{
	uint64_t val;

	asm("mrs %0, cntfrq_el0" : "=r"(val));
	return val;
}

static void make(struct vm *vm)
{
	vm_create(vm, 2);
	if (vm_slot(vm, 0, 0, RAM, 2 * PAGE, mem))
		die("slot");
}

/* The next time on the clock of a vCPU. Nothing but KVM_RUN, so that it stays in the CPU. */
static uint64_t look(struct vm *vm, unsigned int vcpu)
{
	uint64_t val = 0;

	if (vm_run(vm, vcpu, &val))
		die("the clock stops");
	return val;
}

/* Timer interrupts that CPU 0 has taken for guests. */
static unsigned long interrupts(void)
{
	unsigned long n = 0;
	char line[256];
	FILE *f = fopen("/proc/interrupts", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "zvm-vtimer"))
			n = strtoul(strchr(line, ':') + 1, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static void one_time_for_all(void)
{
	struct vm vm;
	uint64_t seen;

	make(&vm);
	put(guest_clock);
	vm_load(&vm, 1, VM_EXEC, CODE, CODE + 1, PAGE, 0);
	look(&vm, 1); /* it stays in the CPU */
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CNT, FAR);
	seen = look(&vm, 1);
	note("%#llx, seen as %#llx", (unsigned long long)FAR, (unsigned long long)seen);
	ok(seen >= FAR && seen - FAR < 600 * hz(), "the time that one vCPU is given is that of all");
	vm_destroy(&vm);
}

/* vCPU 1 is in the CPU, outside of the guest, when its timer fires; by then its time was set back. */
static void no_storm(void)
{
	unsigned long before;
	struct vm vm;

	make(&vm);
	put(guest_clock);
	vm_set_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CNT, FAR);
	vm_set_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CVAL, FAR + hz());
	vm_set_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CTL, 1);
	vm_load(&vm, 1, VM_EXEC, CODE, CODE + 1, PAGE, 0);
	look(&vm, 1);
	before = interrupts();
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CNT, 0);
	usleep(1500000);
	note("%lu timer interrupts", interrupts() - before);
	ok(interrupts() - before < 10, "time set back under an armed timer is no storm");
	vm_destroy(&vm);
}

static void no_interface(void)
{
	struct vm vm;
	uint64_t seen;

	make(&vm);
	memcpy(mem + PAGE + 0x200, guest_handler, BLOB_SIZE); /* from the current EL with SPx */
	vm_set_reg(vm.vcpu[0], VBAR, VECTORS);
	seen = call(&vm, 0, guest_pmr);
	note("%#llx", (unsigned long long)seen);
	ok(seen == UNDEF, "without a vGIC ICC_PMR_EL1 is UNDEFINED");
	vm_destroy(&vm);
}

static void fires_for_nobody(void)
{
	unsigned long before = interrupts();
	struct vm vm;

	make(&vm);
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CVAL, 0);
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CTL, 1);
	call(&vm, 0, guest_spin);
	vm_destroy(&vm);
	ok(interrupts() > before, "a timer fires in a guest without a vGIC");
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("CPU 0");
	vm_open_device(argc, argv);
	mem = mem_map(2 * PAGE, PAGE);
	one_time_for_all();
	no_storm();
	no_interface();
	fires_for_nobody();
	return done();
}
