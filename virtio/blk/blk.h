/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block device: types shared by the files of virtio/blk.
 *
 *	blk.c		device: configuration, features, queues, threads, creation
 *	request.c	one request from the ring to its status byte
 *	image.c		the image file: opening, locking, geometry, discard, zeroes
 *	pool.c		worker threads for what must block (and the "threads" engine)
 *	engine_*.c	asynchronous read, write and flush
 *	inplace.c	requests served by the vCPU's thread that rings the doorbell
 *
 * Everything in struct zvm_blk_queue is guarded by the virtqueue's lock (queue->lock), except
 * pool_done, which belongs to the pool's lock. A request is owned by the queue, or, between
 * zvm_blk_pool_add() and zvm_blk_pool_reap(), by the pool.
 */
#ifndef ZVM_VIRTIO_BLK_H
#define ZVM_VIRTIO_BLK_H

#include <sys/types.h>

#include <linux/virtio_blk.h>

#include "../dev.h"

#define ZVM_BLK_SECTOR	512u
#define ZVM_BLK_SEG_MAX 126 /* data segments of a request, as told to the guest */
/* Header, data, status, and one more for each place where two regions of RAM meet. */
#define ZVM_BLK_IOV_MAX		(ZVM_BLK_SEG_MAX + 2 + ZVM_GMEM_MAX_REGIONS)
#define ZVM_BLK_RANGES_MAX	16	   /* segments of one DISCARD or WRITE_ZEROES */
#define ZVM_BLK_DISCARD_SECTORS (1u << 22) /* 2 GiB per segment */
#define ZVM_BLK_ZEROES_SECTORS	(1u << 17) /* 64 MiB: may have to be written out */
#define ZVM_BLK_BOUNCE_SIZE	(128u << 10)
#define ZVM_BLK_BOUNCE_NR	8 /* per queue */
#define ZVM_BLK_RETRIES		8 /* of a transient host error */
#define ZVM_BLK_PLACE_MAX	8 /* requests that a vCPU thread serves for one doorbell */

struct zvm_blk;
struct zvm_blk_queue;

enum zvm_blk_op { ZVM_BLK_READ, ZVM_BLK_WRITE, ZVM_BLK_FLUSH, ZVM_BLK_DISCARD, ZVM_BLK_ZEROES };

struct zvm_blk_range {
	uint64_t offset, len; /* bytes, checked against the image */
	bool unmap;
};

/*
 * Preallocated. The engine performs the part described by offset, io and nr_io (READ, WRITE), or
 * the whole (FLUSH), and reports to zvm_blk_req_done().
 */
struct zvm_blk_req {
	struct zvm_blk_req *next; /* on one list at a time */
	struct zvm_blk_queue *bq;
	enum zvm_blk_op op;
	bool dsync;  /* must be on stable storage when it completes */
	bool pooled; /* has been given to the pool */
	bool nowait; /* was handed over with RWF_NOWAIT, */
	bool waits;  /* and would have had to wait: not in place again */
	uint16_t head;
	unsigned int retries;
	uint32_t in_total; /* length of the device-writable part */
	uint8_t *status;   /* guest memory */

	uint64_t offset, left; /* bytes of the image still to transfer */
	struct iovec *iov;     /* guest memory still to transfer */
	unsigned int nr_iov;

	const struct iovec *io; /* what the engine is given now */
	unsigned int nr_io;
	uint64_t io_len;
	uint8_t *bounce;
	struct iovec bounce_iov;

	struct zvm_blk_range ranges[ZVM_BLK_RANGES_MAX];
	unsigned int nr_ranges;
	ssize_t res; /* left by the pool */

	struct iovec chain[ZVM_BLK_IOV_MAX];
};

/* First in, first out. */
struct zvm_blk_list {
	struct zvm_blk_req *head, *tail;
};

static inline void zvm_blk_list_add(struct zvm_blk_list *l, struct zvm_blk_req *r)
{
	r->next = NULL;
	if (l->head)
		l->tail->next = r;
	else
		l->head = r;
	l->tail = r;
}

