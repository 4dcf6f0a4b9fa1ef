// SPDX-License-Identifier: GPL-2.0
/*
 * Console backends.
 *
 * The event loop owns the descriptors, the input buffer and the escape key; con->lock covers only
 * the output ring and its flags, which vCPU threads touch too. Lock order: a device's lock, then
 * con->lock. No callback into the device is made with con->lock held.
 *
 * Not trusted: whoever is at the other end of a pty or a socket. It can make output slow or lost,
 * never more.
 */
#include "vmm/device/console_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/device/terminal.h"
#include "vmm/run/unixsock.h"

#define RING_SIZE  16384u /* power of two */
#define INPUT_SIZE 256u
#define ESCAPE_KEY 0x01 /* Ctrl-A */
#define STALL_MS   500
#define CLOSE_MS   1000

struct zvm_tty {
	struct zvm_loop *loop;
	enum zvm_console_mode mode;
	char *where;	  /* pty or socket name, for messages and for unlink */
	char *pty_link;	  /* symbolic link to the pty */
	struct stat link; /* of the link that was made: nothing else is removed; st_ino 0: none */
	bool owns_socket; /* where is ours to unlink */
	bool lossy;

	int in_fd, out_fd, listen_fd, slave_fd, stall_fd;
	bool in_owned, out_owned;
	bool in_hung;	 /* the peer has gone, the input it left is taken up as there is room */
	bool in_regular; /* epoll refuses the descriptor: read whenever there is room */
	bool in_tty;
	bool shared_err;  /* standard error goes to the same place */
	uint8_t last_out; /* the last byte that was written */
	bool out_watched; /* out_watch has its own descriptor, in_fd otherwise carries EPOLLOUT */
	struct zvm_watch in_watch, out_watch, listen_watch, stall_watch;
	struct zvm_bell bell;

	void (*key)(void *opaque, enum zvm_tty_key key);
	void *key_opaque;
	bool escaped;
	bool sink_set;
	struct zvm_tty_sink sink;
	uint8_t input[INPUT_SIZE];
	size_t in_head, in_used;

	pthread_mutex_t lock;
	uint8_t ring[RING_SIZE];
	unsigned int head, used;
	bool short_write; /* a write was cut short: tx_ready() is owed */
	bool dropping;	  /* lossy and stalled, or nobody connected */
};

static void console_flush(struct zvm_tty *con);
static void console_deliver(struct zvm_tty *con);
static void console_readable(struct zvm_watch *watch, uint32_t events);
static void console_out_event(struct zvm_watch *watch, uint32_t events);

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

static ssize_t console_out(struct zvm_tty *con, const uint8_t *buf, size_t len)
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
		zvm_loop_add(con->loop, &con->out_watch, con->out_fd, EPOLLOUT, console_out_event,
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
static void console_flush(struct zvm_tty *con)
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
		n = console_out(con, con->ring + head, len);
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

static void console_bell(void *opaque)
{
	struct zvm_tty *con = opaque;

	console_deliver(con);
	console_flush(con);
}

static void console_writable(struct zvm_tty *con)
{
	pthread_mutex_lock(&con->lock);
	con->dropping = false;
	pthread_mutex_unlock(&con->lock);
	console_flush(con);
}

static void console_stalled(struct zvm_watch *watch, uint32_t events)
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
		zvm_loop_add(con->loop, &con->in_watch, con->in_fd, EPOLLIN, console_readable, con);
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

static void console_readable(struct zvm_watch *watch, uint32_t events)
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

static void console_out_event(struct zvm_watch *watch, uint32_t events)
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

static void console_accept(struct zvm_watch *watch, uint32_t events)
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
	if (zvm_loop_add(con->loop, &con->in_watch, fd, 0, console_readable, con) < 0) {
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

/* ---- opening and closing ---- */

/*
 * A descriptor for output that can be set non-blocking without doing so for everybody who shares
 * the original; regular files need none of this. Falls back to the original.
 */
static void open_private_out(struct zvm_tty *con, int fd)
{
	struct stat st;
	char name[32];

	con->out_fd = fd;
	if (fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))))
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	con->out_fd = fd;
	con->out_owned = true;
}

static int watch_in(struct zvm_tty *con)
{
	int ret = zvm_loop_add(con->loop, &con->in_watch, con->in_fd, 0, console_readable, con);

	if (ret == -EPERM) {
		con->in_regular = true;
		ret = 0;
	}
	return ret;
}

