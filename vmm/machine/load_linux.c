// SPDX-License-Identifier: GPL-2.0
/*
 * The arm64 Linux Image: plain, compressed by gzip, or wrapped as an EFI zboot image around a
 * gzip'ed one. A PE header does not matter here: an Image with an EFI stub is still an Image.
 *
 * Main thread. Nothing in the file is trusted; decompression is bounded by the RAM it goes to.
 *
 * Specification: Documentation/arm64/booting.rst; drivers/firmware/efi/libstub/zboot-header.S for
 * the layout of the wrapper.
 */
#include "vmm/machine/load.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define IMAGE_MAGIC	 0x644d5241u /* "ARM\x64" */
#define OLD_TEXT_OFFSET	 0x80000ULL  /* when image_size is 0, text_offset was not to be believed */
#define FLAGS_PAGE_SHIFT 1
#define GZIP_CHUNK	 (64u << 10)
#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; a gzip header */

struct image_header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t pe_offset;
};

struct zboot_header {
	uint32_t mz;
	uint8_t zimg[4];
	uint32_t payload_offset;
	uint32_t payload_size;
	uint32_t reserved[2];
	char compression[32];
};

_Static_assert(sizeof(struct image_header) == 64, "the Image header is 64 bytes");

struct placement {
	uint64_t ipa;  /* of the first byte of the file */
	uint64_t span; /* bytes that the kernel needs from there, its bss included */
};

static int check_header(const struct image_header *h, const struct zvm_span *ram,
			uint64_t file_size, struct placement *at, enum zvm_page_size *page,
			struct zvm_err *err)
{
	uint64_t text = le64toh(h->text_offset);

	if (le32toh(h->magic) != IMAGE_MAGIC)
		return zvm_err_set(err, ENOEXEC,
				   "not an arm64 Linux Image (no \"ARM\\x64\" at byte 56); for a "
				   "bare-metal program use image =, for firmware use firmware =");
	at->span = le64toh(h->image_size);
	if (!at->span) {
		text = OLD_TEXT_OFFSET;
		at->span = file_size;
	}
	if (file_size > at->span)
		at->span = file_size;
	*page = (le64toh(h->flags) >> FLAGS_PAGE_SHIFT) & 3;
	if (__builtin_add_overflow(ram->ipa, text, &at->ipa) ||
	    !zvm_span_ptr(ram, at->ipa, at->span))
		return zvm_err_set(err, ENOSPC,
				   "the kernel needs %llu MiB from 0x%llx on, RAM is %llu MiB from "
				   "0x%llx on; give the VM more memory",
				   (unsigned long long)(at->span >> 20) + 1,
				   (unsigned long long)at->ipa, (unsigned long long)ram->size >> 20,
				   (unsigned long long)ram->ipa);
	return 0;
}

struct pe_header {
	uint8_t magic[4]; /* "PE", two zeros */
	uint16_t machine;
	uint16_t sections;
	uint32_t reserved[3];
	uint16_t optional_size;
	uint16_t flags;
};

struct pe_section {
	uint8_t name[8];
	uint32_t virtual_size, virtual_address;
	uint32_t raw_size, raw_offset;
	uint8_t reserved[16];
};

#define PE_MAX_SECTIONS 16u

/*
 * Is the file all there? image_size counts the bss, which is not in the file, so only the sections
 * of the PE header that the EFI stub brings can tell. An Image without one is taken as it is.
 */
static int check_whole(int fd, uint64_t file_size, const struct image_header *h,
		       struct zvm_err *err)
{
	uint64_t at = le32toh(h->pe_offset);
	struct pe_section section;
	struct pe_header pe;
	int ret;

	if (at < sizeof(*h))
		return 0;
	ret = zvm_load_pread(fd, &pe, sizeof(pe), at);
	if (ret == 0 && memcmp(pe.magic, "PE\0", sizeof(pe.magic)) != 0)
		return 0;
	at += sizeof(pe) + le16toh(pe.optional_size);
	for (unsigned int i = 0; ret == 0 && i < le16toh(pe.sections) && i < PE_MAX_SECTIONS; i++) {
		ret = zvm_load_pread(fd, &section, sizeof(section), at + i * sizeof(section));
		if (ret == 0 &&
		    (uint64_t)le32toh(section.raw_offset) + le32toh(section.raw_size) > file_size)
			ret = -ENODATA;
	}
	if (ret == -ENODATA)
		return zvm_err_set(err, ret,
				   "the file ends after %llu bytes, before its last section: it is "
				   "truncated; copy it again",
				   (unsigned long long)file_size);
	return ret < 0 ? zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret)) : 0;
}

static int load_plain(int fd, uint64_t file_size, const struct zvm_span *ram, struct placement *at,
		      enum zvm_page_size *page, struct zvm_err *err)
{
	struct image_header h = { 0 };
	int ret;

	ret = zvm_load_pread(fd, &h, sizeof(h), 0);
	if (ret == 0) {
		ret = check_header(&h, ram, file_size, at, page, err);
		if (ret < 0)
			return ret;
		ret = check_whole(fd, file_size, &h, err);
		if (ret < 0)
			return ret;
		ret = zvm_load_pread(fd, zvm_span_ptr(ram, at->ipa, file_size), file_size, 0);
	}
	if (ret == -ENODATA)
		return zvm_err_set(
			err, ret,
			"the file ends inside the Image header: it is truncated; copy it "
			"again");
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret));
	return 0;
}

struct unpacker {
	z_stream z;
	int fd;
	uint64_t off; /* of the next byte to read */
	bool done;    /* the stream's end and its checksum have been seen */
	uint8_t in[GZIP_CHUNK];
};

