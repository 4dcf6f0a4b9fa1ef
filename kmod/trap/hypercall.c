// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls that ring 0 did not answer: PSCI calls that act, the random number interface
 * (Arm DEN 0098), stolen time (DEN 0057), KVM's vendor services with its precise clock, and unknown
 * functions. SMC Calling Convention: Arm DEN 0028. The VMM may take services away before the VM
 * runs (KVM_REG_ARM_*_BMAP).
 */
#include <linux/random.h>

#include "../compat/compat.h"
#include "../ring0/ring0.h"
#include "trap.h"

#define ZVM_PTP_VIRT_COUNTER  0
#define ZVM_PTP_PHYS_COUNTER  1

#define TRNG_VERSION_1_0      0x10000UL
#define TRNG_SUCCESS	      0
#define TRNG_NOT_SUPPORTED    ((u64)-1)
#define TRNG_INVALID_PARAMS   ((u64)-2)

/* Entropy in x1..x3, x3 holding the low bits; unused high bits are zero. */
static void zvm_trng_rnd(struct zvm_vcpu *v, bool wide)
{
	u32 bits = v->ctx.x[1];
	u64 word[3] = {}; /* word[0] least significant */
	u32 per = wide ? 64 : 32, i;

	if (bits == 0 || bits > per * 3) {
		zvm_smccc_return(v, TRNG_INVALID_PARAMS, 0, 0, 0);
		return;
	}
	for (i = 0; i < 3 && bits > i * per; i++) {
		u32 n = min(bits - i * per, per);

		get_random_bytes(&word[i], sizeof(word[i]));
		word[i] &= n == 64 ? ~0UL : (1UL << n) - 1;
	}
	zvm_smccc_return(v, TRNG_SUCCESS, word[2], word[1], word[0]);
}

static void zvm_trng_features(struct zvm_vcpu *v)
{
	switch ((u32)v->ctx.x[1]) {
	case ZVM_TRNG_VERSION:
	case ZVM_TRNG_FEATURES:
	case ZVM_TRNG_GET_UUID:
	case ZVM_TRNG_RND32:
	case ZVM_TRNG_RND64:
		zvm_smccc_return(v, TRNG_SUCCESS, 0, 0, 0);
		break;
	default:
		zvm_smccc_return(v, TRNG_NOT_SUPPORTED, 0, 0, 0);
	}
}

u64 zvm_vendor_services(void)
{
	return ZVM_VENDOR_FUNC_FEAT | (zvm_compat_has_snapshot() ? ZVM_VENDOR_PTP_BIT : 0);
}

/* The host's wall clock with the guest's counter of the same moment; high words first. */
static void zvm_vendor_ptp(struct zvm_vcpu *v)
{
	u64 ns, cycles;

	if (!zvm_compat_snapshot(&ns, &cycles)) {
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
		return;
	}
	switch ((u32)v->ctx.x[1]) {
	case ZVM_PTP_VIRT_COUNTER:
		cycles -= v->vm->cntvoff;
		break;
	case ZVM_PTP_PHYS_COUNTER:
		break;
	default:
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
		return;
	}
	zvm_smccc_return(v, upper_32_bits(ns), lower_32_bits(ns), upper_32_bits(cycles),
			 lower_32_bits(cycles));
}

/* KVM's own services, as far as the VMM left them to the guest. */
static void zvm_vendor_call(struct zvm_vcpu *v, u32 fn)
{
	u64 offered = v->vm->vendor_bmap;

	if (fn == ZVM_VENDOR_CALL_UID && (offered & ZVM_VENDOR_FUNC_FEAT))
		zvm_smccc_return(v, ZVM_VENDOR_UID_0, ZVM_VENDOR_UID_1, ZVM_VENDOR_UID_2,
				 ZVM_VENDOR_UID_3);
	else if (fn == ZVM_VENDOR_FEATURES && (offered & ZVM_VENDOR_FUNC_FEAT))
		zvm_smccc_return(v, offered, 0, 0, 0);
	else if (fn == ZVM_VENDOR_PTP && (offered & ZVM_VENDOR_PTP_BIT))
		zvm_vendor_ptp(v);
	else
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
}

int zvm_hypercall(struct zvm_vcpu *v)
{
	u32 fn = v->ctx.x[0];
	bool known;
	int ret;

	v->stats.hvc_exits++;
	ret = zvm_psci(v, fn, &known);
	if (known)
		return ret;

	switch (fn) {
	case ZVM_PV_TIME_FEATURES:
	case ZVM_PV_TIME_ST:
		zvm_steal_hypercall(v, fn);
		return ZVM_RESUME;
	case ZVM_VENDOR_CALL_UID:
	case ZVM_VENDOR_FEATURES:
	case ZVM_VENDOR_PTP:
		zvm_vendor_call(v, fn);
		return ZVM_RESUME;
	}
	if (!(v->vm->std_bmap & ZVM_STD_TRNG)) {
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
		return ZVM_RESUME;
	}
	switch (fn) {
	case ZVM_TRNG_VERSION:
		zvm_smccc_return(v, TRNG_VERSION_1_0, 0, 0, 0);
		break;
	case ZVM_TRNG_FEATURES:
		zvm_trng_features(v);
		break;
	case ZVM_TRNG_GET_UUID:
		/* ours: 6d76747a-6e72-4767-b1d3-8e5f0a7c2f41, in four little-endian words */
		zvm_smccc_return(v, 0x6d76747a, 0x47676e72, 0x5f8ed3b1, 0x412f7c0a);
		break;
	case ZVM_TRNG_RND32:
		zvm_trng_rnd(v, false);
		break;
	case ZVM_TRNG_RND64:
		zvm_trng_rnd(v, true);
		break;
	default:
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
	}
	return ZVM_RESUME;
}
