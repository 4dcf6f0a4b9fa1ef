/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results on the PL011, in TAP. Names are behaviours and the key of the comparison between two
 * devices; `note` values ("# = name value") are compared too, other "#" lines are not.
 * All CPUs may call; lines do not mix.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include "types.h"

#define PRINTF __attribute__((format(printf, 1, 2)))

/* %d %u %x (with l), %s, %c, %p, %%; field width and 0 flag. */
PRINTF void printf(const char *fmt, ...);

/* One result. Returns `ok`. */
bool tap_result(bool ok, const char *name, const char *file, int line);
#define check(cond, name) tap_result((cond), name, __FILE_NAME__, __LINE__)

/* Like check, and prints both values if they differ. */
bool tap_equal(u64 got, u64 want, const char *name, const char *file, int line);
#define check_eq(got, want, name) tap_equal((u64)(got), (u64)(want), name, __FILE_NAME__, __LINE__)

void tap_skip(const char *name, const char *why);
/* A value that both devices must agree on, without an expectation of its own. */
void tap_note(const char *name, u64 value);

/* Prints the plan and powers off; main's return does the same. */
void tap_done(void) __attribute__((noreturn));
/* "Bail out!" and power off. */
PRINTF void tap_bail(const char *fmt, ...) __attribute__((noreturn));

/* Results and failures so far, and carrying them over a SYSTEM_RESET. */
u32 tap_count(void);
u32 tap_failures(void);
void tap_restore(u32 count, u32 failed);

#endif