/* Do messages for the user appear between the guest's output? */
static bool shares_stderr(void)
{
	struct stat out, err;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
	       out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

static int open_stdio(struct zvm_tty *con, struct zvm_err *err)
{
	int ret;

	con->shared_err = shares_stderr();
	con->last_out = '\n';
	con->in_fd = STDIN_FILENO;
	con->in_tty = isatty(STDIN_FILENO);
	open_private_out(con, STDOUT_FILENO);
	ret = watch_in(con);
	if (ret == 0 && con->out_owned) {
		ret = zvm_loop_add(con->loop, &con->out_watch, con->out_fd, 0, console_out_event,
				   con);
		con->out_watched = ret == 0;
	}
	if (ret == 0)
		ret = zvm_terminal_raw(STDIN_FILENO);
	if (ret < 0)
		return zvm_err_set(err, ret, "console: cannot use standard input and output: %s",
				   strerror(-ret));
	return 0;
}

static int open_pty(struct zvm_tty *con, const char *link, struct zvm_err *err)
{
	struct termios tio;
	char name[64];
	int ret;

	con->lossy = true;
	con->in_fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (con->in_fd < 0)
		goto fail;
	con->in_owned = true;
	con->out_fd = con->in_fd;
	if (grantpt(con->in_fd) < 0 || unlockpt(con->in_fd) < 0 ||
	    ptsname_r(con->in_fd, name, sizeof(name)) != 0)
		goto fail;
	/* Held open so that the master sees no hang-up between two users of the pty. */
	con->slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (con->slave_fd < 0 || tcgetattr(con->slave_fd, &tio) < 0)
		goto fail;
	cfmakeraw(&tio);
	if (tcsetattr(con->slave_fd, TCSANOW, &tio) < 0)
		goto fail;
	con->where = strdup(name);
	if (!con->where)
		goto fail;
	con->pty_link = link ? strdup(link) : NULL;
	if (link && !con->pty_link)
		goto fail;
	ret = watch_in(con);
	if (ret < 0)
		return zvm_err_set(err, ret, "console: cannot watch the pty: %s", strerror(-ret));
	return 0;
fail:
	ret = -errno;
	return zvm_err_set(err, ret, "console: cannot open a pty: %s", strerror(-ret));
}

static int open_socket(struct zvm_tty *con, const char *path, struct zvm_err *err)
{
	int ret;

	con->lossy = true;
	con->dropping = true;
	ret = zvm_unix_listen(path, &con->listen_fd, err);
	if (ret < 0)
		return ret;
	con->where = strdup(path);
	con->owns_socket = true;
	ret = zvm_loop_add(con->loop, &con->listen_watch, con->listen_fd, EPOLLIN, console_accept,
			   con);
	if (!con->where)
		ret = -ENOMEM;
	if (ret < 0)
		return zvm_err_set(err, ret, "console: cannot watch %s: %s", path, strerror(-ret));
	return 0;
}

/* O_NONBLOCK: a FIFO or a modem line must not hold the start up, nor the loop later. */
static int open_file(struct zvm_tty *con, const char *path, struct zvm_err *err)
{
	struct stat st;
	int ret;

	con->out_fd = open(path,
			   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	con->out_owned = con->out_fd >= 0;
	if (con->out_fd < 0 || fstat(con->out_fd, &st) < 0) {
		ret = -errno;
		return zvm_err_set(err, ret, "cannot open the console file %s for appending: %s%s",
				   path, strerror(-ret),
				   ret == -ENXIO ? " (a FIFO without a reader?)" : "");
	}
	con->where = strdup(path);
	if (S_ISREG(st.st_mode))
		return 0;
	ret = zvm_loop_add(con->loop, &con->out_watch, con->out_fd, 0, console_out_event, con);
	con->out_watched = ret == 0;
	if (ret == 0 || ret == -EPERM) /* always ready, like /dev/null */
		return 0;
	return zvm_err_set(err, ret, "console: cannot watch %s: %s", path, strerror(-ret));
}

int zvm_tty_open(struct zvm_tty **out, const struct zvm_config_console *cfg, struct zvm_loop *loop,
		 void (*key)(void *opaque, enum zvm_tty_key key), void *opaque, struct zvm_err *err)
{
	struct zvm_tty *con = calloc(1, sizeof(*con));
	int ret;

	*out = NULL;
	if (!con)
		return zvm_err_set(err, -ENOMEM, "console: out of memory");
	con->loop = loop;
	con->mode = cfg->mode;
	con->key = key;
	con->key_opaque = opaque;
	con->in_fd = con->out_fd = con->listen_fd = con->slave_fd = -1;
	pthread_mutex_init(&con->lock, NULL);
	con->stall_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	ret = con->stall_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = zvm_loop_add(loop, &con->stall_watch, con->stall_fd, EPOLLIN, console_stalled,
				   con);
	if (ret == 0)
		ret = zvm_bell_init(&con->bell, loop, console_bell, con);
	if (ret < 0) {
		zvm_err_set(err, ret, "console: cannot set up its events: %s", strerror(-ret));
		con->bell.fd = -1;
		goto fail;
	}

	switch (cfg->mode) {
	case ZVM_CONSOLE_STDIO:
		ret = open_stdio(con, err);
		break;
	case ZVM_CONSOLE_PTY:
		ret = open_pty(con, cfg->path, err);
		break;
	case ZVM_CONSOLE_SOCKET:
		ret = open_socket(con, cfg->path, err);
		break;
	case ZVM_CONSOLE_FILE:
		ret = open_file(con, cfg->path, err);
		break;
	case ZVM_CONSOLE_NONE:
		con->dropping = true;
		break;
	}
	if (ret < 0)
		goto fail;
	*out = con;
	return 0;
fail:
	zvm_tty_close(con);
	return ret;
}

static bool leads_to_pty(const char *link)
{
	static const char pts[] = "/dev/pts/";
	char to[sizeof(pts)];
	ssize_t n = readlink(link, to, sizeof(to));

	return n == sizeof(to) && !memcmp(to, pts, sizeof(pts) - 1);
}

int zvm_tty_publish(struct zvm_tty *con, struct zvm_err *err)
{
	struct stat st;
	int ret;

	if (!con->pty_link)
		return 0;
	/* A link that an earlier run left behind is replaced, anything else is not ours. */
	if (leads_to_pty(con->pty_link))
		unlink(con->pty_link);
	if (symlink(con->where, con->pty_link) < 0 || lstat(con->pty_link, &st) < 0) {
		ret = -errno;
		return zvm_err_set(err, ret, "cannot make the link %s to the console %s: %s",
				   con->pty_link, con->where, strerror(-ret));
	}
	con->link = st;
	return 0;
}

/* The guest's last words: a bounded wait, since nobody may be reading. */
static void console_drain(struct zvm_tty *con)
{
	struct pollfd pfd = { .fd = con->out_fd, .events = POLLOUT };

	con->sink_set = false;
	console_flush(con);
	for (int ms = 0; ms < CLOSE_MS && con->used && con->out_fd >= 0; ms += 100) {
		pfd.fd = con->out_fd;
		if (poll(&pfd, 1, 100) > 0)
			console_flush(con);
	}
}

void zvm_tty_close(struct zvm_tty *con)
{
	struct stat st;

	if (!con)
		return;
	if (con->out_fd >= 0)
		console_drain(con);
	if (con->mode == ZVM_CONSOLE_STDIO)
		zvm_terminal_restore();
	/* What is said about the end of the guest shall be a line of its own. */
	if (con->shared_err && con->last_out != '\n' && con->out_fd >= 0)
		console_out(con, (const uint8_t *)"\n", 1);
	zvm_loop_del(con->loop, &con->in_watch);
	zvm_loop_del(con->loop, &con->out_watch);
	zvm_loop_del(con->loop, &con->listen_watch);
	zvm_loop_del(con->loop, &con->stall_watch);
	zvm_bell_fini(&con->bell, con->loop);
	if (con->owns_socket)
		unlink(con->where);
	/* In the sandbox: lstat() is allowed there, readlink() is not. */
	if (con->link.st_ino && lstat(con->pty_link, &st) == 0 && st.st_dev == con->link.st_dev &&
	    st.st_ino == con->link.st_ino && st.st_ctim.tv_sec == con->link.st_ctim.tv_sec &&
	    st.st_ctim.tv_nsec == con->link.st_ctim.tv_nsec)
		unlink(con->pty_link);
	if (con->listen_fd >= 0)
		close(con->listen_fd);
	if (con->slave_fd >= 0)
		close(con->slave_fd);
	if (con->stall_fd >= 0)
		close(con->stall_fd);
	if (con->out_owned)
		close(con->out_fd);
	if (con->in_owned || (con->mode == ZVM_CONSOLE_SOCKET && con->in_fd >= 0))
		close(con->in_fd);
	pthread_mutex_destroy(&con->lock);
	free(con->where);
	free(con->pty_link);
	free(con);
}

const char *zvm_tty_where(const struct zvm_tty *con)
{
	return con->where;
}
