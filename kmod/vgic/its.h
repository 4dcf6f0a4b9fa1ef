/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What lpi.c and the its*.c files share; nobody else but lr.c and redist.c includes this.
 *
 * Two locks, whatever the number of ITSs:
 *   g->its_mutex  registers, tables, life of LPIs; guest memory is read and written under it. In
 *		   the lock order (zvm.h) after vcpu->mutex and before mm.
 *   g->lock	   the state of every LPI and the queues of pending ones, as for SPIs
 * A translation (DeviceID, EventID -> LPI) is found under RCU alone, so in any context.
 *
 * GIC IHI 0069, chapter 5; ABI: Documentation/virt/kvm/devices/arm-vgic-its.rst of the kernel.
 */
#ifndef ZVM_VGIC_ITS_H
#define ZVM_VGIC_ITS_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "internal.h"

#define ZVM_ITS_SIZE	 0x20000ULL /* control frame, translation frame */
#define ZVM_ITS_ID_BITS	 16	    /* of EventIDs, DeviceIDs, collections, and of INTIDs */
#define ZVM_ITS_MAX_ITES 65536	    /* of a VM: more than there are LPIs; bounds kernel memory */
#define ZVM_ITS_ENTRY	 8	    /* bytes of a DTE, CTE and ITE: ABI revision 0 */

struct zvm_lpi {
	u32 intid;
	/* g->lock */
	struct list_head link;	/* lpi_queue of the target while `queued` */
	u8 prio;
	u8 target;		/* vCPU index, ZVM_VGIC_NO_VCPU: its collection is not mapped */
	u8 owner;		/* vCPU index while in_lr */
	bool enabled;
	bool latch;		/* pending in memory; in_lr: again */
	bool in_lr;
	bool queued;
	bool dead;		/* unmapped: never to be queued again */
	/* g->its_mutex */
	u32 refs;		/* ITEs that name it */
	struct rcu_head rcu;
};

struct zvm_its_ite {
	struct zvm_lpi *lpi;
	u16 icid; /* g->its_mutex */
	struct rcu_head rcu;
};

struct zvm_its_device {
	u64 itt; /* IPA */
	u8 bits; /* of EventIDs */
};

/*
 * A walk over all events or LPIs, which may be 65 536 of them: g->its_mutex is let go after some,
 * and whoever has it next goes on.
 */
struct zvm_its_walk {
	unsigned long next; /* index of the first entry that has not been looked at */
	unsigned int left;  /* entries that may be, before it is interrupted */
	bool any;	    /* one was met */
};

#define ZVM_ITS_SLICE 1024 /* entries, while others wait for the mutex */

struct zvm_its {
	struct zvm_vm *vm;
	u64 base;	/* IPA of the control frame; set once, under vm->lock */
	/* g->its_mutex; `enabled`, `creadr`, `cwriter` are also read without it */
	bool enabled;
	u64 baser[2];	/* devices, collections */
	u64 cbaser;
	u32 creadr, cwriter;
	u64 cmd[4];	/* the command at creadr, while `busy` */
	bool busy;	/* it has begun, and been interrupted at `walk` */
	struct zvm_its_walk walk;
	struct xarray devices;	   /* DeviceID -> struct zvm_its_device */
	struct xarray ites;	   /* zvm_its_key() -> struct zvm_its_ite; readers: RCU */
	struct xarray collections; /* ICID -> value: vCPU index, or ZVM_VGIC_NO_VCPU */
};

static inline unsigned long zvm_its_key(u32 devid, u32 eventid)
{
	return (unsigned long)devid << ZVM_ITS_ID_BITS | eventid;
}

/* --- lpi.c ------------------------------------------------------------------------------------ */

/* A stretch of guest memory read before, so that a walk over a table reads each part of it once. */
struct zvm_its_window {
	u64 at; /* IPA, aligned; ~0: nothing yet */
	u8 buf[256];
};

/* `len` bytes at `ipa`, naturally aligned. 0 or -EFAULT. */
int zvm_its_window_read(struct zvm_vm *vm, struct zvm_its_window *w, u64 ipa, void *to, u32 len);

/* Effects of changes that are still to come about: which vCPUs to refresh, then to wake. */
struct zvm_lpi_change {
	u64 sync, request;
};

/* Carry them out; no raw lock held, preemptible. */
void zvm_lpi_settle(struct zvm_vm *vm, struct zvm_lpi_change *ch);

