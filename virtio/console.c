// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-console: one port, no MULTIPORT (VIRTIO 1.2, 5.3).
 *
 * Served on the event loop; resize is the one call that also takes dev->lock. The host side is a
 * pair of non-blocking descriptors or the VMM's callbacks. Neither direction ever waits: output
 * that the host does not take keeps its chain (and with it the guest's driver) until the host side
 * is writable, input is read only while the guest has buffers, plus at most one internal buffer
 * full. The flags that say what is watched belong to the event loop thread, so stopping a queue
 * from another thread leaves them alone; the next callback finds the queue closed and unwatches.
 *
 * Not trusted: the number, size and content of the guest's buffers. One round of work is bounded in
 * chains and in bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "dev.h"

#define RXQ	      0
#define TXQ	      1
#define NR_QUEUES     2
#define QUEUE_SIZE    64
#define IOV_MAX_CHAIN 64
#define WRITE_MAX     (64u << 10) /* bytes given to the host at once */
#define ROUNDS	      64	  /* reads or writes before others get their turn */

struct zvm_console {
	struct zvm_virtio_dev dev;
	struct virtio_console_config config; /* dev->lock */
	struct zvm_console_cfg cfg;

	/* Event loop thread. */
	bool want_in, want_out; /* watched for reading, for writing */
	bool starved;		/* callback mode: rx_room is owed */

	/* Lock of the receive queue. */
	bool in_ended;
	size_t in_pos, in_len; /* what the guest has not taken yet */
	uint8_t in_buf[4096];

	/* Lock of the transmit queue. */
	bool out_failed;
	bool held; /* a chain is partly written */
	uint16_t held_head;
	struct iovec *out;
	unsigned int nr_out;
	struct iovec out_iov[IOV_MAX_CHAIN];
};

static struct zvm_console *to_console(struct zvm_virtio_dev *dev)
{
	return ZVM_CONTAINER_OF(dev, struct zvm_console, dev);
}

static void host_ready(void *arg, uint32_t events);

/* Makes the event loop watch fd for what is wanted of it. Event loop thread. */
static int rewatch(struct zvm_console *con, int fd)
{
	const struct zvm_virtio_env *env = &con->dev.env;
	uint32_t events = 0;

	if (con->want_in && fd == con->cfg.in_fd)
		events |= EPOLLIN;
	if (con->want_out && fd == con->cfg.out_fd)
		events |= EPOLLOUT;
	if (events)
		return env->watch(env->ctx, fd, events, host_ready, con);
	env->unwatch(env->ctx, fd);
	return 0;
}

static void set_want(struct zvm_console *con, bool *want, int fd, bool on)
{
	int ret;

	if (*want == on)
		return;
	*want = on;
	ret = rewatch(con, fd);
	if (ret) {
		*want = false;
		zvm_virtio_logf(&con->dev, ZVM_VIRTIO_LOG_ERR, "cannot watch descriptor %d: %s", fd,
				strerror(-ret));
	}
}

/* Copies input into the guest's buffers; returns the bytes taken. Lock of q held. */
static size_t give(struct zvm_virtio_queue *q, const uint8_t *buf, size_t len)
{
	unsigned int budget = ZVM_VIRTIO_BUDGET;
	struct iovec iov[IOV_MAX_CHAIN];
	struct zvm_vq_chain c = { .iov = iov, .max = IOV_MAX_CHAIN };
	size_t done = 0, n;
	int ret;

	zvm_vq_disable_notify(&q->vq);
	while (done < len) {
		if (!budget--) {
			zvm_virtio_queue_rearm(q);
			break;
		}
		ret = zvm_vq_pop(&q->vq, &c);
		if (ret < 0)
			break;
		if (!ret) {
			/* Out of buffers: the next one shall ring. */
			if (zvm_vq_enable_notify(&q->vq))
				continue;
			break;
		}
		n = zvm_iov_copy_to(c.iov + c.nr_out, c.nr_in, buf + done, len - done);
		zvm_virtio_queue_answer(q, c.head, n);
		done += n;
	}
	zvm_virtio_count(q->dev, ZVM_STAT_BYTES_IN, done);
	zvm_virtio_queue_signal(q);
	return done;
}

/* Refills the input buffer. False: nothing to give now; want says whether to watch for more. */
static bool read_host(struct zvm_console *con, bool *want)
{
	ssize_t n;

	*want = false;
	if (con->in_ended)
		return false;
	do
		n = read(con->cfg.in_fd, con->in_buf, sizeof(con->in_buf));
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		con->in_pos = 0;
		con->in_len = n;
		return true;
	}
	if (n < 0 && errno == EAGAIN) {
		*want = true;
		return false;
	}
	con->in_ended = true;
	zvm_virtio_logf(&con->dev, ZVM_VIRTIO_LOG_INFO, "end of input%s%s", n ? ": " : "",
			n ? strerror(errno) : "");
	return false;
}

