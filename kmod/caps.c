// SPDX-License-Identifier: GPL-2.0
/*
 * What we say we can do. A capability is announced only if it works entirely: clients take a
 * non-zero answer as a promise.
 */
#include <linux/cpumask.h>
#include <linux/kvm.h>

#include "caps.h"
#include "compat/compat.h"
#include "pmu/pmu.h"
#include "trap/trap.h"
#include "uapi/linux/zvm.h"
#include "zvm.h"

long zvm_check_extension(struct zvm_vm *vm, unsigned long ext)
{
	switch (ext) {
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_ONE_REG:
	case KVM_CAP_ARM_PSCI:
	case KVM_CAP_ARM_PSCI_0_2:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_IRQFD:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_DEVICE_CTRL:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_ARM_NISV_TO_USER:
	case KVM_CAP_ARM_INJECT_EXT_DABT:
	case KVM_CAP_ARM_SYSTEM_SUSPEND:
	case KVM_CAP_SYSTEM_EVENT_DATA:
	case KVM_CAP_INTERNAL_ERROR_DATA: /* there are no such exits */
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_ARM_IRQ_LINE_LAYOUT_2:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_SET_GUEST_DEBUG:
#ifdef CONFIG_ZVM_STATS
	case KVM_CAP_BINARY_STATS_FD:
#endif
		return 1;
	case KVM_CAP_MSI_DEVID:
		return vm && READ_ONCE(vm->vgic.nr_its); /* an ITS tells devices apart */
	case KVM_CAP_ARM_INJECT_SERROR_ESR:
		return zvm_host.has_ras;
	case KVM_CAP_ARM_PTRAUTH_ADDRESS:
	case KVM_CAP_ARM_PTRAUTH_GENERIC:
		return zvm_pauth_supported();
	case KVM_CAP_ARM_PMU_V3:
		return zvm_pmu_supported();
	case KVM_CAP_STEAL_TIME:
		return zvm_steal_supported();
#ifdef KVM_CAP_PTP_KVM
	case KVM_CAP_PTP_KVM:
		return zvm_compat_has_snapshot();
#endif
	case KVM_CAP_IRQ_ROUTING:
		return 4096;
	case KVM_CAP_NR_MEMSLOTS:
		return ZVM_MAX_SLOTS;
	case KVM_CAP_NR_VCPUS:
		return min_t(u32, num_online_cpus(), ZVM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_MAX_VCPU_ID:
		return ZVM_MAX_VCPUS;
	case KVM_CAP_ARM_VM_IPA_SIZE:
		return zvm_host.ipa_bits_max;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return ZVM_DIRTY_CAPS;
	case KVM_CAP_GUEST_DEBUG_HW_BPS:
		return zvm_host.nr_brps;
	case KVM_CAP_GUEST_DEBUG_HW_WPS:
		return zvm_host.nr_wrps;
	case KVM_CAP_SYNC_MMU:
		/* honest: pinned pages do not follow the VMM's page tables */
		return zvm_mm_sync_mmu(vm);
	case ZVM_CAP_VERSION:
		return 1;
	case ZVM_CAP_FOLLOW_MM:
		return zvm_mm_can_follow();
	case ZVM_CAP_STATUS_WORD:
		return ZVM_MAX_STATUS;
	default:
		return 0;
	}
}

int zvm_vm_enable_cap(struct zvm_vm *vm, const struct kvm_enable_cap *cap)
{
	int ret = 0;

	if (cap->flags)
		return -EINVAL;
	mutex_lock(&vm->lock);
	switch (cap->cap) {
	case KVM_CAP_ARM_NISV_TO_USER:
		vm->mmio_nisv_to_user = true;
		break;
	case KVM_CAP_ARM_SYSTEM_SUSPEND:
		WRITE_ONCE(vm->system_suspend, true);
		break;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		ret = zvm_mm_set_dirty_caps(vm, cap->args[0]);
		break;
	case ZVM_CAP_FOLLOW_MM:
		ret = cap->args[0] > 1 ? -EINVAL : zvm_mm_set_notifier_mode(vm, cap->args[0]);
		break;
	case ZVM_CAP_STATUS_WORD:
		ret = cap->args[2] || cap->args[3] ?
			      -EINVAL :
			      zvm_status_add(vm, cap->args[0], cap->args[1]);
		break;
	default:
		ret = -EINVAL;
	}
	mutex_unlock(&vm->lock);
	return ret;
}
