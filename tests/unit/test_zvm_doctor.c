// SPDX-License-Identifier: GPL-2.0
/* zvm doctor: each finding on a made-up host, a directory with /proc, /sys and /dev of its own. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/zvm/zvm.h"

static char root[] = "/tmp/zvm-test-doctor-XXXXXX";

#define GOOD_LOG                                                   \
	"CPU features: detected: Virtualization Host Extensions\n" \
	"CPU: All CPU(s) started at EL2\n"

static struct zvm_host_view host;

static void put(const char *path, const char *text)
{
	char whole[PATH_MAX], *slash;
	int fd;

	/* The directories above it, one after the other. */
	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int clear_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'/*", root);
	return system(command);
}

/* A host that only lacks the module. */
static int make_good_host(void **state)
{
	if (clear_root())
		return -1;
	host = (struct zvm_host_view){
		.root = root,
		.machine = "aarch64",
		.page_size = 4096,
		.kernel_log = GOOD_LOG,
		.memlock = UINT64_MAX,
	};
	put("/proc/cmdline", "root=/dev/sda1 kvm-arm.mode=none\n");
	put("/proc/interrupts", "           CPU0\n 11:  5  GICv3  27 Level  arch_timer\n");
	put("/proc/meminfo", "MemTotal:  2048000 kB\nMemFree: 1 kB\nMemAvailable: 1024000 kB\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	return 0;
}

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	return clear_root() || rmdir(root);
}

static void expect(const char *title, enum zvm_verdict verdict, const char *text,
		   const char *remedy)
{
	struct zvm_finding f = { .verdict = ZVM_GOOD };
	size_t i;

	for (i = 0; i < zvm_doctor_nr_checks; i++)
		if (!strcmp(zvm_doctor_checks[i].title, title))
			break;
	assert_true(i < zvm_doctor_nr_checks);
	zvm_doctor_checks[i].look(&host, &f);
	assert_string_equal(f.text, text);
	assert_string_equal(f.remedy, remedy);
	assert_int_equal(f.verdict, verdict);
}

static void good_host_lacks_only_the_module(void **state)
{
	expect("machine", ZVM_GOOD, "aarch64, pages of 4 KiB", "");
	expect("EL2", ZVM_GOOD, "the kernel runs at EL2 with VHE", "");
	expect("GIC", ZVM_GOOD, "GICv3", "");
	expect("KVM", ZVM_GOOD, "in-tree KVM is not active", "");
	expect("module", ZVM_BAD, "zvm.ko is not loaded",
	       "insmod zvm.ko; if it refuses, the last line of dmesg says why");
	expect("device", ZVM_BAD, "/dev/zvm is not there", "load the module first");
	expect("memory", ZVM_GOOD, "1000 of 2000 MiB are available", "");
	expect("memlock", ZVM_GOOD, "guest RAM may be locked without limit", "");
	expect("huge pages", ZVM_GOOD, "transparent huge pages are on", "");
	expect("io_uring", ZVM_GOOD, "not disabled", "");
}

static void other_machine_is_bad(void **state)
{
	host.machine = "x86_64";
	expect("machine", ZVM_BAD, "this is x86_64",
	       "run it on a 64-bit Arm host, or on the emulated one: make demo");
	host.machine = "aarch64";
	host.page_size = 65536;
	expect("machine", ZVM_BAD, "the kernel has pages of 64 KiB",
	       "boot a kernel with CONFIG_ARM64_4K_PAGES");
}

static void kernel_that_does_not_run_at_el2_is_bad(void **state)
{
	host.kernel_log = "CPU: All CPU(s) started at EL1\n";
	expect("EL2", ZVM_BAD, "the CPUs started at EL1",
	       "have the boot loader or hypervisor below start the kernel at EL2 (QEMU: -M "
	       "virt,virtualization=on)");
	host.kernel_log = "CPU: All CPU(s) started at EL2\n";
	expect("EL2", ZVM_BAD, "the CPUs started at EL2, but without VHE",
	       "a CPU with Armv8.1 VHE (Cortex-A55, A75 and later) and CONFIG_ARM64_VHE are needed");
	host.kernel_log = GOOD_LOG;
	put("/proc/cmdline", "kvm-arm.mode=nvhe\n");
	expect("EL2", ZVM_BAD, "kvm-arm.mode makes the kernel leave EL2",
	       "boot with kvm-arm.mode=none instead");
}

