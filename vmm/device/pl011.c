// SPDX-License-Identifier: GPL-2.0
/*
 * PL011 UART: registers, two FIFOs, and the interrupts that follow from them.
 *
 * Registers are touched by vCPU threads, the wire by the event loop; uart->lock covers all state
 * and is taken before the console's own lock, never after. Guest values only ever select bits of
 * the state here; FIFO indices are bounded by fifo_depth().
 *
 * Time on the wire is not modelled: a byte leaves as soon as the console takes it, and the receive
 * time-out (32 bit periods with data below the trigger level) is raised at once. Like the UART
 * of QEMU's virt board, and unlike hardware, data moves even if the guest never set CR.UARTEN:
 * firmware would have done that before a bare-metal guest starts.
 *
 * Specification: Arm DDI 0183G, PrimeCell UART (PL011) Technical Reference Manual, chapter 3.
 */
#include "vmm/device/pl011.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIFO_SIZE 32u

/* DR and RSR: error bits that travel with a received character. */
#define DR_BE 0x400u
#define DR_OE 0x800u

#define FR_CTS	0x001u
#define FR_DSR	0x002u
#define FR_DCD	0x004u
#define FR_BUSY 0x008u
#define FR_RXFE 0x010u
#define FR_TXFF 0x020u
#define FR_RXFF 0x040u
#define FR_TXFE 0x080u
#define FR_RI	0x100u

#define LCR_BRK 0x01u
#define LCR_FEN 0x10u

#define CR_LBE	0x0080u
#define CR_DTR	0x0400u
#define CR_RTS	0x0800u
#define CR_OUT1 0x1000u
#define CR_OUT2 0x2000u
#define CR_BITS 0xff87u

#define INT_RX	 0x010u
#define INT_TX	 0x020u
#define INT_RT	 0x040u
#define INT_BE	 0x200u
#define INT_OE	 0x400u
#define INT_BITS 0x7ffu

struct fifo {
	uint16_t slot[FIFO_SIZE];
	unsigned int head; /* next to read */
	unsigned int used;
};

struct zvm_pl011 {
	pthread_mutex_t lock;
	struct zvm_irqline irq;
	struct zvm_pl011_wire wire;
	bool irq_level;
	bool rx_waits; /* the wire has more than the FIFO could take */
	struct fifo rx, tx;
	uint32_t rsr, ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, ris, dmacr;
};

static void fifo_put(struct fifo *f, uint16_t val)
{
	f->slot[(f->head + f->used) % FIFO_SIZE] = val;
	f->used++;
}

static uint16_t fifo_get(struct fifo *f)
{
	uint16_t val = f->slot[f->head];

	f->head = (f->head + 1) % FIFO_SIZE;
	f->used--;
	return val;
}

/* With FIFOs off each side is a one-character holding register. */
static unsigned int fifo_depth(const struct zvm_pl011 *u)
{
	return u->lcr_h & LCR_FEN ? FIFO_SIZE : 1;
}

/* IFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of the FIFO; reserved encodings act as 1/2. */
static unsigned int fifo_trigger(const struct zvm_pl011 *u, unsigned int ifls)
{
	static const uint8_t eighths[8] = { 1, 2, 4, 6, 7, 4, 4, 4 };

	return u->lcr_h & LCR_FEN ? FIFO_SIZE * eighths[ifls & 7] / 8 : 1;
}

static unsigned int rx_trigger(const struct zvm_pl011 *u)
{
	return fifo_trigger(u, u->ifls >> 3);
}

static void irq_update(struct zvm_pl011 *u)
{
	bool level = u->ris & u->imsc;

	if (level != u->irq_level) {
		u->irq_level = level;
		zvm_irqline_set(&u->irq, level);
	}
}

/* What is in the receive FIFO decides RX and RT, except for what ICR cleared in between. */
static void rx_raise(struct zvm_pl011 *u)
{
	if (u->rx.used >= rx_trigger(u))
		u->ris |= INT_RX;
	else if (u->rx.used)
		u->ris |= INT_RT;
}

static void rx_put(struct zvm_pl011 *u, uint16_t val)
{
	if (u->rx.used >= fifo_depth(u)) {
		/* Only the loopback gets here: the outside is held back instead of overrunning. */
		u->rsr |= DR_OE >> 8;
		u->ris |= INT_OE;
		return;
	}
	fifo_put(&u->rx, val);
	if (val & DR_BE)
		u->ris |= INT_BE;
	rx_raise(u);
}

/* Moves the transmit FIFO to the wire; raises TX when the level falls to the trigger. */
static void tx_drain(struct zvm_pl011 *u)
{
	unsigned int before = u->tx.used;
	unsigned int level = u->lcr_h & LCR_FEN ? fifo_trigger(u, u->ifls) : 0;

	while (u->tx.used) {
		uint8_t byte = (uint8_t)u->tx.slot[u->tx.head];

		if (u->cr & CR_LBE)
			rx_put(u, byte);
		else if (u->wire.tx && !u->wire.tx(u->wire.opaque, &byte, 1))
			break;
		fifo_get(&u->tx);
	}
	if (before && u->tx.used <= level)
		u->ris |= INT_TX;
}

