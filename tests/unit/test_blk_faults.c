// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk when the host misbehaves: short transfers, errors, calls that are not supported, a
 * full submission queue; and when data must be on stable storage. The host's calls are replaced at
 * link time (--wrap), so each test says what the host answers and counts what it was asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk_driver.h"

static struct {
	size_t at_most;	    /* bytes one transfer moves; 0: all */
	int transfer_error; /* errno of transfers */
	int errors;	    /* that many of them, then they work; 0: for ever */
	int fallocate_error;
	int submit_errors; /* io_submit answers EAGAIN that often ... */
	int submit_good;   /* ... after so many that work */
	int sync_error;
	/* What was asked. */
	atomic_int transfers, dsyncs, syncs, fallocates, zero_writes, submits, aio_syncs;
} host;

ssize_t __real_preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags);
ssize_t __real_pwritev64v2(int fd, const struct iovec *iov, int n, off_t off, int flags);
ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
int __real_fdatasync(int fd);
int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __real_io_submit(io_context_t ctx, long n, struct iocb **iocb);

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *iov, int n, off_t off, int flags);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
int __wrap_fdatasync(int fd);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_io_submit(io_context_t ctx, long n, struct iocb **iocb);

/* True: the transfer is to fail with errno. */
static bool transfer_fails(void)
{
	atomic_fetch_add(&host.transfers, 1);
	if (!host.transfer_error)
		return false;
	errno = host.transfer_error;
	if (host.errors && !--host.errors)
		host.transfer_error = 0;
	return true;
}

static int cut(struct iovec *dst, const struct iovec *src, int n)
{
	size_t room = host.at_most ? host.at_most : SIZE_MAX;
	int i;

	for (i = 0; i < n && room; i++) {
		dst[i] = src[i];
		if (dst[i].iov_len > room)
			dst[i].iov_len = room;
		room -= dst[i].iov_len;
	}
	return i;
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	struct iovec part[256];

	if (transfer_fails())
		return -1;
	n = cut(part, iov, n);
	return __real_preadv64v2(fd, part, n, off, flags);
}

ssize_t __wrap_pwritev64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	struct iovec part[256];

	if (transfer_fails())
		return -1;
	if (flags & RWF_DSYNC)
		atomic_fetch_add(&host.dsyncs, 1);
	n = cut(part, iov, n);
	return __real_pwritev64v2(fd, part, n, off, flags);
}

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
	atomic_fetch_add(&host.zero_writes, 1);
	return __real_pwrite64(fd, buf, len, off);
}

