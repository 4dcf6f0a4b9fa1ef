/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guest-run.c (the VM and its vCPUs) and devices.c (what answers MMIO) share.
 */
#ifndef GUEST_RUNNER_H
#define GUEST_RUNNER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "testdev.h"

struct kvm_run;

#define MAX_VCPUS 64
#define NR_IRQS	  288

enum { STATUS_SETUP = 3, STATUS_TIMEOUT = 4, STATUS_DEAD = 5 };

struct vcpu {
	int fd;
	unsigned int id;
	struct kvm_run *run;
	pthread_t thread;
};

extern int vm_fd, gic_fd;
extern struct vcpu vcpus[MAX_VCPUS];
extern unsigned int nr_vcpus;
extern size_t ram_size;
extern uint8_t *ram;

/* Behind `lock`; `changed` is signalled when one of them changes. */
extern pthread_mutex_t lock;
extern pthread_cond_t changed;
extern bool ended, resetting;
extern unsigned int parked; /* vCPU threads that wait for the reset to be over */

/* Registers of the test device that the VM itself keeps. */
extern uint32_t td_exit, td_resets, td_reset_flags, td_param;

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* `ret`, or the end with STATUS_SETUP if it is negative. */
int must(int ret, const char *what);
/* Every vCPU out of KVM_RUN; lock held. */
void kick_all(void);

/* devices.c */
void create_its(void); /* after the vCPUs, as QEMU does it */
void create_bells(void);
void mmio(struct kvm_run *r); /* lock held */

#endif
