// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: the document, and values that hold values.
 *
 * The entry to the reader: config.c calls zvm_toml_parse() once, before there are threads; no
 * locks. Recursive descent; recursion happens only for arrays and inline tables and ends at
 * ZVM_TOML_MAX_DEPTH. The text is not trusted.
 *
 * TOML 1.0.0, "Key/Value Pair", "Boolean", "Array", "Inline Table".
 */
#include <errno.h>
#include <string.h>

#include "toml_parser.h"

static int parse_value(struct toml_parser *p, int depth, struct zvm_toml_value **out);

static int parse_key_value(struct toml_parser *p, struct zvm_toml_value *table)
{
	struct zvm_toml_value *parent = NULL, *value = NULL;
	struct toml_key key;
	char buf[16];
	int ret;

	ret = toml_parse_key(p, &key);
	if (ret)
		goto out;
	if (toml_peek(p, 0) != '=') {
		ret = toml_fail(p, "%s after the key; write key = value",
				toml_describe_next(p, buf));
		goto out;
	}
	/* Before the value: the error belongs to the key, and the value may be long. */
	ret = toml_reserve(p, table, &key, &parent);
	if (ret)
		goto out;
	toml_advance(p, 1);
	toml_skip_blank(p);
	ret = parse_value(p, parent->depth + 1, &value);
	if (ret)
		goto out;
	ret = toml_insert(p, parent, &key.part[key.nr - 1], value);
out:
	toml_key_free(&key);
	return ret;
}

static int parse_array(struct toml_parser *p, struct zvm_toml_value *array)
{
	struct zvm_toml_value *item = NULL;
	char buf[16];
	int ret;

	toml_advance(p, 1);
	for (;;) {
		ret = toml_skip_blank_lines(p);
		if (ret)
			return ret;
		if (toml_peek(p, 0) == ']')
			break;
		ret = parse_value(p, array->depth + 1, &item);
		if (ret)
			return ret;
		ret = toml_array_append(p, array, item);
		if (ret)
			return ret;
		ret = toml_skip_blank_lines(p);
		if (ret)
			return ret;
		if (toml_peek(p, 0) == ']')
			break;
		if (toml_peek(p, 0) != ',')
			return toml_fail(p,
					 "%s in the array that begins in line %d; expected , or ]",
					 toml_describe_next(p, buf), array->line);
		toml_advance(p, 1);
	}
	toml_advance(p, 1);
	return 0;
}

static int parse_inline_table(struct toml_parser *p, struct zvm_toml_value *table)
{
	char buf[16];
	int ret;

	toml_advance(p, 1);
	toml_skip_blank(p);
	if (toml_peek(p, 0) == '}') {
		toml_advance(p, 1);
		return 0;
	}
	for (;;) {
		if (toml_at_newline(p))
			return toml_fail(p, "an inline table must end on its line; use a [table]");
		ret = parse_key_value(p, table);
		if (ret)
			return ret;
		toml_skip_blank(p);
		if (toml_peek(p, 0) == '}')
			break;
		if (toml_at_newline(p) || toml_peek(p, 0) == '#')
			return toml_fail(p, "an inline table must end on its line; use a [table]");
		if (toml_peek(p, 0) != ',')
			return toml_fail(p, "%s in an inline table; expected , or }",
					 toml_describe_next(p, buf));
		toml_advance(p, 1);
		toml_skip_blank(p);
		if (toml_peek(p, 0) == '}')
			return toml_fail(p, "an inline table has no comma before its }");
	}
	toml_advance(p, 1);
	return 0;
}

/* Length of what is written without quotes: a number, a date, true, or a mistake. */
static size_t token_len(const struct toml_parser *p)
{
	size_t n = 0;

	while (toml_is_bare(toml_peek(p, n)) || toml_peek(p, n) == '+' || toml_peek(p, n) == '.' ||
	       toml_peek(p, n) == ':')
		n++;
	/* "1979-05-27 07:32:00": the space belongs to it if a time follows. */
	if (n == 10 && toml_looks_like_datetime(p->at, n) && toml_peek(p, n) == ' ' &&
	    toml_peek(p, n + 1) >= '0' && toml_peek(p, n + 1) <= '9') {
		n++;
		while (toml_is_bare(toml_peek(p, n)) || toml_peek(p, n) == '+' ||
		       toml_peek(p, n) == '.' || toml_peek(p, n) == ':')
			n++;
	}
	return n;
}

