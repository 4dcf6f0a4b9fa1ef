// SPDX-License-Identifier: GPL-2.0
/*
 * VMIDs, and TLB invalidation on behalf of a VM from a host that runs at EL2 with E2H = TGE = 1.
 *
 * There the EL1 and stage-2 TLBI operations aim at the host's own EL2&0 regime; they reach a guest
 * only while HCR_EL2.TGE is 0, and then the VMID is the one in VTTBR_EL2. So each invalidation
 * runs between clearing and setting TGE, with the VM's VTTBR in place: a resident vCPU of the VM
 * has it there already. All of DAIF is masked meanwhile: the host's handlers are written for TGE,
 * and with pseudo-NMI "IRQs off" lets some through.
 *
 * A VMID is generation | number. Numbers are given out until none is left; then the generation
 * goes up, all TLBs are emptied and every VM takes a new number when it next runs. A VM that a CPU
 * may be running keeps its number, so that its VTTBR need not change under it.
 *
 * Locks: vmid_lock (raw, IRQs off). Arm ARM D8.14 (TLB maintenance), D8.13 (VMIDs).
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <asm/barrier.h>
#include <asm/daifflags.h>

#include "internal.h"

#define VMID_GENERATION (1ULL << 16)
#define VMID_NUMBER	(VMID_GENERATION - 1)
#define FLUSH_MAX_PAGES 16 /* beyond this one VM-wide operation is cheaper */

static unsigned int vmid_bits;
module_param(vmid_bits, uint, 0444);
MODULE_PARM_DESC(vmid_bits, "use only this many VMID bits (0: all; to exercise rollover)");

static DEFINE_RAW_SPINLOCK(vmid_lock);
static atomic64_t vmid_generation = ATOMIC64_INIT(VMID_GENERATION);
static unsigned long *vmid_map; /* numbers used in this generation; bit 0 is the host's */
static unsigned long vmid_count;
static unsigned long vmid_next = 1;
static DEFINE_PER_CPU(atomic64_t, vmid_active);	/* what the CPU last entered with; 0: rollover */
static DEFINE_PER_CPU(u64, vmid_reserved);	/* what it had at the last rollover */

/* --- invalidation ---------------------------------------------------------------------------- */

struct tlb_window {
	unsigned long flags;
	u64 hcr, vttbr, vtcr, tcr, sctlr;
	bool switched;
};

static u64 vm_vttbr(struct zvm_vm *vm, u64 vmid)
{
	return vm->mm.root | (vmid & VMID_NUMBER) << ZVM_VTTBR_VMID_SHIFT;
}

/*
 * Between tlb_open() and tlb_close() EL1 operations mean the VM. Erratum 1530923/1165522: a
 * speculative address translation may mix the stage 1 in the EL1 registers with the stage 2 in
 * VTTBR. If they are not of one VM, the EL1 walks are switched off first (EPD with the MMU on).
 */
static void tlb_open(struct tlb_window *w, struct zvm_vm *vm, u64 vmid)
{
	struct zvm_vcpu *resident;

	w->flags = local_daif_save();
	resident = this_cpu_ptr(&zvm_cpus)->resident;
	w->hcr = read_sysreg(hcr_el2);
	w->vttbr = read_sysreg(vttbr_el2);
	w->switched = !resident || resident->vm != vm || w->vttbr != vm_vttbr(vm, vmid);
	if (w->switched) {
		w->vtcr = read_sysreg(vtcr_el2);
		if (zvm_host.has_spec_at) {
			w->tcr = read_sysreg_s(SYS_TCR_EL12);
			w->sctlr = read_sysreg_s(SYS_SCTLR_EL12);
			write_sysreg_s(w->tcr | ZVM_TCR_EPD0 | ZVM_TCR_EPD1, SYS_TCR_EL12);
			isb(); /* EPD before M: no walk starts in between */
			write_sysreg_s(w->sctlr | ZVM_SCTLR_M, SYS_SCTLR_EL12);
			isb(); /* both before the foreign stage 2 */
		}
		write_sysreg(vm->mm.vtcr, vtcr_el2);
		write_sysreg(vm_vttbr(vm, vmid), vttbr_el2);
		isb(); /* stage 2 in place before the EL1 regime comes to life */
	}
	write_sysreg(w->hcr & ~ZVM_HCR_TGE, hcr_el2);
	isb();
}

