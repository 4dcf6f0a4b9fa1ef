// SPDX-License-Identifier: GPL-2.0
/* Attributes of any descriptor that has some, and machines that are complete (see fuzz.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

int any_fd(void)
{
	struct machine *m = machine();

	switch (below(8)) {
	case 0:
		return m->vm;
	case 1:
		return m->vcpu[below(NR_VCPUS)];
	default:
		return m->dev[below(NR_DEVS)];
	}
}

static void attribute(struct kvm_device_attr *a, uint64_t *val)
{
	*val = PICK(0, 1, 0x08000000, 0x080a0000, 0x08080000, rnd(), odd());
	a->flags = mostly(0);
	a->group = mostly(below(10));
	a->addr = mostly((uintptr_t)val);
	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		a->attr = mostly(PICK(KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST,
				      KVM_VGIC_ITS_ADDR_TYPE, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION));
		switch (a->attr) {
		case KVM_VGIC_V3_ADDR_TYPE_DIST:
			*val = mostly(0x08000000);
			break;
		case KVM_VGIC_V3_ADDR_TYPE_REDIST:
			*val = mostly(0x080a0000);
			break;
		case KVM_VGIC_ITS_ADDR_TYPE:
			*val = mostly(0x08080000);
			break;
		default:
			*val = mostly(0x080a0000 | below(4) << 52 | below(2));
		}
		break;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		*val = mostly(PICK(64, 96, 256, 1024));
		a->attr = mostly(0);
		break;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		a->attr = mostly(below(5));
		break;
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		a->attr = mostly(PICK(0xc230, 0xc664, 0xc665, 0xc666, 0xc667, 0xc643, 0xc644,
				      0xc648, 0xc663, below(0x10000))) |
			  below(NR_VCPUS) << 32;
		break;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS: /* CTLR, IIDR, CBASER, CWRITER, CREADR, BASER0, 1 */
		a->attr = mostly(PICK(0, 4, 0x80, 0x88, 0x90, 0x100, 0x108));
		if (a->attr == 0)
			*val = mostly(1);
		else if (a->attr == 0x88 || a->attr == 0x90)
			*val = mostly(below(0x1000) & ~31UL);
		else
			*val = mostly(VM_RAM_IPA | 1UL << 63 | below(2) << 62 | below(16));
		break;
	case KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		a->attr = mostly(below(4) * 32) | below(NR_VCPUS) << 32 | mostly(0) << 10;
		break;
	default:
		a->attr = (mostly(below(0x1000) & ~3UL) + (one_in(2) ? 0x10000 : 0)) |
			  below(NR_VCPUS) << 32;
	}
}

static int attr_op(unsigned long cmd)
{
	uint64_t val[2] = {};
	struct kvm_device_attr a;

	attribute(&a, val);
	return call(any_fd(), cmd, &a);
}

int op_set_attr(void)
{
	return attr_op(KVM_SET_DEVICE_ATTR);
}

int op_get_attr(void)
{
	return attr_op(KVM_GET_DEVICE_ATTR);
}

int op_has_attr(void)
{
	return attr_op(KVM_HAS_DEVICE_ATTR);
}

/* A whole machine by the book, so that the rest meets one that runs. */
int complete(struct machine *m)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8, .features = { 4 } };
	uint64_t dist = 0x08000000, redist = 0x080a0000;
	struct kvm_device_attr a[] = {
		{ .group = KVM_DEV_ARM_VGIC_GRP_ADDR, .attr = KVM_VGIC_V3_ADDR_TYPE_DIST,
		  .addr = (uintptr_t)&dist },
		{ .group = KVM_DEV_ARM_VGIC_GRP_ADDR, .attr = KVM_VGIC_V3_ADDR_TYPE_REDIST,
		  .addr = (uintptr_t)&redist },
		{ .group = KVM_DEV_ARM_VGIC_GRP_CTRL, .attr = KVM_DEV_ARM_VGIC_CTRL_INIT },
	};
	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = VM_RAM_IPA, .memory_size = ARENA, .userspace_addr = (uintptr_t)arena,
		.flags = PICK(0, 0, KVM_MEM_LOG_DIRTY_PAGES),
	};
	int i, ret;

	if (!ioctl(m->vm, KVM_CREATE_DEVICE, &cd)) {
		int old = __atomic_exchange_n(&m->dev[0], (int)cd.fd, __ATOMIC_ACQ_REL);

		if (old >= 0)
			close(old);
	}
	ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r);
	for (i = 0; i < NR_VCPUS; i++) {
		create_vcpu(m, i, i);
		ioctl(m->vcpu[i], KVM_ARM_VCPU_INIT, &init);
	}
	for (i = 0, ret = 0; i < 3; i++)
		ret |= ioctl(m->dev[0], KVM_SET_DEVICE_ATTR, &a[i]);
	complete_its(m);
	return ret;
}

int op_complete(void)
{
	return complete(machine());
}
