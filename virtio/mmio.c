// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-mmio, version 2: the register window (VIRTIO 1.2, 4.2.2).
 *
 * Called on vCPU threads, several at once. Registers that a running driver uses for every request
 * are lock-free on atomics (the interrupt status the kernel may answer from the same word); all
 * others hold dev->lock, which a reset keeps until the I/O in flight
 * has ended. Every offset, width and value comes from the guest.
 *
 * Not offered: QueueReset, shared memory (its length and base read as -1, as 4.2.2 asks for a
 * region that does not exist), notification data.
 */
#include <endian.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "dev.h"

#define MMIO_MAGIC   0x74726976 /* "virt" */
#define MMIO_VERSION 2
#define MMIO_VENDOR  0x004d565a /* "ZVM" */

#define STATUS_MASK                                                                         \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

struct mmio_reg {
	uint32_t (*read)(struct zvm_virtio_dev *dev);
	void (*write)(struct zvm_virtio_dev *dev, uint32_t v);
	bool lockless;
};

static unsigned int status(const struct zvm_virtio_dev *dev)
{
	return atomic_load(&dev->status);
}

/* NULL when the driver has selected a queue that does not exist. */
static struct zvm_virtio_queue *selected(struct zvm_virtio_dev *dev)
{
	return dev->queue_sel < dev->nr_queues ? &dev->queues[dev->queue_sel] : NULL;
}

/* The selected queue if its setup may still be written: not while it is ready. */
static struct zvm_virtio_queue *configurable(struct zvm_virtio_dev *dev)
{
	struct zvm_virtio_queue *q = selected(dev);

	return q && !q->ready ? q : NULL;
}

static uint32_t magic_read(struct zvm_virtio_dev *dev)
{
	(void)dev;
	return MMIO_MAGIC;
}

static uint32_t version_read(struct zvm_virtio_dev *dev)
{
	(void)dev;
	return MMIO_VERSION;
}

static uint32_t device_id_read(struct zvm_virtio_dev *dev)
{
	return dev->ops->id;
}

static uint32_t vendor_id_read(struct zvm_virtio_dev *dev)
{
	(void)dev;
	return MMIO_VENDOR;
}

static uint32_t features_read(struct zvm_virtio_dev *dev)
{
	return dev->features_sel < 2 ? dev->features >> (32 * dev->features_sel) : 0;
}

static void features_sel_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	dev->features_sel = v;
}

static void driver_features_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	unsigned int shift = 32 * dev->driver_features_sel;

	/* Negotiation has ended with FEATURES_OK. */
	if (dev->driver_features_sel > 1 || (status(dev) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	dev->driver_features &= ~(0xffffffffULL << shift);
	dev->driver_features |= (uint64_t)v << shift;
}

static void driver_features_sel_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	dev->driver_features_sel = v;
}

static void queue_sel_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	dev->queue_sel = v;
}

static uint32_t queue_num_max_read(struct zvm_virtio_dev *dev)
{
	return selected(dev) ? dev->queue_max : 0;
}

static void queue_num_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	struct zvm_virtio_queue *q = configurable(dev);

	/* 0 stands for a size we refuse; such a queue cannot start. */
	if (q)
		q->num = v <= dev->queue_max ? v : 0;
}

static uint32_t queue_ready_read(struct zvm_virtio_dev *dev)
{
	struct zvm_virtio_queue *q = selected(dev);

	return q && q->ready;
}

static void queue_ready_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	struct zvm_virtio_queue *q = selected(dev);

	if (!q || q->ready == (v & 1))
		return;
	if (v & 1) {
		q->ready = true;
		if (status(dev) & VIRTIO_CONFIG_S_DRIVER_OK)
			zvm_virtio_queue_begin(q);
	} else {
		zvm_virtio_queue_end(q);
		q->ready = false;
	}
}

/* Writes one half of a ring address; field is its place in struct zvm_virtio_queue. */
static void set_half(struct zvm_virtio_dev *dev, size_t field, unsigned int shift, uint32_t v)
{
	struct zvm_virtio_queue *q = configurable(dev);
	uint64_t *addr;

	if (!q)
		return;
	addr = (uint64_t *)((uint8_t *)q + field);
	*addr = (*addr & ~(0xffffffffULL << shift)) | (uint64_t)v << shift;
}

