// SPDX-License-Identifier: GPL-2.0
/* The generated device tree, read back with libfdt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "vmm/machine/fdt.h"
#include "vmm/machine/map.h"

#define SIZE 0x10000

static uint8_t dtb[SIZE];
static struct zvm_config *cfg;

static int setup(void **state)
{
	static const char text[] = "memory = \"512M\"\nvcpus = 4\nkernel = \"Image\"\n"
				   "cmdline = \"console=ttyAMA0 quiet\"\n";

	return zvm_config_parse("vm.toml", text, strlen(text), &cfg, NULL);
}

static int teardown(void **state)
{
	zvm_config_free(cfg);
	return 0;
}

static struct zvm_fdt_params params(void)
{
	static const uint8_t seed[ZVM_FDT_SEED] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	return (struct zvm_fdt_params){ .cfg = cfg,
					.ram_size = 512u << 20,
					.mpidr = { 0, 1, 2, 3 },
					.initrd = 0x44000000,
					.initrd_size = 0x1234,
					.virtio = 2,
					.seed = seed };
}

static int node(const char *path)
{
	int off = fdt_path_offset(dtb, path);

	if (off < 0)
		fail_msg("no node %s", path);
	return off;
}

static uint64_t cells(const char *path, const char *name, unsigned int at, unsigned int n)
{
	const fdt32_t *p;
	uint64_t val = 0;
	int len;

	p = fdt_getprop(dtb, node(path), name, &len);
	assert_non_null(p);
	assert_true((size_t)len >= (at + n) * 4);
	while (n--)
		val = val << 32 | fdt32_to_cpu(p[at++]);
	return val;
}

static void string_is(const char *path, const char *name, const char *want)
{
	int len;
	const char *p = fdt_getprop(dtb, node(path), name, &len);

	assert_non_null(p);
	assert_string_equal(p, want);
}

static void build(struct zvm_fdt_params p)
{
	assert_int_equal(zvm_fdt_build(&p, dtb, SIZE, NULL), 0);
	assert_int_equal(fdt_check_full(dtb, SIZE), 0);
}

static void memory_and_chosen_say_what_was_loaded(void **state)
{
	build(params());
	assert_int_equal(cells("/memory@40000000", "reg", 0, 2), 0x40000000);
	assert_int_equal(cells("/memory@40000000", "reg", 2, 2), 512u << 20);
	string_is("/chosen", "bootargs", "console=ttyAMA0 quiet");
	string_is("/chosen", "stdout-path", "/pl011@9000000");
	assert_int_equal(cells("/chosen", "linux,initrd-start", 0, 2), 0x44000000);
	assert_int_equal(cells("/chosen", "linux,initrd-end", 0, 2), 0x44001234);
	assert_int_equal(cells("/chosen", "kaslr-seed", 0, 2), 0x0102030405060708ULL);
}

static void stdout_path_leads_to_the_uart(void **state)
{
	build(params());
	string_is("/pl011@9000000", "compatible", "arm,pl011");
	assert_int_equal(cells("/pl011@9000000", "reg", 0, 2), 0x09000000);
	assert_int_equal(cells("/pl011@9000000", "interrupts", 0, 1), 0);
	assert_int_equal(cells("/pl011@9000000", "interrupts", 1, 1), 1);
	assert_int_equal(cells("/pl011@9000000", "interrupts", 2, 1), 4);
}

static void no_initrd_no_property(void **state)
{
	struct zvm_fdt_params p = params();

	p.initrd_size = 0;
	p.seed = NULL;
	build(p);
	assert_null(fdt_getprop(dtb, node("/chosen"), "linux,initrd-start", NULL));
	assert_null(fdt_getprop(dtb, node("/chosen"), "kaslr-seed", NULL));
}

static void each_vcpu_has_a_node_with_its_affinity(void **state)
{
	struct zvm_fdt_params p = params();

	p.mpidr[3] = 0x80000101; /* only the affinity fields go into reg */
	build(p);
	assert_int_equal(cells("/cpus/cpu@2", "reg", 0, 1), 2);
	assert_int_equal(cells("/cpus/cpu@101", "reg", 0, 1), 0x101);
	string_is("/cpus/cpu@0", "enable-method", "psci");
	assert_int_equal(cells("/cpus", "#address-cells", 0, 1), 1);
}

static void affinity_above_32_bits_takes_two_cells(void **state)
{
	struct zvm_fdt_params p = params();

	p.mpidr[3] = 1ULL << 32;
	build(p);
	assert_int_equal(cells("/cpus", "#address-cells", 0, 1), 2);
	assert_int_equal(cells("/cpus/cpu@100000000", "reg", 0, 2), 1ULL << 32);
}

