// SPDX-License-Identifier: GPL-2.0
/*
 * Checked wrappers of the KVM ioctls (Documentation/virt/kvm/api.rst of Linux), arm64 only.
 *
 * No state and no locks: the kernel serialises what needs it. What is not trusted is the kernel
 * side's completeness: every capability the VMM leans on is asked for first and named when absent.
 */
#include "vmm/run/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/zvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEFAULT_IPA_BITS 40

static const struct {
	int cap;
	const char *name;
	const char *use;
} required[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "guest memory" },
	{ KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG", "vCPU registers" },
	{ KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2", "power control of the guest" },
	{ KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL", "the interrupt controller" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD", "device interrupts" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD", "device notifications" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "stopping a vCPU" },
};

static int kvm_cap(int fd, int cap)
{
	int ret = ioctl(fd, KVM_CHECK_EXTENSION, (unsigned long)cap);

	return ret < 0 ? 0 : ret;
}

static int explain_open(const char *path, int no, struct zvm_err *err)
{
	const char *remedy;

	switch (no) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		remedy =
			strstr(path, "kvm")
				? "this host has no KVM, or was booted with kvm-arm.mode=none"
				: "load the module (insmod zvm.ko) and look at dmesg if it refuses";
		break;
	case EACCES:
	case EPERM:
		remedy = "run as root, or give your user access to the device (group kvm)";
		break;
	default:
		remedy = "see dmesg";
	}
	return zvm_err_set(err, no, "cannot open %s: %s; %s", path, strerror(no), remedy);
}

int zvm_kvm_open(struct zvm_kvm *kvm, const char *path, struct zvm_err *err)
{
	int ret;

	memset(kvm, 0, sizeof(*kvm));
	kvm->path = path;
	kvm->fd = open(path, O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0)
		return explain_open(path, errno, err);

	ret = ioctl(kvm->fd, KVM_GET_API_VERSION, 0);
	if (ret != KVM_API_VERSION) {
		ret = ret < 0 ? zvm_err_set(err, ENODEV, "%s does not speak the KVM API: %s", path,
					    strerror(errno))
			      : zvm_err_set(
					err, ENODEV,
					"%s speaks version %d of the KVM API, version %d is needed",
					path, ret, KVM_API_VERSION);
		goto fail;
	}
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (kvm_cap(kvm->fd, required[i].cap))
			continue;
		ret = zvm_err_set(
			err, ENOTSUP,
			"%s lacks %s, which is needed for %s; use a newer host kernel or module",
			path, required[i].name, required[i].use);
		goto fail;
	}
	ret = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < (int)sizeof(struct kvm_run)) {
		ret = zvm_err_set(err, ENODEV, "%s: KVM_GET_VCPU_MMAP_SIZE is %d, which cannot be",
				  path, ret);
		goto fail;
	}
	kvm->run_size = (size_t)ret;
	ret = kvm_cap(kvm->fd, KVM_CAP_ARM_VM_IPA_SIZE);
	kvm->ipa_bits = ret > 0 ? (unsigned int)ret : DEFAULT_IPA_BITS;
	ret = kvm_cap(kvm->fd, KVM_CAP_MAX_VCPUS);
	if (!ret)
		ret = kvm_cap(kvm->fd, KVM_CAP_NR_VCPUS);
	kvm->max_vcpus = ret > 0 ? (unsigned int)ret : 1;
	kvm->readonly_mem = kvm_cap(kvm->fd, KVM_CAP_READONLY_MEM);
	kvm->pmu = kvm_cap(kvm->fd, KVM_CAP_ARM_PMU_V3);
	kvm->steal_time = kvm_cap(kvm->fd, KVM_CAP_STEAL_TIME);
	kvm->system_suspend = kvm_cap(kvm->fd, KVM_CAP_ARM_SYSTEM_SUSPEND);
	return 0;
fail:
	zvm_kvm_close(kvm);
	return ret;
}

void zvm_kvm_close(struct zvm_kvm *kvm)
{
	if (kvm->fd >= 0)
		close(kvm->fd);
	kvm->fd = -1;
}

