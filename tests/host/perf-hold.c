// SPDX-License-Identifier: GPL-2.0
/*
 * perf-hold - one perf event of its own, which counts nothing, until it is killed.
 *
 * As long as there is one, the kernel does not switch perf's hooks in the scheduler off and on again
 * with every guest that has a PMU. It does that by patching code, and QEMU 7.2 may go on with a
 * translation of what was there before: perf then warns (Documentation/CAVEATS.md).
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.disabled = 1,
	};

	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) < 0) {
		perror("perf-hold: perf_event_open");
		return 77;
	}
	pause();
	return 1;
}
