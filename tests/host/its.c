// SPDX-License-Identifier: GPL-2.0
/*
 * its - the ITS as a client sees it: attributes and their errors, KVM_SIGNAL_MSI, MSI routes, and
 * the tables that travel with guest memory, in the layout of the kernel's arm-vgic-its.rst.
 *
 *   its [--device DEV]
 *
 * Holds for KVM as well. No guest runs: commands are put into memory here and started by
 * GITS_CWRITER's attribute, and what became pending is read from the saved pending tables. TAP; exit
 * status 0 if all passed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "vm.h"

#define ITS_BASE 0x08080000UL
#define DOORBELL (ITS_BASE + 0x10040)
#define NOWHERE	 0x00ff00000000UL /* an address without memory */

enum { CTLR = 0x0, IIDR = 0x4, TYPER = 0x8, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90,
       BASER0 = 0x100, BASER1 = 0x108 };
enum { GICR_CTLR = 0x0, PROPBASER = 0x70, PENDBASER = 0x78 };

#define VALID	 (1ULL << 63)
#define INDIRECT (1ULL << 62)
#define LPI0	 8192
#define SIZE	 (2UL << 20)

/* Offsets in the memory slot. */
enum {
	DEVICES = 0x00000, COLLECTIONS = 0x10000, QUEUE = 0x20000, CONFIG = 0x30000,
	PENDING0 = 0x40000, PENDING1 = 0x50000, ITT0 = 0x60000, ITT1 = 0x61000, ITT2 = 0x62000,
	LEVEL2 = 0x70000, LARGE_ITT = 0x80000,
};

static struct vm vm;
static int gic, its;
static uint8_t *mem;
static uint32_t queue_at;

static int attr(int fd, unsigned long cmd, uint32_t group, uint64_t nr, void *addr)
{
	struct kvm_device_attr a = { .group = group, .attr = nr, .addr = (uintptr_t)addr };

	return ioctl(fd, cmd, &a) ? -errno : 0;
}

static int has(uint32_t group, uint64_t nr)
{
	return attr(its, KVM_HAS_DEVICE_ATTR, group, nr, NULL);
}

static int set_reg(uint64_t off, uint64_t val)
{
	return attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, off, &val);
}

static uint64_t get_reg(uint64_t off)
{
	uint64_t val = 0;

	if (attr(its, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, off, &val))
		die("GITS register %llx", (unsigned long long)off);
	return val;
}

static int address(unsigned long cmd, uint64_t *addr)
{
	return attr(its, cmd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, addr);
}

static int ctrl(uint64_t nr)
{
	return attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, nr, NULL);
}

static void gic_set(uint32_t group, uint64_t nr, void *addr)
{
	if (attr(gic, KVM_SET_DEVICE_ATTR, group, nr, addr))
		die("vGIC attribute %u/%llx", group, (unsigned long long)nr);
}

static void gicr_write(uint32_t cpu, uint32_t off, uint32_t val)
{
	gic_set(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, (uint64_t)cpu << 32 | off, &val);
}

static void lpi_tables(uint32_t cpu, uint64_t pend)
{
	uint64_t config = VM_RAM_IPA + CONFIG;

	gicr_write(cpu, PROPBASER, (uint32_t)config | 15);
	gicr_write(cpu, PROPBASER + 4, config >> 32);
	gicr_write(cpu, PENDBASER, (uint32_t)(VM_RAM_IPA + pend));
	gicr_write(cpu, PENDBASER + 4, 0);
}

static void gic_create(void)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t dist = 0x08000000, redist = 0x080a0000;

	if (ioctl(vm.fd, KVM_CREATE_DEVICE, &cd))
		die("KVM_CREATE_DEVICE");
	gic = cd.fd;
	gic_set(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	gic_set(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
	gic_set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static int cap(int fd, int nr)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, nr);
}

static int msi_raw(uint64_t addr, uint32_t flags, uint32_t dev, uint32_t event)
{
	struct kvm_msi m = {
		.address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = event, .flags = flags,
		.devid = dev,
	};
	int ret = ioctl(vm.fd, KVM_SIGNAL_MSI, &m);

	return ret < 0 ? -errno : ret;
}

