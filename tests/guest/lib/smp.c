// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing up and ending secondary CPUs by PSCI, and the simplest synchronisation between them.
 * `finished` is written by the secondary and read by the starter; everything else of struct cpu
 * is written before CPU_ON.
 */
#include "smp.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "timer.h"

struct cpu cpus[MAX_CPUS];
u8 stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static u32 ncpus;

u32 cpu_count(void)
{
	return ncpus;
}

void smp_init(void)
{
	u64 rd = GICR_BASE;
	u64 typer;
	u32 i;

	for (i = 0; i < MAX_CPUS; i++) {
		typer = mmio_read64(rd + GICR_TYPER);
		cpus[i].id = i;
		cpus[i].gicr = rd;
		cpus[i].stack_top = (u64)stacks[i] + STACK_SIZE;
		cpus[i].mpidr = (typer >> 56) << 32 | (typer >> 32 & 0xffffff);
		ncpus = i + 1;
		if (typer & GICR_TYPER_LAST)
			break;
		rd += GICR_STRIDE;
	}
}

void smp_prepare(u32 id, void (*fn)(void *), void *arg)
{
	struct cpu *c = &cpus[id];

	c->fn = fn;
	c->arg = arg;
	c->irq = NULL;
	c->sync = NULL;
	c->exc_armed = false;
	WRITE_ONCE(c->finished, false);
	dsb(ish);
}

s64 smp_start(u32 id, void (*fn)(void *), void *arg)
{
	smp_prepare(id, fn, arg);
	return psci_cpu_on(cpus[id].mpidr, (u64)secondary_entry, (u64)&cpus[id]);
}

void secondary_main(struct cpu *c);
void secondary_main(struct cpu *c)
{
	gic_cpu_init();
	c->fn(c->arg);
	irq_disable();
	gic_cpu_quiesce();
	dsb(ish);
	WRITE_ONCE(c->finished, true);
	dsb(ish);
	psci_cpu_off();
}

bool smp_join(u32 id, u32 ms)
{
	u64 end = timer_now() + timer_ms(ms);

	while (!READ_ONCE(cpus[id].finished) ||
	       psci_affinity_info(cpus[id].mpidr, 0) != PSCI_AFFINITY_OFF) {
		if (timer_now() > end)
			return false;
		cpu_relax();
	}
	dmb(ish);
	return true;
}

bool smp_run_all(u32 n, void (*fn)(void *), void *arg, u32 ms)
{
	bool fine = true;
	u32 i;

	for (i = 1; i < n; i++)
		fine &= smp_start(i, fn, arg) == PSCI_SUCCESS;
	if (!fine)
		return false;
	fn(arg);
	for (i = 1; i < n; i++)
		fine &= smp_join(i, ms);
	return fine;
}

void smp_barrier_wait(struct smp_barrier *b, u32 n)
{
	u32 round = __atomic_load_n(&b->round, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&b->count, 1, __ATOMIC_ACQ_REL) == n) {
		__atomic_store_n(&b->count, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&b->round, round + 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n(&b->round, __ATOMIC_ACQUIRE) == round)
		cpu_relax();
}

void spin_lock(struct spinlock *l)
{
	while (__atomic_exchange_n(&l->v, 1, __ATOMIC_ACQUIRE))
		while (READ_ONCE(l->v))
			cpu_relax();
}

void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->v, 0, __ATOMIC_RELEASE);
}
