// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz-ioctl - random sequences over every ioctl and attribute of the KVM API, from several threads.
 *
 *   fuzz-ioctl [--device DEV] [--seed N] [--seconds S] [--rounds N] [--threads N]
 *
 * A round is a process of its own: threads share a few VMs, their vCPUs and devices, and do to them
 * what a buggy or hostile VMM could, with arguments that are right often enough to get somewhere.
 * Guests run whatever is in memory. At the end of a round everything is closed, or the process just
 * dies. The program only fails when a round hangs, is killed, or when some ioctl never succeeds (then
 * it tested less than it says): while one has not, there are rounds beyond the time. What the kernel
 * does meanwhile is for the board to see.
 *
 * Each thread's sequence follows from the seed of its round, which is printed when it fails:
 * --seed N --rounds 1 repeats it (the interleaving of the threads is not repeated).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz-ioctl/fuzz.h"

#define MAX_THREADS  8
#define ROUND_OPS    1500
#define HANGS	     60 /* seconds without any operation in a round, times $GUEST_SLOW */
#define DIES	     5	/* seconds from SIGKILL to its end, the same */
#define MORE_TIME    6 /* times the time, for what has not succeeded yet */

struct machine machines[NR_VMS];
int events[NR_EVENTS];
char *arena, *scratch;
long page;

#define NR_OPS 48
static struct tally {
	uint64_t done[NR_OPS], good[NR_OPS];
} *tally; /* of all rounds, in shared memory */

#define OP(name, fn, weight) { name, fn, weight }

static const struct op {
	const char *name;
	int (*fn)(void);
	unsigned int weight;
} ops[] = {
	OP("CREATE_VM", op_create_vm, 1),
	OP("system", op_system, 2),
	OP("CHECK_EXTENSION", op_check_extension, 2),
	OP("CREATE_VCPU", op_create_vcpu, 6),
	OP("CREATE_DEVICE", op_create_device, 4),
	OP("a whole VM", op_complete, 4),
	OP("SET_USER_MEMORY_REGION", op_memory_region, 10),
	OP("GET_DIRTY_LOG", op_get_dirty_log, 4),
	OP("CLEAR_DIRTY_LOG", op_clear_dirty_log, 4),
	OP("IRQ_LINE", op_irq_line, 10),
	OP("IRQFD", op_irqfd, 6),
	OP("IOEVENTFD", op_ioeventfd, 6),
	OP("SET_GSI_ROUTING", op_routing, 3),
	OP("SIGNAL_MSI", op_signal_msi, 6),
	OP("commands of an ITS", op_its_commands, 6),
	OP("tables of an ITS", op_its_tables, 4),
	OP("ENABLE_CAP", op_enable_cap, 2),
	OP("ARM_PREFERRED_TARGET", op_preferred_target, 1),
	OP("SET_DEVICE_ATTR", op_set_attr, 16),
	OP("GET_DEVICE_ATTR", op_get_attr, 12),
	OP("HAS_DEVICE_ATTR", op_has_attr, 4),
	OP("ARM_VCPU_INIT", op_vcpu_init, 6),
	OP("RUN", op_run, 40),
	OP("writes to kvm_run", op_scribble, 10),
	OP("GET_ONE_REG", op_get_reg, 8),
	OP("SET_ONE_REG", op_set_reg, 16),
	OP("GET_REG_LIST", op_reg_list, 2),
	OP("GET_MP_STATE", op_get_mp_state, 2),
	OP("SET_MP_STATE", op_set_mp_state, 3),
	OP("GET_VCPU_EVENTS", op_get_events, 2),
	OP("SET_VCPU_EVENTS", op_set_events, 3),
	OP("SET_GUEST_DEBUG", op_guest_debug, 4),
	OP("SET_SIGNAL_MASK", op_signal_mask, 2),
	OP("GET_STATS_FD", op_stats, 2),
	OP("attributes of a vCPU", op_vcpu_attr, 6),
	OP("ioctls of any number", op_any_ioctl, 3),
	OP("eventfd", op_signal_event, 6),
	OP("memory of the VMM", op_memory, 6),
	OP("close", op_close, 2),
	OP("fork", op_fork, 1),
};
#define N_OPS (sizeof(ops) / sizeof(ops[0]))

