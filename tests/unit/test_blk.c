// SPDX-License-Identifier: GPL-2.0
/* virtio-blk: what every engine must do, with and without the page cache and I/O threads. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk_driver.h"

#define SECTORS (BLK_IMAGE_SIZE / 512)

static struct blk blk;
static struct zvm_blk_cfg variant;

static int setup(void **state)
{
	if (!zvm_blk_engine_available(variant.engine)) {
		*state = NULL;
		return 0;
	}
	/* Not /tmp, which may be a tmpfs without O_DIRECT. */
	blk_make_image(&blk, "/var/tmp");
	blk_start(&blk, variant);
	*state = &blk;
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		blk_fini(*state);
	return 0;
}

/* The device under test, or a skip where its engine is not built in. */
static struct blk *under_test(void **state)
{
	if (!*state) {
		print_message("# the engine is not built in\n");
		skip();
	}
	return *state;
}

static void *guest(struct blk *b, uint64_t ipa)
{
	return vdrv_ptr(&b->d, ipa);
}

static void expect_bytes(const uint8_t *p, uint8_t v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != v)
			fail_msg("byte %zu is %02x, not %02x", i, p[i], v);
}

static void reads_return_the_image(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 8 * 512, 512);

	assert_int_equal(blk_read(b, 3, data, 8 * 512), VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < 8; i++)
		expect_bytes(guest(b, data + i * 512), 3 + i, 512);
}

static void writes_reach_the_image(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 4096, 512);
	uint8_t buf[4096 + 1024];

	memset(guest(b, data), 0xab, 4096);
	assert_int_equal(blk_write(b, 17, data, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_OK);
	blk_peek(b, 16 * 512, buf, sizeof(buf));
	expect_bytes(buf, 16, 512);
	expect_bytes(buf + 512, 0xab, 4096);
	expect_bytes(buf + 512 + 4096, 25, 512);
}

static void unaligned_guest_buffers_work(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 300 * 1024 + 16, 16) + 1;
	uint32_t len = 300 * 1024; /* more than one bounce buffer */

	assert_int_equal(blk_read(b, 1, data, len), VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < len / 512; i++)
		expect_bytes(guest(b, data + i * 512), 1 + i, 512);
	memset(guest(b, data), 0x77, len);
	assert_int_equal(blk_write(b, 100, data, len), VIRTIO_BLK_S_OK);
	memset(guest(b, data), 0, len);
	assert_int_equal(blk_read(b, 99, data, len), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 99, 512);
	expect_bytes(guest(b, data + 512), 0x77, len - 512);
}

static void more_unaligned_requests_than_bounce_buffers_all_complete(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_outhdr hdr = { .type = VIRTIO_BLK_T_IN };
	struct vdrv_buf buf[BLK_NUM][3];

	for (unsigned int i = 0; i < BLK_NUM; i++) {
		uint64_t at = vdrv_alloc(&b->d, 16 + 2048 + 1, 16);

		hdr.sector = 10 + i;
		memcpy(guest(b, at), &hdr, sizeof(hdr));
		buf[i][0] = (struct vdrv_buf){ .ipa = at, .len = 16 };
		buf[i][1] = (struct vdrv_buf){ .ipa = at + 16 + 1, .len = 2047, .in = true };
		/* The last byte of data shares its descriptor with the status. */
		buf[i][2] =
			(struct vdrv_buf){ .ipa = vdrv_alloc(&b->d, 2, 2), .len = 2, .in = true };
		vdrv_add_indirect(&b->d, 0, buf[i], 3);
	}
	vdrv_kick(&b->d, 0);
	for (unsigned int i = 0; i < BLK_NUM; i++)
		assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
	for (unsigned int i = 0; i < BLK_NUM; i++) {
		const uint8_t *last = guest(b, buf[i][2].ipa);

		expect_bytes(guest(b, buf[i][1].ipa), 10 + i, 512);
		expect_bytes(guest(b, buf[i][1].ipa + 1536), 13 + i, 511);
		assert_int_equal(last[0], 13 + i);
		assert_int_equal(last[1], VIRTIO_BLK_S_OK);
	}
}

