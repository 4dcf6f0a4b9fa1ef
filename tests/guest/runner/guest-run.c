// SPDX-License-Identifier: GPL-2.0
/*
 * guest-run: the smallest KVM client that can run the guests of this directory, on /dev/kvm and
 * on /dev/zvm alike. Raw ioctls and nothing else, so that the module can be tested before and
 * without the VMM.
 *
 *   guest-run [--device DEV] [--vcpus N] [--mem MB] [--param N] [--kick US] [--timeout S]
 *             [--no-reset] [--its] IMAGE
 *
 * Threads: one per vCPU; the main thread waits for the end or the time limit; one short-lived
 * thread per delayed interrupt, one that listens to the resample eventfd, and with --kick one that
 * interrupts KVM_RUN by signals all the time. Everything that MMIO changes is behind `lock`;
 * KVM_RUN is never called with it held.
 *
 * The guest is hostile (hostile.c): its addresses and INTIDs are only compared, passed to ioctls,
 * or masked into TD_SCRATCH.
 *
 * Exit status: what the guest wrote to TD_EXIT, once it powered off; 3 usage or set-up error,
 * 4 time limit, 5 the kernel ended the VM (KVM_RUN failed or an exit that cannot be served).
 * The last line on standard error says which. SYSTEM_RESET restarts the image in the same VM; RAM
 * outside the image is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "testdev.h"

#define MAX_VCPUS     64
#define NR_IRQS	      288
#define RAM_BASE      0x40000000UL
#define LOAD_ADDR     0x40080000UL
#define GICD_BASE     0x08000000UL
#define GICR_BASE     0x080a0000UL
#define UART_BASE     0x09000000UL
#define MSI_GSI	      1000 /* beyond the pins of the GIC */
#define KICK_SIGNAL   SIGUSR1
#define PSR_EL1H_DAIF 0x3c5UL

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

enum { STATUS_SETUP = 3, STATUS_TIMEOUT = 4, STATUS_DEAD = 5 };

struct vcpu {
	int fd;
	unsigned int id;
	struct kvm_run *run;
	pthread_t thread;
};

static int kvm_fd, vm_fd, gic_fd, its_fd = -1;
static struct vcpu vcpus[MAX_VCPUS];
static unsigned int nr_vcpus = 1;
static size_t ram_size = 128UL << 20;
static uint8_t *ram;
static uint8_t *image;
static size_t image_len;
static bool no_reset, with_its;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ended, resetting;
static unsigned int parked; /* vCPU threads that wait for the reset to be over */
static int status;
static char reason[256] = "time limit";

/* State of the test device. */
static uint32_t td_exit, td_resets, td_reset_flags, td_param, td_delay_us, td_resamples;
static uint32_t td_stray_count, td_stray_len, td_romem_writes;
static uint64_t td_stray_addr, td_irqfd_at;
static uint8_t td_scratch[TD_SCRATCH_SIZE];
static int bell_fd, bell_match_fd, resample_fd = -1, level_fd = -1;
static int irqfds[NR_IRQS], msi_fd = -1;
static int32_t td_msi_result;
static uint32_t td_its_status;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(STATUS_SETUP);
}

static int must(int ret, const char *what)
{
	if (ret < 0)
		die("guest-run: %s", what);
	return ret;
}

