// SPDX-License-Identifier: GPL-2.0
/*
 * Which loader takes which file, and where initrd and device tree go.
 *
 * Layout for a kernel, from the start of RAM: Image at its text_offset, then the initrd and the
 * device tree on 2 MiB boundaries. Firmware and bare images find the device tree at the start of
 * RAM, as on QEMU's virt board, unless the image itself lies there; then it follows the image.
 *
 * Specification: Documentation/arm64/booting.rst of Linux.
 */
#include "vmm/machine/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGN_2M 0x200000ULL

uint8_t *zvm_span_ptr(const struct zvm_span *mem, uint64_t ipa, uint64_t len)
{
	if (ipa < mem->ipa || ipa - mem->ipa > mem->size || len > mem->size - (ipa - mem->ipa))
		return NULL;
	return mem->hva + (ipa - mem->ipa);
}

int zvm_load_pread(int fd, void *buf, uint64_t len, uint64_t off)
{
	uint8_t *to = buf;

	while (len) {
		ssize_t n = pread(fd, to, len < 1u << 30 ? len : 1u << 30, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		to += n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int zvm_load_raw(int fd, const struct zvm_span *mem, uint64_t ipa, uint64_t *size,
		 struct zvm_err *err)
{
	struct stat st;
	uint8_t *to;
	int ret;

	if (fstat(fd, &st) < 0)
		return zvm_err_set(err, errno, "cannot read it: %s", strerror(errno));
	if (st.st_size <= 0)
		return zvm_err_set(err, EINVAL, "the file is empty");
	*size = (uint64_t)st.st_size;
	to = zvm_span_ptr(mem, ipa, *size);
	if (!to)
		return zvm_err_set(err, ENOSPC,
				   "%llu bytes at 0x%llx do not fit into memory 0x%llx-0x%llx",
				   (unsigned long long)*size, (unsigned long long)ipa,
				   (unsigned long long)mem->ipa,
				   (unsigned long long)(mem->ipa + mem->size - 1));
	ret = zvm_load_pread(fd, to, *size, 0);
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot read it: %s",
				   ret == -ENODATA ? "it became shorter while being read"
						   : strerror(-ret));
	return 0;
}

bool zvm_load_is_elf(int fd)
{
	uint8_t magic[4];

	return zvm_load_pread(fd, magic, sizeof(magic), 0) == 0 &&
	       memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

/* A range of RAM after @at for @size bytes on a 2 MiB boundary. */
static int place(const struct zvm_span *ram, uint64_t at, uint64_t size, uint64_t *ipa)
{
	uint64_t from;

	if (__builtin_add_overflow(at, ALIGN_2M - 1, &from))
		return -ENOSPC;
	from &= ~(ALIGN_2M - 1);
	if (!zvm_span_ptr(ram, from, size))
		return -ENOSPC;
	*ipa = from;
	return 0;
}

static int no_room(const struct zvm_config *cfg, const char *what, struct zvm_err *err)
{
	zvm_err_set(err, ENOSPC, "%llu MiB leave no room for %s; give the VM more memory",
		    (unsigned long long)cfg->memory >> 20, what);
	return zvm_config_blame(cfg, "memory", -ENOSPC, err);
}

static int load_initrd(const struct zvm_images *img, const struct zvm_config *cfg,
		       const struct zvm_span *ram, uint64_t after, struct zvm_boot *boot,
		       struct zvm_err *err)
{
	struct stat st;
	int ret;

	if (fstat(img->initrd, &st) < 0 || st.st_size <= 0) {
		ret = zvm_err_set(err, EINVAL, "%s: the file is empty", cfg->initrd);
		return zvm_config_blame(cfg, "initrd", ret, err);
	}
	if (place(ram, after, (uint64_t)st.st_size, &boot->initrd) < 0)
		return no_room(cfg, "the initrd behind the kernel", err);
	ret = zvm_load_raw(img->initrd, ram, boot->initrd, &boot->initrd_size, err);
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->initrd);
		return zvm_config_blame(cfg, "initrd", ret, err);
	}
	return 0;
}

/* [start, end) is taken by the image: the device tree goes to the start of RAM or behind it. */
static int place_dtb_low(const struct zvm_span *ram, uint64_t start, uint64_t end, uint64_t *dtb)
{
	if (zvm_span_ptr(ram, ram->ipa, ZVM_DTB_MAX) &&
	    (end <= ram->ipa || start >= ram->ipa + ZVM_DTB_MAX)) {
		*dtb = ram->ipa;
		return 0;
	}
	return place(ram, end, ZVM_DTB_MAX, dtb);
}

static int load_kernel(const struct zvm_images *img, const struct zvm_config *cfg,
		       const struct zvm_span *ram, struct zvm_boot *boot, struct zvm_err *err)
{
	uint64_t end = 0;
	int ret;

	ret = zvm_load_linux(img->main, ram, &boot->entry, &end, &boot->page_size, err);
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->kernel);
		return zvm_config_blame(cfg, "kernel", ret, err);
	}
	if (img->initrd >= 0) {
		ret = load_initrd(img, cfg, ram, end, boot, err);
		if (ret < 0)
			return ret;
		end = boot->initrd + boot->initrd_size;
	}
	if (place(ram, end, ZVM_DTB_MAX, &boot->dtb) < 0)
		return no_room(cfg, "the device tree behind kernel and initrd", err);
	return 0;
}