static void scattered_segments_through_an_indirect_table_work(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_outhdr hdr = { .type = VIRTIO_BLK_T_IN, .sector = 40 };
	struct vdrv_buf buf[128];
	uint64_t at = vdrv_alloc(&b->d, sizeof(hdr), 16);
	unsigned int n = 0;

	memcpy(guest(b, at), &hdr, sizeof(hdr));
	buf[n++] = (struct vdrv_buf){ .ipa = at, .len = sizeof(hdr) };
	for (unsigned int i = 0; i < 126; i++)
		buf[n++] = (struct vdrv_buf){ .ipa = vdrv_alloc(&b->d, 1024, 1024),
					      .len = 512,
					      .in = true };
	buf[n++] = (struct vdrv_buf){ .ipa = vdrv_alloc(&b->d, 1, 1), .len = 1, .in = true };
	vdrv_add_indirect(&b->d, 0, buf, n);
	vdrv_kick(&b->d, 0);
	assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
	assert_int_equal(*(uint8_t *)guest(b, buf[127].ipa), VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < 126; i++)
		expect_bytes(guest(b, buf[1 + i].ipa), 40 + i, 512);
}

static void header_and_status_may_share_descriptors_with_data(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_outhdr hdr = { .type = VIRTIO_BLK_T_OUT, .sector = 5 };
	uint64_t out = vdrv_alloc(&b->d, 16 + 512, 16), in = vdrv_alloc(&b->d, 512 + 1, 16);
	struct vdrv_buf w[3] = { { .ipa = out, .len = 7 },
				 { .ipa = out + 7, .len = 9 + 512 },
				 { .ipa = in, .len = 1, .in = true } };
	struct vdrv_buf r[3] = { { .ipa = out, .len = 16 },
				 { .ipa = in, .len = 200, .in = true },
				 { .ipa = in + 200, .len = 313, .in = true } };
	uint32_t len;

	memcpy(guest(b, out), &hdr, sizeof(hdr));
	memset(guest(b, out + 16), 0xc3, 512);
	vdrv_add(&b->d, 0, w, 3);
	vdrv_kick(&b->d, 0);
	assert_true(vdrv_wait(&b->d, 0, NULL, &len));
	assert_int_equal(len, 1);
	assert_int_equal(*(uint8_t *)guest(b, in), VIRTIO_BLK_S_OK);

	hdr.type = VIRTIO_BLK_T_IN;
	memcpy(guest(b, out), &hdr, sizeof(hdr));
	memset(guest(b, in), 0xff, 513);
	vdrv_add(&b->d, 0, r, 3);
	vdrv_kick(&b->d, 0);
	assert_true(vdrv_wait(&b->d, 0, NULL, &len));
	assert_int_equal(len, 513);
	expect_bytes(guest(b, in), 0xc3, 512);
	assert_int_equal(*(uint8_t *)guest(b, in + 512), VIRTIO_BLK_S_OK);
}

static void many_rounds_keep_data_intact(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 4 * 4096, 4096), base = b->d.next_free;
	struct blk_call c[4];

	for (unsigned int round = 0; round < 200; round++) {
		b->d.next_free = base;
		for (unsigned int i = 0; i < 4; i++) {
			memset(guest(b, data + i * 4096), round + i, 4096);
			c[i] = blk_post(b, 0, VIRTIO_BLK_T_OUT, (round % 50 * 4 + i) * 8,
					data + i * 4096, 4096, false);
		}
		vdrv_kick(&b->d, 0);
		for (unsigned int i = 0; i < 4; i++)
			assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(blk_status(b, &c[i]), VIRTIO_BLK_S_OK);
		for (unsigned int i = 0; i < 4; i++)
			memset(guest(b, data + i * 4096), 0, 4096);
		assert_int_equal(blk_read(b, round % 50 * 32, data, 4 * 4096), VIRTIO_BLK_S_OK);
		for (unsigned int i = 0; i < 4; i++)
			expect_bytes(guest(b, data + i * 4096), round + i, 4096);
	}
}

static void sectors_outside_the_disk_are_errors_and_the_last_one_is_not(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 8192, 512);

	assert_int_equal(blk_read(b, SECTORS - 1, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, SECTORS, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, SECTORS - 1, data, 1024), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_write(b, SECTORS, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_write(b, UINT64_MAX, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, UINT64_MAX / 512, data, 1024), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, UINT64_MAX / 512 + 1, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, 1ULL << 63, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, SECTORS, data, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, SECTORS + 1, data, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, 0, data, 511), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_write(b, 0, data, 513), VIRTIO_BLK_S_IOERR);
	assert_false(vdrv_needs_reset(&b->d));
}

