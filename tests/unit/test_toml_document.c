// SPDX-License-Identifier: GPL-2.0
/*
 * TOML 1.0.0, the document: encoding, lines, comments, keys, arrays, tables, and what may be
 * defined twice. Last the limits of our own.
 */
#include <errno.h>
#include <stdio.h>

#include "toml_check.h"

static void empty_document_is_an_empty_table(void **state)
{
	static const char *const texts[] = { "", "\n", "  \t\r\n", "# only a comment", NULL };
	struct zvm_toml_value *doc;
	size_t i;

	for (i = 0; texts[i]; i++) {
		doc = toml_accept(texts[i]);
		assert_int_equal(doc->type, ZVM_TOML_TABLE);
		assert_int_equal(doc->table.nr, 0);
		zvm_toml_free(doc);
	}
}

static void byte_order_mark_is_skipped(void **state)
{
	struct zvm_toml_value *doc = toml_accept("\xef\xbb\xbfv = 1");

	assert_int_equal(toml_at(doc, "v", NULL)->column, 5);
	zvm_toml_free(doc);
	toml_refuse("v\xef\xbb\xbf = 1",
		    "t.toml:1:2: '\xef\xbb\xbf' after the key; write key = value");
	toml_refuse_bytes("\xff\xfev\0", 4, "t.toml:1:1: the file is UTF-16; save it as UTF-8");
}

static void invalid_utf8_is_refused_wherever_it_is(void **state)
{
	static const char *const bad[] = {
		"# \x80",
		"# \xc3",
		"# \xc0\xaf",
		"# \xc1\xbf",
		"# \xe0\x9f\xbf",
		"# \xed\xa0\x80",
		"# \xf0\x8f\xbf\xbf",
		"# \xf4\x90\x80\x80",
		"# \xf5\x80\x80\x80",
		"# \xe2\x82",
		"# \xf0\x9f\x98",
		"v = \"\xff\"",
		"v = '\xe2\x28\xa1'",
		"\xfe = 1",
		NULL,
	};

	toml_refuse_all(bad);
	toml_refuse("v = 1\n# \xc3\x28",
		    "t.toml:2:3: byte 0xc3 is not UTF-8; save the file as UTF-8");
	zvm_toml_free(toml_accept("# \xc2\x80 \xe0\xa0\x80 \xed\x9f\xbf \xf0\x90\x80\x80 "
				  "\xf4\x8f\xbf\xbf"));
}

static void comment_may_not_hold_control_characters(void **state)
{
	toml_refuse("# a\001", "t.toml:1:4: control character 0x01 in a comment; remove it");
	toml_refuse("v = 1 # a\rb", "t.toml:1:10: control character 0x0d in a comment; remove it");
	toml_refuse("#\x7f", "t.toml:1:2: control character 0x7f in a comment; remove it");
	zvm_toml_free(toml_accept("#\ttab\r\n# b"));
}

static void lines_end_with_lf_or_crlf(void **state)
{
	struct zvm_toml_value *doc = toml_accept("a = 1\r\nb = 2\nc = 3");

	assert_int_equal(toml_at(doc, "c", NULL)->line, 3);
	zvm_toml_free(doc);
	toml_refuse("a = 1\rb = 2", "t.toml:1:6: byte 0x0d after the value; start a new line");
}

static void one_key_per_line(void **state)
{
	toml_refuse("a = 1 b = 2", "t.toml:1:7: 'b' after the value; start a new line");
	toml_refuse("a = \"x\"y", "t.toml:1:8: 'y' after the value; start a new line");
	toml_refuse("[a] b = 1", "t.toml:1:5: 'b' after the table header; start a new line");
}

static void value_is_required_on_the_line_of_its_key(void **state)
{
	toml_refuse("a =", "t.toml:1:4: end of file where a value should be");
	toml_refuse("a = # c", "t.toml:1:5: '#' where a value should be");
	toml_refuse("a =\n1", "t.toml:1:4: end of line where a value should be");
	toml_refuse("a", "t.toml:1:2: end of file after the key; write key = value");
	toml_refuse("a\n= 1", "t.toml:1:2: end of line after the key; write key = value");
	toml_refuse("= 1", "t.toml:1:1: '=' where a key should be");
	toml_refuse("a = Image",
		    "t.toml:1:5: Image is not a value; text needs quotation marks: \"Image\"");
	toml_refuse("a = /x",
		    "t.toml:1:5: '/' where a value should be; text needs quotation marks");
}

