// SPDX-License-Identifier: GPL-2.0
/*
 * timers - the timers of VMs without a vGIC, whose interrupts go nowhere and must not harm anybody:
 * one time for all vCPUs, no interrupt storm, no view of another guest's CPU interface. It stays on
 * CPU 0 and ends with the host's timer interrupt of that CPU as a VM left it; timers.sh then runs a
 * guest there. TAP; exit status 0 if all passed.
 */
#include <linux/kvm.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define CODE	RAM
#define VECTORS (RAM + PAGE)
#define UNDEF	0x77
#define VBAR	ARM64_SYS_REG(3, 0, 12, 0, 0)

#define BLOB_SIZE 32
#define BLOB(name, code) \
	asm(".section .rodata\n.balign 32\n.globl " name "\n" name ": " code "\n.balign 32\n.previous\n")
BLOB("guest_count", "isb; mrs x5, cntvct_el0; ret");
BLOB("guest_spin", "mov x6, #0x1000000; 1: subs x6, x6, #1; b.ne 1b; ret");
BLOB("guest_pmr", "mrs x5, S3_0_C4_C6_0; ret"); /* ICC_PMR_EL1 */
BLOB("guest_handler", "mov x5, #0x77; str x5, [x4]; b .");
extern const char guest_count[], guest_spin[], guest_pmr[], guest_handler[];

static char *mem;

static uint64_t call(struct vm *vm, unsigned int vcpu, const char *code)
{
	memcpy(mem, code, BLOB_SIZE);
	__builtin___clear_cache(mem, mem + PAGE);
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

static void one_time_for_all(void)
{
	uint64_t far = 1ULL << 50, seen;
	struct vm vm;

	make(&vm);
	call(&vm, 1, guest_count); /* it stays in the CPU */
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CNT, far);
	seen = call(&vm, 1, guest_count);
	note("%#llx, seen as %#llx", (unsigned long long)far, (unsigned long long)seen);
	ok(seen >= far && seen - far < 600 * hz(), "the time that one vCPU is given is that of all");
	vm_destroy(&vm);
}

/* vCPU 1 is in the CPU, outside of the guest, when its timer fires; by then its time was set back. */
static void no_storm(void)
{
	uint64_t now;
	struct vm vm;

	make(&vm);
	now = vm_get_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CNT);
	vm_set_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CVAL, now + hz() / 20);
	vm_set_reg(vm.vcpu[1], KVM_REG_ARM_TIMER_CTL, 1);
	call(&vm, 1, guest_count);
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CNT, 0);
	usleep(300000);
	ok(true, "time set back under an armed timer keeps no CPU busy");
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
	struct vm vm;

	make(&vm);
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CVAL, 0);
	vm_set_reg(vm.vcpu[0], KVM_REG_ARM_TIMER_CTL, 1);
	call(&vm, 0, guest_spin);
	ok(true, "a timer fires in a guest without a vGIC");
	vm_destroy(&vm);
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
