// SPDX-License-Identifier: GPL-2.0
/* PL011: what drivers rely on, register by register. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/device/pl011.h"

enum { DR = 0, RSR = 4, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38 };
enum { RIS = 0x3c, MIS = 0x40, ICR = 0x44 };
enum { RXFE = 0x10, TXFF = 0x20, RXFF = 0x40, TXFE = 0x80 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_BE = 0x200, INT_OE = 0x400 };
enum { FEN = 0x10, LBE = 0x80 };

struct outside {
	char out[64];
	size_t used, room;
	unsigned int rx_room_calls;
	bool level;
	unsigned int edges;
};

static size_t wire_tx(void *opaque, const uint8_t *buf, size_t len)
{
	struct outside *o = opaque;
	size_t n = 0;

	while (n < len && o->used < o->room)
		o->out[o->used++] = (char)buf[n++];
	return n;
}

static void wire_rx_room(void *opaque)
{
	((struct outside *)opaque)->rx_room_calls++;
}

static void wire_irq(void *opaque, unsigned int irq, bool level)
{
	struct outside *o = opaque;

	assert_int_equal(irq, 1);
	assert_int_not_equal(o->level, level);
	o->level = level;
	o->edges++;
}

static struct outside out;
static struct zvm_pl011 *uart;

static int setup(void **state)
{
	struct zvm_irqline irq = { wire_irq, &out, 1 };
	struct zvm_pl011_wire wire = { wire_tx, wire_rx_room, &out };

	memset(&out, 0, sizeof(out));
	out.room = sizeof(out.out);
	uart = zvm_pl011_create(&irq, &wire);
	return uart ? 0 : -1;
}

static int teardown(void **state)
{
	zvm_pl011_destroy(uart);
	return 0;
}

static uint32_t rd(unsigned int off)
{
	return (uint32_t)zvm_pl011_ops.read(uart, off, 4);
}

static void wr(unsigned int off, uint32_t val)
{
	zvm_pl011_ops.write(uart, off, 4, val);
}

static size_t rx(const char *s)
{
	return zvm_pl011_rx(uart, (const uint8_t *)s, strlen(s));
}

static void reset_state_is_that_of_the_manual(void **state)
{
	assert_int_equal(rd(CR), 0x300);
	assert_int_equal(rd(IFLS), 0x12);
	assert_int_equal(rd(FR) & (RXFE | TXFF | RXFF | TXFE), RXFE | TXFE);
	assert_int_equal(rd(RIS), 0);
}

static void identification_is_pl011_r1p5(void **state)
{
	static const uint8_t id[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
}

static void byte_written_to_dr_leaves_at_once_and_raises_tx(void **state)
{
	wr(DR, 'x');
	assert_int_equal(out.used, 1);
	assert_int_equal(out.out[0], 'x');
	assert_int_equal(rd(FR) & (TXFF | TXFE), TXFE);
	assert_true(rd(RIS) & INT_TX);
	wr(ICR, INT_TX);
	assert_false(rd(RIS) & INT_TX);
}

static void blocked_wire_fills_the_fifo_and_drains_later(void **state)
{
	wr(LCR_H, FEN);
	wr(IMSC, INT_TX);
	out.room = 0;
	for (unsigned int i = 0; i < 32; i++) {
		assert_false(rd(FR) & TXFF);
		wr(DR, 'a' + i % 26);
	}
	assert_true(rd(FR) & TXFF);
	wr(DR, '!'); /* lost, as in hardware */
	assert_false(out.level);
	out.room = sizeof(out.out);
	zvm_pl011_tx_ready(uart);
	assert_int_equal(out.used, 32);
	assert_null(memchr(out.out, '!', 32));
	assert_true(out.level);
}

static void character_below_the_trigger_raises_the_timeout_interrupt(void **state)
{
	wr(LCR_H, FEN);
	wr(IMSC, INT_RX | INT_RT);
	assert_int_equal(rx("a"), 1);
	assert_int_equal(rd(MIS), INT_RT);
	assert_true(out.level);
	assert_int_equal(rd(DR), 'a');
	assert_int_equal(rd(MIS), 0);
	assert_false(out.level);
}

static void filled_to_the_trigger_raises_rx_until_read_below(void **state)
{
	wr(LCR_H, FEN); /* IFLS 0x12: half of 32 */
	assert_int_equal(rx("0123456789abcdef"), 16);
	assert_true(rd(RIS) & INT_RX);
	assert_int_equal(rd(DR), '0');
	assert_false(rd(RIS) & INT_RX);
	assert_true(rd(RIS) & INT_RT);
}

