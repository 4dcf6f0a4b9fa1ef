// SPDX-License-Identifier: GPL-2.0
/*
 * count.so: a plugin of QEMU's TCG that counts what the host kernel executes between two markers
 * of the guest, by kind: on silicon a barrier or a system register costs more than an addition.
 *
 *   -plugin count.so,out=FILE    one line per pair of markers, the counts in the order of KINDS
 *
 * The markers are moves of x27 and of x28 to themselves (tests/bench/exits.c); compilers make
 * neither. An address in the upper half is the kernel's: our guest runs in the lower one. With
 * -icount all CPUs run on one thread, so nothing here needs a lock; what another CPU of the host
 * does meanwhile counts, too.
 *
 * Runs inside QEMU on the build machine. The interface (version 1, QEMU 4.2 to 8.2) is declared
 * here because its header is in no package. Arm ARM C4.1: encodings.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						enum qemu_plugin_op op, void *to, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int vcpu, void *arg),
					    enum qemu_plugin_cb_flags flags, void *arg);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
			       char **argv);

#define MARK_BEGIN 0xaa1b03fbU /* mov x27, x27 */
#define MARK_END   0xaa1c03fcU /* mov x28, x28 */
#define RT	   0x1fU
#define SP_EL0	   0xd5384100U /* `current` in the kernel */
#define TPIDR_EL2  0xd53cd040U /* its per-CPU base with VHE */

/* KINDS: the columns; tests/bench/run names them. ALL: by whomever, guests and user space, too. */
enum { INSN, MEMORY, CURRENT, MRS, MSR, ISB, DSB, DMB, TLBI, ALL, NR_KINDS };

static uint64_t now[NR_KINDS], begin[NR_KINDS];
static FILE *out;

static void on_begin(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	memcpy(begin, now, sizeof(begin));
}

static void on_end(unsigned int vcpu, void *arg)
{
	int i;

	(void)vcpu;
	(void)arg;
	for (i = 0; i < NR_KINDS; i++)
		fprintf(out, "%llu%c", (unsigned long long)(now[i] - begin[i]),
			i + 1 < NR_KINDS ? '\t' : '\n');
	fflush(out);
}

/* INSN: of no further interest. A pair of registers, or an atomic operation, is one access. */
static int kind_of(uint32_t op)
{
	if ((op & 0x0a000000U) == 0x08000000U)
		return MEMORY;
	if ((op & 0xfff00000U) == 0xd5300000U)
		return (op & ~RT) == SP_EL0 || (op & ~RT) == TPIDR_EL2 ? CURRENT : MRS;
	if ((op & 0xfff00000U) == 0xd5100000U)
		return MSR;
	if ((op & 0xfff8f000U) == 0xd5088000U)
		return TLBI;
	switch (op & 0xfffff0ffU) {
	case 0xd50330dfU:
		return ISB;
	case 0xd503309fU:
		return DSB;
	case 0xd50330bfU:
		return DMB;
	}
	return INSN;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		bool kernel = qemu_plugin_insn_vaddr(insn) >> 63;
		uint32_t op;
		int kind;

		memcpy(&op, qemu_plugin_insn_data(insn), sizeof(op));
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &now[ALL], 1);
		if (!kernel) {
			if (op == MARK_BEGIN || op == MARK_END)
				qemu_plugin_register_vcpu_insn_exec_cb(
					insn, op == MARK_BEGIN ? on_begin : on_end,
					QEMU_PLUGIN_CB_NO_REGS, NULL);
			continue;
		}
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &now[INSN], 1);
		kind = kind_of(op);
		if (kind != INSN)
			qemu_plugin_register_vcpu_insn_exec_inline(
				insn, QEMU_PLUGIN_INLINE_ADD_U64, &now[kind], 1);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "count.so: out=FILE\n");
		return 1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
