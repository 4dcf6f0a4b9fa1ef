// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of an ITS, and the mappings that they make and take away: devices, events,
 * collections. Called by its.c with g->its_mutex held, on a vCPU's thread or in an ioctl; sleeps.
 *
 * A command is 32 bytes of guest memory. IDs are checked against what GITS_TYPER announces, against
 * the size of the tables the guest gave, and that memory is behind the entry; the number of events
 * mapped is limited, because several interrupt translation tables may be one piece of memory.
 * A command with an error is ignored (GITS_TYPER.SEIS = 0).
 *
 * MAPC, MAPD, INVALL and MOVALL may concern every event there is: they go as far as its->walk.left
 * lets them, and are then called again, perhaps by another thread. Begun anew, they do the same.
 *
 * GIC IHI 0069, 5.3.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "its.h"

enum {
	CMD_MOVI = 0x01, CMD_INT = 0x03, CMD_CLEAR = 0x04, CMD_SYNC = 0x05, CMD_MAPD = 0x08,
	CMD_MAPC = 0x09, CMD_MAPTI = 0x0a, CMD_MAPI = 0x0b, CMD_INV = 0x0c, CMD_INVALL = 0x0d,
	CMD_MOVALL = 0x0e, CMD_DISCARD = 0x0f,
};

static u32 cmd_devid(const u64 *cmd)
{
	return cmd[0] >> 32;
}

static u32 cmd_eventid(const u64 *cmd)
{
	return (u32)cmd[1];
}

static u16 cmd_icid(const u64 *cmd)
{
	return (u16)cmd[2];
}

static bool cmd_valid(const u64 *cmd)
{
	return cmd[2] >> 63;
}

/* --- tables ----------------------------------------------------------------------------------- */

bool zvm_its_entry_at(struct zvm_its *its, unsigned int table, u32 id, u64 *ipa)
{
	u64 baser = its->baser[table], at = zvm_its_table_base(baser);
	u32 per_page = SZ_64K / ZVM_ITS_ENTRY;
	__le64 raw;
	u64 l1;

	if (id >> ZVM_ITS_ID_BITS)
		return false;
	if (baser & ZVM_ITS_BASER_INDIRECT) {
		if (id / per_page >= zvm_its_table_size(baser) / sizeof(raw) ||
		    zvm_mm_read(its->vm, at + id / per_page * sizeof(raw), &raw, sizeof(raw)))
			return false;
		l1 = le64_to_cpu(raw);
		if (!(l1 & BIT_ULL(63)))
			return false;
		at = l1 & GENMASK_ULL(51, 16);
		id %= per_page;
	} else if (id >= zvm_its_table_size(baser) / ZVM_ITS_ENTRY) {
		return false;
	}
	*ipa = at + id * ZVM_ITS_ENTRY;
	return zvm_mm_is_ram(its->vm, *ipa);
}

/* A restore walks the tables: what is unmapped must not be found. */
static void erase_entry(struct zvm_its *its, u64 ipa)
{
	__le64 zero = 0;

	zvm_mm_write(its->vm, ipa, &zero, sizeof(zero));
}

/* --- collections ------------------------------------------------------------------------------ */

u8 zvm_its_vcpu(struct zvm_vm *vm, u64 number)
{
	struct zvm_vcpu *v;
	u32 i;

	zvm_for_each_vcpu(i, v, vm)
		if (v->id == number)
			return v->idx;
	return ZVM_VGIC_NO_VCPU;
}

/* Where it is mapped to; ZVM_VGIC_NO_VCPU: nowhere. `exists` may be NULL. */
u8 zvm_its_collection(struct zvm_its *its, u16 icid, bool *exists)
{
	void *entry = xa_load(&its->collections, icid);

	if (exists)
		*exists = entry;
	return entry ? xa_to_value(entry) : ZVM_VGIC_NO_VCPU;
}

int zvm_its_set_collection(struct zvm_its *its, u16 icid, u8 target)
{
	return xa_err(xa_store(&its->collections, icid, xa_mk_value(target), GFP_KERNEL_ACCOUNT));
}

/* Send the LPIs of one collection, or of all (-1), to `target`. False: not all of them yet. */
static bool retarget(struct zvm_its *its, int icid, u8 target, struct zvm_its_walk *w)
{
	XA_STATE(xas, &its->ites, w->next);
	struct zvm_lpi_change ch = {};
	struct zvm_its_ite *ite;

	rcu_read_lock(); /* for xas_for_each(): nobody changes the array */
	xas_for_each(&xas, ite, ULONG_MAX) {
		if (!w->left)
			break;
		w->left--;
		w->next = xas.xa_index + 1;
		if (icid >= 0 && ite->icid != icid)
			continue;
		zvm_lpi_set_target(its->vm, ite->lpi, target, &ch);
		w->any = true;
	}
	rcu_read_unlock();
	zvm_lpi_settle(its->vm, &ch);
	return !ite;
}

