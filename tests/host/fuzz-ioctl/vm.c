// SPDX-License-Identifier: GPL-2.0
/* Operations on /dev/zvm and on VM descriptors (see fuzz.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/zvm.h>

#include "fuzz.h"

int op_create_vm(void)
{
	struct machine *m = machine();
	int fd = ioctl(vm_dev, KVM_CREATE_VM, mostly(PICK(0, 0, 40, 32, 33, 36, 48))), old;

	if (fd < 0)
		return -1;
	old = __atomic_exchange_n(&m->vm, fd, __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old); /* its vCPUs live on */
	return 0;
}

int op_system(void)
{
	ioctl(vm_dev, KVM_GET_API_VERSION, mostly(0));
	ioctl(vm_dev, KVM_GET_VCPU_MMAP_SIZE, mostly(0));
	return ioctl(vm_dev, KVM_CHECK_EXTENSION, mostly(below(256)));
}

int op_check_extension(void)
{
	return ioctl(machine()->vm, KVM_CHECK_EXTENSION,
		     PICK(below(256), ZVM_CAP_BASE + below(4), odd()));
}

int create_vcpu(struct machine *m, int i, uint64_t id)
{
	int fd = ioctl(m->vm, KVM_CREATE_VCPU, id), old;
	struct kvm_run *run;

	if (fd < 0)
		return -1;
	if (one_in(8)) { /* there is nothing behind the first page */
		run = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, odd() & 0xffffffff000);
		if (run != MAP_FAILED)
			munmap(run, page);
	}
	run = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* Old mappings stay: another thread may be about to write there. */
	m->run[i] = run == MAP_FAILED ? NULL : run;
	old = __atomic_exchange_n(&m->vcpu[i], fd, __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old);
	return 0;
}

int op_create_vcpu(void)
{
	return create_vcpu(machine(), below(NR_VCPUS), mostly(below(NR_VCPUS + 2)));
}

int op_create_device(void)
{
	struct machine *m = machine();
	struct kvm_create_device cd = {
		.type = mostly(PICK(KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V3,
				    KVM_DEV_TYPE_ARM_VGIC_ITS, below(12))),
		.flags = mostly(one_in(8)),
	};
	int i = below(NR_DEVS), old;

	if (call(m->vm, KVM_CREATE_DEVICE, &cd))
		return -1;
	if (!(cd.flags & 1)) {
		old = __atomic_exchange_n(&m->dev[i], (int)cd.fd, __ATOMIC_ACQ_REL);
		if (old >= 0)
			close(old);
	}
	return 0;
}

int op_memory_region(void)
{
	uint64_t off = below(ARENA) & ~0xfffUL;
	struct kvm_userspace_memory_region r = {
		.slot = mostly(below(5)),
		.flags = mostly(PICK(0, 0, 0, 1, 2, 3)),
		.guest_phys_addr = mostly(VM_RAM_IPA + (one_in(2) ? 0 : below(ARENA) & ~0xfffUL)),
		.memory_size = mostly(PICK(0, page, ARENA - off, (below(ARENA - off + 1)) & ~0xfffUL)),
		.userspace_addr = mostly((uintptr_t)arena + off),
	};

	return call(machine()->vm, KVM_SET_USER_MEMORY_REGION, &r);
}

int op_get_dirty_log(void)
{
	struct kvm_dirty_log log = { .slot = mostly(below(5)), .dirty_bitmap = scratch };

	return call(machine()->vm, KVM_GET_DIRTY_LOG, &log);
}

int op_clear_dirty_log(void)
{
	struct kvm_clear_dirty_log log = {
		.slot = mostly(below(5)),
		.num_pages = mostly(PICK(64, 128, 1, below(ARENA / 4096))),
		.first_page = mostly(below(32) * 64),
		.dirty_bitmap = scratch,
	};

	memset(scratch, rnd(), 4096);
	return call(machine()->vm, KVM_CLEAR_DIRTY_LOG, &log);
}

int op_irq_line(void)
{
	struct kvm_irq_level l = {
		.irq = mostly(PICK(1 << 24, 2 << 24, 1 << 24) | below(NR_VCPUS) << 16 | below(128)),
		.level = mostly(below(2)),
	};

	return call(machine()->vm, KVM_IRQ_LINE, &l);
}

int op_irqfd(void)
{
	struct kvm_irqfd a = {
		.fd = mostly(events[below(NR_EVENTS)]),
		.gsi = mostly(below(64)),
		.flags = mostly(PICK(0, 0, 1, 2, 3)),
		.resamplefd = mostly(events[below(NR_EVENTS)]),
	};

	return call(machine()->vm, KVM_IRQFD, &a);
}

int op_ioeventfd(void)
{
	struct kvm_ioeventfd a = {
		.datamatch = mostly(below(4)),
		.addr = mostly(0x0a000000 + below(64) * 8),
		.len = mostly(PICK(0, 1, 2, 4, 8)),
		.fd = mostly(events[below(NR_EVENTS)]),
		.flags = mostly(PICK(0, 1, 4, 5)),
	};

	return call(machine()->vm, KVM_IOEVENTFD, &a);
}

int op_signal_event(void)
{
	uint64_t v = mostly(1);
	int fd = events[below(NR_EVENTS)];

	return (one_in(2) ? read(fd, &v, 8) : write(fd, &v, 8)) == 8 ? 0 : -1;
}

int op_routing(void)
{
	struct {
		struct kvm_irq_routing r;
		struct kvm_irq_routing_entry e[8];
	} t = { .r = { .nr = mostly(below(9)), .flags = mostly(0) } };
	uint32_t i;

	if (t.r.nr > 8)
		t.r.nr = PICK(8, 4097); /* no further than what is there, or refused at once */
	for (i = 0; i < 8; i++) {
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = mostly(below(64)), .type = mostly(PICK(1, 1, 2)), .flags = mostly(0),
			.u.irqchip = { mostly(0), mostly(below(64)) },
		};
		if (t.e[i].type != KVM_IRQ_ROUTING_MSI)
			continue;
		t.e[i].flags = mostly(KVM_MSI_VALID_DEVID);
		t.e[i].u.msi = (struct kvm_irq_routing_msi){
			.address_lo = mostly(0x08090040), .data = mostly(below(20)),
			.devid = mostly(below(4)),
		};
	}
	return call(machine()->vm, KVM_SET_GSI_ROUTING, &t);
}

int op_enable_cap(void)
{
	static uint32_t words[4];
	struct kvm_enable_cap cap = {
		.cap = mostly(PICK(KVM_CAP_ARM_NISV_TO_USER, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				   ZVM_CAP_FOLLOW_MM, ZVM_CAP_STATUS_WORD, below(256))),
		.flags = mostly(0),
		.args = { mostly(PICK(below(2), below(4), 0x0a000060 + 8 * below(256))),
			  mostly(PICK(0, (uintptr_t)&words[below(4)])) },
	};

	return call(machine()->vm, KVM_ENABLE_CAP, &cap);
}

int op_preferred_target(void)
{
	return call(machine()->vm, KVM_ARM_PREFERRED_TARGET, scratch);
}
