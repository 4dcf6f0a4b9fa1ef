// SPDX-License-Identifier: GPL-2.0
/*
 * What makes a vm.toml sensible as a whole: the rules that concern more than one key.
 *
 * Called by config.c after every single key has been checked, on the same thread; no locks.
 * Nothing here looks at a file.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/un.h>

#include "schema.h"

/* Exactly one of the three that a VM can start with. The later one in the file gets the blame. */
static int check_boot(const struct zvm_config *cfg, struct zvm_err *err)
{
	static const char *const names[] = { "kernel", "firmware", "image" };
	const char *first = NULL, *swap, *name;
	int line, column, first_line = 0;
	size_t i;

	for (i = 0; i < 3; i++) {
		name = names[i];
		if (!schema_source_find(cfg, name, &line, &column))
			continue;
		if (!first) {
			first = name;
			first_line = line;
			continue;
		}
		if (line < first_line) {
			swap = first;
			first = name;
			name = swap;
			line = first_line;
			schema_source_find(cfg, first, &first_line, &column);
		}
		return schema_fail(cfg, err, name,
				   "%s is already set in line %d; a VM starts with one of kernel, "
				   "firmware and image, remove the others",
				   first, first_line);
	}
	if (!first)
		return schema_fail_at(cfg, err, 1, 1, "kernel",
				      "nothing to start; add kernel = \"Image\", or firmware, or "
				      "image");
	return 0;
}

/* Keys that mean nothing, or something else, beside the way the VM starts. */
static int check_boot_keys(const struct zvm_config *cfg, struct zvm_err *err)
{
	if (cfg->initrd && !cfg->kernel)
		return schema_fail(cfg, err, "initrd",
				   "only a kernel takes one; remove it, or set kernel");
	if (cfg->cmdline[0] && cfg->firmware)
		return schema_fail(cfg, err, "cmdline",
				   "firmware has its own settings; remove it, or set kernel");
	if (cfg->has_load && !cfg->image)
		return schema_fail(cfg, err, "load", "only an image takes it; remove it");
	if (cfg->has_entry && !cfg->image)
		return schema_fail(cfg, err, "entry", "only an image takes it; remove it");
	return 0;
}

static int check_ram_address(const struct zvm_config *cfg, const char *key, uint64_t address,
			     struct zvm_err *err)
{
	uint64_t first = ZVM_CONFIG_RAM_BASE, last = first + cfg->memory - 1;

	if (address >= first && address <= last)
		return 0;
	return schema_fail(cfg, err, key,
			   "0x%" PRIx64 " is outside RAM; write an address from 0x%" PRIx64
			   " to 0x%" PRIx64,
			   address, first, last);
}

static int check_memory(const struct zvm_config *cfg, struct zvm_err *err)
{
	static const uint64_t page[] = {
		[ZVM_HUGEPAGES_THP] = 1,
		[ZVM_HUGEPAGES_OFF] = 1,
		[ZVM_HUGEPAGES_2M] = 2ULL << 20,
		[ZVM_HUGEPAGES_1G] = 1ULL << 30,
	};
	uint64_t size = page[cfg->backing.hugepages];
	char is[32], should[32];
	int ret = 0;

	schema_format_size(cfg->memory, is);
	if (cfg->memory < ZVM_CONFIG_RAM_MIN || cfg->memory > ZVM_CONFIG_RAM_MAX)
		return schema_fail(cfg, err, "memory",
				   "\"%s\" is out of range; write a size from \"1M\" to \"255G\"",
				   is);
	if (cfg->memory % ZVM_CONFIG_RAM_GRAIN)
		return schema_fail(
			cfg, err, "memory", "\"%s\" is not a multiple of 64K; write \"%s\"", is,
			schema_format_size(cfg->memory & ~(ZVM_CONFIG_RAM_GRAIN - 1), should));
	if (cfg->memory % size)
		return schema_fail(cfg, err, "memory",
				   "\"%s\" is not a multiple of the %s huge pages; write \"%s\"",
				   is, size == 2ULL << 20 ? "2M" : "1G",
				   schema_format_size((cfg->memory / size + 1) * size, should));
	if (cfg->has_load)
		ret = check_ram_address(cfg, "load", cfg->load, err);
	if (!ret && cfg->has_entry)
		ret = check_ram_address(cfg, "entry", cfg->entry, err);
	return ret;
}