void zvm_its_free_collections(struct zvm_its *its)
{
	struct zvm_its_walk w = {};

	its->busy = false; /* the command that was interrupted begins anew */
	do {
		cond_resched();
		w.left = ZVM_ITS_SLICE;
	} while (!retarget(its, -1, ZVM_VGIC_NO_VCPU, &w));
	xa_destroy(&its->collections);
}

static bool cmd_mapc(struct zvm_its *its, const u64 *cmd)
{
	u16 icid = cmd_icid(cmd);
	bool exists;
	u64 entry;
	u8 target;

	zvm_its_collection(its, icid, &exists);
	if (!cmd_valid(cmd)) {
		if (!exists)
			return true;
		if (!retarget(its, icid, ZVM_VGIC_NO_VCPU, &its->walk))
			return false;
		/* Events that name it wait for it to be mapped again. */
		if (its->walk.any)
			zvm_its_set_collection(its, icid, ZVM_VGIC_NO_VCPU);
		else
			xa_erase(&its->collections, icid);
		return true;
	}
	target = zvm_its_vcpu(its->vm, (cmd[2] >> 16) & GENMASK(31, 0));
	if (target == ZVM_VGIC_NO_VCPU)
		return true;
	if (!exists && !zvm_its_entry_at(its, 1, icid, &entry))
		return true;
	if (zvm_its_set_collection(its, icid, target) || !exists)
		return true;
	return retarget(its, icid, target, &its->walk);
}

static bool cmd_movall(struct zvm_its *its, const u64 *cmd)
{
	u8 from = zvm_its_vcpu(its->vm, (cmd[2] >> 16) & GENMASK(31, 0));
	u8 to = zvm_its_vcpu(its->vm, (cmd[3] >> 16) & GENMASK(31, 0));

	if (from == ZVM_VGIC_NO_VCPU || to == ZVM_VGIC_NO_VCPU || from == to)
		return true;
	return zvm_lpi_move_all(its->vm, from, to, &its->walk);
}

static bool cmd_invall(struct zvm_its *its, const u64 *cmd)
{
	u8 target = zvm_its_collection(its, cmd_icid(cmd), NULL);

	if (target == ZVM_VGIC_NO_VCPU)
		return true;
	return zvm_lpi_invall(its->vm->vcpus[target], &its->walk);
}

/* --- devices and events ----------------------------------------------------------------------- */

static struct zvm_its_ite *find_ite(struct zvm_its *its, const u64 *cmd)
{
	u32 devid = cmd_devid(cmd), eventid = cmd_eventid(cmd);

	if (devid >> ZVM_ITS_ID_BITS || eventid >> ZVM_ITS_ID_BITS)
		return NULL;
	return xa_load(&its->ites, zvm_its_key(devid, eventid));
}

static void unmap_event(struct zvm_its *its, unsigned long key, struct zvm_its_ite *ite)
{
	xa_erase(&its->ites, key);
	its->vm->vgic.nr_ites--;
	zvm_lpi_put(its->vm, ite->lpi);
	kfree_rcu(ite, rcu);
}

/* False: some of its events are left, and so is the device. What is gone is not met again. */
static bool unmap_device(struct zvm_its *its, u32 devid, struct zvm_its_walk *w)
{
	struct zvm_its_ite *ite;
	unsigned long key;

	if (!xa_load(&its->devices, devid))
		return true;
	xa_for_each_range(&its->ites, key, ite, zvm_its_key(devid, 0), zvm_its_key(devid, 0xffff)) {
		if (!w->left)
			return false;
		w->left--;
		unmap_event(its, key, ite);
		cond_resched();
	}
	kfree(xa_erase(&its->devices, devid));
	return true;
}

void zvm_its_free_devices(struct zvm_its *its)
{
	struct zvm_its_walk w = { .left = UINT_MAX };
	struct zvm_its_device *dev;
	unsigned long devid;

	its->busy = false;
	xa_for_each(&its->devices, devid, dev) {
		unmap_device(its, devid, &w);
		cond_resched();
	}
}

