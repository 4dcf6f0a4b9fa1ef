// SPDX-License-Identifier: GPL-2.0
/* The bus, and the small devices on it: RTC, GPIO, flash. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vmm/device/bus.h"
#include "vmm/device/flash.h"
#include "vmm/device/pl031.h"
#include "vmm/device/pl061.h"

static bool irq_level;

static void set_irq(void *opaque, unsigned int irq, bool level)
{
	irq_level = level;
}

static const struct zvm_irqline line = { .set = set_irq };

/* ---- bus ---- */

static uint64_t last_off, last_val;

static uint64_t echo_read(void *dev, uint64_t off, unsigned int width)
{
	last_off = off;
	return 0x1122334455667788ULL;
}

static void echo_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	last_off = off;
	last_val = val;
}

static const struct zvm_mmio_ops echo = { echo_read, echo_write };

static struct zvm_region region(uint64_t base, uint64_t size)
{
	return (struct zvm_region){
		.name = "echo", .base = base, .size = size, .widths = ZVM_WIDTH_1_4, .ops = &echo
	};
}

static int add(struct zvm_bus *bus, uint64_t base, uint64_t size)
{
	struct zvm_region r = region(base, size);

	return zvm_bus_add(bus, &r);
}

static void bus_refuses_empty_wrapping_and_overlapping_regions(void **state)
{
	struct zvm_bus bus;

	zvm_bus_init(&bus);
	assert_int_equal(add(&bus, 0x1000, 0), -EINVAL);
	assert_int_equal(add(&bus, -0x1000ULL, 0x1001), -EINVAL);
	assert_int_equal(add(&bus, -0x1000ULL, 0x1000), 0); /* ends at 2^64: legal */
	assert_int_equal(add(&bus, 0x1000, 0x1000), 0);
	assert_int_equal(add(&bus, 0x0fff, 2), -EEXIST);
	assert_int_equal(add(&bus, 0x1fff, 1), -EEXIST);
	assert_int_equal(add(&bus, 0x0, 0x10000), -EEXIST);
	assert_int_equal(add(&bus, 0x2000, 1), 0); /* touches: legal */
	assert_int_equal(bus.count, 3);
}

static void bus_reaches_first_and_last_byte_of_a_region(void **state)
{
	struct zvm_bus bus;
	uint8_t data[8] = { 0 };

	zvm_bus_init(&bus);
	add(&bus, 0x1000, 0x100);
	zvm_bus_access(&bus, 0x1000, data, 4, false);
	assert_memory_equal(data, "\x88\x77\x66\x55", 4);
	zvm_bus_access(&bus, 0x10ff, data, 1, true);
	assert_int_equal(last_off, 0xff);
	assert_int_equal(bus.holes, 0);
	zvm_bus_access(&bus, 0x1100, data, 1, true);
	zvm_bus_access(&bus, 0xfff, data, 1, true);
	assert_int_equal(bus.holes, 2);
}

static void bus_hole_reads_zero_and_is_counted(void **state)
{
	struct zvm_bus bus;
	uint8_t data[8];

	zvm_bus_init(&bus);
	memset(data, 0xff, sizeof(data));
	zvm_bus_access(&bus, 0x1234, data, 8, false);
	assert_memory_equal(data, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(bus.holes, 1);
}

static void bus_refuses_width_alignment_and_straddling(void **state)
{
	static const struct {
		uint64_t ipa;
		uint32_t len;
	} bad[] = { { 0x1000, 8 }, { 0x1001, 2 }, { 0x1002, 4 }, { 0x1000, 3 }, { 0x1000, 0 } };
	struct zvm_bus bus;
	uint8_t data[8];

	zvm_bus_init(&bus);
	add(&bus, 0x1000, 0x102);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(data, 0xff, sizeof(data));
		zvm_bus_access(&bus, bad[i].ipa, data, bad[i].len, false);
		assert_int_equal(bus.refused, i + 1);
		for (uint32_t k = 0; k < bad[i].len; k++)
			assert_int_equal(data[k], 0);
	}
	zvm_bus_access(&bus, 0x1100, data, 4, false); /* two bytes of it are outside */
	assert_int_equal(bus.refused, 6);
}

/* ---- PL031 ---- */

enum { RTC_DR = 0, RTC_MR = 4, RTC_LR = 8, RTC_IMSC = 0x10, RTC_RIS = 0x14, RTC_ICR = 0x1c };

