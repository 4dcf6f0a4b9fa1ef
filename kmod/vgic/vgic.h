/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual GICv3: distributor, redistributors, list registers, attributes (save/restore).
 * Arm IHI 0069 (GICv3/v4); ABI: Documentation/virt/kvm/devices/arm-vgic-v3.rst of the kernel.
 *
 * Locks, outermost first (raw, IRQs off, but the first):
 *   vm->vgic.its_mutex  LPI tables and ITSs (a mutex, its.h); after vcpu->mutex, before mm's
 *   vm->vgic.lock    distributor: GICD_CTLR, every SPI, the state of every LPI
 *   v->vgic.lock     one vCPU's SGIs and PPIs, and its list registers; never two of them at once
 * Requests, kicks and zvm_irqfd_resample() come after both are dropped. List registers are only
 * touched on the CPU that holds them (v->vgic.cpu), IRQs off. Configuration (addresses, numbers)
 * is under vm->lock until the first KVM_RUN and constant after it.
 */
#ifndef ZVM_VGIC_H
#define ZVM_VGIC_H

#include <linux/kvm.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct zvm_vm;
struct zvm_vcpu;
struct file;

#include "vgic_state.h" /* struct zvm_vgic, struct zvm_vgic_cpu: owned by vgic/ */

/* --- life; called by vm.c and vcpu.c under vm->lock, may sleep ------------------------------- */

/* KVM_CREATE_DEVICE(KVM_DEV_TYPE_ARM_VGIC_V3) without TEST: -EEXIST twice, -EBUSY once ran. */
int zvm_vgic_create(struct zvm_vm *vm);
void zvm_vgic_destroy(struct zvm_vm *vm);
int zvm_vgic_vcpu_create(struct zvm_vcpu *v); /* once; before or after the device exists */
void zvm_vgic_vcpu_destroy(struct zvm_vcpu *v);
void zvm_vgic_vcpu_reset(struct zvm_vcpu *v); /* CPU interface and timer PPIs as reset; v evicted */
bool zvm_vgic_exists(struct zvm_vm *vm);
/* First KVM_RUN of the VM: 0 if there is no vGIC or it is initialised, else as KVM (-ENODEV ...). */
int zvm_vgic_check_ready(struct zvm_vm *vm);

/* KVM_CREATE_DEVICE(KVM_DEV_TYPE_ARM_VGIC_ITS): a descriptor or -errno. Takes vm->lock. */
int zvm_its_create(struct zvm_vm *vm);

/*
 * KVM_{SET,GET,HAS}_DEVICE_ATTR on the device fd; `attr->addr` is a user pointer. These take
 * vm->lock themselves.
 */
int zvm_vgic_set_attr(struct zvm_vm *vm, struct kvm_device_attr *attr);
int zvm_vgic_get_attr(struct zvm_vm *vm, struct kvm_device_attr *attr);
int zvm_vgic_has_attr(struct zvm_vm *vm, struct kvm_device_attr *attr);

/* --- injection; any context, hard IRQ included ------------------------------------------------ */

/*
 * Drive the input line of `intid` (PPI of `v`: 16..31, SPI: 32.., v ignored). Edge-configured:
 * level true latches pending, false does nothing. -EINVAL: no such interrupt; -EBUSY: the vGIC is
 * not initialised; -ENXIO: there is none.
 */
int zvm_vgic_inject(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid, bool level);

/*
 * The physical PPI behind v's private interrupt `intid` (zvm_vgic_map_hw()) was taken: pending in
 * the guest, linked to it. It falls by itself, when the guest is done or the line is found low.
 * Nobody else drives such an interrupt: zvm_vgic_inject() of it has no effect. IRQs off on the CPU
 * where v is, or v evicted. -EBUSY, -ENXIO as above.
 */
int zvm_vgic_raise_hw(struct zvm_vcpu *v, u32 intid);

/*
 * A write of `data` by device `devid` to the doorbell at `addr`. 1: an LPI became pending; 0: the
 * guest has not mapped it; -ENODEV: there is no ITS, -EINVAL: none there, or no DeviceID;
 * -EBUSY: the ITS or the LPIs of the target are disabled.
 */
int zvm_its_msi(struct zvm_vm *vm, const struct kvm_msi *msi);

/*
 * Tie a PPI of `v` to the physical PPI of this host so that the guest's deactivation deactivates
 * the physical interrupt (ICH_LR.HW). At init, before the vCPU runs.
 */
void zvm_vgic_map_hw(struct zvm_vcpu *v, u32 intid, u32 host_intid);
/*
 * Is the HW-mapped interrupt active or pending in the guest (i.e. the physical one must be
 * active)? Evicted vCPU or IRQs off on its resident CPU.
 */
bool zvm_vgic_hw_outstanding(struct zvm_vcpu *v, u32 intid);

/* --- traps; on the vCPU's thread, ring 2, guest context resident or evicted -------------------- */

/*
 * ICC_SGI1R/ASGI1R/SGI0R write (`group1`: SGI1R; NS view): what ring 0 left of it in v->sgi_left.
 * Wakes and kicks targets.
 */
void zvm_vgic_sgi(struct zvm_vcpu *v, u64 val, bool group1);
/* ICC_DIR_EL1 write; traps only while more interrupts are active than list registers can hold. */
void zvm_vgic_dir(struct zvm_vcpu *v, u64 val);
/*
 * MMIO in the GICD/GICR frames: true if `ipa` belongs to the vGIC (val filled for reads,
 * zero-extended), false if not. Any `len` (1, 2, 4, 8), any alignment.
 */
bool zvm_vgic_mmio(struct zvm_vcpu *v, u64 ipa, unsigned int len, bool write, u64 *val);

/* A memslot was published: where it covers a register frame, memory goes first. Ring 2. */
void zvm_vgic_memslot(struct zvm_vm *vm, u64 ipa, u64 size);
/* ZVM_REQ_ITS was taken: go on with the commands that v could not finish (its.c). */
void zvm_its_continue(struct zvm_vcpu *v);

/* --- world switch; IRQs off, on the CPU where v is (being made) resident ----------------------- */

void zvm_vgic_load(struct zvm_vcpu *v); /* ICH_VMCR, AP registers, LRs, ICH_HCR.En */
void zvm_vgic_put(struct zvm_vcpu *v);	/* everything back into v->vgic, LRs folded, ICH_HCR = 0 */
/* ZVM_REQ_IRQ was taken: fold what the guest finished, fill list registers. Before entry. */
void zvm_vgic_flush(struct zvm_vcpu *v);
/*
 * LPIs that were posted go into list registers that are free, or that still hold them, without a
 * flush. False: only a flush can do it.
 */
bool zvm_lpi_post(struct zvm_vcpu *v);
/* Maintenance interrupt (hard IRQ handler on the resident CPU). Must quiesce its own line. */
void zvm_vgic_maintenance(struct zvm_vcpu *v);
/*
 * Would an interrupt be taken by the guest now (pending, enabled, group and priority allow,
 * PSTATE.I ignored)? On the vCPU's thread, any ring but 0; disables IRQs itself if resident here.
 */
bool zvm_vgic_has_pending(struct zvm_vcpu *v);
/* The same for a vCPU that is suspended: whatever the state of its CPU interface. */
bool zvm_vgic_wakes(struct zvm_vcpu *v);
/*
 * The same for v resident here with IRQs off and nothing posted, from the list registers alone: what
 * found no room in them is less urgent than what is there.
 */
bool zvm_vgic_signalled_here(struct zvm_vcpu *v);

#endif
