/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints zvm:*. Fired from rings 1 and 2 only: ring 0 has no `current` and must not fault.
 * Without CONFIG_ZVM_TRACEPOINTS each is an empty inline function.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zvm

#ifdef CONFIG_ZVM_TRACEPOINTS

#if !defined(ZVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZVM_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(zvm_entry,
	TP_PROTO(u32 vcpu, u64 pc),
	TP_ARGS(vcpu, pc),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u64, pc)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->pc = pc;
	),
	TP_printk("vcpu=%u pc=0x%llx", __entry->vcpu, __entry->pc)
);

/* kind: ZVM_EXIT_*; esr is valid for synchronous exits. */
TRACE_EVENT(zvm_exit,
	TP_PROTO(u32 vcpu, u32 kind, u64 esr, u64 pc),
	TP_ARGS(vcpu, kind, esr, pc),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, kind)
		__field(u64, esr)
		__field(u64, pc)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->kind = kind;
		__entry->esr = esr;
		__entry->pc = pc;
	),
	TP_printk("vcpu=%u kind=%s ec=0x%llx esr=0x%llx pc=0x%llx", __entry->vcpu,
		  __print_symbolic(__entry->kind, { 1, "sync" }, { 2, "irq" }, { 3, "fiq" },
				   { 4, "serror" }, { 5, "again" }),
		  (__entry->esr >> 26) & 0x3f, __entry->esr, __entry->pc)
);

TRACE_EVENT(zvm_mmio,
	TP_PROTO(u32 vcpu, u64 ipa, u32 len, bool write, u64 val),
	TP_ARGS(vcpu, ipa, len, write, val),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, len)
		__field(u64, ipa)
		__field(u64, val)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->len = len;
		__entry->ipa = ipa;
		__entry->val = val;
		__entry->write = write;
	),
	TP_printk("vcpu=%u %s ipa=0x%llx len=%u val=0x%llx", __entry->vcpu,
		  __entry->write ? "write" : "read", __entry->ipa, __entry->len, __entry->val)
);

/* A line of the virtual GIC was driven; vcpu is -1 for an SPI. */
TRACE_EVENT(zvm_irq_inject,
	TP_PROTO(int vcpu, u32 intid, bool level),
	TP_ARGS(vcpu, intid, level),
	TP_STRUCT__entry(
		__field(int, vcpu)
		__field(u32, intid)
		__field(bool, level)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->intid = intid;
		__entry->level = level;
	),
	TP_printk("vcpu=%d intid=%u level=%d", __entry->vcpu, __entry->intid, __entry->level)
);

/* A stage-2 fault and what became of it (0 or -errno). */
TRACE_EVENT(zvm_fault,
	TP_PROTO(u32 vcpu, u64 ipa, u32 access, bool permission, int result),
	TP_ARGS(vcpu, ipa, access, permission, result),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, access)
		__field(u64, ipa)
		__field(int, result)
		__field(bool, permission)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->access = access;
		__entry->ipa = ipa;
		__entry->result = result;
		__entry->permission = permission;
	),
	TP_printk("vcpu=%u ipa=0x%llx %s%s result=%d", __entry->vcpu, __entry->ipa,
		  __print_symbolic(__entry->access, { 0, "read" }, { 1, "write" }, { 2, "exec" }),
		  __entry->permission ? " permission" : "", __entry->result)
);

TRACE_EVENT(zvm_wfi,
	TP_PROTO(u32 vcpu, bool wake),
	TP_ARGS(vcpu, wake),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(bool, wake)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->wake = wake;
	),
	TP_printk("vcpu=%u %s", __entry->vcpu, __entry->wake ? "wake" : "block")
);

#endif /* ZVM_TRACE_H */

/* Relative to the -I that names kmod/ itself. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH stats
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

#elif !defined(ZVM_TRACE_H)
#define ZVM_TRACE_H

#include <linux/types.h>

static inline void trace_zvm_entry(u32 vcpu, u64 pc)
{
}

static inline void trace_zvm_exit(u32 vcpu, u32 kind, u64 esr, u64 pc)
{
}

static inline void trace_zvm_mmio(u32 vcpu, u64 ipa, u32 len, bool write, u64 val)
{
}

static inline void trace_zvm_irq_inject(int vcpu, u32 intid, bool level)
{
}

static inline void trace_zvm_fault(u32 vcpu, u64 ipa, u32 access, bool permission, int result)
{
}

static inline void trace_zvm_wfi(u32 vcpu, bool wake)
{
}

#endif
