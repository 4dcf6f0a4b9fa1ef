// SPDX-License-Identifier: GPL-2.0
/*
 * Power-on, power-off and reboot of the VM. Main thread; no vCPU thread exists while these run.
 *
 * A reboot makes a new VM in the same process instead of putting the old one back in order:
 *
 *  - all state of vCPUs, timers and GIC is that of power-on by construction, on every KVM
 *    implementation, without knowing what there is to reset (in-tree KVM has no reset of the GIC; a
 *    VMM that wants one writes several hundred attributes);
 *  - stage 2 is empty, so the images that are written again here are cleaned to the point of
 *    coherency when the guest first faults on them. A guest starts with its caches off.
 *
 * What stays is what belongs to the process: guest memory (zeroed), devices (reset), descriptors,
 * the connections of console and control socket.
 */
#include "vmm/machine/machine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "vmm/machine/map.h"
#include "vmm/machine/ram.h"

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

#define REG_MPIDR_EL1	     ARM64_SYS_REG(3, 0, 0, 0, 5)
#define REG_ID_AA64MMFR0_EL1 ARM64_SYS_REG(3, 0, 0, 7, 0)

#define MPIDR_AFF 0xff00ffffffULL

#define MEMSLOT_RAM    0u
#define MEMSLOT_FLASH  1u /* and one more for each further bank */
#define MEMSLOT_PVTIME (MEMSLOT_FLASH + ZVM_FLASH_BANKS)

#define PVTIME_STRUCT 64u /* DEN 0057 3.2.2, aligned to its size */

/* EL1h with debug exceptions, SError, IRQ and FIQ masked, as the boot protocol demands. */
#define PSTATE_START 0x3c5u

uint64_t zvm_machine_mpidr(const struct zvm_machine *m, unsigned int id)
{
	uint64_t val = 0;

	if (id < m->vcpus.count && zvm_kvm_get_reg(m->vcpus.vcpu[id].fd, REG_MPIDR_EL1, &val) == 0)
		return val & MPIDR_AFF;
	return (id & 0xf) | (uint64_t)(id >> 4) << 8;
}

/* A kernel built for a page size that the CPU lacks stops before its first message. */
static int check_page_size(const struct zvm_machine *m, struct zvm_err *err)
{
	static const struct {
		const char *name;
		unsigned int shift, absent;
	} granule[] = {
		[ZVM_PAGE_4K] = { "4 KiB", 28, 0xf },
		[ZVM_PAGE_16K] = { "16 KiB", 20, 0x0 },
		[ZVM_PAGE_64K] = { "64 KiB", 24, 0xf },
	};
	uint64_t mmfr0;

	if (m->boot.page_size == ZVM_PAGE_ANY ||
	    zvm_kvm_get_reg(m->vcpus.vcpu[0].fd, REG_ID_AA64MMFR0_EL1, &mmfr0) < 0)
		return 0;
	if (((mmfr0 >> granule[m->boot.page_size].shift) & 0xf) !=
	    granule[m->boot.page_size].absent)
		return 0;
	zvm_err_set(err, ENOTSUP,
		    "the kernel is built for %s pages, which this CPU does not have; use one for "
		    "another page size",
		    granule[m->boot.page_size].name);
	return zvm_config_blame(m->cfg, "kernel", -ENOTSUP, err);
}

static int set_registers(const struct zvm_machine *m, struct zvm_err *err)
{
	const struct {
		uint64_t id, val;
	} regs[] = {
		{ CORE_REG(regs.regs[0]), m->boot.dtb }, { CORE_REG(regs.regs[1]), 0 },
		{ CORE_REG(regs.regs[2]), 0 },		 { CORE_REG(regs.regs[3]), 0 },
		{ CORE_REG(regs.pc), m->boot.entry },	 { CORE_REG(regs.pstate), PSTATE_START },
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		int ret = zvm_kvm_set_reg(m->vcpus.vcpu[0].fd, regs[i].id, regs[i].val);

		if (ret < 0)
			return zvm_err_set(err, ret, "cannot set the registers of vCPU 0: %s",
					   strerror(-ret));
	}
	return 0;
}

static int init_steal_time(struct zvm_machine *m, struct zvm_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; m->pvtime.hva && ret == 0 && i < m->vcpus.count; i++)
		ret = zvm_kvm_set_steal_time(m->vcpus.vcpu[i].fd, m->pvtime.ipa + i * PVTIME_STRUCT,
					     err);
	return ret;
}

