// SPDX-License-Identifier: GPL-2.0
/*
 * vm.toml(5), what is accepted: the value of each key, what a key that is not there means, and the
 * configuration as text. test_schema_refusal.c has the mistakes, test_schema_files.c the host.
 */
#include "schema_check.h"

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
	assert_true(cfg->vcpu.pmu);
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
	"[vcpu]\naffinity = [0, [3, 1, 3], []]\npriority = 50\npmu = false\n"
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
	assert_false(cfg->vcpu.pmu);
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
		{ "vm.toml", "vm" },	       { "/etc/zvm/my vm.toml", "my-vm" },
		{ ".hidden.toml", "_hidden" }, { "a.b.conf", "a.b.conf" },
		{ "/x/.toml", "vm" },	       { "-v.toml", "_v" },
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
		{ "64K", 64 << 10 },	 { "1M", 1 << 20 },	   { "1G", 1 << 30 },
		{ "512m", 512 << 20 },	 { "512MiB", 512 << 20 },  { "0x20000000", 512 << 20 },
		{ "0X100000", 1 << 20 }, { "255G", 255ULL << 30 }, { "1024k", 1 << 20 },
		{ "1T", 1ULL << 40 },
	};
	struct zvm_toml_value v = { .type = ZVM_TOML_STRING, .line = 1, .column = 1 };
	struct zvm_config cfg = { .file = "f" };
	uint64_t bytes;
	struct schema_slot slot = { &cfg, schema_find("", "memory"), "memory", &bytes, NULL };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.string.bytes = (char *)cases[i].text;
		v.string.len = strlen(cases[i].text);
		assert_int_equal(schema_size.set(&slot, &v), 0);
		assert_true(bytes == cases[i].bytes);
	}
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
	refuse(MINIMAL "[rtc]\nbase = 1960-01-01T00:00:00Z",
	       "vm.toml:4:8: rtc.base: the clock begins in 1970; write base = \"utc\"");
	refuse(MINIMAL "[rtc]\nbase = 1",
	       "vm.toml:4:8: rtc.base: expected a string or a date, found an integer; write base = "
	       "\"utc\"");
	refuse(MINIMAL "[rtc]\nbase = \"now\"",
	       "vm.toml:4:8: rtc.base: \"now\" is not possible; write one of \"utc\", \"localtime\", "
	       "a date-time like 2026-01-01T00:00:00Z");
}

static void late_error_is_blamed_on_its_key(void **state)
{
	struct zvm_config *cfg = accept(MINIMAL "[[disk]]\npath = \"d\"\n[console]\n");
	struct zvm_err err = { 0 };

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
		cmocka_unit_test(inline_tables_do_as_well),
		cmocka_unit_test(path_is_relative_to_the_file),
		cmocka_unit_test(clock_may_start_at_any_second_the_device_can_show),
		cmocka_unit_test(late_error_is_blamed_on_its_key),
		cmocka_unit_test(every_schema_line_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
