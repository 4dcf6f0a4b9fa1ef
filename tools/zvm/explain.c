// SPDX-License-Identifier: GPL-2.0
/*
 * zvm explain: the whole of a VM as text. One thread.
 *
 * First the configuration with every default, then, as comments, so that the output is a vm.toml
 * itself: address map, what is loaded where, interrupts, device tree. Nothing here is computed a
 * second time: the map is the table that the VMM uses, the rest comes from its loaders.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <string.h>

#include "vmm/machine/map.h"

/* GIC: software-generated 0-15, private 16-31, shared from 32. */
#define INTID_PPI 16
#define INTID_SPI 32

static void print_range(uint64_t base, uint64_t size, const char *what)
{
	printf("#   0x%010" PRIx64 "-0x%010" PRIx64 "  %s", base, base + size - 1, what);
}

static void print_spi(int spi)
{
	printf("  SPI %d, INTID %d", spi, INTID_SPI + spi);
}

static void print_virtio(const struct zvm_config *cfg)
{
	const struct zvm_map_entry *e = &zvm_map[ZVM_MAP_VIRTIO];
	bool console = cfg->console.device == ZVM_CONSOLE_VIRTIO;
	size_t used = zvm_dry_slots(cfg), i;
	char what[64];

	for (i = 0; i < used; i++) {
		if (i < cfg->nr_disks)
			snprintf(what, sizeof(what), "virtio slot %zu: disk[%zu]", i, i);
		else
			snprintf(what, sizeof(what), "virtio slot %zu: %s", i,
				 console && i == cfg->nr_disks ? "console" : "rng");
		print_range(e->base + i * ZVM_MAP_VIRTIO_SLOT, ZVM_MAP_VIRTIO_SLOT, what);
		print_spi(e->spi + (int)i);
		if (i < cfg->nr_disks)
			printf("  %s", cfg->disk[i].path);
		putchar('\n');
	}
	snprintf(what, sizeof(what), "virtio slots %zu to %u: empty\n", used,
		 ZVM_MAP_VIRTIO_SLOTS - 1);
	if (used < ZVM_MAP_VIRTIO_SLOTS)
		print_range(e->base + used * ZVM_MAP_VIRTIO_SLOT,
			    (ZVM_MAP_VIRTIO_SLOTS - used) * ZVM_MAP_VIRTIO_SLOT, what);
}

static void print_map(const struct zvm_config *cfg)
{
	const struct zvm_map_entry *e;

	puts("\n# Address map");
	for (e = zvm_map; e < zvm_map + ZVM_MAP_NR; e++) {
		if (e == &zvm_map[ZVM_MAP_VIRTIO]) {
			print_virtio(cfg);
			continue;
		}
		if (!cfg->firmware &&
		    (e == &zvm_map[ZVM_MAP_FLASH0] || e == &zvm_map[ZVM_MAP_FLASH1]))
			continue;
		print_range(e->base, e == &zvm_map[ZVM_MAP_RAM] ? cfg->memory : e->size, e->name);
		if (e->spi >= 0)
			print_spi(e->spi);
		putchar('\n');
	}
}

static void print_boot(const struct zvm_config *cfg, const struct zvm_dry *dry)
{
	const struct zvm_boot *boot = &dry->boot;

	puts("\n# Start");
	printf("#   entry  0x%010" PRIx64 "  %s\n", boot->entry,
	       cfg->kernel     ? cfg->kernel
	       : cfg->firmware ? cfg->firmware
			       : cfg->image);
	if (boot->initrd_size)
		printf("#   initrd 0x%010" PRIx64 "  %" PRIu64 " bytes\n", boot->initrd,
		       boot->initrd_size);
	printf("#   dtb    0x%010" PRIx64 "  %u bytes, %s\n", boot->dtb, fdt_totalsize(dry->dtb),
	       cfg->dtb ? cfg->dtb : "generated");
}

static void print_private_interrupts(void)
{
	static const struct {
		unsigned int ppi;
		const char *what;
	} timers[] = {
		{ ZVM_MAP_PPI_TIMER_VIRT, "virtual timer" },
		{ ZVM_MAP_PPI_TIMER_PHYS, "physical timer" },
	};
	size_t i;

	puts("\n# Private interrupts of each vCPU");
	for (i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		printf("#   PPI %u, INTID %u  %s\n", timers[i].ppi, INTID_PPI + timers[i].ppi,
		       timers[i].what);
}

/* Neighbours that are alike but for their address, all virtio slots for example, take one line. */
static bool alike(const char *name, const char *compatible, int depth, const char *other_name,
		  const char *other_compatible, int other_depth)
{
	return depth == other_depth && compatible && other_compatible &&
	       !strcmp(compatible, other_compatible) && strchr(name, '@') &&
	       strcspn(name, "@") == strcspn(other_name, "@");
}

static void print_dtb(const void *dtb)
{
	const char *name, *compatible, *last_name = "", *last_compatible = NULL;
	int node, depth = 0, last_depth = -1;
	unsigned int more = 0;

	puts("\n# Device tree");
	for (node = 0; node >= 0 && depth >= 0; node = fdt_next_node(dtb, node, &depth)) {
		name = fdt_get_name(dtb, node, NULL);
		name = name && name[0] ? name : "/";
		compatible = fdt_getprop(dtb, node, "compatible", NULL);
		if (alike(name, compatible, depth, last_name, last_compatible, last_depth)) {
			last_name = name;
			more++;
			continue;
		}
		if (more)
			printf("#   %*sand %u more, up to %s\n", 2 * last_depth, "", more,
			       last_name);
		printf("#   %*s%s%s%s\n", 2 * depth, "", name, compatible ? "  " : "",
		       compatible ? compatible : "");
		last_name = name;
		last_compatible = compatible;
		last_depth = depth;
		more = 0;
	}
	if (more)
		printf("#   %*sand %u more, up to %s\n", 2 * last_depth, "", more, last_name);
}

static int explain(const char *path, struct zvm_err *err)
{
	struct zvm_config *cfg;
	struct zvm_dry dry;
	int ret;

	ret = zvm_config_load(path, &cfg, err);
	if (ret < 0)
		return ret;
	ret = zvm_dry_load(&dry, cfg, err);
	if (ret < 0)
		goto out;
	printf("# %s\n", path);
	ret = zvm_config_print(cfg, stdout);
	if (ret < 0) {
		zvm_err_set(err, ret, "cannot write the output: %s", strerror(-ret));
	} else {
		print_map(cfg);
		print_boot(cfg, &dry);
		print_private_interrupts();
		print_dtb(dry.dtb);
	}
	zvm_dry_free(&dry);
out:
	zvm_config_free(cfg);
	return ret;
}

int zvm_explain_main(int argc, char **argv, struct zvm_err *err)
{
	if (argc != 2) {
		zvm_err_set(err, 0, "explain: name one FILE.toml, or --keys");
		return ZVM_EXIT_USER;
	}
	if (!strcmp(argv[1], "--keys"))
		return zvm_config_print_schema(stdout) < 0 ? ZVM_EXIT_HOST : ZVM_EXIT_OK;
	return explain(argv[1], err) < 0 ? ZVM_EXIT_USER : ZVM_EXIT_OK;
}
