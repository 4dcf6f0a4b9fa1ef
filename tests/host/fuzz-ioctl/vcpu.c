// SPDX-License-Identifier: GPL-2.0
/* Operations on vCPU descriptors (see fuzz.h). */
#include <signal.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

int vcpu(void)
{
	return machine()->vcpu[below(NR_VCPUS)];
}

int op_vcpu_init(void)
{
	struct kvm_vcpu_init init = {
		.target = mostly(KVM_ARM_TARGET_GENERIC_V8),
		.features = { mostly(PICK(4, 4, 4, 5, below(256))), mostly(0) },
	};

	return call(vcpu(), KVM_ARM_VCPU_INIT, &init);
}

int op_run(void)
{
	int ret = ioctl(vcpu(), KVM_RUN, mostly(0));

	return ret && errno != EINTR && errno != EAGAIN ? -1 : 0;
}

/* The page is shared with the kernel, which must not believe it. */
int op_scribble(void)
{
	struct kvm_run *run = machine()->run[below(NR_VCPUS)];

	if (!run)
		return -1;
	if (one_in(4))
		run->immediate_exit = rnd() & 1;
	else
		((volatile uint64_t *)run)[below(PICK(32, 512))] = odd();
	return 0;
}

static uint64_t reg_id(void)
{
	uint64_t core = KVM_REG_ARM64 | KVM_REG_ARM_CORE;

	switch (below(8)) {
	case 0:
		return VM_CORE(regs.pc);
	case 1:
		return VM_CORE(regs.pstate);
	case 2:
		return core | KVM_REG_SIZE_U64 | below(0x100);
	case 3:
		return core | PICK(KVM_REG_SIZE_U32, KVM_REG_SIZE_U128, KVM_REG_SIZE_U64) | below(0x400);
	case 4:
		return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_FW | below(8);
	case 5:
		return KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | below(16);
	case 6:
		return rnd();
	default:
		return ARM64_SYS_REG(3, below(8), PICK(0, 1, 2, 4, 5, 12, 13, 14), below(16), below(8));
	}
}

/* One that exists, from the vCPU's own list; now and then any. */
static uint64_t listed_reg(int fd)
{
	struct {
		struct kvm_reg_list l;
		uint64_t id[600];
	} t = { .l = { .n = 600 } };

	if (one_in(3) || ioctl(fd, KVM_GET_REG_LIST, &t) || !t.l.n)
		return reg_id();
	return t.id[below(t.l.n)];
}

int op_get_reg(void)
{
	int fd = vcpu();
	struct kvm_one_reg r = { .id = listed_reg(fd), .addr = mostly((uintptr_t)scratch) };

	return call(fd, KVM_GET_ONE_REG, &r);
}

int op_set_reg(void)
{
	int fd = vcpu();
	uint64_t val[32] = { odd(), odd() };
	struct kvm_one_reg r = { .id = listed_reg(fd), .addr = mostly((uintptr_t)val) };

	if (r.id == VM_CORE(regs.pc))
		val[0] = ipa();
	else if (r.id == VM_CORE(regs.pstate))
		val[0] = mostly(PICK(0x3c5, 0x5, 0x0, 0x4, 0x10, 0x2003c5));
	else if (one_in(2))
		val[0] = ipa();
	return call(fd, KVM_SET_ONE_REG, &r);
}

int op_reg_list(void)
{
	struct kvm_reg_list *l = (void *)(scratch + 8192 * below(4));

	l->n = mostly(PICK(600, 0, 10));
	return call(vcpu(), KVM_GET_REG_LIST, l);
}

int op_get_mp_state(void)
{
	return call(vcpu(), KVM_GET_MP_STATE, scratch);
}

int op_set_mp_state(void)
{
	struct kvm_mp_state mp = { .mp_state = mostly(PICK(0, 0, 0, 5, below(10))) };

	return call(vcpu(), KVM_SET_MP_STATE, &mp);
}

int op_get_events(void)
{
	return call(vcpu(), KVM_GET_VCPU_EVENTS, scratch);
}

int op_set_events(void)
{
	struct kvm_vcpu_events ev = {};

	ev.exception.serror_pending = mostly(below(2));
	ev.exception.serror_has_esr = one_in(8);
	ev.exception.ext_dabt_pending = one_in(4);
	ev.exception.serror_esr = odd();
	return call(vcpu(), KVM_SET_VCPU_EVENTS, &ev);
}

int op_guest_debug(void)
{
	struct kvm_guest_debug d = {
		.control = mostly(PICK(0, 1, 3, 0x10001, 0x20001, 0x20003)),
	};
	int i;

	for (i = 0; i < 16; i++) {
		d.arch.dbg_bcr[i] = rnd();
		d.arch.dbg_bvr[i] = ipa();
		d.arch.dbg_wcr[i] = rnd();
		d.arch.dbg_wvr[i] = ipa();
	}
	return call(vcpu(), KVM_SET_GUEST_DEBUG, &d);
}

int op_signal_mask(void)
{
	struct {
		struct kvm_signal_mask m;
		uint64_t set;
	} __attribute__((packed)) s = { { .len = mostly(8) }, rnd() & ~(1UL << (SIGUSR1 - 1)) };

	return ioctl(vcpu(), KVM_SET_SIGNAL_MASK, one_in(2) ? NULL : (void *)&s);
}

/* The timers' interrupts and stolen time. */
int op_vcpu_attr(void)
{
	uint64_t val = 0;
	struct kvm_device_attr a = {
		.group = mostly(PICK(KVM_ARM_VCPU_TIMER_CTRL, KVM_ARM_VCPU_PVTIME_CTRL, below(4))),
		.attr = mostly(below(2)), .flags = mostly(0), .addr = mostly((uintptr_t)&val),
	};

	if (a.group == KVM_ARM_VCPU_TIMER_CTRL)
		val = mostly(16 + below(16));
	else
		val = mostly(ipa() & ~63UL);
	return call(vcpu(), PICK(KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR), &a);
}

int op_stats(void)
{
	int fd = ioctl(one_in(2) ? machine()->vm : vcpu(), KVM_GET_STATS_FD, mostly(0));
	ssize_t n;

	if (fd < 0)
		return -1;
	n = pread(fd, scratch, below(16384), mostly(below(4096)));
	ioctl(fd, rnd(), scratch);
	close(fd);
	return n < 0 ? -1 : 0;
}
