// SPDX-License-Identifier: GPL-2.0
/*
 * Saving the mappings of an ITS into the guest's own tables, and restoring them from there, so that
 * they travel with guest memory: table layout revision 0 of the kernel's arm-vgic-its.rst, which
 * is what KVM writes and reads too. In an ioctl, all vCPUs stopped, g->its_mutex held.
 *
 * At restore the tables are hostile: every ID, address and distance is checked as the commands do,
 * distances only lead forward, and a scan of nothing can be killed.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "its.h"

#define TABLE_VALID	BIT_ULL(63)
#define DTE_NEXT_SHIFT	49
#define DTE_NEXT_MAX	(BIT(14) - 1)
#define DTE_ITT_SHIFT	5 /* of bits 51..8 of the address */
#define CTE_TARGET_SHIFT 16
#define CTE_UNMAPPED	0xffffffffU /* a collection that events name and no MAPC did */
#define ITE_NEXT_SHIFT	48
#define ITE_NEXT_MAX	(BIT(16) - 1)
#define ITE_INTID_SHIFT 16

static int write_entry(struct zvm_its *its, u64 ipa, u64 val)
{
	__le64 raw = cpu_to_le64(val);

	return zvm_mm_write(its->vm, ipa, &raw, sizeof(raw));
}

/* --- save ------------------------------------------------------------------------------------- */

static int save_event(struct zvm_its *its, const struct zvm_its_device *dev, u32 eventid,
		      const struct zvm_its_ite *ite, u32 next)
{
	return write_entry(its, dev->itt + eventid * ZVM_ITS_ENTRY,
			   (u64)min_t(u32, next, ITE_NEXT_MAX) << ITE_NEXT_SHIFT |
				   (u64)ite->lpi->intid << ITE_INTID_SHIFT | ite->icid);
}

/* Each entry is written when its successor is known. */
static int save_events(struct zvm_its *its, const struct zvm_its_device *dev, u32 devid)
{
	struct zvm_its_ite *ite, *last = NULL;
	u32 eventid, last_eventid = 0;
	unsigned long key;
	bool exists;
	int ret = 0;

	xa_for_each_range(&its->ites, key, ite, zvm_its_key(devid, 0), zvm_its_key(devid, 0xffff)) {
		eventid = key & GENMASK(ZVM_ITS_ID_BITS - 1, 0);
		zvm_its_collection(its, ite->icid, &exists);
		if (!exists) /* its table is another one now: cannot be restored */
			ret = write_entry(its, dev->itt + eventid * ZVM_ITS_ENTRY, 0);
		else if (last)
			ret = save_event(its, dev, last_eventid, last, eventid - last_eventid);
		if (ret)
			return ret;
		if (exists) {
			last = ite;
			last_eventid = eventid;
		}
		cond_resched();
	}
	return last ? save_event(its, dev, last_eventid, last, 0) : 0;
}

static int save_device(struct zvm_its *its, const struct zvm_its_device *dev, u64 ipa, u32 next)
{
	return write_entry(its, ipa,
			   TABLE_VALID | (u64)min_t(u32, next, DTE_NEXT_MAX) << DTE_NEXT_SHIFT |
				   dev->itt >> 8 << DTE_ITT_SHIFT | (dev->bits - 1u));
}

static int save_devices(struct zvm_its *its)
{
	struct zvm_its_device *dev, *last = NULL;
	unsigned long devid, last_devid = 0;
	u64 ipa, last_ipa = 0;
	int ret;

	xa_for_each(&its->devices, devid, dev) {
		/* Its part of the table is gone: the guest cannot expect it back. */
		if (!zvm_its_entry_at(its, 0, devid, &ipa))
			continue;
		ret = save_events(its, dev, devid);
		if (!ret && last)
			ret = save_device(its, last, last_ipa, devid - last_devid);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		last = dev;
		last_devid = devid;
		last_ipa = ipa;
	}
	return last ? save_device(its, last, last_ipa, 0) : 0;
}

static int save_collections(struct zvm_its *its)
{
	u64 at = zvm_its_table_base(its->baser[1]), end = at + zvm_its_table_size(its->baser[1]);
	unsigned long icid;
	void *entry;
	int ret;

	xa_for_each(&its->collections, icid, entry) {
		u8 idx = xa_to_value(entry);
		u32 target = idx == ZVM_VGIC_NO_VCPU ? CTE_UNMAPPED : its->vm->vcpus[idx]->id;

		if (at == end)
			return -EINVAL;
		ret = write_entry(its, at, TABLE_VALID | (u64)target << CTE_TARGET_SHIFT | icid);
		if (ret)
			return ret;
		at += ZVM_ITS_ENTRY;
	}
	return at < end ? write_entry(its, at, 0) : 0;
}

int zvm_its_save(struct zvm_its *its)
{
	int ret = zvm_its_finish(its);

	if (!ret && its->baser[0] & ZVM_ITS_BASER_VALID)
		ret = save_devices(its);
	if (!ret && its->baser[1] & ZVM_ITS_BASER_VALID)
		ret = save_collections(its);
	return ret;
}

