// SPDX-License-Identifier: GPL-2.0
/*
 * zvm list, status, stats, pause...: the client of the control sockets. One thread.
 *
 * Each VM listens on NAME.sock in $XDG_RUNTIME_DIR/zvm or /run/zvm; a request is the name of a
 * command, the reply one line with a JSON object. Not trusted: who listens there, how much it
 * sends, whether it answers at all, and what the texts in its answer do to a terminal.
 */
#include "tools/zvm/zvm.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_REPLY	  (256u << 10)
#define SECONDS_TO_ANSWER 5

static void runtime_directory(char *dir, size_t size)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	snprintf(dir, size, "%s/zvm", base && base[0] == '/' ? base : "/run");
}

/* @vm is a name, or the path of a socket. */
static int connect_to(const char *vm, int *out, struct zvm_err *err)
{
	struct timeval patience = { .tv_sec = SECONDS_TO_ANSWER };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char dir[sizeof(addr.sun_path)];
	int fd, n, err_no;

	runtime_directory(dir, sizeof(dir));
	if (strchr(vm, '/'))
		n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", vm);
	else
		n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s.sock", dir, vm);
	if (n >= (int)sizeof(addr.sun_path))
		return zvm_err_set(err, ENAMETOOLONG, "%s: too long for a socket", vm);
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

/* The reply to @command, an object whose "ok" is true, to be given to json_decref(). */
static int ask(const char *vm, const char *command, json_t **out, struct zvm_err *err)
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

static void print_text(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

/* A line for each value, named as in "vcpus[0].exits". jansson bounds the depth. */
static void print_flat(const char *name, const json_t *value)
{
	char below[256];
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		/* jansson has no iteration that takes const. */
		json_object_foreach((json_t *)value, key, item)
		{
			if (!name[0] && !strcmp(key, "ok"))
				continue;
			snprintf(below, sizeof(below), "%s%s%s", name, name[0] ? "." : "", key);
			print_flat(below, item);
		}
		return;
	case JSON_ARRAY:
		json_array_foreach(value, i, item)
		{
			snprintf(below, sizeof(below), "%s[%zu]", name, i);
			print_flat(below, item);
		}
		return;
	default:
		break;
	}
	print_text(name);
	putchar('\t');
	if (json_is_string(value))
		print_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		printf("%.3f", json_real_value(value));
	else
		fputs(json_is_true(value) ? "true" : json_is_false(value) ? "false" : "-", stdout);
	putchar('\n');
}

int zvm_control_main(int argc, char **argv, struct zvm_err *err)
{
	json_t *reply;

	if (argc != 2) {
		zvm_err_set(err, 0, "%s: name one VM; zvm list shows those that run", argv[0]);
		return ZVM_EXIT_USER;
	}
	if (ask(argv[1], argv[0], &reply, err) < 0)
		return ZVM_EXIT_HOST;
	print_flat("", reply);
	json_decref(reply);
	return ZVM_EXIT_OK;
}

/* A member of the reply as text of a bounded length that does nothing to a terminal. */
static const char *text_of(const json_t *reply, const char *key, char buf[65])
{
	const char *s = json_string_value(json_object_get(reply, key));
	char *c;

	snprintf(buf, 65, "%s", s ? s : "-");
	for (c = buf; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return buf;
}

static long long number_of(const json_t *reply, const char *key)
{
	return (long long)json_number_value(json_object_get(reply, key));
}

static void print_row(const json_t *reply)
{
	char name[65], state[65];

	printf("%-20s %-8s %7lld %5lld %6lld MiB %7lld s\n", text_of(reply, "name", name),
	       text_of(reply, "state", state), number_of(reply, "pid"), number_of(reply, "vcpus"),
	       number_of(reply, "memory") >> 20, number_of(reply, "uptime"));
}

static int is_socket_name(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 5 && !strcmp(d->d_name + len - 5, ".sock");
}

/* VMs that end meanwhile, and sockets that nobody listens on any more, are left out. */
int zvm_list_main(int argc, char **argv, struct zvm_err *err)
{
	struct dirent **entry;
	char dir[512];
	json_t *reply;
	int nr, i;

	if (argc != 1) {
		zvm_err_set(err, 0, "list: takes no argument");
		return ZVM_EXIT_USER;
	}
	runtime_directory(dir, sizeof(dir));
	printf("%-20s %-8s %7s %5s %10s %9s\n", "NAME", "STATE", "PID", "VCPUS", "MEMORY",
	       "UPTIME");
	nr = scandir(dir, &entry, is_socket_name, alphasort);
	if (nr < 0 && errno != ENOENT) {
		zvm_err_set(err, errno, "%s: %s", dir, strerror(errno));
		return ZVM_EXIT_HOST;
	}
	for (i = 0; i < nr; i++) {
		struct zvm_err ignored = { "" };

		entry[i]->d_name[strlen(entry[i]->d_name) - 5] = '\0';
		if (ask(entry[i]->d_name, "status", &reply, &ignored) == 0) {
			print_row(reply);
			json_decref(reply);
		}
		free(entry[i]);
	}
	if (nr >= 0)
		free(entry);
	return ZVM_EXIT_OK;
}
