// SPDX-License-Identifier: GPL-2.0
/*
 * LPIs: edge-triggered interrupts that an ITS makes, with their configuration and, while their
 * redistributor does not use them, their pending state in tables of the guest.
 *
 * As the architecture lets a redistributor, we cache: an LPI exists here while an ITS maps it; its
 * configuration byte is read then and at each invalidation, its pending bit then and when the
 * redistributor's LPIs are enabled. So delivery never touches guest memory.
 *
 * Threads: lr.c calls the list-register part with IRQs off; zvm_lpi_pend() runs anywhere; the rest
 * runs preemptibly under g->its_mutex, on a vCPU's thread or in an ioctl. What the guest puts into
 * its tables is only a priority, an enable bit, and pending bits.
 *
 * A pending LPI that may be delivered is in its target's queue for its priority, so that finding
 * the most urgent ones costs the same however many a guest has pending. LPIs have no active state:
 * what an implementation leaves active in a list register is dropped.
 *
 * GIC IHI 0069, 5.1 (LPI tables), 12.11 (GICR_PROPBASER and others).
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../stats/trace.h"
#include "its.h"
#include "lrreg.h"

#define CONFIG_ENABLE	BIT(0)
#define CONFIG_PRIORITY 0xf8 /* five bits, as the CPU interface has */

static u64 propbase(struct zvm_vm *vm)
{
	return READ_ONCE(vm->vgic.propbaser) & GENMASK_ULL(51, 12);
}

static u64 pendbase(struct zvm_vcpu *v)
{
	return READ_ONCE(v->vgic.pendbaser) & GENMASK_ULL(51, 16);
}

u32 zvm_lpi_limit(struct zvm_vm *vm)
{
	u32 bits = (READ_ONCE(vm->vgic.propbaser) & 0x1f) + 1;

	return 1u << min_t(u32, bits, ZVM_ITS_ID_BITS);
}

int zvm_its_window_read(struct zvm_vm *vm, struct zvm_its_window *w, u64 ipa, void *to, u32 len)
{
	u64 at = ipa & ~(u64)(sizeof(w->buf) - 1);

	if (w->at != at) {
		w->at = ~0ULL;
		if (zvm_mm_read(vm, at, w->buf, sizeof(w->buf)))
			return -EFAULT;
		w->at = at;
	}
	memcpy(to, w->buf + (ipa - at), len);
	return 0;
}

/* --- queues and list registers; g->lock held -------------------------------------------------- */

static void dequeue(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	struct zvm_vgic_cpu *c;
	u32 level = lpi->prio >> 3;

	if (!lpi->queued)
		return;
	c = &vm->vcpus[lpi->target]->vgic;
	list_del(&lpi->link);
	lpi->queued = false;
	if (list_empty(&c->lpi_queue[level]))
		WRITE_ONCE(c->lpi_prios, c->lpi_prios & ~BIT(level));
}

/* Into its queue if that is where it belongs. True: its target has something new to look at. */
static bool enqueue(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	struct zvm_vgic_cpu *c;
	u32 level = lpi->prio >> 3;

	if (lpi->queued || !lpi->latch || !lpi->enabled || lpi->in_lr || lpi->dead ||
	    lpi->target == ZVM_VGIC_NO_VCPU)
		return false;
	c = &vm->vcpus[lpi->target]->vgic;
	if (!c->lpis_enabled)
		return false;
	list_add_tail(&lpi->link, &c->lpi_queue[level]);
	lpi->queued = true;
	WRITE_ONCE(c->lpi_prios, c->lpi_prios | BIT(level));
	return true;
}

void zvm_lpi_offer(struct zvm_vcpu *v, struct zvm_vgic_picks *s, u32 vmcr)
{
	unsigned int left = s->max + 1; /* one more: so that it is known that some were left */
	struct zvm_lpi *lpi;
	u32 prios;

	for (prios = v->vgic.lpi_prios; prios; prios &= prios - 1) {
		list_for_each_entry(lpi, &v->vgic.lpi_queue[__ffs(prios)], link) {
			zvm_vgic_offer(s,
				       zvm_vgic_rank(lpi->prio, false, !(vmcr & ZVM_ICH_VMCR_VENG1),
						     vmcr & ZVM_ICH_VMCR_VEOIM),
				       lpi->intid, false);
			if (!--left)
				return;
		}
	}
}