/* --- restore ---------------------------------------------------------------------------------- */

/* What an entry says: the distance to the next one to look at, 0: this was the last; or -errno. */
typedef int (*entry_fn)(struct zvm_its *its, u32 id, u64 entry, const void *arg);

/* 0: the last entry was met, 1: the table ended; or -errno. */
static int scan(struct zvm_its *its, u64 base, u64 size, u32 id, entry_fn fn, const void *arg)
{
	struct zvm_its_window w = { .at = ~0ULL };
	u64 off = 0;
	__le64 raw;
	int next;

	while (off < size) {
		if (zvm_its_window_read(its->vm, &w, base + off, &raw, sizeof(raw)))
			return -EFAULT;
		next = fn(its, id, le64_to_cpu(raw), arg);
		if (next <= 0)
			return next;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		id += next;
		off += (u64)next * ZVM_ITS_ENTRY;
	}
	return 1;
}

struct itt {
	const struct zvm_its_device *dev;
	u32 devid;
};

static int restore_event(struct zvm_its *its, u32 eventid, u64 entry, const void *arg)
{
	u32 intid = (u32)(entry >> ITE_INTID_SHIFT), next = entry >> ITE_NEXT_SHIFT;
	const struct itt *itt = arg;
	u16 icid = (u16)entry;
	bool exists;
	int ret;

	if (!intid)
		return 1;
	zvm_its_collection(its, icid, &exists);
	if (!exists || (eventid + next) >> itt->dev->bits)
		return -EINVAL;
	ret = zvm_its_map_event(its, itt->dev, itt->devid, eventid, intid, icid);
	return ret ?: (int)next;
}

static int restore_device(struct zvm_its *its, u32 devid, u64 entry, const void *arg)
{
	u32 bits = (entry & 0x1f) + 1, next = (entry >> DTE_NEXT_SHIFT) & DTE_NEXT_MAX;
	struct itt itt = { .devid = devid };
	struct zvm_its_device *dev;
	u64 ipa;
	int ret;

	if (!(entry & TABLE_VALID))
		return 1;
	if (bits > ZVM_ITS_ID_BITS || !zvm_its_entry_at(its, 0, devid, &ipa))
		return -EINVAL;
	dev = zvm_its_map_device(its, devid,
				 (entry >> DTE_ITT_SHIFT << 8) & GENMASK_ULL(51, 8), bits);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	itt.dev = dev;
	ret = scan(its, dev->itt, (u64)ZVM_ITS_ENTRY << bits, 0, restore_event, &itt);
	return ret < 0 ? ret : (int)next;
}

static int restore_second_level(struct zvm_its *its, u32 index, u64 entry, const void *arg)
{
	if (!(entry & TABLE_VALID))
		return 1;
	return scan(its, entry & GENMASK_ULL(51, 16), SZ_64K, index * (SZ_64K / ZVM_ITS_ENTRY),
		    restore_device, NULL);
}

static int restore_devices(struct zvm_its *its)
{
	u64 baser = its->baser[0], base = zvm_its_table_base(baser);
	u64 size = zvm_its_table_size(baser);
	int ret;

	/* No DeviceID has more bits: the rest of a larger table is not used. */
	if (baser & ZVM_ITS_BASER_INDIRECT)
		ret = scan(its, base, min_t(u64, size, 8 * ZVM_ITS_ENTRY), 0, restore_second_level,
			   NULL);
	else
		ret = scan(its, base, min_t(u64, size, (u64)ZVM_ITS_ENTRY << ZVM_ITS_ID_BITS), 0,
			   restore_device, NULL);
	return min(ret, 0);
}

static int restore_collection(struct zvm_its *its, u32 index, u64 entry, const void *arg)
{
	u32 number = (u32)(entry >> CTE_TARGET_SHIFT);
	u8 target = zvm_its_vcpu(its->vm, number);
	u16 icid = (u16)entry;
	bool exists;
	u64 ipa;

	if (!(entry & TABLE_VALID))
		return 0;
	if (target == ZVM_VGIC_NO_VCPU && number != CTE_UNMAPPED)
		return -EINVAL;
	zvm_its_collection(its, icid, &exists);
	if (exists)
		return -EEXIST;
	if (!zvm_its_entry_at(its, 1, icid, &ipa))
		return -EINVAL;
	return zvm_its_set_collection(its, icid, target) ?: 1;
}

int zvm_its_restore(struct zvm_its *its)
{
	int ret = 0;

	zvm_its_free_devices(its);
	zvm_its_free_collections(its);
	if (its->baser[1] & ZVM_ITS_BASER_VALID)
		ret = min(scan(its, zvm_its_table_base(its->baser[1]),
			       zvm_its_table_size(its->baser[1]), 0, restore_collection, NULL), 0);
	if (!ret && its->baser[0] & ZVM_ITS_BASER_VALID)
		ret = restore_devices(its);
	if (ret) { /* all or nothing */
		zvm_its_free_devices(its);
		zvm_its_free_collections(its);
	}
	return ret;
}
