/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device model and the transport share. Private to the library.
 *
 * A device embeds struct zvm_virtio_dev, fills ops and lets core.c and mmio.c do the rest: register
 * state, negotiation, doorbells, interrupts, reset, pause. The locks and the threads are described
 * in <zvm/virtio.h>.
 *
 * A queue is served only while it is running (the driver has set DRIVER_OK and made it ready), not
 * paused, and its device not broken. zvm_virtio_queue_enter() is the gate: whoever touches a ring
 * does so between enter and leave.
 */
#ifndef ZVM_VIRTIO_DEV_H
#define ZVM_VIRTIO_DEV_H

#include <pthread.h>
#include <stdatomic.h>

#include <zvm/virtio.h>

#include "queue.h"

#define ZVM_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define ZVM_BIT(n) (1ULL << (n))

/* Features the transport and the queues bring; a device adds its own. */
#define ZVM_VIRTIO_COMMON_FEATURES                                            \
	(ZVM_BIT(VIRTIO_F_VERSION_1) | ZVM_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 ZVM_BIT(VIRTIO_RING_F_EVENT_IDX))

/* Chains served in one go before other work of the same thread gets its turn. */
#define ZVM_VIRTIO_BUDGET 256

struct zvm_virtio_queue;

struct zvm_virtio_ops {
	uint32_t id; /* VIRTIO device ID */

	/* The queue has work: take chains. queue->lock held, between enter and leave. */
	void (*serve)(struct zvm_virtio_queue *q);

	/*
	 * The doorbell came as a write to the register, on a vCPU's thread; no lock held. False:
	 * the eventfd is rung as by an ioeventfd. May be NULL.
	 */
	bool (*doorbell)(struct zvm_virtio_queue *q);

	/*
	 * Bring the queue to rest: return when nothing is in flight. queue->lock held. With stop
	 * set the queue ends, and what the device still holds of it must be forgotten. May be NULL.
	 */
	void (*drain)(struct zvm_virtio_queue *q, bool stop);

	/* The driver has accepted dev->driver_features (DRIVER_OK). dev->lock held. May be NULL. */
	void (*negotiated)(struct zvm_virtio_dev *dev);

	/* A write inside the configuration space. dev->lock held. NULL: read-only. */
	void (*config_write)(struct zvm_virtio_dev *dev, unsigned int offset, const void *data,
			     unsigned int len);

	/* Device state back to power-on; all queues are stopped. dev->lock held. May be NULL. */
	void (*reset)(struct zvm_virtio_dev *dev);

	/* Stop threads, free the device with all it owns. All queues are stopped. */
	void (*destroy)(struct zvm_virtio_dev *dev);
};

struct zvm_virtio_queue {
	struct zvm_virtio_dev *dev;
	unsigned int index;
	int kick_fd;		/* eventfd: doorbell from the guest or from ourselves */
	atomic_uint self_kicks; /* doorbells that were ours, not counted as the guest's */
	bool bound, watched;	/* what destroy has to undo; bound: the serving thread's */

	pthread_mutex_t lock;
	struct zvm_vq vq; /* lock */
	bool running;	  /* lock */
	bool paused;	  /* lock */

	/* What the driver wrote into the registers; dev->lock. */
	uint32_t num;
	bool ready;
	uint64_t desc, avail, used;
};

enum zvm_virtio_stat {
	ZVM_STAT_REQUESTS,
	ZVM_STAT_ERRORS,
	ZVM_STAT_BYTES_IN,
	ZVM_STAT_BYTES_OUT,
	ZVM_STAT_NOTIFICATIONS,
	ZVM_STAT_INTERRUPTS,
	ZVM_STAT_RESETS,
	ZVM_STAT_VIOLATIONS,
	ZVM_STAT_NR
};

struct zvm_virtio_dev {
	const struct zvm_virtio_ops *ops;
	struct zvm_virtio_env env;
	char *name;
	uint64_t features;  /* offered */
	const void *config; /* dev->lock; the device's configuration space */
	unsigned int config_len;
	unsigned int queue_max;
	unsigned int nr_queues;
	struct zvm_virtio_queue *queues;

