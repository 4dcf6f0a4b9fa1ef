/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The KVM API as this VMM uses it: one checked function for each ioctl, errors in words.
 *
 * Works on /dev/kvm and /dev/zvm alike; only what <linux/kvm.h> defines is used. Functions return
 * 0 or -errno and, where they take a struct zvm_err, explain the failure in it. Any thread may
 * call the ones on a VM descriptor; those on a vCPU descriptor are for its own thread, or for the
 * main thread while that thread does not exist.
 */
#ifndef ZVM_RUN_KVM_H
#define ZVM_RUN_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>
#include <zvm/err.h>

struct zvm_kvm {
	const char *path;
	int fd;
	size_t run_size;       /* bytes of struct kvm_run's mapping */
	unsigned int ipa_bits; /* widest guest physical address, 40 if the host does not say */
	unsigned int max_vcpus;
	bool readonly_mem; /* KVM_MEM_READONLY memslots */
	bool pmu;	   /* KVM_ARM_VCPU_PMU_V3 */
	bool steal_time;   /* KVM_ARM_VCPU_PVTIME_CTRL */
	bool system_suspend;
};

/* Open @path (kept) and check API version and capabilities. Messages carry a remedy. */
int zvm_kvm_open(struct zvm_kvm *kvm, const char *path, struct zvm_err *err);
void zvm_kvm_close(struct zvm_kvm *kvm);

/* A VM whose guest physical addresses reach at least @last; its descriptor in *@vm. */
int zvm_kvm_create_vm(const struct zvm_kvm *kvm, uint64_t last, int *vm, struct zvm_err *err);

/* Set a memslot; size 0 deletes it. @ipa, @size and @hva are multiples of the host's page. */
int zvm_kvm_set_memory(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t size,
		       void *hva, struct zvm_err *err);

/* A vCPU with its kvm_run mapped; on failure nothing is left open. */
int zvm_kvm_create_vcpu(const struct zvm_kvm *kvm, int vm, unsigned int id, int *vcpu,
			struct kvm_run **run, struct zvm_err *err);

/* KVM_ARM_VCPU_INIT with the preferred target and PSCI 0.2; @off: waits for CPU_ON; @pmu: has one. */
int zvm_kvm_init_vcpu(int vm, int vcpu, bool off, bool pmu, struct zvm_err *err);

/* A suspended vCPU stays in KVM_RUN until an interrupt ends that with KVM_SYSTEM_EVENT_WAKEUP. */
int zvm_kvm_set_suspended(int vcpu, bool suspended);

/* The PMU of a vCPU that has one interrupts by @ppi; after zvm_kvm_init_gic(). */
int zvm_kvm_init_pmu(int vcpu, unsigned int ppi, struct zvm_err *err);

/* Where in guest memory a vCPU is told its stolen time: 64 bytes, aligned. */
int zvm_kvm_set_steal_time(int vcpu, uint64_t ipa, struct zvm_err *err);

int zvm_kvm_get_reg(int vcpu, uint64_t id, uint64_t *val);
int zvm_kvm_set_reg(int vcpu, uint64_t id, uint64_t val);

/*
 * The GICv3: distributor and one redistributor region at the given IPAs, @nr_irqs INTIDs in all
 * (a multiple of 32). Created before the vCPUs, finished by zvm_kvm_init_gic() after them.
 */
int zvm_kvm_create_gic(int vm, uint64_t dist, uint64_t redist, uint32_t nr_irqs, int *gic,
		       struct zvm_err *err);
int zvm_kvm_init_gic(int gic, struct zvm_err *err);

/* Level of shared peripheral interrupt @spi (0 is INTID 32). */
int zvm_kvm_set_spi(int vm, uint32_t spi, bool level);

/* Every write to @eventfd is an edge on @spi; @on false takes the connection away. */
int zvm_kvm_irqfd(int vm, int eventfd, uint32_t spi, bool on);

/* On /dev/zvm: the registers at @ipa are answered from @word (ZVM_CAP_STATUS_WORD). 0 or -errno. */
int zvm_kvm_status_word(int vm, uint64_t ipa, const void *word);

/* A 32-bit guest write of @value to @ipa signals @eventfd instead of leaving the kernel. */
int zvm_kvm_ioeventfd(int vm, int eventfd, uint64_t ipa, uint32_t value, bool on);

#endif