static struct zvm_loop loop;
static struct zvm_pl031 *rtc;

static int rtc_setup(void **state)
{
	struct zvm_config_rtc cfg = { .base = ZVM_RTC_FIXED, .epoch = 1000 };

	irq_level = false;
	return zvm_loop_init(&loop) || zvm_pl031_create(&rtc, &cfg, &line, &loop, NULL);
}

static int rtc_teardown(void **state)
{
	zvm_pl031_destroy(rtc);
	zvm_loop_fini(&loop);
	return 0;
}

static uint32_t rtc_rd(unsigned int off)
{
	return (uint32_t)zvm_pl031_ops.read(rtc, off, 4);
}

static void rtc_wr(unsigned int off, uint32_t val)
{
	zvm_pl031_ops.write(rtc, off, 4, val);
}

static void rtc_starts_where_the_configuration_says_and_can_be_set(void **state)
{
	assert_in_range(rtc_rd(RTC_DR), 1000, 1002);
	rtc_wr(RTC_LR, 0xfffffff0u);
	assert_in_range(rtc_rd(RTC_DR), 0xfffffff0u, 0xfffffff2u);
	assert_int_equal(rtc_rd(RTC_LR), 0xfffffff0u);
}

static void rtc_alarm_in_the_present_is_immediate_and_can_be_cleared(void **state)
{
	rtc_wr(RTC_LR, 5000);
	rtc_wr(RTC_MR, rtc_rd(RTC_DR));
	assert_int_equal(rtc_rd(RTC_RIS), 1);
	assert_false(irq_level);
	rtc_wr(RTC_IMSC, 1);
	assert_true(irq_level);
	rtc_wr(RTC_ICR, 1);
	assert_false(irq_level);
	assert_int_equal(rtc_rd(RTC_RIS), 0);
}

static void rtc_alarm_fires_through_the_loop(void **state)
{
	struct pollfd pfd = { .fd = loop.epfd, .events = POLLIN };
	struct epoll_event ev;

	rtc_wr(RTC_IMSC, 1);
	rtc_wr(RTC_MR, rtc_rd(RTC_DR) + 1);
	assert_false(irq_level);
	for (int i = 0; i < 3 && !irq_level; i++) {
		assert_int_equal(poll(&pfd, 1, 3000), 1);
		assert_int_equal(epoll_wait(loop.epfd, &ev, 1, 0), 1);
		((struct zvm_watch *)ev.data.ptr)->fn(ev.data.ptr, ev.events);
	}
	assert_true(irq_level);
	assert_int_equal(rtc_rd(RTC_RIS), 1);
}

static void rtc_reset_keeps_the_time(void **state)
{
	rtc_wr(RTC_LR, 777);
	rtc_wr(RTC_IMSC, 1);
	zvm_pl031_reset(rtc);
	assert_in_range(rtc_rd(RTC_DR), 777, 779);
	assert_int_equal(rtc_rd(RTC_IMSC), 0);
}

/* ---- PL061 ---- */

enum { GPIO_DIR = 0x400, GPIO_IS = 0x404, GPIO_IBE = 0x408, GPIO_IEV = 0x40c, GPIO_IE = 0x410 };
enum { GPIO_RIS = 0x414, GPIO_IC = 0x41c, GPIO_ALL = 0x3fc };

static struct zvm_pl061 *gpio;

static int gpio_setup(void **state)
{
	irq_level = false;
	gpio = zvm_pl061_create(&line);
	return gpio ? 0 : -1;
}

static int gpio_teardown(void **state)
{
	zvm_pl061_destroy(gpio);
	return 0;
}

static uint32_t gpio_rd(unsigned int off)
{
	return (uint32_t)zvm_pl061_ops.read(gpio, off, 4);
}

static void gpio_wr(unsigned int off, uint32_t val)
{
	zvm_pl061_ops.write(gpio, off, 4, val);
}

static void gpio_data_address_bits_mask_the_lines(void **state)
{
	gpio_wr(GPIO_DIR, 0xff);
	gpio_wr(GPIO_ALL, 0xff);
	gpio_wr(0x0f << 2, 0x05);
	assert_int_equal(gpio_rd(GPIO_ALL), 0xf5);
	assert_int_equal(gpio_rd(0x03 << 2), 0x01);
	assert_int_equal(gpio_rd(0), 0);
}

