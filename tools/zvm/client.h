/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Talking to the VMs that run; @vm is a name, or with a slash in it the path of a control socket.
 */
#ifndef ZVM_TOOLS_CLIENT_H
#define ZVM_TOOLS_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include <zvm/err.h>

/* Where control sockets are. */
void zvm_client_directory(char *dir, size_t size);

/*
 * The reply to @command, an object whose "ok" is true, to be given to json_decref(). 0 or -errno:
 * -ENOENT or -ECONNREFUSED if no such VM runs, -EIO if it refuses.
 */
int zvm_client_ask(const char *vm, const char *command, json_t **out, struct zvm_err *err);

/*
 * @fn for each VM that answers, by the path of its socket, with its status, until one returns
 * non-zero, which is returned. VMs that end meanwhile, and sockets that nobody listens on any more,
 * are left out.
 */
int zvm_client_each(int (*fn)(const char *vm, const json_t *status, void *opaque), void *opaque,
		    struct zvm_err *err);

/* A member of a reply: text, "-" if there is none, that does nothing to a terminal; a number, or 0.
 */
const char *zvm_client_text(const json_t *reply, const char *key, char buf[65]);
long long zvm_client_number(const json_t *reply, const char *key);
void zvm_client_print_text(const char *s);

#endif
