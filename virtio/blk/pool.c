// SPDX-License-Identifier: GPL-2.0
/*
 * Worker threads for disk operations that block: all of them for the "threads" engine, discard and
 * zeroing (and flush where the kernel has no asynchronous one) for the others.
 *
 * add and reap are called with the queue's lock held; the workers take only pool->lock, a leaf, and
 * hold it for list work alone. A worker sees one request at a time and touches neither rings nor
 * device state: it does the operation, puts the request on its queue's pool_done and signals that
 * queue's done_fd.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "blk.h"

static ssize_t perform_ranges(struct zvm_blk_image *img, const struct zvm_blk_req *req)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < req->nr_ranges && !ret; i++) {
		const struct zvm_blk_range *r = &req->ranges[i];

		if (req->op == ZVM_BLK_DISCARD)
			ret = zvm_blk_image_discard(img, r->offset, r->len);
		else
			ret = zvm_blk_image_zero(img, r->offset, r->len, r->unmap);
	}
	if (!ret && req->dsync && fdatasync(img->fd))
		ret = -errno;
	return ret;
}

static ssize_t perform(struct zvm_blk_image *img, const struct zvm_blk_req *req)
{
	ssize_t ret;

	switch (req->op) {
	case ZVM_BLK_READ:
		ret = preadv2(img->fd, req->io, req->nr_io, req->offset, 0);
		break;
	case ZVM_BLK_WRITE:
		ret = pwritev2(img->fd, req->io, req->nr_io, req->offset,
			       req->dsync ? RWF_DSYNC : 0);
		break;
	case ZVM_BLK_FLUSH:
		ret = fdatasync(img->fd);
		break;
	default:
		return perform_ranges(img, req);
	}
	return ret < 0 ? -errno : ret;
}

static void *worker(void *arg)
{
	struct zvm_blk_pool *pool = arg;
	struct zvm_blk_req *req;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!(req = zvm_blk_list_take(&pool->todo)) && !pool->stop)
			pthread_cond_wait(&pool->work, &pool->lock);
		if (!req)
			break;
		pthread_mutex_unlock(&pool->lock);

		req->res = perform(pool->img, req);

		pthread_mutex_lock(&pool->lock);
		zvm_blk_list_add(&req->bq->pool_done, req);
		/* Under the lock: once the request is reaped its queue may go away. */
		zvm_virtio_event_signal(req->bq->done_fd);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int zvm_blk_thread_start(pthread_t *t, void *(*fn)(void *), void *arg, const char *name)
{
	/* Those that a thread brings on itself: blocked, they would kill without a word. */
	static const int own[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP };
	sigset_t all, old;
	int ret;

	/* Signals are for the VMM's own threads. */
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(t, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ret)
		pthread_setname_np(*t, name);
	return -ret;
}

int zvm_blk_pool_start(struct zvm_blk_pool *pool, struct zvm_blk_image *img, unsigned int threads,
		       struct zvm_err *e)
{
	int ret;

	pool->img = img;
	ret = pthread_mutex_init(&pool->lock, NULL);
	if (ret)
		return zvm_err_set(e, ret, "cannot make a lock");
	ret = pthread_cond_init(&pool->work, NULL);
	if (ret) {
		pthread_mutex_destroy(&pool->lock);
		return zvm_err_set(e, ret, "cannot make a condition variable");
	}
	while (pool->nr < threads) {
		ret = zvm_blk_thread_start(&pool->thread[pool->nr], worker, pool, "zvm-blk-pool");
		if (ret) {
			zvm_blk_pool_stop(pool);
			return zvm_err_set(e, ret, "cannot start a thread: %s", strerror(-ret));
		}
		pool->nr++;
	}
	return 0;
}

void zvm_blk_pool_stop(struct zvm_blk_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	while (pool->nr)
		pthread_join(pool->thread[--pool->nr], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
}

void zvm_blk_pool_add(struct zvm_blk_pool *pool, struct zvm_blk_req *req)
{
	pthread_mutex_lock(&pool->lock);
	zvm_blk_list_add(&pool->todo, req);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void zvm_blk_pool_reap(struct zvm_blk_pool *pool, struct zvm_blk_queue *bq)
{
	struct zvm_blk_list done;
	struct zvm_blk_req *req;

	pthread_mutex_lock(&pool->lock);
	done = bq->pool_done;
	bq->pool_done.head = NULL;
	pthread_mutex_unlock(&pool->lock);

	while ((req = zvm_blk_list_take(&done)))
		zvm_blk_req_done(req, req->res);
}
