// SPDX-License-Identifier: GPL-2.0
/*
 * guest-run: the smallest KVM client that can run the guests of this directory, on /dev/kvm and
 * on /dev/zvm alike. Raw ioctls and nothing else, so that the module can be tested before and
 * without the VMM. Here are the VM, its vCPUs and their reset; what the guest finds at its device
 * addresses is in devices.c.
 *
 *   guest-run [--device DEV] [--vcpus N] [--mem MB] [--param N] [--kick US] [--timeout S]
 *             [--no-reset] [--its] [--pauth] [--pmu] IMAGE
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
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

#define RAM_BASE      0x40000000UL
#define LOAD_ADDR     0x40080000UL
#define GICD_BASE     0x08000000UL
#define GICR_BASE     0x080a0000UL
#define BLOCK	      (2UL << 20)
#define PMU_INTID     23
#define KICK_SIGNAL   SIGUSR1
#define PSR_EL1H_DAIF 0x3c5UL

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

int vm_fd, gic_fd;
struct vcpu vcpus[MAX_VCPUS];
unsigned int nr_vcpus = 1;
size_t ram_size = 128UL << 20;
static int kvm_fd;
uint8_t *ram;
static uint8_t *image;
static size_t image_len;
static bool no_reset, with_its, with_pauth, with_pmu;
static uint32_t features = 1U << KVM_ARM_VCPU_PSCI_0_2;

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
bool ended, resetting;
unsigned int parked;
static int status;
static char reason[256] = "time limit";

uint32_t td_exit, td_resets, td_reset_flags, td_param;

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(STATUS_SETUP);
}

int must(int ret, const char *what)
{
	if (ret < 0)
		die("guest-run: %s", what);
	return ret;
}

void kick_all(void)
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
	init.features[0] = features;
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

/*
 * A signature with each of this thread's own keys that stay in the CPU while the host's kernel and
 * the guest run (it changes IA for its own): the same before and after. Zeros where there are none.
 */
struct own_keys {
	uint64_t sig[4];
};

__attribute__((target("arch=armv8.3-a"))) static struct own_keys own_keys(void)
{
	struct own_keys k = { { 0x1000, 0x2000, 0x3000, 0 } };

	if (!(getauxval(AT_HWCAP) & HWCAP_PACA) || !(getauxval(AT_HWCAP) & HWCAP_PACG))
		return (struct own_keys){ 0 };
	asm volatile("pacib %0, %1" : "+r"(k.sig[0]) : "r"(1UL));
	asm volatile("pacda %0, %1" : "+r"(k.sig[1]) : "r"(2UL));
	asm volatile("pacdb %0, %1" : "+r"(k.sig[2]) : "r"(3UL));
	asm volatile("pacga %0, %1, %2" : "=r"(k.sig[3]) : "r"(4UL), "r"(5UL));
	return k;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	struct kvm_run *r = v->run;
	struct own_keys before = own_keys(), after;
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
	after = own_keys();
	if (memcmp(&before, &after, sizeof(before))) {
		snprintf(reason, sizeof(reason), "the keys of the host's thread are not its own");
		status = STATUS_DEAD;
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

/* At a multiple of 2 MiB, as the guest's address is, so that both can have blocks of that size. */
static void *map_slot(uint32_t slot, uint32_t flags, uint64_t gpa, size_t len)
{
	size_t slack = len >= BLOCK ? BLOCK : 0;
	uint8_t *p = mmap(NULL, len + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	size_t skip = -(uintptr_t)p & (slack - !!slack);
	struct kvm_userspace_memory_region reg = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = len,
	};

	if (p == MAP_FAILED)
		die("guest-run: %zu bytes for slot %u", len, slot);
	if (skip)
		munmap(p, skip);
	p += skip;
	if (slack > skip)
		munmap(p + len, slack - skip);
	reg.userspace_addr = (uintptr_t)p;
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

static void init_pmu(struct vcpu *v)
{
	int irq = PMU_INTID;
	struct kvm_device_attr a = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL,
		.attr = KVM_ARM_VCPU_PMU_V3_IRQ,
		.addr = (uintptr_t)&irq,
	};

	must(ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a), "PMU_V3_IRQ");
	a.attr = KVM_ARM_VCPU_PMU_V3_INIT;
	must(ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a), "PMU_V3_INIT");
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
	/* Where the device has it: the guest looks what it got. */
	if (with_pauth && ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
	    ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0)
		features |= 1U << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1U << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	if (with_pmu && ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) > 0)
		features |= 1U << KVM_ARM_VCPU_PMU_V3;
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
	for (i = 0; features & 1U << KVM_ARM_VCPU_PMU_V3 && i < nr_vcpus; i++)
		init_pmu(&vcpus[i]);
	if (with_its)
		create_its();
	create_bells();
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
	fprintf(stderr,
		"usage: guest-run [--device DEV] [--vcpus N] [--mem MB] [--param N]\n"
		"                 [--kick US] [--timeout S] [--no-reset] [--its] [--pauth] [--pmu] IMAGE\n");
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
		{ "pauth", no_argument, NULL, 'a' },
		{ "pmu", no_argument, NULL, 'u' },
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
		case 'a':
			with_pauth = true;
			break;
		case 'u':
			with_pmu = true;
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
