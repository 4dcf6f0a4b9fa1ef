/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Function numbers of the SMC Calling Convention (Arm DEN 0028), PSCI (DEN 0022) and the random
 * number interface (DEN 0098) that headers of older kernels do not have.
 */
#ifndef ZVM_SMCCC_H
#define ZVM_SMCCC_H

#include <linux/arm-smccc.h>
#include <uapi/linux/psci.h>

#define ZVM_SMCCC_NOT_SUPPORTED (~0UL)

#define ZVM_PSCI_SYSTEM_RESET2	 0x84000012
#define ZVM_PSCI_SYSTEM_RESET2_64 0xc4000012

#define ZVM_TRNG_VERSION	 0x84000050
#define ZVM_TRNG_FEATURES	 0x84000051
#define ZVM_TRNG_GET_UUID	 0x84000052
#define ZVM_TRNG_RND32		 0x84000053
#define ZVM_TRNG_RND64		 0xc4000053

#endif
