// SPDX-License-Identifier: GPL-2.0
/*
 * Questions to the headers of the target kernel; compiled by probe.sh, never linked.
 *
 * PROBE(NAME, statements): if the statements compile, zvm_conf.h defines ZVM_HAVE_NAME. Vendor
 * trees carry backports, so nothing here or in the module looks at a version number.
 */
#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/syscore_ops.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/neon.h>

/* The line marker in front of each question is what probe.sh looks for in the compiler's output. */
#define PROBE(name, ...)                       \
	static void zvm_probe_##name(void)     \
	{                                      \
		__VA_ARGS__;                   \
	}

/* A header cannot be tried in passing; its question is whether a macro is there. */
#if __has_include(<linux/perf/arm_pmuv3.h>)
#include <linux/perf/arm_pmuv3.h>
#endif
#if __has_include(<linux/unaligned.h>)
#define LINUX_UNALIGNED_H ((void)0)
#endif

/* clang-format off */
# 1 "zvm_probe_EVENTFD_SIGNAL_NO_COUNT"
PROBE(EVENTFD_SIGNAL_NO_COUNT, eventfd_signal((struct eventfd_ctx *)NULL))
# 1 "zvm_probe_FOLLOW_PFNMAP"
PROBE(FOLLOW_PFNMAP, struct follow_pfnmap_args a = {}; (void)follow_pfnmap_start(&a); follow_pfnmap_end(&a))
# 1 "zvm_probe_FOLLOW_PTE"
PROBE(FOLLOW_PTE, pte_t *p; spinlock_t *l; (void)follow_pte((struct mm_struct *)NULL, 0UL, &p, &l))
# 1 "zvm_probe_FOLLOW_PTE_OF_VMA"
PROBE(FOLLOW_PTE_OF_VMA, pte_t *p; spinlock_t *l; (void)follow_pte((struct vm_area_struct *)NULL, 0UL, &p, &l))
# 1 "zvm_probe_FOLLOW_PFN"
PROBE(FOLLOW_PFN, unsigned long pfn; (void)follow_pfn((struct vm_area_struct *)NULL, 0UL, &pfn))
# 1 "zvm_probe_PAGE_KMEMCG"
PROBE(PAGE_KMEMCG, (void)PageKmemcg((struct page *)NULL))
# 1 "zvm_probe_PFN_IS_MAP_MEMORY"
PROBE(PFN_IS_MAP_MEMORY, (void)pfn_is_map_memory(0UL))
# 1 "zvm_probe_SNAPSHOT_CS_ID"
PROBE(SNAPSHOT_CS_ID, struct system_time_snapshot s = {}; (void)(s.cs_id == CSID_ARM_ARCH_COUNTER))
# 1 "zvm_probe_SNAPSHOT_OF_CLOCK"
PROBE(SNAPSHOT_OF_CLOCK, struct system_time_snapshot s; ktime_get_snapshot_id(CLOCK_REALTIME, &s); (void)(s.valid && s.systime))
# 1 "zvm_probe_NEON_BEGIN_STATE"
PROBE(NEON_BEGIN_STATE, kernel_neon_begin((struct user_fpsimd_state *)NULL))
# 1 "zvm_probe_HRTIMER_SETUP"
PROBE(HRTIMER_SETUP, hrtimer_setup((struct hrtimer *)NULL, (enum hrtimer_restart (*)(struct hrtimer *))NULL, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD))
# 1 "zvm_probe_NOTIFIER_YOUNG_BOOL"
PROBE(NOTIFIER_YOUNG_BOOL, bool (*f)(struct mmu_notifier *, struct mm_struct *, unsigned long, unsigned long) = ((struct mmu_notifier_ops *)NULL)->clear_flush_young; (void)f)
# 1 "zvm_probe_GIC_PRIO_MASKING_CAP"
PROBE(GIC_PRIO_MASKING_CAP, int n = ARM64_HAS_GIC_PRIO_MASKING; (void)n)
# 1 "zvm_probe_GET_USER_PAGE_FAST_ONLY"
PROBE(GET_USER_PAGE_FAST_ONLY, struct page *p; (void)get_user_page_fast_only(0UL, FOLL_WRITE, &p))
# 1 "zvm_probe_SYSTEM_EVENT_DATA"
PROBE(SYSTEM_EVENT_DATA, struct kvm_run *run = NULL; run->system_event.ndata = 1)
# 1 "zvm_probe_RUN_IMMEDIATE_EXIT"
PROBE(RUN_IMMEDIATE_EXIT, struct kvm_run *r = NULL; (void)r->immediate_exit)
# 1 "zvm_probe_PMU_IDX_BY_NUMBER"
PROBE(PMU_IDX_BY_NUMBER, int n = ARMV8_PMU_MAX_GENERAL_COUNTERS; (void)n)
# 1 "zvm_probe_LINUX_UNALIGNED_H"
PROBE(LINUX_UNALIGNED_H, LINUX_UNALIGNED_H)
