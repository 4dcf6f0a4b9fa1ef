// SPDX-License-Identifier: GPL-2.0
/*
 * migrate - send every thread of a process to another CPU, over and over.
 *
 *   migrate PID MICROSECONDS
 *
 * Every so often each thread of PID is bound to the next of the CPUs that are online, so it has to
 * leave the one it runs on; neighbours are never on the same one. A move is a thread found on
 * another CPU than the last time: one that slept meanwhile has not moved. Ends with the process, and
 * says how many moves that were in how many rounds. Exit status 0 unless it could not begin.
 */
#include <sched.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 64

static int online[CPU_SETSIZE];
static unsigned int nr_online;

/* By thread, in the order in which they were first seen. */
static struct {
	pid_t tid;
	int cpu;
} thread[MAX_THREADS];
static unsigned int nr_threads;

/* The CPU that a thread last ran on: the 39th field of its stat, the 37th after its name. */
static int last_cpu(const char *dir, pid_t tid)
{
	char path[96], text[1024], *p;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "%s/%d/stat", dir, tid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	p = fgets(text, sizeof(text), f);
	fclose(f);
	if (!p || !(p = strrchr(text, ')')))
		return -1;
	for (i = 0; p && i < 37; i++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p) : -1;
}

static unsigned int find(pid_t tid)
{
	unsigned int i;

	for (i = 0; i < nr_threads && thread[i].tid != tid; i++)
		;
	if (i == nr_threads && i < MAX_THREADS) {
		thread[nr_threads].tid = tid;
		thread[nr_threads++].cpu = -1;
	}
	return i;
}

/* Binds each thread to its CPU of this round, counting in *moves; false once the process has ended. */
static bool move_all(const char *dir, long round, long *moves)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool any = false;

	if (!d)
		return false;
	while ((e = readdir(d))) {
		pid_t tid = atoi(e->d_name);
		cpu_set_t one;
		unsigned int i;
		int cpu;

		if (tid <= 0 || (i = find(tid)) == MAX_THREADS)
			continue;
		cpu = last_cpu(dir, tid);
		*moves += thread[i].cpu >= 0 && cpu >= 0 && cpu != thread[i].cpu;
		thread[i].cpu = cpu;
		CPU_ZERO(&one);
		CPU_SET(online[(round + i) % nr_online], &one);
		any |= !sched_setaffinity(tid, sizeof(one), &one);
	}
	closedir(d);
	return any;
}

int main(int argc, char **argv)
{
	long moves = 0, rounds = 0;
	char dir[64];
	cpu_set_t all;
	int cpu;

	if (argc != 3 || atoi(argv[1]) <= 0) {
		fprintf(stderr, "usage: migrate PID MICROSECONDS\n");
		return 2;
	}
	snprintf(dir, sizeof(dir), "/proc/%d/task", atoi(argv[1]));
	if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < 2) {
		fprintf(stderr, "migrate: there is only one CPU\n");
		return 1;
	}
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all))
			online[nr_online++] = cpu;
	}
	for (; move_all(dir, rounds, &moves); rounds++)
		usleep((unsigned int)atoi(argv[2]));
	printf("%ld moves in %ld rounds\n", moves, rounds);
	return 0;
}