int zvm_kvm_create_vm(const struct zvm_kvm *kvm, uint64_t last, int *vm, struct zvm_err *err)
{
	unsigned int need = 64 - (unsigned int)__builtin_clzll(last | 1);
	unsigned long type = 0;

	if (need > kvm->ipa_bits)
		return zvm_err_set(
			err, E2BIG,
			"the guest needs %u bits of physical address, %s offers %u; give it less memory",
			need, kvm->path, kvm->ipa_bits);
	/* 0 means 40 bits; another size is legal only where the capability is announced. */
	if (need > DEFAULT_IPA_BITS || kvm->ipa_bits < DEFAULT_IPA_BITS)
		type = KVM_VM_TYPE_ARM_IPA_SIZE(kvm->ipa_bits);
	do {
		*vm = ioctl(kvm->fd, KVM_CREATE_VM, type);
	} while (*vm < 0 && errno == EINTR);
	if (*vm < 0)
		return zvm_err_set(err, errno, "%s: cannot create a VM: %s", kvm->path,
				   strerror(errno));
	if (kvm->system_suspend) {
		struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SYSTEM_SUSPEND };

		if (ioctl(*vm, KVM_ENABLE_CAP, &cap) < 0) {
			int no = errno;

			close(*vm);
			*vm = -1;
			return zvm_err_set(err, no, "%s: cannot offer SYSTEM_SUSPEND: %s",
					   kvm->path, strerror(no));
		}
	}
	return 0;
}

int zvm_kvm_set_memory(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t size,
		       void *hva, struct zvm_err *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0)
		return 0;
	if (errno == ENOMEM || errno == EAGAIN)
		return zvm_err_set(
			err, errno,
			"the host cannot back %llu MiB of guest memory at 0x%llx: %s; "
			"give the VM less, or raise RLIMIT_MEMLOCK (ulimit -l) if memory is pinned",
			(unsigned long long)size >> 20, (unsigned long long)ipa, strerror(errno));
	return zvm_err_set(err, errno, "KVM_SET_USER_MEMORY_REGION slot %u at 0x%llx: %s", slot,
			   (unsigned long long)ipa, strerror(errno));
}

int zvm_kvm_create_vcpu(const struct zvm_kvm *kvm, int vm, unsigned int id, int *vcpu,
			struct kvm_run **run, struct zvm_err *err)
{
	void *map;
	int ret;

	*vcpu = ioctl(vm, KVM_CREATE_VCPU, (unsigned long)id);
	if (*vcpu < 0)
		return zvm_err_set(err, errno, "cannot create vCPU %u: %s", id, strerror(errno));
	map = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
	if (map == MAP_FAILED) {
		ret = zvm_err_set(err, errno, "cannot map kvm_run of vCPU %u: %s", id,
				  strerror(errno));
		close(*vcpu);
		*vcpu = -1;
		return ret;
	}
	*run = map;
	return 0;
}

int zvm_kvm_init_vcpu(int vm, int vcpu, bool off, bool pmu, struct zvm_err *err)
{
	struct kvm_vcpu_init init = { 0 };

	if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0)
		return zvm_err_set(err, errno, "KVM_ARM_PREFERRED_TARGET: %s", strerror(errno));
	init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
	if (off)
		init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	if (pmu)
		init.features[0] |= 1u << KVM_ARM_VCPU_PMU_V3;
	/* Pointer authentication comes as two features that only make sense together. */
	if (kvm_cap(vm, KVM_CAP_ARM_PTRAUTH_ADDRESS) && kvm_cap(vm, KVM_CAP_ARM_PTRAUTH_GENERIC))
		init.features[0] |= (1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS) |
				    (1u << KVM_ARM_VCPU_PTRAUTH_GENERIC);
	if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
		return zvm_err_set(err, errno, "KVM_ARM_VCPU_INIT: %s", strerror(errno));
	return 0;
}

int zvm_kvm_set_suspended(int vcpu, bool suspended)
{
	struct kvm_mp_state mp = {
		.mp_state = suspended ? KVM_MP_STATE_SUSPENDED : KVM_MP_STATE_RUNNABLE,
	};

	return ioctl(vcpu, KVM_SET_MP_STATE, &mp) < 0 ? -errno : 0;
}

