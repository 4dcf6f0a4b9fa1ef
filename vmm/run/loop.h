/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event loop: one epoll set, run by the main thread.
 *
 * Every function here is for the loop's own thread. Other threads reach the loop through a file
 * descriptor that it watches, usually a struct zvm_bell. Callbacks may add and delete watches,
 * their own included: events are taken one at a time, so none is delivered to a deleted watch.
 */
#ifndef ZVM_RUN_LOOP_H
#define ZVM_RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct zvm_watch;
typedef void (*zvm_watch_fn)(struct zvm_watch *watch, uint32_t events);

/* Owned by the caller, usually embedded in a larger object; must stay in place while added. */
struct zvm_watch {
	int fd;
	uint32_t events;
	bool added;
	zvm_watch_fn fn;
	void *opaque;
};

struct zvm_loop {
	int epfd;
	bool quit;
};

int zvm_loop_init(struct zvm_loop *loop);
void zvm_loop_fini(struct zvm_loop *loop);

/* Level-triggered. 0 or -errno; -EPERM when @fd is a regular file, which is always ready. */
int zvm_loop_add(struct zvm_loop *loop, struct zvm_watch *watch, int fd, uint32_t events,
		 zvm_watch_fn fn, void *opaque);
/* Change the events; 0 keeps the watch but reports only errors and hang-up. */
int zvm_loop_set(struct zvm_loop *loop, struct zvm_watch *watch, uint32_t events);
/* Does not close the descriptor; nothing happens if the watch is not added. */
void zvm_loop_del(struct zvm_loop *loop, struct zvm_watch *watch);

/* Until zvm_loop_quit(); 0 or -errno from epoll. */
int zvm_loop_run(struct zvm_loop *loop);
void zvm_loop_quit(struct zvm_loop *loop);

/* A wake-up from any thread (or signal handler) to the loop: an eventfd with a watch. */
struct zvm_bell {
	int fd;
	struct zvm_watch watch;
	void (*fn)(void *opaque);
	void *opaque;
};

int zvm_bell_init(struct zvm_bell *bell, struct zvm_loop *loop, void (*fn)(void *opaque),
		  void *opaque);
void zvm_bell_fini(struct zvm_bell *bell, struct zvm_loop *loop);
/* Any thread, async-signal-safe, never blocks; several rings may become one call. */
void zvm_bell_ring(struct zvm_bell *bell);

#endif
