// SPDX-License-Identifier: GPL-2.0
/*
 * backing - what guest memory may be made of, and what may happen to it under a guest: files and
 * their ends, hugetlb pages that run out, userfaultfd, memory that is discarded, moved, merged or
 * swapped.
 *
 *   backing [--device DEV]
 *
 * Runs on the board as root; backing.sh prepares a swap space and an ext4 at /tmp/ext4. What
 * depends on whether the module pins memory is said by the mode it was loaded with. TAP; exit
 * status 0 if all passed. No test depends on how fast anything is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/magic.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define SIZE (4 * MB)

/* A VM whose slot 0 is [mem, mem + size) at RAM. */
static void vm_with(struct vm *vm, void *mem, size_t size)
{
	vm_create(vm, 1);
	if (vm_slot(vm, 0, 0, RAM, size, mem))
		die("slot of %zu bytes", size);
}

static int try(struct vm *vm, enum vm_program prog, uint64_t start, uint64_t end, uint64_t value)
{
	uint64_t result;

	vm_load(vm, 0, prog, start, end, PAGE, value);
	return vm_run(vm, 0, &result);
}

/* --- files ---------------------------------------------------------------------------------------
 */

/* Does the file hold what VM_WRITE put into memory that maps it from its start? */
static bool file_holds(int fd, size_t size, uint64_t value)
{
	char *copy = malloc(size);
	bool good = pread(fd, copy, size, 0) == (ssize_t)size &&
		    holds(copy, size, PAGE, RAM, value);

	free(copy);
	return good;
}

/* `writable`: the kernel lets memory of this file be pinned for writing for long. */
static void file(int fd, const char *what, bool writable)
{
	char name[96];
	struct vm vm;
	char *mem;
	int ret;

	if (fd < 0 || ftruncate(fd, SIZE))
		die("%s", what);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		die("mmap of %s", what);
	vm_with(&vm, mem, SIZE);
	ret = try(&vm, VM_WRITE, RAM, RAM + SIZE / 2, 1);
	if (!writable && ret == -EFAULT) {
		snprintf(name, sizeof(name), "a shared mapping of %s", what);
		skip(name, "this kernel does not pin pages of such files");
		goto out;
	}
	snprintf(name, sizeof(name), "what the guest writes to a mapping of %s is in it", what);
	ok(!ret && file_holds(fd, SIZE / 2, 1), name);

	/* The second half has not been touched: there it ends now. */
	if (ftruncate(fd, SIZE / 2))
		die("ftruncate of %s", what);
	snprintf(name, sizeof(name), "beyond the end of %s a write is -EFAULT", what);
	ok(try(&vm, VM_WRITE, RAM + SIZE / 2, RAM + SIZE, 2) == -EFAULT, name);
	snprintf(name, sizeof(name), "beyond the end of %s a read is -EFAULT", what);
	ok(try(&vm, VM_READ, RAM + SIZE / 2, RAM + SIZE, 2) == -EFAULT, name);
	ret = try(&vm, VM_WRITE, RAM, RAM + SIZE / 2, 3);
	snprintf(name, sizeof(name), "before the end of %s the guest goes on", what);
	ok(!ret && file_holds(fd, SIZE / 2, 3), name);
	if (ftruncate(fd, SIZE))
		die("ftruncate of %s", what);
	ret = try(&vm, VM_WRITE, RAM + SIZE / 2, RAM + SIZE, 4);
	snprintf(name, sizeof(name), "once %s is long enough the guest can write there", what);
	ok(!ret && holds(mem + SIZE / 2, SIZE / 2, PAGE, RAM + SIZE / 2, 4), name);

	/* All of it goes, mapped and pinned pages too. */
	if (ftruncate(fd, 0))
		die("ftruncate of %s", what);
	ret = try(&vm, VM_WRITE, RAM, RAM + SIZE, 5);
	snprintf(name, sizeof(name), "%s cut to nothing: %s", what,
		 pinned ? "the guest keeps the pages it had" : "-EFAULT");
	ok(ret == (pinned ? 0 : -EFAULT), name);
out:
	vm_destroy(&vm);
	munmap(mem, SIZE);
	close(fd);
}

/* A hole that is punched reads as zero, in a guest that follows. */
static void hole(void)
{
	int fd = memfd_create("hole", 0);
	uint64_t sum;
	struct vm vm;
	char *mem;

	if (fd < 0 || ftruncate(fd, SIZE))
		die("memfd");
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	vm_with(&vm, mem, SIZE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 1);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE))
		die("FALLOC_FL_PUNCH_HOLE");
	sum = vm_do(&vm, 0, VM_READ, RAM, RAM + SIZE, PAGE, 0);
	ok(pinned ? sum : !sum, pinned ? "a hole punched into pinned memory is not the guest's"
				       : "a hole punched into memory reads as zero");
	vm_destroy(&vm);
	/* With the slot made anew both see the same memory again. */
	vm_with(&vm, mem, SIZE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 2);
	ok(holds(mem, SIZE, PAGE, RAM, 2), "a new slot over it is the file's memory");
	vm_destroy(&vm);
	munmap(mem, SIZE);
	close(fd);
}

