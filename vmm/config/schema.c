// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of vm.toml: one table, and the walk that carries a TOML document through it.
 *
 * Called by config.c on the thread that loads the configuration; no locks. The document is
 * well-formed TOML and nothing more: keys may be unknown, tables may be strings, anything may be
 * there twice as an array. A default is TOML text and goes through the same setter as the user's
 * value, so that what the manual says is what happens.
 *
 * Reference: vm.toml(5), which a test compares with this table.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static const char *const disk_engines[] = { "libaio", "io_uring", "threads", NULL };
static const char *const disk_caches[] = { "none", "writeback", NULL };
static const char *const console_modes[] = { "stdio", "pty", "socket", "file", "none", NULL };
static const char *const console_devices[] = { "pl011", "virtio", NULL };
static const char *const hugepage_sizes[] = { "thp", "off", "2M", "1G", NULL };
static const char *const reboot_actions[] = { "restart", "exit", NULL };
static const char *const crash_actions[] = { "exit", "restart", NULL };

#define VM(field)   .offset = offsetof(struct zvm_config, field)
#define DISK(field) .table = "disk", .offset = offsetof(struct zvm_config_disk, field)
#define PATH	    .kind = &schema_path, .min = 1, .max = PATH_MAX - 1, .range = "path of a file"

