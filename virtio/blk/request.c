// SPDX-License-Identifier: GPL-2.0
/*
 * One block request, from the descriptor chain to its status byte (VIRTIO 1.2, 5.2.6).
 *
 * Runs with queue->lock held on the thread that serves the queue, or on the one that drains it.
 * Nothing is allocated: a request comes from the queue's pool and brings its iovecs along.
 *
 * Header, data and status are taken by position in the chain, however the driver has cut it into
 * descriptors. A chain too short for header and status breaks the device; a request that is merely
 * wrong (bounds, alignment, unknown type, read-only disk) is answered with a status.
 *
 * A transfer goes on until it is complete: short reads and writes are continued. Under O_DIRECT a
 * buffer that the host cannot use in place is carried through a bounce buffer, piece by piece.
 */
#include <errno.h>

#include "blk.h"

static void finish(struct zvm_blk_req *req, uint8_t status)
{
	struct zvm_blk_queue *bq = req->bq;
	struct zvm_virtio_dev *dev = &bq->blk->dev;
	bool ok = status == VIRTIO_BLK_S_OK;

	if (!ok)
		zvm_virtio_count(dev, ZVM_STAT_ERRORS, 1);
	if (zvm_virtio_queue_answerable(bq->q)) {
		*(volatile uint8_t *)req->status = status;
		zvm_virtio_queue_answer(bq->q, req->head, ok ? req->in_total : 1);
	}
	req->next = bq->free;
	bq->free = req;
	bq->busy--;
}

static void start_transfer(struct zvm_blk_req *req);

static void bounce_put(struct zvm_blk_req *req)
{
	struct zvm_blk_queue *bq = req->bq;
	struct zvm_blk_req *next;

	if (!req->bounce)
		return;
	bq->bounce_free[bq->nr_bounce_free++] = req->bounce;
	req->bounce = NULL;
	next = zvm_blk_list_take(&bq->bounce_wait);
	if (next)
		start_transfer(next);
}

/* Host errors are worth a line, a guest that provokes thousands of them is not. */
static void log_host_error(struct zvm_blk_req *req, int err)
{
	static const char *const what[] = { "read", "write", "flush", "discard", "write zeroes" };
	struct zvm_blk *blk = req->bq->blk;
	uint64_t n = atomic_fetch_add(&blk->host_errors, 1) + 1;

	if (n & (n - 1))
		return;
	zvm_virtio_logf(&blk->dev, ZVM_VIRTIO_LOG_ERR,
			"%s at byte %llu failed: %s (host error %llu of this disk)", what[req->op],
			(unsigned long long)req->offset,
			err ? strerror(err) : "image is shorter than it was",
			(unsigned long long)n);
}

static bool usable_in_place(const struct zvm_blk_req *req)
{
	const struct zvm_blk_image *img = &req->bq->blk->img;
	unsigned int i;

	for (i = 0; i < req->nr_iov; i++)
		if ((uintptr_t)req->iov[i].iov_base % img->mem_align ||
		    req->iov[i].iov_len % img->offset_align)
			return false;
	return true;
}

/* Gives the engine the next piece, or waits for a bounce buffer. */
static void start_transfer(struct zvm_blk_req *req)
{
	struct zvm_blk_queue *bq = req->bq;

	if (!bq->blk->img.direct || usable_in_place(req)) {
		req->io = req->iov;
		req->nr_io = req->nr_iov;
		req->io_len = req->left;
	} else {
		if (!req->bounce && !bq->nr_bounce_free) {
			zvm_blk_list_add(&bq->bounce_wait, req);
			return;
		}
		if (!req->bounce)
			req->bounce = bq->bounce_free[--bq->nr_bounce_free];
		req->io_len = req->left < ZVM_BLK_BOUNCE_SIZE ? req->left : ZVM_BLK_BOUNCE_SIZE;
		req->bounce_iov.iov_base = req->bounce;
		req->bounce_iov.iov_len = req->io_len;
		req->io = &req->bounce_iov;
		req->nr_io = 1;
		if (req->op == ZVM_BLK_WRITE)
			zvm_iov_copy_from(req->bounce, req->io_len, req->iov, req->nr_iov);
	}
	if (bq->blk->engine)
		zvm_blk_list_add(&bq->todo, req);
	else
		zvm_blk_pool_add(&bq->blk->pool, req);
}

