// SPDX-License-Identifier: GPL-2.0
/*
 * EL1 virtual and physical timers of the guest (Arm ARM D11).
 *
 * The guest programs the hardware timers itself while its vCPU is resident: CNTV_*_EL02 and
 * CNTP_*_EL02 are its registers. The physical PPI brings it out of the guest; the handler makes the
 * guest's PPI pending as a hardware-linked interrupt, and the physical one stays active until the
 * guest deactivates its own, so a level that stays high does not storm.
 *
 * Invariant: the physical PPIs of a CPU are active only on behalf of its resident vCPU.
 * A vCPU that sleeps has an hrtimer for its earliest expiry, wherever its timers are.
 *
 * Threads: load/put/handler with IRQs off on the CPU; the rest on the vCPU's thread or with
 * v->mutex held.
 */
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/uaccess.h>

#include "compat/compat.h"
#include "switch/switch.h"
#include "zvm.h"

#define ZVM_VTIMER_PPI 27
#define ZVM_PTIMER_PPI 30

static u64 zvm_counter(void)
{
	isb(); /* no read of the counter ahead of what came before */
	return read_sysreg(cntpct_el0);
}

/* The counter as timer `i` of v sees it. */
static u64 zvm_timer_now(struct zvm_vcpu *v, int i)
{
	u64 now = zvm_counter();

	if (i != ZVM_VTIMER)
		return now;
	/* In a CPU it counts as it was loaded, whatever the VMM has set since. */
	return now - (READ_ONCE(v->resident_cpu) >= 0 ? v->timers.cntvoff :
							READ_ONCE(v->vm->cntvoff));
}

static unsigned int zvm_timer_host_irq(int i)
{
	return i == ZVM_VTIMER ? zvm_host.irq_vtimer : zvm_host.irq_ptimer;
}

static int zvm_timer_index(struct zvm_vcpu *v, u32 intid)
{
	int i;

	for (i = 0; i < ZVM_NR_TIMERS; i++)
		if (v->timers.t[i].intid == intid)
			return i;
	return -1;
}

static void zvm_timer_hw_save(struct zvm_vcpu *v)
{
	struct zvm_timer *t = v->timers.t;

	t[ZVM_VTIMER].ctl = read_sysreg_s(SYS_CNTV_CTL_EL02);
	t[ZVM_VTIMER].cval = read_sysreg_s(SYS_CNTV_CVAL_EL02);
	t[ZVM_PTIMER].ctl = read_sysreg_s(SYS_CNTP_CTL_EL02);
	t[ZVM_PTIMER].cval = read_sysreg_s(SYS_CNTP_CVAL_EL02);
}

static bool zvm_timer_fires(struct zvm_vcpu *v, int i)
{
	struct zvm_timer *t = &v->timers.t[i];

	return (t->ctl & (ZVM_CNT_CTL_ENABLE | ZVM_CNT_CTL_IMASK)) == ZVM_CNT_CTL_ENABLE &&
	       t->cval <= zvm_timer_now(v, i);
}

/* Bring t[] up to date wherever the timers are, and keep IRQs off for what follows. */
static void zvm_timer_freeze(struct zvm_vcpu *v, unsigned long *flags)
{
	int cpu;

	for (;;) {
		local_irq_save(*flags);
		cpu = smp_load_acquire(&v->resident_cpu);
		if (cpu < 0)
			return;
		if (cpu == smp_processor_id()) {
			zvm_timer_hw_save(v);
			return;
		}
		local_irq_restore(*flags);
		zvm_resident_evict(v);
	}
}

bool zvm_timer_line(struct zvm_vcpu *v, u32 intid)
{
	int i = zvm_timer_index(v, intid);

	if (i < 0)
		return false;
	if (v->resident_cpu == smp_processor_id())
		zvm_timer_hw_save(v);
	return zvm_timer_fires(v, i);
}

void zvm_timer_phys_active(struct zvm_vcpu *v, u32 intid, bool active)
{
	int i = zvm_timer_index(v, intid);

	if (i >= 0)
		irq_set_irqchip_state(zvm_timer_host_irq(i), IRQCHIP_STATE_ACTIVE, active);
}

void zvm_timer_load(struct zvm_vcpu *v)
{
	struct zvm_timer *t = v->timers.t;
	int i;

	v->timers.cntvoff = READ_ONCE(v->vm->cntvoff);
	/*
	 * Before the timers can fire: an interrupt the guest still works on must not be taken, and
	 * one that expired meanwhile is pending for it now, not after an exit of its own.
	 */
	for (i = 0; i < ZVM_NR_TIMERS; i++)
		if (zvm_vgic_hw_outstanding(v, t[i].intid) ||
		    (zvm_timer_fires(v, i) && !zvm_vgic_raise_hw(v, t[i].intid)))
			zvm_timer_phys_active(v, t[i].intid, true);
	write_sysreg(v->timers.cntvoff, cntvoff_el2);
	write_sysreg_s(t[ZVM_VTIMER].cval, SYS_CNTV_CVAL_EL02);
	write_sysreg_s(t[ZVM_PTIMER].cval, SYS_CNTP_CVAL_EL02);
	isb(); /* CVAL and the offset before the enable bit */
	write_sysreg_s(t[ZVM_VTIMER].ctl, SYS_CNTV_CTL_EL02);
	write_sysreg_s(t[ZVM_PTIMER].ctl, SYS_CNTP_CTL_EL02);
}

