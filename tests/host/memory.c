// SPDX-License-Identifier: GPL-2.0
/*
 * memory - slots, stage-2 faults and the dirty log, seen from a client. What guest memory costs the
 * host, and what ends it: memlife.c.
 *
 *   memory [--device DEV]
 *
 * Runs on the board as root. On another device than /dev/zvm the tests of pinning are skipped; the
 * rest holds for KVM as well. Needs ~600 MB. TAP; exit status 0 if all passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/zvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

static void demand_faults(void)
{
	size_t size = 256 * MB;
	char *mem = mem_map(size, 2 * MB);
	uint64_t sum = 0, i;
	struct vm vm;

	madvise(mem, size, MADV_NOHUGEPAGE);
	vm_create(&vm, 1);
	ok(!vm_slot(&vm, 0, 0, RAM, size, mem), "a slot of 256 MiB is made");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 7);
	ok(holds(mem, size, PAGE, RAM, 7), "every page that the guest wrote is seen by the VMM");
	if (pinned) {
		ok(vm_stat(&vm, "pinned_bytes") >= (int64_t)size, "all of it is accounted as pinned");
		ok(proc_value("/proc/self/status", "VmLck") * 1024 >= (long)size,
		   "it is charged to the VMM's locked memory");
	}
	if (zvm) {
		ok(vm_stat(&vm, "pages_4k") + 512 * vm_stat(&vm, "pages_2m") >=
			   (int64_t)(size / PAGE),
		   "all of it is mapped");
	}
	for (i = 0; i < size; i += 8 * PAGE) {
		*(uint64_t *)(mem + i) = i * 3;
		sum += i * 3;
	}
	ok(vm_do(&vm, 0, VM_READ, RAM, RAM + size, 8 * PAGE, 0) == sum,
	   "what the VMM writes is seen by the guest");
	vm_destroy(&vm);
	ok(proc_value("/proc/self/status", "VmLck") == 0, "nothing stays charged");
	munmap(mem, size);
}

static void shared_and_readonly_mappings(void)
{
	int fd = memfd_create("guest", 0);
	char *mem, *ro, *hole;
	uint64_t sum;
	struct vm vm;

	if (fd < 0 || ftruncate(fd, 4 * MB))
		die("memfd");
	mem = mmap(NULL, 4 * MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ro = mmap(NULL, 4 * MB, PROT_READ, MAP_SHARED, fd, 0);
	hole = mmap(NULL, 2 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, 4 * MB, mem);
	vm_slot(&vm, 1, KVM_MEM_READONLY, RAM + 8 * MB, 4 * MB, ro);
	vm_slot(&vm, 2, 0, RAM + 16 * MB, 4 * MB, ro);
	vm_slot(&vm, 3, 0, RAM + 32 * MB, 2 * MB, hole);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + 4 * MB, PAGE, 1);
	ok(holds(ro, 4 * MB, PAGE, RAM, 1), "shared memory is written through");
	sum = vm_do(&vm, 0, VM_READ, RAM, RAM + 4 * MB, PAGE, 0);
	ok(vm_do(&vm, 0, VM_READ, RAM + 8 * MB, RAM + 12 * MB, PAGE, 0) == sum,
	   "a read-only slot over a read-only mapping reads the same memory");
	vm_load(&vm, 0, VM_WRITE, RAM + 8 * MB, RAM + 12 * MB, PAGE, 0);
	ok(vm_run(&vm, 0, &sum) == 1 && vm.run[0]->mmio.is_write &&
		   vm.run[0]->mmio.phys_addr == RAM + 8 * MB,
	   "a write to a read-only slot is MMIO");
	vm_do(&vm, 0, VM_READ, RAM + 16 * MB, RAM + 20 * MB, PAGE, 0);
	vm_load(&vm, 0, VM_WRITE, RAM + 16 * MB, RAM + 20 * MB, PAGE, 0);
	ok(vm_run(&vm, 0, &sum) == -EFAULT, "a write to a read-only mapping in a slot is -EFAULT");
	vm_load(&vm, 0, VM_READ, RAM + 32 * MB, RAM + 34 * MB, PAGE, 0);
	ok(vm_run(&vm, 0, &sum) == -EFAULT, "an access to PROT_NONE in a slot is -EFAULT");
	vm_destroy(&vm);
	munmap(mem, 4 * MB);
	munmap(ro, 4 * MB);
	munmap(hole, 2 * MB);
	close(fd);
}

static void slot_rules(void)
{
	char *mem = mem_map(16 * MB, 2 * MB);
	struct vm vm;
	int nr = ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);

	vm_create(&vm, 1);
	ok(vm_slot(&vm, 0, 0, RAM, 4 * MB, mem) == 0, "a slot is made");
	ok(vm_slot(&vm, 0, 0, RAM, 4 * MB, mem) == 0, "the same again is no error");
	ok(vm_slot(&vm, 1, 0, RAM + 4 * MB - PAGE, 4 * MB, mem) == -EEXIST, "overlap: -EEXIST");
	ok(vm_slot(&vm, 1, 0, RAM + 4 * MB, 4 * MB, mem) == 0, "adjacent slots are fine");
	ok(vm_slot(&vm, 2, 0, RAM + 1 + 16 * MB, PAGE, mem) == -EINVAL, "unaligned IPA: -EINVAL");
	ok(vm_slot(&vm, 2, 0, RAM + 16 * MB, PAGE + 1, mem) == -EINVAL, "unaligned size: -EINVAL");
	ok(vm_slot(&vm, 2, 0, RAM + 16 * MB, PAGE, mem + 1) == -EINVAL, "unaligned HVA: -EINVAL");
	ok(vm_slot(&vm, 2, 1 << 5, RAM + 16 * MB, PAGE, mem) == -EINVAL, "unknown flag: -EINVAL");
	ok(vm_slot(&vm, nr, 0, RAM + 16 * MB, PAGE, mem) == -EINVAL, "slot number: -EINVAL");
	ok(vm_slot(&vm, 2, 0, -PAGE, 2 * PAGE, mem) == -EINVAL, "IPA that wraps: -EINVAL");
	ok(vm_slot(&vm, 2, 0, RAM + 16 * MB, PAGE, (void *)(-1UL << 48)) == -EINVAL,
	   "kernel address: -EINVAL");
	ok(vm_slot(&vm, 2, 0, (1UL << 40) - PAGE, PAGE, mem) == 0, "the last page of 40 bits");
	ok(vm_slot(&vm, 3, 0, 1UL << 40, PAGE, mem) == -EFAULT, "beyond the IPA size: -EFAULT");
	ok(vm_slot(&vm, 0, 0, RAM, 2 * MB, mem) == -EINVAL, "another size: -EINVAL");
	ok(vm_slot(&vm, 0, 0, RAM, 4 * MB, mem + MB) == -EINVAL, "another HVA: -EINVAL");
	ok(vm_slot(&vm, 0, KVM_MEM_READONLY, RAM, 4 * MB, mem) == -EINVAL, "read-only later: -EINVAL");
	ok(vm_slot(&vm, 7, 0, RAM, 0, mem) == -EINVAL, "deleting what is not there: -EINVAL");
	vm_do(&vm, 0, VM_WRITE, (1UL << 40) - PAGE, 1UL << 40, 8, 0);
	ok(holds(mem, PAGE, 8, (1UL << 40) - PAGE, 0), "the last page of 40 bits is usable");
	vm_do(&vm, 0, VM_WRITE, RAM + 4 * MB - PAGE, RAM + 4 * MB + PAGE, 8, 5);
	ok(holds(mem + 4 * MB - PAGE, PAGE, 8, RAM + 4 * MB - PAGE, 5) &&
		   holds(mem, PAGE, 8, RAM + 4 * MB, 5),
	   "a walk over the seam of two slots hits both");
	ok(vm_slot(&vm, 0, 0, RAM + 32 * MB, 4 * MB, mem) == 0, "a slot moves");
	vm_do(&vm, 0, VM_WRITE, RAM + 32 * MB, RAM + 36 * MB, PAGE, 9);
	ok(holds(mem, 4 * MB, PAGE, RAM + 32 * MB, 9), "the memory is at the new place");
	{
		uint64_t result;

		vm_load(&vm, 0, VM_READ, RAM, RAM + PAGE, PAGE, 0);
		ok(vm_run(&vm, 0, &result) == 1, "and no longer at the old one");
	}
	vm_destroy(&vm);
	munmap(mem, 16 * MB);
}

static void blocks(void)
{
	char *mem = mem_map(64 * MB, 2 * MB);
	struct vm vm;
	size_t i;

	madvise(mem, 64 * MB, MADV_HUGEPAGE);
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, 32 * MB, mem);
	vm_slot(&vm, 1, 0, RAM + 64 * MB + PAGE, 32 * MB - PAGE, mem + 32 * MB);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + 32 * MB, PAGE, 3);
	ok(holds(mem, 32 * MB, PAGE, RAM, 3), "memory behind transparent huge pages");
	if (zvm) {
		note("%lld blocks of 2 MiB", (long long)vm_stat(&vm, "pages_2m"));
		if (vm_stat(&vm, "pages_2m") > 0)
			ok(true, "transparent huge pages are mapped as blocks");
		else
			skip("transparent huge pages are mapped as blocks", "the host gave none");
	}
	i = vm_stat(&vm, "pages_2m");
	vm_do(&vm, 0, VM_WRITE, RAM + 64 * MB + PAGE, RAM + 96 * MB, PAGE, 3);
	ok(holds(mem + 32 * MB, 32 * MB - PAGE, PAGE, RAM + 64 * MB + PAGE, 3),
	   "memory that is not congruent");
	if (zvm)
		ok(vm_stat(&vm, "pages_2m") == (int64_t)i, "it is not mapped as blocks");
	vm_destroy(&vm);
	munmap(mem, 64 * MB);

	if (!write_text("/proc/sys/vm/nr_hugepages", "16") ||
	    (mem = mmap(NULL, 32 * MB, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)) == MAP_FAILED) {
		skip("hugetlb memory is mapped as blocks", "no 2 MiB pages to be had");
		return;
	}
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, 32 * MB, mem);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + 32 * MB, PAGE, 4);
	ok(holds(mem, 32 * MB, PAGE, RAM, 4), "memory behind hugetlb pages");
	if (zvm)
		ok(vm_stat(&vm, "pages_2m") == 16, "hugetlb memory is mapped as blocks");
	/* 0x91000... "add x5, x5, #1; ret" */
	for (i = 0; i < 32 * MB; i += PAGE)
		*(uint64_t *)(mem + i) = 0xd65f03c0910004a5UL;
	__builtin___clear_cache(mem, mem + 32 * MB);
	ok(vm_do(&vm, 0, VM_EXEC, RAM, RAM + 32 * MB, PAGE, 0) == 32 * MB / PAGE,
	   "code that the VMM put into mapped memory runs");
	if (zvm)
		ok(vm_stat(&vm, "pages_2m") == 16, "execution leaves the blocks whole");
	vm_destroy(&vm);
	munmap(mem, 32 * MB);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

