/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtio devices behind virtio-mmio (VIRTIO 1.2, sections 2, 4.2, 5.2-5.4): what the VMM calls and
 * what it must provide.
 *
 * Threads
 *	create, destroy		the thread that builds or tears down the VM; no vCPU runs, and the
 *				event loop is either not running or is the caller
 *	mmio_read, mmio_write	any vCPU thread, several at once
 *	reset, quiesce, resume	any thread; vCPUs stopped for quiesce and resume
 *	console_*		the event loop thread
 *	stats			any thread
 *	A device works on the VMM's event loop (through watch()), or for a disk on one thread of its
 *	own per queue when cfg.iothreads is set. Engine helper threads never touch rings. vCPU
 *	threads do no file I/O that could wait: a notification that reaches mmio_write signals an
 *	eventfd, unless the queue is served in place (virtio/blk/inplace.c). A reset waits for the
 *	I/O in flight, because afterwards the guest owns its buffers again.
 *
 * Locks (inside the library, in this order)
 *	dev->lock	registers, negotiation, configuration space
 *	queue->lock	one per queue: its ring, its requests, its engine
 *	engine locks	leaf
 *	Status and interrupt bits are atomic, so a queue can break its device without dev->lock. The
 *	services of struct zvm_virtio_env and the console's callbacks are called with any of these
 *	held, so they must not call back into the device.
 *
 * Trust
 *	Registers, rings and buffers are hostile. A guest that breaks a rule of the ring gets
 *	DEVICE_NEEDS_RESET with a configuration interrupt; the device then takes and answers no
 *	request until it is reset (transfers under way end, unanswered). The image file's content is
 *not trusted either (it is never interpreted).
 */
#ifndef ZVM_VIRTIO_H
#define ZVM_VIRTIO_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <zvm/err.h>
#include <zvm/gmem.h>

#define ZVM_VIRTIO_MMIO_SIZE  0x200 /* bytes of one slot's register window */
#define ZVM_VIRTIO_MAX_QUEUES 16
#define ZVM_VIRTIO_QUEUE_MAX  256 /* largest QueueNum, also the value of QueueNumMax by default */

struct zvm_virtio_dev;

enum zvm_virtio_log { ZVM_VIRTIO_LOG_INFO, ZVM_VIRTIO_LOG_WARN, ZVM_VIRTIO_LOG_ERR };

typedef void (*zvm_virtio_fd_cb)(void *arg, uint32_t epoll_events);

/* Copied by the create functions; what the pointers name must outlive the device. */
struct zvm_virtio_env {
	void *ctx;

	/*
	 * Calls cb(arg, events) on the event loop thread while fd is ready (level triggered).
	 * Watching an fd again replaces events, cb and arg. 0 or -errno; -EPERM for a regular file.
	 * Called on the creating thread and on the event loop thread. After unwatch() no callback
	 * starts; both may be called from inside a callback.
	 */
	int (*watch)(void *ctx, int fd, uint32_t epoll_events, zvm_virtio_fd_cb cb, void *arg);
	void (*unwatch)(void *ctx, int fd);

	/*
	 * Connects a 32-bit guest write of the value queue to offset in the device's window with
	 * eventfd (an ioeventfd with datamatch), or undoes it. May be NULL or fail: such writes
	 * then come through zvm_virtio_mmio_write(), slower and just as correct. Called from
	 * create and destroy, and from a disk's own thread, with no lock held.
	 */
	int (*bind_notify)(void *ctx, uint64_t offset, uint32_t queue, int eventfd, bool on);

	/*
	 * Eventfd owned by the VMM. One write raises the device's interrupt once: edge triggered,
	 * as QEMU's virt board declares virtio-mmio.
	 */
	int irqfd;

	/* One line without newline. May be NULL. Any thread. */
	void (*log)(void *ctx, enum zvm_virtio_log level, const char *msg);

	const struct zvm_gmem *gmem;
};

/*
 * Guest accesses. offset is relative to the window; data holds len bytes, little-endian as the
 * guest's bus has them. Registers answer to aligned 32-bit accesses only, the configuration space
 * to 1, 2, 4 and 8 bytes; anything else reads as zero and writes nothing.
 */
