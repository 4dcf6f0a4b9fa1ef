// SPDX-License-Identifier: GPL-2.0
/*
 * See el0.h. One program at EL0 per CPU. The way back: the synchronous hook copies the frame and
 * makes the exception return to el0_leave at EL1 instead of EL0.
 */
#include "el0.h"
#include "mmu.h"
#include "smp.h"

extern char el0_text[], el0_text_end[];
void el0_enter(const u64 *regs, u64 pc, u64 spsr, u64 sp);
void el0_leave(void);

static struct exc_frame frames[MAX_CPUS];
static u8 data_page[SZ_4K] __attribute__((aligned(4096)));

#define SPSR_EL1H_DAIF 0x3c5

void el0_init(void)
{
	mmu_map(EL0_CODE_VA, (u64)el0_text, (u64)(el0_text_end - el0_text), MAP_USER | MAP_RO);
	mmu_map(EL0_DATA_VA, (u64)data_page, SZ_4K, MAP_USER | MAP_NX);
}

u64 el0_va(el0_fn fn)
{
	return EL0_CODE_VA + ((u64)fn - (u64)el0_text);
}

static bool on_sync(struct exc_frame *f, u32 vector)
{
	if (vector != VEC_EL0 + VEC_SYNC && vector != VEC_EL0_32 + VEC_SYNC)
		return false;
	frames[cpu_id()] = *f;
	f->elr = (u64)el0_leave;
	f->spsr = SPSR_EL1H_DAIF;
	return true;
}

static const struct exc_frame *enter(u64 pc, u64 spsr)
{
	struct exc_frame *f = &frames[cpu_id()];
	sync_fn old = exc_set_sync(on_sync);
	u64 regs[31];

	memcpy(regs, f->x, sizeof(regs));
	el0_enter(regs, pc, spsr, EL0_DATA_VA + SZ_4K);
	exc_set_sync(old);
	return f;
}

const struct exc_frame *el0_run_spsr(el0_fn fn, u64 arg, u64 spsr)
{
	struct exc_frame *f = &frames[cpu_id()];

	memset(f, 0, sizeof(*f));
	f->x[0] = arg;
	return enter(el0_va(fn), spsr);
}

const struct exc_frame *el0_resume(u64 skip, u64 spsr)
{
	return enter(frames[cpu_id()].elr + skip, spsr);
}

const struct exc_frame *el0_run_at(u64 pc, const u64 *regs, u32 nr, u64 spsr)
{
	struct exc_frame *f = &frames[cpu_id()];

	memset(f, 0, sizeof(*f));
	memcpy(f->x, regs, nr * sizeof(*regs));
	return enter(pc, spsr);
}
