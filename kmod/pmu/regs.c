// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of the guest's PMU: traps (MDCR_EL2.TPM) and KVM_{GET,SET}_ONE_REG, as rows of the table
 * that trap/sysreg.c searches for vCPUs with KVM_ARM_VCPU_PMU_V3 (Arm ARM D13, D23.5).
 *
 * Traps run in ring 2 on the vCPU's thread: making and stopping perf events may sleep. The ONE_REG
 * side stops the events and lets the next KVM_RUN start them again. An access from EL0 that
 * PMUSERENR_EL0 forbids is UNDEFINED, as in KVM, where the architecture has a trap to EL1.
 */
#include "../trap/sysreg.h"
#include "../trap/trap.h"
#include "pmu.h"

enum zvm_pmu_set { ZVM_PMU_CNTEN, ZVM_PMU_INTEN, ZVM_PMU_OVS };

static u32 *zvm_pmu_set_of(struct zvm_pmu *pmu, u32 which)
{
	return which == ZVM_PMU_CNTEN ? &pmu->cnten : which == ZVM_PMU_INTEN ? &pmu->inten : &pmu->ovs;
}

/* `arg` of the set and clear registers: which, and whether a 1 sets. */
#define SET(which) (((which) << 1) | 1)
#define CLR(which) ((which) << 1)

/* May EL0 do it? `bit`: the one that allows it besides EN. */
static bool zvm_pmu_allowed(struct zvm_vcpu *v, u32 bit)
{
	return (v->ctx.pstate & ZVM_PSR_MODE_MASK) != ZVM_PSR_MODE_EL0t ||
	       (v->pmu->userenr & (ZVM_USERENR_EN | bit));
}

static bool zvm_pmc_exists(u32 i)
{
	return zvm_pmu_mask() & BIT(i);
}

/* --- traps ------------------------------------------------------------------------------------- */

static bool trap_pmcr(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!zvm_pmu_allowed(v, 0))
		return false;
	if (write) {
		zvm_pmu_set_pmcr(v->pmu, *val);
		zvm_pmu_update(v->pmu);
	} else {
		*val = zvm_pmu_pmcr(v->pmu);
	}
	return true;
}

static bool trap_set(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	u32 *set = zvm_pmu_set_of(v->pmu, r->arg >> 1);

	if (!zvm_pmu_allowed(v, 0))
		return false;
	zvm_pmu_look(v); /* overflows until now */
	if (!write) {
		*val = *set;
		return true;
	}
	if (r->arg & 1)
		*set |= *val & zvm_pmu_mask();
	else
		*set &= ~*val;
	zvm_pmu_update(v->pmu);
	return true;
}

static bool trap_swinc(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write || !zvm_pmu_allowed(v, ZVM_USERENR_SW))
		return false;
	zvm_pmc_software_increment(v->pmu, *val);
	zvm_pmu_update(v->pmu);
	return true;
}

static bool trap_selr(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!zvm_pmu_allowed(v, ZVM_USERENR_ER))
		return false;
	if (write)
		v->pmu->sel = *val & 0x1f;
	else
		*val = v->pmu->sel;
	return true;
}

static bool trap_pmceid(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (write || !zvm_pmu_allowed(v, 0))
		return false;
	*val = zvm_pmu_pmceid(v, r->arg);
	return true;
}

static bool zvm_pmu_count(struct zvm_vcpu *v, u32 i, bool write, u64 *val)
{
	u32 bit = write ? 0 : i == ZVM_PMU_CYCLES ? ZVM_USERENR_CR : ZVM_USERENR_ER;

	if (!zvm_pmu_allowed(v, bit) || !zvm_pmc_exists(i))
		return false;
	if (write)
		zvm_pmc_write(v->pmu, i, *val);
	else
		*val = zvm_pmc_read(v->pmu, i);
	zvm_pmu_update(v->pmu); /* it may have overflowed */
	return true;
}

static bool zvm_pmu_type(struct zvm_vcpu *v, u32 i, bool write, u64 *val)
{
	if (!zvm_pmu_allowed(v, 0) || !zvm_pmc_exists(i))
		return false;
	if (write) {
		zvm_pmc_set_type(v->pmu, i, *val);
		zvm_pmu_update(v->pmu);
	} else {
		*val = v->pmu->type[i];
	}
	return true;
}

static bool trap_counter(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_pmu_count(v, r->arg, write, val);
}

static bool trap_type(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_pmu_type(v, r->arg, write, val);
}

static bool trap_xcounter(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_pmu_count(v, v->pmu->sel, write, val);
}

static bool trap_xtype(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_pmu_type(v, v->pmu->sel, write, val);
}

static bool trap_userenr(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write) {
		*val = v->pmu->userenr;
		return true;
	}
	if ((v->ctx.pstate & ZVM_PSR_MODE_MASK) == ZVM_PSR_MODE_EL0t)
		return false;
	v->pmu->userenr = *val & 0xf;
	zvm_pmu_update(v->pmu);
	return true;
}

