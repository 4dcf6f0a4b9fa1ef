/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the first instruction to the last: events of the guest, signals and the user's commands
 * become start, pause, resume, reset and stop. Main thread (the event loop) only.
 */
#ifndef ZVM_RUN_LIFECYCLE_H
#define ZVM_RUN_LIFECYCLE_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include <zvm/err.h>

#include "vmm/machine/machine.h"

enum zvm_end {
	ZVM_END_POWEROFF, /* the guest powered itself off */
	ZVM_END_CRASH,
	ZVM_END_RESET,	/* the guest rebooted, and on_reboot says exit */
	ZVM_END_STOP,	/* the user stopped it: escape key or control socket */
	ZVM_END_SIGNAL, /* a signal did, and the guest would not go by itself */
	ZVM_END_HOST,	/* the host failed: text says how */
};

struct zvm_lifecycle {
	struct zvm_machine *m;
	bool paused;
	bool power_key; /* pressed on behalf of a signal: the timer runs */
	int signal;	/* the last one that asked us to stop */
	int signal_fd, timer_fd, key_fd;
	struct zvm_watch signal_watch, timer_watch, key_watch;
	struct zvm_bell bell;
	struct timespec started;

	pthread_mutex_t lock; /* the event that a vCPU reported; leaf */
	enum zvm_vm_event event;
	char event_text[192];

	bool ended;
	enum zvm_end end;
	char text[256]; /* the reason, as the last line says it */
};

/* Seconds that a guest has for its shutdown after the power key, before it is stopped. */
#define ZVM_LIFECYCLE_GRACE 30

/* Before any thread: blocks the signals that the loop is to receive. */
int zvm_lifecycle_block_signals(void);

int zvm_lifecycle_init(struct zvm_lifecycle *lc, struct zvm_machine *m, struct zvm_err *err);
void zvm_lifecycle_fini(struct zvm_lifecycle *lc);

/*
 * Start the powered-on machine and serve it until it ends. 0 with lc->end and lc->text set, also
 * when the end was a failure of the host; the vCPU threads are gone then.
 */
int zvm_lifecycle_run(struct zvm_lifecycle *lc, struct zvm_err *err);

/* Commands. Idempotent; the ones that cannot be now return -EBUSY or -EINVAL. */
int zvm_lifecycle_pause(struct zvm_lifecycle *lc);
int zvm_lifecycle_resume(struct zvm_lifecycle *lc);
int zvm_lifecycle_reset(struct zvm_lifecycle *lc);
/* -ENODEV when the machine was built without a power key. */
int zvm_lifecycle_press_power(struct zvm_lifecycle *lc);
void zvm_lifecycle_stop(struct zvm_lifecycle *lc);

/* For zvm_machine_create(); opaque is the struct zvm_lifecycle. */
void zvm_lifecycle_key(void *opaque, enum zvm_tty_key key);

/* Seconds since the start. */
double zvm_lifecycle_uptime(const struct zvm_lifecycle *lc);

#endif
