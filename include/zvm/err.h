/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One bounded error message that grows context on its way up.
 *
 * A function that can fail for a reason the user must read takes a struct zvm_err *, returns a
 * negative errno and leaves one sentence here. Callers put what they were doing in front of it
 * ("disk 'root.img': cannot open: No such file or directory"). Only main() prints.
 *
 * Every function accepts e == NULL and then keeps only the number. Nothing here allocates. Not
 * thread safe: an error object belongs to the thread that is building something.
 */
#ifndef ZVM_ERR_H
#define ZVM_ERR_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ZVM_ERR_MAX 512

/* Zero-initialise before first use. msg is always terminated; longer text is cut at the end. */
struct zvm_err {
	char msg[ZVM_ERR_MAX];
};

/*
 * Replaces the message. Returns -err for a positive errno and err itself for one that is already
 * negative, so that "return zvm_err_set(e, EINVAL, ...)" and "return zvm_err_set(e, ret, ...)"
 * both work.
 */
__attribute__((format(printf, 3, 4))) static inline int zvm_err_set(struct zvm_err *e, int err,
								    const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
	}
	return err > 0 ? -err : err;
}

/* Puts "context: " in front of the message; on overflow the end of the old text is lost. */
__attribute__((format(printf, 2, 3))) static inline void zvm_err_push(struct zvm_err *e,
								      const char *fmt, ...)
{
	char old[ZVM_ERR_MAX];
	va_list ap;
	size_t n;

	if (!e)
		return;
	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (!old[0])
		return;
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old);
}

#endif /* ZVM_ERR_H */
