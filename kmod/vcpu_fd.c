// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU file descriptor: ioctls and the mapping of struct kvm_run.
 *
 * Every ioctl holds v->mutex, so a vCPU inside KVM_RUN makes others wait, as in KVM.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "pmu/pmu.h"
#include "run.h"
#include "switch/switch.h"
#include "trap/trap.h"

#define ZVM_PAUTH_FEATURES \
	(BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS) | BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC))
/* What the ID registers tell of, and they are the VM's. */
#define ZVM_SHOWN_FEATURES (ZVM_PAUTH_FEATURES | BIT(KVM_ARM_VCPU_PMU_V3))

static u32 zvm_vcpu_features(void)
{
	return BIT(KVM_ARM_VCPU_POWER_OFF) | BIT(KVM_ARM_VCPU_PSCI_0_2) |
	       (zvm_pauth_supported() ? ZVM_PAUTH_FEATURES : 0) |
	       (zvm_pmu_supported() ? BIT(KVM_ARM_VCPU_PMU_V3) : 0);
}

/* The first vCPU of a VM says for all of them what they have. */
static int zvm_vcpu_set_features(struct zvm_vcpu *v, u32 features)
{
	struct zvm_vm *vm = v->vm;
	u32 pauth = features & ZVM_PAUTH_FEATURES;
	int ret = 0;

	if ((features & ~zvm_vcpu_features()) || (pauth && pauth != ZVM_PAUTH_FEATURES))
		return -EINVAL;
	/* A second call resets; it may not change what the guest is made of. */
	if (v->initialized && ((v->features ^ features) & ~BIT(KVM_ARM_VCPU_POWER_OFF)))
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (!vm->features_set) {
		zvm_idreg_features(vm, features);
		vm->features = features & ZVM_SHOWN_FEATURES;
		vm->features_set = true;
	} else if (vm->features != (features & ZVM_SHOWN_FEATURES)) {
		ret = -EINVAL;
	}
	mutex_unlock(&vm->lock);
	return ret || !(features & BIT(KVM_ARM_VCPU_PMU_V3)) ? ret : zvm_pmu_create(v);
}

static int zvm_vcpu_init(struct zvm_vcpu *v, const struct kvm_vcpu_init *init)
{
	int ret;
	u32 i;

	if (init->target != KVM_ARM_TARGET_GENERIC_V8)
		return -EINVAL;
	for (i = 1; i < ARRAY_SIZE(init->features); i++)
		if (init->features[i])
			return -ENOENT;
	ret = zvm_vcpu_set_features(v, init->features[0]);
	if (ret)
		return ret;
	v->features = init->features[0];
	v->initialized = true;

	/* The guest starts with its caches off: what its last life left in them must be in RAM. */
	if (smp_load_acquire(&v->vm->ran_once) && !zvm_host.has_fwb)
		zvm_mm_flush_dcache(v->vm);
	zvm_switch_reset(v);
	zvm_timer_vcpu_reset(v);
	zvm_pmu_reset(v);
	zvm_vgic_vcpu_reset(v);
	memset(&v->mmio, 0, sizeof(v->mmio));
	raw_spin_lock(&v->vm->psci_lock);
	v->reset.pending = false;
	v->suspended = false;
	WRITE_ONCE(v->powered_off, !!(v->features & BIT(KVM_ARM_VCPU_POWER_OFF)));
	raw_spin_unlock(&v->vm->psci_lock);
	return 0;
}

static u32 zvm_vcpu_get_mp_state(struct zvm_vcpu *v)
{
	if (READ_ONCE(v->powered_off))
		return KVM_MP_STATE_STOPPED;
	return v->suspended ? KVM_MP_STATE_SUSPENDED : KVM_MP_STATE_RUNNABLE;
}

static int zvm_vcpu_set_mp_state(struct zvm_vcpu *v, const struct kvm_mp_state *mp)
{
	switch (mp->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_STOPPED:
	case KVM_MP_STATE_SUSPENDED:
		v->suspended = mp->mp_state == KVM_MP_STATE_SUSPENDED;
		WRITE_ONCE(v->powered_off, mp->mp_state == KVM_MP_STATE_STOPPED);
		return 0;
	default:
		return -EINVAL;
	}
}

