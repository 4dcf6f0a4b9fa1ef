// SPDX-License-Identifier: GPL-2.0
/*
 * The client of the control sockets. One thread.
 *
 * Each VM listens on NAME.sock in $XDG_RUNTIME_DIR/zvm or /run/zvm: a VM that systemd has started
 * is in the latter although the one who asks has the former, so both are looked at. A request is the name of a
 * command, the reply one line with a JSON object. Not trusted: who listens there, how much it
 * sends, whether it answers at all, and what the texts in its answer do to a terminal.
 */
#include "tools/zvm/client.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_REPLY	  (256u << 10)
#define SECONDS_TO_ANSWER 5
#define SYSTEM_DIRECTORY  "/run/zvm"

void zvm_client_directory(char *dir, size_t size)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	snprintf(dir, size, "%s/zvm", base && base[0] == '/' ? base : "/run");
}

/* The second place is that of the system's VMs, if it is another one. */
static bool directory_at(unsigned int place, char *dir, size_t size)
{
	zvm_client_directory(dir, size);
	if (place == 0)
		return true;
	if (place > 1 || !strcmp(dir, SYSTEM_DIRECTORY))
		return false;
	snprintf(dir, size, "%s", SYSTEM_DIRECTORY);
	return true;
}

static int connect_at(const char *path, int *out, struct zvm_err *err)
{
	struct timeval patience = { .tv_sec = SECONDS_TO_ANSWER };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err_no;

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >=
	    (int)sizeof(addr.sun_path))
		return zvm_err_set(err, ENAMETOOLONG, "%s: too long for a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return zvm_err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		*out = fd;
		return 0;
	}
	err_no = errno;
	close(fd);
	if (err_no == ENOENT || err_no == ECONNREFUSED)
		return zvm_err_set(err, err_no,
				   "no VM listens on %s; zvm list shows those that run",
				   addr.sun_path);
	return zvm_err_set(err, err_no, "%s: %s", addr.sun_path, strerror(err_no));
}

/* @vm is a name, or the path of a socket. What is said of a name is said of the first place. */
static int connect_to(const char *vm, int *out, struct zvm_err *err)
{
	char dir[512], path[sizeof(dir) + 72];
	struct zvm_err ignored = { "" };
	int ret = 0;

	if (strchr(vm, '/'))
		return connect_at(vm, out, err);
	for (unsigned int i = 0; directory_at(i, dir, sizeof(dir)); i++) {
		snprintf(path, sizeof(path), "%s/%s.sock", dir, vm);
		if (i && !connect_at(path, out, &ignored))
			return 0;
		if (!i)
			ret = connect_at(path, out, err);
		if (!i && ret != -ENOENT && ret != -ECONNREFUSED)
			return ret;
	}
	return ret;
}

/* One line, without its end, allocated. */
static int read_line(int fd, char **out, struct zvm_err *err)
{
	char *line = malloc(MAX_REPLY), *end;
	size_t used = 0;
	ssize_t n;

	if (!line)
		return zvm_err_set(err, ENOMEM, "out of memory");
	for (;;) {
		n = recv(fd, line + used, MAX_REPLY - used, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		end = memchr(line + used, '\n', (size_t)n);
		used += (size_t)n;
		if (end) {
			*end = '\0';
			*out = line;
			return 0;
		}
	}
	free(line);
	if (n < 0)
		return zvm_err_set(err, errno, "no answer in %d s", SECONDS_TO_ANSWER);
	return zvm_err_set(err, EPROTO, "the answer ends in the middle");
}

int zvm_client_ask(const char *vm, const char *command, json_t **out, struct zvm_err *err)
{
	json_t *reply;
	char *line = NULL, request[64];
	const char *reason;
	int fd = -1, ret, n;

	ret = connect_to(vm, &fd, err);
	if (ret < 0)
		return ret;
	n = snprintf(request, sizeof(request), "%s\n", command);
	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		ret = zvm_err_set(err, EPIPE, "cannot send the request");
	else
		ret = read_line(fd, &line, err);
	close(fd);
	if (ret < 0)
		goto fail;
	reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	free(line);
	if (!json_is_object(reply)) {
		ret = zvm_err_set(err, EPROTO, "the answer is no JSON object");
	} else if (!json_is_true(json_object_get(reply, "ok"))) {
		reason = json_string_value(json_object_get(reply, "error"));
		ret = zvm_err_set(err, EIO, "%s: %s", command, reason ? reason : "refused");
	} else {
		*out = reply;
		return 0;
	}
	json_decref(reply);
fail:
	zvm_err_push(err, "%s", vm);
	return ret;
}

void zvm_client_print_text(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

/* A member of the reply as text of a bounded length that does nothing to a terminal. */
const char *zvm_client_text(const json_t *reply, const char *key, char buf[65])
{
	const char *s = json_string_value(json_object_get(reply, key));
	char *c;

	snprintf(buf, 65, "%s", s ? s : "-");
	for (c = buf; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return buf;
}

long long zvm_client_number(const json_t *reply, const char *key)
{
	return (long long)json_number_value(json_object_get(reply, key));
}

static int is_socket_name(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 5 && !strcmp(d->d_name + len - 5, ".sock");
}

static int each_in(const char *dir, int (*fn)(const char *vm, const json_t *status, void *opaque),
		   void *opaque, struct zvm_err *err)
{
	struct dirent **entry;
	json_t *reply;
	int nr, i, ret = 0;

	nr = scandir(dir, &entry, is_socket_name, alphasort);
	if (nr < 0 && errno == ENOENT)
		return 0;
	if (nr < 0)
		return zvm_err_set(err, errno, "%s: %s", dir, strerror(errno));
	for (i = 0; i < nr; i++) {
		struct zvm_err ignored = { "" };
		char path[512 + sizeof(entry[i]->d_name)];

		snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);
		if (!ret && !zvm_client_ask(path, "status", &reply, &ignored)) {
			ret = fn(path, reply, opaque);
			json_decref(reply);
		}
		free(entry[i]);
	}
	free(entry);
	return ret;
}

int zvm_client_each(int (*fn)(const char *vm, const json_t *status, void *opaque), void *opaque,
		    struct zvm_err *err)
{
	struct zvm_err ignored = { "" };
	char dir[512];
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && directory_at(i, dir, sizeof(dir)); i++) {
		/* The system's are another user's, perhaps: what @fn does not say is no error there. */
		ret = each_in(dir, fn, opaque, i ? &ignored : err);
		if (i && ret < 0 && ignored.msg[0])
			ret = 0;
	}
	return ret;
}
