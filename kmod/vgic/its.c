// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt Translation Services of a VM: their registers, their command queues, and MSIs on their
 * way in. What the tables hold is cached in three xarrays; guest memory is read for commands and
 * written for what a restore must not find again (its_cmd.c), and read and written at restore and
 * save (its_table.c).
 *
 * Registers: on a vCPU's thread in ring 2, or for KVM_{SET,GET}_DEVICE_ATTR with all vCPUs stopped,
 * under g->its_mutex. A queue of commands may take long, and one command too, if it is about every
 * event of a large guest: they are worked off in slices, by the vCPU that wrote GITS_CWRITER, which
 * may be preempted at any time, lets others have the mutex after each slice, and leaves for a
 * signal or a request; ZVM_REQ_ITS brings it back to the rest before it enters the guest again. A
 * command that a slice ends in is kept (its->cmd, its->walk): any thread may go on with it. What frees
 * all of a table at once (a new GITS_BASER) or all of a vCPU's LPIs is one piece: bounded by the
 * 65,536 LPIs of a VM, and preemptible.
 *
 * MSIs: any context, hard IRQ included; RCU and the raw lock of the LPIs.
 *
 * Values that user space may compare or restore are KVM's. GIC IHI 0069, 5.2, 5.3, 12.19.
 */
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "its.h"

#define GITS_CTLR	0x0000
#define GITS_TYPER	0x0008
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER	0x0100
#define GITS_BASER_END	0x0140
#define GITS_IDS	0xffd0 /* PIDR4 and up */
#define GITS_CONTROL_END 0x10000

#define CTLR_ENABLED	BIT(0)
#define CTLR_QUIESCENT	BIT(31)
#define IIDR_KVM	0x4b00043bULL /* product 'K', implementer Arm, table layout revision 0 */
#define IIDR_REV(val)	(((val) >> 12) & 0xf)
/* Physical LPIs; ITEs of 8 bytes; 16 bits of EventID and DeviceID; PTA = 0: processor numbers */
#define TYPER_VALUE	(1ULL | (ZVM_ITS_ENTRY - 1ULL) << 4 | 15ULL << 8 | 15ULL << 13)

#define CBASER_VALID	BIT_ULL(63)
#define CMD_SIZE	32
#define CMD_OFFSET	GENMASK(19, 5)
#define CMD_COST	16 /* of ZVM_ITS_SLICE, for a command of any kind */

/* GITS_BASER: what is fixed. 64 KiB pages, entries of 8 bytes, types 1 and 4. */
#define BASER_FIXED	(GENMASK_ULL(58, 56) | GENMASK_ULL(52, 48) | GENMASK_ULL(9, 8))
#define BASER_VALUE(type) ((u64)(type) << 56 | (ZVM_ITS_ENTRY - 1ULL) << 48 | 2ULL << 8)
#define BASER_ATTRS	(3ULL << 59 | 1ULL << 10) /* read-allocate write-back, inner shareable */

static const u64 baser_fixed[2] = { BASER_VALUE(1), BASER_VALUE(4) };

static u32 queue_size(const struct zvm_its *its)
{
	return ((u32)(its->cbaser & 0xff) + 1) << 12;
}

static bool queue_empty(const struct zvm_its *its)
{
	return READ_ONCE(its->creadr) == READ_ONCE(its->cwriter);
}

/* --- commands --------------------------------------------------------------------------------- */

/* The command at creadr, for the first time. False: a queue that is not in memory has none. */
static bool fetch_command(struct zvm_its *its)
{
	__le64 raw[4];
	u32 i;

	if (zvm_mm_read(its->vm, (its->cbaser & GENMASK_ULL(51, 16)) + its->creadr, raw,
			sizeof(raw)))
		return false;
	for (i = 0; i < ARRAY_SIZE(raw); i++)
		its->cmd[i] = le64_to_cpu(raw[i]);
	its->walk.next = 0;
	its->walk.any = false;
	return true;
}

