// SPDX-License-Identifier: GPL-2.0
/*
 * The manual page and the examples against the schema: what people read and copy is what the
 * program does. Runs in the top directory of the source tree.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/config/schema.h"

#define PAGE "Documentation/man/vm.toml.5"

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (!f)
		fail_msg("%s: %s; run this in the top directory", path, strerror(errno));
	assert_true(getdelim(&text, &cap, '\0', f) > 0);
	fclose(f);
	return text;
}

/* The part of @page that begins with @head and ends before the next @foot, as a copy. */
static char *part(const char *page, const char *head, const char *foot)
{
	const char *from = strstr(page, head), *to;

	if (!from)
		fail_msg("%s has no %s", PAGE, head);
	to = strstr(from + strlen(head), foot);
	return to ? strndup(from, to - from) : strdup(from);
}

static char *section_of(const char *page, const char *table)
{
	char head[64] = ".Ss The top level\n", *section, *end;

	if (table[0])
		snprintf(head, sizeof(head), strcmp(table, "disk") ? ".Ss [%s]\n" : ".Ss [[%s]]\n",
			 table);
	section = part(page, head, "\n.Ss ");
	end = strstr(section, "\n.Sh ");
	if (end)
		*end = '\0';
	return section;
}

static char *paragraph_of(const char *page, const struct schema_key *key)
{
	char *section = section_of(page, key->table), *paragraph;
	char head[96];

	snprintf(head, sizeof(head), ".It Ic %s No = %s\n", key->name, key->kind->type);
	paragraph = part(section, head, "\n.It Ic ");
	free(section);
	return paragraph;
}

static void every_key_is_in_the_manual_page(void **state)
{
	char *page = read_text(PAGE), *paragraph;
	const struct schema_key *key;

	for (key = schema_keys; key->name; key++) {
		paragraph = paragraph_of(page, key);
		if (!strstr(paragraph, "\nRequired.") == key->required)
			fail_msg("%s: %s is %srequired", PAGE, key->name,
				 key->required ? "" : "not ");
		free(paragraph);
	}
	free(page);
}

static void manual_page_has_no_key_that_is_none(void **state)
{
	char *page = read_text(PAGE), *section, *at, table[32], name[32];
	const char *ss = page;

	while ((ss = strstr(ss, "\n.Ss "))) {
		ss += strlen("\n.Ss ");
		if (sscanf(ss, "%*[[]%31[a-z_]", table) != 1)
			table[0] = '\0';
		section = section_of(page, table);
		for (at = section; (at = strstr(at, "\n.It Ic ")); at++) {
			assert_int_equal(sscanf(at, "\n.It Ic %31s", name), 1);
			if (!schema_find(table, name))
				fail_msg("%s has [%s] %s, the schema does not", PAGE, table, name);
		}
		free(section);
	}
	free(page);
}

static void manual_page_states_each_default(void **state)
{
	char *page = read_text(PAGE), *paragraph, value[32], *at;
	const struct schema_key *key;
	size_t len;

	for (key = schema_keys; key->name; key++) {
		if (!key->fallback)
			continue;
		/* Without its quotation marks, which the page sets as macros. */
		len = strcspn(key->fallback + (key->fallback[0] == '"'), "\"");
		snprintf(value, sizeof(value), "%.*s", (int)len,
			 key->fallback + (key->fallback[0] == '"'));
		if (!value[0] || !strcmp(value, "[]"))
			strcpy(value, "empty");
		paragraph = paragraph_of(page, key);
		at = strstr(paragraph, "Default:");
		if (!at || !strstr(at, value))
			fail_msg("%s does not give %s as the default of %s", PAGE, value,
				 key->name);
		free(paragraph);
	}
	free(page);
}

static void manual_page_names_each_choice(void **state)
{
	char *page = read_text(PAGE), *paragraph, quoted[40];
	const struct schema_key *key;
	int i;

	for (key = schema_keys; key->name; key++) {
		if (!key->choices)
			continue;
		paragraph = paragraph_of(page, key);
		for (i = 0; key->choices[i]; i++) {
			snprintf(quoted, sizeof(quoted), "Qq %s", key->choices[i]);
			if (!strstr(paragraph, quoted))
				fail_msg("%s: %s lacks \"%s\"", PAGE, key->name, key->choices[i]);
		}
		free(paragraph);
	}
	free(page);
}

static void expect_valid(const char *where, const char *text)
{
	struct zvm_err err = { 0 };
	struct zvm_config *cfg;

	if (zvm_config_parse(where, text, strlen(text), &cfg, &err))
		fail_msg("%s", err.msg);
	zvm_config_free(cfg);
}

static void examples_in_the_manual_page_are_valid(void **state)
{
	char *page = read_text(PAGE), *examples = part(page, "\n.Sh EXAMPLES\n", "\n.Sh "), *text;
	const char *at = examples, head[] = ".Bd -literal -offset indent\n";
	int nr = 0;

	for (; (at = strstr(at, head)); at++, nr++) {
		text = part(at + strlen(head), "", "\n.Ed");
		expect_valid(PAGE, text);
		free(text);
	}
	assert_true(nr >= 2);
	free(examples);
	free(page);
}

static void examples_in_configs_vm_are_valid(void **state)
{
	char *text;
	glob_t files;
	size_t i;

	assert_int_equal(glob("configs/vm/*.toml", 0, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++) {
		text = read_text(files.gl_pathv[i]);
		expect_valid(files.gl_pathv[i], text);
		free(text);
	}
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_in_the_manual_page),
		cmocka_unit_test(manual_page_has_no_key_that_is_none),
		cmocka_unit_test(manual_page_states_each_default),
		cmocka_unit_test(manual_page_names_each_choice),
		cmocka_unit_test(examples_in_the_manual_page_are_valid),
		cmocka_unit_test(examples_in_configs_vm_are_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
