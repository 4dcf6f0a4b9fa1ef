// SPDX-License-Identifier: GPL-2.0
/*
 * The image behind a disk: a raw file or a block device.
 *
 * open and close are called while the VM is built and torn down; discard and zero on pool threads,
 * several at once (the two "not supported" notes are atomics, nothing else changes after open).
 * Ranges have been checked against the image by request.c. The content is never interpreted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk.h"

#define ZERO_CHUNK (64u << 10)
#define PAGE_ALIGN 4096u

static uint8_t zeroes[ZERO_CHUNK] __attribute__((aligned(PAGE_ALIGN)));

static int open_error(const struct zvm_blk_cfg *cfg, int err, struct zvm_err *e)
{
	if ((err == EACCES || err == EPERM || err == EROFS) && !cfg->readonly)
		return zvm_err_set(e, err,
				   "cannot open for writing: %s; make it writable or set "
				   "readonly = true",
				   strerror(err));
	return zvm_err_set(e, err, "cannot open: %s", strerror(err));
}

/* Advisory: keeps two virtual machines from writing to one image. */
static int lock_image(struct zvm_blk_image *img, const struct zvm_virtio_dev *dev,
		      const struct zvm_blk_cfg *cfg, struct zvm_err *e)
{
	if (cfg->no_lock || !flock(img->fd, (cfg->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK)
		return zvm_err_set(e, EBUSY,
				   "in use by another virtual machine; stop that one, or set "
				   "readonly = true in both");
	zvm_virtio_logf(dev, ZVM_VIRTIO_LOG_WARN,
			"image cannot be locked (%s); nothing keeps others from writing to it",
			strerror(errno));
	return 0;
}

static int find_size(struct zvm_blk_image *img, struct zvm_err *e)
{
	int sector = ZVM_BLK_SECTOR;
	unsigned int physical = 0;
	struct stat st;

	if (fstat(img->fd, &st))
		return zvm_err_set(e, errno, "cannot stat: %s", strerror(errno));
	if (S_ISREG(st.st_mode)) {
		img->size = st.st_size;
		img->block_size = ZVM_BLK_SECTOR;
		/* Not st_blksize as it is: network file systems name their transfer size there. */
		img->physical_block_size = st.st_blksize < 4096 ? st.st_blksize : 4096;
		return 0;
	}
	if (!S_ISBLK(st.st_mode))
		return zvm_err_set(e, EINVAL, "neither a regular file nor a block device");
	img->block_device = true;
	if (ioctl(img->fd, BLKGETSIZE64, &img->size) || ioctl(img->fd, BLKSSZGET, &sector))
		return zvm_err_set(e, errno, "cannot ask for the size: %s", strerror(errno));
	img->block_size = sector;
	if (!ioctl(img->fd, BLKPBSZGET, &physical))
		img->physical_block_size = physical;
	return 0;
}

/* What O_DIRECT asks of memory and offsets, where the kernel says so. False: it does not say. */
static bool alignment_told(struct zvm_blk_image *img)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(img->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) ||
	    !(stx.stx_mask & STATX_DIOALIGN) || !stx.stx_dio_offset_align)
		return false;
	img->mem_align = stx.stx_dio_mem_align;
	img->offset_align = stx.stx_dio_offset_align;
	return img->mem_align && img->offset_align;
#else
	(void)img;
	return false;
#endif
}

/* Finds it by reading; memory gets the alignment of offsets, which is always enough. */
static bool alignment_probed(struct zvm_blk_image *img)
{
	void *buf;
	unsigned int align;
	bool ok = false;

	if (posix_memalign(&buf, PAGE_ALIGN, 2 * PAGE_ALIGN))
		return false;
	for (align = ZVM_BLK_SECTOR; align <= PAGE_ALIGN && !ok; align *= 2) {
		if (pread(img->fd, (uint8_t *)buf + align, align, 0) < 0)
			continue;
		img->mem_align = img->offset_align = align;
		ok = true;
	}
	free(buf);
	return ok;
}

/* Turns O_DIRECT on if it can serve every request the guest may make. */
static void go_direct(struct zvm_blk_image *img, const struct zvm_virtio_dev *dev)
{
	int flags = fcntl(img->fd, F_GETFL);
	const char *why;

	if (flags < 0 || fcntl(img->fd, F_SETFL, flags | O_DIRECT)) {
		why = "its file system has no direct I/O";
	} else if (!alignment_told(img) && !alignment_probed(img)) {
		why = "direct reads fail";
	} else if (img->offset_align > img->block_size) {
		why = "direct I/O needs larger blocks there than the disk's 512 bytes";
	} else if (img->mem_align > PAGE_ALIGN) {
		why = "direct I/O needs buffers aligned to more than a page";
	} else {
		img->direct = true;
		return;
	}
	if (flags >= 0)
		fcntl(img->fd, F_SETFL, flags);
	zvm_virtio_logf(dev, ZVM_VIRTIO_LOG_WARN,
			"cache = \"none\": %s; going through the page cache, flushes stay real",
			why);
}