static int msi(uint32_t dev, uint32_t event)
{
	return msi_raw(DOORBELL, KVM_MSI_VALID_DEVID, dev, event);
}

/* Is the LPI pending at one of the two vCPUs? Its table says so after a save. */
static bool pending(uint32_t cpu, uint32_t lpi)
{
	gic_set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	return mem[(cpu ? PENDING1 : PENDING0) + lpi / 8] >> lpi % 8 & 1;
}

static void command(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	uint64_t cmd[4] = { w0, w1, w2, w3 };

	memcpy(mem + QUEUE + queue_at, cmd, sizeof(cmd));
	queue_at = (queue_at + 32) % 4096;
	if (set_reg(CWRITER, queue_at) || get_reg(CREADR) != queue_at)
		die("a command is not consumed");
}

static void map_device(uint32_t dev, uint64_t itt, uint32_t bits)
{
	command(0x08 | (uint64_t)dev << 32, bits - 1, VM_RAM_IPA + itt + VALID, 0);
}

static void map_event(uint32_t dev, uint32_t event, uint32_t lpi, uint32_t collection)
{
	command(0x0a | (uint64_t)dev << 32, event | (uint64_t)lpi << 32, collection, 0);
}

static void clear_event(uint32_t dev, uint32_t event)
{
	command(0x04 | (uint64_t)dev << 32, event, 0, 0);
}

static uint64_t *entry(uint64_t table, uint32_t index)
{
	return (uint64_t *)(mem + table) + index;
}

/* Tables, a queue of 4 KiB, and the ITS on. */
static void program_its(bool indirect)
{
	set_reg(CTLR, 0);
	set_reg(BASER0, 0);
	set_reg(BASER0, (VM_RAM_IPA + DEVICES) | VALID | (indirect ? INDIRECT : 0));
	set_reg(BASER1, (VM_RAM_IPA + COLLECTIONS) | VALID);
	set_reg(CBASER, (VM_RAM_IPA + QUEUE) | VALID);
	queue_at = 0;
	if (set_reg(CTLR, 1) || !(get_reg(CTLR) & 1))
		die("the ITS is not enabled");
}

static void creation(void)
{
	struct kvm_create_device cd = {
		.type = KVM_DEV_TYPE_ARM_VGIC_ITS, .flags = KVM_CREATE_DEVICE_TEST,
	};
	uint64_t addr = 0;

	ok(cap(vm_dev, KVM_CAP_SIGNAL_MSI) == 1, "KVM_CAP_SIGNAL_MSI");
	ok(cap(vm.fd, KVM_CAP_MSI_DEVID) == 0, "no DeviceID is wanted without an ITS");
	ok(msi(1, 0) == -EINVAL, "KVM_SIGNAL_MSI without a vGIC: -EINVAL");
	gic_create();
	ok(msi(1, 0) == -ENODEV, "without an ITS: -ENODEV");
	ok(ioctl(vm.fd, KVM_CREATE_DEVICE, &cd) == 0, "the device exists");
	cd.flags = 0;
	if (ioctl(vm.fd, KVM_CREATE_DEVICE, &cd))
		die("KVM_CREATE_DEVICE of an ITS");
	its = cd.fd;
	ok(cap(vm.fd, KVM_CAP_MSI_DEVID) == 1, "with one, KVM_CAP_MSI_DEVID is 1");

	ok(has(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE) == 0 &&
		   has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT) == 0 &&
		   has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET) == 0 &&
		   has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES) == 0 &&
		   has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES) == 0 &&
		   has(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, CWRITER) == 0,
	   "every attribute is announced");
	ok(has(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST) == -ENXIO &&
		   has(KVM_DEV_ARM_VGIC_GRP_CTRL, 99) == -ENXIO &&
		   has(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0) == -ENXIO &&
		   has(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x40) == -ENXIO,
	   "and no other: -ENXIO");
	ok(has(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, CWRITER + 4) == -EINVAL &&
		   set_reg(2, 0) == -EINVAL,
	   "half of a register: -EINVAL");
	ok(set_reg(CWRITER, 0) == -ENXIO, "a register before the address: -ENXIO");
	ok(msi_raw(0x1000, KVM_MSI_VALID_DEVID, 1, 0) == -EINVAL,
	   "it is nowhere before the address: -EINVAL");

	addr = ITS_BASE + 0x1000;
	ok(address(KVM_SET_DEVICE_ATTR, &addr) == -EINVAL,
	   "an address that is not aligned: -EINVAL");
	addr = 1ULL << 40;
	ok(address(KVM_SET_DEVICE_ATTR, &addr) == -E2BIG, "one outside the address space: -E2BIG");
	ok(address(KVM_SET_DEVICE_ATTR, NULL) == -EFAULT, "none: -EFAULT");
	addr = ITS_BASE;
	ok(attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		&addr) == -ENODEV,
	   "another device's: -ENODEV");
	ok(address(KVM_SET_DEVICE_ATTR, &addr) == 0, "an address is set");
	ok(address(KVM_SET_DEVICE_ATTR, &addr) == -EEXIST, "once only: -EEXIST");
	addr = 0;
	ok(address(KVM_GET_DEVICE_ATTR, &addr) == 0 && addr == ITS_BASE, "and read back");
	ok(ctrl(KVM_DEV_ARM_VGIC_CTRL_INIT) == 0, "CTRL_INIT");
}

