// SPDX-License-Identifier: GPL-2.0
/*
 * vm.toml against the host: files that are missing, of the wrong kind or there twice, and memory
 * that the host does not have. Works in a directory of its own under /tmp.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/config/schema.h"

static char dir[] = "/tmp/zvm-test-schema-XXXXXX";

static int enter_directory(void **state)
{
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int leave_directory(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return chdir("/") || system(command);
}

static void put(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void put_zeros(const char *path, size_t len)
{
	put(path, "", 0);
	assert_int_equal(truncate(path, len), 0);
}

static int load(const char *text, struct zvm_err *err)
{
	struct zvm_config *cfg;
	int ret;

	put("vm.toml", text, strlen(text));
	ret = zvm_config_load("vm.toml", &cfg, err);
	if (ret)
		assert_null(cfg);
	else
		zvm_config_free(cfg);
	return ret;
}

static void accept(const char *text)
{
	struct zvm_err err = { 0 };

	if (load(text, &err))
		fail_msg("refused: %s", err.msg);
}

static void refuse(const char *text, int ret, const char *message)
{
	struct zvm_err err = { 0 };

	assert_int_equal(load(text, &err), ret);
	assert_string_equal(err.msg, message);
}

#define KERNEL "memory = \"64M\"\nkernel = \"Image\"\n"

static void complete_vm_loads(void **state)
{
	put("Image", "x", 1);
	put("initrd", "x", 1);
	put("my.dtb", "x", 1);
	put_zeros("disk", 1 << 20);
	accept(KERNEL "initrd = \"initrd\"\ndtb = \"my.dtb\"\n[[disk]]\npath = \"disk\"\n"
		      "[console]\nmode = \"file\"\npath = \"new.log\"\n");
	/* Looking must not make anything. */
	assert_int_equal(access("new.log", F_OK), -1);
}

static void missing_file_is_named_with_its_key(void **state)
{
	put("Image", "x", 1);
	refuse("memory = \"64M\"\nkernel = \"Imgae\"", -ENOENT,
	       "vm.toml:2:10: kernel: Imgae: No such file or directory; a relative path starts "
	       "where the TOML file is");
	refuse(KERNEL "initrd = \"/nonexistent/initrd\"", -ENOENT,
	       "vm.toml:3:10: initrd: /nonexistent/initrd: No such file or directory; a relative "
	       "path starts where the TOML file is");
	refuse(KERNEL "[[disk]]\npath = \"nodisk\"", -ENOENT,
	       "vm.toml:4:8: disk[0].path: nodisk: No such file or directory; a relative path starts "
	       "where the TOML file is");
}

static void file_of_the_wrong_kind_is_refused(void **state)
{
	mkdir("subdir", 0755);
	mkfifo("fifo", 0644);
	put("empty", "", 0);
	put("Image", "x", 1);
	refuse("memory = \"64M\"\nkernel = \"subdir\"", -EINVAL,
	       "vm.toml:2:10: kernel: subdir is a directory; name a regular file");
	refuse("memory = \"64M\"\nfirmware = \"fifo\"", -EINVAL,
	       "vm.toml:2:12: firmware: fifo is a special file; name a regular file");
	refuse("memory = \"64M\"\nkernel = \"empty\"", -EINVAL,
	       "vm.toml:2:10: kernel: empty is empty; build or copy it again");
	refuse(KERNEL "[[disk]]\npath = \"subdir\"", -EINVAL,
	       "vm.toml:4:8: disk[0].path: subdir is a directory; name a file");
	refuse(KERNEL "[[disk]]\npath = \"subdir\"\nreadonly = true", -EINVAL,
	       "vm.toml:4:8: disk[0].path: subdir is neither a file nor a block device; name one");
	refuse(KERNEL "[[disk]]\npath = \"/dev/null\"", -EINVAL,
	       "vm.toml:4:8: disk[0].path: /dev/null is neither a file nor a block device; name one");
}

static void disk_of_odd_size_is_refused(void **state)
{
	put("Image", "x", 1);
	put_zeros("odd", 513);
	put_zeros("empty", 0);
	refuse(KERNEL "[[disk]]\npath = \"odd\"", -EINVAL,
	       "vm.toml:4:8: disk[0].path: odd has 513 bytes, which is not a number of sectors; run "
	       "truncate -s %512");
	refuse(KERNEL "[[disk]]\npath = \"empty\"", -EINVAL,
	       "vm.toml:4:8: disk[0].path: empty has 0 bytes, which is not a number of sectors; run "
	       "truncate -s 1G");
}

static void qcow2_disk_is_refused_with_the_conversion(void **state)
{
	char head[512] = "QFI\xfb";

	put("Image", "x", 1);
	put("d.qcow2", head, sizeof(head));
	refuse(KERNEL "[[disk]]\npath = \"d.qcow2\"", -EINVAL,
	       "vm.toml:4:8: disk[0].path: d.qcow2 is a qcow2 image; run qemu-img convert -O raw and "
	       "name the result");
}

