/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZVM_CAPS_H
#define ZVM_CAPS_H

struct zvm_vm;
struct kvm_enable_cap;

/* KVM_CHECK_EXTENSION; vm NULL: on /dev/zvm. 0 for everything that is not offered. */
long zvm_check_extension(struct zvm_vm *vm, unsigned long ext);
/* KVM_ENABLE_CAP on the VM descriptor. */
int zvm_vm_enable_cap(struct zvm_vm *vm, const struct kvm_enable_cap *cap);

#endif
