// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz-ioctl - random sequences over every ioctl and attribute of the KVM API, from several threads.
 *
 *   fuzz-ioctl [--device DEV] [--seed N] [--seconds S] [--rounds N] [--threads N]
 *
 * A round is a process of its own: threads share a few VMs, their vCPUs and devices, and do to them
 * what a buggy or hostile VMM could, with arguments that are right often enough to get somewhere.
 * Guests run whatever is in memory. At the end of a round everything is closed, or the process just
 * dies. The program only fails when a round hangs, is killed, or when after all rounds some ioctl
 * never succeeded (then it tested less than it says); what the kernel does meanwhile is for the
 * board to see.
 *
 * Each thread's sequence follows from the seed of its round, which is printed when it fails:
 * --seed N --rounds 1 repeats it (the interleaving of the threads is not repeated).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/zvm.h>

#include "vm.h"

#define MAX_THREADS  8
#define NR_VMS	     3
#define NR_VCPUS     4 /* kept of a VM */
#define NR_DEVS	     3
#define NR_EVENTS    4
#define ARENA	     (8UL << 20) /* memory that slots are made of */
#define ROUND_OPS    1500
#define ROUND_LIMIT  40 /* seconds until a round hangs */

/* Descriptors that threads share; -1: none. One may be closed while another thread uses it. */
struct machine {
	int vm, vcpu[NR_VCPUS], dev[NR_DEVS];
	struct kvm_run *run[NR_VCPUS];
};

static struct machine machines[NR_VMS];
static int events[NR_EVENTS];
static char *arena, *scratch; /* scratch: what ioctls write to */
static long page;
static __thread uint64_t seed;

#define NR_OPS 48
static struct tally {
	uint64_t done[NR_OPS], good[NR_OPS];
} *tally; /* of all rounds, in shared memory */

