/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A console from the inside: what opening and closing it (console_open.c) and running it
 * (console_backend.c) share. Locks and threads: console_backend.c.
 */
#ifndef ZVM_DEVICE_CONSOLE_INTERNAL_H
#define ZVM_DEVICE_CONSOLE_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "vmm/device/console_backend.h"

#define RING_SIZE  16384u /* power of two */
#define INPUT_SIZE 256u

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

/* Watches and the bell; event loop. */
void zvm_tty_readable(struct zvm_watch *watch, uint32_t events);
void zvm_tty_out_event(struct zvm_watch *watch, uint32_t events);
void zvm_tty_accept(struct zvm_watch *watch, uint32_t events);
void zvm_tty_stalled(struct zvm_watch *watch, uint32_t events);
void zvm_tty_bell(void *opaque);

/* Write out what is in the ring, as far as the other end takes it. Event loop. */
void zvm_tty_flush(struct zvm_tty *con);
/* One write past the ring: bytes taken, or -1 and errno. */
ssize_t zvm_tty_out(struct zvm_tty *con, const uint8_t *buf, size_t len);

#endif
