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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define IMAGE_MAGIC	  0x644d5241u /* "ARM\x64" */
#define OLD_TEXT_OFFSET	  0x80000ULL /* when image_size is 0, text_offset was not to be believed */
#define FLAGS_PAGE_SHIFT  1
#define GZIP_CHUNK	  (1u << 20)

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

static int load_plain(int fd, uint64_t file_size, const struct zvm_span *ram,
		      struct placement *at, enum zvm_page_size *page, struct zvm_err *err)
{
	struct image_header h;
	int ret;

	ret = zvm_load_pread(fd, &h, sizeof(h), 0);
	if (ret == 0) {
		ret = check_header(&h, ram, file_size, at, page, err);
		if (ret < 0)
			return ret;
		/*
		 * image_size also counts the bss, so a cut file cannot be told from a large bss in
		 * general; but no kernel is mostly bss.
		 */
		if (file_size < at->span / 2)
			return zvm_err_set(err, ENODATA,
					   "the file has %llu bytes of an Image of %llu: it is "
					   "truncated; copy it again",
					   (unsigned long long)file_size,
					   (unsigned long long)at->span);
		ret = zvm_load_pread(fd, zvm_span_ptr(ram, at->ipa, file_size), file_size, 0);
	}
	if (ret == -ENODATA)
		return zvm_err_set(err, ret,
				   "the file ends inside the Image header: it is truncated; copy it "
				   "again");
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret));
	return 0;
}

static int inflate_error(gzFile gz, struct zvm_err *err)
{
	int code;
	const char *text = gzerror(gz, &code);

	if (code == Z_ERRNO)
		return zvm_err_set(err, EIO, "cannot read it: %s", strerror(errno));
	if (code == Z_BUF_ERROR || code == Z_OK)
		return zvm_err_set(err, ENODATA,
				   "the compressed kernel ends early: the file is truncated; copy it "
				   "again");
	return zvm_err_set(err, EBADMSG, "the compressed kernel is damaged (%s); copy it again",
			   text);
}

/* Decompress from byte @off on. The header decides where, so it is unpacked on its own first. */
static int load_gzip(int fd, uint64_t off, const struct zvm_span *ram, struct placement *at,
		     enum zvm_page_size *page, struct zvm_err *err)
{
	struct image_header h;
	uint64_t size = sizeof(h);
	int own = dup(fd), ret, n;
	gzFile gz;

	if (own < 0)
		return zvm_err_set(err, errno, "cannot read it: %s", strerror(errno));
	if (lseek(own, (off_t)off, SEEK_SET) < 0 || !(gz = gzdopen(own, "rb"))) {
		ret = zvm_err_set(err, ENOMEM, "cannot start to decompress it");
		close(own);
		return ret;
	}

	n = gzread(gz, &h, sizeof(h));
	if (n != (int)sizeof(h)) {
		ret = inflate_error(gz, err);
		goto out;
	}
	ret = check_header(&h, ram, size, at, page, err);
	if (ret < 0)
		goto out;
	memcpy(zvm_span_ptr(ram, at->ipa, sizeof(h)), &h, sizeof(h));
	do {
		uint64_t room = ram->ipa + ram->size - (at->ipa + size);
		uint8_t extra;

		if (!room) {
			/* Exactly full is legal: only another byte is too much. */
			n = gzread(gz, &extra, 1);
			if (n > 0)
				ret = zvm_err_set(err, ENOSPC,
						  "decompressed, the kernel is larger than RAM; "
						  "give the VM more memory");
		} else {
			n = gzread(gz, zvm_span_ptr(ram, at->ipa + size, 0),
				   room < GZIP_CHUNK ? (unsigned int)room : GZIP_CHUNK);
			if (n > 0)
				size += (uint64_t)n;
		}
		if (n < 0)
			ret = inflate_error(gz, err);
	} while (ret == 0 && n > 0);
	if (size > at->span)
		at->span = size;
out:
	/* A stream without its trailer reads to its end without an error; closing reports it. */
	n = gzclose_r(gz);
	if (ret == 0 && n != Z_OK)
		ret = zvm_err_set(err, ENODATA,
				  "the compressed kernel ends early: the file is truncated; copy it "
				  "again");
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
		return zvm_err_set(err, ENOTSUP,
				   "an EFI zboot image compressed by %.*s; only gzip can be unpacked: "
				   "use the kernel's arch/arm64/boot/Image",
				   (int)strnlen(z->compression, sizeof(z->compression)),
				   z->compression);
	return load_gzip(fd, off, ram, at, page, err);
}

int zvm_load_linux(int fd, const struct zvm_span *ram, uint64_t *entry, uint64_t *end,
		   enum zvm_page_size *page, struct zvm_err *err)
{
	struct placement at;
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
