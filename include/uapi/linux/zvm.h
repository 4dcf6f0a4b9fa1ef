/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What /dev/zvm has beyond the KVM API of <linux/kvm.h>. Each addition is a capability with a number
 * of its own, far from KVM's: KVM_CHECK_EXTENSION of an unknown number is 0 on every kernel, so a
 * client can ask for these on /dev/kvm too.
 */
#ifndef _UAPI_LINUX_ZVM_H
#define _UAPI_LINUX_ZVM_H

#define ZVM_CAP_BASE 0x5a560000

/* Version of this file's interface, 1 today; 0: not /dev/zvm. On /dev/zvm and on a VM. */
#define ZVM_CAP_VERSION (ZVM_CAP_BASE + 0)

/*
 * Guest memory follows the VMM's page tables (MMU notifiers) instead of being pinned.
 * KVM_CHECK_EXTENSION: 1 if this kernel can. KVM_ENABLE_CAP on a VM without memory slots: args[0] = 1
 * switches it on, 0 off; -EINVAL where it cannot, -EBUSY once there is a slot. What a VM has is
 * KVM_CAP_SYNC_MMU.
 */
#define ZVM_CAP_FOLLOW_MM (ZVM_CAP_BASE + 1)

#endif