void zvm_virtio_mmio_read(struct zvm_virtio_dev *dev, uint64_t offset, void *data,
			  unsigned int len);
void zvm_virtio_mmio_write(struct zvm_virtio_dev *dev, uint64_t offset, const void *data,
			   unsigned int len);

/*
 * The word behind the registers InterruptStatus and InterruptACK, 32 bits, for as long as the
 * device lives. Somebody else may answer the guest's accesses to them from it: a read is the word,
 * a write clears the written bits, atomically.
 */
#define ZVM_VIRTIO_MMIO_ISR 0x60 /* InterruptStatus; InterruptACK is behind it */
void *zvm_virtio_isr(struct zvm_virtio_dev *dev);

/* The state after power-on. Returns when no I/O is in flight. For a reboot of the VM. */
void zvm_virtio_reset(struct zvm_virtio_dev *dev);

/*
 * quiesce returns when all I/O in flight is completed into the rings and no thread of the device
 * touches guest memory, the image or irqfd any more. Notifications that arrive meanwhile are kept
 * and served after resume. Both are idempotent. A reset while quiesced is allowed.
 */
void zvm_virtio_quiesce(struct zvm_virtio_dev *dev);
void zvm_virtio_resume(struct zvm_virtio_dev *dev);

/* Waits for I/O, stops threads, closes what the device owns. NULL is allowed. */
void zvm_virtio_destroy(struct zvm_virtio_dev *dev);

/* Counters since creation; each is exact, together they are not one snapshot. */
struct zvm_virtio_stats {
	uint64_t requests;	/* chains answered */
	uint64_t errors;	/* of these, with a device error status */
	uint64_t bytes_in;	/* device to guest: disk reads, console input, entropy */
	uint64_t bytes_out;	/* guest to device: disk writes, console output */
	uint64_t notifications; /* doorbells of the guest that found the device asleep */
	uint64_t interrupts;	/* irqfd writes */
	uint64_t resets;	/* by the guest or the VMM */
	uint64_t violations;	/* times DEVICE_NEEDS_RESET was entered */
};

void zvm_virtio_get_stats(const struct zvm_virtio_dev *dev, struct zvm_virtio_stats *st);

/* VIRTIO device ID (2 block, 3 console, 4 entropy) and the name given at creation. */
uint32_t zvm_virtio_id(const struct zvm_virtio_dev *dev);
const char *zvm_virtio_name(const struct zvm_virtio_dev *dev);

/* ---- block ---------------------------------------------------------------------------------- */

enum zvm_blk_engine { ZVM_BLK_LIBAIO, ZVM_BLK_IO_URING, ZVM_BLK_THREADS };
enum zvm_blk_cache {
	ZVM_BLK_CACHE_WRITEBACK, /* host page cache */
	ZVM_BLK_CACHE_NONE,	 /* O_DIRECT; page cache with a warning where that cannot work */
};

/* Zero-initialise, then set what differs. Strings are copied. */
struct zvm_blk_cfg {
	const char *name; /* for messages; NULL: the path */
	const char *path; /* raw image file or block device */
	enum zvm_blk_engine engine;
	enum zvm_blk_cache cache;
	bool readonly;
	bool iothreads;		 /* one thread per queue instead of the event loop; with the page
				  * cache and libaio submission blocks, so it is advised there */
	bool no_in_place;	 /* vCPU threads serve no requests, not even what cannot wait */
	unsigned int poll_us;	 /* an I/O thread looks for more for so long before it sleeps, at
				  * most; 0: not at all */
	bool no_discard;	 /* do not offer DISCARD */
	bool no_lock;		 /* do not take the advisory lock (flock) on the image */
	unsigned int queues;	 /* 0 means 1; at most ZVM_VIRTIO_MAX_QUEUES */
	unsigned int queue_size; /* power of two, 4..256; 0 means 256 */
	unsigned int
		block_size; /* logical block shown to the guest: 512 or 4096; 0: from the image */
	const char *serial; /* at most 20 bytes; NULL: none */
};

