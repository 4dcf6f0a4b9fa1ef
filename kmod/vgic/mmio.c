// SPDX-License-Identifier: GPL-2.0
/*
 * From an address to a register. Guest accesses come on the vCPU's thread in ring 2 with any
 * address, size and alignment; what no table entry accepts is reserved: reads as zero, writes are
 * ignored, as the architecture allows for all of it.
 */
#include <linux/kernel.h>

#include "internal.h"

static const struct zvm_vgic_reg *find(const struct zvm_vgic_reg *regs, unsigned int n, u32 off)
{
	unsigned int lo = 0, hi = n;

	while (lo < hi) { /* tables are sorted by offset */
		unsigned int mid = (lo + hi) / 2;

		if (off < regs[mid].off)
			hi = mid;
		else if (off >= regs[mid].off + regs[mid].len)
			lo = mid + 1;
		else
			return &regs[mid];
	}
	return NULL;
}

const struct zvm_vgic_reg *zvm_vgic_find_reg(struct zvm_vgic_access *a)
{
	const struct zvm_vgic_reg *reg =
		a->v ? find(zvm_vgic_redist_regs, zvm_vgic_nr_redist_regs, a->off) :
		       find(zvm_vgic_dist_regs, zvm_vgic_nr_dist_regs, a->off);

	/* `widths` is a set of powers of two; a->len, one of them, is its own bit */
	if (!reg || !(reg->widths & a->len) || !IS_ALIGNED(a->off, a->len))
		return NULL;
	if (reg->bits) {
		a->intid = (a->off - reg->off) * 8 / reg->bits;
		if (!a->v && a->intid >= max(a->vm->vgic.nr_irqs, (u32)ZVM_VGIC_NR_PRIVATE))
			return NULL;
	}
	return reg;
}

/* With affinity routing, private interrupts are not in the distributor: reserved. */
static bool is_absent(const struct zvm_vgic_access *a, const struct zvm_vgic_reg *reg)
{
	return reg->bits && !a->v && a->intid < ZVM_VGIC_NR_PRIVATE;
}

u64 zvm_vgic_reg_read(const struct zvm_vgic_access *a, const struct zvm_vgic_reg *reg)
{
	return reg && reg->read && !is_absent(a, reg) ? reg->read(a, reg->arg) : 0;
}

int zvm_vgic_reg_write(const struct zvm_vgic_access *a, const struct zvm_vgic_reg *reg, u64 val)
{
	return reg && reg->write && !is_absent(a, reg) ? reg->write(a, reg->arg, val) : 0;
}

/* The redistributor at `ipa`; most often it is the accessing vCPU's own. */
static struct zvm_vcpu *redist_at(struct zvm_vcpu *v, u64 ipa)
{
	struct zvm_vcpu *t;
	u32 i;

	if (ipa - v->vgic.rd_base < ZVM_GICR_SIZE)
		return v;
	zvm_for_each_vcpu(i, t, v->vm)
		if (ipa - t->vgic.rd_base < ZVM_GICR_SIZE)
			return t;
	return NULL;
}

bool zvm_vgic_mmio(struct zvm_vcpu *v, u64 ipa, unsigned int len, bool write, u64 *val)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_access a = { .vm = v->vm, .len = len };
	const struct zvm_vgic_reg *reg = NULL;
	struct zvm_its *its;

	if (!READ_ONCE(g->ready))
		return false;
	if (ipa - g->dist_base < ZVM_GICD_SIZE) {
		a.off = ipa - g->dist_base;
	} else if (zvm_vgic_has_its(g) && (its = zvm_its_at(v->vm, ipa))) {
		zvm_its_mmio(v, its, ipa, len, write, val);
		return true;
	} else {
		a.v = redist_at(v, ipa);
		if (!a.v)
			return false;
		a.off = ipa - a.v->vgic.rd_base;
	}
	if (len == 1 || len == 4 || len == 8)
		reg = zvm_vgic_find_reg(&a);
	if (write)
		zvm_vgic_reg_write(&a, reg, *val);
	else
		*val = zvm_vgic_reg_read(&a, reg);
	return true;
}

/* --- for ring 0 ----------------------------------------------------------------------------------- */

static bool covers(u64 ipa, u64 size, u64 base, u64 len)
{
	return base != ZVM_VGIC_ADDR_UNDEF && ipa < base + len && base < ipa + size;
}

/*
 * A slot is published before its ioctl looks here, and zvm_vgic_mmio_ready() looks at the slots after
 * the addresses are set: one of the two sees the other.
 */
void zvm_vgic_memslot(struct zvm_vm *vm, u64 ipa, u64 size)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vcpu *v;
	u32 i;

	if (!zvm_vgic_exists(vm))
		return;
	smp_mb();
	if (covers(ipa, size, READ_ONCE(g->dist_base), ZVM_GICD_SIZE))
		WRITE_ONCE(g->covered, true);
	zvm_for_each_vcpu(i, v, vm)
		if (covers(ipa, size, READ_ONCE(v->vgic.rd_base), ZVM_GICR_SIZE))
			WRITE_ONCE(g->covered, true);
	smp_mb();
	if (READ_ONCE(g->covered))
		WRITE_ONCE(g->plain, false);
}

static bool any_ram(struct zvm_vm *vm, u64 base, u64 len)
{
	u64 at;

	for (at = base; at < base + len; at += PAGE_SIZE)
		if (zvm_mm_is_ram(vm, at))
			return true;
	return false;
}

static u64 read_now(struct zvm_vgic_access a)
{
	return zvm_vgic_reg_read(&a, zvm_vgic_find_reg(&a));
}

void zvm_vgic_mmio_ready(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vcpu *v;
	bool ram;
	u32 i;

	smp_mb();
	ram = any_ram(vm, g->dist_base, ZVM_GICD_SIZE);
	WRITE_ONCE(g->typer, read_now((struct zvm_vgic_access){ .vm = vm, .off = 0x4, .len = 4 }));
	zvm_for_each_vcpu(i, v, vm) {
		ram |= any_ram(vm, v->vgic.rd_base, ZVM_GICR_SIZE);
		WRITE_ONCE(v->vgic.typer,
			   read_now((struct zvm_vgic_access){
				   .vm = vm, .v = v, .off = 0x8, .len = 8 }));
	}
	WRITE_ONCE(g->plain, !ram);
	smp_mb(); /* pairs with zvm_vgic_memslot(): `covered` is set before it clears `plain` */
	if (READ_ONCE(g->covered))
		WRITE_ONCE(g->plain, false);
}
