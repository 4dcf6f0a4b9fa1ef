// SPDX-License-Identifier: GPL-2.0
/*
 * TOML: the tree of values, and the rules about what may be defined twice.
 *
 * Called by toml.c on the thread of zvm_toml_parse(); no locks. Keys come from the text, so a
 * table is indexed by a balanced tree (tsearch(3)), not by a hash that chosen keys could defeat.
 *
 * The rules hang on zvm_toml_origin. A [header] may pass through any table and through the last
 * element of an array of tables, and may define a table that so far was only passed through. A
 * dotted key may pass through tables that dotted keys or headers passed through, never through
 * one that a header has defined. Nothing passes through what was written with { } or [ ].
 *
 * TOML 1.0.0, "Keys", "Table", "Inline Table", "Array of Tables".
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "toml_parser.h"

struct zvm_toml_value *toml_value_new(enum zvm_toml_type type, int line, int column, int depth)
{
	struct zvm_toml_value *v = calloc(1, sizeof(*v));

	if (v) {
		v->type = type;
		v->line = line;
		v->column = column;
		v->depth = depth;
	}
	return v;
}

static int entry_compare(const void *a, const void *b)
{
	const struct zvm_toml_entry *x = a, *y = b;
	size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key, y->key, len);

	if (order)
		return order;
	return (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static struct zvm_toml_entry *find(const struct zvm_toml_value *table, const char *key, size_t len)
{
	struct zvm_toml_entry probe = { .key = (char *)key, .key_len = len };
	void *node = tfind(&probe, &table->table.index, entry_compare);

	return node ? *(struct zvm_toml_entry **)node : NULL;
}

struct zvm_toml_entry *zvm_toml_find(const struct zvm_toml_value *table, const char *key)
{
	return find(table, key, strlen(key));
}

/* Room for one more in a vector of pointers whose capacity is the power of two above @nr. */
static bool grow(void ***vector, size_t nr)
{
	void **grown;

	if (nr & (nr - 1))
		return true;
	grown = realloc(*vector, (nr ? nr * 2 : 1) * sizeof(**vector));
	if (!grown)
		return false;
	*vector = grown;
	return true;
}

int toml_array_append(struct toml_parser *p, struct zvm_toml_value *array,
		      struct zvm_toml_value *value)
{
	if (!grow((void ***)&array->array.item, array->array.nr)) {
		zvm_toml_free(value);
		return toml_no_memory(p);
	}
	array->array.item[array->array.nr++] = value;
	return 0;
}

int toml_insert(struct toml_parser *p, struct zvm_toml_value *parent, struct toml_key_part *part,
		struct zvm_toml_value *value)
{
	struct zvm_toml_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		goto fail;
	entry->key = part->bytes;
	entry->key_len = part->len;
	entry->line = part->line;
	entry->column = part->column;
	entry->value = value;
	if (!grow((void ***)&parent->table.entry, parent->table.nr))
		goto fail;
	if (!tsearch(entry, &parent->table.index, entry_compare))
		goto fail;
	parent->table.entry[parent->table.nr++] = entry;
	part->bytes = NULL;
	return 0;
fail:
	free(entry);
	zvm_toml_free(value);
	return toml_no_memory(p);
}

static int insert_new(struct toml_parser *p, struct zvm_toml_value *parent,
		      struct toml_key_part *part, enum zvm_toml_type type,
		      enum zvm_toml_origin origin, struct zvm_toml_value **out)
{
	struct zvm_toml_value *v;

	if (parent->depth >= ZVM_TOML_MAX_DEPTH)
		return toml_fail_at(p, part->line, part->column,
				    "tables are nested more than %d deep", ZVM_TOML_MAX_DEPTH);
	v = toml_value_new(type, part->line, part->column, parent->depth + 1);
	if (!v)
		return toml_no_memory(p);
	v->origin = origin;
	*out = v;
	return toml_insert(p, parent, part, v);
}

static int redefined(struct toml_parser *p, const struct toml_key_part *part,
		     const struct zvm_toml_entry *old)
{
	return toml_fail_at(p, part->line, part->column, "%.*s is already defined in line %d",
			    part->len > 64 ? 64 : (int)part->len, part->bytes, old->line);
}

static int append_table(struct toml_parser *p, struct zvm_toml_value *array,
			const struct toml_key_part *part, struct zvm_toml_value **table)
{
	struct zvm_toml_value *v;

	if (array->depth >= ZVM_TOML_MAX_DEPTH)
		return toml_fail_at(p, part->line, part->column,
				    "tables are nested more than %d deep", ZVM_TOML_MAX_DEPTH);
	v = toml_value_new(ZVM_TOML_TABLE, part->line, part->column, array->depth + 1);
	if (!v)
		return toml_no_memory(p);
	v->origin = ZVM_TOML_HEADER;
	*table = v;
	return toml_array_append(p, array, v);
}

/* One step of a [header] on its way to the last part. */
static int pass_header(struct toml_parser *p, struct zvm_toml_value **table,
		       struct toml_key_part *part)
{
	struct zvm_toml_entry *e = find(*table, part->bytes, part->len);

