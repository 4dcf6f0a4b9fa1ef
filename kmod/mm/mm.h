/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory: memslots, stage-2 tables, faults, TLB and VMIDs, dirty log, MMU notifier.
 *
 * Nothing here runs in ring 0. IPA: intermediate physical address (guest physical); HVA: address
 * in the VMM.
 */
#ifndef ZVM_MM_H
#define ZVM_MM_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#ifdef CONFIG_MMU_NOTIFIER
#include <linux/mmu_notifier.h>
#else
#include <linux/workqueue.h>
#endif

struct zvm_vm;
struct zvm_vcpu;
struct zvm_slots; /* private: slot.c */

struct zvm_mm {
	u32 ipa_bits;
	u32 start_level;   /* of the stage-2 walk: 0 or 1 */
	u64 vtcr;	   /* VTCR_EL2 of this VM, constant */
	phys_addr_t root;  /* stage-2 root table(s), constant */
	atomic64_t vmid;   /* generation | VMID, 0: never ran; tlb.c */
	spinlock_t lock;   /* stage-2 tables; ring 2 only, IRQs on */
	struct mutex slots_lock; /* memslot changes */
	struct srcu_struct srcu; /* readers of `slots` */
	struct zvm_slots __rcu *slots;
	u32 slots_gen; /* grows after each change of what is a memslot; under slots_lock */
	int __percpu *last_vcpu; /* vCPU idx that last ran on the CPU: guests assume private TLBs */
	bool notifier_mode; /* pages follow the VMM's page tables; else they are pinned */
	bool dead;	    /* the VMM's address space is gone: nothing is mapped any more */
	u32 dirty_caps;	    /* KVM_DIRTY_LOG_* enabled by KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	atomic_long_t pinned_pages; /* charged to owner->locked_vm */
	unsigned long loose_leaves; /* leaves over pages that are not pinned; under lock */
#ifdef CONFIG_MMU_NOTIFIER
	struct mmu_notifier mn;
	bool mn_registered;
	unsigned long mn_seq;	      /* invalidations finished; under lock */
	int mn_busy;		      /* invalidations running; under lock */
	unsigned long mn_start, mn_end; /* HVA range that they cover together */
#else
	atomic_t watch_maps; /* mappings of struct kvm_run in the owner's address space; watch.c */
	bool watch_clearing; /* pages are given back: faults wait; under slots_lock */
	struct work_struct watch_work;
#endif
};

enum zvm_access { ZVM_ACCESS_READ = 0, ZVM_ACCESS_WRITE = 1, ZVM_ACCESS_EXEC = 2 };

/* ipa_bits: 32..zvm_host.ipa_bits_max, checked by the caller. -ENOMEM. */
int zvm_mm_create(struct zvm_vm *vm, u32 ipa_bits);
/* No vCPU can run any more. Unpins, uncharges, frees tables, flushes the VMID. */
void zvm_mm_destroy(struct zvm_vm *vm);
/* The VMM's address space is gone: drop all mappings and pins; later faults return -EIO. */
void zvm_mm_unmap_all(struct zvm_vm *vm);
/* A mapping of struct kvm_run came, or went, in the address space `by`; its mmap lock is held. */
#ifdef CONFIG_MMU_NOTIFIER
static inline void zvm_mm_run_mapped(struct zvm_vm *vm, const struct mm_struct *by) {}
static inline void zvm_mm_run_unmapped(struct zvm_vm *vm, const struct mm_struct *by) {}
#else
void zvm_mm_run_mapped(struct zvm_vm *vm, const struct mm_struct *by);
void zvm_mm_run_unmapped(struct zvm_vm *vm, const struct mm_struct *by);
#endif

/*
 * Choose where guest pages live: pinned (default, unless the module parameter `notifier` is set) or
 * following the VMM's page tables. vm->lock held. -EBUSY once a memslot exists, -EINVAL on a kernel
 * without MMU notifiers.
 */