static void registers(void)
{
	ok(get_reg(TYPER) == 0x1ef71 && get_reg(IIDR) == 0x4b00043b, "TYPER and IIDR are KVM's");
	ok(set_reg(TYPER, 0) == 0 && get_reg(TYPER) == 0x1ef71, "a write to TYPER is ignored");
	ok(set_reg(IIDR, 0x4b00043b) == 0 && set_reg(IIDR, 0x4b00143b) == -EINVAL,
	   "IIDR: table revision 0 and no other");
	ok(set_reg(CBASER, (VM_RAM_IPA + QUEUE) | VALID) == 0 && set_reg(CREADR, 0x40) == 0 &&
		   get_reg(CREADR) == 0x40,
	   "CREADR is restored");
	ok(set_reg(CREADR, 0x1000) == -EINVAL, "beyond the queue: -EINVAL");
	program_its(false);
	ok(set_reg(CREADR, 0) == -EBUSY, "with the ITS enabled: -EBUSY");
}

static void messages(void)
{
	memset(mem + CONFIG, 0xa1, 0x1000);
	set_reg(CTLR, 0);
	ok(msi(5, 0) == -EBUSY, "an MSI to a disabled ITS: -EBUSY");
	set_reg(CTLR, 1);
	ok(msi(5, 0) == 0, "to an event that is not mapped: 0");
	ok(msi_raw(DOORBELL, 0, 5, 0) == -EINVAL, "without DeviceID: -EINVAL");
	ok(msi_raw(DOORBELL, 2, 5, 0) == -EINVAL, "with an unknown flag: -EINVAL");
	ok(msi_raw(NOWHERE, KVM_MSI_VALID_DEVID, 5, 0) == -EINVAL, "to no ITS: -EINVAL");
	lpi_tables(0, PENDING0);
	lpi_tables(1, PENDING1);
	command(0x09, 0, 0 | 0ULL << 16 | VALID, 0);
	command(0x09, 0, 1 | 1ULL << 16 | VALID, 0);
	map_device(5, ITT0, 5);
	map_event(5, 0, LPI0, 0);
	map_event(5, 3, LPI0 + 3, 1);
	ok(msi(5, 0) == -EBUSY, "to a vCPU whose LPIs are disabled: -EBUSY");
	gicr_write(0, GICR_CTLR, 1);
	gicr_write(1, GICR_CTLR, 1);
	ok(msi(5, 0) == 1, "an MSI that is delivered: 1");
	ok(pending(0, LPI0) && !pending(1, LPI0), "its LPI is pending at its vCPU");
	ok(msi(5, 3) == 1 && pending(1, LPI0 + 3), "another one at the other");
	clear_event(5, 0);
	clear_event(5, 3);
	ok(!pending(0, LPI0) && !pending(1, LPI0 + 3), "CLEAR");
	ok(msi(5, 1U << 16) == 0 && msi(1U << 16, 0) == 0, "IDs of more than 16 bits: 0");
}

