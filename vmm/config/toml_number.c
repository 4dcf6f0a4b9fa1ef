// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: integers and floats.
 *
 * Called by toml.c with one token, on the thread of zvm_toml_parse(); no locks. The grammar is
 * checked here, character by character; only then is the number without its underscores handed
 * to the C library, in the C locale whatever the process has set.
 *
 * TOML 1.0.0, "Integer", "Float".
 */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "toml_parser.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/*
 * Length of the run of digits of @base at @text, underscores included; 0 if there is none or an
 * underscore does not stand between two digits.
 */
static size_t digit_run(const char *text, size_t len, int base)
{
	bool digit = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '_') {
			if (!digit)
				return 0;
			digit = false;
		} else if (digit_value(text[i]) < base) {
			digit = true;
		} else {
			break;
		}
	}
	return digit ? i : 0;
}

static int bad_number(struct toml_parser *p, const char *text, size_t len)
{
	return toml_fail(p, "\"%.*s\" is not a number; text needs quotation marks",
			 len > 64 ? 64 : (int)len, text);
}

/* @text is digits and underscores only. The sign is known, so that INT64_MIN has its place. */
static int accumulate(struct toml_parser *p, const char *text, size_t len, int base, bool negative,
		      int64_t *out)
{
	uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0), n = 0;
	unsigned int d;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '_')
			continue;
		d = digit_value(text[i]);
		if (n > (limit - d) / base)
			return toml_fail(p, "the integer does not fit into 64 bits");
		n = n * base + d;
	}
	*out = negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

static int parse_based(struct toml_parser *p, const char *text, size_t len,
		       struct zvm_toml_value *value)
{
	int base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;

	value->type = ZVM_TOML_INTEGER;
	if (len == 2 || digit_run(text + 2, len - 2, base) != len - 2)
		return bad_number(p, text, len);
	return accumulate(p, text + 2, len - 2, base, false, &value->integer);
}

static int convert_float(struct toml_parser *p, const char *text, size_t len,
			 struct zvm_toml_value *value)
{
	size_t i, n = 0;
	locale_t c;
	char *s;

	s = malloc(len + 1);
	if (!s)
		return toml_no_memory(p);
	for (i = 0; i < len; i++)
		if (text[i] != '_')
			s[n++] = text[i];
	s[n] = '\0';
	c = newlocale(LC_ALL_MASK, "C", NULL);
	if (!c) {
		free(s);
		return toml_no_memory(p);
	}
	value->type = ZVM_TOML_FLOAT;
	value->real = strtod_l(s, NULL, c);
	freelocale(c);
	free(s);
	return 0;
}

static int parse_decimal(struct toml_parser *p, const char *text, size_t len,
			 struct zvm_toml_value *value)
{
	size_t sign = text[0] == '+' || text[0] == '-', at, run;
	bool is_float = false;

	run = digit_run(text + sign, len - sign, 10);
	if (!run)
		return bad_number(p, text, len);
	if (run > 1 && text[sign] == '0')
		return toml_fail(p, "\"%.*s\" has a leading zero; remove it, or write 0o for octal",
				 len > 64 ? 64 : (int)len, text);
	at = sign + run;
	if (at < len && text[at] == '.') {
		is_float = true;
		run = digit_run(text + at + 1, len - at - 1, 10);
		if (!run)
			return toml_fail(p, "\"%.*s\" needs a digit on both sides of the point",
					 len > 64 ? 64 : (int)len, text);
		at += 1 + run;
	}
	if (at < len && (text[at] == 'e' || text[at] == 'E')) {
		is_float = true;
		at++;
		if (at < len && (text[at] == '+' || text[at] == '-'))
			at++;
		run = digit_run(text + at, len - at, 10);
		if (!run)
			return bad_number(p, text, len);
		at += run;
	}
	if (at != len)
		return bad_number(p, text, len);
	if (is_float)
		return convert_float(p, text, len, value);
	value->type = ZVM_TOML_INTEGER;
	return accumulate(p, text + sign, len - sign, 10, text[0] == '-', &value->integer);
}

/* @text is a whole token of at least one byte that begins with a digit, a sign, 'i' or 'n'. */
int toml_parse_number(struct toml_parser *p, const char *text, size_t len,
		      struct zvm_toml_value *value)
{
	size_t sign = text[0] == '+' || text[0] == '-';

	if (len == sign + 3 && (!memcmp(text + sign, "inf", 3) || !memcmp(text + sign, "nan", 3))) {
		value->type = ZVM_TOML_FLOAT;
		value->real = text[sign] == 'i' ? __builtin_inf() : __builtin_nan("");
		if (text[0] == '-')
			value->real = -value->real;
		return 0;
	}
	if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b'))
		return parse_based(p, text, len, value);
	return parse_decimal(p, text, len, value);
}
