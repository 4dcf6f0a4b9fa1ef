/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU threads: one for each vCPU, all of a VM in one group.
 *
 * The main thread creates, starts, pauses, resumes and destroys the group. The threads run the
 * guest and answer its MMIO; anything that concerns the whole VM is handed to event(), after which
 * the thread waits for the main thread's decision.
 */
#ifndef ZVM_RUN_VCPU_H
#define ZVM_RUN_VCPU_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"
#include "vmm/device/bus.h"
#include "vmm/run/kvm.h"

enum zvm_vm_event {
	ZVM_EVENT_NONE,
	ZVM_EVENT_POWEROFF, /* PSCI SYSTEM_OFF */
	ZVM_EVENT_RESET,    /* PSCI SYSTEM_RESET, SYSTEM_RESET2 */
	ZVM_EVENT_CRASH,    /* the guest cannot go on; text says why */
};

enum zvm_vcpu_order { ZVM_VCPU_RUN, ZVM_VCPU_PAUSE, ZVM_VCPU_STOP };

struct zvm_vcpu_stats {
	atomic_ulong exits;
	atomic_ulong mmio;
	atomic_ulong kicks;
};

struct zvm_vcpu_group;

struct zvm_vcpu {
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	struct zvm_vcpu_group *group;
	struct zvm_vcpu_stats stats;
};

struct zvm_vcpu_group {
	const struct zvm_kvm *kvm;
	const struct zvm_config *cfg;
	struct zvm_bus *bus;
	int vm;
	bool pmu; /* the vCPUs have one */
	unsigned int count;
	struct zvm_vcpu vcpu[ZVM_CONFIG_MAX_VCPUS];

	/* Any vCPU thread; @text is valid during the call only. */
	void (*event)(void *opaque, enum zvm_vm_event event, const char *text);
	void *opaque;
	/* First thing on a new vCPU thread: 0, or -errno and the VM ends. May be NULL. */
	int (*confine)(const void *opaque);
	const void *confine_opaque;

	_Atomic enum zvm_vcpu_order order;
	pthread_mutex_t lock; /* parked, and the waits for order to change */
	pthread_cond_t changed;
	unsigned int parked;
};

/* Reserved for interrupting KVM_RUN; its handler does nothing. */
#define ZVM_VCPU_KICK SIGRTMIN

/* Once per process, before any thread: installs the handler of the kick signal. */
int zvm_vcpu_setup_signals(void);

void zvm_vcpu_group_init(struct zvm_vcpu_group *group, const struct zvm_kvm *kvm,
			 const struct zvm_config *cfg, struct zvm_bus *bus);
void zvm_vcpu_group_fini(struct zvm_vcpu_group *group);

/* Create all vCPUs of @vm, without threads; all but the first are off. On failure none is left. */
int zvm_vcpu_create_all(struct zvm_vcpu_group *group, int vm, bool pmu, struct zvm_err *err);
/* Close them. Their threads must be gone. */
void zvm_vcpu_destroy_all(struct zvm_vcpu_group *group);

/* Start the threads; the guest runs. On failure those already started are stopped again. */
int zvm_vcpu_start_all(struct zvm_vcpu_group *group, struct zvm_err *err);

/* Returns when no vCPU is in the guest or in a device, until resume. Idempotent. */
void zvm_vcpu_pause_all(struct zvm_vcpu_group *group);
void zvm_vcpu_resume_all(struct zvm_vcpu_group *group);

/* Stop and join the threads; the vCPUs stay and can be started again. */
void zvm_vcpu_stop_all(struct zvm_vcpu_group *group);

#endif