static void bare_key_is_letters_digits_underscore_and_dash(void **state)
{
	struct zvm_toml_value *doc = toml_accept("aZ_-9 = 1\n1234 = 2\n- = 3");

	assert_int_equal(toml_integer(toml_at(doc, "aZ_-9", NULL)), 1);
	assert_int_equal(toml_integer(toml_at(doc, "1234", NULL)), 2);
	assert_int_equal(toml_integer(toml_at(doc, "-", NULL)), 3);
	zvm_toml_free(doc);
	toml_refuse("\xc3\xa9 = 1", "t.toml:1:1: '\xc3\xa9' where a key should be; a bare key has "
				    "only A-Z a-z 0-9 _ -, quote others");
	toml_refuse("a$ = 1", "t.toml:1:2: '$' after the key; write key = value");
}

static void quoted_key_is_a_string(void **state)
{
	struct zvm_toml_value *doc =
		toml_accept("\"127.0.0.1\" = 1\n'a \"b\"' = 2\n\"\\u00e9\" = 3\n\"\" = 4");

	assert_int_equal(toml_integer(toml_at(doc, "127.0.0.1", NULL)), 1);
	assert_int_equal(toml_integer(toml_at(doc, "a \"b\"", NULL)), 2);
	assert_int_equal(toml_integer(toml_at(doc, "\xc3\xa9", NULL)), 3);
	assert_int_equal(toml_integer(toml_at(doc, "", NULL)), 4);
	zvm_toml_free(doc);
	toml_refuse("\"\"\"a\"\"\" = 1", "t.toml:1:1: a key cannot be a multi-line string");
	toml_refuse("'a\n' = 1", "t.toml:1:1: the string has no closing ' on its line");
}

static void key_with_zero_inside_is_another_key(void **state)
{
	struct zvm_toml_value *doc = toml_accept("\"a\\u0000b\" = 1\na = 2");

	assert_int_equal(doc->table.nr, 2);
	assert_int_equal(toml_integer(toml_at(doc, "a", NULL)), 2);
	zvm_toml_free(doc);
}

static void dotted_key_makes_tables(void **state)
{
	struct zvm_toml_value *doc = toml_accept("a.b . \"c.d\" = 1\na.b.e=2\n3.14 = 'pi'");

	assert_int_equal(toml_integer(toml_at(doc, "a", "b", "c.d", NULL)), 1);
	assert_int_equal(toml_integer(toml_at(doc, "a", "b", "e", NULL)), 2);
	assert_int_equal(toml_at(doc, "3", "14", NULL)->type, ZVM_TOML_STRING);
	zvm_toml_free(doc);
	toml_refuse("a. = 1", "t.toml:1:4: '=' where a key should be");
	toml_refuse(".a = 1", "t.toml:1:1: '.' where a key should be");
	toml_refuse("a..b = 1", "t.toml:1:3: '.' where a key should be");
}

static void key_defined_twice_is_refused_with_the_first_line(void **state)
{
	toml_refuse("a = 1\nb = 2\na = 3", "t.toml:3:1: a is already defined in line 1");
	toml_refuse("a = 1\n\"a\" = 2", "t.toml:2:1: a is already defined in line 1");
	toml_refuse("a.b = 1\na.b = 2", "t.toml:2:3: b is already defined in line 1");
	toml_refuse("a = 1\na.b = 2", "t.toml:2:1: a is already defined in line 1");
	toml_refuse("a.b = 1\na = 2", "t.toml:2:1: a is already defined in line 1");
	toml_refuse("\"\\u001b\" = 1\n\"\\u001b\" = 2",
		    "t.toml:2:1: ? is already defined in line 1");
}