static void to_pool(struct zvm_blk_req *req)
{
	req->pooled = true;
	zvm_blk_pool_add(&req->bq->blk->pool, req);
}

/* True when the step is taken again. */
static bool retry(struct zvm_blk_req *req, int err)
{
	struct zvm_blk_queue *bq = req->bq;

	/* Not in place: that is no error, and the queue's thread may wait. */
	if (req->nowait && (err == EAGAIN || err == EOPNOTSUPP)) {
		req->waits = true;
		zvm_blk_list_add(&bq->todo, req);
		return true;
	}
	/* An engine without an asynchronous flush for this file: let a thread do it. */
	if (req->op == ZVM_BLK_FLUSH && !req->pooled && (err == EINVAL || err == EOPNOTSUPP)) {
		to_pool(req);
		return true;
	}
	/* ECANCELED: io_uring, when the thread that submitted has ended. */
	if ((err != EAGAIN && err != EINTR && err != ECANCELED) || req->retries == ZVM_BLK_RETRIES)
		return false;
	req->retries++;
	if (req->pooled || !bq->blk->engine)
		zvm_blk_pool_add(&bq->blk->pool, req);
	else
		zvm_blk_list_add(&bq->todo, req);
	return true;
}

void zvm_blk_req_done(struct zvm_blk_req *req, ssize_t res)
{
	struct zvm_virtio_dev *dev = &req->bq->blk->dev;
	bool transfer = req->op == ZVM_BLK_READ || req->op == ZVM_BLK_WRITE;

	if (res < 0 && retry(req, -res))
		return;
	/* Nothing transferred without an error: the image has been truncated behind our back. */
	if (res < 0 || (transfer && !res)) {
		log_host_error(req, -res);
		bounce_put(req);
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (transfer) {
		if (req->io == &req->bounce_iov && req->op == ZVM_BLK_READ)
			zvm_iov_copy_to(req->iov, req->nr_iov, req->bounce, res);
		zvm_iov_advance(&req->iov, &req->nr_iov, res);
		zvm_virtio_count(
			dev, req->op == ZVM_BLK_READ ? ZVM_STAT_BYTES_IN : ZVM_STAT_BYTES_OUT, res);
		req->offset += res;
		req->left -= res;
		if (req->left) {
			start_transfer(req);
			return;
		}
		bounce_put(req);
	}
	finish(req, VIRTIO_BLK_S_OK);
}

/* Is [sector, sector + len bytes) on the disk? len is a multiple of a sector. */
static bool on_disk(const struct zvm_blk *blk, uint64_t sector, uint64_t len)
{
	uint64_t capacity = blk->img.size / ZVM_BLK_SECTOR;

	return sector <= capacity && len / ZVM_BLK_SECTOR <= capacity - sector;
}

static void do_transfer(struct zvm_blk_req *req, uint64_t sector)
{
	struct zvm_blk *blk = req->bq->blk;

	if ((req->op == ZVM_BLK_WRITE && blk->readonly) || req->left % ZVM_BLK_SECTOR ||
	    !on_disk(blk, sector, req->left)) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	req->offset = sector * ZVM_BLK_SECTOR;
	/* Can only happen when a block size above 512 was asked for and the guest ignores it. */
	if (blk->img.direct && (req->offset | req->left) % blk->img.offset_align) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (!req->left) {
		finish(req, VIRTIO_BLK_S_OK);
		return;
	}
	req->dsync = req->op == ZVM_BLK_WRITE && !atomic_load(&blk->writeback);
	req->bq->unfit |= req->dsync;
	start_transfer(req);
}

static void do_flush(struct zvm_blk_req *req)
{
	req->offset = 0;
	req->bq->unfit = true;
	if (req->bq->blk->engine)
		zvm_blk_list_add(&req->bq->todo, req);
	else
		to_pool(req);
}

/* DISCARD and WRITE_ZEROES: all segments are checked before the first is done. */
static void do_ranges(struct zvm_blk_req *req)
{
	struct zvm_blk *blk = req->bq->blk;
	bool discard = req->op == ZVM_BLK_DISCARD;
	uint32_t max = discard ? ZVM_BLK_DISCARD_SECTORS : ZVM_BLK_ZEROES_SECTORS;
	struct virtio_blk_discard_write_zeroes seg[ZVM_BLK_RANGES_MAX];
	uint8_t status = VIRTIO_BLK_S_IOERR;
	unsigned int i, n;

	if (!zvm_virtio_has(&blk->dev,
			    discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES)) {
		status = VIRTIO_BLK_S_UNSUPP;
		goto refuse;
	}
	if (!req->left || req->left % sizeof(seg[0]) || req->left > sizeof(seg))
		goto refuse;
	n = req->left / sizeof(seg[0]);
	zvm_iov_copy_from(seg, req->left, req->iov, req->nr_iov);

	for (i = 0; i < n; i++) {
		uint64_t sector = le64toh(seg[i].sector);
		uint64_t sectors = le32toh(seg[i].num_sectors);
		uint32_t flags = le32toh(seg[i].flags);

		if (flags & ~(discard ? 0u : (uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)) {
			status = VIRTIO_BLK_S_UNSUPP;
			goto refuse;
		}
		if (sectors > max || !on_disk(blk, sector, sectors * ZVM_BLK_SECTOR))
			goto refuse;
		req->ranges[i] = (struct zvm_blk_range){
			.offset = sector * ZVM_BLK_SECTOR,
			.len = sectors * ZVM_BLK_SECTOR,
			.unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
		};
	}
	req->bq->unfit = true;
	req->nr_ranges = n;
	req->offset = req->ranges[0].offset;
	req->dsync = !atomic_load(&blk->writeback);
	to_pool(req);
	return;

refuse:
	finish(req, status);
}

static void do_get_id(struct zvm_blk_req *req)
{
	struct zvm_blk *blk = req->bq->blk;
	size_t n = zvm_iov_copy_to(req->iov, req->nr_iov, blk->serial, sizeof(blk->serial));

	zvm_virtio_count(&blk->dev, ZVM_STAT_BYTES_IN, n);
	req->in_total = n + 1;
	finish(req, VIRTIO_BLK_S_OK);
}

/* Takes header and status off the chain. False: the chain has no room for them. */
static bool unwrap(struct zvm_blk_req *req, const struct zvm_vq_chain *c,
		   struct virtio_blk_outhdr *hdr)
{
	struct iovec *last;

	if (c->out_len < sizeof(*hdr) || !c->in_len)
		return false;
	if (c->iov[0].iov_len >= sizeof(*hdr)) {
		memcpy(hdr, c->iov[0].iov_base, sizeof(*hdr));
		__asm__ volatile("" ::: "memory"); /* as in zvm_iov_copy_from() */
	} else {
		zvm_iov_copy_from(hdr, sizeof(*hdr), c->iov, c->nr_out);
	}
	last = &c->iov[c->nr_out + c->nr_in - 1];
	last->iov_len--;
	req->status = (uint8_t *)last->iov_base + last->iov_len;
	req->in_total = c->in_len > UINT32_MAX ? UINT32_MAX : c->in_len;
	return true;
}

/* Selects the data: behind the header for output, before the status for input. */
static void select_data(struct zvm_blk_req *req, const struct zvm_vq_chain *c, bool out)
{
	if (out) {
		req->iov = c->iov;
		req->nr_iov = c->nr_out;
		req->left = c->out_len - sizeof(struct virtio_blk_outhdr);
		zvm_iov_advance(&req->iov, &req->nr_iov, sizeof(struct virtio_blk_outhdr));
	} else {
		req->iov = c->iov + c->nr_out;
		req->nr_iov = c->nr_in;
		req->left = c->in_len - 1;
		if (!req->iov[req->nr_iov - 1].iov_len)
			req->nr_iov--;
	}
}

static void dispatch(struct zvm_blk_req *req, const struct zvm_vq_chain *c,
		     const struct virtio_blk_outhdr *hdr)
{
	uint32_t type = le32toh(hdr->type);

	switch (type) {
	case VIRTIO_BLK_T_IN:
		req->op = ZVM_BLK_READ;
		select_data(req, c, false);
		do_transfer(req, le64toh(hdr->sector));
		break;
	case VIRTIO_BLK_T_OUT:
		req->op = ZVM_BLK_WRITE;
		select_data(req, c, true);
		do_transfer(req, le64toh(hdr->sector));
		break;
	case VIRTIO_BLK_T_FLUSH:
		req->op = ZVM_BLK_FLUSH;
		do_flush(req);
		break;
	case VIRTIO_BLK_T_GET_ID:
		req->op = ZVM_BLK_READ;
		select_data(req, c, false);
		do_get_id(req);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		req->op = type == VIRTIO_BLK_T_DISCARD ? ZVM_BLK_DISCARD : ZVM_BLK_ZEROES;
		select_data(req, c, true);
		do_ranges(req);
		break;
	default:
		finish(req, VIRTIO_BLK_S_UNSUPP);
	}
}

/*
 * The request that is used next. There is one more than the ring lets be in flight, so it exists;
 * those that a guest never keeps in flight at once never cost memory.
 */
static struct zvm_blk_req *next_free(struct zvm_blk_queue *bq)
{
	if (!bq->free) {
		bq->free = &bq->reqs[bq->nr_made++];
		bq->free->bq = bq;
	}
	return bq->free;
}

void zvm_blk_serve(struct zvm_virtio_queue *q)
{
	struct zvm_blk *blk = ZVM_CONTAINER_OF(q->dev, struct zvm_blk, dev);
	struct zvm_blk_queue *bq = &blk->bqs[q->index];
	unsigned int budget = bq->placing ? ZVM_BLK_PLACE_MAX : ZVM_VIRTIO_BUDGET;
	struct virtio_blk_outhdr hdr;
	struct zvm_blk_req *req;
	bool again;
	int ret = 0;

	bq->taken = 0;
	bq->taken_bytes = 0;
	bq->passed_on = bq->unfit = false;
	zvm_vq_disable_notify(&q->vq);
	do {
		while (budget) {
			struct zvm_vq_chain c = { .max = ZVM_BLK_IOV_MAX };

			req = next_free(bq);
			c.iov = req->chain;

			ret = zvm_vq_pop(&q->vq, &c);
			if (ret <= 0)
				break;
			if (!unwrap(req, &c, &hdr)) {
				q->vq.fault = "block request without room for header or status";
				ret = -EPROTO;
				break;
			}
			budget--;
			bq->free = req->next;
			bq->busy++;
			req->head = c.head;
			req->retries = 0;
			req->pooled = false;
			req->nowait = req->waits = false;
			bq->taken++;
			bq->taken_bytes += c.in_len + c.out_len;
			req->dsync = false;
			dispatch(req, &c, &hdr);
		}
		/* Start what was collected before asking for the next doorbell. */
		again = zvm_blk_submit(bq);
	} while (ret >= 0 && budget && !bq->awake && zvm_vq_enable_notify(&q->vq));

	bq->passed_on |= !budget;
	if (!budget || again)
		zvm_virtio_queue_rearm(q);
	zvm_virtio_queue_signal(q);
}