static inline struct zvm_blk_req *zvm_blk_list_take(struct zvm_blk_list *l)
{
	struct zvm_blk_req *r = l->head;

	if (r)
		l->head = r->next;
	return r;
}

/*
 * An engine; one instance per queue, all calls with queue->lock held, on any thread. Completions
 * that submit's caller does not find by reap at once make done_fd (an eventfd) or, if the engine
 * has set it, engine_fd readable; engine_fd is so for as long as there are any.
 */
struct zvm_blk_engine_ops {
	const char *name;
	bool nowait; /* knows what to do while bq->placing */
	int (*open)(struct zvm_blk_queue *bq, struct zvm_err *e);
	void (*close)(struct zvm_blk_queue *bq); /* nothing is in flight */
	/*
	 * Hands requests from bq->todo to the kernel, counting them in bq->in_kernel. What the
	 * kernel has no room for stays; what it refuses is completed with its error. True when
	 * something stays and nothing is in the kernel whose completion would bring us back.
	 */
	bool (*submit)(struct zvm_blk_queue *bq);
	/*
	 * Calls zvm_blk_req_done() for what has completed, and says how many these were. Cheap, and
	 * no system call, when there are none: it is also called at once after submit, because much
	 * is done by then (what the page cache has, what a RAM disk holds).
	 */
	unsigned int (*reap)(struct zvm_blk_queue *bq);
};

extern const struct zvm_blk_engine_ops zvm_blk_libaio;
extern const struct zvm_blk_engine_ops zvm_blk_io_uring;

/* ---- image ---------------------------------------------------------------------------------- */

struct zvm_blk_image {
	int fd;
	uint64_t size; /* bytes, multiple of block_size */
	bool block_device;
	bool direct;		   /* O_DIRECT is on */
	unsigned int mem_align;	   /* of a buffer's address, when direct */
	unsigned int offset_align; /* of file offset and length, when direct; <= block_size */
	unsigned int block_size;   /* logical, as shown to the guest */
	unsigned int physical_block_size;
	atomic_bool no_zero_range, no_punch_hole; /* tried, not supported */
};

/* On error img->fd is -1 and nothing is held. */
int zvm_blk_image_open(struct zvm_blk_image *img, const struct zvm_virtio_dev *dev,
		       const struct zvm_blk_cfg *cfg, struct zvm_err *e);
void zvm_blk_image_close(struct zvm_blk_image *img);

/* Blocking; any pool thread. 0 or -errno. A discard that the host cannot do is a success. */
int zvm_blk_image_discard(struct zvm_blk_image *img, uint64_t offset, uint64_t len);
int zvm_blk_image_zero(struct zvm_blk_image *img, uint64_t offset, uint64_t len, bool unmap);

/* ---- pool ----------------------------------------------------------------------------------- */

#define ZVM_BLK_POOL_MAX 16

struct zvm_blk_pool {
	struct zvm_blk_image *img;
	pthread_mutex_t lock; /* leaf; guards todo, stop and every queue's pool_done */
	pthread_cond_t work;
	struct zvm_blk_list todo;
	bool stop;
	unsigned int nr;
	pthread_t thread[ZVM_BLK_POOL_MAX];
};

int zvm_blk_pool_start(struct zvm_blk_pool *pool, struct zvm_blk_image *img, unsigned int threads,
		       struct zvm_err *e);
void zvm_blk_pool_stop(struct zvm_blk_pool *pool);
/* Any operation; completion makes req->bq->done_fd readable. queue->lock held for both. */
void zvm_blk_pool_add(struct zvm_blk_pool *pool, struct zvm_blk_req *req);
void zvm_blk_pool_reap(struct zvm_blk_pool *pool, struct zvm_blk_queue *bq);

/* A thread of the device: takes no signals, named for ps(1). 0 or -errno. */
int zvm_blk_thread_start(pthread_t *t, void *(*fn)(void *), void *arg, const char *name);

/* ---- device --------------------------------------------------------------------------------- */

