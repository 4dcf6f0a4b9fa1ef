// SPDX-License-Identifier: GPL-2.0
/*
 * What vm.toml says against what the host has: files, disks, memory.
 *
 * Called by zvm_config_load(), zvm-run and zvm check before anything is built, on one thread; no
 * locks. The answer may be out of date a moment later, so nothing relies on it: whoever opens a
 * file checks again. This is here to say early, and with a line number, what the user has to do.
 * Files are opened without blocking, so that a FIFO cannot hold us.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"

/* Keeps the errno of the system call, unlike schema_fail(). */
static int fail_errno(const struct zvm_config *cfg, const char *key, int err_no, const char *path,
		      const char *remedy, struct zvm_err *err)
{
	zvm_err_set(err, err_no, "%s: %s; %s", path, strerror(err_no), remedy);
	return zvm_config_blame(cfg, key, err_no > 0 ? -err_no : -EIO, err);
}

static int open_file(const struct zvm_config *cfg, const char *key, const char *path, int flags,
		     struct stat *st, struct zvm_err *err)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err_no;

	if (fd < 0) {
		err_no = errno;
		if (err_no == ENOENT)
			return fail_errno(cfg, key, err_no, path,
					  "a relative path starts where the TOML file is", err);
		if (flags == O_RDWR && (err_no == EACCES || err_no == EROFS || err_no == EPERM))
			return fail_errno(cfg, key, err_no, path,
					  "make it writable, or set readonly = true", err);
		if (err_no == EISDIR)
			return schema_fail(cfg, err, key, "%s is a directory; name a file", path);
		return fail_errno(cfg, key, err_no, path, "check its permissions", err);
	}
	if (fstat(fd, st)) {
		err_no = errno;
		close(fd);
		return fail_errno(cfg, key, err_no, path, "check its file system", err);
	}
	return fd;
}

/* Returns an open descriptor of a regular file that is not empty. */
static int open_image(const struct zvm_config *cfg, const char *key, const char *path,
		      struct zvm_err *err)
{
	struct stat st = { 0 };
	int fd = open_file(cfg, key, path, O_RDONLY, &st, err), ret;

	if (fd < 0)
		return fd;
	if (!S_ISREG(st.st_mode))
		ret = schema_fail(cfg, err, key, "%s is %s; name a regular file", path,
				  S_ISDIR(st.st_mode) ? "a directory" : "a special file");
	else if (!st.st_size)
		ret = schema_fail(cfg, err, key, "%s is empty; build or copy it again", path);
	else
		return fd;
	close(fd);
	return ret;
}

static int check_image(const struct zvm_config *cfg, const char *key, const char *path,
		       struct zvm_err *err)
{
	int fd;

	if (!path)
		return 0;
	fd = open_image(cfg, key, path, err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* An ELF file knows its addresses, a raw binary does not. */
static int check_elf_or_raw(const struct zvm_config *cfg, struct zvm_err *err)
{
	char magic[4];
	bool elf;
	int fd;

	if (!cfg->image)
		return 0;
	fd = open_image(cfg, "image", cfg->image, err);
	if (fd < 0)
		return fd;
	elf = pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, "\177ELF", 4);
	close(fd);
	if (elf && cfg->has_load)
		return schema_fail(cfg, err, "load", "%s is an ELF file, which says it; remove it",
				   cfg->image);
	if (!elf && !cfg->has_load)
		return schema_fail(cfg, err, "image",
				   "%s is a raw binary; add load = \"0x40080000\", the address it "
				   "is linked for",
				   cfg->image);
	return 0;
}

struct disk_identity {
	dev_t dev;
	ino_t ino;
};

static int check_disk(const struct zvm_config *cfg, size_t i, struct disk_identity *seen,
		      struct zvm_err *err)
{
	const struct zvm_config_disk *disk = &cfg->disk[i];
	char key[48], magic[4];
	struct stat st = { 0 };
	int fd, ret;
	size_t j;