/* A huge page in whose middle the VMM has put another page: it is not the guest's as a whole. */
static void patched_blocks(void)
{
	char *mem = mem_map(8 * MB, 2 * MB), *hole = mem + MB;
	int64_t locked;
	struct vm vm;

	madvise(mem, 8 * MB, MADV_HUGEPAGE);
	memset(mem, 1, 8 * MB);
	if (mmap(hole, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != hole)
		die("mmap: %m");
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, 8 * MB, mem);
	vm_do(&vm, 0, VM_READ, RAM, RAM + PAGE, PAGE, 0);
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + 8 * MB, PAGE, 6);
	ok(holds(mem, 8 * MB, PAGE, RAM, 6), "memory behind a huge page with another in its middle");
	if (zvm)
		ok(vm_stat(&vm, "pages_2m") <= 3, "it is not mapped as a block");
	locked = vm_stat(&vm, "pinned_bytes"); /* some pages of the guest's code, too */
	if (pinned)
		ok(locked >= (int64_t)(8 * MB) && locked <= (int64_t)(8 * MB + 16 * PAGE),
		   "pins of blocks and of pages add up");
	vm_destroy(&vm);
	munmap(mem, 8 * MB);
}

static void code(void)
{
	size_t size = 8 * MB, i;
	char *mem = mem_map(size, 2 * MB);
	struct vm vm;

	for (i = 0; i < size; i += PAGE)
		*(uint64_t *)(mem + i) = 0xd65f03c0910004a5UL;
	__builtin___clear_cache(mem, mem + size);
	vm_create(&vm, 1);
	vm_slot(&vm, 0, KVM_MEM_READONLY, RAM, size, mem);
	ok(vm_do(&vm, 0, VM_EXEC, RAM, RAM + size, PAGE, 0) == size / PAGE,
	   "code in a read-only slot runs on every page");
	vm_destroy(&vm);
	munmap(mem, size);
}

