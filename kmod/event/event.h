/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqfd, ioeventfd and GSI routing: how other kernel and user space code reaches a VM without an
 * exit to its VMM.
 */
#ifndef ZVM_EVENT_H
#define ZVM_EVENT_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct zvm_vm;
struct zvm_routing; /* private: routing.c */

struct zvm_events {
	struct mutex lock; /* changes of everything below */
	struct list_head irqfds;
	struct list_head resamplers; /* SRCU */
	struct list_head ioeventfds; /* SRCU */
	struct srcu_struct srcu; /* readers: ioeventfd lookup, irqfd resample, routing */
	struct zvm_routing __rcu *routing; /* NULL: the default, GSI n = SPI n */
	bool released; /* the VM descriptor is closed: no new irqfd */
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

/* An MMIO write of the guest; ring 2. True: an eventfd took it, the exit is done. */
bool zvm_ioeventfd_write(struct zvm_vm *vm, u64 ipa, unsigned int len, u64 val);
/* The guest deactivated `intid` (SPI): resample level irqfds; hard IRQ context. */
void zvm_irqfd_resample(struct zvm_vm *vm, u32 intid);

#endif