static void unknown_request_types_are_unsupported(void **state)
{
	struct blk *b = under_test(state);

	assert_int_equal(blk_do(b, 0, 2, 0, 0, 0, false), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(blk_do(b, 0, 0xffffffff, 0, 0, 512, true), VIRTIO_BLK_S_UNSUPP);
}

static void get_id_returns_the_serial_whole_or_cut(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 32, 16);

	memset(guest(b, data), 0xff, 32);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_GET_ID, 0, data, 20, true), VIRTIO_BLK_S_OK);
	assert_memory_equal(guest(b, data), "serial-42\0\0\0\0\0\0\0\0\0\0\0", 20);
	expect_bytes(guest(b, data + 20), 0xff, 12);
	memset(guest(b, data), 0xff, 32);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_GET_ID, 0, data, 6, true), VIRTIO_BLK_S_OK);
	assert_memory_equal(guest(b, data), "serial\xff\xff", 8);
}

static uint8_t ranges(struct blk *b, uint32_t type, const struct virtio_blk_discard_write_zeroes *r,
		      uint32_t len)
{
	uint64_t data = vdrv_alloc(&b->d, len, 16);

	memcpy(guest(b, data), r, len);
	return blk_do(b, 0, type, 0, data, len, false);
}

static void write_zeroes_zeroes_exactly_its_ranges(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_discard_write_zeroes r[3] = {
		{ .sector = 10, .num_sectors = 3 },
		{ .sector = 100, .num_sectors = 200, .flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP },
		{ .sector = SECTORS, .num_sectors = 0 },
	};
	uint64_t data = vdrv_alloc(&b->d, 512 * 512, 512);

	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, sizeof(r)), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, 0, data, 512 * 512), VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < 512; i++) {
		bool zero = (i >= 10 && i < 13) || (i >= 100 && i < 300);

		expect_bytes(guest(b, data + i * 512), zero ? 0 : i, 512);
	}
}

static void discard_frees_and_leaves_the_neighbours(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_discard_write_zeroes r = { .sector = 16, .num_sectors = 64 };
	uint64_t data = vdrv_alloc(&b->d, 512, 512);

	assert_int_equal(ranges(b, VIRTIO_BLK_T_DISCARD, &r, sizeof(r)), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, 15, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 15, 512);
	assert_int_equal(blk_read(b, 80, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 80, 512);
	assert_int_equal(blk_read(b, 16, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 0, 512);
}

static void wrong_ranges_are_refused_before_any_is_done(void **state)
{
	struct blk *b = under_test(state);
	struct virtio_blk_discard_write_zeroes r[17] = { { .sector = 0, .num_sectors = 1 } };
	uint64_t data = vdrv_alloc(&b->d, 512, 512);

	r[1] = (struct virtio_blk_discard_write_zeroes){ .sector = SECTORS, .num_sectors = 1 };
	assert_int_equal(ranges(b, VIRTIO_BLK_T_DISCARD, r, 32), VIRTIO_BLK_S_IOERR);
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, 32), VIRTIO_BLK_S_IOERR);
	r[1] = (struct virtio_blk_discard_write_zeroes){ .sector = UINT64_MAX, .num_sectors = 2 };
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, 32), VIRTIO_BLK_S_IOERR);
	r[1] = (struct virtio_blk_discard_write_zeroes){ .num_sectors = 0xffffffff };
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, 32), VIRTIO_BLK_S_IOERR);
	r[1] = (struct virtio_blk_discard_write_zeroes){ .num_sectors = 1, .flags = 1 };
	assert_int_equal(ranges(b, VIRTIO_BLK_T_DISCARD, r, 32), VIRTIO_BLK_S_UNSUPP);
	r[1].flags = 2;
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, 32), VIRTIO_BLK_S_UNSUPP);
	memset(r, 0, sizeof(r));
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, sizeof(r)), VIRTIO_BLK_S_IOERR);
	assert_int_equal(ranges(b, VIRTIO_BLK_T_WRITE_ZEROES, r, 15), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_DISCARD, 0, 0, 0, false), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_read(b, 1, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 1, 512);
	assert_int_equal(blk_read(b, 0, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 0, 512);
}

