// SPDX-License-Identifier: GPL-2.0
/*
 * vm.toml(5): which values a key takes, what a key that is not there means, and what a user
 * reads who made a mistake. Files on the host are the subject of test_schema_files.c.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/config/schema.h"

/* The least that is a VM; tests put their lines behind it, so these begin in line 3. */
#define MINIMAL "memory = \"512M\"\nkernel = \"Image\"\n"

static struct zvm_config *accept(const char *text)
{
	struct zvm_err err = {0};
	struct zvm_config *cfg;

	if (zvm_config_parse("dir/vm.toml", text, strlen(text), &cfg, &err))
		fail_msg("refused: %s", err.msg);
	assert_non_null(cfg);
	return cfg;
}

static void refuse_as(const char *file, const char *text, const char *message)
{
	struct zvm_err err = {0};
	struct zvm_config *cfg;

	assert_int_equal(zvm_config_parse(file, text, strlen(text), &cfg, &err), -EINVAL);
	assert_null(cfg);
	assert_string_equal(err.msg, message);
}

static void refuse(const char *text, const char *message)
{
	refuse_as("vm.toml", text, message);
}

static void minimal_file_gets_every_default(void **state)
{
	struct zvm_config *cfg = accept(MINIMAL);
	size_t i;

	assert_string_equal(cfg->file, "dir/vm.toml");
	assert_string_equal(cfg->name, "vm");
	assert_int_equal(cfg->vcpus, 1);
	assert_int_equal(cfg->memory, 512 << 20);
	assert_string_equal(cfg->kernel, "dir/Image");
	assert_null(cfg->firmware);
	assert_null(cfg->image);
	assert_false(cfg->has_load);
	assert_false(cfg->has_entry);
	assert_null(cfg->initrd);
	assert_string_equal(cfg->cmdline, "");
	assert_null(cfg->dtb);
	assert_int_equal(cfg->nr_disks, 0);
	assert_int_equal(cfg->console.mode, ZVM_CONSOLE_STDIO);
	assert_int_equal(cfg->console.device, ZVM_CONSOLE_PL011);
	assert_null(cfg->console.path);
	assert_true(cfg->rng);
	assert_int_equal(cfg->backing.hugepages, ZVM_HUGEPAGES_THP);
	assert_false(cfg->backing.prefault);
	assert_false(cfg->backing.lock);
	for (i = 0; i < ZVM_CONFIG_MAX_VCPUS; i++)
		assert_int_equal(cfg->vcpu.affinity[i].nr, 0);
	assert_int_equal(cfg->vcpu.priority, 0);
	assert_int_equal(cfg->rtc.base, ZVM_RTC_UTC);
	assert_int_equal(cfg->on_reboot, ZVM_ON_REBOOT_RESTART);
	assert_int_equal(cfg->on_crash, ZVM_ON_CRASH_EXIT);
	zvm_config_free(cfg);
}

static const char everything[] =
	"name = \"linux\"\nvcpus = 4\nmemory = \"1G\"\nkernel = \"/boot/Image\"\n"
	"initrd = \"initrd.img\"\ncmdline = \"console=hvc0 \\\"quoted\\\" C:\\\\\"\n"
	"dtb = \"../my.dtb\"\non_reboot = \"exit\"\non_crash = \"restart\"\n"
	"[[disk]]\npath = \"root.ext4\"\nengine = \"io_uring\"\ncache = \"writeback\"\n"
	"queues = 8\nserial = \"ROOT 01\"\ndiscard = false\n"
	"[[disk]]\npath = \"/dev/vg/data\"\nengine = \"threads\"\nreadonly = true\n"
	"[console]\nmode = \"socket\"\npath = \"console.sock\"\ndevice = \"virtio\"\n"
	"[rng]\nenable = false\n"
	"[memory_backing]\nhugepages = \"2M\"\nprefault = true\nlock = true\n"
	"[vcpu]\naffinity = [0, [3, 1, 3], []]\npriority = 50\n"
	"[rtc]\nbase = 2026-01-01T01:00:00+01:00\n";

