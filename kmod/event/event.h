/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqfd, ioeventfd and GSI routing: how other kernel and user space code reaches a VM without an
 * exit to its VMM.
 */
#ifndef ZVM_EVENT_H
#define ZVM_EVENT_H

#include <linux/atomic.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct zvm_vm;
struct zvm_routing; /* private: routing.c */

/* An interrupt status word of the VMM's (status.c); constant once a vCPU has run. */
struct zvm_status {
	u64 addr;	/* IPA of the status register; the acknowledge register is behind it */
	atomic_t *word; /* in the page, which is pinned */
	struct page *page;
};

#define ZVM_MAX_STATUS 32

struct zvm_events {
	struct mutex lock; /* changes of everything below */
	struct list_head irqfds;
	struct list_head resamplers; /* SRCU */
	struct list_head ioeventfds; /* SRCU */
	struct srcu_struct srcu; /* readers: ioeventfd lookup, irqfd resample, routing */
	struct zvm_routing __rcu *routing; /* NULL: the default, GSI n = SPI n */
	bool released; /* the VM descriptor is closed: no new irqfd */
	u32 nr_status; /* of status[], which are added under vm->lock */
	struct zvm_status status[ZVM_MAX_STATUS];
};

int zvm_event_init(void);  /* module: irqfd cleanup workqueue */
void zvm_event_exit(void);
int zvm_event_create(struct zvm_vm *vm);
/* VM fd released: shut all irqfds and ioeventfds down; may sleep. */
void zvm_event_release(struct zvm_vm *vm);
void zvm_event_destroy(struct zvm_vm *vm);

/* KVM_IRQFD. -EAGAIN before the vGIC is initialised, -EBUSY: the eventfd already has an irqfd. */
int zvm_irqfd(struct zvm_vm *vm, const struct kvm_irqfd *args);
void zvm_irqfd_release(struct zvm_vm *vm); /* event.c: close all, wait until they are gone */
/* KVM_IOEVENTFD. -EEXIST: collides with another, -ENOENT: nothing to take away. */
int zvm_ioeventfd(struct zvm_vm *vm, const struct kvm_ioeventfd *args);
void zvm_ioeventfd_release(struct zvm_vm *vm);

/* KVM_SET_GSI_ROUTING: `entries` in kernel memory. */
#define ZVM_MAX_ROUTES 4096
int zvm_routing_set(struct zvm_vm *vm, const struct kvm_irq_routing_entry *entries, u32 nr);
/* INTID of the SPI that `gsi` drives, or -1; any context. */
int zvm_routing_intid(struct zvm_vm *vm, u32 gsi);
/* Drive the line of a GSI, or send its message when `level`; any context. */
int zvm_routing_inject(struct zvm_vm *vm, u32 gsi, bool level);
/* KVM_IRQ_LINE: kvm_irq_level.irq encodes type, vCPU and number (arm64 format). */
int zvm_irq_line(struct zvm_vm *vm, const struct kvm_irq_level *lvl);

/*
 * An MMIO write of the guest; ring 2, and ring 1 but for PREEMPT_RT. True: an eventfd took it, the
 * exit is done.
 */
bool zvm_ioeventfd_write(struct zvm_vm *vm, u64 ipa, unsigned int len, u64 val);

/* ZVM_CAP_STATUS_WORD; vm->lock held. */
int zvm_status_add(struct zvm_vm *vm, u64 addr, u64 word);
void zvm_status_destroy(struct zvm_vm *vm);
/* An access of the guest; ring 2. False: it is not about a status word. */
bool zvm_status_mmio(struct zvm_vm *vm, u64 ipa, unsigned int len, bool write, u64 *val);

/* Ring 0 too. */
static inline const struct zvm_status *zvm_status_find(const struct zvm_events *ev, u64 addr)
{
	u32 i, nr = smp_load_acquire(&ev->nr_status); /* pairs with zvm_status_add() */

	for (i = 0; i < nr; i++)
		if (ev->status[i].addr == addr)
			return &ev->status[i];
	return NULL;
}

/* An access of 32 bits to the pair of registers. False: the register has no such access. */
static inline bool zvm_status_access(const struct zvm_status *s, u64 ipa, bool write, u64 *val)
{
	if (ipa == s->addr && !write)
		*val = (u32)atomic_read(s->word);
	else if (ipa == s->addr + 4 && write)
		/* Fully ordered: what the device did before it set a bit is seen after it is cleared. */
		atomic_fetch_andnot((u32)*val, s->word);
	else
		return false;
	return true;
}

/* The guest deactivated `intid` (SPI): resample level irqfds; hard IRQ context. */
void zvm_irqfd_resample(struct zvm_vm *vm, u32 intid);

#endif
