// SPDX-License-Identifier: GPL-2.0
/* virtio-mmio: registers, negotiation, interrupts, reset, pause; with the entropy device behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "virtio_driver.h"

#define ACK	    VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER	    VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK   VIRTIO_CONFIG_S_DRIVER_OK

static struct vdrv drv;

static int setup(void **state)
{
	vdrv_init(&drv);
	assert_int_equal(zvm_rng_create(&drv.env, NULL, &drv.dev, NULL), 0);
	*state = &drv;
	return 0;
}

static int setup_ioeventfd(void **state)
{
	vdrv_init(&drv);
	drv.ioeventfd = true;
	assert_int_equal(zvm_rng_create(&drv.env, NULL, &drv.dev, NULL), 0);
	*state = &drv;
	return 0;
}

static int teardown(void **state)
{
	vdrv_fini(*state);
	return 0;
}

/* Offers a buffer and returns whether the device has filled it. */
static bool entropy_flows(struct vdrv *d)
{
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 64, 1), .len = 64, .in = true };
	uint32_t len;

	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	if (vdrv_used_idx(d, 0) == d->q[0].used_idx)
		return false;
	assert_true(vdrv_wait(d, 0, NULL, &len));
	return len == 64;
}

static void identity_registers_read_as_specified(void **state)
{
	struct vdrv *d = *state;

	assert_int_equal(vdrv_rd(d, 0x000), 0x74726976);
	assert_int_equal(vdrv_rd(d, 0x004), 2);
	assert_int_equal(vdrv_rd(d, 0x008), 4);
	assert_int_equal(vdrv_rd(d, 0x00c), 0x4d565a);
	assert_int_equal(vdrv_rd(d, 0x070), 0);
	assert_int_equal(zvm_virtio_id(d->dev), 4);
	assert_string_equal(zvm_virtio_name(d->dev), "rng");
}

static void registers_answer_to_aligned_words_only(void **state)
{
	struct vdrv *d = *state;
	uint8_t buf[8];

	memset(buf, 0xff, sizeof(buf));
	zvm_virtio_mmio_read(d->dev, 0, buf, 1);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[1], 0xff);
	zvm_virtio_mmio_read(d->dev, 0, buf, 2);
	assert_int_equal(buf[0] | buf[1], 0);
	zvm_virtio_mmio_read(d->dev, 2, buf, 4);
	assert_int_equal(buf[0] | buf[1] | buf[2] | buf[3], 0);
	zvm_virtio_mmio_read(d->dev, 0, buf, 8);
	assert_int_equal(buf[0] | buf[7], 0);
	buf[0] = ACK;
	zvm_virtio_mmio_write(d->dev, VIRTIO_MMIO_STATUS, buf, 1);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), 0);
}

static void every_offset_and_width_is_harmless(void **state)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	struct vdrv *d = *state;
	uint64_t v;

	for (uint64_t off = 0; off < 2 * ZVM_VIRTIO_MMIO_SIZE; off++)
		for (unsigned int i = 0; i < 4; i++) {
			zvm_virtio_mmio_read(d->dev, off, &v, widths[i]);
			v = 0xffffffffffffffff;
			zvm_virtio_mmio_write(d->dev, off, &v, widths[i]);
		}
	zvm_virtio_mmio_read(d->dev, UINT64_MAX, &v, 4);
	zvm_virtio_mmio_write(d->dev, UINT64_MAX - 3, &v, 8);
	vdrv_settle(d);
	vdrv_start(d, VDRV_FEATURES, 1, 16);
	assert_true(entropy_flows(d));
}

static void shared_memory_regions_do_not_exist(void **state)
{
	struct vdrv *d = *state;

	vdrv_wr(d, VIRTIO_MMIO_SHM_SEL, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_SHM_LEN_HIGH), 0xffffffff);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_SHM_BASE_LOW), 0xffffffff);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_SHM_BASE_HIGH), 0xffffffff);
}

static void features_come_in_two_words_and_no_more(void **state)
{
	struct vdrv *d = *state;

	assert_true(vdrv_device_features(d) == (VDRV_FEATURES | VDRV_INDIRECT | VDRV_EVENT_IDX));
	vdrv_wr(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_DEVICE_FEATURES), 0);
}

