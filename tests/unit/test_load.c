// SPDX-License-Identifier: GPL-2.0
/* The image loaders: placement, and every way an image can be wrong. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "vmm/machine/load.h"

#define BASE	 0x40000000ULL
#define RAM_SIZE (8u << 20)

static struct zvm_span ram;
static struct zvm_err err;
static int fd;

static int setup(void **state)
{
	ram = (struct zvm_span){ .ipa = BASE, .size = RAM_SIZE, .hva = calloc(1, RAM_SIZE) };
	fd = memfd_create("image", MFD_CLOEXEC);
	err.msg[0] = 0;
	return ram.hva && fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	free(ram.hva);
	close(fd);
	return 0;
}

static void put(uint64_t off, const void *data, size_t len)
{
	assert_int_equal(pwrite(fd, data, len, (off_t)off), (ssize_t)len);
}

static void put_u32(uint64_t off, uint32_t val)
{
	put(off, &val, sizeof(val));
}

static void put_u64(uint64_t off, uint64_t val)
{
	put(off, &val, sizeof(val));
}

/* ---- spans ---- */

static void span_accepts_its_edges_and_nothing_beyond(void **state)
{
	assert_ptr_equal(zvm_span_ptr(&ram, BASE, RAM_SIZE), ram.hva);
	assert_ptr_equal(zvm_span_ptr(&ram, BASE + RAM_SIZE - 1, 1), ram.hva + RAM_SIZE - 1);
	assert_non_null(zvm_span_ptr(&ram, BASE + RAM_SIZE, 0));
	assert_null(zvm_span_ptr(&ram, BASE + RAM_SIZE, 1));
	assert_null(zvm_span_ptr(&ram, BASE - 1, 2));
	assert_null(zvm_span_ptr(&ram, BASE + 1, UINT64_MAX));
	assert_null(zvm_span_ptr(&ram, UINT64_MAX, 2));
}

/* ---- Linux ---- */

static void make_image(uint64_t text_offset, uint64_t image_size, uint64_t flags, uint32_t file)
{
	assert_int_equal(ftruncate(fd, file), 0);
	put_u32(0, 0x14000010);
	put_u64(8, text_offset);
	put_u64(16, image_size);
	put_u64(24, flags);
	put(56, "ARM\x64", 4);
	put_u32(file - 4, 0xdeadbeef);
}

static int load_linux(uint64_t *entry, uint64_t *end)
{
	enum zvm_page_size page;

	return zvm_load_linux(fd, &ram, entry, end, &page, &err);
}

static void fails_with(int ret, int want, const char *word)
{
	assert_int_equal(ret, want);
	if (!strstr(err.msg, word))
		fail_msg("\"%s\" is not in: %s", word, err.msg);
}

static void image_goes_to_its_text_offset_and_keeps_room_for_bss(void **state)
{
	enum zvm_page_size page;
	uint64_t entry, end;

	make_image(0x80000, 0x300000, 3 << 1, 0x1000);
	assert_int_equal(zvm_load_linux(fd, &ram, &entry, &end, &page, &err), 0);
	assert_int_equal(entry, BASE + 0x80000);
	assert_int_equal(end, BASE + 0x80000 + 0x300000);
	assert_int_equal(page, ZVM_PAGE_64K);
	assert_memory_equal(ram.hva + 0x80000 + 0xffc, "\xef\xbe\xad\xde", 4);
}

static void image_without_a_size_goes_to_the_old_offset(void **state)
{
	uint64_t entry, end;

	make_image(0x123000, 0, 0, 0x1000);
	assert_int_equal(load_linux(&entry, &end), 0);
	assert_int_equal(entry, BASE + 0x80000);
	assert_int_equal(end, BASE + 0x81000);
}

static void image_may_fill_ram_exactly_but_not_exceed_it(void **state)
{
	uint64_t entry, end;

	make_image(0x1000, RAM_SIZE - 0x1000, 0, 0x1000);
	assert_int_equal(load_linux(&entry, &end), 0);
	put_u64(16, RAM_SIZE - 0xfff);
	fails_with(load_linux(&entry, &end), -ENOSPC, "more memory");
}

