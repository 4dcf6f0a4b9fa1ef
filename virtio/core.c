// SPDX-License-Identifier: GPL-2.0
/*
 * Device core: life of a device and its queues, doorbells, interrupts, reset, pause.
 *
 * Called by the transport (vCPU threads), by the event loop or a queue's own thread (doorbells) and
 * by the VMM (reset, quiesce, resume, destroy). Locks: dev->lock, then queue->lock. A queue breaks
 * its device under queue->lock alone, so status and interrupt bits are atomics; stopping a queue
 * under its lock is what makes a reset final, because no bit can be set behind it.
 *
 * VIRTIO 1.2, 2.1 (status), 2.2 (features), 2.4 (reset).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "dev.h"

void zvm_virtio_logf(const struct zvm_virtio_dev *dev, enum zvm_virtio_log level, const char *fmt,
		     ...)
{
	char msg[256];
	va_list ap;
	int n;

	if (!dev->env.log)
		return;
	n = snprintf(msg, sizeof(msg), "%s: ", dev->name);
	if (n < 0 || n >= (int)sizeof(msg))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(msg + n, sizeof(msg) - n, fmt, ap);
	va_end(ap);
	dev->env.log(dev->env.ctx, level, msg);
}

void zvm_virtio_event_signal(int fd)
{
	static const uint64_t one = 1;
	ssize_t ret = write(fd, &one, sizeof(one));

	(void)ret;
}

static void interrupt(struct zvm_virtio_dev *dev, unsigned int bit)
{
	/* The bit is set before the edge: the handler that the edge starts must see it. */
	atomic_fetch_or(&dev->isr, bit);
	zvm_virtio_count(dev, ZVM_STAT_INTERRUPTS, 1);
	zvm_virtio_event_signal(dev->env.irqfd);
}