static void features_ok_needs_version_1(void **state)
{
	assert_false(vdrv_negotiate(*state, VDRV_INDIRECT) & FEATURES_OK);
	assert_true(vdrv_negotiate(*state, VDRV_FEATURES) & FEATURES_OK);
}

static void features_ok_is_refused_for_features_not_offered(void **state)
{
	assert_false(vdrv_negotiate(*state, VDRV_FEATURES | 1ULL << VIRTIO_F_RING_PACKED) &
		     FEATURES_OK);
	assert_false(vdrv_negotiate(*state, VDRV_FEATURES | 1) & FEATURES_OK);
}

static void features_are_frozen_after_features_ok(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b;

	vdrv_negotiate(d, VDRV_FEATURES);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES, VDRV_INDIRECT);
	vdrv_queue_setup(d, 0, 16);
	vdrv_driver_ok(d);
	b = (struct vdrv_buf){ .ipa = vdrv_alloc(d, 16, 1), .len = 16, .in = true };
	vdrv_add_indirect(d, 0, &b, 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	assert_true(vdrv_needs_reset(d));
}

static void driver_ok_without_features_ok_is_ignored(void **state)
{
	struct vdrv *d = *state;

	vdrv_wr(d, VIRTIO_MMIO_STATUS, 0);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, ACK | DRIVER | DRIVER_OK);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), ACK | DRIVER);
}

static void status_bits_are_taken_back_by_reset_only(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, ACK);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), 0);
}

static void driver_cannot_set_needs_reset(void **state)
{
	struct vdrv *d = *state;

	vdrv_wr(d, VIRTIO_MMIO_STATUS, ACK | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), ACK);
}

static void queues_that_do_not_exist_read_as_zero(void **state)
{
	struct vdrv *d = *state;

	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_NUM_MAX), 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_READY), 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_NUM, 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_DESC_LOW, 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 0xffffffff);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_USED_HIGH, 16);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffffffff);
	assert_int_equal(vdrv_loop(d, 0), 0);
}

static void nothing_is_served_before_driver_ok(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .len = 16, .in = true };

	vdrv_negotiate(d, VDRV_FEATURES);
	vdrv_queue_setup(d, 0, 16);
	b.ipa = vdrv_alloc(d, 16, 1);
	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	assert_int_equal(vdrv_used_idx(d, 0), 0);
	/* What was made available before is served without another doorbell. */
	vdrv_driver_ok(d);
	vdrv_settle(d);
	assert_int_equal(vdrv_used_idx(d, 0), 1);
}