static void receiver_takes_what_fits_and_asks_for_more(void **state)
{
	wr(LCR_H, FEN);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(rx("z"), 1);
	assert_true(rd(FR) & RXFF);
	assert_int_equal(rx("more"), 0);
	assert_int_equal(out.rx_room_calls, 0);
	rd(DR);
	assert_int_equal(out.rx_room_calls, 1);
	assert_false(rd(RSR) & 8); /* held back, not overrun */
}

static void without_fifos_one_character_is_all(void **state)
{
	assert_int_equal(rx("ab"), 1);
	assert_true(rd(FR) & RXFF);
	assert_true(rd(RIS) & INT_RX);
	assert_int_equal(rd(DR), 'a');
	assert_true(rd(FR) & RXFE);
}

static void empty_fifo_reads_zero(void **state)
{
	assert_int_equal(rd(DR), 0);
	assert_true(rd(FR) & RXFE);
}

static void loopback_returns_output_and_cuts_the_line(void **state)
{
	wr(CR, 0x300 | LBE);
	wr(LCR_H, FEN);
	wr(DR, 'q');
	assert_int_equal(out.used, 0);
	assert_int_equal(rx("outside"), 7); /* lost */
	assert_int_equal(rd(DR), 'q');
	assert_true(rd(FR) & RXFE);
}

static void loopback_overrun_sets_oe(void **state)
{
	wr(CR, 0x300 | LBE);
	wr(DR, '1');
	wr(DR, '2');
	assert_true(rd(RIS) & INT_OE);
	assert_true(rd(RSR) & 8);
	wr(RSR, 0);
	assert_int_equal(rd(RSR), 0);
	assert_int_equal(rd(DR), '1');
}

static void break_arrives_with_its_flag(void **state)
{
	wr(LCR_H, FEN);
	zvm_pl011_break(uart);
	assert_true(rd(RIS) & INT_BE);
	assert_int_equal(rd(DR), 0x400);
	assert_int_equal(rd(RSR), 4);
}

static void masked_interrupt_stays_off_the_line(void **state)
{
	rx("a");
	assert_int_equal(out.edges, 0);
	wr(IMSC, INT_RX);
	assert_true(out.level);
	wr(IMSC, 0);
	assert_false(out.level);
}

static void switching_fifos_flushes_them(void **state)
{
	rx("a");
	wr(LCR_H, FEN);
	assert_true(rd(FR) & RXFE);
	assert_int_equal(rd(RIS) & (INT_RX | INT_RT), 0);
}

static void switching_fifos_asks_for_what_had_to_wait(void **state)
{
	assert_int_equal(rx("ab"), 1);
	wr(LCR_H, FEN);
	assert_int_equal(out.rx_room_calls, 1);
}

static void hostile_accesses_to_every_offset_are_harmless(void **state)
{
	for (unsigned int off = 0; off < ZVM_PL011_SIZE; off += 4) {
		wr(off, 0xffffffff);
		rd(off);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		wr(LCR_H, i & 0xff);
		wr(DR, i);
		rx("zz");
		rd(DR);
	}
	zvm_pl011_reset(uart);
	reset_state_is_that_of_the_manual(state);
	assert_false(out.level);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reset_state_is_that_of_the_manual),
		T(identification_is_pl011_r1p5),
		T(byte_written_to_dr_leaves_at_once_and_raises_tx),
		T(blocked_wire_fills_the_fifo_and_drains_later),
		T(character_below_the_trigger_raises_the_timeout_interrupt),
		T(filled_to_the_trigger_raises_rx_until_read_below),
		T(receiver_takes_what_fits_and_asks_for_more),
		T(without_fifos_one_character_is_all),
		T(empty_fifo_reads_zero),
		T(loopback_returns_output_and_cuts_the_line),
		T(loopback_overrun_sets_oe),
		T(break_arrives_with_its_flag),
		T(masked_interrupt_stays_off_the_line),
		T(switching_fifos_flushes_them),
		T(switching_fifos_asks_for_what_had_to_wait),
		T(hostile_accesses_to_every_offset_are_harmless),
	};

	return cmocka_run_group_tests_name("pl011", tests, NULL, NULL);
}
