/* SPDX-License-Identifier: GPL-2.0 */
/* The routing table; shared by routing.c, which fills it, and event.c, which frees the last one. */
#ifndef ZVM_EVENT_ROUTING_H
#define ZVM_EVENT_ROUTING_H

#include <linux/types.h>

/* Where a GSI leads: type 0 nowhere, KVM_IRQ_ROUTING_IRQCHIP, KVM_IRQ_ROUTING_MSI. */
struct zvm_route {
	u32 type;
	union {
		u32 intid; /* of an SPI */
		struct {
			u64 addr;
			u32 data, flags, devid;
		} msi;
	};
};

struct zvm_routing {
	u32 nr; /* GSIs 0..nr-1 are described */
	struct zvm_route route[];
};

#endif