void zvm_timer_put(struct zvm_vcpu *v)
{
	struct zvm_timer *t = v->timers.t;
	int i;

	zvm_timer_hw_save(v);
	write_sysreg_s(0, SYS_CNTV_CTL_EL02);
	write_sysreg_s(0, SYS_CNTP_CTL_EL02);
	isb(); /* the lines are down before the active state goes */
	/* Without a vGIC nobody knows of an interrupt that is active here, and nobody ends it. */
	for (i = 0; i < ZVM_NR_TIMERS; i++)
		if (!READ_ONCE(v->vm->vgic.ready) || zvm_vgic_hw_outstanding(v, t[i].intid))
			zvm_timer_phys_active(v, t[i].intid, false);
}

/* A timer PPI of this CPU; hard IRQ. */
irqreturn_t zvm_timer_irq(int irq, void *dev)
{
	struct zvm_vcpu *v = this_cpu_ptr(&zvm_cpus)->resident;
	int i = irq == zvm_host.irq_vtimer ? ZVM_VTIMER : ZVM_PTIMER;

	/* Nobody's, or gone since (the guest reprogrammed it): the EOI alone leaves it active */
	if (!v || !zvm_timer_line(v, v->timers.t[i].intid)) {
		irq_set_irqchip_state(irq, IRQCHIP_STATE_ACTIVE, false);
		return IRQ_HANDLED;
	}
	if (i == ZVM_VTIMER)
		v->stats.vtimer_irqs++;
	else
		v->stats.ptimer_irqs++;
	zvm_vgic_raise_hw(v, v->timers.t[i].intid);
	return IRQ_HANDLED;
}

/* Ticks of the counter in ns, at most an hour: a wake-up that is early looks and sleeps again. */
static u64 zvm_ticks_to_ns(u64 ticks)
{
	u64 freq = read_sysreg(cntfrq_el0);

	if (!freq)
		return 0;
	if (ticks / freq >= 3600)
		return 3600ULL * NSEC_PER_SEC;
	return ticks / freq * NSEC_PER_SEC + ticks % freq * NSEC_PER_SEC / freq;
}

static enum hrtimer_restart zvm_timer_wakeup(struct hrtimer *timer)
{
	struct zvm_vcpu *v = container_of(timer, struct zvm_vcpu, timers.wakeup);

	/*
	 * A request, because the timer of the guest may be further off: an hour was not enough, or
	 * the host's clock is steered and the counter is not. The sleep ends early then, which WFI
	 * and a suspension may, instead of going on with nothing that ends it.
	 */
	zvm_vcpu_request(v, ZVM_REQ_EXIT);
	return HRTIMER_NORESTART;
}

void zvm_timer_block(struct zvm_vcpu *v)
{
	u64 earliest = U64_MAX, now;
	unsigned long flags;
	int i;

	zvm_timer_freeze(v, &flags);
	for (i = 0; i < ZVM_NR_TIMERS; i++) {
		struct zvm_timer *t = &v->timers.t[i];

		if ((t->ctl & (ZVM_CNT_CTL_ENABLE | ZVM_CNT_CTL_IMASK)) != ZVM_CNT_CTL_ENABLE)
			continue;
		now = zvm_timer_now(v, i);
		if (t->cval > now)
			earliest = min(earliest, t->cval - now);
	}
	local_irq_restore(flags);
	if (earliest == U64_MAX)
		return;
	v->timers.wakeup_armed = true;
	hrtimer_start(&v->timers.wakeup, ktime_add_ns(ktime_get(), zvm_ticks_to_ns(earliest)),
		      HRTIMER_MODE_ABS_HARD);
}

void zvm_timer_unblock(struct zvm_vcpu *v)
{
	if (v->timers.wakeup_armed) {
		hrtimer_cancel(&v->timers.wakeup);
		v->timers.wakeup_armed = false;
	}
}

bool zvm_timer_expired(struct zvm_vcpu *v)
{
	unsigned long flags;
	bool ret = false;
	int i;

	zvm_timer_freeze(v, &flags);
	for (i = 0; i < ZVM_NR_TIMERS; i++)
		ret |= zvm_timer_fires(v, i) &&
		       !zvm_vgic_hw_outstanding(v, v->timers.t[i].intid);
	local_irq_restore(flags);
	return ret;
}

void zvm_timer_vcpu_create(struct zvm_vcpu *v)
{
	zvm_compat_hrtimer_setup(&v->timers.wakeup, zvm_timer_wakeup);
	v->timers.t[ZVM_VTIMER].intid = ZVM_VTIMER_PPI;
	v->timers.t[ZVM_PTIMER].intid = ZVM_PTIMER_PPI;
}

void zvm_timer_vcpu_destroy(struct zvm_vcpu *v)
{
	hrtimer_cancel(&v->timers.wakeup);
}

