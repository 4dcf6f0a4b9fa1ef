// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest finds at its device addresses: a PL011 that only prints, the test device of
 * testdev.h (interrupts of every kind on request, eventfds, an ITS to save and restore), memory for
 * reading only, and a record of accesses to nothing.
 *
 * mmio() runs on a vCPU's thread with `lock` held. The guest is hostile: see guest-run.c.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner.h"

#define UART_BASE 0x09000000UL
#define MSI_GSI	  1000 /* beyond the pins of the GIC */

static int its_fd = -1;
static uint32_t td_delay_us, td_resamples;
static uint32_t td_stray_count, td_stray_len, td_romem_writes;
static uint64_t td_stray_addr, td_irqfd_at;
static uint8_t td_scratch[TD_SCRATCH_SIZE];
static int bell_fd, bell_match_fd, resample_fd = -1, level_fd = -1;
static int irqfds[NR_IRQS], msi_fd = -1;
static int32_t td_msi_result;
static uint32_t td_its_status;

/* Interrupts */

static int irq_line(unsigned int type, unsigned int vcpu, unsigned int irq, int level)
{
	struct kvm_irq_level l = {
		.irq = type << KVM_ARM_IRQ_TYPE_SHIFT | (vcpu & 0xff) << KVM_ARM_IRQ_VCPU_SHIFT |
		       (irq & 0xffff),
		.level = (uint32_t)level,
	};

	return ioctl(vm_fd, KVM_IRQ_LINE, &l);
}

struct later {
	uint32_t irq, delay_us;
	int irqfd; /* -1: by KVM_IRQ_LINE */
};

static void *later_thread(void *arg)
{
	struct later *l = arg;
	uint64_t one = 1, now;

	usleep(l->delay_us);
	if (l->irqfd < 0) {
		irq_line(KVM_ARM_IRQ_TYPE_SPI, 0, l->irq, 1);
	} else {
		__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(now) : : "memory");
		__atomic_store_n(&td_irqfd_at, now, __ATOMIC_SEQ_CST);
		if (write(l->irqfd, &one, sizeof(one)) < 0)
			fprintf(stderr, "guest-run: irqfd: %s\n", strerror(errno));
		/* An emulator that counts runs its CPUs by turns: it is the vCPU's. */
		__asm__ volatile("yield");
	}
	free(l);
	return NULL;
}

static void raise_later(uint32_t irq, int irqfd)
{
	struct later *l = malloc(sizeof(*l));
	pthread_attr_t attr;
	cpu_set_t cpus;
	pthread_t t;

	if (!l)
		return;
	l->irq = irq;
	l->delay_us = td_delay_us;
	l->irqfd = irqfd;
	pthread_attr_init(&attr);
	/* On another CPU than this vCPU's, if there is one: it is to be interrupted, not preempted.
	 */
	CPU_ZERO(&cpus);
	CPU_SET((sched_getcpu() + 1) % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	if (irqfd >= 0)
		pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &attr, later_thread, l))
		free(l);
	pthread_attr_destroy(&attr);
}

/* The eventfd of an SPI, made on first use; -1: no such SPI. */
static int irqfd_of(uint32_t intid)
{
	struct kvm_irqfd req = { .gsi = intid - 32 };

	if (intid < 32 || intid >= NR_IRQS)
		return -1;
	if (!irqfds[intid]) {
		irqfds[intid] = must(eventfd(0, EFD_CLOEXEC), "eventfd");
		req.fd = (uint32_t)irqfds[intid];
		if (ioctl(vm_fd, KVM_IRQFD, &req) < 0)
			fprintf(stderr, "guest-run: KVM_IRQFD: %s\n", strerror(errno));
	}
	return irqfds[intid];
}

static void signal_irqfd(uint32_t intid)
{
	int fd = irqfd_of(intid);
	uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		fprintf(stderr, "guest-run: irqfd: %s\n", strerror(errno));
}

