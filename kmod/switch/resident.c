// SPDX-License-Identifier: GPL-2.0
/*
 * Residency: which vCPU's EL1 context is in which physical CPU.
 *
 * The EL1 registers, stage-2 base, timers and list registers of a vCPU stay in the CPU after it
 * left the guest, while the host runs with HCR_EL2.TGE = 1 and they are inert. They move to memory
 * only when another vCPU needs the CPU, the vCPU runs elsewhere, somebody asks for its registers,
 * or the CPU goes down. No preempt notifiers are needed: kernels without KVM do not have them.
 *
 * Locking: zvm_cpus.resident is written only by its own CPU with IRQs off. v->resident_cpu follows
 * it; a vCPU becomes resident only on the thread that holds v->mutex, and can be evicted by any
 * thread on that CPU, but never while its own thread is between zvm_resident_make() and the end of
 * its ring 1 (IRQs or preemption are off there, and evictions come from other threads, the idle one
 * among them).
 */
#include <linux/delay.h>
#include <linux/smp.h>

#include "switch.h"

DEFINE_PER_CPU(struct zvm_cpu, zvm_cpus);

static __always_inline u64 zvm_el1_hw_read(enum zvm_el1_reg reg)
{
	switch (reg) {
#define X(name, enc)           \
	case ZVM_EL1_##name:   \
		return read_sysreg_s(enc);
		ZVM_EL1_REGS(X)
#undef X
	default:
		return 0;
	}
}

static __always_inline void zvm_el1_hw_write(enum zvm_el1_reg reg, u64 val)
{
	switch (reg) {
#define X(name, enc)                       \
	case ZVM_EL1_##name:               \
		write_sysreg_s(val, enc);  \
		break;
		ZVM_EL1_REGS(X)
#undef X
	default:
		break;
	}
}

static void zvm_el1_load(const u64 *el1)
{
#define X(name, enc) write_sysreg_s(el1[ZVM_EL1_##name], enc);
	ZVM_EL1_REGS(X)
#undef X
}

static void zvm_el1_save(u64 *el1)
{
#define X(name, enc) el1[ZVM_EL1_##name] = read_sysreg_s(enc);
	ZVM_EL1_REGS(X)
#undef X
}

/* CP15 c15, which the CPU's maker fills: UNDEFINED for a guest's program in AArch32 */
#define ZVM_HSTR_T15 BIT(15)

/*
 * Fine-grained traps, HCRX and HSTR: bits that are 0 (1 in HSTR) trap or disable what we hide. The
 * host's values are inert for the host at {E2H,TGE} = {1,1} except some of HCRX; all are put back.
 */
static void zvm_traps_load(struct zvm_cpu *c)
{
	if (zvm_host.has_fgt) {
		c->host_hfgrtr = read_sysreg_s(ZVM_SYS_HFGRTR_EL2);
		c->host_hfgwtr = read_sysreg_s(ZVM_SYS_HFGWTR_EL2);
		write_sysreg_s(0, ZVM_SYS_HFGRTR_EL2);
		write_sysreg_s(0, ZVM_SYS_HFGWTR_EL2);
	}
	if (zvm_host.has_hcrx) {
		c->host_hcrx = read_sysreg_s(ZVM_SYS_HCRX_EL2);
		write_sysreg_s(0, ZVM_SYS_HCRX_EL2);
	}
	c->host_hstr = read_sysreg(hstr_el2);
	write_sysreg(ZVM_HSTR_T15, hstr_el2);
}

static void zvm_traps_put(struct zvm_cpu *c)
{
	if (zvm_host.has_fgt) {
		write_sysreg_s(c->host_hfgrtr, ZVM_SYS_HFGRTR_EL2);
		write_sysreg_s(c->host_hfgwtr, ZVM_SYS_HFGWTR_EL2);
	}
	if (zvm_host.has_hcrx)
		write_sysreg_s(c->host_hcrx, ZVM_SYS_HCRX_EL2);
	write_sysreg(c->host_hstr, hstr_el2);
}