static void tlb_close(struct tlb_window *w)
{
	write_sysreg(w->hcr, hcr_el2);
	isb(); /* the EL1 regime is inert before its registers change */
	if (w->switched) {
		write_sysreg(w->vttbr, vttbr_el2);
		write_sysreg(w->vtcr, vtcr_el2);
		if (zvm_host.has_spec_at) {
			isb(); /* the old stage 2 is back before stage-1 walks are allowed */
			write_sysreg_s(w->sctlr, SYS_SCTLR_EL12);
			write_sysreg_s(w->tcr, SYS_TCR_EL12);
		}
		isb();
	}
	local_daif_restore(w->flags);
}

/* Cortex-A55 erratum 2441007: a TLBI counts only when it was issued and completed twice. */
#define tlbi_all(op)                                        \
	do {                                                \
		asm volatile("tlbi " op : : : "memory");    \
		dsb(ish);                                   \
		if (zvm_host.need_tlbi_repeat) {            \
			asm volatile("tlbi " op : : : "memory"); \
			dsb(ish);                           \
		}                                           \
	} while (0)

void zvm_tlb_flush_vm(struct zvm_vm *vm)
{
	struct tlb_window w;
	u64 vmid;

	dsb(ishst); /* table changes are visible to walkers before entries are dropped ... */
	vmid = atomic64_read(&vm->mm.vmid); /* ... and before a later VMID is used */
	if (!vmid)
		return;
	tlb_open(&w, vm, vmid);
	tlbi_all("vmalls12e1is");
	tlb_close(&w);
	vm->stats.tlb_flushes++;
}

void zvm_tlb_flush_range(struct zvm_vm *vm, u64 ipa, u64 size)
{
	struct tlb_window w;
	u64 vmid, page, end;

	if (size > FLUSH_MAX_PAGES * PAGE_SIZE) {
		zvm_tlb_flush_vm(vm);
		return;
	}
	dsb(ishst); /* as in zvm_tlb_flush_vm() */
	vmid = atomic64_read(&vm->mm.vmid);
	if (!vmid)
		return;
	end = (ipa + size) >> 12;
	tlb_open(&w, vm, vmid);
	for (page = ipa >> 12; page < end; page++)
		asm volatile("tlbi ipas2e1is, %0" : : "r"(page) : "memory");
	dsb(ish); /* stage-2 entries are gone before the entries combined from them are dropped */
	tlbi_all("vmalle1is");
	if (zvm_host.need_tlbi_repeat) {
		for (page = ipa >> 12; page < end; page++)
			asm volatile("tlbi ipas2e1is, %0" : : "r"(page) : "memory");
		dsb(ish);
		tlbi_all("vmalle1is");
	}
	tlb_close(&w);
	vm->stats.tlb_flushes++;
}

void zvm_tlb_vcpu_load(struct zvm_vcpu *v)
{
	int *last = this_cpu_ptr(v->vm->mm.last_vcpu);
	struct tlb_window w;

	if (*last == (int)v->idx)
		return;
	if (*last != -1) {
		tlb_open(&w, v->vm, atomic64_read(&v->vm->mm.vmid));
		asm volatile("tlbi vmalle1\n\tic iallu" : : : "memory");
		dsb(nsh);
		isb();
		tlb_close(&w);
	}
	*last = v->idx;
}

/* --- VMIDs ----------------------------------------------------------------------------------- */

static bool vmid_is_current(u64 vmid)
{
	return !((vmid ^ atomic64_read(&vmid_generation)) & ~VMID_NUMBER);
}

/* A VMID that was live at the rollover goes on in the new generation, on all CPUs that have it. */
static bool vmid_renew_reserved(u64 old, u64 renewed)
{
	bool found = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(vmid_reserved, cpu) == old) {
			per_cpu(vmid_reserved, cpu) = renewed;
			found = true;
		}
	}
	return found;
}

