// SPDX-License-Identifier: GPL-2.0
/*
 * launch N COMMAND...: from execve() to the first instruction of the guest, for tests/bench/run.
 *
 * COMMAND runs a VM with tests/bench/start.c in it, whose console is COMMAND's standard output. The
 * guest prints the physical counter as it found it; here the same counter is read, which user
 * space has under the name of the virtual one, right before execve(). Prints the median of N in ns,
 * which with -icount is instructions, as a line of tests/bench/exits.c. Single thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

#define MAX_RUNS 31

static uint64_t now_ns(void)
{
	uint64_t count, hz;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(count) : : "memory");
	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return count * (1000000000 / hz);
}

static uint64_t launch(char **argv, uint64_t *begin)
{
	unsigned long long first = 0;
	char line[256];
	int fd[2], status;
	pid_t pid;
	FILE *f;

	if (pipe(fd) < 0 || (pid = fork()) < 0)
		die("launch: %m");
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		*begin = now_ns();
		execvp(argv[0], argv);
		die("launch: %s: %m", argv[0]);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	if (!f)
		die("launch: %m");
	while (fgets(line, sizeof(line), f))
		sscanf(line, "first\t%llu", &first);
	fclose(f);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) ||
	    first <= *begin)
		die("launch: no guest ran (status 0x%x, first instruction at %llu)", status, first);
	return first - *begin;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	uint64_t took[MAX_RUNS];
	int i, n = argc > 2 ? atoi(argv[1]) : 0;
	uint64_t *begin = mmap(NULL, sizeof(*begin), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (n < 1 || n > MAX_RUNS || begin == MAP_FAILED)
		die("usage: launch N COMMAND...");
	for (i = 0; i < n; i++)
		took[i] = launch(argv + 2, begin);
	qsort(took, (size_t)n, sizeof(took[0]), compare);
	printf("bench\tvmm_start\t%llu\n", (unsigned long long)took[n / 2]);
	return 0;
}
