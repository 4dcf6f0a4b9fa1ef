// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk requests served in place, on the thread that rings the doorbell: when that begins,
 * what is passed on to the queue's thread, and when the ioeventfd comes back. The test is the vCPU.
 *
 * The host's calls are replaced at link time (--wrap). io_submit() says on which thread it was
 * called; it can hold requests back, as a disk that takes its time, and can refuse RWF_NOWAIT, as
 * one that would have to wait. The image is in the page cache, so that what it lets through is done
 * when it returns. Whether the image's own file system knows RWF_NOWAIT does not matter.
 *
 * Where the queue's thread happens to hold the lock a doorbell is passed on, so that no single
 * request is sure to be served in place; that a vCPU does nothing that it must not is sure.
 */
#include <errno.h>
#include <libaio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk_driver.h"

#define LOST_MS	 10000
#define PLENTY	 200 /* doorbells, more than it takes to be served in place */
#define HELD_MAX 8

static struct {
	atomic_bool knows_nowait; /* the file: as preadv2() says */
	atomic_bool would_wait;	  /* a submission with RWF_NOWAIT is refused */
	atomic_bool hold;	  /* submissions are taken and kept */
	pthread_t vcpu;
	/* What happened. */
	atomic_uint by_vcpu, by_thread; /* requests submitted */
	atomic_uint may_wait;		/* of by_vcpu, without RWF_NOWAIT */
	io_context_t ctx;
	struct iocb *held[HELD_MAX];
	atomic_uint nr_held;
} host;

int __real_io_submit(io_context_t ctx, long n, struct iocb **iocb);
int __wrap_io_submit(io_context_t ctx, long n, struct iocb **iocb);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags);

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	(void)fd;
	(void)off;
	assert_int_equal(n, 1);
	assert_int_equal(flags, RWF_NOWAIT);
	if (atomic_load(&host.knows_nowait))
		return (ssize_t)iov->iov_len;
	errno = EOPNOTSUPP;
	return -1;
}

int __wrap_io_submit(io_context_t ctx, long n, struct iocb **iocb)
{
	bool vcpu = pthread_equal(pthread_self(), host.vcpu);

	for (long i = 0; i < n; i++) {
		bool nowait = iocb[i]->aio_rw_flags & RWF_NOWAIT;

		if (nowait && atomic_load(&host.would_wait))
			return i ? (int)i : -EOPNOTSUPP;
		iocb[i]->aio_rw_flags &= ~RWF_NOWAIT;
		atomic_fetch_add(vcpu ? &host.by_vcpu : &host.by_thread, 1);
		if (vcpu && !nowait)
			atomic_fetch_add(&host.may_wait, 1);
		if (atomic_load(&host.hold)) {
			host.ctx = ctx;
			host.held[atomic_fetch_add(&host.nr_held, 1)] = iocb[i];
		} else if (__real_io_submit(ctx, 1, &iocb[i]) != 1) {
			fail_msg("io_submit");
		}
	}
	return (int)n;
}

static struct blk blk;
static uint64_t data;

static bool bound(void)
{
	return __atomic_load_n(&blk.d.bound[0], __ATOMIC_ACQUIRE) >= 0;
}

static void wait_used(uint16_t idx)
{
	for (unsigned int i = 0; vdrv_used_idx(&blk.d, 0) != idx; i++) {
		if (i > LOST_MS * 10)
			fail_msg("a completion is lost");
		usleep(100);
	}
}

static void wait_bound(bool on)
{
	for (unsigned int i = 0; bound() != on; i++) {
		if (i > LOST_MS * 10)
			fail_msg("the ioeventfd did not %s", on ? "come back" : "go");
		usleep(100);
	}
}

static void wait_held(void)
{
	for (unsigned int i = 0; !atomic_load(&host.nr_held); i++) {
		if (i > LOST_MS * 10)
			fail_msg("a request was not submitted");
		usleep(100);
	}
}

