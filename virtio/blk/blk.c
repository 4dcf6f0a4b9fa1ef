// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk: the device (VIRTIO 1.2, 5.2): creation, features, configuration, queues, threads.
 *
 * Queues are served on the VMM's event loop, or with iothreads each on a thread of its own that
 * waits for the doorbell, for completions and for the end. Completions are reaped by whoever serves
 * the queue, or by whoever drains it (a reset on a vCPU thread, the VMM for a pause): draining
 * holds queue->lock and waits on done_fd itself, so it depends on no other thread but the kernel's
 * and the pool's.
 *
 * The thread watches its eventfds edge-triggered: each signal is an edge whatever the count, so
 * they need not be read, which would be a system call for each doorbell.
 *
 * Write-back: offered as the initial mode. A driver that takes neither FLUSH nor CONFIG_WCE cannot
 * ask for durability, so its writes are write-through (5.2.5.2); with CONFIG_WCE it may choose.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "blk.h"

#define POOL_THREADS 4 /* of the "threads" engine, per queue */
#define RETRY_MS     2 /* when the kernel had no room for a request */
#define AWAKE_ROUNDS 64 /* of a polled queue before others may have its lock */

static const struct {
	const char *name;
	bool built;
	const struct zvm_blk_engine_ops *ops; /* NULL: the pool alone */
} engines[] = {
	[ZVM_BLK_LIBAIO] =
		{
			"libaio",
#ifdef CONFIG_ZVM_BLK_LIBAIO
			true,
			&zvm_blk_libaio,
#endif
		},
	[ZVM_BLK_IO_URING] =
		{
			"io_uring",
#ifdef CONFIG_ZVM_BLK_IO_URING
			true,
			&zvm_blk_io_uring,
#endif
		},
	[ZVM_BLK_THREADS] = {"threads", true, NULL},
};

bool zvm_blk_engine_available(enum zvm_blk_engine engine)
{
	return engine < sizeof(engines) / sizeof(engines[0]) && engines[engine].built;
}

const char *zvm_blk_engine_name(enum zvm_blk_engine engine)
{
	return engine < sizeof(engines) / sizeof(engines[0]) ? engines[engine].name : "?";
}

static struct zvm_blk *to_blk(struct zvm_virtio_dev *dev)
{
	return ZVM_CONTAINER_OF(dev, struct zvm_blk, dev);
}

bool zvm_blk_submit(struct zvm_blk_queue *bq)
{
	const struct zvm_blk_engine_ops *engine = bq->blk->engine;
	bool again;

	if (!engine)
		return false;
	if (bq->placing) {
		/* One try; what it leaves, or may not begin, is for the queue's thread. */
		if (bq->todo.head && zvm_blk_placeable(bq)) {
			engine->submit(bq);
			if (bq->in_kernel)
				engine->reap(bq);
		}
		bq->passed_on |= bq->todo.head != NULL;
		return bq->todo.head != NULL;
	}
	do
		again = engine->submit(bq);
	while (bq->in_kernel && engine->reap(bq));
	return again;
}