static void expect_everything(const struct zvm_config *cfg)
{
	assert_string_equal(cfg->name, "linux");
	assert_int_equal(cfg->vcpus, 4);
	assert_int_equal(cfg->memory, 1 << 30);
	assert_string_equal(cfg->kernel, "/boot/Image");
	assert_string_equal(cfg->cmdline, "console=hvc0 \"quoted\" C:\\");
	assert_int_equal(cfg->on_reboot, ZVM_ON_REBOOT_EXIT);
	assert_int_equal(cfg->on_crash, ZVM_ON_CRASH_RESTART);
	assert_int_equal(cfg->nr_disks, 2);
	assert_int_equal(cfg->disk[0].engine, ZVM_DISK_IO_URING);
	assert_int_equal(cfg->disk[0].cache, ZVM_DISK_CACHE_WRITEBACK);
	assert_int_equal(cfg->disk[0].queues, 8);
	assert_string_equal(cfg->disk[0].serial, "ROOT 01");
	assert_false(cfg->disk[0].readonly);
	assert_false(cfg->disk[0].discard);
	assert_string_equal(cfg->disk[1].path, "/dev/vg/data");
	assert_int_equal(cfg->disk[1].engine, ZVM_DISK_THREADS);
	assert_int_equal(cfg->disk[1].cache, ZVM_DISK_CACHE_NONE);
	assert_true(cfg->disk[1].readonly);
	assert_false(cfg->disk[1].discard);
	assert_int_equal(cfg->disk[1].queues, 1);
	assert_string_equal(cfg->disk[1].serial, "");
	assert_int_equal(cfg->console.mode, ZVM_CONSOLE_SOCKET);
	assert_int_equal(cfg->console.device, ZVM_CONSOLE_VIRTIO);
	assert_false(cfg->rng);
	assert_int_equal(cfg->backing.hugepages, ZVM_HUGEPAGES_2M);
	assert_true(cfg->backing.prefault);
	assert_true(cfg->backing.lock);
	assert_int_equal(cfg->vcpu.affinity[0].nr, 1);
	assert_int_equal(cfg->vcpu.affinity[0].cpu[0], 0);
	assert_int_equal(cfg->vcpu.affinity[1].nr, 2);
	assert_int_equal(cfg->vcpu.affinity[1].cpu[0], 1);
	assert_int_equal(cfg->vcpu.affinity[1].cpu[1], 3);
	assert_int_equal(cfg->vcpu.affinity[2].nr, 0);
	assert_int_equal(cfg->vcpu.priority, 50);
	assert_int_equal(cfg->rtc.base, ZVM_RTC_FIXED);
	assert_int_equal(cfg->rtc.epoch, 1767225600);
}

static void every_key_reaches_its_field(void **state)
{
	struct zvm_config *cfg = accept(everything);

	expect_everything(cfg);
	assert_string_equal(cfg->initrd, "dir/initrd.img");
	assert_string_equal(cfg->dtb, "dir/../my.dtb");
	assert_string_equal(cfg->disk[0].path, "dir/root.ext4");
	assert_string_equal(cfg->console.path, "dir/console.sock");
	zvm_config_free(cfg);
}

static char *print(const struct zvm_config *cfg)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(zvm_config_print(cfg, f), 0);
	fclose(f);
	return text;
}

/* A default that was printed and read again is no default any more. */
static void remove_marks(char *text)
{
	static const char mark[] = " # default";
	char *at;

	while ((at = strstr(text, mark)))
		memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
}

static void printed_configuration_reads_back_to_the_same_vm(void **state)
{
	struct zvm_config *cfg = accept(everything), *again;
	char *text = print(cfg), *text_again;

	again = accept(text);
	expect_everything(again);
	text_again = print(again);
	remove_marks(text);
	remove_marks(text_again);
	assert_string_equal(text, text_again);
	free(text);
	free(text_again);
	zvm_config_free(cfg);
	zvm_config_free(again);
}

static void printed_configuration_marks_defaults(void **state)
{
	struct zvm_config *cfg = accept(MINIMAL "[[disk]]\npath = \"/d\"\nreadonly = true\n");
	char *text = print(cfg);

	assert_non_null(strstr(text, "\nmemory = \"512M\"\n"));
	assert_non_null(strstr(text, "\nvcpus = 1 # default\n"));
	assert_non_null(strstr(text, "\nreadonly = true\n"));
	assert_non_null(strstr(text, "\ndiscard = false # default\n"));
	assert_non_null(strstr(text, "\n# load: not set, an ELF file says it itself\n"));
	assert_non_null(strstr(text, "\n[rtc]\nbase = \"utc\" # default\n"));
	free(text);
	zvm_config_free(cfg);
}

static void schema_listing_has_every_key(void **state)
{
	const struct schema_key *key;
	char *text = NULL, line[64];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(zvm_config_print_schema(f), 0);
	fclose(f);
	for (key = schema_keys; key->name; key++) {
		snprintf(line, sizeof(line), "%s%-10s ", key == schema_keys ? "" : "\n", key->name);
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, key->help));
	}
	assert_non_null(strstr(text, "\n[[disk]]\n"));
	free(text);
}

static void name_defaults_to_the_file_without_suffix(void **state)
{
	static const struct {
		const char *file, *name;
	} cases[] = {
		{"vm.toml", "vm"},	     {"/etc/zvm/my vm.toml", "my-vm"},
		{".hidden.toml", "_hidden"}, {"a.b.conf", "a.b.conf"},
		{"/x/.toml", "vm"},	     {"-v.toml", "_v"},
	};
	struct zvm_config *cfg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			zvm_config_parse(cases[i].file, MINIMAL, strlen(MINIMAL), &cfg, NULL), 0);
		assert_string_equal(cfg->name, cases[i].name);
		zvm_config_free(cfg);
	}
}

