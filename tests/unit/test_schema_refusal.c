// SPDX-License-Identifier: GPL-2.0
/*
 * vm.toml(5), what is refused, with the whole message: file, line, column, key, reason, remedy.
 */
#include "schema_check.h"

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
	static const char *const bad[] = { "512X", "M",	  "1.5G", "512 M", "-1G",    "0x",
					   "0xM",  "1MB", "1Mib", "0x1G",  "512MiBs" };
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
	struct zvm_err err = { 0 };
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

static void path_longer_than_the_host_allows_is_refused(void **state)
{
	char text[PATH_MAX + 64], name[PATH_MAX];

	memset(name, 'x', sizeof(name));
	name[PATH_MAX - 1] = '\0';
	snprintf(text, sizeof(text), "memory = \"1G\"\nkernel = \"%s\"", name);
	zvm_config_free(accept_as("vm.toml", text));
	refuse_as("d/vm.toml", text,
		  "d/vm.toml:2:10: kernel: the path is too long; write kernel = \"Image\"");
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

static void syntax_errors_pass_through(void **state)
{
	refuse("memory = 512M",
	       "vm.toml:1:10: \"512M\" is not a number; text needs quotation marks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_without_unit_is_refused_with_the_size_that_was_meant),
		cmocka_unit_test(malformed_size_is_refused),
		cmocka_unit_test(memory_out_of_range_is_refused),
		cmocka_unit_test(wrong_type_is_refused_with_an_example),
		cmocka_unit_test(table_that_is_none_is_refused),
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
		cmocka_unit_test(path_longer_than_the_host_allows_is_refused),
		cmocka_unit_test(disk_that_is_there_twice_is_refused),
		cmocka_unit_test(readonly_disk_cannot_be_told_to_discard),
		cmocka_unit_test(disks_share_the_virtio_slots),
		cmocka_unit_test(console_path_fits_its_mode),
		cmocka_unit_test(affinity_is_per_vcpu),
		cmocka_unit_test(syntax_errors_pass_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