static void queues_are_served_independently(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data[2] = { vdrv_alloc(&b->d, 4096, 512), vdrv_alloc(&b->d, 4096, 512) };
	uint16_t before = vdrv_used_idx(&b->d, 0);

	assert_int_equal(blk_do(b, 1, VIRTIO_BLK_T_IN, 20, data[1], 4096, true), VIRTIO_BLK_S_OK);
	assert_int_equal(vdrv_used_idx(&b->d, 0), before);
	assert_int_equal(blk_read(b, 10, data[0], 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(vdrv_used_idx(&b->d, 1), 1);
	expect_bytes(guest(b, data[0]), 10, 512);
	expect_bytes(guest(b, data[1]), 20, 512);
}

static void reset_with_requests_in_flight_leaves_memory_alone_afterwards(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 4 * 65536, 512);

	for (unsigned int round = 0; round < 20; round++) {
		b->d.next_free = data + 4 * 65536;
		vdrv_queue_setup(&b->d, 0, BLK_NUM);
		for (unsigned int i = 0; i < 4; i++)
			blk_post(b, 0, VIRTIO_BLK_T_IN, 0, data + i * 65536, 65536, true);
		vdrv_kick(&b->d, 0);
		if (round % 2)
			vdrv_loop(&b->d, 0);
		vdrv_wr(&b->d, VIRTIO_MMIO_STATUS, 0);
		memset(b->d.ram, 0x5a, VDRV_RAM_SIZE);
		usleep(1000);
		vdrv_settle(&b->d);
		expect_bytes(b->d.ram, 0x5a, VDRV_RAM_SIZE);
		assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_STATUS), 0);
		assert_true(vdrv_negotiate(&b->d, b->features) & VIRTIO_CONFIG_S_FEATURES_OK);
		vdrv_free_all(&b->d);
		data = vdrv_alloc(&b->d, 4 * 65536, 512);
		vdrv_driver_ok(&b->d);
	}
	blk_restart(b, b->features);
	data = vdrv_alloc(&b->d, 512, 512);
	assert_int_equal(blk_read(b, 9, data, 512), VIRTIO_BLK_S_OK);
	expect_bytes(guest(b, data), 9, 512);
}

static void quiesce_completes_what_was_taken_and_holds_the_rest(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 8 * 4096, 512);
	struct blk_call c[4];
	uint16_t done;

	for (unsigned int i = 0; i < 4; i++)
		c[i] = blk_post(b, 0, VIRTIO_BLK_T_IN, i, data + i * 4096, 512, true);
	vdrv_kick(&b->d, 0);
	vdrv_loop(&b->d, 0);
	zvm_virtio_quiesce(b->d.dev);
	done = vdrv_used_idx(&b->d, 0);
	usleep(2000);
	vdrv_settle(&b->d);
	assert_int_equal(vdrv_used_idx(&b->d, 0), done);
	blk_post(b, 0, VIRTIO_BLK_T_IN, 4, data + 4 * 4096, 512, true);
	vdrv_kick(&b->d, 0);
	vdrv_settle(&b->d);
	assert_int_equal(vdrv_used_idx(&b->d, 0), done);
	zvm_virtio_resume(b->d.dev);
	for (unsigned int i = 0; i < 5; i++)
		assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(blk_status(b, &c[i]), VIRTIO_BLK_S_OK);
}

static void chain_without_header_or_status_needs_reset(void **state)
{
	struct blk *b = under_test(state);
	struct vdrv_buf shrt[2] = { { .ipa = vdrv_alloc(&b->d, 16, 16), .len = 15 },
				    { .ipa = vdrv_alloc(&b->d, 16, 16), .len = 1, .in = true } };
	struct vdrv_buf mute = { .ipa = vdrv_alloc(&b->d, 16, 16), .len = 16 };

	vdrv_add(&b->d, 0, shrt, 2);
	vdrv_kick(&b->d, 0);
	for (int i = 0; i < 1000 && !vdrv_needs_reset(&b->d); i++)
		vdrv_loop(&b->d, 1);
	assert_true(vdrv_needs_reset(&b->d));

	blk_restart(b, b->features);
	vdrv_add(&b->d, 0, &mute, 1);
	vdrv_kick(&b->d, 0);
	for (int i = 0; i < 1000 && !vdrv_needs_reset(&b->d); i++)
		vdrv_loop(&b->d, 1);
	assert_true(vdrv_needs_reset(&b->d));
	/* The queue's thread logs after it has set the bit. */
	for (int i = 0; i < 1000 && !vdrv_logged(&b->d, "header or status"); i++)
		usleep(1000);
	assert_true(vdrv_logged(&b->d, "header or status"));
}