/* clang-format off */
const struct schema_key schema_keys[] = {
	{ "", "name", &schema_name, VM(name), .min = 1, .max = 64,
	  .note = "the name of the file without .toml",
	  .range = "1 to 64 of A-Z a-z 0-9 . _ -", .example = "\"linux\"",
	  .help = "names the VM in messages" },
	{ "", "vcpus", &schema_number, VM(vcpus), .min = 1, .max = ZVM_CONFIG_MAX_VCPUS,
	  .fallback = "1", .range = "1 to 8", .example = "2",
	  .help = "virtual CPUs" },
	{ "", "memory", &schema_size, VM(memory), .max = 64, .required = true,
	  .range = "\"1M\" to \"255G\" in steps of 64K", .example = "\"512M\"",
	  .help = "RAM of the guest" },
	{ "", "kernel", VM(kernel), PATH, .example = "\"Image\"",
	  .help = "arm64 Image, gzip'ed or not, started as the arm64 boot protocol says" },
	{ "", "firmware", VM(firmware), PATH, .example = "\"u-boot.bin\"",
	  .help = "firmware, started at address 0" },
	{ "", "image", VM(image), PATH, .example = "\"rtos.elf\"",
	  .help = "ELF file or raw binary, an RTOS for example" },
	{ "", "load", &schema_address, VM(load), .max = 64,
	  .note = "an ELF file says it itself", .range = "hex, inside RAM",
	  .example = "\"0x40080000\"",
	  .help = "where the first byte of a raw image goes" },
	{ "", "entry", &schema_address, VM(entry), .max = 64,
	  .note = "what an ELF file says, or load", .range = "hex, inside RAM",
	  .example = "\"0x40080000\"",
	  .help = "where the first vCPU starts in image" },
	{ "", "initrd", VM(initrd), PATH, .example = "\"initrd.img\"",
	  .help = "initial RAM disk for kernel" },
	{ "", "cmdline", &schema_text, VM(cmdline), .max = ZVM_CONFIG_MAX_CMDLINE,
	  .fallback = "\"\"", .range = "at most 2047 bytes",
	  .example = "\"console=ttyAMA0 root=/dev/vda\"",
	  .help = "command line for kernel or image, in /chosen/bootargs" },
	{ "", "dtb", VM(dtb), PATH, .note = "one is generated", .example = "\"board.dtb\"",
	  .help = "device tree blob to use instead of the generated one" },
	{ "", "on_reboot", &schema_choice, VM(on_reboot), .choices = reboot_actions,
	  .fallback = "\"restart\"", .range = "\"restart\", \"exit\"", .example = "\"exit\"",
	  .help = "what a reset by the guest does" },
	{ "", "on_crash", &schema_choice, VM(on_crash), .choices = crash_actions,
	  .fallback = "\"exit\"", .range = "\"exit\", \"restart\"", .example = "\"restart\"",
	  .help = "what happens when the guest cannot go on" },

	{ DISK(path), .name = "path", PATH, .required = true, .example = "\"rootfs.ext4\"",
	  .help = "raw image or block device" },
	{ DISK(engine), .name = "engine", .kind = &schema_choice, .choices = disk_engines,
	  .fallback = "\"libaio\"", .range = "\"libaio\", \"io_uring\", \"threads\"",
	  .example = "\"io_uring\"", .help = "how the host does the I/O" },
	{ DISK(cache), .name = "cache", .kind = &schema_choice, .choices = disk_caches,
	  .fallback = "\"none\"", .range = "\"none\", \"writeback\"",
	  .example = "\"writeback\"",
	  .help = "none goes past the host's page cache, writeback through it" },
	{ DISK(readonly), .name = "readonly", .kind = &schema_boolean, .fallback = "false",
	  .range = "true, false", .example = "true", .help = "refuse writes" },
	{ DISK(discard), .name = "discard", .kind = &schema_boolean, .fallback = "true",
	  .note = "true, false if readonly", .range = "true, false", .example = "false",
	  .help = "let the guest give back space, DISCARD and WRITE_ZEROES" },
	{ DISK(queues), .name = "queues", .kind = &schema_number, .min = 1,
	  .max = ZVM_CONFIG_MAX_QUEUES, .fallback = "1", .range = "1 to 8", .example = "2",
	  .help = "request queues" },
	{ DISK(poll), .name = "poll", .kind = &schema_number, .max = ZVM_CONFIG_MAX_POLL,
	  .fallback = "0", .range = "0 to 1000", .example = "50",
	  .help = "microseconds to look for the next request before sleeping" },
	{ DISK(serial), .name = "serial", .kind = &schema_serial, .max = ZVM_CONFIG_MAX_SERIAL,
	  .fallback = "\"\"", .range = "at most 20 ASCII characters", .example = "\"ROOT01\"",
	  .help = "serial number that the guest sees" },

	{ "console", "mode", &schema_choice, VM(console.mode), .choices = console_modes,
	  .fallback = "\"stdio\"",
	  .range = "\"stdio\", \"pty\", \"socket\", \"file\", \"none\"", .example = "\"pty\"",
	  .help = "where the guest's console is" },
	{ "console", "path", VM(console.path), PATH, .example = "\"console.log\"",
	  .help = "socket or file; for pty a symbolic link to make" },
	{ "console", "device", &schema_choice, VM(console.device), .choices = console_devices,
	  .fallback = "\"pl011\"", .range = "\"pl011\", \"virtio\"", .example = "\"virtio\"",
	  .help = "what the guest sees: ttyAMA0 or hvc0" },

	{ "rng", "enable", &schema_boolean, VM(rng), .fallback = "true",
	  .range = "true, false", .example = "false",
	  .help = "virtio entropy source, fed by the host's getrandom()" },

	{ "memory_backing", "hugepages", &schema_choice, VM(backing.hugepages),
	  .choices = hugepage_sizes, .fallback = "\"thp\"",
	  .range = "\"thp\", \"off\", \"2M\", \"1G\"", .example = "\"2M\"",
	  .help = "pages that hold the RAM: transparent, small, or from the hugetlb pool" },
	{ "memory_backing", "prefault", &schema_boolean, VM(backing.prefault),
	  .fallback = "false", .range = "true, false", .example = "true",
	  .help = "allocate all RAM before the guest starts" },
	{ "memory_backing", "lock", &schema_boolean, VM(backing.lock), .fallback = "false",
	  .range = "true, false", .example = "true", .help = "keep RAM out of swap" },

	{ "vcpu", "affinity", &schema_affinity, VM(vcpu.affinity), .fallback = "[]",
	  .range = "per vCPU a CPU number or an array of them", .example = "[[0], [1]]",
	  .help = "host CPUs that each vCPU may use" },
	{ "vcpu", "pmu", &schema_boolean, VM(vcpu.pmu), .fallback = "true",
	  .range = "true, false", .example = "false",
	  .help = "performance counters (PMUv3), where the device has them" },
	{ "vcpu", "priority", &schema_number, VM(vcpu.priority), .max = 99, .fallback = "0",
	  .range = "0 to 99", .example = "50",
	  .help = "SCHED_FIFO priority of the vCPU threads, 0 for the normal scheduler" },

	{ "rtc", "base", &schema_clock, VM(rtc), .max = 64,
	  .fallback = "\"utc\"",
	  .range = "\"utc\", \"localtime\", a date-time like 2026-01-01T00:00:00Z",
	  .example = "\"utc\"", .help = "what the real-time clock shows when the VM starts" },
	{ 0 },
};
/* clang-format on */