/*
 * Decompress until @len bytes are there or the stream ends; how many came in *@got. zlib's own
 * file layer is not used: it takes a stream that lacks its checksum for complete.
 */
static int unpack(struct unpacker *u, uint8_t *to, uint64_t len, uint64_t *got, struct zvm_err *err)
{
	*got = 0;
	while (!u->done && *got < len) {
		unsigned int room = len - *got < 1u << 30 ? (unsigned int)(len - *got) : 1u << 30;
		int code;

		if (!u->z.avail_in) {
			ssize_t n = pread(u->fd, u->in, sizeof(u->in), (off_t)u->off);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return zvm_err_set(err, errno, "cannot read it: %s",
						   strerror(errno));
			if (n == 0)
				return zvm_err_set(err, ENODATA,
						   "the compressed kernel ends early: the file is "
						   "truncated; copy it again");
			u->off += (uint64_t)n;
			u->z.next_in = u->in;
			u->z.avail_in = (unsigned int)n;
		}
		u->z.next_out = to + *got;
		u->z.avail_out = room;
		code = inflate(&u->z, Z_NO_FLUSH);
		*got += room - u->z.avail_out;
		if (code == Z_STREAM_END)
			u->done = true;
		else if (code != Z_OK && code != Z_BUF_ERROR)
			return zvm_err_set(err, EBADMSG,
					   "the compressed kernel is damaged (%s); copy it again",
					   u->z.msg ? u->z.msg : zError(code));
	}
	return 0;
}

/* Decompress from byte @off on. The header decides where, so it is unpacked on its own first. */
static int load_gzip(int fd, uint64_t off, const struct zvm_span *ram, struct placement *at,
		     enum zvm_page_size *page, struct zvm_err *err)
{
	struct unpacker *u = calloc(1, sizeof(*u));
	struct image_header h = { 0 };
	uint64_t size, got;
	uint8_t extra;
	int ret;

	if (!u || inflateInit2(&u->z, GZIP_WINDOW_BITS) != Z_OK) {
		free(u);
		return zvm_err_set(err, ENOMEM, "no memory to decompress it");
	}
	u->fd = fd;
	u->off = off;
	ret = unpack(u, (uint8_t *)&h, sizeof(h), &size, err);
	if (ret == 0 && size < sizeof(h))
		ret = zvm_err_set(err, ENOEXEC, "decompressed, it is no arm64 Linux Image");
	if (ret == 0)
		ret = check_header(&h, ram, size, at, page, err);
	if (ret < 0)
		goto out;

	memcpy(zvm_span_ptr(ram, at->ipa, size), &h, size);
	ret = unpack(u, zvm_span_ptr(ram, at->ipa + size, 0),
		     ram->ipa + ram->size - (at->ipa + size), &got, err);
	size += got;
	/* RAM exactly full is legal, and the checksum is still to come; one byte more is not. */
	if (ret == 0)
		ret = unpack(u, &extra, 1, &got, err);
	if (ret == 0 && got)
		ret = zvm_err_set(err, ENOSPC,
				  "decompressed, the kernel is larger than RAM; give the VM more "
				  "memory");
	if (size > at->span)
		at->span = size;
out:
	inflateEnd(&u->z);
	free(u);
	return ret;
}

static int load_zboot(int fd, uint64_t file_size, const struct zboot_header *z,
		      const struct zvm_span *ram, struct placement *at, enum zvm_page_size *page,
		      struct zvm_err *err)
{
	uint64_t off = le32toh(z->payload_offset), size = le32toh(z->payload_size);

	if (off < sizeof(*z) || off > file_size || size > file_size - off)
		return zvm_err_set(err, ENODATA,
				   "the EFI zboot header points behind the end of the file: it is "
				   "truncated; copy it again");
	if (strncmp(z->compression, "gzip", sizeof(z->compression)) != 0)
		return zvm_err_set(
			err, ENOTSUP,
			"an EFI zboot image compressed by %.*s; only gzip can be unpacked: "
			"use the kernel's arch/arm64/boot/Image",
			(int)strnlen(z->compression, sizeof(z->compression)), z->compression);
	return load_gzip(fd, off, ram, at, page, err);
}

int zvm_load_linux(int fd, const struct zvm_span *ram, uint64_t *entry, uint64_t *end,
		   enum zvm_page_size *page, struct zvm_err *err)
{
	struct placement at = { 0 };
	struct stat st;
	uint64_t size;
	union {
		uint8_t byte[64];
		struct zboot_header zboot;
	} head = { { 0 } };
	int ret;

	if (fstat(fd, &st) < 0)
		return zvm_err_set(err, errno, "cannot read it: %s", strerror(errno));
	size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	/* Shorter than a header is no format at all; load_plain() has the words for it. */
	ret = zvm_load_pread(fd, &head, size < sizeof(head) ? size : sizeof(head), 0);
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret));

	if (head.byte[0] == 0x1f && head.byte[1] == 0x8b)
		ret = load_gzip(fd, 0, ram, &at, page, err);
	else if (head.byte[0] == 'M' && head.byte[1] == 'Z' &&
		 memcmp(head.zboot.zimg, "zimg", sizeof(head.zboot.zimg)) == 0)
		ret = load_zboot(fd, size, &head.zboot, ram, &at, page, err);
	else
		ret = load_plain(fd, size, ram, &at, page, err);
	if (ret < 0)
		return ret;
	*entry = at.ipa;
	*end = at.ipa + at.span;
	return 0;
}
