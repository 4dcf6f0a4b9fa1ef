/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows how kernels differ. zvm_conf.h holds the answers of compat/probe.c;
 * everything else in the module calls these wrappers.
 */
#ifndef ZVM_COMPAT_H
#define ZVM_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/neon.h>

#include "zvm_conf.h"

#ifdef ZVM_HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Add one to the eventfd's counter and wake its readers. Not from hard IRQ on PREEMPT_RT. */
static inline void zvm_compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef ZVM_HAVE_EVENTFD_SIGNAL_NO_COUNT
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* A timer on CLOCK_MONOTONIC with absolute expiry that runs `fn` in hard IRQ, PREEMPT_RT too. */
static inline void zvm_compat_hrtimer_setup(struct hrtimer *timer,
					    enum hrtimer_restart (*fn)(struct hrtimer *))
{
#ifdef ZVM_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	timer->function = fn;
#endif
}

/*
 * Put the calling task's user FP state into memory and leave the registers to nobody: the task's
 * TIF_FOREIGN_FPSTATE is set, so the kernel reloads it on the way to user space. IRQs on.
 */
static inline void zvm_compat_neon_flush(void)
{
	preempt_disable();
#ifdef ZVM_HAVE_NEON_BEGIN_STATE
	/* No buffer: with preemption off nobody can switch this task out inside the section. */
	kernel_neon_begin(NULL);
	kernel_neon_end(NULL);
#else
	kernel_neon_begin();
	kernel_neon_end();
#endif
	preempt_enable();
}

/* The host masks interrupts with ICC_PMR_EL1 (pseudo-NMI in use). */
static inline bool zvm_compat_prio_masking(void)
{
#ifdef ZVM_HAVE_GIC_PRIO_MASKING_CAP
	return cpus_have_cap(ARM64_HAS_GIC_PRIO_MASKING);
#else
	return cpus_have_cap(ARM64_HAS_IRQ_PRIO_MASKING);
#endif
}

/* Is the page frame memory that Linux maps cacheable (as opposed to a device's registers)? */
static inline bool zvm_compat_pfn_is_memory(unsigned long pfn)
{
#ifdef ZVM_HAVE_PFN_IS_MAP_MEMORY
	return pfn_is_map_memory(pfn);
#else
	return pfn_valid(pfn); /* answers the same question where the other does not exist */
#endif
}

/*
 * The page frame behind `addr` of a VM_IO or VM_PFNMAP vma, mmap lock held for reading. 0 or
 * -errno; -EINVAL: nothing mapped there yet (or this kernel offers no way to ask).
 */
static inline int zvm_compat_follow_pfn(struct vm_area_struct *vma, unsigned long addr,
					unsigned long *pfn, bool *writable)
{
#if defined(ZVM_HAVE_FOLLOW_PFNMAP)
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int ret = follow_pfnmap_start(&args);

	if (ret)
		return ret;
	*pfn = args.pfn;
	*writable = args.writable;
	follow_pfnmap_end(&args);
	return 0;
#elif defined(ZVM_HAVE_FOLLOW_PTE) || defined(ZVM_HAVE_FOLLOW_PTE_OF_VMA)
	spinlock_t *ptl;
	pte_t *ptep;
#ifdef ZVM_HAVE_FOLLOW_PTE
	int ret = follow_pte(vma->vm_mm, addr, &ptep, &ptl);
#else
	int ret = follow_pte(vma, addr, &ptep, &ptl);
#endif

	if (ret)
		return ret;
	*pfn = pte_pfn(*ptep);
	*writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, ptl);
	return 0;
#elif defined(ZVM_HAVE_FOLLOW_PFN)
	/* The entry's own permissions stay unknown: a private page may be the device's, to be copied. */
	*writable = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED) &&
		    !(vma->vm_ops && vma->vm_ops->pfn_mkwrite);
	return follow_pfn(vma, addr, pfn);
#else
	return -EINVAL;
#endif
}

/*
 * For pages of the kernel's that user space maps. Where a page says by its type that it is charged
 * to a memory cgroup (5.10), the type takes the place of the count of its mappings.
 */
#ifdef ZVM_HAVE_PAGE_KMEMCG
#define ZVM_GFP_MAPPED GFP_KERNEL
#else
#define ZVM_GFP_MAPPED GFP_KERNEL_ACCOUNT
#endif

/* The one word that goes with a KVM_EXIT_SYSTEM_EVENT. */
static inline void zvm_compat_system_event_data(struct kvm_run *run, u64 flags)
{
#ifdef ZVM_HAVE_SYSTEM_EVENT_DATA
	run->system_event.ndata = 1;
	run->system_event.data[0] = flags;
#else
	/* Later headers put the count where these have padding, and data[0] where these have flags. */
	BUILD_BUG_ON(offsetof(struct kvm_run, system_event.flags) !=
		     offsetof(struct kvm_run, system_event) + 8);
	((u32 *)&run->system_event)[1] = 1;
	run->system_event.flags = flags;
#endif
}

/*
 * The wall clock and the counter (CNTPCT) it was read with. False where the clock is another
 * counter's, or where this kernel does not say which.
 */
static inline bool zvm_compat_snapshot(u64 *real_ns, u64 *cycles)
{
#if defined(ZVM_HAVE_SNAPSHOT_OF_CLOCK)
	struct system_time_snapshot snap = {};

	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	*real_ns = ktime_to_ns(snap.systime);
	*cycles = snap.cycles;
	return snap.valid && snap.cs_id == CSID_ARM_ARCH_COUNTER;
#elif defined(ZVM_HAVE_SNAPSHOT_CS_ID)
	struct system_time_snapshot snap;

	ktime_get_snapshot(&snap);
	*real_ns = ktime_to_ns(snap.real);
	*cycles = snap.cycles;
	return snap.cs_id == CSID_ARM_ARCH_COUNTER;
#else
	return false;
#endif
}

static inline bool zvm_compat_has_snapshot(void)
{
	return IS_ENABLED(ZVM_HAVE_SNAPSHOT_CS_ID);
}

/* The VMM wants KVM_RUN to return before the guest is entered; the VMM may change it any time. */
static inline bool zvm_compat_immediate_exit(struct kvm_run *run)
{
#ifdef ZVM_HAVE_RUN_IMMEDIATE_EXIT
	return READ_ONCE(run->immediate_exit);
#else
	return READ_ONCE(run->immediate_exit__unsafe); /* what later kernels call it inside */
#endif
}

/*
 * The counter of the CPU's PMU that an event has (hw_perf_event.idx): 0..30, 31 the cycle counter;
 * negative: none, or one that is not a guest's business.
 */
static inline int zvm_compat_pmu_counter(int idx)
{
#ifdef ZVM_HAVE_PMU_IDX_BY_NUMBER
	return idx <= 31 ? idx : -1;
#else
	return idx ? idx - 1 : 31; /* the cycle counter comes first; -1 stays negative */
#endif
}

#ifdef ZVM_HAVE_NOTIFIER_YOUNG_BOOL
typedef bool zvm_compat_young_t; /* what the mmu notifier's young callbacks return */
#else
typedef int zvm_compat_young_t;
#endif

#endif