/* Moves input from the descriptor to the guest. Lock of q held, event loop thread. */
static void pump_in(struct zvm_console *con, struct zvm_virtio_queue *q)
{
	unsigned int rounds = ROUNDS;
	bool want = false;
	size_t n;

	while (rounds) {
		if (!con->in_len && !read_host(con, &want))
			break;
		n = give(q, con->in_buf + con->in_pos, con->in_len);
		con->in_pos += n;
		con->in_len -= n;
		if (con->in_len)
			break; /* the guest's next buffer rings the doorbell */
		rounds--;
	}
	if (!rounds)
		zvm_virtio_queue_rearm(q);
	set_want(con, &con->want_in, con->cfg.in_fd, want);
}

/* The first part of src, as much as one write may take. Returns the number of entries. */
static unsigned int limit(struct iovec *dst, const struct iovec *src, unsigned int nr)
{
	size_t room = WRITE_MAX;
	unsigned int i;

	for (i = 0; i < nr && room; i++) {
		dst[i] = src[i];
		if (dst[i].iov_len > room)
			dst[i].iov_len = room;
		room -= dst[i].iov_len;
	}
	return i;
}

/* Bytes the host has taken; 0: no room now; negative: it never will. */
static ssize_t write_host(struct zvm_console *con)
{
	struct iovec iov[IOV_MAX_CHAIN];
	unsigned int nr = limit(iov, con->out, con->nr_out);
	ssize_t n;

	if (con->cfg.write)
		return con->cfg.write(con->cfg.ctx, iov, nr);
	if (con->cfg.out_fd < 0)
		return -EBADF;
	do
		n = writev(con->cfg.out_fd, iov, nr);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

static void drop_output(struct zvm_console *con, int err)
{
	con->nr_out = 0;
	if (con->out_failed || (!con->cfg.write && con->cfg.out_fd < 0))
		return;
	con->out_failed = true;
	zvm_virtio_logf(&con->dev, ZVM_VIRTIO_LOG_WARN, "output is lost: %s", strerror(err));
}

/* Takes the next chain. False: none, and the guest will ring. */
static bool next_output(struct zvm_console *con, struct zvm_virtio_queue *q)
{
	struct zvm_vq_chain c = { .iov = con->out_iov, .max = IOV_MAX_CHAIN };
	int ret;

	do
		ret = zvm_vq_pop(&q->vq, &c);
	while (!ret && zvm_vq_enable_notify(&q->vq));
	if (ret <= 0)
		return false;
	con->held = true;
	con->held_head = c.head;
	con->out = c.iov;
	con->nr_out = c.nr_out;
	return true;
}

/* Moves output from the guest to the host. Lock of q held, event loop thread. */
static void pump_out(struct zvm_console *con, struct zvm_virtio_queue *q)
{
	unsigned int rounds = ROUNDS;
	bool blocked = false;
	ssize_t n;

	zvm_vq_disable_notify(&q->vq);
	while (rounds && (con->held || next_output(con, q))) {
		rounds--;
		n = con->nr_out ? write_host(con) : 0;
		if (n < 0) {
			drop_output(con, -n);
		} else if (con->nr_out && !n) {
			blocked = true;
			break;
		}
		if (n > 0) {
			zvm_virtio_count(&con->dev, ZVM_STAT_BYTES_OUT, n);
			zvm_iov_advance(&con->out, &con->nr_out, n);
		}
		if (!con->nr_out) {
			con->held = false;
			zvm_virtio_queue_answer(q, con->held_head, 0);
		}
	}
	if (!rounds && !blocked)
		zvm_virtio_queue_rearm(q);
	zvm_virtio_queue_signal(q);
	if (!con->cfg.write)
		set_want(con, &con->want_out, con->cfg.out_fd, blocked);
}

static void host_ready(void *arg, uint32_t events)
{
	struct zvm_console *con = arg;
	struct zvm_virtio_queue *rx = &con->dev.queues[RXQ], *tx = &con->dev.queues[TXQ];

	(void)events;
	if (con->want_in) {
		if (zvm_virtio_queue_enter(rx)) {
			pump_in(con, rx);
			zvm_virtio_queue_leave(rx);
		} else {
			set_want(con, &con->want_in, con->cfg.in_fd, false);
		}
	}
	if (con->want_out) {
		if (zvm_virtio_queue_enter(tx)) {
			pump_out(con, tx);
			zvm_virtio_queue_leave(tx);
		} else {
			set_want(con, &con->want_out, con->cfg.out_fd, false);
		}
	}
}

static void console_serve(struct zvm_virtio_queue *q)
{
	struct zvm_console *con = to_console(q->dev);

	if (q->index == TXQ) {
		pump_out(con, q);
	} else if (!con->cfg.write) {
		if (con->cfg.in_fd >= 0)
			pump_in(con, q);
	} else if (con->starved) {
		con->starved = false;
		if (con->cfg.rx_room)
			con->cfg.rx_room(con->cfg.ctx);
	}
}

static void console_drain(struct zvm_virtio_queue *q, bool stop)
{
	/* A pause keeps the chain that is partly written; the end of the queue forgets it. */
	if (stop && q->index == TXQ)
		to_console(q->dev)->held = false;
}

static void console_destroy(struct zvm_virtio_dev *dev)
{
	struct zvm_console *con = to_console(dev);

	set_want(con, &con->want_in, con->cfg.in_fd, false);
	set_want(con, &con->want_out, con->cfg.out_fd, false);
	zvm_virtio_dev_fini(dev);
	free(con);
}

static const struct zvm_virtio_ops console_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.serve = console_serve,
	.drain = console_drain,
	.destroy = console_destroy,
};

