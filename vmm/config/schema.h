/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The schema of vm.toml, and what the files of vmm/config share. Private to vmm/config and its
 * tests; everybody else wants config.h.
 *
 * Adding a key: a field in config.h, a line in the table of schema.c, a paragraph in
 * vm.toml(5). If the value has a form that no kind below has, a kind in value.c.
 */
#ifndef ZVM_VMM_CONFIG_SCHEMA_H
#define ZVM_VMM_CONFIG_SCHEMA_H

#include <errno.h>

#include "config.h"
#include "toml.h"

struct schema_key;

/* One value on its way into a field. */
struct schema_slot {
	struct zvm_config *cfg; /* file name, directory and sources, for messages and paths */
	const struct schema_key *key;
	const char *name; /* as the user knows it: "disk[1].path" */
	void *field;
	struct zvm_err *err;
};

/* The form of a value: how it is read from TOML, and written back. */
struct schema_kind {
	const char *type; /* for people: "size", "boolean" */
	int (*set)(const struct schema_slot *slot, const struct zvm_toml_value *value);
	void (*print)(const struct schema_key *key, const void *field, FILE *to);
};

struct schema_key {
	const char *table; /* "" is the top level */
	const char *name;
	const struct schema_kind *kind;
	size_t offset;		    /* of the field, in zvm_config or in zvm_config_disk */
	uint64_t min, max;	    /* integers, and lengths of strings */
	const char *const *choices; /* in the order of the enumeration, ends with NULL */
	bool required;
	const char *fallback; /* the default, as TOML; NULL: none */
	const char *note;     /* instead of fallback, what happens without the key */
	const char *range;    /* for people */
	const char *example;  /* as TOML, for the remedy in a message */
	const char *help;
};

/* value.c */
extern const struct schema_kind schema_name, schema_text, schema_serial, schema_path, schema_size,
	schema_address, schema_number, schema_boolean, schema_choice, schema_affinity, schema_clock;
/* "512M", "0x40080000": the shortest exact form. */
const char *schema_format_size(uint64_t bytes, char buf[32]);

/* schema.c: the keys in the order of the manual page; the last has name NULL. */
extern const struct schema_key schema_keys[];
const struct schema_key *schema_find(const char *table, const char *name);
/* Fill @cfg from the document. Every default is set, every value is in its own range. */
int schema_apply(struct zvm_config *cfg, const struct zvm_toml_value *root, struct zvm_err *err);
/* Field of @key; @disk is ignored for keys that are not in [[disk]]. */
void *schema_field(const struct zvm_config *cfg, const struct schema_key *key, size_t disk);

/* rules.c: what no single key can say. */
int schema_check_rules(struct zvm_config *cfg, struct zvm_err *err);

/* files.c, for the tests: the host's tables in other places. */
int schema_check_memory_at(const struct zvm_config *cfg, const char *meminfo, const char *hugetlb,
			   struct zvm_err *err);

/* source.c: where the user wrote what. */
int schema_source_add(struct zvm_config *cfg, const char *key, int line, int column,
		      struct zvm_err *err);
/* True if @key is in the file. */
bool schema_source_find(const struct zvm_config *cfg, const char *key, int *line, int *column);
void schema_source_free(struct zvm_config *cfg);
int schema_fail_at(const struct zvm_config *cfg, struct zvm_err *err, int line, int column,
		   const char *key, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* At the place where @key was written, like zvm_config_blame(). -EINVAL. */
int schema_fail(const struct zvm_config *cfg, struct zvm_err *err, const char *key, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));
static inline int schema_no_memory(const struct zvm_config *cfg, struct zvm_err *err)
{
	return zvm_err_set(err, ENOMEM, "%s: out of memory", cfg->file);
}

#endif
