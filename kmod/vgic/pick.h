/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which interrupts go into the list registers, and with what: pure functions over a bank, without
 * locks or hardware, so that tests/unit can hold them to the specification (GIC IHI 0069, 4.8 and
 * the description of ICH_LR<n>_EL2).
 */
#ifndef ZVM_VGIC_PICK_H
#define ZVM_VGIC_PICK_H

#include "bank.h"

/* GICD_CTLR with DS = 1 */
#define ZVM_GICD_CTLR_GRP0 1u
#define ZVM_GICD_CTLR_GRP1 2u
#define ZVM_GICD_CTLR_GRPS 3u

/*
 * Pending in memory. The line of a hardware-tied interrupt is not sampled: the physical GIC does
 * that, and a deactivation by the guest makes it look again.
 */
static inline u32 zvm_vgic_pending(const struct zvm_vgic_bank *b)
{
	return b->latch | (b->level & ~b->edge & ~b->hw);
}

/* The interrupts that the distributor forwards to a CPU interface when they are pending. */
static inline u32 zvm_vgic_forwarded(const struct zvm_vgic_bank *b, u32 ctlr)
{
	u32 groups = (ctlr & ZVM_GICD_CTLR_GRP1 ? b->group : 0) |
		     (ctlr & ZVM_GICD_CTLR_GRP0 ? ~b->group : 0);

	return b->enabled & groups;
}

static inline u32 zvm_vgic_deliverable(const struct zvm_vgic_bank *b, u32 ctlr)
{
	return zvm_vgic_pending(b) & zvm_vgic_forwarded(b, ctlr);
}

struct zvm_vgic_pick {
	u16 rank;  /* lower goes first */
	u16 intid;
	bool active;
};

struct zvm_vgic_picks {
	u8 max, nr;
	bool pending_left, active_left; /* such an interrupt did not fit */
	struct zvm_vgic_pick p[ZVM_VGIC_MAX_LRS];
};

/*
 * By priority; at equal priority active before pending, then by INTID (banks are offered in that
 * order). An active interrupt yields to a pending one of higher priority: that one preempts it,
 * and is gone when the active one's EOI comes. With EOImode 1 (`eoim`) an active one need not be in
 * a list register at all and goes after all pending ones. Pending ones whose group the guest has
 * switched off come last: they must not keep others out.
 */
static inline u16 zvm_vgic_rank(u8 prio, bool active, bool group_off, bool eoim)
{
	u32 class = active ? eoim : group_off ? 2 : 0;

	return (u16)((class << 8 | prio) << 1 | (active ? 0 : 1));
}

static inline void zvm_vgic_offer(struct zvm_vgic_picks *s, u16 rank, u16 intid, bool active)
{
	unsigned int i;

	if (s->nr == s->max) {
		const struct zvm_vgic_pick *last = &s->p[s->max - 1];
		bool keep = rank >= last->rank;

		if (keep ? active : last->active)
			s->active_left = true;
		else
			s->pending_left = true;
		if (keep)
			return;
		s->nr--;
	}
	for (i = s->nr; i && s->p[i - 1].rank > rank; i--)
		s->p[i] = s->p[i - 1];
	s->p[i] = (struct zvm_vgic_pick){ .rank = rank, .intid = intid, .active = active };
	s->nr++;
}

/* Is `prio` signalled to the PE: below the mask, and above what runs? (ICH_VMCR and AP registers) */
static inline bool zvm_vgic_signalled(u8 prio, bool group1, u32 vmcr, const u32 *ap0r,
				      const u32 *ap1r, unsigned int nr_aprs)
{
	u32 bpr0 = (vmcr >> 21) & 7, bpr1 = (vmcr >> 18) & 7;
	bool cbpr = vmcr & (1u << 4);
	unsigned int i, shift, level_bits = nr_aprs == 4 ? 7 : nr_aprs == 2 ? 6 : 5;

	if (!(vmcr & (group1 ? 2u : 1u)) || prio >= (vmcr >> 24))
		return false;
	/* group priority field: bits 7..BPR0+1 of group 0, 7..BPR1 of group 1 */
	shift = group1 && !cbpr ? bpr1 : bpr0 + 1;
	for (i = 0; i < nr_aprs; i++) {
		u32 apr = ap0r[i] | ap1r[i];

		if (apr) {
			u32 running = (i * 32 + __builtin_ctz(apr)) << (8 - level_bits);

			return (u32)prio >> shift < running >> shift;
		}
	}
	return true;
}

#endif