static int parse_token(struct toml_parser *p, struct zvm_toml_value *value)
{
	size_t len = token_len(p), sign;
	const char *text = p->at;
	char buf[16];
	int ret = 0;

	if (!len)
		return toml_fail(p, "%s where a value should be%s", toml_describe_next(p, buf),
				 toml_peek(p, 0) > 0x20 && toml_peek(p, 0) != ',' &&
						 toml_peek(p, 0) != '#'
					 ? "; text needs quotation marks"
					 : "");
	sign = text[0] == '+' || text[0] == '-';
	if (len == 4 && !memcmp(text, "true", 4)) {
		value->type = ZVM_TOML_BOOLEAN;
		value->boolean = true;
	} else if (len == 5 && !memcmp(text, "false", 5)) {
		value->type = ZVM_TOML_BOOLEAN;
	} else if (toml_looks_like_datetime(text, len)) {
		ret = toml_parse_datetime(p, text, len, value);
	} else if ((sign < len && text[sign] >= '0' && text[sign] <= '9') ||
		   (len == sign + 3 &&
		    (!memcmp(text + sign, "inf", 3) || !memcmp(text + sign, "nan", 3)))) {
		ret = toml_parse_number(p, text, len, value);
	} else {
		ret = toml_fail(p, "%.*s is not a value; text needs quotation marks: \"%.*s\"",
				len > 64 ? 64 : (int)len, text, len > 64 ? 64 : (int)len, text);
	}
	if (!ret)
		toml_advance(p, len);
	return ret;
}

static int parse_value(struct toml_parser *p, int depth, struct zvm_toml_value **out)
{
	struct zvm_toml_value *value;
	int c = toml_peek(p, 0), ret;

	if (depth > ZVM_TOML_MAX_DEPTH)
		return toml_fail(p, "values are nested more than %d deep", ZVM_TOML_MAX_DEPTH);
	value = toml_value_new(ZVM_TOML_BOOLEAN, p->line, p->column, depth);
	if (!value)
		return toml_no_memory(p);
	switch (c) {
	case '"':
	case '\'':
		value->type = ZVM_TOML_STRING;
		ret = toml_parse_string(p, &value->string.bytes, &value->string.len);
		break;
	case '[':
		value->type = ZVM_TOML_ARRAY;
		value->origin = ZVM_TOML_INLINE;
		ret = parse_array(p, value);
		break;
	case '{':
		value->type = ZVM_TOML_TABLE;
		value->origin = ZVM_TOML_INLINE;
		ret = parse_inline_table(p, value);
		break;
	default:
		ret = parse_token(p, value);
	}
	if (ret) {
		zvm_toml_free(value);
		return ret;
	}
	*out = value;
	return 0;
}

static int parse_header(struct toml_parser *p, struct zvm_toml_value *root,
			struct zvm_toml_value **table)
{
	bool append = toml_looking_at(p, "[[");
	const char *close = append ? "]]" : "]";
	struct toml_key key;
	char buf[16];
	int ret;

	toml_advance(p, strlen(close));
	toml_skip_blank(p);
	ret = toml_parse_key(p, &key);
	if (!ret && !toml_looking_at(p, close))
		ret = toml_fail(p, "%s in a table header; expected %s", toml_describe_next(p, buf),
				close);
	if (!ret) {
		toml_advance(p, strlen(close));
		ret = toml_open_table(p, root, &key, append, table);
	}
	toml_key_free(&key);
	return ret ? ret : toml_end_line(p, "the table header");
}

static int parse_document(struct toml_parser *p, struct zvm_toml_value *root)
{
	struct zvm_toml_value *table = root;
	int ret;

	for (;;) {
		ret = toml_skip_blank_lines(p);
		if (ret || toml_peek(p, 0) == TOML_EOF)
			return ret;
		if (toml_peek(p, 0) == '[') {
			ret = parse_header(p, root, &table);
		} else {
			ret = parse_key_value(p, table);
			if (!ret)
				ret = toml_end_line(p, "the value");
		}
		if (ret)
			return ret;
	}
}

int zvm_toml_parse(const char *name, const char *text, size_t len, struct zvm_toml_value **out,
		   struct zvm_err *err)
{
	struct toml_parser p = {
		.name = name,
		.at = text,
		.end = text + len,
		.line = 1,
		.column = 1,
		.err = err,
	};
	struct zvm_toml_value *root;
	int ret;

	*out = NULL;
	if (len > ZVM_TOML_MAX_BYTES)
		return zvm_err_set(err, EFBIG, "%s: larger than %u KiB", name,
				   ZVM_TOML_MAX_BYTES >> 10);
	ret = toml_check_utf8(&p);
	if (ret)
		return ret;
	/* A byte order mark is not part of the text; some editors write one. */
	if (toml_looking_at(&p, "\xef\xbb\xbf"))
		p.at += 3;
	root = toml_value_new(ZVM_TOML_TABLE, 1, 1, 0);
	if (!root)
		return toml_no_memory(&p);
	root->origin = ZVM_TOML_HEADER;
	ret = parse_document(&p, root);
	if (ret) {
		zvm_toml_free(root);
		return ret;
	}
	*out = root;
	return 0;
}
