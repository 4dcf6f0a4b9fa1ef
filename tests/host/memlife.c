// SPDX-License-Identifier: GPL-2.0
/*
 * memlife - how guest memory is held and given back, seen from a client: the limit on locked
 * memory, VMMs that are killed, descriptors that outlive their process, memory that follows the
 * VMM's page tables, a device's registers.
 *
 *   memlife [--device DEV]
 *
 * Runs on the board as root; see memory.c. TAP; exit status 0 if all passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/zvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

static void memlock_limit(void)
{
	size_t size = 64 * MB;
	struct rlimit lim = { 16 * MB, 64 * MB + 4 * MB };
	uint64_t result;
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *mem = mem_map(size, 2 * MB);
		struct vm vm;
		int bad = 0;

		madvise(mem, size, MADV_NOHUGEPAGE);
		/* Without CAP_IPC_LOCK, with the device open. */
		if (setrlimit(RLIMIT_MEMLOCK, &lim) || setgid(65534) || setuid(65534))
			_exit(100);
		vm_create(&vm, 1);
		if (vm_slot(&vm, 0, 0, RAM, size, mem))
			_exit(101);
		vm_load(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 1);
		if (vm_run(&vm, 0, &result) != -ENOMEM)
			_exit(15);
		if (proc_value("/proc/self/status", "VmLck") > 16 * 1024)
			bad |= 2;
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &lim);
		if (vm_run(&vm, 0, &result) || !holds(mem, size, PAGE, RAM, 1))
			bad |= 4;
		vm_destroy(&vm);
		if (proc_value("/proc/self/status", "VmLck"))
			bad |= 8;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	note("child says %d", status);
	ok(!(status & ~14), "guest memory beyond RLIMIT_MEMLOCK: KVM_RUN fails with -ENOMEM");
	ok(!(status & ~13), "the limit is kept");
	ok(!(status & ~11), "once the limit is raised the guest goes on where it was");
	ok(!(status & ~7), "and nothing stays charged");
}

/* ok() about pinned pages: where memory follows the VMM, their number says nothing. */
static void ok_pins(bool good, const char *name)
{
	if (pinned)
		ok(good, name);
	else
		skip(name, "memory is not pinned");
}