const struct schema_key *schema_find(const char *table, const char *name)
{
	const struct schema_key *key;

	for (key = schema_keys; key->name; key++)
		if (!strcmp(key->table, table) && !strcmp(key->name, name))
			return key;
	return NULL;
}

void *schema_field(const struct zvm_config *cfg, const struct schema_key *key, size_t disk)
{
	if (!strcmp(key->table, "disk"))
		return (char *)&cfg->disk[disk] + key->offset;
	return (char *)cfg + key->offset;
}

static bool is_table(const char *name)
{
	const struct schema_key *key;

	for (key = schema_keys; key->name; key++)
		if (key->table[0] && !strcmp(key->table, name))
			return true;
	return false;
}

#define NAME_MAX_LEN 32 /* longer than any name in the table */

/* Edit distance with swapped neighbours, both shorter than NAME_MAX_LEN. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1], n, i, j;
	size_t la = strlen(a), lb = strlen(b);

	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			n = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (n > d[i - 1][j] + 1)
				n = d[i - 1][j] + 1;
			if (n > d[i][j - 1] + 1)
				n = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    n > d[i - 2][j - 2] + 1)
				n = d[i - 2][j - 2] + 1;
			d[i][j] = n;
		}
	}
	return d[la][lb];
}

static void consider(const char *written, const char *known, const char **best, unsigned int *least)
{
	unsigned int d = distance(written, known);
	size_t len = strlen(written);

	/* "mem" for "memory": an abbreviation is nearer than a typing error is. */
	if (len >= 3 && (!strncmp(written, known, len) || !strncmp(written, known, strlen(known))))
		d = 1;
	if (d < *least && d <= 1 + len / 3) {
		*best = known;
		*least = d;
	}
}

static const char *nearest(const char *table, const char *written)
{
	const struct schema_key *key;
	const char *best = NULL;
	unsigned int least = UINT_MAX;

	if (strlen(written) >= NAME_MAX_LEN)
		return NULL;
	for (key = schema_keys; key->name; key++) {
		if (!strcmp(key->table, table))
			consider(written, key->name, &best, &least);
		else if (!table[0])
			consider(written, key->table, &best, &least);
	}
	return best;
}

