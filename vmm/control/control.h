/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket: one UNIX stream socket for each VM, commands in, lines of JSON out.
 *
 * Protocol: Documentation/abi/control.md. Everything runs on the event loop. Whoever may connect
 * (the socket's mode is 0600) may stop the VM, but can do no more harm than that.
 */
#ifndef ZVM_CONTROL_CONTROL_H
#define ZVM_CONTROL_CONTROL_H

#include <zvm/err.h>

#include "vmm/run/lifecycle.h"

struct zvm_control;

/*
 * Listen for the VM of @lc. @path NULL: the default place, $XDG_RUNTIME_DIR/zvm/NAME.sock or
 * /run/zvm/NAME.sock; if that directory cannot be used there is a warning and no socket (*@out is
 * NULL, 0 is returned), but a VM of the same name that is running already is an error.
 */
int zvm_control_open(struct zvm_control **out, struct zvm_lifecycle *lc, const char *path,
		     struct zvm_err *err);

/* Disconnects everybody and removes the socket. NULL is allowed. */
void zvm_control_close(struct zvm_control *ctl);

#endif
