// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: the cursor over the text.
 *
 * White space, comments, line endings, UTF-8, positions and messages. Called by the other
 * toml*.c on the thread of zvm_toml_parse(); no locks. The text is not trusted: every look at it
 * goes through toml_peek() or is bounded by parser->end. After toml_check_utf8() the rest of the
 * reader may treat bytes of 0x80 and above as opaque.
 *
 * TOML 1.0.0, "Spec", "Comment".
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "toml_parser.h"

/* The byte @ahead of the cursor, or TOML_EOF. */
int toml_peek(const struct toml_parser *p, size_t ahead)
{
	if (ahead >= (size_t)(p->end - p->at))
		return TOML_EOF;
	return (unsigned char)p->at[ahead];
}

bool toml_looking_at(const struct toml_parser *p, const char *word)
{
	size_t len = strlen(word);

	return len <= (size_t)(p->end - p->at) && !memcmp(p->at, word, len);
}

void toml_advance(struct toml_parser *p, size_t bytes)
{
	for (; bytes && p->at < p->end; bytes--, p->at++) {
		if (*p->at == '\n') {
			p->line++;
			p->column = 1;
		} else if (((unsigned char)*p->at & 0xc0) != 0x80) {
			p->column++;
		}
	}
}

void toml_skip_blank(struct toml_parser *p)
{
	while (toml_peek(p, 0) == ' ' || toml_peek(p, 0) == '\t')
		toml_advance(p, 1);
}

bool toml_at_newline(const struct toml_parser *p)
{
	return toml_looking_at(p, "\n") || toml_looking_at(p, "\r\n");
}

void toml_skip_newline(struct toml_parser *p)
{
	toml_advance(p, toml_peek(p, 0) == '\r' ? 2 : 1);
}

/* A comment, if there is one, up to but not including the end of the line. */
int toml_skip_comment(struct toml_parser *p)
{
	int c;

	if (toml_peek(p, 0) != '#')
		return 0;
	while ((c = toml_peek(p, 0)) != TOML_EOF && !toml_at_newline(p)) {
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail(p, "control character 0x%02x in a comment; remove it", c);
		toml_advance(p, 1);
	}
	return 0;
}

/* White space, comments and line ends, as many as there are. */
int toml_skip_blank_lines(struct toml_parser *p)
{
	int ret;

	for (;;) {
		toml_skip_blank(p);
		ret = toml_skip_comment(p);
		if (ret)
			return ret;
		if (!toml_at_newline(p))
			return 0;
		toml_skip_newline(p);
	}
}

/* Nothing but a comment may follow @after on its line. */
int toml_end_line(struct toml_parser *p, const char *after)
{
	char buf[16];
	int ret;

	toml_skip_blank(p);
	ret = toml_skip_comment(p);
	if (ret)
		return ret;
	if (toml_peek(p, 0) == TOML_EOF)
		return 0;
	if (!toml_at_newline(p))
		return toml_fail(p, "%s after %s; start a new line", toml_describe_next(p, buf),
				 after);
	toml_skip_newline(p);
	return 0;
}

/* Length of the well-formed UTF-8 sequence at @s, 0 if it is none (Unicode 15, table 3-7). */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (s[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f; /* above U+10FFFF */
	if (len > left || s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

/* The whole text, before anything else looks at it. Leaves the cursor where it was. */
int toml_check_utf8(struct toml_parser *p)
{
	struct toml_parser scan = *p;
	size_t len;

	if (toml_looking_at(p, "\xff\xfe") || toml_looking_at(p, "\xfe\xff"))
		return toml_fail(p, "the file is UTF-16; save it as UTF-8");
	while (scan.at < scan.end) {
		len = utf8_len((const unsigned char *)scan.at, scan.end - scan.at);
		if (!len)
			return toml_fail(&scan, "byte 0x%02x is not UTF-8; save the file as UTF-8",
					 (unsigned char)*scan.at);
		toml_advance(&scan, len);
	}
	return 0;
}

const char *toml_describe_next(const struct toml_parser *p, char buf[16])
{
	int c = toml_peek(p, 0);
	size_t len;

	if (c == TOML_EOF)
		return "end of file";
	if (toml_at_newline(p))
		return "end of line";
	if (c < 0x20 || c == 0x7f) {
		snprintf(buf, 16, "byte 0x%02x", c);
		return buf;
	}
	len = utf8_len((const unsigned char *)p->at, p->end - p->at);
	snprintf(buf, 16, "'%.*s'", (int)len, p->at);
	return buf;
}

static void say_va(struct toml_parser *p, int line, int column, const char *fmt, va_list ap)
{
	char reason[ZVM_ERR_MAX], *c;

	vsnprintf(reason, sizeof(reason), fmt, ap);
	/* A message may repeat a key, and an escape in a key may be a control character. */
	for (c = reason; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	zvm_err_set(p->err, EINVAL, "%s:%d:%d: %s", p->name, line, column, reason);
}

void toml_say(struct toml_parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_va(p, p->line, p->column, fmt, ap);
	va_end(ap);
}

void toml_say_at(struct toml_parser *p, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_va(p, line, column, fmt, ap);
	va_end(ap);
}
