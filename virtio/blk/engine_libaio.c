// SPDX-License-Identifier: GPL-2.0
/*
 * Disk engine on Linux native AIO (libaio): batched io_submit(), completions read from the ring
 * that the kernel maps, eventfd for those that come later.
 *
 * Called with queue->lock held. Truly asynchronous with O_DIRECT; through the page cache a
 * submission blocks for as long as the copy takes, so it is for a thread of the disk's or the loop.
 * Such a request is done when io_submit() returns, so it asks for no eventfd. With bq->placing the
 * thread is a vCPU's, and RWF_NOWAIT keeps the kernel from waiting.
 */
#include <errno.h>
#include <libaio.h>
#include <stdlib.h>

#include "blk.h"

#define BATCH 64

/* What io_setup() maps at the context's address. The head is ours to move, the tail is not. */
struct ring {
	unsigned int id, nr, head, tail;
	unsigned int magic, compat_features, incompat_features, header_length;
	struct io_event events[];
};

#define RING_MAGIC 0xa10a10a1u
#define RESFD	   1u /* IOCB_FLAG_RESFD, of struct iocb as libaio has it */

struct engine {
	io_context_t ctx;
	struct ring *ring;   /* NULL: of a layout that we do not know */
	unsigned int silent; /* in the kernel without an eventfd */
	struct iocb iocb[]; /* by the request's place in bq->reqs */
};

static struct iocb *iocb_of(struct zvm_blk_queue *bq, const struct zvm_blk_req *req)
{
	return &((struct engine *)bq->engine)->iocb[req - bq->reqs];
}

static int libaio_open(struct zvm_blk_queue *bq, struct zvm_err *e)
{
	unsigned int nr = bq->blk->depth + 1;
	struct engine *eng = calloc(1, sizeof(*eng) + nr * sizeof(eng->iocb[0]));
	int ret;

	if (!eng)
		return zvm_err_set(e, ENOMEM, "out of memory");
	ret = io_setup(nr, &eng->ctx);
	if (ret) {
		free(eng);
		if (ret == -EAGAIN)
			return zvm_err_set(e, ret,
					   "the host has no asynchronous I/O slots left; raise "
					   "/proc/sys/fs/aio-max-nr or set engine = \"threads\"");
		return zvm_err_set(e, ret, "cannot set up libaio: %s", strerror(-ret));
	}
	eng->ring = (struct ring *)eng->ctx;
	if (eng->ring->magic != RING_MAGIC || eng->ring->incompat_features)
		eng->ring = NULL;
	bq->engine = eng;
	return 0;
}

static void libaio_close(struct zvm_blk_queue *bq)
{
	struct engine *eng = bq->engine;

	io_destroy(eng->ctx);
	free(eng);
}

static void prepare(struct zvm_blk_queue *bq, struct zvm_blk_req *req)
{
	struct iocb *cb = iocb_of(bq, req);
	int fd = bq->blk->img.fd;

	switch (req->op) {
	case ZVM_BLK_READ:
		io_prep_preadv(cb, fd, req->io, req->nr_io, req->offset);
		break;
	case ZVM_BLK_WRITE:
		io_prep_pwritev(cb, fd, req->io, req->nr_io, req->offset);
		if (req->dsync)
			cb->aio_rw_flags = RWF_DSYNC;
		break;
	default:
		io_prep_fdsync(cb, fd);
	}
	req->nowait = bq->placing;
	if (req->nowait)
		cb->aio_rw_flags |= RWF_NOWAIT;
	if (bq->blk->img.direct || req->op == ZVM_BLK_FLUSH || req->nowait)
		io_set_eventfd(cb, bq->done_fd);
	cb->data = req;
}

static bool libaio_submit(struct zvm_blk_queue *bq)
{
	struct engine *eng = bq->engine;
	struct iocb *batch[BATCH];
	struct zvm_blk_req *req;
	int i, n, ret;

	if (!bq->todo.head)
		return false;
	do {
		for (n = 0, req = bq->todo.head; req && n < BATCH; req = req->next, n++) {
			prepare(bq, req);
			batch[n] = iocb_of(bq, req);
		}
		ret = io_submit(eng->ctx, n, batch);
		if (ret == -EAGAIN || ret == -EINTR || !ret)
			return !bq->in_kernel;
		for (i = 0; i < ret; i++) {
			zvm_blk_list_take(&bq->todo);
			eng->silent += !(batch[i]->u.c.flags & RESFD);
		}
		if (ret > 0)
			bq->in_kernel += ret;
		else /* an error is about the first of the batch alone */
			zvm_blk_req_done(zvm_blk_list_take(&bq->todo), ret);
	} while (bq->todo.head && !bq->placing);
	return false;
}

static void event_done(struct zvm_blk_queue *bq, const struct io_event *ev)
{
	struct engine *eng = bq->engine;

	bq->in_kernel--;
	eng->silent -= !(ev->obj->u.c.flags & RESFD);
	zvm_blk_req_done(ev->data, (long)ev->res);
}

static unsigned int ring_reap(struct zvm_blk_queue *bq, struct ring *ring)
{
	unsigned int head = ring->head, n = 0;
	struct io_event ev;

	/* Acquire: events up to the tail are read after it. Release: before they are given back. */
	while (head != __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE)) {
		ev = ring->events[head];
		head = head + 1 < ring->nr ? head + 1 : 0;
		__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
		event_done(bq, &ev);
		n++;
	}
	return n;
}

static unsigned int libaio_reap(struct zvm_blk_queue *bq)
{
	struct engine *eng = bq->engine;
	struct timespec now = { 0 };
	struct io_event ev[BATCH];
	unsigned int total = 0;
	int i, n;

	if (eng->ring)
		total = ring_reap(bq, eng->ring);
	/* Without an eventfd we are not told: a file system that goes on by itself is waited for. */
	while (eng->silent || !eng->ring) {
		n = io_getevents(eng->ctx, eng->silent ? 1 : 0, BATCH, ev,
				 eng->silent ? NULL : &now);
		for (i = 0; i < n; i++)
			event_done(bq, &ev[i]);
		if (n > 0)
			total += n;
		else if (!eng->silent || n != -EINTR)
			break;
	}
	return total;
}

const struct zvm_blk_engine_ops zvm_blk_libaio = {
	.name = "libaio",
	.nowait = true,
	.open = libaio_open,
	.close = libaio_close,
	.submit = libaio_submit,
	.reap = libaio_reap,
};
