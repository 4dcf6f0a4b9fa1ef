// SPDX-License-Identifier: GPL-2.0
/*
 * vCPU threads.
 *
 * Each thread loops: obey the group's order, run the guest, deal with the exit. The main thread
 * changes the order and kicks. A kick is immediate_exit plus a signal: the flag catches a thread
 * that is about to enter KVM_RUN, the signal one that is inside. The thread clears the flag before
 * it looks at the order, the main thread writes the order before it sets the flag; both are
 * sequentially consistent, so one of them sees the other.
 *
 * group->lock is a leaf: nothing is called while it is held.
 *
 * From the guest: exit reasons and MMIO, through kvm_run. An exit that has no meaning here ends
 * this VM as a crash with the reason in words, nothing else.
 */
#include "vmm/run/vcpu.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/psci.h>

#define THREAD_STACK (256u << 10)

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define REG_PC CORE_REG(regs.pc)

static void on_kick(int sig)
{
	(void)sig;
}

int zvm_vcpu_setup_signals(void)
{
	struct sigaction sa = { .sa_handler = on_kick };
	sigset_t set;

	/* No SA_RESTART: the point is to interrupt. Blocked except on vCPU threads. */
	sigemptyset(&sa.sa_mask);
	if (sigaction(ZVM_VCPU_KICK, &sa, NULL) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, ZVM_VCPU_KICK);
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void zvm_vcpu_group_init(struct zvm_vcpu_group *group, const struct zvm_kvm *kvm,
			 const struct zvm_config *cfg, struct zvm_bus *bus)
{
	memset(group, 0, sizeof(*group));
	group->kvm = kvm;
	group->cfg = cfg;
	group->bus = bus;
	pthread_mutex_init(&group->lock, NULL);
	pthread_cond_init(&group->changed, NULL);
}

void zvm_vcpu_group_fini(struct zvm_vcpu_group *group)
{
	pthread_cond_destroy(&group->changed);
	pthread_mutex_destroy(&group->lock);
}

int zvm_vcpu_create_all(struct zvm_vcpu_group *group, int vm, bool pmu, struct zvm_err *err)
{
	group->vm = vm;
	group->pmu = pmu;
	for (group->count = 0; group->count < group->cfg->vcpus; group->count++) {
		struct zvm_vcpu *vcpu = &group->vcpu[group->count];
		int ret;

		vcpu->id = group->count;
		vcpu->group = group;
		vcpu->started = false;
		ret = zvm_kvm_create_vcpu(group->kvm, vm, vcpu->id, &vcpu->fd, &vcpu->run, err);
		if (ret < 0) {
			zvm_vcpu_destroy_all(group);
			return ret;
		}
	}
	for (unsigned int i = 0; i < group->count; i++) {
		int ret = zvm_kvm_init_vcpu(vm, group->vcpu[i].fd, i > 0, pmu, err);

		if (ret < 0) {
			zvm_vcpu_destroy_all(group);
			return ret;
		}
	}
	return 0;
}

void zvm_vcpu_destroy_all(struct zvm_vcpu_group *group)
{
	while (group->count) {
		struct zvm_vcpu *vcpu = &group->vcpu[--group->count];

		munmap(vcpu->run, group->kvm->run_size);
		close(vcpu->fd);
	}
}

/* Waits while the order is to pause; false when the thread is to end. */
static bool vcpu_obey(struct zvm_vcpu *vcpu)
{
	struct zvm_vcpu_group *g = vcpu->group;
	enum zvm_vcpu_order order;

	atomic_store((_Atomic uint8_t *)&vcpu->run->immediate_exit, 0);
	order = atomic_load(&g->order);
	if (order == ZVM_VCPU_RUN)
		return true;

	pthread_mutex_lock(&g->lock);
	g->parked++;
	pthread_cond_broadcast(&g->changed);
	while ((order = atomic_load(&g->order)) == ZVM_VCPU_PAUSE)
		pthread_cond_wait(&g->changed, &g->lock);
	g->parked--;
	pthread_mutex_unlock(&g->lock);
	return order != ZVM_VCPU_STOP;
}

/* The VM cannot run on: say so and wait for the main thread, which pauses or stops everybody. */
static void vcpu_report(struct zvm_vcpu *vcpu, enum zvm_vm_event event, const char *text)
{
	struct zvm_vcpu_group *g = vcpu->group;
	enum zvm_vcpu_order run = ZVM_VCPU_RUN;

	/* An order that is already there is about the same VM and wins. */
	atomic_compare_exchange_strong(&g->order, &run, ZVM_VCPU_PAUSE);
	g->event(g->opaque, event, text);
}

static void vcpu_crash(struct zvm_vcpu *vcpu, const char *why)
{
	char text[160];
	uint64_t pc = 0;

	zvm_kvm_get_reg(vcpu->fd, REG_PC, &pc);
	snprintf(text, sizeof(text), "vCPU %u at pc 0x%llx: %s", vcpu->id, (unsigned long long)pc,
		 why);
	vcpu_report(vcpu, ZVM_EVENT_CRASH, text);
}

/*
 * PSCI SYSTEM_SUSPEND: the vCPU, which is the only one that is on, starts anew where its registers
 * say, once an interrupt has woken it.
 */
static void vcpu_suspend(struct zvm_vcpu *vcpu)
{
	uint64_t fn, entry, context;
	struct zvm_err err = { "" };
	int ret;

	ret = zvm_kvm_get_reg(vcpu->fd, CORE_REG(regs.regs[0]), &fn);
	if (ret == 0)
		ret = zvm_kvm_get_reg(vcpu->fd, CORE_REG(regs.regs[1]), &entry);
	if (ret == 0)
		ret = zvm_kvm_get_reg(vcpu->fd, CORE_REG(regs.regs[2]), &context);
	if (ret == 0 && !(fn & PSCI_0_2_64BIT)) {
		entry = (uint32_t)entry;
		context = (uint32_t)context;
	}
	if (ret == 0)
		ret = zvm_kvm_init_vcpu(vcpu->group->vm, vcpu->fd, false, vcpu->group->pmu, &err);
	if (ret == 0)
		ret = zvm_kvm_set_reg(vcpu->fd, CORE_REG(regs.regs[0]), context);
	if (ret == 0)
		ret = zvm_kvm_set_reg(vcpu->fd, REG_PC, entry);
	if (ret == 0)
		ret = zvm_kvm_set_suspended(vcpu->fd, true);
	if (ret < 0)
		vcpu_crash(vcpu, "it cannot be suspended");
}

static void vcpu_system_event(struct zvm_vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vcpu_report(vcpu, ZVM_EVENT_POWEROFF, "");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vcpu_report(vcpu, ZVM_EVENT_RESET, "");
		break;
	case KVM_SYSTEM_EVENT_SUSPEND:
		vcpu_suspend(vcpu);
		break;
	case KVM_SYSTEM_EVENT_WAKEUP:
		if (zvm_kvm_set_suspended(vcpu->fd, false) < 0)
			vcpu_crash(vcpu, "it cannot be woken");
		break;
	case KVM_SYSTEM_EVENT_CRASH:
		vcpu_crash(vcpu, "the guest reported a crash");
		break;
	default:
		vcpu_crash(vcpu, "unknown system event");
	}
}

