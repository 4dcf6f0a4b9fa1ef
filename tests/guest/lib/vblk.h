/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Driver of a virtio-blk device with one queue, on virtio-mmio (version 2) or on PCI with MSI-X
 * (VIRTIO 1.2, sections 2.7, 4.1, 4.2, 5.2). One CPU drives it. As in a Linux guest completions
 * come by interrupt and the event index is used both ways; the queue's memory is given once.
 *
 * PCI needs an ITS and functions on bus 0 behind the low ECAM window of QEMU's virt board.
 */
#ifndef GUEST_VBLK_H
#define GUEST_VBLK_H

#include "arch.h"

#define VBLK_RING      128 /* descriptors; a request takes three */
#define VBLK_DEPTH_MAX (VBLK_RING / 3)
#define VBLK_SECTOR    512U
#define VBLK_ID_LEN    20

#define VBLK_READ  0U
#define VBLK_WRITE 1U
#define VBLK_ID	   8U

struct vblk {
	u64 regs;   /* virtio-mmio: the window; PCI: the common configuration */
	u64 notify; /* where the doorbell is */
	u32 spi;    /* virtio-mmio alone */
	u16 devid;  /* PCI: bus, device, function */
	bool pci;
	u64 sectors;
	char id[VBLK_ID_LEN + 1];

	u64 memory;
	u16 free[VBLK_DEPTH_MAX];
	u32 nr_free;
	u16 avail, used; /* as counted by us */
	u32 kicks, interrupts, errors;
};

/* Devices found, in the order of their addresses; at most max. Nothing is started. */
u32 vblk_find(struct vblk *v, u32 max);
/* Bytes of RAM that a device needs, and starting it with them, at a page boundary. */
#define VBLK_MEMORY 8192U
bool vblk_start(struct vblk *v, u64 memory);

/* Puts one request into the ring; a free place must be there. */
void vblk_add(struct vblk *v, u32 type, u64 sector, u64 buf, u32 len);
/* Shows what was added to the device, and rings if it asks for that. */
void vblk_kick(struct vblk *v);
/* Takes what is done, and asks for an interrupt at the next one. */
u32 vblk_done(struct vblk *v);
/* Sleeps until something is done; interrupts masked before and after. */
void vblk_wait(struct vblk *v);

#endif