static void gpio_input_cannot_be_written(void **state)
{
	gpio_wr(GPIO_ALL, 0xff);
	assert_int_equal(gpio_rd(GPIO_ALL), 0);
	zvm_pl061_drive(gpio, 3, true);
	assert_int_equal(gpio_rd(GPIO_ALL), 8);
}

static void gpio_rising_edge_is_latched_and_cleared(void **state)
{
	gpio_wr(GPIO_IEV, 8);
	gpio_wr(GPIO_IE, 8);
	zvm_pl061_drive(gpio, 3, true);
	assert_true(irq_level);
	zvm_pl061_drive(gpio, 3, false);
	assert_true(irq_level);
	gpio_wr(GPIO_IC, 8);
	assert_false(irq_level);
	assert_int_equal(gpio_rd(GPIO_RIS), 0);
}

static void gpio_both_edges_interrupt_when_asked(void **state)
{
	gpio_wr(GPIO_IBE, 8);
	gpio_wr(GPIO_IE, 8);
	zvm_pl061_drive(gpio, 3, true);
	assert_true(irq_level);
	gpio_wr(GPIO_IC, 8);
	zvm_pl061_drive(gpio, 3, false);
	assert_true(irq_level);
}

static void gpio_level_interrupt_follows_the_line(void **state)
{
	gpio_wr(GPIO_IEV, 8);
	gpio_wr(GPIO_IS, 8);
	gpio_wr(GPIO_IE, 8);
	assert_false(irq_level);
	zvm_pl061_drive(gpio, 3, true);
	assert_true(irq_level);
	gpio_wr(GPIO_IC, 8);
	assert_true(irq_level);
	zvm_pl061_drive(gpio, 3, false);
	assert_false(irq_level);
}

static void gpio_masked_edge_interrupts_once_unmasked(void **state)
{
	gpio_wr(GPIO_IEV, 8);
	zvm_pl061_drive(gpio, 3, true);
	assert_false(irq_level);
	gpio_wr(GPIO_IE, 8);
	assert_true(irq_level);
}

/* ---- flash ---- */

#define FLASH_SIZE (4u * ZVM_FLASH_BLOCK)

static uint8_t *flash_data;
static struct zvm_flash *flash;
static bool shown;

static void flash_show(void *opaque, bool array)
{
	assert_int_not_equal(shown, array);
	shown = array;
}

static int flash_make(bool locked)
{
	struct zvm_flash_params p = { .size = FLASH_SIZE, .locked = locked, .show = flash_show };

	shown = true;
	p.data = flash_data = malloc(FLASH_SIZE);
	memset(flash_data, 0xff, FLASH_SIZE);
	flash = zvm_flash_create(&p);
	return flash ? 0 : -1;
}

static int flash_setup(void **state)
{
	return flash_make(false);
}

static int flash_setup_locked(void **state)
{
	return flash_make(true);
}

static int flash_teardown(void **state)
{
	zvm_flash_destroy(flash);
	free(flash_data);
	return 0;
}

static uint64_t f_rd(uint64_t off, unsigned int width)
{
	return zvm_flash_ops.read(flash, off, width);
}

static void f_wr(uint64_t off, uint32_t val)
{
	zvm_flash_ops.write(flash, off, 4, val);
}

static void flash_answers_the_cfi_query_on_both_chips(void **state)
{
	f_wr(0x55 * 4, 0x00980098);
	assert_false(shown);
	assert_int_equal(f_rd(0x10 * 4, 4), 0x00510051);
	assert_int_equal(f_rd(0x11 * 4, 4), 0x00520052);
	assert_int_equal(f_rd(0x12 * 4 + 2, 2), 0x59);
	assert_int_equal(f_rd(0x27 * 4, 1), __builtin_ctz(FLASH_SIZE / 2));
	assert_int_equal(f_rd(FLASH_SIZE - 8, 8), 0);
	f_wr(0, 0x00ff00ff);
	assert_true(shown);
}

static void flash_programs_only_from_one_to_zero(void **state)
{
	f_wr(0x100, 0x00400040);
	f_wr(0x100, 0x12345678);
	assert_int_equal(f_rd(0x100, 4), 0x00800080);
	f_wr(0x100, 0x00400040);
	f_wr(0x100, 0xffff0000);
	f_wr(0, 0xff);
	assert_int_equal(f_rd(0x100, 4), 0x12340000);
}

