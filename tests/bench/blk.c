// SPDX-License-Identifier: GPL-2.0
/*
 * What a block request costs, counted by the guest that makes it: everything that the host executes
 * for it is in. Run under `-icount shift=0` on a host with one CPU, which this guest never leaves
 * idle but for what it waits for: a difference of CNTVCT is then the instructions of guest, kernel
 * and VMM together, because with one CPU no two of them run at once.
 *
 * For each disk it finds, by its serial number: reads and writes of 4 KiB at random places, always
 * as many in flight as the depth says, interrupts and event index as in a Linux guest. Prints
 * "bench<TAB>blk_read_d1.SERIAL<TAB>value": the median of batches, per request; then the doorbells
 * and the interrupts of them all per thousand requests. tests/bench/run puts VMMs side by side.
 */
#include "bench.h"
#include "mmu.h"
#include "tap.h"
#include "timer.h"
#include "vblk.h"

#define DISKS	 24
#define BATCHES	 7
#define REQUESTS 128 /* of a batch */
#define WARM_UP	 64
#define BLOCK	 4096U

static struct vblk disks[DISKS];
static u64 buffers;
static u32 seed = 1;

static u64 somewhere(struct vblk *v)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % (u32)(v->sectors * VBLK_SECTOR / BLOCK) * (BLOCK / VBLK_SECTOR);
}

static void requests(struct vblk *v, u32 type, u32 depth, u32 total)
{
	u32 begun = 0, ended = 0;

	while (ended < total) {
		for (; begun < total && begun - ended < depth; begun++)
			vblk_add(v, type, somewhere(v), buffers + begun % depth * BLOCK, BLOCK);
		vblk_kick(v);
		vblk_wait(v);
		ended += vblk_done(v);
	}
}

static void measure(struct vblk *v, u32 type, u32 depth)
{
	u64 took[BATCHES], from, per_tick = 1000000000UL / read_sysreg(cntfrq_el0);
	u32 i, kicks, interrupts;

	requests(v, type, depth, WARM_UP);
	kicks = v->kicks;
	interrupts = v->interrupts;
	for (i = 0; i < BATCHES; i++) {
		mark_begin();
		from = timer_now();
		requests(v, type, depth, REQUESTS);
		took[i] = timer_now() - from;
		mark_end();
	}
	printf("bench\tblk_%s_d%u.%s\t%lu\t%u\t%u\n", type == VBLK_READ ? "read" : "write", depth,
	       v->id, median(took, BATCHES) * per_tick / REQUESTS,
	       (v->kicks - kicks) * 1000 / (BATCHES * REQUESTS),
	       (v->interrupts - interrupts) * 1000 / (BATCHES * REQUESTS));
}

int main(void)
{
	static const u32 depth[] = { 1, 4, 32 };
	u32 i, j, n = vblk_find(disks, DISKS);
	u64 memory = ram_free();

	irq_disable();
	buffers = memory + DISKS * VBLK_MEMORY;
	memset((void *)memory, 0, DISKS * VBLK_MEMORY + 32 * BLOCK);
	for (i = 0; i < n; i++) {
		if (!vblk_start(&disks[i], memory + i * VBLK_MEMORY))
			tap_bail("disk %u does not start", i);
		for (j = 0; j < ARRAY_SIZE(depth); j++) {
			measure(&disks[i], VBLK_READ, depth[j]);
			measure(&disks[i], VBLK_WRITE, depth[j]);
		}
		if (!check(!disks[i].errors, "the disk answered all requests"))
			printf("# %s: %u errors\n", disks[i].id, disks[i].errors);
	}
	check(n > 0, "there are disks");
	return 0;
}
