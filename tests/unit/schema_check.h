/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of vm.toml share: load a text or fail the test, or expect a whole message. */
#ifndef ZVM_TESTS_UNIT_SCHEMA_CHECK_H
#define ZVM_TESTS_UNIT_SCHEMA_CHECK_H

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/config/schema.h"

/* The least that is a VM; tests put their lines behind it, so these begin in line 3. */
#define MINIMAL "memory = \"512M\"\nkernel = \"Image\"\n"

static inline struct zvm_config *accept_as(const char *file, const char *text)
{
	struct zvm_err err = { 0 };
	struct zvm_config *cfg;

	if (zvm_config_parse(file, text, strlen(text), &cfg, &err))
		fail_msg("refused: %s", err.msg);
	assert_non_null(cfg);
	return cfg;
}

static inline struct zvm_config *accept(const char *text)
{
	return accept_as("dir/vm.toml", text);
}

static inline void refuse_as(const char *file, const char *text, const char *message)
{
	struct zvm_err err = { 0 };
	struct zvm_config *cfg;

	assert_int_equal(zvm_config_parse(file, text, strlen(text), &cfg, &err), -EINVAL);
	assert_null(cfg);
	assert_string_equal(err.msg, message);
}

static inline void refuse(const char *text, const char *message)
{
	refuse_as("vm.toml", text, message);
}

#endif