	if (!e)
		return insert_new(p, *table, part, ZVM_TOML_TABLE, ZVM_TOML_IMPLICIT, table);
	if (e->value->type == ZVM_TOML_ARRAY && e->value->origin == ZVM_TOML_APPENDED)
		*table = e->value->array.item[e->value->array.nr - 1];
	else if (e->value->type == ZVM_TOML_TABLE && e->value->origin != ZVM_TOML_INLINE)
		*table = e->value;
	else
		return toml_fail_at(p, part->line, part->column,
				    "%.*s in line %d is %s that nothing can be added to",
				    part->len > 64 ? 64 : (int)part->len, part->bytes, e->line,
				    zvm_toml_type_name(e->value->type));
	return 0;
}

int toml_open_table(struct toml_parser *p, struct zvm_toml_value *root, struct toml_key *key,
		    bool append, struct zvm_toml_value **table)
{
	struct toml_key_part *last = &key->part[key->nr - 1];
	struct zvm_toml_value *at = root, *array;
	struct zvm_toml_entry *e;
	size_t i;
	int ret;

	for (i = 0; i + 1 < key->nr; i++) {
		ret = pass_header(p, &at, &key->part[i]);
		if (ret)
			return ret;
	}
	e = find(at, last->bytes, last->len);
	if (!append) {
		if (!e)
			return insert_new(p, at, last, ZVM_TOML_TABLE, ZVM_TOML_HEADER, table);
		if (e->value->type != ZVM_TOML_TABLE || e->value->origin != ZVM_TOML_IMPLICIT)
			return redefined(p, last, e);
		e->value->origin = ZVM_TOML_HEADER;
		e->value->line = last->line;
		e->value->column = last->column;
		*table = e->value;
		return 0;
	}
	if (e) {
		array = e->value;
		if (array->type != ZVM_TOML_ARRAY || array->origin != ZVM_TOML_APPENDED)
			return redefined(p, last, e);
	} else {
		ret = insert_new(p, at, last, ZVM_TOML_ARRAY, ZVM_TOML_APPENDED, &array);
		if (ret)
			return ret;
	}
	return append_table(p, array, last, table);
}

int toml_reserve(struct toml_parser *p, struct zvm_toml_value *table, struct toml_key *key,
		 struct zvm_toml_value **parent)
{
	struct toml_key_part *part = key->part, *last = &key->part[key->nr - 1];
	struct zvm_toml_entry *e;
	int ret;

	for (; part < last; part++) {
		e = find(table, part->bytes, part->len);
		if (!e) {
			ret = insert_new(p, table, part, ZVM_TOML_TABLE, ZVM_TOML_DOTTED, &table);
			if (ret)
				return ret;
			continue;
		}
		if (e->value->type != ZVM_TOML_TABLE ||
		    (e->value->origin != ZVM_TOML_DOTTED && e->value->origin != ZVM_TOML_IMPLICIT))
			return redefined(p, part, e);
		e->value->origin = ZVM_TOML_DOTTED;
		table = e->value;
	}
	e = find(table, last->bytes, last->len);
	if (e)
		return redefined(p, last, e);
	*parent = table;
	return 0;
}

const char *zvm_toml_type_name(enum zvm_toml_type type)
{
	static const char *const name[] = {
		[ZVM_TOML_STRING] = "a string",
		[ZVM_TOML_INTEGER] = "an integer",
		[ZVM_TOML_FLOAT] = "a float",
		[ZVM_TOML_BOOLEAN] = "a boolean",
		[ZVM_TOML_OFFSET_DATETIME] = "an offset date-time",
		[ZVM_TOML_LOCAL_DATETIME] = "a local date-time",
		[ZVM_TOML_LOCAL_DATE] = "a local date",
		[ZVM_TOML_LOCAL_TIME] = "a local time",
		[ZVM_TOML_ARRAY] = "an array",
		[ZVM_TOML_TABLE] = "a table",
	};

	return name[type];
}

static void keep_entry(void *entry)
{
	/* The entries belong to the vector, which frees them. */
	(void)entry;
}

/* Recursion is bounded by ZVM_TOML_MAX_DEPTH. */
void zvm_toml_free(struct zvm_toml_value *value)
{
	size_t i;

	if (!value)
		return;
	switch (value->type) {
	case ZVM_TOML_STRING:
		free(value->string.bytes);
		break;
	case ZVM_TOML_ARRAY:
		for (i = 0; i < value->array.nr; i++)
			zvm_toml_free(value->array.item[i]);
		free(value->array.item);
		break;
	case ZVM_TOML_TABLE:
		tdestroy(value->table.index, keep_entry);
		for (i = 0; i < value->table.nr; i++) {
			zvm_toml_free(value->table.entry[i]->value);
			free(value->table.entry[i]->key);
			free(value->table.entry[i]);
		}
		free(value->table.entry);
		break;
	default:
		break;
	}
	free(value);
}
