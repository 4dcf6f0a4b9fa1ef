// SPDX-License-Identifier: GPL-2.0
/*
 * Console backends from their opening to their closing: terminal or pipes, pty and the link to it,
 * socket, file. Main thread; what happens between: console_backend.c.
 *
 * Closing runs in the sandbox: what it calls is in its list (sandbox.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/device/console_internal.h"
#include "vmm/device/terminal.h"
#include "vmm/run/unixsock.h"

#define CLOSE_MS 1000

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
	int ret = zvm_loop_add(con->loop, &con->in_watch, con->in_fd, 0, zvm_tty_readable, con);

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
		ret = zvm_loop_add(con->loop, &con->out_watch, con->out_fd, 0, zvm_tty_out_event,
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
	ret = zvm_loop_add(con->loop, &con->listen_watch, con->listen_fd, EPOLLIN, zvm_tty_accept,
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
	ret = zvm_loop_add(con->loop, &con->out_watch, con->out_fd, 0, zvm_tty_out_event, con);
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
		ret = zvm_loop_add(loop, &con->stall_watch, con->stall_fd, EPOLLIN, zvm_tty_stalled,
				   con);
	if (ret == 0)
		ret = zvm_bell_init(&con->bell, loop, zvm_tty_bell, con);
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
	zvm_tty_flush(con);
	for (int ms = 0; ms < CLOSE_MS && con->used && con->out_fd >= 0; ms += 100) {
		pfd.fd = con->out_fd;
		if (poll(&pfd, 1, 100) > 0)
			zvm_tty_flush(con);
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
		zvm_tty_out(con, (const uint8_t *)"\n", 1);
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
