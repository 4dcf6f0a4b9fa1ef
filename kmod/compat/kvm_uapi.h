/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of the KVM API that the headers of older kernels do not have yet. The API of /dev/zvm does
 * not depend on the host kernel, so they are given here with the numbers and layout that
 * <linux/kvm.h> gives them since.
 */
#ifndef ZVM_KVM_UAPI_H
#define ZVM_KVM_UAPI_H

#include <linux/kvm.h>

#ifndef KVM_ARM_VCPU_PMU_V3_SET_PMU
#define KVM_ARM_VCPU_PMU_V3_SET_PMU 3
#endif

#ifndef KVM_CAP_BINARY_STATS_FD
#define KVM_CAP_BINARY_STATS_FD 203
#endif

#ifndef KVM_CAP_SYSTEM_EVENT_DATA
#define KVM_CAP_SYSTEM_EVENT_DATA 215
#endif

#ifndef KVM_CAP_ARM_SYSTEM_SUSPEND
#define KVM_CAP_ARM_SYSTEM_SUSPEND 216
#define KVM_SYSTEM_EVENT_WAKEUP	   4
#define KVM_SYSTEM_EVENT_SUSPEND   5
#define KVM_MP_STATE_SUSPENDED	   10
#endif

#ifndef KVM_GET_STATS_FD
#define KVM_GET_STATS_FD _IO(KVMIO, 0xce)

#define KVM_STATS_TYPE_CUMULATIVE (0 << 0)
#define KVM_STATS_TYPE_INSTANT	  (1 << 0)
#define KVM_STATS_UNIT_NONE	  (0 << 4)
#define KVM_STATS_UNIT_BYTES	  (1 << 4)
#define KVM_STATS_BASE_POW10	  (0 << 8)
#define KVM_STATS_BASE_POW2	  (1 << 8)

struct kvm_stats_header {
	__u32 flags;
	__u32 name_size; /* of each name, and of the identification */
	__u32 num_desc;
	__u32 id_offset, desc_offset, data_offset;
};

struct kvm_stats_desc {
	__u32 flags;
	__s16 exponent;
	__u16 size; /* of the value, in units of 8 bytes */
	__u32 offset; /* of the value in the data */
	__u32 bucket_size;
	char name[];
};
#endif

#endif
