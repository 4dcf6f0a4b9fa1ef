// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueue and the one descriptor walker (VIRTIO 1.2, 2.7).
 *
 * Called by devices with queue->lock held, on the thread that serves the queue. Nothing in the
 * rings is trusted: every field is loaded once and checked, loops and long chains are cut off, and
 * the first broken rule ends service (-EPROTO); the caller then breaks the device.
 *
 * Memory order. The guest runs on other CPUs, so on arm64 every step needs its barrier:
 *  - avail->idx is loaded with acquire: entries and descriptors are read after it.
 *  - used->idx is stored with release: the entries are visible before it.
 *  - a full barrier stands between publishing used->idx and reading the guest's wish for an
 *    interrupt, and between publishing our wish for a doorbell and re-reading avail->idx. Each
 *    side writes its own word and then reads the other's; without the barrier both could miss.
 */
#include <errno.h>
#include <string.h>

#include <linux/virtio_ring.h>

#include "queue.h"

#define DESC_SIZE 16u

/* Byte offsets in the rings. */
#define RING_FLAGS   0
#define RING_IDX     2
#define RING_ENTRIES 4

static const uint8_t *avail_entry(const struct zvm_vq *vq, uint16_t idx)
{
	return vq->avail + RING_ENTRIES + 2 * (size_t)(idx & (vq->num - 1));
}

static uint8_t *used_entry(const struct zvm_vq *vq, uint16_t idx)
{
	return vq->used + RING_ENTRIES + 8 * (size_t)(idx & (vq->num - 1));
}

/* Written by the guest: interrupt me when used->idx passes this. Behind the available entries. */
static const uint8_t *used_event(const struct zvm_vq *vq)
{
	return vq->avail + RING_ENTRIES + 2 * (size_t)vq->num;
}

/* Written by us: ring the doorbell when avail->idx passes this. Behind the used entries. */
static uint8_t *avail_event(const struct zvm_vq *vq)
{
	return vq->used + RING_ENTRIES + 8 * (size_t)vq->num;
}

static int broken(struct zvm_vq *vq, const char *rule)
{
	vq->fault = rule;
	return -EPROTO;
}

int zvm_vq_start(struct zvm_vq *vq, const struct zvm_gmem *gmem, const struct zvm_vq_setup *s)
{
	size_t num = s->num;

	memset(vq, 0, sizeof(*vq));
	if (!num || num > 32768 || (num & (num - 1))) {
		vq->fault = "queue size is not a power of two up to 32768";
		return -EINVAL;
	}
	if (s->desc % 16 || s->avail % 2 || s->used % 4) {
		vq->fault = "ring address is not aligned";
		return -EINVAL;
	}

	vq->gmem = gmem;
	vq->num = num;
	vq->event_idx = s->event_idx;
	vq->indirect = s->indirect;
	vq->desc = zvm_gmem_ptr(gmem, s->desc, num * DESC_SIZE);
	vq->avail = zvm_gmem_ptr(gmem, s->avail, RING_ENTRIES + num * 2 + 2);
	vq->used = zvm_gmem_wptr(gmem, s->used, RING_ENTRIES + num * 8 + 2);
	if (!vq->desc || !vq->avail || !vq->used) {
		vq->fault = "ring is not inside one region of RAM";
		return -EINVAL;
	}
	return 0;
}

/* Reads a descriptor of the queue's own table; each field once. */
static struct vring_desc load_desc(const struct zvm_vq *vq, uint16_t i)
{
	const uint8_t *p = vq->desc + (size_t)i * DESC_SIZE;

	return (struct vring_desc){
		.addr = zvm_le64_load(p),
		.len = zvm_le32_load(p + 8),
		.flags = zvm_le16_load(p + 12),
		.next = zvm_le16_load(p + 14),
	};
}

