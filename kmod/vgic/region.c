// SPDX-License-Identifier: GPL-2.0
/*
 * Where the frames are: one distributor, and redistributors in one old-style region (as many as
 * there are vCPUs) or in numbered regions of a given size, filled in order. Under vm->lock; the
 * errors are KVM's (arm-vgic-v3.rst, KVM_DEV_ARM_VGIC_GRP_ADDR). Addresses come from user space:
 * alignment, wrap-around, the end of the IPA space and overlaps are checked here, once.
 */
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "internal.h"

#define FRAME_ALIGN 0x10000ULL
#define MAX_REGIONS 256 /* the index of an attribute is a byte for us, as for KVM */

int zvm_vgic_check_range(struct zvm_vm *vm, u64 base, u64 size)
{
	u64 limit = 1ULL << vm->mm.ipa_bits, end;

	if (!IS_ALIGNED(base, FRAME_ALIGN) || check_add_overflow(base, size, &end))
		return -EINVAL;
	return base >= limit || end > limit ? -E2BIG : 0;
}

static u64 region_size(struct zvm_vm *vm, const struct zvm_vgic_region *r)
{
	return (r->count ?: zvm_vm_nr_vcpus(vm)) * ZVM_GICR_SIZE;
}

static bool overlaps_region(struct zvm_vm *vm, u64 base, u64 size)
{
	struct zvm_vgic *g = &vm->vgic;
	u32 i;

	for (i = 0; i < g->nr_regions; i++) {
		struct zvm_vgic_region *r = &g->regions[i];

		if (base + size > r->base && base < r->base + region_size(vm, r))
			return true;
	}
	return false;
}

bool zvm_vgic_regions_valid(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	u32 i;

	/* an old-style region grew with the vCPUs since it was set */
	for (i = 0; i < g->nr_regions; i++)
		if (zvm_vgic_check_range(vm, g->regions[i].base, region_size(vm, &g->regions[i])))
			return false;
	return g->dist_base == ZVM_VGIC_ADDR_UNDEF ||
	       !overlaps_region(vm, g->dist_base, ZVM_GICD_SIZE);
}

int zvm_vgic_set_dist_base(struct zvm_vm *vm, u64 base)
{
	int err;

	if (vm->vgic.dist_base != ZVM_VGIC_ADDR_UNDEF)
		return -EEXIST;
	err = zvm_vgic_check_range(vm, base, ZVM_GICD_SIZE);
	if (!err)
		vm->vgic.dist_base = base;
	return err;
}

int zvm_vgic_place_redist(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 i;

	if (c->rd_base != ZVM_VGIC_ADDR_UNDEF)
		return 0;
	for (i = 0; i < g->nr_regions; i++) {
		struct zvm_vgic_region *r = &g->regions[i];

		if (r->count && r->used == r->count)
			continue;
		if (!zvm_vgic_regions_valid(v->vm))
			return -EINVAL;
		c->rd_region = i;
		c->rd_index = r->used++;
		c->rd_base = r->base + c->rd_index * ZVM_GICR_SIZE;
		return 0;
	}
	return 0; /* no room yet: a later region may bring it, else the first KVM_RUN fails */
}

void zvm_vgic_unplace_redist(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;

	/* The last one placed was never seen by anybody: its frame is free again. */
	if (c->rd_base != ZVM_VGIC_ADDR_UNDEF && c->rd_region < g->nr_regions &&
	    c->rd_index + 1 == g->regions[c->rd_region].used)
		g->regions[c->rd_region].used--;
	c->rd_base = ZVM_VGIC_ADDR_UNDEF;
}

int zvm_vgic_set_redist_base(struct zvm_vm *vm, u32 index, u64 base, u32 count)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vgic_region *regions;
	struct zvm_vcpu *v;
	u64 size = (count ?: zvm_vm_nr_vcpus(vm)) * ZVM_GICR_SIZE, end;
	int err;
	u32 i;

	if (g->ready)
		return -EBUSY; /* running vCPUs look at regions[] without a lock */
	if (check_add_overflow(base, size, &end))
		return -EINVAL;
	if (!g->nr_regions) {
		if (index)
			return -EINVAL;
	} else {
		if (!count)
			return g->regions[g->nr_regions - 1].count ? -EINVAL : -EEXIST;
		if (index != g->nr_regions || index >= MAX_REGIONS)
			return -EINVAL;
	}
	if (!count && g->dist_base != ZVM_VGIC_ADDR_UNDEF &&
	    base < g->dist_base + ZVM_GICD_SIZE && end > g->dist_base)
		return -EINVAL;
	if (overlaps_region(vm, base, size))
		return -EINVAL;
	err = zvm_vgic_check_range(vm, base, size);
	if (err)
		return err;

	regions = krealloc(g->regions, (g->nr_regions + 1) * sizeof(*regions), GFP_KERNEL_ACCOUNT);
	if (!regions)
		return -ENOMEM;
	g->regions = regions;
	g->regions[g->nr_regions++] = (struct zvm_vgic_region){ .base = base, .count = count };

	zvm_for_each_vcpu(i, v, vm) {
		err = zvm_vgic_place_redist(v);
		if (err)
			goto undo;
	}
	return 0;

undo:
	g->nr_regions--;
	zvm_for_each_vcpu(i, v, vm)
		if (v->vgic.rd_base != ZVM_VGIC_ADDR_UNDEF && v->vgic.rd_region == g->nr_regions)
			v->vgic.rd_base = ZVM_VGIC_ADDR_UNDEF;
	return err;
}

/* GICR_TYPER.Last: last used frame of its region, and no used region follows it directly. */
bool zvm_vgic_redist_is_last(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	const struct zvm_vgic_region *r;
	u32 i;

	if (v->vgic.rd_base == ZVM_VGIC_ADDR_UNDEF)
		return false;
	r = &g->regions[v->vgic.rd_region];
	if (v->vgic.rd_index + 1 < r->used)
		return false;
	if (r->count && v->vgic.rd_index + 1 == r->count)
		for (i = 0; i < g->nr_regions; i++)
			if (g->regions[i].base == r->base + r->count * ZVM_GICR_SIZE &&
			    g->regions[i].used)
				return false;
	return true;
}