struct zvm_its_device *zvm_its_map_device(struct zvm_its *its, u32 devid, u64 itt, u8 bits)
{
	struct zvm_its_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->itt = itt;
	dev->bits = bits;
	ret = xa_err(xa_store(&its->devices, devid, dev, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(dev);
		return ERR_PTR(ret);
	}
	return dev;
}

static bool cmd_mapd(struct zvm_its *its, const u64 *cmd)
{
	u32 devid = cmd_devid(cmd), bits = (cmd[1] & 0x1f) + 1;
	u64 entry;

	if (!zvm_its_entry_at(its, 0, devid, &entry))
		return true;
	if (cmd_valid(cmd) && bits > ZVM_ITS_ID_BITS)
		return true;
	if (!unmap_device(its, devid, &its->walk)) /* mapping a mapped device starts it over */
		return false;
	if (cmd_valid(cmd))
		zvm_its_map_device(its, devid, cmd[2] & GENMASK_ULL(51, 8), bits);
	else
		erase_entry(its, entry);
	return true;
}

int zvm_its_map_event(struct zvm_its *its, const struct zvm_its_device *dev, u32 devid, u32 eventid,
		      u32 intid, u16 icid)
{
	struct zvm_vm *vm = its->vm;
	struct zvm_its_ite *ite;
	struct zvm_lpi *lpi;
	int ret;

	if (eventid >> dev->bits || !zvm_mm_is_ram(vm, dev->itt + eventid * ZVM_ITS_ENTRY) ||
	    intid < ZVM_VGIC_LPI_BASE || intid >= zvm_lpi_limit(vm))
		return -EINVAL;
	if (vm->vgic.nr_ites >= ZVM_ITS_MAX_ITES)
		return -ENOSPC;
	ite = kzalloc(sizeof(*ite), GFP_KERNEL_ACCOUNT);
	if (!ite)
		return -ENOMEM;
	lpi = zvm_lpi_get(vm, intid, zvm_its_collection(its, icid, NULL));
	if (IS_ERR(lpi)) {
		kfree(ite);
		return PTR_ERR(lpi);
	}
	ite->lpi = lpi;
	ite->icid = icid;
	ret = xa_err(xa_store(&its->ites, zvm_its_key(devid, eventid), ite, GFP_KERNEL_ACCOUNT));
	if (ret) {
		zvm_lpi_put(vm, lpi);
		kfree(ite);
		return ret;
	}
	vm->vgic.nr_ites++;
	return 0;
}

static void cmd_mapti(struct zvm_its *its, const u64 *cmd, u32 intid)
{
	u32 devid = cmd_devid(cmd), eventid = cmd_eventid(cmd);
	struct zvm_its_device *dev;
	u16 icid = cmd_icid(cmd);
	bool exists;
	u64 entry;

	if (devid >> ZVM_ITS_ID_BITS)
		return;
	dev = xa_load(&its->devices, devid);
	if (!dev || find_ite(its, cmd)) /* mapped twice: UNPREDICTABLE, the first one stays */
		return;
	zvm_its_collection(its, icid, &exists);
	if (!exists && (!zvm_its_entry_at(its, 1, icid, &entry) ||
			zvm_its_set_collection(its, icid, ZVM_VGIC_NO_VCPU)))
		return;
	if (zvm_its_map_event(its, dev, devid, eventid, intid, icid) && !exists)
		xa_erase(&its->collections, icid);
}

static void cmd_movi(struct zvm_its *its, const u64 *cmd)
{
	struct zvm_its_ite *ite = find_ite(its, cmd);
	u8 target = zvm_its_collection(its, cmd_icid(cmd), NULL);
	struct zvm_lpi_change ch = {};

	if (!ite || target == ZVM_VGIC_NO_VCPU ||
	    zvm_its_collection(its, ite->icid, NULL) == ZVM_VGIC_NO_VCPU)
		return;
	ite->icid = cmd_icid(cmd);
	zvm_lpi_set_target(its->vm, ite->lpi, target, &ch);
	zvm_lpi_settle(its->vm, &ch);
}

static void cmd_discard(struct zvm_its *its, const u64 *cmd)
{
	struct zvm_its_ite *ite = find_ite(its, cmd);
	struct zvm_its_device *dev;
	u64 entry;

	if (!ite)
		return;
	dev = xa_load(&its->devices, cmd_devid(cmd));
	entry = dev->itt + cmd_eventid(cmd) * ZVM_ITS_ENTRY;
	unmap_event(its, zvm_its_key(cmd_devid(cmd), cmd_eventid(cmd)), ite);
	erase_entry(its, entry);
}

bool zvm_its_command(struct zvm_its *its)
{
	const u64 *cmd = its->cmd;
	struct zvm_its_ite *ite;

	switch (cmd[0] & 0xff) {
	case CMD_MAPD:
		return cmd_mapd(its, cmd);
	case CMD_MAPC:
		return cmd_mapc(its, cmd);
	case CMD_MAPTI:
		cmd_mapti(its, cmd, cmd[1] >> 32);
		break;
	case CMD_MAPI:
		cmd_mapti(its, cmd, cmd_eventid(cmd));
		break;
	case CMD_MOVI:
		cmd_movi(its, cmd);
		break;
	case CMD_DISCARD:
		cmd_discard(its, cmd);
		break;
	case CMD_MOVALL:
		return cmd_movall(its, cmd);
	case CMD_INVALL:
		return cmd_invall(its, cmd);
	case CMD_INT:
	case CMD_CLEAR:
	case CMD_INV:
		ite = find_ite(its, cmd);
		if (!ite)
			break;
		if ((cmd[0] & 0xff) == CMD_INT)
			zvm_lpi_pend(its->vm, ite->lpi);
		else if ((cmd[0] & 0xff) == CMD_CLEAR)
			zvm_lpi_clear(its->vm, ite->lpi);
		else
			zvm_lpi_inv(its->vm, ite->lpi);
		break;
	case CMD_SYNC: /* every command has taken effect when the next one begins */
	default:
		break;
	}
	return true;
}