static int init_pmus(struct zvm_machine *m, struct zvm_err *err)
{
	int ret = 0;

	for (unsigned int i = 0; zvm_machine_has_pmu(m) && ret == 0 && i < m->vcpus.count; i++)
		ret = zvm_kvm_init_pmu(m->vcpus.vcpu[i].fd, ZVM_MAP_PPI_PMU, err);
	return ret < 0 ? zvm_config_blame(m->cfg, "vcpu.pmu", ret, err) : 0;
}

int zvm_machine_show_flash(struct zvm_flash_bank *bank, bool array, struct zvm_err *err)
{
	return zvm_kvm_set_memory(bank->m->vm, MEMSLOT_FLASH + bank->index,
				  array ? KVM_MEM_READONLY : 0, bank->mem.ipa,
				  array ? bank->mem.size : 0, bank->mem.hva, err);
}

static int map_memory(struct zvm_machine *m, struct zvm_err *err)
{
	int ret;

	ret = zvm_kvm_set_memory(m->vm, MEMSLOT_RAM, 0, m->ram.ipa, m->ram.size, m->ram.hva, err);
	if (ret < 0)
		return zvm_config_blame(m->cfg, "memory", ret, err);
	if (m->pvtime.hva)
		ret = zvm_kvm_set_memory(m->vm, MEMSLOT_PVTIME, 0, m->pvtime.ipa, m->pvtime.size,
					 m->pvtime.hva, err);
	for (unsigned int i = 0; ret == 0 && i < ZVM_FLASH_BANKS; i++)
		if (m->flash[i].mem.hva)
			ret = zvm_machine_show_flash(&m->flash[i], true, err);
	return ret;
}

int zvm_machine_power_on(struct zvm_machine *m, struct zvm_err *err)
{
	int ret;

	ret = zvm_kvm_create_vm(&m->kvm, m->ram.ipa + m->ram.size - 1, &m->vm, err);
	if (ret < 0)
		return ret;
	ret = map_memory(m, err);
	if (ret == 0)
		ret = zvm_kvm_create_gic(m->vm, zvm_map[ZVM_MAP_GICD].base,
					 zvm_map[ZVM_MAP_GICR].base, ZVM_MAP_NR_IRQS, &m->gic, err);
	if (ret == 0)
		ret = zvm_vcpu_create_all(&m->vcpus, m->vm, zvm_machine_has_pmu(m), err);
	if (ret == 0)
		ret = zvm_kvm_init_gic(m->gic, err);
	if (ret == 0)
		ret = init_pmus(m, err);
	if (ret == 0)
		ret = init_steal_time(m, err);
	if (ret == 0)
		ret = zvm_irq_attach(&m->irq, m->vm, err);
	if (ret == 0)
		ret = zvm_machine_load(m, err);
	if (ret == 0)
		ret = check_page_size(m, err);
	if (ret == 0)
		ret = set_registers(m, err);
	if (ret < 0)
		zvm_machine_power_off(m);
	return ret;
}

void zvm_machine_power_off(struct zvm_machine *m)
{
	zvm_irq_detach(&m->irq);
	zvm_vcpu_destroy_all(&m->vcpus);
	if (m->gic >= 0)
		close(m->gic);
	if (m->vm >= 0)
		close(m->vm);
	m->gic = m->vm = -1;
}

/* First of all the virtio devices: their I/O in flight would land in the new guest's memory. */
static void reset_devices(struct zvm_machine *m)
{
	zvm_slots_reset(m);
	for (unsigned int i = 0; i < ZVM_FLASH_BANKS; i++)
		if (m->flash[i].dev)
			zvm_flash_reset(m->flash[i].dev);
	zvm_pl061_reset(m->gpio);
	zvm_pl031_reset(m->rtc);
	zvm_pl011_reset(m->uart);
}

int zvm_machine_restart(struct zvm_machine *m, struct zvm_err *err)
{
	int ret;

	zvm_vcpu_stop_all(&m->vcpus);
	zvm_machine_power_off(m);
	reset_devices(m);
	ret = zvm_ram_clear(m->ram.hva, m->ram.size, &m->cfg->backing);
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot clear the guest's memory: %s", strerror(-ret));
	ret = zvm_machine_power_on(m, err);
	if (ret < 0)
		return ret;
	ret = zvm_vcpu_start_all(&m->vcpus, err);
	if (ret < 0) {
		zvm_machine_power_off(m);
		return ret;
	}
	m->resets++;
	return 0;
}
