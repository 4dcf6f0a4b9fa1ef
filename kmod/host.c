// SPDX-License-Identifier: GPL-2.0
/*
 * Probe of the host at module load. Refuses, with one line that names the remedy, what this
 * module cannot run on; records what it has to know later in zvm_host. Nothing here changes the
 * machine.
 */
#include <linux/cpu.h>
#include <linux/of.h>
#include <linux/smp.h>
#include <asm/cputype.h>
#include <asm/cpufeature.h>
#include <asm/virt.h>

#include "host.h"
#include "zvm.h"
#include "zvm_smccc.h"

#undef pr_fmt
#define pr_fmt(fmt) "zvm: " fmt

#define ZVM_ICC_CTLR_EOIMODE (1UL << 1)

struct zvm_host zvm_host;

/* What every CPU must agree on; a bit is set by the CPU that fails. */
struct zvm_cpu_check {
	atomic_t not_el2, not_vhe, no_gic_sysregs, no_eoimode;
	atomic_t a55, spec_at;
};

static bool zvm_midr_is(u32 midr, u32 part)
{
	return MIDR_IMPLEMENTOR(midr) == ARM_CPU_IMP_ARM && MIDR_PARTNUM(midr) == part;
}

/* Variant and revision as one number: r2p0 is 0x20. */
static u32 zvm_midr_rev(u32 midr)
{
	return (MIDR_VARIANT(midr) << 4) | MIDR_REVISION(midr);
}

#define ZVM_PART_A55 0xd05
#define ZVM_PART_A76 0xd0b

static void zvm_check_cpu(void *arg)
{
	struct zvm_cpu_check *c = arg;
	u32 midr = read_cpuid_id();

	if (read_sysreg(CurrentEL) != CurrentEL_EL2) {
		atomic_inc(&c->not_el2);
		return;
	}
	if (!(read_sysreg(hcr_el2) & ZVM_HCR_E2H)) {
		atomic_inc(&c->not_vhe);
		return;
	}
	if (!((read_sysreg_s(SYS_ID_AA64PFR0_EL1) >> 24) & 0xf) ||
	    !(read_sysreg_s(SYS_ICC_SRE_EL1) & 1)) {
		atomic_inc(&c->no_gic_sysregs);
		return;
	}
	if (!(read_sysreg_s(SYS_ICC_CTLR_EL1) & ZVM_ICC_CTLR_EOIMODE))
		atomic_inc(&c->no_eoimode);
	if (zvm_midr_is(midr, ZVM_PART_A55)) {
		atomic_inc(&c->a55);
		if (zvm_midr_rev(midr) <= 0x20)
			atomic_inc(&c->spec_at);
	}
	if (zvm_midr_is(midr, ZVM_PART_A76))
		atomic_inc(&c->spec_at);
}

/* PARange of ID_AA64MMFR0_EL1 in bits of address. */
static u32 zvm_parange_bits(u64 mmfr0)
{
	static const u8 bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	u32 pa = mmfr0 & 0xf;

	return pa < ARRAY_SIZE(bits) ? min_t(u32, bits[pa], 48) : 48;
}

static void zvm_probe_features(void)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);
	u64 mmfr2 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR2_EL1);
	u64 dfr0 = read_sanitised_ftr_reg(SYS_ID_AA64DFR0_EL1);
	u64 pfr0 = read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1);
	u64 pfr1 = read_sanitised_ftr_reg(SYS_ID_AA64PFR1_EL1);
	u64 ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);
	u64 vtr = read_sysreg_s(SYS_ICH_VTR_EL2);

	zvm_host.ipa_bits_max = zvm_parange_bits(mmfr0);
	zvm_host.vmid_bits = ((mmfr1 >> 4) & 0xf) == 2 ? 16 : 8;
	zvm_host.has_el0_32 = (pfr0 & 0xf) == 2;
	zvm_host.has_ras = (pfr0 >> 28) & 0xf;
	zvm_host.has_fwb = (mmfr2 >> 40) & 0xf;
	zvm_host.has_dic = ctr & (1UL << 29);
	zvm_host.has_idc = ctr & (1UL << 28);
	zvm_host.has_fgt = (mmfr0 >> 56) & 0xf;
	zvm_host.has_hcrx = (mmfr1 >> 40) & 0xf;
	zvm_host.nr_brps = ((dfr0 >> 12) & 0xf) + 1;
	zvm_host.nr_wrps = ((dfr0 >> 20) & 0xf) + 1;
	zvm_host.nr_lrs = ZVM_ICH_VTR_LISTREGS(vtr);
	/* Needed by a guest with EOImode 1 and more active interrupts than list registers. */
	if (!(vtr & ZVM_ICH_VTR_TDS))
		pr_warn("ICC_DIR_EL1 does not trap by itself here: guests with EOImode 1 can keep an interrupt active that they ended\n");

	/*
	 * Answers to a guest that asks which firmware workarounds it needs. Unaffected CPUs say
	 * so in CSV2; what they do not say stays "not supported" and the guest falls back to what
	 * it can do itself. SSBS reaches the guest directly.
	 */
	zvm_host.smccc_wa1 = ((pfr0 >> 56) & 0xf) ? SMCCC_ARCH_WORKAROUND_RET_UNAFFECTED :
						   ZVM_SMCCC_NOT_SUPPORTED;
	zvm_host.smccc_wa2 = ((pfr1 >> 4) & 0xf) ? ZVM_SMCCC_NOT_SUPPORTED :
						  (u64)SMCCC_RET_NOT_REQUIRED;
	zvm_host.smccc_wa3 = ZVM_SMCCC_NOT_SUPPORTED;
}

int zvm_host_probe(void)
{
	struct zvm_cpu_check c = {};
	struct device_node *np;

	if (PAGE_SIZE != 4096) {
		pr_err("this kernel has %lu KiB pages, zvm needs 4 KiB: use a 4 KiB kernel\n",
		       PAGE_SIZE / 1024);
		return -ENODEV;
	}
	cpus_read_lock();
	on_each_cpu(zvm_check_cpu, &c, 1);
	cpus_read_unlock();
	if (atomic_read(&c.not_el2)) {
		pr_err("the kernel does not run at EL2: boot it at EL2 on a CPU with VHE (Armv8.1), without kvm-arm.mode=nvhe or protected\n");
		return -ENODEV;
	}
	if (atomic_read(&c.not_vhe)) {
		pr_err("the CPU or kernel does not use VHE: zvm needs Armv8.1 VHE (e.g. Cortex-A55) and CONFIG_ARM64_VHE\n");
		return -ENODEV;
	}
	np = of_find_compatible_node(NULL, NULL, "arm,gic-v3");
	of_node_put(np);
	if (atomic_read(&c.no_gic_sysregs) || !np) {
		pr_err("no GICv3 with system registers described by the device tree: zvm needs GICv3 or GICv4\n");
		return -ENODEV;
	}
	if (atomic_read(&c.no_eoimode)) {
		pr_err("the host GIC driver does not split EOI from deactivation (no EOImode=1): boot at EL2 with GICv3\n");
		return -ENODEV;
	}
	zvm_host.need_tlbi_repeat = atomic_read(&c.a55);
	zvm_host.has_spec_at = atomic_read(&c.spec_at);
	zvm_probe_features();
	return 0;
}