static void image_whose_numbers_wrap_is_refused(void **state)
{
	uint64_t entry, end;

	make_image(-BASE, 0x1000, 0, 0x1000);
	fails_with(load_linux(&entry, &end), -ENOSPC, "RAM");
	make_image(0, UINT64_MAX, 0, 0x1000);
	fails_with(load_linux(&entry, &end), -ENOSPC, "RAM");
	make_image(UINT64_MAX, UINT64_MAX, 0, 0x1000);
	fails_with(load_linux(&entry, &end), -ENOSPC, "RAM");
}

static void every_truncated_header_is_refused(void **state)
{
	uint64_t entry, end;

	make_image(0, 0x1000, 0, 0x1000);
	for (int len = 63; len >= 0; len--) {
		assert_int_equal(ftruncate(fd, len), 0);
		fails_with(load_linux(&entry, &end), -ENODATA, "truncated");
	}
}

static void something_else_is_named_as_such(void **state)
{
	uint64_t entry, end;

	assert_int_equal(ftruncate(fd, 4096), 0);
	fails_with(load_linux(&entry, &end), -ENOEXEC, "not an arm64 Linux Image");
}

static void image_cut_before_its_last_section_is_refused(void **state)
{
	uint64_t entry, end;

	make_image(0, 0x8000, 0, 0x4000);
	put_u32(60, 64);
	put(64, "PE\0\0\x64\xaa\x01\0", 8);
	put(64 + 20, "\0\0", 2);
	put_u32(64 + 24 + 16, 0x3000);
	put_u32(64 + 24 + 20, 0x1000);
	assert_int_equal(load_linux(&entry, &end), 0);
	assert_int_equal(ftruncate(fd, 0x3fff), 0);
	fails_with(load_linux(&entry, &end), -ENODATA, "truncated");
	assert_int_equal(ftruncate(fd, 100), 0);
	fails_with(load_linux(&entry, &end), -ENODATA, "truncated");
}

static size_t compress_image(uint8_t *to, size_t room, uint32_t file)
{
	uint8_t *plain = calloc(1, file);
	z_stream z = { 0 };

	assert_int_equal(pread(fd, plain, file, 0), file);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = plain;
	z.avail_in = file;
	z.next_out = to;
	z.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	free(plain);
	return z.total_out;
}

static void compressed_image_loads_like_the_plain_one(void **state)
{
	static uint8_t gz[0x8000];
	uint64_t entry, end;
	size_t len;

	make_image(0x80000, 0x300000, 0, 0x200000);
	len = compress_image(gz, sizeof(gz), 0x200000);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(0, gz, len);
	assert_int_equal(load_linux(&entry, &end), 0);
	assert_int_equal(entry, BASE + 0x80000);
	assert_int_equal(end, BASE + 0x380000);
	assert_memory_equal(ram.hva + 0x80000 + 0x1ffffc, "\xef\xbe\xad\xde", 4);
}

static void truncated_compressed_image_is_refused_at_every_length(void **state)
{
	static uint8_t gz[0x8000];
	uint64_t entry, end;
	size_t len;

	make_image(0, 0x4000, 0, 0x4000);
	len = compress_image(gz, sizeof(gz), 0x4000);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(0, gz, len);
	for (size_t cut = len - 1; cut > 2; cut--) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		if (load_linux(&entry, &end) >= 0)
			fail_msg("%zu of %zu bytes were taken", cut, len);
		assert_non_null(strstr(err.msg, "copy it again"));
	}
}

static void compressed_image_larger_than_ram_is_refused(void **state)
{
	static uint8_t gz[0x10000];
	uint64_t entry, end;
	size_t len;

	make_image(0, 0x1000, 0, RAM_SIZE + 1); /* a header that lies about its size */
	len = compress_image(gz, sizeof(gz), RAM_SIZE + 1);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(0, gz, len);
	fails_with(load_linux(&entry, &end), -ENOSPC, "larger than RAM");
}

