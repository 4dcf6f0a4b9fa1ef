// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM sets up of a PMU: KVM_{SET,GET,HAS}_DEVICE_ATTR on the vCPU, group
 * KVM_ARM_VCPU_PMU_V3_CTRL (Documentation/virt/kvm/devices/vcpu.rst of the kernel): the interrupt,
 * which events may be counted, which PMU of the host counts them. v->mutex is held; what belongs to
 * the VM is under vm->lock and constant once it ran.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pmu.h"

/* A PPI is the same on all vCPUs, an SPI another on each; vm->lock held. */
static bool zvm_pmu_irq_fits(struct zvm_vcpu *v, u32 irq)
{
	struct zvm_vcpu *other;
	struct zvm_pmu *pmu;
	u32 i;

	zvm_for_each_vcpu(i, other, v->vm) {
		pmu = smp_load_acquire(&other->pmu);
		if (other == v || !pmu || !READ_ONCE(pmu->irq))
			continue;
		if ((irq < 32) != (READ_ONCE(pmu->irq) == irq))
			return false;
	}
	return true;
}

static int zvm_pmu_set_irq(struct zvm_vcpu *v, u64 addr)
{
	int irq, ret = 0;

	if (!zvm_vgic_exists(v->vm))
		return -EINVAL;
	if (get_user(irq, (int __user *)(uintptr_t)addr))
		return -EFAULT;
	if (irq < 16 || irq >= 1020) /* neither PPI nor SPI */
		return -EINVAL;
	mutex_lock(&v->vm->lock);
	if (!zvm_pmu_irq_fits(v, irq))
		ret = -EINVAL;
	else if (v->pmu->irq)
		ret = -EBUSY;
	else
		WRITE_ONCE(v->pmu->irq, irq);
	mutex_unlock(&v->vm->lock);
	return ret;
}

static int zvm_pmu_attr_init(struct zvm_vcpu *v)
{
	int i, ret;

	if (!zvm_vgic_exists(v->vm))
		return -ENODEV;
	if (!v->pmu->irq)
		return -ENXIO;
	for (i = 0; i < ZVM_NR_TIMERS; i++)
		if (v->timers.t[i].intid == v->pmu->irq)
			return -EEXIST;
	ret = zvm_vgic_inject(v->vm, v, v->pmu->irq, false);
	if (ret) /* the vGIC is not initialised, or has no such interrupt */
		return ret == -EBUSY ? -ENODEV : ret;
	v->pmu->ready = true;
	return 0;
}

/* The first range says what becomes of the events outside all of them. */
static int zvm_pmu_set_filter(struct zvm_vcpu *v, u64 addr)
{
	struct zvm_vm *vm = v->vm;
	struct kvm_pmu_event_filter f;
	u32 events = zvm_pmu_version() == 1 ? 1U << 10 : ZVM_PMU_EVENTS_MAX;
	int ret = 0;

	if (copy_from_user(&f, (void __user *)(uintptr_t)addr, sizeof(f)))
		return -EFAULT;
	if ((u32)f.base_event + f.nevents > events ||
	    (f.action != KVM_PMU_EVENT_ALLOW && f.action != KVM_PMU_EVENT_DENY))
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->ran_once) {
		ret = -EBUSY;
		goto out;
	}
	if (!vm->pmu_filter) {
		vm->pmu_filter = bitmap_alloc(ZVM_PMU_EVENTS_MAX, GFP_KERNEL_ACCOUNT);
		if (!vm->pmu_filter) {
			ret = -ENOMEM;
			goto out;
		}
		if (f.action == KVM_PMU_EVENT_ALLOW)
			bitmap_zero(vm->pmu_filter, ZVM_PMU_EVENTS_MAX);
		else
			bitmap_fill(vm->pmu_filter, ZVM_PMU_EVENTS_MAX);
	}
	if (f.action == KVM_PMU_EVENT_ALLOW)
		bitmap_set(vm->pmu_filter, f.base_event, f.nevents);
	else
		bitmap_clear(vm->pmu_filter, f.base_event, f.nevents);
out:
	mutex_unlock(&vm->lock);
	return ret;
}

/* There is one that all CPUs have. */
static int zvm_pmu_set_pmu(struct zvm_vcpu *v, u64 addr)
{
	int id;

	if (get_user(id, (int __user *)(uintptr_t)addr))
		return -EFAULT;
	if (v->vm->ran_once)
		return -EBUSY;
	return id == zvm_pmu_host_type() ? 0 : -ENXIO;
}

int zvm_pmu_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	if (!v->pmu)
		return -ENODEV;
	if (v->pmu->ready)
		return -EBUSY;
	switch (attr->attr) {
	case KVM_ARM_VCPU_PMU_V3_IRQ:
		return zvm_pmu_set_irq(v, attr->addr);
	case KVM_ARM_VCPU_PMU_V3_INIT:
		return zvm_pmu_attr_init(v);
	case KVM_ARM_VCPU_PMU_V3_FILTER:
		return zvm_pmu_set_filter(v, attr->addr);
	case KVM_ARM_VCPU_PMU_V3_SET_PMU:
		return zvm_pmu_set_pmu(v, attr->addr);
	}
	return -ENXIO;
}

int zvm_pmu_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	if (attr->attr != KVM_ARM_VCPU_PMU_V3_IRQ)
		return -ENXIO;
	if (!zvm_vgic_exists(v->vm))
		return -EINVAL;
	if (!v->pmu)
		return -ENODEV;
	if (!v->pmu->irq)
		return -ENXIO;
	return put_user((int)v->pmu->irq, (int __user *)(uintptr_t)attr->addr);
}

int zvm_pmu_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_ARM_VCPU_PMU_V3_IRQ:
	case KVM_ARM_VCPU_PMU_V3_INIT:
	case KVM_ARM_VCPU_PMU_V3_FILTER:
	case KVM_ARM_VCPU_PMU_V3_SET_PMU:
		return v->pmu ? 0 : -ENXIO;
	}
	return -ENXIO;
}
