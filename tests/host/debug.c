// SPDX-License-Identifier: GPL-2.0
/*
 * debug - KVM_SET_GUEST_DEBUG: breakpoints, watchpoints and single steps, as a debugger's stub in a
 * VMM uses them, and what the guest may notice of it: nothing.
 *
 *   debug [--device DEV]
 *
 * The guest is the code below, in RAM, without translation; the program writes breakpoints into it.
 * Holds for KVM as well. TAP; exit status 0 if all passed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

#define RAM_SIZE    0x200000UL
#define DATA	    (VM_RAM_IPA + 0x100000)
#define BRK_42	    (0xd4200000U | 0x42 << 5)
#define SYSREG(...) ARM64_SYS_REG(__VA_ARGS__)
#define MDSCR	    SYSREG(2, 0, 0, 2, 2)
#define VBAR	    SYSREG(3, 0, 12, 0, 0)
#define CPACR	    SYSREG(3, 0, 1, 0, 2)
#define ESR	    SYSREG(3, 0, 5, 2, 0)
#define ELR	    VM_CORE(elr_el1)

#define PSTATE_SS   (1UL << 21)
#define EL1H_MASKED 0x3c5UL
#define EC_BREAK    0x30
#define EC_STEP	    0x32
#define EC_WATCH    0x34
#define EC_BRK	    0x3c

/* Each line of a program is a step; what is beside the instruction is how it is carried out. */
asm(".section .rodata\n"
    ".balign 4096\n"
    ".globl dbg_code, dbg_vectors, dbg_vector_sync, dbg_steps, dbg_undef, dbg_watch, dbg_done\n"
    "dbg_code:\n"
    "dbg_vectors:\n" /* 0x200: exceptions from EL1 with SP_EL1 */
    "	.fill 128, 4, 0xd503201f\n"
    "dbg_vector_sync:\n"
    "	mrs x20, esr_el1\n"
    "	b dbg_done\n"
    "	.fill 254, 4, 0xd503201f\n"
    "dbg_steps:\n"
    "	nop\n"
    "	mrs x7, id_aa64pfr0_el1\n" /* a trap answered where it arrives */
    "	mrs x8, mdscr_el1\n"	   /* a trap handled in the host's world */
    "	mov x0, #0x8400\n"
    "	lsl x0, x0, #16\n"
    "	hvc #0\n"     /* PSCI_VERSION */
    "	str x7, [x4]\n" /* a device of the VMM */
    "	ldr x9, [x4]\n"
    "	str x7, [x13]\n" /* RAM, touched for the first time */
    "	fmov d0, x7\n"  /* the first use of floating point */
    "	b 1f\n"
    "	nop\n"
    "1:	nop\n"
    "	nop\n"
    "dbg_undef:\n"
    "	udf #0\n"
    "dbg_watch:\n"
    "	mov x10, #77\n"
    "	ldr x11, [x13, #8]\n" /* not watched */
    "	str x10, [x13]\n"
    "	nop\n"
    "dbg_done:\n"
    "	mrs x8, mdscr_el1\n"
    "	str x8, [x4]\n"
    "	b dbg_done\n"
    ".balign 4096\n"
    ".previous\n");
extern const char dbg_code[], dbg_vectors[], dbg_vector_sync[], dbg_steps[], dbg_undef[],
	dbg_watch[], dbg_done[];

#define AT(label) (VM_RAM_IPA + ((uintptr_t)(label) - (uintptr_t)dbg_code))

static struct vm vm;
static char *ram;
static struct kvm_guest_debug dbg;

static int debug(uint32_t control)
{
	dbg.control = control;
	return ioctl(vm.vcpu[0], KVM_SET_GUEST_DEBUG, &dbg) ? -errno : 0;
}

static void start(uint64_t pc)
{
	int fd = vm.vcpu[0];

	vm_set_reg(fd, VM_CORE(regs.pc), pc);
	vm_set_reg(fd, VM_CORE(regs.pstate), EL1H_MASKED);
	vm_set_reg(fd, VM_CORE(regs.regs[13]), DATA);
	vm_set_reg(fd, VM_CORE(regs.regs[4]), VM_DONE_IPA);
	vm_set_reg(fd, VBAR, AT(dbg_vectors));
	vm_set_reg(fd, CPACR, 3 << 20); /* floating point */
	memset(ram + (DATA - VM_RAM_IPA), 0, 16);
}

