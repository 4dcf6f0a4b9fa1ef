// SPDX-License-Identifier: GPL-2.0
/*
 * process - a VMM is a process like any other: it forks, executes, runs out of memory.
 *
 *   process fork       fork() and vfork()+exec() while a guest runs; what the child may do
 *   process exec       a VMM that executes another program, with a vCPU running and without
 *   process fill MB    a guest that writes to MB megabytes: ends only if there is that much
 *   process cost FILE  what a VM costs of its cgroup's "kernel" memory by FILE, its memory.stat
 *   process as UID GROUP CMD...   CMD as user UID in GROUP and no other group
 *   process sleeper [VM VCPU]
 *                      what `exec` executes: waits for its standard input to end; descriptors that it
 *                      was left must refuse it
 *   process hold WHAT  a VM of which nothing is left but WHAT (device, vm, vcpu, run, vgic, stats);
 *                      says "held", then waits for its standard input to end
 *
 * For scripts of this directory (process.sh, oom.sh). TAP from the first two; exit status 0 if all
 * passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

#define SIZE (16 * MB)

extern char **environ;

static bool exited_with(pid_t pid, int status)
{
	int st;

	return waitpid(pid, &st, 0) == pid && WIFEXITED(st) && WEXITSTATUS(st) == status;
}

struct runner {
	struct vm *vm;
	volatile bool stop;
	unsigned long runs;
};

/* Writes all of memory again and again on a thread of its own. */
static void *run_guest(void *arg)
{
	struct runner *r = arg;

	while (!r->stop || !r->runs)
		vm_do(r->vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, ++r->runs);
	return NULL;
}

/* In a child: nothing of the parent's VM answers. */
static bool child_is_refused(struct vm *vm, char *mem)
{
	struct kvm_userspace_memory_region r = { .slot = 5,
						 .guest_phys_addr = RAM + SIZE,
						 .memory_size = PAGE,
						 .userspace_addr = (uintptr_t)mem };
	struct kvm_vcpu_init init = { 0 };

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) == -1 && errno == EIO &&
	       ioctl(vm->fd, KVM_CREATE_VCPU, 1) == -1 && errno == EIO &&
	       ioctl(vm->vcpu[0], KVM_RUN, 0) == -1 && errno == EIO &&
	       ioctl(vm->vcpu[0], KVM_ARM_VCPU_INIT, &init) == -1 && errno == EIO;
}

static int test_fork(const char *self)
{
	char *argv[] = { (char *)self, "sleeper", NULL };
	char *mem = mem_map(SIZE, 2 * MB);
	struct runner r = { 0 };
	pthread_t thread;
	bool good = true;
	struct vm vm;
	pid_t pid;
	int i;

	vm_create(&vm, 1);
	if (vm_slot(&vm, 0, 0, RAM, SIZE, mem))
		die("slot");
	r.vm = &vm;
	pthread_create(&thread, NULL, run_guest, &r);
	for (i = 0; i < 20 && good; i++) {
		pid = fork();
		if (!pid)
			_exit(child_is_refused(&vm, mem) ? 0 : 1);
		good = exited_with(pid, 0);
	}
	ok(good, "a forked child can do nothing with the VM while its guest runs");

	good = true;
	for (i = 0; i < 20 && good; i++) {
		posix_spawn_file_actions_t act;

		posix_spawn_file_actions_init(&act);
		posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0);
		good = !posix_spawn(&pid, self, &act, NULL, argv, environ) && exited_with(pid, 0);
		posix_spawn_file_actions_destroy(&act);
	}
	ok(good, "the VMM starts programs while its guest runs");
	r.stop = true;
	pthread_join(thread, NULL);
	ok(holds(mem, SIZE, PAGE, RAM, r.runs), "the guest's writes are in the parent's memory");

	/* A child that stays: pages are shared copy-on-write, and the guest's are the parent's. */
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 77777);
	ok(holds(mem, SIZE, PAGE, RAM, 77777), "after a fork the guest still writes the parent's memory");
	memset(mem, 0, SIZE);
	ok(vm_do(&vm, 0, VM_READ, RAM, RAM + SIZE, PAGE, 0) == 0,
	   "and reads what the parent writes");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	vm_destroy(&vm);
	return done();
}

static void *run_forever(void *arg)
{
	struct runner r = { .vm = arg };

	run_guest(&r);
	return NULL;
}

/*
 * The child is a VMM that executes `sleeper`; true if it arrives there, holds no memory of the VM
 * any more while it is alive, is refused by what descriptors it kept, and leaves when told.
 */