static void zboot_wrapper_is_unpacked_or_refused(void **state)
{
	static uint8_t gz[0x8000];
	uint64_t entry, end;
	size_t len;

	make_image(0, 0x4000, 0, 0x4000);
	len = compress_image(gz, sizeof(gz), 0x4000);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(0, "MZ\0\0zimg", 8);
	put_u32(8, 0x100);
	put_u32(12, (uint32_t)len);
	put(24, "gzip", 5);
	put(0x100, gz, len);
	assert_int_equal(load_linux(&entry, &end), 0);
	assert_int_equal(end, BASE + 0x4000);

	put_u32(12, (uint32_t)len + 1);
	fails_with(load_linux(&entry, &end), -ENODATA, "truncated");
	put_u32(8, UINT32_MAX);
	fails_with(load_linux(&entry, &end), -ENODATA, "truncated");
	put_u32(8, 0x100);
	put_u32(12, (uint32_t)len);
	put(24, "zstd22", 7);
	fails_with(load_linux(&entry, &end), -ENOTSUP, "zstd22");
}

/* ---- ELF ---- */

static Elf64_Ehdr eh;
static Elf64_Phdr ph[2];

static void put_elf(void)
{
	put(0, &eh, sizeof(eh));
	put(sizeof(eh), ph, sizeof(ph));
}

static void make_elf(void)
{
	eh = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = 1,
		.e_entry = 0xffff000000001004,
		.e_phoff = sizeof(eh),
		.e_phentsize = sizeof(ph[0]),
		.e_phnum = 2,
	};
	ph[0] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = 0x1000,
		.p_vaddr = 0xffff000000001000,
		.p_paddr = BASE + 0x1000,
		.p_filesz = 0x100,
		.p_memsz = 0x200,
	};
	ph[1] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = 0x1100,
		.p_vaddr = 0xffff000000002000,
		.p_paddr = BASE + 0x2000,
		.p_filesz = 0x10,
		.p_memsz = 0x10,
	};
	assert_int_equal(ftruncate(fd, 0x1110), 0);
	put_u32(0x1000, 0x12345678);
	put_u32(0x110c, 0x9abcdef0);
	put_elf();
}

static int load_elf(uint64_t *entry)
{
	uint64_t start, end;
	int ret = zvm_load_elf(fd, &ram, entry, &start, &end, &err);

	if (ret == 0) {
		assert_int_equal(start, BASE + 0x1000);
		assert_int_equal(end, BASE + 0x2010);
	}
	return ret;
}

static void elf_segments_go_to_their_physical_addresses(void **state)
{
	uint64_t entry;

	make_elf();
	memset(ram.hva, 0xff, 0x3000);
	assert_int_equal(load_elf(&entry), 0);
	assert_int_equal(entry, BASE + 0x1004);
	assert_memory_equal(ram.hva + 0x1000, "\x78\x56\x34\x12", 4);
	assert_memory_equal(ram.hva + 0x200c, "\xf0\xde\xbc\x9a", 4);
	assert_int_equal(ram.hva[0x1100], 0); /* bss */
	assert_int_equal(ram.hva[0x11ff], 0);
	assert_int_equal(ram.hva[0x1200], 0xff);
}

static void elf_truncated_anywhere_is_refused(void **state)
{
	uint64_t entry;

	make_elf();
	for (int len = 0x110f; len >= 0; len -= len > 0x100 ? 37 : 1) {
		assert_int_equal(ftruncate(fd, len), 0);
		fails_with(load_elf(&entry), -ENODATA, "truncated");
	}
}

static void elf_of_another_kind_is_refused(void **state)
{
	uint64_t entry;

	make_elf();
	eh.e_machine = EM_X86_64;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "machine 62");
	make_elf();
	eh.e_ident[EI_CLASS] = ELFCLASS32;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "64-bit");
	make_elf();
	eh.e_type = ET_REL;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "link it");
	make_elf();
	eh.e_phnum = 0xffff;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "65535");
	make_elf();
	ph[0].p_type = ph[1].p_type = PT_NOTE;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "nothing to load");
}