/* Evicted, v->mutex held. */
void zvm_timer_vcpu_reset(struct zvm_vcpu *v)
{
	int i;

	for (i = 0; i < ZVM_NR_TIMERS; i++) {
		v->timers.t[i].ctl = 0;
		v->timers.t[i].cval = 0;
	}
}

int zvm_timer_map(struct zvm_vcpu *v)
{
	struct zvm_timer *t = v->timers.t;

	if (t[ZVM_VTIMER].intid == t[ZVM_PTIMER].intid)
		return -EINVAL;
	zvm_vgic_map_hw(v, t[ZVM_VTIMER].intid, zvm_host.ppi_vtimer);
	zvm_vgic_map_hw(v, t[ZVM_PTIMER].intid, zvm_host.ppi_ptimer);
	return 0;
}

/* --- KVM_{GET,SET}_ONE_REG; v evicted ---------------------------------------------------------- */

/* CTL as the guest would read it: ISTATUS is computed. */
static u64 zvm_timer_ctl(struct zvm_vcpu *v, int i)
{
	struct zvm_timer *t = &v->timers.t[i];
	u64 ctl = t->ctl & (ZVM_CNT_CTL_ENABLE | ZVM_CNT_CTL_IMASK);

	if ((ctl & ZVM_CNT_CTL_ENABLE) && t->cval <= zvm_timer_now(v, i))
		ctl |= ZVM_CNT_CTL_ISTATUS;
	return ctl;
}

int zvm_timer_get_reg(struct zvm_vcpu *v, u64 id, u64 *val)
{
	switch (id) {
	case KVM_REG_ARM_TIMER_CTL:
		*val = zvm_timer_ctl(v, ZVM_VTIMER);
		return 0;
	case KVM_REG_ARM_TIMER_CNT:
		*val = zvm_timer_now(v, ZVM_VTIMER);
		return 0;
	case KVM_REG_ARM_TIMER_CVAL:
		*val = v->timers.t[ZVM_VTIMER].cval;
		return 0;
	case KVM_REG_ARM_PTIMER_CTL:
		*val = zvm_timer_ctl(v, ZVM_PTIMER);
		return 0;
	case KVM_REG_ARM_PTIMER_CNT:
		*val = zvm_timer_now(v, ZVM_PTIMER);
		return 0;
	case KVM_REG_ARM_PTIMER_CVAL:
		*val = v->timers.t[ZVM_PTIMER].cval;
		return 0;
	}
	return -ENOENT;
}

int zvm_timer_set_reg(struct zvm_vcpu *v, u64 id, u64 val)
{
	switch (id) {
	case KVM_REG_ARM_TIMER_CTL:
		v->timers.t[ZVM_VTIMER].ctl = val & ~ZVM_CNT_CTL_ISTATUS;
		return 0;
	case KVM_REG_ARM_TIMER_CNT:
		/* One offset for the VM, as KVM has it: the last writer's time is everybody's. */
		WRITE_ONCE(v->vm->cntvoff, zvm_counter() - val);
		return 0;
	case KVM_REG_ARM_TIMER_CVAL:
		v->timers.t[ZVM_VTIMER].cval = val;
		return 0;
	case KVM_REG_ARM_PTIMER_CTL:
		v->timers.t[ZVM_PTIMER].ctl = val & ~ZVM_CNT_CTL_ISTATUS;
		return 0;
	case KVM_REG_ARM_PTIMER_CNT:
		return 0; /* no offset to the physical counter: read-only in effect */
	case KVM_REG_ARM_PTIMER_CVAL:
		v->timers.t[ZVM_PTIMER].cval = val;
		return 0;
	}
	return -ENOENT;
}

/* --- KVM_ARM_VCPU_TIMER_CTRL: which PPI a timer raises ----------------------------------------- */

static int zvm_timer_attr_index(const struct kvm_device_attr *attr)
{
	switch (attr->attr) {
	case KVM_ARM_VCPU_TIMER_IRQ_VTIMER:
		return ZVM_VTIMER;
	case KVM_ARM_VCPU_TIMER_IRQ_PTIMER:
		return ZVM_PTIMER;
	}
	return -ENXIO;
}

int zvm_timer_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	int i = zvm_timer_attr_index(attr), ret = 0;
	struct zvm_vcpu *other;
	int irq;
	u32 n;

	if (i < 0)
		return i;
	if (get_user(irq, (int __user *)(uintptr_t)attr->addr))
		return -EFAULT;
	if (irq < 16 || irq > 31)
		return -EINVAL;
	mutex_lock(&v->vm->lock);
	if (v->vm->ran_once)
		ret = -EBUSY;
	else
		zvm_for_each_vcpu(n, other, v->vm)
			other->timers.t[i].intid = irq;
	mutex_unlock(&v->vm->lock);
	return ret;
}

int zvm_timer_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	int i = zvm_timer_attr_index(attr);

	if (i < 0)
		return i;
	return put_user((int)v->timers.t[i].intid, (int __user *)(uintptr_t)attr->addr);
}

int zvm_timer_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr)
{
	int i = zvm_timer_attr_index(attr);

	return i < 0 ? i : 0;
}