static void killed(void)
{
	long before = pinned_now(), during;
	int i, status;

	for (i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (!pid) {
			char *mem = mem_map(32 * MB, 2 * MB);
			struct vm vm;

			vm_create(&vm, 1);
			vm_slot(&vm, 0, 0, RAM, 32 * MB, mem);
			for (;;)
				vm_do(&vm, 0, VM_WRITE, RAM, RAM + 32 * MB, PAGE, 1);
		}
		/* As long as it takes on a slow machine, if pins can be counted; then anywhere in it. */
		for (during = before; pinned && during <= before && !waitpid(pid, &status, WNOHANG);)
			during = pinned_now();
		usleep((pinned ? 0 : 100000) + 7000 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	ok_pins(during > before, "a running VM has pages pinned");
	ok_pins(pins_return_to(before), "kill -9 of the VMM gives every page back");
}

/* `unmapped`: the VMM has unmapped all of its vCPUs' struct kvm_run before it ends. */
static void descriptor_outlives_process(bool unmapped)
{
	long before = pinned_now();
	int status, hold[2], says[2];
	char refused = 0;
	pid_t pid;

	if (pipe(hold) || pipe(says))
		die("pipe");
	pid = fork();
	if (!pid) {
		char *mem = mem_map(32 * MB, 2 * MB);
		struct vm vm;

		vm_create(&vm, 1);
		vm_slot(&vm, 0, 0, RAM, 32 * MB, mem);
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + 32 * MB, PAGE, 1);
		if (!fork()) {
			/* Owns the descriptors, not the address space. */
			char c, r = ioctl(vm.fd, KVM_CHECK_EXTENSION, 0) == -1 && errno == EIO;

			r &= ioctl(vm.vcpu[0], KVM_RUN, 0) == -1 && errno == EIO;
			close(hold[1]);
			if (write(says[1], &r, 1) != 1 || read(hold[0], &c, 1) < 0)
				_exit(1);
			_exit(0);
		}
		if (unmapped)
			vm_unmap_run(&vm);
		_exit(0);
	}
	close(hold[0]);
	close(says[1]);
	waitpid(pid, &status, 0);
	if (read(says[0], &refused, 1) != 1)
		refused = 0;
	ok(WIFEXITED(status) && !WEXITSTATUS(status) && refused,
	   unmapped ? "a VMM ends whose vCPUs are not mapped" :
		      "who holds the descriptors of another's VM is refused");
	ok_pins(pins_return_to(before),
		unmapped ? "so it is if the VMM had unmapped its vCPUs" :
			   "memory of a dead VMM is given back while another process holds the VM's descriptor");
	close(hold[1]);
	close(says[0]);
}

/* Without MMU notifiers, a VM has no memory while nobody maps its vCPUs. */
static void run_unmapped_and_mapped(void)
{
	size_t size = 16 * MB;
	char *mem = mem_map(size, 2 * MB);
	long before = pinned_now();
	struct vm vm;
	int i;

	vm_create(&vm, 2);
	vm_slot(&vm, 0, 0, RAM, size, mem);
	for (i = 0; i < 20; i++) {
		vm_do(&vm, i % 2, VM_WRITE, RAM, RAM + size, PAGE, i);
		if (!holds(mem, size, PAGE, RAM, i))
			break;
		vm_unmap_run(&vm);
		vm_map_run(&vm);
	}
	ok(i == 20, "a VMM unmaps its vCPUs and maps them again: the guest goes on with its memory");
	ok_pins(pinned_now() - before <= (long)(size / PAGE) + 64, "no page is pinned twice");
	vm_destroy(&vm);
	ok_pins(pins_return_to(before), "and none stays pinned");
	munmap(mem, size);
}

static void cycles(void)
{
	long before, slab, after_slab;
	char *mem = mem_map(8 * MB, 2 * MB);
	unsigned int i, vms = 200 / slowness();
	struct vm vm;

	before = pinned_now();
	slab = proc_value("/proc/meminfo", "SUnreclaim");
	for (i = 0; i < vms; i++) {
		vm_create(&vm, 2);
		vm_slot(&vm, 0, 0, RAM, 8 * MB, mem);
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + 8 * MB, 16 * PAGE, i);
		vm_do(&vm, 1, VM_WRITE, RAM, RAM + MB, 16 * PAGE, i);
		vm_destroy(&vm);
	}
	after_slab = proc_value("/proc/meminfo", "SUnreclaim");
	note("%u VMs: SUnreclaim %ld kB before, %ld kB after", vms, slab, after_slab);
	ok(*(uint64_t *)mem == RAM + vms - 1, "many VMs one after another");
	ok_pins(pins_return_to(before), "no page of them stays pinned");
	/* KASAN keeps freed memory for a while; where kmemleak is, the script asks it. */
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		ok(after_slab - slab < 4096, "no kernel memory of theirs stays");
	ok(proc_value("/proc/self/status", "VmLck") == 0, "nothing stays charged to their VMM");
	munmap(mem, 8 * MB);
}

/* --- notifier mode ------------------------------------------------------------------------------ */

