/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the guest's console goes: terminal, pty, UNIX socket, file, or nowhere.
 *
 * Output passes through a ring, so a vCPU thread never waits for a file descriptor; the event loop
 * empties it. stdio and file are lossless: a full ring pushes back to the device. pty and socket
 * may have no reader, so after half a second without progress output is dropped until there is
 * one. Input is read only as fast as the device takes it.
 */
#ifndef ZVM_DEVICE_CONSOLE_BACKEND_H
#define ZVM_DEVICE_CONSOLE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"
#include "vmm/run/loop.h"

struct zvm_tty;

/* The device behind the console. All run on the event loop, without the console's lock. */
struct zvm_tty_sink {
	/* Input; returns how many bytes were taken. Fewer means zvm_tty_rx_room() follows. */
	size_t (*rx)(void *opaque, const uint8_t *buf, size_t len);
	/* The ring has room after zvm_tty_write() took less than it was given. */
	void (*tx_ready)(void *opaque);
	/* A break condition; may be NULL. */
	void (*brk)(void *opaque);
	void *opaque;
};

/* What the escape key asks for: a letter after Ctrl-A. */
enum zvm_tty_key {
	ZVM_TTY_KEY_STOP,
	ZVM_TTY_KEY_POWER,
	ZVM_TTY_KEY_RESET,
};

/*
 * Open the console that @cfg describes. @key is called on the loop for the escape keys, which
 * exist only when input is a terminal. Messages go to @err. On success the terminal is raw.
 */
int zvm_tty_open(struct zvm_tty **out, const struct zvm_config_console *cfg, struct zvm_loop *loop,
		 void (*key)(void *opaque, enum zvm_tty_key key), void *opaque,
		 struct zvm_err *err);

/*
 * Make the link to a pty console that the configuration names. To be called when it is certain that
 * no other VM of this name runs, whose link it would be.
 */
int zvm_tty_publish(struct zvm_tty *con, struct zvm_err *err);

/* Writes out what is left (waiting at most a second), restores the terminal, removes sockets. */
void zvm_tty_close(struct zvm_tty *con);

/* Connect the device and start reading input. Loop thread. NULL disconnects. */
void zvm_tty_connect(struct zvm_tty *con, const struct zvm_tty_sink *sink);

/* Any thread, never blocks, may run under the device's lock. Returns how many bytes were taken. */
size_t zvm_tty_write(struct zvm_tty *con, const uint8_t *buf, size_t len);

/* The device has room for input again. Any thread, may run under the device's lock. */
void zvm_tty_rx_room(struct zvm_tty *con);

/* Name of the pty for a pty console, else the configured path, else NULL. */
const char *zvm_tty_where(const struct zvm_tty *con);

#endif
