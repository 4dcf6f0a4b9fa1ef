// SPDX-License-Identifier: GPL-2.0
/* The split queue and its descriptor walker, driven without a device around it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <linux/virtio_ring.h>

#include <cmocka.h>

#include "virtio/queue.h"

#define RAM_IPA	 0x40000000ULL
#define RAM_SIZE 0x20000u
#define NUM	 8
#define DESC	 RAM_IPA
#define AVAIL	 (RAM_IPA + 0x1000)
#define USED	 (RAM_IPA + 0x2000)
#define TABLE	 (RAM_IPA + 0x3000)
#define DATA	 (RAM_IPA + 0x8000)
#define MAX_IOV	 16

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
static uint8_t next_ram[0x1000];

struct fixture {
	struct zvm_gmem g;
	struct zvm_vq vq;
	struct zvm_vq_chain c;
	struct iovec iov[MAX_IOV];
	uint16_t avail_idx;
};

static struct vring_desc *desc_table(uint64_t ipa)
{
	return (struct vring_desc *)(ram + (ipa - RAM_IPA));
}

static uint16_t *avail(void)
{
	return (uint16_t *)(ram + (AVAIL - RAM_IPA));
}

static uint16_t *used16(void)
{
	return (uint16_t *)(ram + (USED - RAM_IPA));
}

static void set_desc(uint64_t table, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		     uint16_t next)
{
	desc_table(table)[i] =
		(struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

static void make_available(struct fixture *f, uint16_t head)
{
	avail()[2 + f->avail_idx++ % f->vq.num] = head;
	avail()[1] = f->avail_idx;
}

static int start(struct fixture *f, bool event_idx, bool indirect)
{
	struct zvm_vq_setup s = {
		.num = NUM,
		.desc = DESC,
		.avail = AVAIL,
		.used = USED,
		.event_idx = event_idx,
		.indirect = indirect,
	};

	f->avail_idx = 0;
	return zvm_vq_start(&f->vq, &f->g, &s);
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	memset(ram, 0, sizeof(ram));
	f.c.iov = f.iov;
	f.c.max = MAX_IOV;
	if (zvm_gmem_add(&f.g, RAM_IPA, RAM_SIZE, ram, false, NULL) ||
	    zvm_gmem_add(&f.g, RAM_IPA + RAM_SIZE, sizeof(next_ram), next_ram, false, NULL) ||
	    start(&f, false, true))
		return -1;
	*state = &f;
	return 0;
}

static void expect_fault(struct fixture *f, const char *rule)
{
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), -EPROTO);
	assert_non_null(f->vq.fault);
	assert_non_null(strstr(f->vq.fault, rule));
	/* It stays broken, and the caller is told so again. */
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), -EPROTO);
}

static void empty_queue_gives_no_chain(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 0);
}

static void chain_is_split_into_readable_and_writable_parts(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 3, DATA, 16, VRING_DESC_F_NEXT, 5);
	set_desc(DESC, 5, DATA + 0x100, 32, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 0);
	set_desc(DESC, 0, DATA + 0x200, 1, VRING_DESC_F_WRITE, 0);
	make_available(f, 3);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(f->c.head, 3);
	assert_int_equal(f->c.nr_out, 1);
	assert_int_equal(f->c.nr_in, 2);
	assert_int_equal(f->c.out_len, 16);
	assert_int_equal(f->c.in_len, 33);
	assert_ptr_equal(f->iov[0].iov_base, ram + (DATA - RAM_IPA));
	assert_ptr_equal(f->iov[2].iov_base, ram + (DATA + 0x200 - RAM_IPA));
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 0);
}

static void buffer_may_straddle_regions_and_end_at_the_last_byte(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 0, RAM_IPA + RAM_SIZE - 8, 8 + sizeof(next_ram), 0, 0);
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(f->c.nr_out, 2);
	assert_int_equal(f->iov[0].iov_len, 8);
	assert_int_equal(f->iov[1].iov_len, sizeof(next_ram));
}

static void zero_length_buffer_is_taken_without_a_segment(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 0, 0xdead0000, 0, 0, 0);
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(f->c.nr_out + f->c.nr_in, 0);
}

static void indirect_table_is_followed_behind_direct_descriptors(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 0, DATA, 16, VRING_DESC_F_NEXT, 1);
	/* The write flag of the reference itself means nothing (2.7.5.3.2). */
	set_desc(DESC, 1, TABLE, 2 * 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	set_desc(TABLE, 0, DATA + 64, 512, VRING_DESC_F_NEXT, 1);
	set_desc(TABLE, 1, DATA + 1024, 1, VRING_DESC_F_WRITE, 0);
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(f->c.nr_out, 2);
	assert_int_equal(f->c.nr_in, 1);
	assert_int_equal(f->c.out_len, 528);
}

