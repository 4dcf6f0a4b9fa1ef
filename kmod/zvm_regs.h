/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Register bits this module uses. Encodings (SYS_*) come from <asm/sysreg.h>, whose names for
 * whole registers are stable over the kernels we build on; the names of fields are not, so fields
 * are named here, once, as the architecture spells them (Arm ARM DDI 0487, GIC IHI 0069).
 * Usable from assembly.
 */
#ifndef ZVM_REGS_H
#define ZVM_REGS_H

#include <asm/sysreg.h>
#include <linux/bits.h>
#include <linux/const.h>

/* HCR_EL2 */
#define ZVM_HCR_VM	(_AC(1, UL) << 0)
#define ZVM_HCR_SWIO	(_AC(1, UL) << 1)
#define ZVM_HCR_PTW	(_AC(1, UL) << 2)
#define ZVM_HCR_FMO	(_AC(1, UL) << 3)
#define ZVM_HCR_IMO	(_AC(1, UL) << 4)
#define ZVM_HCR_AMO	(_AC(1, UL) << 5)
#define ZVM_HCR_VSE	(_AC(1, UL) << 8)
#define ZVM_HCR_FB	(_AC(1, UL) << 9)
#define ZVM_HCR_BSU_IS	(_AC(1, UL) << 10)
#define ZVM_HCR_TWI	(_AC(1, UL) << 13)
#define ZVM_HCR_TWE	(_AC(1, UL) << 14)
#define ZVM_HCR_TID3	(_AC(1, UL) << 18)
#define ZVM_HCR_TSC	(_AC(1, UL) << 19)
#define ZVM_HCR_TIDCP	(_AC(1, UL) << 20)
#define ZVM_HCR_TACR	(_AC(1, UL) << 21)
#define ZVM_HCR_TSW	(_AC(1, UL) << 22)
#define ZVM_HCR_TVM	(_AC(1, UL) << 26)
#define ZVM_HCR_TGE	(_AC(1, UL) << 27)
#define ZVM_HCR_RW	(_AC(1, UL) << 31)
#define ZVM_HCR_E2H	(_AC(1, UL) << 34)
#define ZVM_HCR_TLOR	(_AC(1, UL) << 35)
#define ZVM_HCR_TERR	(_AC(1, UL) << 36)
#define ZVM_HCR_APK	(_AC(1, UL) << 40)
#define ZVM_HCR_API	(_AC(1, UL) << 41)
#define ZVM_HCR_FWB	(_AC(1, UL) << 46)

/* CPTR_EL2 in its E2H layout (written through the CPACR_EL1 name) */
#define ZVM_CPTR_ZEN	(_AC(3, UL) << 16)
#define ZVM_CPTR_FPEN	(_AC(3, UL) << 20)
#define ZVM_CPTR_SMEN	(_AC(3, UL) << 24)
#define ZVM_CPTR_TTA	(_AC(1, UL) << 28)
#define ZVM_CPTR_TAM	(_AC(1, UL) << 30)

/* MDCR_EL2 */
#define ZVM_MDCR_HPMN	(_AC(0x1f, UL) << 0)
#define ZVM_MDCR_TPMCR	(_AC(1, UL) << 5)
#define ZVM_MDCR_TPM	(_AC(1, UL) << 6)
#define ZVM_MDCR_TDE	(_AC(1, UL) << 8)
#define ZVM_MDCR_TDA	(_AC(1, UL) << 9)
#define ZVM_MDCR_TDOSA	(_AC(1, UL) << 10)
#define ZVM_MDCR_TDRA	(_AC(1, UL) << 11)
#define ZVM_MDCR_TPMS	(_AC(1, UL) << 14)
#define ZVM_MDCR_TTRF	(_AC(1, UL) << 19)

/* CNTHCTL_EL2 in its E2H layout */
#define ZVM_CNTHCTL_EL1PCTEN (_AC(1, UL) << 10)
#define ZVM_CNTHCTL_EL1PTEN  (_AC(1, UL) << 11)
#define ZVM_CNTHCTL_EL1	     (ZVM_CNTHCTL_EL1PCTEN | ZVM_CNTHCTL_EL1PTEN)

