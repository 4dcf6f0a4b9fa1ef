/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One machine: the host resources, devices and VM that a configuration describes.
 *
 * Everything here is for the main thread. What the vCPU threads may touch while they run is the
 * bus with its devices, and the interrupt wires.
 *
 * A machine lives as long as the process. Its VM (the kernel's object with vCPUs and GIC) exists
 * between power-on and power-off, and a reboot of the guest is one after the other.
 */
#ifndef ZVM_MACHINE_MACHINE_H
#define ZVM_MACHINE_MACHINE_H

#include <zvm/err.h>
#include <zvm/gmem.h>

#include "vmm/config/config.h"
#include "vmm/device/bus.h"
#include "vmm/device/console_backend.h"
#include "vmm/device/flash.h"
#include "vmm/device/pl011.h"
#include "vmm/device/pl031.h"
#include "vmm/device/pl061.h"
#include "vmm/machine/fdt.h"
#include "vmm/machine/load.h"
#include "vmm/machine/virtio.h"
#include "vmm/run/irq.h"
#include "vmm/run/kvm.h"
#include "vmm/run/loop.h"
#include "vmm/run/vcpu.h"

/* Flash windows of the map: the first holds the firmware, the second is for its variables. */
#define ZVM_FLASH_BANKS 2u

struct zvm_flash_bank {
	struct zvm_machine *m;
	unsigned int index;
	struct zvm_span mem; /* hva NULL: no firmware, no flash */
	struct zvm_flash *dev;
};

struct zvm_machine {
	const struct zvm_config *cfg;
	struct zvm_loop *loop;
	struct zvm_kvm kvm;
	struct zvm_images images;
	struct zvm_span ram;
	struct zvm_span pvtime; /* a structure of stolen time for each vCPU, where the device tells it */
	struct zvm_flash_bank flash[ZVM_FLASH_BANKS];
	struct zvm_gmem gmem;
	struct zvm_bus bus;
	struct zvm_irq irq;
	struct zvm_tty *tty;
	struct zvm_pl011 *uart;
	struct zvm_pl031 *rtc;
	struct zvm_pl061 *gpio;
	struct zvm_slot slot[ZVM_MAP_VIRTIO_SLOTS];
	unsigned int nr_slots;
	struct zvm_virtio_dev *vconsole; /* the console, when it is a virtio one */
	struct zvm_vcpu_group vcpus;
	struct zvm_boot boot;
	int vm;	 /* -1 while powered off */
	int gic; /* device descriptor */
	unsigned long resets;
};

/*
 * Take all resources and build the devices; the machine is off. @device is the KVM device to open,
 * or NULL to build a machine that will never run (for zvm_machine_write_dtb()). @key receives the
 * console's escape keys. On failure everything is given back.
 */
int zvm_machine_create(struct zvm_machine *m, const struct zvm_config *cfg, const char *device,
		       struct zvm_loop *loop, void (*key)(void *opaque, enum zvm_tty_key key),
		       void *opaque, struct zvm_err *err);
/* Does the guest get a PMU: is it wanted, and does the device have one? */
static inline bool zvm_machine_has_pmu(const struct zvm_machine *m)
{
	return m->kvm.pmu && m->cfg->vcpu.pmu;
}

/* Powered off or never on. */
void zvm_machine_destroy(struct zvm_machine *m);

/* Load the images and write the device tree for the machine as it is. Into guest RAM. */
int zvm_machine_load(struct zvm_machine *m, struct zvm_err *err);

/* The device tree that zvm_machine_load() made, to a file. */
int zvm_machine_write_dtb(const struct zvm_machine *m, const char *path, struct zvm_err *err);

/* Affinity of vCPU @id: the KVM module's answer, or its default numbering while powered off. */
uint64_t zvm_machine_mpidr(const struct zvm_machine *m, unsigned int id);

/* Make the VM, load it, set the registers as after a cold reset. vCPU threads do not run yet. */
int zvm_machine_power_on(struct zvm_machine *m, struct zvm_err *err);
/* Destroy the VM; no vCPU thread exists. */
void zvm_machine_power_off(struct zvm_machine *m);

/* Show a flash bank's array as a read-only memslot, or let every access come to the device. */
int zvm_machine_show_flash(struct zvm_flash_bank *bank, bool array, struct zvm_err *err);

/* The whole reboot: stop the vCPUs, off, clean memory and devices, on, start the vCPUs. */
int zvm_machine_restart(struct zvm_machine *m, struct zvm_err *err);

#endif
