// SPDX-License-Identifier: GPL-2.0
/*
 * PL031 RTC. The time is the host's real-time clock plus an offset, so a step of the host's clock
 * is seen by the guest, as a battery-backed clock that somebody sets. The alarm is a timerfd on the
 * same clock with TFD_TIMER_CANCEL_ON_SET, armed anew after such a step.
 *
 * rtc->lock covers everything and is a leaf, but for the interrupt line. Registers are 32 bits
 * wide and wrap in 2106; all sums with guest values are modulo 2^32.
 *
 * Specification: Arm DDI 0224B, PrimeCell Real Time Clock (PL031), chapter 3.
 */
#include "vmm/device/pl031.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define INT_ALARM 1u

struct zvm_pl031 {
	pthread_mutex_t lock;
	struct zvm_irqline irq;
	struct zvm_loop *loop;
	struct zvm_watch watch;
	int timer;
	bool irq_level;
	uint32_t offset; /* guest seconds minus host seconds */
	uint32_t match, load, imsc, ris;
	bool armed; /* MR has been written since the last alarm */
};

static uint32_t host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)now.tv_sec;
}

static uint32_t guest_seconds(const struct zvm_pl031 *rtc)
{
	return host_seconds() + rtc->offset;
}

static void irq_update(struct zvm_pl031 *rtc)
{
	bool level = rtc->ris & rtc->imsc;

	if (level != rtc->irq_level) {
		rtc->irq_level = level;
		zvm_irqline_set(&rtc->irq, level);
	}
}

/* The clock compares all 32 bits: a match that has passed comes again after 2^32 seconds. */
static void arm_alarm(struct zvm_pl031 *rtc)
{
	struct itimerspec when = { 0 };
	struct timespec now;

	if (rtc->armed) {
		uint32_t wait = rtc->match - guest_seconds(rtc);

		if (!wait) {
			rtc->armed = false;
			rtc->ris |= INT_ALARM;
		} else {
			clock_gettime(CLOCK_REALTIME, &now);
			when.it_value.tv_sec = now.tv_sec + wait;
		}
	}
	timerfd_settime(rtc->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL);
}