static void interrupt_controller_and_timer_match_the_virt_board(void **state)
{
	static const uint32_t ppi[4] = { 13, 14, 11, 10 };

	build(params());
	string_is("/intc@8000000", "compatible", "arm,gic-v3");
	assert_int_equal(cells("/intc@8000000", "reg", 0, 2), 0x08000000);
	assert_int_equal(cells("/intc@8000000", "reg", 4, 2), 0x080a0000);
	assert_int_equal(cells("/", "interrupt-parent", 0, 1),
			 cells("/intc@8000000", "phandle", 0, 1));
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(cells("/timer", "interrupts", 3 * i, 1), 1);
		assert_int_equal(cells("/timer", "interrupts", 3 * i + 1, 1), ppi[i]);
	}
	string_is("/psci", "method", "hvc");
}

static void pmu_is_described_only_when_there_is_one(void **state)
{
	struct zvm_fdt_params p = params();

	build(p);
	assert_true(fdt_path_offset(dtb, "/pmu") < 0);
	p.pmu = true;
	build(p);
	string_is("/pmu", "compatible", "arm,armv8-pmuv3");
	assert_int_equal(cells("/pmu", "interrupts", 0, 1), 1);
	assert_int_equal(cells("/pmu", "interrupts", 1, 1), 7);
	assert_int_equal(cells("/pmu", "interrupts", 2, 1), 4);
}

static void power_key_points_at_the_gpio_controller(void **state)
{
	build(params());
	assert_int_equal(cells("/gpio-keys/poweroff", "gpios", 0, 1),
			 cells("/pl061@9030000", "phandle", 0, 1));
	assert_int_equal(cells("/gpio-keys/poweroff", "gpios", 1, 1), 3);
	assert_int_equal(cells("/gpio-keys/poweroff", "linux,code", 0, 1), 116);
}

static void virtio_slots_are_described_up_to_their_number(void **state)
{
	build(params());
	assert_int_equal(cells("/virtio_mmio@a000200", "reg", 2, 2), 0x200);
	assert_int_equal(cells("/virtio_mmio@a000200", "interrupts", 1, 1), 17);
	assert_int_equal(cells("/virtio_mmio@a000200", "interrupts", 2, 1), 1);
	assert_true(fdt_path_offset(dtb, "/virtio_mmio@a000400") < 0);
}

static void flash_is_described_only_when_it_is_there(void **state)
{
	struct zvm_fdt_params p = params();

	build(p);
	assert_true(fdt_path_offset(dtb, "/flash@0") < 0);
	p.flash = true;
	build(p);
	assert_int_equal(cells("/flash@0", "reg", 4, 2), 0x04000000);
}

static void too_small_a_buffer_is_an_error(void **state)
{
	struct zvm_fdt_params p = params();
	struct zvm_err err = { "" };

	assert_int_equal(zvm_fdt_build(&p, dtb, 256, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "device tree"));
}

static void own_tree_keeps_its_nodes_and_gets_memory_and_chosen(void **state)
{
	static uint8_t user[SIZE];
	struct zvm_fdt_params p = params();
	int root;

	assert_int_equal(fdt_create_empty_tree(user, SIZE), 0);
	root = 0;
	fdt_setprop_u32(user, root, "#address-cells", 2);
	fdt_setprop_u32(user, root, "#size-cells", 2);
	fdt_setprop_string(user, root, "model", "mine");
	assert_int_equal(zvm_fdt_patch(&p, user, fdt_totalsize(user), dtb, SIZE, NULL), 0);
	assert_int_equal(fdt_check_full(dtb, SIZE), 0);
	string_is("/", "model", "mine");
	assert_int_equal(cells("/memory@40000000", "reg", 2, 2), 512u << 20);
	string_is("/chosen", "bootargs", "console=ttyAMA0 quiet");
}

static void damaged_own_tree_is_refused(void **state)
{
	static uint8_t user[SIZE];
	struct zvm_fdt_params p = params();
	struct zvm_err err = { "" };

	build(p);
	memcpy(user, dtb, SIZE);
	for (size_t len = 0; len < fdt_totalsize(dtb); len += 97)
		assert_true(zvm_fdt_patch(&p, user, len, dtb, SIZE, &err) < 0);
	user[0] ^= 1;
	assert_int_equal(zvm_fdt_patch(&p, user, SIZE, dtb, SIZE, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "dtc"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(memory_and_chosen_say_what_was_loaded),
		T(stdout_path_leads_to_the_uart),
		T(no_initrd_no_property),
		T(each_vcpu_has_a_node_with_its_affinity),
		T(affinity_above_32_bits_takes_two_cells),
		T(interrupt_controller_and_timer_match_the_virt_board),
		T(pmu_is_described_only_when_there_is_one),
		T(power_key_points_at_the_gpio_controller),
		T(virtio_slots_are_described_up_to_their_number),
		T(flash_is_described_only_when_it_is_there),
		T(too_small_a_buffer_is_an_error),
		T(own_tree_keeps_its_nodes_and_gets_memory_and_chosen),
		T(damaged_own_tree_is_refused),
	};

	return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
