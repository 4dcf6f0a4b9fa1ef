// SPDX-License-Identifier: GPL-2.0
/*
 * vm.toml on a host without memory: whichever allocation fails, loading ends with -ENOMEM and a
 * message, and leaves nothing behind, which the leak checker of ASan holds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/config/config.h"

/* Allocations that still succeed; negative: all do. */
static long left = -1;

static bool fails(void)
{
	if (left < 0)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

/* The linker gives us the calls of the code under test (--wrap). */
#define WRAP(type, name, parameters, ...)                           \
	type __real_##name parameters;                              \
	type __wrap_##name parameters;                              \
	type __wrap_##name parameters                               \
	{                                                           \
		return fails() ? NULL : __real_##name(__VA_ARGS__); \
	}

WRAP(void *, malloc, (size_t size), size)
WRAP(void *, calloc, (size_t nr, size_t size), nr, size)
WRAP(void *, realloc, (void *old, size_t size), old, size)
WRAP(char *, strdup, (const char *s), s)
WRAP(char *, strndup, (const char *s, size_t len), s, len)

int __wrap_asprintf(char **out, const char *fmt, ...);
int __wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int ret;

	if (fails())
		return -1;
	va_start(ap, fmt);
	ret = vasprintf(out, fmt, ap);
	va_end(ap);
	return ret;
}

static const char text[] =
	"vcpus = 2\nmemory = \"1G\"\nkernel = \"Image\"\ninitrd = \"/initrd\"\n"
	"cmdline = 'a'\n[[disk]]\npath = \"d0\"\nserial = \"s\"\n[[disk]]\npath = \"d1\"\n"
	"[console]\nmode = \"pty\"\npath = \"c\"\n[vcpu]\naffinity = [0, [1, 2]]\n"
	"[rtc]\nbase = 2026-01-01T00:00:00Z\n";

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
	struct zvm_config *cfg = NULL;
	struct zvm_err err;
	long nr;
	int ret;

	for (nr = 0;; nr++) {
		memset(&err, 0, sizeof(err));
		left = nr;
		ret = zvm_config_parse("dir/vm.toml", text, strlen(text), &cfg, &err);
		left = -1;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(cfg);
		assert_non_null(strstr(err.msg, ": out of memory"));
	}
	/* The text above needs far more than this; less would mean that nothing was injected. */
	assert_true(nr > 100);
	assert_string_equal(cfg->disk[1].path, "dir/d1");
	zvm_config_free(cfg);
}

static void file_that_does_not_fit_into_memory_is_reported(void **state)
{
	struct zvm_err err = { 0 };
	struct zvm_config *cfg;
	int ret;

	left = 0;
	ret = zvm_config_load("/dev/null", &cfg, &err);
	left = -1;
	assert_int_equal(ret, -ENOMEM);
	assert_string_equal(err.msg, "/dev/null: out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
		cmocka_unit_test(file_that_does_not_fit_into_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
