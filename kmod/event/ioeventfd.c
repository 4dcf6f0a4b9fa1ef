// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a write of the guest to an address becomes a signal on an eventfd, without an exit.
 *
 * Lookup runs on the vCPU's thread under SRCU: in ring 2, or in ring 1 where the last write to the
 * page was a hit (trap/mmio.c), but not on PREEMPT_RT, where the eventfd's lock sleeps. Changes hold
 * events.lock.
 */
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../compat/compat.h"
#include "../zvm.h"

#define FLAGS (KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

struct zvm_ioeventfd {
	struct list_head list;
	struct eventfd_ctx *ctx;
	u64 addr;
	u64 datamatch;
	u32 len;       /* 0: any length */
	bool wildcard; /* any value */
	bool pio;      /* accepted for compatibility; Arm has no port space, it never matches */
};

static bool collides(const struct zvm_ioeventfd *a, const struct zvm_ioeventfd *b)
{
	if (a->addr != b->addr || a->pio != b->pio)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->wildcard || b->wildcard || a->datamatch == b->datamatch);
}

static bool same(const struct zvm_ioeventfd *a, const struct zvm_ioeventfd *b)
{
	return a->ctx == b->ctx && a->addr == b->addr && a->pio == b->pio && a->len == b->len &&
	       a->wildcard == b->wildcard && (a->wildcard || a->datamatch == b->datamatch);
}

static bool matches(const struct zvm_ioeventfd *p, u64 ipa, u32 len, u64 val)
{
	if (p->pio || p->addr != ipa)
		return false;
	if (!p->len)
		return true;
	return p->len == len && (p->wildcard || p->datamatch == val);
}

bool zvm_ioeventfd_write(struct zvm_vm *vm, u64 ipa, unsigned int len, u64 val)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_ioeventfd *p;
	bool found = false;
	int idx;

	if (len < 8)
		val &= (1ULL << (len * 8)) - 1;
	idx = srcu_read_lock(&ev->srcu);
	list_for_each_entry_rcu(p, &ev->ioeventfds, list, srcu_read_lock_held(&ev->srcu)) {
		if (matches(p, ipa, len, val)) {
			zvm_compat_eventfd_signal(p->ctx);
			found = true;
			break;
		}
	}
	srcu_read_unlock(&ev->srcu, idx);
	return found;
}

static void ioeventfd_free(struct zvm_ioeventfd *p)
{
	eventfd_ctx_put(p->ctx);
	kfree(p);
}

static int ioeventfd_assign(struct zvm_vm *vm, struct zvm_ioeventfd *new)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_ioeventfd *p;
	int ret = 0;

	mutex_lock(&ev->lock);
	list_for_each_entry(p, &ev->ioeventfds, list)
		if (collides(p, new))
			ret = -EEXIST;
	if (!ret)
		list_add_tail_rcu(&new->list, &ev->ioeventfds);
	mutex_unlock(&ev->lock);
	return ret;
}

static int ioeventfd_deassign(struct zvm_vm *vm, const struct zvm_ioeventfd *like)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_ioeventfd *p, *found = NULL;

	mutex_lock(&ev->lock);
	list_for_each_entry(p, &ev->ioeventfds, list) {
		if (same(p, like)) {
			found = p;
			list_del_rcu(&p->list);
			break;
		}
	}
	mutex_unlock(&ev->lock);
	if (!found)
		return -ENOENT;
	synchronize_srcu_expedited(&ev->srcu); /* nobody signals it any more */
	ioeventfd_free(found);
	return 0;
}

int zvm_ioeventfd(struct zvm_vm *vm, const struct kvm_ioeventfd *args)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	struct zvm_ioeventfd *p;
	int ret;

	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->flags & ~FLAGS || args->addr + args->len < args->addr || (!args->len && match))
		return -EINVAL;

	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	p->ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(p->ctx)) {
		ret = PTR_ERR(p->ctx);
		kfree(p);
		return ret;
	}
	p->addr = args->addr;
	p->len = args->len;
	p->wildcard = !match;
	p->datamatch = args->datamatch;
	p->pio = args->flags & KVM_IOEVENTFD_FLAG_PIO;

	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		ret = ioeventfd_deassign(vm, p);
		ioeventfd_free(p); /* it was only the description */
		return ret;
	}
	ret = ioeventfd_assign(vm, p);
	if (ret)
		ioeventfd_free(p);
	return ret;
}

void zvm_ioeventfd_release(struct zvm_vm *vm)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_ioeventfd *p, *tmp;
	LIST_HEAD(gone);

	/* vCPU descriptors may outlive the VM's, so a lookup may be under way. */
	mutex_lock(&ev->lock);
	while ((p = list_first_entry_or_null(&ev->ioeventfds, struct zvm_ioeventfd, list))) {
		list_del_rcu(&p->list);
		synchronize_srcu_expedited(&ev->srcu);
		list_add(&p->list, &gone);
	}
	mutex_unlock(&ev->lock);
	list_for_each_entry_safe(p, tmp, &gone, list)
		ioeventfd_free(p);
}
