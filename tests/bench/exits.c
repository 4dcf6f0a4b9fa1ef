// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs, counted by the guest that makes it. Run under `-icount shift=0`, where one
 * instruction of the emulated machine takes 1 ns of virtual time: a difference of CNTVCT is then
 * an instruction count, the hypervisor's and the host kernel's included, loop overhead too.
 *
 * Prints "bench<TAB>metric<TAB>value" with the median in instructions, of batches of rounds (then
 * their numbers follow) or, for latencies (timer, WFI, irqfd, IPI to one that waits), of single ones. The markers around a
 * batch are for the plugin that counts more than instructions (plugin/count.c). Two CPUs for the
 * IPIs to another CPU and for the switch between two vCPUs on one; the rest on CPU 0. tests/bench/run puts two modules side by side, and the
 * bare machine, which has no test device: what is about a hypervisor is then left out.
 */
#include "bench.h"
#include "exc.h"
#include "gic.h"
#include "its.h"
#include "mmu.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define BATCHES	  21
#define ROUNDS	  50 /* of a batch: a tick of the counter is 16 instructions */
#define WARM_UP	  100
#define SGI_SELF  1
#define SGI_OTHER 2
#define SPI_IRQFD 40
#define FAULT_2M  0x48000000UL /* beyond the image, not touched before */
#define FAULT_4K  0x4c000000UL

static volatile u32 taken, acknowledged, other_ready, other_stop;
static volatile u64 taken_at;

static u64 ticks_to_insns(u64 ticks, u64 rounds)
{
	u64 per_tick = 1000000000UL / read_sysreg(cntfrq_el0);

	return (ticks * per_tick + rounds / 2) / rounds;
}

static void report(const char *metric, u64 insns)
{
	printf("bench\t%s\t%lu\n", metric, insns);
}

#define MEASURE(metric, op)                                                             \
	do {                                                                            \
		u64 took_[BATCHES], from_;                                              \
		u32 b_, n_;                                                             \
		for (n_ = 0; n_ < WARM_UP; n_++)                                        \
			op;                                                             \
		for (b_ = 0; b_ < BATCHES; b_++) {                                      \
			mark_begin();                                                   \
			from_ = timer_now();                                            \
			for (n_ = 0; n_ < ROUNDS; n_++)                                 \
				op;                                                     \
			took_[b_] = timer_now() - from_;                                \
			mark_end();                                                     \
		}                                                                       \
		printf("bench\t%s\t%lu\t%u\t%u\n", metric,                             \
		       ticks_to_insns(median(took_, BATCHES), ROUNDS), BATCHES, ROUNDS); \
	} while (0)

static void on_self(u32 intid)
{
	taken++;
}

static void on_timer(u32 intid)
{
	taken_at = timer_now();
	write_sysreg(0, cntv_ctl_el0);
	taken++;
}

static void on_irqfd(u32 intid)
{
	isb();
	taken_at = read_sysreg(cntpct_el0);
	taken++;
}

static void on_other(u32 intid)
{
	acknowledged++;
}

/* The counting emulator runs its CPUs by turns and goes on to the next one here. */
static void relax(void)
{
	asm volatile("yield" : : : "memory");
}

static void self_ipi(void)
{
	u32 before = taken;

	gic_sgi_cpu(SGI_SELF, 0);
	while (taken == before)
		;
}

/* Runs on CPU 1: busy, interrupts open, until told to stop. */
static void other_cpu(void *arg)
{
	gic_enable(SGI_OTHER);
	irq_enable();
	other_ready = 1;
	while (!other_stop)
		relax();
	irq_disable();
}

/* The same, but it sleeps. */
static void other_cpu_idle(void *arg)
{
	gic_enable(SGI_OTHER);
	other_ready = 1;
	while (!other_stop) {
		wfi();
		irq_enable();
		isb();
		irq_disable();
	}
}

/* Runs on CPU 1: gives the host's CPU 0 away whenever it has it. */
static void other_cpu_shares(void *arg)
{
	testdev_write(TD_SHARE, 0);
	other_ready = 1;
	while (!other_stop)
		testdev_write(TD_YIELD, 0);
}

/*
 * A thread of the VMM on another CPU signals an irqfd while this vCPU runs: from the last moment
 * before its system call to the handler. Both counters count from the same zero: the guest's
 * physical one and the virtual one of the host's user space.
 */
static u64 irqfd_latency(void)
{
	u64 took[WARM_UP];
	u32 i, before;

	testdev_write(TD_DELAY_US, 100);
	for (i = 0; i < WARM_UP; i++) {
		before = taken;
		testdev_write(TD_IRQFD_LATER, SPI_IRQFD);
		while (taken == before)
			relax();
		took[i] = taken_at - mmio_read64(TESTDEV_BASE + TD_IRQFD_AT);
	}
	return ticks_to_insns(median(took, WARM_UP), 1);
}

static void ipi_running(void)
{
	u32 before = acknowledged;

	gic_sgi_cpu(SGI_OTHER, 1);
	while (acknowledged == before)
		relax();
}

/* To a CPU that has been in WFI for a while: until the sender sees the acknowledgement. */
static u64 ipi_idle_latency(void)
{
	u64 took[WARM_UP], from;
	u32 i;

	for (i = 0; i < WARM_UP; i++) {
		from = timer_now();
		while (timer_now() - from < timer_ms(1) / 10)
			relax();
		from = timer_now();
		ipi_running();
		took[i] = timer_now() - from;
	}
	return ticks_to_insns(median(took, WARM_UP), 1);
}

