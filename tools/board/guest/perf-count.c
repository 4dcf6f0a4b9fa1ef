// SPDX-License-Identifier: GPL-2.0
/*
 * perf-count: what `perf stat` and `perf record` do to the CPU's counters, in one small program for
 * the guest's root file system: counts around a loop of known length, apart for user and kernel,
 * and samples of the loop by the overflow interrupt.
 *
 * Prints a line per event; status 0 if cycles are counted, in user and in kernel mode, samples
 * come, and instructions, where the CPU counts them, are as many as there were.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS	 2000000UL /* two instructions each */
#define SYSCALLS 2000

static bool bad;

static int open_event(struct perf_event_attr *attr)
{
	attr->type = PERF_TYPE_HARDWARE;
	attr->size = sizeof(*attr);
	attr->disabled = 1;
	attr->exclude_hv = 1;
	return (int)syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static void work(void)
{
	unsigned long n = ROUNDS;
	int i;

	__asm__ volatile("1:	subs %0, %0, #1\n\tb.ne 1b" : "+r"(n)::"cc");
	for (i = 0; i < SYSCALLS; i++)
		syscall(SYS_getppid);
}

/* -1: this CPU has no such event. */
static int64_t count(uint64_t config, bool user, bool kernel)
{
	struct perf_event_attr attr = {
		.config = config,
		.exclude_user = !user,
		.exclude_kernel = !kernel,
	};
	int64_t val = -1;
	int fd = open_event(&attr);

	if (fd < 0)
		return -1;
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	work();
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(fd, &val, sizeof(val)) != sizeof(val))
		val = 0;
	close(fd);
	return val;
}

static void expect(bool ok, const char *what)
{
	if (!ok) {
		printf("perf-count: wrong: %s\n", what);
		bad = true;
	}
}

static void samples(void)
{
	struct perf_event_attr attr = {
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = 200000,
		.sample_type = PERF_SAMPLE_IP,
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *m;
	unsigned long n;
	int fd = open_event(&attr);

	m = fd < 0 ? MAP_FAILED : mmap(NULL, 9 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED) {
		printf("perf-count: no samples: %s\n", strerror(errno));
		bad = true;
		return;
	}
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	work();
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	/* each is a header and the instruction's address */
	n = m->data_head / (sizeof(struct perf_event_header) + sizeof(uint64_t));
	printf("perf-count: %lu samples\n", n);
	expect(n > 0, "no sample came");
	close(fd);
}

int main(void)
{
	int64_t user = count(PERF_COUNT_HW_CPU_CYCLES, true, false);
	int64_t kernel = count(PERF_COUNT_HW_CPU_CYCLES, false, true);
	int64_t both = count(PERF_COUNT_HW_CPU_CYCLES, true, true);
	int64_t insns = count(PERF_COUNT_HW_INSTRUCTIONS, true, false);

	printf("perf-count: cycles user %lld kernel %lld both %lld\n", (long long)user,
	       (long long)kernel, (long long)both);
	expect(user > 0 && kernel > 0 && both > 0, "cycles are not counted");
	printf("perf-count: instructions user %lld of %lu\n", (long long)insns, 2 * ROUNDS);
	if (insns >= 0)
		expect(insns >= (int64_t)(2 * ROUNDS) && insns < (int64_t)(2 * ROUNDS + 200000),
		       "instructions are not counted");
	samples();
	return bad;
}
