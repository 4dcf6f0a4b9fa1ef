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

/*
 * Two registers that the kernel answers from a word in the VMM's memory, as virtio-mmio has them for
 * its interrupts: a 32-bit read at guest address args[0] returns the word, a 32-bit write at
 * args[0] + 4 clears the bits of the value in it. Both are atomic; other accesses go to the VMM.
 * KVM_CHECK_EXTENSION: how many a VM may have. KVM_ENABLE_CAP on a VM before a vCPU has run: args[0]
 * is a multiple of 8, args[1] the address of the word, a multiple of 4. They stay for the life of
 * the VM, and so does the page, pinned and charged to RLIMIT_MEMLOCK. -EBUSY: a vCPU has run;
 * -EEXIST, -ENOSPC; -EFAULT: the word is in no page that can be written and pinned.
 */
#define ZVM_CAP_STATUS_WORD (ZVM_CAP_BASE + 2)

#endif