static void queue_desc_low_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, desc), 0, v);
}

static void queue_desc_high_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, desc), 32, v);
}

static void queue_avail_low_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, avail), 0, v);
}

static void queue_avail_high_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, avail), 32, v);
}

static void queue_used_low_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, used), 0, v);
}

static void queue_used_high_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	set_half(dev, offsetof(struct zvm_virtio_queue, used), 32, v);
}

static void queue_notify_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	struct zvm_virtio_queue *q;

	if (v >= dev->nr_queues)
		return;
	q = &dev->queues[v];
	if (!dev->ops->doorbell || !dev->ops->doorbell(q))
		zvm_virtio_event_signal(q->kick_fd);
}

static uint32_t interrupt_status_read(struct zvm_virtio_dev *dev)
{
	return atomic_load(&dev->isr);
}

static void interrupt_ack_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	atomic_fetch_and(&dev->isr, ~v);
}

static uint32_t status_read(struct zvm_virtio_dev *dev)
{
	return status(dev);
}

static bool features_acceptable(const struct zvm_virtio_dev *dev)
{
	return zvm_virtio_has(dev, VIRTIO_F_VERSION_1) && !(dev->driver_features & ~dev->features);
}

static void status_write(struct zvm_virtio_dev *dev, uint32_t v)
{
	unsigned int old = status(dev), i;

	if (!v) {
		zvm_virtio_reset_locked(dev);
		return;
	}
	/* Bits are only ever added; a reset is the way to take them back (2.1.1). */
	v = (v & STATUS_MASK) | old;
	if (v & ~old & VIRTIO_CONFIG_S_FEATURES_OK && !features_acceptable(dev))
		v &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* A driver must have seen FEATURES_OK first (3.1.1). */
	if (!(v & VIRTIO_CONFIG_S_FEATURES_OK))
		v &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	if (v & ~old & VIRTIO_CONFIG_S_DRIVER_OK && dev->ops->negotiated)
		dev->ops->negotiated(dev);
	/* Or, not store: a queue may set NEEDS_RESET at this moment. */
	atomic_fetch_or(&dev->status, v);

	for (i = 0; i < dev->nr_queues; i++) {
		if (v & ~old & VIRTIO_CONFIG_S_FAILED)
			zvm_virtio_queue_end(&dev->queues[i]);
		else if (v & ~old & VIRTIO_CONFIG_S_DRIVER_OK && dev->queues[i].ready)
			zvm_virtio_queue_begin(&dev->queues[i]);
	}
}

static uint32_t no_shm_read(struct zvm_virtio_dev *dev)
{
	(void)dev;
	return 0xffffffff;
}

static uint32_t config_generation_read(struct zvm_virtio_dev *dev)
{
	return atomic_load(&dev->config_gen);
}