static void elf_segment_outside_ram_is_refused(void **state)
{
	static const struct {
		uint64_t paddr, memsz;
	} bad[] = {
		{ 0, 0x100 },
		{ BASE - 1, 0x100 },
		{ BASE + RAM_SIZE - 0xff, 0x100 },
		{ UINT64_MAX, 0x100 },
		{ BASE + 0x1000, UINT64_MAX },
		{ BASE, RAM_SIZE + 1 },
	};
	uint64_t entry;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_elf();
		ph[0].p_paddr = bad[i].paddr;
		ph[0].p_memsz = bad[i].memsz;
		put_elf();
		fails_with(load_elf(&entry), -ENOSPC, "outside RAM");
	}
}

static void elf_offsets_that_wrap_are_refused(void **state)
{
	uint64_t entry;

	make_elf();
	ph[0].p_offset = UINT64_MAX - 0x10;
	put_elf();
	fails_with(load_elf(&entry), -ENODATA, "truncated");
	make_elf();
	ph[0].p_filesz = UINT64_MAX;
	ph[0].p_memsz = UINT64_MAX;
	put_elf();
	fails_with(load_elf(&entry), -ENODATA, "truncated");
	make_elf();
	eh.e_phoff = UINT64_MAX - 8;
	put_elf();
	fails_with(load_elf(&entry), -ENODATA, "truncated");
	make_elf();
	ph[0].p_filesz = 0x201;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "larger in the file");
}

static void elf_segments_that_overlap_are_refused_and_touching_ones_load(void **state)
{
	uint64_t entry, start, end;

	make_elf();
	ph[1].p_paddr = BASE + 0x11ff;
	put_elf();
	fails_with(load_elf(&entry), -ENOEXEC, "overlaps");
	make_elf();
	ph[1].p_paddr = BASE + 0x1200;
	put_elf();
	assert_int_equal(zvm_load_elf(fd, &ram, &entry, &start, &end, &err), 0);
}

/* ---- raw, and the layout of everything together ---- */

static void raw_file_may_end_with_ram_but_not_behind_it(void **state)
{
	uint64_t size;

	assert_int_equal(ftruncate(fd, 0x1000), 0);
	assert_int_equal(zvm_load_raw(fd, &ram, BASE + RAM_SIZE - 0x1000, &size, &err), 0);
	assert_int_equal(size, 0x1000);
	fails_with(zvm_load_raw(fd, &ram, BASE + RAM_SIZE - 0xfff, &size, &err), -ENOSPC, "fit");
	fails_with(zvm_load_raw(fd, &ram, UINT64_MAX, &size, &err), -ENOSPC, "fit");
	assert_int_equal(ftruncate(fd, 0), 0);
	fails_with(zvm_load_raw(fd, &ram, BASE, &size, &err), -EINVAL, "empty");
}

static struct zvm_config *parse(const char *text)
{
	struct zvm_config *cfg;

	assert_int_equal(zvm_config_parse("vm.toml", text, strlen(text), &cfg, &err), 0);
	return cfg;
}

static void initrd_and_device_tree_follow_the_kernel_on_2mib_boundaries(void **state)
{
	struct zvm_config *cfg = parse("memory = \"8M\"\nkernel = \"k\"\ninitrd = \"i\"\n");
	struct zvm_images img = { fd, memfd_create("initrd", 0), -1 };
	struct zvm_boot boot;

	make_image(0, 0x200001, 0, 0x1000);
	assert_int_equal(write(img.initrd, "0123456789", 10), 10);
	assert_int_equal(zvm_load(&img, cfg, &ram, NULL, &boot, &err), 0);
	assert_int_equal(boot.initrd, BASE + 0x400000);
	assert_int_equal(boot.initrd_size, 10);
	assert_int_equal(boot.dtb, BASE + 0x600000);
	assert_memory_equal(ram.hva + 0x400000, "0123456789", 10);

	put_u64(16, 0x400001);
	fails_with(zvm_load(&img, cfg, &ram, NULL, &boot, &err), -ENOSPC, "device tree");
	assert_non_null(strstr(err.msg, "vm.toml:1:"));
	close(img.initrd);
	zvm_config_free(cfg);
}