static uint64_t rnd(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15UL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

#define PICK(...)                                        \
	({                                               \
		uint64_t a__[] = { __VA_ARGS__ };        \
		a__[below(sizeof(a__) / sizeof(a__[0]))]; \
	})

/* A number that some check may be about. */
static uint64_t odd(void)
{
	switch (below(6)) {
	case 0:
		return below(64);
	case 1:
		return 1UL << below(64);
	case 2:
		return (1UL << below(64)) - 1;
	case 3:
		return ~0UL - below(4096);
	case 4:
		return rnd() & ~0xfffUL;
	default:
		return rnd();
	}
}

/* Mostly `good`; now and then something else. */
static uint64_t mostly(uint64_t good)
{
	return one_in(20) ? odd() : good;
}

static struct machine *machine(void)
{
	return &machines[below(NR_VMS)];
}

static int call(int fd, unsigned long cmd, void *arg)
{
	if (one_in(200))
		arg = (void *)PICK(0, 1, (uintptr_t)arena + ARENA, 0xffff000000000000UL, 0x7fffffff0000UL);
	return ioctl(fd, cmd, arg);
}

/* An address of the guest: RAM, the vGIC, a device, or nonsense. */
static uint64_t ipa(void)
{
	switch (below(8)) {
	case 0:
		return 0x08000000 + (below(0x20000) & ~3UL);
	case 1:
		return 0x080a0000 + (below(0x80000) & ~3UL);
	case 2:
		return 0x0a000000 + below(0x1000);
	case 3:
		return odd();
	default:
		return VM_RAM_IPA + (below(2 * ARENA) & ~7UL);
	}
}

/* Something for the guest to execute. */
static uint32_t instruction(void)
{
	uint32_t rt = below(31), rn = below(31), x = rnd();

	switch (below(16)) {
	case 0:
		return 0xd4000002; /* hvc #0 */
	case 1:
		return 0xd4000003; /* smc #0 */
	case 2:
		return 0xd503207f; /* wfi */
	case 3:
		return 0xd5300000 | (x & 0x7ffe0) | rt; /* mrs */
	case 4:
		return 0xd5100000 | (x & 0x7ffe0) | rt; /* msr */
	case 5:
		return 0xd5080000 | (x & 0x7ffe0) | rt; /* sys: tlbi, dc, ic, at */
	case 6:
		return 0xf9400000 | rn << 5 | rt; /* ldr */
	case 7:
		return 0xf9000000 | rn << 5 | rt; /* str */
	case 8:
		return 0x29000000 | (x & 0x40c00000) | rn << 5 | rt; /* stp, ldp */
	case 9:
		return 0x38000400 | (x & 0xc0dff000) | rn << 5 | rt; /* with write-back */
	case 10:
		return 0xd2800000 | (x & 0x60ffe0) | rt; /* movz */
	case 11:
		return 0xf2800000 | (x & 0x60ffe0) | rt; /* movk */
	case 12:
		return 0xd4200000 | (x & 0x1fffe0); /* brk */
	case 13:
		return 0x1e604000 | rn << 5 | rt; /* fmov */
	case 14:
		return 0x14000000 | (x & 0x3f); /* b */
	default:
		return x;
	}
}

static void fill_memory(void)
{
	uint32_t code[64];
	struct iovec from = { code, sizeof(code) };
	struct iovec to = { arena + (below(ARENA) & ~0xfffUL), sizeof(code) };
	int i;

	for (i = 0; i < 64; i++)
		code[i] = instruction();
	process_vm_writev(getpid(), &from, 1, &to, 1, 0); /* another thread may have protected it */
}

/* ---- the system and the VM -------------------------------------------------------------------- */

static int op_create_vm(void)
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

static int op_system(void)
{
	ioctl(vm_dev, KVM_GET_API_VERSION, mostly(0));
	ioctl(vm_dev, KVM_GET_VCPU_MMAP_SIZE, mostly(0));
	return ioctl(vm_dev, KVM_CHECK_EXTENSION, mostly(below(256)));
}

static int op_check_extension(void)
{
	return ioctl(machine()->vm, KVM_CHECK_EXTENSION,
		     PICK(below(256), ZVM_CAP_BASE + below(4), odd()));
}

static int create_vcpu(struct machine *m, int i, uint64_t id)
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

static int op_create_vcpu(void)
{
	return create_vcpu(machine(), below(NR_VCPUS), mostly(below(NR_VCPUS + 2)));
}

static int op_create_device(void)
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

static int op_memory_region(void)
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

static int op_get_dirty_log(void)
{
	struct kvm_dirty_log log = { .slot = mostly(below(5)), .dirty_bitmap = scratch };

	return call(machine()->vm, KVM_GET_DIRTY_LOG, &log);
}

static int op_clear_dirty_log(void)
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

static int op_irq_line(void)
{
	struct kvm_irq_level l = {
		.irq = mostly(PICK(1 << 24, 2 << 24, 1 << 24) | below(NR_VCPUS) << 16 | below(128)),
		.level = mostly(below(2)),
	};

	return call(machine()->vm, KVM_IRQ_LINE, &l);
}

static int op_irqfd(void)
{
	struct kvm_irqfd a = {
		.fd = mostly(events[below(NR_EVENTS)]),
		.gsi = mostly(below(64)),
		.flags = mostly(PICK(0, 0, 1, 2, 3)),
		.resamplefd = mostly(events[below(NR_EVENTS)]),
	};

	return call(machine()->vm, KVM_IRQFD, &a);
}

static int op_ioeventfd(void)
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

static int op_signal_event(void)
{
	uint64_t v = mostly(1);
	int fd = events[below(NR_EVENTS)];

	return (one_in(2) ? read(fd, &v, 8) : write(fd, &v, 8)) == 8 ? 0 : -1;
}

static int op_routing(void)
{
	struct {
		struct kvm_irq_routing r;
		struct kvm_irq_routing_entry e[8];
	} t = { .r = { .nr = mostly(below(9)), .flags = mostly(0) } };
	uint32_t i;

	if (t.r.nr > 8)
		t.r.nr = PICK(8, 4097); /* no further than what is there, or refused at once */
	for (i = 0; i < 8; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = mostly(below(64)), .type = mostly(PICK(1, 1, 2)), .flags = mostly(0),
			.u.irqchip = { mostly(0), mostly(below(64)) },
		};
	return call(machine()->vm, KVM_SET_GSI_ROUTING, &t);
}

static int op_signal_msi(void)
{
	struct kvm_msi msi = {
		.address_lo = mostly(0x08090040), .data = mostly(below(64)),
		.flags = mostly(KVM_MSI_VALID_DEVID), .devid = mostly(below(4)),
	};

	return call(machine()->vm, KVM_SIGNAL_MSI, &msi);
}

static int op_enable_cap(void)
{
	struct kvm_enable_cap cap = {
		.cap = mostly(PICK(KVM_CAP_ARM_NISV_TO_USER, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				   ZVM_CAP_FOLLOW_MM, ZVM_CAP_FOLLOW_MM, below(256))),
		.flags = mostly(0),
		.args = { mostly(below(4)) },
	};

	return call(machine()->vm, KVM_ENABLE_CAP, &cap);
}

static int op_preferred_target(void)
{
	return call(machine()->vm, KVM_ARM_PREFERRED_TARGET, scratch);
}

/* ---- attributes of any descriptor that has some ------------------------------------------------ */

static int any_fd(void)
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

static int op_set_attr(void)
{
	return attr_op(KVM_SET_DEVICE_ATTR);
}

static int op_get_attr(void)
{
	return attr_op(KVM_GET_DEVICE_ATTR);
}

static int op_has_attr(void)
{
	return attr_op(KVM_HAS_DEVICE_ATTR);
}

/* A whole machine by the book, so that the rest meets one that runs. */
static int complete(struct machine *m)
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
	return ret;
}