/* All vCPUs run into the same untouched pages, each writes its own word of every page. */
static void parallel_faults(void)
{
	size_t size = 64 * MB;
	char *mem = mem_map(size, 2 * MB);
	struct racer racer[4];
	pthread_t thread[4];
	struct vm vm;
	bool good = true;
	long before = pinned_now();
	int i;

	vm_create(&vm, 4);
	vm_slot(&vm, 0, 0, RAM, size, mem);
	for (i = 0; i < 4; i++) {
		racer[i] = (struct racer){ &vm, i, RAM + 8 * i, RAM + size, PAGE, i, 0, -1 };
		pthread_create(&thread[i], NULL, race, &racer[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		good &= !racer[i].ret && holds(mem + 8 * i, size - 8 * i, PAGE, RAM + 8 * i, i);
	}
	ok(good, "four vCPUs fault on the same pages at once");
	if (pinned)
		ok(pinned_now() - before <= (long)(size / PAGE) + 16, "no page is pinned twice");
	vm_destroy(&vm);
	munmap(mem, size);
}

static void two_vms(void)
{
	size_t size = 32 * MB;
	char *a = mem_map(size, 2 * MB), *b = mem_map(size, 2 * MB);
	struct vm va, vb;
	uint64_t at;
	bool good = true;

	vm_create(&va, 1);
	vm_create(&vb, 1);
	vm_slot(&va, 0, 0, RAM, size, a);
	vm_slot(&vb, 0, 0, RAM, size, b);
	/* Alternate on one CPU: TLB entries of one must not serve the other. */
	for (at = 0; at < size; at += 64 * PAGE) {
		vm_do(&va, 0, VM_WRITE, RAM + at, RAM + at + 64 * PAGE, PAGE, 1);
		vm_do(&vb, 0, VM_WRITE, RAM + at, RAM + at + 64 * PAGE, PAGE, 2);
	}
	good = holds(a, size, PAGE, RAM, 1) && holds(b, size, PAGE, RAM, 2);
	ok(good, "two VMs at the same addresses have their own memory");
	vm_destroy(&va);
	good = vm_do(&vb, 0, VM_READ, RAM, RAM + 8, 8, 0) == RAM + 2;
	ok(good, "the end of one VM leaves the other alone");
	vm_destroy(&vb);
	munmap(a, size);
	munmap(b, size);
}

/* More VMs than VMIDs in a generation when the module was loaded with vmid_bits=3. */
static void many_vms(void)
{
	enum { N = 20 };
	struct vm vm[N];
	char *mem[N];
	bool good = true;
	int i, round;

	for (i = 0; i < N; i++) {
		mem[i] = mem_map(MB, 4096);
		vm_create(&vm[i], 1);
		vm_slot(&vm[i], 0, 0, RAM, MB, mem[i]);
	}
	for (round = 0; round < 5; round++)
		for (i = 0; i < N; i++)
			vm_do(&vm[i], 0, VM_WRITE, RAM, RAM + MB, PAGE, 100 * round + i);
	for (i = 0; i < N; i++)
		good &= holds(mem[i], MB, PAGE, RAM, 400 + i);
	ok(good, "20 VMs in turn on the same addresses keep their memory apart");
	for (i = 0; i < N; i++) {
		vm_destroy(&vm[i]);
		munmap(mem[i], MB);
	}
}

#define HAMMERED (8 * MB)

static volatile bool stop;
static volatile uint64_t holes, passes;

static void *hammer(void *arg)
{
	struct vm *vm = arg;
	uint64_t result;
	int ret;

	while (!stop) {
		vm_load(vm, 0, VM_WRITE, RAM, RAM + HAMMERED, PAGE, 77);
		ret = vm_run(vm, 0, &result);
		if (ret < 0) {
			errno = -ret;
			die("KVM_RUN while slots change");
		}
		if (ret)
			holes++;
		else
			passes++;
	}
	return NULL;
}

/* A guest that writes all over the RAM of its one slot, until `stop`. */
static pthread_t hammer_start(struct vm *vm, char *mem)
{
	pthread_t thread;

	vm_create(vm, 1);
	vm_slot(vm, 0, 0, RAM, HAMMERED, mem);
	stop = false;
	holes = passes = 0;
	pthread_create(&thread, NULL, hammer, vm);
	return thread;
}

static void delete_under_load(void)
{
	char *mem = mem_map(HAMMERED, 2 * MB);
	pthread_t thread;
	struct vm vm;
	bool good = true;
	int i;

	thread = hammer_start(&vm, mem);
	/* Until the guest was caught running: when that is depends on the machine. */
	for (i = 0; i < 100 || (!holes && i < 5000); i++) {
		usleep(2000);
		if (vm_slot(&vm, 0, 0, 0, 0, NULL))
			die("slot deletion");
		/* From here on no write of the guest may arrive, whatever its CPU still has. */
		memset(mem, 0xa5, HAMMERED);
		usleep(500);
		good &= mem[0] == (char)0xa5 && !memcmp(mem, mem + 1, HAMMERED - 1);
		if (vm_slot(&vm, 0, 0, RAM, HAMMERED, mem))
			die("slot creation");
	}
	stop = true;
	pthread_join(thread, NULL);
	note("%llu whole passes, %llu ended in the hole", (unsigned long long)passes,
	     (unsigned long long)holes);
	ok(good, "after a slot was deleted its memory is not written any more");
	ok(holes > 0, "the guest was running meanwhile");
	vm_destroy(&vm);
	munmap(mem, HAMMERED);
}

/* The same for a slot that moves: each time the guest is seen to miss it, and to have it again. */
static void move_under_load(void)
{
	char *mem = mem_map(HAMMERED, 2 * MB);
	pthread_t thread;
	struct vm vm;
	bool good = true;
	int i;

	thread = hammer_start(&vm, mem);
	for (i = 0; i < 20; i++) {
		uint64_t h = holes, p = passes;

		if (vm_slot(&vm, 0, 0, RAM + 64 * MB, HAMMERED, mem))
			die("a slot moves away");
		memset(mem, 0x5a, HAMMERED);
		while (holes == h)
			usleep(100);
		good &= mem[0] == 0x5a && !memcmp(mem, mem + 1, HAMMERED - 1);
		if (vm_slot(&vm, 0, 0, RAM, HAMMERED, mem))
			die("a slot moves back");
		/* Sometimes after a whole turn, mostly in the middle of one. */
		while (i % 4 == 0 && passes == p)
			usleep(100);
		usleep(100 * (i % 7));
	}
	stop = true;
	pthread_join(thread, NULL);
	ok(good, "after a slot has moved nothing is written through its old place");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + HAMMERED, PAGE, 9);
	ok(holds(mem, HAMMERED, PAGE, RAM, 9), "and the guest writes through its new one");
	vm_destroy(&vm);
	munmap(mem, HAMMERED);
}

/* --- dirty log --------------------------------------------------------------------------------- */

#define LOG_PAGES 1024

static int get_log(struct vm *vm, uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };

	memset(bitmap, 0, LOG_PAGES / 8);
	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) ? -errno : 0;
}

