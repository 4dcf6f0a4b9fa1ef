/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wires between devices and the VM: interrupt levels, irqfds and ioeventfds.
 *
 * Devices outlive the VM that they are connected to, because a reboot of the guest makes a new
 * one. So the wires are kept in this table, and attach connects all of them to a VM.
 *
 * Main thread, no vCPU running: init, fini, attach, detach, new_fd. Any thread: zvm_irq_doorbell(),
 * which may sleep, and zvm_irq_set_level(), which takes no lock.
 */
#ifndef ZVM_RUN_IRQ_H
#define ZVM_RUN_IRQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <zvm/err.h>

#define ZVM_IRQ_FDS	  32u  /* one for each virtio-mmio slot */
#define ZVM_IRQ_DOORBELLS 288u /* queues of all devices, with room */

struct zvm_irq {
	pthread_mutex_t lock; /* doorbells against attach and detach */
	int vm;		      /* -1: not attached */
	unsigned int nr_fds, nr_doorbells, nr_status;
	struct {
		int fd;
		uint32_t spi;
	} fds[ZVM_IRQ_FDS];
	struct {
		uint64_t ipa;
		const void *word;
	} status[ZVM_IRQ_FDS];
	struct {
		int fd; /* -1: free */
		uint32_t value;
		uint64_t ipa;
	} doorbells[ZVM_IRQ_DOORBELLS];
};

void zvm_irq_init(struct zvm_irq *irq);
/* Detached; closes the interrupt eventfds, not the doorbells', which belong to their devices. */
void zvm_irq_fini(struct zvm_irq *irq);

/* Connect everything in the table to @vm. On failure nothing stays connected. */
int zvm_irq_attach(struct zvm_irq *irq, int vm, struct zvm_err *err);
void zvm_irq_detach(struct zvm_irq *irq);

/* A new eventfd whose writes are edges on @spi; stays ours. The descriptor, or -errno. */
int zvm_irq_new_fd(struct zvm_irq *irq, uint32_t spi);

/* A 32-bit write of @value to @ipa rings @fd, or no longer does. 0 or -errno. */
int zvm_irq_doorbell(struct zvm_irq *irq, uint64_t ipa, uint32_t value, int fd, bool on);

/*
 * The registers at @ipa, InterruptStatus and InterruptACK of virtio-mmio, may be answered by the
 * kernel from @word, which stays. Where it cannot, they go on to come to the bus. Main thread,
 * before attach.
 */
void zvm_irq_status_word(struct zvm_irq *irq, uint64_t ipa, const void *word);

/* Drive a level-triggered SPI; matches zvm_irqline.set, with the struct zvm_irq as opaque. */
void zvm_irq_set_level(void *irq, unsigned int spi, bool level);

#endif
