// SPDX-License-Identifier: GPL-2.0
/*
 * The event side of a VM as a whole, and KVM_IRQ_LINE, which needs no file descriptor of its own.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "../zvm.h"
#include "routing.h"

int zvm_event_create(struct zvm_vm *vm)
{
	struct zvm_events *ev = &vm->events;

	mutex_init(&ev->lock);
	INIT_LIST_HEAD(&ev->irqfds);
	INIT_LIST_HEAD(&ev->resamplers);
	INIT_LIST_HEAD(&ev->ioeventfds);
	return init_srcu_struct(&ev->srcu);
}

void zvm_event_release(struct zvm_vm *vm)
{
	zvm_irqfd_release(vm);
	zvm_ioeventfd_release(vm);
}

void zvm_event_destroy(struct zvm_vm *vm)
{
	/* The VM descriptor was released, or never given out: only these are left. */
	zvm_status_destroy(vm);
	kvfree(rcu_dereference_protected(vm->events.routing, true));
	cleanup_srcu_struct(&vm->events.srcu);
}

/* Arm: what an IRQ_LINE number says; Documentation/virt/kvm/api.rst of the kernel. */
int zvm_irq_line(struct zvm_vm *vm, const struct kvm_irq_level *lvl)
{
	u32 type = (lvl->irq >> KVM_ARM_IRQ_TYPE_SHIFT) & KVM_ARM_IRQ_TYPE_MASK;
	u32 intid = (lvl->irq >> KVM_ARM_IRQ_NUM_SHIFT) & KVM_ARM_IRQ_NUM_MASK;
	u32 idx = (lvl->irq >> KVM_ARM_IRQ_VCPU_SHIFT) & KVM_ARM_IRQ_VCPU_MASK;

	idx += ((lvl->irq >> KVM_ARM_IRQ_VCPU2_SHIFT) & KVM_ARM_IRQ_VCPU2_MASK) *
	       (KVM_ARM_IRQ_VCPU_MASK + 1);

	switch (type) {
	case KVM_ARM_IRQ_TYPE_CPU:
		/* The raw IRQ and FIQ lines of a vCPU without a vGIC: not offered. */
		return -ENXIO;
	case KVM_ARM_IRQ_TYPE_PPI:
		if (!zvm_vgic_exists(vm))
			return -ENXIO;
		if (idx >= zvm_vm_nr_vcpus(vm) || intid < 16 || intid > 31)
			return -EINVAL;
		return zvm_vgic_inject(vm, vm->vcpus[idx], intid, lvl->level);
	case KVM_ARM_IRQ_TYPE_SPI:
		if (!zvm_vgic_exists(vm))
			return -ENXIO;
		if (intid < 32)
			return -EINVAL;
		return zvm_vgic_inject(vm, NULL, intid, lvl->level);
	default:
		return -EINVAL;
	}
}
