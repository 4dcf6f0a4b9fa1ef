// SPDX-License-Identifier: GPL-2.0
/*
 * Device tree generation with libfdt, main thread only.
 *
 * Everything written here is ours; the user's own tree in zvm_fdt_patch() is not trusted and goes
 * through fdt_check_full() first.
 *
 * Bindings: Devicetree specification 0.4; Documentation/devicetree/bindings of Linux (arm,gic-v3,
 * arm,psci, arm,armv8-timer, arm,pl011, arm,pl031, arm,pl061, virtio,mmio, cfi-flash).
 */
#include "vmm/machine/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "vmm/machine/map.h"

#define PHANDLE_GIC  1u
#define PHANDLE_CLK  2u
#define PHANDLE_GPIO 3u

#define GIC_SPI 0u
#define GIC_PPI 1u

#define IRQ_EDGE_RISING 1u
#define IRQ_LEVEL_HIGH	4u

#define KEY_POWER 116u

#define UART_CLOCK_HZ 24000000u
#define MPIDR_AFF     0xff00ffffffULL

/* A tree under construction: the first error sticks, and everything after it does nothing. */
struct tree {
	void *fdt;
	int ret;
};

static void node(struct tree *t, const char *name)
{
	if (!t->ret)
		t->ret = fdt_begin_node(t->fdt, name);
}

static void node_at(struct tree *t, const char *kind, uint64_t at)
{
	char name[48];

	snprintf(name, sizeof(name), "%s@%llx", kind, (unsigned long long)at);
	node(t, name);
}

static void end(struct tree *t)
{
	if (!t->ret)
		t->ret = fdt_end_node(t->fdt);
}

static void prop(struct tree *t, const char *name, const void *val, size_t len)
{
	if (!t->ret)
		t->ret = fdt_property(t->fdt, name, val, (int)len);
}

static void prop_string(struct tree *t, const char *name, const char *val)
{
	prop(t, name, val, strlen(val) + 1);
}

static void prop_empty(struct tree *t, const char *name)
{
	prop(t, name, NULL, 0);
}

static void prop_cells(struct tree *t, const char *name, const uint32_t *cells, size_t n)
{
	fdt32_t raw[32];

	if (n > sizeof(raw) / sizeof(raw[0])) {
		t->ret = -FDT_ERR_BADVALUE;
		return;
	}
	for (size_t i = 0; i < n; i++)
		raw[i] = cpu_to_fdt32(cells[i]);
	prop(t, name, raw, n * sizeof(raw[0]));
}