/* --- hugetlb
 * -------------------------------------------------------------------------------------- */

/* Memory of eight huge pages of which the pool has four: the fifth is not to be had. */
static void hugetlb_runs_out(void)
{
	const char *pool = "/proc/sys/vm/nr_hugepages";
	size_t size = 16 * MB;
	struct vm vm;
	char *mem;
	int ret;

	if (!write_text(pool, "4") || proc_value("/proc/meminfo", "HugePages_Free") != 4) {
		write_text(pool, "0");
		skip("hugetlb pages run out", "no four of them to be had");
		return;
	}
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		   -1, 0);
	ok(mem == MAP_FAILED, "more huge pages than there are cannot be reserved");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap of hugetlb memory without a reservation");
	vm_with(&vm, mem, size);
	ret = try(&vm, VM_WRITE, RAM, RAM + size, 1);
	ok(ret == -EFAULT && holds(mem, size / 2, PAGE, RAM, 1),
	   "where hugetlb pages have run out: -EFAULT, after those that there were");
	if (write_text(pool, "8") && proc_value("/proc/meminfo", "HugePages_Total") == 8) {
		uint64_t result;

		ok(!vm_run(&vm, 0, &result) && holds(mem, size, PAGE, RAM, 1),
		   "with more of them the guest goes on where it was");
	} else {
		skip("with more of them the guest goes on where it was", "no more to be had");
	}
	vm_destroy(&vm);
	munmap(mem, size);
	write_text(pool, "0");
	ok(proc_value("/proc/meminfo", "HugePages_Total") == 0, "all hugetlb pages are given back");
}

/* --- userfaultfd
 * ---------------------------------------------------------------------------------- */

static char *served;	 /* memory that is registered */
static uint64_t serving; /* faults answered; its thread's until it was joined */
static int stop_pipe[2];

static int uffd_open(void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)))
		die("userfaultfd");
	return fd;
}

/* Page n of the memory gets 100 + n in its first word. */
static void *serve(void *arg)
{
	int fd = *(int *)arg;
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = stop_pipe[0], .events = POLLIN } };
	uint64_t page[PAGE / 8] = { 0 };
	struct uffd_msg msg;

	for (;;) {
		struct uffdio_copy copy;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		copy = (struct uffdio_copy){
			.dst = msg.arg.pagefault.address & -PAGE,
			.src = (uintptr_t)page,
			.len = PAGE,
		};
		page[0] = 100 + (copy.dst - (uintptr_t)served) / PAGE;
		if (ioctl(fd, UFFDIO_COPY, &copy) && errno != EEXIST)
			die("UFFDIO_COPY");
		serving++;
	}
}

static void userfault(void)
{
	size_t size = MB, n = size / PAGE;
	uint64_t want = n * 100 + n * (n - 1) / 2;
	pthread_t thread;
	struct vm vm;
	int fd;

	served = mem_map(size, 2 * MB);
	madvise(served, size, MADV_NOHUGEPAGE);
	fd = uffd_open(served, size);
	if (fd < 0) {
		skip("missing pages are brought by userfaultfd", "the kernel has none");
		return;
	}
	if (pipe(stop_pipe))
		die("pipe");
	serving = 0;
	vm_with(&vm, served, size);
	pthread_create(&thread, NULL, serve, &fd);
	ok(vm_do(&vm, 0, VM_READ, RAM, RAM + size, PAGE, 0) == want,
	   "the guest waits for pages that userfaultfd brings");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 7);
	ok(holds(served, size, PAGE, RAM, 7), "and writes to them");
	if (!pinned) {
		madvise(served, size, MADV_DONTNEED);
		ok(vm_do(&vm, 0, VM_READ, RAM, RAM + size, PAGE, 0) == want,
		   "pages that were discarded are brought again");
	}
	if (write(stop_pipe[1], "", 1) != 1)
		die("pipe");
	pthread_join(thread, NULL);
	ok(serving == (pinned ? n : 2 * n), "each was asked for once");
	vm_destroy(&vm);
	close(fd);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
	munmap(served, size);
}

