// SPDX-License-Identifier: GPL-2.0
/* See vblk.h. All state of a device is its struct vblk; the interrupts have one handler. */
#include "exc.h"
#include "gic.h"
#include "its.h"
#include "mmu.h"
#include "vblk.h"

/* virtio-mmio of QEMU's virt board and of zvm-run. */
#define MMIO_BASE	0x0a000000UL
#define MMIO_STRIDE	0x200UL
#define MMIO_SLOTS	32U
#define MMIO_INTID	48U
#define MMIO_MAGIC	0x000
#define MMIO_VERSION	0x004
#define MMIO_DEVICE	0x008
#define MMIO_FEATURES	0x010
#define MMIO_FEAT_SEL	0x014
#define MMIO_DRV_FEAT	0x020
#define MMIO_DRV_SEL	0x024
#define MMIO_QUEUE_NUM	0x038
#define MMIO_READY	0x044
#define MMIO_NOTIFY	0x050
#define MMIO_ISR	0x060
#define MMIO_ACK	0x064
#define MMIO_STATUS	0x070
#define MMIO_DESC	0x080
#define MMIO_AVAIL	0x090
#define MMIO_USED	0x0a0
#define MMIO_CONFIG	0x100
#define VIRTIO_MAGIC	0x74726976U
#define VIRTIO_ID_BLOCK 2U

/* PCI: bus 0 in the ECAM below 4 GiB, and the window for its memory. */
#define ECAM	       0x3f000000UL
#define PCI_WINDOW     0x10000000UL
#define PCI_VENDOR     0x1af4U
#define PCI_BLK	       0x1001U /* transitional */
#define PCI_BLK_MODERN 0x1042U
#define PCI_COMMAND    0x04
#define PCI_BAR0       0x10
#define PCI_CAPS       0x34
#define CAP_MSIX       0x11
#define CAP_VENDOR     0x09
#define CFG_COMMON     1
#define CFG_NOTIFY     2
#define CFG_DEVICE     4

/* The common configuration, 4.1.4.3. */
#define COMMON_FEAT_SEL 0x00
#define COMMON_FEATURES 0x04
#define COMMON_DRV_SEL	0x08
#define COMMON_DRV_FEAT 0x0c
#define COMMON_STATUS	0x14
#define COMMON_NUM	0x18
#define COMMON_VECTOR	0x1a
#define COMMON_ENABLE	0x1c
#define COMMON_NOTIFY	0x1e
#define COMMON_DESC	0x20
#define COMMON_AVAIL	0x28
#define COMMON_USED	0x30

#define S_ACKNOWLEDGE 1U
#define S_DRIVER      2U
#define S_DRIVER_OK   4U
#define S_FEATURES_OK 8U

#define F_EVENT_IDX BIT(29)
#define F_VERSION_1 BIT(32)

/* Places in a device's memory. */
#define AT_DESC	 0x0000
#define AT_AVAIL 0x0800
#define AT_USED	 0x1000
#define AT_HEAD	 0x1800 /* 16 bytes of header and the status for each place */

struct desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};

#define DESC_NEXT  1
#define DESC_WRITE 2

static struct vblk *lines[MMIO_SLOTS];
static struct vblk *msis[32];
static u32 nr_msis;
static u64 pci_next = PCI_WINDOW;

static volatile u16 *avail_ring(struct vblk *v)
{
	return (volatile u16 *)(v->memory + AT_AVAIL);
}

static volatile u16 *used_ring(struct vblk *v)
{
	return (volatile u16 *)(v->memory + AT_USED);
}

/* ---- PCI --------------------------------------------------------------------------------------
 */

static u64 pci_config(u16 devid)
{
	return ECAM + ((u64)devid << 12);
}

/* Places all memory BARs; bars[] gets their addresses. */
static void pci_place(u64 cfg, u64 *bars)
{
	u32 i, at, mask, wide;
	u64 size;

	for (i = 0; i < 6; i += 1 + wide) {
		at = PCI_BAR0 + 4 * i;
		mmio_write32(cfg + at, ~0U);
		mask = mmio_read32(cfg + at);
		wide = (mask & 7) == 4;
		bars[i] = 0;
		if (!mask || mask & 1)
			continue;
		size = (u32) ~(mask & ~0xfU) + 1UL;
		pci_next = (pci_next + size - 1) & ~(size - 1);
		bars[i] = pci_next;
		mmio_write32(cfg + at, (u32)pci_next);
		if (wide)
			mmio_write32(cfg + at + 4, 0);
		pci_next += size;
	}
	mmio_write32(cfg + PCI_COMMAND, 6);
}

