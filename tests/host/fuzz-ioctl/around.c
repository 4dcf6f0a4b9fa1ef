// SPDX-License-Identifier: GPL-2.0
/* What a VMM does beside ioctls of the API, or should not do (see fuzz.h). */
#include <signal.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* Numbers that nobody knows, and known ones on the wrong descriptor. */
int op_any_ioctl(void)
{
	int fd = one_in(8) ? vm_dev : any_fd();
	unsigned long cmd = _IOC(below(4), KVMIO, below(256), below(64));

	ioctl(fd, cmd, scratch);
	ioctl(fd, PICK(KVM_RUN, KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_GET_REG_LIST, KVM_IRQ_LINE,
			KVM_CREATE_IRQCHIP, rnd()),
	      one_in(2) ? scratch : NULL);
	return 0;
}

/* The VMM changes its own memory under the guest. */
int op_memory(void)
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

int op_close(void)
{
	struct machine *m = machine();
	int *p = PICK(0, 1, 2, 3) ? &m->vcpu[below(NR_VCPUS)] : one_in(2) ? &m->vm : &m->dev[below(NR_DEVS)];
	int fd = __atomic_exchange_n(p, -1, __ATOMIC_ACQ_REL);

	return fd < 0 ? -1 : close(fd);
}

/* A child has the descriptors, but not the memory that the VM is made of. */
int op_fork(void)
{
	struct machine *m = machine();
	int vm_fd = m->vm, vcpu_fd = m->vcpu[0], dev_fd = m->dev[0], status;
	sigset_t tick;
	pid_t pid;

	sigemptyset(&tick);
	sigaddset(&tick, SIGUSR1); /* it would start fork() again and again, and end waitpid() */
	pthread_sigmask(SIG_BLOCK, &tick, NULL);
	pid = fork();
	if (!pid) {
		ioctl(vm_fd, KVM_CREATE_VCPU, 5);
		ioctl(vcpu_fd, KVM_RUN, 0);
		ioctl(dev_fd, KVM_HAS_DEVICE_ATTR, scratch);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
	return pid < 0 ? -1 : 0;
}