#define PROP_CELLS(t, name, ...)                               \
	prop_cells(t, name, (const uint32_t[]){ __VA_ARGS__ }, \
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Several strings in one property; @list is written with "\0" between them. */
#define PROP_STRINGS(t, name, list) prop(t, name, list, sizeof(list))

static void prop_reg(struct tree *t, uint64_t base, uint64_t size)
{
	PROP_CELLS(t, "reg", base >> 32, (uint32_t)base, size >> 32, (uint32_t)size);
}

static void prop_spi(struct tree *t, int spi, uint32_t flags)
{
	PROP_CELLS(t, "interrupts", GIC_SPI, (uint32_t)spi, flags);
}

static void add_chosen(struct tree *t, const struct zvm_fdt_params *p)
{
	char path[32];

	node(t, "chosen");
	snprintf(path, sizeof(path), "/pl011@%llx", (unsigned long long)zvm_map[ZVM_MAP_UART].base);
	prop_string(t, "stdout-path", path);
	prop_string(t, "bootargs", p->cfg->cmdline);
	if (p->initrd_size) {
		uint64_t last = p->initrd + p->initrd_size;

		PROP_CELLS(t, "linux,initrd-start", p->initrd >> 32, (uint32_t)p->initrd);
		PROP_CELLS(t, "linux,initrd-end", last >> 32, (uint32_t)last);
	}
	if (p->seed) {
		prop(t, "kaslr-seed", p->seed, 8);
		prop(t, "rng-seed", p->seed + 8, ZVM_FDT_SEED - 8);
	}
	end(t);
}

static void add_cpus(struct tree *t, const struct zvm_fdt_params *p)
{
	bool wide = false;

	for (unsigned int i = 0; i < p->cfg->vcpus; i++)
		wide |= p->mpidr[i] >> 32;

	node(t, "cpus");
	PROP_CELLS(t, "#address-cells", wide ? 2 : 1);
	PROP_CELLS(t, "#size-cells", 0);
	for (unsigned int i = 0; i < p->cfg->vcpus; i++) {
		uint64_t aff = p->mpidr[i] & MPIDR_AFF;

		node_at(t, "cpu", aff);
		prop_string(t, "device_type", "cpu");
		prop_string(t, "compatible", "arm,armv8");
		if (wide)
			PROP_CELLS(t, "reg", aff >> 32, (uint32_t)aff);
		else
			PROP_CELLS(t, "reg", (uint32_t)aff);
		if (p->cfg->vcpus > 1)
			prop_string(t, "enable-method", "psci");
		end(t);
	}
	end(t);
}

static void add_psci(struct tree *t)
{
	node(t, "psci");
	PROP_STRINGS(t, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
	prop_string(t, "method", "hvc");
	/* Function numbers for guests that know only PSCI 0.1; the 64-bit ones where they exist. */
	PROP_CELLS(t, "cpu_suspend", 0xc4000001);
	PROP_CELLS(t, "cpu_off", 0x84000002);
	PROP_CELLS(t, "cpu_on", 0xc4000003);
	PROP_CELLS(t, "migrate", 0xc4000005);
	end(t);
}

static void add_timer(struct tree *t)
{
	node(t, "timer");
	PROP_STRINGS(t, "compatible", "arm,armv8-timer\0arm,armv7-timer");
	prop_empty(t, "always-on");
	PROP_CELLS(t, "interrupts", GIC_PPI, ZVM_MAP_PPI_TIMER_SECURE, IRQ_LEVEL_HIGH, GIC_PPI,
		   ZVM_MAP_PPI_TIMER_PHYS, IRQ_LEVEL_HIGH, GIC_PPI, ZVM_MAP_PPI_TIMER_VIRT,
		   IRQ_LEVEL_HIGH, GIC_PPI, ZVM_MAP_PPI_TIMER_HYP, IRQ_LEVEL_HIGH);
	end(t);
}

static void add_pmu(struct tree *t)
{
	node(t, "pmu");
	prop_string(t, "compatible", "arm,armv8-pmuv3");
	PROP_CELLS(t, "interrupts", GIC_PPI, ZVM_MAP_PPI_PMU, IRQ_LEVEL_HIGH);
	end(t);
}

static void add_gic(struct tree *t)
{
	const struct zvm_map_entry *d = &zvm_map[ZVM_MAP_GICD], *r = &zvm_map[ZVM_MAP_GICR];

	node_at(t, "intc", d->base);
	prop_string(t, "compatible", "arm,gic-v3");
	PROP_CELLS(t, "#interrupt-cells", 3);
	prop_empty(t, "interrupt-controller");
	PROP_CELLS(t, "#address-cells", 2);
	PROP_CELLS(t, "#size-cells", 2);
	prop_empty(t, "ranges");
	PROP_CELLS(t, "#redistributor-regions", 1);
	PROP_CELLS(t, "reg", d->base >> 32, (uint32_t)d->base, d->size >> 32, (uint32_t)d->size,
		   r->base >> 32, (uint32_t)r->base, r->size >> 32, (uint32_t)r->size);
	PROP_CELLS(t, "phandle", PHANDLE_GIC);
	end(t);
}

/* Two strings, in the way PrimeCell devices are declared. */
static void add_primecell(struct tree *t, enum zvm_map_id id, const char *compatible, size_t len)
{
	const struct zvm_map_entry *e = &zvm_map[id];

	node_at(t, e->name, e->base);
	prop(t, "compatible", compatible, len);
	prop_reg(t, e->base, e->size);
	prop_spi(t, e->spi, IRQ_LEVEL_HIGH);
}

static void add_uart(struct tree *t)
{
	static const char uart[] = "arm,pl011\0arm,primecell";

	node(t, "apb-pclk");
	prop_string(t, "compatible", "fixed-clock");
	PROP_CELLS(t, "#clock-cells", 0);
	PROP_CELLS(t, "clock-frequency", UART_CLOCK_HZ);
	prop_string(t, "clock-output-names", "clk24mhz");
	PROP_CELLS(t, "phandle", PHANDLE_CLK);
	end(t);

	add_primecell(t, ZVM_MAP_UART, uart, sizeof(uart));
	PROP_CELLS(t, "clocks", PHANDLE_CLK, PHANDLE_CLK);
	PROP_STRINGS(t, "clock-names", "uartclk\0apb_pclk");
	end(t);
}

#ifdef CONFIG_ZVM_PL031
static void add_rtc(struct tree *t)
{
	static const char rtc[] = "arm,pl031\0arm,primecell";

	add_primecell(t, ZVM_MAP_RTC, rtc, sizeof(rtc));
	PROP_CELLS(t, "clocks", PHANDLE_CLK);
	prop_string(t, "clock-names", "apb_pclk");
	end(t);
}
#endif

#ifdef CONFIG_ZVM_PL061
static void add_power_key(struct tree *t)
{
	static const char gpio[] = "arm,pl061\0arm,primecell";

	add_primecell(t, ZVM_MAP_GPIO, gpio, sizeof(gpio));
	PROP_CELLS(t, "clocks", PHANDLE_CLK);
	prop_string(t, "clock-names", "apb_pclk");
	PROP_CELLS(t, "#gpio-cells", 2);
	prop_empty(t, "gpio-controller");
	PROP_CELLS(t, "#interrupt-cells", 2);
	prop_empty(t, "interrupt-controller");
	PROP_CELLS(t, "phandle", PHANDLE_GPIO);
	end(t);

	node(t, "gpio-keys");
	prop_string(t, "compatible", "gpio-keys");
	node(t, "poweroff");
	prop_string(t, "label", "GPIO Key Poweroff");
	PROP_CELLS(t, "linux,code", KEY_POWER);
	PROP_CELLS(t, "gpios", PHANDLE_GPIO, ZVM_MAP_POWER_KEY, 0);
	prop_empty(t, "wakeup-source");
	end(t);
	end(t);
}
#endif

static void add_virtio(struct tree *t, unsigned int slots)
{
	const struct zvm_map_entry *e = &zvm_map[ZVM_MAP_VIRTIO];

	for (unsigned int i = 0; i < slots; i++) {
		uint64_t base = e->base + (uint64_t)i * ZVM_MAP_VIRTIO_SLOT;

		node_at(t, "virtio_mmio", base);
		prop_string(t, "compatible", "virtio,mmio");
		prop_reg(t, base, ZVM_MAP_VIRTIO_SLOT);
		prop_spi(t, e->spi + (int)i, IRQ_EDGE_RISING);
		prop_empty(t, "dma-coherent");
		end(t);
	}
}

static void add_flash(struct tree *t)
{
	const struct zvm_map_entry *a = &zvm_map[ZVM_MAP_FLASH0], *b = &zvm_map[ZVM_MAP_FLASH1];

	node_at(t, "flash", a->base);
	prop_string(t, "compatible", "cfi-flash");
	PROP_CELLS(t, "reg", a->base >> 32, (uint32_t)a->base, a->size >> 32, (uint32_t)a->size,
		   b->base >> 32, (uint32_t)b->base, b->size >> 32, (uint32_t)b->size);
	PROP_CELLS(t, "bank-width", 4);
	end(t);
}

static int explain(int ret, const char *what, struct zvm_err *err)
{
	if (ret == -FDT_ERR_NOSPACE)
		return zvm_err_set(err, ENOSPC, "%s: larger than a device tree may be", what);
	return zvm_err_set(err, EINVAL, "%s: %s", what, fdt_strerror(ret));
}

int zvm_fdt_build(const struct zvm_fdt_params *p, void *buf, size_t size, struct zvm_err *err)
{
	struct tree tree = { .fdt = buf, .ret = 0 }, *t = &tree;

	t->ret = fdt_create(buf, (int)size);
	if (!t->ret)
		t->ret = fdt_finish_reservemap(buf);
	node(t, "");
	PROP_CELLS(t, "#address-cells", 2);
	PROP_CELLS(t, "#size-cells", 2);
	PROP_CELLS(t, "interrupt-parent", PHANDLE_GIC);
	prop_empty(t, "dma-coherent");
	prop_string(t, "compatible", "linux,dummy-virt");
	prop_string(t, "model", "linux,dummy-virt");

	add_chosen(t, p);
	node_at(t, "memory", zvm_map[ZVM_MAP_RAM].base);
	prop_string(t, "device_type", "memory");
	prop_reg(t, zvm_map[ZVM_MAP_RAM].base, p->ram_size);
	end(t);
	add_cpus(t, p);
	add_psci(t);
	add_timer(t);
	if (p->pmu)
		add_pmu(t);
	add_gic(t);
	if (p->flash)
		add_flash(t);
	add_uart(t);
#ifdef CONFIG_ZVM_PL031
	add_rtc(t);
#endif
#ifdef CONFIG_ZVM_PL061
	add_power_key(t);
#endif
	add_virtio(t, p->virtio);

	end(t);
	if (!t->ret)
		t->ret = fdt_finish(buf);
	return t->ret ? explain(t->ret, "device tree", err) : 0;
}

static int chosen_of(void *fdt)
{
	int off = fdt_path_offset(fdt, "/chosen");

	return off == -FDT_ERR_NOTFOUND ? fdt_add_subnode(fdt, 0, "chosen") : off;
}

/* A memory node of the user's is moved to this VM's RAM; a tree with several keeps the first. */
static int patch_memory(void *fdt, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(zvm_map[ZVM_MAP_RAM].base), cpu_to_fdt64(size) };
	char name[32];
	int off, ret = 0;

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)zvm_map[ZVM_MAP_RAM].base);
	off = fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", sizeof("memory"));
	if (off == -FDT_ERR_NOTFOUND) {
		off = fdt_add_subnode(fdt, 0, name);
		if (off >= 0)
			ret = fdt_setprop_string(fdt, off, "device_type", "memory");
	}
	if (off < 0)
		return off;
	return ret ? ret : fdt_setprop(fdt, off, "reg", reg, sizeof(reg));
}

