// SPDX-License-Identifier: GPL-2.0
/*
 * migrate - send every thread of a process to another CPU, over and over.
 *
 *   migrate PID MICROSECONDS
 *
 * Every so often each thread of PID is bound to the next of the CPUs that are online, so it has to
 * leave the one it runs on. Ends with the process, and says how many moves that were. Exit status 0
 * unless it could not begin.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int next_cpu(int cpu, const cpu_set_t *all)
{
	do
		cpu = (cpu + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(cpu, all));
	return cpu;
}

/* Moves each thread once; how many there were. */
static long move_all(const char *dir, const cpu_set_t *all, int *cpu)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	long moved = 0;

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		pid_t tid = atoi(e->d_name);
		cpu_set_t one;

		if (tid <= 0)
			continue;
		*cpu = next_cpu(*cpu, all);
		CPU_ZERO(&one);
		CPU_SET(*cpu, &one);
		moved += !sched_setaffinity(tid, sizeof(one), &one);
	}
	closedir(d);
	/* Threads in the order of the directory would keep their CPU where the numbers fit. */
	*cpu = next_cpu(*cpu, all);
	return moved;
}

int main(int argc, char **argv)
{
	long moves = 0, rounds = 0, n;
	unsigned int pause;
	char dir[64];
	cpu_set_t all;
	int cpu = 0;

	if (argc != 3 || atoi(argv[1]) <= 0) {
		fprintf(stderr, "usage: migrate PID MICROSECONDS\n");
		return 2;
	}
	snprintf(dir, sizeof(dir), "/proc/%d/task", atoi(argv[1]));
	pause = (unsigned int)atoi(argv[2]);
	if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < 2) {
		fprintf(stderr, "migrate: there is only one CPU\n");
		return 1;
	}
	while ((n = move_all(dir, &all, &cpu))) {
		moves += n;
		rounds++;
		usleep(pause);
	}
	printf("%ld moves in %ld rounds\n", moves, rounds);
	return 0;
}
