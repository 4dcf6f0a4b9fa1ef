// SPDX-License-Identifier: GPL-2.0
/*
 * Disk engine on Linux native AIO (libaio): batched io_submit(), completion by eventfd.
 *
 * Called with queue->lock held. Truly asynchronous with O_DIRECT; through the page cache a
 * submission blocks for as long as the copy takes, which is why the serving thread is never a vCPU.
 */
#include <errno.h>
#include <libaio.h>
#include <stdlib.h>

#include "blk.h"

#define BATCH 64

struct engine {
	io_context_t ctx;
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
	io_set_eventfd(cb, bq->done_fd);
	cb->data = req;
}

static bool libaio_submit(struct zvm_blk_queue *bq)
{
	struct engine *eng = bq->engine;
	struct iocb *batch[BATCH];
	struct zvm_blk_req *req;
	int i, n, ret;

	while (bq->todo.head) {
		for (n = 0, req = bq->todo.head; req && n < BATCH; req = req->next, n++) {
			prepare(bq, req);
			batch[n] = iocb_of(bq, req);
		}
		ret = io_submit(eng->ctx, n, batch);
		if (ret == -EAGAIN || ret == -EINTR || !ret)
			return !bq->in_kernel;
		for (i = 0; i < ret; i++)
			zvm_blk_list_take(&bq->todo);
		if (ret > 0)
			bq->in_kernel += ret;
		else /* an error is about the first of the batch alone */
			zvm_blk_req_done(zvm_blk_list_take(&bq->todo), ret);
	}
	return false;
}

static void libaio_reap(struct zvm_blk_queue *bq)
{
	struct engine *eng = bq->engine;
	struct timespec now = { 0 };
	struct io_event ev[BATCH];
	int i, n;

	do {
		n = io_getevents(eng->ctx, 0, BATCH, ev, &now);
		for (i = 0; i < n; i++) {
			bq->in_kernel--;
			zvm_blk_req_done(ev[i].data, (long)ev[i].res);
		}
	} while (n == BATCH);
}

const struct zvm_blk_engine_ops zvm_blk_libaio = {
	.name = "libaio",
	.open = libaio_open,
	.close = libaio_close,
	.submit = libaio_submit,
	.reap = libaio_reap,
};
