// SPDX-License-Identifier: GPL-2.0
/*
 * The sandbox: capabilities, limits, seccomp.
 *
 * Two filters, both allow-lists. The first holds for all threads: what the event loop and the disk
 * threads do, and what a restart of the guest needs (a new VM, new vCPU threads). The second is
 * put on top of it by each vCPU thread, where the guest's accesses are decoded. ioctl() is allowed
 * by number, so that a terminal's descriptor cannot be used to type on it.
 *
 * Opening a file fails with EACCES, because the C library tries that on its own and lives with the
 * answer. Any other call that is not listed raises SIGSYS: the handler restores the terminal, names
 * the call and lets the process die.
 *
 * Not for memory: a filter cannot stop code that was taken over from using what is mapped.
 */
#include "vmm/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/device/terminal.h"

#define MAX_FILES 1024u

/* Both kinds of thread: memory of the C library, locks, time, signals, descriptors. */
static const int for_all[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(io_getevents),
	SCMP_SYS(io_pgetevents),
	SCMP_SYS(io_submit),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(madvise),
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity), /* malloc(), when it thinks about another arena */
	SCMP_SYS(sched_yield),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Besides: event loop, disks, sockets, and starting threads. */
static const int for_main[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(fallocate),
	SCMP_SYS(fcntl),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fsync),
	SCMP_SYS(getsockopt),
	SCMP_SYS(io_destroy),
	SCMP_SYS(lseek),
	SCMP_SYS(newfstatat),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_get_priority_max),
	SCMP_SYS(sched_get_priority_min),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_setscheduler),
	SCMP_SYS(seccomp),
	SCMP_SYS(sendto),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(shutdown),
	SCMP_SYS(unlinkat),
};

static const unsigned int terminal_ioctls[] = { TCGETS, TCSETS, TIOCGWINSZ };
static const unsigned int disk_ioctls[] = { BLKDISCARD, BLKZEROOUT };

static int allow(scmp_filter_ctx ctx, const int *list, size_t n)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, list[i], 0);
	return ret;
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned int *list, size_t n)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, list[i]));
	return ret;
}

#define ALLOW(ctx, list)	allow(ctx, list, sizeof(list) / sizeof((list)[0]))
#define ALLOW_IOCTLS(ctx, list) allow_ioctls(ctx, list, sizeof(list) / sizeof((list)[0]))

static int build_filter(scmp_filter_ctx *out, bool vcpu)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int ret;

	if (!ctx)
		return -ENOMEM;
	/* Thread names are set before a thread is confined, and by the main thread never. */
	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			       SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xff00, KVMIO << 8));
	/* The way of every exit to user space: looked at first. */
	if (ret == 0)
		ret = seccomp_syscall_priority(ctx, SCMP_SYS(ioctl), 255);
	if (ret == 0)
		ret = ALLOW_IOCTLS(ctx, terminal_ioctls);
	if (ret == 0)
		ret = ALLOW(ctx, for_all);
	/* Signals for threads of this process alone. */
	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
	if (ret == 0 && !vcpu)
		ret = ALLOW(ctx, for_main);
	/*
	 * Threads, no processes, and so no user namespace in which one has all capabilities. A filter
	 * cannot read the flags of clone3(): the C library goes back to clone() without it.
	 */
	if (ret == 0 && !vcpu)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (ret == 0 && !vcpu)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (ret == 0 && !vcpu)
		ret = ALLOW_IOCTLS(ctx, disk_ioctls);
	if (ret == 0 && !vcpu)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME));
	if (ret < 0) {
		seccomp_release(ctx);
		return ret;
	}
	*out = ctx;
	return 0;
}

/* The vCPU filter as the kernel takes it, so that a vCPU thread needs one system call for it. */
static int export_filter(scmp_filter_ctx ctx, struct sock_fprog **out)
{
	struct sock_fprog *prog;
	struct stat st;
	int fd, ret;

	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = seccomp_export_bpf(ctx, fd);
	if (ret == 0 && fstat(fd, &st) < 0)
		ret = -errno;
	prog = ret == 0 ? malloc(sizeof(*prog) + (size_t)st.st_size) : NULL;
	if (prog) {
		prog->len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
		prog->filter = (struct sock_filter *)(prog + 1);
		if (pread(fd, prog->filter, (size_t)st.st_size, 0) != st.st_size) {
			free(prog);
			prog = NULL;
			ret = -EIO;
		}
	} else if (ret == 0) {
		ret = -ENOMEM;
	}
	close(fd);
	*out = prog;
	return ret;
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	static const char text[] = "zvm-run: sandbox: system call ";
	unsigned int nr = (unsigned int)info->si_syscall;
	char line[sizeof(text) + 40], digits[12];
	size_t len = sizeof(text) - 1, n = 0;

	zvm_terminal_restore();
	memcpy(line, text, len);
	do
		digits[n++] = (char)('0' + nr % 10);
	while ((nr /= 10));
	while (n)
		line[len++] = digits[--n];
	memcpy(line + len, " is not allowed\n", 16);
	if (write(STDERR_FILENO, line, len + 16) < 0) {
		/* Nobody is left to tell. */
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	/* The bounding set needs CAP_SETPCAP; without it there is nothing to lose. */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

static void limit(int what, rlim_t max)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0 || (rl.rlim_max != RLIM_INFINITY && rl.rlim_max <= max))
		return;
	rl.rlim_cur = rl.rlim_max = max;
	setrlimit(what, &rl);
}

/* What a restart of the guest does again, and what root could do without asking for a limit. */
static void keep(int what, rlim_t need)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY || rl.rlim_cur >= need)
		return;
	rl.rlim_cur = need;
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < need)
		rl.rlim_max = need;
	setrlimit(what, &rl);
}

int zvm_sandbox_enter(struct zvm_sandbox *box, const struct zvm_config *cfg, struct zvm_err *err)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	struct sock_fprog *prog = NULL;
	scmp_filter_ctx all = NULL, vcpu = NULL;
	int ret;

	keep(RLIMIT_MEMLOCK, cfg->memory + (256ULL << 20));
	keep(RLIMIT_RTPRIO, (rlim_t)cfg->vcpu.priority);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, MAX_FILES);

	ret = build_filter(&all, false);
	if (ret == 0)
		ret = build_filter(&vcpu, true);
	if (ret == 0)
		ret = export_filter(vcpu, &prog);
	if (ret == 0)
		ret = seccomp_attr_set(all, SCMP_FLTATR_CTL_TSYNC, 1);
	sigemptyset(&sa.sa_mask);
	if (ret == 0 && sigaction(SIGSYS, &sa, NULL) < 0)
		ret = -errno;
	if (ret == 0)
		ret = drop_capabilities();
	if (ret == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ret = -errno;
	if (ret == 0)
		ret = seccomp_load(all);
	if (all)
		seccomp_release(all);
	if (vcpu)
		seccomp_release(vcpu);
	if (ret < 0) {
		free(prog);
		return zvm_err_set(err, ret,
				   "cannot set up the sandbox: %s; --no-sandbox runs without",
				   strerror(-ret));
	}
	box->vcpu_filter = prog;
	return 0;
}

int zvm_sandbox_confine_vcpu(const struct zvm_sandbox *box)
{
	if (!box->vcpu_filter)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, box->vcpu_filter) < 0 ? -errno : 0;
}

void zvm_sandbox_fini(struct zvm_sandbox *box)
{
	free(box->vcpu_filter);
	box->vcpu_filter = NULL;
}
