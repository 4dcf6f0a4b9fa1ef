// SPDX-License-Identifier: GPL-2.0
/*
 * See tap.h. The console lock is a plain test-and-set, safe against this CPU's own interrupt
 * handlers because it is held with interrupts masked.
 */
#include <stdarg.h>
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"

#define UART_DR 0x09000000UL
#define UART_FR 0x09000018UL
#define FR_TXFF BIT(5)

static struct spinlock console;
static u32 results, failures;

static u64 lock(void)
{
	u64 daif = read_sysreg(daif);

	irq_disable();
	spin_lock(&console);
	return daif;
}

static void unlock(u64 daif)
{
	spin_unlock(&console);
	write_sysreg(daif, daif);
}

static void put(char c)
{
	while (mmio_read32(UART_FR) & FR_TXFF)
		;
	mmio_write32(UART_DR, (u8)c);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(u64 v, u32 base, u32 width, char fill, bool minus)
{
	char buf[24];
	u32 n = 0;

	do
		buf[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	if (minus)
		buf[n++] = '-';
	while (n < width && n < sizeof(buf))
		buf[n++] = fill;
	while (n)
		put(buf[--n]);
}

static void vprint(const char *p, va_list ap)
{
	bool lng;
	char fill;
	u32 width;
	s64 d;

	for (; *p; p++) {
		if (*p != '%') {
			put(*p);
			continue;
		}
		p++;
		fill = *p == '0' ? '0' : ' ';
		for (width = 0; *p >= '0' && *p <= '9'; p++)
			width = width * 10 + (u32)(*p - '0');
		for (lng = false; *p == 'l'; p++)
			lng = true;
		switch (*p) {
		case 'd':
			d = lng ? va_arg(ap, s64) : va_arg(ap, s32);
			put_number(d < 0 ? -(u64)d : (u64)d, 10, width, fill, d < 0);
			break;
		case 'u':
		case 'x':
			put_number(lng ? va_arg(ap, u64) : va_arg(ap, u32), *p == 'u' ? 10 : 16,
				   width, fill, false);
			break;
		case 'p':
			put_number((u64)va_arg(ap, void *), 16, width, fill, false);
			break;
		case 's':
			put_string(va_arg(ap, const char *));
			break;
		case 'c':
			put((char)va_arg(ap, int));
			break;
		default:
			put(*p);
		}
	}
}

void printf(const char *fmt, ...)
{
	u64 daif = lock();
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	unlock(daif);
}

bool tap_result(bool ok, const char *name, const char *file, int line)
{
	u32 n = __atomic_add_fetch(&results, 1, __ATOMIC_RELAXED);

	if (ok) {
		printf("ok %u %s\n", n, name);
		return true;
	}
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	printf("not ok %u %s\n# at %s:%d\n", n, name, file, line);
	return false;
}

bool tap_equal(u64 got, u64 want, const char *name, const char *file, int line)
{
	if (!tap_result(got == want, name, file, line))
		printf("# got %lx, want %lx\n", got, want);
	return got == want;
}

void tap_skip(const char *name, const char *why)
{
	u32 n = __atomic_add_fetch(&results, 1, __ATOMIC_RELAXED);

	printf("ok %u %s # SKIP %s\n", n, name, why);
}

void tap_note(const char *name, u64 value)
{
	printf("# = %s %lx\n", name, value);
}

u32 tap_count(void)
{
	return results;
}

u32 tap_failures(void)
{
	return failures;
}

void tap_restore(u32 count, u32 failed)
{
	results = count;
	failures = failed;
}

static void __attribute__((noreturn)) power_off(u32 status)
{
	testdev_exit(status);
	hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
	while (1)
		wfi();
}

void tap_done(void)
{
	printf("1..%u\n", results);
	power_off(failures != 0);
}

void tap_bail(const char *fmt, ...)
{
	va_list ap;

	/* No lock: the holder may be the one that failed. */
	put_string("\nBail out! ");
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	put('\n');
	power_off(2);
}