/* PMMIR_EL1: nothing is known of slots. */
static bool trap_pmmir(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	*val = 0;
	return !write;
}

/* --- ONE_REG ----------------------------------------------------------------------------------- */

static int get_pmcr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = zvm_pmu_pmcr(v->pmu);
	return 0;
}

/* What the host has (N, IDCODE) stays; P and C are no state. */
static int set_pmcr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	zvm_pmu_freeze(v->pmu);
	zvm_pmu_set_pmcr(v->pmu, val & ~(ZVM_PMCR_P | ZVM_PMCR_C));
	return 0;
}

static int get_set(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = *zvm_pmu_set_of(v->pmu, r->arg >> 1);
	return 0;
}

/*
 * Both registers of a pair read the whole set. Writing one writes it, too: a VMM that restores them
 * one after the other in any order ends with what it saved.
 */
static int set_set(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	zvm_pmu_freeze(v->pmu);
	*zvm_pmu_set_of(v->pmu, r->arg >> 1) = val & zvm_pmu_mask();
	return 0;
}

static int get_swinc(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = 0;
	return 0;
}

static int set_swinc(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	return 0;
}

static int get_selr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = v->pmu->sel;
	return 0;
}

static int set_selr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	v->pmu->sel = val & 0x1f;
	return 0;
}

static int get_userenr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = v->pmu->userenr;
	return 0;
}

static int set_userenr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	v->pmu->userenr = val & 0xf;
	v->pmu->stale = true;
	return 0;
}

static int get_counter(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = zvm_pmc_read(v->pmu, r->arg);
	return 0;
}

static int set_counter(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	zvm_pmu_freeze(v->pmu);
	zvm_pmc_write(v->pmu, r->arg, val);
	return 0;
}

static int get_type(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = v->pmu->type[r->arg];
	return 0;
}

static int set_type(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	zvm_pmu_freeze(v->pmu);
	zvm_pmc_set_type(v->pmu, r->arg, val);
	return 0;
}

/* --- the table --------------------------------------------------------------------------------- */

#define PMU0(crn, crm, op2) sys_reg(3, 0, crn, crm, op2)
#define PMU3(crn, crm, op2) sys_reg(3, 3, crn, crm, op2)
#define COUNTER(n)                                                                             \
	{ PMU3(14, 8 + (n) / 8, (n) % 8), trap_counter, get_counter, set_counter, n },         \
	{ PMU3(14, 12 + (n) / 8, (n) % 8), trap_type, get_type, set_type, n }
#define COUNTERS(n) COUNTER(n), COUNTER(n + 1), COUNTER(n + 2), COUNTER(n + 3), COUNTER(n + 4)

struct zvm_sysreg zvm_sysregs_pmu[ZVM_NR_PMU_SYSREGS] = {
	{ PMU0(9, 14, 1), trap_set, get_set, set_set, SET(ZVM_PMU_INTEN) }, /* PMINTENSET_EL1 */
	{ PMU0(9, 14, 2), trap_set, get_set, set_set, CLR(ZVM_PMU_INTEN) }, /* PMINTENCLR_EL1 */
	{ PMU0(9, 14, 6), trap_pmmir },
	{ PMU3(9, 12, 0), trap_pmcr, get_pmcr, set_pmcr },
	{ PMU3(9, 12, 1), trap_set, get_set, set_set, SET(ZVM_PMU_CNTEN) }, /* PMCNTENSET_EL0 */
	{ PMU3(9, 12, 2), trap_set, get_set, set_set, CLR(ZVM_PMU_CNTEN) }, /* PMCNTENCLR_EL0 */
	{ PMU3(9, 12, 3), trap_set, get_set, set_set, CLR(ZVM_PMU_OVS) },   /* PMOVSCLR_EL0 */
	{ PMU3(9, 14, 3), trap_set, get_set, set_set, SET(ZVM_PMU_OVS) },   /* PMOVSSET_EL0 */
	{ PMU3(9, 12, 4), trap_swinc, get_swinc, set_swinc },
	{ PMU3(9, 12, 5), trap_selr, get_selr, set_selr },
	{ PMU3(9, 12, 6), trap_pmceid, NULL, NULL, 0 },
	{ PMU3(9, 12, 7), trap_pmceid, NULL, NULL, 1 },
	{ PMU3(9, 13, 0), trap_counter, get_counter, set_counter, ZVM_PMU_CYCLES },
	{ PMU3(9, 13, 1), trap_xtype },
	{ PMU3(9, 13, 2), trap_xcounter },
	{ PMU3(9, 14, 0), trap_userenr, get_userenr, set_userenr },
	COUNTERS(0), COUNTERS(5), COUNTERS(10), COUNTERS(15), COUNTERS(20), COUNTERS(25), COUNTER(30),
	{ PMU3(14, 15, 7), trap_type, get_type, set_type, ZVM_PMU_CYCLES }, /* PMCCFILTR_EL0 */
};
