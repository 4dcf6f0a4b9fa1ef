// SPDX-License-Identifier: GPL-2.0
/*
 * From start.S to main(): size of RAM, page tables, GIC, test device. Runs on the boot CPU; up to
 * mmu_enable() with the MMU off, so with every access to memory being Device.
 *
 * RAM comes from the device tree if x0 points to one (devicetree specification 0.4, chapter 5),
 * else from the runner's test device, else DEFAULT_RAM is assumed.
 */
#include "gic.h"
#include "mmu.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define RAM_BASE     0x40000000UL
#define DEFAULT_RAM  (64UL << 20)
#define FDT_MAGIC    0xd00dfeedU
#define FDT_BEGIN    1U
#define FDT_END_NODE 2U
#define FDT_PROP     3U
#define FDT_NOP	     4U

u64 boot_counter;

int main(void);

static u32 be32(u64 addr)
{
	return __builtin_bswap32(*(volatile u32 *)addr);
}

static bool starts_with(u64 s, const char *prefix)
{
	while (*prefix)
		if (*(volatile char *)s++ != *prefix++)
			return false;
	return true;
}

static u64 strlen_at(u64 s)
{
	u64 n = 0;

	while (*(volatile char *)(s + n))
		n++;
	return n;
}

/* Size of the memory node that begins at RAM_BASE (two address and two size cells), or 0. */
static u64 fdt_ram_size(u64 fdt)
{
	u64 p, end, strings;
	bool in_memory = false;
	u32 len;

	if (!fdt || fdt & 3 || be32(fdt) != FDT_MAGIC)
		return 0;
	p = fdt + be32(fdt + 8);
	end = fdt + be32(fdt + 4);
	strings = fdt + be32(fdt + 12);
	while (p < end) {
		switch (be32(p)) {
		case FDT_BEGIN:
			in_memory = starts_with(p + 4, "memory@");
			p += 4 + ALIGN_UP(strlen_at(p + 4) + 1, 4);
			break;
		case FDT_PROP:
			len = be32(p + 4);
			if (in_memory && len == 16 && starts_with(strings + be32(p + 8), "reg"))
				return (u64)be32(p + 20) << 32 | be32(p + 24);
			p += 12 + ALIGN_UP(len, 4);
			break;
		case FDT_END_NODE:
		case FDT_NOP:
			p += 4;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

void boot_main(u64 fdt);
void boot_main(u64 fdt)
{
	u64 ram = fdt_ram_size(fdt);

	cpus[0].stack_top = (u64)stacks[0] + STACK_SIZE;
	testdev_probe();
	if (!ram)
		ram = (u64)testdev_read(TD_RAM_MB) << 20;
	if (!ram)
		ram = DEFAULT_RAM;
	mmu_init(RAM_BASE, ram);
	mmu_enable();
	smp_init();
	gic_init();
	gic_cpu_init();
	main();
	tap_done();
}