u64 zvm_lpi_take(struct zvm_vcpu *v, unsigned int slot)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_lpi *lpi;

	lpi = list_first_entry(&c->lpi_queue[__ffs(c->lpi_prios)], struct zvm_lpi, link);
	dequeue(v->vm, lpi);
	lpi->latch = false;
	lpi->in_lr = true;
	lpi->owner = v->idx;
	c->lr_lpi[slot] = lpi;
	c->lr_used |= BIT(slot);
	c->nr_spis++;
	return lpi->intid | (u64)lpi->prio << ZVM_ICH_LR_PRIO_SHIFT | ZVM_ICH_LR_GROUP1 |
	       ZVM_ICH_LR_PENDING;
}

void zvm_lpi_fold(struct zvm_vcpu *v, unsigned int slot, bool pending)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_lpi *lpi = c->lr_lpi[slot];

	c->lr_used &= ~BIT(slot);
	c->nr_spis--;
	lpi->in_lr = false;
	lpi->latch |= pending;
	/* If it was moved meanwhile, who moved it wakes the new target. */
	enqueue(v->vm, lpi);
}

/* True: `lpi`, in a list register of v and made pending once more, may go back into it. */
static bool may_repeat(const struct zvm_vcpu *v, const struct zvm_lpi *lpi)
{
	return lpi->enabled && !lpi->dead && lpi->target == v->idx && v->vgic.lpis_enabled;
}

static bool place_posted(struct zvm_vcpu *v)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned int i;
	u32 m;

	for (m = c->lr_used; m; m &= m - 1) {
		i = __ffs(m);
		if (ZVM_ICH_LR_VINTID(c->lr[i]) < ZVM_VGIC_LPI_BASE || !c->lr_lpi[i]->latch)
			continue;
		if (!may_repeat(v, c->lr_lpi[i]))
			return false;
		c->lr_lpi[i]->latch = false;
		c->lr[i] = zvm_lr_read(i) | ZVM_ICH_LR_PENDING;
		zvm_lr_write(i, c->lr[i]);
	}
	while (c->lpi_prios) {
		m = ~c->lr_used & GENMASK(v->vm->vgic.nr_lrs - 1, 0);
		if (!m)
			return false;
		i = __ffs(m);
		c->lr[i] = zvm_lpi_take(v, i);
		zvm_lr_write(i, c->lr[i]);
	}
	return true;
}

bool zvm_lpi_post(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	bool done;

	if (c->cpu < 0)
		return false;
	raw_spin_lock(&g->lock);
	raw_spin_lock(&c->lock);
	/* Any other HCR: something waits outside the list registers and may be more urgent. */
	done = c->hcr == ZVM_ICH_HCR_EN && (g->ctlr & ZVM_GICD_CTLR_GRP1) && place_posted(v);
	c->lpi_posted = !done;
	raw_spin_unlock(&c->lock);
	raw_spin_unlock(&g->lock);
	return done;
}

/* --- changes ---------------------------------------------------------------------------------- */

void zvm_lpi_settle(struct zvm_vm *vm, struct zvm_lpi_change *ch)
{
	zvm_vgic_sync_mask(vm, ch->sync);
	zvm_vgic_request_mask(vm, ch->request);
}

static void note_owner(const struct zvm_lpi *lpi, struct zvm_lpi_change *ch)
{
	if (lpi->in_lr)
		ch->sync |= BIT_ULL(lpi->owner);
}

void zvm_lpi_set_target(struct zvm_vm *vm, struct zvm_lpi *lpi, u8 target,
			struct zvm_lpi_change *ch)
{
	unsigned long flags;

	if (lpi->target == target) /* it changes nowhere but here, under its_mutex */
		return;
	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	dequeue(vm, lpi);
	lpi->target = target;
	note_owner(lpi, ch);
	if ((lpi->in_lr || enqueue(vm, lpi)) && target != ZVM_VGIC_NO_VCPU)
		ch->request |= BIT_ULL(target);
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
}

