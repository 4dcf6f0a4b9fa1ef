// SPDX-License-Identifier: GPL-2.0
/*
 * The options of zvm-run and the commands of zvm, as the sources have them, against their manual
 * pages and the completion of the shell. Runs in the top directory of the source tree.
 */
#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (!f) {
		fail_msg("%s: %s; run this in the top directory", path, strerror(errno));
		return NULL;
	}
	assert_true(getdelim(&text, &cap, '\0', f) > 0);
	fclose(f);
	return text;
}

/* True if @text has @word with nothing around it that could belong to a longer one. */
static bool has_word(const char *text, const char *word)
{
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz-";
	const char *at = text;
	size_t len = strlen(word);

	while ((at = strstr(at, word))) {
		if (!(at > text && strchr(inside, at[-1])) && !(at[len] && strchr(inside, at[len])))
			return true;
		at++;
	}
	return false;
}

/* Each first group of @pattern in @source: "@prefix group" has to be in @page and @completion. */
static void expect_described(const char *source, const char *pattern, const char *page_prefix,
			     const char *page, const char *completion_prefix, size_t at_least)
{
	char *code = read_text(source), *man = read_text(page);
	char *completion = read_text("tools/completion/zvm"), word[64];
	regmatch_t m[2];
	const char *at;
	size_t nr = 0;
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED), 0);
	for (at = code; !regexec(&re, at, 2, m, 0); at += m[0].rm_eo, nr++) {
		int len = (int)(m[1].rm_eo - m[1].rm_so);

		snprintf(word, sizeof(word), "%s%.*s", page_prefix, len, at + m[1].rm_so);
		if (!has_word(man, word))
			fail_msg("%s lacks %s", page, word);
		snprintf(word, sizeof(word), "%s%.*s", completion_prefix, len, at + m[1].rm_so);
		if (!has_word(completion, word))
			fail_msg("the completion lacks %s", word);
	}
	/* A pattern that no longer matches the source would find nothing wrong. */
	assert_true(nr >= at_least);
	regfree(&re);
	free(code);
	free(man);
	free(completion);
}

static void options_of_zvm_run_are_documented_and_completed(void **state)
{
	expect_described("vmm/main.c", "\\{ ?\"([a-z-]+)\", (no|required)_argument", "-",
			 "Documentation/man/zvm-run.1", "--", 8);
}

static void commands_of_zvm_are_documented_and_completed(void **state)
{
	expect_described("tools/zvm/main.c",
			 "\\{ ?\"([a-z-]+)\", \"[^\"]*\",[^\"]*\"[^\"]*\",[^}]*_main", "",
			 "Documentation/man/zvm.1", "", 10);
}

static void options_of_zvm_new_and_run_are_documented_and_completed(void **state)
{
	expect_described("tools/zvm/new.c", "\\{ ?\"([a-z-]+)\", (no|required)_argument", "-",
			 "Documentation/man/zvm.1", "--", 8);
	expect_described("tools/zvm/start.c", "\\{ ?\"([a-z-]+)\", (no|required)_argument", "-",
			 "Documentation/man/zvm.1", "--", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_zvm_run_are_documented_and_completed),
		cmocka_unit_test(commands_of_zvm_are_documented_and_completed),
		cmocka_unit_test(options_of_zvm_new_and_run_are_documented_and_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
