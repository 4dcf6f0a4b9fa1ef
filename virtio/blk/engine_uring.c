// SPDX-License-Identifier: GPL-2.0
/*
 * Disk engine on io_uring (liburing): one ring per queue. Who waits for completions waits on the
 * ring's own descriptor, which is readable while there are any: those that are taken as soon as
 * they have been submitted wake nobody, which an eventfd would.
 *
 * Called with queue->lock held, so the ring has one user at a time although the thread may differ
 * (a reset drains on the vCPU's thread).
 *
 * Requests of a ring are no system calls, so no filter sees them: the kernel itself is told what
 * this ring may ever carry, and that it takes no change of its settings (io_uring_register(2),
 * IORING_REGISTER_RESTRICTIONS; Linux 5.10).
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blk.h"

/* By hand: liburing 2.3 has these two in its header, but not in its shared library. */
static int ring_register(const struct io_uring *ring, unsigned int op, void *arg, unsigned int nr)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, op, arg, nr) < 0 ? -errno : 0;
}

static int init_ring(struct io_uring *ring, unsigned int depth)
{
	struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC },
	};
	int ret = io_uring_queue_init(depth, ring, IORING_SETUP_R_DISABLED);

	if (ret)
		return ret;
	ret = ring_register(ring, IORING_REGISTER_RESTRICTIONS, only,
			    sizeof(only) / sizeof(only[0]));
	if (!ret)
		ret = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (ret)
		io_uring_queue_exit(ring);
	return ret;
}

static int uring_open(struct zvm_blk_queue *bq, struct zvm_err *e)
{
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int ret;

	if (!ring)
		return zvm_err_set(e, ENOMEM, "out of memory");
	ret = init_ring(ring, bq->blk->depth + 1);
	if (ret) {
		free(ring);
		if (ret == -ENOSYS || ret == -EPERM)
			return zvm_err_set(e, ENOTSUP,
					   "this host does not allow io_uring (%s); enable it "
					   "(sysctl kernel.io_uring_disabled=0) or set "
					   "engine = \"libaio\"",
					   strerror(-ret));
		return zvm_err_set(e, ret, "cannot set up io_uring: %s", strerror(-ret));
	}
	bq->engine = ring;
	bq->engine_fd = ring->ring_fd;
	return 0;
}

static void uring_close(struct zvm_blk_queue *bq)
{
	io_uring_queue_exit(bq->engine);
	free(bq->engine);
}

static void prepare(struct io_uring_sqe *sqe, struct zvm_blk_req *req)
{
	int fd = req->bq->blk->img.fd;

	switch (req->op) {
	case ZVM_BLK_READ:
		io_uring_prep_readv(sqe, fd, req->io, req->nr_io, req->offset);
		break;
	case ZVM_BLK_WRITE:
		io_uring_prep_writev(sqe, fd, req->io, req->nr_io, req->offset);
		if (req->dsync)
			sqe->rw_flags = RWF_DSYNC;
		break;
	default:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	}
	io_uring_sqe_set_data(sqe, req);
}

static bool uring_submit(struct zvm_blk_queue *bq)
{
	struct io_uring *ring = bq->engine;
	struct io_uring_sqe *sqe;
	int ret;

	do {
		while (bq->todo.head && (sqe = io_uring_get_sqe(ring)))
			prepare(sqe, zvm_blk_list_take(&bq->todo));
		if (!io_uring_sq_ready(ring))
			return false;
		/* Refusals come back as completions; an error here means no room just now. */
		ret = io_uring_submit(ring);
		if (ret > 0)
			bq->in_kernel += ret;
	} while (ret > 0);
	return !bq->in_kernel;
}

static unsigned int uring_reap(struct zvm_blk_queue *bq)
{
	struct io_uring *ring = bq->engine;
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	while (!io_uring_peek_cqe(ring, &cqe)) {
		struct zvm_blk_req *req = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(ring, cqe);
		bq->in_kernel--;
		zvm_blk_req_done(req, res);
		n++;
	}
	return n;
}

const struct zvm_blk_engine_ops zvm_blk_io_uring = {
	.name = "io_uring",
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.reap = uring_reap,
};