/*
 * Opens, locks and checks the image: its size must be a multiple of 512 bytes (and of block_size).
 * Errors name the reason and a remedy: -ENOENT, -EACCES, -EBUSY (locked by another VM), -EINVAL,
 * -ENOTSUP (engine not built in or not allowed by this host), ...
 */
#ifdef CONFIG_ZVM_VIRTIO_BLK

int zvm_blk_create(const struct zvm_virtio_env *env, const struct zvm_blk_cfg *cfg,
		   struct zvm_virtio_dev **out, struct zvm_err *e);

/* Is the engine compiled in? Its name as in vm.toml, known even if it is not. */
bool zvm_blk_engine_available(enum zvm_blk_engine engine);
const char *zvm_blk_engine_name(enum zvm_blk_engine engine);

#else

static inline int zvm_blk_create(const struct zvm_virtio_env *env, const struct zvm_blk_cfg *cfg,
				 struct zvm_virtio_dev **out, struct zvm_err *e)
{
	return zvm_err_set(e, ENOTSUP, "virtio-blk is not built in");
}

#endif

/* ---- console -------------------------------------------------------------------------------- */

/*
 * The host side is either a pair of descriptors (write == NULL) or callbacks.
 *
 * Descriptors: watched by the device, not closed by it, may be the same. Each must be O_NONBLOCK,
 * or a reader that stalls would stall the event loop; SIGPIPE must be ignored. in_fd < 0: no input;
 * out_fd < 0: output is dropped. End of input stops input, a write error drops output; both are
 * logged once.
 *
 * Callbacks, on the event loop thread, must not call back into the device:
 *	write	takes guest output and returns the bytes accepted, 0 when there is no room now; then
 *		call zvm_console_writable() when there is. Negative: the output is dropped.
 *	rx_room	the guest has given input buffers again after zvm_console_input() took less than
 *		it was offered. May be NULL.
 */
struct zvm_console_cfg {
	const char *name; /* NULL: "console" */
	int in_fd, out_fd;
	ssize_t (*write)(void *ctx, const struct iovec *iov, int iovcnt);
	void (*rx_room)(void *ctx);
	void *ctx;
	uint16_t cols, rows; /* 0: unknown, no size is offered */
};

#ifdef CONFIG_ZVM_VIRTIO_CONSOLE

int zvm_console_create(const struct zvm_virtio_env *env, const struct zvm_console_cfg *cfg,
		       struct zvm_virtio_dev **out, struct zvm_err *e);

/* Callback mode: gives input to the guest, returns how many bytes its buffers took. */
size_t zvm_console_input(struct zvm_virtio_dev *dev, const void *buf, size_t len);
/* Callback mode: the host side takes output again. */
void zvm_console_writable(struct zvm_virtio_dev *dev);
/* Tells the guest the new terminal size; ignored when no size was given at creation. */
void zvm_console_resize(struct zvm_virtio_dev *dev, uint16_t cols, uint16_t rows);

#else /* not built in: creation fails with -ENOTSUP, so the others are never reached */

static inline int zvm_console_create(const struct zvm_virtio_env *env,
				     const struct zvm_console_cfg *cfg, struct zvm_virtio_dev **out,
				     struct zvm_err *e)
{
	return zvm_err_set(e, ENOTSUP, "virtio-console is not built in");
}

static inline size_t zvm_console_input(struct zvm_virtio_dev *dev, const void *buf, size_t len)
{
	return 0;
}

static inline void zvm_console_writable(struct zvm_virtio_dev *dev)
{
}

static inline void zvm_console_resize(struct zvm_virtio_dev *dev, uint16_t cols, uint16_t rows)
{
}

#endif

/* ---- entropy -------------------------------------------------------------------------------- */

/* Entropy from getrandom(2). name NULL: "rng". */
#ifdef CONFIG_ZVM_VIRTIO_RNG
int zvm_rng_create(const struct zvm_virtio_env *env, const char *name, struct zvm_virtio_dev **out,
		   struct zvm_err *e);
#else
static inline int zvm_rng_create(const struct zvm_virtio_env *env, const char *name,
				 struct zvm_virtio_dev **out, struct zvm_err *e)
{
	return zvm_err_set(e, ENOTSUP, "virtio-rng is not built in");
}
#endif

#endif /* ZVM_VIRTIO_H */
