// SPDX-License-Identifier: GPL-2.0
/* virtio-blk: creation, its errors, and what the guest is told about the disk. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <cmocka.h>

#include "blk_driver.h"
#ifdef CONFIG_ZVM_BLK_IO_URING
#include <liburing.h>

#include "virtio/blk/blk.h"
#endif

static struct blk blk;

static int setup(void **state)
{
	blk_make_image(&blk, "/var/tmp");
	*state = &blk;
	return 0;
}

static int teardown(void **state)
{
	blk_fini(*state);
	return 0;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Creation fails with this code and says this; nothing is left open or watched. */
static void expect_refusal(struct blk *b, struct zvm_blk_cfg cfg, int err, const char *says)
{
	struct zvm_virtio_dev *dev = NULL;
	struct zvm_err e = { 0 };
	int fds = open_fds();

	if (!cfg.path)
		cfg.path = b->path;
	if (cfg.engine == ZVM_BLK_LIBAIO)
		cfg.engine = blk_default_engine();
	assert_int_equal(zvm_blk_create(&b->d.env, &cfg, &dev, &e), err);
	if (!strstr(e.msg, says))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, says);
	assert_ptr_equal(strstr(e.msg, "disk '"), e.msg);
	assert_null(dev);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(b->d.nr_watch, 0);
}

static void bad_settings_are_refused(void **state)
{
	struct blk *b = *state;

	expect_refusal(b, (struct zvm_blk_cfg){ .path = "" }, -EINVAL, "no path");
	expect_refusal(b, (struct zvm_blk_cfg){ .engine = 7 }, -ENOTSUP, "not built in");
	expect_refusal(b, (struct zvm_blk_cfg){ .queues = 17 }, -EINVAL, "17 queues");
	expect_refusal(b, (struct zvm_blk_cfg){ .queue_size = 3 }, -EINVAL, "queue size 3");
	expect_refusal(b, (struct zvm_blk_cfg){ .queue_size = 512 }, -EINVAL, "queue size 512");
	expect_refusal(b, (struct zvm_blk_cfg){ .block_size = 1024 }, -EINVAL, "block_size 1024");
	expect_refusal(b, (struct zvm_blk_cfg){ .serial = "123456789012345678901" }, -EINVAL,
		       "longer than 20");
}

static void missing_image_is_named(void **state)
{
	expect_refusal(*state, (struct zvm_blk_cfg){ .path = "/nonexistent/disk.img" }, -ENOENT,
		       "disk '/nonexistent/disk.img': cannot open: No such file");
	expect_refusal(*state,
		       (struct zvm_blk_cfg){ .path = "/nonexistent/disk.img", .name = "vda" },
		       -ENOENT, "disk 'vda'");
}

static void directories_devices_and_pipes_are_not_images(void **state)
{
	struct blk *b = *state;
	char fifo[160];

	expect_refusal(b, (struct zvm_blk_cfg){ .path = "/tmp" }, -EISDIR, "cannot open");
	expect_refusal(b, (struct zvm_blk_cfg){ .path = "/tmp", .readonly = true }, -EINVAL,
		       "neither a regular file nor a block device");
	expect_refusal(b, (struct zvm_blk_cfg){ .path = "/dev/null" }, -EINVAL, "neither");
	snprintf(fifo, sizeof(fifo), "%s.fifo", b->path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_refusal(b, (struct zvm_blk_cfg){ .path = fifo, .readonly = true }, -EINVAL,
		       "neither");
	unlink(fifo);
}

static void image_of_odd_size_is_refused_with_the_remedy(void **state)
{
	struct blk *b = *state;

	assert_int_equal(truncate(b->path, BLK_IMAGE_SIZE - 1), 0);
	expect_refusal(b, (struct zvm_blk_cfg){ 0 }, -EINVAL, "1048575 is not a multiple of 512");
	expect_refusal(b, (struct zvm_blk_cfg){ 0 }, -EINVAL, "truncate -s %512");
	assert_int_equal(truncate(b->path, BLK_IMAGE_SIZE - 512), 0);
	expect_refusal(b, (struct zvm_blk_cfg){ .block_size = 4096 }, -EINVAL, "multiple of 4096");
	assert_int_equal(truncate(b->path, 0), 0);
	expect_refusal(b, (struct zvm_blk_cfg){ 0 }, -EINVAL, "empty");
}

static void image_in_use_by_another_vm_is_refused(void **state)
{
	struct blk *b = *state;
	struct zvm_blk_cfg ro = { .path = b->path,
				  .engine = blk_default_engine(),
				  .readonly = true };
	struct zvm_virtio_dev *other;

	assert_int_equal(zvm_blk_create(&b->d.env, &ro, &other, NULL), 0);
	assert_int_equal(zvm_blk_create(&b->d.env, &ro, &b->d.dev, NULL), 0);
	zvm_virtio_destroy(b->d.dev);
	b->d.dev = NULL;
	ro.readonly = false;
	ro.no_lock = true;
	assert_int_equal(zvm_blk_create(&b->d.env, &ro, &b->d.dev, NULL), 0);
	zvm_virtio_destroy(b->d.dev);
	b->d.dev = NULL;
	zvm_virtio_destroy(other);
	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine() });
	other = b->d.dev;
	ro.no_lock = false;
	b->d.dev = NULL;
	assert_int_equal(zvm_blk_create(&b->d.env, &ro, &b->d.dev, NULL), -EBUSY);
	b->d.dev = other;
}

