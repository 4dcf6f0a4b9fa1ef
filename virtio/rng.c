// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-rng: entropy for the guest (VIRTIO 1.2, 5.4).
 *
 * Served on the event loop. Each buffer is filled from getrandom(2), up to a limit: the device may
 * use less than it is given (5.4.6.2 asks for at least one byte), and a guest that offers all its
 * RAM must not hold up the loop. There is no state; the kernel's generator is seeded by the time a
 * VMM runs, so getrandom does not block.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <linux/virtio_ids.h>

#include "dev.h"

#define RNG_QUEUE_SIZE 16
#define RNG_BUFFER_MAX 4096u /* bytes for one buffer */
#define RNG_IOV_MAX    64

/* Fills the writable part; returns the bytes written. */
static uint32_t fill(const struct zvm_vq_chain *c)
{
	const struct iovec *iov = c->iov + c->nr_out;
	uint32_t done = 0;
	unsigned int i;

	for (i = 0; i < c->nr_in && done < RNG_BUFFER_MAX; i++) {
		size_t want = iov[i].iov_len;
		ssize_t n;

		if (want > RNG_BUFFER_MAX - done)
			want = RNG_BUFFER_MAX - done;
		do
			n = getrandom(iov[i].iov_base, want, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			break;
		done += n;
		/* Short: what follows must stay contiguous, so stop. */
		if ((size_t)n < want)
			break;
	}
	return done;
}

static void rng_serve(struct zvm_virtio_queue *q)
{
	unsigned int budget = RNG_QUEUE_SIZE;
	struct iovec iov[RNG_IOV_MAX];
	struct zvm_vq_chain c = { .iov = iov, .max = RNG_IOV_MAX };
	uint32_t n;

	zvm_vq_disable_notify(&q->vq);
	do {
		while (budget && zvm_vq_pop(&q->vq, &c) > 0) {
			budget--;
			n = fill(&c);
			zvm_virtio_count(q->dev, ZVM_STAT_BYTES_IN, n);
			zvm_virtio_queue_answer(q, c.head, n);
		}
	} while (!q->vq.fault && budget && zvm_vq_enable_notify(&q->vq));

	if (!budget)
		zvm_virtio_queue_rearm(q);
	zvm_virtio_queue_signal(q);
}

static void rng_destroy(struct zvm_virtio_dev *dev)
{
	zvm_virtio_dev_fini(dev);
	free(dev);
}

static const struct zvm_virtio_ops rng_ops = {
	.id = VIRTIO_ID_RNG,
	.serve = rng_serve,
	.destroy = rng_destroy,
};

int zvm_rng_create(const struct zvm_virtio_env *env, const char *name, struct zvm_virtio_dev **out,
		   struct zvm_err *e)
{
	const struct zvm_virtio_init init = {
		.ops = &rng_ops,
		.name = name ? name : "rng",
		.nr_queues = 1,
		.queue_max = RNG_QUEUE_SIZE,
	};
	struct zvm_virtio_dev *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return zvm_err_set(e, ENOMEM, "%s: out of memory", init.name);
	ret = zvm_virtio_dev_init(dev, env, &init, e);
	if (ret) {
		free(dev);
		return ret;
	}
	*out = dev;
	return 0;
}