/* CNTx_CTL_EL0 */
#define ZVM_CNT_CTL_ENABLE  (_AC(1, UL) << 0)
#define ZVM_CNT_CTL_IMASK   (_AC(1, UL) << 1)
#define ZVM_CNT_CTL_ISTATUS (_AC(1, UL) << 2)

/* VTCR_EL2 */
#define ZVM_VTCR_T0SZ(bits)  ((64 - (bits)) & 0x3f)
#define ZVM_VTCR_SL0(level)  ((2UL - (level)) << 6) /* 4 KiB granule: level 0, 1, 2 */
#define ZVM_VTCR_IRGN0_WBWA  (1UL << 8)
#define ZVM_VTCR_ORGN0_WBWA  (1UL << 10)
#define ZVM_VTCR_SH0_IS	     (3UL << 12)
#define ZVM_VTCR_TG0_4K	     (0UL << 14)
#define ZVM_VTCR_PS(ps)	     ((u64)(ps) << 16)
#define ZVM_VTCR_VS_16BIT    (1UL << 19)
#define ZVM_VTCR_HA	     (1UL << 21)
#define ZVM_VTCR_RES1	     (1UL << 31)

/* VTTBR_EL2 */
#define ZVM_VTTBR_VMID_SHIFT 48

/* TCR_EL1, SCTLR_EL1: bits of the speculative-AT sequence and of reset values */
#define ZVM_TCR_EPD0	(1UL << 7)
#define ZVM_TCR_EPD1	(1UL << 23)
#define ZVM_SCTLR_M	(1UL << 0)
#define ZVM_SCTLR_C	(1UL << 2)
#define ZVM_SCTLR_E0E	(1UL << 24)
#define ZVM_SCTLR_EE	(1UL << 25)
/* KVM's reset value of SCTLR_EL1: RES1 bits of the architecture as of v8.0 */
#define ZVM_SCTLR_RESET 0x00C50078UL

/* SPSR / PSTATE */
#define ZVM_PSR_MODE_EL0t   0x0UL
#define ZVM_PSR_MODE_EL1t   0x4UL
#define ZVM_PSR_MODE_EL1h   0x5UL
#define ZVM_PSR_MODE_MASK   0xfUL
#define ZVM_PSR_MODE32	    (1UL << 4)
#define ZVM_PSR_F	    (1UL << 6)
#define ZVM_PSR_I	    (1UL << 7)
#define ZVM_PSR_A	    (1UL << 8)
#define ZVM_PSR_D	    (1UL << 9)
#define ZVM_PSR_BTYPE	    (3UL << 10)
#define ZVM_PSR_SSBS	    (1UL << 12)
#define ZVM_PSR_IL	    (1UL << 20)
#define ZVM_PSR_SS	    (1UL << 21)
#define ZVM_PSR_PAN	    (1UL << 22)
#define ZVM_PSR_UAO	    (1UL << 23)
#define ZVM_PSR_DIT	    (1UL << 24)
#define ZVM_PSR_TCO	    (1UL << 25)
#define ZVM_PSR_NZCV	    (0xfUL << 28)
/* SPSR of AArch32: the byte order of its data, the pieces of its IT state */
#define ZVM_PSR32_E	    (1UL << 9)
#define ZVM_PSR32_IT	    (0x3fUL << 10 | 3UL << 25)

/* MDSCR_EL1 */
#define ZVM_MDSCR_SS	(1UL << 0)
#define ZVM_MDSCR_KDE	(1UL << 13)
#define ZVM_MDSCR_MDE	(1UL << 15)

