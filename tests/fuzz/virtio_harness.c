// SPDX-License-Identifier: GPL-2.0
/* Shared by the virtio fuzzers; see virtio_harness.h. */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "virtio_harness.h"

#define GUARD 0x10000u

static uint8_t rom[H_ROM_SIZE];
static uint8_t before[H_RAM_SIZE + H_HIGH_SIZE];

uint8_t in8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

uint16_t in16(struct input *in)
{
	uint16_t v = in8(in);

	return v | in8(in) << 8;
}

uint32_t in32(struct input *in)
{
	uint32_t v = in16(in);

	return v | (uint32_t)in16(in) << 16;
}

uint64_t in64(struct input *in)
{
	uint64_t v = in32(in);

	return v | (uint64_t)in32(in) << 32;
}

size_t in_bytes(struct input *in, void *dst, size_t len)
{
	if (len > in->left)
		len = in->left;
	memcpy(dst, in->p, len);
	in->p += len;
	in->left -= len;
	return len;
}

static int env_watch(void *ctx, int fd, uint32_t events, zvm_virtio_fd_cb cb, void *arg)
{
	struct harness *h = ctx;
	unsigned int i;

	for (i = 0; i < h->nr_watch && h->watch[i].fd != fd; i++)
		;
	if (i == h->nr_watch)
		h->nr_watch++;
	HARNESS_CHECK(i < 64);
	h->watch[i].fd = fd;
	h->watch[i].events = events;
	h->watch[i].cb = cb;
	h->watch[i].arg = arg;
	return 0;
}

static void env_unwatch(void *ctx, int fd)
{
	struct harness *h = ctx;
	unsigned int i;

	for (i = 0; i < h->nr_watch; i++)
		if (h->watch[i].fd == fd) {
			h->watch[i] = h->watch[--h->nr_watch];
			return;
		}
}

void harness_init(struct harness *h)
{
	size_t size = H_RAM_SIZE + H_HIGH_SIZE;
	uint8_t *map = mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(h, 0, sizeof(*h));
	HARNESS_CHECK(map != MAP_FAILED);
	h->ram = map + GUARD;
	HARNESS_CHECK(!mprotect(h->ram, size, PROT_READ | PROT_WRITE));
	HARNESS_CHECK(!zvm_gmem_add(&h->gmem, H_RAM_IPA, H_RAM_SIZE, h->ram, false, NULL));
	HARNESS_CHECK(!zvm_gmem_add(&h->gmem, H_RAM_IPA + H_RAM_SIZE, H_HIGH_SIZE,
				    h->ram + H_RAM_SIZE, false, NULL));
	HARNESS_CHECK(!zvm_gmem_add(&h->gmem, H_ROM_IPA, H_ROM_SIZE, rom, true, NULL));
	h->env = (struct zvm_virtio_env){
		.ctx = h,
		.watch = env_watch,
		.unwatch = env_unwatch,
		.irqfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.gmem = &h->gmem,
	};
	HARNESS_CHECK(h->env.irqfd >= 0);
}

uint32_t harness_rd(struct harness *h, uint64_t offset)
{
	uint32_t v;

	zvm_virtio_mmio_read(h->dev, offset, &v, sizeof(v));
	return v;
}

void harness_wr(struct harness *h, uint64_t offset, uint32_t v)
{
	zvm_virtio_mmio_write(h->dev, offset, &v, sizeof(v));
}

void harness_start(struct harness *h, uint64_t keep_features, unsigned int queues, uint16_t num)
{
	uint32_t s = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	unsigned int i;

	zvm_virtio_reset(h->dev);
	memset(h->ram, 0, H_RAM_SIZE + H_HIGH_SIZE);
	memset(h->avail, 0, sizeof(h->avail));
	harness_wr(h, VIRTIO_MMIO_STATUS, s);
	for (i = 0; i < 2; i++) {
		harness_wr(h, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		harness_wr(h, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		harness_wr(h, VIRTIO_MMIO_DRIVER_FEATURES,
			   harness_rd(h, VIRTIO_MMIO_DEVICE_FEATURES) &
				   (uint32_t)(keep_features >> (32 * i) | i));
	}
	harness_wr(h, VIRTIO_MMIO_STATUS, s |= VIRTIO_CONFIG_S_FEATURES_OK);
	for (i = 0; i < queues; i++) {
		harness_wr(h, VIRTIO_MMIO_QUEUE_SEL, i);
		harness_wr(h, VIRTIO_MMIO_QUEUE_NUM, num);
		harness_wr(h, VIRTIO_MMIO_QUEUE_DESC_LOW, H_RING(i));
		harness_wr(h, VIRTIO_MMIO_QUEUE_AVAIL_LOW, H_RING(i) + 0x2000);
		harness_wr(h, VIRTIO_MMIO_QUEUE_USED_LOW, H_RING(i) + 0x3000);
		harness_wr(h, VIRTIO_MMIO_QUEUE_READY, 1);
	}
	harness_wr(h, VIRTIO_MMIO_STATUS, s | VIRTIO_CONFIG_S_DRIVER_OK);
}

void harness_loop(struct harness *h, unsigned int turns)
{
	struct pollfd p[64];
	unsigned int i, j, n;

	while (turns--) {
		n = h->nr_watch;
		for (i = 0; i < n; i++)
			p[i] = (struct pollfd){ h->watch[i].fd, h->watch[i].events, 0 };
		if (poll(p, n, 0) <= 0)
			return;
		for (i = 0; i < n; i++) {
			for (j = 0; j < h->nr_watch && h->watch[j].fd != p[i].fd; j++)
				;
			if (p[i].revents && j < h->nr_watch)
				h->watch[j].cb(h->watch[j].arg, p[i].revents);
		}
	}
}

static uint8_t *ring(struct harness *h, unsigned int q)
{
	return h->ram + (H_RING(q) - H_RAM_IPA);
}

void harness_desc(struct harness *h, unsigned int q, uint16_t i, uint64_t addr, uint32_t len,
		  uint16_t flags, uint16_t next)
{
	struct vring_desc *d = (struct vring_desc *)ring(h, q) + i;

	*d = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

void harness_make_available(struct harness *h, unsigned int q, uint16_t num, uint16_t head)
{
	uint16_t *avail = (uint16_t *)(ring(h, q) + 0x2000);

	if (num)
		avail[2 + h->avail[q] % num] = head;
	avail[1] = ++h->avail[q];
}

void harness_patch(struct harness *h, struct input *in)
{
	uint32_t at = (in16(in) * 4u) % (H_RAM_SIZE + H_HIGH_SIZE - 256);

	in_bytes(in, h->ram + at, in8(in));
}

void harness_reset_is_final(struct harness *h)
{
	harness_wr(h, VIRTIO_MMIO_STATUS, 0);
	HARNESS_CHECK(harness_rd(h, VIRTIO_MMIO_STATUS) == 0);
	memcpy(before, h->ram, sizeof(before));
	harness_loop(h, 100);
	HARNESS_CHECK(!memcmp(before, h->ram, sizeof(before)));
}
