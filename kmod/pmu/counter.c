// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a guest's PMU: one perf event of the host for each that counts.
 *
 * An event belongs to the vCPU's thread and counts the guest alone (exclude_host). perf keeps the
 * count; the counter's value is what it was at some count plus what came since. perf's period is
 * the way to the next overflow, so that its handler makes the vCPU look; whether there was an
 * overflow is told from the values, so a handler that comes too often or late does no harm. Events
 * stay until their type changes: making one may wait for RCU.
 *
 * The host's driver excludes EL0 from events that exclude the host, because EL0 is the host's user
 * space as well. It is let in for each stay in ring 1 (zvm_pmu_load), in the counter that
 * hw.idx names.
 *
 * Threads: see pmu.h. The overflow handler runs in hard IRQ or NMI, in the window after the exit.
 * Not trusted: every register value is the guest's; counters beyond those there are do not exist.
 */
#include <linux/cpu.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>

#include "../compat/compat.h"
#include "pmu.h"

#define ZVM_PMUVER_SHIFT 8
#define ZVM_PMUVER_V3P4	 5 /* the last that has 32-bit counters */
#define ZVM_PMUVER_IMP	 0xf

static struct {
	u32 version, type; /* PMUVer of guests, 0 no PMU; perf's number of the CPUs' PMU */
	u32 nr;		   /* event counters on every CPU */
	u64 id;		   /* PMCR_EL0.IMP and IDCODE */
	u64 pmceid[2];	   /* events of every CPU */
	raw_spinlock_t lock;
} zvm_pmu_host;

/* --- the host ---------------------------------------------------------------------------------- */

static void zvm_pmu_probe_cpu(void *unused)
{
	u64 pmcr = read_sysreg(pmcr_el0);

	raw_spin_lock(&zvm_pmu_host.lock);
	zvm_pmu_host.nr = min_t(u32, zvm_pmu_host.nr, ZVM_PMCR_N(pmcr));
	zvm_pmu_host.id = pmcr & GENMASK(31, 16);
	zvm_pmu_host.pmceid[0] &= read_sysreg(pmceid0_el0);
	zvm_pmu_host.pmceid[1] &= read_sysreg(pmceid1_el0);
	raw_spin_unlock(&zvm_pmu_host.lock);
}

/* perf's number of the PMU of `cpu`: the one that takes a raw event there; 0 none. */
static u32 zvm_pmu_type_of(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_RAW,
		.size = sizeof(attr),
		.config = ZVM_EVENT_CYCLES,
		.disabled = 1,
	};
	struct perf_event *ev = perf_event_create_kernel_counter(&attr, cpu, NULL, NULL, NULL);
	u32 type;

	if (IS_ERR(ev))
		return 0;
	type = ev->pmu->type;
	perf_event_release_kernel(ev);
	return type;
}

/* CPUs with PMUs of different kinds: a guest would count on some of them only. */
void zvm_pmu_init(void)
{
	u32 ver = (read_sanitised_ftr_reg(SYS_ID_AA64DFR0_EL1) >> ZVM_PMUVER_SHIFT) & 0xf;
	u32 type = 0, cpu_type;
	int cpu;

	if (!ver || ver == ZVM_PMUVER_IMP)
		return;
	raw_spin_lock_init(&zvm_pmu_host.lock);
	zvm_pmu_host.nr = 31;
	zvm_pmu_host.pmceid[0] = zvm_pmu_host.pmceid[1] = ~0UL;
	for_each_online_cpu(cpu) {
		cpu_type = zvm_pmu_type_of(cpu);
		if (!cpu_type || (type && cpu_type != type))
			return;
		type = cpu_type;
	}
	on_each_cpu(zvm_pmu_probe_cpu, NULL, 1);
	zvm_pmu_host.type = type;
	zvm_pmu_host.version = min_t(u32, ver, ZVM_PMUVER_V3P4);
}

bool zvm_pmu_supported(void)
{
	return zvm_pmu_host.version;
}

u32 zvm_pmu_version(void)
{
	return zvm_pmu_host.version;
}

