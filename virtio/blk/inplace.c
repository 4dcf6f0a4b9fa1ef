// SPDX-License-Identifier: GPL-2.0
/*
 * Requests served in place: by the vCPU's thread that rings the doorbell, where that is the shorter
 * way and cannot make it wait.
 *
 * A disk that is memory (a RAM disk, what the page cache holds) has done a request when the
 * submission returns. To wake the queue's thread for it, and the vCPU again, takes several times as
 * long as the request. So once WORTH doorbells in a row have ended like that, the queue's ioeventfd
 * is taken away and a doorbell comes as a write to the register, on the vCPU's thread. That takes a
 * few requests and submits them with RWF_NOWAIT: what would wait for a page, for a slot in the
 * device's queue or for a lock comes back with EAGAIN and goes to the queue's thread, as does all
 * that is large, must be durable at once, or is more than a few, and as does everything when that
 * thread has the queue's lock. Doorbells that had to be passed on cost more than they gain: when
 * they are more than one in PASSED_ON, the ioeventfd comes back, and next time it takes longer.
 *
 * Where nothing is under way when a doorbell has been answered, completions need wake nobody: the
 * thread stops watching for them. Whoever leaves something under way has the thread watch again.
 *
 * zvm_blk_doorbell(): vCPU threads, no lock held. The rest: the queue's thread. Only libaio:
 * io_uring delivers completions to the thread that has submitted, by interrupting it.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "blk.h"

#define WORTH	  32	 /* good doorbells in a row before the ioeventfd is taken away, */
#define WORTH_MAX 4096	 /* doubled each time that it had to come back */
#define PASSED_ON 16	 /* good ones that make up for one that was passed on */
#define MEMORY	  64	 /* good ones that are remembered */
#define PROMPT	  16	 /* rounds in a row with nothing left under way */
#define BYTES	  65536u /* of all of them: what is copied while the vCPU stands still */

/* Does the kernel promise for this file not to wait? Asked once, with a read of its beginning. */
static bool nowait_works(struct zvm_blk_queue *bq)
{
	const struct zvm_blk_image *img = &bq->blk->img;
	uint8_t buf[ZVM_BLK_SECTOR];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };

	if (img->direct) {
		if (!bq->nr_bounce_free)
			return false;
		iov.iov_base = bq->bounce_free[bq->nr_bounce_free - 1];
		iov.iov_len = img->block_size;
	}
	return preadv2(img->fd, &iov, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
}

void zvm_blk_place_init(struct zvm_blk_queue *bq, bool wanted)
{
	bq->told = true;
	bq->worth = WORTH;
	bq->may_place = wanted && bq->blk->engine && bq->blk->engine->nowait;
}

bool zvm_blk_placeable(const struct zvm_blk_queue *bq)
{
	const struct zvm_blk_req *req;
	uint64_t bytes = 0;

	for (req = bq->todo.head; req; req = req->next) {
		if ((req->op != ZVM_BLK_READ && req->op != ZVM_BLK_WRITE) || req->dsync ||
		    req->waits)
			return false;
		bytes += req->io_len;
	}
	return bytes <= BYTES;
}

static void tell(struct zvm_blk_queue *bq, bool on)
{
	struct epoll_event ev = { .events = on ? EPOLLIN | EPOLLET : 0,
				  .data.u32 = ZVM_BLK_EV_DONE };

	/* Looks at the eventfd, too: what has completed since it was reaped is told now. */
	if (!epoll_ctl(bq->epfd, EPOLL_CTL_MOD, bq->done_fd, &ev))
		bq->told = on;
}

/* A doorbell that the thread answered: was it one that it need not have been woken for? */
static void judge(struct zvm_blk_queue *bq)
{
	if (!bq->taken)
		return;
	if (bq->busy || bq->unfit || bq->taken > ZVM_BLK_PLACE_MAX || bq->taken_bytes > BYTES) {
		bq->good = 0;
		return;
	}
	if (++bq->good < bq->worth)
		return;
	if (!bq->asked) {
		bq->asked = true;
		bq->may_place = nowait_works(bq);
	}
	if (bq->may_place) {
		bq->good = MEMORY;
		bq->rebind = true;
		atomic_store(&bq->in_place, true);
	}
}

bool zvm_blk_settle(struct zvm_blk_queue *bq, bool kicked)
{
	bool rebind;

	if (kicked && bq->may_place && !atomic_load(&bq->in_place))
		judge(bq);
	if (bq->busy) {
		bq->prompt = 0;
		if (!bq->told)
			tell(bq, true);
	} else if (bq->told && ++bq->prompt >= PROMPT) {
		bq->prompt = 0;
		tell(bq, false);
	}
	rebind = bq->rebind;
	bq->rebind = false;
	return rebind;
}

void zvm_blk_rebind(struct zvm_blk_queue *bq)
{
	zvm_virtio_queue_bind(bq->q, !atomic_load(&bq->in_place));
}

/* One more doorbell was answered in place, or had to be passed on; lock held. */
static void score(struct zvm_blk_queue *bq, bool passed_on)
{
	if (!passed_on) {
		if (bq->good < MEMORY)
			bq->good++;
		return;
	}
	if (bq->good >= PASSED_ON) {
		bq->good -= PASSED_ON;
		return;
	}
	bq->good = 0;
	if (bq->worth < WORTH_MAX)
		bq->worth *= 2;
	bq->rebind = true;
	atomic_store(&bq->in_place, false);
	zvm_virtio_queue_rearm(bq->q); /* the thread brings the ioeventfd back */
}

bool zvm_blk_doorbell(struct zvm_virtio_queue *q)
{
	struct zvm_blk *blk = ZVM_CONTAINER_OF(q->dev, struct zvm_blk, dev);
	struct zvm_blk_queue *bq = &blk->bqs[q->index];

	if (!atomic_load(&bq->in_place) || pthread_mutex_trylock(&q->lock))
		return false;
	if (!zvm_virtio_queue_open(q) || zvm_vq_waiting(&q->vq) > ZVM_BLK_PLACE_MAX) {
		score(bq, true);
		pthread_mutex_unlock(&q->lock);
		return false;
	}
	zvm_virtio_count(q->dev, ZVM_STAT_NOTIFICATIONS, 1);
	bq->placing = true;
	zvm_blk_serve(q);
	bq->placing = false;
	score(bq, bq->passed_on || bq->busy);
	if (bq->busy && !bq->told)
		zvm_virtio_queue_rearm(q);
	zvm_virtio_queue_leave(q);
	return true;
}