static void sizes_have_units_or_are_hex(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"64K", 64 << 10},     {"1M", 1 << 20},	       {"1G", 1 << 30},
		{"512m", 512 << 20},   {"512MiB", 512 << 20},  {"0x20000000", 512 << 20},
		{"0X100000", 1 << 20}, {"255G", 255ULL << 30}, {"1024k", 1 << 20},
		{"1T", 1ULL << 40},
	};
	struct zvm_toml_value v = {.type = ZVM_TOML_STRING, .line = 1, .column = 1};
	struct zvm_config cfg = {.file = "f"};
	uint64_t bytes;
	struct schema_slot slot = {&cfg, schema_find("", "memory"), "memory", &bytes, NULL};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.string.bytes = (char *)cases[i].text;
		v.string.len = strlen(cases[i].text);
		assert_int_equal(schema_size.set(&slot, &v), 0);
		assert_true(bytes == cases[i].bytes);
	}
}

static void size_without_unit_is_refused_with_the_size_that_was_meant(void **state)
{
	refuse("name = \"a\"\nvcpus = 1\nmemory = \"512\"",
	       "vm.toml:3:10: memory: \"512\" has no unit; write \"512M\"");
	refuse("memory = 512", "vm.toml:1:10: memory: 512 has no unit; write \"512M\"");
	refuse("memory = 536870912", "vm.toml:1:10: memory: 536870912 has no unit; write \"512M\"");
	refuse("memory = \"1073741824\"",
	       "vm.toml:1:10: memory: \"1073741824\" has no unit; write \"1G\"");
}

static void malformed_size_is_refused(void **state)
{
	static const char *const bad[] = {"512X", "M",	 "1.5G", "512 M", "-1G",    "0x",
					  "0xM",  "1MB", "1Mib", "0x1G",  "512MiBs"};
	char text[64], message[160];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "memory = \"%s\"", bad[i]);
		snprintf(
			message, sizeof(message),
			"vm.toml:1:10: memory: \"%s\" is not a whole number with K, M, G or T, nor "
			"hex; write memory = \"512M\"",
			bad[i]);
		refuse(text, message);
	}
	refuse("memory = \"\"",
	       "vm.toml:1:10: memory: \"\" is not a whole number with K, M, G or T, nor hex; write "
	       "memory = \"512M\"");
	refuse("memory = \"99999999999999999999G\"",
	       "vm.toml:1:10: memory: \"99999999999999999999G\" does not fit into 64 bits; write "
	       "memory = \"512M\"");
	refuse("memory = \"16777216T\"", "vm.toml:1:10: memory: \"16777216T\" does not fit into 64 "
					 "bits; write memory = \"512M\"");
	refuse("memory = \"0x10000000000000000\"",
	       "vm.toml:1:10: memory: \"0x10000000000000000\" does not fit into 64 bits; write "
	       "memory = \"512M\"");
}

static void memory_out_of_range_is_refused(void **state)
{
	zvm_config_free(accept("memory = \"1M\"\nkernel = \"k\""));
	zvm_config_free(accept("memory = \"255G\"\nkernel = \"k\""));
	refuse("memory = \"960K\"\nkernel = \"k\"",
	       "vm.toml:1:10: memory: \"960K\" is out of range; write a size from \"1M\" to "
	       "\"255G\"");
	refuse("memory = \"256G\"\nkernel = \"k\"",
	       "vm.toml:1:10: memory: \"256G\" is out of range; write a size from \"1M\" to "
	       "\"255G\"");
	refuse("memory = \"0x101000\"\nkernel = \"k\"",
	       "vm.toml:1:10: memory: \"1028K\" is not a multiple of 64K; write \"1M\"");
	refuse("memory = \"513M\"\nkernel = \"k\"\n[memory_backing]\nhugepages = \"2M\"",
	       "vm.toml:1:10: memory: \"513M\" is not a multiple of the 2M huge pages; write "
	       "\"514M\"");
	refuse("memory = \"512M\"\nkernel = \"k\"\n[memory_backing]\nhugepages = \"1G\"",
	       "vm.toml:1:10: memory: \"512M\" is not a multiple of the 1G huge pages; write "
	       "\"1G\"");
}

static void wrong_type_is_refused_with_an_example(void **state)
{
	refuse("memory = true", "vm.toml:1:10: memory: expected a string, found a boolean; write "
				"memory = \"512M\"");
	refuse(MINIMAL "vcpus = \"2\"",
	       "vm.toml:3:9: vcpus: expected an integer, found a string; write vcpus = 2");
	refuse(MINIMAL "vcpus = 2.0",
	       "vm.toml:3:9: vcpus: expected an integer, found a float; write vcpus = 2");
	refuse("memory = \"1G\"\nkernel = [\"a\"]",
	       "vm.toml:2:10: kernel: expected a string, found an array; write kernel = \"Image\"");
	refuse(MINIMAL "[[disk]]\npath = 1979-05-27",
	       "vm.toml:4:8: disk[0].path: expected a string, found a local date; write path = "
	       "\"rootfs.ext4\"");
	refuse(MINIMAL "[[disk]]\npath = \"d\"\nreadonly = 1",
	       "vm.toml:5:12: disk[0].readonly: expected true or false, found an integer; write "
	       "readonly = true");
	refuse(MINIMAL "on_reboot = 1", "vm.toml:3:13: on_reboot: expected a string, found an "
					"integer; write one of \"restart\", \"exit\"");
}

