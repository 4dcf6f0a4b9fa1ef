/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The physical machine, found at load: what the CPUs can do, and their interrupts.
 */
#ifndef ZVM_HOST_H
#define ZVM_HOST_H

/* 0, or -errno after one line that says what is missing and what to do. */
int zvm_host_probe(void);

/* irq.c: the PPIs of timers and vGIC maintenance */
int zvm_irq_init(void);
void zvm_irq_exit(void);
void zvm_irq_cpu_online(void); /* on the CPU, IRQs on or off */
void zvm_irq_cpu_resume(void); /* the same after an idle state, if it was lost there; IRQs off */
void zvm_irq_cpu_offline(void);

#endif
