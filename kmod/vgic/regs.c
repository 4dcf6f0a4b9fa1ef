// SPDX-License-Identifier: GPL-2.0
/*
 * Register handlers that the distributor (SPIs) and the redistributors (SGIs, PPIs) share: one bit,
 * two bits or a byte per interrupt. On a vCPU's thread in ring 2, or for KVM_{GET,SET}_DEVICE_ATTR
 * with all vCPUs stopped.
 *
 * A change is made in the bank under its lock; then the vCPUs whose list registers held one of the
 * interrupts are synchronised before the access completes (so a disabled interrupt is gone when
 * the write is: RWP can read 0), and the vCPUs that have something new to take are asked to look.
 * Pending and active state may be in a list register of another vCPU: such bits are read or changed
 * there, with its list registers folded (zvm_vgic_on_vcpu()).
 *
 * GIC IHI 0069, 12.9 and 12.11.
 */
#include "internal.h"

struct bank_ref {
	struct zvm_vm *vm;
	struct zvm_vcpu *v; /* NULL: SPIs */
	u32 word;
	struct zvm_vgic_bank *b;
	unsigned long flags;
};

static struct bank_ref ref_of(const struct zvm_vgic_access *a)
{
	struct bank_ref r = { .vm = a->vm, .v = a->v, .word = a->intid / 32 };

	r.b = a->v ? &a->v->vgic.priv : &a->vm->vgic.spi[r.word];
	return r;
}

static void bank_lock(struct bank_ref *r)
{
	raw_spin_lock_irqsave(r->v ? &r->v->vgic.lock : &r->vm->vgic.lock, r->flags);
}

static void bank_unlock(struct bank_ref *r)
{
	raw_spin_unlock_irqrestore(r->v ? &r->v->vgic.lock : &r->vm->vgic.lock, r->flags);
}

/* Bits of a word that are interrupts: INTIDs 1020 to 1023 are not. */
static u32 valid_mask(const struct bank_ref *r)
{
	return r->word == 31 ? 0x0fffffff : ~0u;
}

/* vCPUs with one of `mask` in a list register; locked. */
static u64 owners(const struct bank_ref *r, u32 mask)
{
	if (r->v)
		return r->b->in_lr & mask ? BIT_ULL(r->v->idx) : 0;
	return zvm_vgic_spi_owners(r->vm, r->word, mask);
}

/* vCPUs that could take one of `mask`; locked. */
static u64 targets(const struct bank_ref *r, u32 mask)
{
	if (r->v)
		return zvm_vgic_deliverable(r->b, READ_ONCE(r->vm->vgic.ctlr)) & mask ?
			       BIT_ULL(r->v->idx) : 0;
	return zvm_vgic_spi_targets(r->vm, r->word, mask);
}

/* Make a change to `mask` effective; unlocked. `sync`: owners() when it was made. */
static void settle(struct bank_ref *r, u32 mask, u64 sync)
{
	u64 request;

	zvm_vgic_sync_mask(r->vm, sync);
	bank_lock(r);
	request = targets(r, mask);
	bank_unlock(r);
	zvm_vgic_request_mask(r->vm, request);
}

u64 zvm_vgic_read_group(const struct zvm_vgic_access *a, u32 arg)
{
	struct bank_ref r = ref_of(a);

	return READ_ONCE(r.b->group);
}

int zvm_vgic_write_group(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct bank_ref r = ref_of(a);
	u32 changed;
	u64 sync;

	bank_lock(&r);
	changed = r.b->group ^ (u32)val;
	r.b->group = val;
	sync = owners(&r, changed);
	bank_unlock(&r);
	if (changed)
		settle(&r, changed, sync);
	return 0;
}

u64 zvm_vgic_read_enable(const struct zvm_vgic_access *a, u32 arg)
{
	struct bank_ref r = ref_of(a);

	return READ_ONCE(r.b->enabled);
}