static void *resample_thread(void *arg)
{
	uint64_t n;

	(void)arg;
	while (read(resample_fd, &n, sizeof(n)) == sizeof(n))
		__atomic_fetch_add(&td_resamples, (uint32_t)n, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The line stays high until the guest's EOI; KVM then lowers it and signals the resampler. */
static void signal_level_irqfd(uint32_t intid)
{
	struct kvm_irqfd req = { .gsi = intid - 32, .flags = KVM_IRQFD_FLAG_RESAMPLE };
	uint64_t one = 1;
	pthread_t t;

	if (intid < 32 || intid >= NR_IRQS)
		return;
	if (level_fd < 0) {
		level_fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
		resample_fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
		req.fd = (uint32_t)level_fd;
		req.resamplefd = (uint32_t)resample_fd;
		if (ioctl(vm_fd, KVM_IRQFD, &req) < 0)
			fprintf(stderr, "guest-run: KVM_IRQFD resample: %s\n", strerror(errno));
		pthread_create(&t, NULL, resample_thread, NULL);
	}
	if (write(level_fd, &one, sizeof(one)) < 0)
		fprintf(stderr, "guest-run: irqfd: %s\n", strerror(errno));
}

static void signal_msi(uint32_t v)
{
	struct kvm_msi msi = {
		.address_lo = TD_ITS_BASE + 0x10040,
		.data = v & 0xffff,
		.flags = KVM_MSI_VALID_DEVID,
		.devid = v >> 16,
	};
	int ret = ioctl(vm_fd, KVM_SIGNAL_MSI, &msi);

	td_msi_result = ret < 0 ? -errno : ret;
}

static void signal_msi_irqfd(uint32_t v)
{
	struct {
		struct kvm_irq_routing r;
		struct kvm_irq_routing_entry e[NR_IRQS - 32 + 1];
	} t = { .r = { .nr = NR_IRQS - 32 + 1 } };
	struct kvm_irqfd req = { .gsi = MSI_GSI };
	uint64_t one = 1;
	uint32_t i;

	/* A table replaces the default: the pins are in it as they were. */
	for (i = 0; i < NR_IRQS - 32; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip.pin = i,
		};
	t.e[i] = (struct kvm_irq_routing_entry){
		.gsi = MSI_GSI,
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = KVM_MSI_VALID_DEVID,
		.u.msi = { .address_lo = TD_ITS_BASE + 0x10040,
			   .data = v & 0xffff,
			   .devid = v >> 16 },
	};
	if (ioctl(vm_fd, KVM_SET_GSI_ROUTING, &t) < 0)
		fprintf(stderr, "guest-run: KVM_SET_GSI_ROUTING: %s\n", strerror(errno));
	if (msi_fd < 0) {
		msi_fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
		req.fd = (uint32_t)msi_fd;
		if (ioctl(vm_fd, KVM_IRQFD, &req) < 0)
			fprintf(stderr, "guest-run: KVM_IRQFD MSI: %s\n", strerror(errno));
	}
	if (write(msi_fd, &one, sizeof(one)) < 0)
		fprintf(stderr, "guest-run: irqfd: %s\n", strerror(errno));
}

static uint32_t read_bells(void)
{
	uint64_t a = 0, b = 0;

	/* Non-blocking eventfds: a failed read is "no signal since". */
	if (read(bell_fd, &a, sizeof(a)) < 0)
		a = 0;
	if (read(bell_match_fd, &b, sizeof(b)) < 0)
		b = 0;
	return (uint32_t)(a | b << 16);
}

/*
 * Save, reset and restore of the ITS
 *
 * As the machine that receives a guest does it (the kernel's arm-vgic-its.rst), within one VM.
 * Called for an access of one vCPU with the lock held; the other vCPUs leave KVM_RUN and wait.
 */

#define ITS_CTLR 0x0000

static const uint64_t its_regs[] = { 0x80 /* CBASER */, 0x88 /* CWRITER */, 0x90 /* CREADR */,
				     0x100, 0x108 /* BASER0, 1 */ };

static void its_attr(bool set, uint32_t group, uint64_t attr, void *val)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)val };

	if (!td_its_status && ioctl(its_fd, set ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &a))
		td_its_status = (uint32_t)errno;
}

