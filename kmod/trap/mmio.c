// SPDX-License-Identifier: GPL-2.0
/*
 * Stage-2 aborts: memory the guest has not touched yet, or an access to a device.
 *
 * An access without memory behind it is taken apart into elements and each is offered to the vGIC,
 * to status words, to ioeventfds and last to the VMM. The syndrome describes single loads and stores;
 * for pairs and write-back forms, which drivers of small systems use, the instruction itself is
 * decoded (Arm ARM C4.1.94). Other forms go to the VMM as KVM_EXIT_ARM_NISV if it asked for that,
 * else the guest gets an external abort.
 *
 * Ring 2, the vCPU's thread. The instruction word is read from guest memory and may have changed
 * since it trapped: it selects registers of the guest and nothing else.
 */
#include "../compat/compat.h"
#include "../stats/trace.h"
#include "../switch/switch.h"
#include "trap.h"

#define ZVM_NO_WB 0xff

static bool zvm_guest_big_endian(struct zvm_vcpu *v)
{
	u64 sctlr = v->ctx.sctlr;
	bool el0;

	if (zvm_is_aarch32(v))
		return v->ctx.pstate & ZVM_PSR32_E;
	el0 = (v->ctx.pstate & ZVM_PSR_MODE_MASK) == ZVM_PSR_MODE_EL0t;

	return sctlr & (el0 ? ZVM_SCTLR_E0E : ZVM_SCTLR_EE);
}

/* A base register: 31 is the stack pointer that PSTATE selects. */
static u64 zvm_base_get(struct zvm_vcpu *v, u32 rn)
{
	if (rn != 31)
		return v->ctx.x[rn];
	if ((v->ctx.pstate & ZVM_PSR_MODE_MASK) == ZVM_PSR_MODE_EL1h)
		return zvm_el1_read(v, ZVM_EL1_SP);
	return v->ctx.sp_el0;
}

static void zvm_base_set(struct zvm_vcpu *v, u32 rn, u64 val)
{
	if (rn != 31)
		v->ctx.x[rn] = val;
	else if ((v->ctx.pstate & ZVM_PSR_MODE_MASK) == ZVM_PSR_MODE_EL1h)
		zvm_el1_write(v, ZVM_EL1_SP, val);
	else
		v->ctx.sp_el0 = val;
}

static u64 zvm_swap(u64 val, u32 len)
{
	switch (len) {
	case 2:
		return swab16(val);
	case 4:
		return swab32(val);
	case 8:
		return swab64(val);
	}
	return val;
}

static void zvm_mmio_finish_read(struct zvm_vcpu *v, u64 val)
{
	struct zvm_mmio *m = &v->mmio;

	if (m->big_endian)
		val = zvm_swap(val, m->len);
	if (m->sign_extend)
		val = sign_extend64(val, m->len * 8 - 1);
	else if (m->len < 8)
		val &= (1UL << (m->len * 8)) - 1;
	if (!m->sixty_four)
		val = (u32)val;
	zvm_reg_set(v, m->rt[m->step], val);
}

static void zvm_mmio_retire(struct zvm_vcpu *v)
{
	if (v->mmio.wb_reg != ZVM_NO_WB)
		zvm_base_set(v, v->mmio.wb_reg, v->mmio.wb_val);
	zvm_skip_instr(v);
}

/* Carry out the elements from m->step on; ZVM_USER when the VMM has to answer one. */
static int zvm_mmio_run(struct zvm_vcpu *v)
{
	struct zvm_mmio *m = &v->mmio;

	for (; m->step < m->nr; m->step++) {
		u64 ipa = m->ipa + m->step * m->len, val = 0;

		if (m->write) {
			val = zvm_reg_get(v, m->rt[m->step]);
			if (m->big_endian)
				val = zvm_swap(val, m->len);
			else if (m->len < 8)
				val &= (1UL << (m->len * 8)) - 1;
		}
		if (zvm_vgic_mmio(v, ipa, m->len, m->write, &val) ||
		    zvm_status_mmio(v->vm, ipa, m->len, m->write, &val)) {
			v->stats.mmio_kernel_exits++;
			trace_zvm_mmio(v->id, ipa, m->len, m->write, val);
			if (!m->write)
				zvm_mmio_finish_read(v, val);
			continue;
		}
		if (m->write && zvm_ioeventfd_write(v->vm, ipa, m->len, val)) {
			v->stats.ioeventfd_exits++;
			v->bell_page = ipa & PAGE_MASK;
			trace_zvm_mmio(v->id, ipa, m->len, true, val);
			continue;
		}

		v->stats.mmio_user_exits++;
		if (m->write) /* a read has its value when the VMM answers */
			trace_zvm_mmio(v->id, ipa, m->len, true, val);
		v->run->exit_reason = KVM_EXIT_MMIO;
		v->run->mmio.phys_addr = ipa;
		v->run->mmio.len = m->len;
		v->run->mmio.is_write = m->write;
		memset(v->run->mmio.data, 0, sizeof(v->run->mmio.data));
		put_unaligned_le64(val, v->run->mmio.data);
		m->pending = true; /* the guest stays on the instruction until then */
		return ZVM_USER;
	}
	zvm_mmio_retire(v);
	return ZVM_RESUME;
}