static int op_complete(void)
{
	return complete(machine());
}

/* ---- the vCPU ---------------------------------------------------------------------------------- */

static int vcpu(void)
{
	return machine()->vcpu[below(NR_VCPUS)];
}

static int op_vcpu_init(void)
{
	struct kvm_vcpu_init init = {
		.target = mostly(KVM_ARM_TARGET_GENERIC_V8),
		.features = { mostly(PICK(4, 4, 4, 5, below(256))), mostly(0) },
	};

	return call(vcpu(), KVM_ARM_VCPU_INIT, &init);
}

static int op_run(void)
{
	int ret = ioctl(vcpu(), KVM_RUN, mostly(0));

	return ret && errno != EINTR && errno != EAGAIN ? -1 : 0;
}

/* The page is shared with the kernel, which must not believe it. */
static int op_scribble(void)
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

static int op_get_reg(void)
{
	int fd = vcpu();
	struct kvm_one_reg r = { .id = listed_reg(fd), .addr = mostly((uintptr_t)scratch) };

	return call(fd, KVM_GET_ONE_REG, &r);
}

static int op_set_reg(void)
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

static int op_reg_list(void)
{
	struct kvm_reg_list *l = (void *)(scratch + 8192 * below(4));

	l->n = mostly(PICK(600, 0, 10));
	return call(vcpu(), KVM_GET_REG_LIST, l);
}

static int op_get_mp_state(void)
{
	return call(vcpu(), KVM_GET_MP_STATE, scratch);
}

static int op_set_mp_state(void)
{
	struct kvm_mp_state mp = { .mp_state = mostly(PICK(0, 0, 0, 5, below(10))) };

	return call(vcpu(), KVM_SET_MP_STATE, &mp);
}

static int op_get_events(void)
{
	return call(vcpu(), KVM_GET_VCPU_EVENTS, scratch);
}

static int op_set_events(void)
{
	struct kvm_vcpu_events ev = {};

	ev.exception.serror_pending = mostly(below(2));
	ev.exception.serror_has_esr = one_in(8);
	ev.exception.ext_dabt_pending = one_in(4);
	ev.exception.serror_esr = odd();
	return call(vcpu(), KVM_SET_VCPU_EVENTS, &ev);
}

static int op_guest_debug(void)
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

static int op_signal_mask(void)
{
	struct {
		struct kvm_signal_mask m;
		uint64_t set;
	} __attribute__((packed)) s = { { .len = mostly(8) }, rnd() & ~(1UL << (SIGUSR1 - 1)) };

	return ioctl(vcpu(), KVM_SET_SIGNAL_MASK, one_in(2) ? NULL : (void *)&s);
}

static int op_stats(void)
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

/* ---- what is around them ------------------------------------------------------------------------ */

/* Numbers that nobody knows, and known ones on the wrong descriptor. */
static int op_any_ioctl(void)
{
	int fd = one_in(8) ? vm_dev : any_fd();
	unsigned long cmd = _IOC(below(4), KVMIO, below(256), below(64));

	ioctl(fd, cmd, scratch);
	ioctl(fd, PICK(KVM_RUN, KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_GET_REG_LIST, KVM_IRQ_LINE, rnd()),
	      one_in(2) ? scratch : NULL);
	return 0;
}

/* The VMM changes its own memory under the guest. */
static int op_memory(void)
{
	char *p = arena + (below(ARENA) & ~0xfffUL);
	size_t len = PICK(page, 4 * page, 64 * page);

	if (p + len > arena + ARENA)
		len = arena + ARENA - p;
	switch (below(6)) {
	case 0:
		return madvise(p, len, MADV_DONTNEED);
	case 1:
		return mprotect(p, len, PROT_READ);
	case 2:
		return mprotect(p, len, PROT_READ | PROT_WRITE);
	case 3:
		return mmap(p, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			    0) == MAP_FAILED ? -1 : 0;
	case 4:
		return madvise(p, len, PICK(MADV_HUGEPAGE, MADV_PAGEOUT, MADV_COLD));
	default:
		mprotect(arena, ARENA, PROT_READ | PROT_WRITE);
		return 0;
	}
}

