/* SPDX-License-Identifier: GPL-2.0 */
/* The routing table; shared by routing.c, which fills it, and event.c, which frees the last one. */
#ifndef ZVM_EVENT_ROUTING_H
#define ZVM_EVENT_ROUTING_H

#include <linux/types.h>

struct zvm_routing {
	u32 nr;	     /* GSIs 0..nr-1 are described */
	s16 intid[]; /* SPI of each, -1: not routed */
};

#endif