/* One after the other; rings are small, so guest memory is used again. */
static void requests(unsigned int n, uint32_t type, uint32_t len)
{
	uint64_t free = blk.d.next_free;

	while (n--) {
		struct blk_call c =
			blk_post(&blk, 0, type, 1, len ? data : 0, len, type == VIRTIO_BLK_T_IN);

		vdrv_kick(&blk.d, 0);
		wait_used(blk.d.q[0].avail_idx);
		assert_int_equal(blk_status(&blk, &c), VIRTIO_BLK_S_OK);
		blk.d.next_free = free;
	}
}

static void start(struct zvm_blk_cfg cfg, bool knows_nowait)
{
	atomic_store(&host.knows_nowait, knows_nowait);
	host.vcpu = pthread_self();
	blk_make_image(&blk, NULL);
	blk.d.ioeventfd = true;
	cfg.engine = ZVM_BLK_LIBAIO;
	cfg.iothreads = true;
	blk_start(&blk, cfg);
	data = vdrv_alloc(&blk.d, 256 << 10, 4096);
}

/* A disk that has shown that it is quick. */
static void start_in_place(void)
{
	start((struct zvm_blk_cfg){ 0 }, true);
	assert_true(bound());
	requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	wait_bound(false);
	atomic_store(&host.by_vcpu, 0);
	atomic_store(&host.by_thread, 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(atomic_load(&host.may_wait), 0);
	blk_fini(&blk);
	return 0;
}

static void reads_and_writes_are_done_when_the_doorbell_returns(void **state)
{
	unsigned int done[2] = { 0 };
	uint64_t free;

	(void)state;
	start_in_place();
	free = blk.d.next_free;
	for (unsigned int i = 0; i < PLENTY; i++) {
		bool in = i % 2;
		struct blk_call c = blk_post(&blk, 0, in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 7,
					     data, 512, in);
		uint8_t *p = vdrv_ptr(&blk.d, data);
		unsigned int before = atomic_load(&host.by_vcpu);

		p[0] = in ? 0 : 7;
		vdrv_kick(&blk.d, 0);
		if (atomic_load(&host.by_vcpu) != before) {
			done[in]++;
			assert_int_equal(vdrv_used_idx(&blk.d, 0), blk.d.q[0].avail_idx);
		}
		wait_used(blk.d.q[0].avail_idx);
		assert_int_equal(blk_status(&blk, &c), VIRTIO_BLK_S_OK);
		assert_int_equal(p[0], 7);
		blk.d.next_free = free;
	}
	assert_true(done[0] > 0);
	assert_true(done[1] > 0);
	assert_false(bound());
}

static void what_would_wait_is_done_by_the_queues_thread(void **state)
{
	(void)state;
	start_in_place();
	atomic_store(&host.would_wait, true);
	requests(1, VIRTIO_BLK_T_IN, 4096);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), 1);
	/* When it goes on like that the ioeventfd comes back. */
	requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	atomic_store(&host.would_wait, false);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), 1 + PLENTY);
}

static void large_requests_are_for_the_queues_thread(void **state)
{
	(void)state;
	start_in_place();
	requests(PLENTY, VIRTIO_BLK_T_IN, 128 << 10);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), PLENTY);
	wait_bound(true);
}

static void flushes_are_for_the_queues_thread(void **state)
{
	(void)state;
	start_in_place();
	requests(3, VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), 3);
}

static void writes_that_must_be_durable_are_for_the_queues_thread(void **state)
{
	(void)state;
	start_in_place();
	blk_restart(&blk, VDRV_FEATURES);
	data = vdrv_alloc(&blk.d, 4096, 4096);
	requests(PLENTY, VIRTIO_BLK_T_OUT, 4096);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), PLENTY);
	wait_bound(true);
}

static void many_requests_at_once_are_for_the_queues_thread(void **state)
{
	(void)state;
	start_in_place();
	for (unsigned int i = 0; i < BLK_NUM / 3; i++)
		blk_post(&blk, 0, VIRTIO_BLK_T_IN, i, data + i * 65536 / 4, 16384, true);
	vdrv_kick(&blk.d, 0);
	wait_used(blk.d.q[0].avail_idx);
	/* 80 KiB: too much for a vCPU that stands still meanwhile. */
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
	assert_int_equal(atomic_load(&host.by_thread), BLK_NUM / 3);
}

