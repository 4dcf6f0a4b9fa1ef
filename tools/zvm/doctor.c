// SPDX-License-Identifier: GPL-2.0
/*
 * zvm doctor: what this host lacks to run VMs, and what to do about it. One thread.
 *
 * Only looks; nothing is loaded, changed or started. The module itself is the judge when it is
 * loaded: what it has accepted is not doubted here. The host's files are read through a root
 * directory that tests replace.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define KLOG_READ_ALL	 3
#define KLOG_SIZE_BUFFER 10
#define CAP_BIT_IPC_LOCK 14

__attribute__((format(printf, 3, 4))) static void
say(struct zvm_finding *f, enum zvm_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	f->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void remedy(struct zvm_finding *f, const char *fmt,
							 ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

static const char *in_root(const struct zvm_host_view *host, const char *path, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s%s", host->root, path);
	return buf;
}

static bool exists(const struct zvm_host_view *host, const char *path)
{
	char buf[PATH_MAX];

	return access(in_root(host, path, buf), F_OK) == 0;
}

/* True if a line of @path contains @word; that line is then in @line. */
static bool find_line(const struct zvm_host_view *host, const char *path, const char *word,
		      char *line, size_t size)
{
	char buf[PATH_MAX];
	FILE *f = fopen(in_root(host, path, buf), "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, (int)size, f))
		found = strstr(line, word) != NULL;
	fclose(f);
	return found;
}

static bool module_loaded(const struct zvm_host_view *host)
{
	return exists(host, "/sys/module/zvm");
}

static void look_at_machine(const struct zvm_host_view *host, struct zvm_finding *f)
{
	if (strcmp(host->machine, "aarch64")) {
		say(f, ZVM_BAD, "this is %s", host->machine);
		remedy(f, "run it on a 64-bit Arm host, or on the emulated one: make demo");
		return;
	}
	if (host->page_size != 4096) {
		say(f, ZVM_BAD, "the kernel has pages of %ld KiB", host->page_size >> 10);
		remedy(f, "boot a kernel with CONFIG_ARM64_4K_PAGES");
		return;
	}
	say(f, ZVM_GOOD, "aarch64, pages of 4 KiB");
}

/* The kernel says at boot where its CPUs started; there is no file that does. */
static void look_at_el2(const struct zvm_host_view *host, struct zvm_finding *f)
{
	const char *log = host->kernel_log;
	char line[2048];

	if (module_loaded(host)) {
		say(f, ZVM_GOOD, "the module has found EL2 and VHE");
	} else if (find_line(host, "/proc/cmdline", "kvm-arm.mode=nvhe", line, sizeof(line)) ||
		   find_line(host, "/proc/cmdline", "kvm-arm.mode=protected", line, sizeof(line))) {
		say(f, ZVM_BAD, "kvm-arm.mode makes the kernel leave EL2");
		remedy(f, "boot with kvm-arm.mode=none instead");
	} else if (!log) {
		say(f, ZVM_NOTE, "the kernel log is not readable, so this is not known");
		remedy(f, "run zvm doctor as root");
	} else if (strstr(log, "started at EL1")) {
		say(f, ZVM_BAD, "the CPUs started at EL1");
		remedy(f, "have the boot loader or hypervisor below start the kernel at EL2 (QEMU: "
			  "-M virt,virtualization=on)");
	} else if (!strstr(log, "started at EL2")) {
		say(f, ZVM_NOTE, "the kernel log no longer has the start of the CPUs");
		remedy(f, "insmod zvm.ko says it for sure");
	} else if (!strstr(log, "Virtualization Host Extensions")) {
		say(f, ZVM_BAD, "the CPUs started at EL2, but without VHE");
		remedy(f, "a CPU with Armv8.1 VHE (Cortex-A55, A75 and later) and CONFIG_ARM64_VHE "
			  "are needed");
	} else {
		say(f, ZVM_GOOD, "the kernel runs at EL2 with VHE");
	}
}

static void look_at_gic(const struct zvm_host_view *host, struct zvm_finding *f)
{
	char line[2048];

	if (find_line(host, "/proc/interrupts", "GICv3", line, sizeof(line))) {
		say(f, ZVM_GOOD, "GICv3");
		return;
	}
	if (find_line(host, "/proc/interrupts", "GICv2", line, sizeof(line)) ||
	    find_line(host, "/proc/interrupts", "GIC-0", line, sizeof(line)))
		say(f, ZVM_BAD, "the interrupt controller is a GICv2");
	else
		say(f, ZVM_BAD, "no GICv3 in /proc/interrupts");
	remedy(f, "a GICv3 or GICv4 is needed (QEMU: -M virt,gic-version=3)");
}

static void look_at_kvm(const struct zvm_host_view *host, struct zvm_finding *f)
{
	char line[2048];

	if (!exists(host, "/dev/kvm") &&
	    !find_line(host, "/proc/interrupts", "kvm guest", line, sizeof(line))) {
		say(f, ZVM_GOOD, "in-tree KVM is not active");
		return;
	}
	say(f, ZVM_BAD, "in-tree KVM is active and holds EL2");
	remedy(f, "boot with kvm-arm.mode=none (5.10: initcall_blacklist=arm_init)");
}

static void look_at_module(const struct zvm_host_view *host, struct zvm_finding *f)
{
	if (module_loaded(host)) {
		say(f, ZVM_GOOD, "zvm.ko is loaded");
		return;
	}
	say(f, ZVM_BAD, "zvm.ko is not loaded");
	remedy(f, "insmod zvm.ko; if it refuses, the last line of dmesg says why");
}

static void look_at_device(const struct zvm_host_view *host, struct zvm_finding *f)
{
	char path[PATH_MAX];
	int fd, version;

	if (!exists(host, "/dev/zvm")) {
		say(f, ZVM_BAD, "/dev/zvm is not there");
		remedy(f, module_loaded(host) ? "mount devtmpfs on /dev" : "load the module first");
		return;
	}
	fd = open(in_root(host, "/dev/zvm", path), O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		say(f, ZVM_BAD, "/dev/zvm: %s", strerror(errno));
		remedy(f, "be root, or give your group access: chgrp GROUP /dev/zvm");
		return;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	close(fd);
	if (version != KVM_API_VERSION) {
		say(f, ZVM_BAD, "/dev/zvm does not speak the KVM API");
		remedy(f, "remove what is there and load the module again");
		return;
	}
	say(f, ZVM_GOOD, "/dev/zvm opens and speaks version %d of the KVM API", version);
}

static bool read_number(const struct zvm_host_view *host, const char *path, const char *label,
			uint64_t *out)
{
	char line[2048];
	const char *at;

	if (!find_line(host, path, label, line, sizeof(line)))
		return false;
	at = strstr(line, label) + strlen(label);
	return sscanf(at, "%" SCNu64, out) == 1;
}

/* Guest RAM is pinned and counts against the limit. */
static void look_at_memlock(const struct zvm_host_view *host, struct zvm_finding *f)
{
	uint64_t total = 0;

	read_number(host, "/proc/meminfo", "MemTotal:", &total);
	total <<= 10;
	if (host->memlock == UINT64_MAX || (total && host->memlock >= total)) {
		say(f, ZVM_GOOD, "guest RAM may be locked without limit");
		return;
	}
	say(f, ZVM_NOTE, "RLIMIT_MEMLOCK allows %" PRIu64 " MiB of guest RAM for each process",
	    host->memlock >> 20);
	remedy(f, "for larger guests: ulimit -l, LimitMEMLOCK= of the systemd unit, or "
		  "/etc/security/limits.d");
}

static void look_at_memory(const struct zvm_host_view *host, struct zvm_finding *f)
{
	uint64_t total, available;

	if (!read_number(host, "/proc/meminfo", "MemTotal:", &total) ||
	    !read_number(host, "/proc/meminfo", "MemAvailable:", &available)) {
		say(f, ZVM_NOTE, "/proc/meminfo is not readable");
		remedy(f, "mount procfs on /proc");
		return;
	}
	say(f, ZVM_GOOD, "%" PRIu64 " of %" PRIu64 " MiB are available", available >> 10,
	    total >> 10);
}

static void look_at_hugepages(const struct zvm_host_view *host, struct zvm_finding *f)
{
	uint64_t pool = 0;
	char line[256];

	if (read_number(host, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "",
			&pool) &&
	    pool) {
		say(f, ZVM_GOOD, "%" PRIu64 " free 2 MiB pages in the hugetlb pool", pool);
		return;
	}
	if (find_line(host, "/sys/kernel/mm/transparent_hugepage/enabled", "[", line,
		      sizeof(line)) &&
	    !strstr(line, "[never]")) {
		say(f, ZVM_GOOD, "transparent huge pages are on");
		return;
	}
	say(f, ZVM_NOTE, "no huge pages, so guests run on small ones, which is slower");
	remedy(f, "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
}

static void look_at_io_uring(const struct zvm_host_view *host, struct zvm_finding *f)
{
	uint64_t disabled = 0;

	if (!read_number(host, "/proc/sys/kernel/io_uring_disabled", "", &disabled) || !disabled) {
		say(f, ZVM_GOOD, "not disabled");
		return;
	}
	say(f, ZVM_NOTE, "the kernel refuses io_uring");
	remedy(f, "disks with engine = \"io_uring\" need sysctl kernel.io_uring_disabled=0; "
		  "libaio does without");
}

const struct zvm_doctor_check zvm_doctor_checks[] = {
	{ "machine", look_at_machine },
	{ "EL2", look_at_el2 },
	{ "GIC", look_at_gic },
	{ "KVM", look_at_kvm },
	{ "module", look_at_module },
	{ "device", look_at_device },
	{ "memory", look_at_memory },
	{ "memlock", look_at_memlock },
	{ "huge pages", look_at_hugepages },
	{ "io_uring", look_at_io_uring },
};

const size_t zvm_doctor_nr_checks = sizeof(zvm_doctor_checks) / sizeof(zvm_doctor_checks[0]);

/* NULL if it may not be read. */
static char *read_kernel_log(void)
{
	int size = klogctl(KLOG_SIZE_BUFFER, NULL, 0), n;
	char *log;

	if (size <= 0)
		return NULL;
	log = malloc((size_t)size + 1);
	if (!log)
		return NULL;
	n = klogctl(KLOG_READ_ALL, log, size);
	if (n < 0) {
		free(log);
		return NULL;
	}
	log[n] = '\0';
	return log;
}

/* The module does not count for a process with CAP_IPC_LOCK. */
static uint64_t memlock_limit(const struct zvm_host_view *host)
{
	char line[256];
	struct rlimit limit;
	uint64_t caps;

	if (find_line(host, "/proc/self/status", "CapEff:", line, sizeof(line)) &&
	    sscanf(line, "CapEff: %" SCNx64, &caps) == 1 && (caps & (1ULL << CAP_BIT_IPC_LOCK)))
		return UINT64_MAX;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

int zvm_doctor_main(int argc, char **argv, struct zvm_err *err)
{
	static const char *const word[] = {
		[ZVM_GOOD] = "ok", [ZVM_NOTE] = "note", [ZVM_BAD] = "BAD"
	};
	struct zvm_host_view host = { .root = "" };
	int status = ZVM_EXIT_OK;
	struct utsname uts;
	char *log;
	size_t i;

	(void)argv;
	if (argc != 1) {
		zvm_err_set(err, 0, "doctor: takes no argument");
		return ZVM_EXIT_USER;
	}
	uname(&uts);
	log = read_kernel_log();
	host.machine = uts.machine;
	host.page_size = sysconf(_SC_PAGESIZE);
	host.kernel_log = log;
	host.memlock = memlock_limit(&host);
	for (i = 0; i < zvm_doctor_nr_checks; i++) {
		struct zvm_finding f = { .verdict = ZVM_GOOD };

		zvm_doctor_checks[i].look(&host, &f);
		printf("%-4s  %-10s  %s\n", word[f.verdict], zvm_doctor_checks[i].title, f.text);
		if (f.remedy[0])
			printf("%18s%s\n", "-> ", f.remedy);
		if (f.verdict != ZVM_BAD)
			continue;
		status = ZVM_EXIT_HOST;
		/* On another architecture the rest would only mislead. */
		if (zvm_doctor_checks[i].look == look_at_machine)
			break;
	}
	free(log);
	return status;
}
