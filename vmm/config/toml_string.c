// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: strings of the four kinds, and keys.
 *
 * Called by toml.c on the thread of zvm_toml_parse(); no locks. A string may hold any code point
 * that can be escaped, U+0000 too, so lengths travel with the bytes. CRLF inside a multi-line
 * string is stored as LF: a file means the same on whatever system it was edited.
 *
 * TOML 1.0.0, "Keys", "String".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toml_parser.h"

static int buf_put(struct toml_parser *p, struct toml_buf *b, const char *bytes, size_t len)
{
	size_t cap = b->cap ? b->cap : 32;
	char *grown;

	while (cap - b->len <= len)
		cap *= 2;
	if (cap != b->cap) {
		grown = realloc(b->bytes, cap);
		if (!grown)
			return toml_no_memory(p);
		b->bytes = grown;
		b->cap = cap;
	}
	if (len)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
	return 0;
}

static int buf_put_code_point(struct toml_parser *p, struct toml_buf *b, uint32_t cp)
{
	char s[4];

	if (cp < 0x80) {
		s[0] = cp;
		return buf_put(p, b, s, 1);
	}
	if (cp < 0x800) {
		s[0] = 0xc0 | cp >> 6;
		s[1] = 0x80 | (cp & 0x3f);
		return buf_put(p, b, s, 2);
	}
	if (cp < 0x10000) {
		s[0] = 0xe0 | cp >> 12;
		s[1] = 0x80 | (cp >> 6 & 0x3f);
		s[2] = 0x80 | (cp & 0x3f);
		return buf_put(p, b, s, 3);
	}
	s[0] = 0xf0 | cp >> 18;
	s[1] = 0x80 | (cp >> 12 & 0x3f);
	s[2] = 0x80 | (cp >> 6 & 0x3f);
	s[3] = 0x80 | (cp & 0x3f);
	return buf_put(p, b, s, 4);
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* \uXXXX and \UXXXXXXXX: a Unicode scalar value, which a surrogate is not. */
static int parse_unicode(struct toml_parser *p, struct toml_buf *b, size_t digits)
{
	uint32_t cp = 0;
	size_t i;
	int d;

	for (i = 0; i < digits; i++) {
		d = hex_digit(toml_peek(p, 2 + i));
		if (d < 0)
			return toml_fail(p, "\\%c takes %zu hexadecimal digits", toml_peek(p, 1),
					 digits);
		cp = cp << 4 | (uint32_t)d;
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return toml_fail(p, "U+%04X is not a Unicode character", cp);
	toml_advance(p, 2 + digits);
	return buf_put_code_point(p, b, cp);
}

static int parse_escape(struct toml_parser *p, struct toml_buf *b)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = toml_peek(p, 1);
	const char *found;

	if (c == 'u')
		return parse_unicode(p, b, 4);
	if (c == 'U')
		return parse_unicode(p, b, 8);
	found = c > 0 ? strchr(from, c) : NULL;
	if (!found) {
		if (c > 0x20 && c < 0x7f)
			return toml_fail(p,
					 "\\%c is no escape; write \\\\ for a backslash, "
					 "or put the text in single quotes",
					 c);
		return toml_fail(p, "a lone backslash; write \\\\");
	}
	toml_advance(p, 2);
	return buf_put(p, b, &to[found - from], 1);
}

/* A backslash that ends its line eats all white space up to the next character. */
static bool skip_line_ending_backslash(struct toml_parser *p)
{
	size_t n = 1;

	while (toml_peek(p, n) == ' ' || toml_peek(p, n) == '\t')
		n++;
	if (toml_peek(p, n) != '\n' && !(toml_peek(p, n) == '\r' && toml_peek(p, n + 1) == '\n'))
		return false;
	toml_advance(p, n);
	for (;;) {
		toml_skip_blank(p);
		if (!toml_at_newline(p))
			return true;
		toml_skip_newline(p);
	}
}

/* One character or escape of a string. @quote is its quotation mark. */
static int parse_char(struct toml_parser *p, struct toml_buf *b, char quote, bool multi)
{
	int c = toml_peek(p, 0), ret;

	if (multi && toml_at_newline(p)) {
		toml_skip_newline(p);
		return buf_put(p, b, "\n", 1);
	}
	if (quote == '"' && c == '\\') {
		if (multi && skip_line_ending_backslash(p))
			return 0;
		return parse_escape(p, b);
	}
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return toml_fail(p, "control character 0x%02x in a string; %s", c,
				 quote == '"' ? "write it as an escape"
					      : "use double quotes and an escape");
	ret = buf_put(p, b, p->at, 1);
	toml_advance(p, 1);
	return ret;
}

static int parse_single_line(struct toml_parser *p, struct toml_buf *b, char quote)
{
	int line = p->line, column = p->column, ret;

	toml_advance(p, 1);
	while (toml_peek(p, 0) != quote) {
		if (toml_peek(p, 0) == TOML_EOF || toml_at_newline(p))
			return toml_fail_at(p, line, column,
					    "the string has no closing %c on its line", quote);
		ret = parse_char(p, b, quote, false);
		if (ret)
			return ret;
	}
	toml_advance(p, 1);
	return 0;
}

static int parse_multi_line(struct toml_parser *p, struct toml_buf *b, char quote)
{
	int line = p->line, column = p->column, ret;
	size_t marks;

	toml_advance(p, 3);
	if (toml_at_newline(p))
		toml_skip_newline(p);
	for (;;) {
		if (toml_peek(p, 0) == TOML_EOF)
			return toml_fail_at(p, line, column, "the string has no closing %c%c%c",
					    quote, quote, quote);
		/* One or two marks are text, also directly before the three that close. */
		for (marks = 0; marks < 5 && toml_peek(p, marks) == quote;)
			marks++;
		if (marks) {
			ret = buf_put(p, b, p->at, marks >= 3 ? marks - 3 : marks);
			toml_advance(p, marks);
			if (marks >= 3)
				return ret;
		} else {
			ret = parse_char(p, b, quote, true);
		}
		if (ret)
			return ret;
	}
}

/* The cursor is on a quotation mark. *@bytes is the caller's to free. */
int toml_parse_string(struct toml_parser *p, char **bytes, size_t *len)
{
	char quote = toml_peek(p, 0);
	struct toml_buf b = { 0 };
	int ret;

	ret = buf_put(p, &b, "", 0);
	if (!ret) {
		if (toml_peek(p, 1) == quote && toml_peek(p, 2) == quote)
			ret = parse_multi_line(p, &b, quote);
		else
			ret = parse_single_line(p, &b, quote);
	}
	if (ret) {
		free(b.bytes);
		return ret;
	}
	*bytes = b.bytes;
	*len = b.len;
	return 0;
}

bool toml_is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int parse_key_part(struct toml_parser *p, struct toml_key_part *part)
{
	struct toml_buf b = { 0 };
	char buf[16];
	size_t n = 0;
	int c = toml_peek(p, 0), ret;

	part->line = p->line;
	part->column = p->column;
	if (c == '"' || c == '\'') {
		if (toml_peek(p, 1) == c && toml_peek(p, 2) == c)
			return toml_fail(p, "a key cannot be a multi-line string");
		return toml_parse_string(p, &part->bytes, &part->len);
	}
	while (toml_is_bare(toml_peek(p, n)))
		n++;
	if (!n)
		return toml_fail(p, "%s where a key should be%s", toml_describe_next(p, buf),
				 c > 0x20 && c != '=' && c != '.'
					 ? "; a bare key has only A-Z a-z 0-9 _ -, quote others"
					 : "");
	ret = buf_put(p, &b, p->at, n);
	if (ret)
		return ret;
	toml_advance(p, n);
	part->bytes = b.bytes;
	part->len = b.len;
	return 0;
}

/*
 * A key with its dots, and the white space behind it. @key needs no initialisation; the caller
 * gives it to toml_key_free() whether this fails or not.
 */
int toml_parse_key(struct toml_parser *p, struct toml_key *key)
{
	int ret;

	key->nr = 0;
	for (;;) {
		if (key->nr == ZVM_TOML_MAX_DEPTH)
			return toml_fail(p, "the key has more than %d parts", ZVM_TOML_MAX_DEPTH);
		ret = parse_key_part(p, &key->part[key->nr]);
		if (ret)
			return ret;
		key->nr++;
		toml_skip_blank(p);
		if (toml_peek(p, 0) != '.')
			return 0;
		toml_advance(p, 1);
		toml_skip_blank(p);
	}
}

void toml_key_free(struct toml_key *key)
{
	size_t i;

	for (i = 0; i < key->nr; i++)
		free(key->part[i].bytes);
	key->nr = 0;
}
