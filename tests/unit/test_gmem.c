// SPDX-License-Identifier: GPL-2.0
/* Guest memory: the edges of the region table and of every way into it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <zvm/gmem.h>

#define BASE 0x40000000ULL
#define SIZE 0x1000ULL

/* Two regions that touch, a hole, a read-only one, and one that ends at 2^64. */
static uint8_t low[SIZE], high[SIZE], rom[SIZE], top[SIZE];

static struct zvm_gmem table(void)
{
	struct zvm_gmem g = { 0 };

	assert_int_equal(zvm_gmem_add(&g, -SIZE, SIZE, top, false, NULL), 0);
	assert_int_equal(zvm_gmem_add(&g, BASE + SIZE, SIZE, high, false, NULL), 0);
	assert_int_equal(zvm_gmem_add(&g, 0, SIZE, rom, true, NULL), 0);
	assert_int_equal(zvm_gmem_add(&g, BASE, SIZE, low, false, NULL), 0);
	return g;
}

static void add_keeps_regions_sorted(void **state)
{
	struct zvm_gmem g = table();

	assert_int_equal(g.nr, 4);
	for (unsigned int i = 1; i < g.nr; i++)
		assert_true(g.region[i - 1].ipa < g.region[i].ipa);
}

static void add_refuses_empty_wrapping_and_overlapping_regions(void **state)
{
	struct zvm_gmem g = table();
	struct zvm_err e = { 0 };
	uint8_t more[16];

	assert_int_equal(zvm_gmem_add(&g, 0x80000000, 0, more, false, &e), -EINVAL);
	assert_int_equal(zvm_gmem_add(&g, 0x80000000, 16, NULL, false, &e), -EINVAL);
	assert_int_equal(zvm_gmem_add(&g, UINT64_MAX - 14, 17, more, false, &e), -EINVAL);
	assert_int_equal(zvm_gmem_add(&g, 1, UINT64_MAX, more, false, &e), -EEXIST);
	assert_int_equal(zvm_gmem_add(&g, 2, UINT64_MAX, more, false, &e), -EINVAL);
	assert_int_equal(zvm_gmem_add(&g, BASE + SIZE - 1, 1, more, false, &e), -EEXIST);
	assert_int_equal(zvm_gmem_add(&g, BASE - 1, 2, more, false, &e), -EEXIST);
	assert_int_equal(zvm_gmem_add(&g, BASE - 1, 16 * SIZE, more, false, &e), -EEXIST);
	assert_int_equal(zvm_gmem_add(&g, UINT64_MAX, 1, more, false, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "overlaps"));
	assert_int_equal(g.nr, 4);
	assert_int_equal(zvm_gmem_add(&g, BASE - 1, 1, more, false, &e), 0);
	assert_int_equal(g.nr, 5);
}

static void add_refuses_more_regions_than_the_table_holds(void **state)
{
	struct zvm_gmem g = { 0 };
	uint8_t byte[1];

	for (unsigned int i = 0; i < ZVM_GMEM_MAX_REGIONS; i++)
		assert_int_equal(zvm_gmem_add(&g, i * 2, 1, byte, false, NULL), 0);
	assert_int_equal(zvm_gmem_add(&g, 1000, 1, byte, false, NULL), -ENOSPC);
}

static void pointer_reaches_the_last_byte_of_ram_and_no_further(void **state)
{
	struct zvm_gmem g = table();

	assert_ptr_equal(zvm_gmem_ptr(&g, BASE, SIZE), low);
	assert_ptr_equal(zvm_gmem_ptr(&g, BASE + 2 * SIZE - 1, 1), high + SIZE - 1);
	assert_null(zvm_gmem_ptr(&g, BASE + 2 * SIZE - 1, 2));
	assert_null(zvm_gmem_ptr(&g, BASE + 2 * SIZE, 1));
	assert_null(zvm_gmem_ptr(&g, BASE - 1, 1));
	assert_null(zvm_gmem_ptr(&g, BASE - 1, 2));
	assert_ptr_equal(zvm_gmem_ptr(&g, UINT64_MAX, 1), top + SIZE - 1);
	assert_null(zvm_gmem_ptr(&g, UINT64_MAX, 2));
}

static void pointer_does_not_span_regions_that_touch(void **state)
{
	struct zvm_gmem g = table();

	assert_non_null(zvm_gmem_ptr(&g, BASE + SIZE - 4, 4));
	assert_null(zvm_gmem_ptr(&g, BASE + SIZE - 4, 5));
}

static void lengths_that_wrap_the_address_space_fail(void **state)
{
	struct zvm_gmem g = table();
	struct iovec iov[4];
	uint8_t b[8];

	assert_null(zvm_gmem_ptr(&g, BASE, UINT64_MAX));
	assert_null(zvm_gmem_ptr(&g, BASE, -BASE));
	assert_null(zvm_gmem_ptr(&g, BASE + 16, UINT64_MAX - BASE));
	assert_int_equal(zvm_gmem_iov(&g, BASE, UINT64_MAX, false, iov, 4), -EFAULT);
	assert_int_equal(zvm_gmem_iov(&g, BASE + 16, -16ULL, false, iov, 4), -EFAULT);
	/* Past 2^64 lies address 0, which is RAM here: it must not be reached. */
	assert_int_equal(zvm_gmem_iov(&g, UINT64_MAX - 3, 8, false, iov, 4), -EFAULT);
	assert_int_equal(zvm_gmem_read(&g, UINT64_MAX - 3, b, 8), -EFAULT);
	assert_int_equal(zvm_gmem_read(&g, UINT64_MAX - 7, b, 8), 0);
}