int zvm_blk_image_open(struct zvm_blk_image *img, const struct zvm_virtio_dev *dev,
		       const struct zvm_blk_cfg *cfg, struct zvm_err *e)
{
	int ret;

	/* O_NONBLOCK: a FIFO by mistake must fail below, not hang here. */
	img->fd = open(cfg->path,
		       (cfg->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (img->fd < 0)
		return open_error(cfg, errno, e);

	ret = find_size(img, e);
	if (ret)
		goto err_close;
	if (cfg->block_size) {
		if (cfg->block_size < img->block_size) {
			ret = zvm_err_set(e, EINVAL,
					  "block_size %u is smaller than the device's %u",
					  cfg->block_size, img->block_size);
			goto err_close;
		}
		img->block_size = cfg->block_size;
	}
	if (!img->size) {
		ret = zvm_err_set(e, EINVAL, "image is empty");
		goto err_close;
	}
	if (img->size % img->block_size) {
		ret = zvm_err_set(e, EINVAL,
				  "image size %llu is not a multiple of %u bytes; is it complete? "
				  "(truncate -s %%%u FILE rounds it up)",
				  (unsigned long long)img->size, img->block_size, img->block_size);
		goto err_close;
	}
	ret = lock_image(img, dev, cfg, e);
	if (ret)
		goto err_close;
	if (cfg->cache == ZVM_BLK_CACHE_NONE)
		go_direct(img, dev);
	return 0;

err_close:
	close(img->fd);
	img->fd = -1;
	return ret;
}

void zvm_blk_image_close(struct zvm_blk_image *img)
{
	close(img->fd);
}

static bool unsupported(int err)
{
	return err == EOPNOTSUPP || err == ENOSYS || err == ENODEV || err == EINVAL;
}

static int try_fallocate(struct zvm_blk_image *img, atomic_bool *no, int mode, uint64_t offset,
			 uint64_t len)
{
	int ret;

	if (atomic_load(no))
		return -EOPNOTSUPP;
	do
		ret = fallocate(img->fd, mode | FALLOC_FL_KEEP_SIZE, offset, len);
	while (ret && errno == EINTR);
	if (!ret)
		return 0;
	if (!unsupported(errno))
		return -errno;
	/* EINVAL may be about this range alone (a block device's alignment). */
	if (errno != EINVAL)
		atomic_store(no, true);
	return -EOPNOTSUPP;
}

int zvm_blk_image_discard(struct zvm_blk_image *img, uint64_t offset, uint64_t len)
{
	uint64_t range[2] = { offset, len };
	int ret;

	if (!len)
		return 0;
	/* On a block device a hole means zeroes written by the device; ask for a discard instead.
	 */
	if (img->block_device) {
		if (!ioctl(img->fd, BLKDISCARD, range) || unsupported(errno) || errno == ENOTTY)
			return 0;
		return -errno;
	}
	ret = try_fallocate(img, &img->no_punch_hole, FALLOC_FL_PUNCH_HOLE, offset, len);
	return ret == -EOPNOTSUPP ? 0 : ret;
}

static int write_zeroes(struct zvm_blk_image *img, uint64_t offset, uint64_t len)
{
	while (len) {
		ssize_t n = pwrite(img->fd, zeroes, len < ZERO_CHUNK ? len : ZERO_CHUNK, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		offset += n;
		len -= n;
	}
	return 0;
}

int zvm_blk_image_zero(struct zvm_blk_image *img, uint64_t offset, uint64_t len, bool unmap)
{
	int ret = -EOPNOTSUPP;

	if (!len)
		return 0;
	if (unmap)
		ret = try_fallocate(img, &img->no_punch_hole, FALLOC_FL_PUNCH_HOLE, offset, len);
	if (ret == -EOPNOTSUPP)
		ret = try_fallocate(img, &img->no_zero_range, FALLOC_FL_ZERO_RANGE, offset, len);
	if (ret == -EOPNOTSUPP)
		ret = write_zeroes(img, offset, len);
	return ret;
}
