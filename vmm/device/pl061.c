// SPDX-License-Identifier: GPL-2.0
/*
 * PL061 GPIO. One lock covers all state; it is a leaf, but for the interrupt line.
 *
 * The data register is 256 words: address bits 9:2 are a mask of the lines that an access touches.
 * Every other register is in the table. A line that is an output reads back what was written to it,
 * an input what drives it.
 *
 * Specification: Arm DDI 0190B, PrimeCell General Purpose Input/Output (PL061), chapter 3.
 */
#include "vmm/device/pl061.h"

#include <pthread.h>
#include <stdlib.h>

#define DATA_END 0x400u
#define LINES	 0xffu

struct zvm_pl061 {
	pthread_mutex_t lock;
	struct zvm_irqline irq;
	bool irq_level;
	uint8_t outside; /* what drives the lines */
	uint8_t out;	 /* what the guest wrote */
	uint8_t dir;	 /* 1: output */
	uint8_t is;	 /* 1: level sensitive */
	uint8_t ibe;	 /* 1: both edges */
	uint8_t iev;	 /* 1: rising edge or high level */
	uint8_t ie;	 /* 1: unmasked */
	uint8_t edges;	 /* latched */
	uint8_t afsel;
	uint8_t pins; /* the lines when edges were last looked for */
};

static uint8_t pins_now(const struct zvm_pl061 *g)
{
	return (g->outside & ~g->dir) | (g->out & g->dir);
}

static uint8_t raw_status(const struct zvm_pl061 *g)
{
	uint8_t active = ~(g->pins ^ g->iev);

	return (g->edges & ~g->is) | (active & g->is);
}

/* After every change: latch edges, then drive the interrupt. */
static void update(struct zvm_pl061 *g)
{
	uint8_t now = pins_now(g), changed = now ^ g->pins;
	bool level;

	g->edges |= changed & (g->ibe | (uint8_t) ~(now ^ g->iev)) & ~g->is;
	g->pins = now;
	level = raw_status(g) & g->ie;
	if (level != g->irq_level) {
		g->irq_level = level;
		zvm_irqline_set(&g->irq, level);
	}
}

#define LINE_REG(field)                                         \
	static uint32_t field##_read(void *dev)                 \
	{                                                       \
		return ((struct zvm_pl061 *)dev)->field;        \
	}                                                       \
	static void field##_write(void *dev, uint32_t val)      \
	{                                                       \
		((struct zvm_pl061 *)dev)->field = val & LINES; \
	}

LINE_REG(dir)
LINE_REG(is)
LINE_REG(ibe)
LINE_REG(iev)
LINE_REG(ie)
LINE_REG(afsel)

static uint32_t ris_read(void *dev)
{
	return raw_status(dev);
}

static uint32_t mis_read(void *dev)
{
	const struct zvm_pl061 *g = dev;

	return raw_status(g) & g->ie;
}

static void ic_write(void *dev, uint32_t val)
{
	((struct zvm_pl061 *)dev)->edges &= ~val;
}

static const struct zvm_reg regs[] = {
	{ 0x400, "GPIODIR", dir_read, dir_write },
	{ 0x404, "GPIOIS", is_read, is_write },
	{ 0x408, "GPIOIBE", ibe_read, ibe_write },
	{ 0x40c, "GPIOIEV", iev_read, iev_write },
	{ 0x410, "GPIOIE", ie_read, ie_write },
	{ 0x414, "GPIORIS", ris_read, NULL },
	{ 0x418, "GPIOMIS", mis_read, NULL },
	{ 0x41c, "GPIOIC", NULL, ic_write },
	{ 0x420, "GPIOAFSEL", afsel_read, afsel_write },
};

static const uint8_t ids[8] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static uint64_t pl061_read(void *dev, uint64_t off, unsigned int width)
{
	const struct zvm_reg *r;
	struct zvm_pl061 *g = dev;
	uint32_t val = 0;

	if (off % 4)
		return 0;
	if (off >= 0xfe0)
		return ids[(off - 0xfe0) / 4];
	pthread_mutex_lock(&g->lock);
	if (off < DATA_END) {
		val = g->pins & (off >> 2);
	} else {
		r = zvm_reg_find(regs, sizeof(regs) / sizeof(regs[0]), off);
		if (r && r->read)
			val = r->read(g);
	}
	pthread_mutex_unlock(&g->lock);
	return val;
}

static void pl061_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	const struct zvm_reg *r;
	struct zvm_pl061 *g = dev;

	if (off % 4)
		return;
	pthread_mutex_lock(&g->lock);
	if (off < DATA_END) {
		uint8_t mask = (off >> 2) & g->dir;

		g->out = (g->out & ~mask) | (val & mask);
	} else {
		r = zvm_reg_find(regs, sizeof(regs) / sizeof(regs[0]), off);
		if (r && r->write)
			r->write(g, (uint32_t)val);
	}
	update(g);
	pthread_mutex_unlock(&g->lock);
}

const struct zvm_mmio_ops zvm_pl061_ops = { .read = pl061_read, .write = pl061_write };

struct zvm_pl061 *zvm_pl061_create(const struct zvm_irqline *irq)
{
	struct zvm_pl061 *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	pthread_mutex_init(&g->lock, NULL);
	g->irq = *irq;
	return g;
}

void zvm_pl061_destroy(struct zvm_pl061 *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void zvm_pl061_reset(struct zvm_pl061 *g)
{
	pthread_mutex_lock(&g->lock);
	g->out = g->dir = g->is = g->ibe = g->iev = g->ie = g->edges = g->afsel = 0;
	g->pins = pins_now(g);
	update(g);
	pthread_mutex_unlock(&g->lock);
}

void zvm_pl061_drive(struct zvm_pl061 *g, unsigned int line, bool high)
{
	uint8_t bit = 1u << (line & 7);

	pthread_mutex_lock(&g->lock);
	g->outside = high ? g->outside | bit : g->outside & ~bit;
	update(g);
	pthread_mutex_unlock(&g->lock);
}
