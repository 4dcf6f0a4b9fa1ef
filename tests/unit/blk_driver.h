/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to a block device over virtio_driver.h, shared by the block tests. */
#ifndef ZVM_TESTS_BLK_DRIVER_H
#define ZVM_TESTS_BLK_DRIVER_H

#include <linux/virtio_blk.h>

#include "virtio_driver.h"

#define BLK_IMAGE_SIZE (1u << 20)
#define BLK_NUM	       16
#define BLK_NO_STATUS  0xee /* the device has not written it */

struct blk {
	struct vdrv d;
	char path[128];
	uint64_t features; /* accepted at start */
	unsigned int queues;
};

/* One request as it lies in guest memory. */
struct blk_call {
	uint64_t hdr, data, status;
	uint32_t len; /* data */
};

/* An image of BLK_IMAGE_SIZE whose sector n is filled with the byte n; dir NULL: /tmp. */
void blk_make_image(struct blk *b, const char *dir);
/* libaio, the default, or threads where it is not built in. */
enum zvm_blk_engine blk_default_engine(void);
/* Creates the device on b->path and starts it with all that it offers. */
void blk_start(struct blk *b, struct zvm_blk_cfg cfg);
void blk_restart(struct blk *b, uint64_t features);
void blk_fini(struct blk *b); /* removes the image */

/* Lays out and makes available; data at the given IPA (0: newly allocated). No doorbell. */
struct blk_call blk_post(struct blk *b, unsigned int qi, uint32_t type, uint64_t sector,
			 uint64_t data, uint32_t len, bool data_in);
/* Posts, rings, waits; returns the status byte. */
uint8_t blk_do(struct blk *b, unsigned int qi, uint32_t type, uint64_t sector, uint64_t data,
	       uint32_t len, bool data_in);
uint8_t blk_read(struct blk *b, uint64_t sector, uint64_t data, uint32_t len);
uint8_t blk_write(struct blk *b, uint64_t sector, uint64_t data, uint32_t len);
uint8_t blk_status(struct blk *b, const struct blk_call *c);

/* The image as the host sees it. */
void blk_peek(struct blk *b, uint64_t offset, void *buf, size_t len);

#endif /* ZVM_TESTS_BLK_DRIVER_H */