static void its_cycle(void)
{
	struct kvm_device_attr pending = {
		.group = KVM_DEV_ARM_VGIC_GRP_CTRL,
		.attr = KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES,
	};
	uint64_t regs[sizeof(its_regs) / sizeof(its_regs[0])], ctlr = 0;
	unsigned int i, n = sizeof(its_regs) / sizeof(its_regs[0]);

	resetting = true;
	kick_all();
	while (!ended && parked < nr_vcpus - 1)
		pthread_cond_wait(&changed, &lock);
	td_its_status = 0;
	if (ioctl(gic_fd, KVM_SET_DEVICE_ATTR, &pending))
		td_its_status = (uint32_t)errno;
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
	for (i = 0; i < n; i++)
		its_attr(false, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, its_regs[i], &regs[i]);
	its_attr(false, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, ITS_CTLR, &ctlr);
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL);
	for (i = 0; i < n; i++)
		its_attr(true, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, its_regs[i], &regs[i]);
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, ITS_CTLR, &ctlr);
	for (i = 0; i < nr_vcpus; i++)
		vcpus[i].run->immediate_exit = 0;
	resetting = false;
	pthread_cond_broadcast(&changed);
}

/* MMIO; lock held */

static uint64_t td_read(uint64_t off, uint32_t len)
{
	if (off == TD_STRAY_ADDR && len == 8)
		return td_stray_addr;
	if (off == TD_IRQFD_AT && len == 8)
		return __atomic_load_n(&td_irqfd_at, __ATOMIC_SEQ_CST);
	if (len != 4)
		return 0;
	switch (off) {
	case TD_MAGIC:
		return TESTDEV_MAGIC;
	case TD_RAM_MB:
		return ram_size >> 20;
	case TD_RESETS:
		return td_resets;
	case TD_RESET_FLAGS:
		return td_reset_flags;
	case TD_PARAM:
		return td_param;
	case TD_DELAY_US:
		return td_delay_us;
	case TD_RESAMPLES:
		return __atomic_load_n(&td_resamples, __ATOMIC_SEQ_CST);
	case TD_BELLS:
		return read_bells();
	case TD_STRAY_COUNT:
		return td_stray_count;
	case TD_STRAY_LEN:
		return td_stray_len;
	case TD_ROMEM_WRITES:
		return td_romem_writes;
	case TD_ITS:
		return its_fd >= 0;
	case TD_MSI_RESULT:
		return (uint32_t)td_msi_result;
	case TD_ITS_STATUS:
		return td_its_status;
	}
	return 0;
}

static void share_cpu(uint32_t cpu)
{
	struct sched_param fifo = { .sched_priority = cpu == ~0U ? 0 : 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu == ~0U || cpu == (uint32_t)i)
			CPU_SET(i, &set);
	/* In this order: the CPU may be another such thread's already. */
	if (sched_setscheduler(0, cpu == ~0U ? SCHED_OTHER : SCHED_FIFO, &fifo) < 0 ||
	    sched_setaffinity(0, sizeof(set), &set) < 0)
		perror("guest-run: sharing a CPU");
}

static void td_write(uint64_t off, uint32_t len, uint32_t v)
{
	if (len != 4)
		return;
	switch (off) {
	case TD_EXIT:
		td_exit = v;
		break;
	case TD_LINE_HIGH:
	case TD_LINE_LOW:
		irq_line(KVM_ARM_IRQ_TYPE_SPI, 0, v, off == TD_LINE_HIGH);
		break;
	case TD_IRQFD:
		signal_irqfd(v);
		break;
	case TD_DELAY_US:
		td_delay_us = v;
		break;
	case TD_LATER:
		raise_later(v, -1);
		break;
	case TD_IRQFD_LATER:
		if (irqfd_of(v) >= 0)
			raise_later(v, irqfd_of(v));
		break;
	case TD_PPI:
		irq_line(KVM_ARM_IRQ_TYPE_PPI, v >> 16, v >> 8 & 0xff, v & 1);
		break;
	case TD_LEVEL_IRQFD:
		signal_level_irqfd(v);
		break;
	case TD_MSI:
		signal_msi(v);
		break;
	case TD_MSI_IRQFD:
		signal_msi_irqfd(v);
		break;
	case TD_ITS_CYCLE:
		its_cycle();
		break;
	case TD_NO_HUGE:
		if (v < ram_size >> 20)
			madvise(ram + ((size_t)v << 20), ram_size - ((size_t)v << 20),
				MADV_NOHUGEPAGE);
		break;
	case TD_SHARE:
	case TD_YIELD:
		pthread_mutex_unlock(&lock); /* the other thread comes here, too */
		if (off == TD_SHARE)
			share_cpu(v);
		else
			sched_yield();
		pthread_mutex_lock(&lock);
		break;
	}
}

