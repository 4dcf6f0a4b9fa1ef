/* SPDX-License-Identifier: GPL-2.0 */
/* Listening UNIX sockets that survive a predecessor's kill -9. */
#ifndef ZVM_RUN_UNIXSOCK_H
#define ZVM_RUN_UNIXSOCK_H

#include <zvm/err.h>

/*
 * Listen on @path (mode 0600), non-blocking and close-on-exec, descriptor in *@fd. A socket file
 * that nobody listens on is removed first; -EADDRINUSE when somebody does, -EEXIST when the path
 * is something else than a socket, -ENAMETOOLONG beyond what the kernel takes.
 */
int zvm_unix_listen(const char *path, int *fd, struct zvm_err *err);

#endif