int __wrap_fdatasync(int fd)
{
	atomic_fetch_add(&host.syncs, 1);
	if (host.sync_error) {
		errno = host.sync_error;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
	atomic_fetch_add(&host.fallocates, 1);
	if (host.fallocate_error) {
		errno = host.fallocate_error;
		return -1;
	}
	return __real_fallocate64(fd, mode, off, len);
}

int __wrap_io_submit(io_context_t ctx, long n, struct iocb **iocb)
{
	atomic_fetch_add(&host.submits, 1);
	if (host.submit_good) {
		host.submit_good--;
	} else if (host.submit_errors) {
		host.submit_errors--;
		return -EAGAIN;
	}
	for (long i = 0; i < n; i++) {
		if (iocb[i]->aio_lio_opcode == IO_CMD_FDSYNC)
			atomic_fetch_add(&host.aio_syncs, 1);
		if (iocb[i]->aio_lio_opcode == IO_CMD_PWRITEV && iocb[i]->aio_rw_flags & RWF_DSYNC)
			atomic_fetch_add(&host.dsyncs, 1);
	}
	/* Batches are taken one by one: the rest must be submitted again. */
	return __real_io_submit(ctx, host.at_most ? 1 : n, iocb);
}

static struct blk blk;

static int setup_with(void **state, enum zvm_blk_engine engine)
{
	memset(&host, 0, sizeof(host));
	*state = NULL;
	if (!zvm_blk_engine_available(engine))
		return 0;
	blk_make_image(&blk, NULL);
	blk_start(&blk, (struct zvm_blk_cfg){ .engine = engine });
	memset(&host, 0, sizeof(host));
	*state = &blk;
	return 0;
}

static int setup_threads(void **state)
{
	return setup_with(state, ZVM_BLK_THREADS);
}

static int setup_libaio(void **state)
{
	return setup_with(state, ZVM_BLK_LIBAIO);
}

static int teardown(void **state)
{
	if (*state)
		blk_fini(*state);
	return 0;
}

static struct blk *under_test(void **state)
{
	if (!*state) {
		print_message("# the engine is not built in\n");
		skip();
	}
	return *state;
}

static void short_transfers_are_continued(void **state)
{
	struct blk *b = *state;
	uint64_t data = vdrv_alloc(&b->d, 4096, 512);
	uint8_t *p = vdrv_ptr(&b->d, data), buf[4096];

	host.at_most = 1000;
	assert_int_equal(blk_read(b, 30, data, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(host.transfers, 5);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(p[i], 30 + i / 512);
	memset(p, 0x11, 4096);
	p[4095] = 0x22;
	assert_int_equal(blk_write(b, 60, data, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(host.transfers, 10);
	blk_peek(b, 60 * 512, buf, 4096);
	assert_memory_equal(buf, p, 4096);
}

static void host_errors_reach_the_guest_as_io_errors(void **state)
{
	struct blk *b = *state;
	uint64_t data = vdrv_alloc(&b->d, 4096, 512);

	host.transfer_error = EIO;
	assert_int_equal(blk_read(b, 0, data, 4096), VIRTIO_BLK_S_IOERR);
	assert_non_null(strstr(b->d.log, "read at byte 0 failed: Input/output error"));
	host.transfer_error = ENOSPC;
	assert_int_equal(blk_write(b, 0, data, 4096), VIRTIO_BLK_S_IOERR);
	host.transfer_error = 0;
	assert_int_equal(blk_read(b, 0, data, 4096), VIRTIO_BLK_S_OK);
	assert_false(vdrv_needs_reset(&b->d));
}

static void host_errors_are_logged_ever_more_rarely(void **state)
{
	struct blk *b = *state;
	uint64_t data = vdrv_alloc(&b->d, 512, 512);

	host.transfer_error = EIO;
	for (int i = 0; i < 100; i++)
		assert_int_equal(blk_read(b, 0, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(b->d.logs, 7); /* 1, 2, 4, ... 64 */
}

static void transient_errors_are_retried_and_persistent_ones_reported(void **state)
{
	struct blk *b = *state;
	uint64_t data = vdrv_alloc(&b->d, 512, 512);

	host.transfer_error = EAGAIN;
	host.errors = 3;
	assert_int_equal(blk_read(b, 5, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(host.transfers, 4);
	host.transfer_error = EAGAIN;
	host.errors = 0;
	assert_int_equal(blk_read(b, 5, data, 512), VIRTIO_BLK_S_IOERR);
}

static void image_that_shrinks_gives_io_errors(void **state)
{
	struct blk *b = *state;
	uint64_t data = vdrv_alloc(&b->d, 4096, 512);

	assert_int_equal(truncate(b->path, 1024), 0);
	assert_int_equal(blk_read(b, 0, data, 1024), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_read(b, 0, data, 4096), VIRTIO_BLK_S_IOERR);
	assert_non_null(strstr(b->d.log, "shorter than it was"));
	assert_int_equal(blk_read(b, 100, data, 512), VIRTIO_BLK_S_IOERR);
}

static void flush_syncs_and_reports_failure(void **state)
{
	struct blk *b = *state;

	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_OK);
	assert_int_equal(host.syncs, 1);
	host.sync_error = EIO;
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_IOERR);
}

static void libaio_flush_is_an_asynchronous_sync(void **state)
{
	struct blk *b = under_test(state);

	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_OK);
	assert_int_equal(host.aio_syncs + host.syncs, 1);
}

/* Writes once with these features; returns how many of the writes were synchronous. */
static int dsyncs_with(struct blk *b, uint64_t without)
{
	uint64_t data;

	blk_restart(b, vdrv_device_features(&b->d) & ~without);
	data = vdrv_alloc(&b->d, 512, 512);
	host.dsyncs = 0;
	assert_int_equal(blk_write(b, 0, data, 512), VIRTIO_BLK_S_OK);
	return host.dsyncs;
}

static void writes_are_durable_for_a_driver_that_cannot_flush(void **state)
{
	struct blk *b = under_test(state);
	uint64_t flush = 1ULL << VIRTIO_BLK_F_FLUSH, wce = 1ULL << VIRTIO_BLK_F_CONFIG_WCE;

	assert_int_equal(dsyncs_with(b, 0), 0);
	assert_int_equal(dsyncs_with(b, wce), 0);
	assert_int_equal(dsyncs_with(b, wce | flush), 1);
	assert_int_equal(dsyncs_with(b, flush), 0);
}

static void driver_switches_the_write_cache(void **state)
{
	struct blk *b = under_test(state);
	uint64_t at = VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce);
	uint64_t data = vdrv_alloc(&b->d, 512, 512);
	uint8_t v = 0;

	zvm_virtio_mmio_write(b->d.dev, at, &v, 1);
	assert_int_equal(blk_write(b, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(host.dsyncs, 1);
	zvm_virtio_mmio_read(b->d.dev, at, &v, 1);
	assert_int_equal(v, 0);
	v = 1;
	zvm_virtio_mmio_write(b->d.dev, at, &v, 1);
	assert_int_equal(blk_write(b, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(host.dsyncs, 1);
	v = 0;
	zvm_virtio_mmio_write(b->d.dev, at, &v, 1);
	vdrv_wr(&b->d, VIRTIO_MMIO_STATUS, 0);
	zvm_virtio_mmio_read(b->d.dev, at, &v, 1);
	assert_int_equal(v, 1);
}

static void write_cache_byte_is_frozen_without_its_feature(void **state)
{
	struct blk *b = *state;
	uint64_t at = VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce);
	uint8_t v = 0;

	blk_restart(b, vdrv_device_features(&b->d) & ~(1ULL << VIRTIO_BLK_F_CONFIG_WCE));
	zvm_virtio_mmio_write(b->d.dev, at, &v, 1);
	zvm_virtio_mmio_read(b->d.dev, at, &v, 1);
	assert_int_equal(v, 1);
}

static uint8_t zero(struct blk *b, uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes r = { sector, sectors, flags };
	uint64_t data = vdrv_alloc(&b->d, sizeof(r), 16);

	memcpy(vdrv_ptr(&b->d, data), &r, sizeof(r));
	return blk_do(b, 0, type, 0, data, sizeof(r), false);
}

static void zeroes_are_written_where_fallocate_is_not_supported(void **state)
{
	struct blk *b = *state;
	uint8_t buf[512];

	host.fallocate_error = EOPNOTSUPP;
	assert_int_equal(zero(b, VIRTIO_BLK_T_WRITE_ZEROES, 10, 300, 1), VIRTIO_BLK_S_OK);
	assert_int_equal(host.fallocates, 2); /* a hole, a zero range */
	assert_int_equal(host.zero_writes, 3);
	blk_peek(b, 309 * 512, buf, 512);
	assert_int_equal(buf[511], 0);
	blk_peek(b, 310 * 512, buf, 512);
	assert_int_equal(buf[0], 310 & 0xff);
	/* It is not asked again. */
	assert_int_equal(zero(b, VIRTIO_BLK_T_WRITE_ZEROES, 10, 1, 1), VIRTIO_BLK_S_OK);
	assert_int_equal(host.fallocates, 2);
}

static void discard_that_the_host_cannot_do_is_a_success(void **state)
{
	struct blk *b = *state;
	uint8_t buf[512];

	host.fallocate_error = EOPNOTSUPP;
	assert_int_equal(zero(b, VIRTIO_BLK_T_DISCARD, 10, 8, 0), VIRTIO_BLK_S_OK);
	blk_peek(b, 10 * 512, buf, 512);
	assert_int_equal(buf[0], 10);
}

static void failing_fallocate_is_an_io_error(void **state)
{
	struct blk *b = *state;

	host.fallocate_error = EIO;
	assert_int_equal(zero(b, VIRTIO_BLK_T_DISCARD, 10, 8, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(zero(b, VIRTIO_BLK_T_WRITE_ZEROES, 10, 8, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(host.zero_writes, 0);
}

static void zeroes_are_durable_under_write_through(void **state)
{
	struct blk *b = *state;

	assert_int_equal(zero(b, VIRTIO_BLK_T_WRITE_ZEROES, 10, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(host.syncs, 0);
	blk_restart(b, vdrv_device_features(&b->d) &
			       ~(1ULL << VIRTIO_BLK_F_CONFIG_WCE | 1ULL << VIRTIO_BLK_F_FLUSH));
	assert_int_equal(zero(b, VIRTIO_BLK_T_WRITE_ZEROES, 10, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(host.syncs, 1);
}

static void libaio_waits_when_the_kernel_has_no_room(void **state)
{
	struct blk *b = under_test(state);
	uint64_t data = vdrv_alloc(&b->d, 512, 512);

	host.submit_errors = 5;
	assert_int_equal(blk_read(b, 12, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(host.submits, 6);
	assert_int_equal(*(uint8_t *)vdrv_ptr(&b->d, data), 12);
}

static void libaio_waits_when_there_is_no_room_for_the_next_piece(void **state)
{
	struct blk *b = &blk;
	uint64_t data;

	memset(&host, 0, sizeof(host));
	blk_make_image(b, "/var/tmp");
	blk_start(b, (struct zvm_blk_cfg){ .cache = ZVM_BLK_CACHE_NONE });
	if (b->d.logs) { /* no O_DIRECT, no pieces */
		blk_fini(b);
		print_message("# /var/tmp has no direct I/O\n");
		skip();
	}
	data = vdrv_alloc(&b->d, 300 * 1024 + 1, 512) + 1;
	memset(&host, 0, sizeof(host));
	host.submit_good = 1;
	host.submit_errors = 3;
	assert_int_equal(blk_read(b, 0, data, 300 * 1024), VIRTIO_BLK_S_OK);
	assert_int_equal(host.submits, 3 + 3);
	assert_int_equal(*(uint8_t *)vdrv_ptr(&b->d, data + 599 * 512), 599 & 0xff);
	blk_fini(b);
}

static void libaio_reset_while_the_kernel_has_no_room_still_ends(void **state)
{
	struct blk *b = under_test(state);

	blk_post(b, 0, VIRTIO_BLK_T_IN, 0, 0, 512, true);
	vdrv_kick(&b->d, 0);
	host.submit_errors = 5;
	vdrv_loop(&b->d, 0);
	vdrv_wr(&b->d, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(host.submits, 6);
}

static void libaio_takes_up_a_batch_that_was_cut(void **state)
{
	struct blk *b = under_test(state);
	struct blk_call c[5];

	host.at_most = 1;
	for (int i = 0; i < 5; i++)
		c[i] = blk_post(b, 0, VIRTIO_BLK_T_IN, i, 0, 512, true);
	vdrv_kick(&b->d, 0);
	for (int i = 0; i < 5; i++)
		assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
	for (int i = 0; i < 5; i++)
		assert_int_equal(blk_status(b, &c[i]), VIRTIO_BLK_S_OK);
	assert_int_equal(host.submits, 5);
}

static void libaio_submits_a_batch_at_once(void **state)
{
	struct blk *b = under_test(state);

	for (int i = 0; i < 5; i++)
		blk_post(b, 0, VIRTIO_BLK_T_IN, i, 0, 512, true);
	vdrv_kick(&b->d, 0);
	for (int i = 0; i < 5; i++)
		assert_true(vdrv_wait(&b->d, 0, NULL, NULL));
	assert_int_equal(host.submits, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_threads, teardown)
#define A(f) cmocka_unit_test_setup_teardown(f, setup_libaio, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(short_transfers_are_continued),
		T(host_errors_reach_the_guest_as_io_errors),
		T(host_errors_are_logged_ever_more_rarely),
		T(transient_errors_are_retried_and_persistent_ones_reported),
		T(image_that_shrinks_gives_io_errors),
		T(flush_syncs_and_reports_failure),
		T(writes_are_durable_for_a_driver_that_cannot_flush),
		T(driver_switches_the_write_cache),
		T(write_cache_byte_is_frozen_without_its_feature),
		T(zeroes_are_written_where_fallocate_is_not_supported),
		T(discard_that_the_host_cannot_do_is_a_success),
		T(failing_fallocate_is_an_io_error),
		T(zeroes_are_durable_under_write_through),
		A(libaio_flush_is_an_asynchronous_sync),
		A(writes_are_durable_for_a_driver_that_cannot_flush),
		A(driver_switches_the_write_cache),
		A(libaio_waits_when_the_kernel_has_no_room),
		cmocka_unit_test(libaio_waits_when_there_is_no_room_for_the_next_piece),
		A(libaio_reset_while_the_kernel_has_no_room_still_ends),
		A(libaio_takes_up_a_batch_that_was_cut),
		A(libaio_submits_a_batch_at_once),
	};

	return cmocka_run_group_tests_name("virtio-blk on a bad host", tests, NULL, NULL);
}
