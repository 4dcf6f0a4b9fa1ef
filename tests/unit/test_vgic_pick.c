// SPDX-License-Identifier: GPL-2.0
/*
 * Which interrupts the vGIC puts into list registers, and which of them the CPU interface signals:
 * kmod/vgic/pick.h against GIC IHI 0069, 4.8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#include "../../kmod/vgic/pick.h"

#define PMR(p)	((u32)(p) << 24)
#define BPR0(b) ((u32)(b) << 21)
#define BPR1(b) ((u32)(b) << 18)
#define CBPR	(1u << 4)
#define VENG0	1u
#define VENG1	2u

static void line_of_a_level_interrupt_is_its_pending_state(void **state)
{
	struct zvm_vgic_bank b = { .level = 0x3, .edge = 0x2, .latch = 0x4 };

	assert_int_equal(zvm_vgic_pending(&b), 0x5);
}

static void line_of_a_hardware_interrupt_is_not_sampled(void **state)
{
	struct zvm_vgic_bank b = { .level = 0x3, .hw = 0x1 };

	assert_int_equal(zvm_vgic_pending(&b), 0x2);
	b.latch = 0x1;
	assert_int_equal(zvm_vgic_pending(&b), 0x3);
}

static void only_enabled_interrupts_of_enabled_groups_are_forwarded(void **state)
{
	struct zvm_vgic_bank b = { .latch = 0xf, .enabled = 0x7, .group = 0xa };

	assert_int_equal(zvm_vgic_deliverable(&b, 0), 0);
	assert_int_equal(zvm_vgic_deliverable(&b, ZVM_GICD_CTLR_GRP1), 0x2);
	assert_int_equal(zvm_vgic_deliverable(&b, ZVM_GICD_CTLR_GRP0), 0x5);
	assert_int_equal(zvm_vgic_deliverable(&b, ZVM_GICD_CTLR_GRPS), 0x7);
}

static void offer(struct zvm_vgic_picks *s, u8 prio, u16 intid, bool active)
{
	zvm_vgic_offer(s, zvm_vgic_rank(prio, active, false, false), intid, active);
}

static void most_urgent_come_first_whatever_the_order_of_offers(void **state)
{
	/* all 120 orders of five priorities into three places */
	static const u8 prio[5] = { 0x00, 0x08, 0x50, 0xa0, 0xf8 };
	unsigned int n;

	for (n = 0; n < 120; n++) {
		struct zvm_vgic_picks s = { .max = 3 };
		u32 used = 0, rest = n, i;

		for (i = 0; i < 5; i++) {
			u32 k = rest % (5 - i), j;

			rest /= 5 - i;
			for (j = 0; used & (1u << j) || k--; j++)
				;
			used |= 1u << j;
			offer(&s, prio[j], (u16)(40 + j), false);
		}
		assert_int_equal(s.nr, 3);
		for (i = 0; i < 3; i++)
			assert_int_equal(s.p[i].intid, 40 + i);
		assert_true(s.pending_left);
		assert_false(s.active_left);
	}
}

static void equal_priorities_go_by_intid_and_active_first(void **state)
{
	struct zvm_vgic_picks s = { .max = 3 };

	offer(&s, 0xa0, 33, false);
	offer(&s, 0xa0, 34, false);
	offer(&s, 0xa0, 35, true);
	assert_int_equal(s.p[0].intid, 35);
	assert_int_equal(s.p[1].intid, 33);
	assert_int_equal(s.p[2].intid, 34);
	assert_false(s.pending_left || s.active_left);
}

static void what_fits_exactly_leaves_nothing(void **state)
{
	struct zvm_vgic_picks s = { .max = 2 };

	offer(&s, 0x10, 1, false);
	offer(&s, 0x20, 2, true);
	assert_int_equal(s.nr, 2);
	assert_false(s.pending_left || s.active_left);
}

static void pending_of_higher_priority_displaces_active(void **state)
{
	struct zvm_vgic_picks s = { .max = 1 };

	offer(&s, 0x80, 40, true);
	offer(&s, 0x40, 41, false);
	assert_int_equal(s.p[0].intid, 41);
	assert_true(s.active_left);
	assert_false(s.pending_left);
}

static void pending_of_equal_priority_does_not_displace_active(void **state)
{
	struct zvm_vgic_picks s = { .max = 1 };

	offer(&s, 0x80, 40, false);
	offer(&s, 0x80, 41, true);
	assert_int_equal(s.p[0].intid, 41);
	assert_true(s.pending_left);
}

static void with_eoimode_1_active_gives_way_to_any_pending(void **state)
{
	struct zvm_vgic_picks s = { .max = 1 };

	zvm_vgic_offer(&s, zvm_vgic_rank(0x00, true, false, true), 40, true);
	zvm_vgic_offer(&s, zvm_vgic_rank(0xf8, false, false, true), 41, false);
	assert_int_equal(s.p[0].intid, 41);
	assert_true(s.active_left);
}