static void completion_raises_the_ring_interrupt_until_acknowledged(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_true(entropy_flows(d));
	assert_int_equal(vdrv_irqs(d), 1);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	vdrv_wr(d, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	vdrv_wr(d, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static void violation_needs_reset_with_one_config_interrupt(void **state)
{
	struct vdrv *d = *state;
	struct zvm_virtio_stats st;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_make_available(d, 0, 16);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	assert_true(vdrv_needs_reset(d));
	assert_int_equal(vdrv_irqs(d), 1);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	assert_non_null(strstr(d->log, "rng: guest error: descriptor index outside the table"));
	/* Stopped: neither service nor another interrupt, however often the doorbell rings. */
	assert_false(entropy_flows(d));
	assert_int_equal(vdrv_irqs(d), 0);
	zvm_virtio_get_stats(d->dev, &st);
	assert_int_equal(st.violations, 1);

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_true(entropy_flows(d));
}

static void violations_are_logged_ever_more_rarely(void **state)
{
	struct vdrv *d = *state;

	for (int i = 0; i < 100; i++) {
		vdrv_start(d, VDRV_FEATURES, 1, 16);
		vdrv_make_available(d, 0, 16);
		vdrv_settle(d);
		assert_true(vdrv_needs_reset(d));
	}
	assert_int_equal(d->logs, 7); /* 1, 2, 4, ... 64 */
}

static void misplaced_ring_needs_reset_at_driver_ok(void **state)
{
	struct vdrv *d = *state;

	vdrv_negotiate(d, VDRV_FEATURES);
	vdrv_queue_setup(d, 0, 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_READY, 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_USED_HIGH, 0xffff);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_false(vdrv_needs_reset(d));
	vdrv_driver_ok(d);
	assert_true(vdrv_needs_reset(d));
	assert_int_equal(vdrv_irqs(d), 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
}

static void queue_larger_than_the_maximum_does_not_start(void **state)
{
	struct vdrv *d = *state;

	vdrv_negotiate(d, VDRV_FEATURES);
	vdrv_queue_setup(d, 0, 32);
	vdrv_driver_ok(d);
	assert_true(vdrv_needs_reset(d));
}

static void ready_queue_cannot_be_reconfigured(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_NUM, 8);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_READY), 1);
	assert_true(entropy_flows(d));
}

static void queue_taken_back_by_ready_zero_is_not_touched(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_false(entropy_flows(d));
}

static void failed_status_stops_the_device(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, vdrv_rd(d, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_FAILED);
	assert_false(entropy_flows(d));
}

static void reset_forgets_queues_and_features(void **state)
{
	struct vdrv *d = *state;

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	assert_true(entropy_flows(d));
	zvm_virtio_reset(d->dev);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_false(entropy_flows(d));
}

static void quiesced_device_keeps_doorbells_for_resume(void **state)
{
	struct vdrv *d = *state;
	struct vdrv_buf b = { .len = 16, .in = true };

	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_settle(d);
	zvm_virtio_quiesce(d->dev);
	zvm_virtio_quiesce(d->dev);
	b.ipa = vdrv_alloc(d, 16, 1);
	vdrv_add(d, 0, &b, 1);
	vdrv_kick(d, 0);
	vdrv_settle(d);
	assert_int_equal(vdrv_used_idx(d, 0), 0);
	zvm_virtio_resume(d->dev);
	vdrv_settle(d);
	assert_int_equal(vdrv_used_idx(d, 0), 1);
	zvm_virtio_resume(d->dev);
}

static void doorbell_by_ioeventfd_is_served_and_counted(void **state)
{
	struct vdrv *d = *state;
	struct zvm_virtio_stats st;

	assert_true(d->bound[0] >= 0);
	vdrv_start(d, VDRV_FEATURES, 1, 16);
	vdrv_settle(d);
	assert_true(entropy_flows(d));
	assert_true(entropy_flows(d));
	zvm_virtio_get_stats(d->dev, &st);
	assert_int_equal(st.notifications, 2);
	assert_int_equal(st.requests, 2);
	assert_int_equal(st.interrupts, 2);
	assert_int_equal(st.bytes_in, 128);
	assert_int_equal(st.resets, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(identity_registers_read_as_specified),
		T(registers_answer_to_aligned_words_only),
		T(every_offset_and_width_is_harmless),
		T(shared_memory_regions_do_not_exist),
		T(features_come_in_two_words_and_no_more),
		T(features_ok_needs_version_1),
		T(features_ok_is_refused_for_features_not_offered),
		T(features_are_frozen_after_features_ok),
		T(driver_ok_without_features_ok_is_ignored),
		T(status_bits_are_taken_back_by_reset_only),
		T(driver_cannot_set_needs_reset),
		T(queues_that_do_not_exist_read_as_zero),
		T(nothing_is_served_before_driver_ok),
		T(completion_raises_the_ring_interrupt_until_acknowledged),
		T(violation_needs_reset_with_one_config_interrupt),
		T(violations_are_logged_ever_more_rarely),
		T(misplaced_ring_needs_reset_at_driver_ok),
		T(queue_larger_than_the_maximum_does_not_start),
		T(ready_queue_cannot_be_reconfigured),
		T(queue_taken_back_by_ready_zero_is_not_touched),
		T(failed_status_stops_the_device),
		T(reset_forgets_queues_and_features),
		T(quiesced_device_keeps_doorbells_for_resume),
		cmocka_unit_test_setup_teardown(doorbell_by_ioeventfd_is_served_and_counted,
						setup_ioeventfd, teardown),
	};

	return cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
}