/* Both vCPUs on one CPU of the host: there and back are two exits to the VMM and two switches. */
static void measure_switch(void)
{
	testdev_write(TD_SHARE, 0);
	if (smp_start(1, other_cpu_shares, NULL))
		return;
	while (!other_ready)
		testdev_write(TD_YIELD, 0);
	MEASURE("vcpu_switch", testdev_write(TD_YIELD, 0));
	other_stop = 1;
	testdev_write(TD_SHARE, ~0U);
	smp_join(1, 1000);
}

/* From the programmed expiry to the first instruction that reads the time in the handler. */
static u64 timer_latency(bool wfi)
{
	u64 took[WARM_UP], at;
	u32 i, before;

	for (i = 0; i < WARM_UP; i++) {
		before = taken;
		at = timer_now() + timer_ms(1);
		write_sysreg(at, cntv_cval_el0);
		write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
		isb();
		/* Masked from the check to the WFI: what comes between them ends it. */
		while (wfi && taken == before) {
			irq_disable();
			if (taken == before)
				asm volatile("wfi" : : : "memory");
			irq_enable();
			isb();
		}
		while (taken == before)
			;
		took[i] = taken_at - at;
	}
	return ticks_to_insns(median(took, WARM_UP), 1);
}

static void on_lpi(struct exc_frame *f)
{
	gic_eoi(gic_ack());
	taken++;
}

/* INT into a queue that is ready, the doorbell write, and the handler; CREADR is not polled. */
static void lpi_int(void)
{
	u32 before = taken;

	its_put(0x03 | 1UL << 32, 0, 0, 0);
	dsb(ish);
	mmio_write64(GITS_CWRITER, its.cwriter);
	while (taken == before)
		;
}

static void its_set_up(void)
{
	its_take_memory(ram_free(), cpu_count());
	its_enable_lpis(0, true);
	its_enable();
	its_set_config(LPI0, 0xa1);
	its_mapc(0, 0, true);
	its_mapd(1, its_new_itt(5), 5, true);
	its_mapti(1, 0, LPI0, 0);
}

static u64 fault_cost(u64 base, u64 step, u32 n)
{
	u64 from = timer_now();
	u32 i;

	for (i = 0; i < n; i++)
		mmio_write32(base + i * step, i);
	return ticks_to_insns(timer_now() - from, n);
}

int main(void)
{
	bool bare = !testdev_present();

	irq_set_handler(SGI_SELF, on_self);
	irq_set_handler(SGI_OTHER, on_other);
	irq_set_handler(SPI_IRQFD, on_irqfd);
	irq_set_handler(INTID_VTIMER, on_timer);
	gic_enable(SGI_SELF);
	gic_set_edge(SPI_IRQFD, true);
	gic_route(SPI_IRQFD, 0);
	gic_enable(SPI_IRQFD);
	gic_enable(INTID_VTIMER);
	irq_disable();

	if (!bare) {
		MEASURE("null_hypercall", hvc(0x8400ff00, 0, 0, 0));
		MEASURE("psci_version", hvc(0x84000000, 0, 0, 0));
	}
	MEASURE("id_register_read", (void)read_sysreg(id_aa64isar0_el1));
	MEASURE("gicd_read", (void)mmio_read32(GICD_BASE + GICD_TYPER));
	MEASURE("gicr_write", mmio_write32(GICR_BASE + GICR_SGI + GICD_ISENABLER, 1));
	if (!bare) {
		MEASURE("mmio_user_read", (void)mmio_read32(TESTDEV_BASE + TD_MAGIC));
		MEASURE("mmio_user_write", mmio_write32(TESTDEV_BASE + TD_SCRATCH, 1));
		MEASURE("ioeventfd_kick", mmio_write32(TESTDEV_BASE + TD_BELL, 1));
	}
	/* to a CPU 15 that is not there */
	MEASURE("sgi_to_nobody", write_icc(15UL << 24 | 1UL << 15, ICC_SGI1R));

	irq_enable();
	MEASURE("self_ipi", self_ipi());
	if (!bare)
		report("irqfd_to_handler", irqfd_latency());
	if (bare || testdev_read(TD_ITS)) {
		irq_fn old = exc_set_irq(on_lpi);

		its_set_up();
		MEASURE("lpi_int", lpi_int());
		exc_set_irq(old);
	}
	report("timer_expiry_to_handler", timer_latency(false));
	report("wfi_wake_by_timer", timer_latency(true));

	if (cpu_count() > 1 && !smp_start(1, other_cpu, NULL)) {
		while (!other_ready)
			relax();
		MEASURE("ipi_to_running_cpu", ipi_running());
		other_stop = 1;
		smp_join(1, 1000);
		other_ready = other_stop = 0;
	}
	if (cpu_count() > 1 && !smp_start(1, other_cpu_idle, NULL)) {
		while (!other_ready)
			relax();
		report("ipi_to_idle_cpu", ipi_idle_latency());
		other_stop = 1;
		gic_sgi_cpu(SGI_OTHER, 1);
		smp_join(1, 1000);
		other_ready = other_stop = 0;
	}
	if (!bare && cpu_count() > 1)
		measure_switch();

	if (!bare) {
		report("stage2_fault_2m", fault_cost(FAULT_2M, 0x200000, 16));
		testdev_write(TD_NO_HUGE, (FAULT_4K - ram_base) >> 20);
		report("stage2_fault_4k", fault_cost(FAULT_4K, 0x1000, 2048));
	}
	check(true, "all metrics were measured");
	return 0;
}