/* Reads a descriptor of an indirect table, which may lie at any address. */
static int load_indirect(const struct zvm_vq *vq, uint64_t table, uint32_t i, struct vring_desc *d)
{
	struct vring_desc raw;
	int ret;

	/* The caller has checked that the whole table is in RAM, so the sum does not wrap. */
	ret = zvm_gmem_read(vq->gmem, table + (uint64_t)i * DESC_SIZE, &raw, sizeof(raw));
	if (ret)
		return ret;
	d->addr = le64toh(raw.addr);
	d->len = le32toh(raw.len);
	d->flags = le16toh(raw.flags);
	d->next = le16toh(raw.next);
	return 0;
}

/* Adds one buffer to the chain. */
static int add_buffer(struct zvm_vq *vq, struct zvm_vq_chain *c, const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	unsigned int used = c->nr_out + c->nr_in;
	int n;

	if (!in && c->seen_in)
		return broken(vq, "device-readable buffer behind a device-writable one");

	n = zvm_gmem_iov(vq->gmem, d->addr, d->len, in, c->iov + used, c->max - used);
	if (n == -E2BIG)
		return broken(vq, "chain has more segments than the device takes");
	if (n < 0)
		return broken(vq, in ? "device-writable buffer is not in writable RAM"
				     : "device-readable buffer is not in RAM");
	if (in) {
		c->seen_in = true;
		c->nr_in += n;
		c->in_len += d->len;
	} else {
		c->nr_out += n;
		c->out_len += d->len;
	}
	return 0;
}

/* Walks an indirect table; steps counts the descriptors of the whole chain so far. */
static int walk_indirect(struct zvm_vq *vq, struct zvm_vq_chain *c, const struct vring_desc *ref,
			 unsigned int steps)
{
	uint32_t entries = ref->len / DESC_SIZE, i = 0, seen = 0;
	struct iovec probe[ZVM_GMEM_MAX_REGIONS];
	struct vring_desc d;
	int ret;

	if (!vq->indirect)
		return broken(vq, "indirect descriptor without the feature");
	if (ref->flags & VRING_DESC_F_NEXT)
		return broken(vq, "indirect descriptor with a next descriptor");
	if (!entries || ref->len % DESC_SIZE)
		return broken(vq, "indirect table size is not a multiple of a descriptor");
	if (zvm_gmem_iov(vq->gmem, ref->addr, ref->len, false, probe, ZVM_GMEM_MAX_REGIONS) < 0)
		return broken(vq, "indirect table is not in RAM");

	for (;;) {
		if (++seen > entries)
			return broken(vq, "loop in an indirect table");
		if (++steps > ZVM_VQ_MAX_CHAIN)
			return broken(vq, "chain is too long");
		if (load_indirect(vq, ref->addr, i, &d))
			return broken(vq, "indirect table is not in RAM");
		if (d.flags & VRING_DESC_F_INDIRECT)
			return broken(vq, "indirect descriptor inside an indirect table");
		ret = add_buffer(vq, c, &d);
		if (ret)
			return ret;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		if (d.next >= entries)
			return broken(vq, "next descriptor outside the indirect table");
		i = d.next;
	}
}

