// SPDX-License-Identifier: GPL-2.0
/*
 * Stolen time (Arm DEN 0057): how long a vCPU's thread wanted to run and was not let, in a structure
 * in guest memory that the VMM chose.
 *
 * The hypercalls and the VMM's attribute (group KVM_ARM_VCPU_PVTIME_CTRL) come with v->mutex held on
 * any thread; zvm_steal_update() on the vCPU's thread before each entry, preemptible. Guest memory
 * may change or vanish at any time: what is read there is only added to and written back.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../ring0/ring0.h"
#include "trap.h"

/* DEN 0057 3.2.2: revision and attributes are 0 */
struct zvm_stolen_time {
	__le32 revision, attributes;
	__le64 stolen_ns;
	u8 padding[48];
};

/* run_delay is kept up by schedstats; without them it is kept on some kernels and not on others. */
bool zvm_steal_supported(void)
{
	return IS_ENABLED(CONFIG_SCHEDSTATS);
}

static u64 zvm_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(current->sched_info.run_delay);
#else
	return 0;
#endif
}

static void zvm_steal_start(struct zvm_vcpu *v)
{
	v->steal.pid = task_pid_nr(current);
	v->steal.last = zvm_run_delay();
}

void zvm_steal_update(struct zvm_vcpu *v)
{
	struct zvm_steal *s = &v->steal;
	u64 at = s->ipa + offsetof(struct zvm_stolen_time, stolen_ns), now;
	__le64 val;

	if (likely(!s->set))
		return;
	now = zvm_run_delay();
	if (likely(now == s->last && s->pid == task_pid_nr(current)))
		return;
	if (s->pid == task_pid_nr(current) && !zvm_mm_read(v->vm, at, &val, sizeof(val))) {
		le64_add_cpu(&val, now - s->last);
		zvm_mm_write(v->vm, at, &val, sizeof(val));
	}
	zvm_steal_start(v);
}

void zvm_steal_hypercall(struct zvm_vcpu *v, u32 fn)
{
	struct zvm_stolen_time zero = {};
	u64 ret = ZVM_SMCCC_NOT_SUPPORTED;
	u32 asked = v->ctx.x[1];

	if (!(v->vm->std_hyp_bmap & ZVM_STD_HYP_PV_TIME))
		goto out;
	if (fn == ZVM_PV_TIME_FEATURES) {
		if (v->steal.set && (asked == ZVM_PV_TIME_FEATURES || asked == ZVM_PV_TIME_ST))
			ret = 0;
	} else if (v->steal.set && !zvm_mm_write(v->vm, v->steal.ipa, &zero, sizeof(zero))) {
		zvm_steal_start(v);
		ret = v->steal.ipa;
	}
out:
	zvm_smccc_return(v, ret, 0, 0, 0);
}

int zvm_steal_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	return attr->attr == KVM_ARM_VCPU_PVTIME_IPA && zvm_steal_supported() ? 0 : -ENXIO;
}

int zvm_steal_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	u64 ipa = v->steal.set ? v->steal.ipa : ~0UL;

	if (zvm_steal_has_attr(v, attr))
		return -ENXIO;
	return put_user(ipa, (u64 __user *)(uintptr_t)attr->addr);
}

int zvm_steal_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	u64 ipa;

	if (zvm_steal_has_attr(v, attr))
		return -ENXIO;
	if (get_user(ipa, (u64 __user *)(uintptr_t)attr->addr))
		return -EFAULT;
	if (!IS_ALIGNED(ipa, sizeof(struct zvm_stolen_time)))
		return -EINVAL;
	if (v->steal.set)
		return -EEXIST;
	if (!zvm_mm_is_ram(v->vm, ipa))
		return -EINVAL;
	v->steal.ipa = ipa;
	v->steal.set = true;
	zvm_steal_start(v);
	return 0;
}