static void pending_of_a_group_that_is_off_goes_last(void **state)
{
	struct zvm_vgic_picks s = { .max = 1 };

	zvm_vgic_offer(&s, zvm_vgic_rank(0x00, false, true, false), 40, false);
	zvm_vgic_offer(&s, zvm_vgic_rank(0xf8, false, false, false), 41, false);
	assert_int_equal(s.p[0].intid, 41);
	/* an active one of that group still needs its EOI */
	zvm_vgic_offer(&s, zvm_vgic_rank(0x00, true, true, false), 42, true);
	assert_int_equal(s.p[0].intid, 42);
}

static bool signalled(u8 prio, bool group1, u32 vmcr, u32 ap0r, u32 ap1r)
{
	return zvm_vgic_signalled(prio, group1, vmcr, &ap0r, &ap1r, 1);
}

static void priority_mask_and_group_enables_gate_the_signal(void **state)
{
	assert_true(signalled(0x78, true, PMR(0x80) | VENG1, 0, 0));
	assert_false(signalled(0x80, true, PMR(0x80) | VENG1, 0, 0));
	assert_true(signalled(0x80, true, PMR(0xf8) | VENG1, 0, 0));
	assert_false(signalled(0x78, true, PMR(0x80) | VENG0, 0, 0));
	assert_true(signalled(0x78, false, PMR(0x80) | VENG0, 0, 0));
	assert_false(signalled(0x00, true, VENG1, 0, 0));
}

static void running_priority_must_be_exceeded(void **state)
{
	u32 running = 1u << (0x40 >> 3); /* bit n of AP1R0: priority n * 8 is active */

	assert_true(signalled(0x38, true, PMR(0xf8) | VENG1, 0, running));
	assert_false(signalled(0x40, true, PMR(0xf8) | VENG1, 0, running));
	/* the active priorities of both groups count */
	assert_false(signalled(0x48, true, PMR(0xf8) | VENG1, running, 0));
	assert_true(signalled(0x38, false, PMR(0xf8) | VENG0, 0, running | 1u << 20));
}

static void binary_point_decides_what_preempts(void **state)
{
	u32 running = 1u << (0x40 >> 3), vmcr = PMR(0xf8) | VENG0 | VENG1;

	/* group 1, BPR1 = 6: fields 7..6; 0x38 is in the group of 0x00 */
	assert_true(signalled(0x38, true, vmcr | BPR1(6), 0, running));
	/* 0x48 and 0x40 share a group, no preemption however the low bits are */
	assert_false(signalled(0x48, true, vmcr | BPR1(6), 0, running));
	/* BPR1 = 7: only bit 7 counts, 0x38 and 0x40 are one group */
	assert_false(signalled(0x38, true, vmcr | BPR1(7), 0, running));
	assert_true(signalled(0x38, true, vmcr | BPR1(7), 0, 1u << 16));
	/* BPR0 = 7: no bit counts, nothing preempts */
	assert_false(signalled(0x00, false, vmcr | BPR0(7), 1u << 31, 0));
	/* with CBPR group 1 uses BPR0, whose field starts one bit higher */
	assert_false(signalled(0x88, true, vmcr | CBPR | BPR0(6) | BPR1(3), 0, 1u << 16));
	assert_true(signalled(0x78, true, vmcr | CBPR | BPR0(6) | BPR1(3), 0, 1u << 16));
}

static void more_preemption_bits_use_more_words(void **state)
{
	u32 ap0r[4] = { 0 }, ap1r[4] = { 0, 0, 0, 1 }; /* 7 bits: word 3 bit 0 is priority 0xc0 */

	assert_true(zvm_vgic_signalled(0xbe, true, PMR(0xff) | VENG1, ap0r, ap1r, 4));
	assert_false(zvm_vgic_signalled(0xc0, true, PMR(0xff) | VENG1, ap0r, ap1r, 4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_a_level_interrupt_is_its_pending_state),
		cmocka_unit_test(line_of_a_hardware_interrupt_is_not_sampled),
		cmocka_unit_test(only_enabled_interrupts_of_enabled_groups_are_forwarded),
		cmocka_unit_test(most_urgent_come_first_whatever_the_order_of_offers),
		cmocka_unit_test(equal_priorities_go_by_intid_and_active_first),
		cmocka_unit_test(what_fits_exactly_leaves_nothing),
		cmocka_unit_test(pending_of_higher_priority_displaces_active),
		cmocka_unit_test(pending_of_equal_priority_does_not_displace_active),
		cmocka_unit_test(with_eoimode_1_active_gives_way_to_any_pending),
		cmocka_unit_test(pending_of_a_group_that_is_off_goes_last),
		cmocka_unit_test(priority_mask_and_group_enables_gate_the_signal),
		cmocka_unit_test(running_priority_must_be_exceeded),
		cmocka_unit_test(binary_point_decides_what_preempts),
		cmocka_unit_test(more_preemption_bits_use_more_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