	snprintf(key, sizeof(key), "disk[%zu].path", i);
	fd = open_file(cfg, key, disk->path, disk->readonly ? O_RDONLY : O_RDWR, &st, err);
	if (fd < 0)
		return fd;
	ret = -EINVAL;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		schema_fail(cfg, err, key, "%s is neither a file nor a block device; name one",
			    disk->path);
		goto out;
	}
	if (S_ISREG(st.st_mode) && (!st.st_size || st.st_size % 512)) {
		schema_fail(cfg, err, key,
			    "%s has %lld bytes, which is not a number of sectors; run "
			    "truncate -s %s",
			    disk->path, (long long)st.st_size, st.st_size ? "%512" : "1G");
		goto out;
	}
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, "QFI\xfb", 4)) {
		schema_fail(cfg, err, key,
			    "%s is a qcow2 image; run qemu-img convert -O raw and name the result",
			    disk->path);
		goto out;
	}
	seen[i].dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	seen[i].ino = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	for (j = 0; j < i; j++) {
		if (seen[j].dev != seen[i].dev || seen[j].ino != seen[i].ino)
			continue;
		schema_fail(cfg, err, key,
			    "%s is the same file as %s, and two disks would destroy it; use "
			    "another file",
			    disk->path, cfg->disk[j].path);
		goto out;
	}
	ret = 0;
out:
	close(fd);
	return ret;
}

/* The console makes its file or link; the directory must be there. */
static int check_console_dir(const struct zvm_config *cfg, struct zvm_err *err)
{
	const char *path = cfg->console.path, *slash;
	char dir[PATH_MAX];

	if (!path)
		return 0;
	slash = strrchr(path, '/');
	if (!slash)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (access(dir, W_OK | X_OK))
		return fail_errno(cfg, "console.path", errno, dir,
				  "name a directory that exists and can be written", err);
	return 0;
}

int zvm_config_check_files(const struct zvm_config *cfg, struct zvm_err *err)
{
	struct disk_identity seen[ZVM_CONFIG_VIRTIO_SLOTS];
	size_t i;
	int ret;

	ret = check_image(cfg, "kernel", cfg->kernel, err);
	if (!ret)
		ret = check_image(cfg, "firmware", cfg->firmware, err);
	if (!ret)
		ret = check_elf_or_raw(cfg, err);
	if (!ret)
		ret = check_image(cfg, "initrd", cfg->initrd, err);
	if (!ret)
		ret = check_image(cfg, "dtb", cfg->dtb, err);
	for (i = 0; !ret && i < cfg->nr_disks; i++)
		ret = check_disk(cfg, i, seen, err);
	if (!ret)
		ret = check_console_dir(cfg, err);
	return ret;
}

/* The number in the line of @path that begins with @label ("" for a file with one number). */
static bool read_number(const char *path, const char *label, uint64_t *out)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	char line[256];

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		if (!strncmp(line, label, strlen(label)))
			found = sscanf(line + strlen(label), "%" SCNu64, out) == 1;
	fclose(f);
	return found;
}

int schema_check_memory_at(const struct zvm_config *cfg, const char *meminfo, const char *hugetlb,
			   struct zvm_err *err)
{
	enum zvm_hugepages pages = cfg->backing.hugepages;
	uint64_t size, have, need;
	char path[PATH_MAX], want[32], total[32];

	schema_format_size(cfg->memory, want);
	if (read_number(meminfo, "MemTotal:", &have) && cfg->memory > have << 10) {
		snprintf(total, sizeof(total), "%" PRIu64 "M", have >> 10);
		schema_fail(cfg, err, "memory",
			    "\"%s\" is more than the host's \"%s\"; write a smaller size", want,
			    total);
		return -ENOMEM;
	}
	if (pages != ZVM_HUGEPAGES_2M && pages != ZVM_HUGEPAGES_1G)
		return 0;
	size = pages == ZVM_HUGEPAGES_2M ? 2ULL << 20 : 1ULL << 30;
	need = cfg->memory / size;
	snprintf(path, sizeof(path), "%s/hugepages-%" PRIu64 "kB/free_hugepages", hugetlb,
		 size >> 10);
	if (!read_number(path, "", &have))
		have = 0;
	if (need <= have)
		return 0;
	schema_fail(cfg, err, "memory_backing.hugepages",
		    "\"%s\" of RAM need %" PRIu64 " free huge pages, the host has %" PRIu64
		    "; write %" PRIu64 " to %s/hugepages-%" PRIu64 "kB/nr_hugepages",
		    want, need, have, need, hugetlb, size >> 10);
	return -ENOMEM;
}

int zvm_config_check_memory(const struct zvm_config *cfg, struct zvm_err *err)
{
	return schema_check_memory_at(cfg, "/proc/meminfo", "/sys/kernel/mm/hugepages", err);
}
