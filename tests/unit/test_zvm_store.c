// SPDX-License-Identifier: GPL-2.0
/*
 * zvm new, delete, info and list on a store of their own: what is made is whole and can be read
 * back, what is refused leaves nothing behind. No VM runs.
 */
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/zvm/store.h"
#include "tools/zvm/zvm.h"
#include "command.h"

static char root[] = "/tmp/zvm-test-store-XXXXXX";
static char image[PATH_MAX], disk[PATH_MAX];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int make_root(void **state)
{
	if (!mkdtemp(root) || chdir(root))
		return -1;
	snprintf(image, sizeof(image), "%s/rtos.bin", root);
	snprintf(disk, sizeof(disk), "%s/a \"disk\".img", root);
	write_file(image, "not really an RTOS");
	write_file(disk, "");
	if (truncate(disk, 1 << 20))
		return -1;
	return setenv("XDG_DATA_HOME", root, 1) || setenv("XDG_RUNTIME_DIR", root, 1);
}

static int remove_root(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

#define RUN(command, ...) command_run(command, (char *[]){ __VA_ARGS__, NULL }, text, &err)

/* Entries of the store, hidden ones included. */
static int entries(void)
{
	char dir[PATH_MAX];
	struct dirent *d;
	int n = 0;
	DIR *s;

	assert_int_equal(zvm_store_path(dir, sizeof(dir), NULL, NULL, NULL), 0);
	s = opendir(dir);
	while (s && (d = readdir(s)))
		n += strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
	if (s)
		closedir(s);
	return n;
}

static void new_vm_is_kept_and_can_be_read(void **state)
{
	char text[4096], path[PATH_MAX];
	struct zvm_config *cfg;
	struct zvm_err err;

	assert_int_equal(RUN(zvm_new_main, "new", "one", "--image", "rtos.bin", "--disk", disk,
			     "--memory", "64M", "--vcpus", "2"),
			 ZVM_EXIT_USER);
	assert_non_null(strstr(err.msg, "load")); /* a raw image needs an address */
	assert_int_equal(entries(), 0);

	assert_int_equal(RUN(zvm_new_main, "new", "--firmware", "rtos.bin", "one", "--disk", disk,
			     "--memory", "64M", "--vcpus", "2", "--disk", disk),
			 ZVM_EXIT_USER); /* the same disk twice, writable */
	assert_int_equal(entries(), 0);

	assert_int_equal(RUN(zvm_new_main, "new", "--firmware", "rtos.bin", "one", "--disk", disk,
			     "--memory", "64M", "--vcpus", "2"),
			 ZVM_EXIT_OK);
	assert_int_equal(entries(), 1);
	snprintf(path, sizeof(path), "%s/zvm/one/vm.toml\n", root);
	assert_string_equal(text, path);
	path[strlen(path) - 1] = '\0';
	assert_int_equal(zvm_config_load(path, &cfg, &err), 0);
	assert_string_equal(cfg->name, "one");
	assert_string_equal(cfg->firmware, image);
	assert_string_equal(cfg->disk[0].path, disk);
	assert_int_equal(cfg->vcpus, 2);
	assert_int_equal(cfg->memory, 64 << 20);
	zvm_config_free(cfg);
}

static void name_is_taken_once(void **state)
{
	struct zvm_err err;
	char text[4096];

	assert_int_equal(RUN(zvm_new_main, "new", "one", "--firmware", "rtos.bin"), ZVM_EXIT_HOST);
	assert_string_equal(err.msg,
			    "there is a VM one already; zvm delete one, or take another name");
	assert_int_equal(entries(), 1);
}

static void copy_of_a_file_has_absolute_paths_and_the_new_name(void **state)
{
	char text[4096], path[PATH_MAX];
	struct zvm_config *cfg;
	struct zvm_err err;

	write_file("old.toml", "name = \"old\"\nmemory = \"64M\"\nimage = \"rtos.bin\"\n"
			       "load = 0x40080000\nentry = 0x40080000\n");
	assert_int_equal(RUN(zvm_new_main, "new", "copy", "--from", "old.toml"), ZVM_EXIT_USER);
	/* addresses are strings */
	write_file("old.toml", "name = \"old\"\nmemory = \"64M\"\nimage = \"rtos.bin\"\n"
			       "load = \"0x40080000\"\nentry = \"0x40080000\"\n");
	assert_int_equal(RUN(zvm_new_main, "new", "copy", "--from", "old.toml"), ZVM_EXIT_OK);
	assert_int_equal(RUN(zvm_new_main, "new", "copy2", "--image", "rtos.bin", "--load",
			     "0x40080000", "--memory", "64M"),
			 ZVM_EXIT_OK);
	assert_int_equal(RUN(zvm_delete_main, "delete", "copy2"), ZVM_EXIT_OK);
	assert_int_equal(zvm_store_path(path, sizeof(path), "copy", ZVM_STORE_CONFIG, &err), 0);
	assert_int_equal(zvm_config_load(path, &cfg, &err), 0);
	assert_string_equal(cfg->name, "copy");
	assert_string_equal(cfg->image, image);
	assert_int_equal(cfg->entry, 0x40080000);
	zvm_config_free(cfg);
}

static void mistakes_name_the_remedy_and_leave_nothing(void **state)
{
	struct zvm_err err;
	char text[4096];
	int before = entries();

	assert_int_equal(RUN(zvm_new_main, "new", "two"), ZVM_EXIT_USER);
	assert_non_null(strstr(err.msg, "--kernel"));
	assert_int_equal(RUN(zvm_new_main, "new", "--firmware", "rtos.bin"), ZVM_EXIT_USER);
	assert_string_equal(err.msg, "new: give one name for the VM");
	assert_int_equal(RUN(zvm_new_main, "new", "two", "--firmware"), ZVM_EXIT_USER);
	assert_int_equal(RUN(zvm_new_main, "new", "two", "--from", "old.toml", "--memory", "1G"),
			 ZVM_EXIT_USER);
	assert_int_equal(RUN(zvm_new_main, "new", "two", "--firmware", "missing.bin"),
			 ZVM_EXIT_USER);
	assert_non_null(strstr(err.msg, "missing.bin"));
	assert_int_equal(RUN(zvm_new_main, "new", "two", "--firmware", "rtos.bin", "--memory",
			     "64"),
			 ZVM_EXIT_USER);
	assert_non_null(strstr(err.msg, "memory"));
	assert_int_equal(RUN(zvm_new_main, "new", "two", "--firmware", "rtos.bin", "--vcpus",
			     "1\nmemory = \"1G\""),
			 ZVM_EXIT_USER);
	assert_int_equal(RUN(zvm_new_main, "new", "old.toml", "--firmware", "rtos.bin"),
			 ZVM_EXIT_USER);
	assert_non_null(strstr(err.msg, "zvm new NAME --from old.toml"));
	assert_int_equal(entries(), before);
}

static void names_cannot_leave_the_store(void **state)
{
	static const char *const bad[] = { "", ".", "..", "../x", "a/b", "-x", ".x", "a b" };
	struct zvm_err err;
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(zvm_store_has(bad[i]));
		assert_int_not_equal(RUN(zvm_delete_main, "delete", "--force", (char *)bad[i]),
				     ZVM_EXIT_OK);
		assert_int_not_equal(RUN(zvm_new_main, "new", "--firmware", "rtos.bin", "--",
					 (char *)bad[i]),
				     ZVM_EXIT_OK);
	}
}