struct zvm_blk_queue {
	struct zvm_blk *blk;
	struct zvm_virtio_queue *q;
	int done_fd, engine_fd; /* engine_fd: -1 when completions come by done_fd alone */
	bool watched, engine_watched, threaded, opened;
	pthread_t thread;
	int epfd;	       /* of the thread */
	bool awake;	       /* the thread will look again: no doorbell is wanted; lock */
	uint64_t window;       /* how long it looks, ns; the thread's own, as is the next */
	uint64_t asleep_since; /* ns */

	struct zvm_blk_req *reqs; /* depth + 1, of which nr_made have been used */
	unsigned int nr_made;
	struct zvm_blk_req *free;
	unsigned int busy; /* not free */

	void *engine;		  /* the engine's own */
	struct zvm_blk_list todo; /* for the engine, not handed over yet */
	unsigned int in_kernel;	  /* handed over by the engine, not reaped */

	uint8_t *bounce_mem;
	uint8_t *bounce_free[ZVM_BLK_BOUNCE_NR];
	unsigned int nr_bounce_free;
	struct zvm_blk_list bounce_wait;

	struct zvm_blk_list pool_done; /* pool->lock */

	/* inplace.c */
	atomic_bool in_place;	  /* doorbells are answered by who rings them; set under the lock */
	bool may_place, asked;	  /* the kernel can be asked not to wait; was asked whether */
	bool placing;		  /* a vCPU's thread is serving */
	bool passed_on;		  /* and has left something for the queue's thread */
	bool rebind;		  /* the thread is to take the ioeventfd away or bring it back */
	bool told;		  /* the thread watches done_fd; only it changes that */
	unsigned int prompt;	  /* its rounds that left nothing under way */
	unsigned int good, worth; /* doorbells answered in place or as fast; how many are wanted */
	unsigned int taken;	  /* requests of this doorbell, */
	uint64_t taken_bytes;	  /* their data, */
	bool unfit;		  /* and whether one must not be served in place */
};

/* What a queue's thread watches. */
enum { ZVM_BLK_EV_STOP, ZVM_BLK_EV_KICK, ZVM_BLK_EV_DONE, ZVM_BLK_EV_ENGINE, ZVM_BLK_EV_NR };

struct zvm_blk {
	struct zvm_virtio_dev dev;
	struct virtio_blk_config config; /* dev->lock */
	struct zvm_blk_image img;
	struct zvm_blk_pool pool;
	bool pool_started;
	const struct zvm_blk_engine_ops *engine; /* NULL: the pool does it all */
	bool readonly;
	char serial[VIRTIO_BLK_ID_BYTES];
	unsigned int depth;    /* entries of a queue */
	uint64_t poll_ns;      /* how long a thread looks for more at most */
	atomic_bool writeback; /* false: a write is on stable storage when it completes */
	int stop_fd;	       /* readable: I/O threads end */
	_Atomic uint64_t host_errors;
	struct zvm_blk_queue *bqs;
};

/* Takes requests from the ring and starts them. queue->lock held. */
void zvm_blk_serve(struct zvm_virtio_queue *q);

/*
 * Starts what is on todo and takes what is done already. True: the host has no room, try again
 * later. queue->lock held.
 */
bool zvm_blk_submit(struct zvm_blk_queue *bq);

/* ---- in place ------------------------------------------------------------------------------- */

void zvm_blk_place_init(struct zvm_blk_queue *bq, bool wanted);
/* A vCPU's thread has rung the doorbell; no lock held. False: the queue's thread is to be woken. */
bool zvm_blk_doorbell(struct zvm_virtio_queue *q);
/* May all of bq->todo be submitted on a vCPU's thread? */
bool zvm_blk_placeable(const struct zvm_blk_queue *bq);
/*
 * The queue's thread has served, after a doorbell or not. Lock held. True: call rebind, which may
 * sleep, without the lock.
 */
bool zvm_blk_settle(struct zvm_blk_queue *bq, bool kicked);
void zvm_blk_rebind(struct zvm_blk_queue *bq);

/* One step of a request has ended: bytes transferred, or -errno. queue->lock held. */
void zvm_blk_req_done(struct zvm_blk_req *req, ssize_t res);

#endif /* ZVM_VIRTIO_BLK_H */