/* First the eventfd, then the completions: one that comes between rings again. */
static void take_event(struct zvm_blk_queue *bq)
{
	uint64_t n;

	if (read(bq->done_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		zvm_virtio_logf(&bq->blk->dev, ZVM_VIRTIO_LOG_ERR, "completion eventfd: %m");
}

/* Takes what has completed; queue->lock held. True: the host had no room for a follow-up. */
static bool reap(struct zvm_blk_queue *bq)
{
	struct zvm_blk *blk = bq->blk;

	if (blk->engine)
		blk->engine->reap(bq);
	if (blk->pool_started)
		zvm_blk_pool_reap(&blk->pool, bq);
	return zvm_blk_submit(bq);
}

/* Something has completed, or the doorbell was rung, or both: one interrupt for all of it. */
static void work(struct zvm_blk_queue *bq, bool kicked, bool event)
{
	struct zvm_virtio_queue *q = bq->q;
	bool rebind = false;

	pthread_mutex_lock(&q->lock);
	/* Under the lock: who drains the queue waits for this event while holding it. */
	if (event)
		take_event(bq);
	/* Not through the gate: requests of a broken device must come home, too. */
	if (reap(bq))
		zvm_virtio_queue_rearm(q);
	if (kicked && zvm_virtio_queue_open(q)) {
		zvm_blk_serve(q);
		if (bq->threaded)
			rebind = zvm_blk_settle(bq, true);
		zvm_virtio_queue_leave(q);
	} else {
		/* Without leave(): a fault of before a reset must not break the device again. */
		zvm_virtio_queue_signal(q);
		if (bq->threaded)
			rebind = zvm_blk_settle(bq, false);
		pthread_mutex_unlock(&q->lock);
	}
	if (rebind)
		zvm_blk_rebind(bq);
}

static void done_ready(void *arg, uint32_t events)
{
	(void)events;
	work(arg, false, true);
}

static void engine_ready(void *arg, uint32_t events)
{
	(void)events;
	work(arg, false, false);
}

static void blk_drain(struct zvm_virtio_queue *q, bool stop)
{
	struct zvm_blk_queue *bq = &to_blk(q->dev)->bqs[q->index];
	struct pollfd p[] = {
		{ .fd = bq->done_fd, .events = POLLIN },
		{ .fd = bq->engine_fd, .events = POLLIN }, /* ignored when negative */
	};
	bool again = zvm_blk_submit(bq);

	(void)stop;
	while (bq->busy) {
		poll(p, 2, again ? RETRY_MS : -1);
		take_event(bq);
		again = reap(bq);
	}
	zvm_virtio_queue_signal(q);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void relax(void)
{
#ifdef __aarch64__
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Is there more before the window ends? queue->lock held: a reset waits for that long. */
static bool look(struct zvm_blk_queue *bq)
{
	const struct zvm_blk_engine_ops *engine = bq->blk->engine;
	struct zvm_virtio_queue *q = bq->q;
	uint64_t until = now_ns() + bq->window;
	unsigned int i;

	do {
		for (i = 0; i < 16; i++, relax())
			if (zvm_vq_waiting(&q->vq) || (bq->in_kernel && engine->reap(bq)))
				return true;
	} while (now_ns() < until);
	return false;
}

/*
 * As work(), for a disk that is polled: what the driver does next is found without its doorbell.
 * The window doubles when we had gone to sleep too early, and halves when looking was in vain.
 */
static void work_awake(struct zvm_blk_queue *bq)
{
	struct zvm_virtio_queue *q = bq->q;
	uint64_t slept = now_ns() - bq->asleep_since, max = bq->blk->poll_ns;
	unsigned int rounds = AWAKE_ROUNDS;
	bool served = false;

	if (slept > max)
		bq->window /= 2;
	else if (bq->window < max)
		bq->window = bq->window < max / 16 ? max / 8 : bq->window * 2;
	if (bq->window > max)
		bq->window = max;

	pthread_mutex_lock(&q->lock);
	bq->awake = bq->window;
	do {
		if (reap(bq))
			zvm_virtio_queue_rearm(q);
		if (zvm_virtio_queue_open(q)) {
			zvm_blk_serve(q);
			served = true;
		} else {
			zvm_virtio_queue_signal(q);
		}
	} while (bq->awake && zvm_virtio_queue_open(q) && --rounds && look(bq));
	if (bq->awake && zvm_virtio_queue_open(q) && zvm_vq_enable_notify(&q->vq))
		zvm_virtio_queue_rearm(q);
	bq->awake = false;
	/* As in work(). */
	if (served)
		zvm_virtio_queue_leave(q);
	else
		pthread_mutex_unlock(&q->lock);
	bq->asleep_since = now_ns();
}

static void *io_thread(void *arg)
{
	struct zvm_blk_queue *bq = arg;
	struct epoll_event ev[ZVM_BLK_EV_NR];
	bool kicked;
	int i, n;

	for (;;) {
		n = epoll_wait(bq->epfd, ev, ZVM_BLK_EV_NR, -1);
		kicked = false;
		for (i = 0; i < n; i++) {
			if (ev[i].data.u32 == ZVM_BLK_EV_STOP)
				return NULL;
			if (ev[i].data.u32 == ZVM_BLK_EV_KICK)
				kicked = true;
		}
		if (n <= 0)
			continue; /* EINTR: a debugger's signal, or work of io_uring's */
		if (kicked)
			zvm_virtio_queue_rung(bq->q);
		if (bq->blk->poll_ns)
			work_awake(bq);
		else
			work(bq, kicked, false);
	}
}

static int thread_watch(struct zvm_blk_queue *bq, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event ev = { .events = events, .data.u32 = what };

	if (fd < 0)
		return 0;
	return epoll_ctl(bq->epfd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int thread_start(struct zvm_blk_queue *bq, struct zvm_err *e)
{
	int ret;

	bq->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (bq->epfd < 0)
		return zvm_err_set(e, errno, "epoll: %s", strerror(errno));
	ret = thread_watch(bq, bq->blk->stop_fd, EPOLLIN, ZVM_BLK_EV_STOP);
	if (!ret)
		ret = thread_watch(bq, bq->q->kick_fd, EPOLLIN | EPOLLET, ZVM_BLK_EV_KICK);
	if (!ret)
		ret = thread_watch(bq, bq->done_fd, EPOLLIN | EPOLLET, ZVM_BLK_EV_DONE);
	if (!ret)
		ret = thread_watch(bq, bq->engine_fd, EPOLLIN, ZVM_BLK_EV_ENGINE);
	if (ret)
		return zvm_err_set(e, ret, "cannot watch completions: %s", strerror(-ret));
	ret = zvm_blk_thread_start(&bq->thread, io_thread, bq, "zvm-blk-io");
	if (ret)
		return zvm_err_set(e, ret, "cannot start a thread: %s", strerror(-ret));
	bq->threaded = true;
	return 0;
}

static void update_writeback(struct zvm_blk *blk)
{
	bool on;

	if (zvm_virtio_has(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE))
		on = blk->config.wce;
	else
		on = zvm_virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
	atomic_store(&blk->writeback, on);
}

static void blk_negotiated(struct zvm_virtio_dev *dev)
{
	update_writeback(to_blk(dev));
}

static void blk_config_write(struct zvm_virtio_dev *dev, unsigned int offset, const void *data,
			     unsigned int len)
{
	struct zvm_blk *blk = to_blk(dev);

	/* The write-cache byte is the only field a driver may write. */
	if (offset != offsetof(struct virtio_blk_config, wce) || len != 1 ||
	    !zvm_virtio_has(dev, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	blk->config.wce = *(const uint8_t *)data & 1;
	update_writeback(blk);
}

static void blk_reset(struct zvm_virtio_dev *dev)
{
	struct zvm_blk *blk = to_blk(dev);

	blk->config.wce = 1;
	atomic_store(&blk->writeback, true);
}

static void queue_close(struct zvm_blk_queue *bq)
{
	const struct zvm_virtio_env *env = &bq->blk->dev.env;

	if (bq->watched)
		env->unwatch(env->ctx, bq->done_fd);
	if (bq->engine_watched)
		env->unwatch(env->ctx, bq->engine_fd);
	if (bq->epfd >= 0)
		close(bq->epfd);
	if (bq->opened)
		bq->blk->engine->close(bq);
	if (bq->done_fd >= 0)
		close(bq->done_fd);
	free(bq->bounce_mem);
	free(bq->reqs);
}

/* Undoes as much of the creation as has been done. */
static void blk_free(struct zvm_blk *blk)
{
	unsigned int i;

	if (blk->stop_fd >= 0)
		zvm_virtio_event_signal(blk->stop_fd);
	/* I/O threads use the pool, its workers use the queues: end them in this order. */
	for (i = 0; blk->bqs && i < blk->dev.nr_queues; i++)
		if (blk->bqs[i].threaded)
			pthread_join(blk->bqs[i].thread, NULL);
	if (blk->pool_started)
		zvm_blk_pool_stop(&blk->pool);
	for (i = 0; blk->bqs && i < blk->dev.nr_queues; i++)
		queue_close(&blk->bqs[i]);
	free(blk->bqs);
	if (blk->stop_fd >= 0)
		close(blk->stop_fd);
	if (blk->img.fd >= 0)
		zvm_blk_image_close(&blk->img);
	zvm_virtio_dev_fini(&blk->dev);
	free(blk);
}

static void blk_destroy(struct zvm_virtio_dev *dev)
{
	blk_free(to_blk(dev));
}

static const struct zvm_virtio_ops blk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.serve = zvm_blk_serve,
	.drain = blk_drain,
	.doorbell = zvm_blk_doorbell,
	.negotiated = blk_negotiated,
	.config_write = blk_config_write,
	.reset = blk_reset,
	.destroy = blk_destroy,
};

static int queue_open(struct zvm_blk_queue *bq, struct zvm_err *e)
{
	struct zvm_blk *blk = bq->blk;
	unsigned int i;
	void *mem;
	int ret;

	bq->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bq->done_fd < 0)
		return zvm_err_set(e, errno, "eventfd: %s", strerror(errno));
	bq->reqs = calloc(blk->depth + 1, sizeof(*bq->reqs));
	if (!bq->reqs)
		return zvm_err_set(e, ENOMEM, "out of memory");
	if (blk->img.direct) {
		if (posix_memalign(&mem, 4096, ZVM_BLK_BOUNCE_NR * ZVM_BLK_BOUNCE_SIZE))
			return zvm_err_set(e, ENOMEM, "out of memory");
		bq->bounce_mem = mem;
		for (i = 0; i < ZVM_BLK_BOUNCE_NR; i++)
			bq->bounce_free[bq->nr_bounce_free++] =
				bq->bounce_mem + (size_t)i * ZVM_BLK_BOUNCE_SIZE;
	}
	if (blk->engine) {
		ret = blk->engine->open(bq, e);
		if (ret)
			return ret;
		bq->opened = true;
	}
	return 0;
}

/* The part of opening after which completions and doorbells are served. */
static int queue_serve_on(struct zvm_blk_queue *bq, bool iothreads, struct zvm_err *e)
{
	const struct zvm_virtio_env *env = &bq->blk->dev.env;
	int ret;

	if (iothreads)
		return thread_start(bq, e);
	ret = env->watch(env->ctx, bq->done_fd, EPOLLIN, done_ready, bq);
	bq->watched = !ret;
	if (!ret && bq->engine_fd >= 0) {
		ret = env->watch(env->ctx, bq->engine_fd, EPOLLIN, engine_ready, bq);
		bq->engine_watched = !ret;
	}
	return ret ? zvm_err_set(e, ret, "cannot watch completions: %s", strerror(-ret)) : 0;
}

static void fill_config(struct zvm_blk *blk, unsigned int queues)
{
	struct virtio_blk_config *c = &blk->config;
	const struct zvm_blk_image *img = &blk->img;
	unsigned int sectors = img->block_size / ZVM_BLK_SECTOR;
	unsigned int exp = 0;

	while (exp < 8 && (img->block_size << (exp + 1)) <= img->physical_block_size)
		exp++;
	c->capacity = htole64(img->size / ZVM_BLK_SECTOR);
	c->seg_max = htole32(ZVM_BLK_SEG_MAX);
	c->blk_size = htole32(img->block_size);
	c->physical_block_exp = exp;
	c->min_io_size = htole16(1u << exp);
	c->wce = 1;
	c->num_queues = htole16(queues);
	c->max_discard_sectors = htole32(ZVM_BLK_DISCARD_SECTORS);
	c->max_discard_seg = htole32(ZVM_BLK_RANGES_MAX);
	c->discard_sector_alignment = htole32(sectors);
	c->max_write_zeroes_sectors = htole32(ZVM_BLK_ZEROES_SECTORS);
	c->max_write_zeroes_seg = htole32(ZVM_BLK_RANGES_MAX);
	c->write_zeroes_may_unmap = 1;
}

static uint64_t offered(const struct zvm_blk_cfg *cfg, unsigned int queues)
{
	uint64_t f = ZVM_BIT(VIRTIO_BLK_F_SEG_MAX) | ZVM_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     ZVM_BIT(VIRTIO_BLK_F_TOPOLOGY) | ZVM_BIT(VIRTIO_BLK_F_FLUSH) |
		     ZVM_BIT(VIRTIO_BLK_F_CONFIG_WCE);

	if (queues > 1)
		f |= ZVM_BIT(VIRTIO_BLK_F_MQ);
	if (cfg->readonly)
		return f | ZVM_BIT(VIRTIO_BLK_F_RO);
	f |= ZVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	if (!cfg->no_discard)
		f |= ZVM_BIT(VIRTIO_BLK_F_DISCARD);
	return f;
}

static int check_cfg(const struct zvm_blk_cfg *cfg, struct zvm_err *e)
{
	unsigned int size = cfg->queue_size;

	if (!cfg->path || !cfg->path[0])
		return zvm_err_set(e, EINVAL, "no path");
	if (!zvm_blk_engine_available(cfg->engine))
		return zvm_err_set(e, ENOTSUP,
				   "engine \"%s\" is not built in; set engine = \"threads\"",
				   zvm_blk_engine_name(cfg->engine));
	if (cfg->queues > ZVM_VIRTIO_MAX_QUEUES)
		return zvm_err_set(e, EINVAL, "%u queues, but %d is the most", cfg->queues,
				   ZVM_VIRTIO_MAX_QUEUES);
	if (size && (size < 4 || size > ZVM_VIRTIO_QUEUE_MAX || (size & (size - 1))))
		return zvm_err_set(e, EINVAL, "queue size %u is not a power of two from 4 to %d",
				   size, ZVM_VIRTIO_QUEUE_MAX);
	if (cfg->block_size && cfg->block_size != 512 && cfg->block_size != 4096)
		return zvm_err_set(e, EINVAL, "block_size %u is neither 512 nor 4096",
				   cfg->block_size);
	if (cfg->serial && strlen(cfg->serial) > VIRTIO_BLK_ID_BYTES)
		return zvm_err_set(e, EINVAL, "serial \"%s\" is longer than %d bytes", cfg->serial,
				   VIRTIO_BLK_ID_BYTES);
	return 0;
}

int zvm_blk_create(const struct zvm_virtio_env *env, const struct zvm_blk_cfg *cfg,
		   struct zvm_virtio_dev **out, struct zvm_err *e)
{
	const char *name = cfg->name ? cfg->name : cfg->path ? cfg->path : "disk";
	unsigned int i, queues = cfg->queues ? cfg->queues : 1, workers;
	struct zvm_virtio_init init = {
		.ops = &blk_ops,
		.name = name,
		.features = offered(cfg, queues),
		.nr_queues = queues,
		.queue_max = cfg->queue_size ? cfg->queue_size : ZVM_VIRTIO_QUEUE_MAX,
		.config_len = sizeof(struct virtio_blk_config),
		.own_threads = cfg->iothreads,
	};
	struct zvm_blk *blk;
	int ret;

	ret = check_cfg(cfg, e);
	if (ret)
		goto err_named;
	blk = calloc(1, sizeof(*blk));
	if (!blk) {
		ret = zvm_err_set(e, ENOMEM, "out of memory");
		goto err_named;
	}
	init.config = &blk->config;
	blk->img.fd = blk->stop_fd = -1;
	blk->engine = engines[cfg->engine].ops;
	blk->readonly = cfg->readonly;
	blk->depth = init.queue_max;
	blk->poll_ns = cfg->iothreads ? cfg->poll_us * 1000ULL : 0;
	atomic_store(&blk->writeback, true);
	if (cfg->serial)
		memcpy(blk->serial, cfg->serial, strlen(cfg->serial));

	ret = zvm_virtio_dev_init(&blk->dev, env, &init, e);
	if (ret) {
		free(blk);
		return ret;
	}
	ret = zvm_blk_image_open(&blk->img, &blk->dev, cfg, e);
	if (ret)
		goto err_free;
	fill_config(blk, queues);

	blk->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (blk->stop_fd < 0) {
		ret = zvm_err_set(e, errno, "eventfd: %s", strerror(errno));
		goto err_free;
	}
	blk->bqs = calloc(queues, sizeof(*blk->bqs));
	if (!blk->bqs) {
		ret = zvm_err_set(e, ENOMEM, "out of memory");
		goto err_free;
	}
	for (i = 0; i < queues; i++) {
		blk->bqs[i].blk = blk;
		blk->bqs[i].q = &blk->dev.queues[i];
		blk->bqs[i].done_fd = blk->bqs[i].engine_fd = blk->bqs[i].epfd = -1;
	}
	for (i = 0; i < queues; i++) {
		ret = queue_open(&blk->bqs[i], e);
		if (ret)
			goto err_free;
	}
	workers = blk->engine ? 1 : POOL_THREADS * queues;
	if (workers > ZVM_BLK_POOL_MAX)
		workers = ZVM_BLK_POOL_MAX;
	ret = zvm_blk_pool_start(&blk->pool, &blk->img, workers, e);
	if (ret)
		goto err_free;
	blk->pool_started = true;
	for (i = 0; i < queues; i++) {
		zvm_blk_place_init(&blk->bqs[i],
				   cfg->iothreads && !cfg->poll_us && !cfg->no_in_place);
		ret = queue_serve_on(&blk->bqs[i], cfg->iothreads, e);
		if (ret)
			goto err_free;
	}
	*out = &blk->dev;
	return 0;

err_free:
	blk_free(blk);
err_named:
	zvm_err_push(e, "disk '%s'", name);
	return ret;
}
