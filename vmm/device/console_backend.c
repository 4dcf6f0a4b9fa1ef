// SPDX-License-Identifier: GPL-2.0
/*
 * Console backends at work: output, input, and ends that come and go. Opening and closing them:
 * console_open.c.
 *
 * The event loop owns the descriptors, the input buffer and the escape key; con->lock covers only
 * the output ring and its flags, which vCPU threads touch too. Lock order: a device's lock, then
 * con->lock. No callback into the device is made with con->lock held.
 *
 * Not trusted: whoever is at the other end of a pty or a socket. It can make output slow or lost,
 * never more.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/device/console_internal.h"

#define ESCAPE_KEY 0x01 /* Ctrl-A */
#define STALL_MS   500

static void console_deliver(struct zvm_tty *con);

/* ---- output ---- */

size_t zvm_tty_write(struct zvm_tty *con, const uint8_t *buf, size_t len)
{
	bool ring_bell;
	size_t n = 0;

	pthread_mutex_lock(&con->lock);
	if (con->dropping) {
		pthread_mutex_unlock(&con->lock);
		return len;
	}
	ring_bell = !con->used && len;
	while (n < len && con->used < RING_SIZE) {
		con->ring[(con->head + con->used) % RING_SIZE] = buf[n++];
		con->used++;
	}
	if (n < len)
		con->short_write = true;
	pthread_mutex_unlock(&con->lock);
	if (ring_bell)
		zvm_bell_ring(&con->bell);
	return n;
}

static void console_say(struct zvm_tty *con, const char *text)
{
	zvm_tty_write(con, (const uint8_t *)text, strlen(text));
}

