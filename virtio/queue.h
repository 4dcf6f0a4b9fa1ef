/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Split virtqueue: the device's side (VIRTIO 1.2, 2.7). Private to the library.
 *
 * One struct zvm_vq belongs to one queue; the caller serialises all calls (queue->lock in dev.h).
 * This is the only code that reads descriptors, so what it accepts is what every device can rely
 * on: each iovec lies in guest RAM, readable parts come first, writable parts are writable.
 */
#ifndef ZVM_VIRTIO_QUEUE_H
#define ZVM_VIRTIO_QUEUE_H

#include <zvm/gmem.h>

/* Descriptors one chain may have, tables included. Bounds the time a hostile chain can take. */
#define ZVM_VQ_MAX_CHAIN 1024

struct zvm_vq {
	const struct zvm_gmem *gmem;
	const uint8_t *desc;  /* num descriptors of 16 bytes */
	const uint8_t *avail; /* flags, idx, ring[num], used_event */
	uint8_t *used;	      /* flags, idx, ring[num] of 8 bytes, avail_event */
	uint16_t num;	      /* power of two, 1..32768 */
	bool event_idx;
	bool indirect;
	uint16_t last_avail;   /* next entry of the available ring to take */
	uint16_t shadow_avail; /* the guest's index as last seen */
	uint16_t used_idx;     /* next entry of the used ring to fill */
	uint16_t used_visible; /* the index the guest can see */
	uint16_t inflight;     /* taken, not yet pushed */
	const char *fault;     /* the rule that the guest broke */
};

/* What zvm_vq_start() takes from the transport. Addresses are IPAs. */
struct zvm_vq_setup {
	uint32_t num;
	uint64_t desc, avail, used;
	bool event_idx;
	bool indirect;
};

/* The caller gives iov and max; pop fills the rest. iov[0..nr_out) is readable, then writable. */
struct zvm_vq_chain {
	struct iovec *iov;
	unsigned int max;
	unsigned int nr_out, nr_in;
	uint64_t out_len, in_len; /* bytes */
	uint16_t head;
	bool seen_in; /* a writable descriptor was met, of whatever length */
};

/* Checks size, alignment and place of the rings. 0 or -EINVAL with vq->fault set. */
int zvm_vq_start(struct zvm_vq *vq, const struct zvm_gmem *gmem, const struct zvm_vq_setup *s);

/* 1: a chain was taken. 0: none available. -EPROTO: vq->fault says which rule was broken. */
int zvm_vq_pop(struct zvm_vq *vq, struct zvm_vq_chain *chain);

/* Puts a chain into the used ring, invisible to the guest until zvm_vq_publish(). */
void zvm_vq_push(struct zvm_vq *vq, uint16_t head, uint32_t written);

/* Makes pushed chains visible. True when the guest wants an interrupt for them. */
bool zvm_vq_publish(struct zvm_vq *vq);

/* How many chains are there to take? For a look without a doorbell; as the guest says it. */
unsigned int zvm_vq_waiting(const struct zvm_vq *vq);

/* Asks for no doorbells while the queue is being served. */
void zvm_vq_disable_notify(struct zvm_vq *vq);

/* Asks for doorbells. True when chains arrived meanwhile: serve again, no doorbell will come. */
bool zvm_vq_enable_notify(struct zvm_vq *vq);

/* Helpers on iovec arrays. copy_*: at most len bytes, return the bytes copied. */
size_t zvm_iov_copy_from(void *dst, size_t len, const struct iovec *iov, unsigned int n);
size_t zvm_iov_copy_to(const struct iovec *iov, unsigned int n, const void *src, size_t len);
/* Drops the first len bytes; moves *iov and *n past what is used up. len is at most the total. */
void zvm_iov_advance(struct iovec **iov, unsigned int *n, uint64_t len);

#endif /* ZVM_VIRTIO_QUEUE_H */