static int route(uint32_t n, uint32_t flags, uint32_t type1)
{
	struct {
		struct kvm_irq_routing r;
		struct kvm_irq_routing_entry e[2];
	} t = { .r = { .nr = n } };

	t.e[0] = (struct kvm_irq_routing_entry){
		.gsi = 33, .type = KVM_IRQ_ROUTING_MSI, .flags = flags,
		.u.msi = { .address_lo = DOORBELL, .data = 3, .devid = 5 },
	};
	t.e[1] = t.e[0];
	t.e[1].type = type1;
	if (type1 == KVM_IRQ_ROUTING_IRQCHIP)
		t.e[1].u.irqchip.irqchip = 0, t.e[1].u.irqchip.pin = 1, t.e[1].flags = 0;
	return ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t) ? -errno : 0;
}

static void routes(void)
{
	struct kvm_irqfd f = { .gsi = 33 };
	uint64_t one = 1;

	ok(route(1, 1 << 4, 0) == -EINVAL, "an MSI route with an unknown flag: -EINVAL");
	ok(route(2, KVM_MSI_VALID_DEVID, KVM_IRQ_ROUTING_MSI) == -EINVAL, "two for a GSI: -EINVAL");
	ok(route(2, KVM_MSI_VALID_DEVID, KVM_IRQ_ROUTING_IRQCHIP) == -EINVAL,
	   "an MSI and a pin for a GSI: -EINVAL");
	ok(route(1, KVM_MSI_VALID_DEVID, 0) == 0, "an MSI route");
	f.fd = eventfd(0, EFD_NONBLOCK);
	ok(ioctl(vm.fd, KVM_IRQFD, &f) == 0, "an irqfd on it");
	if (write(f.fd, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
	usleep(20000); /* KVM may send it from a worker */
	ok(pending(1, LPI0 + 3), "its signal makes the LPI pending");
	clear_event(5, 3);
	f.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ok(ioctl(vm.fd, KVM_IRQFD, &f) == 0, "and it goes");
	close(f.fd);
}

/* --- tables ----------------------------------------------------------------------------------- */

#define DTE(next, itt, bits) \
	(VALID | (uint64_t)(next) << 49 | (uint64_t)(VM_RAM_IPA + (itt)) >> 8 << 5 | ((bits) - 1))
#define ITE(next, lpi, icid) ((uint64_t)(next) << 48 | (uint64_t)(lpi) << 16 | (icid))
#define CTE(cpu, icid)	     (VALID | (uint64_t)(cpu) << 16 | (icid))

static void save(void)
{
	uint64_t regs[] = { CBASER, CREADR, CWRITER, BASER0, BASER1 }, val[5], i;
	bool seen[2] = { false, false };

	map_device(9, ITT1, 10);
	map_event(9, 1000, LPI0 + 9, 0);
	map_device(7000, ITT2, 1);
	ok(msi(9, 1000) == 1 && msi(5, 3) == 1, "two are pending");
	ok(pending(0, LPI0 + 9) && pending(1, LPI0 + 3), "and saved in the pending tables");
	ok(ctrl(KVM_DEV_ARM_ITS_SAVE_TABLES) == 0, "the tables are saved");
	ok(*entry(DEVICES, 5) == DTE(4, ITT0, 5) && *entry(DEVICES, 9) == DTE(6991, ITT1, 10) &&
		   *entry(DEVICES, 7000) == DTE(0, ITT2, 1),
	   "device entries point to their successors");
	ok(*entry(ITT0, 0) == ITE(3, LPI0, 0) && *entry(ITT0, 3) == ITE(0, LPI0 + 3, 1) &&
		   *entry(ITT1, 1000) == ITE(0, LPI0 + 9, 0),
	   "so do event entries");
	for (i = 0; i < 2; i++) {
		seen[0] |= *entry(COLLECTIONS, i) == CTE(0, 0);
		seen[1] |= *entry(COLLECTIONS, i) == CTE(1, 1);
	}
	ok(seen[0] && seen[1] && !(*entry(COLLECTIONS, 2) & VALID),
	   "collection entries end by an invalid one");

	for (i = 0; i < 5; i++)
		val[i] = get_reg(regs[i]);
	ok(ctrl(KVM_DEV_ARM_ITS_CTRL_RESET) == 0, "the ITS is reset");
	ok(!get_reg(CBASER) && !get_reg(CREADR) && !get_reg(CWRITER) &&
		   !((get_reg(BASER0) | get_reg(BASER1)) & VALID) && get_reg(CTLR) == 1U << 31,
	   "its registers are too");
	ok(msi(5, 0) == -EBUSY, "it is disabled");
	for (i = 0; i < 5; i++)
		if (set_reg(regs[i], val[i]))
			die("restoring GITS register %llx", (unsigned long long)regs[i]);
	ok(ctrl(KVM_DEV_ARM_ITS_RESTORE_TABLES) == 0, "the tables are restored");
	ok(set_reg(CTLR, 1) == 0 && get_reg(CREADR) == val[1], "no command runs again");
	ok(pending(0, LPI0 + 9) && pending(1, LPI0 + 3) && !pending(0, LPI0),
	   "what was pending is, after the next save too");
	clear_event(9, 1000);
	clear_event(5, 3);
	ok(!pending(0, LPI0 + 9) && !pending(1, LPI0 + 3), "until it is cleared");
	ok(msi(5, 0) == 1 && pending(0, LPI0), "the mappings are there");
	clear_event(5, 0);
}

/* One device (5) with one event (0), as another hypervisor may have left them. */
static void by_hand(void)
{
	ctrl(KVM_DEV_ARM_ITS_CTRL_RESET);
	memset(mem + DEVICES, 0, 0x20000);
	memset(mem + ITT0, 0, 0x3000);
	set_reg(BASER0, (VM_RAM_IPA + DEVICES) | VALID);
	set_reg(BASER1, (VM_RAM_IPA + COLLECTIONS) | VALID);
	set_reg(CBASER, (VM_RAM_IPA + QUEUE) | VALID);
	queue_at = 0;
	*entry(COLLECTIONS, 0) = CTE(1, 77);
	*entry(DEVICES, 5) = DTE(0, ITT0, 5);
	*entry(ITT0, 0) = ITE(0, LPI0, 77);
}

static int restore(void)
{
	return ctrl(KVM_DEV_ARM_ITS_RESTORE_TABLES);
}

static void refused(const char *name, int err)
{
	ok(restore() == err, name);
	set_reg(CTLR, 1);
	ok(msi(5, 0) == 0, "and nothing of it stays");
}

static void bad_tables(void)
{
	by_hand();
	ok(restore() == 0 && set_reg(CTLR, 1) == 0 && msi(5, 0) == 1 && pending(1, LPI0),
	   "tables made by hand are restored");
	clear_event(5, 0);
	by_hand();
	*entry(COLLECTIONS, 0) = CTE(0xffffffffU, 77);
	ok(restore() == 0 && set_reg(CTLR, 1) == 0 && msi(5, 0) == 0,
	   "a collection that is known and not mapped");
	by_hand();
	*entry(DEVICES, 5) = DTE(0, ITT0, 5) | 0x1f;
	refused("a device with events of 32 bits: -EINVAL", -EINVAL);
	by_hand();
	*entry(ITT0, 0) = ITE(0, 100, 77);
	refused("an event whose interrupt is no LPI: -EINVAL", -EINVAL);
	by_hand();
	*entry(ITT0, 0) = ITE(0, LPI0, 78);
	refused("an event of no collection: -EINVAL", -EINVAL);
	by_hand();
	*entry(ITT0, 0) = ITE(40, LPI0, 77);
	refused("a successor outside its table: -EINVAL", -EINVAL);
	by_hand();
	*entry(COLLECTIONS, 0) = CTE(33, 77);
	refused("a collection of no vCPU: -EINVAL", -EINVAL);
	by_hand();
	*entry(DEVICES, 5) = VALID | NOWHERE >> 8 << 5 | 4;
	refused("a device whose events are in no memory: -EFAULT", -EFAULT);
	by_hand();
	*entry(COLLECTIONS, 1) = CTE(0, 77);
	refused("a collection twice: -EEXIST", -EEXIST);
	by_hand();
	set_reg(BASER0, NOWHERE | VALID);
	refused("a device table in no memory: -EFAULT", -EFAULT);

	by_hand();
	set_reg(BASER0, 0);
	set_reg(BASER0, (VM_RAM_IPA + DEVICES) | VALID | INDIRECT);
	memset(mem + DEVICES, 0, 0x10000);
	memset(mem + LEVEL2, 0, 0x10000);
	*entry(DEVICES, 2) = (VM_RAM_IPA + LEVEL2) | VALID;
	*entry(LEVEL2, 8) = DTE(0, ITT0, 5);
	ok(restore() == 0 && set_reg(CTLR, 1) == 0 && msi(2 * 8192 + 8, 0) == 1,
	   "a table of two levels");
	clear_event(2 * 8192 + 8, 0);
}

/* --- a vCPU that runs ------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void *spin(void *arg)
{
	(void)arg;
	vm_load(&vm, 0, VM_READ, VM_RAM_IPA, VM_RAM_IPA + 8, 0, 0); /* steps of 0: for ever */
	while (ioctl(vm.vcpu[0], KVM_RUN, 0) && errno == EINTR && !vm.run[0]->immediate_exit)
		;
	return NULL;
}

static void while_running(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t t;
	uint64_t val;
	int i, err = 0;

	sigaction(SIGUSR1, &sa, NULL);
	if (pthread_create(&t, NULL, spin, NULL))
		die("pthread_create");
	for (i = 0; i < 500 && err != -EBUSY; i++) {
		usleep(10000);
		err = ctrl(KVM_DEV_ARM_ITS_SAVE_TABLES);
	}
	ok(err == -EBUSY, "tables are not saved while a vCPU runs: -EBUSY");
	ok(attr(its, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, CTLR, &val) == -EBUSY,
	   "registers are not read: -EBUSY");
	ok(msi(2 * 8192 + 8, 0) == 1, "an MSI is delivered all the same");
	vm.run[0]->immediate_exit = 1;
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	vm.run[0]->immediate_exit = 0;
}

/* --- a command about many events -------------------------------------------------------------- */

#define EVENTS 1500U /* more than ZVM's ITS looks at without a pause */

/* Collection 0 is mapped with one LPI pending: it is pending where the collection is, and only there. */
static bool consistent(void)
{
	bool at[2];

	/* A save writes to the table of the vCPU where it is, and to no other. */
	mem[PENDING0 + (LPI0 + EVENTS - 1) / 8] = mem[PENDING1 + (LPI0 + EVENTS - 1) / 8] = 0;
	at[0] = pending(0, LPI0 + EVENTS - 1);
	at[1] = mem[PENDING1 + (LPI0 + EVENTS - 1) / 8] >> (LPI0 + EVENTS - 1) % 8 & 1;
	return at[0] != at[1] && ctrl(KVM_DEV_ARM_ITS_SAVE_TABLES) == 0 &&
	       *entry(COLLECTIONS, 0) == CTE(at[1], 0);
}

static void map_many(void)
{
	uint32_t i;

	ctrl(KVM_DEV_ARM_ITS_CTRL_RESET);
	memset(mem + CONFIG, 0xa1, EVENTS);
	memset(mem + DEVICES, 0, 0x20000);
	program_its(false);
	command(0x09, 0, VALID, 0);
	map_device(5, LARGE_ITT, 11);
	for (i = 0; i < EVENTS; i++) {
		uint64_t cmd[4] = { 0x0a | 5ULL << 32, i | (uint64_t)(LPI0 + i) << 32 };

		memcpy(mem + QUEUE + queue_at, cmd, sizeof(cmd));
		queue_at = (queue_at + 32) % 4096;
		if ((i % 64 == 63 || i == EVENTS - 1) && set_reg(CWRITER, queue_at))
			die("CWRITER");
	}
}

/*
 * A guest moves the collection, and a signal takes its vCPU away, sooner or later. Whatever has been
 * done of the command by then: a client that saves now must not lose the LPI.
 */
static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	uint64_t cmd[4] = { 0x09 }, delay = 1000, reader;
	uint32_t i, amid = 0, bad = 0, cwriter;
	struct itimerval t = { 0 };

	map_many();
	ok(msi(5, EVENTS - 1) == 1, "the last of many events is pending");
	sigaction(SIGALRM, &sa, NULL);
	for (i = 0; i < 20; i++) {
		cmd[2] = VALID | (~i & 1) << 16;
		memcpy(mem + QUEUE + queue_at, cmd, sizeof(cmd));
		cwriter = (queue_at + 32) % 4096;
		vm_load(&vm, 0, VM_WRITE, ITS_BASE + CWRITER, ITS_BASE + CWRITER + 8, 8,
			cwriter - (ITS_BASE + CWRITER));
		t.it_value.tv_usec = (long)delay;
		setitimer(ITIMER_REAL, &t, NULL);
		if (!ioctl(vm.vcpu[0], KVM_RUN, 0) || errno != EINTR)
			delay = delay > 20 ? delay * 3 / 4 : 10; /* too late */
		t.it_value.tv_usec = 0;
		setitimer(ITIMER_REAL, &t, NULL);
		vm.run[0]->immediate_exit = 1; /* an access that came out here is completed */
		ioctl(vm.vcpu[0], KVM_RUN, 0);
		vm.run[0]->immediate_exit = 0;
		reader = get_reg(CREADR);
		if (get_reg(CWRITER) == queue_at)
			delay = delay < 250000 ? delay * 2 : delay; /* too early: not even begun */
		else if (reader == queue_at)
			amid++;
		bad += !consistent();
		if (get_reg(CWRITER) == queue_at && set_reg(CWRITER, cwriter))
			die("CWRITER");
		queue_at = cwriter;
		bad += !consistent() || get_reg(CREADR) != queue_at;
	}
	note("a command was in its middle %u times of 20", amid);
	ok(!bad, "saved in the middle of a command, nothing is lost");
	clear_event(5, EVENTS - 1);
}