static void same_disk_under_two_names_is_refused(void **state)
{
	put("Image", "x", 1);
	put_zeros("disk", 512);
	unlink("link");
	assert_int_equal(symlink("disk", "link"), 0);
	refuse(KERNEL "[[disk]]\npath = \"disk\"\n[[disk]]\npath = \"link\"", -EINVAL,
	       "vm.toml:6:8: disk[1].path: link is the same file as disk, and two disks would destroy "
	       "it; use another file");
}

static void image_is_elf_or_has_a_load_address(void **state)
{
	put("a.elf", "\177ELF\2\1\1", 8);
	put("a.bin", "\0\0\0\0", 4);
	accept("memory = \"1M\"\nimage = \"a.elf\"");
	accept("memory = \"1M\"\nimage = \"a.bin\"\nload = \"0x40000000\"");
	refuse("memory = \"1M\"\nimage = \"a.bin\"", -EINVAL,
	       "vm.toml:2:9: image: a.bin is a raw binary; add load = \"0x40080000\", the address it "
	       "is linked for");
	refuse("memory = \"1M\"\nimage = \"a.elf\"\nload = \"0x40000000\"", -EINVAL,
	       "vm.toml:3:8: load: a.elf is an ELF file, which says it; remove it");
}

static void console_directory_must_exist(void **state)
{
	put("Image", "x", 1);
	refuse(KERNEL "[console]\nmode = \"socket\"\npath = \"run/c.sock\"", -ENOENT,
	       "vm.toml:5:8: console.path: run: No such file or directory; name a directory that "
	       "exists and can be written");
}

static void unreadable_configuration_is_named(void **state)
{
	struct zvm_err err = { 0 };
	struct zvm_config *cfg;

	assert_int_equal(zvm_config_load("missing.toml", &cfg, &err), -ENOENT);
	assert_null(cfg);
	assert_string_equal(err.msg, "missing.toml: No such file or directory");
	assert_int_equal(zvm_config_load("/tmp", &cfg, &err), -EISDIR);
	assert_string_equal(err.msg, "/tmp: is a directory; name the file in it");
	put_zeros("huge.toml", ZVM_TOML_MAX_BYTES + 4096);
	assert_int_equal(zvm_config_load("huge.toml", &cfg, &err), -EFBIG);
	assert_string_equal(err.msg, "huge.toml: larger than 1024 KiB");
}

static int check_memory(const char *text, const char *meminfo, struct zvm_err *err)
{
	struct zvm_config *cfg;
	int ret;

	put("meminfo", meminfo, strlen(meminfo));
	assert_int_equal(zvm_config_parse("vm.toml", text, strlen(text), &cfg, err), 0);
	ret = schema_check_memory_at(cfg, "meminfo", "hugetlb", err);
	zvm_config_free(cfg);
	return ret;
}

static void memory_larger_than_the_host_is_refused(void **state)
{
	static const char meminfo[] = "MemFree: 99999999 kB\nMemTotal:        2048000 kB\n";
	struct zvm_err err = { 0 };

	assert_int_equal(check_memory("memory = \"2000M\"\nkernel = \"k\"", meminfo, &err), 0);
	assert_int_equal(check_memory("memory = \"2001M\"\nkernel = \"k\"", meminfo, &err),
			 -ENOMEM);
	assert_string_equal(err.msg, "vm.toml:1:10: memory: \"2001M\" is more than the host's "
				     "\"2000M\"; write a smaller size");
	/* A host that does not say is not held against the user. */
	assert_int_equal(check_memory("memory = \"255G\"\nkernel = \"k\"", "", &err), 0);
}

static void huge_pages_must_be_in_the_pool(void **state)
{
	static const char text[] = "memory = \"64M\"\nkernel = \"k\"\n[memory_backing]\n"
				   "hugepages = \"2M\"";
	static const char meminfo[] = "MemTotal: 2048000 kB\n";
	struct zvm_err err = { 0 };

	mkdir("hugetlb", 0755);
	mkdir("hugetlb/hugepages-2048kB", 0755);
	put("hugetlb/hugepages-2048kB/free_hugepages", "32\n", 3);
	assert_int_equal(check_memory(text, meminfo, &err), 0);
	put("hugetlb/hugepages-2048kB/free_hugepages", "31\n", 3);
	assert_int_equal(check_memory(text, meminfo, &err), -ENOMEM);
	assert_string_equal(
		err.msg,
		"vm.toml:4:13: memory_backing.hugepages: \"64M\" of RAM need 32 free huge "
		"pages, the host has 31; write 32 to hugetlb/hugepages-2048kB/nr_hugepages");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete_vm_loads),
		cmocka_unit_test(missing_file_is_named_with_its_key),
		cmocka_unit_test(file_of_the_wrong_kind_is_refused),
		cmocka_unit_test(disk_of_odd_size_is_refused),
		cmocka_unit_test(qcow2_disk_is_refused_with_the_conversion),
		cmocka_unit_test(same_disk_under_two_names_is_refused),
		cmocka_unit_test(image_is_elf_or_has_a_load_address),
		cmocka_unit_test(console_directory_must_exist),
		cmocka_unit_test(unreadable_configuration_is_named),
		cmocka_unit_test(memory_larger_than_the_host_is_refused),
		cmocka_unit_test(huge_pages_must_be_in_the_pool),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
