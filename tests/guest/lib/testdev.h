/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test device of guest-run, at an address where QEMU's virt board has nothing. Guests and
 * runner share this file. Without the runner (plain QEMU, zvm-run) testdev_present() is false and
 * tests that need it are skipped.
 *
 * All registers are 32 bits wide unless said otherwise; accesses of other widths are ignored.
 */
#ifndef GUEST_TESTDEV_H
#define GUEST_TESTDEV_H

#define TESTDEV_BASE 0x0b000000UL
#define TESTDEV_SIZE 0x3000UL

#define TD_MAGIC	0x000 /* RO: TESTDEV_MAGIC */
#define TD_EXIT		0x004 /* WO: exit status of the runner, kept until SYSTEM_OFF */
#define TD_RAM_MB	0x008 /* RO: size of RAM in MiB */
#define TD_RESETS	0x00c /* RO: SYSTEM_RESETs so far */
#define TD_RESET_FLAGS	0x010 /* RO: flags of the last KVM_SYSTEM_EVENT_RESET */
#define TD_PARAM	0x014 /* RO: the runner's --param, 0 if not given */
#define TD_LINE_HIGH	0x020 /* WO: INTID; raise the line by KVM_IRQ_LINE */
#define TD_LINE_LOW	0x024 /* WO: INTID; lower it */
#define TD_IRQFD	0x028 /* WO: INTID; signal an irqfd of that SPI (an edge) */
#define TD_DELAY_US	0x02c /* RW: how late TD_LATER acts */
#define TD_LATER	0x030 /* WO: INTID; TD_LINE_HIGH from another thread, after the delay */
#define TD_PPI		0x034 /* WO: vCPU << 16 | INTID << 8 | level, by KVM_IRQ_LINE */
#define TD_LEVEL_IRQFD	0x038 /* WO: INTID; signal a level irqfd, lowered by its resampler */
#define TD_RESAMPLES	0x03c /* RO: how often that resampler reported an EOI */
#define TD_BELLS	0x040 /* RO: ioeventfd signals at TD_BELL since the last read */
#define TD_STRAY_COUNT	0x044 /* RO: accesses outside every device */
#define TD_STRAY_ADDR	0x048 /* RO, 64 bits: address of the last one */
#define TD_STRAY_LEN	0x050 /* RO: its width in bytes, | 0x80000000 for a write */
#define TD_ROMEM_WRITES 0x054 /* RO: writes to the read-only memory slot */
#define TD_ITS		0x058 /* RO: 1 if the runner was told to make an ITS (at TD_ITS_BASE) */
#define TD_MSI		0x05c /* WO: DeviceID << 16 | EventID, by KVM_SIGNAL_MSI */
#define TD_MSI_RESULT	0x060 /* RO: what that returned, or -errno */
#define TD_MSI_IRQFD	0x064 /* WO: DeviceID << 16 | EventID; signal an irqfd routed to it */
/* WO: stop the VM; save pending and ITS tables and the ITS's registers; reset it; restore it */
#define TD_ITS_CYCLE	0x068
#define TD_ITS_STATUS	0x06c /* RO: 0 or the errno of the first step that failed */
#define TD_IRQFD_LATER	0x070 /* WO: INTID; TD_IRQFD from another thread, after the delay */
#define TD_IRQFD_AT	0x078 /* RO, 64 bits: the host's counter just before that signal */
#define TD_NO_HUGE	0x080 /* WO: MiB from the start of RAM; no huge pages from there on */
#define TD_SHARE	0x084 /* WO: CPU; this vCPU's thread stays there, SCHED_FIFO; ~0 ends it */
#define TD_YIELD	0x088 /* WO: sched_yield() */

/* Any width: one byte store, kept by the runner, wraps at its end. */
#define TD_SCRATCH	0x1000
#define TD_SCRATCH_SIZE 0x1000
/* ioeventfd, 4 bytes, any value; TD_BELL + 8 only the value TD_BELL_MATCH. */
#define TD_BELL	      0x2000
#define TD_BELL_MATCH 0x1234abcd

/* A read-only memory slot of 64 KiB: 32-bit words that hold their own index. */
#define TD_ROMEM_BASE 0x0c000000UL
#define TD_ROMEM_SIZE 0x10000UL

/* Where QEMU's virt board has it. */
#define TD_ITS_BASE 0x08080000UL

#define TESTDEV_MAGIC 0x5456545aU

#ifndef GUEST_RUNNER
#include "arch.h"

bool testdev_present(void);
/* Reads 0 and does nothing without the device. */
u32 testdev_read(u32 reg);
void testdev_write(u32 reg, u32 v);
void testdev_exit(u32 status);
/* Finds out; boot CPU, exceptions working. */
void testdev_probe(void);
#endif

#endif