/* --- the largest VM --------------------------------------------------------------------------- */

/* An attribute that stops all of its vCPUs at once. */
static void many_vcpus(void)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	int fd = ioctl(vm_dev, KVM_CREATE_VM, 0), vcpus[64], i;
	uint32_t val = 0;

	for (i = 0; i < 64; i++) {
		vcpus[i] = ioctl(fd, KVM_CREATE_VCPU, i);
		if (vcpus[i] < 0)
			die("vCPU %d", i);
	}
	if (ioctl(fd, KVM_CREATE_DEVICE, &cd) ||
	    attr(cd.fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
		 KVM_DEV_ARM_VGIC_CTRL_INIT, NULL))
		die("the vGIC of 64 vCPUs");
	ok(attr(cd.fd, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, &val) == 0,
	   "a register of a vGIC with 64 vCPUs");
	close(cd.fd);
	for (i = 0; i < 64; i++)
		close(vcpus[i]);
	close(fd);
}

int main(int argc, char **argv)
{
	vm_open_device(argc, argv);
	vm_create(&vm, 2);
	mem = mem_map(SIZE, 1UL << 16);
	if (vm_slot(&vm, 1, 0, VM_RAM_IPA, SIZE, mem))
		die("memory slot");
	creation();
	registers();
	messages();
	routes();
	save();
	bad_tables();
	while_running();
	interrupted();
	many_vcpus();
	close(its);
	close(gic);
	vm_destroy(&vm);
	return done();
}