u32 zvm_pmu_host_type(void)
{
	return zvm_pmu_host.type;
}

u64 zvm_pmu_mask(void)
{
	return BIT(ZVM_PMU_CYCLES) | (BIT(zvm_pmu_host.nr) - 1);
}

u64 zvm_pmu_pmcr(struct zvm_pmu *pmu)
{
	return zvm_pmu_host.id | ((u64)zvm_pmu_host.nr << ZVM_PMCR_N_SHIFT) | pmu->pmcr;
}

static bool zvm_pmu_event_allowed(struct zvm_vm *vm, u32 event)
{
	return !vm->pmu_filter || test_bit(event, vm->pmu_filter);
}

/*
 * Events 0..31 and, in the upper half, 0x4000..0x401f; PMCEID1: 32.. and 0x4020... CHAIN is ours and
 * always there; STALL_SLOT goes with PMMIR_EL1, which reads as zero.
 */
u64 zvm_pmu_pmceid(struct zvm_vcpu *v, int n)
{
	u64 val = zvm_pmu_host.pmceid[n];
	u32 i;

	if (n)
		val &= ~GENMASK(31, 29);
	else
		val |= BIT(ZVM_EVENT_CHAIN) | BIT(ZVM_EVENT_SW_INCR);
	for (i = 0; i < 64; i++)
		if (!zvm_pmu_event_allowed(v->vm, n * 32 + (i & 31) + (i >= 32 ? 0x4000 : 0)))
			val &= ~BIT(i);
	return val;
}

/* --- counting ---------------------------------------------------------------------------------- */

static u32 zvm_pmc_event(struct zvm_pmu *pmu, u32 i)
{
	return i == ZVM_PMU_CYCLES ? ZVM_EVENT_CYCLES : pmu->type[i] & ZVM_PMEVT_EVENT;
}

static bool zvm_pmc_excludes(struct zvm_pmu *pmu, u32 i, u32 secure, u32 non_secure)
{
	return !!(pmu->type[i] & secure) != !!(pmu->type[i] & non_secure);
}

static bool zvm_pmc_wide(struct zvm_pmu *pmu, u32 i)
{
	return i == ZVM_PMU_CYCLES && (pmu->pmcr & ZVM_PMCR_LC);
}

/* Add `n` to counter i: overflows, and what is chained to it. */
static void zvm_pmc_add(struct zvm_pmu *pmu, u32 i, u64 n)
{
	struct zvm_pmc *c = &pmu->c[i];
	u64 old = c->val, wraps;

	c->val = old + n;
	if (zvm_pmc_wide(pmu, i)) {
		wraps = c->val < old;
	} else {
		wraps = (c->val >> 32) - (old >> 32);
		if (i != ZVM_PMU_CYCLES)
			c->val &= GENMASK(31, 0);
	}
	if (!wraps)
		return;
	pmu->ovs |= BIT(i);
	if (!(i & 1) && (pmu->pmcr & ZVM_PMCR_E) && (pmu->cnten & BIT(i + 1)) &&
	    zvm_pmc_event(pmu, i + 1) == ZVM_EVENT_CHAIN &&
	    zvm_pmu_event_allowed(pmu->v->vm, ZVM_EVENT_CHAIN))
		zvm_pmc_add(pmu, i + 1, wraps);
}

/* What the event counted since the last look. */
static void zvm_pmc_fold(struct zvm_pmu *pmu, u32 i)
{
	struct zvm_pmc *c = &pmu->c[i];
	u64 enabled, running, now;

	if (!c->ev)
		return;
	now = perf_event_read_value(c->ev, &enabled, &running);
	if (now == c->seen)
		return;
	zvm_pmc_add(pmu, i, now - c->seen);
	c->seen = now;
}

/* Events to the next overflow; perf takes 63 bits, and a look too early does no harm. */
static u64 zvm_pmc_distance(struct zvm_pmu *pmu, u32 i)
{
	u64 val = pmu->c[i].val;
	u64 left = zvm_pmc_wide(pmu, i) ? -val : (1ULL << 32) - lower_32_bits(val);

	return left && left < (1ULL << 62) ? left : 1ULL << 62;
}

