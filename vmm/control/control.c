// SPDX-License-Identifier: GPL-2.0
/*
 * Control socket server, on the event loop; no locks.
 *
 * A request is one line with the name of a command, the reply one line with a JSON object that has
 * "ok". Not trusted: length, rate and content of what a client sends, and whether it ever reads. A
 * line that is too long, or a reply that cannot be sent at once, ends the connection.
 */
#include "vmm/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/run/log.h"
#include "vmm/run/unixsock.h"

#define MAX_CLIENTS 8u
#define MAX_LINE    128u

struct client {
	struct zvm_control *ctl;
	int fd; /* -1: free */
	struct zvm_watch watch;
	char line[MAX_LINE];
	size_t used;
};

struct zvm_control {
	struct zvm_lifecycle *lc;
	struct zvm_loop *loop;
	char *path;
	int fd;
	struct zvm_watch watch;
	struct client client[MAX_CLIENTS];
};

/* ---- replies ---- */

static void put_string(FILE *to, const char *s)
{
	putc('"', to);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

static int put_status(struct zvm_control *ctl, FILE *to)
{
	const struct zvm_machine *m = ctl->lc->m;
	const char *console = zvm_tty_where(m->tty);

	fprintf(to, ",\"name\":\"%s\",\"state\":\"%s\",\"pid\":%d,\"device\":", m->cfg->name,
		ctl->lc->paused ? "paused" : "running", (int)getpid());
	put_string(to, m->kvm.path);
	fprintf(to, ",\"vcpus\":%u,\"memory\":%llu,\"uptime\":%.3f,\"resets\":%lu", m->cfg->vcpus,
		(unsigned long long)m->cfg->memory, zvm_lifecycle_uptime(ctl->lc), m->resets);
	fputs(",\"console\":", to);
	if (console)
		put_string(to, console);
	else
		fputs("null", to);
	return 0;
}

static void put_device(const struct zvm_virtio_dev *dev, FILE *to)
{
	struct zvm_virtio_stats st;

	zvm_virtio_get_stats(dev, &st);
	fprintf(to, "{\"id\":%u,\"name\":", zvm_virtio_id(dev));
	put_string(to, zvm_virtio_name(dev));
	fprintf(to,
		",\"requests\":%llu,\"errors\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,"
		"\"notifications\":%llu,\"interrupts\":%llu,\"resets\":%llu,\"violations\":%llu}",
		(unsigned long long)st.requests, (unsigned long long)st.errors,
		(unsigned long long)st.bytes_in, (unsigned long long)st.bytes_out,
		(unsigned long long)st.notifications, (unsigned long long)st.interrupts,
		(unsigned long long)st.resets, (unsigned long long)st.violations);
}

static int put_stats(struct zvm_control *ctl, FILE *to)
{
	const struct zvm_machine *m = ctl->lc->m;

	fprintf(to, ",\"mmio\":{\"accesses\":%lu,\"holes\":%lu,\"refused\":%lu},\"vcpus\":[",
		m->bus.accesses, m->bus.holes, m->bus.refused);
	for (unsigned int i = 0; i < m->vcpus.count; i++) {
		const struct zvm_vcpu_stats *st = &m->vcpus.vcpu[i].stats;

		fprintf(to, "%s{\"exits\":%lu,\"mmio\":%lu,\"kicks\":%lu}", i ? "," : "", st->exits,
			st->mmio, st->kicks);
	}
	fputs("],\"virtio\":[", to);
	for (unsigned int i = 0; i < m->nr_slots; i++) {
		if (i)
			putc(',', to);
		put_device(m->slot[i].dev, to);
	}
	putc(']', to);
	return 0;
}

static int do_pause(struct zvm_control *ctl, FILE *to)
{
	return zvm_lifecycle_pause(ctl->lc);
}

static int do_resume(struct zvm_control *ctl, FILE *to)
{
	return zvm_lifecycle_resume(ctl->lc);
}

static int do_reset(struct zvm_control *ctl, FILE *to)
{
	return zvm_lifecycle_reset(ctl->lc);
}

static int do_power_key(struct zvm_control *ctl, FILE *to)
{
	return zvm_lifecycle_press_power(ctl->lc);
}

static int do_stop(struct zvm_control *ctl, FILE *to)
{
	zvm_lifecycle_stop(ctl->lc);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct zvm_control *ctl, FILE *to); /* adds members, or returns -errno */
} commands[] = {
	{ "status", put_status }, { "stats", put_stats },	 { "pause", do_pause },
	{ "resume", do_resume },  { "power-key", do_power_key }, { "reset", do_reset },
	{ "stop", do_stop },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void put_reply(struct zvm_control *ctl, const char *line, FILE *to)
{
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		int ret;

		if (strcmp(line, commands[i].name) != 0)
			continue;
		fputs("{\"ok\":true", to);
		ret = commands[i].run(ctl, to);
		/* Commands that can fail add no members, so the text can be taken back. */
		if (ret < 0) {
			rewind(to);
			fputs("{\"ok\":false,\"error\":", to);
			put_string(to, strerror(-ret));
		}
		fputs("}\n", to);
		return;
	}
	fputs("{\"ok\":false,\"error\":\"unknown command; there are", to);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "%s %s", i ? "," : "", commands[i].name);
	fputs("\"}\n", to);
}

