// SPDX-License-Identifier: GPL-2.0
/*
 * zvm top: what the VMs that run cost and do, again and again. One thread.
 *
 * Rates are differences of the counters of zvm stats and of the processor time in /proc between two
 * looks. A VM that is new, or whose process changed, has none at its first look.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/zvm/client.h"

#define MAX_VMS 64

/* Counters of one VM at one look; they only grow. */
struct sample {
	char name[65], state[65];
	long long pid, vcpus;
	double at;  /* seconds, monotonic */
	double cpu; /* seconds of processor time */
	long long exits, mmio, requests, bytes;
};

struct look {
	struct sample vm[MAX_VMS];
	size_t nr;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* User and system time of a process, from /proc/PID/stat: fields 14 and 15, after the name in ().
 */
static double cpu_time(long long pid)
{
	char path[64], line[1024], *end;
	unsigned long long user = 0, sys = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%lld/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (end = strrchr(line, ')')))
		sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		       &sys);
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static long long sum(const json_t *stats, const char *array, const char *key)
{
	const json_t *list = json_object_get(stats, array);
	long long total = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) total += zvm_client_number(item, key);
	return total;
}

static int take(const char *vm, const json_t *status, void *opaque)
{
	struct zvm_err ignored = { "" };
	struct look *look = opaque;
	struct sample *s = &look->vm[look->nr];
	json_t *stats;

	if (look->nr == MAX_VMS || zvm_client_ask(vm, "stats", &stats, &ignored))
		return 0;
	zvm_client_text(status, "name", s->name);
	zvm_client_text(status, "state", s->state);
	s->pid = zvm_client_number(status, "pid");
	s->vcpus = zvm_client_number(status, "vcpus");
	s->at = now();
	s->cpu = cpu_time(s->pid);
	s->exits = sum(stats, "vcpus", "exits");
	s->mmio = sum(stats, "vcpus", "mmio");
	s->requests = sum(stats, "virtio", "requests");
	s->bytes = sum(stats, "virtio", "bytes_in") + sum(stats, "virtio", "bytes_out");
	json_decref(stats);
	look->nr++;
	return 0;
}

static const struct sample *find(const struct look *look, const struct sample *like)
{
	size_t i;

	for (i = 0; i < look->nr; i++)
		if (look->vm[i].pid == like->pid && !strcmp(look->vm[i].name, like->name))
			return &look->vm[i];
	return NULL;
}

static void print_look(const struct look *look, const struct look *before)
{
	size_t i;

	printf("%-20s %-8s %7s %5s %6s %10s %10s %10s %10s\n", "NAME", "STATE", "PID", "VCPUS",
	       "CPU%", "EXITS/s", "MMIO/s", "IO/s", "KiB/s");
	for (i = 0; i < look->nr; i++) {
		const struct sample *s = &look->vm[i], *b = find(before, s);
		double t = b ? s->at - b->at : 0;

		printf("%-20s %-8s %7lld %5lld", s->name, s->state, s->pid, s->vcpus);
		if (t > 0)
			printf(" %6.1f %10.0f %10.0f %10.0f %10.0f\n", (s->cpu - b->cpu) / t * 100,
			       (double)(s->exits - b->exits) / t, (double)(s->mmio - b->mmio) / t,
			       (double)(s->requests - b->requests) / t,
			       (double)(s->bytes - b->bytes) / t / 1024);
		else
			printf(" %6s %10s %10s %10s %10s\n", "-", "-", "-", "-", "-");
	}
}

/* A number above zero that is all of @arg. */
static bool number(const char *arg, double *val)
{
	char *end;

	*val = arg ? strtod(arg, &end) : 0;
	return arg && end != arg && !*end && *val > 0 && *val < 1e6;
}

int zvm_top_main(int argc, char **argv, struct zvm_err *err)
{
	static struct look look[2];
	double delay = 2, rounds = 0, round;
	bool batch = !isatty(1), good = true;
	int i;

	for (i = 1; i < argc && good; i++) {
		if (!strcmp(argv[i], "-b"))
			batch = true;
		else if (!strcmp(argv[i], "-d"))
			good = number(argv[++i], &delay);
		else if (!strcmp(argv[i], "-n"))
			good = number(argv[++i], &rounds);
		else
			good = false;
	}
	if (!good) {
		zvm_err_set(err, 0,
			    "top: there are -d SECONDS, -n ROUNDS and -b, not to clear the screen");
		return ZVM_EXIT_USER;
	}
	for (round = 0;; round++) {
		struct look *this = &look[(int)round & 1], *last = &look[~(int)round & 1];

		this->nr = 0;
		if (zvm_client_each(take, this, err))
			return ZVM_EXIT_HOST;
		if (!batch)
			fputs("\033[H\033[J", stdout);
		print_look(this, last);
		if (fflush(stdout))
			return ZVM_EXIT_HOST;
		if (rounds > 0 && round + 1 >= rounds)
			return ZVM_EXIT_OK;
		usleep((useconds_t)(delay * 1e6));
	}
}