static void zvm_pmc_rearm(struct zvm_pmu *pmu, u32 i)
{
	if (pmu->on & BIT(i))
		perf_event_period(pmu->c[i].ev, zvm_pmc_distance(pmu, i));
}

static void zvm_pmu_nmi_work(struct irq_work *work)
{
	zvm_vcpu_request(container_of(work, struct zvm_pmu, nmi_work)->v, ZVM_REQ_PMU);
}

static void zvm_pmu_overflow(struct perf_event *ev, struct perf_sample_data *data,
			     struct pt_regs *regs)
{
	struct zvm_pmu *pmu = ev->overflow_handler_context;
	u32 i;

	for (i = 0; i < ZVM_NR_COUNTERS; i++)
		if (READ_ONCE(pmu->c[i].ev) == ev)
			set_bit(i, &pmu->fired);
	if (in_nmi())
		irq_work_queue(&pmu->nmi_work);
	else
		zvm_vcpu_request(pmu->v, ZVM_REQ_PMU);
}

static void zvm_pmc_start(struct zvm_pmu *pmu, u32 i)
{
	struct zvm_pmc *c = &pmu->c[i];
	struct perf_event_attr attr = {
		.type = zvm_pmu_host.type,
		.size = sizeof(attr),
		.pinned = 1,
		.exclude_hv = 1,
		.exclude_host = 1,
		.exclude_user = zvm_pmc_excludes(pmu, i, ZVM_PMEVT_U, ZVM_PMEVT_NSU),
		.exclude_kernel = zvm_pmc_excludes(pmu, i, ZVM_PMEVT_P, ZVM_PMEVT_NSK),
		.config = zvm_pmc_event(pmu, i),
		.sample_period = zvm_pmc_distance(pmu, i),
	};
	struct perf_event *ev;

	if (c->ev) {
		pmu->on |= BIT(i);
		zvm_pmc_rearm(pmu, i);
		perf_event_enable(c->ev);
		return;
	}
	ev = perf_event_create_kernel_counter(&attr, -1, current, zvm_pmu_overflow, pmu);
	if (IS_ERR(ev)) {
		pmu->failed |= BIT(i);
		return;
	}
	c->seen = 0;
	WRITE_ONCE(c->ev, ev);
	pmu->on |= BIT(i);
}

static void zvm_pmc_stop(struct zvm_pmu *pmu, u32 i)
{
	if (!(pmu->on & BIT(i)))
		return;
	perf_event_disable(pmu->c[i].ev);
	pmu->on &= ~BIT(i);
	zvm_pmc_fold(pmu, i);
}

static void zvm_pmc_release(struct zvm_pmu *pmu, u32 i)
{
	struct perf_event *ev = pmu->c[i].ev;

	zvm_pmc_stop(pmu, i);
	if (!ev)
		return;
	WRITE_ONCE(pmu->c[i].ev, NULL);
	perf_event_release_kernel(ev);
}

/* --- what the guest does ----------------------------------------------------------------------- */

static void zvm_pmu_line(struct zvm_pmu *pmu)
{
	bool level = (pmu->pmcr & ZVM_PMCR_E) && (pmu->ovs & pmu->inten);

	if (level == pmu->level || !pmu->ready)
		return;
	pmu->level = level;
	zvm_vgic_inject(pmu->v->vm, pmu->v, pmu->irq, level);
}

/* Counters that need an event of the host's now. */
static u32 zvm_pmu_wanted(struct zvm_pmu *pmu)
{
	unsigned long want = pmu->pmcr & ZVM_PMCR_E ? pmu->cnten & ~pmu->failed : 0;
	u32 i, event;

	for_each_set_bit(i, &want, ZVM_NR_COUNTERS) {
		event = zvm_pmc_event(pmu, i);
		if ((i != ZVM_PMU_CYCLES &&
		     (event == ZVM_EVENT_SW_INCR || event == ZVM_EVENT_CHAIN)) ||
		    !zvm_pmu_event_allowed(pmu->v->vm, event))
			want &= ~BIT(i);
	}
	return want;
}

