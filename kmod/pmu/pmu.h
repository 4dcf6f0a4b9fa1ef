/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's PMUv3, counted by perf events of the host (Arm ARM D13).
 *
 * Locking: everything in struct zvm_pmu is the vCPU's thread's, or v->mutex's outside KVM_RUN,
 * except `fired`, which the overflow handler sets. What the CPU is given for a stay in ring 1
 * (zvm_pmu_load) changes with IRQs off only.
 */
#ifndef ZVM_PMU_H
#define ZVM_PMU_H

#include <linux/irq_work.h>

#include "../zvm.h"

#define ZVM_PMU_CYCLES	   31 /* index of the cycle counter */
#define ZVM_NR_COUNTERS	   32
#define ZVM_PMU_EVENTS_MAX (1U << 16)

/* PMCR_EL0 */
#define ZVM_PMCR_E	 (1UL << 0)
#define ZVM_PMCR_P	 (1UL << 1)
#define ZVM_PMCR_C	 (1UL << 2)
#define ZVM_PMCR_D	 (1UL << 3)
#define ZVM_PMCR_X	 (1UL << 4)
#define ZVM_PMCR_DP	 (1UL << 5)
#define ZVM_PMCR_LC	 (1UL << 6)
#define ZVM_PMCR_N_SHIFT 11
#define ZVM_PMCR_N(v)	 (((v) >> ZVM_PMCR_N_SHIFT) & 0x1f)

/* PMEVTYPER<n>_EL0, PMCCFILTR_EL0 */
#define ZVM_PMEVT_P	(1UL << 31) /* not at EL1 */
#define ZVM_PMEVT_U	(1UL << 30) /* not at EL0 */
#define ZVM_PMEVT_NSK	(1UL << 29) /* non-secure: differs from P, not at EL1 */
#define ZVM_PMEVT_NSU	(1UL << 28)
#define ZVM_PMEVT_EVENT 0xffffUL
#define ZVM_PMEVT_WRITE (ZVM_PMEVT_P | ZVM_PMEVT_U | ZVM_PMEVT_NSK | ZVM_PMEVT_NSU)

#define ZVM_EVENT_SW_INCR 0x00
#define ZVM_EVENT_CYCLES  0x11
#define ZVM_EVENT_CHAIN	  0x1e

/* PMUSERENR_EL0 */
#define ZVM_USERENR_EN (1UL << 0)
#define ZVM_USERENR_SW (1UL << 1)
#define ZVM_USERENR_CR (1UL << 2)
#define ZVM_USERENR_ER (1UL << 3)

struct perf_event;

struct zvm_pmc {
	struct perf_event *ev; /* NULL: never counted since its type was set */
	u64 val;	       /* of the counter when `ev` had counted `seen` */
	u64 seen;
};

struct zvm_pmu {
	struct zvm_vcpu *v;
	struct zvm_pmc c[ZVM_NR_COUNTERS];
	u32 type[ZVM_NR_COUNTERS]; /* PMEVTYPER, and PMCCFILTR for the cycle counter */
	u32 pmcr, cnten, inten, ovs, sel, userenr;
	u32 on;	    /* counters whose events are enabled */
	u32 failed; /* counters for whose type the host makes no event */
	unsigned long fired; /* overflow handlers that ran since the last look */
	u32 irq;    /* INTID of the overflow interrupt, 0 not set */
	bool ready; /* KVM_ARM_VCPU_PMU_V3_INIT */
	bool level; /* of the interrupt line, as the vGIC knows it */
	bool stale; /* changed outside KVM_RUN: the events have to follow */
	bool live;  /* the PMU of the CPU is touched for each stay in ring 1 */
	pid_t pid;  /* thread whose events they are */
	u64 host_userenr;
	struct irq_work nmi_work; /* the overflow handler ran in an NMI */
};

#ifdef CONFIG_HW_PERF_EVENTS

void zvm_pmu_init(void); /* module load: what this host has */
bool zvm_pmu_supported(void);
u32 zvm_pmu_version(void); /* ID_AA64DFR0_EL1.PMUVer of a guest with PMU */

/* KVM_ARM_VCPU_INIT with the feature: once, and each time. May sleep. */
int zvm_pmu_create(struct zvm_vcpu *v);
void zvm_pmu_reset(struct zvm_vcpu *v);
void zvm_pmu_destroy(struct zvm_vcpu *v);

/* Start of KVM_RUN; ZVM_REQ_PMU. Ring 2, the vCPU's thread. */
int zvm_pmu_run_begin(struct zvm_vcpu *v);
void zvm_pmu_look(struct zvm_vcpu *v);

/*
 * The guest's events count its EL0, and its EL0 reaches the trap if PMUSERENR_EL0 is not 0: for a stay
 * in ring 1 without its IRQ windows. IRQs off.
 */
void zvm_pmu_load(struct zvm_pmu *pmu);
void zvm_pmu_put(struct zvm_pmu *pmu);

static inline bool zvm_pmu_live(struct zvm_vcpu *v)
{
	return unlikely(v->pmu) && v->pmu->live;
}

/* counter.c for regs.c */
u64 zvm_pmu_mask(void); /* counters there are, as PMCNTENSET_EL0 has them */
u64 zvm_pmu_pmcr(struct zvm_pmu *pmu);
u64 zvm_pmu_pmceid(struct zvm_vcpu *v, int n);
u64 zvm_pmc_read(struct zvm_pmu *pmu, u32 i);
void zvm_pmc_write(struct zvm_pmu *pmu, u32 i, u64 val);
void zvm_pmc_set_type(struct zvm_pmu *pmu, u32 i, u64 val);
void zvm_pmc_software_increment(struct zvm_pmu *pmu, u64 mask);
void zvm_pmu_set_pmcr(struct zvm_pmu *pmu, u64 val);
/* Events and interrupt line follow the registers; on the vCPU's thread, inside KVM_RUN. */
void zvm_pmu_update(struct zvm_pmu *pmu);
/* Stop all events, and leave the rest to the next KVM_RUN. */
void zvm_pmu_freeze(struct zvm_pmu *pmu);

/* attr.c: group KVM_ARM_VCPU_PMU_V3_CTRL */
int zvm_pmu_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_pmu_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_pmu_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
u32 zvm_pmu_host_type(void);

#else

static inline void zvm_pmu_init(void) { }
static inline bool zvm_pmu_supported(void) { return false; }
static inline u32 zvm_pmu_version(void) { return 0; }
static inline int zvm_pmu_create(struct zvm_vcpu *v) { return -EINVAL; }
static inline void zvm_pmu_reset(struct zvm_vcpu *v) { }
static inline void zvm_pmu_destroy(struct zvm_vcpu *v) { }
static inline int zvm_pmu_run_begin(struct zvm_vcpu *v) { return 0; }
static inline void zvm_pmu_look(struct zvm_vcpu *v) { }
static inline void zvm_pmu_load(struct zvm_pmu *pmu) { }
static inline void zvm_pmu_put(struct zvm_pmu *pmu) { }
static inline bool zvm_pmu_live(struct zvm_vcpu *v) { return false; }
static inline int zvm_pmu_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	return -ENXIO;
}
static inline int zvm_pmu_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	return -ENXIO;
}
static inline int zvm_pmu_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	return -ENXIO;
}

#endif
#endif