void zvm_lpi_set_target(struct zvm_vm *vm, struct zvm_lpi *lpi, u8 target,
			struct zvm_lpi_change *ch);
/* Take a reference for an ITE; made, and its configuration read, if new. ERR_PTR. */
struct zvm_lpi *zvm_lpi_get(struct zvm_vm *vm, u32 intid, u8 target);
void zvm_lpi_put(struct zvm_vm *vm, struct zvm_lpi *lpi);
/* Make it pending; under RCU, any context. 1: done, 0: not mapped, -EBUSY: LPIs are disabled. */
int zvm_lpi_pend(struct zvm_vm *vm, struct zvm_lpi *lpi);
void zvm_lpi_clear(struct zvm_vm *vm, struct zvm_lpi *lpi);
/*
 * Read the configuration table again: of one, or of all that `v` is the target of. False: w->left
 * was not enough.
 */
void zvm_lpi_inv(struct zvm_vm *vm, struct zvm_lpi *lpi);
bool zvm_lpi_invall(struct zvm_vcpu *v, struct zvm_its_walk *w);
/* MOVALL. False: as above. */
bool zvm_lpi_move_all(struct zvm_vm *vm, u8 from, u8 to, struct zvm_its_walk *w);
/* First INTID that PROPBASER does not cover. */
u32 zvm_lpi_limit(struct zvm_vm *vm);

/* --- its_cmd.c: g->its_mutex held ------------------------------------------------------------- */

/*
 * its->cmd, in the CPU's byte order; what is wrong with it is ignored. False: its->walk.left was
 * not enough, and the same command has to be called for again.
 */
bool zvm_its_command(struct zvm_its *its);
/* The address of an entry in the device (0) or collection (1) table; false: no room for the ID. */
bool zvm_its_entry_at(struct zvm_its *its, unsigned int table, u32 id, u64 *ipa);
struct zvm_its_device *zvm_its_map_device(struct zvm_its *its, u32 devid, u64 itt, u8 bits);
int zvm_its_map_event(struct zvm_its *its, const struct zvm_its_device *dev, u32 devid, u32 eventid,
		      u32 intid, u16 icid);
int zvm_its_set_collection(struct zvm_its *its, u16 icid, u8 target);
u8 zvm_its_collection(struct zvm_its *its, u16 icid, bool *exists);
void zvm_its_free_devices(struct zvm_its *its);
void zvm_its_free_collections(struct zvm_its *its);
/* vCPU index of a processor number, ZVM_VGIC_NO_VCPU if there is none. */
u8 zvm_its_vcpu(struct zvm_vm *vm, u64 number);

/* --- its_table.c: g->its_mutex held, all vCPUs stopped ---------------------------------------- */

int zvm_its_save(struct zvm_its *its);
int zvm_its_restore(struct zvm_its *its);

/* --- its.c ------------------------------------------------------------------------------------ */

#define ZVM_ITS_BASER_VALID    BIT_ULL(63)
#define ZVM_ITS_BASER_INDIRECT BIT_ULL(62)

/* Size and place of what a GITS_BASER describes (64 KiB pages). */
static inline u64 zvm_its_table_size(u64 baser)
{
	return ((baser & 0xff) + 1) << 16;
}

static inline u64 zvm_its_table_base(u64 baser)
{
	return (baser & GENMASK_ULL(47, 16)) | (baser & GENMASK_ULL(15, 12)) << 36;
}

/* Registers by offset. `user`: KVM_{GET,SET}_DEVICE_ATTR. */
struct zvm_its_access {
	struct zvm_its *its;
	struct zvm_vcpu *v; /* whose access; NULL: user space's */
	u32 off, len;	    /* 4 or 8, aligned */
};

u64 zvm_its_read(const struct zvm_its_access *a);
int zvm_its_write(const struct zvm_its_access *a, u64 val);
/* Width in bytes that user space uses for the register at `off`, 0: there is none. */
u32 zvm_its_reg_width(u32 off);
void zvm_its_reset(struct zvm_its *its);
/*
 * A command in its middle has half of its effects, which no table can hold: carry it out. its_mutex
 * held, all vCPUs stopped. 0 or -EINTR.
 */
int zvm_its_finish(struct zvm_its *its);
int zvm_its_add(struct zvm_vm *vm, struct zvm_its **out); /* one more; vm->lock held */

#endif