static void stopped_vms_are_listed_and_described(void **state)
{
	struct zvm_err err;
	char text[4096];

	assert_int_equal(RUN(zvm_list_main, "list"), ZVM_EXIT_OK);
	assert_non_null(strstr(text, "\ncopy                 stopped        -     -          -"));
	assert_non_null(strstr(text, "\none                  stopped "));
	assert_int_equal(RUN(zvm_info_main, "info", "one"), ZVM_EXIT_OK);
	assert_string_equal(err.msg, "");
	assert_non_null(strstr(text, "state\tstopped\n"));
	assert_non_null(strstr(text, "memory\t67108864\n"));
	assert_int_equal(RUN(zvm_info_main, "info", "nobody"), ZVM_EXIT_HOST);
}

static void deleted_vm_is_gone_and_its_disk_is_not(void **state)
{
	char text[4096], path[PATH_MAX];
	struct zvm_err err;

	assert_int_equal(RUN(zvm_delete_main, "delete", "one"), ZVM_EXIT_OK);
	assert_false(zvm_store_has("one"));
	assert_int_equal(access(disk, F_OK), 0);
	assert_int_equal(RUN(zvm_delete_main, "delete", "one"), ZVM_EXIT_USER);
	assert_string_equal(err.msg, "there is no VM one; zvm list shows those that there are");

	/* what the user has put beside it is his */
	zvm_store_path(path, sizeof(path), "copy", "notes", &err);
	write_file(path, "mine");
	assert_int_equal(RUN(zvm_delete_main, "delete", "copy"), ZVM_EXIT_OK);
	assert_false(zvm_store_has("copy"));
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_vm_is_kept_and_can_be_read),
		cmocka_unit_test(name_is_taken_once),
		cmocka_unit_test(copy_of_a_file_has_absolute_paths_and_the_new_name),
		cmocka_unit_test(mistakes_name_the_remedy_and_leave_nothing),
		cmocka_unit_test(names_cannot_leave_the_store),
		cmocka_unit_test(stopped_vms_are_listed_and_described),
		cmocka_unit_test(deleted_vm_is_gone_and_its_disk_is_not),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
