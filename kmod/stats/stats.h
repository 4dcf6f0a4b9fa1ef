/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters per vCPU and per VM; in debugfs as KVM lays them out, and as KVM_GET_STATS_FD.
 * debugfs: zvm/PID-FD/ for the VM, zvm/PID-FD/vcpuN/ below it, one read-only file per counter.
 * A counter is a plain increment on the vCPU's own thread (ring 0 included). `kicks` and `evictions`
 * are whoever's that does it, those of interrupts the handler's on the vCPU's CPU: these may lose one.
 * Readers may see a value that is a moment old.
 */
#ifndef ZVM_STATS_H
#define ZVM_STATS_H

#include <linux/types.h>

struct zvm_vm;
struct zvm_vcpu;
struct dentry;

#define ZVM_VCPU_STATS(X)                                                     \
	X(exits, "exits from the guest that left ring 0")                     \
	X(ring0_exits, "exits answered in ring 0")                            \
	X(hvc_exits, "hypercalls")                                            \
	X(smc_exits, "SMC instructions")                                      \
	X(sysreg_exits, "system register traps")                              \
	X(wfi_exits, "WFI traps")                                             \
	X(halts, "WFIs for which the CPU was halted in place")               \
	X(wfe_exits, "WFE traps")                                             \
	X(irq_exits, "physical interrupts taken while in the guest")          \
	X(mmio_user_exits, "MMIO accesses answered by the VMM")               \
	X(mmio_kernel_exits, "MMIO accesses answered in the kernel")          \
	X(ioeventfd_exits, "MMIO writes taken by an ioeventfd")               \
	X(fault_exits, "stage-2 faults on RAM")                               \
	X(fp_traps, "first uses of FP/SIMD after a switch")                   \
	X(signal_exits, "returns to user space for signals or the thread's work") \
	X(blocks, "times the vCPU slept in WFI")                              \
	X(wakeups, "wake-ups from WFI")                                       \
	X(kicks, "IPIs sent to bring the vCPU out of the guest")              \
	X(evictions, "times the EL1 context was put into memory")             \
	X(loads, "times the EL1 context was loaded")                          \
	X(vtimer_irqs, "virtual timer interrupts of the guest")               \
	X(ptimer_irqs, "physical timer interrupts of the guest")              \
	X(maintenance_irqs, "vGIC maintenance interrupts")                    \
	X(undef_injected, "accesses answered with an UNDEFINED exception")    \
	X(abort_injected, "accesses answered with an external abort")

struct zvm_vcpu_stats {
#define X(name, desc) u64 name;
	ZVM_VCPU_STATS(X)
#undef X
	struct dentry *dentry;
};

/* X(name, kind, what it is): kind COUNT only grows, GAUGE and BYTES say how much there is now */
#define ZVM_VM_STATS(X)                                              \
	X(pages_4k, GAUGE, "stage-2 leaves of 4 KiB")                \
	X(pages_2m, GAUGE, "stage-2 leaves of 2 MiB")                \
	X(pages_1g, GAUGE, "stage-2 leaves of 1 GiB")                \
	X(pinned_bytes, BYTES, "guest memory pinned and charged")    \
	X(table_bytes, BYTES, "memory used by stage-2 tables")       \
	X(tlb_flushes, COUNT, "TLB invalidations for this VM")

struct zvm_vm_stats {
#define X(name, kind, desc) u64 name;
	ZVM_VM_STATS(X)
#undef X
	struct dentry *dentry;
};

int zvm_stats_init(void);
void zvm_stats_exit(void);
void zvm_stats_vm_create(struct zvm_vm *vm);   /* vm->name is set */
void zvm_stats_vm_destroy(struct zvm_vm *vm);
void zvm_stats_vcpu_create(struct zvm_vcpu *v);
void zvm_stats_vcpu_destroy(struct zvm_vcpu *v);
/* KVM_GET_STATS_FD: a descriptor (it keeps the VM alive) or -errno; -ENOTTY without counters. */
int zvm_stats_vm_fd(struct zvm_vm *vm);
int zvm_stats_vcpu_fd(struct zvm_vcpu *v);

#endif
