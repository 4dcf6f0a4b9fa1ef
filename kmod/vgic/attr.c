// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_{SET,GET,HAS}_DEVICE_ATTR on a vGIC: set-up, save and restore. In the context of any thread of
 * the VMM; takes vm->lock, and for register state every vcpu->mutex (-EBUSY while one runs), which
 * also brings all list registers into memory. `attr` and everything behind it is untrusted.
 *
 * ABI and errors: Documentation/virt/kvm/devices/arm-vgic-v3.rst of the kernel.
 */
#include <linux/bitfield.h>
#include <linux/uaccess.h>

#include "internal.h"

#define INFO_MASK KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK

/* vCPU of an attribute by the affinity in its upper half: Aff3..Aff0, a byte each. */
static struct zvm_vcpu *attr_vcpu(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	u64 aff = attr->attr >> KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;

	return zvm_vcpu_by_mpidr(vm, (aff & 0xffffff) | (aff & 0xff000000) << 8);
}

/* --- addresses ------------------------------------------------------------------------------------ */

static int set_addr(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	u64 val;

	if (get_user(val, (u64 __user *)(uintptr_t)attr->addr))
		return -EFAULT;
	switch (attr->attr) {
	case KVM_VGIC_V3_ADDR_TYPE_DIST:
		return zvm_vgic_set_dist_base(vm, val);
	case KVM_VGIC_V3_ADDR_TYPE_REDIST:
		return zvm_vgic_set_redist_base(vm, 0, val, 0);
	case KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION:
		/* count 63..52, base 51..16, flags 15..12, index 11..0 */
		if (!(val >> 52) || FIELD_GET(GENMASK_ULL(15, 12), val))
			return -EINVAL;
		return zvm_vgic_set_redist_base(vm, val & 0xfff, val & GENMASK_ULL(51, 16),
						val >> 52);
	}
	return -ENXIO;
}

static int get_addr(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	u64 __user *uaddr = (u64 __user *)(uintptr_t)attr->addr;
	struct zvm_vgic *g = &vm->vgic;
	u64 val, index;

	switch (attr->attr) {
	case KVM_VGIC_V3_ADDR_TYPE_DIST:
		val = g->dist_base;
		break;
	case KVM_VGIC_V3_ADDR_TYPE_REDIST:
		val = g->nr_regions ? g->regions[0].base : ZVM_VGIC_ADDR_UNDEF;
		break;
	case KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION:
		if (get_user(val, uaddr))
			return -EFAULT;
		index = val & 0xfff;
		if (index >= g->nr_regions)
			return -ENOENT;
		val = (u64)g->regions[index].count << 52 | g->regions[index].base | index;
		break;
	default:
		return -ENXIO;
	}
	return put_user(val, uaddr);
}

/* --- size and control ------------------------------------------------------------------------------- */

static int set_nr_irqs(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	u32 val;

	if (get_user(val, (u32 __user *)(uintptr_t)attr->addr))
		return -EFAULT;
	if (val < 64 || val > ZVM_VGIC_MAX_IRQS || val % 32)
		return -EINVAL;
	if (vm->vgic.nr_irqs || vm->vgic.initialized)
		return -EBUSY;
	vm->vgic.nr_irqs = val;
	return 0;
}

static int set_ctrl(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	int err;

	switch (attr->attr) {
	case KVM_DEV_ARM_VGIC_CTRL_INIT:
		return zvm_vgic_init(vm);
	case KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES:
		err = zvm_vm_trylock_vcpus(vm);
		if (err)
			return err;
		err = zvm_lpi_save_pending(vm);
		zvm_vm_unlock_vcpus(vm);
		return err;
	}
	return -ENXIO;
}

/* --- registers ------------------------------------------------------------------------------------ */

static int lines_access(struct zvm_vm *vm, struct zvm_vcpu *v, u64 attr, bool write, u64 *val)
{
	u32 intid = attr & KVM_DEV_ARM_VGIC_LINE_LEVEL_INTID_MASK;

	if (FIELD_GET(INFO_MASK, attr) != VGIC_LEVEL_INFO_LINE_LEVEL || intid % 32)
		return -EINVAL;
	if (write)
		zvm_vgic_set_lines(vm, v, intid, *val);
	else
		*val = zvm_vgic_get_lines(vm, v, intid);
	return 0;
}

