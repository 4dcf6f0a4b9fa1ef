// SPDX-License-Identifier: GPL-2.0
/*
 * TOML 1.0.0, values that hold no others: strings, integers, floats, booleans, dates and times.
 */
#include <math.h>

#include "toml_check.h"

static void basic_string_has_every_escape(void **state)
{
	toml_expect_string("v = \"\\b\\t\\n\\f\\r\\\"\\\\\"", "\b\t\n\f\r\"\\", 7);
	toml_expect_string("v = \"\\u00e9\\u20AC\\U0001F600\"",
			   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
	toml_expect_string("v = \"\\U0010FFFF\"", "\xf4\x8f\xbf\xbf", 4);
	toml_expect_string("v = \"\\uD7FF\\uE000\"", "\xed\x9f\xbf\xee\x80\x80", 6);
}

static void escaped_zero_stays_inside_the_string(void **state)
{
	toml_expect_string("v = \"a\\u0000b\"", "a\0b", 3);
}

static void unknown_escape_is_refused_with_a_remedy(void **state)
{
	toml_refuse("v = \"a\\q\"",
		    "t.toml:1:7: \\q is no escape; write \\\\ for a backslash, or put "
		    "the text in single quotes");
	toml_refuse("v = \"C:\\", "t.toml:1:8: a lone backslash; write \\\\");
	toml_refuse("v = \"\\x41\"", "t.toml:1:6: \\x is no escape; write \\\\ for a backslash, or "
				     "put the text in single quotes");
}

static void escape_of_no_character_is_refused(void **state)
{
	toml_refuse("v = \"\\ud800\"", "t.toml:1:6: U+D800 is not a Unicode character");
	toml_refuse("v = \"\\uDFFF\"", "t.toml:1:6: U+DFFF is not a Unicode character");
	toml_refuse("v = \"\\U00110000\"", "t.toml:1:6: U+110000 is not a Unicode character");
	toml_refuse("v = \"\\Uffffffff\"", "t.toml:1:6: U+FFFFFFFF is not a Unicode character");
	toml_refuse("v = \"\\u12g4\"", "t.toml:1:6: \\u takes 4 hexadecimal digits");
	toml_refuse("v = \"\\U0001F60\"", "t.toml:1:6: \\U takes 8 hexadecimal digits");
}

static void string_must_close_on_its_line(void **state)
{
	toml_refuse("v = \"abc\nw = 1", "t.toml:1:5: the string has no closing \" on its line");
	toml_refuse("v = 'abc\r\n", "t.toml:1:5: the string has no closing ' on its line");
	toml_refuse("v = \"abc\\\"", "t.toml:1:5: the string has no closing \" on its line");
	toml_refuse("v = \"", "t.toml:1:5: the string has no closing \" on its line");
}

static void literal_string_keeps_backslashes(void **state)
{
	toml_expect_string("v = 'C:\\dir\\u0041 \"x\"'", "C:\\dir\\u0041 \"x\"", 16);
	toml_expect_string("v = ''", "", 0);
}

static void multi_line_string_drops_the_first_newline_only(void **state)
{
	toml_expect_string("v = \"\"\"\na\n\nb\n\"\"\"", "a\n\nb\n", 5);
	toml_expect_string("v = '''\na\\\nb'''", "a\\\nb", 4);
	toml_expect_string("v = \"\"\"\"\"\"", "", 0);
	toml_expect_string("v = \"\"\"\n\"\"\"", "", 0);
}

static void crlf_in_a_multi_line_string_is_stored_as_newline(void **state)
{
	toml_expect_string("v = \"\"\"\r\na\r\nb\"\"\"", "a\nb", 3);
	toml_expect_string("v = '''a\r\nb'''", "a\nb", 3);
}

static void line_ending_backslash_eats_all_white_space(void **state)
{
	toml_expect_string("v = \"\"\"a \\\n\n  \t b\"\"\"", "a b", 3);
	toml_expect_string("v = \"\"\"\\  \t\r\n  a\\\n\"\"\"", "a", 1);
	toml_expect_string("v = \"\"\"a\\\\\nb\"\"\"", "a\\\nb", 4);
	toml_refuse("v = \"\"\"a \\ b\"\"\"", "t.toml:1:10: a lone backslash; write \\\\");
	toml_refuse("v = \"a \\\n\"", "t.toml:1:8: a lone backslash; write \\\\");
}

static void quotation_marks_beside_the_closing_three_are_text(void **state)
{
	toml_expect_string("v = \"\"\"a\"\"b\"\"\"", "a\"\"b", 4);
	toml_expect_string("v = \"\"\"a\"\"\"\"", "a\"", 2);
	toml_expect_string("v = \"\"\"a\"\"\"\"\"", "a\"\"", 3);
	toml_expect_string("v = \"\"\"\"\"\"\"\"", "\"\"", 2);
	toml_expect_string("v = '''a'''''", "a''", 3);
	toml_refuse("v = \"\"\"a\"\"\"\"\"\"",
		    "t.toml:1:14: '\"' after the value; start a new line");
	toml_refuse("v = '''''''''", "t.toml:1:13: ''' after the value; start a new line");
}

static void multi_line_string_must_close(void **state)
{
	toml_refuse("v = \"\"\"a\n", "t.toml:1:5: the string has no closing \"\"\"");
	toml_refuse("v = '''a''", "t.toml:1:5: the string has no closing '''");
}

static void control_character_in_a_string_is_refused(void **state)
{
	toml_refuse("v = \"a\001\"",
		    "t.toml:1:7: control character 0x01 in a string; write it as an escape");
	toml_refuse("v = '\x7f'",
		    "t.toml:1:6: control character 0x7f in a string; use double quotes "
		    "and an escape");
	toml_refuse("v = \"\"\"a\rb\"\"\"",
		    "t.toml:1:9: control character 0x0d in a string; write it as an escape");
	toml_refuse_bytes(
		"v = '\0'", 7,
		"t.toml:1:6: control character 0x00 in a string; use double quotes and an "
		"escape");
	toml_expect_string("v = \"a\tb\"", "a\tb", 3);
	toml_expect_string("v = '''a\tb'''", "a\tb", 3);
}

static void integer_may_have_sign_and_underscores(void **state)
{
	toml_expect_integer("v = 0", 0);
	toml_expect_integer("v = +0", 0);
	toml_expect_integer("v = -0", 0);
	toml_expect_integer("v = +99", 99);
	toml_expect_integer("v = -1_2_3", -123);
	toml_expect_integer("v = 5_349_221", 5349221);
}

static void integer_covers_exactly_64_bits(void **state)
{
	toml_expect_integer("v = 9223372036854775807", INT64_MAX);
	toml_expect_integer("v = -9223372036854775808", INT64_MIN);
	toml_expect_integer("v = 0x7fffffffffffffff", INT64_MAX);
	toml_refuse("v = 9223372036854775808", "t.toml:1:5: the integer does not fit into 64 bits");
	toml_refuse("v = -9223372036854775809",
		    "t.toml:1:5: the integer does not fit into 64 bits");
	toml_refuse("v = 0x8000000000000000", "t.toml:1:5: the integer does not fit into 64 bits");
	toml_refuse("v = 99999999999999999999999999",
		    "t.toml:1:5: the integer does not fit into 64 bits");
}

static void integer_in_hex_octal_and_binary(void **state)
{
	toml_expect_integer("v = 0xDEAD_beef", 0xdeadbeef);
	toml_expect_integer("v = 0x00e0", 0xe0);
	toml_expect_integer("v = 0o0755", 0755);
	toml_expect_integer("v = 0b1101_0110", 0xd6);
}

static void leading_zero_is_refused_with_a_remedy(void **state)
{
	toml_refuse("v = 0123",
		    "t.toml:1:5: \"0123\" has a leading zero; remove it, or write 0o for octal");
	toml_refuse("v = -01", "t.toml:1:5: \"-01\" has a leading zero; remove it, or write 0o for "
			       "octal");
	toml_refuse("v = 0_1", "t.toml:1:5: \"0_1\" has a leading zero; remove it, or write 0o for "
			       "octal");
	toml_refuse("v = 03.14", "t.toml:1:5: \"03.14\" has a leading zero; remove it, or write 0o "
				 "for octal");
}

static void malformed_integer_is_refused(void **state)
{
	static const char *const bad[] = {
		"v = 1_",   "v = 1__2", "v = _1",  "v = 0x",	 "v = 0x_1", "v = 0x1_",
		"v = +0x1", "v = -0b1", "v = 0b2", "v = 0o8",	 "v = 0xg",  "v = 0X1",
		"v = 0B1",  "v = 0O7",	"v = 1 2", "v = ++1",	 "v = +-1",  "v = +",
		"v = 1k",   "v = 12a",	"v = 0b",  "v = 1_000_", NULL,
	};

	toml_refuse_all(bad);
	toml_refuse("v = 512M", "t.toml:1:5: \"512M\" is not a number; text needs quotation marks");
}

static void expect_float(const char *text, double real)
{
	struct zvm_toml_value *doc = toml_accept(text), *v = toml_at(doc, "v", NULL);

	assert_int_equal(v->type, ZVM_TOML_FLOAT);
	assert_true(v->real == real);
	assert_int_equal(!!signbit(v->real), !!signbit(real));
	zvm_toml_free(doc);
}

static void float_has_fraction_or_exponent(void **state)
{
	expect_float("v = 1.0", 1.0);
	expect_float("v = +3.1415", 3.1415);
	expect_float("v = -0.01", -0.01);
	expect_float("v = 5e+22", 5e22);
	expect_float("v = 1e06", 1e6);
	expect_float("v = -2E-2", -2e-2);
	expect_float("v = 6.626e-34", 6.626e-34);
	expect_float("v = 224_617.445_991_228", 224617.445991228);
	expect_float("v = 0e0", 0.0);
	expect_float("v = -0.0", -0.0);
}

static void float_may_be_infinite_or_not_a_number(void **state)
{
	static const char *const nan_texts[] = { "v = nan", "v = +nan", "v = -nan" };
	struct zvm_toml_value *doc;
	size_t i;

	expect_float("v = inf", INFINITY);
	expect_float("v = +inf", INFINITY);
	expect_float("v = -inf", -INFINITY);
	for (i = 0; i < 3; i++) {
		doc = toml_accept(nan_texts[i]);
		assert_true(isnan(toml_at(doc, "v", NULL)->real));
		zvm_toml_free(doc);
	}
}

static void malformed_float_is_refused(void **state)
{
	static const char *const bad[] = {
		"v = .7",   "v = 7.",	    "v = 3.e+20", "v = 1e",    "v = 1e+",
		"v = 1.e1", "v = 1._2",	    "v = 1_.2",	  "v = 1.2_",  "v = 1e_2",
		"v = 1e2_", "v = 1.2.3",    "v = 1e2.3",  "v = 1e1e1", "v = Inf",
		"v = NaN",  "v = infinity", "v = +-inf",  "v = 0x1.8", NULL,
	};

	toml_refuse_all(bad);
	toml_refuse("v = 7.", "t.toml:1:5: \"7.\" needs a digit on both sides of the point");
}

static void boolean_is_lower_case(void **state)
{
	struct zvm_toml_value *doc = toml_accept("t = true\nf = false");

	assert_int_equal(toml_at(doc, "t", NULL)->type, ZVM_TOML_BOOLEAN);
	assert_true(toml_at(doc, "t", NULL)->boolean);
	assert_int_equal(toml_at(doc, "f", NULL)->type, ZVM_TOML_BOOLEAN);
	assert_false(toml_at(doc, "f", NULL)->boolean);
	zvm_toml_free(doc);
	toml_refuse("v = True",
		    "t.toml:1:5: True is not a value; text needs quotation marks: \"True\"");
	toml_refuse("v = truer",
		    "t.toml:1:5: truer is not a value; text needs quotation marks: \"truer\"");
}

static void expect_datetime(const char *text, enum zvm_toml_type type,
			    struct zvm_toml_datetime expected)
{
	struct zvm_toml_value *doc = toml_accept(text), *v = toml_at(doc, "v", NULL);
	struct zvm_toml_datetime *t = &v->datetime;

	assert_int_equal(v->type, type);
	assert_int_equal(t->year, expected.year);
	assert_int_equal(t->month, expected.month);
	assert_int_equal(t->day, expected.day);
	assert_int_equal(t->hour, expected.hour);
	assert_int_equal(t->minute, expected.minute);
	assert_int_equal(t->second, expected.second);
	assert_int_equal(t->nanosecond, expected.nanosecond);
	assert_int_equal(t->offset, expected.offset);
	zvm_toml_free(doc);
}

static void offset_datetime_is_rfc_3339(void **state)
{
	expect_datetime("v = 1979-05-27T07:32:00Z", ZVM_TOML_OFFSET_DATETIME,
			(struct zvm_toml_datetime){ 1979, 5, 27, 7, 32, 0, 0, 0 });
	expect_datetime("v = 1979-05-27T00:32:00.999999-07:00", ZVM_TOML_OFFSET_DATETIME,
			(struct zvm_toml_datetime){ 1979, 5, 27, 0, 32, 0, 999999000, -420 });
	expect_datetime("v = 1979-05-27 07:32:00z # c", ZVM_TOML_OFFSET_DATETIME,
			(struct zvm_toml_datetime){ 1979, 5, 27, 7, 32, 0, 0, 0 });
	expect_datetime("v = 2016-12-31t23:59:60+23:59", ZVM_TOML_OFFSET_DATETIME,
			(struct zvm_toml_datetime){ 2016, 12, 31, 23, 59, 60, 0, 1439 });
}

static void local_datetime_date_and_time_have_no_offset(void **state)
{
	expect_datetime("v = 1979-05-27T07:32:00", ZVM_TOML_LOCAL_DATETIME,
			(struct zvm_toml_datetime){ 1979, 5, 27, 7, 32, 0, 0, 0 });
	expect_datetime("v = 1979-05-27", ZVM_TOML_LOCAL_DATE,
			(struct zvm_toml_datetime){ .year = 1979, .month = 5, .day = 27 });
	expect_datetime("v = 07:32:00", ZVM_TOML_LOCAL_TIME,
			(struct zvm_toml_datetime){ .hour = 7, .minute = 32 });
	expect_datetime("v = 00:32:00.5", ZVM_TOML_LOCAL_TIME,
			(struct zvm_toml_datetime){ .minute = 32, .nanosecond = 500000000 });
}

static void digits_beyond_nanoseconds_are_dropped(void **state)
{
	expect_datetime("v = 00:00:00.1234567899999", ZVM_TOML_LOCAL_TIME,
			(struct zvm_toml_datetime){ .nanosecond = 123456789 });
}

static void space_before_a_comment_does_not_join_a_date(void **state)
{
	expect_datetime("v = 1979-05-27 # 07:32:00", ZVM_TOML_LOCAL_DATE,
			(struct zvm_toml_datetime){ .year = 1979, .month = 5, .day = 27 });
	expect_datetime("v = 1979-05-27 ", ZVM_TOML_LOCAL_DATE,
			(struct zvm_toml_datetime){ .year = 1979, .month = 5, .day = 27 });
}

static void date_knows_the_length_of_months(void **state)
{
	zvm_toml_free(toml_accept("v = 2024-02-29"));
	zvm_toml_free(toml_accept("v = 2000-02-29"));
	zvm_toml_free(toml_accept("v = 2023-01-31"));
	toml_refuse("v = 2023-02-29", "t.toml:1:5: 2023-02 has no day 29");
	toml_refuse("v = 1900-02-29", "t.toml:1:5: 1900-02 has no day 29");
	toml_refuse("v = 2023-04-31", "t.toml:1:5: 2023-04 has no day 31");
	toml_refuse("v = 2023-01-00", "t.toml:1:5: 2023-01 has no day 00");
	toml_refuse("v = 2023-13-01", "t.toml:1:5: there is no month 13");
	toml_refuse("v = 2023-00-01", "t.toml:1:5: there is no month 00");
}

static void time_of_day_is_checked(void **state)
{
	toml_refuse("v = 24:00:00", "t.toml:1:5: 24:00:00 is not a time of day");
	toml_refuse("v = 00:60:00", "t.toml:1:5: 00:60:00 is not a time of day");
	toml_refuse("v = 00:00:61", "t.toml:1:5: 00:00:61 is not a time of day");
}

static void malformed_date_is_refused(void **state)
{
	static const char *const bad[] = {
		"v = 1979-5-27",
		"v = 1979-05-7",
		"v = 79-05-27",
		"v = 1979-05",
		"v = 1979-05-27T",
		"v = 1979-05-27T07:32",
		"v = 1979-05-27T7:32:00",
		"v = 1979-05-27  07:32:00",
		"v = 1979-05-27T07:32:00.",
		"v = 1979-05-27T07:32:00.Z",
		"v = 1979-05-27Z",
		"v = 1979-05-27T07:32:00+0700",
		"v = 1979-05-27T07:32:00+24:00",
		"v = 1979-05-27T07:32:00+00:60",
		"v = 1979-05-27T07:32:00ZZ",
		"v = 07:32",
		"v = 7:32:00",
		"v = 07:32:00Z",
		"v = 07:32:00+01:00",
		"v = 1979/05/27",
		"v = 11979-05-27",
		"v = 1979-05-27x07:32:00",
		NULL,
	};

	toml_refuse_all(bad);
	toml_refuse("v = 1979-05-27T07:32",
		    "t.toml:1:5: \"1979-05-27T07:32\" is not a date or time; write them like "
		    "1979-05-27T07:32:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_string_has_every_escape),
		cmocka_unit_test(escaped_zero_stays_inside_the_string),
		cmocka_unit_test(unknown_escape_is_refused_with_a_remedy),
		cmocka_unit_test(escape_of_no_character_is_refused),
		cmocka_unit_test(string_must_close_on_its_line),
		cmocka_unit_test(literal_string_keeps_backslashes),
		cmocka_unit_test(multi_line_string_drops_the_first_newline_only),
		cmocka_unit_test(crlf_in_a_multi_line_string_is_stored_as_newline),
		cmocka_unit_test(line_ending_backslash_eats_all_white_space),
		cmocka_unit_test(quotation_marks_beside_the_closing_three_are_text),
		cmocka_unit_test(multi_line_string_must_close),
		cmocka_unit_test(control_character_in_a_string_is_refused),
		cmocka_unit_test(integer_may_have_sign_and_underscores),
		cmocka_unit_test(integer_covers_exactly_64_bits),
		cmocka_unit_test(integer_in_hex_octal_and_binary),
		cmocka_unit_test(leading_zero_is_refused_with_a_remedy),
		cmocka_unit_test(malformed_integer_is_refused),
		cmocka_unit_test(float_has_fraction_or_exponent),
		cmocka_unit_test(float_may_be_infinite_or_not_a_number),
		cmocka_unit_test(malformed_float_is_refused),
		cmocka_unit_test(boolean_is_lower_case),
		cmocka_unit_test(offset_datetime_is_rfc_3339),
		cmocka_unit_test(local_datetime_date_and_time_have_no_offset),
		cmocka_unit_test(digits_beyond_nanoseconds_are_dropped),
		cmocka_unit_test(space_before_a_comment_does_not_join_a_date),
		cmocka_unit_test(date_knows_the_length_of_months),
		cmocka_unit_test(time_of_day_is_checked),
		cmocka_unit_test(malformed_date_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