static int clear_log(struct vm *vm, uint64_t first, uint32_t num, uint64_t *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = 0, .first_page = first, .num_pages = num, .dirty_bitmap = bitmap,
	};

	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log) ? -errno : 0;
}

static unsigned int bits(const uint64_t *bitmap)
{
	unsigned int n = 0, i;

	for (i = 0; i < LOG_PAGES / 64; i++)
		n += __builtin_popcountll(bitmap[i]);
	return n;
}

static bool only(const uint64_t *bitmap, unsigned int step)
{
	unsigned int i;

	for (i = 0; i < LOG_PAGES; i++)
		if (!!(bitmap[i / 64] >> (i % 64) & 1) != !(i % step))
			return false;
	return true;
}

static void dirty_log(bool manual)
{
	size_t size = LOG_PAGES * PAGE;
	char *mem = mem_map(size, 2 * MB);
	uint64_t bitmap[LOG_PAGES / 64], all[LOG_PAGES / 64];
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };
	struct vm vm;

	madvise(mem, size, MADV_HUGEPAGE);
	memset(all, 0xff, sizeof(all));
	vm_create(&vm, 1);
	vm_slot(&vm, 0, 0, RAM, size, mem);
	ok(get_log(&vm, bitmap) == -ENOENT, "no log of a slot without the flag");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 1);
	if (manual && ioctl(vm.fd, KVM_ENABLE_CAP, &cap))
		die("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	ok(!vm_slot(&vm, 0, KVM_MEM_LOG_DIRTY_PAGES, RAM, size, mem), "logging starts");
	ok(!get_log(&vm, bitmap) && bits(bitmap) == 0, "no page is dirty at the start");
	vm_do(&vm, 0, VM_READ, RAM, RAM + size, PAGE, 0);
	ok(!get_log(&vm, bitmap) && bits(bitmap) == 0, "reading makes no page dirty");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, 5 * PAGE, 2);
	ok(!get_log(&vm, bitmap) && only(bitmap, 5), "exactly the written pages are dirty");
	if (manual) {
		ok(!get_log(&vm, bitmap) && only(bitmap, 5), "they stay so until they are cleared");
		ok(clear_log(&vm, 1, 64, all) == -EINVAL, "first page not a multiple of 64: -EINVAL");
		ok(clear_log(&vm, 0, 100, all) == -EINVAL, "number not a multiple of 64: -EINVAL");
		ok(clear_log(&vm, LOG_PAGES, 64, all) == -EINVAL, "beyond the slot: -EINVAL");
		ok(!clear_log(&vm, 0, LOG_PAGES / 2, all) && !get_log(&vm, bitmap) &&
			   bits(bitmap) == (LOG_PAGES + 4) / 5 - (LOG_PAGES / 2 + 4) / 5,
		   "half of them are cleared");
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + PAGE, PAGE, 3);
		ok(!get_log(&vm, bitmap) && (bitmap[0] & 1), "a cleared page becomes dirty again");
	} else {
		ok(!get_log(&vm, bitmap) && bits(bitmap) == 0, "reading the log clears it");
		vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, 7 * PAGE, 2);
		ok(!get_log(&vm, bitmap) && only(bitmap, 7), "and they become dirty again");
	}
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 9);
	ok(holds(mem, size, PAGE, RAM, 9), "no write is lost to the log");
	ok(!vm_slot(&vm, 0, 0, RAM, size, mem), "logging ends");
	vm_do(&vm, 0, VM_WRITE, RAM, RAM + size, PAGE, 11);
	ok(holds(mem, size, PAGE, RAM, 11), "the guest writes on");
	vm_destroy(&vm);
	munmap(mem, size);
}

