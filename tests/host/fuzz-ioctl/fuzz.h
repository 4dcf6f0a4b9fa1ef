/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of fuzz-ioctl: what the threads of a round share, where arguments come from, and
 * the operations. An operation returns a negative number if what it is about failed. All of it runs
 * on any thread of a round.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

#define NR_VMS	  3
#define NR_VCPUS  4 /* kept of a VM */
#define NR_DEVS	  3
#define NR_EVENTS 4
#define ARENA	  (8UL << 20) /* memory that slots are made of */

/* Descriptors that threads share; -1: none. One may be closed while another thread uses it. */
struct machine {
	int vm, vcpu[NR_VCPUS], dev[NR_DEVS];
	struct kvm_run *run[NR_VCPUS];
};

extern struct machine machines[NR_VMS];
extern int events[NR_EVENTS];
extern char *arena, *scratch; /* scratch: what ioctls write to */
extern long page;

/* random.c */
extern __thread uint64_t seed; /* of this thread's sequence */
uint64_t rnd(void);
uint64_t below(uint64_t n);
bool one_in(uint64_t n);
uint64_t odd(void);		 /* a number that some check may be about */
uint64_t mostly(uint64_t good); /* now and then something else */
uint64_t ipa(void);		 /* an address of the guest: RAM, the vGIC, a device, or nonsense */
struct machine *machine(void);
/* The ioctl, sometimes with an address where nothing is. */
int call(int fd, unsigned long cmd, void *arg);
/* Data to RAM, for a system call to write: another thread may have protected it. */
void store(uint64_t off, const void *data, size_t len);
void fill_memory(void); /* a page of RAM gets other instructions */

#define PICK(...)                                        \
	({                                               \
		uint64_t a__[] = { __VA_ARGS__ };        \
		a__[below(sizeof(a__) / sizeof(a__[0]))]; \
	})

/* vm.c, attr.c, its.c, vcpu.c, around.c */
int complete(struct machine *m); /* a whole machine by the book, as far as parts are missing */
int complete_its(struct machine *m);
int create_vcpu(struct machine *m, int i, uint64_t id);
int any_fd(void);
int vcpu(void);
int op_create_vm(void);
int op_system(void);
int op_check_extension(void);
int op_create_vcpu(void);
int op_create_device(void);
int op_memory_region(void);
int op_get_dirty_log(void);
int op_clear_dirty_log(void);
int op_irq_line(void);
int op_irqfd(void);
int op_ioeventfd(void);
int op_signal_event(void);
int op_routing(void);
int op_signal_msi(void);
int op_enable_cap(void);
int op_preferred_target(void);
int op_set_attr(void);
int op_get_attr(void);
int op_has_attr(void);
int op_complete(void);
int op_vcpu_init(void);
int op_run(void);
int op_scribble(void);
int op_get_reg(void);
int op_set_reg(void);
int op_reg_list(void);
int op_get_mp_state(void);
int op_set_mp_state(void);
int op_get_events(void);
int op_set_events(void);
int op_guest_debug(void);
int op_signal_mask(void);
int op_stats(void);
int op_vcpu_attr(void);
int op_its_commands(void);
int op_its_tables(void);
int op_any_ioctl(void);
int op_memory(void);
int op_close(void);
int op_fork(void);

#endif