static int op_close(void)
{
	struct machine *m = machine();
	int *p = PICK(0, 1, 2, 3) ? &m->vcpu[below(NR_VCPUS)] : one_in(2) ? &m->vm : &m->dev[below(NR_DEVS)];
	int fd = __atomic_exchange_n(p, -1, __ATOMIC_ACQ_REL);

	return fd < 0 ? -1 : close(fd);
}

/* A child has the descriptors, but not the memory that the VM is made of. */
static int op_fork(void)
{
	struct machine *m = machine();
	int vm_fd = m->vm, vcpu_fd = m->vcpu[0], dev_fd = m->dev[0], status;
	sigset_t tick;
	pid_t pid;

	if (!one_in(8))
		return -1;
	sigemptyset(&tick);
	sigaddset(&tick, SIGUSR1); /* a signal would start fork() again and again */
	pthread_sigmask(SIG_BLOCK, &tick, NULL);
	pid = fork();
	pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
	if (pid < 0)
		return -1;
	if (!pid) {
		ioctl(vm_fd, KVM_CREATE_VCPU, 5);
		ioctl(vcpu_fd, KVM_RUN, 0);
		ioctl(dev_fd, KVM_HAS_DEVICE_ATTR, scratch);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? 0 : -1;
}

#define OP(name, fn, weight) { name, fn, weight, false }

static const struct op {
	const char *name;
	int (*fn)(void);
	unsigned int weight;
	bool optional; /* may never succeed */
} ops[] = {
	OP("CREATE_VM", op_create_vm, 1),
	OP("system", op_system, 2),
	OP("CHECK_EXTENSION", op_check_extension, 2),
	OP("CREATE_VCPU", op_create_vcpu, 6),
	OP("CREATE_DEVICE", op_create_device, 4),
	OP("a whole VM", op_complete, 4),
	OP("SET_USER_MEMORY_REGION", op_memory_region, 10),
	OP("GET_DIRTY_LOG", op_get_dirty_log, 4),
	OP("CLEAR_DIRTY_LOG", op_clear_dirty_log, 4),
	OP("IRQ_LINE", op_irq_line, 10),
	OP("IRQFD", op_irqfd, 6),
	OP("IOEVENTFD", op_ioeventfd, 6),
	OP("SET_GSI_ROUTING", op_routing, 3),
	{ "SIGNAL_MSI", op_signal_msi, 3, true },
	OP("ENABLE_CAP", op_enable_cap, 2),
	OP("ARM_PREFERRED_TARGET", op_preferred_target, 1),
	OP("SET_DEVICE_ATTR", op_set_attr, 16),
	OP("GET_DEVICE_ATTR", op_get_attr, 12),
	OP("HAS_DEVICE_ATTR", op_has_attr, 4),
	OP("ARM_VCPU_INIT", op_vcpu_init, 6),
	OP("RUN", op_run, 40),
	OP("writes to kvm_run", op_scribble, 10),
	OP("GET_ONE_REG", op_get_reg, 8),
	OP("SET_ONE_REG", op_set_reg, 16),
	OP("GET_REG_LIST", op_reg_list, 2),
	OP("GET_MP_STATE", op_get_mp_state, 2),
	OP("SET_MP_STATE", op_set_mp_state, 3),
	OP("GET_VCPU_EVENTS", op_get_events, 2),
	OP("SET_VCPU_EVENTS", op_set_events, 3),
	OP("SET_GUEST_DEBUG", op_guest_debug, 4),
	OP("SET_SIGNAL_MASK", op_signal_mask, 2),
	OP("GET_STATS_FD", op_stats, 2),
	OP("ioctls of any number", op_any_ioctl, 3),
	OP("eventfd", op_signal_event, 6),
	OP("memory of the VMM", op_memory, 6),
	OP("close", op_close, 2),
	OP("fork", op_fork, 1),
};
#define N_OPS (sizeof(ops) / sizeof(ops[0]))

/* ---- rounds ------------------------------------------------------------------------------------- */

static void *worker(void *arg)
{
	unsigned int total = 0, i, n;

	seed = (uintptr_t)arg;
	for (i = 0; i < N_OPS; i++)
		total += ops[i].weight;
	for (n = 0; n < ROUND_OPS; n++) {
		unsigned int w = below(total);

		if (one_in(8))
			fill_memory();
		for (i = 0; w >= ops[i].weight; i++)
			w -= ops[i].weight;
		__atomic_add_fetch(&tally->done[i], 1, __ATOMIC_RELAXED);
		if (ops[i].fn() >= 0)
			__atomic_add_fetch(&tally->good[i], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/* A signal every 2 ms to each thread: nobody stays in KVM_RUN or asleep there. */
static pthread_t workers[MAX_THREADS];
static unsigned int nr_workers;
static void *ticker(void *arg)
{
	struct timespec ms2 = { 0, 2000000 };
	unsigned int i;

	while (!arg) {
		nanosleep(&ms2, NULL);
		for (i = 0; i < nr_workers; i++)
			pthread_kill(workers[i], SIGUSR1);
	}
	return NULL;
}

static void round_in_child(uint64_t round_seed, unsigned int threads)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t tick;
	unsigned int i, j;

	seed = round_seed;
	sigaction(SIGUSR1, &sa, NULL);
	page = sysconf(_SC_PAGESIZE);
	arena = mem_map(ARENA, 2UL << 20);
	scratch = mem_map(64 * 1024, 4096);
	for (i = 0; i < NR_EVENTS; i++)
		events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < NR_VMS; i++) {
		machines[i].vm = -1;
		for (j = 0; j < NR_VCPUS; j++)
			machines[i].vcpu[j] = -1;
		for (j = 0; j < NR_DEVS; j++)
			machines[i].dev[j] = -1;
	}
	for (i = 0; i < 16; i++)
		fill_memory();
	for (i = 0; i < NR_VMS; i++) {
		machines[i].vm = ioctl(vm_dev, KVM_CREATE_VM, 0);
		if (!one_in(4))
			complete(&machines[i]);
	}
	nr_workers = 0;
	for (i = 0; i < threads; i++)
		if (pthread_create(&workers[i], NULL, worker, (void *)(uintptr_t)rnd()))
			die("thread");
	nr_workers = threads;
	pthread_create(&tick, NULL, ticker, NULL);
	if (one_in(4)) { /* die in the middle of everything */
		usleep(below(300000));
		_exit(0);
	}
	for (i = 0; i < threads; i++)
		pthread_join(workers[i], NULL);
	_exit(0);
}

/* Where the threads of a round that hangs are. */
static void show_threads(pid_t pid)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd),
		 "for t in /proc/%d/task/*; do cat $t/syscall; cat $t/stack; done | sed 's/^/# /'", pid);
	fflush(stdout);
	if (system(cmd))
		note("no stacks");
}

