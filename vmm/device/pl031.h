/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PL031 real-time clock (Arm DDI 0224): seconds since 1970, one alarm.
 *
 * The registers run on vCPU threads, the alarm on the event loop; one lock inside covers both.
 */
#ifndef ZVM_DEVICE_PL031_H
#define ZVM_DEVICE_PL031_H

#include <zvm/err.h>

#include "vmm/config/config.h"
#include "vmm/device/bus.h"
#include "vmm/run/loop.h"

struct zvm_pl031;

/* Creates the device with its timer on @loop. The clock starts as @cfg says. */
int zvm_pl031_create(struct zvm_pl031 **out, const struct zvm_config_rtc *cfg,
		     const struct zvm_irqline *irq, struct zvm_loop *loop, struct zvm_err *err);
#ifdef CONFIG_ZVM_PL031
void zvm_pl031_destroy(struct zvm_pl031 *rtc);

/* Interrupt and alarm go; the time stays, since a reset does not touch the battery. Any thread. */
void zvm_pl031_reset(struct zvm_pl031 *rtc);
#else
static inline void zvm_pl031_destroy(struct zvm_pl031 *rtc)
{
}

static inline void zvm_pl031_reset(struct zvm_pl031 *rtc)
{
}
#endif

extern const struct zvm_mmio_ops zvm_pl031_ops;

#endif