/* A page that nobody brings: the VMM can be killed while its vCPU waits for it. */
static void userfault_killed(void)
{
	struct uffd_msg msg;
	int fd, status, ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (!pid) {
		pthread_t thread;
		struct racer r;
		struct vm vm;

		served = mem_map(MB, 2 * MB);
		madvise(served, MB, MADV_NOHUGEPAGE);
		fd = uffd_open(served, MB);
		if (fd < 0)
			_exit(1);
		vm_with(&vm, served, MB);
		r = (struct racer){ &vm, 0, RAM, RAM + MB, PAGE, 1, 0, -1 };
		pthread_create(&thread, NULL, race, &r);
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		skip("kill -9 while a fault waits", "no userfaultfd");
		waitpid(pid, &status, 0);
	} else {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		   "kill -9 ends a VMM whose vCPU waits for a page that nobody brings");
	}
	close(ready[0]);
}

/* --- memory that changes under the guest
 * ------------------------------------------------------------ */

static void discarded(void)
{
	char *mem = mem_map(SIZE, 2 * MB);
	uint64_t sum;
	struct vm vm;

	vm_with(&vm, mem, SIZE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 1);
	madvise(mem, SIZE, MADV_DONTNEED);
	sum = vm_do(&vm, 0, VM_READ, RAM, RAM + SIZE, PAGE, 0);
	ok(pinned ? sum : !sum, pinned ? "pinned memory that the VMM discards stays the guest's"
				       : "memory that the VMM discards is gone for the guest");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 2);
	if (!pinned)
		ok(holds(mem, SIZE, PAGE, RAM, 2), "both see the memory that took its place");
	vm_slot(&vm, 0, 0, 0, 0, NULL);
	vm_slot(&vm, 0, 0, RAM, SIZE, mem);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 3);
	ok(holds(mem, SIZE, PAGE, RAM, 3), "a new slot is the VMM's memory of now");

	madvise(mem, SIZE, MADV_FREE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 4);
	madvise(mem, SIZE, MADV_PAGEOUT); /* what the guest has not written would go here */
	ok(holds(mem, SIZE, PAGE, RAM, 4), "what the guest writes after MADV_FREE stays");
	vm_destroy(&vm);
	munmap(mem, SIZE);
}

static void moved(void)
{
	char *mem = mem_map(SIZE, 2 * MB), *to = mem_map(SIZE, 2 * MB), *back;
	struct vm vm;
	int ret;

	vm_with(&vm, mem, SIZE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 1);
	if (mremap(mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		die("mremap");
	ok(holds(to, SIZE, PAGE, RAM, 1), "mremap() takes along what the guest wrote");
	ret = try(&vm, VM_WRITE, RAM, RAM + SIZE, 2);
	if (pinned)
		ok(!ret && holds(to, SIZE, PAGE, RAM, 2),
		   "pinned memory stays the guest's where it is");
	else
		ok(ret == -EFAULT && holds(to, SIZE, PAGE, RAM, 1),
		   "what is no longer at the slot's address is -EFAULT");
	back = mremap(to, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, mem);
	if (back != mem)
		die("mremap");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 3);
	ok(holds(mem, SIZE, PAGE, RAM, 3), "moved back it is the guest's as before");
	vm_destroy(&vm);
	munmap(mem, SIZE);
}

static bool merged(void)
{
	int i, now, scans = -1;
	FILE *f;

	/* Whole scans: a page has to be seen unchanged twice. */
	for (i = 0; i < 1500; i++) {
		f = fopen("/sys/kernel/mm/ksm/full_scans", "r");
		if (!f || fscanf(f, "%d", &now) != 1)
			die("full_scans");
		fclose(f);
		if (scans < 0)
			scans = now;
		if (now >= scans + 4)
			return true;
		usleep(100000);
	}
	return false;
}

static void same_page_merging(void)
{
	char *mem = mem_map(SIZE, 2 * MB);
	size_t half = SIZE / 2;
	uint64_t sum, i;
	struct vm vm;

	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	if (madvise(mem, SIZE, MADV_MERGEABLE) ||
	    !write_text("/sys/kernel/mm/ksm/pages_to_scan", "20000") ||
	    !write_text("/sys/kernel/mm/ksm/sleep_millisecs", "1")) {
		skip("pages of a guest are merged", "no KSM in this kernel");
		munmap(mem, SIZE);
		return;
	}
	vm_with(&vm, mem, SIZE);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + SIZE, PAGE, 1);
	/* Two halves that are equal. */
	for (i = 0; i < half; i += PAGE)
		*(uint64_t *)(mem + i) = *(uint64_t *)(mem + half + i) = i / PAGE + 1000;
	sum = vm_do(&vm, 0, VM_READ, RAM, RAM + SIZE, PAGE, 0);
	write_text("/sys/kernel/mm/ksm/run", "1");
	if (!merged()) {
		skip("pages of a guest are merged", "KSM does not come round");
	} else {
		ok(vm_do(&vm, 0, VM_READ, RAM, RAM + SIZE, PAGE, 0) == sum,
		   "a guest whose pages KSM has scanned reads what it had");
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + half, PAGE, 5);
		ok(holds(mem, half, PAGE, RAM, 5), "a write to a merged page is the guest's");
		for (i = 0; i < half && *(uint64_t *)(mem + half + i) == i / PAGE + 1000; i += PAGE)
			;
		ok(i == half, "and leaves the page that was merged with it alone");
	}
	write_text("/sys/kernel/mm/ksm/run", "2"); /* take all of them apart */
	write_text("/sys/kernel/mm/ksm/run", "0");
	vm_destroy(&vm);
	munmap(mem, SIZE);
}