void zvm_resident_evict_local(void)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);
	struct zvm_vcpu *v = c->resident;

	lockdep_assert_irqs_disabled();
	if (!v)
		return;
	zvm_el1_save(v->sys.el1);
	if (zvm_host.has_ras)
		v->sys.disr = read_sysreg_s(ZVM_SYS_VDISR_EL2);
	zvm_timer_put(v);
	zvm_vgic_put(v);
	write_sysreg(c->host_hcr, hcr_el2);
	zvm_traps_put(c);
	isb(); /* nothing of the guest is live past this point */
	v->stats.evictions++;
	c->resident = NULL;
	smp_store_release(&v->resident_cpu, -1); /* the saved state before the word that it is there */
}

static void zvm_resident_evict_ipi(void *arg)
{
	if (this_cpu_ptr(&zvm_cpus)->resident == arg)
		zvm_resident_evict_local();
}

void zvm_resident_evict(struct zvm_vcpu *v)
{
	int cpu;

	while ((cpu = smp_load_acquire(&v->resident_cpu)) >= 0) {
		/* -ENXIO: the CPU is on its way down and its teardown evicts */
		if (smp_call_function_single(cpu, zvm_resident_evict_ipi, v, 1))
			cpu_relax();
	}
}

int zvm_resident_make(struct zvm_vcpu *v)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);
	struct zvm_vm *vm = v->vm;
	u64 cnthctl;

	if (likely(c->resident == v)) {
		if (likely(v->timers.cntvoff == READ_ONCE(vm->cntvoff)))
			return 0;
		zvm_resident_evict_local(); /* another vCPU's TIMER_CNT has set everybody's time */
	}
	if (c->closed)
		return -EBUSY;
	if (smp_load_acquire(&v->resident_cpu) >= 0)
		return -EAGAIN;
	zvm_resident_evict_local();

	cnthctl = read_sysreg(cnthctl_el2);
	if ((cnthctl & ZVM_CNTHCTL_EL1) != ZVM_CNTHCTL_EL1)
		write_sysreg(cnthctl | ZVM_CNTHCTL_EL1, cnthctl_el2);
	write_sysreg(read_cpuid_id(), vpidr_el2);
	write_sysreg(v->sys.mpidr, vmpidr_el2);
	zvm_el1_load(v->sys.el1);
	if (zvm_host.has_ras) {
		write_sysreg_s(v->sys.disr, ZVM_SYS_VDISR_EL2);
		write_sysreg_s(v->vsesr, ZVM_SYS_VSESR_EL2);
	}
	zvm_traps_load(c);
	write_sysreg(vm->mm.vtcr, vtcr_el2);
	write_sysreg(zvm_vmid_vttbr(vm), vttbr_el2);
	isb(); /* both stages complete before HCR can make them live (1530923) */
	write_sysreg(v->ctx.hcr | ZVM_HCR_TGE, hcr_el2);
	isb();

	c->resident = v;
	v->resident_cpu = smp_processor_id();
	zvm_tlb_vcpu_load(v);
	zvm_vgic_load(v);
	zvm_timer_load(v);
	isb();
	v->stats.loads++;
	return 0;
}

/* Runs fn-like access with v either resident here or evicted, IRQs off. */
#define zvm_with_el1(v, stmt_cpu, stmt_mem)                        \
	do {                                                             \
		unsigned long flags;                                     \
		int cpu;                                                 \
									 \
		for (;;) {                                               \
			local_irq_save(flags);                           \
			cpu = smp_load_acquire(&(v)->resident_cpu);      \
			if (cpu < 0) {                                   \
				stmt_mem;                                \
				local_irq_restore(flags);                \
				break;                                   \
			}                                                \
			if (cpu == smp_processor_id()) {                 \
				stmt_cpu;                                \
				local_irq_restore(flags);                \
				break;                                   \
			}                                                \
			local_irq_restore(flags);                        \
			zvm_resident_evict(v);                           \
		}                                                        \
	} while (0)

u64 zvm_el1_read(struct zvm_vcpu *v, enum zvm_el1_reg reg)
{
	u64 val;

	zvm_with_el1(v, val = zvm_el1_hw_read(reg), val = v->sys.el1[reg]);
	return val;
}

void zvm_el1_write(struct zvm_vcpu *v, enum zvm_el1_reg reg, u64 val)
{
	zvm_with_el1(v, zvm_el1_hw_write(reg, val), v->sys.el1[reg] = val);
}
