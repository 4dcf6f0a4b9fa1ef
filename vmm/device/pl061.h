/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PL061 GPIO (Arm DDI 0190): eight lines, one of which is the power key.
 *
 * Registers run on vCPU threads, the outside of the lines on the event loop; one lock inside.
 */
#ifndef ZVM_DEVICE_PL061_H
#define ZVM_DEVICE_PL061_H

#include "vmm/device/bus.h"

struct zvm_pl061;

/* NULL when out of memory. All lines are low. */
struct zvm_pl061 *zvm_pl061_create(const struct zvm_irqline *irq);
#ifdef CONFIG_ZVM_PL061
void zvm_pl061_destroy(struct zvm_pl061 *gpio);

/* Registers as after a reset; the outside of the lines stays as it is driven. Any thread. */
void zvm_pl061_reset(struct zvm_pl061 *gpio);

/* Drive line 0..7 from outside. Any thread. */
void zvm_pl061_drive(struct zvm_pl061 *gpio, unsigned int line, bool high);
#else
static inline void zvm_pl061_destroy(struct zvm_pl061 *gpio)
{
}

static inline void zvm_pl061_reset(struct zvm_pl061 *gpio)
{
}

static inline void zvm_pl061_drive(struct zvm_pl061 *gpio, unsigned int line, bool high)
{
}
#endif

extern const struct zvm_mmio_ops zvm_pl061_ops;

#endif
