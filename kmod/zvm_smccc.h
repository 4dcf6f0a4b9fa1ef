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

#define ZVM_PV_TIME_FEATURES	 0xc5000020
#define ZVM_PV_TIME_ST		 0xc5000021

/* KVM's vendor services, and the UUID by which a guest knows them */
#define ZVM_VENDOR_CALL_UID	 0x8600ff01
#define ZVM_VENDOR_FEATURES	 0x86000000
#define ZVM_VENDOR_PTP		 0x86000001
#define ZVM_VENDOR_UID_0	 0xb66fb428
#define ZVM_VENDOR_UID_1	 0xe911c52e
#define ZVM_VENDOR_UID_2	 0x564bcaa9
#define ZVM_VENDOR_UID_3	 0x743a004d

/* Bits of KVM_REG_ARM_{STD,STD_HYP,VENDOR_HYP}_BMAP, which older headers do not have */
#define ZVM_STD_TRNG		 (1UL << 0)
#define ZVM_STD_HYP_PV_TIME	 (1UL << 0)
#define ZVM_VENDOR_FUNC_FEAT	 (1UL << 0)
#define ZVM_VENDOR_PTP_BIT	 (1UL << 1)

#define ZVM_TRNG_VERSION	 0x84000050
#define ZVM_TRNG_FEATURES	 0x84000051
#define ZVM_TRNG_GET_UUID	 0x84000052
#define ZVM_TRNG_RND32		 0x84000053
#define ZVM_TRNG_RND64		 0xc4000053

#endif