static void *worker(void *arg)
{
	unsigned int total = 0, i, n;

	seed = (uintptr_t)arg;
	for (i = 0; i < N_OPS; i++)
		total += ops[i].weight;
	for (n = 0; n < ROUND_OPS / slowness(); n++) {
		unsigned int w = below(total);

		if (one_in(8))
			fill_memory();
		for (i = 0; w >= ops[i].weight; i++)
			w -= ops[i].weight;
		__atomic_add_fetch(&tally->done[i], 1, __ATOMIC_RELAXED);
		if (ops[i].fn() >= 0)
			__atomic_add_fetch(&tally->good[i], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * A signal every 2 ms to each thread: nobody stays in KVM_RUN or asleep there. More often than the
 * kernel can deliver them, a round would do nothing else: $GUEST_SLOW counts here too, and twice,
 * since calls and signals are both slower.
 */
static pthread_t workers[MAX_THREADS];
static unsigned int nr_workers;
static void *ticker(void *arg)
{
	long ms = 2L * slowness() * slowness();
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	unsigned int i;

	while (!arg) {
		nanosleep(&pause, NULL);
		for (i = 0; i < nr_workers; i++)
			pthread_kill(workers[i], SIGUSR1);
	}
	return NULL;
}

static void round_in_child(uint64_t round_seed, unsigned int threads)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t tick;
	unsigned int i, j;

	seed = round_seed;
	sigaction(SIGUSR1, &sa, NULL);
	page = sysconf(_SC_PAGESIZE);
	arena = mem_map(ARENA, 2UL << 20);
	scratch = mem_map(64 * 1024, 4096);
	for (i = 0; i < NR_EVENTS; i++)
		events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < NR_VMS; i++) {
		machines[i].vm = -1;
		for (j = 0; j < NR_VCPUS; j++)
			machines[i].vcpu[j] = -1;
		for (j = 0; j < NR_DEVS; j++)
			machines[i].dev[j] = -1;
	}
	for (i = 0; i < 16; i++)
		fill_memory();
	for (i = 0; i < NR_VMS; i++) {
		machines[i].vm = ioctl(vm_dev, KVM_CREATE_VM, 0);
		if (!one_in(4))
			complete(&machines[i]);
	}
	nr_workers = 0;
	for (i = 0; i < threads; i++)
		if (pthread_create(&workers[i], NULL, worker, (void *)(uintptr_t)rnd()))
			die("thread");
	nr_workers = threads;
	pthread_create(&tick, NULL, ticker, NULL);
	if (one_in(4)) { /* die in the middle of everything */
		usleep(below(300000));
		_exit(0);
	}
	for (i = 0; i < threads; i++)
		pthread_join(workers[i], NULL);
	_exit(0);
}

/* Where the threads of a round that hangs are; of those on a CPU the kernel's log tells. */
static void show_threads(pid_t pid)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 "for t in /proc/%d/task/*; do cat $t/syscall; cat $t/stack; done | sed 's/^/# /';"
		 "echo l >/proc/sysrq-trigger; sleep 1; echo l >/proc/sysrq-trigger", pid);
	fflush(stdout);
	if (system(cmd))
		note("no stacks");
}

static uint64_t operations(void)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < N_OPS; i++)
		sum += __atomic_load_n(&tally->done[i], __ATOMIC_RELAXED);
	return sum;
}

/* The first operation that has never succeeded, N_OPS if all have. */
static unsigned int never_succeeded(void)
{
	unsigned int i;

	for (i = 0; i < N_OPS && tally->good[i]; i++)
		;
	return i;
}

static bool reaped(pid_t pid, unsigned int seconds)
{
	unsigned int ms;

	for (ms = 0; ms < seconds * 1000; ms += 100) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		usleep(100000);
	}
	return false;
}

/* 0, or why it failed. */
static const char *one_round(uint64_t round_seed, unsigned int threads)
{
	time_t moved = time(NULL);
	uint64_t seen = 0, now;
	static char why[64];
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		round_in_child(round_seed, threads);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		now = operations();
		if (now != seen)
			moved = time(NULL);
		seen = now;
		if (time(NULL) > moved + HANGS * (time_t)slowness()) {
			show_threads(pid);
			kill(pid, SIGKILL);
			return reaped(pid, DIES * slowness()) ? "hung" : "cannot be killed";
		}
		usleep(5000 * slowness());
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "died by signal %d", WTERMSIG(status));
		return why;
	}
	return WEXITSTATUS(status) ? "could not begin" : NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' }, { "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' }, { "rounds", required_argument, NULL, 'r' },
		{ "threads", required_argument, NULL, 'n' }, {},
	};
	unsigned long seconds = 20, rounds = ~0UL, threads = 4, n;
	uint64_t first;
	const char *why = NULL;
	unsigned int i;
	time_t end, last;
	int c;

	if (getrandom(&first, sizeof(first), 0) != sizeof(first))
		die("getrandom");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			vm_device = optarg;
			break;
		case 's':
			first = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			threads = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	if (!threads || threads > MAX_THREADS)
		die("1 to %d threads", MAX_THREADS);
	vm_open_device(1, argv);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	note("seed 0x%llx", (unsigned long long)first);
	end = time(NULL) + (time_t)seconds;
	last = end + (time_t)seconds * MORE_TIME * slowness();
	for (n = 0; n < rounds && !why; n++) {
		if (rounds == ~0UL && time(NULL) >= end &&
		    (never_succeeded() == N_OPS || time(NULL) >= last))
			break;
		why = one_round(first + n, threads);
	}
	if (why)
		note("round of --seed 0x%llx %s", (unsigned long long)(first + n - 1), why);
	ok(!why, "no_round_hangs_or_dies");
	for (i = 0; i < N_OPS; i++)
		note("%-24s %8llu, succeeded %8llu", ops[i].name, (unsigned long long)tally->done[i],
		     (unsigned long long)tally->good[i]);
	note("%lu rounds", n);
	if (rounds == ~0UL && !why)
		ok(never_succeeded() == N_OPS, "everything_succeeds_now_and_then");
	return done();
}
