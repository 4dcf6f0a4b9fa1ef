// SPDX-License-Identifier: GPL-2.0
/*
 * The VM file descriptor: its ioctls and its lifetime.
 *
 * A VM lives as long as its own, any vCPU's, any device's or any statistics' descriptor is open
 * (vm->users), and each of them holds the module. It belongs to the process that made it: from another
 * address space every ioctl fails with -EIO, as in KVM, so that a forked child cannot touch it.
 * When the VM descriptor itself is closed, irqfds and ioeventfds are shut down.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <uapi/linux/psci.h>

#include "caps.h"
#include "trap/trap.h"
#include "zvm.h"
#include "zvm_smccc.h"

#undef pr_fmt
#define pr_fmt(fmt) "zvm: " fmt

static void zvm_vm_destroy(struct zvm_vm *vm)
{
	u32 i;

	/* The last EOIs reach irqfd here, and an LPI goes back to the queue of whichever vCPU. */
	for (i = 0; i < vm->nr_vcpus; i++)
		zvm_resident_evict(vm->vcpus[i]);
	for (i = 0; i < vm->nr_vcpus; i++)
		zvm_vcpu_destroy(vm->vcpus[i]);
	zvm_event_destroy(vm);
	zvm_vgic_destroy(vm);
	zvm_mm_destroy(vm);
	zvm_stats_vm_destroy(vm);
	mmdrop(vm->owner);
	bitmap_free(vm->pmu_filter);
	kfree(vm);
}

void zvm_vm_get(struct zvm_vm *vm)
{
	refcount_inc(&vm->users);
}

void zvm_vm_put(struct zvm_vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		zvm_vm_destroy(vm);
}

void zvm_vm_kill(struct zvm_vm *vm, const char *reason)
{
	struct zvm_vcpu *v;
	u32 i;

	if (xchg(&vm->dead, true))
		return;
	pr_err_ratelimited("VM %s stopped: %s\n", vm->name, reason);
	zvm_for_each_vcpu(i, v, vm)
		zvm_vcpu_request(v, ZVM_REQ_VM_DEAD);
}

struct zvm_vcpu *zvm_vcpu_by_mpidr(struct zvm_vm *vm, u64 mpidr)
{
	struct zvm_vcpu *v;
	u32 i;

	zvm_for_each_vcpu(i, v, vm)
		if (!((READ_ONCE(v->sys.mpidr) ^ mpidr) & ZVM_MPIDR_AFF_MASK))
			return v;
	return NULL;
}

/*
 * Lockdep has room for 48 locks of a task. Locks of one kind that are taken under the same other one
 * count once, if it is told so; mutex_trylock() has no way to.
 */
static void zvm_vm_tell_lockdep(struct zvm_vm *vm, struct zvm_vcpu *v)
{
	mutex_release(&v->mutex.dep_map, _THIS_IP_);
	mutex_acquire_nest(&v->mutex.dep_map, 0, 1, &vm->lock.dep_map, _THIS_IP_);
}

int zvm_vm_trylock_vcpus(struct zvm_vm *vm)
{
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		if (!mutex_trylock(&vm->vcpus[i]->mutex)) {
			while (i--)
				mutex_unlock(&vm->vcpus[i]->mutex);
			return -EBUSY;
		}
		zvm_vm_tell_lockdep(vm, vm->vcpus[i]);
	}
	for (i = 0; i < vm->nr_vcpus; i++)
		zvm_resident_evict(vm->vcpus[i]);
	return 0;
}

void zvm_vm_unlock_vcpus(struct zvm_vm *vm)
{
	u32 i;

	for (i = vm->nr_vcpus; i--;)
		mutex_unlock(&vm->vcpus[i]->mutex);
}

/* --- the vGIC's device descriptor -------------------------------------------------------------- */

