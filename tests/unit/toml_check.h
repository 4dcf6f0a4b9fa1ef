/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the TOML reader share: parse or fail the test, look a value up. */
#ifndef ZVM_TESTS_UNIT_TOML_CHECK_H
#define ZVM_TESTS_UNIT_TOML_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/config/toml.h"

/* The text goes into a block of its exact size, so that the sanitizer sees a read beyond it. */
static inline int toml_try_bytes(const char *text, size_t len, struct zvm_toml_value **doc,
				 struct zvm_err *err)
{
	char *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	ret = zvm_toml_parse("t.toml", copy, len, doc, err);
	free(copy);
	return ret;
}

static inline struct zvm_toml_value *toml_accept_bytes(const char *text, size_t len)
{
	struct zvm_err err = { 0 };
	struct zvm_toml_value *doc;

	if (toml_try_bytes(text, len, &doc, &err))
		fail_msg("refused: %s\n%s", err.msg, text);
	assert_non_null(doc);
	return doc;
}

static inline struct zvm_toml_value *toml_accept(const char *text)
{
	return toml_accept_bytes(text, strlen(text));
}

/* The whole message is compared: what users read is part of the behaviour. */
static inline void toml_refuse_bytes(const char *text, size_t len, const char *message)
{
	struct zvm_err err = { 0 };
	struct zvm_toml_value *doc;
	int ret = toml_try_bytes(text, len, &doc, &err);

	if (!ret)
		fail_msg("accepted: %s", text);
	assert_null(doc);
	assert_true(ret < 0);
	assert_string_equal(err.msg, message);
}

static inline void toml_refuse(const char *text, const char *message)
{
	toml_refuse_bytes(text, strlen(text), message);
}

/* For tables of malformed texts of one kind, where the reason is the same for all. */
static inline void toml_refuse_all(const char *const *texts)
{
	struct zvm_toml_value *doc;
	struct zvm_err err;

	for (; *texts; texts++) {
		memset(&err, 0, sizeof(err));
		if (!toml_try_bytes(*texts, strlen(*texts), &doc, &err))
			fail_msg("accepted: %s", *texts);
		assert_memory_equal(err.msg, "t.toml:", 7);
	}
}

/* A value by its way through tables: toml_at(doc, "a", "b", NULL). */
static inline struct zvm_toml_value *toml_at(struct zvm_toml_value *at, ...)
{
	struct zvm_toml_entry *entry;
	const char *key;
	va_list ap;

	va_start(ap, at);
	while ((key = va_arg(ap, const char *))) {
		assert_int_equal(at->type, ZVM_TOML_TABLE);
		entry = zvm_toml_find(at, key);
		if (!entry)
			fail_msg("no key %s", key);
		at = entry->value;
	}
	va_end(ap);
	return at;
}

static inline int64_t toml_integer(struct zvm_toml_value *v)
{
	assert_int_equal(v->type, ZVM_TOML_INTEGER);
	return v->integer;
}

/* The string that "v" has in @text. */
static inline void toml_expect_string(const char *text, const char *bytes, size_t len)
{
	struct zvm_toml_value *doc = toml_accept(text), *v = toml_at(doc, "v", NULL);

	assert_int_equal(v->type, ZVM_TOML_STRING);
	assert_int_equal(v->string.len, len);
	assert_memory_equal(v->string.bytes, bytes, len + 1);
	zvm_toml_free(doc);
}

static inline void toml_expect_integer(const char *text, int64_t n)
{
	struct zvm_toml_value *doc = toml_accept(text);

	assert_true(toml_integer(toml_at(doc, "v", NULL)) == n);
	zvm_toml_free(doc);
}

#endif