static void kick_all(void)
{
	unsigned int i;

	for (i = 0; i < nr_vcpus; i++) {
		if (vcpus[i].run)
			__atomic_store_n(&vcpus[i].run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		if (vcpus[i].thread)
			pthread_kill(vcpus[i].thread, KICK_SIGNAL);
	}
}

/* First caller wins. Any thread, lock held. */
static void __attribute__((format(printf, 2, 3))) end_vm(int st, const char *fmt, ...)
{
	va_list ap;

	if (ended)
		return;
	ended = true;
	status = st;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	kick_all();
	pthread_cond_broadcast(&changed);
}

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
	/* On another CPU than this vCPU's, if there is one: it is to be interrupted, not preempted. */
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
			.gsi = i, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = i,
		};
	t.e[i] = (struct kvm_irq_routing_entry){
		.gsi = MSI_GSI, .type = KVM_IRQ_ROUTING_MSI, .flags = KVM_MSI_VALID_DEVID,
		.u.msi = { .address_lo = TD_ITS_BASE + 0x10040, .data = v & 0xffff, .devid = v >> 16 },
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
 * As the machine that receives a guest does it (the kernel's arm-vgic-its.rst), within one VM. Called
 * for an access of one vCPU with the lock held; the other vCPUs leave KVM_RUN and wait.
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
		.group = KVM_DEV_ARM_VGIC_GRP_CTRL, .attr = KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES,
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
	}
}

static void mmio(struct kvm_run *r)
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

/* vCPUs */

static void set_reg(struct vcpu *v, uint64_t id, uint64_t val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	must(ioctl(v->fd, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

/* Architectural reset: CPU 0 at the image, the others off. */
static void reset_vcpu(struct vcpu *v)
{
	struct kvm_vcpu_init init = { 0 };

	must(ioctl(vm_fd, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] = 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (v->id)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
	must(ioctl(v->fd, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	if (!v->id) {
		set_reg(v, CORE_REG(regs.pc), LOAD_ADDR);
		set_reg(v, CORE_REG(regs.pstate), PSR_EL1H_DAIF);
		set_reg(v, CORE_REG(regs.regs[0]), 0);
	}
}

/*
 * Lock held. The vCPU that asked for the reset waits until all the others are out of KVM_RUN,
 * resets every vCPU, and lets them go again.
 */
static void reset_vm(void)
{
	unsigned int i;

	resetting = true;
	kick_all();
	while (!ended && parked < nr_vcpus - 1)
		pthread_cond_wait(&changed, &lock);
	for (i = 0; i < nr_vcpus && !ended; i++) {
		vcpus[i].run->immediate_exit = 0;
		reset_vcpu(&vcpus[i]);
	}
	memcpy(ram + (LOAD_ADDR - RAM_BASE), image, image_len);
	/* As the loader of a real board would: what was written as data is going to be executed. */
	__builtin___clear_cache((char *)ram + (LOAD_ADDR - RAM_BASE),
				(char *)ram + (LOAD_ADDR - RAM_BASE) + image_len);
	td_resets++;
	resetting = false;
	pthread_cond_broadcast(&changed);
}

/* Lock held. */
static void system_event(struct kvm_run *r)
{
	switch (r->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		end_vm((int)td_exit, "SYSTEM_OFF");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		td_reset_flags = r->system_event.ndata ? (uint32_t)r->system_event.data[0] : 0;
		if (no_reset)
			end_vm((int)td_exit, "SYSTEM_RESET");
		else if (!resetting)
			reset_vm();
		break;
	default:
		end_vm(STATUS_DEAD, "system event %u", r->system_event.type);
	}
}

/* A device access that the kernel could not decode: the guest gets a synchronous external abort. */
static void external_abort(struct vcpu *v)
{
	struct kvm_vcpu_events ev = { .exception.ext_dabt_pending = 1 };

	if (ioctl(v->fd, KVM_SET_VCPU_EVENTS, &ev) < 0)
		end_vm(STATUS_DEAD, "KVM_SET_VCPU_EVENTS: %s", strerror(errno));
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	struct kvm_run *r = v->run;
	int ret;

	pthread_mutex_lock(&lock);
	while (!ended) {
		if (resetting) {
			parked++;
			pthread_cond_broadcast(&changed);
			while (resetting && !ended)
				pthread_cond_wait(&changed, &lock);
			parked--;
			continue;
		}
		pthread_mutex_unlock(&lock);
		ret = ioctl(v->fd, KVM_RUN, 0);
		ret = ret < 0 ? -errno : 0;
		pthread_mutex_lock(&lock);
		if (ret == -EINTR || ret == -EAGAIN) {
			if (!ended && !resetting)
				__atomic_store_n(&r->immediate_exit, 0, __ATOMIC_SEQ_CST);
			continue;
		}
		if (ret) {
			end_vm(STATUS_DEAD, "KVM_RUN on vCPU %u: %s", v->id, strerror(-ret));
			break;
		}
		switch (r->exit_reason) {
		case KVM_EXIT_MMIO:
			mmio(r);
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			system_event(r);
			break;
		case KVM_EXIT_ARM_NISV:
			external_abort(v);
			break;
		case KVM_EXIT_INTR:
			break;
		default:
			end_vm(STATUS_DEAD, "vCPU %u: exit reason %u", v->id, r->exit_reason);
		}
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void ignore_signal(int sig)
{
	(void)sig;
}

static void *kick_thread(void *arg)
{
	unsigned int us = *(unsigned int *)arg, i = 0;

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		usleep(us);
		pthread_kill(vcpus[i++ % nr_vcpus].thread, KICK_SIGNAL);
	}
	return NULL;
}

/* Set-up */

static void load_image(const char *path)
{
	FILE *f = fopen(path, "re");
	long len;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (len = ftell(f)) <= 0)
		die("guest-run: %s", path);
	image_len = (size_t)len;
	if (image_len > ram_size - (LOAD_ADDR - RAM_BASE)) {
		fprintf(stderr, "guest-run: %s: larger than RAM\n", path);
		exit(STATUS_SETUP);
	}
	rewind(f);
	image = malloc(image_len);
	if (!image || fread(image, 1, image_len, f) != image_len)
		die("guest-run: %s", path);
	fclose(f);
	memcpy(ram + (LOAD_ADDR - RAM_BASE), image, image_len);
	__builtin___clear_cache((char *)ram + (LOAD_ADDR - RAM_BASE),
				(char *)ram + (LOAD_ADDR - RAM_BASE) + image_len);
}

static void *map_slot(uint32_t slot, uint32_t flags, uint64_t gpa, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region reg = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)p,
	};

	if (p == MAP_FAILED)
		die("guest-run: %zu bytes for slot %u", len, slot);
	if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &reg) < 0) {
		if (flags & KVM_MEM_READONLY) {
			fprintf(stderr, "guest-run: no read-only memory: %s\n", strerror(errno));
			munmap(p, len);
			return NULL;
		}
		die("guest-run: KVM_SET_USER_MEMORY_REGION");
	}
	return p;
}

static void gic_attr(uint32_t group, uint64_t attr, void *val, const char *what)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)val };

	must(ioctl(gic_fd, KVM_SET_DEVICE_ATTR, &a), what);
}

