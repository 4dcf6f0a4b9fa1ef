// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's life: creation, destruction, kicks, sleep, and the run loop.
 *
 * The run loop is the only place that enters a guest. One turn: look at requests and signals
 * (preemptible), become resident, stay in ring 1 as long as exits are light, leave, handle the
 * exit in ring 2. Interrupts for the vCPU are posted by anybody (request bit, then kick); the loop
 * sets mode = IN_GUEST, then looks at the requests: a poster who sees OUTSIDE may rely on that
 * look, a poster who sees IN_GUEST sends an IPI.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "gic.h"
#include "pmu/pmu.h"
#include "ring0/ring0.h"
#include "run.h"
#include "stats/trace.h"
#include "switch/switch.h"
#include "trap/trap.h"
#include "zvm.h"

/* MPIDR as KVM numbers vCPUs: 16 in a cluster (target lists of SGIs), Aff1 and Aff2 above. */
static u64 zvm_vcpu_mpidr(u32 id)
{
	return ZVM_MPIDR_RES1 | (id & 0xf) | ((u64)((id >> 4) & 0xff) << 8) |
	       ((u64)((id >> 12) & 0xff) << 16);
}

int zvm_vcpu_create(struct zvm_vm *vm, u32 id)
{
	struct zvm_vcpu *v, *other;
	int ret;
	u32 i;

	if (id >= ZVM_MAX_VCPUS)
		return -EINVAL;
	v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		return -ENOMEM;
	v->run = (struct kvm_run *)get_zeroed_page(ZVM_GFP_MAPPED);
	if (!v->run) {
		kfree(v);
		return -ENOMEM;
	}
	v->vm = vm;
	v->id = id;
	v->resident_cpu = -1;
	v->bell_page = ~0ULL;
	v->sys.mpidr = zvm_vcpu_mpidr(id);
	mutex_init(&v->mutex);
	init_swait_queue_head(&v->wait);
	zvm_switch_reset(v);
	zvm_timer_vcpu_create(v);

	mutex_lock(&vm->lock);
	ret = -EEXIST;
	zvm_for_each_vcpu(i, other, vm)
		if (other->id == id)
			goto fail;
	ret = -EBUSY; /* the redistributors are laid out */
	if (vm->vgic.initialized)
		goto fail;
	v->idx = vm->nr_vcpus;
	ret = zvm_vgic_vcpu_create(v);
	if (ret)
		goto fail;
	zvm_stats_vcpu_create(v);
	ret = zvm_vcpu_fd(v); /* takes a reference to the VM */
	if (ret < 0)
		goto fail_vgic;
	vm->vcpus[v->idx] = v;
	smp_store_release(&vm->nr_vcpus, v->idx + 1); /* the vCPU before its index */
	mutex_unlock(&vm->lock);
	return ret;

fail_vgic:
	zvm_stats_vcpu_destroy(v);
	zvm_vgic_vcpu_destroy(v);
fail:
	mutex_unlock(&vm->lock);
	zvm_timer_vcpu_destroy(v);
	free_page((unsigned long)v->run);
	kfree(v);
	return ret;
}

void zvm_vcpu_destroy(struct zvm_vcpu *v)
{
	zvm_resident_evict(v);
	zvm_pmu_destroy(v);
	zvm_timer_vcpu_destroy(v);
	zvm_vgic_vcpu_destroy(v);
	zvm_stats_vcpu_destroy(v);
	free_page((unsigned long)v->run);
	kfree(v);
}

void zvm_vcpu_kick(struct zvm_vcpu *v)
{
	struct task_struct *task;

	smp_mb(); /* what was posted, before the mode: pairs with smp_store_mb() in the loop */
	if (READ_ONCE(v->mode) == ZVM_IN_GUEST) {
		preempt_disable(); /* no CPU goes offline between the look and the bell */
		if (zvm_gic_ring(READ_ONCE(v->resident_cpu))) {
			v->stats.kicks++;
			preempt_enable();
			return;
		}
		rcu_read_lock();
		task = READ_ONCE(v->task);
		if (task) {
			v->stats.kicks++;
			kick_process(task);
		}
		rcu_read_unlock();
		preempt_enable();
	} else if (swait_active(&v->wait)) { /* after the barrier; else it looks before it sleeps */
		swake_up_one(&v->wait);
	}
}

void zvm_vcpu_request(struct zvm_vcpu *v, enum zvm_request req)
{
	smp_mb__before_atomic(); /* spi_busy, lpi_posted are read without the lock they are under */
	set_bit(req, &v->requests);
	zvm_vcpu_kick(v);
}

/*
 * The VMM has reset a suspended vCPU, and the guest has closed its CPU interface before: that says
 * nothing of what wakes it.
 */
static bool zvm_vcpu_has_irq(struct zvm_vcpu *v)
{
	return v->suspended ? zvm_vgic_wakes(v) : zvm_vgic_has_pending(v);
}

/* A reason for a blocked vCPU to look around. */
static bool zvm_vcpu_runnable(struct zvm_vcpu *v)
{
	return (READ_ONCE(v->requests) & ~ZVM_REQS_IRQ) || zvm_vcpu_has_irq(v) ||
	       v->serror_pending || zvm_timer_expired(v);
}