static void kernel_error_names_file_line_and_key(void **state)
{
	struct zvm_config *cfg = parse("memory = \"8M\"\nkernel = \"k\"\n");
	struct zvm_images img = { fd, -1, -1 };
	struct zvm_boot boot;

	fails_with(zvm_load(&img, cfg, &ram, NULL, &boot, &err), -ENODATA, "vm.toml:2:");
	assert_non_null(strstr(err.msg, "kernel"));
	zvm_config_free(cfg);
}

static void device_tree_goes_to_the_start_of_ram_unless_the_image_is_there(void **state)
{
	struct zvm_config *cfg = parse("memory = \"8M\"\nimage = \"x\"\nload = \"0x40400000\"\n");
	struct zvm_images img = { fd, -1, -1 };
	struct zvm_boot boot;

	assert_int_equal(ftruncate(fd, 0x1000), 0);
	assert_int_equal(zvm_load(&img, cfg, &ram, NULL, &boot, &err), 0);
	assert_int_equal(boot.entry, 0x40400000);
	assert_int_equal(boot.dtb, BASE);
	cfg->load = BASE;
	cfg->has_entry = true;
	cfg->entry = BASE + 0x40;
	assert_int_equal(zvm_load(&img, cfg, &ram, NULL, &boot, &err), 0);
	assert_int_equal(boot.entry, BASE + 0x40);
	assert_int_equal(boot.dtb, BASE + 0x200000);
	zvm_config_free(cfg);
}

static void firmware_starts_at_zero_with_the_device_tree_at_the_start_of_ram(void **state)
{
	struct zvm_config *cfg = parse("memory = \"8M\"\nfirmware = \"x\"\n");
	struct zvm_span flash = { .ipa = 0, .size = 0x10000, .hva = calloc(1, 0x10000) };
	struct zvm_images img = { fd, -1, -1 };
	struct zvm_boot boot;

	assert_int_equal(ftruncate(fd, 0x10000), 0);
	assert_int_equal(zvm_load(&img, cfg, &ram, &flash, &boot, &err), 0);
	assert_int_equal(boot.entry, 0);
	assert_int_equal(boot.dtb, BASE);
	assert_int_equal(ftruncate(fd, 0x10001), 0);
	fails_with(zvm_load(&img, cfg, &ram, &flash, &boot, &err), -ENOSPC, "firmware");
	free(flash.hva);
	zvm_config_free(cfg);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(span_accepts_its_edges_and_nothing_beyond),
		T(image_goes_to_its_text_offset_and_keeps_room_for_bss),
		T(image_without_a_size_goes_to_the_old_offset),
		T(image_may_fill_ram_exactly_but_not_exceed_it),
		T(image_whose_numbers_wrap_is_refused),
		T(every_truncated_header_is_refused),
		T(something_else_is_named_as_such),
		T(image_cut_before_its_last_section_is_refused),
		T(compressed_image_loads_like_the_plain_one),
		T(truncated_compressed_image_is_refused_at_every_length),
		T(compressed_image_larger_than_ram_is_refused),
		T(zboot_wrapper_is_unpacked_or_refused),
		T(elf_segments_go_to_their_physical_addresses),
		T(elf_truncated_anywhere_is_refused),
		T(elf_of_another_kind_is_refused),
		T(elf_segment_outside_ram_is_refused),
		T(elf_offsets_that_wrap_are_refused),
		T(elf_segments_that_overlap_are_refused_and_touching_ones_load),
		T(raw_file_may_end_with_ram_but_not_behind_it),
		T(initrd_and_device_tree_follow_the_kernel_on_2mib_boundaries),
		T(kernel_error_names_file_line_and_key),
		T(device_tree_goes_to_the_start_of_ram_unless_the_image_is_there),
		T(firmware_starts_at_zero_with_the_device_tree_at_the_start_of_ram),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
