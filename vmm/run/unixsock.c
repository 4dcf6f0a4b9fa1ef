// SPDX-License-Identifier: GPL-2.0
/*
 * Listening UNIX sockets. Called while the VM is being built, before there are threads.
 */
#include "vmm/run/unixsock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Does a process still answer on the socket? Only a refused connection proves that none does. */
static bool socket_is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

int zvm_unix_listen(const char *path, int *out, struct zvm_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, ret;

	*out = -1;
	if (strlen(path) >= sizeof(addr.sun_path))
		return zvm_err_set(
			err, ENAMETOOLONG,
			"socket %s: the path is longer than %zu bytes; use a shorter one", path,
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);

	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return zvm_err_set(
				err, EEXIST,
				"socket %s: there is another kind of file; remove it or use another path",
				path);
		if (!socket_is_stale(&addr))
			return zvm_err_set(
				err, EADDRINUSE,
				"socket %s: another process listens there; is this VM already running?",
				path);
		unlink(path);
	}

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return zvm_err_set(err, errno, "socket %s: %s", path, strerror(errno));
	/* The mode counts from bind() on: the socket is never open to others. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		ret = zvm_err_set(err, errno, "socket %s: cannot create it: %s", path,
				  strerror(errno));
		close(fd);
		return ret;
	}
	if (listen(fd, 8) < 0) {
		ret = zvm_err_set(err, errno, "socket %s: cannot listen: %s", path,
				  strerror(errno));
		unlink(path);
		close(fd);
		return ret;
	}
	*out = fd;
	return 0;
}
