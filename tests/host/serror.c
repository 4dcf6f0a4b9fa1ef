// SPDX-License-Identifier: GPL-2.0
/*
 * serror - virtual SErrors by KVM_SET_VCPU_EVENTS: taken, deferred by ESB, their syndrome; external
 * aborts for accesses that the client refuses; power states by KVM_SET_MP_STATE; signal masks by
 * KVM_SET_SIGNAL_MASK.
 *
 *   serror [--device DEV]
 *
 * The guest is the code below, in RAM, without translation. TAP; exit status
 * 0 if all passed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "vm.h"

#define RAM_SIZE    0x200000UL
#define VBAR	    ARM64_SYS_REG(3, 0, 12, 0, 0)
#define DISR	    ARM64_SYS_REG(3, 0, 12, 1, 1)
#define EL1H_MASKED 0x3c5UL
#define SERROR	    (0x2fUL << 26 | 1UL << 25) /* ESR_EL1 of one, without its syndrome */
#define IDS	    (1UL << 24)
#define DISR_A	    (1UL << 31)
#define SYNDROME    0x1234UL
#define ABORT	    (0x25UL << 26 | 1UL << 25 | 0x10) /* ESR_EL1 of a synchronous external abort */

/* Each program writes its result to the client's device. */
asm(".section .rodata\n"
    ".balign 4096\n"
    ".globl se_code, se_unmask, se_esb, se_disr, se_load, se_store\n"
    "se_code:\n" /* 0x200: synchronous, from EL1 with SP_EL1 */
    "	.fill 128, 4, 0xd503201f\n"
    "	mrs x20, esr_el1\n"
    "	str x20, [x4]\n"
    "	mrs x20, far_el1\n"
    "	str x20, [x4]\n"
    "	mrs x20, elr_el1\n"
    "	str x20, [x4]\n"
    "	.fill 90, 4, 0xd503201f\n" /* 0x380: SError */
    "	mrs x20, esr_el1\n"
    "	str x20, [x4]\n"
    "	.fill 510, 4, 0xd503201f\n"
    "se_unmask:\n"
    "	msr daifclr, #4\n"
    "	isb\n"
    "	str xzr, [x4]\n"
    "se_esb:\n"
    "	hint #16\n"
    "se_disr:\n"
    "	mrs x20, s3_0_c12_c1_1\n"
    "	str x20, [x4]\n"
    "se_load:\n"
    "	ldr x20, [x4]\n"
    "se_store:\n"
    "	str x4, [x4]\n"
    ".balign 4096\n"
    ".previous\n");
extern const char se_code[], se_unmask[], se_esb[], se_disr[], se_load[], se_store[];

#define AT(label) (VM_RAM_IPA + ((uintptr_t)(label) - (uintptr_t)se_code))

static struct vm vm;

static uint64_t pc(void)
{
	return vm_get_reg(vm.vcpu[0], VM_CORE(regs.pc));
}

static void start(uint64_t at)
{
	int fd = vm.vcpu[0];

	vm_set_reg(fd, VM_CORE(regs.pc), at);
	vm_set_reg(fd, VM_CORE(regs.pstate), EL1H_MASKED);
	vm_set_reg(fd, VM_CORE(regs.regs[4]), VM_DONE_IPA);
	vm_set_reg(fd, VBAR, VM_RAM_IPA);
}

/* Until the guest accesses the device; a store's value. */
static uint64_t run_to_access(bool write)
{
	struct kvm_run *run = vm.run[0];
	uint64_t val;

	while (ioctl(vm.vcpu[0], KVM_RUN, 0))
		if (errno != EINTR)
			die("KVM_RUN");
	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != VM_DONE_IPA ||
	    run->mmio.is_write != write)
		die("exit %u", run->exit_reason);
	memcpy(&val, run->mmio.data, sizeof(val));
	return val;
}

static uint64_t result(uint64_t at)
{
	uint64_t val;

	start(at);
	val = run_to_access(true);
	vm_complete(&vm, 0);
	return val;
}

