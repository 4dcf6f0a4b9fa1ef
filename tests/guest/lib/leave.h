/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_LEAVE_H
#define GUEST_LEAVE_H

#include "types.h"

/*
 * One exit, of the kind that `round` chooses: hypercalls, devices in the kernel and beyond it, ID
 * registers, WFI until a timer, SGI 3 to some CPU, WFE. The caller has enabled SGI 3 and the virtual
 * timer's interrupt; the handler of the latter switches the timer off.
 */
void leave_guest(u32 round);

#endif