static void create_gic(void)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t dist = GICD_BASE, redist = GICR_BASE;
	uint32_t nr = NR_IRQS;

	must(ioctl(vm_fd, KVM_CREATE_DEVICE, &dev), "KVM_CREATE_DEVICE VGIC_V3");
	gic_fd = (int)dev.fd;
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist, "GICD address");
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist, "GICR address");
	gic_attr(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr, "GIC NR_IRQS");
}

/* After the vCPUs, as QEMU does it. */
static void create_its(void)
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

static void create_vcpu(unsigned int id, size_t run_size)
{
	struct vcpu *v = &vcpus[id];

	v->id = id;
	v->fd = must(ioctl(vm_fd, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");
	v->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die("guest-run: mmap of vCPU %u", id);
	reset_vcpu(v);
}

static void create_vm(const char *device, const char *path)
{
	unsigned int i;
	int run_size;
	uint32_t *rom;

	kvm_fd = open(device, O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		die("guest-run: %s", device);
	if (ioctl(kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		fprintf(stderr, "guest-run: %s: not API version %d\n", device, KVM_API_VERSION);
		exit(STATUS_SETUP);
	}
	vm_fd = must(ioctl(kvm_fd, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	if (ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_NISV_TO_USER) > 0) {
		struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_NISV_TO_USER };

		must(ioctl(vm_fd, KVM_ENABLE_CAP, &cap), "KVM_CAP_ARM_NISV_TO_USER");
	}
	run_size = must(ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	ram = map_slot(0, 0, RAM_BASE, ram_size);
	load_image(path);
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0) {
		rom = map_slot(1, KVM_MEM_READONLY, TD_ROMEM_BASE, TD_ROMEM_SIZE);
		for (i = 0; rom && i < TD_ROMEM_SIZE / 4; i++)
			rom[i] = i;
	}
	create_gic();
	for (i = 0; i < nr_vcpus; i++)
		create_vcpu(i, (size_t)run_size);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, "GIC INIT");
	if (with_its)
		create_its();
	bell_fd = create_bell(TESTDEV_BASE + TD_BELL, false);
	bell_match_fd = create_bell(TESTDEV_BASE + TD_BELL + 8, true);
}

static unsigned long number(const char *s, unsigned long max, const char *what)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 0);
	if (errno || *end || end == s || v > max) {
		fprintf(stderr, "guest-run: --%s %s: not a number up to %lu\n", what, s, max);
		exit(STATUS_SETUP);
	}
	return v;
}

static void usage(void)
{
	fprintf(stderr, "usage: guest-run [--device DEV] [--vcpus N] [--mem MB] [--param N]\n"
			"                 [--kick US] [--timeout S] [--no-reset] [--its] IMAGE\n");
	exit(STATUS_SETUP);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "vcpus", required_argument, NULL, 'c' },
		{ "mem", required_argument, NULL, 'm' },
		{ "param", required_argument, NULL, 'p' },
		{ "kick", required_argument, NULL, 'k' },
		{ "timeout", required_argument, NULL, 't' },
		{ "no-reset", no_argument, NULL, 'r' },
		{ "its", no_argument, NULL, 'i' },
		{ 0 },
	};
	struct sigaction sa = { .sa_handler = ignore_signal };
	const char *device = "/dev/zvm";
	unsigned int timeout = 60, kick_us = 0, i;
	struct timespec until;
	pthread_t kicker;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			device = optarg;
			break;
		case 'c':
			nr_vcpus = (unsigned int)number(optarg, MAX_VCPUS, "vcpus");
			break;
		case 'm':
			ram_size = number(optarg, 1UL << 20, "mem") << 20;
			break;
		case 'p':
			td_param = (uint32_t)number(optarg, UINT32_MAX, "param");
			break;
		case 'k':
			kick_us = (unsigned int)number(optarg, 1000000, "kick");
			break;
		case 't':
			timeout = (unsigned int)number(optarg, 86400, "timeout");
			break;
		case 'r':
			no_reset = true;
			break;
		case 'i':
			with_its = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || !nr_vcpus || ram_size < 4UL << 20)
		usage();
	sigaction(KICK_SIGNAL, &sa, NULL);
	create_vm(device, argv[optind]);

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout;
	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_vcpus; i++)
		if (pthread_create(&vcpus[i].thread, NULL, vcpu_thread, &vcpus[i]))
			die("guest-run: thread of vCPU %u", i);
	if (kick_us && pthread_create(&kicker, NULL, kick_thread, &kick_us))
		die("guest-run: kick thread");
	while (!ended)
		if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT)
			end_vm(STATUS_TIMEOUT, "time limit of %u s", timeout);
	pthread_mutex_unlock(&lock);
	/* First the kicker: it must not signal a thread that is no more. */
	if (kick_us)
		pthread_join(kicker, NULL);
	/*
	 * A vCPU that was between its check of `ended` and KVM_RUN when kick_all came has
	 * immediate_exit set, so every thread returns.
	 */
	for (i = 0; i < nr_vcpus; i++)
		pthread_join(vcpus[i].thread, NULL);
	fflush(stdout);
	fprintf(stderr, "guest-run: %s, status %d\n", reason, status);
	return status;
}
