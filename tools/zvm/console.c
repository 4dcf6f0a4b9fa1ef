// SPDX-License-Identifier: GPL-2.0
/*
 * zvm console: this terminal as the console of a VM that runs in the background. One thread.
 *
 * The VM says where its console is: a pty or a UNIX socket. Ctrl-A d leaves, the VM runs on. What a
 * guest prints goes to the terminal as it is, as on any console.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "tools/zvm/client.h"
#include "vmm/device/terminal.h"

#define CTRL_A 1

static int open_socket(const char *path, struct zvm_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return zvm_err_set(err, ENAMETOOLONG, "%s: too long for a socket", path);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err_no = errno;

		if (fd >= 0)
			close(fd);
		return zvm_err_set(err, err_no, "%s: %s", path, strerror(err_no));
	}
	return fd;
}

/* Not this process's terminal, and nothing of what passes is changed by its line discipline. */
static int open_pty(const char *path, struct zvm_err *err)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0)
		return zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static int open_console(const char *vm, struct zvm_err *err)
{
	json_t *reply;
	const char *path;
	struct stat st;
	int fd = zvm_client_ask(vm, "status", &reply, err);

	if (fd < 0)
		return fd;
	path = json_string_value(json_object_get(reply, "console"));
	if (!path)
		fd = zvm_err_set(
			err, ENODEV,
			"%s has no console to open: mode = \"pty\" or \"socket\" in [console]", vm);
	else if (stat(path, &st))
		fd = zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	else if (S_ISSOCK(st.st_mode))
		fd = open_socket(path, err);
	else if (S_ISCHR(st.st_mode))
		fd = open_pty(path, err);
	else
		fd = zvm_err_set(err, ENODEV, "the console of %s is the file %s", vm, path);
	json_decref(reply);
	return fd;
}

static bool write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf += n;
		len -= (size_t)n;
	}
	return true;
}

/* Keys to the VM; false: leave. *@escaped says whether the last one was Ctrl-A. */
static bool pass_keys(int to, const char *buf, size_t len, bool *escaped)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (*escaped) {
			*escaped = false;
			if (buf[i] == 'd')
				return false;
			if (buf[i] != CTRL_A) /* not ours: both go on */
				write_all(to, "\1", 1);
		} else if (buf[i] == CTRL_A) {
			*escaped = true;
			continue;
		}
		if (!write_all(to, buf + i, 1))
			return false;
	}
	return true;
}

/* Until the user leaves or the VM ends. Without a terminal, the end of input ends it too. */
static void relay(int console)
{
	struct pollfd p[] = { { .fd = 0, .events = POLLIN }, { .fd = console, .events = POLLIN } };
	bool escaped = false;
	char buf[4096];
	ssize_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents) {
			n = read(console, buf, sizeof(buf));
			if (n <= 0 || !write_all(1, buf, (size_t)n))
				return;
		}
		if (p[0].revents) {
			n = read(0, buf, sizeof(buf));
			if (n <= 0 || !pass_keys(console, buf, (size_t)n, &escaped))
				return;
		}
	}
}

int zvm_console_main(int argc, char **argv, struct zvm_err *err)
{
	int fd;

	if (argc != 2) {
		zvm_err_set(err, 0, "console: name one VM; zvm list shows those that run");
		return ZVM_EXIT_USER;
	}
	fd = open_console(argv[1], err);
	if (fd < 0)
		return ZVM_EXIT_HOST;
	if (isatty(0))
		fprintf(stderr, "zvm: console of %s; Ctrl-A d leaves\n", argv[1]);
	zvm_terminal_raw(0);
	relay(fd);
	zvm_terminal_restore();
	if (isatty(0))
		fputc('\n', stderr);
	close(fd);
	return ZVM_EXIT_OK;
}