static void table_that_is_none_is_refused(void **state)
{
	refuse(MINIMAL "console = \"pty\"",
	       "vm.toml:3:1: console: expected a table, found a string; write [console]");
	refuse(MINIMAL "[[console]]",
	       "vm.toml:3:3: console: expected a table, found an array; write [console]");
	refuse(MINIMAL "disk = \"root.img\"",
	       "vm.toml:3:8: disk: expected a table, found a string; write [[disk]] and below it "
	       "path = \"rootfs.ext4\"");
	refuse(MINIMAL "[disk]\npath = \"a\"",
	       "vm.toml:3:2: disk: there may be several disks; write [[disk]] with two brackets");
	refuse(MINIMAL "disk = [\"a\"]",
	       "vm.toml:3:9: disk: expected a table, found a string; write "
	       "{ path = \"...\" }");
}

static void inline_tables_do_as_well(void **state)
{
	struct zvm_config *cfg =
		accept(MINIMAL "disk = [ { path = \"a\" }, { path = \"b\", readonly = true } ]\n"
			       "console = { mode = \"none\" }\nrng.enable = false");

	assert_int_equal(cfg->nr_disks, 2);
	assert_string_equal(cfg->disk[1].path, "dir/b");
	assert_int_equal(cfg->console.mode, ZVM_CONSOLE_NONE);
	assert_false(cfg->rng);
	zvm_config_free(cfg);
}

static void number_out_of_range_is_refused(void **state)
{
	zvm_config_free(accept(MINIMAL "vcpus = 8"));
	refuse(MINIMAL "vcpus = 0",
	       "vm.toml:3:9: vcpus: 0 is out of range; write a number from 1 to 8");
	refuse(MINIMAL "vcpus = 9",
	       "vm.toml:3:9: vcpus: 9 is out of range; write a number from 1 to 8");
	refuse(MINIMAL "vcpus = -1",
	       "vm.toml:3:9: vcpus: -1 is out of range; write a number from 1 to 8");
	refuse(MINIMAL "vcpus = 4294967297",
	       "vm.toml:3:9: vcpus: 4294967297 is out of range; write a number from 1 to 8");
	refuse(MINIMAL "[vcpu]\npriority = 100",
	       "vm.toml:4:12: vcpu.priority: 100 is out of range; write a number from 0 to 99");
	refuse(MINIMAL "[[disk]]\npath = \"d\"\nqueues = 0",
	       "vm.toml:5:10: disk[0].queues: 0 is out of range; write a number from 1 to 8");
}

static void unknown_choice_is_refused_with_the_choices(void **state)
{
	refuse(MINIMAL "[console]\nmode = \"tcp\"",
	       "vm.toml:4:8: console.mode: \"tcp\" is not possible; write one of \"stdio\", \"pty\", "
	       "\"socket\", \"file\", \"none\"");
	refuse(MINIMAL "[console]\nmode = \"pty\\u0000x\"",
	       "vm.toml:4:8: console.mode: \"pty\" is not possible; write one of \"stdio\", \"pty\", "
	       "\"socket\", \"file\", \"none\"");
	refuse(MINIMAL "[[disk]]\npath = \"d\"\nengine = \"aio\"",
	       "vm.toml:5:10: disk[0].engine: \"aio\" is not possible; write one of \"libaio\", "
	       "\"io_uring\", \"threads\"");
}

static void unknown_key_is_refused_with_the_nearest(void **state)
{
	refuse(MINIMAL "vcpu_s = 2", "vm.toml:3:1: vcpu_s: unknown key; did you mean vcpus?");
	refuse(MINIMAL "cpus = 2", "vm.toml:3:1: cpus: unknown key; did you mean vcpus?");
	refuse("mem = \"1G\"", "vm.toml:1:1: mem: unknown key; did you mean memory?");
	refuse(MINIMAL "initramfs = \"a\"",
	       "vm.toml:3:1: initramfs: unknown key; did you mean initrd?");
	refuse(MINIMAL "cmdlnie = \"a\"",
	       "vm.toml:3:1: cmdlnie: unknown key; did you mean cmdline?");
	refuse(MINIMAL "[[disks]]\npath = \"a\"",
	       "vm.toml:3:3: disks: unknown key; did you mean disk?");
	refuse(MINIMAL "[[disk]]\npath = \"a\"\nread_only = true",
	       "vm.toml:5:1: read_only: unknown key; did you mean readonly?");
}

