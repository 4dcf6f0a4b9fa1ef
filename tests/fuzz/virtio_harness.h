/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the virtio fuzzers share: guest RAM between guard pages, an event loop over poll(2), and a
 * reader of the fuzzer's input. A device lives as long as the process; each input begins with a
 * reset. Crossing a guard page, a sanitizer's report or a failed HARNESS_CHECK ends the process.
 */
#ifndef ZVM_TESTS_FUZZ_VIRTIO_HARNESS_H
#define ZVM_TESTS_FUZZ_VIRTIO_HARNESS_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <zvm/virtio.h>

#define H_RAM_IPA  0x40000000ULL
#define H_RAM_SIZE 0x20000u
/* A second region that touches the first, and a read-only one elsewhere. */
#define H_HIGH_SIZE 0x1000u
#define H_ROM_IPA   0x1000ULL
#define H_ROM_SIZE  0x1000u
#define H_RING(q)   (H_RAM_IPA + (q)*0x4000ULL) /* descriptors, +0x2000 available, +0x3000 used */
#define H_DATA	    (H_RAM_IPA + 0x10000)
#define H_NUM	    64

#define HARNESS_CHECK(cond)                                                                      \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

struct harness {
	struct zvm_gmem gmem;
	struct zvm_virtio_env env;
	struct zvm_virtio_dev *dev;
	uint8_t *ram; /* both regions */
	uint16_t avail[ZVM_VIRTIO_MAX_QUEUES];
	struct {
		int fd;
		uint32_t events;
		zvm_virtio_fd_cb cb;
		void *arg;
	} watch[64];
	unsigned int nr_watch;
};

/* The rest of the fuzzer's input; runs out as zeroes. */
struct input {
	const uint8_t *p;
	size_t left;
};

uint8_t in8(struct input *in);
uint16_t in16(struct input *in);
uint32_t in32(struct input *in);
uint64_t in64(struct input *in);
size_t in_bytes(struct input *in, void *dst, size_t len);

void harness_init(struct harness *h);
/* RAM to zero, the device reset, negotiated with some of its features, its queues set up. */
void harness_start(struct harness *h, uint64_t keep_features, unsigned int queues, uint16_t num);
uint32_t harness_rd(struct harness *h, uint64_t offset);
void harness_wr(struct harness *h, uint64_t offset, uint32_t v);
/* Turns the event loop a bounded number of times. */
void harness_loop(struct harness *h, unsigned int turns);
void harness_desc(struct harness *h, unsigned int q, uint16_t i, uint64_t addr, uint32_t len,
		  uint16_t flags, uint16_t next);
void harness_make_available(struct harness *h, unsigned int q, uint16_t num, uint16_t head);
/* Overwrites some of RAM with input: offset, length, bytes. */
void harness_patch(struct harness *h, struct input *in);
/* After a reset nothing may touch RAM any more. */
void harness_reset_is_final(struct harness *h);

#endif /* ZVM_TESTS_FUZZ_VIRTIO_HARNESS_H */
