// SPDX-License-Identifier: GPL-2.0
/*
 * An ITS with its tables and commands in the machine's RAM, LPIs, and what is done to them (see
 * fuzz.h). Other threads write to the tables and take their memory away all the time.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

#define VALID	(1UL << 63)
#define LPI0	8192
#define DEVIDS	4
#define EVENTS	16 /* of a device, mapped at first */
#define QUEUE_CMDS 2048U

/* The last megabyte of RAM. */
enum {
	TABLES = ARENA - (1UL << 20), DEVICES = TABLES, COLLECTIONS = TABLES + 0x10000,
	QUEUE = TABLES + 0x20000, CONFIG = TABLES + 0x30000, PENDING = TABLES + 0x40000,
	ITTS = TABLES + 0x80000, /* 4 KiB for each device */
};

static int attr(int fd, unsigned long cmd, uint32_t group, uint64_t nr, uint64_t val)
{
	struct kvm_device_attr a = { .group = group, .attr = nr, .addr = (uintptr_t)&val };

	return ioctl(fd, cmd, &a);
}

static int set(int fd, uint32_t group, uint64_t nr, uint64_t val)
{
	return attr(fd, KVM_SET_DEVICE_ATTR, group, nr, val);
}

static int set_reg(int fd, uint64_t off, uint64_t val)
{
	return set(fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, off, val);
}

static void put(uint32_t nr, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	uint64_t cmd[4] = { w0, w1, w2, w3 };

	store(QUEUE + nr % QUEUE_CMDS * sizeof(cmd), cmd, sizeof(cmd));
}

static void lpi_tables(int gic)
{
	uint64_t config = VM_RAM_IPA + CONFIG;
	uint8_t bytes[1024];
	uint32_t i;

	memset(bytes, 0xa1, sizeof(bytes));
	store(CONFIG, bytes, sizeof(bytes));
	for (i = 0; i < NR_VCPUS; i++) {
		uint64_t cpu = (uint64_t)i << 32;

		set(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | 0x70, (uint32_t)config | 15);
		set(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | 0x74, config >> 32);
		set(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | 0x78,
		    VM_RAM_IPA + PENDING + i * 0x10000);
		set(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | 0x7c, 0);
		set(gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu, 1); /* GICR_CTLR.EnableLPIs */
	}
}

static bool is_its(int fd)
{
	return !attr(fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x80, 0);
}

int complete_its(struct machine *m)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS };
	uint32_t n = 0, i, j;
	int its, old;

	if (!is_its(m->dev[1]) && !ioctl(m->vm, KVM_CREATE_DEVICE, &cd)) {
		old = __atomic_exchange_n(&m->dev[1], (int)cd.fd, __ATOMIC_ACQ_REL);
		if (old >= 0)
			close(old);
	}
	its = m->dev[1];
	set(its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, 0x08080000);
	set(its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	lpi_tables(m->dev[0]);
	set_reg(its, 0, 0);
	set_reg(its, 0x100, (VM_RAM_IPA + DEVICES) | VALID);
	set_reg(its, 0x108, (VM_RAM_IPA + COLLECTIONS) | VALID);
	set_reg(its, 0x80, (VM_RAM_IPA + QUEUE) | VALID | 15);
	for (i = 0; i < NR_VCPUS; i++)
		put(n++, 0x09, 0, (uint64_t)i << 16 | i | VALID, 0);
	for (i = 0; i < DEVIDS; i++) {
		put(n++, 0x08 | (uint64_t)i << 32, 7, (VM_RAM_IPA + ITTS + i * 4096) | VALID, 0);
		for (j = 0; j < EVENTS; j++)
			put(n++, 0x0a | (uint64_t)i << 32,
			    j | (uint64_t)(LPI0 + i * EVENTS + j) << 32, j % NR_VCPUS, 0);
	}
	if (set_reg(its, 0, 1))
		return -1;
	return set_reg(its, 0x88, n * 32);
}

/* A command of any kind, about something that may be there. */
static void put_any(uint32_t nr)
{
	uint64_t op = mostly(PICK(1, 3, 4, 5, 8, 9, 9, 10, 10, 11, 12, 13, 14, 15));
	uint64_t dev = mostly(below(DEVIDS)), event = mostly(below(32));
	uint64_t w1 = event | mostly(LPI0 + below(128)) << 32, w2, w3 = below(NR_VCPUS) << 16;

	if (op == 8) {
		w1 = mostly(below(10));
		w2 = VM_RAM_IPA + ITTS + below(DEVIDS) * 4096;
	} else {
		w2 = mostly(below(NR_VCPUS)) | mostly(below(NR_VCPUS)) << 16;
	}
	put(nr, op | dev << 32, w1, w2 | (one_in(4) ? 0 : VALID), w3);
}

/* By GITS_CWRITER's attribute, which says -EBUSY while a vCPU runs, or left for a guest to find. */
int op_its_commands(void)
{
	int its = machine()->dev[1], i;
	uint32_t n = below(64), first = below(QUEUE_CMDS);

	while (n--)
		put_any(first + n);
	for (i = 0; i < 20; i++)
		if (!set_reg(its, 0x88, mostly(below(QUEUE_CMDS) * 32)))
			return 0;
	return -1;
}

/* Tables are written and read where they are, or where random ones have been put. */
int op_its_tables(void)
{
	struct machine *m = machine();
	uint64_t entry = mostly(VALID | PICK(0, rnd() & 0xffffffff, (rnd() & 0x3fff) << 49 | 3));

	switch (below(8)) {
	case 0:
		return complete_its(m);
	case 1:
		return set(m->dev[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, 0);
	case 2:
		store(PICK(DEVICES, COLLECTIONS, ITTS) + below(32) * 8, &entry, sizeof(entry));
		/* fall through */
	case 3:
		return set(m->dev[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, 0);
	case 4:
		return set(m->dev[0], KVM_DEV_ARM_VGIC_GRP_CTRL,
			   KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, 0);
	default:
		return set(m->dev[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, 0);
	}
}

int op_signal_msi(void)
{
	struct kvm_msi msi = {
		.address_lo = mostly(0x08090040), .data = mostly(below(EVENTS + 4)),
		.flags = mostly(KVM_MSI_VALID_DEVID), .devid = mostly(below(DEVIDS)),
	};

	struct machine *m = machine();
	int i;

	/* What is mapped does not stay so for long, and it is mapped while no vCPU runs only. */
	if (one_in(4))
		for (i = 0; i < 20 && complete_its(m); i++)
			usleep(1000);
	return call(m->vm, KVM_SIGNAL_MSI, &msi) > 0 ? 0 : -1; /* 0: nothing is mapped */
}