/* 0, or -errno when the client is not to be kept. */
static int answer(struct client *c, const char *line)
{
	char *text = NULL;
	size_t len = 0;
	ssize_t sent;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return -ENOMEM;
	put_reply(c->ctl, line, to);
	if (fclose(to) != 0) {
		free(text);
		return -ENOMEM;
	}
	sent = send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	free(text);
	return sent == (ssize_t)len ? 0 : -EPIPE;
}

/* ---- connections ---- */

static void client_close(struct client *c)
{
	zvm_loop_del(c->ctl->loop, &c->watch);
	close(c->fd);
	c->fd = -1;
	zvm_loop_set(c->ctl->loop, &c->ctl->watch, EPOLLIN);
}

static void client_event(struct zvm_watch *watch, uint32_t events)
{
	struct client *c = watch->opaque;
	ssize_t n = recv(c->fd, c->line + c->used, sizeof(c->line) - c->used, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->used += (size_t)n;
	while ((end = memchr(c->line, '\n', c->used))) {
		size_t len = (size_t)(end - c->line) + 1;

		*end = 0;
		if (len > 1 && end[-1] == '\r')
			end[-1] = 0;
		if (answer(c, c->line) < 0) {
			client_close(c);
			return;
		}
		c->used -= len;
		memmove(c->line, c->line + len, c->used);
	}
	if (c->used == sizeof(c->line))
		client_close(c);
}

static void control_accept(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_control *ctl = watch->opaque;
	unsigned int i;
	int fd;

	for (i = 0; i < MAX_CLIENTS && ctl->client[i].fd >= 0; i++)
		;
	/* All places taken: the queue of the socket is where the others wait. */
	if (i == MAX_CLIENTS) {
		zvm_loop_set(ctl->loop, &ctl->watch, 0);
		return;
	}
	fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	ctl->client[i].fd = fd;
	ctl->client[i].used = 0;
	if (zvm_loop_add(ctl->loop, &ctl->client[i].watch, fd, EPOLLIN, client_event,
			 &ctl->client[i]) < 0) {
		close(fd);
		ctl->client[i].fd = -1;
	}
}

/* The default place, its directory made. NULL when there is none or no memory. */
static char *default_path(const char *name)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char *dir = NULL, *path = NULL;

	if (!base || base[0] != '/')
		base = "/run";
	if (asprintf(&dir, "%s/zvm", base) < 0)
		return NULL;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		zvm_log(ZVM_LOG_WARN, "no control socket: cannot create %s: %s", dir,
			strerror(errno));
	else if (asprintf(&path, "%s/%s.sock", dir, name) < 0)
		path = NULL;
	free(dir);
	return path;
}

int zvm_control_open(struct zvm_control **out, struct zvm_lifecycle *lc, const char *path,
		     struct zvm_err *err)
{
	struct zvm_control *ctl;
	int ret;

	*out = NULL;
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return zvm_err_set(err, ENOMEM, "control socket: out of memory");
	ctl->lc = lc;
	ctl->loop = lc->m->loop;
	ctl->fd = -1;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		ctl->client[i].ctl = ctl;
		ctl->client[i].fd = -1;
	}
	ctl->path = path ? strdup(path) : default_path(lc->m->cfg->name);
	if (!ctl->path) {
		zvm_control_close(ctl);
		return path ? zvm_err_set(err, ENOMEM, "control socket: out of memory") : 0;
	}

	ret = zvm_unix_listen(ctl->path, &ctl->fd, err);
	if (ret < 0) {
		zvm_control_close(ctl);
		if (path || ret == -EADDRINUSE)
			return ret;
		zvm_log(ZVM_LOG_WARN, "no control socket: %s", err->msg);
		err->msg[0] = 0;
		return 0;
	}
	ret = zvm_loop_add(ctl->loop, &ctl->watch, ctl->fd, EPOLLIN, control_accept, ctl);
	if (ret < 0) {
		zvm_control_close(ctl);
		return zvm_err_set(err, ret, "control socket: %s", strerror(-ret));
	}
	*out = ctl;
	return 0;
}

void zvm_control_close(struct zvm_control *ctl)
{
	if (!ctl)
		return;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (ctl->client[i].fd >= 0)
			client_close(&ctl->client[i]);
	zvm_loop_del(ctl->loop, &ctl->watch);
	if (ctl->fd >= 0) {
		unlink(ctl->path);
		close(ctl->fd);
	}
	free(ctl->path);
	free(ctl);
}