int zvm_mmio_complete(struct zvm_vcpu *v)
{
	struct zvm_mmio *m = &v->mmio;

	if (!m->pending)
		return ZVM_RESUME;
	m->pending = false;
	if (!m->write) {
		u64 val = get_unaligned_le64(v->run->mmio.data);

		zvm_mmio_finish_read(v, val);
		trace_zvm_mmio(v->id, m->ipa + m->step * m->len, m->len, false, val);
	}
	m->step++;
	return zvm_mmio_run(v);
}

/* The instruction at ctx.insn_ipa as an access of `m`; false: a form that is not emulated. */
static bool zvm_mmio_decode(struct zvm_vcpu *v, struct zvm_mmio *m, u64 ipa)
{
	u64 base, va, imm;
	u32 insn, rn, mode;
	__le32 raw;

	if (v->ctx.insn_ipa == ~0UL || (v->ctx.pstate & ZVM_PSR_MODE32) ||
	    zvm_mm_read(v->vm, v->ctx.insn_ipa, &raw, sizeof(raw)))
		return false;
	insn = le32_to_cpu(raw);
	rn = (insn >> 5) & 0x1f;
	base = zvm_base_get(v, rn);
	m->rt[0] = insn & 0x1f;
	m->wb_reg = ZVM_NO_WB;

	if ((insn & 0x3f200000) == 0x38000000) { /* LDR, STR: unscaled, post-, pre-index */
		u32 size = insn >> 30, opc = (insn >> 22) & 3;

		mode = (insn >> 10) & 3;
		if (mode == 2 || (opc >= 2 && size == 3) || (opc == 3 && size == 2))
			return false; /* unprivileged forms have a syndrome; prefetch does not fault */
		imm = sign_extend64((insn >> 12) & 0x1ff, 8);
		m->nr = 1;
		m->len = 1 << size;
		m->write = opc == 0;
		m->sign_extend = opc >= 2;
		m->sixty_four = opc == 2 || size == 3;
	} else if ((insn & 0x3e000000) == 0x28000000) { /* LDP, STP, LDNP, STNP, LDPSW */
		u32 opc = insn >> 30;

		mode = (insn >> 23) & 3; /* 0 no-allocate, 1 post, 2 offset, 3 pre */
		if (opc == 3 || (opc == 1 && (!(insn & (1U << 22)) || mode == 0)))
			return false;
		m->len = opc == 2 ? 8 : 4;
		imm = sign_extend64((insn >> 15) & 0x7f, 6) * m->len;
		m->nr = 2;
		m->rt[1] = (insn >> 10) & 0x1f;
		m->write = !(insn & (1U << 22));
		m->sign_extend = opc == 1;
		m->sixty_four = opc != 0;
		if (mode == 2 || mode == 0)
			mode = 0;
	} else {
		return false;
	}

	va = mode == 1 ? base : base + imm;
	if (mode == 1 || mode == 3) {
		m->wb_reg = rn;
		m->wb_val = base + imm;
	}
	/* The fault may name the second element; both must be in the page it is about. */
	if ((va ^ v->ctx.far) & ~0xfffUL || ((va + m->nr * m->len - 1) ^ va) & ~0xfffUL)
		return false;
	m->ipa = (ipa & ~0xfffUL) | (va & 0xfff);
	return true;
}

static int zvm_trap_mmio(struct zvm_vcpu *v, u64 ipa)
{
	struct zvm_mmio *m = &v->mmio;
	u64 esr = v->ctx.esr;

	memset(m, 0, sizeof(*m));
	m->big_endian = zvm_guest_big_endian(v);
	if (esr & ZVM_ISS_ISV) {
		m->nr = 1;
		m->len = 1 << ZVM_ISS_SAS(esr);
		m->write = esr & ZVM_ISS_WNR;
		m->sign_extend = esr & ZVM_ISS_SSE;
		m->sixty_four = esr & ZVM_ISS_SF;
		m->rt[0] = ZVM_ISS_SRT(esr);
		m->wb_reg = ZVM_NO_WB;
		m->ipa = ipa;
		return zvm_mmio_run(v);
	}
	if (zvm_mmio_decode(v, m, ipa))
		return zvm_mmio_run(v);
	if (v->vm->mmio_nisv_to_user) {
		v->run->exit_reason = KVM_EXIT_ARM_NISV;
		v->run->arm_nisv.esr_iss = esr & ZVM_ESR_ISS_MASK;
		v->run->arm_nisv.fault_ipa = ipa;
		return ZVM_USER;
	}
	zvm_inject_abort(v, false, v->ctx.far);
	return ZVM_RESUME;
}