static void doorbell_behind_a_reset_does_not_break_the_device_again(void **state)
{
	struct blk *b = under_test(state);
	struct vdrv_buf shrt = { .ipa = vdrv_alloc(&b->d, 16, 16), .len = 15 };

	vdrv_add(&b->d, 0, &shrt, 1);
	vdrv_kick(&b->d, 0);
	for (int i = 0; i < 1000 && !vdrv_needs_reset(&b->d); i++)
		vdrv_loop(&b->d, 1);
	assert_true(vdrv_needs_reset(&b->d));
	vdrv_wr(&b->d, VIRTIO_MMIO_STATUS, 0);
	vdrv_wr(&b->d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (int i = 0; i < 20; i++) {
		vdrv_loop(&b->d, 1);
		usleep(1000);
	}
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_STATUS), 0);
}

static void destroy_with_requests_in_flight_is_clean(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 8 * 65536, 512);

	for (unsigned int i = 0; i < 4; i++)
		blk_post(b, 0, VIRTIO_BLK_T_IN, 0, data + i * 65536, 65536, true);
	vdrv_kick(&b->d, 0);
	vdrv_loop(&b->d, 0);
	/* teardown destroys */
}

static void statistics_count_requests_bytes_and_errors(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 4096, 512);
	struct zvm_virtio_stats st;

	assert_int_equal(blk_read(b, 0, data, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_write(b, 0, data, 1024), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, SECTORS, data, 512), VIRTIO_BLK_S_IOERR);
	zvm_virtio_get_stats(b->d.dev, &st);
	assert_int_equal(st.requests, 3);
	assert_int_equal(st.errors, 1);
	assert_int_equal(st.bytes_in, 4096);
	assert_int_equal(st.bytes_out, 1024);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	T(reads_return_the_image),
	T(writes_reach_the_image),
	T(unaligned_guest_buffers_work),
	T(more_unaligned_requests_than_bounce_buffers_all_complete),
	T(scattered_segments_through_an_indirect_table_work),
	T(header_and_status_may_share_descriptors_with_data),
	T(many_rounds_keep_data_intact),
	T(sectors_outside_the_disk_are_errors_and_the_last_one_is_not),
	T(unknown_request_types_are_unsupported),
	T(get_id_returns_the_serial_whole_or_cut),
	T(write_zeroes_zeroes_exactly_its_ranges),
	T(discard_frees_and_leaves_the_neighbours),
	T(wrong_ranges_are_refused_before_any_is_done),
	T(queues_are_served_independently),
	T(reset_with_requests_in_flight_leaves_memory_alone_afterwards),
	T(quiesce_completes_what_was_taken_and_holds_the_rest),
	T(chain_without_header_or_status_needs_reset),
	T(doorbell_behind_a_reset_does_not_break_the_device_again),
	T(destroy_with_requests_in_flight_is_clean),
	T(statistics_count_requests_bytes_and_errors),
};

int main(void)
{
	static const enum zvm_blk_engine engines[] = { ZVM_BLK_LIBAIO, ZVM_BLK_IO_URING,
						       ZVM_BLK_THREADS };
	int failed = 0;

	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int v = 0; v < 6; v++) {
			char group[64];

			variant = (struct zvm_blk_cfg){
				.engine = engines[i],
				.cache = v & 1 ? ZVM_BLK_CACHE_NONE : ZVM_BLK_CACHE_WRITEBACK,
				.iothreads = v >= 2,
				.poll_us = v >= 4 ? 50 : 0,
				.queues = 2,
				.serial = "serial-42",
			};
			snprintf(group, sizeof(group), "virtio-blk %s%s%s",
				 zvm_blk_engine_name(engines[i]), v & 1 ? " direct" : "",
				 v >= 4	  ? " polled"
				 : v >= 2 ? " iothreads"
					  : "");
			failed += cmocka_run_group_tests_name(group, tests, NULL, NULL);
		}
	return failed;
}
