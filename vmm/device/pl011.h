/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PL011 UART (Arm DDI 0183, r1p5: 32-entry FIFOs), the console of the `virt` platform.
 *
 * The device side (registers) runs on vCPU threads, the wire side (rx, tx_ready) on the event
 * loop; one lock in the device covers both. The lock is held while the transmit handler and the
 * interrupt line are called, so these must not call back.
 */
#ifndef ZVM_DEVICE_PL011_H
#define ZVM_DEVICE_PL011_H

#include "vmm/device/bus.h"

#define ZVM_PL011_SIZE 0x1000u

struct zvm_pl011;

/* The wire. Both run under the device's lock and must not block. */
struct zvm_pl011_wire {
	/* Takes up to @len bytes, returns how many; fewer means "full, tx_ready() will follow". */
	size_t (*tx)(void *opaque, const uint8_t *buf, size_t len);
	/* The receive FIFO has room again after zvm_pl011_rx() took less than it was offered. */
	void (*rx_room)(void *opaque);
	void *opaque;
};

/* NULL when out of memory. The caller owns the device; it must be off the bus before destroy. */
struct zvm_pl011 *zvm_pl011_create(const struct zvm_irqline *irq,
				   const struct zvm_pl011_wire *wire);
void zvm_pl011_destroy(struct zvm_pl011 *uart);

/* Power-on state, as after a system reset; also lowers the interrupt. Any thread. */
void zvm_pl011_reset(struct zvm_pl011 *uart);

/* Bytes from outside; returns how many the FIFO took. Any thread. */
size_t zvm_pl011_rx(struct zvm_pl011 *uart, const uint8_t *buf, size_t len);

/* A break condition on the line (Linux: the SysRq prefix). Lost if the FIFO is full. Any thread. */
void zvm_pl011_break(struct zvm_pl011 *uart);

/* The wire takes bytes again. Any thread. */
void zvm_pl011_tx_ready(struct zvm_pl011 *uart);

extern const struct zvm_mmio_ops zvm_pl011_ops;

#endif
