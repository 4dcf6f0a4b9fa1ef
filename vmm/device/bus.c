// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO dispatch.
 *
 * Called by the vCPU threads for every KVM_EXIT_MMIO. The table is constant while vCPUs run, so
 * there is no lock; the counters are relaxed atomics. Address, width and data come from the guest
 * and are all hostile: a device handler sees only accesses that its region declares.
 */
#include "vmm/device/bus.h"

#include <errno.h>
#include <string.h>

void zvm_bus_init(struct zvm_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
}

int zvm_bus_add(struct zvm_bus *bus, const struct zvm_region *region)
{
	unsigned int at;
	uint64_t last;

	if (!region->size || __builtin_add_overflow(region->base, region->size - 1, &last))
		return -EINVAL;
	if (bus->count == ZVM_BUS_REGIONS)
		return -ENOSPC;
	for (at = 0; at < bus->count && bus->region[at].base < region->base; at++)
		;
	if (at < bus->count && bus->region[at].base <= last)
		return -EEXIST;
	if (at > 0 && region->base - bus->region[at - 1].base < bus->region[at - 1].size)
		return -EEXIST;

	memmove(&bus->region[at + 1], &bus->region[at], (bus->count - at) * sizeof(bus->region[0]));
	bus->region[at] = *region;
	bus->count++;
	return 0;
}

static const struct zvm_region *bus_find(const struct zvm_bus *bus, uint64_t ipa)
{
	unsigned int lo = 0, hi = bus->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct zvm_region *r = &bus->region[mid];

		if (ipa < r->base)
			hi = mid;
		else if (ipa - r->base >= r->size)
			lo = mid + 1;
		else
			return r;
	}
	return NULL;
}

/*
 * kvm_run carries the bytes in memory order; both sides are little endian here. By width, so that
 * the compiler makes plain loads and stores of it: the C library's copy may use vector registers,
 * whose first use after each system call traps into the host kernel (SVE).
 */
static uint64_t bus_load(const uint8_t *data, uint32_t len)
{
	uint64_t val = 0;

	switch (len) {
	case 1:
		return *data;
	case 2:
		memcpy(&val, data, 2);
		break;
	case 4:
		memcpy(&val, data, 4);
		break;
	case 8:
		memcpy(&val, data, 8);
		break;
	}
	return val;
}

static void bus_store(uint8_t *data, uint32_t len, uint64_t val)
{
	switch (len) {
	case 1:
		*data = (uint8_t)val;
		break;
	case 2:
		memcpy(data, &val, 2);
		break;
	case 4:
		memcpy(data, &val, 4);
		break;
	case 8:
		memcpy(data, &val, 8);
		break;
	}
}

static void bus_count(atomic_ulong *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void zvm_bus_access(struct zvm_bus *bus, uint64_t ipa, uint8_t *data, uint32_t len, bool write)
{
	const struct zvm_region *r = bus_find(bus, ipa);
	uint64_t off;

	bus_count(&bus->accesses);
	if (!r) {
		bus_count(&bus->holes);
		goto none;
	}
	off = ipa - r->base;
	if ((len != 1 && len != 2 && len != 4 && len != 8) || !(r->widths & len) ||
	    (off & (len - 1)) || len > r->size - off) {
		bus_count(&bus->refused);
		goto none;
	}
	if (write)
		r->ops->write(r->dev, off, len, bus_load(data, len));
	else
		bus_store(data, len, r->ops->read(r->dev, off, len));
	return;
none:
	if (!write && len <= 8)
		memset(data, 0, len);
}

const struct zvm_reg *zvm_reg_find(const struct zvm_reg *table, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].off == off)
			return &table[i];
	return NULL;
}