int zvm_mm_set_notifier_mode(struct zvm_vm *vm, bool on);
bool zvm_mm_can_follow(void); /* this kernel and build have notifier mode */
/* KVM_CAP_SYNC_MMU: of one VM, or of a VM created now (NULL). */
bool zvm_mm_sync_mmu(struct zvm_vm *vm);
/* KVM_ENABLE_CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2); -EINVAL for unknown bits. */
int zvm_mm_set_dirty_caps(struct zvm_vm *vm, u64 caps);
#define ZVM_DIRTY_CAPS (KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

#define ZVM_MAX_SLOTS 512 /* KVM_CAP_NR_MEMSLOTS */

/* KVM_SET_USER_MEMORY_REGION: create, move, delete, flags (READONLY, LOG_DIRTY_PAGES). */
int zvm_mm_set_region(struct zvm_vm *vm, const struct kvm_userspace_memory_region *r);
int zvm_mm_get_dirty_log(struct zvm_vm *vm, struct kvm_dirty_log *log);
int zvm_mm_clear_dirty_log(struct zvm_vm *vm, struct kvm_clear_dirty_log *log);

/*
 * A stage-2 fault of `v` at `ipa`; ring 2. `permission`: the fault was a permission fault (the
 * leaf exists), else a translation or access-flag fault. Returns
 *   0        mapped, re-enter
 *   -ENOENT  no memslot: the access is MMIO
 *   -EROFS   write to a read-only slot: the write is MMIO
 *   -EFAULT  nothing behind the HVA (KVM_RUN returns it), -EHWPOISON (SIGBUS was sent),
 *   -ENOMEM  (RLIMIT_MEMLOCK included), -EINTR, -EIO: the VMM's address space is gone
 */
int zvm_mm_fault(struct zvm_vcpu *v, u64 ipa, enum zvm_access access, bool permission);

/* Copy from/to guest memory through the memslots; ring 2; may straddle slots. 0 or -EFAULT. */
int zvm_mm_read(struct zvm_vm *vm, u64 ipa, void *buf, size_t len);
int zvm_mm_write(struct zvm_vm *vm, u64 ipa, const void *buf, size_t len);
bool zvm_mm_is_ram(struct zvm_vm *vm, u64 ipa); /* any slot, read-only included */

/* Clean and invalidate all mapped RAM to PoC (guest set/way operations, caches off); ring 2. */
void zvm_mm_flush_dcache(struct zvm_vm *vm);

/*
 * VMID of the VM for this entry; IRQs off. Returns the VTTBR_EL2 value; a changed VMID since the
 * vCPU was loaded means VTTBR must be rewritten (the caller compares).
 */
u64 zvm_vmid_vttbr(struct zvm_vm *vm);
void zvm_vmid_free(struct zvm_vm *vm); /* no vCPU of it can run; its TLB entries are gone */
int zvm_vmid_init(void);
void zvm_vmid_exit(void);

/* All TLB entries of the VM, all CPUs; ring 1 or 2. */
void zvm_tlb_flush_vm(struct zvm_vm *vm);
/* Stage-2 entries of [ipa, ipa + size), and the combined entries made from them, all CPUs. */
void zvm_tlb_flush_range(struct zvm_vm *vm, u64 ipa, u64 size);
/*
 * Called at residency load, IRQs off, VTTBR of the VM in place, HCR still the host's: if another
 * vCPU of the VM ran last on this CPU, drop this CPU's entries (TLBI VMALLE1, IC IALLU).
 */
void zvm_tlb_vcpu_load(struct zvm_vcpu *v);

/*
 * The page of a user address of the VMM's, pinned for writing and charged; may sleep. For as long as
 * the VM lives, or until it is unpinned.
 */
int zvm_mm_pin_user(struct zvm_vm *vm, u64 hva, struct page **page);
void zvm_mm_unpin_user(struct zvm_vm *vm, struct page *page);

/* Changes whenever an address may have become memory; read it before asking zvm_mm_fault(). */
#define zvm_mm_generation(vm) (smp_load_acquire(&(vm)->mm.slots_gen) + 1)

#endif
