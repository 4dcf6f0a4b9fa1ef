// SPDX-License-Identifier: GPL-2.0
/*
 * The promises about threads: vCPUs, event loop, I/O threads and a VMM that pauses all work on one
 * disk at the same time. The test itself is the vCPU that drives the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk_driver.h"

#define ROUNDS	60
#define LOST_MS 10000

static struct blk blk;
static struct zvm_blk_cfg variant;
static atomic_bool stop;

/* The VMM's event loop. */
static void *event_loop(void *arg)
{
	while (!atomic_load(&stop))
		vdrv_loop(arg, 5);
	return NULL;
}

/* A vCPU that looks at registers and rings doorbells out of turn. */
static void *nosy_vcpu(void *arg)
{
	struct vdrv *d = arg;
	uint64_t v;

	while (!atomic_load(&stop)) {
		for (uint64_t off = 0; off < ZVM_VIRTIO_MMIO_SIZE; off += 4)
			vdrv_rd(d, off);
		zvm_virtio_mmio_read(d->dev, VIRTIO_MMIO_CONFIG, &v, 8);
		vdrv_wr(d, VIRTIO_MMIO_INTERRUPT_ACK, 3);
		vdrv_wr(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		vdrv_wr(d, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	}
	return NULL;
}

/* Somebody at the control socket. */
static void *pauser(void *arg)
{
	struct vdrv *d = arg;
	struct zvm_virtio_stats st;

	while (!atomic_load(&stop)) {
		zvm_virtio_quiesce(d->dev);
		zvm_virtio_get_stats(d->dev, &st);
		zvm_virtio_resume(d->dev);
		usleep(500);
	}
	return NULL;
}

/* Waits without turning the loop, which is another thread's. */
static void wait_used(struct vdrv *d, unsigned int qi, uint16_t idx)
{
	unsigned int ms = 0;

	while (vdrv_used_idx(d, qi) != idx) {
		usleep(100);
		if (++ms > LOST_MS * 10)
			fail_msg("queue %u: completion %u is lost", qi, idx);
	}
}

static void requests_survive_pauses_and_resets_from_all_sides(void **state)
{
	pthread_t t[3];
	struct blk_call c[8];
	uint64_t data;

	if (!zvm_blk_engine_available(variant.engine)) {
		print_message("# the engine is not built in\n");
		skip();
	}
	blk_make_image(&blk, "/var/tmp");
	blk_start(&blk, variant);
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&t[0], NULL, event_loop, &blk.d), 0);
	assert_int_equal(pthread_create(&t[1], NULL, nosy_vcpu, &blk.d), 0);
	assert_int_equal(pthread_create(&t[2], NULL, pauser, &blk.d), 0);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		/* After a reset all of RAM is the driver's again. */
		vdrv_start(&blk.d, blk.features, 2, BLK_NUM);
		data = vdrv_alloc(&blk.d, 8 * 4096, 512);
		for (unsigned int i = 0; i < 8; i++) {
			c[i] = blk_post(&blk, i & 1, VIRTIO_BLK_T_IN, round + i, data + i * 4096,
					4096, true);
			vdrv_kick(&blk.d, i & 1);
		}
		if (round % 3) {
			vdrv_wr(&blk.d, VIRTIO_MMIO_STATUS, 0);
			continue;
		}
		wait_used(&blk.d, 0, 4);
		wait_used(&blk.d, 1, 4);
		for (unsigned int i = 0; i < 8; i++) {
			const uint8_t *p = vdrv_ptr(&blk.d, data + i * 4096);

			assert_int_equal(blk_status(&blk, &c[i]), VIRTIO_BLK_S_OK);
			assert_int_equal(p[0], (uint8_t)(round + i));
			assert_int_equal(p[4095], (uint8_t)(round + i + 7));
		}
	}
	assert_false(vdrv_needs_reset(&blk.d));
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	blk_fini(&blk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_survive_pauses_and_resets_from_all_sides),
	};
	int failed = 0;

	for (unsigned int v = 0; v < 9; v++) {
		char group[64];

		variant = (struct zvm_blk_cfg){
			.engine = (enum zvm_blk_engine)(v / 3),
			.cache = ZVM_BLK_CACHE_NONE,
			.iothreads = v % 3,
			.poll_us = v % 3 == 2 ? 100 : 0,
			.queues = 2,
		};
		snprintf(group, sizeof(group), "virtio threads, %s%s",
			 zvm_blk_engine_name(variant.engine),
			 v % 3 == 2 ? " polled"
			 : v % 3    ? " iothreads"
				    : "");
		failed += cmocka_run_group_tests_name(group, tests, NULL, NULL);
	}
	return failed;
}