static void flash_erases_one_block_and_only_when_confirmed(void **state)
{
	memset(flash_data, 0, FLASH_SIZE);
	f_wr(ZVM_FLASH_BLOCK + 0x80, 0x00200020);
	f_wr(ZVM_FLASH_BLOCK + 0x80, 0x00700070);
	assert_true(f_rd(0, 4) & 0x20);
	f_wr(0, 0x50);
	f_wr(ZVM_FLASH_BLOCK + 0x80, 0x00200020);
	f_wr(ZVM_FLASH_BLOCK + 0x80, 0x00d000d0);
	assert_int_equal(f_rd(0, 4), 0x00800080);
	assert_int_equal(flash_data[ZVM_FLASH_BLOCK - 1], 0);
	assert_int_equal(flash_data[ZVM_FLASH_BLOCK], 0xff);
	assert_int_equal(flash_data[2 * ZVM_FLASH_BLOCK - 1], 0xff);
	assert_int_equal(flash_data[2 * ZVM_FLASH_BLOCK], 0);
}

static void flash_takes_a_buffer_up_to_its_size(void **state)
{
	f_wr(0x200, 0x00e800e8);
	f_wr(0x200, 0x00030003);
	for (unsigned int i = 0; i < 4; i++)
		f_wr(0x200 + 4 * i, i);
	f_wr(0x200, 0x00d000d0);
	assert_int_equal(f_rd(0, 4), 0x00800080);
	f_wr(0, 0xff);
	assert_int_equal(f_rd(0x20c, 4), 3);

	f_wr(0x200, 0x00e800e8);
	f_wr(0x200, 0xffff);
	assert_true(f_rd(0, 4) & 0x30);
}

static void locked_flash_reports_failure_and_keeps_its_content(void **state)
{
	f_wr(0x100, 0x00400040);
	f_wr(0x100, 0);
	assert_true(f_rd(0, 4) & 0x12);
	f_wr(0, 0x50);
	f_wr(0x100, 0x00200020);
	f_wr(0x100, 0x00d000d0);
	assert_true(f_rd(0, 4) & 0x22);
	assert_int_equal(flash_data[0x100], 0xff);
}

static void last_bytes_of_flash_can_be_programmed(void **state)
{
	f_wr(FLASH_SIZE - 4, 0x00400040);
	f_wr(FLASH_SIZE - 4, 0);
	f_wr(0, 0xff);
	assert_int_equal(f_rd(FLASH_SIZE - 8, 8), 0xffffffffu);
}

#define RTC(f)	cmocka_unit_test_setup_teardown(f, rtc_setup, rtc_teardown)
#define GPIO(f) cmocka_unit_test_setup_teardown(f, gpio_setup, gpio_teardown)
#define NOR(f)	cmocka_unit_test_setup_teardown(f, flash_setup, flash_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bus_refuses_empty_wrapping_and_overlapping_regions),
		cmocka_unit_test(bus_reaches_first_and_last_byte_of_a_region),
		cmocka_unit_test(bus_hole_reads_zero_and_is_counted),
		cmocka_unit_test(bus_refuses_width_alignment_and_straddling),
		RTC(rtc_starts_where_the_configuration_says_and_can_be_set),
		RTC(rtc_alarm_in_the_present_is_immediate_and_can_be_cleared),
		RTC(rtc_alarm_fires_through_the_loop),
		RTC(rtc_reset_keeps_the_time),
		GPIO(gpio_data_address_bits_mask_the_lines),
		GPIO(gpio_input_cannot_be_written),
		GPIO(gpio_rising_edge_is_latched_and_cleared),
		GPIO(gpio_both_edges_interrupt_when_asked),
		GPIO(gpio_level_interrupt_follows_the_line),
		GPIO(gpio_masked_edge_interrupts_once_unmasked),
		NOR(flash_answers_the_cfi_query_on_both_chips),
		NOR(flash_programs_only_from_one_to_zero),
		NOR(flash_erases_one_block_and_only_when_confirmed),
		NOR(flash_takes_a_buffer_up_to_its_size),
		cmocka_unit_test_setup_teardown(locked_flash_reports_failure_and_keeps_its_content,
						flash_setup_locked, flash_teardown),
		NOR(last_bytes_of_flash_can_be_programmed),
	};

	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