static void config_space_describes_the_disk(void **state)
{
	struct blk *b = *state;
	struct virtio_blk_config c;
	uint64_t f;

	blk_start(b, (struct zvm_blk_cfg){
			     .engine = blk_default_engine(), .queues = 3, .queue_size = 64 });
	for (unsigned int i = 0; i < sizeof(c); i++)
		zvm_virtio_mmio_read(b->d.dev, VIRTIO_MMIO_CONFIG + i, (uint8_t *)&c + i, 1);
	assert_int_equal(c.capacity, BLK_IMAGE_SIZE / 512);
	assert_int_equal(c.seg_max, 126);
	assert_int_equal(c.blk_size, 512);
	assert_int_equal(c.num_queues, 3);
	assert_int_equal(c.wce, 1);
	assert_true(c.max_discard_sectors && c.max_discard_seg);
	assert_true(c.max_write_zeroes_sectors && c.max_write_zeroes_seg);
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_CONFIG), BLK_IMAGE_SIZE / 512);
	f = vdrv_device_features(&b->d);
	assert_true(f & 1ULL << VIRTIO_BLK_F_MQ);
	assert_true(f & 1ULL << VIRTIO_BLK_F_DISCARD);
	assert_false(f & 1ULL << VIRTIO_BLK_F_RO);
	vdrv_wr(&b->d, VIRTIO_MMIO_QUEUE_SEL, 2);
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
	vdrv_wr(&b->d, VIRTIO_MMIO_QUEUE_SEL, 3);
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
}

static void reads_past_the_config_space_are_zero(void **state)
{
	struct blk *b = *state;
	uint64_t v = UINT64_MAX;

	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine() });
	zvm_virtio_mmio_read(b->d.dev, ZVM_VIRTIO_MMIO_SIZE - 8, &v, 8);
	assert_int_equal(v, 0);
	v = UINT64_MAX;
	zvm_virtio_mmio_read(b->d.dev, VIRTIO_MMIO_CONFIG + sizeof(struct virtio_blk_config) - 4,
			     &v, 8);
	assert_int_equal(v >> 32, 0);
	zvm_virtio_mmio_write(b->d.dev, VIRTIO_MMIO_CONFIG, &v, 8);
	assert_int_equal(vdrv_rd(&b->d, VIRTIO_MMIO_CONFIG), BLK_IMAGE_SIZE / 512);
}

static void read_only_disk_refuses_writes(void **state)
{
	struct blk *b = *state;
	uint64_t data, f;
	uint8_t buf[512];

	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine(), .readonly = true });
	f = vdrv_device_features(&b->d);
	assert_true(f & 1ULL << VIRTIO_BLK_F_RO);
	assert_false(f & (1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES));
	data = vdrv_alloc(&b->d, 512, 512);
	memset(vdrv_ptr(&b->d, data), 0xee, 512);
	assert_int_equal(blk_write(b, 7, data, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(b->d.logs, 0); /* refused by us, not by the host */
	blk_peek(b, 7 * 512, buf, 512);
	assert_int_equal(buf[0], 7);
	assert_int_equal(blk_read(b, 7, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(*(uint8_t *)vdrv_ptr(&b->d, data), 7);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_DISCARD, 0, 0, 16, false), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_FLUSH, 0, 0, 0, false), VIRTIO_BLK_S_OK);
}

