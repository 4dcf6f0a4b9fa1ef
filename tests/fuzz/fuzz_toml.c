// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of vm.toml: the TOML reader, the schema and the printer, on any bytes.
 *
 * Beside the absence of crashes it holds two promises: a refusal comes with a message that names
 * the file, and what zvm_config_print() writes is accepted and prints the same again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static char *print(const struct zvm_config *cfg, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	require(f && zvm_config_print(cfg, f) == 0);
	fclose(f);
	return text;
}

static void print_and_read_back(const struct zvm_config *cfg)
{
	struct zvm_config *again, *third;
	size_t len, len_again;
	char *text, *text_again;

	text = print(cfg, &len);
	require(zvm_config_parse("/fuzz.toml", text, len, &again, NULL) == 0);
	text_again = print(again, &len_again);
	require(zvm_config_parse("/fuzz.toml", text_again, len_again, &third, NULL) == 0);
	free(text);
	text = print(third, &len);
	require(len == len_again && !memcmp(text, text_again, len));
	free(text);
	free(text_again);
	zvm_config_free(again);
	zvm_config_free(third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zvm_err err = { 0 };
	struct zvm_toml_value *doc;
	struct zvm_config *cfg;

	if (zvm_toml_parse("/fuzz.toml", (const char *)data, size, &doc, &err)) {
		require(!doc && !strncmp(err.msg, "/fuzz.toml:", 11));
		return 0;
	}
	zvm_toml_free(doc);
	if (zvm_config_parse("/fuzz.toml", (const char *)data, size, &cfg, &err)) {
		require(!cfg && !strncmp(err.msg, "/fuzz.toml:", 11));
		return 0;
	}
	print_and_read_back(cfg);
	zvm_config_free(cfg);
	return 0;
}
