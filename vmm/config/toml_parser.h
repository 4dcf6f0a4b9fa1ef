/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the TOML reader share with each other. Private to toml*.c.
 *
 * Every function that takes a struct toml_parser consumes what it has read, returns 0 or -errno,
 * and has left the message in parser->err when it fails. A failed parser is not used again.
 */
#ifndef ZVM_VMM_CONFIG_TOML_PARSER_H
#define ZVM_VMM_CONFIG_TOML_PARSER_H

#include <errno.h>

#include "toml.h"

struct toml_parser {
	const char *name;
	const char *at, *end; /* the rest of the text */
	int line, column;     /* of at */
	struct zvm_err *err;
};

/* A growing byte string, always terminated once something was put in. */
struct toml_buf {
	char *bytes;
	size_t len, cap;
};

/* A key with its dots: "a.'b.c'.d" has three parts. */
struct toml_key {
	struct toml_key_part {
		char *bytes;
		size_t len;
		int line, column;
	} part[ZVM_TOML_MAX_DEPTH];
	size_t nr;
};

/* toml_scan.c: the cursor */
#define TOML_EOF (-1)

int toml_peek(const struct toml_parser *p, size_t ahead);
bool toml_looking_at(const struct toml_parser *p, const char *word);
void toml_advance(struct toml_parser *p, size_t bytes);
void toml_skip_blank(struct toml_parser *p);
bool toml_at_newline(const struct toml_parser *p);
void toml_skip_newline(struct toml_parser *p);
int toml_skip_comment(struct toml_parser *p);
int toml_skip_blank_lines(struct toml_parser *p);
int toml_end_line(struct toml_parser *p, const char *after);
int toml_check_utf8(struct toml_parser *p);
/* How the next thing in the text reads in a message: "'x'", "end of file"... Static storage. */
const char *toml_describe_next(const struct toml_parser *p, char buf[16]);
void toml_say(struct toml_parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void toml_say_at(struct toml_parser *p, int line, int column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Leave a message, the value is -EINVAL. Macros: an analyser sees that it is never 0. */
#define toml_fail(...)	  (toml_say(__VA_ARGS__), -EINVAL)
#define toml_fail_at(...) (toml_say_at(__VA_ARGS__), -EINVAL)
static inline int toml_no_memory(const struct toml_parser *p)
{
	zvm_err_set(p->err, ENOMEM, "%s: out of memory", p->name);
	return -ENOMEM;
}

/* toml_string.c: strings and keys */
int toml_parse_string(struct toml_parser *p, char **bytes, size_t *len);
int toml_parse_key(struct toml_parser *p, struct toml_key *key);
void toml_key_free(struct toml_key *key);
bool toml_is_bare(int c);

/* toml_number.c, toml_datetime.c: values written without quotes; the token is text[0..len) */
int toml_parse_number(struct toml_parser *p, const char *text, size_t len,
		      struct zvm_toml_value *value);
bool toml_looks_like_datetime(const char *text, size_t len);
int toml_parse_datetime(struct toml_parser *p, const char *text, size_t len,
			struct zvm_toml_value *value);

/* toml_table.c: the tree and the rules about defining things twice */
struct zvm_toml_value *toml_value_new(enum zvm_toml_type type, int line, int column, int depth);
int toml_array_append(struct toml_parser *p, struct zvm_toml_value *array,
		      struct zvm_toml_value *value);
/* [key] and [[key]]: find or make the table that the following keys belong to. */
int toml_open_table(struct toml_parser *p, struct zvm_toml_value *root, struct toml_key *key,
		    bool append, struct zvm_toml_value **table);
/* key = ...: make the tables of the dotted part; refuse a last part that exists. */
int toml_reserve(struct toml_parser *p, struct zvm_toml_value *table, struct toml_key *key,
		 struct zvm_toml_value **parent);
/* Put @value under the last part of @key; @value is freed on error. */
int toml_insert(struct toml_parser *p, struct zvm_toml_value *parent, struct toml_key_part *part,
		struct zvm_toml_value *value);

#endif
