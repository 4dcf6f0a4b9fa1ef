// SPDX-License-Identifier: GPL-2.0
/*
 * Where each key of vm.toml was written, so that an error can say so, however late it is found.
 *
 * Filled by schema.c while there is one thread; read only afterwards, from any thread. No locks.
 * The list is searched from its start: it has a line per key that the user wrote, which the
 * schema bounds to a few hundred.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

struct zvm_config_source {
	struct source_entry {
		char *key;
		int line, column;
	} * entry;
	size_t nr, cap;
};

int schema_source_add(struct zvm_config *cfg, const char *key, int line, int column,
		      struct zvm_err *err)
{
	struct zvm_config_source *s = cfg->source;
	struct source_entry *grown;
	size_t cap;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return schema_no_memory(cfg, err);
		cfg->source = s;
	}
	if (s->nr == s->cap) {
		cap = s->cap ? s->cap * 2 : 32;
		grown = realloc(s->entry, cap * sizeof(*grown));
		if (!grown)
			return schema_no_memory(cfg, err);
		s->entry = grown;
		s->cap = cap;
	}
	s->entry[s->nr].key = strdup(key);
	if (!s->entry[s->nr].key)
		return schema_no_memory(cfg, err);
	s->entry[s->nr].line = line;
	s->entry[s->nr].column = column;
	s->nr++;
	return 0;
}

bool schema_source_find(const struct zvm_config *cfg, const char *key, int *line, int *column)
{
	const struct zvm_config_source *s = cfg->source;
	size_t i;

	for (i = 0; s && i < s->nr; i++) {
		if (!strcmp(s->entry[i].key, key)) {
			*line = s->entry[i].line;
			*column = s->entry[i].column;
			return true;
		}
	}
	return false;
}

void schema_source_free(struct zvm_config *cfg)
{
	struct zvm_config_source *s = cfg->source;
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->nr; i++)
		free(s->entry[i].key);
	free(s->entry);
	free(s);
	cfg->source = NULL;
}

bool zvm_config_is_set(const struct zvm_config *cfg, const char *key)
{
	int line, column;

	return schema_source_find(cfg, key, &line, &column);
}

int zvm_config_blame(const struct zvm_config *cfg, const char *key, int ret, struct zvm_err *err)
{
	const char *dot = strrchr(key, '.');
	char table[64];
	int line, column;

	if (dot)
		snprintf(table, sizeof(table), "%.*s", (int)(dot - key), key);
	if (schema_source_find(cfg, key, &line, &column) ||
	    (dot && schema_source_find(cfg, table, &line, &column)))
		zvm_err_push(err, "%s:%d:%d: %s", cfg->file, line, column, key);
	else
		zvm_err_push(err, "%s: %s", cfg->file, key);
	return ret;
}

/* Keys and values are repeated in messages; nothing in them may steer a terminal. */
static void defuse(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

int schema_fail_at(const struct zvm_config *cfg, struct zvm_err *err, int line, int column,
		   const char *key, const char *fmt, ...)
{
	char reason[ZVM_ERR_MAX];
	va_list ap;
	int n;

	n = snprintf(reason, sizeof(reason), "%s: ", key);
	va_start(ap, fmt);
	vsnprintf(reason + n, sizeof(reason) - n, fmt, ap);
	va_end(ap);
	defuse(reason);
	return zvm_err_set(err, EINVAL, "%s:%d:%d: %s", cfg->file, line, column, reason);
}

int schema_fail(const struct zvm_config *cfg, struct zvm_err *err, const char *key, const char *fmt,
		...)
{
	char reason[ZVM_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	defuse(reason);
	zvm_err_set(err, EINVAL, "%s", reason);
	return zvm_config_blame(cfg, key, -EINVAL, err);
}