int zvm_vgic_write_enable(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct bank_ref r = ref_of(a);
	u32 mask = (u32)val & valid_mask(&r);
	u64 sync = 0;

	bank_lock(&r);
	if (arg == ZVM_VGIC_SET) {
		mask &= ~r.b->enabled;
		r.b->enabled |= mask;
	} else {
		mask &= r.b->enabled;
		r.b->enabled &= ~mask;
		sync = owners(&r, mask);
	}
	bank_unlock(&r);
	if (mask)
		settle(&r, mask, sync);
	return 0;
}

/* --- pending and active -------------------------------------------------------------------------- */

struct state_op {
	struct bank_ref *r;
	u32 op;
	u32 todo;    /* interrupts not reached yet */
	u32 value;   /* write: which of them; read: the answer */
	bool write, user;
	u64 request; /* vCPUs that have something new */
};

static void set_active_spis(struct zvm_vgic_bank *b, u32 m, struct state_op *op)
{
	for (m &= ~b->active; m; m &= m - 1) {
		u32 n = __ffs(m);

		/* nobody acknowledged it: it belongs to whom it is routed to, who must have it
		 * in a list register for its EOI to work
		 */
		b->owner[n] = b->target[n];
		b->active |= BIT(n);
		if (b->owner[n] != ZVM_VGIC_NO_VCPU)
			op->request |= BIT_ULL(b->owner[n]);
	}
}

/* On what is in memory; all locks of the bank held. */
static void state_apply(struct state_op *op)
{
	struct bank_ref *r = op->r;
	struct zvm_vgic_bank *b = r->b;
	u32 here = op->todo & ~b->in_lr, m = op->value & here;

	op->todo &= ~here;
	if (!op->write) {
		if (op->op == ZVM_VGIC_ACTIVE_SET || op->op == ZVM_VGIC_ACTIVE_CLEAR)
			op->value |= b->active & here;
		else if (op->user) /* the latch; what the timer raised, it raises again */
			op->value |= b->latch & ~b->phys & here;
		else
			op->value |= zvm_vgic_pending(b) & here;
		return;
	}
	switch (op->op) {
	case ZVM_VGIC_PEND_SET:
		if (op->user) /* restores the whole word */
			b->latch &= ~here;
		b->latch |= m;
		break;
	case ZVM_VGIC_PEND_CLEAR:
		b->latch &= ~m;
		/* Not taken, and never will be: let the physical one fire again if it must. */
		if (r->v)
			zvm_vgic_phys_release(r->v, m & ~b->active);
		break;
	case ZVM_VGIC_ACTIVE_SET:
		if (r->v)
			b->active |= m;
		else
			set_active_spis(b, m, op);
		break;
	case ZVM_VGIC_ACTIVE_CLEAR:
		b->active &= ~m;
		if (r->v)
			zvm_vgic_phys_release(r->v, m & ~b->latch);
		break;
	}
	if (!r->v)
		zvm_vgic_spi_touch(&r->vm->vgic, r->word);
	op->request |= targets(r, here);
}

static void state_apply_on(struct zvm_vcpu *v, void *arg)
{
	state_apply(arg);
}

static void state_access(struct state_op *op)
{
	struct bank_ref *r = op->r;
	u32 owner;

	if (r->v) {
		/* on its CPU, because a physical interrupt may have to be deactivated there */
		zvm_vgic_on_vcpu(r->v, state_apply_on, op);
	} else {
		for (;;) {
			bank_lock(r);
			state_apply(op);
			owner = op->todo ? r->b->owner[__ffs(op->todo)] : 0;
			bank_unlock(r);
			if (!op->todo)
				break;
			zvm_vgic_on_vcpu(r->vm->vcpus[owner], state_apply_on, op);
		}
	}
	zvm_vgic_request_mask(r->vm, op->request);
}

u64 zvm_vgic_read_state(const struct zvm_vgic_access *a, u32 arg)
{
	struct bank_ref r = ref_of(a);
	struct state_op op = { .r = &r, .op = arg, .todo = ~0u, .user = a->user };

	if (a->user && arg == ZVM_VGIC_PEND_CLEAR)
		return 0;
	state_access(&op);
	return op.value;
}

