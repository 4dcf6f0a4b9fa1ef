/* SPDX-License-Identifier: GPL-2.0 */
/* SMCCC calls by HVC, and the PSCI functions (Arm DEN0022, DEN0028). */
#ifndef GUEST_PSCI_H
#define GUEST_PSCI_H

#include "arch.h"

#define PSCI_VERSION		0x84000000U
#define PSCI_CPU_SUSPEND32	0x84000001U
#define PSCI_CPU_SUSPEND64	0xc4000001U
#define PSCI_CPU_OFF		0x84000002U
#define PSCI_CPU_ON32		0x84000003U
#define PSCI_CPU_ON64		0xc4000003U
#define PSCI_AFFINITY_INFO32	0x84000004U
#define PSCI_AFFINITY_INFO64	0xc4000004U
#define PSCI_MIGRATE_INFO_TYPE	0x84000006U
#define PSCI_SYSTEM_OFF		0x84000008U
#define PSCI_SYSTEM_RESET	0x84000009U
#define PSCI_FEATURES		0x8400000aU
#define PSCI_SYSTEM_RESET2_32	0x84000012U
#define PSCI_SYSTEM_RESET2_64	0xc4000012U
#define SMCCC_VERSION		0x80000000U
#define SMCCC_ARCH_FEATURES	0x80000001U
#define SMCCC_ARCH_WORKAROUND_1 0x80008000U

#define PSCI_SUCCESS	      0
#define PSCI_NOT_SUPPORTED    (-1)
#define PSCI_INVALID_PARAMS   (-2)
#define PSCI_DENIED	      (-3)
#define PSCI_ALREADY_ON	      (-4)
#define PSCI_ON_PENDING	      (-5)
#define PSCI_INTERNAL_FAILURE (-6)
#define PSCI_INVALID_ADDRESS  (-9)

#define PSCI_AFFINITY_ON      0
#define PSCI_AFFINITY_OFF     1
#define PSCI_AFFINITY_PENDING 2

/* x0..x17 before and after one HVC #0. Defined in asm.S. */
void hvc_regs(u64 regs[18]);

/* One call with up to three arguments; returns x0. */
s64 hvc(u64 fn, u64 a1, u64 a2, u64 a3);

static inline s64 psci_cpu_on(u64 mpidr, u64 entry, u64 context)
{
	return hvc(PSCI_CPU_ON64, mpidr, entry, context);
}

static inline s64 psci_affinity_info(u64 mpidr, u64 level)
{
	return hvc(PSCI_AFFINITY_INFO64, mpidr, level, 0);
}

static inline s64 psci_cpu_off(void)
{
	return hvc(PSCI_CPU_OFF, 0, 0, 0);
}

#endif