/* There is room: who was told to wait may go on. */
static void rx_room(struct zvm_pl011 *u)
{
	bool waits = u->rx_waits;

	u->rx_waits = false;
	if (waits && u->wire.rx_room)
		u->wire.rx_room(u->wire.opaque);
}

static uint32_t dr_read(void *dev)
{
	struct zvm_pl011 *u = dev;
	uint16_t val;

	if (!u->rx.used)
		return 0;
	val = fifo_get(&u->rx);
	u->rsr = (val >> 8) & 0xf;
	if (u->rx.used < rx_trigger(u))
		u->ris &= ~INT_RX;
	if (!u->rx.used)
		u->ris &= ~INT_RT;
	rx_raise(u);
	rx_room(u);
	return val;
}

static void dr_write(void *dev, uint32_t val)
{
	struct zvm_pl011 *u = dev;

	if (u->tx.used >= fifo_depth(u))
		return; /* hardware loses the character too */
	if (u->tx.used >= (u->lcr_h & LCR_FEN ? fifo_trigger(u, u->ifls) : 0))
		u->ris &= ~INT_TX;
	fifo_put(&u->tx, val & 0xff);
	tx_drain(u);
}

static uint32_t rsr_read(void *dev)
{
	return ((struct zvm_pl011 *)dev)->rsr;
}

static void ecr_write(void *dev, uint32_t val)
{
	(void)val; /* any value clears */
	((struct zvm_pl011 *)dev)->rsr = 0;
}

static uint32_t fr_read(void *dev)
{
	const struct zvm_pl011 *u = dev;
	uint32_t fr = FR_CTS | FR_DSR | FR_DCD;

	if (u->cr & CR_LBE)
		fr = (u->cr & CR_RTS ? FR_CTS : 0) | (u->cr & CR_DTR ? FR_DSR : 0) |
		     (u->cr & CR_OUT1 ? FR_DCD : 0) | (u->cr & CR_OUT2 ? FR_RI : 0);
	if (!u->rx.used)
		fr |= FR_RXFE;
	if (u->rx.used >= fifo_depth(u))
		fr |= FR_RXFF;
	if (!u->tx.used)
		fr |= FR_TXFE;
	else
		fr |= FR_BUSY;
	if (u->tx.used >= fifo_depth(u))
		fr |= FR_TXFF;
	return fr;
}

#define PLAIN_REG(field, bits)                                   \
	static uint32_t field##_read(void *dev)                  \
	{                                                        \
		return ((struct zvm_pl011 *)dev)->field;         \
	}                                                        \
	static void field##_write(void *dev, uint32_t val)       \
	{                                                        \
		((struct zvm_pl011 *)dev)->field = val & (bits); \
	}

PLAIN_REG(ilpr, 0xff)
PLAIN_REG(ibrd, 0xffff)
PLAIN_REG(fbrd, 0x3f)
PLAIN_REG(imsc, INT_BITS)
PLAIN_REG(dmacr, 0x7)

static uint32_t lcr_h_read(void *dev)
{
	return ((struct zvm_pl011 *)dev)->lcr_h;
}

static void lcr_h_write(void *dev, uint32_t val)
{
	struct zvm_pl011 *u = dev;
	bool brk = (val & ~u->lcr_h & LCR_BRK) && (u->cr & CR_LBE);

	/* Changing FEN flushes both FIFOs: with another depth their contents have no meaning. */
	if ((val ^ u->lcr_h) & LCR_FEN) {
		u->rx.used = 0;
		u->tx.used = 0;
		u->ris &= ~(INT_RX | INT_RT);
		rx_room(u);
	}
	u->lcr_h = val & 0xff;
	if (brk)
		rx_put(u, DR_BE);
}

static uint32_t cr_read(void *dev)
{
	return ((struct zvm_pl011 *)dev)->cr;
}

static void cr_write(void *dev, uint32_t val)
{
	struct zvm_pl011 *u = dev;

	u->cr = val & CR_BITS;
	tx_drain(u);
}

static uint32_t ifls_read(void *dev)
{
	return ((struct zvm_pl011 *)dev)->ifls;
}

static void ifls_write(void *dev, uint32_t val)
{
	struct zvm_pl011 *u = dev;

	u->ifls = val & 0x3f;
	if (u->rx.used < rx_trigger(u))
		u->ris &= ~INT_RX;
	rx_raise(u);
}

static uint32_t ris_read(void *dev)
{
	return ((struct zvm_pl011 *)dev)->ris;
}

static uint32_t mis_read(void *dev)
{
	const struct zvm_pl011 *u = dev;

	return u->ris & u->imsc;
}

static void icr_write(void *dev, uint32_t val)
{
	((struct zvm_pl011 *)dev)->ris &= ~val;
}

#define ID_REG(n, value)                        \
	static uint32_t id##n##_read(void *dev) \
	{                                       \
		(void)dev;                      \
		return value;                   \
	}