static void key_in_the_wrong_table_is_refused_with_the_right_one(void **state)
{
	refuse(MINIMAL "engine = \"libaio\"",
	       "vm.toml:3:1: engine: unknown key here; it belongs into [[disk]]");
	refuse(MINIMAL "[console]\nhugepages = \"2M\"",
	       "vm.toml:4:1: hugepages: unknown key here; it belongs into [memory_backing]");
	refuse(MINIMAL "[console]\nvcpus = 2",
	       "vm.toml:4:1: vcpus: unknown key in [console]; it belongs above the first [table]");
}

static void unknown_key_like_no_other_points_to_the_manual(void **state)
{
	refuse(MINIMAL "xyzzy = 1",
	       "vm.toml:3:1: xyzzy: unknown key; vm.toml(5) lists those of the top level");
	refuse(MINIMAL "[rng]\nxyzzy = 1",
	       "vm.toml:4:1: xyzzy: unknown key; vm.toml(5) lists those of [rng]");
	refuse("a_key_that_is_longer_than_any_in_the_schema_and_longer_than_the_message = 1",
	       "vm.toml:1:1: a_key_that_is_longer_than_any_in_the_sch: unknown key; vm.toml(5) "
	       "lists those of the top level");
}

static void key_with_control_characters_cannot_steer_a_terminal(void **state)
{
	refuse("\"\\u001b[2J\" = 1",
	       "vm.toml:1:1: ?[2J: unknown key; vm.toml(5) lists those of the top level");
}

static void known_key_with_a_zero_behind_is_unknown(void **state)
{
	struct zvm_err err = {0};
	struct zvm_config *cfg;
	const char *text = MINIMAL "\"vcpus\\u0000x\" = 1";

	assert_int_equal(zvm_config_parse("f", text, strlen(text), &cfg, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "f:3:1: vcpus: unknown key"));
}

static void missing_required_key_is_named(void **state)
{
	refuse("", "vm.toml:1:1: memory: required, but missing; add memory = \"512M\"");
	refuse(MINIMAL "[[disk]]\nreadonly = true",
	       "vm.toml:3:3: disk[0].path: required, but missing; add path = \"rootfs.ext4\"");
	refuse("memory = \"1G\"",
	       "vm.toml:1:1: kernel: nothing to start; add kernel = \"Image\", or firmware, or image");
}

static void vm_starts_with_one_thing_only(void **state)
{
	refuse(MINIMAL "image = \"a.elf\"",
	       "vm.toml:3:9: image: kernel is already set in line 2; a VM starts with one of kernel, "
	       "firmware and image, remove the others");
	refuse("memory = \"1G\"\nimage = \"a\"\nfirmware = \"f\"",
	       "vm.toml:3:12: firmware: image is already set in line 2; a VM starts with one of "
	       "kernel, firmware and image, remove the others");
}

static void keys_that_need_another_start_are_refused(void **state)
{
	refuse("memory = \"1G\"\nfirmware = \"f\"\ninitrd = \"i\"",
	       "vm.toml:3:10: initrd: only a kernel takes one; remove it, or set kernel");
	refuse("memory = \"1G\"\nfirmware = \"f\"\ncmdline = \"quiet\"",
	       "vm.toml:3:11: cmdline: firmware has its own settings; remove it, or set kernel");
	refuse(MINIMAL "load = \"0x40080000\"",
	       "vm.toml:3:8: load: only an image takes it; remove it");
	refuse(MINIMAL "entry = \"0x40080000\"",
	       "vm.toml:3:9: entry: only an image takes it; remove it");
}

static void load_and_entry_are_addresses_in_ram(void **state)
{
	static const char image[] = "memory = \"1M\"\nimage = \"a.bin\"\n";
	struct zvm_config *cfg;
	char text[128];

	cfg = accept(
		"memory = \"1M\"\nimage = \"a\"\nload = \"0x40000000\"\nentry = \"0x400fffff\"");
	assert_true(cfg->has_load && cfg->has_entry);
	assert_int_equal(cfg->load, 0x40000000);
	assert_int_equal(cfg->entry, 0x400fffff);
	zvm_config_free(cfg);

	snprintf(text, sizeof(text), "%sload = \"0x40100000\"", image);
	refuse(text,
	       "vm.toml:3:8: load: 0x40100000 is outside RAM; write an address from 0x40000000 "
	       "to 0x400fffff");
	snprintf(text, sizeof(text), "%sload = \"0x0\"", image);
	refuse(text, "vm.toml:3:8: load: 0x0 is outside RAM; write an address from 0x40000000 to "
		     "0x400fffff");
	snprintf(text, sizeof(text), "%sentry = \"0xffffffffffffffff\"", image);
	refuse(text, "vm.toml:3:9: entry: 0xffffffffffffffff is outside RAM; write an address from "
		     "0x40000000 to 0x400fffff");
	snprintf(text, sizeof(text), "%sload = 0x40080000", image);
	refuse(text, "vm.toml:3:8: load: 1074266112 is not an address, which is a string in hex; "
		     "write \"0x40080000\"");
}