static bool vmm_executes(const char *self, bool running, bool keep_fds)
{
	long before = pinned_now();
	int in[2], out[2];
	pthread_t thread;
	bool returned;
	char c = 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		char *mem = mem_map(SIZE, 2 * MB), vm_fd[16], vcpu_fd[16];
		struct vm vm;

		vm_create(&vm, 1);
		if (vm_slot(&vm, 0, 0, RAM, SIZE, mem))
			_exit(3);
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 1);
		if (pinned && pinned_now() <= before)
			_exit(5);
		if (running)
			pthread_create(&thread, NULL, run_forever, &vm);
		usleep(50000);
		if (keep_fds) {
			fcntl(vm.fd, F_SETFD, 0);
			fcntl(vm.vcpu[0], F_SETFD, 0);
		}
		dup2(in[0], 0);
		dup2(out[1], 1);
		snprintf(vm_fd, sizeof(vm_fd), "%d", vm.fd);
		snprintf(vcpu_fd, sizeof(vcpu_fd), "%d", vm.vcpu[0]);
		execl(self, self, "sleeper", keep_fds ? vm_fd : NULL, vcpu_fd, NULL);
		_exit(4);
	}
	close(in[0]);
	close(out[1]);
	if (read(out[0], &c, 1) != 1)
		c = 0;
	returned = pins_return_to(before);
	close(in[1]);
	close(out[0]);
	return exited_with(pid, 0) && c == 'r' && returned;
}

static int test_exec(const char *self)
{
	ok(vmm_executes(self, false, false), "a VMM executes another program");
	ok(vmm_executes(self, true, false), "while another of its threads is in KVM_RUN");
	ok(vmm_executes(self, false, true), "and with the VM's descriptors kept open");
	ok(vmm_executes(self, true, true), "and both");
	return done();
}

static int fill(unsigned long mb)
{
	char *mem = mem_map(mb * MB, 2 * MB);
	struct vm vm;

	vm_create(&vm, 1);
	if (vm_slot(&vm, 0, 0, RAM, mb * MB, mem))
		die("slot");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + mb * MB, PAGE, 1);
	vm_destroy(&vm);
	return 0;
}

/* Bytes of kernel memory; the kernel brings what its CPUs counted together every two seconds. */
static long charged(const char *file)
{
	sleep(3);
	return proc_value(file, "kernel");
}

/* 8 vCPUs, and 64 MiB in pages of 4 KiB, whose stage-2 tables are 32 pages. */
static int cost(const char *file)
{
	char *mem = mem_map(64 * MB, 2 * MB);
	long before, made, filled;
	struct vm vm;

	madvise(mem, 64 * MB, MADV_NOHUGEPAGE);
	memset(mem, 1, 64 * MB);
	before = charged(file);
	vm_create(&vm, 8);
	if (vm_slot(&vm, 0, 0, RAM, 64 * MB, mem))
		die("slot");
	made = charged(file);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + 64 * MB, PAGE, 1);
	filled = charged(file);
	note("%ld bytes before, %ld with a VM, %ld with its memory", before, made, filled);
	vm_destroy(&vm);
	return made - before < 64 * 1024L || filled - made < 128 * 1024L;
}

static int as_user(char **argv)
{
	uid_t uid = (uid_t)atoi(argv[0]);
	gid_t group = (gid_t)atoi(argv[1]);

	if (setgroups(1, &group) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		die("user %s", argv[0]);
	execvp(argv[2], argv + 2);
	die("%s", argv[2]);
}

static bool refuses(int fd, unsigned long request)
{
	return ioctl(fd, request, 0) == -1 && errno == EIO;
}

static int hold(const char *what)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	struct vm vm;
	char c;
	int i, keep = -1;

	vm_create(&vm, 1);
	if (!strcmp(what, "device")) {
		keep = vm_dev;
	} else if (!strcmp(what, "vm")) {
		keep = vm.fd;
	} else if (!strcmp(what, "vcpu")) {
		keep = vm.vcpu[0];
	} else if (!strcmp(what, "vgic") && !ioctl(vm.fd, KVM_CREATE_DEVICE, &dev)) {
		keep = (int)dev.fd;
	} else if (!strcmp(what, "stats")) {
		keep = ioctl(vm.fd, KVM_GET_STATS_FD, 0);
	} else if (strcmp(what, "run")) {
		die("%s", what);
	}
	if (strcmp(what, "run")) {
		vm_unmap_run(&vm);
		if (keep < 0)
			die("no %s", what);
	}
	for (i = 3; i < 64; i++) {
		if (i != keep)
			close(i);
	}
	puts("held");
	fflush(stdout);
	return read(0, &c, 1) < 0;
}

static int sleeper(char **fds)
{
	char c;

	if (fds[0] && !refuses(atoi(fds[0]), KVM_CHECK_EXTENSION))
		return 2;
	if (fds[0] && fds[1] && !refuses(atoi(fds[1]), KVM_RUN))
		return 3;
	/* Says that it is here, then waits for the other side to close. */
	if (write(1, "r", 1) != 1)
		return 1;
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "sleeper"))
		return sleeper(argv + 2);
	if (!strcmp(what, "as") && argc > 4)
		return as_user(argv + 2);
	mem_init(1, argv);
	if (!strcmp(what, "fork"))
		return test_fork("/proc/self/exe");
	if (!strcmp(what, "exec"))
		return test_exec("/proc/self/exe");
	if (!strcmp(what, "fill") && argc == 3)
		return fill(strtoul(argv[2], NULL, 0));
	if (!strcmp(what, "cost") && argc == 3)
		return cost(argv[2]);
	if (!strcmp(what, "hold") && argc == 3)
		return hold(argv[2]);
	fprintf(stderr, "usage: process fork | exec | fill MB | hold WHAT | cost FILE | "
			"as UID GROUP CMD...\n");
	return 2;
}