static void follows_the_vmm(void)
{
	size_t size = 16 * MB;
	char *mem = mem_map(size, 2 * MB);
	struct kvm_enable_cap cap = { .cap = ZVM_CAP_FOLLOW_MM, .args = { 1 } };
	struct kvm_userspace_memory_region none = { .slot = 100 };
	struct racer r;
	pthread_t thread;
	struct vm vm;
	long before = pinned_now();
	uint64_t sum;
	int i, status;
	pid_t pid;

	vm_create(&vm, 1);
	if (zvm) {
		int want = ioctl(vm_dev, KVM_CHECK_EXTENSION, ZVM_CAP_FOLLOW_MM) ? EBUSY : EINVAL;

		ok(ioctl(vm.fd, KVM_ENABLE_CAP, &cap) == -1 && errno == want,
		   "the mode of memory is fixed once there is a slot");
		ok(ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_MMU) == !pinned,
		   "how memory is held is reported as it is");
		if (ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &none))
			die("slot deletion");
		if (ioctl(vm.fd, KVM_ENABLE_CAP, &cap)) {
			skip("memory follows the VMM's page tables", "kernel without MMU notifiers");
			return;
		}
		vm_slot(&vm, 100, KVM_MEM_READONLY, VM_CODE_IPA, PAGE, vm.code);
	}
	ok(ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_MMU) == 1, "notifier mode is reported");
	madvise(mem, size, MADV_HUGEPAGE);
	vm_slot(&vm, 0, 0, RAM, size, mem);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 1);
	ok(holds(mem, size, PAGE, RAM, 1), "the guest writes the VMM's memory");
	ok(pinned_now() <= before, "nothing is pinned");
	madvise(mem, size, MADV_DONTNEED);
	ok(vm_do(&vm, 0, VM_READ, RAM, RAM + size, PAGE, 0) == 0,
	   "memory that the VMM discarded reads as zero");
	mem[0] = 42;
	ok(vm_do(&vm, 0, VM_READ, RAM, RAM + PAGE, PAGE, 0) == 42,
	   "the guest sees the page that replaced the zero page");

	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 5);
	pid = fork();
	if (!pid) {
		usleep(200000);
		_exit(!holds(mem, size, PAGE, RAM, 5)); /* the snapshot of the fork */
	}
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 6);
	ok(holds(mem, size, PAGE, RAM, 6), "after fork the guest writes the parent's copy");
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "and not the child's");

	mprotect(mem, size, PROT_READ);
	vm_load(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 0);
	ok(vm_run(&vm, 0, &sum) == -EFAULT, "memory made read-only is not written");
	mprotect(mem, size, PROT_READ | PROT_WRITE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 8);
	ok(holds(mem, size, PAGE, RAM, 8), "until it is writable again");

	/* Replace the pages under a running guest, over and over. */
	for (i = 0; i < 20; i++) {
		r = (struct racer){ &vm, 0, RAM, RAM + size, PAGE, i, 0, -1 };
		pthread_create(&thread, NULL, race, &r);
		madvise(mem, size, MADV_DONTNEED);
		mprotect(mem + size / 2, size / 2, PROT_READ | PROT_WRITE);
		pthread_join(thread, NULL);
		if (r.ret)
			break;
	}
	ok(i == 20, "a guest runs while its pages are being replaced");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 3);
	ok(holds(mem, size, PAGE, RAM, 3), "and writes to the right ones afterwards");
	munmap(mem, size);
	vm_load(&vm, 0, VM_READ, RAM, RAM + PAGE, PAGE, 0);
	ok(vm_run(&vm, 0, &sum) == -EFAULT, "memory that is gone is -EFAULT");
	vm_destroy(&vm);
}

/* A PCI BAR mapped from sysfs is VM_PFNMAP memory that is safe to read. */
static void device_memory(void)
{
	static const char *const file[] = {
		"/sys/bus/pci/devices/0000:00:01.0/resource4",
		"/sys/bus/pci/devices/0000:00:01.0/resource1",
	};
	struct vm vm;
	void *bar = MAP_FAILED;
	uint64_t sum;
	unsigned int i;
	int fd, ret;

	for (i = 0; i < 2 && bar == MAP_FAILED; i++) {
		fd = open(file[i], O_RDWR);
		if (fd >= 0)
			bar = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (fd >= 0)
			close(fd);
	}
	if (bar == MAP_FAILED) {
		skip("a device's registers in a slot", "no PCI device to map");
		return;
	}
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, PAGE, bar);
	vm_load(&vm, 0, VM_READ, RAM, RAM + 8, 8, 0);
	ret = vm_run(&vm, 0, &sum);
	if (zvm && ret == -EFAULT && !ioctl(vm_dev, KVM_CHECK_EXTENSION, ZVM_CAP_FOLLOW_MM)) {
		skip("a device's registers in a slot", "refused by a kernel without MMU notifiers");
		vm_destroy(&vm);
		munmap(bar, PAGE);
		return;
	}
	ok(!ret && sum == *(volatile uint64_t *)bar, "a device's registers in a slot are the guest's");
	ok(vm_slot(&vm, 0, KVM_MEM_LOG_DIRTY_PAGES, RAM, PAGE, bar) == -EINVAL,
	   "they cannot be logged");
	munmap(bar, PAGE);
	vm_load(&vm, 0, VM_READ, RAM, RAM + 8, 8, 0);
	ok(vm_run(&vm, 0, &sum) == -EFAULT, "until the VMM unmaps them");
	vm_destroy(&vm);
}

int main(int argc, char **argv)
{
	mem_init(argc, argv);
	if (pinned)
		memlock_limit();
	killed();
	if (zvm) {
		descriptor_outlives_process(false);
		descriptor_outlives_process(true);
	}
	run_unmapped_and_mapped();
	cycles();
	follows_the_vmm();
	device_memory();
	return done();
}