static void zvm_vcpu_get_events(struct zvm_vcpu *v, struct kvm_vcpu_events *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->exception.serror_pending = v->serror_pending || (v->ctx.hcr & ZVM_HCR_VSE);
	ev->exception.serror_has_esr = zvm_host.has_ras;
	if (ev->exception.serror_pending && zvm_host.has_ras)
		ev->exception.serror_esr = v->vsesr;
}

static int zvm_vcpu_set_events(struct zvm_vcpu *v, const struct kvm_vcpu_events *ev)
{
	bool esr = ev->exception.serror_pending && ev->exception.serror_has_esr;

	if (memchr_inv(ev->exception.pad, 0, sizeof(ev->exception.pad)) ||
	    memchr_inv(ev->reserved, 0, sizeof(ev->reserved)))
		return -EINVAL;
	if (esr && (!zvm_host.has_ras || (ev->exception.serror_esr & ~ZVM_ESR_ISS_MASK)))
		return -EINVAL;
	if (ev->exception.ext_dabt_pending) {
		v->mmio.pending = false; /* the access that the VMM refuses */
		zvm_inject_abort(v, false, v->ctx.far);
	}
	if (ev->exception.serror_pending)
		zvm_inject_serror(v, esr ? ev->exception.serror_esr : ZVM_ESR_IDS);
	return 0;
}

static int zvm_vcpu_set_sigmask(struct zvm_vcpu *v, void __user *argp)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!argp) {
		v->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&mask, argp, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, argp + sizeof(mask), sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	v->sigset = set;
	v->sigset_active = true;
	return 0;
}

static int zvm_vcpu_device_attr(struct zvm_vcpu *v, unsigned int cmd, void __user *argp)
{
	struct kvm_device_attr attr;

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	if (attr.flags)
		return -EINVAL;
	if (attr.group == KVM_ARM_VCPU_PVTIME_CTRL) {
		if (cmd == KVM_SET_DEVICE_ATTR)
			return zvm_steal_set_attr(v, &attr);
		if (cmd == KVM_GET_DEVICE_ATTR)
			return zvm_steal_get_attr(v, &attr);
		return zvm_steal_has_attr(v, &attr);
	}
	if (attr.group == KVM_ARM_VCPU_PMU_V3_CTRL) {
		if (cmd == KVM_SET_DEVICE_ATTR)
			return zvm_pmu_set_attr(v, &attr);
		if (cmd == KVM_GET_DEVICE_ATTR)
			return zvm_pmu_get_attr(v, &attr);
		return zvm_pmu_has_attr(v, &attr);
	}
	if (attr.group != KVM_ARM_VCPU_TIMER_CTRL)
		return -ENXIO;
	if (cmd == KVM_SET_DEVICE_ATTR)
		return zvm_timer_set_attr(v, &attr);
	if (cmd == KVM_GET_DEVICE_ATTR)
		return zvm_timer_get_attr(v, &attr);
	return zvm_timer_has_attr(v, &attr);
}

#define ZVM_COPY(type, name)                                \
	type name;                                          \
	if (copy_from_user(&name, argp, sizeof(name)))      \
		return -EFAULT

