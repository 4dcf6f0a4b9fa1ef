// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt and doorbell wiring, see irq.h for the threads. irq->lock guards the doorbells, which
 * come and go while vCPUs run. irq->vm and the irqfds change only while none does, so
 * zvm_irq_set_level() may read it on any thread without a lock.
 */
#include "vmm/run/irq.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/run/kvm.h"

void zvm_irq_init(struct zvm_irq *irq)
{
	memset(irq, 0, sizeof(*irq));
	irq->vm = -1;
	pthread_mutex_init(&irq->lock, NULL);
}

void zvm_irq_fini(struct zvm_irq *irq)
{
	zvm_irq_detach(irq);
	while (irq->nr_fds)
		close(irq->fds[--irq->nr_fds].fd);
	pthread_mutex_destroy(&irq->lock);
}

static void detach(struct zvm_irq *irq)
{
	if (irq->vm < 0)
		return;
	/* Those that attach did not get to are not there; that is no error worth a word. */
	for (unsigned int i = 0; i < irq->nr_fds; i++)
		zvm_kvm_irqfd(irq->vm, irq->fds[i].fd, irq->fds[i].spi, false);
	for (unsigned int i = 0; i < irq->nr_doorbells; i++)
		if (irq->doorbells[i].fd >= 0)
			zvm_kvm_ioeventfd(irq->vm, irq->doorbells[i].fd, irq->doorbells[i].ipa,
					  irq->doorbells[i].value, false);
	irq->vm = -1;
}

static int attach(struct zvm_irq *irq, int vm, struct zvm_err *err)
{
	int ret;

	irq->vm = vm;
	for (unsigned int i = 0; i < irq->nr_fds; i++) {
		ret = zvm_kvm_irqfd(vm, irq->fds[i].fd, irq->fds[i].spi, true);
		if (ret < 0) {
			detach(irq);
			return zvm_err_set(err, ret, "KVM_IRQFD for SPI %u: %s", irq->fds[i].spi,
					   strerror(-ret));
		}
	}
	/* Not on KVM, and not when the page cannot be pinned: slower and just as correct. */
	for (unsigned int i = 0; i < irq->nr_status; i++)
		if (zvm_kvm_status_word(vm, irq->status[i].ipa, irq->status[i].word) < 0)
			break;
	for (unsigned int i = 0; i < irq->nr_doorbells; i++) {
		if (irq->doorbells[i].fd < 0)
			continue;
		ret = zvm_kvm_ioeventfd(vm, irq->doorbells[i].fd, irq->doorbells[i].ipa,
					irq->doorbells[i].value, true);
		if (ret < 0) {
			detach(irq);
			return zvm_err_set(err, ret, "KVM_IOEVENTFD at 0x%llx: %s",
					   (unsigned long long)irq->doorbells[i].ipa,
					   strerror(-ret));
		}
	}
	return 0;
}

int zvm_irq_attach(struct zvm_irq *irq, int vm, struct zvm_err *err)
{
	int ret;

	pthread_mutex_lock(&irq->lock);
	ret = attach(irq, vm, err);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

void zvm_irq_detach(struct zvm_irq *irq)
{
	pthread_mutex_lock(&irq->lock);
	detach(irq);
	pthread_mutex_unlock(&irq->lock);
}

int zvm_irq_new_fd(struct zvm_irq *irq, uint32_t spi)
{
	int fd, ret = 0;

	if (irq->nr_fds == ZVM_IRQ_FDS)
		return -ENOSPC;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (irq->vm >= 0)
		ret = zvm_kvm_irqfd(irq->vm, fd, spi, true);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	irq->fds[irq->nr_fds].fd = fd;
	irq->fds[irq->nr_fds++].spi = spi;
	return fd;
}

void zvm_irq_status_word(struct zvm_irq *irq, uint64_t ipa, const void *word)
{
	if (irq->nr_status == ZVM_IRQ_FDS)
		return;
	irq->status[irq->nr_status].ipa = ipa;
	irq->status[irq->nr_status++].word = word;
}

static int doorbell(struct zvm_irq *irq, uint64_t ipa, uint32_t value, int fd, bool on)
{
	unsigned int at, slot = irq->nr_doorbells;
	int ret = 0;

	for (at = 0; at < irq->nr_doorbells; at++) {
		if (irq->doorbells[at].fd < 0)
			slot = at;
		else if (irq->doorbells[at].ipa == ipa && irq->doorbells[at].value == value)
			break;
	}
	if (on == (at < irq->nr_doorbells))
		return on ? -EEXIST : -ENOENT;
	if (on && slot == ZVM_IRQ_DOORBELLS)
		return -ENOSPC;
	if (irq->vm >= 0)
		ret = zvm_kvm_ioeventfd(irq->vm, fd, ipa, value, on);
	if (ret < 0)
		return ret;
	if (!on) {
		irq->doorbells[at].fd = -1;
		return 0;
	}
	irq->doorbells[slot].fd = fd;
	irq->doorbells[slot].ipa = ipa;
	irq->doorbells[slot].value = value;
	if (slot == irq->nr_doorbells)
		irq->nr_doorbells++;
	return 0;
}

int zvm_irq_doorbell(struct zvm_irq *irq, uint64_t ipa, uint32_t value, int fd, bool on)
{
	int ret;

	pthread_mutex_lock(&irq->lock);
	ret = doorbell(irq, ipa, value, fd, on);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

void zvm_irq_set_level(void *opaque, unsigned int spi, bool level)
{
	struct zvm_irq *irq = opaque;

	/* Between two VMs there is nothing to drive; a new GIC starts with all levels low. */
	if (irq->vm >= 0)
		zvm_kvm_set_spi(irq->vm, spi, level);
}