static void vcpu_exit(struct zvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	char text[96];

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		atomic_fetch_add_explicit(&vcpu->stats.mmio, 1, memory_order_relaxed);
		zvm_bus_access(vcpu->group->bus, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
			       run->mmio.is_write);
		return;
	case KVM_EXIT_INTR:
		return;
	case KVM_EXIT_SYSTEM_EVENT:
		vcpu_system_event(vcpu);
		return;
	case KVM_EXIT_ARM_NISV:
		snprintf(text, sizeof(text),
			 "an access to 0x%llx that cannot be decoded (ISS 0x%llx)",
			 (unsigned long long)run->arm_nisv.fault_ipa,
			 (unsigned long long)run->arm_nisv.esr_iss);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(text, sizeof(text), "KVM internal error %u", run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(text, sizeof(text), "the CPU refused to enter the guest (0x%llx)",
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		snprintf(text, sizeof(text), "unknown exit reason %u", run->exit_reason);
	}
	vcpu_crash(vcpu, text);
}

static void vcpu_run_failed(struct zvm_vcpu *vcpu, int no)
{
	char text[96];

	switch (no) {
	case EINTR:
		atomic_fetch_add_explicit(&vcpu->stats.kicks, 1, memory_order_relaxed);
		return;
	case EAGAIN:
		return;
	case ENOSYS:
		snprintf(text, sizeof(text), "an access to a device that cannot be decoded");
		break;
	case EFAULT:
		snprintf(text, sizeof(text), "the host cannot provide the guest's memory");
		break;
	default:
		snprintf(text, sizeof(text), "KVM_RUN: %s", strerror(no));
	}
	vcpu_crash(vcpu, text);
}

static void *vcpu_main(void *arg)
{
	struct zvm_vcpu *vcpu = arg;
	struct zvm_vcpu_group *g = vcpu->group;
	sigset_t set;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	pthread_setname_np(pthread_self(), name);
	if (g->confine && g->confine(g->confine_opaque) < 0)
		vcpu_report(vcpu, ZVM_EVENT_CRASH, "the sandbox of a vCPU thread cannot be set up");
	sigemptyset(&set);
	sigaddset(&set, ZVM_VCPU_KICK);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);

	while (vcpu_obey(vcpu)) {
		int ret = ioctl(vcpu->fd, KVM_RUN, 0);

		atomic_fetch_add_explicit(&vcpu->stats.exits, 1, memory_order_relaxed);
		if (ret < 0)
			vcpu_run_failed(vcpu, errno);
		else
			vcpu_exit(vcpu);
	}
	return NULL;
}

