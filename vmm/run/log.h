/* SPDX-License-Identifier: GPL-2.0 */
/* Lines for the person who runs the VM. main.c decides which, and where they go. */
#ifndef ZVM_RUN_LOG_H
#define ZVM_RUN_LOG_H

enum zvm_log_level { ZVM_LOG_ERR, ZVM_LOG_WARN, ZVM_LOG_INFO, ZVM_LOG_DEBUG };

/* One line without newline. Any thread, may be called with locks held. */
__attribute__((format(printf, 2, 3))) void zvm_log(enum zvm_log_level level, const char *fmt, ...);

/* Once, before there are threads: lines up to @max go to @sink, from any thread. */
void zvm_log_open(enum zvm_log_level max, void (*sink)(enum zvm_log_level level, const char *line));

#endif
