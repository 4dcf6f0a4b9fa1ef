// SPDX-License-Identifier: GPL-2.0
/*
 * The device descriptor of an ITS: KVM_{SET,GET,HAS}_DEVICE_ATTR, in any thread of the VMM. Takes
 * vm->lock, for registers and tables every vcpu->mutex too (-EBUSY while one runs), then
 * g->its_mutex. `attr` and everything behind it is untrusted.
 *
 * An ITS lives as long as its VM, whenever its descriptor is closed.
 *
 * ABI and errors: Documentation/virt/kvm/devices/arm-vgic-its.rst of the kernel.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "its.h"

static int set_base(struct zvm_its *its, u64 base)
{
	int err;

	if (its->base != ZVM_VGIC_ADDR_UNDEF)
		return -EEXIST;
	err = zvm_vgic_check_range(its->vm, base, ZVM_ITS_SIZE);
	if (!err)
		WRITE_ONCE(its->base, base);
	return err;
}

/* All vCPUs stopped, its_mutex held. */
static int ctrl(struct zvm_its *its, u64 attr)
{
	switch (attr) {
	case KVM_DEV_ARM_ITS_CTRL_RESET:
		zvm_its_reset(its);
		return 0;
	case KVM_DEV_ARM_ITS_SAVE_TABLES:
		return its->vm->vgic.initialized ? zvm_its_save(its) : -ENXIO;
	case KVM_DEV_ARM_ITS_RESTORE_TABLES:
		return its->vm->vgic.initialized ? zvm_its_restore(its) : -ENXIO;
	}
	return -ENXIO;
}

static int has_reg(u64 off)
{
	bool narrow = off < 8 || off >= 0xffd0;

	if (off & (narrow ? 3 : 7))
		return -EINVAL;
	return off < ZVM_ITS_SIZE && zvm_its_reg_width(off) ? 0 : -ENXIO;
}

static int reg_access(struct zvm_its *its, u64 off, bool write, u64 *val)
{
	struct zvm_its_access a = { .its = its, .off = off, .len = zvm_its_reg_width(off) };

	if (its->base == ZVM_VGIC_ADDR_UNDEF)
		return -ENXIO;
	if (write)
		return zvm_its_write(&a, *val);
	*val = zvm_its_read(&a);
	return 0;
}

/* What needs the VM to stand still. */
static int stopped(struct zvm_its *its, const struct kvm_device_attr *attr, bool write, u64 *val)
{
	struct zvm_vm *vm = its->vm;
	int err;

	err = zvm_vm_trylock_vcpus(vm);
	if (err)
		return err;
	mutex_lock(&vm->vgic.its_mutex);
	if (attr->group == KVM_DEV_ARM_VGIC_GRP_CTRL)
		err = ctrl(its, attr->attr);
	else
		err = reg_access(its, attr->attr, write, val);
	mutex_unlock(&vm->vgic.its_mutex);
	zvm_vm_unlock_vcpus(vm);
	return err;
}

static int has_attr(const struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr == KVM_VGIC_ITS_ADDR_TYPE ? 0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		switch (attr->attr) {
		case KVM_DEV_ARM_VGIC_CTRL_INIT:
		case KVM_DEV_ARM_ITS_CTRL_RESET:
		case KVM_DEV_ARM_ITS_SAVE_TABLES:
		case KVM_DEV_ARM_ITS_RESTORE_TABLES:
			return 0;
		}
		return -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return has_reg(attr->attr);
	}
	return -ENXIO;
}

/* vm->lock held. */
static int set_attr(struct zvm_its *its, const struct kvm_device_attr *attr)
{
	u64 __user *uaddr = (u64 __user *)(uintptr_t)attr->addr;
	u64 val = 0;
	int err;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
			return -ENODEV;
		return get_user(val, uaddr) ? -EFAULT : set_base(its, val);
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		err = has_attr(attr);
		if (err || attr->attr == KVM_DEV_ARM_VGIC_CTRL_INIT)
			return err; /* it has been ready since it was made */
		return stopped(its, attr, true, &val);
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		if (get_user(val, uaddr))
			return -EFAULT;
		err = has_attr(attr);
		return err ?: stopped(its, attr, true, &val);
	}
	return -ENXIO;
}

static int get_attr(struct zvm_its *its, const struct kvm_device_attr *attr)
{
	u64 __user *uaddr = (u64 __user *)(uintptr_t)attr->addr;
	u64 val = its->base;
	int err;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
			return -ENODEV;
		return put_user(val, uaddr);
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		err = has_attr(attr);
		if (!err)
			err = stopped(its, attr, false, &val);
		return err ?: put_user(val, uaddr);
	}
	return -ENXIO;
}

static long zvm_its_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zvm_its *its = file->private_data;
	struct zvm_vm *vm = its->vm;
	struct kvm_device_attr attr;
	int ret;

	if (vm->owner != current->mm)
		return -EIO;
	if (cmd != KVM_SET_DEVICE_ATTR && cmd != KVM_GET_DEVICE_ATTR && cmd != KVM_HAS_DEVICE_ATTR)
		return -ENOTTY;
	if (copy_from_user(&attr, (void __user *)arg, sizeof(attr)))
		return -EFAULT;
	if (attr.flags)
		return -EINVAL;
	if (cmd == KVM_HAS_DEVICE_ATTR)
		return has_attr(&attr);
	mutex_lock(&vm->lock);
	ret = cmd == KVM_SET_DEVICE_ATTR ? set_attr(its, &attr) : get_attr(its, &attr);
	mutex_unlock(&vm->lock);
	return ret;
}

static int zvm_its_release(struct inode *inode, struct file *file)
{
	struct zvm_its *its = file->private_data;

	zvm_vm_put(its->vm);
	return 0;
}

static const struct file_operations zvm_its_fops = {
	.owner = THIS_MODULE,
	.release = zvm_its_release,
	.unlocked_ioctl = zvm_its_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

int zvm_its_create(struct zvm_vm *vm)
{
	struct zvm_its *its;
	struct file *file;
	int fd, ret;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	mutex_lock(&vm->lock);
	ret = zvm_its_add(vm, &its);
	mutex_unlock(&vm->lock);
	if (ret)
		goto err_fd;
	/* Without a descriptor it stays, and does nothing: it has no address. */
	file = anon_inode_getfile("zvm-vgic-its", &zvm_its_fops, its, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}
	zvm_vm_get(vm);
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
	return ret;
}