static int state_access(struct zvm_vm *vm, const struct kvm_device_attr *attr, struct zvm_vcpu *v,
			bool write, u64 *val)
{
	struct zvm_vgic_access a = {
		.vm = vm, .off = (u32)attr->attr, .len = 4, .user = true,
	};

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		a.v = v;
		fallthrough;
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
		if (write)
			return zvm_vgic_reg_write(&a, zvm_vgic_find_reg(&a), *val);
		*val = zvm_vgic_reg_read(&a, zvm_vgic_find_reg(&a));
		return 0;
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		if (write)
			return zvm_vgic_sysreg_set(v, attr->attr & 0xffff, *val);
		return zvm_vgic_sysreg_get(v, attr->attr & 0xffff, val);
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return lines_access(vm, v, attr->attr, write, val);
	}
	return -EINVAL;
}

/* Register groups: 64 bits for the CPU interface, 32 for the rest. */
static int regs_access(struct zvm_vm *vm, const struct kvm_device_attr *attr, bool write)
{
	void __user *uaddr = (void __user *)(uintptr_t)attr->addr;
	bool wide = attr->group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
	struct zvm_vcpu *v;
	u64 val = 0;
	u32 val32;
	int err;

	v = attr->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS ?
		    (zvm_vm_nr_vcpus(vm) ? vm->vcpus[0] : NULL) : attr_vcpu(vm, attr);
	if (!v)
		return -EINVAL;
	if (write && wide) {
		if (get_user(val, (u64 __user *)uaddr))
			return -EFAULT;
	} else if (write) {
		if (get_user(val32, (u32 __user *)uaddr))
			return -EFAULT;
		val = val32;
	}

	err = zvm_vm_trylock_vcpus(vm);
	if (err)
		return err;
	err = vm->vgic.initialized ? state_access(vm, attr, v, write, &val) : -EBUSY;
	zvm_vm_unlock_vcpus(vm);
	if (err || write)
		return err;
	return wide ? put_user(val, (u64 __user *)uaddr) : put_user((u32)val, (u32 __user *)uaddr);
}

static int has_reg(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	struct zvm_vgic_access a = { .vm = vm, .off = (u32)attr->attr, .len = 4, .user = true };
	struct zvm_vcpu *v;

	v = attr->group == KVM_DEV_ARM_VGIC_GRP_DIST_REGS ?
		    (zvm_vm_nr_vcpus(vm) ? vm->vcpus[0] : NULL) : attr_vcpu(vm, attr);
	if (!v)
		return -EINVAL;
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS)
		return zvm_vgic_sysreg_has(attr->attr & 0xffff);
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS)
		a.v = v;
	return zvm_vgic_find_reg(&a) ? 0 : -ENXIO;
}

/* --- entry points ------------------------------------------------------------------------------------ */

static int set_attr(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return set_addr(vm, attr);
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return set_nr_irqs(vm, attr);
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return set_ctrl(vm, attr);
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return regs_access(vm, attr, true);
	}
	return -ENXIO;
}

static int get_attr(struct zvm_vm *vm, const struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return get_addr(vm, attr);
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return put_user(max(vm->vgic.nr_irqs, (u32)ZVM_VGIC_NR_PRIVATE),
				(u32 __user *)(uintptr_t)attr->addr);
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return regs_access(vm, attr, false);
	}
	return -ENXIO;
}

int zvm_vgic_set_attr(struct zvm_vm *vm, struct kvm_device_attr *attr)
{
	int err;

	mutex_lock(&vm->lock);
	err = set_attr(vm, attr);
	mutex_unlock(&vm->lock);
	return err;
}

int zvm_vgic_get_attr(struct zvm_vm *vm, struct kvm_device_attr *attr)
{
	int err;

	mutex_lock(&vm->lock);
	err = get_attr(vm, attr);
	mutex_unlock(&vm->lock);
	return err;
}

int zvm_vgic_has_attr(struct zvm_vm *vm, struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr == KVM_VGIC_V3_ADDR_TYPE_DIST ||
				       attr->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST ||
				       attr->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION ?
			       0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return 0;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return attr->attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
				       attr->attr == KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES ?
			       0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return FIELD_GET(INFO_MASK, attr->attr) == VGIC_LEVEL_INFO_LINE_LEVEL ? 0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		return has_reg(vm, attr);
	}
	return -ENXIO;
}