static int pend(bool has_esr, uint64_t esr)
{
	struct kvm_vcpu_events ev = {
		.exception = { .serror_pending = 1, .serror_has_esr = has_esr, .serror_esr = esr },
	};

	return ioctl(vm.vcpu[0], KVM_SET_VCPU_EVENTS, &ev) ? -errno : 0;
}

static struct kvm_vcpu_events events(void)
{
	struct kvm_vcpu_events ev;

	if (ioctl(vm.vcpu[0], KVM_GET_VCPU_EVENTS, &ev))
		die("KVM_GET_VCPU_EVENTS");
	return ev;
}

static void test_serror(bool ras)
{
	ok(!events().exception.serror_pending, "no_serror_is_pending");
	if (pend(false, 0))
		die("KVM_SET_VCPU_EVENTS");
	ok(events().exception.serror_pending, "one_is_pending");
	ok((result(AT(se_unmask)) & ~0x1ffffffUL) == SERROR, "the_guest_takes_it");
	ok(!events().exception.serror_pending && result(AT(se_unmask)) == 0, "once");
	if (!ras) {
		ok(pend(true, SYNDROME) == -EINVAL, "no_syndrome_without_ras");
		return;
	}
	pend(false, 0);
	ok(result(AT(se_unmask)) == (SERROR | IDS), "it_has_no_syndrome_if_none_was_given");
	ok(pend(true, 1UL << 25) == -EINVAL, "a_syndrome_is_25_bits");
	ok(!pend(true, SYNDROME) && events().exception.serror_has_esr &&
		   events().exception.serror_esr == SYNDROME,
	   "a_pending_one_shows_its_syndrome");
	ok(result(AT(se_unmask)) == (SERROR | SYNDROME), "the_guest_takes_it_with_its_syndrome");

	pend(true, SYNDROME);
	ok(result(AT(se_esb)) == (DISR_A | SYNDROME), "an_error_barrier_defers_it");
	ok(!events().exception.serror_pending && result(AT(se_unmask)) == 0,
	   "then_it_is_not_taken");
	ok(vm_get_reg(vm.vcpu[0], DISR) == (DISR_A | SYNDROME),
	   "the_client_reads_what_was_deferred");
	vm_set_reg(vm.vcpu[0], DISR, DISR_A | 7);
	ok(result(AT(se_disr)) == (DISR_A | 7), "and_writes_it");
	vm_set_reg(vm.vcpu[0], DISR, 0);
}

/* The guest hears of an access that the client has no device for. */
static void test_abort(uint64_t at, bool write, const char *name)
{
	struct kvm_vcpu_events ev = { .exception = { .ext_dabt_pending = 1 } };
	bool good;

	start(at);
	run_to_access(write);
	good = pc() == at && !ioctl(vm.vcpu[0], KVM_SET_VCPU_EVENTS, &ev);
	/* In-tree KVM sets the upper half, which is RES0 or ISS2. */
	good &= (uint32_t)run_to_access(true) == ABORT;
	good &= run_to_access(true) == VM_DONE_IPA; /* FAR_EL1 */
	good &= run_to_access(true) == at;	    /* ELR_EL1 */
	vm_complete(&vm, 0);
	ok(good, name);
}