int zvm_fdt_patch(const struct zvm_fdt_params *p, const void *user, size_t len, void *buf,
		  size_t size, struct zvm_err *err)
{
	int off, ret;

	ret = fdt_check_full(user, len);
	if (ret)
		return zvm_err_set(err, EINVAL,
				   "not a flattened device tree, or a damaged one (%s); compile it "
				   "with dtc",
				   fdt_strerror(ret));
	if (fdt_address_cells(user, 0) != 2 || fdt_size_cells(user, 0) != 2)
		return zvm_err_set(err, EINVAL,
				   "the root node must have #address-cells and #size-cells 2");
	ret = fdt_open_into(user, buf, (int)size);
	if (ret)
		return explain(ret, "device tree", err);
	ret = patch_memory(buf, p->ram_size);
	if (ret)
		return explain(ret, "/memory", err);

	off = chosen_of(buf);
	ret = off < 0 ? off : 0;
	if (!ret && p->cfg->cmdline[0])
		ret = fdt_setprop_string(buf, off, "bootargs", p->cfg->cmdline);
	if (!ret && p->initrd_size)
		ret = fdt_setprop_u64(buf, off, "linux,initrd-start", p->initrd);
	if (!ret && p->initrd_size)
		ret = fdt_setprop_u64(buf, off, "linux,initrd-end", p->initrd + p->initrd_size);
	if (!ret && p->seed)
		ret = fdt_setprop(buf, off, "kaslr-seed", p->seed, 8);
	if (!ret && p->seed)
		ret = fdt_setprop(buf, off, "rng-seed", p->seed + 8, ZVM_FDT_SEED - 8);
	if (!ret)
		ret = fdt_pack(buf);
	return ret ? explain(ret, "/chosen", err) : 0;
}