int zvm_console_create(const struct zvm_virtio_env *env, const struct zvm_console_cfg *cfg,
		       struct zvm_virtio_dev **out, struct zvm_err *e)
{
	bool sized = cfg->cols && cfg->rows;
	struct zvm_virtio_init init = {
		.ops = &console_ops,
		.name = cfg->name ? cfg->name : "console",
		.features = sized ? ZVM_BIT(VIRTIO_CONSOLE_F_SIZE) : 0,
		.nr_queues = NR_QUEUES,
		.queue_max = QUEUE_SIZE,
		.config_len = sizeof(struct virtio_console_config),
	};
	struct zvm_console *con = calloc(1, sizeof(*con));
	int ret;

	if (!con)
		return zvm_err_set(e, ENOMEM, "%s: out of memory", init.name);
	con->cfg = *cfg;
	if (cfg->write)
		con->cfg.in_fd = con->cfg.out_fd = -1;
	con->config.cols = htole16(sized ? cfg->cols : 0);
	con->config.rows = htole16(sized ? cfg->rows : 0);
	init.config = &con->config;
	ret = zvm_virtio_dev_init(&con->dev, env, &init, e);
	if (ret) {
		free(con);
		return ret;
	}
	*out = &con->dev;
	return 0;
}

size_t zvm_console_input(struct zvm_virtio_dev *dev, const void *buf, size_t len)
{
	struct zvm_virtio_queue *q = &dev->queues[RXQ];
	size_t n = 0;

	if (zvm_virtio_queue_enter(q)) {
		n = give(q, buf, len);
		zvm_virtio_queue_leave(q);
	}
	if (n < len)
		to_console(dev)->starved = true;
	return n;
}

void zvm_console_writable(struct zvm_virtio_dev *dev)
{
	struct zvm_virtio_queue *q = &dev->queues[TXQ];

	if (zvm_virtio_queue_enter(q)) {
		pump_out(to_console(dev), q);
		zvm_virtio_queue_leave(q);
	}
}

void zvm_console_resize(struct zvm_virtio_dev *dev, uint16_t cols, uint16_t rows)
{
	struct zvm_console *con = to_console(dev);

	if (!(dev->features & ZVM_BIT(VIRTIO_CONSOLE_F_SIZE)))
		return;
	pthread_mutex_lock(&dev->lock);
	if (le16toh(con->config.cols) != cols || le16toh(con->config.rows) != rows) {
		con->config.cols = htole16(cols);
		con->config.rows = htole16(rows);
		zvm_virtio_config_changed(dev);
	}
	pthread_mutex_unlock(&dev->lock);
}