/* ESR_ELx */
#define ZVM_ESR_EC_SHIFT  26
#define ZVM_ESR_EC(esr)	  (((esr) >> 26) & 0x3f)
#define ZVM_ESR_IL	  (1UL << 25)
#define ZVM_ESR_ISS_MASK  0x1ffffffUL
#define ZVM_ESR_IDS	  (1UL << 24) /* SError: the rest of the ISS is the implementation's */
#define ZVM_EC_UNKNOWN	  0x00
#define ZVM_EC_WFX	  0x01
#define ZVM_EC_CP15_32	  0x03
#define ZVM_EC_CP15_64	  0x04
#define ZVM_EC_CP14_MR	  0x05
#define ZVM_EC_CP14_LS	  0x06
#define ZVM_EC_FP	  0x07
#define ZVM_EC_CP10_ID	  0x08
#define ZVM_EC_PAC	  0x09
#define ZVM_EC_LS64	  0x0a
#define ZVM_EC_CP14_64	  0x0c
#define ZVM_EC_ILL	  0x0e
#define ZVM_EC_SVC64	  0x15
#define ZVM_EC_HVC64	  0x16
#define ZVM_EC_SMC64	  0x17
#define ZVM_EC_SYS64	  0x18
#define ZVM_EC_SVE	  0x19
#define ZVM_EC_ERET	  0x1a
#define ZVM_EC_SME	  0x1d
#define ZVM_EC_IABT_LOW	  0x20
#define ZVM_EC_IABT_CUR	  0x21
#define ZVM_EC_DABT_LOW	  0x24
#define ZVM_EC_DABT_CUR	  0x25
#define ZVM_EC_SERROR	  0x2f
#define ZVM_EC_BREAK_LOW  0x30
#define ZVM_EC_STEP_LOW	  0x32
#define ZVM_EC_WATCH_LOW  0x34
#define ZVM_EC_BKPT32	  0x38
#define ZVM_EC_BRK64	  0x3c

/* ISS of data and instruction aborts */
#define ZVM_ISS_FSC(esr)   ((esr) & 0x3f)
#define ZVM_ISS_FSC_TYPE(esr) ((esr) & 0x3c)
#define ZVM_FSC_ADDRSZ	   0x00
#define ZVM_FSC_TRANS	   0x04
#define ZVM_FSC_ACCESS	   0x08
#define ZVM_FSC_PERM	   0x0c
#define ZVM_FSC_SEA	   0x10
#define ZVM_FSC_SEA_TTW0   0x14
#define ZVM_FSC_ALIGN	   0x21
#define ZVM_ISS_WNR	   (1UL << 6)
#define ZVM_ISS_S1PTW	   (1UL << 7)
#define ZVM_ISS_CM	   (1UL << 8)
#define ZVM_ISS_EA	   (1UL << 9)
#define ZVM_ISS_FNV	   (1UL << 10)
#define ZVM_ISS_SF	   (1UL << 15)
#define ZVM_ISS_SRT(esr)   (((esr) >> 16) & 0x1f)
#define ZVM_ISS_SSE	   (1UL << 21)
#define ZVM_ISS_SAS(esr)   (((esr) >> 22) & 0x3)
#define ZVM_ISS_ISV	   (1UL << 24)

/* ISS of WFI/WFE and of system register traps */
#define ZVM_ISS_CV	   (1UL << 24) /* of AArch32: COND is valid */
#define ZVM_ISS_COND(esr)  (((esr) >> 20) & 0xf)
#define ZVM_ISS_WFX_TI	   0x3UL /* 0 WFI, 1 WFE, 2 WFIT, 3 WFET */
#define ZVM_ISS_SYS_READ   (1UL << 0)
#define ZVM_ISS_SYS_RT(esr) (((esr) >> 5) & 0x1f)
/* The Op0..Op2 part of the ISS, in the layout of SYS_* encodings (sys_reg()) */
#define ZVM_ISS_SYS_ENC(esr)                                                    \
	sys_reg(((esr) >> 20) & 0x3, ((esr) >> 14) & 0x7, ((esr) >> 10) & 0xf, \
		((esr) >> 1) & 0xf, ((esr) >> 17) & 0x7)

/* HPFAR_EL2 */
#define ZVM_HPFAR_FIPA	   0x00000ffffffffff0UL

/* PAR_EL1 */
#define ZVM_PAR_F	   (1UL << 0)
#define ZVM_PAR_PA	   0x000ffffffffff000UL

#define ZVM_ICH_VTR_TDS	   (1UL << 19)

