// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: a signal on an eventfd drives an interrupt of the guest.
 *
 * The signaller calls irqfd_wakeup() with the eventfd's own lock held and IRQs off; it injects
 * right there. An irqfd with a resample eventfd stands for a level-triggered line: the signal
 * raises it, the guest's deactivation lowers it and tells the device through the other eventfd,
 * from a work item because that notification may come from a hard interrupt.
 *
 * An irqfd goes by KVM_IRQFD with DEASSIGN, by the last close of its eventfd (EPOLLHUP), or with
 * the VM. Whoever sets IRQFD_CLOSING queues its work item, which alone takes it apart: leaving
 * the eventfd's wait queue needs a lock that irqfd_wakeup() is called under. Deassignment waits
 * for the work, so after it no interrupt comes any more.
 *
 * Locks: events.lock (mutex) over both lists; SRCU for walking the resamplers.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../compat/compat.h"
#include "../zvm.h"

#define IRQFD_CLOSING 0

/* The irqfds with a resample eventfd on one GSI. */
struct zvm_resampler {
	struct list_head link;	/* events.resamplers */
	struct list_head irqfds; /* SRCU */
	struct zvm_vm *vm;
	u32 gsi;
	struct work_struct notify;
};

struct zvm_irqfd {
	struct list_head link; /* events.irqfds */
	struct zvm_vm *vm;
	u32 gsi;
	unsigned long flags; /* IRQFD_* */
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	wait_queue_head_t *queue;
	poll_table pt;
	struct work_struct shutdown;

	struct eventfd_ctx *resample; /* NULL: edge */
	struct zvm_resampler *resampler;
	struct list_head resample_link; /* resampler->irqfds */
};

/* Its own queue, so that deassignment can wait for exactly this kind of work. */
static struct workqueue_struct *irqfd_wq;

int zvm_event_init(void)
{
	irqfd_wq = alloc_workqueue("zvm-irqfd", WQ_UNBOUND, 0);
	return irqfd_wq ? 0 : -ENOMEM;
}

void zvm_event_exit(void)
{
	destroy_workqueue(irqfd_wq);
}

/*
 * Raises only, as KVM on arm64: an edge needs no fall, and a pulse on a level-sensitive interrupt
 * would be gone before anybody sampled it. Without a resampler the VMM lowers it (KVM_IRQ_LINE).
 */
static void irqfd_inject(struct zvm_irqfd *f)
{
	zvm_routing_inject(f->vm, f->gsi, true);
}

static void irqfd_close(struct zvm_irqfd *f)
{
	if (!test_and_set_bit(IRQFD_CLOSING, &f->flags))
		queue_work(irqfd_wq, &f->shutdown);
}

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct zvm_irqfd *f = container_of(wait, struct zvm_irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;
	int taken = 0;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->ctx, &count);
		irqfd_inject(f);
		taken = 1;
	}
	if (events & EPOLLHUP)
		irqfd_close(f);
	return taken;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *queue, poll_table *pt)
{
	struct zvm_irqfd *f = container_of(pt, struct zvm_irqfd, pt);

	f->queue = queue;
	add_wait_queue(queue, &f->wait);
}

/* --- level-triggered lines ------------------------------------------------------------------- */

static void resample_notify(struct work_struct *work)
{
	struct zvm_resampler *r = container_of(work, struct zvm_resampler, notify);
	struct zvm_events *ev = &r->vm->events;
	struct zvm_irqfd *f;
	int idx;

	idx = srcu_read_lock(&ev->srcu);
	list_for_each_entry_rcu(f, &r->irqfds, resample_link, srcu_read_lock_held(&ev->srcu))
		zvm_compat_eventfd_signal(f->resample);
	srcu_read_unlock(&ev->srcu, idx);
}

void zvm_irqfd_resample(struct zvm_vm *vm, u32 intid)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_resampler *r;
	int idx;

	idx = srcu_read_lock(&ev->srcu);
	list_for_each_entry_rcu(r, &ev->resamplers, link, srcu_read_lock_held(&ev->srcu)) {
		if (zvm_routing_intid(vm, r->gsi) != (int)intid)
			continue;
		/* Down before the device is asked: it raises the line again if it must. */
		zvm_vgic_inject(vm, NULL, intid, false);
		queue_work(irqfd_wq, &r->notify);
	}
	srcu_read_unlock(&ev->srcu, idx);
}

/* Enter the resampler of the GSI, making it if need be; events.lock held. */
static int resampler_join(struct zvm_irqfd *f)
{
	struct zvm_events *ev = &f->vm->events;
	struct zvm_resampler *r;

	list_for_each_entry(r, &ev->resamplers, link)
		if (r->gsi == f->gsi)
			goto join;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	r->vm = f->vm;
	r->gsi = f->gsi;
	INIT_LIST_HEAD(&r->irqfds);
	INIT_WORK(&r->notify, resample_notify);
	list_add_rcu(&r->link, &ev->resamplers);
join:
	f->resampler = r;
	list_add_rcu(&f->resample_link, &r->irqfds);
	return 0;
}

