// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that is built in memory and never runs: what loading the images and making the device
 * tree would do, on any host, without the module.
 *
 * Called by check.c and explain.c, one thread. The images are not trusted; the loaders of the VMM
 * check them, which is what this is for.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/machine/fdt.h"
#include "vmm/machine/map.h"

/* Pages appear when something is loaded into them, so that 255 GiB are no problem. */
static int map_span(struct zvm_span *span, uint64_t ipa, uint64_t size, struct zvm_err *err)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return zvm_err_set(err, errno, "cannot reserve %llu MiB of address space: %s",
				   (unsigned long long)size >> 20, strerror(errno));
	span->ipa = ipa;
	span->size = size;
	span->hva = p;
	return 0;
}

static int read_dtb(int fd, void **out, size_t *len, struct zvm_err *err)
{
	struct stat st = { 0 };
	int ret;

	if (fstat(fd, &st) < 0)
		return zvm_err_set(err, errno, "%s", strerror(errno));
	if (st.st_size <= 0 || st.st_size > ZVM_DTB_MAX)
		return zvm_err_set(err, EFBIG, "a device tree has 1 byte to 2 MiB");
	*out = malloc((size_t)st.st_size);
	if (!*out)
		return zvm_err_set(err, ENOMEM, "out of memory");
	ret = zvm_load_pread(fd, *out, (uint64_t)st.st_size, 0);
	if (ret < 0) {
		free(*out);
		*out = NULL;
		return zvm_err_set(err, ret, "%s", strerror(-ret));
	}
	*len = (size_t)st.st_size;
	return 0;
}

static int make_dtb(struct zvm_dry *dry, const struct zvm_images *images,
		    const struct zvm_config *cfg, struct zvm_err *err)
{
	struct zvm_fdt_params params = {
		.cfg = cfg,
		.ram_size = cfg->memory,
		.initrd = dry->boot.initrd,
		.initrd_size = dry->boot.initrd_size,
		.flash = cfg->firmware != NULL,
		.virtio = zvm_dry_slots(cfg),
	};
	void *user = NULL;
	size_t len = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < cfg->vcpus; i++)
		params.mpidr[i] = i; /* the numbering of KVM for up to 16 */
	dry->dtb = zvm_span_ptr(&dry->ram, dry->boot.dtb, ZVM_DTB_MAX);
	if (!dry->dtb)
		return zvm_err_set(err, ENOSPC, "no room for a device tree in RAM");
	if (images->dtb < 0)
		return zvm_fdt_build(&params, dry->dtb, ZVM_DTB_MAX, err);
	ret = read_dtb(images->dtb, &user, &len, err);
	if (ret == 0)
		ret = zvm_fdt_patch(&params, user, len, dry->dtb, ZVM_DTB_MAX, err);
	free(user);
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->dtb);
		return zvm_config_blame(cfg, "dtb", ret, err);
	}
	return 0;
}

unsigned int zvm_dry_slots(const struct zvm_config *cfg)
{
	return (unsigned int)cfg->nr_disks + (cfg->console.device == ZVM_CONSOLE_VIRTIO) + cfg->rng;
}

int zvm_dry_load(struct zvm_dry *dry, const struct zvm_config *cfg, struct zvm_err *err)
{
	const struct zvm_map_entry *flash = &zvm_map[ZVM_MAP_FLASH0];
	struct zvm_images images = { -1, -1, -1 };
	int ret;

	memset(dry, 0, sizeof(*dry));
	ret = map_span(&dry->ram, zvm_map[ZVM_MAP_RAM].base, cfg->memory, err);
	if (ret < 0)
		return ret;
	if (cfg->firmware)
		ret = map_span(&dry->flash, flash->base, flash->size, err);
	if (ret == 0)
		ret = zvm_images_open(&images, cfg, err);
	if (ret < 0)
		goto fail;
	ret = zvm_load(&images, cfg, &dry->ram, &dry->flash, &dry->boot, err);
	if (ret == 0)
		ret = make_dtb(dry, &images, cfg, err);
	zvm_images_close(&images);
	if (ret == 0)
		return 0;
fail:
	zvm_dry_free(dry);
	return ret;
}

void zvm_dry_free(struct zvm_dry *dry)
{
	if (dry->ram.hva)
		munmap(dry->ram.hva, dry->ram.size);
	if (dry->flash.hva)
		munmap(dry->flash.hva, dry->flash.size);
	memset(dry, 0, sizeof(*dry));
}