/* ICH_HCR_EL2 */
#define ZVM_ICH_HCR_EN	   (1UL << 0)
#define ZVM_ICH_HCR_UIE	   (1UL << 1)
#define ZVM_ICH_HCR_LRENPIE (1UL << 2)
#define ZVM_ICH_HCR_NPIE   (1UL << 3)
#define ZVM_ICH_HCR_VGRP0EIE (1UL << 4)
#define ZVM_ICH_HCR_VGRP0DIE (1UL << 5)
#define ZVM_ICH_HCR_VGRP1EIE (1UL << 6)
#define ZVM_ICH_HCR_VGRP1DIE (1UL << 7)
#define ZVM_ICH_HCR_TC	   (1UL << 10)
#define ZVM_ICH_HCR_TALL0  (1UL << 11)
#define ZVM_ICH_HCR_TALL1  (1UL << 12)
#define ZVM_ICH_HCR_TDIR   (1UL << 14)
#define ZVM_ICH_HCR_EOICOUNT (0x1fUL << 27)

/* ICH_MISR_EL2 */
#define ZVM_ICH_MISR_EOI   (1UL << 0)
#define ZVM_ICH_MISR_U	   (1UL << 1)
#define ZVM_ICH_MISR_LRENP (1UL << 2)
#define ZVM_ICH_MISR_NP	   (1UL << 3)

/* ICH_VTR_EL2 */
#define ZVM_ICH_VTR_LISTREGS(v) (((v) & 0x1f) + 1)
#define ZVM_ICH_VTR_PREBITS(v)	((((v) >> 26) & 0x7) + 1)
#define ZVM_ICH_VTR_PRIBITS(v)	((((v) >> 29) & 0x7) + 1)

/* ICH_VMCR_EL2 */
#define ZVM_ICH_VMCR_VENG0 (1UL << 0)
#define ZVM_ICH_VMCR_VENG1 (1UL << 1)
#define ZVM_ICH_VMCR_VACKCTL (1UL << 2)
#define ZVM_ICH_VMCR_VFIQEN (1UL << 3)
#define ZVM_ICH_VMCR_VCBPR (1UL << 4)
#define ZVM_ICH_VMCR_VEOIM (1UL << 9)
#define ZVM_ICH_VMCR_VBPR1_SHIFT 18
#define ZVM_ICH_VMCR_VBPR0_SHIFT 21
#define ZVM_ICH_VMCR_VPMR_SHIFT	 24

/* ICH_LR<n>_EL2 */
#define ZVM_ICH_LR_VINTID(lr)	((lr) & 0xffffffffUL)
#define ZVM_ICH_LR_PINTID_SHIFT 32
#define ZVM_ICH_LR_EOI		(1UL << 41)
#define ZVM_ICH_LR_PRIO_SHIFT	48
#define ZVM_ICH_LR_GROUP1	(1UL << 60)
#define ZVM_ICH_LR_HW		(1UL << 61)
#define ZVM_ICH_LR_PENDING	(1UL << 62)
#define ZVM_ICH_LR_ACTIVE	(1UL << 63)
#define ZVM_ICH_LR_STATE	(3UL << 62)

/* ICC_SRE_EL1 of a guest: SRE, DFB, DIB. ICC_SRE_EL2 */
#define ZVM_ICC_SRE_VALUE	0x7UL
#define ZVM_ICC_SRE_EL2_ENABLE	(1UL << 3)

/* MPIDR_EL1 */
#define ZVM_MPIDR_RES1	   (1UL << 31)
#define ZVM_MPIDR_AFF_MASK 0xff00ffffffUL

/* Registers that older kernels do not name */
#define ZVM_SYS_HFGRTR_EL2 sys_reg(3, 4, 1, 1, 4)
#define ZVM_SYS_HFGWTR_EL2 sys_reg(3, 4, 1, 1, 5)
#define ZVM_SYS_HCRX_EL2   sys_reg(3, 4, 1, 2, 2)
#define ZVM_SYS_VSESR_EL2  sys_reg(3, 4, 5, 2, 3)
#define ZVM_SYS_VDISR_EL2  sys_reg(3, 4, 12, 1, 1)

#endif
