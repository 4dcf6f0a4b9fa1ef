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
	struct mutex lock; /* lists below and routing changes */
	struct list_head irqfds, resamplers;
	struct list_head ioeventfds;
	struct srcu_struct srcu; /* readers: ioeventfd lookup, irqfd resample, routing */
	struct zvm_routing __rcu *routing; /* NULL: the default, GSI n = SPI n */
};

int zvm_event_init(void);  /* module: irqfd cleanup workqueue */
void zvm_event_exit(void);
int zvm_event_create(struct zvm_vm *vm);
/* VM fd released: shut all irqfds and ioeventfds down; may sleep. */
void zvm_event_release(struct zvm_vm *vm);
void zvm_event_destroy(struct zvm_vm *vm);

int zvm_irqfd(struct zvm_vm *vm, const struct kvm_irqfd *args);
int zvm_ioeventfd(struct zvm_vm *vm, const struct kvm_ioeventfd *args);
int zvm_routing_set(struct zvm_vm *vm, const struct kvm_irq_routing_entry *entries, u32 nr);
/* KVM_IRQ_LINE: kvm_irq_level.irq encodes type, vCPU and number (arm64 format). */
int zvm_irq_line(struct zvm_vm *vm, const struct kvm_irq_level *lvl);

/* An MMIO write of the guest; ring 2. True: an eventfd took it, the exit is done. */
bool zvm_ioeventfd_write(struct zvm_vm *vm, u64 ipa, unsigned int len, u64 val);
/* The guest deactivated `intid` (SPI): resample level irqfds; hard IRQ context. */
void zvm_irqfd_resample(struct zvm_vm *vm, u32 intid);

#endif