static void indirect_table_may_lie_unaligned_across_two_regions(void **state)
{
	struct fixture *f = *state;
	struct vring_desc d = { .addr = DATA, .len = 7 };

	memcpy(ram + RAM_SIZE - 5, &d, 5);
	memcpy(next_ram, (uint8_t *)&d + 5, 11);
	set_desc(DESC, 0, RAM_IPA + RAM_SIZE - 5, 16, VRING_DESC_F_INDIRECT, 0);
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(f->c.out_len, 7);
}

static void direct_loop_is_a_fault(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 0, DATA, 0, VRING_DESC_F_NEXT, 1);
	set_desc(DESC, 1, DATA, 0, VRING_DESC_F_NEXT, 0);
	make_available(f, 0);
	expect_fault(f, "loop");
}

static void indirect_loop_is_a_fault(void **state)
{
	struct fixture *f = *state;

	set_desc(DESC, 0, TABLE, 3 * 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, DATA, 0, VRING_DESC_F_NEXT, 1);
	set_desc(TABLE, 1, DATA, 0, VRING_DESC_F_NEXT, 0);
	make_available(f, 0);
	expect_fault(f, "loop in an indirect");
}

static void chain_with_more_descriptors_than_the_limit_is_a_fault(void **state)
{
	struct fixture *f = *state;
	unsigned int n = ZVM_VQ_MAX_CHAIN + 1;

	for (unsigned int i = 0; i < n; i++)
		set_desc(TABLE, i, DATA, 0, i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1);
	set_desc(DESC, 0, TABLE, n * 16, VRING_DESC_F_INDIRECT, 0);
	make_available(f, 0);
	expect_fault(f, "too long");
}

static void chain_with_more_segments_than_the_device_takes_is_a_fault(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i <= MAX_IOV; i++)
		set_desc(TABLE, i, DATA + i, 1, i < MAX_IOV ? VRING_DESC_F_NEXT : 0, i + 1);
	set_desc(DESC, 0, TABLE, (MAX_IOV + 1) * 16, VRING_DESC_F_INDIRECT, 0);
	make_available(f, 0);
	expect_fault(f, "more segments");
}

static void head_outside_the_table_is_a_fault(void **state)
{
	make_available(*state, NUM);
	expect_fault(*state, "outside the table");
}

static void next_outside_the_table_is_a_fault(void **state)
{
	set_desc(DESC, 0, DATA, 1, VRING_DESC_F_NEXT, NUM);
	make_available(*state, 0);
	expect_fault(*state, "outside the table");
}

static void next_outside_an_indirect_table_is_a_fault(void **state)
{
	set_desc(DESC, 0, TABLE, 2 * 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, DATA, 1, VRING_DESC_F_NEXT, 2);
	make_available(*state, 0);
	expect_fault(*state, "outside the indirect table");
}

static void buffer_outside_ram_is_a_fault(void **state)
{
	set_desc(DESC, 0, RAM_IPA - 1, 2, 0, 0);
	make_available(*state, 0);
	expect_fault(*state, "not in RAM");
}

static void buffer_that_wraps_the_address_space_is_a_fault(void **state)
{
	set_desc(DESC, 0, UINT64_MAX - 3, 0x80000000, VRING_DESC_F_WRITE, 0);
	make_available(*state, 0);
	expect_fault(*state, "not in writable RAM");
}

