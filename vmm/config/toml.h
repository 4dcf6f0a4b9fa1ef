/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader of TOML 1.0.0 (https://toml.io/en/v1.0.0), complete, without dependencies.
 *
 * The text is hostile: every limit below is checked, nesting is bounded, the time is linear in
 * the size of the text but for a logarithm in the number of keys of a table. All functions may
 * be called from any thread; a tree belongs to whoever parsed it and does not change afterwards.
 *
 * Lines and columns count from 1. A column counts code points, as editors do, not bytes.
 */
#ifndef ZVM_VMM_CONFIG_TOML_H
#define ZVM_VMM_CONFIG_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zvm/err.h>

/* Limits of ours; TOML itself has none. */
#define ZVM_TOML_MAX_BYTES (1u << 20)
#define ZVM_TOML_MAX_DEPTH 64 /* tables and arrays inside each other, the document being 0 */

enum zvm_toml_type {
	ZVM_TOML_STRING,
	ZVM_TOML_INTEGER,
	ZVM_TOML_FLOAT,
	ZVM_TOML_BOOLEAN,
	ZVM_TOML_OFFSET_DATETIME,
	ZVM_TOML_LOCAL_DATETIME,
	ZVM_TOML_LOCAL_DATE,
	ZVM_TOML_LOCAL_TIME,
	ZVM_TOML_ARRAY,
	ZVM_TOML_TABLE,
};

/* Fields that a type does not have are 0. second is 0..60, 60 being a leap second. */
struct zvm_toml_datetime {
	int year, month, day;
	int hour, minute, second;
	uint32_t nanosecond; /* further digits of the text are dropped, as the specification says */
	int offset;	     /* minutes east of UTC, -1439..1439 */
};

/* How a table or array came to be: decides what may still be added to it. */
enum zvm_toml_origin {
	ZVM_TOML_IMPLICIT, /* on the way of a [header]: may still be defined */
	ZVM_TOML_HEADER,   /* by its own [header] */
	ZVM_TOML_DOTTED,   /* on the way of a dotted key */
	ZVM_TOML_INLINE,   /* between { } or [ ] : closed */
	ZVM_TOML_APPENDED, /* array made by [[header]] */
};

struct zvm_toml_value;

struct zvm_toml_entry {
	char *key; /* key_len bytes and a terminating zero; "\u0000" makes zeros inside possible */
	size_t key_len;
	int line, column; /* of the key that defined it first */
	struct zvm_toml_value *value;
};

struct zvm_toml_value {
	enum zvm_toml_type type;
	enum zvm_toml_origin origin; /* tables and arrays only */
	int line, column;	     /* of the value; of the header or key that made a table */
	int depth;
	union {
		struct {
			char *bytes; /* valid UTF-8, len bytes and a terminating zero */
			size_t len;
		} string;
		int64_t integer;
		double real;
		bool boolean;
		struct zvm_toml_datetime datetime;
		struct {
			struct zvm_toml_value **item;
			size_t nr;
		} array;
		struct {
			struct zvm_toml_entry **entry; /* in the order of the text */
			size_t nr;
			void *index; /* by key, for zvm_toml_find() */
		} table;
	};
};

/*
 * Parse @len bytes at @text, which are neither terminated nor kept. @name is the file name used
 * in messages. Returns 0 and a table in *@out, to be freed with zvm_toml_free(); -EINVAL with
 * "name:line:column: reason" in @err; -EFBIG or -ENOMEM.
 */
int zvm_toml_parse(const char *name, const char *text, size_t len, struct zvm_toml_value **out,
		   struct zvm_err *err);

/* The entry called @key (a C string) in @table, or NULL. */
struct zvm_toml_entry *zvm_toml_find(const struct zvm_toml_value *table, const char *key);

/* With its article, for messages: "a string", "an offset date-time". */
const char *zvm_toml_type_name(enum zvm_toml_type type);

void zvm_toml_free(struct zvm_toml_value *value);

#endif
