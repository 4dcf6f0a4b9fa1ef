// SPDX-License-Identifier: GPL-2.0
/*
 * Module load and /dev/zvm: the system file descriptor of the KVM API.
 */
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "caps.h"
#include "gic.h"
#include "host.h"
#include "pmu/pmu.h"
#include "trap/trap.h"
#include "zvm.h"

#undef pr_fmt
#define pr_fmt(fmt) "zvm: " fmt

bool zvm_residency = IS_ENABLED(CONFIG_ZVM_RESIDENCY);
module_param_named(residency, zvm_residency, bool, 0644);
MODULE_PARM_DESC(residency, "keep a vCPU's registers in the CPU between entries (default: on)");

static long zvm_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int fd, ret;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		ret = zvm_vm_create(arg, &fd);
		return ret ? ret : fd;
	case KVM_CHECK_EXTENSION:
		return zvm_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : PAGE_SIZE;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations zvm_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = zvm_dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice zvm_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "zvm",
	.fops = &zvm_dev_fops,
	.mode = 0660,
};

static int __init zvm_init(void)
{
	int ret;

	ret = zvm_host_probe();
	if (ret)
		return ret;
	zvm_sysreg_init();
	zvm_pmu_init();
	ret = zvm_vmid_init();
	if (ret)
		return ret;
	ret = zvm_event_init();
	if (ret)
		goto fail_vmid;
	ret = zvm_stats_init();
	if (ret)
		goto fail_event;
	ret = zvm_irq_init();
	if (ret)
		goto fail_stats;
	zvm_gic_init();
	ret = zvm_cpu_init();
	if (ret)
		goto fail_gic;
	ret = misc_register(&zvm_dev);
	if (ret)
		goto fail_cpu;
	pr_info("ready: %u list registers, %u-bit IPA, %u-bit VMID\n", zvm_host.nr_lrs,
		zvm_host.ipa_bits_max, zvm_host.vmid_bits);
	return 0;

fail_cpu:
	zvm_cpu_exit();
fail_gic:
	zvm_gic_exit();
	zvm_irq_exit();
fail_stats:
	zvm_stats_exit();
fail_event:
	zvm_event_exit();
fail_vmid:
	zvm_vmid_exit();
	return ret;
}

/* No VM, vCPU or device descriptor is open: each holds the module. */
static void __exit zvm_exit(void)
{
	misc_deregister(&zvm_dev);
	zvm_cpu_exit();
	zvm_gic_exit();
	zvm_irq_exit();
	zvm_stats_exit();
	zvm_event_exit();
	zvm_vmid_exit();
	rcu_barrier();
}

module_init(zvm_init);
module_exit(zvm_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("ZVM: a type-2 hypervisor for arm64 hosts at EL2");
MODULE_VERSION("0.1");