static void set_config(struct zvm_vm *vm, struct zvm_lpi *lpi, u8 config, struct zvm_lpi_change *ch)
{
	bool enabled = config & CONFIG_ENABLE;
	u8 prio = config & CONFIG_PRIORITY;
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	if (lpi->enabled != enabled || lpi->prio != prio) {
		dequeue(vm, lpi);
		lpi->enabled = enabled;
		lpi->prio = prio;
		note_owner(lpi, ch);
		if (enqueue(vm, lpi))
			ch->request |= BIT_ULL(lpi->target);
	}
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
}

void zvm_lpi_inv(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	struct zvm_lpi_change ch = {};
	u8 config;

	if (zvm_mm_read(vm, propbase(vm) + lpi->intid - ZVM_VGIC_LPI_BASE, &config, 1))
		return; /* no table: what is known stays */
	set_config(vm, lpi, config, &ch);
	zvm_lpi_settle(vm, &ch);
}

bool zvm_lpi_invall(struct zvm_vcpu *v, struct zvm_its_walk *w)
{
	struct zvm_its_window win = { .at = ~0ULL };
	struct zvm_lpi_change ch = {};
	struct zvm_lpi *lpi;
	unsigned long intid;
	u8 config;

	xa_for_each_start(&v->vm->vgic.lpis, intid, lpi, w->next) {
		if (!w->left)
			break;
		w->left--;
		w->next = intid + 1;
		if (lpi->target == v->idx &&
		    !zvm_its_window_read(v->vm, &win, propbase(v->vm) + intid - ZVM_VGIC_LPI_BASE,
					 &config, 1))
			set_config(v->vm, lpi, config, &ch);
		cond_resched();
	}
	zvm_lpi_settle(v->vm, &ch);
	return !lpi;
}

bool zvm_lpi_move_all(struct zvm_vm *vm, u8 from, u8 to, struct zvm_its_walk *w)
{
	struct zvm_lpi_change ch = {};
	struct zvm_lpi *lpi;
	unsigned long intid;

	xa_for_each_start(&vm->vgic.lpis, intid, lpi, w->next) {
		if (!w->left)
			break;
		w->left--;
		w->next = intid + 1;
		if (lpi->target == from)
			zvm_lpi_set_target(vm, lpi, to, &ch);
		cond_resched();
	}
	zvm_lpi_settle(vm, &ch);
	return !lpi;
}

int zvm_lpi_pend(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vcpu *v = NULL;
	unsigned long flags;
	int ret = 0;

	raw_spin_lock_irqsave(&g->lock, flags);
	if (lpi->target != ZVM_VGIC_NO_VCPU && !lpi->dead) {
		v = vm->vcpus[lpi->target];
		ret = v->vgic.lpis_enabled ? 1 : -EBUSY;
	}
	if (ret > 0) {
		lpi->latch = true;
		if (lpi->in_lr) /* taken already perhaps: to be seen by a fold */
			v = vm->vcpus[lpi->owner];
		else if (!enqueue(vm, lpi))
			v = NULL; /* disabled, or in the queue before */
		if (v)
			v->vgic.lpi_posted = true;
	}
	raw_spin_unlock_irqrestore(&g->lock, flags);

	if (ret > 0 && v) {
		trace_zvm_irq_inject(v->id, lpi->intid, true);
		zvm_vcpu_request(v, ZVM_REQ_POST);
	}
	return ret;
}

static void clear_folded(struct zvm_vcpu *v, void *arg)
{
	struct zvm_lpi *lpi = arg;

	dequeue(v->vm, lpi);
	lpi->latch = false;
}

void zvm_lpi_clear(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	unsigned long flags;
	u8 owner;

	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	owner = lpi->in_lr ? lpi->owner : ZVM_VGIC_NO_VCPU;
	if (owner == ZVM_VGIC_NO_VCPU) {
		dequeue(vm, lpi);
		lpi->latch = false;
	}
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
	/* Its target does not change meanwhile: folded there, it is in memory. */
	if (owner != ZVM_VGIC_NO_VCPU)
		zvm_vgic_on_vcpu(vm->vcpus[owner], clear_folded, lpi);
}