static void array_mixes_types_and_spans_lines(void **state)
{
	struct zvm_toml_value *doc = toml_accept(
		"v = [ 1, 'x' # c\n , [true, 1.5,], # d\r\n\n { a = 1 },\n# e\n]\nw = []");
	struct zvm_toml_value *v = toml_at(doc, "v", NULL);

	assert_int_equal(v->type, ZVM_TOML_ARRAY);
	assert_int_equal(v->array.nr, 4);
	assert_int_equal(v->array.item[1]->type, ZVM_TOML_STRING);
	assert_int_equal(v->array.item[2]->array.nr, 2);
	assert_int_equal(v->array.item[3]->type, ZVM_TOML_TABLE);
	assert_int_equal(v->array.item[3]->line, 4);
	assert_int_equal(toml_at(doc, "w", NULL)->array.nr, 0);
	zvm_toml_free(doc);
}

static void malformed_array_is_refused(void **state)
{
	toml_refuse("v = [1 2]",
		    "t.toml:1:8: '2' in the array that begins in line 1; expected , or ]");
	toml_refuse("v = [\n1,\n2\n",
		    "t.toml:4:1: end of file in the array that begins in line 1; expected , or ]");
	toml_refuse("v = [,]", "t.toml:1:6: ',' where a value should be");
	toml_refuse("v = [1,,2]", "t.toml:1:8: ',' where a value should be");
	toml_refuse("v = [ # \001\n]",
		    "t.toml:1:9: control character 0x01 in a comment; remove it");
	toml_refuse("v = [ 1 # \001\n]",
		    "t.toml:1:11: control character 0x01 in a comment; remove it");
	toml_refuse("v = [", "t.toml:1:6: end of file where a value should be");
	toml_refuse("v = ]", "t.toml:1:5: ']' where a value should be; text needs quotation marks");
}

static void inline_table_has_keys_of_every_form(void **state)
{
	struct zvm_toml_value *doc = toml_accept("v = { a = 1, b.c = 2, \"b\".d = 3 , e = {} }");

	assert_int_equal(toml_integer(toml_at(doc, "v", "b", "c", NULL)), 2);
	assert_int_equal(toml_integer(toml_at(doc, "v", "b", "d", NULL)), 3);
	assert_int_equal(toml_at(doc, "v", "e", NULL)->table.nr, 0);
	zvm_toml_free(doc);
}

static void inline_table_stays_on_its_line(void **state)
{
	static const char message[] = "an inline table must end on its line; use a [table]";
	char expected[128];

	snprintf(expected, sizeof(expected), "t.toml:1:6: %s", message);
	toml_refuse("v = {\n a = 1 }", expected);
	snprintf(expected, sizeof(expected), "t.toml:1:12: %s", message);
	toml_refuse("v = { a = 1\n }", expected);
	snprintf(expected, sizeof(expected), "t.toml:1:13: %s", message);
	toml_refuse("v = { a = 1 # c\n }", expected);
	snprintf(expected, sizeof(expected), "t.toml:1:13: %s", message);
	toml_refuse("v = { a = 1,\n b = 2 }", expected);
	/* A value inside may span lines, if its own form allows that. */
	zvm_toml_free(toml_accept("v = { a = [\n1,\n2 ], b = '''x\ny''' }"));
}

static void inline_table_has_no_trailing_comma(void **state)
{
	toml_refuse("v = { a = 1, }", "t.toml:1:14: an inline table has no comma before its }");
	toml_refuse("v = { , }",
		    "t.toml:1:7: ',' where a key should be; a bare key has only A-Z a-z "
		    "0-9 _ -, quote others");
	toml_refuse("v = { a = 1 b = 2 }", "t.toml:1:13: 'b' in an inline table; expected , or }");
}

static void inline_table_is_closed(void **state)
{
	toml_refuse("v = { a = 1 }\nv.b = 2", "t.toml:2:1: v is already defined in line 1");
	toml_refuse("v = { a = 1 }\n[v]", "t.toml:2:2: v is already defined in line 1");
	toml_refuse("v = { a = 1 }\n[v.b]",
		    "t.toml:2:2: v in line 1 is a table that nothing can be added to");
	toml_refuse("v = { a.b = 1 }\n[v.a.c]",
		    "t.toml:2:2: v in line 1 is a table that nothing can be added to");
	toml_refuse("v = { a = {}, a.b = 1 }", "t.toml:1:15: a is already defined in line 1");
	toml_refuse("v = { a = 1, a = 2 }", "t.toml:1:14: a is already defined in line 1");
	toml_refuse("[a]\nb.c = 1\nb = {}", "t.toml:3:1: b is already defined in line 2");
}