/* A table that has the key which @table does not have. */
static const struct schema_key *elsewhere(const char *name)
{
	const struct schema_key *key;

	for (key = schema_keys; key->name; key++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}

static int unknown_key(struct zvm_config *cfg, const char *table, const struct zvm_toml_entry *e,
		       struct zvm_err *err)
{
	const struct schema_key *other = elsewhere(e->key);
	const char *near = nearest(table, e->key);
	char name[64];

	snprintf(name, sizeof(name), "%.40s", e->key);
	if (other && other->table[0])
		return schema_fail_at(cfg, err, e->line, e->column, name,
				      "unknown key here; it belongs into %s%s%s",
				      strcmp(other->table, "disk") ? "[" : "[[", other->table,
				      strcmp(other->table, "disk") ? "]" : "]]");
	if (other)
		return schema_fail_at(cfg, err, e->line, e->column, name,
				      "unknown key in [%s]; it belongs above the first [table]",
				      table);
	if (near)
		return schema_fail_at(cfg, err, e->line, e->column, name,
				      "unknown key; did you mean %s?", near);
	return schema_fail_at(cfg, err, e->line, e->column, name,
			      "unknown key; vm.toml(5) lists those of %s%s%s",
			      table[0] ? "[" : "the top level", table, table[0] ? "]" : "");
}

static int check_known(struct zvm_config *cfg, const char *table,
		       const struct zvm_toml_value *value, struct zvm_err *err)
{
	const struct zvm_toml_entry *e;
	size_t i;

	for (i = 0; i < value->table.nr; i++) {
		e = value->table.entry[i];
		/* A key with U+0000 inside must not pass for the part before it. */
		if (strlen(e->key) == e->key_len &&
		    (schema_find(table, e->key) || (!table[0] && is_table(e->key))))
			continue;
		return unknown_key(cfg, table, e, err);
	}
	return 0;
}

static int set_default(const struct schema_slot *slot)
{
	struct zvm_toml_value *doc;
	char text[128];
	int ret;

	snprintf(text, sizeof(text), "v = %s", slot->key->fallback);
	ret = zvm_toml_parse("default", text, strlen(text), &doc, slot->err);
	if (ret)
		return ret;
	ret = slot->key->kind->set(slot, zvm_toml_find(doc, "v")->value);
	zvm_toml_free(doc);
	return ret;
}

/* All keys of one table. @value is NULL if the file does not have it; then none is required. */
static int apply_table(struct zvm_config *cfg, const char *table, size_t disk,
		       const struct zvm_toml_value *value, struct zvm_err *err)
{
	const struct schema_key *key;
	const struct zvm_toml_entry *e;
	char prefix[48] = "", name[96];
	struct schema_slot slot;
	int ret;

	if (!strcmp(table, "disk"))
		snprintf(prefix, sizeof(prefix), "disk[%zu]", disk);
	else
		snprintf(prefix, sizeof(prefix), "%s", table);
	if (value) {
		ret = check_known(cfg, table, value, err);
		if (!ret && table[0])
			ret = schema_source_add(cfg, prefix, value->line, value->column, err);
		if (ret)
			return ret;
	}
	for (key = schema_keys; key->name; key++) {
		if (strcmp(key->table, table))
			continue;
		snprintf(name, sizeof(name), "%s%s%s", prefix, table[0] ? "." : "", key->name);
		slot = (struct schema_slot){ cfg, key, name, schema_field(cfg, key, disk), err };
		e = value ? zvm_toml_find(value, key->name) : NULL;
		if (e) {
			ret = schema_source_add(cfg, name, e->value->line, e->value->column, err);
			if (!ret)
				ret = key->kind->set(&slot, e->value);
		} else if (value && key->required) {
			ret = schema_fail_at(cfg, err, value->line, value->column, name,
					     "required, but missing; add %s = %s", key->name,
					     key->example);
		} else {
			ret = key->fallback ? set_default(&slot) : 0;
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int apply_disks(struct zvm_config *cfg, const struct zvm_toml_entry *e, struct zvm_err *err)
{
	const struct zvm_toml_value *v = e->value;
	size_t i;
	int ret;

	if (v->type == ZVM_TOML_TABLE)
		return schema_fail_at(
			cfg, err, e->line, e->column, "disk",
			"there may be several disks; write [[disk]] with two brackets");
	if (v->type != ZVM_TOML_ARRAY)
		return schema_fail_at(
			cfg, err, v->line, v->column, "disk",
			"expected a table, found %s; write [[disk]] and below it path = "
			"\"rootfs.ext4\"",
			zvm_toml_type_name(v->type));
	if (v->array.nr > ZVM_CONFIG_VIRTIO_SLOTS)
		return schema_fail_at(cfg, err, v->array.item[ZVM_CONFIG_VIRTIO_SLOTS]->line,
				      v->array.item[ZVM_CONFIG_VIRTIO_SLOTS]->column, "disk",
				      "%zu disks, but the machine has %d virtio slots; remove some",
				      v->array.nr, ZVM_CONFIG_VIRTIO_SLOTS);
	if (!v->array.nr)
		return 0;
	cfg->disk = calloc(v->array.nr, sizeof(*cfg->disk));
	if (!cfg->disk)
		return schema_no_memory(cfg, err);
	for (i = 0; i < v->array.nr; i++) {
		if (v->array.item[i]->type != ZVM_TOML_TABLE)
			return schema_fail_at(
				cfg, err, v->array.item[i]->line, v->array.item[i]->column, "disk",
				"expected a table, found %s; write { path = \"...\" }",
				zvm_toml_type_name(v->array.item[i]->type));
		cfg->nr_disks = i + 1;
		ret = apply_table(cfg, "disk", i, v->array.item[i], err);
		if (ret)
			return ret;
	}
	return 0;
}

int schema_apply(struct zvm_config *cfg, const struct zvm_toml_value *root, struct zvm_err *err)
{
	const struct schema_key *key;
	const struct zvm_toml_entry *e;
	const char *table = "";
	int ret;

	ret = apply_table(cfg, "", 0, root, err);
	for (key = schema_keys; !ret && key->name; key++) {
		if (!strcmp(key->table, table))
			continue;
		table = key->table;
		e = zvm_toml_find(root, table);
		if (!strcmp(table, "disk"))
			ret = e ? apply_disks(cfg, e, err) : 0;
		else if (e && e->value->type != ZVM_TOML_TABLE)
			ret = schema_fail_at(cfg, err, e->line, e->column, table,
					     "expected a table, found %s; write [%s]",
					     zvm_toml_type_name(e->value->type), table);
		else
			ret = apply_table(cfg, table, 0, e ? e->value : NULL, err);
	}
	return ret;
}