static u64 zvm_abort_ipa(struct zvm_vcpu *v)
{
	return ((v->ctx.hpfar & ZVM_HPFAR_FIPA) << 8) | (v->ctx.far & 0xfff);
}

/* A translation fault of a plain load or store: with no memslot there, MMIO and nothing else. */
static bool zvm_abort_is_plain(u64 esr)
{
	return ZVM_ESR_EC(esr) == ZVM_EC_DABT_LOW && (esr & ZVM_ISS_ISV) &&
	       ZVM_ISS_FSC_TYPE(esr) == ZVM_FSC_TRANS && !(esr & (ZVM_ISS_S1PTW | ZVM_ISS_CM));
}

/*
 * Ring 1, IRQs off: a store to a page where an ioeventfd was hit before. Signalling one sleeps on
 * PREEMPT_RT, which goes to ring 2 for it.
 */
bool zvm_mmio_light(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, ipa = zvm_abort_ipa(v), val;
	u32 len = 1U << ZVM_ISS_SAS(esr);

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !(esr & ZVM_ISS_WNR) || !zvm_abort_is_plain(esr) ||
	    v->bell_page != (ipa & PAGE_MASK) || !zvm_known_mmio(v, ipa) ||
	    zvm_guest_big_endian(v))
		return false;
	val = zvm_reg_get(v, ZVM_ISS_SRT(esr));
	if (len < 8)
		val &= (1UL << (len * 8)) - 1;
	if (!zvm_ioeventfd_write(v->vm, ipa, len, val))
		return false;
	v->stats.ioeventfd_exits++;
	trace_zvm_mmio(v->id, ipa, len, true, val);
	zvm_skip_instr(v);
	return true;
}

static bool zvm_fsc_external(u64 esr)
{
	u32 fsc = ZVM_ISS_FSC(esr);

	return fsc == ZVM_FSC_SEA || (fsc & 0x3c) == ZVM_FSC_SEA_TTW0;
}

int zvm_trap_abort(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, far = v->ctx.far, ipa;
	bool fetch = ZVM_ESR_EC(esr) == ZVM_EC_IABT_LOW;
	bool cm = !fetch && (esr & ZVM_ISS_CM);
	bool write = !fetch && (esr & ZVM_ISS_WNR) && !cm;
	bool s1ptw = esr & ZVM_ISS_S1PTW;
	u32 type = ZVM_ISS_FSC_TYPE(esr), gen;
	int ret;

	ipa = zvm_abort_ipa(v);
	if (zvm_abort_is_plain(esr) && zvm_known_mmio(v, ipa))
		return zvm_trap_mmio(v, ipa);
	if (zvm_fsc_external(esr)) {
		/* The memory system refused the guest's access; nothing of the host's is at fault. */
		zvm_inject_abort(v, fetch, far);
		return ZVM_RESUME;
	}
	if (type != ZVM_FSC_TRANS && type != ZVM_FSC_PERM && type != ZVM_FSC_ACCESS &&
	    type != ZVM_FSC_ADDRSZ) {
		zvm_inject_abort(v, fetch, far);
		return ZVM_RESUME;
	}
	if (ipa >> v->vm->mm.ipa_bits) {
		zvm_inject_abort(v, fetch, far);
		return ZVM_RESUME;
	}

	v->stats.fault_exits++;
	gen = zvm_mm_generation(v->vm); /* before the memslots are looked at */
	/* A stage-1 walk that updates a descriptor writes it; a permission fault of one says so. */
	if (s1ptw)
		write = type == ZVM_FSC_PERM;
	ret = zvm_mm_fault(v, ipa, fetch ? ZVM_ACCESS_EXEC : write ? ZVM_ACCESS_WRITE :
							      ZVM_ACCESS_READ,
			   type == ZVM_FSC_PERM);
	if (ret == -EROFS && cm) {
		zvm_skip_instr(v);
		return ZVM_RESUME;
	}
	if (ret != -ENOENT && ret != -EROFS)
		return ret;
	v->stats.fault_exits--;
	if (ret == -ENOENT) {
		v->mmio_page = ipa & PAGE_MASK;
		v->mmio_gen = gen;
	}

	if (fetch || s1ptw) {
		zvm_inject_abort(v, fetch, far);
		return ZVM_RESUME;
	}
	if (cm) {
		zvm_skip_instr(v); /* maintenance of what is not cached */
		return ZVM_RESUME;
	}
	return zvm_trap_mmio(v, ipa);
}