/* May sleep; events.lock held. */
static void resampler_leave(struct zvm_irqfd *f)
{
	struct zvm_resampler *r = f->resampler;
	struct zvm_events *ev = &f->vm->events;

	if (!r)
		return;
	list_del_rcu(&f->resample_link);
	if (!list_empty(&r->irqfds)) {
		synchronize_srcu_expedited(&ev->srcu);
		return;
	}
	list_del_rcu(&r->link);
	synchronize_srcu_expedited(&ev->srcu); /* nobody queues it any more */
	cancel_work_sync(&r->notify);
	zvm_routing_inject(f->vm, r->gsi, false); /* nobody else will lower the line */
	kfree(r);
}

/* --- life ------------------------------------------------------------------------------------ */

static void irqfd_free(struct zvm_irqfd *f)
{
	if (f->resample)
		eventfd_ctx_put(f->resample);
	eventfd_ctx_put(f->ctx);
	kfree(f);
}

static void irqfd_shutdown(struct work_struct *work)
{
	struct zvm_irqfd *f = container_of(work, struct zvm_irqfd, shutdown);
	struct zvm_events *ev = &f->vm->events;
	u64 count;

	/* After this irqfd_wakeup() is neither running nor called again. */
	eventfd_ctx_remove_wait_queue(f->ctx, &f->wait, &count);
	mutex_lock(&ev->lock);
	list_del(&f->link);
	resampler_leave(f);
	mutex_unlock(&ev->lock);
	irqfd_free(f);
}

static int irqfd_assign(struct zvm_vm *vm, const struct kvm_irqfd *args)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_irqfd *f, *other;
	struct file *file;
	__poll_t events;
	int ret;

	if (!READ_ONCE(vm->vgic.initialized))
		return -EAGAIN;
	/* Each end of a level interrupt walks the resamplers with IRQs off: no more than can be routed. */
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && args->gsi >= ZVM_MAX_ROUTES)
		return -EINVAL;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->vm = vm;
	f->gsi = args->gsi;
	INIT_WORK(&f->shutdown, irqfd_shutdown);
	init_waitqueue_func_entry(&f->wait, irqfd_wakeup);
	init_poll_funcptr(&f->pt, irqfd_queue);

	file = eventfd_fget(args->fd);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_free;
	}
	f->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(f->ctx)) {
		ret = PTR_ERR(f->ctx);
		goto err_file;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		f->resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(f->resample)) {
			ret = PTR_ERR(f->resample);
			goto err_ctx;
		}
	}

	mutex_lock(&ev->lock);
	ret = ev->released ? -EIO : 0;
	list_for_each_entry(other, &ev->irqfds, link)
		if (other->ctx == f->ctx)
			ret = -EBUSY;
	if (!ret && f->resample)
		ret = resampler_join(f);
	if (ret)
		goto err_unlock;
	list_add_tail(&f->link, &ev->irqfds);
	/*
	 * From here on signals arrive. One that came before is still in the counter. The file is
	 * held, so EPOLLHUP and with it the shutdown cannot come before fput().
	 */
	events = vfs_poll(file, &f->pt);
	if (events & EPOLLIN)
		irqfd_inject(f);
	mutex_unlock(&ev->lock);
	fput(file);
	return 0;

err_unlock:
	mutex_unlock(&ev->lock);
	if (f->resample)
		eventfd_ctx_put(f->resample);
err_ctx:
	eventfd_ctx_put(f->ctx);
err_file:
	fput(file);
err_free:
	kfree(f);
	return ret;
}

static int irqfd_deassign(struct zvm_vm *vm, const struct kvm_irqfd *args)
{
	struct zvm_events *ev = &vm->events;
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct zvm_irqfd *f;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&ev->lock);
	list_for_each_entry(f, &ev->irqfds, link)
		if (f->ctx == ctx && f->gsi == args->gsi)
			irqfd_close(f);
	mutex_unlock(&ev->lock);
	eventfd_ctx_put(ctx);
	flush_workqueue(irqfd_wq); /* no interrupt after we return */
	return 0;
}

int zvm_irqfd(struct zvm_vm *vm, const struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(vm, args);
	return irqfd_assign(vm, args);
}

void zvm_irqfd_release(struct zvm_vm *vm)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_irqfd *f;

	mutex_lock(&ev->lock);
	ev->released = true;
	list_for_each_entry(f, &ev->irqfds, link)
		irqfd_close(f);
	mutex_unlock(&ev->lock);
	flush_workqueue(irqfd_wq); /* each of them uses the VM */
}
