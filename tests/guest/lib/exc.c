// SPDX-License-Identifier: GPL-2.0
/*
 * Exception dispatch, called by start.S on the CPU that took the exception, on its EL1 stack with
 * everything masked. All state is per CPU (struct cpu), so there is no lock.
 */
#include "exc.h"
#include "gic.h"
#include "smp.h"
#include "tap.h"

void exc_expect_at(u64 resume)
{
	struct cpu *c = this_cpu();

	memset(&c->exc, 0, sizeof(c->exc));
	c->exc_resume = resume;
	WRITE_ONCE(c->exc_armed, true);
}

const struct exc_info *exc_taken(void)
{
	struct cpu *c = this_cpu();

	WRITE_ONCE(c->exc_armed, false);
	return &c->exc;
}

irq_fn exc_set_irq(irq_fn fn)
{
	struct cpu *c = this_cpu();
	irq_fn old = c->irq;

	WRITE_ONCE(c->irq, fn);
	return old;
}

sync_fn exc_set_sync(sync_fn fn)
{
	struct cpu *c = this_cpu();
	sync_fn old = c->sync;

	WRITE_ONCE(c->sync, fn);
	return old;
}

/*
 * Where to go on: SVC's ELR is the next instruction already, an illegal state is left by clearing
 * SPSR.IL (ELR is the target of the ERET that caused it), anything else is stepped over.
 */
static void step_over(struct exc_frame *f)
{
	if (EC(f->esr) == EC_ILLEGAL_STATE)
		f->spsr &= ~SPSR_IL;
	else if (EC(f->esr) != EC_SVC64)
		f->elr += 4;
}

void exc_dispatch(struct exc_frame *f, u32 vector)
{
	struct cpu *c = this_cpu();

	if (VEC_KIND(vector) == VEC_IRQ) {
		if (c->irq)
			c->irq(f);
		else
			gic_handle_irq(f);
		return;
	}

	if (c->sync && c->sync(f, vector))
		return;

	if (c->exc_armed && VEC_KIND(vector) == VEC_SYNC) {
		c->exc.esr = f->esr;
		c->exc.elr = f->elr;
		c->exc.far = f->far;
		c->exc.spsr = f->spsr;
		c->exc.vector = vector;
		c->exc.count++;
		if (c->exc_resume)
			f->elr = c->exc_resume;
		else
			step_over(f);
		return;
	}

	tap_bail("unexpected exception: cpu %u vector %u esr %lx elr %lx far %lx spsr %lx", c->id,
		 vector, f->esr, f->elr, f->far, f->spsr);
}