void zvm_vcpu_block(struct zvm_vcpu *v)
{
	if (zvm_vcpu_runnable(v))
		return;
	v->stats.blocks++;
	trace_zvm_wfi(v->id, false);
	WRITE_ONCE(v->blocked, true);
	zvm_timer_block(v);
	swait_event_interruptible_exclusive(v->wait, zvm_vcpu_runnable(v));
	zvm_timer_unblock(v);
	WRITE_ONCE(v->blocked, false);
	v->stats.wakeups++;
	trace_zvm_wfi(v->id, true);
}

/*
 * Where CPUs differ, a guest that was not shown AArch32 can still find it on one of them. The return
 * into it on another CPU would be an illegal one, at EL2: such a guest is given up.
 */
static int zvm_vcpu_fail_entry(struct zvm_vcpu *v)
{
	v->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	v->run->fail_entry.hardware_entry_failure_reason = 0;
	v->initialized = false;
	return ZVM_USER;
}

/*
 * An interrupt ends a suspension, and it is the VMM that decides how the guest goes on. An expired
 * timer counts even if the guest has disabled its interrupt: to wake too early is permitted.
 */
static bool zvm_vcpu_woken(struct zvm_vcpu *v)
{
	zvm_vcpu_block(v);
	if (!zvm_vcpu_has_irq(v) && !zvm_timer_expired(v) && !v->serror_pending)
		return false;
	zvm_psci_wakeup(v);
	return true;
}

/* Requests and power state before an entry; ring 2. 0: enter, ZVM_USER: tell the VMM. */
static int zvm_vcpu_prepare(struct zvm_vcpu *v)
{
	for (;;) {
		if (READ_ONCE(v->vm->dead))
			return -EIO;
		clear_bit(ZVM_REQ_EXIT, &v->requests);
		zvm_vcpu_take_request(v, ZVM_REQ_SLEEP);
		if (zvm_vcpu_take_request(v, ZVM_REQ_RESET))
			zvm_psci_reset(v);
		/*
		 * TIF_NOTIFY_RESUME: work of the thread's own (rseq after every preemption, task
		 * work) is done on the way to user space. KVM_RUN must not restart after it: a
		 * signal that comes while it is done would not end KVM_RUN.
		 */
		if (signal_pending(current) || zvm_compat_immediate_exit(v->run) ||
		    test_thread_flag(TIF_NOTIFY_RESUME))
			return -EINTR;
		if (READ_ONCE(v->requests) & (BIT(ZVM_REQ_ITS) | BIT(ZVM_REQ_PMU))) {
			if (zvm_vcpu_take_request(v, ZVM_REQ_PMU))
				zvm_pmu_look(v);
			if (zvm_vcpu_take_request(v, ZVM_REQ_ITS))
				zvm_its_continue(v);
			continue;
		}
		if (!READ_ONCE(v->powered_off)) {
			if (!v->suspended)
				break;
			if (zvm_vcpu_woken(v))
				return ZVM_USER;
			continue;
		}
		swait_event_interruptible_exclusive(v->wait, !READ_ONCE(v->powered_off) ||
								     READ_ONCE(v->vm->dead));
	}
	if (zvm_is_aarch32(v) && !zvm_host.has_el0_32)
		return zvm_vcpu_fail_entry(v);
	cond_resched();
	zvm_steal_update(v);
	return 0;
}

void zvm_vcpu_take_irqs(struct zvm_vcpu *v)
{
	u32 requests = READ_ONCE(v->requests) & ZVM_REQS_IRQ;
	bool irq;

	/* One that is posted after it was looked for is seen by zvm_ring0_take_posted(). */
	if (!requests || (requests == BIT(ZVM_REQ_POST) &&
			  (!READ_ONCE(v->vgic.lpi_posted) || zvm_lpi_post(v)) &&
			  !zvm_ring0_take_posted(v)))
		return;
	irq = zvm_vcpu_take_request(v, ZVM_REQ_IRQ);
	if (zvm_vcpu_take_request(v, ZVM_REQ_POST) || irq) /* both are taken */
		zvm_vgic_flush(v);
}

/* Ring 0 has posted to these and could not reach them; IRQs off. */
static void zvm_vcpu_kick_others(struct zvm_vcpu *v)
{
	u64 kicks = v->kicks;

	v->kicks = 0;
	for (; kicks; kicks &= kicks - 1)
		zvm_vcpu_kick(v->vm->vcpus[__ffs64(kicks)]);
}

/*
 * Ring 1: in the guest until something needs ring 2. IRQs off, v resident. Returns the ZVM_EXIT_*
 * to handle, 0 if only the host wants the CPU.
 */
