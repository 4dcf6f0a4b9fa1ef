/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Of the register frames, what ring 0 answers as well as the tables of dist.c and redist.c.
 */
#ifndef ZVM_VGIC_MMIO_H
#define ZVM_VGIC_MMIO_H

#define ZVM_GICD_SIZE 0x10000ULL
#define ZVM_GICR_SIZE 0x20000ULL /* RD and SGI frame */

#define ZVM_GICD_CTLR_ARE (1u << 4)
#define ZVM_GICD_CTLR_DS  (1u << 6)
#define ZVM_GIC_PIDR2	  0x3b /* GICv3, JEDEC */

#endif