static void strings_are_checked(void **state)
{
	char cmdline[ZVM_CONFIG_MAX_CMDLINE + 2], text[4096];

	refuse(MINIMAL "cmdline = \"a\\nb\"",
	       "vm.toml:3:11: cmdline: control character 0x0a in byte 2; write cmdline = "
	       "\"console=ttyAMA0 root=/dev/vda\"");
	refuse("memory = \"1G\"\nkernel = \"a\\u0000b\"",
	       "vm.toml:2:10: kernel: control character 0x00 in byte 2; write kernel = \"Image\"");
	refuse("memory = \"1G\"\nkernel = \"\"",
	       "vm.toml:2:10: kernel: the string is empty; write kernel = \"Image\"");
	refuse("memory = \"1G\"\nkernel = \"~/Image\"",
	       "vm.toml:2:10: kernel: ~ is not expanded, name the whole path; write kernel = "
	       "\"Image\"");
	refuse(MINIMAL "name = \"a b\"",
	       "vm.toml:3:8: name: byte 2 is none of A-Z a-z 0-9 . _ -, which is all a name may "
	       "have; write name = \"linux\"");
	refuse(MINIMAL "name = \"../x\"",
	       "vm.toml:3:8: name: byte 3 is none of A-Z a-z 0-9 . _ -, which is all a name may "
	       "have; write name = \"linux\"");
	refuse(MINIMAL "name = \"..\"",
	       "vm.toml:3:8: name: a name begins with a letter, a digit or _; write name = "
	       "\"linux\"");
	refuse(MINIMAL "[[disk]]\npath = \"d\"\nserial = \"123456789012345678901\"",
	       "vm.toml:5:10: disk[0].serial: 21 bytes, at most 20 are possible; shorten it");
	refuse(MINIMAL "[[disk]]\npath = \"d\"\nserial = \"\xc3\xa9\"",
	       "vm.toml:5:10: disk[0].serial: a serial number has only ASCII characters; write "
	       "serial = \"ROOT01\"");

	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[sizeof(cmdline) - 1] = '\0';
	snprintf(text, sizeof(text), MINIMAL "cmdline = \"%s\"", cmdline);
	refuse(text, "vm.toml:3:11: cmdline: 2048 bytes, at most 2047 are possible; shorten it");
	cmdline[ZVM_CONFIG_MAX_CMDLINE] = '\0';
	snprintf(text, sizeof(text), MINIMAL "cmdline = \"%s\"", cmdline);
	zvm_config_free(accept(text));
}

static void path_is_relative_to_the_file(void **state)
{
	struct zvm_config *cfg;

	assert_int_equal(zvm_config_parse("vm.toml", MINIMAL, strlen(MINIMAL), &cfg, NULL), 0);
	assert_string_equal(cfg->kernel, "Image");
	zvm_config_free(cfg);
	assert_int_equal(zvm_config_parse("/vm.toml", MINIMAL, strlen(MINIMAL), &cfg, NULL), 0);
	assert_string_equal(cfg->kernel, "/Image");
	zvm_config_free(cfg);
}

static void disk_that_is_there_twice_is_refused(void **state)
{
	refuse_as(
		"d/vm.toml",
		MINIMAL "[[disk]]\npath = \"a\"\n[[disk]]\npath = \"b\"\n[[disk]]\npath = \"a\"",
		"d/vm.toml:8:8: disk[2].path: the disk in line 4 has the same file, and two disks "
		"would destroy it; use another file");
}

static void readonly_disk_cannot_be_told_to_discard(void **state)
{
	refuse(MINIMAL "[[disk]]\npath = \"a\"\nreadonly = true\ndiscard = true",
	       "vm.toml:6:11: disk[0].discard: a readonly disk cannot discard; remove one of the two");
}

/* A file with @nr disks; disk i is in lines 2 i and 2 i + 1 behind @head of one line. */
static char *many_disks(const char *head, unsigned int nr)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	unsigned int i;

	assert_non_null(f);
	fprintf(f, "memory = \"1G\"\nkernel = \"k\"\n%s", head);
	for (i = 0; i < nr; i++)
		fprintf(f, "[[disk]]\npath = \"d%u\"\n", i);
	fclose(f);
	return text;
}

static void disks_share_the_virtio_slots(void **state)
{
	struct zvm_config *cfg;
	char *text;

	text = many_disks("rng.enable = false\n", 32);
	cfg = accept(text);
	assert_int_equal(cfg->nr_disks, 32);
	zvm_config_free(cfg);
	free(text);

	text = many_disks("rng.enable = false\n", 33);
	refuse(text,
	       "vm.toml:68:3: disk: 33 disks, but the machine has 32 virtio slots; remove some");
	free(text);

	text = many_disks("", 31);
	zvm_config_free(accept(text));
	free(text);

	text = many_disks("", 32);
	refuse(text, "vm.toml:65:3: disk[31]: 32 disks, but 31 of the 32 virtio slots are left for "
		     "them; remove disks, or set rng.enable = false");
	free(text);

	text = many_disks("console.device = \"virtio\"\n", 31);
	refuse(text, "vm.toml:64:3: disk[30]: 31 disks, but 30 of the 32 virtio slots are left for "
		     "them; remove disks, or set rng.enable = false");
	free(text);
}