static void vmid_rollover(void)
{
	int cpu;

	atomic64_add(VMID_GENERATION, &vmid_generation);
	bitmap_zero(vmid_map, vmid_count);
	__set_bit(0, vmid_map);
	for_each_possible_cpu(cpu) {
		/* 0 makes the CPU's next entry come through the lock. */
		u64 vmid = atomic64_xchg_relaxed(&per_cpu(vmid_active, cpu), 0);

		/* 0 already: it did not enter since the last rollover and still has that one. */
		if (!vmid)
			vmid = per_cpu(vmid_reserved, cpu);
		__set_bit(vmid & VMID_NUMBER, vmid_map);
		per_cpu(vmid_reserved, cpu) = vmid;
	}
	vmid_next = 1;
	/* Not bound to TGE or VTTBR: entries of all VMIDs, on all CPUs. */
	dsb(ishst);
	tlbi_all("alle1is");
	asm volatile("ic ialluis" : : : "memory"); /* VPIPT instruction caches are tagged by VMID */
	dsb(ish);
	isb();
}

static u64 vmid_allocate(u64 old)
{
	u64 generation = atomic64_read(&vmid_generation);
	unsigned long n;

	if (old) {
		u64 renewed = generation | (old & VMID_NUMBER);

		if (vmid_renew_reserved(old, renewed))
			return renewed;
		if (!__test_and_set_bit(old & VMID_NUMBER, vmid_map))
			return renewed;
	}
	n = find_next_zero_bit(vmid_map, vmid_count, vmid_next);
	if (n >= vmid_count)
		n = find_next_zero_bit(vmid_map, vmid_count, 1); /* given back by zvm_vmid_free() */
	if (n >= vmid_count) {
		vmid_rollover();
		generation = atomic64_read(&vmid_generation);
		/* Found: there are more numbers than CPUs (zvm_vmid_init). */
		n = find_next_zero_bit(vmid_map, vmid_count, 1);
	}
	__set_bit(n, vmid_map);
	vmid_next = n + 1;
	return generation | n;
}

u64 zvm_vmid_vttbr(struct zvm_vm *vm)
{
	atomic64_t *active = this_cpu_ptr(&vmid_active);
	u64 vmid = atomic64_read(&vm->mm.vmid);
	u64 was = atomic64_read(active);

	/*
	 * Fast path: claim the VMID for this CPU unless a rollover has zeroed `active` meanwhile.
	 * The exchange orders the claim against the rollover's own exchange of the same word.
	 */
	if (was && vmid_is_current(vmid) && atomic64_cmpxchg_relaxed(active, was, vmid))
		return vm_vttbr(vm, vmid);

	raw_spin_lock(&vmid_lock);
	vmid = atomic64_read(&vm->mm.vmid);
	if (!vmid || !vmid_is_current(vmid)) {
		vmid = vmid_allocate(vmid);
		atomic64_set(&vm->mm.vmid, vmid);
	}
	atomic64_set(active, vmid);
	raw_spin_unlock(&vmid_lock);
	return vm_vttbr(vm, vmid);
}

void zvm_vmid_free(struct zvm_vm *vm)
{
	u64 vmid = atomic64_read(&vm->mm.vmid);
	unsigned long flags;
	int cpu;

	if (!vmid)
		return;
	raw_spin_lock_irqsave(&vmid_lock, flags);
	for_each_possible_cpu(cpu) {
		atomic64_cmpxchg(&per_cpu(vmid_active, cpu), vmid, 0);
		if (per_cpu(vmid_reserved, cpu) == vmid)
			per_cpu(vmid_reserved, cpu) = 0;
	}
	if (vmid_is_current(vmid))
		__clear_bit(vmid & VMID_NUMBER, vmid_map);
	raw_spin_unlock_irqrestore(&vmid_lock, flags);
	atomic64_set(&vm->mm.vmid, 0);
}

int zvm_vmid_init(void)
{
	unsigned int bits = zvm_host.vmid_bits;

	if (vmid_bits && vmid_bits < bits)
		bits = vmid_bits;
	/* Every CPU may hold one over a rollover, one more must be free, and 0 is not used. */
	while ((1UL << bits) < num_possible_cpus() + 2)
		bits++;
	vmid_count = 1UL << bits;
	vmid_map = bitmap_zalloc(vmid_count, GFP_KERNEL);
	if (!vmid_map)
		return -ENOMEM;
	__set_bit(0, vmid_map);
	return 0;
}

void zvm_vmid_exit(void)
{
	bitmap_free(vmid_map);
	vmid_map = NULL;
}