int zvm_vgic_write_state(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct bank_ref r = ref_of(a);
	struct state_op op = {
		.r = &r, .op = arg, .value = (u32)val & valid_mask(&r), .write = true, .user = a->user,
	};

	if (a->user && arg == ZVM_VGIC_PEND_CLEAR)
		return 0; /* ISPENDR restores pending state, both ways */
	op.todo = a->user && arg == ZVM_VGIC_PEND_SET ? ~0u : op.value;
	if (op.todo)
		state_access(&op);
	return 0;
}

/* --- priority, trigger, lines ---------------------------------------------------------------------- */

u64 zvm_vgic_read_priority(const struct zvm_vgic_access *a, u32 arg)
{
	struct bank_ref r = ref_of(a);
	u64 val = 0;
	u32 i;

	for (i = 0; i < a->len; i++)
		val |= (u64)READ_ONCE(r.b->prio[a->intid % 32 + i]) << (i * 8);
	return val;
}

int zvm_vgic_write_priority(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct bank_ref r = ref_of(a);
	u32 i, mask = 0;
	u64 sync;

	bank_lock(&r);
	for (i = 0; i < a->len; i++) {
		u32 n = a->intid % 32 + i;
		u8 prio = (val >> (i * 8)) & 0xf8; /* 5 bits, as the CPU interface has */

		if (r.b->prio[n] != prio)
			mask |= BIT(n);
		WRITE_ONCE(r.b->prio[n], prio);
	}
	sync = owners(&r, mask);
	bank_unlock(&r);
	if (mask)
		settle(&r, mask, sync);
	return 0;
}

u64 zvm_vgic_read_config(const struct zvm_vgic_access *a, u32 arg)
{
	struct bank_ref r = ref_of(a);
	u32 edge = READ_ONCE(r.b->edge) >> (a->intid % 32), val = 0, i;

	for (i = 0; i < 16; i++)
		if (edge & BIT(i))
			val |= 2u << (i * 2);
	return val;
}

int zvm_vgic_write_config(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct bank_ref r = ref_of(a);
	u32 shift = a->intid % 32, mask = 0xffffu << shift, edge = 0, i;
	u64 sync;

	if (a->v)
		return 0; /* SGIs are edge-triggered, PPIs level-sensitive: read-only, as KVM */
	for (i = 0; i < 16; i++)
		if (val & (2u << (i * 2)))
			edge |= BIT(i);
	edge <<= shift;
	bank_lock(&r);
	mask &= r.b->edge ^ edge;
	r.b->edge ^= mask;
	sync = owners(&r, mask);
	bank_unlock(&r);
	if (mask)
		settle(&r, mask, sync);
	return 0;
}

u64 zvm_vgic_read_pidr(const struct zvm_vgic_access *a, u32 arg)
{
	return (a->off & 0xffff) == 0xffe8 ? ZVM_GIC_PIDR2 : 0;
}

/* KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO: the lines of INTIDs intid..intid + 31; all vCPUs stopped. */
u32 zvm_vgic_get_lines(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid)
{
	const struct zvm_vgic_bank *b;

	if (intid >= vm->vgic.nr_irqs)
		return 0;
	b = intid ? &vm->vgic.spi[intid / 32] : &v->vgic.priv;
	return b->level & ~b->edge;
}

void zvm_vgic_set_lines(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid, u32 val)
{
	struct zvm_vgic_access a = { .vm = vm, .v = intid ? NULL : v, .intid = intid };
	struct bank_ref r;

	if (intid >= vm->vgic.nr_irqs)
		return;
	r = ref_of(&a);
	bank_lock(&r);
	/* Whatever the trigger: it may be restored later. The timers drive theirs themselves. */
	r.b->level = (r.b->level & r.b->hw) | (val & ~r.b->hw & valid_mask(&r));
	if (!intid)
		r.b->level &= ~0xffffu;
	else
		zvm_vgic_spi_touch(&vm->vgic, r.word);
	bank_unlock(&r);
	settle(&r, ~0u, 0);
}