int zvm_kvm_init_pmu(int vcpu, unsigned int ppi, struct zvm_err *err)
{
	int intid = (int)ppi + 16;
	struct kvm_device_attr irq = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL,
		.attr = KVM_ARM_VCPU_PMU_V3_IRQ,
		.addr = (uintptr_t)&intid,
	};
	struct kvm_device_attr init = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL,
		.attr = KVM_ARM_VCPU_PMU_V3_INIT,
	};

	if (ioctl(vcpu, KVM_SET_DEVICE_ATTR, &irq) < 0 ||
	    ioctl(vcpu, KVM_SET_DEVICE_ATTR, &init) < 0)
		return zvm_err_set(err, errno,
				   "cannot set up the PMU of a vCPU: %s; try pmu = false",
				   strerror(errno));
	return 0;
}

int zvm_kvm_set_steal_time(int vcpu, uint64_t ipa, struct zvm_err *err)
{
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_PVTIME_CTRL,
		.attr = KVM_ARM_VCPU_PVTIME_IPA,
		.addr = (uintptr_t)&ipa,
	};

	if (ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attr) < 0)
		return zvm_err_set(err, errno, "cannot set up the stolen time of a vCPU: %s",
				   strerror(errno));
	return 0;
}

int zvm_kvm_get_reg(int vcpu, uint64_t id, uint64_t *val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)val };

	return ioctl(vcpu, KVM_GET_ONE_REG, &reg) < 0 ? -errno : 0;
}

int zvm_kvm_set_reg(int vcpu, uint64_t id, uint64_t val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	return ioctl(vcpu, KVM_SET_ONE_REG, &reg) < 0 ? -errno : 0;
}

static int gic_attr(int gic, uint32_t group, uint64_t attr, void *val)
{
	struct kvm_device_attr da = { .group = group, .attr = attr, .addr = (uintptr_t)val };

	return ioctl(gic, KVM_SET_DEVICE_ATTR, &da) < 0 ? -errno : 0;
}

int zvm_kvm_create_gic(int vm, uint64_t dist, uint64_t redist, uint32_t nr_irqs, int *gic,
		       struct zvm_err *err)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	int ret;

	*gic = -1;
	if (ioctl(vm, KVM_CREATE_DEVICE, &dev) < 0)
		return zvm_err_set(
			err, errno,
			"cannot create a GICv3 for the guest: %s; the host needs a GICv3",
			strerror(errno));
	ret = gic_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	if (ret == 0)
		ret = gic_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
			       &redist);
	if (ret == 0)
		ret = gic_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	if (ret < 0) {
		close((int)dev.fd);
		return zvm_err_set(err, ret, "cannot place the guest's GICv3: %s", strerror(-ret));
	}
	*gic = (int)dev.fd;
	return 0;
}

int zvm_kvm_init_gic(int gic, struct zvm_err *err)
{
	int ret = gic_attr(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);

	if (ret < 0)
		return zvm_err_set(err, ret, "cannot initialise the guest's GICv3: %s",
				   strerror(-ret));
	return 0;
}

int zvm_kvm_set_spi(int vm, uint32_t spi, bool level)
{
	struct kvm_irq_level irq = {
		.irq = (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | (32 + spi),
		.level = level,
	};

	return ioctl(vm, KVM_IRQ_LINE, &irq) < 0 ? -errno : 0;
}

int zvm_kvm_irqfd(int vm, int eventfd, uint32_t spi, bool on)
{
	/* The default routing of arm64: GSI n is SPI n. */
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)eventfd,
		.gsi = spi,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	return ioctl(vm, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int zvm_kvm_status_word(int vm, uint64_t ipa, const void *word)
{
	struct kvm_enable_cap cap = {
		.cap = ZVM_CAP_STATUS_WORD,
		.args = { ipa, (uintptr_t)word },
	};

	return ioctl(vm, KVM_ENABLE_CAP, &cap) < 0 ? -errno : 0;
}

int zvm_kvm_ioeventfd(int vm, int eventfd, uint64_t ipa, uint32_t value, bool on)
{
	struct kvm_ioeventfd io = {
		.datamatch = value,
		.addr = ipa,
		.len = 4,
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH | (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	return ioctl(vm, KVM_IOEVENTFD, &io) < 0 ? -errno : 0;
}
