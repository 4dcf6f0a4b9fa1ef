// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: the four kinds of date and time.
 *
 * Called by toml.c with one token, on the thread of zvm_toml_parse(); no locks. The grammar is
 * that of RFC 3339, with a space allowed for the T, and the range of each field is checked, the
 * length of the month included.
 *
 * TOML 1.0.0, "Offset Date-Time" to "Local Time"; RFC 3339 section 5.6.
 */
#include "toml_parser.h"

struct cursor {
	const char *at, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly @digits digits. */
static bool take_number(struct cursor *c, int digits, int *out)
{
	int i, n = 0;

	if (c->end - c->at < digits)
		return false;
	for (i = 0; i < digits; i++) {
		if (!is_digit(c->at[i]))
			return false;
		n = n * 10 + (c->at[i] - '0');
	}
	c->at += digits;
	*out = n;
	return true;
}

static bool take(struct cursor *c, char ch)
{
	if (c->at == c->end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static bool take_date(struct cursor *c, struct zvm_toml_datetime *t)
{
	return take_number(c, 4, &t->year) && take(c, '-') && take_number(c, 2, &t->month) &&
	       take(c, '-') && take_number(c, 2, &t->day);
}

static bool take_time(struct cursor *c, struct zvm_toml_datetime *t)
{
	uint32_t unit = 100000000;

	if (!(take_number(c, 2, &t->hour) && take(c, ':') && take_number(c, 2, &t->minute) &&
	      take(c, ':') && take_number(c, 2, &t->second)))
		return false;
	if (!take(c, '.'))
		return true;
	if (c->at == c->end || !is_digit(*c->at))
		return false;
	for (; c->at < c->end && is_digit(*c->at); c->at++, unit /= 10)
		t->nanosecond += (uint32_t)(*c->at - '0') * unit;
	return true;
}

/* Z or +hh:mm or -hh:mm. The range of its fields is checked here, as they are not kept apart. */
static bool take_offset(struct cursor *c, struct zvm_toml_datetime *t)
{
	int hours, minutes, sign;

	if (take(c, 'Z') || take(c, 'z'))
		return true;
	if (take(c, '+'))
		sign = 1;
	else if (take(c, '-'))
		sign = -1;
	else
		return false;
	if (!(take_number(c, 2, &hours) && take(c, ':') && take_number(c, 2, &minutes)))
		return false;
	t->offset = sign * (hours * 60 + minutes);
	return hours <= 23 && minutes <= 59;
}

static bool has_date(enum zvm_toml_type type)
{
	return type != ZVM_TOML_LOCAL_TIME;
}

static int check_ranges(struct toml_parser *p, enum zvm_toml_type type,
			const struct zvm_toml_datetime *t)
{
	if (has_date(type)) {
		if (t->month < 1 || t->month > 12)
			return toml_fail(p, "there is no month %02d", t->month);
		if (t->day < 1 || t->day > days_in_month(t->year, t->month))
			return toml_fail(p, "%04d-%02d has no day %02d", t->year, t->month, t->day);
	}
	if (t->hour > 23 || t->minute > 59 || t->second > 60)
		return toml_fail(p, "%02d:%02d:%02d is not a time of day", t->hour, t->minute,
				 t->second);
	return 0;
}

/* Tell 1979-05-27 and 07:32:00 from numbers, in what follows a digit. */
bool toml_looks_like_datetime(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && is_digit(text[i]); i++)
		;
	return i && i < len && ((i == 4 && text[i] == '-') || text[i] == ':');
}

int toml_parse_datetime(struct toml_parser *p, const char *text, size_t len,
			struct zvm_toml_value *value)
{
	struct zvm_toml_datetime t = { 0 };
	struct cursor c = { .at = text, .end = text + len };
	bool good;

	if (len > 2 && text[2] == ':') {
		value->type = ZVM_TOML_LOCAL_TIME;
		good = take_time(&c, &t);
	} else {
		value->type = ZVM_TOML_LOCAL_DATE;
		good = take_date(&c, &t);
		if (good && c.at < c.end) {
			value->type = ZVM_TOML_LOCAL_DATETIME;
			good = (take(&c, 'T') || take(&c, 't') || take(&c, ' ')) &&
			       take_time(&c, &t);
		}
		if (good && c.at < c.end && value->type == ZVM_TOML_LOCAL_DATETIME) {
			value->type = ZVM_TOML_OFFSET_DATETIME;
			good = take_offset(&c, &t);
		}
	}
	if (!good || c.at != c.end)
		return toml_fail(p,
				 "\"%.*s\" is not a date or time; "
				 "write them like 1979-05-27T07:32:00Z",
				 len > 64 ? 64 : (int)len, text);
	value->datetime = t;
	return check_ranges(p, value->type, &t);
}