void zvm_virtio_break(struct zvm_virtio_dev *dev, const char *rule)
{
	unsigned int old = atomic_fetch_or(&dev->status, VIRTIO_CONFIG_S_NEEDS_RESET);
	uint64_t n;

	if (old & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	n = atomic_fetch_add(&dev->stats[ZVM_STAT_VIOLATIONS], 1) + 1;
	/* A guest can do this as often as it likes: the 1st, 2nd, 4th, 8th ... are worth a line. */
	if (!(n & (n - 1)))
		zvm_virtio_logf(dev, ZVM_VIRTIO_LOG_WARN,
				"guest error: %s; device stopped until reset (error %llu)", rule,
				(unsigned long long)n);
	if (old & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, VIRTIO_MMIO_INT_CONFIG);
}

void zvm_virtio_config_changed(struct zvm_virtio_dev *dev)
{
	atomic_fetch_add(&dev->config_gen, 1);
	if (atomic_load(&dev->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, VIRTIO_MMIO_INT_CONFIG);
}

bool zvm_virtio_queue_answerable(const struct zvm_virtio_queue *q)
{
	return !q->vq.fault && !(atomic_load(&q->dev->status) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

bool zvm_virtio_queue_open(const struct zvm_virtio_queue *q)
{
	return q->running && !q->paused && zvm_virtio_queue_answerable(q);
}

bool zvm_virtio_queue_enter(struct zvm_virtio_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (zvm_virtio_queue_open(q))
		return true;
	pthread_mutex_unlock(&q->lock);
	return false;
}

void zvm_virtio_queue_leave(struct zvm_virtio_queue *q)
{
	if (q->vq.fault)
		zvm_virtio_break(q->dev, q->vq.fault);
	pthread_mutex_unlock(&q->lock);
}

void zvm_virtio_queue_answer(struct zvm_virtio_queue *q, uint16_t head, uint32_t written)
{
	if (!zvm_virtio_queue_answerable(q))
		return;
	zvm_virtio_count(q->dev, ZVM_STAT_REQUESTS, 1);
	zvm_vq_push(&q->vq, head, written);
}

void zvm_virtio_queue_signal(struct zvm_virtio_queue *q)
{
	if (q->running && zvm_virtio_queue_answerable(q) && zvm_vq_publish(&q->vq))
		interrupt(q->dev, VIRTIO_MMIO_INT_VRING);
}

void zvm_virtio_queue_rearm(struct zvm_virtio_queue *q)
{
	atomic_fetch_add(&q->self_kicks, 1);
	zvm_virtio_event_signal(q->kick_fd);
}

void zvm_virtio_queue_rung(struct zvm_virtio_queue *q)
{
	if (atomic_load(&q->self_kicks))
		atomic_store(&q->self_kicks, 0);
	else
		zvm_virtio_count(q->dev, ZVM_STAT_NOTIFICATIONS, 1);
}

void zvm_virtio_queue_run(struct zvm_virtio_queue *q)
{
	uint64_t rung;

	if (read(q->kick_fd, &rung, sizeof(rung)) == sizeof(rung)) {
		uint64_t own = atomic_exchange(&q->self_kicks, 0);

		if (rung > own)
			zvm_virtio_count(q->dev, ZVM_STAT_NOTIFICATIONS, rung - own);
	}
	if (!zvm_virtio_queue_enter(q))
		return;
	q->dev->ops->serve(q);
	zvm_virtio_queue_leave(q);
}

void zvm_virtio_queue_bind(struct zvm_virtio_queue *q, bool on)
{
	const struct zvm_virtio_env *env = &q->dev->env;

	/* If it fails things stay as they are: both ways work at any time. */
	if (env->bind_notify && q->bound != on &&
	    !env->bind_notify(env->ctx, VIRTIO_MMIO_QUEUE_NOTIFY, q->index, q->kick_fd, on))
		q->bound = on;
}

static void kick_ready(void *arg, uint32_t events)
{
	(void)events;
	zvm_virtio_queue_run(arg);
}

void zvm_virtio_queue_begin(struct zvm_virtio_queue *q)
{
	struct zvm_virtio_dev *dev = q->dev;
	struct zvm_vq_setup s = {
		.num = q->num,
		.desc = q->desc,
		.avail = q->avail,
		.used = q->used,
		.event_idx = zvm_virtio_has(dev, VIRTIO_RING_F_EVENT_IDX),
		.indirect = zvm_virtio_has(dev, VIRTIO_RING_F_INDIRECT_DESC),
	};

	pthread_mutex_lock(&q->lock);
	if (!q->running) {
		if (zvm_vq_start(&q->vq, dev->env.gmem, &s))
			zvm_virtio_break(dev, q->vq.fault);
		else
			q->running = true;
	}
	pthread_mutex_unlock(&q->lock);
	/* What the driver made available before DRIVER_OK may not have rung the doorbell. */
	zvm_virtio_queue_rearm(q);
}

void zvm_virtio_queue_end(struct zvm_virtio_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (q->running && q->dev->ops->drain)
		q->dev->ops->drain(q, true);
	q->running = false;
	pthread_mutex_unlock(&q->lock);
}

void zvm_virtio_reset_locked(struct zvm_virtio_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_queues; i++) {
		struct zvm_virtio_queue *q = &dev->queues[i];

		zvm_virtio_queue_end(q);
		q->num = 0;
		q->ready = false;
		q->desc = q->avail = q->used = 0;
	}
	dev->driver_features = 0;
	dev->features_sel = dev->driver_features_sel = dev->queue_sel = 0;
	if (dev->ops->reset)
		dev->ops->reset(dev);
	atomic_store(&dev->isr, 0);
	atomic_store(&dev->status, 0);
	zvm_virtio_count(dev, ZVM_STAT_RESETS, 1);
}

void zvm_virtio_reset(struct zvm_virtio_dev *dev)
{
	pthread_mutex_lock(&dev->lock);
	zvm_virtio_reset_locked(dev);
	pthread_mutex_unlock(&dev->lock);
}

void zvm_virtio_quiesce(struct zvm_virtio_dev *dev)
{
	unsigned int i;

	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < dev->nr_queues; i++) {
		struct zvm_virtio_queue *q = &dev->queues[i];

		pthread_mutex_lock(&q->lock);
		if (q->running && !q->paused && dev->ops->drain)
			dev->ops->drain(q, false);
		q->paused = true;
		pthread_mutex_unlock(&q->lock);
	}
	pthread_mutex_unlock(&dev->lock);
}

void zvm_virtio_resume(struct zvm_virtio_dev *dev)
{
	unsigned int i;

	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < dev->nr_queues; i++) {
		struct zvm_virtio_queue *q = &dev->queues[i];

		pthread_mutex_lock(&q->lock);
		q->paused = false;
		pthread_mutex_unlock(&q->lock);
		zvm_virtio_queue_rearm(q);
	}
	pthread_mutex_unlock(&dev->lock);
}

static int queue_init(struct zvm_virtio_dev *dev, unsigned int i, bool own_threads,
		      struct zvm_err *e)
{
	struct zvm_virtio_queue *q = &dev->queues[i];
	int ret;

	q->dev = dev;
	q->index = i;
	q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick_fd < 0)
		return zvm_err_set(e, errno, "%s: eventfd: %m", dev->name);
	ret = pthread_mutex_init(&q->lock, NULL);
	if (ret) {
		close(q->kick_fd);
		return zvm_err_set(e, ret, "%s: cannot make a lock", dev->name);
	}
	if (!own_threads) {
		ret = dev->env.watch(dev->env.ctx, q->kick_fd, EPOLLIN, kick_ready, q);
		if (ret) {
			pthread_mutex_destroy(&q->lock);
			close(q->kick_fd);
			return zvm_err_set(e, ret, "%s: cannot watch a doorbell: %s", dev->name,
					   strerror(-ret));
		}
		q->watched = true;
	}
	/* Without an ioeventfd the write arrives in mmio.c, which rings the same eventfd. */
	if (dev->env.bind_notify)
		q->bound = !dev->env.bind_notify(dev->env.ctx, VIRTIO_MMIO_QUEUE_NOTIFY, i,
						 q->kick_fd, true);
	return 0;
}