/* --- pending tables --------------------------------------------------------------------------- */

/*
 * The bit that the pending table has for an LPI just mapped. It is ours from now on: a bit left
 * behind would make the LPI pending again at the next mapping.
 */
static bool fetch_pending(struct zvm_vcpu *v, u32 intid)
{
	u64 ipa = pendbase(v) + intid / 8;
	u8 byte, bit = BIT(intid % 8);

	if (zvm_mm_read(v->vm, ipa, &byte, 1) || !(byte & bit))
		return false;
	byte &= ~bit;
	return !zvm_mm_write(v->vm, ipa, &byte, 1);
}

static void set_pending(struct zvm_vm *vm, struct zvm_lpi *lpi, struct zvm_lpi_change *ch)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	lpi->latch = true;
	if (enqueue(vm, lpi))
		ch->request |= BIT_ULL(lpi->target);
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
}

static void enable_lpis(struct zvm_vcpu *v)
{
	bool zeroed = v->vgic.pendbaser & ZVM_GICR_PENDBASER_PTZ;
	struct zvm_its_window w = { .at = ~0ULL };
	struct zvm_vm *vm = v->vm;
	struct zvm_lpi_change ch = {};
	struct zvm_lpi *lpi;
	unsigned long intid, flags;
	u8 byte;

	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	v->vgic.lpis_enabled = true;
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);

	xa_for_each(&vm->vgic.lpis, intid, lpi) {
		cond_resched();
		if (lpi->target != v->idx)
			continue;
		if (!zeroed && !zvm_its_window_read(vm, &w, pendbase(v) + intid / 8, &byte, 1) &&
		    (byte & BIT(intid % 8)) && fetch_pending(v, intid)) {
			set_pending(vm, lpi, &ch);
		} else {
			/* moved here while nothing could be delivered */
			raw_spin_lock_irqsave(&vm->vgic.lock, flags);
			if (enqueue(vm, lpi))
				ch.request |= BIT_ULL(v->idx);
			raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
		}
	}
	zvm_lpi_settle(vm, &ch);
}

/* Pending LPIs are lost, as in KVM: GICR_CTLR.CES lets software switch off, and start over. */
static void disable_lpis(struct zvm_vcpu *v)
{
	struct zvm_vm *vm = v->vm;
	struct zvm_lpi *lpi;
	unsigned long intid, flags;

	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	v->vgic.lpis_enabled = false; /* nothing enters the queue any more */
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);

	zvm_vgic_on_vcpu(v, NULL, NULL);
	xa_for_each(&vm->vgic.lpis, intid, lpi) {
		if (lpi->target == v->idx)
			zvm_lpi_clear(vm, lpi);
		cond_resched();
	}
}

void zvm_lpi_enable(struct zvm_vcpu *v, bool enable)
{
	struct zvm_vgic *g = &v->vm->vgic;

	if (!smp_load_acquire(&g->nr_its))
		return;
	mutex_lock(&g->its_mutex);
	if (v->vgic.lpis_enabled != enable) {
		if (enable)
			enable_lpis(v);
		else
			disable_lpis(v);
	}
	mutex_unlock(&g->its_mutex);
}

void zvm_lpi_inv_redist(struct zvm_vcpu *v, bool all, u32 intid)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_its_walk w = {};
	struct zvm_lpi *lpi;
	bool done = true;

	if (!smp_load_acquire(&g->nr_its) || !READ_ONCE(v->vgic.lpis_enabled))
		return;
	do {
		mutex_lock(&g->its_mutex);
		if (all) {
			w.left = ZVM_ITS_SLICE;
			done = zvm_lpi_invall(v, &w);
		} else {
			lpi = xa_load(&g->lpis, intid);
			if (lpi)
				zvm_lpi_inv(v->vm, lpi);
		}
		mutex_unlock(&g->its_mutex);
	} while (!done);
}