ssize_t zvm_tty_out(struct zvm_tty *con, const uint8_t *buf, size_t len)
{
	ssize_t n;

	do {
		if (con->mode == ZVM_CONSOLE_SOCKET)
			n = send(con->out_fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(con->out_fd, buf, len);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		con->last_out = buf[n - 1];
	return n;
}

static void console_arm_out(struct zvm_tty *con, bool on)
{
	struct itimerspec when = { .it_value.tv_nsec = on ? STALL_MS * 1000000L : 0 };

	if (con->out_watched && on && !con->out_watch.added) /* a new reader after a hang-up */
		zvm_loop_add(con->loop, &con->out_watch, con->out_fd, EPOLLOUT, zvm_tty_out_event,
			     con);
	else if (con->out_watched)
		zvm_loop_set(con->loop, &con->out_watch, on ? EPOLLOUT : 0);
	else if (on)
		zvm_loop_set(con->loop, &con->in_watch, con->in_watch.events | EPOLLOUT);
	else
		zvm_loop_set(con->loop, &con->in_watch, con->in_watch.events & ~EPOLLOUT);
	if (con->lossy)
		timerfd_settime(con->stall_fd, 0, &when, NULL);
}

/* Empty the ring; returns true if a write that was cut short can be taken up again. */
static bool console_drop_all(struct zvm_tty *con, bool dropping)
{
	bool owed;

	pthread_mutex_lock(&con->lock);
	con->head = con->used = 0;
	con->dropping = dropping;
	owed = con->short_write;
	con->short_write = false;
	pthread_mutex_unlock(&con->lock);
	return owed;
}

static void console_tx_ready(struct zvm_tty *con)
{
	if (con->sink_set && con->sink.tx_ready)
		con->sink.tx_ready(con->sink.opaque);
}

/*
 * Only the loop takes bytes out, so head and the bytes behind it stay valid while the lock is not
 * held for the write.
 */
void zvm_tty_flush(struct zvm_tty *con)
{
	bool owed = false, blocked = false;

	if (con->out_fd < 0) {
		if (console_drop_all(con, con->lossy))
			console_tx_ready(con);
		return;
	}
	for (;;) {
		unsigned int head, len;
		ssize_t n;

		pthread_mutex_lock(&con->lock);
		head = con->head;
		len = con->used;
		if (!len) {
			owed = con->short_write;
			con->short_write = false;
		}
		pthread_mutex_unlock(&con->lock);
		if (!len) {
			console_arm_out(con, false);
			if (!owed)
				return;
			console_tx_ready(con);
			continue; /* the device may have filled the ring again */
		}
		if (len > RING_SIZE - head)
			len = RING_SIZE - head;
		n = zvm_tty_out(con, con->ring + head, len);
		if (n < 0 && errno == EAGAIN) {
			blocked = true;
			n = 0;
		} else if (n < 0) {
			n = len; /* the other end is gone; its watch sees that too */
		}
		pthread_mutex_lock(&con->lock);
		con->head = (con->head + (unsigned int)n) % RING_SIZE;
		con->used -= (unsigned int)n;
		owed = n && con->short_write;
		if (owed)
			con->short_write = false;
		pthread_mutex_unlock(&con->lock);
		if (owed)
			console_tx_ready(con);
		if (blocked) {
			console_arm_out(con, true);
			return;
		}
	}
}

void zvm_tty_bell(void *opaque)
{
	struct zvm_tty *con = opaque;

	console_deliver(con);
	zvm_tty_flush(con);
}

static void console_writable(struct zvm_tty *con)
{
	pthread_mutex_lock(&con->lock);
	con->dropping = false;
	pthread_mutex_unlock(&con->lock);
	zvm_tty_flush(con);
}

void zvm_tty_stalled(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_tty *con = watch->opaque;
	uint64_t ticks;

	(void)events;
	if (read(con->stall_fd, &ticks, sizeof(ticks)) != (ssize_t)sizeof(ticks))
		return;
	if (console_drop_all(con, true))
		console_tx_ready(con);
}

/* ---- input ---- */

void zvm_tty_rx_room(struct zvm_tty *con)
{
	zvm_bell_ring(&con->bell);
}

static void console_escape(struct zvm_tty *con, uint8_t c)
{
	switch (c) {
	case 'x':
		con->key(con->key_opaque, ZVM_TTY_KEY_STOP);
		break;
	case 'p':
		con->key(con->key_opaque, ZVM_TTY_KEY_POWER);
		break;
	case 'r':
		con->key(con->key_opaque, ZVM_TTY_KEY_RESET);
		break;
	case 'b':
		if (con->sink_set && con->sink.brk)
			con->sink.brk(con->sink.opaque);
		break;
	default:
		console_say(con, "\r\nCtrl-A then: x stop, p power key, r reset, b break, "
				 "Ctrl-A send Ctrl-A\r\n");
		break;
	}
}

/* Takes the escape sequences out of the input, in place; returns what is left for the guest. */
static size_t console_filter(struct zvm_tty *con, uint8_t *buf, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (!con->escaped && buf[i] == ESCAPE_KEY) {
			con->escaped = true;
		} else if (con->escaped && buf[i] != ESCAPE_KEY) {
			con->escaped = false;
			console_escape(con, buf[i]);
		} else {
			con->escaped = false;
			buf[out++] = buf[i];
		}
	}
	return out;
}

static void console_want_input(struct zvm_tty *con, bool on)
{
	uint32_t keep = con->in_watch.events & ~(uint32_t)EPOLLIN;

	if (on && con->in_hung) {
		con->in_hung = false;
		zvm_loop_add(con->loop, &con->in_watch, con->in_fd, EPOLLIN, zvm_tty_readable, con);
		return;
	}
	zvm_loop_set(con->loop, &con->in_watch, on ? keep | EPOLLIN : keep);
}

/* The peer has gone: a socket waits for the next one, anything else has no more input. */
static void console_hangup(struct zvm_tty *con)
{
	bool waits = con->in_used;

	zvm_loop_del(con->loop, &con->in_watch);
	con->in_regular = false;
	con->in_hung = waits;
	if (con->mode != ZVM_CONSOLE_SOCKET)
		return;
	con->out_fd = -1;
	if (!waits) {
		close(con->in_fd);
		con->in_fd = -1;
	}
	if (console_drop_all(con, true))
		console_tx_ready(con);
	zvm_loop_set(con->loop, &con->listen_watch, EPOLLIN);
}

static void console_deliver(struct zvm_tty *con)
{
	do {
		if (con->in_used && con->sink_set) {
			size_t n = con->sink.rx(con->sink.opaque, con->input + con->in_head,
						con->in_used);

			con->in_head += n;
			con->in_used -= n;
		}
		if (con->in_used || !con->in_regular)
			break;
		/* A regular file never wakes the loop: read on while the device takes it. */
		ssize_t n = read(con->in_fd, con->input, sizeof(con->input));

		if (n <= 0) {
			con->in_regular = false;
			break;
		}
		con->in_head = 0;
		con->in_used = (size_t)n;
	} while (con->sink_set);
	console_want_input(con, con->sink_set && !con->in_used);
}

void zvm_tty_readable(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_tty *con = watch->opaque;

	if (events & EPOLLOUT)
		console_writable(con);
	if (events & EPOLLIN && !con->in_used) {
		ssize_t n = read(con->in_fd, con->input, sizeof(con->input));

		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
			console_hangup(con);
			return;
		}
		if (n > 0) {
			con->in_head = 0;
			con->in_used = con->in_tty ? console_filter(con, con->input, (size_t)n)
						   : (size_t)n;
			console_deliver(con);
		}
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		console_hangup(con);
	}
}

void zvm_tty_out_event(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_tty *con = watch->opaque;

	if (events & (EPOLLHUP | EPOLLERR)) {
		zvm_loop_del(con->loop, watch);
		/* A FIFO may have another reader one day, standard output will not. */
		if (con->mode != ZVM_CONSOLE_FILE) {
			con->lossy = false;
			if (con->out_owned)
				close(con->out_fd);
			con->out_owned = false;
			con->out_fd = -1;
		}
		if (console_drop_all(con, con->out_fd < 0))
			console_tx_ready(con);
		return;
	}
	console_writable(con);
}

void zvm_tty_accept(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_tty *con = watch->opaque;
	int fd = accept4(con->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	/* What the last client left unread stays behind: nobody is kept out by a guest that never reads. */
	zvm_loop_del(con->loop, &con->in_watch);
	con->in_hung = false;
	if (con->in_fd >= 0)
		close(con->in_fd);
	con->in_fd = -1;
	if (zvm_loop_add(con->loop, &con->in_watch, fd, 0, zvm_tty_readable, con) < 0) {
		close(fd);
		return;
	}
	con->in_fd = con->out_fd = fd;
	zvm_loop_set(con->loop, &con->listen_watch, 0);
	console_writable(con);
	console_deliver(con);
}

void zvm_tty_connect(struct zvm_tty *con, const struct zvm_tty_sink *sink)
{
	con->sink_set = sink;
	if (sink)
		con->sink = *sink;
	console_deliver(con);
}