static void queue_fini(struct zvm_virtio_queue *q)
{
	const struct zvm_virtio_env *env = &q->dev->env;

	if (q->bound)
		env->bind_notify(env->ctx, VIRTIO_MMIO_QUEUE_NOTIFY, q->index, q->kick_fd, false);
	if (q->watched)
		env->unwatch(env->ctx, q->kick_fd);
	pthread_mutex_destroy(&q->lock);
	close(q->kick_fd);
}

int zvm_virtio_dev_init(struct zvm_virtio_dev *dev, const struct zvm_virtio_env *env,
			const struct zvm_virtio_init *init, struct zvm_err *e)
{
	unsigned int i;
	int ret;

	dev->ops = init->ops;
	dev->env = *env;
	dev->features = init->features | ZVM_VIRTIO_COMMON_FEATURES;
	dev->config = init->config;
	dev->config_len = init->config_len;
	dev->queue_max = init->queue_max;
	dev->name = strdup(init->name);
	dev->queues = calloc(init->nr_queues, sizeof(*dev->queues));
	if (!dev->name || !dev->queues) {
		ret = zvm_err_set(e, ENOMEM, "%s: out of memory", init->name);
		goto err_free;
	}
	ret = pthread_mutex_init(&dev->lock, NULL);
	if (ret) {
		ret = zvm_err_set(e, ret, "%s: cannot make a lock", init->name);
		goto err_free;
	}
	for (i = 0; i < init->nr_queues; i++) {
		ret = queue_init(dev, i, init->own_threads, e);
		if (ret)
			goto err_queues;
		dev->nr_queues++;
	}
	return 0;

err_queues:
	while (dev->nr_queues)
		queue_fini(&dev->queues[--dev->nr_queues]);
	pthread_mutex_destroy(&dev->lock);
err_free:
	free(dev->queues);
	free(dev->name);
	return ret;
}

void zvm_virtio_dev_fini(struct zvm_virtio_dev *dev)
{
	while (dev->nr_queues)
		queue_fini(&dev->queues[--dev->nr_queues]);
	pthread_mutex_destroy(&dev->lock);
	free(dev->queues);
	free(dev->name);
}

void zvm_virtio_destroy(struct zvm_virtio_dev *dev)
{
	unsigned int i;

	if (!dev)
		return;
	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < dev->nr_queues; i++)
		zvm_virtio_queue_end(&dev->queues[i]);
	pthread_mutex_unlock(&dev->lock);
	dev->ops->destroy(dev);
}

void zvm_virtio_get_stats(const struct zvm_virtio_dev *dev, struct zvm_virtio_stats *st)
{
	uint64_t v[ZVM_STAT_NR];
	unsigned int i;

	for (i = 0; i < ZVM_STAT_NR; i++)
		v[i] = atomic_load_explicit(&dev->stats[i], memory_order_relaxed);
	*st = (struct zvm_virtio_stats){
		.requests = v[ZVM_STAT_REQUESTS],
		.errors = v[ZVM_STAT_ERRORS],
		.bytes_in = v[ZVM_STAT_BYTES_IN],
		.bytes_out = v[ZVM_STAT_BYTES_OUT],
		.notifications = v[ZVM_STAT_NOTIFICATIONS],
		.interrupts = v[ZVM_STAT_INTERRUPTS],
		.resets = v[ZVM_STAT_RESETS],
		.violations = v[ZVM_STAT_VIOLATIONS],
	};
}

void *zvm_virtio_isr(struct zvm_virtio_dev *dev)
{
	return &dev->isr;
}

uint32_t zvm_virtio_id(const struct zvm_virtio_dev *dev)
{
	return dev->ops->id;
}

const char *zvm_virtio_name(const struct zvm_virtio_dev *dev)
{
	return dev->name;
}