/* Indexed by offset / 4. What is not here reads as zero and ignores writes. */
#define REG(offset) [(offset) / 4]
static const struct mmio_reg regs[VIRTIO_MMIO_CONFIG / 4] = {
	REG(VIRTIO_MMIO_MAGIC_VALUE) = { magic_read, NULL, true },
	REG(VIRTIO_MMIO_VERSION) = { version_read, NULL, true },
	REG(VIRTIO_MMIO_DEVICE_ID) = { device_id_read, NULL, true },
	REG(VIRTIO_MMIO_VENDOR_ID) = { vendor_id_read, NULL, true },
	REG(VIRTIO_MMIO_DEVICE_FEATURES) = { features_read, NULL, false },
	REG(VIRTIO_MMIO_DEVICE_FEATURES_SEL) = { NULL, features_sel_write, false },
	REG(VIRTIO_MMIO_DRIVER_FEATURES) = { NULL, driver_features_write, false },
	REG(VIRTIO_MMIO_DRIVER_FEATURES_SEL) = { NULL, driver_features_sel_write, false },
	REG(VIRTIO_MMIO_QUEUE_SEL) = { NULL, queue_sel_write, false },
	REG(VIRTIO_MMIO_QUEUE_NUM_MAX) = { queue_num_max_read, NULL, false },
	REG(VIRTIO_MMIO_QUEUE_NUM) = { NULL, queue_num_write, false },
	REG(VIRTIO_MMIO_QUEUE_READY) = { queue_ready_read, queue_ready_write, false },
	REG(VIRTIO_MMIO_QUEUE_NOTIFY) = { NULL, queue_notify_write, true },
	REG(VIRTIO_MMIO_INTERRUPT_STATUS) = { interrupt_status_read, NULL, true },
	REG(VIRTIO_MMIO_INTERRUPT_ACK) = { NULL, interrupt_ack_write, true },
	REG(VIRTIO_MMIO_STATUS) = { status_read, status_write, false },
	REG(VIRTIO_MMIO_QUEUE_DESC_LOW) = { NULL, queue_desc_low_write, false },
	REG(VIRTIO_MMIO_QUEUE_DESC_HIGH) = { NULL, queue_desc_high_write, false },
	REG(VIRTIO_MMIO_QUEUE_AVAIL_LOW) = { NULL, queue_avail_low_write, false },
	REG(VIRTIO_MMIO_QUEUE_AVAIL_HIGH) = { NULL, queue_avail_high_write, false },
	REG(VIRTIO_MMIO_QUEUE_USED_LOW) = { NULL, queue_used_low_write, false },
	REG(VIRTIO_MMIO_QUEUE_USED_HIGH) = { NULL, queue_used_high_write, false },
	REG(VIRTIO_MMIO_SHM_LEN_LOW) = { no_shm_read, NULL, true },
	REG(VIRTIO_MMIO_SHM_LEN_HIGH) = { no_shm_read, NULL, true },
	REG(VIRTIO_MMIO_SHM_BASE_LOW) = { no_shm_read, NULL, true },
	REG(VIRTIO_MMIO_SHM_BASE_HIGH) = { no_shm_read, NULL, true },
	REG(VIRTIO_MMIO_CONFIG_GENERATION) = { config_generation_read, NULL, true },
};

/* The register at offset, or NULL when there is none or the access has the wrong shape. */
static const struct mmio_reg *reg_find(uint64_t offset, unsigned int len)
{
	if (offset >= VIRTIO_MMIO_CONFIG || offset % 4 || len != 4)
		return NULL;
	return &regs[offset / 4];
}

/* Bytes of an access to the configuration space that hit it; the rest is behind its end. */
static unsigned int config_span(const struct zvm_virtio_dev *dev, uint64_t offset, unsigned int len)
{
	uint64_t at = offset - VIRTIO_MMIO_CONFIG;

	if (offset < VIRTIO_MMIO_CONFIG || at >= dev->config_len || !len || len > 8 ||
	    (len & (len - 1)))
		return 0;
	return len <= dev->config_len - at ? len : dev->config_len - at;
}

void zvm_virtio_mmio_read(struct zvm_virtio_dev *dev, uint64_t offset, void *data, unsigned int len)
{
	const struct mmio_reg *reg = reg_find(offset, len);
	unsigned int span = config_span(dev, offset, len);
	uint32_t v;

	memset(data, 0, len);
	if (span) {
		pthread_mutex_lock(&dev->lock);
		memcpy(data, (const uint8_t *)dev->config + (offset - VIRTIO_MMIO_CONFIG), span);
		pthread_mutex_unlock(&dev->lock);
	} else if (reg && reg->read) {
		if (!reg->lockless)
			pthread_mutex_lock(&dev->lock);
		v = htole32(reg->read(dev));
		if (!reg->lockless)
			pthread_mutex_unlock(&dev->lock);
		memcpy(data, &v, sizeof(v));
	}
}

void zvm_virtio_mmio_write(struct zvm_virtio_dev *dev, uint64_t offset, const void *data,
			   unsigned int len)
{
	const struct mmio_reg *reg = reg_find(offset, len);
	unsigned int span = config_span(dev, offset, len);
	uint32_t v;

	if (span && dev->ops->config_write) {
		pthread_mutex_lock(&dev->lock);
		dev->ops->config_write(dev, offset - VIRTIO_MMIO_CONFIG, data, span);
		pthread_mutex_unlock(&dev->lock);
	} else if (reg && reg->write) {
		memcpy(&v, data, sizeof(v));
		v = le32toh(v);
		if (!reg->lockless)
			pthread_mutex_lock(&dev->lock);
		reg->write(dev, v);
		if (!reg->lockless)
			pthread_mutex_unlock(&dev->lock);
	}
}
