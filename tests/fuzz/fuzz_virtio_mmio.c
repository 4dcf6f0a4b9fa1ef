// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile driver against the transport, the console and the entropy device: the input is a script
 * of register accesses of any offset, width and value, raw writes to RAM, host input and pauses.
 *
 * Held: guard pages and sanitizers, constant registers, a status that shows only defined bits, that
 * NEEDS_RESET leaves by reset alone, and that after a reset RAM stays as it is.
 */
#include <stdlib.h>

#include "virtio_harness.h"

#define STATUS_BITS 0xcfu

static struct harness console, rng;
static size_t room;
static uint8_t seen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all that it takes, so that the sanitizer sees every byte. */
static ssize_t host_write(void *ctx, const struct iovec *iov, int n)
{
	size_t done = 0;

	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < iov[i].iov_len && done < room; j++, done++)
			seen ^= ((uint8_t *)iov[i].iov_base)[j];
	room -= done;
	return done;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zvm_console_cfg cfg = { .write = host_write, .cols = 80, .rows = 25 };

	harness_init(&console);
	harness_init(&rng);
	HARNESS_CHECK(!zvm_console_create(&console.env, &cfg, &console.dev, NULL));
	HARNESS_CHECK(!zvm_rng_create(&rng.env, NULL, &rng.dev, NULL));
	return 0;
}

static void check(struct harness *h, uint32_t before, bool reset)
{
	uint32_t now = harness_rd(h, VIRTIO_MMIO_STATUS);

	HARNESS_CHECK(!(now & ~STATUS_BITS));
	HARNESS_CHECK(reset || (now & before) == before);
	HARNESS_CHECK(harness_rd(h, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976);
	HARNESS_CHECK(!(harness_rd(h, VIRTIO_MMIO_INTERRUPT_STATUS) & ~3u));
}

static void step(struct harness *h, struct input *in)
{
	static const uint16_t hot[] = { VIRTIO_MMIO_STATUS,	    VIRTIO_MMIO_QUEUE_SEL,
					VIRTIO_MMIO_QUEUE_NUM,	    VIRTIO_MMIO_QUEUE_READY,
					VIRTIO_MMIO_QUEUE_NOTIFY,   VIRTIO_MMIO_DRIVER_FEATURES,
					VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_USED_LOW };
	uint32_t before = harness_rd(h, VIRTIO_MMIO_STATUS);
	bool reset = false;
	uint8_t buf[64];
	uint16_t at;
	uint64_t v;

	switch (in8(in) % 8) {
	case 0: /* a register that matters */
		at = hot[in8(in) % 8];
		v = in32(in);
		reset = at == VIRTIO_MMIO_STATUS && !(uint32_t)v;
		harness_wr(h, at, v);
		break;
	case 1: /* any access */
		at = in16(in) % 0x210;
		v = in64(in);
		reset = at == VIRTIO_MMIO_STATUS && !(uint32_t)v;
		zvm_virtio_mmio_write(h->dev, at, &v, 1u << (in8(in) & 3));
		break;
	case 2:
		zvm_virtio_mmio_read(h->dev, in16(in) % 0x210, &v, 1u << (in8(in) & 3));
		break;
	case 3:
		harness_patch(h, in);
		break;
	case 4: /* a buffer: addresses near RAM, so that some are right */
		at = in8(in) & 1;
		v = in8(in) % H_NUM;
		harness_desc(h, at, v, H_DATA + in16(in), in16(in), in8(in) & 7, in8(in) % H_NUM);
		harness_make_available(h, at, H_NUM, v);
		harness_wr(h, VIRTIO_MMIO_QUEUE_NOTIFY, at);
		break;
	case 5:
		harness_loop(h, 4);
		break;
	case 6:
		room = in16(in);
		if (h == &console) {
			zvm_console_input(h->dev, buf, in_bytes(in, buf, in8(in) % sizeof(buf)));
			zvm_console_writable(h->dev);
			zvm_console_resize(h->dev, in8(in), in8(in));
		}
		break;
	default:
		zvm_virtio_quiesce(h->dev);
		harness_loop(h, 2);
		zvm_virtio_resume(h->dev);
	}
	check(h, before, reset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t cfg = in8(&in);
	struct harness *h = cfg & 1 ? &console : &rng;

	room = 0;
	if (cfg & 2)
		harness_start(h, cfg & 4 ? in64(&in) : ~0ULL, 2, cfg & 8 ? H_NUM : 16);
	else
		zvm_virtio_reset(h->dev);
	for (unsigned int i = 0; in.left && i < 128; i++)
		step(h, &in);
	harness_reset_is_final(h);
	return 0;
}