static void next_command(struct zvm_its *its)
{
	u32 next = its->creadr + CMD_SIZE;

	its->busy = false;
	WRITE_ONCE(its->creadr, next == queue_size(its) ? 0 : next);
}

/* its_mutex held. A slice of the queue; true: there is more. */
static bool run_commands(struct zvm_its *its)
{
	if (!its->vm->vgic.initialized)
		return false;
	its->walk.left = ZVM_ITS_SLICE;
	while (its->enabled && !queue_empty(its)) {
		if (its->walk.left <= CMD_COST)
			return true;
		its->walk.left -= CMD_COST;
		if (its->busy || fetch_command(its))
			its->busy = !zvm_its_command(its);
		if (its->busy)
			return true;
		next_command(its);
	}
	return false;
}

int zvm_its_finish(struct zvm_its *its)
{
	while (its->busy) {
		its->walk.left = ZVM_ITS_SLICE;
		if (zvm_its_command(its))
			next_command(its);
		else if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* All that there is, by v's thread; no lock held. Another vCPU may add to it meanwhile. */
static void work_off(struct zvm_vcpu *v, struct zvm_its *its)
{
	struct mutex *lock = &its->vm->vgic.its_mutex;
	bool more;

	do {
		if (signal_pending(current) || (READ_ONCE(v->requests) & ~ZVM_REQS_IRQ)) {
			set_bit(ZVM_REQ_ITS, &v->requests); /* v is not in the guest */
			return;
		}
		mutex_lock(lock);
		more = run_commands(its);
		mutex_unlock(lock);
		cond_resched();
	} while (more);
}

void zvm_its_continue(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	u32 i, n = smp_load_acquire(&g->nr_its);

	for (i = 0; i < n; i++)
		if (READ_ONCE(g->its[i]->enabled) && !queue_empty(g->its[i]))
			work_off(v, g->its[i]);
}

/* --- registers: its_mutex held for writes ----------------------------------------------------- */

/* 64 bits at `off`, aligned to 8. */
static u64 read_reg(const struct zvm_its *its, u32 off)
{
	switch (off) {
	case GITS_CTLR:
		return (READ_ONCE(its->enabled) ? CTLR_ENABLED : 0) |
		       (queue_empty(its) ? CTLR_QUIESCENT : 0) | IIDR_KVM << 32;
	case GITS_TYPER:
		return TYPER_VALUE;
	case GITS_CBASER:
		return READ_ONCE(its->cbaser);
	case GITS_CWRITER:
		return READ_ONCE(its->cwriter);
	case GITS_CREADR:
		return READ_ONCE(its->creadr);
	case GITS_BASER:
	case GITS_BASER + 8:
		return READ_ONCE(its->baser[(off - GITS_BASER) / 8]);
	}
	return 0;
}

static u32 read_id(u32 off)
{
	switch (off) {
	case 0xffd0:
		return 0x40; /* PIDR4 */
	case 0xffe0:
		return 0x92;
	case 0xffe4:
		return 0xb4;
	case 0xffe8:
		return 0x3b; /* PIDR2: GICv3 */
	case 0xfff0:
		return 0x0d; /* CIDR0 to 3 */
	case 0xfff4:
		return 0xf0;
	case 0xfff8:
		return 0x05;
	case 0xfffc:
		return 0xb1;
	}
	return 0;
}

u32 zvm_its_reg_width(u32 off)
{
	if (off < GITS_TYPER || (off >= GITS_IDS && off < GITS_CONTROL_END))
		return 4;
	if (off == GITS_TYPER || (off >= GITS_CBASER && off < GITS_CREADR + 8) ||
	    (off >= GITS_BASER && off < GITS_BASER_END))
		return 8;
	return 0;
}

u64 zvm_its_read(const struct zvm_its_access *a)
{
	u32 width = zvm_its_reg_width(a->off);

	if (a->len > width)
		return 0;
	if (a->off >= GITS_IDS)
		return read_id(a->off);
	return zvm_vgic_get_part(read_reg(a->its, a->off & ~7u), a->off, a->len);
}

static void write_ctlr(struct zvm_its *its, u64 val)
{
	bool enable = val & CTLR_ENABLED;

	/* Without tables and a queue there is nothing to switch on: UNPREDICTABLE, ignored. */
	if (enable && !its->enabled && (!(its->baser[0] & its->baser[1] & ZVM_ITS_BASER_VALID) ||
					!(its->cbaser & CBASER_VALID)))
		return;
	WRITE_ONCE(its->enabled, enable);
}

static void write_cbaser(struct zvm_its *its, u64 val)
{
	if (its->enabled)
		return;
	WRITE_ONCE(its->cbaser, zvm_vgic_sanitise_base(val, 59, 53) & ~GENMASK_ULL(15, 12));
	WRITE_ONCE(its->creadr, 0);
	WRITE_ONCE(its->cwriter, 0);
	its->busy = false;
}

static void write_baser(struct zvm_its *its, unsigned int n, u64 val)
{
	if (its->enabled)
		return;
	if (n)
		val &= ~ZVM_ITS_BASER_INDIRECT;
	val = zvm_vgic_sanitise_base((val & ~BASER_FIXED) | baser_fixed[n], 59, 53);
	if (val == its->baser[n])
		return; /* a driver that resumes writes what was there */
	WRITE_ONCE(its->baser[n], val);
	if (n)
		zvm_its_free_collections(its);
	else
		zvm_its_free_devices(its);
}

static void write_cwriter(struct zvm_its *its, u64 val)
{
	u32 off = val & CMD_OFFSET;

	if (off < queue_size(its))
		WRITE_ONCE(its->cwriter, off);
}

/* User space restores what the guest only reads. */
static int write_user(struct zvm_its *its, u32 off, u64 val)
{
	if (off == GITS_CREADR) {
		if (its->enabled)
			return -EBUSY;
		if ((val & CMD_OFFSET) >= queue_size(its))
			return -EINVAL;
		WRITE_ONCE(its->creadr, val & CMD_OFFSET);
		its->busy = false;
	}
	if (off == GITS_CTLR + 4) /* GITS_IIDR: the one table layout there is */
		return IIDR_REV(val) ? -EINVAL : 0;
	return 0;
}

int zvm_its_write(const struct zvm_its_access *a, u64 val)
{
	struct zvm_its *its = a->its;
	u32 off = a->off & ~7u;
	u64 whole;

	if (a->len > zvm_its_reg_width(a->off))
		return 0;
	whole = zvm_vgic_set_part(read_reg(its, off), a->off, a->len, val);
	switch (off) {
	case GITS_CTLR:
		if (a->off == GITS_CTLR)
			write_ctlr(its, val);
		break;
	case GITS_CBASER:
		write_cbaser(its, whole);
		break;
	case GITS_CWRITER:
		write_cwriter(its, whole);
		break;
	case GITS_BASER:
	case GITS_BASER + 8:
		write_baser(its, (off - GITS_BASER) / 8, whole);
		break;
	}
	if (a->v)
		return 0;
	/* Restored in the middle of its commands, or user space's own: to the end. */
	while (run_commands(its)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return write_user(its, a->off, val);
}

struct zvm_its *zvm_its_at(struct zvm_vm *vm, u64 ipa)
{
	struct zvm_vgic *g = &vm->vgic;
	u32 i, n = smp_load_acquire(&g->nr_its);
	u64 base;

	for (i = 0; i < n; i++) {
		base = READ_ONCE(g->its[i]->base);
		if (base != ZVM_VGIC_ADDR_UNDEF && ipa - base < ZVM_ITS_SIZE)
			return g->its[i];
	}
	return NULL;
}

void zvm_its_mmio(struct zvm_vcpu *v, struct zvm_its *its, u64 ipa, unsigned int len, bool write,
		  u64 *val)
{
	struct zvm_its_access a = { .its = its, .v = v, .off = ipa - its->base, .len = len };
	bool more;

	if ((len != 4 && len != 8) || !IS_ALIGNED(a.off, len)) {
		if (!write)
			*val = 0;
		return;
	}
	if (!write) {
		*val = zvm_its_read(&a);
		return;
	}
	mutex_lock(&its->vm->vgic.its_mutex);
	zvm_its_write(&a, *val);
	more = run_commands(its);
	mutex_unlock(&its->vm->vgic.its_mutex);
	if (more)
		work_off(v, its);
}

/* --- MSIs ------------------------------------------------------------------------------------- */

int zvm_its_msi(struct zvm_vm *vm, const struct kvm_msi *msi)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_its_ite *ite;
	struct zvm_its *its;
	int ret = 0;

	if (!zvm_vgic_has_its(g) || !smp_load_acquire(&g->initialized))
		return -ENODEV;
	if (!(msi->flags & KVM_MSI_VALID_DEVID))
		return -EINVAL;
	its = zvm_its_at(vm, (u64)msi->address_hi << 32 | msi->address_lo);
	if (!its)
		return -EINVAL;
	if (!READ_ONCE(its->enabled))
		return -EBUSY;
	if (msi->devid >> ZVM_ITS_ID_BITS || msi->data >> ZVM_ITS_ID_BITS)
		return 0;
	rcu_read_lock();
	ite = xa_load(&its->ites, zvm_its_key(msi->devid, msi->data));
	if (ite)
		ret = zvm_lpi_pend(vm, ite->lpi);
	rcu_read_unlock();
	return ret;
}

/* --- life ------------------------------------------------------------------------------------- */

void zvm_its_reset(struct zvm_its *its)
{
	WRITE_ONCE(its->enabled, false);
	its->baser[0] &= ~ZVM_ITS_BASER_VALID;
	its->baser[1] &= ~ZVM_ITS_BASER_VALID;
	its->cbaser = 0;
	its->creadr = its->cwriter = 0;
	zvm_its_free_devices(its);
	zvm_its_free_collections(its);
}

/* vm->lock held. */
int zvm_its_add(struct zvm_vm *vm, struct zvm_its **out)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_its *its;

	if (g->nr_its == ZVM_MAX_ITS)
		return -ENOSPC;
	its = kzalloc(sizeof(*its), GFP_KERNEL_ACCOUNT);
	if (!its)
		return -ENOMEM;
	if (!g->nr_its) {
		mutex_init(&g->its_mutex);
		xa_init_flags(&g->lpis, XA_FLAGS_ACCOUNT);
		g->propbaser = 3ULL << 7 | 1ULL << 10;
	}
	its->vm = vm;
	its->base = ZVM_VGIC_ADDR_UNDEF;
	its->baser[0] = baser_fixed[0] | BASER_ATTRS;
	its->baser[1] = baser_fixed[1] | BASER_ATTRS;
	xa_init_flags(&its->devices, XA_FLAGS_ACCOUNT);
	xa_init_flags(&its->ites, XA_FLAGS_ACCOUNT);
	xa_init_flags(&its->collections, XA_FLAGS_ACCOUNT);
	g->its[g->nr_its] = its;
	smp_store_release(&g->nr_its, g->nr_its + 1); /* readers look at its[] below it */
	if (g->ready)
		zvm_vgic_mmio_ready(vm); /* the identification registers say LPIs now */
	*out = its;
	return 0;
}

void zvm_its_destroy(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_its_device *dev;
	struct zvm_its_ite *ite;
	struct zvm_lpi *lpi;
	unsigned long i;
	u32 n;

	if (!g->nr_its)
		return;
	for (n = 0; n < g->nr_its; n++) {
		struct zvm_its *its = g->its[n];

		xa_for_each(&its->devices, i, dev)
			kfree(dev);
		xa_for_each(&its->ites, i, ite)
			kfree(ite);
		xa_destroy(&its->devices);
		xa_destroy(&its->ites);
		xa_destroy(&its->collections);
		kfree(its);
	}
	/* The queues they are in went with the vCPUs. */
	xa_for_each(&g->lpis, i, lpi)
		kfree(lpi);
	xa_destroy(&g->lpis);
	g->nr_its = 0;
}