static void block_size_4096_is_shown_and_enforced_when_direct(void **state)
{
	struct blk *b = *state;
	uint32_t v;

	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine(),
					   .block_size = 4096,
					   .cache = ZVM_BLK_CACHE_NONE });
	v = vdrv_rd(&b->d, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, blk_size));
	assert_int_equal(v, 4096);
	assert_int_equal(blk_read(b, 8, vdrv_alloc(&b->d, 4096, 4096), 4096), VIRTIO_BLK_S_OK);
}

static void cache_none_without_direct_io_warns_and_works(void **state)
{
	struct blk *b = *state;
	struct statfs sf;

	if (statfs("/dev/shm", &sf) || sf.f_type != TMPFS_MAGIC) {
		print_message("# /dev/shm is not a tmpfs\n");
		skip();
	}
	blk_fini(b);
	blk_make_image(b, "/dev/shm");
	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine(),
					   .cache = ZVM_BLK_CACHE_NONE });
	/* Kernels from 6.6 on have direct I/O on tmpfs. */
	if (b->d.logs)
		assert_non_null(strstr(b->d.log, "going through the page cache"));
	assert_int_equal(blk_read(b, 1, vdrv_alloc(&b->d, 512, 512), 512), VIRTIO_BLK_S_OK);
}

static void discard_is_not_offered_when_switched_off(void **state)
{
	struct blk *b = *state;
	uint64_t f;

	blk_start(b, (struct zvm_blk_cfg){ .engine = blk_default_engine(), .no_discard = true });
	f = vdrv_device_features(&b->d);
	assert_false(f & 1ULL << VIRTIO_BLK_F_DISCARD);
	assert_true(f & 1ULL << VIRTIO_BLK_F_WRITE_ZEROES);
	assert_int_equal(blk_do(b, 0, VIRTIO_BLK_T_DISCARD, 0, 0, 16, false), VIRTIO_BLK_S_UNSUPP);
}

static void create_and_destroy_leave_nothing_behind(void **state)
{
	struct blk *b = *state;
	struct zvm_blk_cfg cfg = { .path = b->path, .queues = 4, .iothreads = true };
	int fds = open_fds();

	for (int i = 0; i < 12; i++) {
		cfg.engine = i % 3;
		if (!zvm_blk_engine_available(cfg.engine))
			continue;
		assert_int_equal(zvm_blk_create(&b->d.env, &cfg, &b->d.dev, NULL), 0);
		zvm_virtio_destroy(b->d.dev);
		b->d.dev = NULL;
		assert_int_equal(open_fds(), fds);
	}
	zvm_virtio_destroy(NULL);
}

#ifdef CONFIG_ZVM_BLK_IO_URING
/* A request of a ring passes no filter of system calls: the ring itself must refuse it. */
static void ring_carries_nothing_but_disk_requests(void **state)
{
	struct blk *b = *state;
	struct zvm_blk disk = { .depth = 4 };
	struct zvm_blk_queue bq = { .blk = &disk };
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct iovec iov = { &disk, 0 };
	int fd;

	if (!zvm_blk_engine_available(ZVM_BLK_IO_URING))
		skip();
	fd = open(b->path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(zvm_blk_io_uring.open(&bq, NULL), 0);
	for (int i = 0; i < 2; i++) {
		sqe = io_uring_get_sqe(bq.engine);
		if (i)
			io_uring_prep_openat(sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0);
		else
			io_uring_prep_readv(sqe, fd, &iov, 1, 0);
		assert_int_equal(io_uring_submit(bq.engine), 1);
		assert_int_equal(io_uring_wait_cqe(bq.engine, &cqe), 0);
		assert_int_equal(cqe->res, i ? -EACCES : 0);
		io_uring_cqe_seen(bq.engine, cqe);
	}
	assert_true(io_uring_register_eventfd(bq.engine, fd) < 0);
	zvm_blk_io_uring.close(&bq);
	close(fd);
}
#endif

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_settings_are_refused),
		T(missing_image_is_named),
		T(directories_devices_and_pipes_are_not_images),
		T(image_of_odd_size_is_refused_with_the_remedy),
		T(image_in_use_by_another_vm_is_refused),
		T(config_space_describes_the_disk),
		T(reads_past_the_config_space_are_zero),
		T(read_only_disk_refuses_writes),
		T(block_size_4096_is_shown_and_enforced_when_direct),
		T(cache_none_without_direct_io_warns_and_works),
		T(discard_is_not_offered_when_switched_off),
		T(create_and_destroy_leave_nothing_behind),
#ifdef CONFIG_ZVM_BLK_IO_URING
		T(ring_carries_nothing_but_disk_requests),
#endif
	};

	return cmocka_run_group_tests_name("virtio-blk creation", tests, NULL, NULL);
}
