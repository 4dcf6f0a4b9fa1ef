// SPDX-License-Identifier: GPL-2.0
/*
 * nmi - interrupts of the PMU on every CPU, each CYCLES cycles, until it is killed.
 *
 * For nmi.sh: on a host that masks interrupts by priority these are its NMIs. Exit status 77 if
 * there is no PMU to count with.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
		.pinned = 1,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;

	if (argc != 2)
		return 2;
	attr.sample_period = strtoull(argv[1], NULL, 0);
	for (cpu = 0; cpu < cpus; cpu++) {
		if (syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, 0) < 0) {
			perror("nmi: perf_event_open");
			return 77;
		}
	}
	puts("counting");
	fflush(stdout);
	for (;;)
		pause();
}