/* Vector 0 goes to an LPI of the device's own. */
static void pci_vector(struct vblk *v, u64 table)
{
	u32 lpi = LPI0 + nr_msis;

	if (!nr_msis) {
		its_take_memory(ram_base + ram_size / 2, 1);
		its_enable_lpis(0, true);
		its_enable();
		its_mapc(0, 0, true);
	}
	msis[nr_msis++] = v;
	its_set_config(lpi, 0xa1);
	its_mapd(v->devid, its_new_itt(5), 5, true);
	its_mapti(v->devid, 0, lpi, 0);
	mmio_write32(table, (u32)(GITS_BASE + 0x10040));
	mmio_write32(table + 4, 0);
	mmio_write32(table + 8, 0);
	mmio_write32(table + 12, 0);
}

/* Finds the structures by the capabilities; false: it is no modern device with MSI-X. */
static bool pci_open(struct vblk *v, u64 *config)
{
	u64 cfg = pci_config(v->devid), bars[6] = { 0 }, msix = 0, p, where;
	u32 multiplier = 0, kind;

	*config = 0;
	pci_place(cfg, bars);
	for (p = mmio_read8(cfg + PCI_CAPS); p; p = mmio_read8(cfg + p + 1)) {
		kind = mmio_read8(cfg + p);
		if (kind == CAP_MSIX) {
			where = mmio_read32(cfg + p + 4);
			msix = bars[where & 7] + (where & ~7UL);
			mmio_write16(cfg + p + 2, 0x8000);
		}
		if (kind != CAP_VENDOR)
			continue;
		where = bars[mmio_read8(cfg + p + 4) % 6] + mmio_read32(cfg + p + 8);
		switch (mmio_read8(cfg + p + 3)) {
		case CFG_COMMON:
			v->regs = where;
			break;
		case CFG_NOTIFY:
			v->notify = where;
			multiplier = mmio_read32(cfg + p + 16);
			break;
		case CFG_DEVICE:
			*config = where;
			break;
		}
	}
	if (!v->regs || !v->notify || !*config || !msix)
		return false;
	pci_vector(v, msix);
	v->notify += (u64)multiplier * mmio_read16(v->regs + COMMON_NOTIFY);
	return true;
}

/* ---- what the two transports do in their own ways ----------------------------------------------
 */

static void set_status(struct vblk *v, u8 s)
{
	if (v->pci)
		mmio_write8(v->regs + COMMON_STATUS, s);
	else
		mmio_write32(v->regs + MMIO_STATUS, s);
}

static u32 get_status(struct vblk *v)
{
	return v->pci ? mmio_read8(v->regs + COMMON_STATUS) : mmio_read32(v->regs + MMIO_STATUS);
}

/* Takes of the offered features those that are in want. */
static u64 negotiate(struct vblk *v, u64 want)
{
	u64 sel = v->pci ? COMMON_FEAT_SEL : MMIO_FEAT_SEL;
	u64 get = v->pci ? COMMON_FEATURES : MMIO_FEATURES;
	u64 drv_sel = v->pci ? COMMON_DRV_SEL : MMIO_DRV_SEL;
	u64 drv = v->pci ? COMMON_DRV_FEAT : MMIO_DRV_FEAT;
	u64 f = 0;
	u32 i;

	for (i = 0; i < 2; i++) {
		mmio_write32(v->regs + sel, i);
		f |= (u64)mmio_read32(v->regs + get) << 32 * i;
	}
	f &= want;
	for (i = 0; i < 2; i++) {
		mmio_write32(v->regs + drv_sel, i);
		mmio_write32(v->regs + drv, (u32)(f >> 32 * i));
	}
	return f;
}

static void set_address(struct vblk *v, u64 reg, u64 addr)
{
	mmio_write32(v->regs + reg, (u32)addr);
	mmio_write32(v->regs + reg + 4, (u32)(addr >> 32));
}

static void set_queue(struct vblk *v)
{
	set_address(v, v->pci ? COMMON_DESC : MMIO_DESC, v->memory + AT_DESC);
	set_address(v, v->pci ? COMMON_AVAIL : MMIO_AVAIL, v->memory + AT_AVAIL);
	set_address(v, v->pci ? COMMON_USED : MMIO_USED, v->memory + AT_USED);
	if (v->pci) {
		mmio_write16(v->regs + COMMON_NUM, VBLK_RING);
		mmio_write16(v->regs + COMMON_VECTOR, 0);
		mmio_write16(v->regs + COMMON_ENABLE, 1);
	} else {
		mmio_write32(v->regs + MMIO_QUEUE_NUM, VBLK_RING);
		mmio_write32(v->regs + MMIO_READY, 1);
	}
}

static void on_irq(struct exc_frame *f)
{
	u32 id = gic_ack();
	struct vblk *v = NULL;

	if (id >= LPI0 && id < LPI0 + nr_msis) {
		v = msis[id - LPI0];
	} else if (id >= MMIO_INTID && id < MMIO_INTID + MMIO_SLOTS) {
		v = lines[id - MMIO_INTID];
		if (v)
			mmio_write32(v->regs + MMIO_ACK, mmio_read32(v->regs + MMIO_ISR));
	}
	if (v)
		v->interrupts++;
	gic_eoi(id);
}