void zvm_pmu_update(struct zvm_pmu *pmu)
{
	u32 want = zvm_pmu_wanted(pmu), i;
	unsigned long changed = want ^ pmu->on;

	for_each_set_bit(i, &changed, ZVM_NR_COUNTERS) {
		if (want & BIT(i))
			zvm_pmc_start(pmu, i);
		else
			zvm_pmc_stop(pmu, i);
	}
	if (pmu->on)
		pmu->pid = task_pid_nr(current);
	pmu->live = pmu->on || pmu->userenr;
	zvm_pmu_line(pmu);
}

void zvm_pmu_freeze(struct zvm_pmu *pmu)
{
	u32 i;

	for (i = 0; i < ZVM_NR_COUNTERS; i++)
		zvm_pmc_release(pmu, i);
	pmu->failed = 0;
	pmu->live = false;
	pmu->stale = true;
}

u64 zvm_pmc_read(struct zvm_pmu *pmu, u32 i)
{
	zvm_pmc_fold(pmu, i);
	return pmu->c[i].val;
}

void zvm_pmc_write(struct zvm_pmu *pmu, u32 i, u64 val)
{
	zvm_pmc_fold(pmu, i);
	pmu->c[i].val = i == ZVM_PMU_CYCLES ? val : lower_32_bits(val);
	zvm_pmc_rearm(pmu, i);
}

void zvm_pmc_set_type(struct zvm_pmu *pmu, u32 i, u64 val)
{
	val &= ZVM_PMEVT_WRITE | (i == ZVM_PMU_CYCLES ? 0 : ZVM_PMEVT_EVENT);
	if (pmu->type[i] == val)
		return;
	zvm_pmc_release(pmu, i);
	pmu->type[i] = val;
	pmu->failed &= ~BIT(i);
}

void zvm_pmc_software_increment(struct zvm_pmu *pmu, u64 mask)
{
	unsigned long bits = mask & pmu->cnten & (zvm_pmu_mask() & ~BIT(ZVM_PMU_CYCLES));
	u32 i;

	if (!(pmu->pmcr & ZVM_PMCR_E))
		return;
	for_each_set_bit(i, &bits, ZVM_NR_COUNTERS)
		if (zvm_pmc_event(pmu, i) == ZVM_EVENT_SW_INCR)
			zvm_pmc_add(pmu, i, 1);
}

void zvm_pmu_set_pmcr(struct zvm_pmu *pmu, u64 val)
{
	u32 i;

	if (val & ZVM_PMCR_C)
		zvm_pmc_write(pmu, ZVM_PMU_CYCLES, 0);
	if (val & ZVM_PMCR_P)
		for (i = 0; i < zvm_pmu_host.nr; i++)
			zvm_pmc_write(pmu, i, 0);
	zvm_pmc_fold(pmu, ZVM_PMU_CYCLES); /* LC says where it overflows */
	val &= ZVM_PMCR_E | ZVM_PMCR_D | ZVM_PMCR_X | ZVM_PMCR_DP | ZVM_PMCR_LC;
	if (!zvm_host.has_el0_32)
		val |= ZVM_PMCR_LC; /* RES1 without AArch32 */
	if ((pmu->pmcr ^ val) & ZVM_PMCR_LC) {
		pmu->pmcr = val;
		zvm_pmc_rearm(pmu, ZVM_PMU_CYCLES);
	}
	pmu->pmcr = val;
}

void zvm_pmu_look(struct zvm_vcpu *v)
{
	struct zvm_pmu *pmu = v->pmu;
	unsigned long fired, on;
	u32 i;

	if (!pmu)
		return;
	fired = xchg(&pmu->fired, 0);
	on = pmu->on;
	for_each_set_bit(i, &on, ZVM_NR_COUNTERS) {
		zvm_pmc_fold(pmu, i);
		if (fired & BIT(i))
			zvm_pmc_rearm(pmu, i);
	}
	zvm_pmu_line(pmu);
}