/* Two passes of the log over a running guest: every value that arrived was reported. */
static void dirty_log_under_load(void)
{
	size_t size = LOG_PAGES * PAGE;
	char *mem = mem_map(size, 2 * MB), *copy = malloc(size);
	uint64_t bitmap[LOG_PAGES / 64];
	struct racer r;
	pthread_t thread;
	struct vm vm;
	int round, i;
	bool good = true;

	vm_create(&vm, 1);
	vm_slot(&vm, 0, KVM_MEM_LOG_DIRTY_PAGES, RAM, size, mem);
	get_log(&vm, bitmap);
	memcpy(copy, mem, size);
	for (round = 1; round <= 20; round++) {
		r = (struct racer){ &vm, 0, RAM, RAM + size, PAGE, (uint64_t)round << 32, 0, -1 };
		pthread_create(&thread, NULL, race, &r);
		for (i = 0; i < 3; i++) {
			unsigned int page;

			if (i == 2)
				pthread_join(thread, NULL);
			if (get_log(&vm, bitmap))
				die("KVM_GET_DIRTY_LOG");
			for (page = 0; page < LOG_PAGES; page++)
				if (bitmap[page / 64] >> (page % 64) & 1)
					memcpy(copy + page * PAGE, mem + page * PAGE, PAGE);
		}
		good &= !r.ret && !memcmp(copy, mem, size);
	}
	ok(good, "a copy kept by the dirty log is equal to memory once the guest stops");
	vm_destroy(&vm);
	munmap(mem, size);
	free(copy);
}

int main(int argc, char **argv)
{
	mem_init(argc, argv);
	demand_faults();
	shared_and_readonly_mappings();
	slot_rules();
	blocks();
	patched_blocks();
	code();
	parallel_faults();
	two_vms();
	many_vms();
	delete_under_load();
	move_under_load();
	dirty_log(false);
	dirty_log(true);
	dirty_log_under_load();
	return done();
}
