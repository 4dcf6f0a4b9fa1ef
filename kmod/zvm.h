/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's own types: a VM, a vCPU, a physical CPU. Every file of kmod/ includes this one.
 *
 * Contexts, from the guest outwards (Documentation/design/world-switch.md):
 *   ring 0  IRQs masked in PSTATE, guest world still in the CPU (HCR.TGE = 0, SP_EL0 and the FP
 *           registers are the guest's): code in ring0/ only, no current, no locks but trylock.
 *   ring 1  host world, IRQs off or a short window with preemption off.
 *   ring 2  host world, preemptible, may sleep; the guest's EL1 context may still be resident.
 *   ring 3  evicted: every register of the vCPU is in memory.
 *
 * Lock order, outermost first:
 *   vcpu->mutex > vm->lock (mutex) > vgic.its_mutex > slots_lock (mutex) > mm->lock (spinlock, ring 2)
 *   > vgic raw locks (dist, then vcpu) > v->wait (swait, raw).
 * Who holds vm->lock and needs all vCPUs only tries their mutexes (zvm_vm_trylock_vcpus()).
 * Raw spinlocks are the only locks taken with IRQs off, but for that of an eventfd where there is no
 * PREEMPT_RT. Waking a vCPU and kicking it are legal anywhere, hard IRQ included.
 */
#ifndef ZVM_H
#define ZVM_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/swait.h>
#include <linux/types.h>

#include "compat/kvm_uapi.h"
#include "zvm_regs.h"
#include "switch/context.h"
#include "mm/mm.h"
#include "vgic/vgic.h"
#include "timer.h"
#include "event/event.h"
#include "stats/stats.h"

#define ZVM_MAX_VCPUS 64
#define ZVM_NR_ID_REGS 56 /* op0=3 op1=0 CRn=0 CRm=1..7 op2=0..7 */

/* What a trap handler says of the exit it was given; handlers never both act and print. */
enum zvm_result {
	ZVM_RESUME = 0, /* done, straight back to the guest */
	ZVM_USER,	/* vcpu->run is filled: return 0 from KVM_RUN */
};

enum zvm_mode { ZVM_OUTSIDE = 0, ZVM_IN_GUEST = 1 };

/* Requests: bits of vcpu->requests, posted by anyone, taken on the vCPU's own thread. */
enum zvm_request {
	ZVM_REQ_IRQ,	/* vGIC state changed: refill list registers before entry */
	ZVM_REQ_SLEEP,	/* power state became OFF */
	ZVM_REQ_RESET,	/* reset by PSCI CPU_ON: vcpu->reset holds pc, r0 */
	ZVM_REQ_EXIT,	/* leave the guest and look around (kick without a reason of its own) */
	ZVM_REQ_POST,	/* interrupts have come up, nothing else: ring 0 can take them */
	ZVM_REQ_ITS,	/* commands of an ITS are left to do: a signal came in between */
	ZVM_REQ_PMU,	/* a counter of the guest has overflowed */
	ZVM_REQ_VM_DEAD,/* the VM was stopped: -EIO from KVM_RUN */
};

/* Requests that the guest need not be left for. */
#define ZVM_REQS_IRQ (BIT(ZVM_REQ_IRQ) | BIT(ZVM_REQ_POST))

/* A pending CPU_ON: written under vm->psci_lock, consumed with ZVM_REQ_RESET. */
struct zvm_vcpu_reset {
	u64 pc;
	u64 r0;
	bool be;
	bool pending;
};

/*
 * An access of the guest to an address without memory; one instruction may make two (LDP, STP).
 * trap/mmio.c. `pending`: the VMM has run->mmio, its answer belongs to element `step`.
 */
struct zvm_mmio {
	bool pending, write, sign_extend, sixty_four, big_endian;
	u8 len;	     /* bytes of an element: 1, 2, 4, 8 */
	u8 nr, step; /* elements, and the one being done */
	u8 rt[2];
	u8 wb_reg;   /* base register to write back: 0..30, 31 SP, 0xff none */
	u64 wb_val;
	u64 ipa;     /* of element 0 */
};

/* Stolen time told to the guest (trap/pvtime.c); v->mutex. */
struct zvm_steal {
	u64 ipa;   /* of the guest's structure */
	bool set;  /* the VMM gave an address */
	pid_t pid; /* thread that `last` is of */
	u64 last;  /* its run_delay at the last look, ns */
};

struct zvm_vcpu {
	struct zvm_ctx ctx; /* first: ring 0 finds it by the stack anchor */

	struct zvm_vm *vm;
	struct kvm_run *run; /* one zeroed page, mmap'ed by the VMM */
	u32 id;		     /* KVM vCPU id; MPIDR affinity follows from it */
	u32 idx;	     /* index in vm->vcpus */

	struct mutex mutex; /* held over every vCPU ioctl, KVM_RUN included */
	struct task_struct *task; /* thread now inside KVM_RUN, NULL outside; read under RCU by kicks */
	struct swait_queue_head wait;
	unsigned long requests;
	int mode;	  /* enum zvm_mode; ordered by smp_store_mb against requests */
	int resident_cpu; /* CPU that holds the EL1 context, -1 in memory */
	bool blocked;	  /* inside zvm_vcpu_block() */

	bool initialized; /* KVM_ARM_VCPU_INIT was done */
	bool powered_off;
	bool suspended;	  /* KVM_MP_STATE_SUSPENDED: waits for an interrupt, then tells the VMM */
	u32 features;	  /* KVM_ARM_VCPU_INIT features[0] */
	struct zvm_vcpu_reset reset;

	sigset_t sigset;
	bool sigset_active;

	struct zvm_mmio mmio;
	u64 mmio_page; /* IPA of a page that was found to have no memslot, */
	u32 mmio_gen;  /* at this generation of them (0: never) */
	u64 bell_page; /* IPA of the page where an ioeventfd was hit last, or ~0 */
	u64 sgi_left;	/* vCPUs (by index) of an SGI that ring 0 has left to ring 2 */
	u64 kicks;	/* vCPUs that ring 0 wants kicked or woken by ring 1 */
	u32 bells;	/* answered while something was waiting behind them */

	bool serror_pending; /* a virtual SError waits (HCR.VSE) */
	u64 vsesr;

	struct zvm_sysregs sys;
	struct zvm_debug debug;
	struct zvm_user_debug udebug;
	struct zvm_steal steal;
	struct zvm_pmu *pmu; /* pmu/; NULL: the guest has none */
	struct zvm_fp fp;
	struct zvm_timers timers;
	struct zvm_vgic_cpu vgic;
	struct zvm_vcpu_stats stats;
};

struct zvm_vm {
	refcount_t users; /* VM fd + vCPU fds + device fds + statistics fds */
	struct mutex lock; /* vCPU and device creation, vGIC initialisation, one-time settings */
	struct mm_struct *owner; /* address space of the creator; ioctls from others get -EIO */
	raw_spinlock_t psci_lock; /* power states against each other */

	struct zvm_vcpu *vcpus[ZVM_MAX_VCPUS]; /* published with smp_store_release, never removed */
	u32 nr_vcpus; /* readers: smp_load_acquire, then vcpus[0..n) are valid */

	struct zvm_mm mm;
	struct zvm_vgic vgic;
	struct zvm_events events;
	struct zvm_vm_stats stats;

	u64 id_regs[ZVM_NR_ID_REGS]; /* fixed when the first vCPU runs */
	bool ran_once;
	bool features_set; /* a vCPU was initialised: `features` are those of all vCPUs */
	u32 features;
	u64 cntvoff; /* CNTVCT of the guest = CNTPCT - cntvoff, ticks */
	u64 psci_version;
	/* Hypercall services offered: KVM_REG_ARM_{STD,STD_HYP,VENDOR_HYP}_BMAP. */
	u64 std_bmap, std_hyp_bmap, vendor_bmap;
	unsigned long *pmu_filter; /* bitmap of events that may be counted, NULL: all */
	bool mmio_nisv_to_user; /* KVM_CAP_ARM_NISV_TO_USER enabled */
	bool system_suspend;	/* KVM_CAP_ARM_SYSTEM_SUSPEND enabled */
	bool dead;
	char name[24]; /* debugfs folder: PID-FD as KVM names it */
};

/*
 * One per physical CPU, written only by that CPU with IRQs off.
 */
struct zvm_cpu {
	struct zvm_vcpu *resident;
	u64 host_hcr, host_cnthctl;	       /* as found when the CPU came online */
	u64 host_mdcr;			       /* over a stay in ring 1 */
	u64 host_hfgrtr, host_hfgwtr, host_hcrx, host_hstr; /* while a vCPU is resident */
	bool closed; /* going down: no entry, no residency */
};

DECLARE_PER_CPU(struct zvm_cpu, zvm_cpus);

/* Facts of this host, found at load, constant after. */
struct zvm_host {
	unsigned int irq_vtimer, irq_ptimer, irq_maint; /* Linux percpu IRQ numbers */
	u32 ppi_vtimer, ppi_ptimer, ppi_maint;		/* INTIDs on the host (27, 30, 25) */
	u32 ipa_bits_max;
	u32 vmid_bits;
	u8 nr_lrs;
	bool has_el0_32; /* AArch32 at EL0 */
	bool has_fwb, has_dic, has_idc, has_fgt, has_hcrx, has_ras;
	bool need_tlbi_repeat;	/* Cortex-A55 2441007: repeat guest TLBI + DSB */
	bool has_spec_at;	/* 1530923/1165522: speculative AT, see switch/ */
	u8 nr_brps, nr_wrps;	/* breakpoints, watchpoints shown to guests */
	u64 smccc_wa1, smccc_wa2, smccc_wa3; /* answers to SMCCC_ARCH_FEATURES */
};

extern struct zvm_host zvm_host;

/* Evict on every way out of ring 1 instead of staying resident (module parameter; bisecting aid). */
extern bool zvm_residency;

/* vm.c */
void zvm_vm_get(struct zvm_vm *vm);
void zvm_vm_put(struct zvm_vm *vm);
/* Stop the VM for good with a one-line reason (rate-limited log): every KVM_RUN returns -EIO. */
void zvm_vm_kill(struct zvm_vm *vm, const char *reason);
int zvm_vm_create(unsigned long type, int *fd);

static inline u32 zvm_vm_nr_vcpus(struct zvm_vm *vm)
{
	return smp_load_acquire(&vm->nr_vcpus); /* pairs with the release in zvm_vcpu_create() */
}

#define zvm_for_each_vcpu(i, v, vm) \
	for ((i) = 0; (i) < zvm_vm_nr_vcpus(vm) && ((v) = (vm)->vcpus[i]); (i)++)

/* vCPU whose MPIDR has these affinity bits (Aff3..Aff0 as in MPIDR_EL1), or NULL. */
struct zvm_vcpu *zvm_vcpu_by_mpidr(struct zvm_vm *vm, u64 mpidr);

/* vcpu.c */
int zvm_vcpu_create(struct zvm_vm *vm, u32 id);
void zvm_vcpu_destroy(struct zvm_vcpu *v);
/*
 * Make `v` notice its requests soon: out of the guest if it is there, awake if it sleeps. Any
 * context. The caller has already made its change visible (the request bit or vGIC state).
 */
void zvm_vcpu_kick(struct zvm_vcpu *v);
void zvm_vcpu_request(struct zvm_vcpu *v, enum zvm_request req); /* set the bit, then kick */
/* Sleep until an interrupt, a request or a signal; the vCPU's thread, ring 2 (WFI, CPU_SUSPEND). */
void zvm_vcpu_block(struct zvm_vcpu *v);
/*
 * halt.c: a trapped WFI in ring 1, IRQs off. True: go on in the guest, the instruction was stepped
 * over unless something else has to be looked at first. False: block.
 */
bool zvm_vcpu_halt(struct zvm_vcpu *v);

static inline bool zvm_vcpu_take_request(struct zvm_vcpu *v, enum zvm_request req)
{
	if (!test_bit(req, &v->requests))
		return false;
	clear_bit(req, &v->requests);
	smp_mb__after_atomic(); /* the state behind the bit is read after the bit is cleared */
	return true;
}

/*
 * A page without a memslot is remembered until the memslots change, so that a device that is used
 * again costs no look-up of memory. trap/mmio.c.
 */
static inline bool zvm_known_mmio(struct zvm_vcpu *v, u64 ipa)
{
	return v->mmio_page == (ipa & PAGE_MASK) && v->mmio_gen == zvm_mm_generation(v->vm);
}

/* switch/resident.c */
/*
 * Put v's context into memory wherever it is. Sleepable context, v->mutex held (so that it cannot
 * become resident again meanwhile). After it v->sys, v->timers and v->vgic hold the truth.
 */
void zvm_resident_evict(struct zvm_vcpu *v);
/* The same for this CPU's resident vCPU; IRQs off. */
void zvm_resident_evict_local(void);
/* Make v resident on this CPU; IRQs off. -EAGAIN: held by another CPU, evict first. */
int zvm_resident_make(struct zvm_vcpu *v);

/* cpu.c */
int zvm_cpu_init(void);
void zvm_cpu_exit(void);

/*
 * Stop all vCPUs of the VM outside the guest and evict them, so that vGIC and memory state can be
 * read and changed as a whole; -EBUSY when a vCPU is inside KVM_RUN (KVM's rule for vGIC state
 * access). Locks every vcpu->mutex; undo with zvm_vm_unlock_vcpus(). vm->lock is held.
 */
int zvm_vm_trylock_vcpus(struct zvm_vm *vm);
void zvm_vm_unlock_vcpus(struct zvm_vm *vm);

#endif
