// SPDX-License-Identifier: GPL-2.0
/* See its.h. */
#include "its.h"
#include "timer.h"

struct its its;

static u64 take_pages(u64 *at, u64 size)
{
	u64 p = *at, i;

	for (i = 0; i < size; i += 8)
		*(u64 *)(p + i) = 0;
	*at += size;
	return p;
}

void its_take_memory(u64 at, u32 ncpus)
{
	u32 i;

	at = ALIGN_UP(at, SZ_64K);
	its.dev_table = take_pages(&at, SZ_64K);
	its.coll_table = take_pages(&at, SZ_64K);
	its.queue = take_pages(&at, ITS_QUEUE_LEN);
	its.prop_table = take_pages(&at, SZ_64K);
	for (i = 0; i < ncpus; i++)
		its.pend_table[i] = take_pages(&at, SZ_64K);
	its.itt_next = at;
	its.cwriter = 0;
}

void its_enable_lpis(u32 cpu, bool ptz)
{
	u64 rd = cpus[cpu].gicr;

	mmio_write64(rd + GICR_PROPBASER, its.prop_table | 7UL << 7 | 1UL << 10 | (LPI_ID_BITS - 1));
	mmio_write64(rd + GICR_PENDBASER,
		     its.pend_table[cpu] | 7UL << 7 | 1UL << 10 | (ptz ? PTZ : 0));
	mmio_write32(rd + GICR_CTLR, GICR_LPIS);
	dsb(sy);
}

u64 its_new_itt(u32 bits)
{
	return take_pages(&its.itt_next, ALIGN_UP(8UL << bits, 256));
}

void its_set_config(u32 lpi, u8 val)
{
	*(volatile u8 *)(its.prop_table + lpi - LPI0) = val;
	dsb(ish);
}

void its_enable(void)
{
	mmio_write64(GITS_BASER0, its.dev_table | VALID | 3UL << 59 | 1UL << 10 | 2UL << 8);
	mmio_write64(GITS_BASER1, its.coll_table | VALID | 3UL << 59 | 1UL << 10 | 2UL << 8);
	mmio_write64(GITS_CBASER, its.queue | VALID | 3UL << 59 | 1UL << 10 | (ITS_QUEUE_LEN / 4096 - 1));
	mmio_write32(GITS_CTLR, 1);
	its.cwriter = 0;
}

void its_put(u64 w0, u64 w1, u64 w2, u64 w3)
{
	u64 *cmd = (u64 *)(its.queue + its.cwriter);

	cmd[0] = w0;
	cmd[1] = w1;
	cmd[2] = w2;
	cmd[3] = w3;
	its.cwriter = (u32)((its.cwriter + 32) % ITS_QUEUE_LEN);
}

bool its_run(void)
{
	u64 end = timer_now() + timer_ms(20000);

	dsb(ish);
	mmio_write64(GITS_CWRITER, its.cwriter);
	while (mmio_read64(GITS_CREADR) != its.cwriter)
		if (timer_now() > end)
			return false;
	return true;
}

static void one(u64 w0, u64 w1, u64 w2, u64 w3)
{
	its_put(w0, w1, w2, w3);
	its_run();
}

void its_movi(u32 dev, u32 ev, u32 icid)
{
	one(0x01 | (u64)dev << 32, ev, icid, 0);
}

void its_int(u32 dev, u32 ev)
{
	one(0x03 | (u64)dev << 32, ev, 0, 0);
}

void its_clear(u32 dev, u32 ev)
{
	one(0x04 | (u64)dev << 32, ev, 0, 0);
}

void its_sync(u32 cpu)
{
	one(0x05, 0, (u64)cpu << 16, 0);
}

void its_mapd(u32 dev, u64 itt, u32 bits, bool valid)
{
	one(0x08 | (u64)dev << 32, bits - 1, itt | (valid ? VALID : 0), 0);
}

void its_mapc(u32 icid, u64 cpu, bool valid)
{
	one(0x09, 0, icid | cpu << 16 | (valid ? VALID : 0), 0);
}

void its_mapti(u32 dev, u32 ev, u32 lpi, u32 icid)
{
	one(0x0a | (u64)dev << 32, ev | (u64)lpi << 32, icid, 0);
}

void its_mapi(u32 dev, u32 ev, u32 icid)
{
	one(0x0b | (u64)dev << 32, ev, icid, 0);
}

void its_inv(u32 dev, u32 ev)
{
	one(0x0c | (u64)dev << 32, ev, 0, 0);
}

void its_invall(u32 icid)
{
	one(0x0d, 0, icid, 0);
}

void its_movall(u32 from, u32 to)
{
	one(0x0e, 0, (u64)from << 16, (u64)to << 16);
}

void its_discard(u32 dev, u32 ev)
{
	one(0x0f | (u64)dev << 32, ev, 0, 0);
}
