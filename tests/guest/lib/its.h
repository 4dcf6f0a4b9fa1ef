/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Driver of a GICv3 ITS at TD_ITS_BASE and of LPIs (Arm IHI 0069, chapter 5). Tables live in RAM
 * behind the image. One CPU at a time gives commands; no command's success is looked at, because
 * the ITS does not tell.
 */
#ifndef GUEST_ITS_H
#define GUEST_ITS_H

#include "gic.h"
#include "smp.h"
#include "testdev.h"

#define GITS_BASE    TD_ITS_BASE
#define GITS_CTLR    (GITS_BASE + 0x0000)
#define GITS_IIDR    (GITS_BASE + 0x0004)
#define GITS_TYPER   (GITS_BASE + 0x0008)
#define GITS_CBASER  (GITS_BASE + 0x0080)
#define GITS_CWRITER (GITS_BASE + 0x0088)
#define GITS_CREADR  (GITS_BASE + 0x0090)
#define GITS_BASER0  (GITS_BASE + 0x0100)
#define GITS_BASER1  (GITS_BASE + 0x0108)
#define GITS_PIDR2   (GITS_BASE + 0xffe8)

#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_INVLPIR   0x00a0
#define GICR_INVALLR   0x00b0
#define GICR_SYNCR     0x00c0
#define GICR_LPIS      BIT(0)

/* Of a BASER; PTZ of GICR_PENDBASER: the table is all zero. */
#define VALID	 BIT(63)
#define INDIRECT BIT(62)
#define PTZ	 BIT(62)

#define LPI0	      8192
#define LPI_ID_BITS   16
#define ITS_QUEUE_LEN SZ_64K

struct its {
	u64 dev_table, coll_table, queue, prop_table, pend_table[MAX_CPUS];
	u64 itt_next; /* RAM from here on is free */
	u32 cwriter;
};

extern struct its its;

/* Lay the tables out from `at` on, zeroed, for `ncpus` redistributors; no register is touched. */
void its_take_memory(u64 at, u32 ncpus);
/* Give the redistributor its tables and enable its LPIs. */
void its_enable_lpis(u32 cpu, bool ptz);
/* A zeroed interrupt translation table for 2^bits events. */
u64 its_new_itt(u32 bits);
/* An LPI's priority, and bit 0: enabled; to be followed by INV. */
void its_set_config(u32 lpi, u8 val);
/* The device table, flat; the collection table; the queue; GITS_CTLR.Enabled. */
void its_enable(void);

/* A command into the queue; then all of them to the ITS. False: it does not consume them. */
void its_put(u64 w0, u64 w1, u64 w2, u64 w3);
bool its_run(void);

/* One command each, and run. */
void its_movi(u32 dev, u32 ev, u32 icid);
void its_int(u32 dev, u32 ev);
void its_clear(u32 dev, u32 ev);
void its_sync(u32 cpu);
void its_mapd(u32 dev, u64 itt, u32 bits, bool valid);
void its_mapc(u32 icid, u64 cpu, bool valid);
void its_mapti(u32 dev, u32 ev, u32 lpi, u32 icid);
void its_mapi(u32 dev, u32 ev, u32 icid);
void its_inv(u32 dev, u32 ev);
void its_invall(u32 icid);
void its_movall(u32 from, u32 to);
void its_discard(u32 dev, u32 ev);

#endif