static void what_the_log_does_not_say_is_not_claimed(void **state)
{
	host.kernel_log = NULL;
	expect("EL2", ZVM_NOTE, "the kernel log is not readable, so this is not known",
	       "run zvm doctor as root");
	host.kernel_log = "usb 1-1: new device\n";
	expect("EL2", ZVM_NOTE, "the kernel log no longer has the start of the CPUs",
	       "insmod zvm.ko says it for sure");
}

static void loaded_module_settles_el2(void **state)
{
	host.kernel_log = NULL;
	put("/sys/module/zvm/version", "0.1\n");
	expect("EL2", ZVM_GOOD, "the module has found EL2 and VHE", "");
	expect("module", ZVM_GOOD, "zvm.ko is loaded", "");
	expect("device", ZVM_BAD, "/dev/zvm is not there", "mount devtmpfs on /dev");
}

static void other_interrupt_controller_is_bad(void **state)
{
	put("/proc/interrupts", " 11:  5  GICv2  27 Level  arch_timer\n");
	expect("GIC", ZVM_BAD, "the interrupt controller is a GICv2",
	       "a GICv3 or GICv4 is needed (QEMU: -M virt,gic-version=3)");
	put("/proc/interrupts", "\n");
	expect("GIC", ZVM_BAD, "no GICv3 in /proc/interrupts",
	       "a GICv3 or GICv4 is needed (QEMU: -M virt,gic-version=3)");
}

static void active_kvm_is_bad(void **state)
{
	put("/dev/kvm", "");
	expect("KVM", ZVM_BAD, "in-tree KVM is active and holds EL2",
	       "boot with kvm-arm.mode=none (5.10: initcall_blacklist=arm_init)");
}

static void kvm_that_only_took_its_interrupts_is_bad(void **state)
{
	put("/proc/interrupts",
	    " 9: 0 GICv3 25 Level vgic\n 12: 0 GICv3 27 Level kvm guest vtimer\n");
	expect("KVM", ZVM_BAD, "in-tree KVM is active and holds EL2",
	       "boot with kvm-arm.mode=none (5.10: initcall_blacklist=arm_init)");
}

static void device_of_somebody_else_is_bad(void **state)
{
	put("/dev/zvm", "just a file");
	expect("device", ZVM_BAD, "/dev/zvm does not speak the KVM API",
	       "remove what is there and load the module again");
}

static void lock_limit_below_memory_is_noted(void **state)
{
	host.memlock = 8 << 20;
	expect("memlock", ZVM_NOTE, "RLIMIT_MEMLOCK allows 8 MiB of guest RAM for each process",
	       "for larger guests: ulimit -l, LimitMEMLOCK= of the systemd unit, or "
	       "/etc/security/limits.d");
	host.memlock = 2048000ULL << 10;
	expect("memlock", ZVM_GOOD, "guest RAM may be locked without limit", "");
}

static void missing_huge_pages_are_noted(void **state)
{
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	expect("huge pages", ZVM_NOTE,
	       "no huge pages, so guests run on small ones, which is slower",
	       "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "12\n");
	expect("huge pages", ZVM_GOOD, "12 free 2 MiB pages in the hugetlb pool", "");
}

static void disabled_io_uring_is_noted(void **state)
{
	put("/proc/sys/kernel/io_uring_disabled", "2\n");
	expect("io_uring", ZVM_NOTE, "the kernel refuses io_uring",
	       "disks with engine = \"io_uring\" need sysctl kernel.io_uring_disabled=0; libaio does "
	       "without");
}

#define TEST(name) cmocka_unit_test_setup(name, make_good_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_host_lacks_only_the_module),
		TEST(other_machine_is_bad),
		TEST(kernel_that_does_not_run_at_el2_is_bad),
		TEST(what_the_log_does_not_say_is_not_claimed),
		TEST(loaded_module_settles_el2),
		TEST(other_interrupt_controller_is_bad),
		TEST(active_kvm_is_bad),
		TEST(kvm_that_only_took_its_interrupts_is_bad),
		TEST(device_of_somebody_else_is_bad),
		TEST(lock_limit_below_memory_is_noted),
		TEST(missing_huge_pages_are_noted),
		TEST(disabled_io_uring_is_noted),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