static void test_aborts(void)
{
	start(AT(se_store));
	run_to_access(true);
	ok(pc() == AT(se_store), "the_guest_is_on_its_store_while_the_client_has_it");
	vm_complete(&vm, 0);
	ok(pc() == AT(se_store) + 4, "and_past_it_when_it_is_complete");
	if (ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_ARM_INJECT_EXT_DABT) > 0) {
		test_abort(AT(se_load), false, "a_refused_load_is_an_external_abort");
		test_abort(AT(se_store), true, "a_refused_store_is_one");
	} else {
		skip("a_refused_load_is_an_external_abort", "this kernel's KVM cannot");
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

static int set_state(uint32_t state)
{
	struct kvm_mp_state mp = { .mp_state = state };

	return ioctl(vm.vcpu[0], KVM_SET_MP_STATE, &mp) ? -errno : 0;
}

static uint32_t state(void)
{
	struct kvm_mp_state mp;

	if (ioctl(vm.vcpu[0], KVM_GET_MP_STATE, &mp))
		die("KVM_GET_MP_STATE");
	return mp.mp_state;
}

/* Not a round of the guest, however often a signal comes. */
static bool stays_out(void)
{
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	int n = 0;

	vm_set_reg(vm.vcpu[0], VM_CORE(regs.pc), AT(se_disr));
	setitimer(ITIMER_REAL, &soon, NULL);
	while (n < 3 && ioctl(vm.vcpu[0], KVM_RUN, 0) && errno == EINTR)
		n++;
	setitimer(ITIMER_REAL, &never, NULL);
	return n == 3 && pc() == AT(se_disr);
}

static void test_power(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	ok(state() == KVM_MP_STATE_RUNNABLE, "the_vcpu_is_runnable");
	ok(set_state(KVM_MP_STATE_HALTED) == -EINVAL, "halted_is_no_state_of_arm");
	if (ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SYSTEM_SUSPEND) > 0) {
		ok(!set_state(KVM_MP_STATE_SUSPENDED) && state() == KVM_MP_STATE_SUSPENDED,
		   "the_vcpu_is_suspended");
		ok(stays_out() && state() == KVM_MP_STATE_SUSPENDED,
		   "signals_end_the_wait_and_not_the_suspension");
	} else {
		skip("the_vcpu_is_suspended", "this kernel's KVM does not know it");
	}
	ok(!set_state(KVM_MP_STATE_STOPPED) && state() == KVM_MP_STATE_STOPPED, "the_vcpu_is_off");
	ok(stays_out(), "it_does_not_run");
	ok(!set_state(KVM_MP_STATE_RUNNABLE) && state() == KVM_MP_STATE_RUNNABLE &&
		   result(AT(se_disr)) == 0,
	   "runnable_it_runs");
}

static long preemptions(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return use.ru_nivcsw;
}

static void *spin(void *stop)
{
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

/*
 * KVM_RUN with a signal mask, on a CPU that another thread wants too: a preemption leaves work to
 * be done on the way to user space (rseq), and the client sees nothing but -EINTR.
 */
static void test_mask(void)
{
	uint32_t none[3] = { 8 }; /* struct kvm_signal_mask: 8 bytes, no signal */
	long before = preemptions();
	bool stop = false, good = true;
	pthread_t other;
	uint64_t sum;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu) || /* both threads */
	    pthread_create(&other, NULL, spin, &stop) ||
	    ioctl(vm.vcpu[0], KVM_SET_SIGNAL_MASK, none))
		die("KVM_SET_SIGNAL_MASK");
	while (good && preemptions() - before < 20) {
		vm_load(&vm, 0, VM_READ, VM_RAM_IPA, VM_RAM_IPA + RAM_SIZE, 8, 0);
		good = !vm_run(&vm, 0, &sum);
	}
	stop = true;
	pthread_join(other, NULL);
	ok(good, "preempted_under_a_signal_mask_it_runs_on");
	ok(!ioctl(vm.vcpu[0], KVM_SET_SIGNAL_MASK, NULL), "and_without_the_mask_again");
}

int main(int argc, char **argv)
{
	char *ram;

	setvbuf(stdout, NULL, _IOLBF, 0);
	vm_open_device(argc, argv);
	vm_create(&vm, 1);
	ram = mem_map(RAM_SIZE, RAM_SIZE);
	memcpy(ram, se_code, 4096);
	__builtin___clear_cache(ram, ram + 4096);
	if (vm_slot(&vm, 0, 0, VM_RAM_IPA, RAM_SIZE, ram))
		die("slot of RAM");
	test_serror(ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_ARM_INJECT_SERROR_ESR) > 0);
	test_aborts();
	test_power();
	test_mask();
	vm_destroy(&vm);
	return done();
}