static int set_scheduling(pthread_attr_t *attr, const struct zvm_config *cfg, unsigned int id)
{
	const struct zvm_config_cpus *cpus = &cfg->vcpu.affinity[id];
	int ret = 0;

	if (cpus->nr) {
		cpu_set_t set;

		CPU_ZERO(&set);
		for (size_t i = 0; i < cpus->nr; i++)
			if (cpus->cpu[i] < CPU_SETSIZE)
				CPU_SET(cpus->cpu[i], &set);
		ret = pthread_attr_setaffinity_np(attr, sizeof(set), &set);
	}
	if (ret == 0 && cfg->vcpu.priority) {
		struct sched_param param = { .sched_priority = cfg->vcpu.priority };

		ret = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
		if (ret == 0)
			ret = pthread_attr_setschedpolicy(attr, SCHED_FIFO);
		if (ret == 0)
			ret = pthread_attr_setschedparam(attr, &param);
	}
	return -ret;
}

static int start_one(struct zvm_vcpu *vcpu, struct zvm_err *err)
{
	const struct zvm_config *cfg = vcpu->group->cfg;
	pthread_attr_t attr;
	int ret;

	ret = -pthread_attr_init(&attr);
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot start vCPU %u: %s", vcpu->id, strerror(-ret));
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	ret = set_scheduling(&attr, cfg, vcpu->id);
	if (ret == 0)
		ret = -pthread_create(&vcpu->thread, &attr, vcpu_main, vcpu);
	pthread_attr_destroy(&attr);
	vcpu->started = ret == 0;
	if (ret == -EPERM && cfg->vcpu.priority) {
		zvm_err_set(err, ret,
			    "SCHED_FIFO priority %d is not allowed; give CAP_SYS_NICE or raise "
			    "RLIMIT_RTPRIO (ulimit -r)",
			    cfg->vcpu.priority);
		return zvm_config_blame(cfg, "vcpu.priority", ret, err);
	}
	if (ret == -EINVAL && cfg->vcpu.affinity[vcpu->id].nr) {
		zvm_err_set(err, ret, "vCPU %u: this host has none of the CPUs it is bound to",
			    vcpu->id);
		return zvm_config_blame(cfg, "vcpu.affinity", ret, err);
	}
	if (ret < 0)
		return zvm_err_set(err, ret, "cannot start the thread of vCPU %u: %s", vcpu->id,
				   strerror(-ret));
	return 0;
}

int zvm_vcpu_start_all(struct zvm_vcpu_group *g, struct zvm_err *err)
{
	g->parked = 0;
	atomic_store(&g->order, ZVM_VCPU_RUN);
	for (unsigned int i = 0; i < g->count; i++) {
		int ret = start_one(&g->vcpu[i], err);

		if (ret < 0) {
			zvm_vcpu_stop_all(g);
			return ret;
		}
	}
	return 0;
}

static void kick_all(struct zvm_vcpu_group *g)
{
	for (unsigned int i = 0; i < g->count; i++) {
		struct zvm_vcpu *vcpu = &g->vcpu[i];

		if (!vcpu->started)
			continue;
		atomic_store((_Atomic uint8_t *)&vcpu->run->immediate_exit, 1);
		pthread_kill(vcpu->thread, ZVM_VCPU_KICK);
	}
}

static void give_order(struct zvm_vcpu_group *g, enum zvm_vcpu_order order)
{
	pthread_mutex_lock(&g->lock);
	atomic_store(&g->order, order);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

void zvm_vcpu_pause_all(struct zvm_vcpu_group *g)
{
	unsigned int running = 0;

	give_order(g, ZVM_VCPU_PAUSE);
	kick_all(g);
	for (unsigned int i = 0; i < g->count; i++)
		running += g->vcpu[i].started;
	pthread_mutex_lock(&g->lock);
	while (g->parked < running)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void zvm_vcpu_resume_all(struct zvm_vcpu_group *g)
{
	give_order(g, ZVM_VCPU_RUN);
}

void zvm_vcpu_stop_all(struct zvm_vcpu_group *g)
{
	give_order(g, ZVM_VCPU_STOP);
	kick_all(g);
	for (unsigned int i = 0; i < g->count; i++) {
		if (g->vcpu[i].started)
			pthread_join(g->vcpu[i].thread, NULL);
		g->vcpu[i].started = false;
	}
}