static int check_disks(struct zvm_config *cfg, struct zvm_err *err)
{
	size_t others = cfg->rng + (cfg->console.device == ZVM_CONSOLE_VIRTIO), i, j;
	char key[48], other[48];
	int line, column;

	for (i = 0; i < cfg->nr_disks; i++) {
		snprintf(key, sizeof(key), "disk[%zu].path", i);
		for (j = 0; j < i; j++) {
			if (strcmp(cfg->disk[i].path, cfg->disk[j].path))
				continue;
			snprintf(other, sizeof(other), "disk[%zu].path", j);
			schema_source_find(cfg, other, &line, &column);
			return schema_fail(cfg, err, key,
					   "the disk in line %d has the same file, and two disks "
					   "would destroy it; use another file",
					   line);
		}
		snprintf(key, sizeof(key), "disk[%zu].discard", i);
		if (!cfg->disk[i].readonly)
			continue;
		if (!zvm_config_is_set(cfg, key))
			cfg->disk[i].discard = false;
		else if (cfg->disk[i].discard)
			return schema_fail(cfg, err, key,
					   "a readonly disk cannot discard; remove one of the two");
	}
	if (cfg->nr_disks + others > ZVM_CONFIG_VIRTIO_SLOTS) {
		snprintf(key, sizeof(key), "disk[%zu]", ZVM_CONFIG_VIRTIO_SLOTS - others);
		return schema_fail(cfg, err, key,
				   "%zu disks, but %zu of the %d virtio slots are left for them; "
				   "remove disks, or set rng.enable = false",
				   cfg->nr_disks, ZVM_CONFIG_VIRTIO_SLOTS - others,
				   ZVM_CONFIG_VIRTIO_SLOTS);
	}
	return 0;
}

static int check_console(const struct zvm_config *cfg, struct zvm_err *err)
{
	static const char *const name[] = { "stdio", "pty", "socket", "file", "none" };
	enum zvm_console_mode mode = cfg->console.mode;
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (!cfg->console.path) {
		if (mode != ZVM_CONSOLE_SOCKET && mode != ZVM_CONSOLE_FILE)
			return 0;
		return schema_fail(cfg, err, "console.path",
				   "mode = \"%s\" needs it; add path = \"console.%s\"", name[mode],
				   mode == ZVM_CONSOLE_SOCKET ? "sock" : "log");
	}
	if (mode == ZVM_CONSOLE_STDIO || mode == ZVM_CONSOLE_NONE)
		return schema_fail(cfg, err, "console.path",
				   "mode = \"%s\" has no file; remove it, or write mode = \"file\"",
				   name[mode]);
	if (mode == ZVM_CONSOLE_SOCKET && strlen(cfg->console.path) > room)
		return schema_fail(cfg, err, "console.path",
				   "a socket's path has at most %zu bytes, this one %zu; use a "
				   "shorter one",
				   room, strlen(cfg->console.path));
	return 0;
}

static int check_vcpus(const struct zvm_config *cfg, struct zvm_err *err)
{
	unsigned int i;

	for (i = cfg->vcpus; i < ZVM_CONFIG_MAX_VCPUS; i++)
		if (cfg->vcpu.affinity[i].nr)
			return schema_fail(cfg, err, "vcpu.affinity",
					   "entry %u is for a vCPU that does not exist; remove it, "
					   "or set vcpus = %u",
					   i + 1, i + 1);
	return 0;
}

int schema_check_rules(struct zvm_config *cfg, struct zvm_err *err)
{
	int ret;

	cfg->has_load = zvm_config_is_set(cfg, "load");
	cfg->has_entry = zvm_config_is_set(cfg, "entry");
	ret = check_boot(cfg, err);
	if (!ret)
		ret = check_boot_keys(cfg, err);
	if (!ret)
		ret = check_memory(cfg, err);
	if (!ret)
		ret = check_disks(cfg, err);
	if (!ret)
		ret = check_console(cfg, err);
	if (!ret)
		ret = check_vcpus(cfg, err);
	return ret;
}
