/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user's terminal in raw mode, and back on every way out of the process that a process can
 * see: exit(), the default-deadly signals of a crash, and stop and continue by job control.
 */
#ifndef ZVM_DEVICE_TERMINAL_H
#define ZVM_DEVICE_TERMINAL_H

/*
 * Put the terminal @fd in raw mode and arrange for its restoration. One per process. 0 (also when
 * @fd is no terminal), or -errno.
 */
int zvm_terminal_raw(int fd);

/* Back to what it was. Async-signal-safe, may be called at any time and more than once. */
void zvm_terminal_restore(void);

#endif