static void readable_buffer_behind_a_writable_one_is_a_fault(void **state)
{
	set_desc(DESC, 0, DATA, 0, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	set_desc(DESC, 1, DATA, 1, 0, 0);
	make_available(*state, 0);
	expect_fault(*state, "behind a device-writable");
}

static void indirect_without_the_feature_is_a_fault(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(start(f, false, false), 0);
	set_desc(DESC, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	make_available(f, 0);
	expect_fault(f, "without the feature");
}

static void nested_indirect_table_is_a_fault(void **state)
{
	set_desc(DESC, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set_desc(TABLE, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	make_available(*state, 0);
	expect_fault(*state, "inside an indirect table");
}

static void indirect_with_next_is_a_fault(void **state)
{
	set_desc(DESC, 0, TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	make_available(*state, 0);
	expect_fault(*state, "with a next");
}

static void indirect_table_of_odd_size_is_a_fault(void **state)
{
	set_desc(DESC, 0, TABLE, 17, VRING_DESC_F_INDIRECT, 0);
	make_available(*state, 0);
	expect_fault(*state, "not a multiple");
}

static void empty_indirect_table_is_a_fault(void **state)
{
	set_desc(DESC, 0, TABLE, 0, VRING_DESC_F_INDIRECT, 0);
	make_available(*state, 0);
	expect_fault(*state, "not a multiple");
}

static void indirect_table_outside_ram_is_a_fault(void **state)
{
	set_desc(DESC, 0, UINT64_MAX - 15, 0xfffffff0, VRING_DESC_F_INDIRECT, 0);
	make_available(*state, 0);
	expect_fault(*state, "not in RAM");
}

static void available_index_more_than_the_queue_ahead_is_a_fault(void **state)
{
	avail()[1] = NUM + 1;
	expect_fault(*state, "ran ahead");
}

static void full_queue_is_legal(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < NUM; i++)
		make_available(f, i);
	for (unsigned int i = 0; i < NUM; i++) {
		assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
		assert_int_equal(f->c.head, i);
	}
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 0);
}

static void more_in_flight_than_the_queue_holds_is_a_fault(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < NUM; i++)
		make_available(f, i);
	for (unsigned int i = 0; i < NUM; i++)
		assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	/* A head that is still in flight, offered once more. */
	make_available(f, 0);
	expect_fault(f, "ran ahead");
}

static void indices_wrap_from_65535_to_0(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(start(f, true, false), 0);
	for (unsigned int i = 0; i < 65536 + 3 * NUM; i++) {
		uint32_t *e = (uint32_t *)(ram + (USED - RAM_IPA) + 4 + i % NUM * 8);

		avail()[2 + NUM] = i; /* interrupt for every one */
		set_desc(DESC, i % NUM, DATA, 8, VRING_DESC_F_WRITE, 0);
		make_available(f, i % NUM);
		assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
		zvm_vq_push(&f->vq, f->c.head, i);
		assert_true(zvm_vq_publish(&f->vq));
		assert_int_equal(used16()[1], (uint16_t)(i + 1));
		assert_int_equal(e[0], i % NUM);
		assert_int_equal(e[1], i);
		assert_false(zvm_vq_enable_notify(&f->vq));
	}
}

static void answers_are_invisible_until_published(void **state)
{
	struct fixture *f = *state;

	make_available(f, 0);
	make_available(f, 1);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	zvm_vq_push(&f->vq, 1, 0);
	zvm_vq_push(&f->vq, 0, 0);
	assert_int_equal(used16()[1], 0);
	assert_true(zvm_vq_publish(&f->vq));
	assert_int_equal(used16()[1], 2);
	assert_false(zvm_vq_publish(&f->vq));
}

static void no_interrupt_flag_is_honoured(void **state)
{
	struct fixture *f = *state;

	avail()[0] = VRING_AVAIL_F_NO_INTERRUPT;
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	zvm_vq_push(&f->vq, 0, 0);
	assert_false(zvm_vq_publish(&f->vq));
}

static void used_event_decides_about_the_interrupt(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(start(f, true, false), 0);
	avail()[0] = VRING_AVAIL_F_NO_INTERRUPT; /* means nothing with the event index */
	avail()[2 + NUM] = 2;			 /* when the third is used */
	for (unsigned int i = 0; i < 4; i++) {
		make_available(f, i);
		assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
		zvm_vq_push(&f->vq, i, 0);
		assert_int_equal(zvm_vq_publish(&f->vq), i == 2);
	}
}

static void one_batch_across_used_event_interrupts_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(start(f, true, false), 0);
	avail()[2 + NUM] = 1;
	for (unsigned int i = 0; i < 4; i++) {
		make_available(f, i);
		assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
		zvm_vq_push(&f->vq, i, 0);
	}
	assert_true(zvm_vq_publish(&f->vq));
	assert_false(zvm_vq_publish(&f->vq));
}

static void doorbells_are_suppressed_by_flag_while_serving(void **state)
{
	struct fixture *f = *state;

	zvm_vq_disable_notify(&f->vq);
	assert_int_equal(used16()[0], VRING_USED_F_NO_NOTIFY);
	make_available(f, 0);
	assert_true(zvm_vq_enable_notify(&f->vq));
	assert_int_equal(used16()[0], 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_false(zvm_vq_enable_notify(&f->vq));
}

static void avail_event_asks_for_the_next_doorbell(void **state)
{
	struct fixture *f = *state;
	uint16_t *avail_event = (uint16_t *)(ram + (USED - RAM_IPA) + 4 + NUM * 8);

	assert_int_equal(start(f, true, false), 0);
	make_available(f, 0);
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	make_available(f, 1);
	assert_true(zvm_vq_enable_notify(&f->vq));
	assert_int_equal(zvm_vq_pop(&f->vq, &f->c), 1);
	assert_false(zvm_vq_enable_notify(&f->vq));
	assert_int_equal(*avail_event, 2);
	assert_int_equal(used16()[0], 0);
}

static void rings_that_are_misplaced_do_not_start(void **state)
{
	struct fixture *f = *state;
	const struct zvm_vq_setup good = { .num = NUM, .desc = DESC, .avail = AVAIL, .used = USED };
	struct zvm_vq_setup s;
	struct zvm_vq vq;

#define REFUSED(field, value)                                            \
	do {                                                             \
		s = good;                                                \
		s.field = value;                                         \
		assert_int_equal(zvm_vq_start(&vq, &f->g, &s), -EINVAL); \
		assert_non_null(vq.fault);                               \
	} while (0)
	REFUSED(num, 0);
	REFUSED(num, 3);
	REFUSED(num, 65536);
	REFUSED(desc, DESC + 8);
	REFUSED(avail, AVAIL + 1);
	REFUSED(used, USED + 2);
	REFUSED(desc, RAM_IPA - 16);
	REFUSED(desc, UINT64_MAX - 15);
	REFUSED(avail, RAM_IPA + RAM_SIZE - 4);
	REFUSED(used, RAM_IPA + RAM_SIZE + sizeof(next_ram) - NUM * 8 - 4);
	s = good;
	s.used = RAM_IPA + RAM_SIZE + sizeof(next_ram) - NUM * 8 - 8;
	assert_int_equal(zvm_vq_start(&vq, &f->g, &s), 0);
}

static void used_ring_in_read_only_memory_does_not_start(void **state)
{
	struct fixture *f = *state;
	struct zvm_vq_setup s = { .num = NUM, .desc = DESC, .avail = AVAIL, .used = 0x1000 };
	static uint8_t rom[0x1000];
	struct zvm_vq vq;

	assert_int_equal(zvm_gmem_add(&f->g, 0x1000, sizeof(rom), rom, true, NULL), 0);
	assert_int_equal(zvm_vq_start(&vq, &f->g, &s), -EINVAL);
	s.used = USED;
	s.desc = 0x1000;
	assert_int_equal(zvm_vq_start(&vq, &f->g, &s), 0);
}

static void iov_helpers_stop_at_the_end(void **state)
{
	uint8_t a[3] = { 1, 2, 3 }, b[4] = { 4, 5, 6, 7 }, flat[16];
	struct iovec iov[2] = { { a, 3 }, { b, 4 } }, *p = iov;
	unsigned int n = 2;

	assert_int_equal(zvm_iov_copy_from(flat, sizeof(flat), iov, 2), 7);
	assert_memory_equal(flat, ((uint8_t[]){ 1, 2, 3, 4, 5, 6, 7 }), 7);
	assert_int_equal(zvm_iov_copy_to(iov, 2, "\x9\x9\x9\x9", 4), 4);
	assert_int_equal(b[0], 9);
	assert_int_equal(b[1], 5);
	zvm_iov_advance(&p, &n, 3);
	assert_int_equal(n, 1);
	assert_ptr_equal(p->iov_base, b);
	zvm_iov_advance(&p, &n, 1);
	assert_ptr_equal(p->iov_base, b + 1);
	zvm_iov_advance(&p, &n, 3);
	assert_int_equal(n, 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(empty_queue_gives_no_chain),
		T(chain_is_split_into_readable_and_writable_parts),
		T(buffer_may_straddle_regions_and_end_at_the_last_byte),
		T(zero_length_buffer_is_taken_without_a_segment),
		T(indirect_table_is_followed_behind_direct_descriptors),
		T(indirect_table_may_lie_unaligned_across_two_regions),
		T(direct_loop_is_a_fault),
		T(indirect_loop_is_a_fault),
		T(chain_with_more_descriptors_than_the_limit_is_a_fault),
		T(chain_with_more_segments_than_the_device_takes_is_a_fault),
		T(head_outside_the_table_is_a_fault),
		T(next_outside_the_table_is_a_fault),
		T(next_outside_an_indirect_table_is_a_fault),
		T(buffer_outside_ram_is_a_fault),
		T(buffer_that_wraps_the_address_space_is_a_fault),
		T(readable_buffer_behind_a_writable_one_is_a_fault),
		T(indirect_without_the_feature_is_a_fault),
		T(nested_indirect_table_is_a_fault),
		T(indirect_with_next_is_a_fault),
		T(indirect_table_of_odd_size_is_a_fault),
		T(empty_indirect_table_is_a_fault),
		T(indirect_table_outside_ram_is_a_fault),
		T(available_index_more_than_the_queue_ahead_is_a_fault),
		T(full_queue_is_legal),
		T(more_in_flight_than_the_queue_holds_is_a_fault),
		T(indices_wrap_from_65535_to_0),
		T(answers_are_invisible_until_published),
		T(no_interrupt_flag_is_honoured),
		T(used_event_decides_about_the_interrupt),
		T(one_batch_across_used_event_interrupts_once),
		T(doorbells_are_suppressed_by_flag_while_serving),
		T(avail_event_asks_for_the_next_doorbell),
		T(rings_that_are_misplaced_do_not_start),
		T(used_ring_in_read_only_memory_does_not_start),
		T(iov_helpers_stop_at_the_end),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