static int walk(struct zvm_vq *vq, struct zvm_vq_chain *c)
{
	unsigned int steps = 0;
	struct vring_desc d;
	uint16_t i = c->head;
	int ret;

	for (;;) {
		if (i >= vq->num)
			return broken(vq, "descriptor index outside the table");
		/* A chain without a loop visits each descriptor at most once. */
		if (++steps > vq->num)
			return broken(vq, "loop in a descriptor chain");
		if (steps > ZVM_VQ_MAX_CHAIN)
			return broken(vq, "chain is too long");
		d = load_desc(vq, i);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return walk_indirect(vq, c, &d, steps);
		ret = add_buffer(vq, c, &d);
		if (ret)
			return ret;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}

/* Reloads the guest's index. Number of chains waiting, or -EPROTO. */
static int poll_avail(struct zvm_vq *vq)
{
	uint16_t waiting;

	/* Acquire: the entries up to this index are read after it. */
	vq->shadow_avail = zvm_le16_load_acquire(vq->avail + RING_IDX);
	waiting = vq->shadow_avail - vq->last_avail;
	/* A driver has num heads at most, and the ones in flight are not its own any more. */
	if ((unsigned int)waiting + vq->inflight > vq->num)
		return broken(vq, "available index ran ahead of the queue size");
	return waiting;
}

int zvm_vq_pop(struct zvm_vq *vq, struct zvm_vq_chain *c)
{
	int ret;

	if (vq->fault)
		return -EPROTO;
	if (vq->last_avail == vq->shadow_avail) {
		ret = poll_avail(vq);
		if (ret <= 0)
			return ret;
	}

	c->head = zvm_le16_load(avail_entry(vq, vq->last_avail));
	c->nr_out = c->nr_in = 0;
	c->out_len = c->in_len = 0;
	c->seen_in = false;
	ret = walk(vq, c);
	if (ret)
		return ret;
	vq->last_avail++;
	vq->inflight++;
	return 1;
}

void zvm_vq_push(struct zvm_vq *vq, uint16_t head, uint32_t written)
{
	uint8_t *p = used_entry(vq, vq->used_idx);

	zvm_le32_store(p, head);
	zvm_le32_store(p + 4, written);
	vq->used_idx++;
	vq->inflight--;
}

bool zvm_vq_publish(struct zvm_vq *vq)
{
	uint16_t old = vq->used_visible, new = vq->used_idx;

	if (old == new)
		return false;
	/* Release: the entries are visible before the index that covers them. */
	zvm_le16_store_release(vq->used + RING_IDX, new);
	vq->used_visible = new;

	/* Orders the store of used->idx before the load of the guest's wish. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx)
		return vring_need_event(zvm_le16_load(used_event(vq)), new, old);
	return !(zvm_le16_load(vq->avail + RING_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
}

unsigned int zvm_vq_waiting(const struct zvm_vq *vq)
{
	return (uint16_t)(zvm_le16_load_acquire(vq->avail + RING_IDX) - vq->last_avail);
}

void zvm_vq_disable_notify(struct zvm_vq *vq)
{
	/* With the event index an old avail_event is enough: the guest has passed it. */
	if (!vq->event_idx)
		zvm_le16_store(vq->used + RING_FLAGS, VRING_USED_F_NO_NOTIFY);
}

bool zvm_vq_enable_notify(struct zvm_vq *vq)
{
	if (vq->event_idx)
		zvm_le16_store(avail_event(vq), vq->last_avail);
	else
		zvm_le16_store(vq->used + RING_FLAGS, 0);
	/* Orders the store of our wish before the load of avail->idx. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return zvm_vq_waiting(vq);
}

size_t zvm_iov_copy_from(void *dst, size_t len, const struct iovec *iov, unsigned int n)
{
	size_t done = 0;

	for (; n && done < len; iov++, n--) {
		size_t part = iov->iov_len < len - done ? iov->iov_len : len - done;

		memcpy((uint8_t *)dst + done, iov->iov_base, part);
		done += part;
	}
	/* The caller checks its copy: keep the compiler from going back to guest memory. */
	__asm__ volatile("" ::: "memory");
	return done;
}

size_t zvm_iov_copy_to(const struct iovec *iov, unsigned int n, const void *src, size_t len)
{
	size_t done = 0;

	for (; n && done < len; iov++, n--) {
		size_t part = iov->iov_len < len - done ? iov->iov_len : len - done;

		memcpy(iov->iov_base, (const uint8_t *)src + done, part);
		done += part;
	}
	return done;
}

void zvm_iov_advance(struct iovec **iov, unsigned int *n, uint64_t len)
{
	while (*n && len >= (*iov)->iov_len) {
		len -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + len;
		(*iov)->iov_len -= len;
	}
}
