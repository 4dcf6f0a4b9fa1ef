// SPDX-License-Identifier: GPL-2.0
/*
 * events - irqfd, ioeventfd, GSI routing, KVM_IRQ_LINE, KVM_GET_STATS_FD and a signal during WFI, seen
 * from a client.
 *
 *   events [--device DEV]
 *
 * Holds for KVM as well. The vGIC's registers are read through its attributes, so no guest has to
 * take an interrupt. TAP; exit status 0 if all passed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "vm.h"

#define GICD_ISPENDR1 0x204
#define GICD_ICFGR2   0xc08
#define GICD_ICFGR3   0xc0c
#define PAGE	      4096UL
#define DIST_IPA      0x08000000UL
#define REDIST_IPA    0x080a0000UL
#define BELL_IPA      0x0b000000UL
#define SVC_0	      0xd4000001U

static struct vm vm;
static int gic;

static void gic_attr(uint32_t group, uint64_t attr, void *addr, unsigned long cmd)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)addr };

	if (ioctl(gic, cmd, &a))
		die("vGIC attribute %u/%llx", group, (unsigned long long)attr);
}

static void gic_create(void)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t dist = DIST_IPA, redist = REDIST_IPA;
	uint32_t nr = 96;

	if (ioctl(vm.fd, KVM_CREATE_DEVICE, &cd))
		die("KVM_CREATE_DEVICE");
	gic = cd.fd;
	gic_attr(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr, KVM_SET_DEVICE_ATTR);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist, KVM_SET_DEVICE_ATTR);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist,
		 KVM_SET_DEVICE_ATTR);
	gic_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, KVM_SET_DEVICE_ATTR);
}

static uint32_t gicd_read(uint32_t offset)
{
	uint32_t val;

	gic_attr(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset, &val, KVM_GET_DEVICE_ATTR);
	return val;
}

static void gicd_write(uint32_t offset, uint32_t val)
{
	gic_attr(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset, &val, KVM_SET_DEVICE_ATTR);
}

/* Is the input line of SPI 20 (INTID 52) high? */
static bool line_is_high(void)
{
	uint64_t attr = (uint64_t)VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;
	uint32_t val;

	gic_attr(KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr | 32, &val, KVM_GET_DEVICE_ATTR);
	return val >> 20 & 1;
}

static int irqfd(int fd, uint32_t gsi, uint32_t flags, int resample)
{
	struct kvm_irqfd a = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(vm.fd, KVM_IRQFD, &a) ? -errno : 0;
}

static int ioeventfd(int fd, uint64_t addr, uint32_t len, uint32_t flags, uint64_t match)
{
	struct kvm_ioeventfd a = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match,
	};

	return ioctl(vm.fd, KVM_IOEVENTFD, &a) ? -errno : 0;
}

static int route(uint32_t n, uint32_t gsi0, uint32_t pin0, uint32_t type)
{
	struct {
		struct kvm_irq_routing r;
		struct kvm_irq_routing_entry e[2];
	} t = { .r = { .nr = n } };
	uint32_t i;

	for (i = 0; i < n; i++)
		t.e[i] = (struct kvm_irq_routing_entry){
			.gsi = gsi0, .type = type, .u.irqchip = { 0, pin0 + i },
		};
	return ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t) ? -errno : 0;
}