/* The device took longer than the submission: its completion must reach the queue's thread. */
static void what_is_under_way_when_the_vcpu_leaves_is_completed(void **state)
{
	struct blk_call c;

	(void)state;
	start_in_place();
	for (unsigned int i = 0; i < 3; i++) {
		atomic_store(&host.hold, true);
		c = blk_post(&blk, 0, VIRTIO_BLK_T_IN, 5, data, 4096, true);
		vdrv_kick(&blk.d, 0);
		wait_held();
		assert_int_equal(blk_status(&blk, &c), BLK_NO_STATUS);
		atomic_store(&host.hold, false);
		assert_int_equal(__real_io_submit(host.ctx, 1, host.held), 1);
		atomic_store(&host.nr_held, 0);
		wait_used(blk.d.q[0].avail_idx);
		assert_int_equal(blk_status(&blk, &c), VIRTIO_BLK_S_OK);
		requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	}
	assert_true(atomic_load(&host.by_vcpu) > 0);
}

static void a_reset_waits_for_what_was_begun_in_place(void **state)
{
	(void)state;
	start_in_place();
	requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	blk_post(&blk, 0, VIRTIO_BLK_T_IN, 5, data, 4096, true);
	vdrv_kick(&blk.d, 0);
	blk_restart(&blk, vdrv_device_features(&blk.d));
	data = vdrv_alloc(&blk.d, 4096, 4096);
	requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	assert_true(atomic_load(&host.by_vcpu) > 0);
}

static void a_paused_device_serves_nothing_in_place(void **state)
{
	(void)state;
	start_in_place();
	zvm_virtio_quiesce(blk.d.dev);
	blk_post(&blk, 0, VIRTIO_BLK_T_IN, 5, data, 4096, true);
	vdrv_kick(&blk.d, 0);
	assert_int_not_equal(vdrv_used_idx(&blk.d, 0), blk.d.q[0].avail_idx);
	zvm_virtio_resume(blk.d.dev);
	wait_used(blk.d.q[0].avail_idx);
}

static void never_served_in_place(struct zvm_blk_cfg cfg, bool knows_nowait)
{
	start(cfg, knows_nowait);
	requests(PLENTY, VIRTIO_BLK_T_IN, 4096);
	assert_true(bound());
	vdrv_wr(&blk.d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(atomic_load(&host.by_vcpu), 0);
}

static void not_where_the_file_cannot_promise_not_to_wait(void **state)
{
	(void)state;
	never_served_in_place((struct zvm_blk_cfg){ 0 }, false);
}

static void not_for_vcpus_that_are_to_be_left_alone(void **state)
{
	(void)state;
	never_served_in_place((struct zvm_blk_cfg){ .no_in_place = true }, true);
}

static void not_for_a_polled_disk(void **state)
{
	(void)state;
	never_served_in_place((struct zvm_blk_cfg){ .poll_us = 20 }, true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reads_and_writes_are_done_when_the_doorbell_returns),
		T(what_would_wait_is_done_by_the_queues_thread),
		T(large_requests_are_for_the_queues_thread),
		T(flushes_are_for_the_queues_thread),
		T(writes_that_must_be_durable_are_for_the_queues_thread),
		T(many_requests_at_once_are_for_the_queues_thread),
		T(what_is_under_way_when_the_vcpu_leaves_is_completed),
		T(a_reset_waits_for_what_was_begun_in_place),
		T(a_paused_device_serves_nothing_in_place),
		T(not_where_the_file_cannot_promise_not_to_wait),
		T(not_for_vcpus_that_are_to_be_left_alone),
		T(not_for_a_polled_disk),
	};

	return cmocka_run_group_tests_name("virtio-blk in place", tests, NULL, NULL);
}