static long zvm_vgic_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zvm_vm *vm = file->private_data;
	struct kvm_device_attr attr;

	if (vm->owner != current->mm)
		return -EIO;
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		break;
	default:
		return -ENOTTY;
	}
	if (copy_from_user(&attr, (void __user *)arg, sizeof(attr)))
		return -EFAULT;
	if (attr.flags)
		return -EINVAL;
	if (cmd == KVM_SET_DEVICE_ATTR)
		return zvm_vgic_set_attr(vm, &attr);
	if (cmd == KVM_GET_DEVICE_ATTR)
		return zvm_vgic_get_attr(vm, &attr);
	return zvm_vgic_has_attr(vm, &attr);
}

static int zvm_vgic_release(struct inode *inode, struct file *file)
{
	zvm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations zvm_vgic_fops = {
	.owner = THIS_MODULE,
	.release = zvm_vgic_release,
	.unlocked_ioctl = zvm_vgic_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int zvm_vm_create_device(struct zvm_vm *vm, struct kvm_create_device *cd)
{
	struct file *file;
	int fd, ret;

	if (cd->type != KVM_DEV_TYPE_ARM_VGIC_V3 && cd->type != KVM_DEV_TYPE_ARM_VGIC_ITS)
		return -ENODEV;
	if (cd->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	if (cd->type == KVM_DEV_TYPE_ARM_VGIC_ITS) {
		fd = zvm_its_create(vm);
		cd->fd = fd;
		return min(fd, 0);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("zvm-vgic-v3", &zvm_vgic_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	zvm_vm_get(vm);
	mutex_lock(&vm->lock);
	ret = zvm_vgic_create(vm);
	mutex_unlock(&vm->lock);
	if (ret) {
		put_unused_fd(fd);
		fput(file); /* drops the reference */
		return ret;
	}
	cd->fd = fd;
	fd_install(fd, file);
	return 0;
}

/* --- the VM descriptor ------------------------------------------------------------------------- */

static int zvm_vm_set_routing(struct zvm_vm *vm, void __user *argp)
{
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing hdr;
	int ret;

	if (copy_from_user(&hdr, argp, sizeof(hdr)))
		return -EFAULT;
	if (hdr.flags || hdr.nr > ZVM_MAX_ROUTES)
		return -EINVAL;
	if (hdr.nr) {
		entries = vmemdup_user(argp + sizeof(hdr), array_size(sizeof(*entries), hdr.nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	ret = zvm_routing_set(vm, entries, hdr.nr);
	kvfree(entries);
	return ret;
}

static int zvm_vm_preferred_target(void __user *argp)
{
	struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8 };

	return copy_to_user(argp, &init, sizeof(init)) ? -EFAULT : 0;
}

#define ZVM_COPY(type, name)                                \
	type name;                                          \
	if (copy_from_user(&name, argp, sizeof(name)))      \
		return -EFAULT

static long zvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zvm_vm *vm = file->private_data;
	void __user *argp = (void __user *)arg;

	if (vm->owner != current->mm || vm->dead)
		return -EIO;

	switch (cmd) {
	case KVM_CREATE_VCPU:
		return zvm_vcpu_create(vm, arg);
	case KVM_CHECK_EXTENSION:
		return zvm_check_extension(vm, arg);
	case KVM_ENABLE_CAP: {
		ZVM_COPY(struct kvm_enable_cap, cap);
		return zvm_vm_enable_cap(vm, &cap);
	}
	case KVM_SET_USER_MEMORY_REGION: {
		ZVM_COPY(struct kvm_userspace_memory_region, region);
		return zvm_mm_set_region(vm, &region);
	}
	case KVM_GET_DIRTY_LOG: {
		ZVM_COPY(struct kvm_dirty_log, log);
		return zvm_mm_get_dirty_log(vm, &log);
	}
	case KVM_CLEAR_DIRTY_LOG: {
		ZVM_COPY(struct kvm_clear_dirty_log, log);
		return zvm_mm_clear_dirty_log(vm, &log);
	}
	case KVM_CREATE_DEVICE: {
		int ret;
		ZVM_COPY(struct kvm_create_device, cd);
		ret = zvm_vm_create_device(vm, &cd);
		if (!ret && copy_to_user(argp, &cd, sizeof(cd)))
			ret = -EFAULT;
		return ret;
	}
	case KVM_IRQ_LINE: {
		ZVM_COPY(struct kvm_irq_level, level);
		return zvm_irq_line(vm, &level);
	}
	case KVM_SIGNAL_MSI: {
		ZVM_COPY(struct kvm_msi, msi);
		if (!zvm_vgic_exists(vm) || msi.flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		return zvm_its_msi(vm, &msi);
	}
	case KVM_IRQFD: {
		ZVM_COPY(struct kvm_irqfd, irqfd);
		return zvm_irqfd(vm, &irqfd);
	}
	case KVM_IOEVENTFD: {
		ZVM_COPY(struct kvm_ioeventfd, ioeventfd);
		return zvm_ioeventfd(vm, &ioeventfd);
	}
	case KVM_SET_GSI_ROUTING:
		return zvm_vm_set_routing(vm, argp);
	case KVM_ARM_PREFERRED_TARGET:
		return zvm_vm_preferred_target(argp);
	case KVM_CREATE_IRQCHIP:
		return -ENODEV; /* that would be a GICv2 */
	case KVM_HAS_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
		return -ENXIO; /* the VM itself has no attributes */
	case KVM_GET_STATS_FD:
		return zvm_stats_vm_fd(vm);
	default:
		return -ENOTTY;
	}
}

static int zvm_vm_release(struct inode *inode, struct file *file)
{
	struct zvm_vm *vm = file->private_data;

	zvm_event_release(vm);
	zvm_vm_put(vm);
	return 0;
}

static const struct file_operations zvm_vm_fops = {
	.owner = THIS_MODULE,
	.release = zvm_vm_release,
	.unlocked_ioctl = zvm_vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* KVM_CREATE_VM: bits 7..0 are the IPA size, 0 meaning 40. */
static int zvm_vm_ipa_bits(unsigned long type, u32 *bits)
{
	if (type & ~KVM_VM_TYPE_ARM_IPA_SIZE_MASK)
		return -EINVAL;
	*bits = type & KVM_VM_TYPE_ARM_IPA_SIZE_MASK;
	if (!*bits)
		*bits = 40;
	if (*bits < 32 || *bits > zvm_host.ipa_bits_max)
		return -EINVAL;
	return 0;
}

int zvm_vm_create(unsigned long type, int *fd)
{
	struct zvm_vm *vm;
	struct file *file;
	u32 ipa_bits;
	int ret;

	ret = zvm_vm_ipa_bits(type, &ipa_bits);
	if (ret)
		return ret;
	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	*fd = get_unused_fd_flags(O_CLOEXEC);
	if (*fd < 0) {
		ret = *fd;
		goto fail_vm;
	}
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	raw_spin_lock_init(&vm->psci_lock);
	vm->owner = current->mm;
	mmgrab(vm->owner);
	vm->psci_version = PSCI_VERSION(1, 1);
	vm->std_bmap = ZVM_STD_TRNG;
	vm->std_hyp_bmap = ZVM_STD_HYP_PV_TIME;
	vm->vendor_bmap = zvm_vendor_services();
	vm->cntvoff = read_sysreg(cntpct_el0);
	snprintf(vm->name, sizeof(vm->name), "%d-%d", task_pid_nr(current), *fd);
	zvm_idreg_init(vm);
	ret = zvm_mm_create(vm, ipa_bits);
	if (ret)
		goto fail_fd;
	ret = zvm_event_create(vm);
	if (ret)
		goto fail_mm;
	zvm_stats_vm_create(vm);
	file = anon_inode_getfile("zvm-vm", &zvm_vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto fail_stats;
	}
	fd_install(*fd, file);
	return 0;

fail_stats:
	zvm_stats_vm_destroy(vm);
	zvm_event_destroy(vm);
fail_mm:
	zvm_mm_destroy(vm);
fail_fd:
	mmdrop(vm->owner);
	put_unused_fd(*fd);
fail_vm:
	kfree(vm);
	return ret;
}
