// SPDX-License-Identifier: GPL-2.0
/* Block requests; see blk_driver.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "blk_driver.h"

void blk_make_image(struct blk *b, const char *dir)
{
	uint8_t sector[512];
	int fd;

	memset(b, 0, sizeof(*b));
	snprintf(b->path, sizeof(b->path), "%s/zvm-blk-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < BLK_IMAGE_SIZE / 512; i++) {
		memset(sector, i, sizeof(sector));
		assert_int_equal(write(fd, sector, sizeof(sector)), sizeof(sector));
	}
	close(fd);
	vdrv_init(&b->d);
}

enum zvm_blk_engine blk_default_engine(void)
{
	return zvm_blk_engine_available(ZVM_BLK_LIBAIO) ? ZVM_BLK_LIBAIO : ZVM_BLK_THREADS;
}

void blk_start(struct blk *b, struct zvm_blk_cfg cfg)
{
	struct zvm_err e = { 0 };

	cfg.path = b->path;
	b->queues = cfg.queues ? cfg.queues : 1;
	if (zvm_blk_create(&b->d.env, &cfg, &b->d.dev, &e))
		fail_msg("%s", e.msg);
	blk_restart(b, vdrv_device_features(&b->d));
}

void blk_restart(struct blk *b, uint64_t features)
{
	b->features = features;
	vdrv_start(&b->d, features, b->queues, BLK_NUM);
	vdrv_settle(&b->d);
}

void blk_fini(struct blk *b)
{
	vdrv_fini(&b->d);
	unlink(b->path);
}

struct blk_call blk_post(struct blk *b, unsigned int qi, uint32_t type, uint64_t sector,
			 uint64_t data, uint32_t len, bool data_in)
{
	struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };
	struct blk_call c = { .len = len };
	struct vdrv_buf buf[3];
	unsigned int n = 0;

	c.hdr = vdrv_alloc(&b->d, sizeof(hdr), 16);
	c.data = data ? data : vdrv_alloc(&b->d, len, 512);
	c.status = vdrv_alloc(&b->d, 1, 1);
	memcpy(vdrv_ptr(&b->d, c.hdr), &hdr, sizeof(hdr));
	*(uint8_t *)vdrv_ptr(&b->d, c.status) = BLK_NO_STATUS;
	buf[n++] = (struct vdrv_buf){ .ipa = c.hdr, .len = sizeof(hdr) };
	if (len)
		buf[n++] = (struct vdrv_buf){ .ipa = c.data, .len = len, .in = data_in };
	buf[n++] = (struct vdrv_buf){ .ipa = c.status, .len = 1, .in = true };
	vdrv_add(&b->d, qi, buf, n);
	return c;
}

uint8_t blk_status(struct blk *b, const struct blk_call *c)
{
	return *(uint8_t *)vdrv_ptr(&b->d, c->status);
}

uint8_t blk_do(struct blk *b, unsigned int qi, uint32_t type, uint64_t sector, uint64_t data,
	       uint32_t len, bool data_in)
{
	struct blk_call c = blk_post(b, qi, type, sector, data, len, data_in);
	uint32_t used;

	vdrv_kick(&b->d, qi);
	if (!vdrv_wait(&b->d, qi, NULL, &used))
		fail_msg("request type %u was not answered", type);
	if (blk_status(b, &c) == VIRTIO_BLK_S_OK && type == VIRTIO_BLK_T_IN)
		assert_int_equal(used, len + 1);
	else
		assert_true(used >= 1);
	return blk_status(b, &c);
}

uint8_t blk_read(struct blk *b, uint64_t sector, uint64_t data, uint32_t len)
{
	return blk_do(b, 0, VIRTIO_BLK_T_IN, sector, data, len, true);
}

uint8_t blk_write(struct blk *b, uint64_t sector, uint64_t data, uint32_t len)
{
	return blk_do(b, 0, VIRTIO_BLK_T_OUT, sector, data, len, false);
}

void blk_peek(struct blk *b, uint64_t offset, void *buf, size_t len)
{
	int fd = open(b->path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buf, len, offset), len);
	close(fd);
}
