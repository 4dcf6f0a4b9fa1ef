/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Getting the guest's images into its memory.
 *
 * zvm_images_open() opens every file once, so that a reboot of the guest can load them again when
 * the process can no longer open anything. zvm_load() runs on the main thread while no vCPU runs.
 * Image files are not trusted: every size and offset in them is checked against the file and the
 * memory it is to go to.
 */
#ifndef ZVM_MACHINE_LOAD_H
#define ZVM_MACHINE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"

/* Descriptors, -1 where the configuration has no such file. */
struct zvm_images {
	int main; /* kernel, firmware or image: the configuration says which */
	int initrd;
	int dtb;
};

int zvm_images_open(struct zvm_images *img, const struct zvm_config *cfg, struct zvm_err *err);
void zvm_images_close(struct zvm_images *img);

/* Memory to load into, by IPA. */
struct zvm_span {
	uint64_t ipa;
	uint64_t size;
	uint8_t *hva;
};

/* Page size an arm64 Image was built for, from its header's flags. */
enum zvm_page_size { ZVM_PAGE_ANY, ZVM_PAGE_4K, ZVM_PAGE_16K, ZVM_PAGE_64K };

/* What the loaders decided. All IPAs. */
struct zvm_boot {
	uint64_t entry;	      /* where vCPU 0 starts */
	uint64_t initrd;      /* first byte, 0 size: none */
	uint64_t initrd_size; /* bytes */
	uint64_t dtb;	      /* room for ZVM_DTB_MAX bytes, 8-byte aligned, inside RAM */
	enum zvm_page_size page_size;
};

/* The arm64 boot protocol allows a device tree of up to 2 MiB, which must not cross 2 MiB. */
#define ZVM_DTB_MAX 0x200000u

/*
 * Load what @cfg asks for into @ram, or into @flash for firmware, and fill in @boot. Errors name
 * file and line, key, reason and remedy.
 */
int zvm_load(const struct zvm_images *img, const struct zvm_config *cfg, const struct zvm_span *ram,
	     const struct zvm_span *flash, struct zvm_boot *boot, struct zvm_err *err);

/* ---- the formats, for zvm_load() and the tests ---- */

/* First byte after what was loaded is *@end; *@entry is where to start. */
int zvm_load_linux(int fd, const struct zvm_span *ram, uint64_t *entry, uint64_t *end,
		   enum zvm_page_size *page, struct zvm_err *err);
int zvm_load_elf(int fd, const struct zvm_span *ram, uint64_t *entry, uint64_t *start,
		 uint64_t *end, struct zvm_err *err);
/* The whole file to @ipa; its size in *@size. */
int zvm_load_raw(int fd, const struct zvm_span *mem, uint64_t ipa, uint64_t *size,
		 struct zvm_err *err);

/* True if the file starts with the ELF magic. */
bool zvm_load_is_elf(int fd);

/* Host pointer to [ipa, ipa + len) inside @mem, or NULL. The loaders' only way to an address. */
uint8_t *zvm_span_ptr(const struct zvm_span *mem, uint64_t ipa, uint64_t len);

/* pread() of exactly @len bytes: 0, -EIO..., or -ENODATA at the end of the file. */
int zvm_load_pread(int fd, void *buf, uint64_t len, uint64_t off);

#endif