static u32 zvm_vcpu_window(struct zvm_vcpu *v)
{
	u32 exit;

	for (;;) {
		smp_store_mb(v->mode, ZVM_IN_GUEST); /* pairs with zvm_vcpu_kick() */
		if ((READ_ONCE(v->requests) & ~ZVM_REQS_IRQ) || need_resched() ||
		    signal_pending(current)) {
			WRITE_ONCE(v->mode, ZVM_OUTSIDE);
			return 0;
		}
		zvm_vcpu_take_irqs(v);
		current->flags |= PF_VCPU; /* the tick accounts guest time by it */
		trace_zvm_entry(v->id, v->ctx.pc);
		exit = zvm_switch_run(v);
		trace_zvm_exit(v->id, exit, exit == ZVM_EXIT_SYNC ? v->ctx.esr : 0, v->ctx.pc);
		WRITE_ONCE(v->mode, ZVM_OUTSIDE);
		if (unlikely(v->kicks))
			zvm_vcpu_kick_others(v);
		if (exit == ZVM_EXIT_AGAIN) {
			current->flags &= ~PF_VCPU;
			continue;
		}
		if (exit == ZVM_EXIT_SYNC && zvm_trap_light(v)) {
			current->flags &= ~PF_VCPU;
			continue;
		}
		if (exit != ZVM_EXIT_IRQ && exit != ZVM_EXIT_FIQ)
			break;
		v->stats.irq_exits++;
		zvm_switch_irq_window(v);
		current->flags &= ~PF_VCPU;
	}
	current->flags &= ~PF_VCPU;
	return exit;
}

static int zvm_vcpu_handle(struct zvm_vcpu *v, u32 exit)
{
	switch (exit) {
	case ZVM_EXIT_SYNC:
		return zvm_trap_handle(v);
	case ZVM_EXIT_SERROR:
		/* Raised by an access of the guest's; it is the guest that hears of it. */
		zvm_inject_serror(v, ZVM_ESR_IDS);
		return ZVM_RESUME;
	default:
		return ZVM_RESUME;
	}
}

static int zvm_vcpu_loop(struct zvm_vcpu *v)
{
	u32 exit;
	int ret;

	for (;;) {
		ret = zvm_vcpu_prepare(v);
		if (ret)
			return ret == ZVM_USER ? 0 : ret;
		if (READ_ONCE(v->resident_cpu) >= 0 &&
		    READ_ONCE(v->resident_cpu) != raw_smp_processor_id())
			zvm_resident_evict(v);

		preempt_disable();
		if (v->fp.wanted)
			zvm_fp_make_room(v);
		local_irq_disable();
		ret = zvm_resident_make(v);
		if (unlikely(ret)) { /* moved meanwhile, or the CPU closes */
			local_irq_enable();
			preempt_enable();
			/* Out of the way: a real-time thread would keep the CPU from going down. */
			if (ret == -EBUSY)
				schedule_timeout_interruptible(1);
			continue;
		}
		zvm_switch_enter_ring1(v);
		exit = zvm_vcpu_window(v);
		zvm_switch_leave_ring1(v);
		if (unlikely(!READ_ONCE(zvm_residency)))
			zvm_resident_evict_local();
		local_irq_enable();
		preempt_enable();

		ret = zvm_vcpu_handle(v, exit);
		if (ret == ZVM_USER)
			return 0;
		if (ret < 0)
			return ret;
	}
}

/* Once per VM: everything that a running guest relies on is in place. */
static int zvm_vcpu_first_run(struct zvm_vcpu *v)
{
	struct zvm_vm *vm = v->vm;
	struct zvm_vcpu *other;
	int ret = 0;
	u32 i;

	if (smp_load_acquire(&vm->ran_once))
		return 0;
	mutex_lock(&vm->lock);
	if (!vm->ran_once) {
		ret = zvm_vgic_check_ready(vm);
		zvm_for_each_vcpu(i, other, vm)
			if (!ret)
				ret = zvm_timer_map(other);
		if (!ret)
			smp_store_release(&vm->ran_once, true);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

int zvm_vcpu_run(struct zvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	int ret;

	if (!v->initialized)
		return -ENOEXEC;
	ret = zvm_vcpu_first_run(v);
	if (ret)
		return ret;
	if (unlikely(v->pmu)) {
		ret = zvm_pmu_run_begin(v);
		if (ret)
			return ret;
	}

	WRITE_ONCE(v->task, current);
	if (v->sigset_active)
		sigprocmask(SIG_SETMASK, &v->sigset, &current->real_blocked);
	zvm_fp_begin(v);
	zvm_debug_step_begin(v);

	ret = zvm_mmio_complete(v);
	if (ret == ZVM_USER) {
		ret = 0;
	} else if (zvm_compat_immediate_exit(run)) {
		ret = -EINTR; /* only the MMIO was to be completed; exit_reason stays, as in KVM */
	} else {
		run->exit_reason = KVM_EXIT_UNKNOWN;
		ret = zvm_vcpu_loop(v);
		if (ret == -EINTR) {
			run->exit_reason = KVM_EXIT_INTR;
			v->stats.signal_exits++;
		}
	}

	zvm_debug_step_end(v);
	if (v->sigset_active) {
		sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
		sigemptyset(&current->real_blocked);
	}
	WRITE_ONCE(v->task, NULL);
	return ret;
}