static int load_image(const struct zvm_images *img, const struct zvm_config *cfg,
		      const struct zvm_span *ram, struct zvm_boot *boot, struct zvm_err *err)
{
	uint64_t start = 0, end = 0, size = 0;
	int ret;

	if (zvm_load_is_elf(img->main)) {
		ret = zvm_load_elf(img->main, ram, &boot->entry, &start, &end, err);
	} else if (cfg->has_load) {
		ret = zvm_load_raw(img->main, ram, cfg->load, &size, err);
		start = boot->entry = cfg->load;
		end = ret < 0 ? start : start + size;
	} else {
		ret = zvm_err_set(err, ENOEXEC,
				  "not an ELF file; a raw binary needs load = \"ADDRESS\"");
	}
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->image);
		return zvm_config_blame(cfg, "image", ret, err);
	}
	if (cfg->has_entry)
		boot->entry = cfg->entry;
	if (place_dtb_low(ram, start, end, &boot->dtb) < 0)
		return no_room(cfg, "the device tree beside the image", err);
	return 0;
}

int zvm_load(const struct zvm_images *img, const struct zvm_config *cfg, const struct zvm_span *ram,
	     const struct zvm_span *flash, struct zvm_boot *boot, struct zvm_err *err)
{
	uint64_t size;
	int ret;

	memset(boot, 0, sizeof(*boot));
	if (cfg->kernel)
		return load_kernel(img, cfg, ram, boot, err);
	if (cfg->image)
		return load_image(img, cfg, ram, boot, err);

	ret = zvm_load_raw(img->main, flash, flash->ipa, &size, err);
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->firmware);
		return zvm_config_blame(cfg, "firmware", ret, err);
	}
	boot->entry = flash->ipa;
	if (place_dtb_low(ram, 0, 0, &boot->dtb) < 0)
		return no_room(cfg, "the device tree", err);
	return 0;
}

static int open_one(const struct zvm_config *cfg, const char *key, const char *path, int *fd,
		    struct zvm_err *err)
{
	int ret;

	*fd = -1;
	if (!path)
		return 0;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return 0;
	ret = zvm_err_set(err, errno, "cannot open %s: %s", path, strerror(errno));
	return zvm_config_blame(cfg, key, ret, err);
}

int zvm_images_open(struct zvm_images *img, const struct zvm_config *cfg, struct zvm_err *err)
{
	const char *key = cfg->kernel ? "kernel" : cfg->firmware ? "firmware" : "image";
	const char *path = cfg->kernel ? cfg->kernel : cfg->firmware ? cfg->firmware : cfg->image;
	int ret;

	img->initrd = img->dtb = -1;
	ret = open_one(cfg, key, path, &img->main, err);
	if (ret == 0)
		ret = open_one(cfg, "initrd", cfg->initrd, &img->initrd, err);
	if (ret == 0)
		ret = open_one(cfg, "dtb", cfg->dtb, &img->dtb, err);
	if (ret < 0)
		zvm_images_close(img);
	return ret;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void zvm_images_close(struct zvm_images *img)
{
	close_one(&img->main);
	close_one(&img->initrd);
	close_one(&img->dtb);
}