static uint64_t pc(void)
{
	return vm_get_reg(vm.vcpu[0], VM_CORE(regs.pc));
}

static uint32_t *insn(uint64_t ipa)
{
	return (uint32_t *)(ram + (ipa - VM_RAM_IPA));
}

/* The guest's caches are off: it fetches from memory. */
static void poke(uint64_t ipa, uint32_t val)
{
	uint32_t *p = insn(ipa);

	*p = val;
	asm volatile("dc civac, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(p) : "memory");
}

/* KVM_RUN until a debug exit; accesses to the device on the way are answered and counted. */
static unsigned int mmio_exits;
static uint32_t run_to_debug(void)
{
	struct kvm_run *run = vm.run[0];

	for (;;) {
		if (ioctl(vm.vcpu[0], KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			die("KVM_RUN");
		}
		if (run->exit_reason == KVM_EXIT_DEBUG)
			return run->debug.arch.hsr >> 26;
		if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != VM_DONE_IPA)
			die("exit %u for %llx at %llx", run->exit_reason,
			    (unsigned long long)run->mmio.phys_addr, (unsigned long long)pc());
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0x5a, 8);
		mmio_exits++;
	}
}

/* Without anybody debugging: to the store after dbg_done; what it stored. */
static uint64_t run_to_done(void)
{
	struct kvm_run *run = vm.run[0];
	uint64_t val;

	do {
		if (ioctl(vm.vcpu[0], KVM_RUN, 0) && errno != EINTR)
			die("KVM_RUN");
		if (run->exit_reason == KVM_EXIT_DEBUG)
			die("debug exit %x", run->debug.arch.hsr);
	} while (run->exit_reason != KVM_EXIT_MMIO || pc() < AT(dbg_done));
	memcpy(&val, run->mmio.data, sizeof(val));
	return val;
}

static void test_control(void)
{
	ok(ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) == 1,
	   "guest_debug_is_announced");
	ok(ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_DEBUG_HW_BPS) >= 2 &&
		   ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_DEBUG_HW_WPS) >= 2,
	   "breakpoints_and_watchpoints_are_announced");
	ok(debug(KVM_GUESTDBG_ENABLE | 1 << 5) == -EINVAL, "unknown_control_bits_are_refused");
	ok(debug(0) == 0, "guest_debug_can_be_off");
}

static void test_software_breakpoint(void)
{
	uint64_t at = AT(dbg_steps) + 4;
	uint32_t saved = *insn(at);
	struct kvm_run *run = vm.run[0];

	start(AT(dbg_steps));
	poke(at, BRK_42);
	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
	ok(run_to_debug() == EC_BRK && pc() == at && (run->debug.arch.hsr & 0xffff) == 0x42,
	   "brk_exits_with_pc_on_it");
	ok(run_to_debug() == EC_BRK && pc() == at, "brk_exits_again_if_it_is_still_there");
	poke(at, saved);
	debug(0);
	run_to_done();
	ok(true, "the_guest_goes_on_when_the_instruction_is_back");

	start(AT(dbg_steps));
	poke(at, BRK_42);
	run_to_done();
	ok(vm_get_reg(vm.vcpu[0], VM_CORE(regs.regs[20])) >> 26 == EC_BRK &&
		   vm_get_reg(vm.vcpu[0], ELR) == at,
	   "without_a_debugger_brk_is_the_guests");
	poke(at, saved);
}

static void test_single_step(void)
{
	uint64_t at = AT(dbg_steps), next;
	bool in_order = true, hidden = true;
	unsigned int n = 0;

	start(at);
	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	mmio_exits = 0;
	while (at != AT(dbg_undef)) {
		uint32_t ec = run_to_debug();

		/* the branch jumps over one */
		next = at + ((*insn(at) >> 26) == 5 ? 8 : 4);
		if (ec != EC_STEP || pc() != next) {
			note("step at %llx: class %x, now at %llx", (unsigned long long)at, ec,
			     (unsigned long long)pc());
			in_order = false;
			break;
		}
		if (vm_get_reg(vm.vcpu[0], VM_CORE(regs.pstate)) & PSTATE_SS)
			hidden = false;
		at = next;
		n++;
	}
	ok(in_order && n == 13, "every_instruction_is_one_step");
	ok(mmio_exits == 2, "device_accesses_are_answered_on_the_way");
	ok(hidden, "the_step_bit_is_not_the_guests");
	ok(vm_get_reg(vm.vcpu[0], VM_CORE(regs.regs[9])) == 0x5a5a5a5a5a5a5a5aUL,
	   "a_stepped_device_read_has_its_value");
	ok(vm_get_reg(vm.vcpu[0], VM_CORE(regs.regs[8])) == 0 &&
		   vm_get_reg(vm.vcpu[0], MDSCR) == 0,
	   "the_guest_reads_its_own_mdscr");
	ok(run_to_debug() == EC_STEP && pc() == AT(dbg_vector_sync),
	   "a_step_into_an_exception_stops_at_the_vector");
	debug(0);
	ok(run_to_done() == 0, "the_guest_runs_on_after_stepping");
	ok(vm_get_reg(vm.vcpu[0], VM_CORE(regs.regs[20])) >> 26 == 0,
	   "an_exception_stepped_into_has_its_syndrome");
}