/* Part 0x011, designer Arm (0x41), revision 3 (r1p5); PrimeCell identification 0xb105f00d. */
ID_REG(0, 0x11)
ID_REG(1, 0x10)
ID_REG(2, 0x34)
ID_REG(3, 0x00)
ID_REG(4, 0x0d)
ID_REG(5, 0xf0)
ID_REG(6, 0x05)
ID_REG(7, 0xb1)

static const struct zvm_reg regs[] = {
	{ 0x000, "UARTDR", dr_read, dr_write },
	{ 0x004, "UARTRSR/ECR", rsr_read, ecr_write },
	{ 0x018, "UARTFR", fr_read, NULL },
	{ 0x020, "UARTILPR", ilpr_read, ilpr_write },
	{ 0x024, "UARTIBRD", ibrd_read, ibrd_write },
	{ 0x028, "UARTFBRD", fbrd_read, fbrd_write },
	{ 0x02c, "UARTLCR_H", lcr_h_read, lcr_h_write },
	{ 0x030, "UARTCR", cr_read, cr_write },
	{ 0x034, "UARTIFLS", ifls_read, ifls_write },
	{ 0x038, "UARTIMSC", imsc_read, imsc_write },
	{ 0x03c, "UARTRIS", ris_read, NULL },
	{ 0x040, "UARTMIS", mis_read, NULL },
	{ 0x044, "UARTICR", NULL, icr_write },
	{ 0x048, "UARTDMACR", dmacr_read, dmacr_write },
	{ 0xfe0, "UARTPeriphID0", id0_read, NULL },
	{ 0xfe4, "UARTPeriphID1", id1_read, NULL },
	{ 0xfe8, "UARTPeriphID2", id2_read, NULL },
	{ 0xfec, "UARTPeriphID3", id3_read, NULL },
	{ 0xff0, "UARTPCellID0", id4_read, NULL },
	{ 0xff4, "UARTPCellID1", id5_read, NULL },
	{ 0xff8, "UARTPCellID2", id6_read, NULL },
	{ 0xffc, "UARTPCellID3", id7_read, NULL },
};

#define NREGS (sizeof(regs) / sizeof(regs[0]))

static uint64_t pl011_read(void *dev, uint64_t off, unsigned int width)
{
	const struct zvm_reg *r = zvm_reg_find(regs, NREGS, off);
	struct zvm_pl011 *u = dev;
	uint32_t val;

	(void)width; /* a narrow access sees the low bytes of the register */
	if (!r || !r->read)
		return 0;
	pthread_mutex_lock(&u->lock);
	val = r->read(u);
	irq_update(u);
	pthread_mutex_unlock(&u->lock);
	return val;
}

static void pl011_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	const struct zvm_reg *r = zvm_reg_find(regs, NREGS, off);
	struct zvm_pl011 *u = dev;

	(void)width;
	if (!r || !r->write)
		return;
	pthread_mutex_lock(&u->lock);
	r->write(u, (uint32_t)val);
	irq_update(u);
	pthread_mutex_unlock(&u->lock);
}

const struct zvm_mmio_ops zvm_pl011_ops = { .read = pl011_read, .write = pl011_write };

struct zvm_pl011 *zvm_pl011_create(const struct zvm_irqline *irq, const struct zvm_pl011_wire *wire)
{
	struct zvm_pl011 *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	pthread_mutex_init(&u->lock, NULL);
	u->irq = *irq;
	u->wire = *wire;
	zvm_pl011_reset(u);
	return u;
}

void zvm_pl011_destroy(struct zvm_pl011 *u)
{
	if (!u)
		return;
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void zvm_pl011_reset(struct zvm_pl011 *u)
{
	pthread_mutex_lock(&u->lock);
	u->rx = (struct fifo){ 0 };
	u->tx = (struct fifo){ 0 };
	u->rsr = u->ilpr = u->ibrd = u->fbrd = u->lcr_h = u->imsc = u->ris = u->dmacr = 0;
	u->cr = 0x300;
	u->ifls = 0x12;
	irq_update(u);
	rx_room(u);
	pthread_mutex_unlock(&u->lock);
}

size_t zvm_pl011_rx(struct zvm_pl011 *u, const uint8_t *buf, size_t len)
{
	size_t n = 0;

	pthread_mutex_lock(&u->lock);
	/* In loopback the receiver is cut off from the line; what arrives is lost. */
	if (u->cr & CR_LBE) {
		n = len;
	} else {
		while (n < len && u->rx.used < fifo_depth(u))
			rx_put(u, buf[n++]);
		u->rx_waits = n < len;
	}
	irq_update(u);
	pthread_mutex_unlock(&u->lock);
	return n;
}

void zvm_pl011_break(struct zvm_pl011 *u)
{
	pthread_mutex_lock(&u->lock);
	if (!(u->cr & CR_LBE) && u->rx.used < fifo_depth(u))
		rx_put(u, DR_BE);
	irq_update(u);
	pthread_mutex_unlock(&u->lock);
}

void zvm_pl011_tx_ready(struct zvm_pl011 *u)
{
	pthread_mutex_lock(&u->lock);
	tx_drain(u);
	irq_update(u);
	pthread_mutex_unlock(&u->lock);
}