static void length_zero_is_legal_in_and_at_the_end_of_a_region(void **state)
{
	struct zvm_gmem g = table();
	struct iovec iov[1];

	assert_ptr_equal(zvm_gmem_ptr(&g, BASE, 0), low);
	assert_ptr_equal(zvm_gmem_ptr(&g, BASE + 2 * SIZE, 0), high + SIZE);
	assert_null(zvm_gmem_ptr(&g, BASE + 2 * SIZE + 1, 0));
	assert_int_equal(zvm_gmem_iov(&g, 0x1234567890, 0, true, iov, 0), 0);
	assert_int_equal(zvm_gmem_read(&g, 0x1234567890, NULL, 0), 0);
	assert_int_equal(zvm_gmem_write(&g, 0x1234567890, NULL, 0), 0);
}

static void copies_straddle_regions_that_touch(void **state)
{
	struct zvm_gmem g = table();
	uint8_t in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, out[8] = { 0 };

	assert_int_equal(zvm_gmem_write(&g, BASE + SIZE - 3, in, 8), 0);
	assert_memory_equal(low + SIZE - 3, in, 3);
	assert_memory_equal(high, in + 3, 5);
	assert_int_equal(zvm_gmem_read(&g, BASE + SIZE - 3, out, 8), 0);
	assert_memory_equal(out, in, 8);
}

static void copies_that_leave_ram_copy_nothing(void **state)
{
	struct zvm_gmem g = table();
	uint8_t b[8];

	memset(high, 0x5a, SIZE);
	memset(b, 0xa5, sizeof(b));
	assert_int_equal(zvm_gmem_write(&g, BASE + 2 * SIZE - 4, b, 8), -EFAULT);
	assert_int_equal(high[SIZE - 4], 0x5a);
	assert_int_equal(zvm_gmem_read(&g, BASE + 2 * SIZE - 4, b, 8), -EFAULT);
	assert_int_equal(b[0], 0xa5);
}

static void read_only_memory_is_read_but_not_written(void **state)
{
	struct zvm_gmem g = table();
	struct iovec iov[2];
	uint8_t b[4] = { 9 };

	assert_non_null(zvm_gmem_ptr(&g, 0, 4));
	assert_null(zvm_gmem_wptr(&g, 0, 4));
	assert_int_equal(zvm_gmem_read(&g, 0, b, 4), 0);
	assert_int_equal(zvm_gmem_write(&g, 0, b, 4), -EFAULT);
	assert_int_equal(zvm_gmem_iov(&g, 0, 4, false, iov, 2), 1);
	assert_int_equal(zvm_gmem_iov(&g, 0, 4, true, iov, 2), -EFAULT);
	assert_non_null(zvm_gmem_wptr(&g, BASE, SIZE));
}

static void iov_has_one_entry_for_each_region_touched(void **state)
{
	struct zvm_gmem g = table();
	struct iovec iov[2];

	assert_int_equal(zvm_gmem_iov(&g, BASE + 16, SIZE, true, iov, 2), 2);
	assert_ptr_equal(iov[0].iov_base, low + 16);
	assert_int_equal(iov[0].iov_len, SIZE - 16);
	assert_ptr_equal(iov[1].iov_base, high);
	assert_int_equal(iov[1].iov_len, 16);
	assert_int_equal(zvm_gmem_iov(&g, BASE + 16, SIZE, true, iov, 1), -E2BIG);
	assert_int_equal(zvm_gmem_iov(&g, BASE, 2 * SIZE, true, iov, 2), 2);
	assert_int_equal(zvm_gmem_iov(&g, BASE, 2 * SIZE + 1, true, iov, 2), -EFAULT);
}

static void error_text_is_bounded_and_grows_at_the_front(void **state)
{
	struct zvm_err e = { 0 };

	assert_int_equal(zvm_err_set(&e, ENOENT, "no %s", "file"), -ENOENT);
	assert_int_equal(zvm_err_set(&e, -ENOENT, "no %s", "file"), -ENOENT);
	zvm_err_push(&e, "disk %d", 1);
	assert_string_equal(e.msg, "disk 1: no file");
	for (int i = 0; i < 200; i++)
		zvm_err_push(&e, "context");
	assert_int_equal(strlen(e.msg), ZVM_ERR_MAX - 1);
	zvm_err_push(NULL, "nowhere");
	assert_int_equal(zvm_err_set(NULL, EIO, "nowhere"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_keeps_regions_sorted),
		cmocka_unit_test(add_refuses_empty_wrapping_and_overlapping_regions),
		cmocka_unit_test(add_refuses_more_regions_than_the_table_holds),
		cmocka_unit_test(pointer_reaches_the_last_byte_of_ram_and_no_further),
		cmocka_unit_test(pointer_does_not_span_regions_that_touch),
		cmocka_unit_test(lengths_that_wrap_the_address_space_fail),
		cmocka_unit_test(length_zero_is_legal_in_and_at_the_end_of_a_region),
		cmocka_unit_test(copies_straddle_regions_that_touch),
		cmocka_unit_test(copies_that_leave_ram_copy_nothing),
		cmocka_unit_test(read_only_memory_is_read_but_not_written),
		cmocka_unit_test(iov_has_one_entry_for_each_region_touched),
		cmocka_unit_test(error_text_is_bounded_and_grows_at_the_front),
	};

	return cmocka_run_group_tests_name("gmem", tests, NULL, NULL);
}
