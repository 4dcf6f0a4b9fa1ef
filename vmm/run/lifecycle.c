// SPDX-License-Identifier: GPL-2.0
/*
 * The VM's life as the main thread sees it.
 *
 * vCPU threads only leave a note (lifecycle_event(), under lc->lock) and ring the bell; every
 * decision is taken on the event loop. The first note wins: what other vCPUs report about a VM that
 * has already ended is of no use.
 */
#include "vmm/run/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/machine/map.h"

static void loop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

int zvm_lifecycle_block_signals(void)
{
	sigset_t set;

	loop_signals(&set);
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

__attribute__((format(printf, 3, 4))) static void finish(struct zvm_lifecycle *lc, enum zvm_end end,
							 const char *fmt, ...)
{
	va_list ap;

	if (!lc->ended) {
		va_start(ap, fmt);
		vsnprintf(lc->text, sizeof(lc->text), fmt, ap);
		va_end(ap);
		lc->end = end;
		lc->ended = true;
	}
	zvm_loop_quit(lc->m->loop);
}

/* ---- what the guest does ---- */

static void lifecycle_event(void *opaque, enum zvm_vm_event event, const char *text)
{
	struct zvm_lifecycle *lc = opaque;

	pthread_mutex_lock(&lc->lock);
	if (lc->event == ZVM_EVENT_NONE) {
		lc->event = event;
		snprintf(lc->event_text, sizeof(lc->event_text), "%s", text);
	}
	pthread_mutex_unlock(&lc->lock);
	zvm_bell_ring(&lc->bell);
}

static void restart(struct zvm_lifecycle *lc)
{
	struct zvm_err err = { "" };

	zvm_vcpu_stop_all(&lc->m->vcpus);
	/* Notes of the VM that is going away, left between our look at them and the stop. */
	pthread_mutex_lock(&lc->lock);
	lc->event = ZVM_EVENT_NONE;
	pthread_mutex_unlock(&lc->lock);
	if (lc->paused)
		zvm_slots_resume(lc->m);
	lc->paused = false;
	if (zvm_machine_restart(lc->m, &err) < 0)
		finish(lc, ZVM_END_HOST, "cannot restart the guest: %s", err.msg);
}

static void lifecycle_bell(void *opaque)
{
	struct zvm_lifecycle *lc = opaque;
	const struct zvm_config *cfg = lc->m->cfg;
	char text[sizeof(lc->event_text)];
	enum zvm_vm_event event;

	pthread_mutex_lock(&lc->lock);
	event = lc->event;
	memcpy(text, lc->event_text, sizeof(text));
	pthread_mutex_unlock(&lc->lock);

	switch (event) {
	case ZVM_EVENT_NONE:
		break;
	case ZVM_EVENT_POWEROFF:
		finish(lc, ZVM_END_POWEROFF, "guest powered off");
		break;
	case ZVM_EVENT_RESET:
		if (cfg->on_reboot == ZVM_ON_REBOOT_EXIT)
			finish(lc, ZVM_END_RESET, "guest rebooted, on_reboot = \"exit\"");
		else
			restart(lc);
		break;
	case ZVM_EVENT_CRASH:
		if (cfg->on_crash == ZVM_ON_CRASH_RESTART)
			restart(lc);
		else
			finish(lc, ZVM_END_CRASH, "guest crashed: %s", text);
		break;
	}
}

/* ---- what the user does ---- */

void zvm_lifecycle_stop(struct zvm_lifecycle *lc)
{
	finish(lc, ZVM_END_STOP, "stopped by the user");
}

/* A key that is held for a tenth of a second: long enough for any debouncing driver. */
int zvm_lifecycle_press_power(struct zvm_lifecycle *lc)
{
	struct itimerspec hold = { .it_value.tv_nsec = 100000000 };

	if (!lc->m->gpio)
		return -ENODEV;
	zvm_pl061_drive(lc->m->gpio, ZVM_MAP_POWER_KEY, true);
	timerfd_settime(lc->key_fd, 0, &hold, NULL);
	return 0;
}

static void on_key_up(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_lifecycle *lc = watch->opaque;
	uint64_t ticks;

	if (read(lc->key_fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
		zvm_pl061_drive(lc->m->gpio, ZVM_MAP_POWER_KEY, false);
}

int zvm_lifecycle_pause(struct zvm_lifecycle *lc)
{
	if (lc->ended)
		return -EBUSY;
	if (!lc->paused) {
		zvm_vcpu_pause_all(&lc->m->vcpus);
		zvm_slots_quiesce(lc->m);
		lc->paused = true;
	}
	return 0;
}

int zvm_lifecycle_resume(struct zvm_lifecycle *lc)
{
	bool event;

	if (lc->ended)
		return -EBUSY;
	/* A vCPU whose report is still unread must not run on: the bell decides first. */
	pthread_mutex_lock(&lc->lock);
	event = lc->event != ZVM_EVENT_NONE;
	pthread_mutex_unlock(&lc->lock);
	if (lc->paused)
		zvm_slots_resume(lc->m);
	if (lc->paused && !event)
		zvm_vcpu_resume_all(&lc->m->vcpus);
	lc->paused = false;
	return 0;
}

int zvm_lifecycle_reset(struct zvm_lifecycle *lc)
{
	if (lc->ended)
		return -EBUSY;
	restart(lc);
	return lc->ended ? -EIO : 0;
}

void zvm_lifecycle_key(void *opaque, enum zvm_tty_key key)
{
	struct zvm_lifecycle *lc = opaque;

	switch (key) {
	case ZVM_TTY_KEY_STOP:
		zvm_lifecycle_stop(lc);
		break;
	case ZVM_TTY_KEY_POWER:
		zvm_lifecycle_press_power(lc);
		break;
	case ZVM_TTY_KEY_RESET:
		zvm_lifecycle_reset(lc);
		break;
	}
}

static void end_by_signal(struct zvm_lifecycle *lc, const char *after)
{
	const char *name = sigabbrev_np(lc->signal);

	finish(lc, ZVM_END_SIGNAL, "stopped by SIG%s%s", name ? name : "?", after);
}

static void on_signal(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_lifecycle *lc = watch->opaque;
	struct itimerspec grace = { .it_value.tv_sec = ZVM_LIFECYCLE_GRACE };
	struct signalfd_siginfo info;

	(void)events;
	if (read(lc->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	lc->signal = (int)info.ssi_signo;
	if (lc->power_key || lc->paused) {
		end_by_signal(lc, lc->power_key ? " (twice)" : " while paused");
		return;
	}
	lc->power_key = true;
	if (zvm_lifecycle_press_power(lc) < 0) {
		end_by_signal(lc, "");
		return;
	}
	timerfd_settime(lc->timer_fd, 0, &grace, NULL);
}

static void on_grace_over(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_lifecycle *lc = watch->opaque;
	char after[64];

	(void)events;
	snprintf(after, sizeof(after), "; the guest ignored the power key for %d s",
		 ZVM_LIFECYCLE_GRACE);
	end_by_signal(lc, after);
}

/* ---- the frame ---- */

int zvm_lifecycle_init(struct zvm_lifecycle *lc, struct zvm_machine *m, struct zvm_err *err)
{
	sigset_t set;
	int ret;

	memset(lc, 0, sizeof(*lc));
	lc->m = m;
	lc->signal_fd = lc->timer_fd = lc->key_fd = lc->bell.fd = -1;
	pthread_mutex_init(&lc->lock, NULL);
	clock_gettime(CLOCK_MONOTONIC, &lc->started);
	loop_signals(&set);
	lc->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	lc->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	lc->key_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	ret = lc->signal_fd < 0 || lc->timer_fd < 0 || lc->key_fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = zvm_loop_add(m->loop, &lc->signal_watch, lc->signal_fd, EPOLLIN, on_signal,
				   lc);
	if (ret == 0)
		ret = zvm_loop_add(m->loop, &lc->timer_watch, lc->timer_fd, EPOLLIN, on_grace_over,
				   lc);
	if (ret == 0)
		ret = zvm_loop_add(m->loop, &lc->key_watch, lc->key_fd, EPOLLIN, on_key_up, lc);
	if (ret == 0)
		ret = zvm_bell_init(&lc->bell, m->loop, lifecycle_bell, lc);
	if (ret < 0) {
		zvm_lifecycle_fini(lc);
		return zvm_err_set(err, ret, "cannot set up the event loop: %s", strerror(-ret));
	}
	m->vcpus.event = lifecycle_event;
	m->vcpus.opaque = lc;
	return 0;
}

void zvm_lifecycle_fini(struct zvm_lifecycle *lc)
{
	zvm_loop_del(lc->m->loop, &lc->signal_watch);
	zvm_loop_del(lc->m->loop, &lc->timer_watch);
	zvm_loop_del(lc->m->loop, &lc->key_watch);
	zvm_bell_fini(&lc->bell, lc->m->loop);
	if (lc->signal_fd >= 0)
		close(lc->signal_fd);
	if (lc->timer_fd >= 0)
		close(lc->timer_fd);
	if (lc->key_fd >= 0)
		close(lc->key_fd);
	pthread_mutex_destroy(&lc->lock);
}

int zvm_lifecycle_run(struct zvm_lifecycle *lc, struct zvm_err *err)
{
	int ret = zvm_vcpu_start_all(&lc->m->vcpus, err);

	if (ret < 0)
		return ret;
	clock_gettime(CLOCK_MONOTONIC, &lc->started);
	ret = zvm_loop_run(lc->m->loop);
	zvm_vcpu_stop_all(&lc->m->vcpus);
	if (ret < 0)
		return zvm_err_set(err, ret, "event loop: %s", strerror(-ret));
	return 0;
}

double zvm_lifecycle_uptime(const struct zvm_lifecycle *lc)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - lc->started.tv_sec) +
	       (double)(now.tv_nsec - lc->started.tv_nsec) / 1e9;
}