/* All vCPUs are stopped, hence all list registers folded. */
static int save_pending(struct zvm_vm *vm)
{
	struct zvm_lpi *lpi;
	struct zvm_vcpu *v;
	unsigned long intid;
	u8 byte, want;
	u32 i;
	u64 ipa;
	int ret;

	for (i = 0; i < vm->vgic.nr_its; i++) {
		ret = zvm_its_finish(vm->vgic.its[i]);
		if (ret)
			return ret;
	}
	xa_for_each(&vm->vgic.lpis, intid, lpi) {
		if (lpi->target == ZVM_VGIC_NO_VCPU)
			continue;
		v = vm->vcpus[lpi->target];
		if (!v->vgic.lpis_enabled)
			continue; /* the table is not ours, and nothing is pending */
		ipa = pendbase(v) + intid / 8;
		if (zvm_mm_read(vm, ipa, &byte, 1))
			return -EFAULT;
		want = (byte & ~BIT(intid % 8)) | (lpi->latch ? BIT(intid % 8) : 0);
		if (want != byte && zvm_mm_write(vm, ipa, &want, 1))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int zvm_lpi_save_pending(struct zvm_vm *vm)
{
	int ret;

	if (!vm->vgic.initialized)
		return -ENXIO;
	if (!vm->vgic.nr_its)
		return 0;
	mutex_lock(&vm->vgic.its_mutex);
	ret = save_pending(vm);
	mutex_unlock(&vm->vgic.its_mutex);
	return ret;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct zvm_lpi *lpi_make(struct zvm_vm *vm, u32 intid, u8 target)
{
	struct zvm_lpi *lpi = kzalloc(sizeof(*lpi), GFP_KERNEL_ACCOUNT);
	struct zvm_vcpu *v;
	u8 config;
	int ret;

	if (!lpi)
		return ERR_PTR(-ENOMEM);
	if (zvm_mm_read(vm, propbase(vm) + intid - ZVM_VGIC_LPI_BASE, &config, 1)) {
		kfree(lpi);
		return ERR_PTR(-EFAULT);
	}
	lpi->intid = intid;
	lpi->prio = config & CONFIG_PRIORITY;
	lpi->enabled = config & CONFIG_ENABLE;
	lpi->target = target;
	ret = xa_err(xa_store(&vm->vgic.lpis, intid, lpi, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(lpi);
		return ERR_PTR(ret);
	}
	if (target != ZVM_VGIC_NO_VCPU) {
		struct zvm_lpi_change ch = {};

		v = vm->vcpus[target];
		if (v->vgic.lpis_enabled && fetch_pending(v, intid))
			set_pending(vm, lpi, &ch);
		zvm_lpi_settle(vm, &ch);
	}
	return lpi;
}

struct zvm_lpi *zvm_lpi_get(struct zvm_vm *vm, u32 intid, u8 target)
{
	struct zvm_lpi *lpi = xa_load(&vm->vgic.lpis, intid);
	struct zvm_lpi_change ch = {};

	if (!lpi) {
		lpi = lpi_make(vm, intid, target);
		if (IS_ERR(lpi))
			return lpi;
	} else if (lpi->target == ZVM_VGIC_NO_VCPU) {
		zvm_lpi_set_target(vm, lpi, target, &ch);
		zvm_lpi_settle(vm, &ch);
	}
	lpi->refs++;
	return lpi;
}

void zvm_lpi_put(struct zvm_vm *vm, struct zvm_lpi *lpi)
{
	struct zvm_lpi_change ch = {};
	unsigned long flags;

	if (--lpi->refs)
		return;
	xa_erase(&vm->vgic.lpis, lpi->intid);
	raw_spin_lock_irqsave(&vm->vgic.lock, flags);
	dequeue(vm, lpi);
	lpi->dead = true; /* an injection that has found it comes too late */
	note_owner(lpi, &ch);
	raw_spin_unlock_irqrestore(&vm->vgic.lock, flags);
	zvm_lpi_settle(vm, &ch); /* and out of the list register for good */
	kfree_rcu(lpi, rcu);
}
