/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtio-mmio slots of a machine and the devices in them. Main thread only, except for what
 * the devices themselves do on vCPU threads (zvm/virtio.h).
 */
#ifndef ZVM_MACHINE_VIRTIO_H
#define ZVM_MACHINE_VIRTIO_H

#include <zvm/virtio.h>

#include "vmm/machine/map.h"

struct zvm_machine;
struct zvm_slot_watch;

struct zvm_slot {
	struct zvm_machine *m;
	unsigned int index;
	struct zvm_virtio_dev *dev;
	struct zvm_slot_watch *watches;
};

/*
 * Create the devices of the configuration: disks from slot 0 on, then the console if it is a virtio
 * one, then the entropy source. On failure those already made stay for zvm_slots_destroy().
 */
int zvm_slots_create(struct zvm_machine *m, struct zvm_err *err);
void zvm_slots_destroy(struct zvm_machine *m);

/* Power-on state; no I/O is in flight afterwards. */
void zvm_slots_reset(struct zvm_machine *m);
/* Finish all I/O and touch nothing until resume; vCPUs are stopped. */
void zvm_slots_quiesce(struct zvm_machine *m);
void zvm_slots_resume(struct zvm_machine *m);

#endif