static int line(uint32_t type, uint32_t vcpu, uint32_t intid, int level)
{
	struct kvm_irq_level l = { .irq = type << 24 | vcpu << 16 | intid, .level = level };

	return ioctl(vm.fd, KVM_IRQ_LINE, &l) ? -errno : 0;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

static uint64_t count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void irqfds(void)
{
	int a = eventfd(0, EFD_NONBLOCK), b = eventfd(0, EFD_NONBLOCK), c = eventfd(1, EFD_NONBLOCK);
	int again = eventfd(0, EFD_NONBLOCK);

	ok(irqfd(a, 3, 0, 0) == -EAGAIN, "irqfd before the vGIC is initialised: -EAGAIN");
	gic_create();
	gicd_write(GICD_ICFGR2, 0xaaaaaaaa); /* INTID 32..47 edge */
	gicd_write(GICD_ICFGR3, 0);	     /* INTID 48..63 level */
	ok(irqfd(a, 3, 1 << 5, 0) == -EINVAL, "unknown irqfd flag: -EINVAL");
	ok(irqfd(9999, 3, 0, 0) == -EBADF, "irqfd without a descriptor: -EBADF");
	ok(irqfd(vm.fd, 3, 0, 0) == -EINVAL, "irqfd on something else: -EINVAL");
	ok(irqfd(a, 3, 0, 0) == 0, "an irqfd is made");
	ok(irqfd(a, 4, 0, 0) == -EBUSY, "a second one on the same eventfd: -EBUSY");
	signal_fd(a);
	ok(gicd_read(GICD_ISPENDR1) == 1 << 3, "GSI n is SPI n by default");
	gicd_write(GICD_ISPENDR1, 0);
	ok(irqfd(c, 5, 0, 0) == 0 && gicd_read(GICD_ISPENDR1) == 1 << 5,
	   "a signal from before the irqfd is not lost");
	gicd_write(GICD_ISPENDR1, 0);
	ok(irqfd(a, 3, KVM_IRQFD_FLAG_DEASSIGN, 0) == 0, "an irqfd goes");
	signal_fd(a);
	ok(gicd_read(GICD_ISPENDR1) == 0 && count(a) == 1, "after that its eventfd is an ordinary one");
	close(c);
	usleep(50000);
	ok(gicd_read(GICD_ISPENDR1) == 0, "the last close of an eventfd ends its irqfd");

	ok(irqfd(b, 20, KVM_IRQFD_FLAG_RESAMPLE, again) == 0, "a level irqfd is made");
	signal_fd(b);
	ok(line_is_high(), "its signal raises the line");
	ok(irqfd(b, 20, KVM_IRQFD_FLAG_DEASSIGN, 0) == 0 && !line_is_high(), "its end lowers it");

	ok(route(1, 7, 9, KVM_IRQ_ROUTING_IRQCHIP) == 0, "a routing table is set");
	irqfd(a, 7, 0, 0);
	signal_fd(a);
	ok(gicd_read(GICD_ISPENDR1) == 1 << 9, "the GSI drives the SPI that the table names");
	ok(route(1, 4096, 1, KVM_IRQ_ROUTING_IRQCHIP) == -EINVAL, "GSI out of range: -EINVAL");
	ok(route(1, 7, 988, KVM_IRQ_ROUTING_IRQCHIP) == -EINVAL, "pin out of range: -EINVAL");
	ok(route(2, 7, 1, KVM_IRQ_ROUTING_IRQCHIP) == -EINVAL, "a GSI twice: -EINVAL");
	gicd_write(GICD_ISPENDR1, 0);
	signal_fd(a);
	ok(gicd_read(GICD_ISPENDR1) == 1 << 9, "a refused table leaves the old one");
	irqfd(a, 7, KVM_IRQFD_FLAG_DEASSIGN, 0);
	close(a);
	close(b);
	close(again);
}

static void irq_lines(void)
{
	ok(line(KVM_ARM_IRQ_TYPE_SPI, 0, 52, 1) == 0 && line_is_high(), "an SPI line goes up");
	ok(line(KVM_ARM_IRQ_TYPE_SPI, 0, 52, 0) == 0 && !line_is_high(), "and down");
	ok(line(KVM_ARM_IRQ_TYPE_SPI, 0, 31, 1) == -EINVAL, "an SPI below 32: -EINVAL");
	ok(line(KVM_ARM_IRQ_TYPE_SPI, 0, 1019, 1) == -EINVAL, "an SPI that is not there: -EINVAL");
	ok(line(KVM_ARM_IRQ_TYPE_PPI, 0, 20, 1) == 0, "a PPI line goes up");
	ok(line(KVM_ARM_IRQ_TYPE_PPI, 0, 15, 1) == -EINVAL, "a PPI below 16: -EINVAL");
	ok(line(KVM_ARM_IRQ_TYPE_PPI, 5, 20, 1) == -EINVAL, "a PPI of no vCPU: -EINVAL");
	ok(line(KVM_ARM_IRQ_TYPE_CPU, 0, 0, 1) == -ENXIO, "a raw CPU line with a vGIC: -ENXIO");
	ok(line(9, 0, 40, 1) == -EINVAL, "unknown type: -EINVAL");
}

/* The guest stores 8 bytes, `value` + address. */
static int ring(uint64_t value)
{
	uint64_t result;
	int ret;

	vm_load(&vm, 0, VM_WRITE, BELL_IPA, BELL_IPA + 8, 8, value - BELL_IPA);
	ret = vm_run(&vm, 0, &result);
	return ret;
}

static void ioeventfds(void)
{
	const uint32_t match = KVM_IOEVENTFD_FLAG_DATAMATCH, gone = KVM_IOEVENTFD_FLAG_DEASSIGN;
	int a = eventfd(0, EFD_NONBLOCK), b = eventfd(0, EFD_NONBLOCK);

	ok(ioeventfd(a, BELL_IPA, 3, 0, 0) == -EINVAL, "length 3: -EINVAL");
	ok(ioeventfd(a, -4UL, 8, 0, 0) == -EINVAL, "an address that wraps: -EINVAL");
	ok(ioeventfd(a, BELL_IPA, 0, match, 0) == -EINVAL, "datamatch without a length: -EINVAL");
	ok(ioeventfd(a, BELL_IPA, 8, 1 << 9, 0) == -EINVAL, "unknown ioeventfd flag: -EINVAL");
	ok(ioeventfd(a, BELL_IPA, 8, match, 1) == 0, "an ioeventfd for one value");
	ok(ioeventfd(b, BELL_IPA, 8, match, 1) == -EEXIST, "the same value again: -EEXIST");
	ok(ioeventfd(b, BELL_IPA, 8, 0, 0) == -EEXIST, "any value beside it: -EEXIST");
	ok(ioeventfd(b, BELL_IPA, 8, match, 2) == 0, "another value is fine");
	ok(ioeventfd(b, BELL_IPA, 4, 0, 0) == 0, "another length is fine");
	ok(ring(1) == 0 && count(a) == 1 && count(b) == 0, "the value rings its eventfd, no exit");
	ok(ring(2) == 0 && count(a) == 0 && count(b) == 1, "the other value rings the other");
	ok(ring(3) == 1 && count(a) == 0 && count(b) == 0, "a value that nobody wants is MMIO");
	ok(ioeventfd(a, BELL_IPA, 8, match | gone, 2) == -ENOENT, "no such ioeventfd: -ENOENT");
	ok(ioeventfd(a, BELL_IPA, 8, match | gone, 1) == 0 && ring(1) == 1, "an ioeventfd goes");
	ok(ioeventfd(b, BELL_IPA, 8, match | gone, 2) == 0 &&
		   ioeventfd(b, BELL_IPA, 4, gone, 0) == 0 && ioeventfd(a, BELL_IPA, 0, 0, 0) == 0,
	   "one for any length");
	ok(ring(99) == 0 && count(a) == 1, "takes everything");
	close(a); /* the module holds it */
	ok(ring(98) == 0, "and outlives the descriptor");
	close(b);
}

static void statistics(int fd, const char *what)
{
	struct kvm_stats_header h;
	size_t size, i, seen = 0;
	char id[256] = "";
	char *desc;
	bool good = true;

	printf("# %s\n", what);
	if (fd < 0) {
		skip("statistics descriptor", "built without counters");
		return;
	}
	ok(pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.num_desc && h.name_size &&
		   h.name_size < sizeof(id),
	   "the header is read");
	ok(pread(fd, id, h.name_size, h.id_offset) == (ssize_t)h.name_size &&
		   memchr(id, 0, h.name_size) && id[0],
	   "it has an identification");
	size = sizeof(struct kvm_stats_desc) + h.name_size;
	desc = malloc(size);
	for (i = 0; i < h.num_desc; i++) {
		struct kvm_stats_desc *d = (void *)desc;
		uint64_t val;

		good &= pread(fd, desc, size, h.desc_offset + i * size) == (ssize_t)size;
		good &= strnlen(d->name, h.name_size) > 0 && strnlen(d->name, h.name_size) < h.name_size;
		good &= (d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX;
		good &= (d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX;
		good &= (d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX;
		good &= d->size > 0;
		good &= pread(fd, &val, sizeof(val), h.data_offset + d->offset) == sizeof(val);
		seen += d->size;
	}
	ok(good, "every descriptor is well-formed and has its value");
	ok(pread(fd, desc, 1, h.data_offset + seen * 8) == 0, "and that is all");
	free(desc);
	close(fd);
}

/* Memory over the registers of the vGIC goes first, whatever answers those fastest. */
static void memory_over_frames(void)
{
	uint64_t typer = REDIST_IPA + 8, before, *mem = mem_map(PAGE, PAGE);

	mem[1] = 0x1234567890abcdef;
	before = vm_do(&vm, 0, VM_READ, typer, typer + 8, 8, 0);
	ok(before & 1 << 4, "GICR_TYPER.Last of the only vCPU");
	ok(!vm_slot(&vm, 5, 0, REDIST_IPA, PAGE, mem), "memory over the redistributor");
	ok(vm_do(&vm, 0, VM_READ, typer, typer + 8, 8, 0) == mem[1], "the guest reads the memory");
	ok(!vm_slot(&vm, 5, 0, REDIST_IPA, 0, mem), "that memory taken away");
	ok(vm_do(&vm, 0, VM_READ, typer, typer + 8, 8, 0) == before, "the register is there again");
}

static volatile sig_atomic_t restarted, alarms;

/* It ends system calls: one that is to be made again is where the handler returns to. */
static void on_alarm(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	(void)sig;
	(void)info;
	alarms++;
	restarted += *(const uint32_t *)uc->uc_mcontext.pc == SVC_0;
}

/*
 * A guest that spins, on a CPU that its thread has to share: what the kernel wants done by a thread
 * that was preempted interrupts KVM_RUN as well. If that then started again, so that nobody need
 * notice, a signal that comes in the meantime would be handled and not end it.
 */
static void every_signal_ends_it(void)
{
	struct itimerval off = {}, soon = { .it_interval.tv_usec = 100000 };
	unsigned int i, early = 0;
	bool good = true;
	pid_t rival = fork();

	if (rival < 0)
		die("fork"); /* and never kill(-1) */
	while (!rival)
		;
	restarted = 0;
	for (i = 0; good && i < 2000; i++) {
		alarms = 0;
		soon.it_value.tv_usec = 500 + i % 32 * 125;
		setitimer(ITIMER_REAL, &soon, NULL);
		while (good && !alarms) { /* one that comes just here leaves it to the next */
			good = ioctl(vm.vcpu[0], KVM_RUN, 0) == -1 && errno == EINTR;
			early += !alarms;
		}
	}
	setitimer(ITIMER_REAL, &off, NULL);
	kill(rival, SIGKILL);
	waitpid(rival, NULL, 0);
	note("%d of %u; %u ends without a signal", (int)restarted, i, early);
	ok(good && !restarted, "on a busy CPU no KVM_RUN starts again after a signal");
}

/*
 * The WFI that a signal has ended is not executed again: the guest may have looked for an interrupt
 * before it that comes in the meantime, and would sleep with it behind it.
 */
static void wfi_ends_by_a_signal(void)
{
	const struct sigaction wake = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	uint32_t *code = mem_map(PAGE, PAGE);
	cpu_set_t all, one;
	uint64_t pc;
	int ret;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	/* a CPU of its own: zvm.ko halts that in place, else the thread sleeps */
	if (sched_getaffinity(0, sizeof(all), &all) || sched_setaffinity(0, sizeof(one), &one))
		die("affinity");
	code[0] = 0xd503207f; /* wfi */
	code[1] = 0x14000000; /* b . */
	__builtin___clear_cache((char *)code, (char *)(code + 2));
	if (vm_slot(&vm, 5, 0, VM_RAM_IPA, PAGE, code))
		die("slot");
	vm_set_reg(vm.vcpu[0], VM_CORE(regs.pc), VM_RAM_IPA);
	sigaction(SIGALRM, &wake, NULL);
	alarm(1);
	ret = ioctl(vm.vcpu[0], KVM_RUN, 0);
	ok(ret == -1 && errno == EINTR, "a signal ends KVM_RUN of a vCPU in WFI: EINTR");
	pc = vm_get_reg(vm.vcpu[0], VM_CORE(regs.pc));
	note("PC is at %+ld", (long)(pc - VM_RAM_IPA));
	ok(pc == VM_RAM_IPA + 4, "the WFI is behind the guest then");
	every_signal_ends_it();
	sigaction(SIGALRM, &usual, NULL);
	vm_slot(&vm, 5, 0, VM_RAM_IPA, 0, NULL);
	munmap(code, PAGE);
	sched_setaffinity(0, sizeof(all), &all);
}

int main(int argc, char **argv)
{
	vm_open_device(argc, argv);
	vm_create(&vm, 1);
	irqfds();
	irq_lines();
	ioeventfds();
	memory_over_frames();
	wfi_ends_by_a_signal();
	statistics(ioctl(vm.fd, KVM_GET_STATS_FD, 0), "of the VM");
	statistics(ioctl(vm.vcpu[0], KVM_GET_STATS_FD, 0), "of the vCPU");
	close(gic);
	vm_destroy(&vm);
	return done();
}