/* 0, or why it failed. */
static const char *one_round(uint64_t round_seed, unsigned int threads)
{
	time_t end = time(NULL) + ROUND_LIMIT;
	static char why[64];
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		round_in_child(round_seed, threads);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (time(NULL) > end) {
			show_threads(pid);
			kill(pid, SIGKILL);
			sleep(5);
			return waitpid(pid, &status, WNOHANG) == pid ? "hung" : "cannot be killed";
		}
		usleep(5000);
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "died by signal %d", WTERMSIG(status));
		return why;
	}
	return WEXITSTATUS(status) ? "could not begin" : NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' }, { "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' }, { "rounds", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 'n' }, {},
	};
	unsigned long seconds = 20, rounds = ~0UL, threads = 4, n;
	uint64_t first;
	const char *why = NULL;
	time_t begin;
	unsigned int i;
	bool all = true;
	int c;

	if (getrandom(&first, sizeof(first), 0) != sizeof(first))
		die("getrandom");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			vm_device = optarg;
			break;
		case 's':
			first = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			threads = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	if (!threads || threads > MAX_THREADS)
		die("1 to %d threads", MAX_THREADS);
	vm_open_device(1, argv);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	note("seed 0x%llx", (unsigned long long)first);
	begin = time(NULL);
	for (n = 0; n < rounds && !why && (rounds != ~0UL || time(NULL) < begin + (time_t)seconds); n++)
		why = one_round(first + n, threads);
	if (why)
		note("round of --seed 0x%llx %s", (unsigned long long)(first + n - 1), why);
	ok(!why, "no_round_hangs_or_dies");
	for (i = 0; i < N_OPS; i++) {
		note("%-24s %8llu, succeeded %8llu", ops[i].name, (unsigned long long)tally->done[i],
		     (unsigned long long)tally->good[i]);
		if (!tally->good[i] && !ops[i].optional)
			all = false;
	}
	note("%lu rounds", n);
	if (rounds == ~0UL)
		ok(all, "everything_succeeds_now_and_then");
	return done();
}