/* The guest's own step bit and MDSCR survive a debugger that steps. */
static void test_guest_state(void)
{
	int fd = vm.vcpu[0];

	start(AT(dbg_steps));
	vm_set_reg(fd, VM_CORE(regs.pstate), EL1H_MASKED | PSTATE_SS);
	vm_set_reg(fd, MDSCR, 1 << 13);
	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	run_to_debug();
	ok(vm_get_reg(fd, VM_CORE(regs.pstate)) & PSTATE_SS, "the_guests_own_step_bit_is_kept");
	run_to_debug();
	run_to_debug();
	ok(vm_get_reg(fd, VM_CORE(regs.regs[8])) == 1 << 13 && vm_get_reg(fd, MDSCR) == 1 << 13,
	   "the_guests_mdscr_is_kept");
	debug(0);
	vm_set_reg(fd, MDSCR, 0);
	start(AT(dbg_watch));
	run_to_done();
}

static void test_hardware(void)
{
	struct kvm_run *run = vm.run[0];
	uint64_t bvr0 = SYSREG(2, 0, 0, 0, 4);

	vm_set_reg(vm.vcpu[0], bvr0, 0x1234560);
	memset(&dbg.arch, 0, sizeof(dbg.arch));
	dbg.arch.dbg_bvr[1] = AT(dbg_watch) + 4;
	dbg.arch.dbg_bcr[1] = 0xf << 5 | 3 << 1 | 1; /* four bytes, EL1 and EL0, on */
	start(AT(dbg_watch));
	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW);
	ok(run_to_debug() == EC_BREAK && pc() == AT(dbg_watch) + 4, "hardware_breakpoint");
	ok(run_to_debug() == EC_BREAK && pc() == AT(dbg_watch) + 4,
	   "hardware_breakpoint_stays_until_it_is_removed");

	memset(&dbg.arch, 0, sizeof(dbg.arch));
	dbg.arch.dbg_wvr[0] = DATA;
	dbg.arch.dbg_wcr[0] = 0xff << 5 | 2 << 3 | 3 << 1 | 1; /* eight bytes, stores */
	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW);
	ok(run_to_debug() == EC_WATCH && pc() == AT(dbg_watch) + 8 && run->debug.arch.far == DATA,
	   "hardware_watchpoint_names_the_address");
	ok(*(uint64_t *)(ram + (DATA - VM_RAM_IPA)) != 77, "the_watched_store_was_not_made");

	debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	ok(run_to_debug() == EC_STEP && pc() == AT(dbg_watch) + 12,
	   "a_step_leaves_the_watchpoint_behind");
	ok(*(uint64_t *)(ram + (DATA - VM_RAM_IPA)) == 77, "then_the_store_is_made");
	debug(0);
	ok(run_to_done() == 0, "the_guest_runs_on_without_them");
	ok(vm_get_reg(vm.vcpu[0], bvr0) == 0x1234560, "the_guests_breakpoint_registers_are_kept");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	vm_open_device(argc, argv);
	vm_create(&vm, 1);
	ram = mem_map(RAM_SIZE, RAM_SIZE);
	memcpy(ram, dbg_code, 4096);
	__builtin___clear_cache(ram, ram + 4096);
	if (vm_slot(&vm, 0, 0, VM_RAM_IPA, RAM_SIZE, ram))
		die("slot of RAM");
	test_control();
	test_software_breakpoint();
	test_single_step();
	test_guest_state();
	test_hardware();
	vm_destroy(&vm);
	return done();
}
