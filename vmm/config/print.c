// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration and the schema as text, for zvm explain and for people.
 *
 * Called by tools on one thread; no locks. Driven by the table of schema.c, so that a new key
 * appears here without a line of code.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "schema.h"

static bool has_value(const struct zvm_config *cfg, const struct schema_key *key, const void *field)
{
	if (key->kind == &schema_address)
		return zvm_config_is_set(cfg, key->name);
	if (key->kind == &schema_name || key->kind == &schema_text || key->kind == &schema_path)
		return *(char *const *)field != NULL;
	return true;
}

/* What was written relative to the TOML file would mean something else in the output. */
static void print_path(const char *path, FILE *to)
{
	char cwd[PATH_MAX], whole[2 * PATH_MAX];

	if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		snprintf(whole, sizeof(whole), "%s", path);
	else
		snprintf(whole, sizeof(whole), "%s/%s", cwd, path);
	zvm_config_print_string(whole, to);
}

static void print_key(const struct zvm_config *cfg, const struct schema_key *key, size_t disk,
		      FILE *to)
{
	const void *field = schema_field(cfg, key, disk);
	char name[96];

	if (!strcmp(key->table, "disk"))
		snprintf(name, sizeof(name), "disk[%zu].%s", disk, key->name);
	else
		snprintf(name, sizeof(name), "%s%s%s", key->table, key->table[0] ? "." : "",
			 key->name);
	if (!has_value(cfg, key, field)) {
		fprintf(to, "# %s: not set%s%s\n", key->name, key->note ? ", " : "",
			key->note ? key->note : "");
		return;
	}
	fprintf(to, "%s = ", key->name);
	if (key->kind == &schema_path)
		print_path(*(char *const *)field, to);
	else
		key->kind->print(key, field, to);
	fputs(zvm_config_is_set(cfg, name) ? "\n" : " # default\n", to);
}

static void print_table(const struct zvm_config *cfg, const char *table, size_t disk, FILE *to)
{
	const struct schema_key *key;

	if (!strcmp(table, "disk"))
		fputs("\n[[disk]]\n", to);
	else if (table[0])
		fprintf(to, "\n[%s]\n", table);
	for (key = schema_keys; key->name; key++)
		if (!strcmp(key->table, table))
			print_key(cfg, key, disk, to);
}

int zvm_config_print(const struct zvm_config *cfg, FILE *to)
{
	const struct schema_key *key;
	const char *table = NULL;
	size_t i;

	for (key = schema_keys; key->name; key++) {
		if (table && !strcmp(key->table, table))
			continue;
		table = key->table;
		if (strcmp(table, "disk")) {
			print_table(cfg, table, 0, to);
			continue;
		}
		if (!cfg->nr_disks)
			fputs("\n# disk: none\n", to);
		for (i = 0; i < cfg->nr_disks; i++)
			print_table(cfg, table, i, to);
	}
	return fflush(to) || ferror(to) ? -EIO : 0;
}

int zvm_config_print_schema(FILE *to)
{
	const struct schema_key *key;
	const char *table = "";

	for (key = schema_keys; key->name; key++) {
		if (strcmp(key->table, table))
			fprintf(to, strcmp(key->table, "disk") ? "\n[%s]\n" : "\n[[%s]]\n",
				key->table);
		table = key->table;
		fprintf(to, "%-10s %s\n", key->name, key->help);
		fprintf(to, "%-10s %s: %s", "", key->kind->type, key->range);
		if (key->required)
			fputs("; required\n", to);
		else if (key->note)
			fprintf(to, "; default: %s\n", key->note);
		else
			fprintf(to, "; default: %s\n", key->fallback ? key->fallback : "none");
	}
	return fflush(to) || ferror(to) ? -EIO : 0;
}