static void console_path_fits_its_mode(void **state)
{
	char text[512], path[120];

	refuse(MINIMAL "[console]\nmode = \"socket\"",
	       "vm.toml:3:2: console.path: mode = \"socket\" needs it; add path = \"console.sock\"");
	refuse(MINIMAL "[console]\nmode = \"file\"",
	       "vm.toml:3:2: console.path: mode = \"file\" needs it; add path = \"console.log\"");
	refuse(MINIMAL "[console]\npath = \"x\"",
	       "vm.toml:4:8: console.path: mode = \"stdio\" has no file; remove it, or write mode = "
	       "\"file\"");
	zvm_config_free(accept(MINIMAL "[console]\nmode = \"pty\"\npath = \"x\""));
	zvm_config_free(accept(MINIMAL "[console]\nmode = \"pty\""));

	memset(path, 'p', sizeof(path));
	path[108] = '\0';
	snprintf(text, sizeof(text), MINIMAL "[console]\nmode = \"socket\"\npath = \"%s\"", path);
	refuse(text,
	       "vm.toml:5:8: console.path: a socket's path has at most 107 bytes, this one 108; "
	       "use a shorter one");
	path[103] = '\0';
	snprintf(text, sizeof(text), MINIMAL "[console]\nmode = \"socket\"\npath = \"%s\"", path);
	zvm_config_free(accept(text));
}

static void affinity_is_per_vcpu(void **state)
{
	refuse(MINIMAL "vcpus = 2\n[vcpu]\naffinity = [0, 1, 2]",
	       "vm.toml:5:12: vcpu.affinity: entry 3 is for a vCPU that does not exist; remove it, "
	       "or set vcpus = 3");
	refuse(MINIMAL "[vcpu]\naffinity = 0",
	       "vm.toml:4:12: vcpu.affinity: expected an array, found an integer; write affinity = "
	       "[[0], [1]]");
	refuse(MINIMAL "[vcpu]\naffinity = [\"0-3\"]",
	       "vm.toml:4:13: vcpu.affinity: expected a CPU number or an array of them, found a "
	       "string; write affinity = [[0], [1]]");
	refuse(MINIMAL "[vcpu]\naffinity = [[0, 1.5]]",
	       "vm.toml:4:17: vcpu.affinity: expected a CPU number, found a float; write affinity = "
	       "[[0], [1]]");
	refuse(MINIMAL "[vcpu]\naffinity = [-1]",
	       "vm.toml:4:13: vcpu.affinity: there is no such CPU; write affinity = [[0], [1]]");
	refuse(MINIMAL "[vcpu]\naffinity = [1024]",
	       "vm.toml:4:13: vcpu.affinity: there is no such CPU; write affinity = [[0], [1]]");
	refuse(MINIMAL "[vcpu]\naffinity = [0,0,0,0,0,0,0,0,0]",
	       "vm.toml:4:12: vcpu.affinity: more entries than a VM can have vCPUs; write affinity = "
	       "[[0], [1]]");
}

static uint32_t epoch_of(const char *when)
{
	struct zvm_config *cfg;
	char text[128];
	uint32_t epoch;

	snprintf(text, sizeof(text), MINIMAL "[rtc]\nbase = %s", when);
	cfg = accept(text);
	assert_int_equal(cfg->rtc.base, ZVM_RTC_FIXED);
	epoch = cfg->rtc.epoch;
	zvm_config_free(cfg);
	return epoch;
}