/* The kernel is told to swap it; backing.sh made the space. */
static void swapped(void)
{
	const size_t size = 48 * MB;
	char *mem = mem_map(size, 2 * MB);
	struct vm vm;
	long before;
	int round;
	bool good = true;

	if (proc_value("/proc/meminfo", "SwapTotal") <= 0) {
		skip("memory of a guest is swapped", "no swap space");
		munmap(mem, size);
		return;
	}
	madvise(mem, size, MADV_NOHUGEPAGE);
	vm_with(&vm, mem, size);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 1);
	before = proc_value("/proc/self/status", "VmSwap");
	/* The first time finds the pages used by the guest, and spares them. */
	for (round = 0; round < 3; round++)
		madvise(mem, size, MADV_PAGEOUT);
	before = proc_value("/proc/self/status", "VmSwap") - before;
	note("%ld KiB swapped out", before);
	if (pinned)
		ok(before < (long)(size / 1024 / 8), "pinned memory is not swapped");
	else
		ok(before > (long)(size / 1024 / 2), "memory of a guest that follows is swapped");
	for (round = 2; round < 5; round++) {
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + size / 2, PAGE, round);
		good &= vm_do(&vm, 0, VM_READ, RAM + size / 2, RAM + size, 64 * PAGE, 0) != 0;
		madvise(mem, size, MADV_PAGEOUT);
	}
	ok(good && holds(mem, size / 2, PAGE, RAM, 4) &&
		   holds(mem + size / 2, size / 2, PAGE, RAM + size / 2, 1),
	   "no write is lost to swapping");
	vm_destroy(&vm);
	munmap(mem, size);
}

#define GROUP "/sys/fs/cgroup/zvm-backing"

/* More memory than the VMM may have: the kernel swaps while the guest runs. */
static void too_large_for_memory(void)
{
	const size_t size = 64 * MB;
	int status;
	pid_t pid;

	if (pinned || proc_value("/proc/meminfo", "SwapTotal") <= 0) {
		skip("a guest larger than its VMM's memory",
		     pinned ? "pinned memory cannot be" : "no swap space");
		return;
	}
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if ((mkdir(GROUP, 0755) && errno != EEXIST) ||
	    !write_text(GROUP "/memory.max", "33554432")) {
		skip("a guest larger than its VMM's memory", "no memory control groups");
		return;
	}
	pid = fork();
	if (!pid) {
		char *mem = mem_map(size, 2 * MB);
		struct vm vm;
		int round, bad = 0;

		madvise(mem, size, MADV_NOHUGEPAGE);
		if (!write_text(GROUP "/cgroup.procs", "0"))
			_exit(4);
		vm_with(&vm, mem, size);
		for (round = 0; round < 3; round++)
			vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, round);
		if (proc_value("/proc/self/status", "VmSwap") < (long)(size / 1024 / 4))
			bad |= 1;
		if (!holds(mem, size, PAGE, RAM, 2))
			bad |= 2;
		vm_destroy(&vm);
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	note("child's status %x", status);
	ok(WIFEXITED(status) && !(WEXITSTATUS(status) & ~1),
	   "a guest larger than its VMM's memory runs, and keeps all it wrote");
	ok(WIFEXITED(status) && !(WEXITSTATUS(status) & ~2), "a part of it was swapped out");
	rmdir(GROUP);
}

int main(int argc, char **argv)
{
	struct statfs fs;
	int fd;

	mem_init(argc, argv);
	file(memfd_create("guest", 0), "a memfd", true);
	file(open("/dev/shm", O_TMPFILE | O_RDWR, 0600), "a file on tmpfs", true);
	fd = open("/tmp/ext4", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == EXT4_SUPER_MAGIC)
		file(fd, "a file on ext4", !pinned);
	else
		skip("a file on ext4", "none is mounted");
	hole();
	hugetlb_runs_out();
	userfault();
	userfault_killed();
	discarded();
	moved();
	same_page_merging();
	swapped();
	too_large_for_memory();
	return done();
}