/* --- the edges of KVM_RUN and of ring 1 -------------------------------------------------------- */

int zvm_pmu_run_begin(struct zvm_vcpu *v)
{
	struct zvm_pmu *pmu = v->pmu;

	if (!pmu->ready)
		return -EINVAL;
	if (pmu->on && pmu->pid != task_pid_nr(current))
		zvm_pmu_freeze(pmu); /* another thread runs it now */
	if (pmu->stale) {
		pmu->stale = false;
		zvm_pmu_update(pmu);
	}
	return 0;
}

#define ZVM_PMEVTYPER(n) sys_reg(3, 3, 14, 12 + ((n) >> 3), (n)&7)

/* Written by number: the encoding is part of the instruction. */
static void zvm_pmu_write_typer(int n, u64 val)
{
	switch (n) {
#define W(n)                                                \
	case n:                                             \
		write_sysreg_s(val, ZVM_PMEVTYPER(n));      \
		break;
#define W8(n) W(n) W(n + 1) W(n + 2) W(n + 3) W(n + 4) W(n + 5) W(n + 6) W(n + 7)
		W8(0) W8(8) W8(16) W8(24) /* 31 is PMCCFILTR_EL0 */
#undef W8
#undef W
	}
}

static void zvm_pmu_el0(struct zvm_pmu *pmu, bool in)
{
	unsigned long on = pmu->on;
	struct perf_event *ev;
	u32 i;
	int n;

	for_each_set_bit(i, &on, ZVM_NR_COUNTERS) {
		ev = pmu->c[i].ev;
		n = zvm_compat_pmu_counter(ev->hw.idx);
		if (n < 0 || ev->attr.exclude_user)
			continue; /* not in a counter now, or right as it is */
		zvm_pmu_write_typer(n, in ? ev->hw.config_base & ~ZVM_PMEVT_U :
					    ev->hw.config_base);
	}
}

/*
 * EN alone: it lets EL0's accesses reach the trap to EL2, where the guest's own bits are looked at.
 * The other bits would do so as well, but QEMU takes them for a permission that ends the matter.
 */
void zvm_pmu_load(struct zvm_pmu *pmu)
{
	zvm_pmu_el0(pmu, true);
	pmu->host_userenr = read_sysreg(pmuserenr_el0);
	write_sysreg(pmu->userenr ? ZVM_USERENR_EN : 0, pmuserenr_el0);
}

void zvm_pmu_put(struct zvm_pmu *pmu)
{
	write_sysreg(pmu->host_userenr, pmuserenr_el0);
	zvm_pmu_el0(pmu, false);
}

/* --- life -------------------------------------------------------------------------------------- */

int zvm_pmu_create(struct zvm_vcpu *v)
{
	struct zvm_pmu *pmu;

	if (v->pmu)
		return 0;
	pmu = kzalloc(sizeof(*pmu), GFP_KERNEL_ACCOUNT);
	if (!pmu)
		return -ENOMEM;
	pmu->v = v;
	init_irq_work(&pmu->nmi_work, zvm_pmu_nmi_work);
	smp_store_release(&v->pmu, pmu); /* others look at its interrupt */
	return 0;
}

void zvm_pmu_reset(struct zvm_vcpu *v)
{
	struct zvm_pmu *pmu = v->pmu;
	u32 i;

	if (!pmu)
		return;
	zvm_pmu_freeze(pmu);
	for (i = 0; i < ZVM_NR_COUNTERS; i++) {
		pmu->c[i].val = 0;
		pmu->type[i] = 0;
	}
	pmu->pmcr = zvm_host.has_el0_32 ? 0 : ZVM_PMCR_LC;
	pmu->cnten = pmu->inten = pmu->ovs = pmu->sel = pmu->userenr = 0;
	zvm_pmu_line(pmu);
}

void zvm_pmu_destroy(struct zvm_vcpu *v)
{
	struct zvm_pmu *pmu = v->pmu;

	if (!pmu)
		return;
	zvm_pmu_freeze(pmu);
	irq_work_sync(&pmu->nmi_work);
	kfree(pmu);
}