u32 vblk_find(struct vblk *v, u32 max)
{
	u32 i, id, n = 0;
	u64 at;

	for (i = 0; i < MMIO_SLOTS && n < max; i++) {
		at = MMIO_BASE + i * MMIO_STRIDE;
		if (mmio_read32(at + MMIO_MAGIC) != VIRTIO_MAGIC ||
		    mmio_read32(at + MMIO_VERSION) != 2 ||
		    mmio_read32(at + MMIO_DEVICE) != VIRTIO_ID_BLOCK)
			continue;
		v[n] = (struct vblk){ .regs = at,
				      .notify = at + MMIO_NOTIFY,
				      .spi = MMIO_INTID + i };
		n++;
	}
	for (i = 0; i < 32 && n < max; i++) {
		id = 0;
		EXC_TRY(id = mmio_read32(pci_config((u16)(i << 3))));
		if (id != (PCI_BLK << 16 | PCI_VENDOR) && id != (PCI_BLK_MODERN << 16 | PCI_VENDOR))
			continue;
		v[n] = (struct vblk){ .pci = true, .devid = (u16)(i << 3) };
		n++;
	}
	return n;
}

bool vblk_start(struct vblk *v, u64 memory)
{
	u64 config = v->regs + MMIO_CONFIG, want = F_EVENT_IDX | F_VERSION_1;
	u32 i;

	memset((void *)memory, 0, VBLK_MEMORY);
	v->memory = memory;
	if (v->pci && !pci_open(v, &config))
		return false;
	set_status(v, 0);
	set_status(v, S_ACKNOWLEDGE | S_DRIVER);
	if (negotiate(v, want) != want)
		return false;
	set_status(v, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
	if (!(get_status(v) & S_FEATURES_OK))
		return false;
	set_queue(v);
	for (i = 0; i < VBLK_DEPTH_MAX; i++)
		v->free[v->nr_free++] = (u16)(3 * i);
	exc_set_irq(on_irq);
	if (!v->pci) {
		lines[v->spi - MMIO_INTID] = v;
		gic_set_edge(v->spi, true);
		gic_enable(v->spi);
	}
	set_status(v, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
	v->sectors = mmio_read32(config) | (u64)mmio_read32(config + 4) << 32;
	/* Its name; its bytes land behind the rings. */
	vblk_add(v, VBLK_ID, 0, memory + VBLK_MEMORY - 32, VBLK_ID_LEN);
	vblk_kick(v);
	while (!vblk_done(v))
		vblk_wait(v);
	memcpy(v->id, (void *)(memory + VBLK_MEMORY - 32), VBLK_ID_LEN);
	return !v->errors;
}

void vblk_add(struct vblk *v, u32 type, u64 sector, u64 buf, u32 len)
{
	u16 d = v->free[--v->nr_free];
	struct desc *desc = (struct desc *)(v->memory + AT_DESC) + d;
	u64 head = v->memory + AT_HEAD + d / 3 * 32UL;

	*(u32 *)head = type;
	*(u32 *)(head + 4) = 0;
	*(u64 *)(head + 8) = sector;
	*(volatile u8 *)(head + 16) = 0xff;
	desc[0] = (struct desc){ head, 16, DESC_NEXT, d + 1U };
	desc[1] = (struct desc){ buf, len, DESC_NEXT | (type == VBLK_WRITE ? 0 : DESC_WRITE),
				 d + 2U };
	desc[2] = (struct desc){ head + 16, 1, DESC_WRITE, 0 };
	avail_ring(v)[2 + v->avail % VBLK_RING] = d;
	v->avail++;
}

void vblk_kick(struct vblk *v)
{
	u16 old = avail_ring(v)[1], new = v->avail, event;

	dmb(ishst);
	avail_ring(v)[1] = new;
	dmb(ish);
	event = *(volatile u16 *)(v->memory + AT_USED + 4 + 8 * VBLK_RING);
	if ((u16)(new - event - 1) >= (u16)(new - old))
		return;
	v->kicks++;
	if (v->pci)
		mmio_write16(v->notify, 0);
	else
		mmio_write32(v->notify, 0);
}

u32 vblk_done(struct vblk *v)
{
	u32 n = 0;
	u16 d;

	do {
		while (v->used != used_ring(v)[1]) {
			dmb(ishld);
			d = (u16) *
			    (volatile u32 *)(v->memory + AT_USED + 4 + v->used % VBLK_RING * 8UL);
			v->errors += *(volatile u8 *)(v->memory + AT_HEAD + d / 3 * 32UL + 16) != 0;
			v->free[v->nr_free++] = d;
			v->used++;
			n++;
		}
		avail_ring(v)[2 + VBLK_RING] = v->used;
		dmb(ish);
	} while (v->used != used_ring(v)[1]);
	return n;
}

void vblk_wait(struct vblk *v)
{
	irq_window(); /* that of a request which was done before the doorbell returned */
	while (v->used == used_ring(v)[1]) {
		wfi();
		irq_window();
	}
}
