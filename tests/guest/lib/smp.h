/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUs of the guest. CPU n is the n-th redistributor; CPU 0 boots. Secondary CPUs are started
 * for one function and switch themselves off when it returns.
 */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#include "exc.h"

#define MAX_CPUS   8
#define STACK_SIZE 16384

/* `stack_top` must stay first: start.S loads it. */
struct cpu {
	u64 stack_top;
	u64 mpidr; /* affinity fields only */
	u32 id;
	u64 gicr; /* base of its redistributor's RD frame */
	void (*fn)(void *arg);
	void *arg;
	bool finished;
	irq_fn irq;
	sync_fn sync;
	bool exc_armed;
	u64 exc_resume;
	struct exc_info exc;
};

extern struct cpu cpus[MAX_CPUS];
extern u8 stacks[MAX_CPUS][STACK_SIZE];

static inline struct cpu *this_cpu(void)
{
	return (struct cpu *)read_sysreg(tpidr_el1);
}

static inline u32 cpu_id(void)
{
	return this_cpu()->id;
}

/* Number of CPUs, found by the walk over the redistributors (at most MAX_CPUS). */
u32 cpu_count(void);

/* Called once by the boot path. */
void smp_init(void);

/*
 * Starts CPU `id` in fn(arg), MMU and vectors on, GIC CPU interface set up, interrupts masked.
 * Returns the PSCI result. smp_join waits until it is off again; false after `ms` milliseconds.
 */
s64 smp_start(u32 id, void (*fn)(void *), void *arg);
bool smp_join(u32 id, u32 ms);
/* Runs fn(arg) on all CPUs, this one included, and waits. False if one did not come back. */
bool smp_run_all(u32 n, void (*fn)(void *), void *arg, u32 ms);

/* Sense-reversing is not needed: each barrier object is used once per round. */
struct smp_barrier {
	u32 count;
	u32 round;
};
void smp_barrier_wait(struct smp_barrier *b, u32 n);

/* A test-and-set lock by exclusives or, with lse, by SWPA. */
struct spinlock {
	u32 v;
};
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);

/* Entry point for raw CPU_ON calls; context = &cpus[id], whose fn and arg must be set. */
void secondary_entry(void);
void smp_prepare(u32 id, void (*fn)(void *), void *arg);

#endif
