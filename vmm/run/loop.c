// SPDX-License-Identifier: GPL-2.0
/*
 * The event loop of the main thread, over epoll. No locks: everything but zvm_bell_ring() belongs
 * to one thread.
 */
#include "vmm/run/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int zvm_loop_init(struct zvm_loop *loop)
{
	loop->quit = false;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epfd < 0 ? -errno : 0;
}

void zvm_loop_fini(struct zvm_loop *loop)
{
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

int zvm_loop_add(struct zvm_loop *loop, struct zvm_watch *watch, int fd, uint32_t events,
		 zvm_watch_fn fn, void *opaque)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	watch->fd = fd;
	watch->events = events;
	watch->fn = fn;
	watch->opaque = opaque;
	watch->added = false;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	watch->added = true;
	return 0;
}

int zvm_loop_set(struct zvm_loop *loop, struct zvm_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	if (!watch->added)
		return -ENOENT;
	if (watch->events == events)
		return 0;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, watch->fd, &ev) < 0)
		return -errno;
	watch->events = events;
	return 0;
}

void zvm_loop_del(struct zvm_loop *loop, struct zvm_watch *watch)
{
	if (!watch->added)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->added = false;
}

int zvm_loop_run(struct zvm_loop *loop)
{
	struct epoll_event ev;

	loop->quit = false;
	while (!loop->quit) {
		int n = epoll_wait(loop->epfd, &ev, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			struct zvm_watch *watch = ev.data.ptr;

			watch->fn(watch, ev.events);
		}
	}
	return 0;
}

void zvm_loop_quit(struct zvm_loop *loop)
{
	loop->quit = true;
}

static void bell_rang(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_bell *bell = watch->opaque;
	uint64_t count;

	(void)events;
	if (read(bell->fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		bell->fn(bell->opaque);
}

int zvm_bell_init(struct zvm_bell *bell, struct zvm_loop *loop, void (*fn)(void *opaque),
		  void *opaque)
{
	int ret;

	memset(bell, 0, sizeof(*bell));
	bell->fn = fn;
	bell->opaque = opaque;
	bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell->fd < 0)
		return -errno;
	ret = zvm_loop_add(loop, &bell->watch, bell->fd, EPOLLIN, bell_rang, bell);
	if (ret < 0) {
		close(bell->fd);
		bell->fd = -1;
	}
	return ret;
}

void zvm_bell_fini(struct zvm_bell *bell, struct zvm_loop *loop)
{
	zvm_loop_del(loop, &bell->watch);
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void zvm_bell_ring(struct zvm_bell *bell)
{
	uint64_t one = 1;
	int saved = errno;

	/* A full counter means that the loop is woken anyway. */
	if (write(bell->fd, &one, sizeof(one)) < 0)
		errno = saved;
}
