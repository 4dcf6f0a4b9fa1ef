// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile driver against queue and virtio-blk: the input is a script of requests that are almost
 * right, raw writes to RAM (rings included), register accesses, pauses and resets.
 *
 * Held: nothing outside guest RAM is touched (guard pages, sanitizers), the image keeps its size,
 * no request is lost across a pause, and after a reset RAM stays as it is.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/virtio_blk.h>

#include "virtio_harness.h"

#define IMAGE_SIZE 0x10000
#define QUEUES	   2

static struct harness h;
static int image;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zvm_blk_cfg cfg = { .engine = ZVM_BLK_THREADS, .queues = QUEUES, .no_lock = true };
	struct zvm_err e = { 0 };
	char path[64];

	image = memfd_create("image", MFD_CLOEXEC);
	HARNESS_CHECK(image >= 0 && !ftruncate(image, IMAGE_SIZE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	cfg.path = path;
	harness_init(&h);
	if (zvm_blk_create(&h.env, &cfg, &h.dev, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
	return 0;
}

/* A request with a field or two that the input may have bent. */
static void request(struct input *in, uint16_t num)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN,	VIRTIO_BLK_T_OUT,
					  VIRTIO_BLK_T_FLUSH,	VIRTIO_BLK_T_GET_ID,
					  VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	uint8_t how = in8(in), shape = in8(in);
	unsigned int q = how & 1, at = h.avail[q] * 4 % (num ? num : 1), i;
	uint64_t hdr = H_DATA + (h.avail[q] % 64) * 64,
		 data = H_DATA + 0x2000 + (in16(in) & 0x7fff);
	struct virtio_blk_outhdr *oh = (void *)(h.ram + (hdr - H_RAM_IPA));
	bool data_in;
	uint32_t len;

	oh->type = how & 0x80 ? in32(in) : types[(how >> 1) % 6];
	oh->sector = how & 0x40 ? in64(in) : in8(in) % (IMAGE_SIZE / 512);
	len = how & 0x20 ? in32(in) : (in8(in) % 9) * 512u;
	data_in = oh->type == VIRTIO_BLK_T_IN || oh->type == VIRTIO_BLK_T_GET_ID;
	if (oh->type == VIRTIO_BLK_T_DISCARD || oh->type == VIRTIO_BLK_T_WRITE_ZEROES)
		len = in8(in);
	if (shape & 1)
		data_in = !data_in;

	if (shape & 2) { /* indirect */
		uint64_t table = H_DATA + 0x1000 + (h.avail[q] % 64) * 64;
		struct vring_desc *d = (void *)(h.ram + (table - H_RAM_IPA));

		d[0] = (struct vring_desc){ hdr, 16, VRING_DESC_F_NEXT, 1 };
		d[1] = (struct vring_desc){ data, len,
					    VRING_DESC_F_NEXT | (data_in ? VRING_DESC_F_WRITE : 0),
					    2 };
		d[2] = (struct vring_desc){ hdr + 32, 1, VRING_DESC_F_WRITE, 0 };
		if (shape & 4)
			in_bytes(in, d, 48);
		harness_desc(&h, q, at, table, shape & 8 ? in32(in) : 48, VRING_DESC_F_INDIRECT, 0);
	} else {
		uint16_t d[3];

		for (i = 0; i < 3; i++)
			d[i] = (at + i) % (num ? num : 1);
		harness_desc(&h, q, d[0], hdr, 16, VRING_DESC_F_NEXT, d[1]);
		harness_desc(&h, q, d[1], data, len,
			     VRING_DESC_F_NEXT | (data_in ? VRING_DESC_F_WRITE : 0), d[2]);
		harness_desc(&h, q, d[2], hdr + 32, 1, VRING_DESC_F_WRITE, 0);
		if (shape & 4)
			harness_desc(&h, q, in8(in) % H_NUM, in64(in), in32(in), in16(in),
				     in16(in));
	}
	harness_make_available(&h, q, num, at);
	if (shape & 16)
		harness_wr(&h, VIRTIO_MMIO_QUEUE_NOTIFY, q);
}

static void step(struct input *in, uint16_t num)
{
	uint64_t v;

	switch (in8(in) % 8) {
	case 0:
	case 1:
	case 2:
		request(in, num);
		break;
	case 3:
		harness_patch(&h, in);
		break;
	case 4:
		harness_wr(&h, VIRTIO_MMIO_QUEUE_NOTIFY, in8(in) & 1);
		harness_loop(&h, 4);
		break;
	case 5:
		v = in64(in);
		zvm_virtio_mmio_write(h.dev, in16(in) % 0x210, &v, 1u << (in8(in) & 3));
		break;
	case 6:
		zvm_virtio_mmio_read(h.dev, in16(in) % 0x210, &v, 1u << (in8(in) & 3));
		break;
	default:
		zvm_virtio_quiesce(h.dev);
		harness_loop(&h, 2);
		zvm_virtio_resume(h.dev);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t cfg = in8(&in);
	uint16_t num = 4u << (cfg & 3);
	struct stat st;

	num = cfg & 4 ? H_NUM : num;
	harness_start(&h, cfg & 8 ? in64(&in) : ~0ULL, QUEUES, num);
	for (unsigned int i = 0; in.left && i < 64; i++)
		step(&in, num);
	harness_loop(&h, 16);
	zvm_virtio_quiesce(h.dev);
	zvm_virtio_resume(h.dev);
	harness_reset_is_final(&h);
	HARNESS_CHECK(!fstat(image, &st) && st.st_size == IMAGE_SIZE);
	return 0;
}