	atomic_uint status; /* device status register */
	atomic_uint isr;    /* interrupt status register */
	atomic_uint config_gen;
	_Atomic uint64_t stats[ZVM_STAT_NR];

	pthread_mutex_t lock; /* before any queue->lock */
	uint64_t driver_features;
	uint32_t features_sel, driver_features_sel, queue_sel;
};

/* What a device passes to init. */
struct zvm_virtio_init {
	const struct zvm_virtio_ops *ops;
	const char *name;
	uint64_t features; /* without the common ones */
	unsigned int nr_queues, queue_max;
	const void *config;
	unsigned int config_len;
	bool own_threads; /* the device watches kick_fd itself and calls queue_run */
};

/*
 * init makes queues, doorbells and their bindings; on error nothing is left. fini undoes it and is
 * the last thing ops->destroy does before it frees.
 */
int zvm_virtio_dev_init(struct zvm_virtio_dev *dev, const struct zvm_virtio_env *env,
			const struct zvm_virtio_init *init, struct zvm_err *e);
void zvm_virtio_dev_fini(struct zvm_virtio_dev *dev);

/* The doorbell was rung: consumes it and serves. On the thread that serves the queue. */
void zvm_virtio_queue_run(struct zvm_virtio_queue *q);

/* Rings the doorbell from our side: work is left, or state changed. Any thread, no lock needed. */
void zvm_virtio_queue_rearm(struct zvm_virtio_queue *q);

/*
 * Doorbells come by the ioeventfd, or as writes to the register, where ops->doorbell sees them.
 * Only from the one thread that serves the queue, without its lock: it waits for vCPUs in the
 * kernel.
 */
void zvm_virtio_queue_bind(struct zvm_virtio_queue *q, bool on);

/* Takes queue->lock. True: the ring may be touched until leave. False: lock is not held. */
bool zvm_virtio_queue_enter(struct zvm_virtio_queue *q);
void zvm_virtio_queue_leave(struct zvm_virtio_queue *q);

/* For a device that holds queue->lock already: may the ring be touched? */
bool zvm_virtio_queue_open(const struct zvm_virtio_queue *q);

/* The doorbell was rung, and the eventfd is not read (edge-triggered): counts it. */
void zvm_virtio_queue_rung(struct zvm_virtio_queue *q);

/* May buffers of chains in flight still be touched? queue->lock held. */
bool zvm_virtio_queue_answerable(const struct zvm_virtio_queue *q);

/* Answers a chain; nothing happens on a broken device. queue->lock held. */
void zvm_virtio_queue_answer(struct zvm_virtio_queue *q, uint16_t head, uint32_t written);

/* Publishes the answers and interrupts the guest if it wants that. queue->lock held. */
void zvm_virtio_queue_signal(struct zvm_virtio_queue *q);

/* The guest broke a rule: DEVICE_NEEDS_RESET, configuration interrupt, no service any more. */
void zvm_virtio_break(struct zvm_virtio_dev *dev, const char *rule);

/* The configuration space has changed. dev->lock held. */
void zvm_virtio_config_changed(struct zvm_virtio_dev *dev);

/* For the transport; dev->lock held. */
void zvm_virtio_queue_begin(struct zvm_virtio_queue *q);
void zvm_virtio_queue_end(struct zvm_virtio_queue *q);
void zvm_virtio_reset_locked(struct zvm_virtio_dev *dev);

/* Makes an eventfd readable. The write fails only when the counter is full: readable already. */
void zvm_virtio_event_signal(int fd);

__attribute__((format(printf, 3, 4))) void
zvm_virtio_logf(const struct zvm_virtio_dev *dev, enum zvm_virtio_log level, const char *fmt, ...);

static inline bool zvm_virtio_has(const struct zvm_virtio_dev *dev, unsigned int feature)
{
	return dev->driver_features & ZVM_BIT(feature);
}

static inline void zvm_virtio_count(struct zvm_virtio_dev *dev, enum zvm_virtio_stat s, uint64_t n)
{
	atomic_fetch_add_explicit(&dev->stats[s], n, memory_order_relaxed);
}

#endif /* ZVM_VIRTIO_DEV_H */