static void clock_may_start_at_any_second_the_device_can_show(void **state)
{
	struct zvm_config *cfg = accept(MINIMAL "[rtc]\nbase = \"localtime\"");

	assert_int_equal(cfg->rtc.base, ZVM_RTC_LOCALTIME);
	zvm_config_free(cfg);
	assert_int_equal(epoch_of("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(epoch_of("1969-12-31T23:00:01-01:00"), 1);
	assert_int_equal(epoch_of("2000-02-29T12:00:00Z"), 951825600);
	assert_int_equal(epoch_of("2000-03-01 00:00:00+02:00"), 951861600);
	assert_true(epoch_of("2106-02-07T06:28:15Z") == UINT32_MAX);
	refuse(MINIMAL "[rtc]\nbase = 2106-02-07T06:28:16Z",
	       "vm.toml:4:8: rtc.base: the clock goes from 1970 to 2106; write base = \"utc\"");
	refuse(MINIMAL "[rtc]\nbase = 1969-12-31T23:59:59Z",
	       "vm.toml:4:8: rtc.base: the clock goes from 1970 to 2106; write base = \"utc\"");
	refuse(MINIMAL "[rtc]\nbase = 2026-01-01",
	       "vm.toml:4:8: rtc.base: a date and a time with Z or an offset are needed; write base "
	       "= \"utc\"");
	refuse(MINIMAL "[rtc]\nbase = \"now\"",
	       "vm.toml:4:8: rtc.base: \"now\" is not possible; write one of \"utc\", \"localtime\", "
	       "a date-time like 2026-01-01T00:00:00Z");
}

static void syntax_errors_pass_through(void **state)
{
	refuse("memory = 512M",
	       "vm.toml:1:10: \"512M\" is not a number; text needs quotation marks");
}

static void late_error_is_blamed_on_its_key(void **state)
{
	struct zvm_config *cfg = accept(MINIMAL "[[disk]]\npath = \"d\"\n[console]\n");
	struct zvm_err err = {0};

	zvm_err_set(&err, EIO, "truncated");
	assert_int_equal(zvm_config_blame(cfg, "kernel", -EIO, &err), -EIO);
	assert_string_equal(err.msg, "dir/vm.toml:2:10: kernel: truncated");
	zvm_err_set(&err, EIO, "short read");
	zvm_config_blame(cfg, "disk[0].path", -EIO, &err);
	assert_string_equal(err.msg, "dir/vm.toml:4:8: disk[0].path: short read");
	zvm_err_set(&err, EIO, "bad");
	zvm_config_blame(cfg, "disk[0].queues", -EIO, &err);
	assert_string_equal(err.msg, "dir/vm.toml:3:3: disk[0].queues: bad");
	zvm_err_set(&err, EIO, "bad");
	zvm_config_blame(cfg, "vcpu.priority", -EIO, &err);
	assert_string_equal(err.msg, "dir/vm.toml: vcpu.priority: bad");
	assert_true(zvm_config_is_set(cfg, "disk[0].path"));
	assert_false(zvm_config_is_set(cfg, "disk[1].path"));
	assert_false(zvm_config_is_set(cfg, "vcpus"));
	zvm_config_free(cfg);
}

static void every_schema_line_is_complete(void **state)
{
	const struct schema_key *key;
	struct zvm_toml_value *doc;
	char text[128];
	int i;

	for (key = schema_keys; key->name; key++) {
		assert_non_null(key->table);
		assert_non_null(key->kind);
		assert_non_null(key->help);
		assert_non_null(key->range);
		assert_non_null(key->example);
		assert_ptr_equal(schema_find(key->table, key->name), key);
		/* What a remedy proposes is TOML. */
		snprintf(text, sizeof(text), "%s = %s", key->name, key->example);
		assert_int_equal(zvm_toml_parse("t", text, strlen(text), &doc, NULL), 0);
		zvm_toml_free(doc);
		/* What people read as the range names each choice, in order. */
		for (i = 0; key->choices && key->choices[i]; i++) {
			snprintf(text, sizeof(text), "\"%s\"", key->choices[i]);
			assert_non_null(strstr(key->range, text));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimal_file_gets_every_default),
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(printed_configuration_reads_back_to_the_same_vm),
		cmocka_unit_test(printed_configuration_marks_defaults),
		cmocka_unit_test(schema_listing_has_every_key),
		cmocka_unit_test(name_defaults_to_the_file_without_suffix),
		cmocka_unit_test(sizes_have_units_or_are_hex),
		cmocka_unit_test(size_without_unit_is_refused_with_the_size_that_was_meant),
		cmocka_unit_test(malformed_size_is_refused),
		cmocka_unit_test(memory_out_of_range_is_refused),
		cmocka_unit_test(wrong_type_is_refused_with_an_example),
		cmocka_unit_test(table_that_is_none_is_refused),
		cmocka_unit_test(inline_tables_do_as_well),
		cmocka_unit_test(number_out_of_range_is_refused),
		cmocka_unit_test(unknown_choice_is_refused_with_the_choices),
		cmocka_unit_test(unknown_key_is_refused_with_the_nearest),
		cmocka_unit_test(key_in_the_wrong_table_is_refused_with_the_right_one),
		cmocka_unit_test(unknown_key_like_no_other_points_to_the_manual),
		cmocka_unit_test(key_with_control_characters_cannot_steer_a_terminal),
		cmocka_unit_test(known_key_with_a_zero_behind_is_unknown),
		cmocka_unit_test(missing_required_key_is_named),
		cmocka_unit_test(vm_starts_with_one_thing_only),
		cmocka_unit_test(keys_that_need_another_start_are_refused),
		cmocka_unit_test(load_and_entry_are_addresses_in_ram),
		cmocka_unit_test(strings_are_checked),
		cmocka_unit_test(path_is_relative_to_the_file),
		cmocka_unit_test(disk_that_is_there_twice_is_refused),
		cmocka_unit_test(readonly_disk_cannot_be_told_to_discard),
		cmocka_unit_test(disks_share_the_virtio_slots),
		cmocka_unit_test(console_path_fits_its_mode),
		cmocka_unit_test(affinity_is_per_vcpu),
		cmocka_unit_test(clock_may_start_at_any_second_the_device_can_show),
		cmocka_unit_test(syntax_errors_pass_through),
		cmocka_unit_test(late_error_is_blamed_on_its_key),
		cmocka_unit_test(every_schema_line_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