static void alarm_event(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_pl031 *rtc = watch->opaque;
	uint64_t ticks;
	ssize_t n;

	n = read(rtc->timer, &ticks, sizeof(ticks));
	if (n < 0 && errno != ECANCELED)
		return;
	/* Due or the host's clock was set: either way the distance is measured again. */
	pthread_mutex_lock(&rtc->lock);
	arm_alarm(rtc);
	irq_update(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

static uint32_t dr_read(void *dev)
{
	return guest_seconds(dev);
}

static uint32_t mr_read(void *dev)
{
	return ((struct zvm_pl031 *)dev)->match;
}

static void mr_write(void *dev, uint32_t val)
{
	struct zvm_pl031 *rtc = dev;

	rtc->match = val;
	rtc->armed = true;
	arm_alarm(rtc);
}

static uint32_t lr_read(void *dev)
{
	return ((struct zvm_pl031 *)dev)->load;
}

static void lr_write(void *dev, uint32_t val)
{
	struct zvm_pl031 *rtc = dev;

	rtc->load = val;
	rtc->offset = val - host_seconds();
	arm_alarm(rtc);
}

static uint32_t cr_read(void *dev)
{
	return 1; /* once started the clock cannot be stopped */
}

static void cr_write(void *dev, uint32_t val)
{
}

static uint32_t imsc_read(void *dev)
{
	return ((struct zvm_pl031 *)dev)->imsc;
}

static void imsc_write(void *dev, uint32_t val)
{
	((struct zvm_pl031 *)dev)->imsc = val & INT_ALARM;
}

static uint32_t ris_read(void *dev)
{
	return ((struct zvm_pl031 *)dev)->ris;
}

static uint32_t mis_read(void *dev)
{
	const struct zvm_pl031 *rtc = dev;

	return rtc->ris & rtc->imsc;
}

static void icr_write(void *dev, uint32_t val)
{
	((struct zvm_pl031 *)dev)->ris &= ~val;
}

static const struct zvm_reg regs[] = {
	{ 0x00, "RTCDR", dr_read, NULL },	    { 0x04, "RTCMR", mr_read, mr_write },
	{ 0x08, "RTCLR", lr_read, lr_write },	    { 0x0c, "RTCCR", cr_read, cr_write },
	{ 0x10, "RTCIMSC", imsc_read, imsc_write }, { 0x14, "RTCRIS", ris_read, NULL },
	{ 0x18, "RTCMIS", mis_read, NULL },	    { 0x1c, "RTCICR", NULL, icr_write },
};

static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static uint64_t pl031_read(void *dev, uint64_t off, unsigned int width)
{
	const struct zvm_reg *r = zvm_reg_find(regs, sizeof(regs) / sizeof(regs[0]), off);
	struct zvm_pl031 *rtc = dev;
	uint32_t val;

	if (off >= 0xfe0 && off % 4 == 0)
		return ids[(off - 0xfe0) / 4];
	if (!r || !r->read)
		return 0;
	pthread_mutex_lock(&rtc->lock);
	val = r->read(rtc);
	pthread_mutex_unlock(&rtc->lock);
	return val;
}

static void pl031_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	const struct zvm_reg *r = zvm_reg_find(regs, sizeof(regs) / sizeof(regs[0]), off);
	struct zvm_pl031 *rtc = dev;

	if (!r || !r->write)
		return;
	pthread_mutex_lock(&rtc->lock);
	r->write(rtc, (uint32_t)val);
	irq_update(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

const struct zvm_mmio_ops zvm_pl031_ops = { .read = pl031_read, .write = pl031_write };

static uint32_t start_offset(const struct zvm_config_rtc *cfg)
{
	time_t now = time(NULL);
	struct tm local;

	switch (cfg->base) {
	case ZVM_RTC_LOCALTIME:
		return localtime_r(&now, &local) ? (uint32_t)local.tm_gmtoff : 0;
	case ZVM_RTC_FIXED:
		return cfg->epoch - (uint32_t)now;
	default:
		return 0;
	}
}

int zvm_pl031_create(struct zvm_pl031 **out, const struct zvm_config_rtc *cfg,
		     const struct zvm_irqline *irq, struct zvm_loop *loop, struct zvm_err *err)
{
	struct zvm_pl031 *rtc = calloc(1, sizeof(*rtc));
	int ret;

	*out = NULL;
	if (!rtc)
		return zvm_err_set(err, ENOMEM, "pl031: out of memory");
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->irq = *irq;
	rtc->loop = loop;
	rtc->offset = start_offset(cfg);
	rtc->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	ret = rtc->timer < 0 ? -errno : 0;
	if (ret == 0)
		ret = zvm_loop_add(loop, &rtc->watch, rtc->timer, EPOLLIN, alarm_event, rtc);
	if (ret < 0) {
		zvm_pl031_destroy(rtc);
		return zvm_err_set(err, ret, "pl031: cannot make a timer: %s", strerror(-ret));
	}
	*out = rtc;
	return 0;
}

void zvm_pl031_destroy(struct zvm_pl031 *rtc)
{
	if (!rtc)
		return;
	zvm_loop_del(rtc->loop, &rtc->watch);
	if (rtc->timer >= 0)
		close(rtc->timer);
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}

void zvm_pl031_reset(struct zvm_pl031 *rtc)
{
	pthread_mutex_lock(&rtc->lock);
	rtc->match = rtc->load = rtc->imsc = rtc->ris = 0;
	rtc->armed = false;
	arm_alarm(rtc);
	irq_update(rtc);
	pthread_mutex_unlock(&rtc->lock);
}