static void header_makes_its_super_tables(void **state)
{
	struct zvm_toml_value *doc = toml_accept("[ a . 'b'.c ]\nv = 1\n[a]\nw = 2\n[d]\n[e.f]");

	assert_int_equal(toml_integer(toml_at(doc, "a", "b", "c", "v", NULL)), 1);
	assert_int_equal(toml_integer(toml_at(doc, "a", "w", NULL)), 2);
	assert_int_equal(toml_at(doc, "d", NULL)->table.nr, 0);
	zvm_toml_free(doc);
}

static void malformed_header_is_refused(void **state)
{
	static const char *const bad[] = {
		"[]",	"[ ]",	"[a",	  "[a]]",   "[[a]",  "[[a] ]", "[ [a]]",
		"[a.]", "[.a]", "[a..b]", "[a b]",  "[a=1]", "[[]]",   "[a\n]",
		"[",	"[[",	"[a]b",	  "[\"a\"", "[a#]",  NULL,
	};

	toml_refuse_all(bad);
	toml_refuse("[a", "t.toml:1:3: end of file in a table header; expected ]");
	toml_refuse("[[a]", "t.toml:1:4: ']' in a table header; expected ]]");
}

static void table_is_defined_once(void **state)
{
	toml_refuse("[a]\n[b]\n[a]", "t.toml:3:2: a is already defined in line 1");
	toml_refuse("[a.b]\n[a]\n[a]", "t.toml:3:2: a is already defined in line 1");
	toml_refuse("a = 1\n[a]", "t.toml:2:2: a is already defined in line 1");
	toml_refuse("a = 1\n[a.b]",
		    "t.toml:2:2: a in line 1 is an integer that nothing can be added to");
	toml_refuse("[a]\nb = 1\n[a.b]", "t.toml:3:4: b is already defined in line 2");
}

static void table_of_a_dotted_key_cannot_be_reopened(void **state)
{
	toml_refuse("[f]\na.c = 1\n[f.a]", "t.toml:3:4: a is already defined in line 2");
	toml_refuse("[f]\na.t.s = 1\n[f.a.t]", "t.toml:3:6: t is already defined in line 2");
	toml_refuse("a.b = 1\n[a]", "t.toml:2:2: a is already defined in line 1");
	/* A new table below it is no redefinition. */
	zvm_toml_free(toml_accept("[f]\na.c = 1\n[f.a.x]\ns = true"));
}