void mmio(struct kvm_run *r)
{
	uint64_t addr = r->mmio.phys_addr;
	uint32_t len = r->mmio.len <= 8 ? r->mmio.len : 8;
	uint64_t v = 0;
	uint32_t i;

	/*
	 * All eight bytes, the kernel has cleared the rest: a copy of constant size is no call of
	 * memcpy(), which on hosts with SVE costs a trap after each system call.
	 */
	if (r->mmio.is_write) {
		memcpy(&v, r->mmio.data, sizeof(v));
		v &= len < 8 ? (1ULL << len * 8) - 1 : ~0ULL;
	}

	if (addr >= UART_BASE && addr < UART_BASE + 0x1000) {
		if (r->mmio.is_write && addr == UART_BASE) {
			putchar((int)(v & 0xff));
			if ((v & 0xff) == '\n')
				fflush(stdout);
		} else if (addr == UART_BASE + 0x18) {
			v = 0x90; /* both FIFOs empty */
		}
	} else if (addr >= TESTDEV_BASE + TD_SCRATCH &&
		   addr < TESTDEV_BASE + TD_SCRATCH + TD_SCRATCH_SIZE) {
		for (i = 0; i < len; i++) {
			uint8_t *p = &td_scratch[(addr + i) % TD_SCRATCH_SIZE];

			if (r->mmio.is_write)
				*p = (uint8_t)(v >> 8 * i);
			else
				v |= (uint64_t)*p << 8 * i;
		}
	} else if (addr >= TESTDEV_BASE && addr < TESTDEV_BASE + TD_SCRATCH) {
		if (r->mmio.is_write)
			td_write(addr - TESTDEV_BASE, len, (uint32_t)v);
		else
			v = td_read(addr - TESTDEV_BASE, len);
	} else if (addr >= TD_ROMEM_BASE && addr < TD_ROMEM_BASE + TD_ROMEM_SIZE) {
		td_romem_writes += r->mmio.is_write;
	} else if (addr < TESTDEV_BASE + TD_BELL || addr >= TESTDEV_BASE + TESTDEV_SIZE) {
		td_stray_count++;
		td_stray_addr = addr;
		td_stray_len = len | (r->mmio.is_write ? 0x80000000U : 0);
	}
	if (!r->mmio.is_write)
		memcpy(r->mmio.data, &v, sizeof(v));
}

/* Set-up */

/* After the vCPUs, as QEMU does it. */
void create_its(void)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS };
	uint64_t base = TD_ITS_BASE;

	must(ioctl(vm_fd, KVM_CREATE_DEVICE, &dev), "KVM_CREATE_DEVICE VGIC_ITS");
	its_fd = (int)dev.fd;
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base);
	its_attr(true, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (td_its_status) {
		errno = (int)td_its_status;
		die("guest-run: ITS attributes");
	}
}

static int create_bell(uint64_t addr, bool match)
{
	struct kvm_ioeventfd req = { .addr = addr, .len = 4 };

	req.fd = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
	if (match) {
		req.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
		req.datamatch = TD_BELL_MATCH;
	}
	if (ioctl(vm_fd, KVM_IOEVENTFD, &req) < 0)
		fprintf(stderr, "guest-run: KVM_IOEVENTFD: %s\n", strerror(errno));
	return req.fd;
}

void create_bells(void)
{
	bell_fd = create_bell(TESTDEV_BASE + TD_BELL, false);
	bell_match_fd = create_bell(TESTDEV_BASE + TD_BELL + 8, true);
}