/* v->mutex held. */
static long zvm_vcpu_do_ioctl(struct zvm_vcpu *v, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	if (cmd == KVM_RUN)
		return arg ? -EINVAL : zvm_vcpu_run(v);
	if (cmd == KVM_SET_SIGNAL_MASK)
		return zvm_vcpu_set_sigmask(v, argp);

	/* All others look at or change registers. */
	zvm_resident_evict(v);
	if (v->reset.pending && v->initialized && cmd != KVM_ARM_VCPU_INIT)
		zvm_psci_reset(v);

	switch (cmd) {
	case KVM_ARM_VCPU_INIT: {
		ZVM_COPY(struct kvm_vcpu_init, init);
		return zvm_vcpu_init(v, &init);
	}
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG: {
		ZVM_COPY(struct kvm_one_reg, reg);
		if (!v->initialized)
			return -ENOEXEC;
		return cmd == KVM_GET_ONE_REG ? zvm_onereg_get(v, &reg) : zvm_onereg_set(v, &reg);
	}
	case KVM_GET_REG_LIST:
		if (!v->initialized)
			return -ENOEXEC;
		return zvm_onereg_list(v, argp);
	case KVM_GET_MP_STATE: {
		struct kvm_mp_state mp = { .mp_state = zvm_vcpu_get_mp_state(v) };

		return copy_to_user(argp, &mp, sizeof(mp)) ? -EFAULT : 0;
	}
	case KVM_SET_MP_STATE: {
		ZVM_COPY(struct kvm_mp_state, mp);
		return zvm_vcpu_set_mp_state(v, &mp);
	}
	case KVM_GET_VCPU_EVENTS: {
		struct kvm_vcpu_events ev;

		if (!v->initialized)
			return -ENOEXEC;
		zvm_vcpu_get_events(v, &ev);
		return copy_to_user(argp, &ev, sizeof(ev)) ? -EFAULT : 0;
	}
	case KVM_SET_VCPU_EVENTS: {
		ZVM_COPY(struct kvm_vcpu_events, ev);
		if (!v->initialized)
			return -ENOEXEC;
		return zvm_vcpu_set_events(v, &ev);
	}
	case KVM_SET_GUEST_DEBUG: {
		ZVM_COPY(struct kvm_guest_debug, dbg);
		return zvm_debug_set(v, &dbg);
	}
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return zvm_vcpu_device_attr(v, cmd, argp);
	default:
		return -ENOTTY;
	}
}

static long zvm_vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zvm_vcpu *v = file->private_data;
	long ret;

	if (v->vm->owner != current->mm || v->vm->dead)
		return -EIO;
	if (cmd == KVM_GET_STATS_FD)
		return zvm_stats_vcpu_fd(v);
	if (mutex_lock_killable(&v->mutex))
		return -EINTR;
	ret = zvm_vcpu_do_ioctl(v, cmd, arg);
	mutex_unlock(&v->mutex);
	return ret;
}

static vm_fault_t zvm_vcpu_fault(struct vm_fault *vmf)
{
	struct zvm_vcpu *v = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	page = virt_to_page(v->run);
	get_page(page);
	vmf->page = page;
	return 0;
}

static void zvm_vcpu_vma_open(struct vm_area_struct *vma)
{
	struct zvm_vcpu *v = vma->vm_file->private_data;

	zvm_mm_run_mapped(v->vm, vma->vm_mm);
}

static void zvm_vcpu_vma_close(struct vm_area_struct *vma)
{
	struct zvm_vcpu *v = vma->vm_file->private_data;

	zvm_mm_run_unmapped(v->vm, vma->vm_mm);
}

static const struct vm_operations_struct zvm_vcpu_vm_ops = {
	.open = zvm_vcpu_vma_open,
	.close = zvm_vcpu_vma_close,
	.fault = zvm_vcpu_fault,
};

static int zvm_vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &zvm_vcpu_vm_ops;
	zvm_vcpu_vma_open(vma);
	return 0;
}

static int zvm_vcpu_release(struct inode *inode, struct file *file)
{
	struct zvm_vcpu *v = file->private_data;

	zvm_vm_put(v->vm);
	return 0;
}

static const struct file_operations zvm_vcpu_fops = {
	.owner = THIS_MODULE,
	.release = zvm_vcpu_release,
	.unlocked_ioctl = zvm_vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = zvm_vcpu_mmap,
	.llseek = noop_llseek,
};

int zvm_vcpu_fd(struct zvm_vcpu *v)
{
	char name[24];
	int fd;

	snprintf(name, sizeof(name), "zvm-vcpu:%u", v->id);
	zvm_vm_get(v->vm);
	fd = anon_inode_getfd(name, &zvm_vcpu_fops, v, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		zvm_vm_put(v->vm);
	return fd;
}