static void dotted_key_cannot_add_to_a_table_with_a_header(void **state)
{
	toml_refuse("[a.b]\n[a]\nb.c = 1", "t.toml:3:1: b is already defined in line 1");
	toml_refuse("[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "t.toml:4:3: c is already defined in line 1");
	toml_refuse("[[a.b]]\n[a]\nb.y = 2", "t.toml:3:1: b is already defined in line 1");
	toml_refuse("[a.b.c]\n[a]\nb.x = 1\n[a.b]", "t.toml:4:4: b is already defined in line 1");
}

static void array_of_tables_appends(void **state)
{
	struct zvm_toml_value *doc = toml_accept("[[p]]\nn = 1\n[[p]]\n[[p]]\nn = 3\n[p.s]\nx = 1\n"
						 "[[p.q]]\n[[p.q]]\ny = 2");
	struct zvm_toml_value *p = toml_at(doc, "p", NULL);

	assert_int_equal(p->type, ZVM_TOML_ARRAY);
	assert_int_equal(p->array.nr, 3);
	assert_int_equal(p->array.item[1]->table.nr, 0);
	assert_int_equal(p->array.item[1]->line, 3);
	assert_int_equal(toml_integer(toml_at(p->array.item[2], "n", NULL)), 3);
	assert_int_equal(toml_integer(toml_at(p->array.item[2], "s", "x", NULL)), 1);
	assert_int_equal(toml_at(p->array.item[2], "q", NULL)->array.nr, 2);
	zvm_toml_free(doc);
}

static void each_element_of_an_array_of_tables_is_a_new_table(void **state)
{
	zvm_toml_free(toml_accept("[[p]]\n[p.s]\nx=1\n[[p]]\n[p.s]\nx=2"));
	toml_refuse("[[p]]\n[p.s]\n[p.s]", "t.toml:3:4: s is already defined in line 2");
}

static void static_array_is_not_an_array_of_tables(void **state)
{
	toml_refuse("p = []\n[[p]]", "t.toml:2:3: p is already defined in line 1");
	toml_refuse("p = [{}]\n[p.a]",
		    "t.toml:2:2: p in line 1 is an array that nothing can be added to");
	toml_refuse("p = [{}]\n[[p]]", "t.toml:2:3: p is already defined in line 1");
}

static void table_and_array_of_tables_exclude_each_other(void **state)
{
	toml_refuse("[[p]]\n[p]", "t.toml:2:2: p is already defined in line 1");
	toml_refuse("[p]\n[[p]]", "t.toml:2:3: p is already defined in line 1");
	toml_refuse("[p.q]\n[[p]]", "t.toml:2:3: p is already defined in line 1");
	toml_refuse("[[p]]\n[[p.q]]\n[p.q]", "t.toml:3:4: q is already defined in line 2");
}

static void values_carry_line_and_column_in_characters(void **state)
{
	struct zvm_toml_value *doc =
		toml_accept("# x\n\"\xc3\xa9\xe2\x82\xac\" =  [\n\t1, 2]\n[t]\n"
			    "k = '''\n\n''' # c\nl = 1");
	struct zvm_toml_value *v = toml_at(doc, "\xc3\xa9\xe2\x82\xac", NULL);

	assert_int_equal(v->line, 2);
	assert_int_equal(v->column, 9);
	assert_int_equal(v->array.item[1]->line, 3);
	assert_int_equal(v->array.item[1]->column, 5);
	assert_int_equal(zvm_toml_find(toml_at(doc, "t", NULL), "l")->line, 8);
	assert_int_equal(toml_at(doc, "t", NULL)->line, 4);
	assert_int_equal(toml_at(doc, "t", NULL)->column, 2);
	zvm_toml_free(doc);
}

static void entries_keep_the_order_of_the_text(void **state)
{
	struct zvm_toml_value *doc = toml_accept("z = 1\na = 2\nm = 3");

	assert_string_equal(doc->table.entry[0]->key, "z");
	assert_string_equal(doc->table.entry[1]->key, "a");
	assert_string_equal(doc->table.entry[2]->key, "m");
	assert_null(zvm_toml_find(doc, "b"));
	zvm_toml_free(doc);
}

/* "v = " and @n times @open, closed again with @close. */
static char *nested(size_t n, char open, const char *inner, char close)
{
	char *text = malloc(2 * n + strlen(inner) + 8), *at = text;

	assert_non_null(text);
	at += sprintf(at, "v = ");
	memset(at, open, n);
	at += n;
	at += sprintf(at, "%s", inner);
	memset(at, close, n);
	at[n] = '\0';
	return text;
}

static void nesting_is_bounded(void **state)
{
	char *text = nested(ZVM_TOML_MAX_DEPTH, '[', "", ']');
	struct zvm_toml_value *doc;
	struct zvm_err err = { 0 };
	size_t i;

	zvm_toml_free(toml_accept(text));
	free(text);

	text = nested(ZVM_TOML_MAX_DEPTH + 1, '[', "", ']');
	toml_refuse(text, "t.toml:1:69: values are nested more than 64 deep");
	free(text);

	/* What would take a parser without a limit through its stack. */
	text = nested(400000, '[', "", ']');
	toml_refuse(text, "t.toml:1:69: values are nested more than 64 deep");
	free(text);

	text = malloc(3 * 100000);
	assert_non_null(text);
	for (i = 0; i < 100000; i++)
		memcpy(text + 3 * i, "a. ", 3);
	text[3 * 100000 - 1] = '=';
	assert_int_equal(toml_try_bytes(text, 3 * 100000, &doc, &err), -EINVAL);
	assert_string_equal(err.msg, "t.toml:1:193: the key has more than 64 parts");
	free(text);
}

static void tables_below_arrays_of_tables_are_bounded_too(void **state)
{
	char text[8192] = "", *at = text;
	struct zvm_toml_value *doc;
	struct zvm_err err = { 0 };
	int depth, i;

	/* [[a]] [[a.a]] [[a.a.a]] ...: two levels each. */
	for (depth = 1; depth <= ZVM_TOML_MAX_DEPTH / 2 + 1; depth++) {
		at += sprintf(at, "[[");
		for (i = 0; i < depth; i++)
			at += sprintf(at, "%sa", i ? "." : "");
		at += sprintf(at, "]]\n");
	}
	assert_int_equal(toml_try_bytes(text, strlen(text), &doc, &err), -EINVAL);
	assert_string_equal(err.msg, "t.toml:33:67: tables are nested more than 64 deep");
}

static void size_is_bounded(void **state)
{
	size_t len = ZVM_TOML_MAX_BYTES;
	char *text = malloc(len + 1);
	struct zvm_err err = { 0 };
	struct zvm_toml_value *doc;

	assert_non_null(text);
	memset(text, '\n', len + 1);
	assert_int_equal(toml_try_bytes(text, len, &doc, &err), 0);
	zvm_toml_free(doc);
	assert_int_equal(toml_try_bytes(text, len + 1, &doc, &err), -EFBIG);
	assert_string_equal(err.msg, "t.toml: larger than 1024 KiB");
	free(text);
}

/* In a quadratic reader each of these takes minutes, so the test runner's limit is the check. */
static void largest_document_takes_no_quadratic_time(void **state)
{
	size_t len = 0, cap = ZVM_TOML_MAX_BYTES;
	char *text = malloc(cap + 64);
	struct zvm_toml_value *doc;
	struct zvm_err err = { 0 };
	unsigned int n;

	assert_non_null(text);
	for (n = 0; len < cap - 16; n++)
		len += sprintf(text + len, "k%u=%u\n", n, n);
	assert_int_equal(toml_try_bytes(text, len, &doc, &err), 0);
	assert_int_equal(doc->table.nr, n);
	assert_int_equal(toml_integer(toml_at(doc, "k77777", NULL)), 77777);
	zvm_toml_free(doc);

	len = sprintf(text, "v=[");
	for (n = 0; len < cap - 16; n++)
		len += sprintf(text + len, "1,");
	len += sprintf(text + len, "]");
	assert_int_equal(toml_try_bytes(text, len, &doc, &err), 0);
	assert_int_equal(toml_at(doc, "v", NULL)->array.nr, n);
	zvm_toml_free(doc);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_document_is_an_empty_table),
		cmocka_unit_test(byte_order_mark_is_skipped),
		cmocka_unit_test(invalid_utf8_is_refused_wherever_it_is),
		cmocka_unit_test(comment_may_not_hold_control_characters),
		cmocka_unit_test(lines_end_with_lf_or_crlf),
		cmocka_unit_test(one_key_per_line),
		cmocka_unit_test(value_is_required_on_the_line_of_its_key),
		cmocka_unit_test(bare_key_is_letters_digits_underscore_and_dash),
		cmocka_unit_test(quoted_key_is_a_string),
		cmocka_unit_test(key_with_zero_inside_is_another_key),
		cmocka_unit_test(dotted_key_makes_tables),
		cmocka_unit_test(key_defined_twice_is_refused_with_the_first_line),
		cmocka_unit_test(array_mixes_types_and_spans_lines),
		cmocka_unit_test(malformed_array_is_refused),
		cmocka_unit_test(inline_table_has_keys_of_every_form),
		cmocka_unit_test(inline_table_stays_on_its_line),
		cmocka_unit_test(inline_table_has_no_trailing_comma),
		cmocka_unit_test(inline_table_is_closed),
		cmocka_unit_test(header_makes_its_super_tables),
		cmocka_unit_test(malformed_header_is_refused),
		cmocka_unit_test(table_is_defined_once),
		cmocka_unit_test(table_of_a_dotted_key_cannot_be_reopened),
		cmocka_unit_test(dotted_key_cannot_add_to_a_table_with_a_header),
		cmocka_unit_test(array_of_tables_appends),
		cmocka_unit_test(each_element_of_an_array_of_tables_is_a_new_table),
		cmocka_unit_test(static_array_is_not_an_array_of_tables),
		cmocka_unit_test(table_and_array_of_tables_exclude_each_other),
		cmocka_unit_test(values_carry_line_and_column_in_characters),
		cmocka_unit_test(entries_keep_the_order_of_the_text),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(tables_below_arrays_of_tables_are_bounded_too),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(largest_document_takes_no_quadratic_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
