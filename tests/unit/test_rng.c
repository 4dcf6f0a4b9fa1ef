// SPDX-License-Identifier: GPL-2.0
/* virtio-rng: entropy arrives, in bounded pieces, wherever the guest's buffers lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "virtio_driver.h"

#define LIMIT 4096

static struct vdrv drv;

static int setup(void **state)
{
	vdrv_init(&drv);
	assert_int_equal(zvm_rng_create(&drv.env, "entropy0", &drv.dev, NULL), 0);
	vdrv_start(&drv, VDRV_FEATURES | VDRV_INDIRECT | VDRV_EVENT_IDX, 1, 8);
	*state = &drv;
	return 0;
}

static int teardown(void **state)
{
	vdrv_fini(*state);
	return 0;
}

/* Equal halves of a long enough buffer mean that it was not filled with entropy. */
static bool looks_random(const uint8_t *p, size_t len)
{
	return memcmp(p, p + len / 2, len / 2);
}

static void buffers_are_filled_and_differ(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 64, 1), .len = 64, .in = true };
	uint8_t first[64];
	uint32_t len;

	for (int i = 0; i < 20; i++) {
		vdrv_add(d, 0, &b, 1);
		vdrv_kick(d, 0);
		assert_true(vdrv_wait(d, 0, NULL, &len));
		assert_int_equal(len, 64);
		assert_true(looks_random(vdrv_ptr(d, b.ipa), 64));
		assert_memory_not_equal(first, vdrv_ptr(d, b.ipa), 64);
		memcpy(first, vdrv_ptr(d, b.ipa), 64);
	}
}

static void large_buffer_is_filled_up_to_the_limit_only(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 1 << 20, 1), .len = 1 << 20, .in = true };
	uint8_t *p = vdrv_ptr(d, b.ipa);
	uint32_t len;

	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	assert_true(vdrv_wait(d, 0, NULL, &len));
	assert_int_equal(len, LIMIT);
	assert_true(looks_random(p + LIMIT - 64, 64));
	for (int i = 0; i < 64; i++)
		assert_int_equal(p[LIMIT + i], 0);
}

static void limit_counts_across_segments(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b[3];
	uint32_t len;

	for (int i = 0; i < 3; i++)
		b[i] = (struct vdrv_buf){ .ipa = vdrv_alloc(d, 3000, 1), .len = 3000, .in = true };
	vdrv_add_indirect(d, 0, b, 3);
	vdrv_kick(d, 0);
	assert_true(vdrv_wait(d, 0, NULL, &len));
	assert_int_equal(len, LIMIT);
	assert_true(looks_random(vdrv_ptr(d, b[1].ipa), 1000));
	assert_memory_equal(vdrv_ptr(d, b[1].ipa + LIMIT - 3000), "\0\0\0\0\0\0\0", 8);
}

static void readable_part_is_left_alone(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b[2] = { { .ipa = vdrv_alloc(d, 32, 1), .len = 32 },
				 { .ipa = vdrv_alloc(d, 32, 1), .len = 32, .in = true } };
	static const uint8_t zero[32];
	uint32_t len;

	vdrv_add(d, 0, b, 2);
	vdrv_kick(d, 0);
	assert_true(vdrv_wait(d, 0, NULL, &len));
	assert_int_equal(len, 32);
	assert_memory_equal(vdrv_ptr(d, b[0].ipa), zero, 32);
}

static void chain_without_writable_part_returns_empty(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 32, 1), .len = 32 };
	uint32_t len;

	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	assert_true(vdrv_wait(d, 0, NULL, &len));
	assert_int_equal(len, 0);
	assert_false(vdrv_needs_reset(d));
}

static void last_byte_of_ram_can_be_filled(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .ipa = VDRV_RAM_IPA + VDRV_RAM_SIZE - 32, .len = 32, .in = true };
	uint32_t len;

	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	assert_true(vdrv_wait(d, 0, NULL, &len));
	assert_int_equal(len, 32);

	b.len = 33;
	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	assert_true(vdrv_needs_reset(d));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(buffers_are_filled_and_differ),
		T(large_buffer_is_filled_up_to_the_limit_only),
		T(limit_counts_across_segments),
		T(readable_part_is_left_alone),
		T(chain_without_writable_part_returns_empty),
		T(last_byte_of_ram_can_be_filled),
	};

	return cmocka_run_group_tests_name("virtio-rng", tests, NULL, NULL);
}
