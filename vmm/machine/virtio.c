// SPDX-License-Identifier: GPL-2.0
/*
 * The virtio library's environment: its event sources on our loop, its doorbells and interrupts on
 * our wires, its register windows on our bus. Locks are the library's own.
 *
 * A slot without a device still answers as a virtio-mmio transport with device ID 0, as on QEMU's
 * virt board: a device tree that lists all 32 slots is legal (VIRTIO 1.2, section 4.2.2).
 */
#include "vmm/machine/virtio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine/machine.h"
#include "vmm/run/log.h"

/* ---- event sources ---- */

struct zvm_slot_watch {
	struct zvm_slot_watch *next;
	struct zvm_watch watch;
	zvm_virtio_fd_cb cb;
	void *arg;
};

static void slot_event(struct zvm_watch *watch, uint32_t events)
{
	struct zvm_slot_watch *w = watch->opaque;

	w->cb(w->arg, events); /* may have freed w */
}

static struct zvm_slot_watch *slot_find(struct zvm_slot *slot, int fd)
{
	struct zvm_slot_watch *w;

	for (w = slot->watches; w && w->watch.fd != fd; w = w->next)
		;
	return w;
}

static int slot_watch(void *ctx, int fd, uint32_t events, zvm_virtio_fd_cb cb, void *arg)
{
	struct zvm_slot *slot = ctx;
	struct zvm_slot_watch *w = slot_find(slot, fd);
	int ret;

	if (w) {
		w->cb = cb;
		w->arg = arg;
		return zvm_loop_set(slot->m->loop, &w->watch, events);
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->cb = cb;
	w->arg = arg;
	ret = zvm_loop_add(slot->m->loop, &w->watch, fd, events, slot_event, w);
	if (ret < 0) {
		free(w);
		return ret;
	}
	w->next = slot->watches;
	slot->watches = w;
	return 0;
}

static void slot_unwatch(void *ctx, int fd)
{
	struct zvm_slot *slot = ctx;

	for (struct zvm_slot_watch **at = &slot->watches; *at; at = &(*at)->next) {
		struct zvm_slot_watch *w = *at;

		if (w->watch.fd != fd)
			continue;
		*at = w->next;
		zvm_loop_del(slot->m->loop, &w->watch);
		free(w);
		return;
	}
}

/* ---- registers, doorbells, messages ---- */

static uint64_t slot_base(const struct zvm_slot *slot)
{
	return zvm_map[ZVM_MAP_VIRTIO].base + (uint64_t)slot->index * ZVM_MAP_VIRTIO_SLOT;
}

static uint64_t slot_read(void *dev, uint64_t off, unsigned int width)
{
	struct zvm_slot *slot = dev;
	uint64_t val = 0;

	zvm_virtio_mmio_read(slot->dev, off, &val, width);
	return val;
}

static void slot_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	struct zvm_slot *slot = dev;

	zvm_virtio_mmio_write(slot->dev, off, &val, width);
}

static const struct zvm_mmio_ops slot_ops = { .read = slot_read, .write = slot_write };

#define EMPTY_MAGIC   0x74726976u /* "virt" */
#define EMPTY_VERSION 2u

static uint64_t empty_read(void *dev, uint64_t off, unsigned int width)
{
	switch (off % ZVM_MAP_VIRTIO_SLOT) {
	case 0x000:
		return EMPTY_MAGIC;
	case 0x004:
		return EMPTY_VERSION;
	default:
		return 0;
	}
}

static void empty_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
}

static const struct zvm_mmio_ops empty_ops = { .read = empty_read, .write = empty_write };

static int slot_bind(void *ctx, uint64_t offset, uint32_t queue, int eventfd, bool on)
{
	struct zvm_slot *slot = ctx;

	return zvm_irq_doorbell(&slot->m->irq, slot_base(slot) + offset, queue, eventfd, on);
}

static void slot_log(void *ctx, enum zvm_virtio_log level, const char *msg)
{
	static const enum zvm_log_level levels[] = {
		[ZVM_VIRTIO_LOG_INFO] = ZVM_LOG_INFO,
		[ZVM_VIRTIO_LOG_WARN] = ZVM_LOG_WARN,
		[ZVM_VIRTIO_LOG_ERR] = ZVM_LOG_ERR,
	};

	zvm_log(levels[level], "%s", msg);
}

/* The next free slot with everything that a device in it needs. */
static int slot_open(struct zvm_machine *m, struct zvm_slot **out, struct zvm_virtio_env *env,
		     struct zvm_err *err)
{
	struct zvm_slot *slot = &m->slot[m->nr_slots];
	int fd;

	if (m->nr_slots == ZVM_MAP_VIRTIO_SLOTS)
		return zvm_err_set(err, ENOSPC, "all %u virtio slots are taken",
				   ZVM_MAP_VIRTIO_SLOTS);
	slot->m = m;
	slot->index = m->nr_slots;
	fd = zvm_irq_new_fd(&m->irq, (uint32_t)zvm_map[ZVM_MAP_VIRTIO].spi + slot->index);
	if (fd < 0)
		return zvm_err_set(err, fd, "virtio slot %u: cannot make its interrupt: %s",
				   slot->index, strerror(-fd));
	*env = (struct zvm_virtio_env){
		.ctx = slot,
		.watch = slot_watch,
		.unwatch = slot_unwatch,
		.bind_notify = slot_bind,
		.irqfd = fd,
		.log = slot_log,
		.gmem = &m->gmem,
	};
	*out = slot;
	return 0;
}

static int slot_place(struct zvm_machine *m, struct zvm_slot *slot, struct zvm_err *err)
{
	struct zvm_region region = {
		.name = zvm_virtio_name(slot->dev),
		.base = slot_base(slot),
		.size = ZVM_MAP_VIRTIO_SLOT,
		.widths = ZVM_WIDTH_1_4 | ZVM_WIDTH_8,
		.ops = &slot_ops,
		.dev = slot,
	};
	int ret = zvm_bus_add(&m->bus, &region);

	if (ret < 0)
		return zvm_err_set(err, ret, "cannot place %s: %s", region.name, strerror(-ret));
	zvm_irq_status_word(&m->irq, region.base + ZVM_VIRTIO_MMIO_ISR, zvm_virtio_isr(slot->dev));
	m->nr_slots++;
	return 0;
}

/* ---- the devices ---- */

__attribute__((unused)) static int not_built(struct zvm_machine *m, const char *key,
					     const char *option, struct zvm_err *err)
{
	int ret = zvm_err_set(err, ENOTSUP, "zvm-run was built without it (%s)", option);

	return zvm_config_blame(m->cfg, key, ret, err);
}

#ifdef CONFIG_ZVM_VIRTIO_BLK
/* Do vCPUs have a priority or CPUs of their own? */
static bool vcpus_are_apart(const struct zvm_config *cfg)
{
	for (unsigned int i = 0; i < cfg->vcpus; i++)
		if (cfg->vcpu.affinity[i].nr)
			return true;
	return cfg->vcpu.priority;
}

static int create_disk(struct zvm_machine *m, size_t i, struct zvm_err *err)
{
	static const enum zvm_blk_engine engines[] = {
		[ZVM_DISK_LIBAIO] = ZVM_BLK_LIBAIO,
		[ZVM_DISK_IO_URING] = ZVM_BLK_IO_URING,
		[ZVM_DISK_THREADS] = ZVM_BLK_THREADS,
	};
	const struct zvm_config_disk *disk = &m->cfg->disk[i];
	struct zvm_blk_cfg cfg = {
		.path = disk->path,
		.engine = engines[disk->engine],
		.cache = disk->cache == ZVM_DISK_CACHE_NONE ? ZVM_BLK_CACHE_NONE
							    : ZVM_BLK_CACHE_WRITEBACK,
		.readonly = disk->readonly,
		.no_discard = !disk->discard,
		.queues = disk->queues,
		.serial = disk->serial[0] ? disk->serial : NULL,
		/* The event loop must not block, and a thread may wait in ways that it cannot. */
		.iothreads = true,
		.poll_us = disk->poll,
		/* A vCPU with a priority or a CPU of its own is not to be held up. */
		.no_in_place = vcpus_are_apart(m->cfg),
	};
	struct zvm_virtio_env env;
	struct zvm_slot *slot = NULL;
	char key[48];
	int ret;

	/* The default has to work in every build; a choice of the user's is taken at its word. */
	snprintf(key, sizeof(key), "disk[%zu].engine", i);
	if (!zvm_blk_engine_available(cfg.engine) && !zvm_config_is_set(m->cfg, key))
		cfg.engine = ZVM_BLK_THREADS;
	ret = slot_open(m, &slot, &env, err);
	if (ret < 0)
		return ret;
	ret = zvm_blk_create(&env, &cfg, &slot->dev, err);
	if (ret < 0) {
		slot->dev = NULL;
		if (zvm_blk_engine_available(cfg.engine))
			snprintf(key, sizeof(key), "disk[%zu].path", i);
		return zvm_config_blame(m->cfg, key, ret, err);
	}
	return slot_place(m, slot, err);
}
#else
static int create_disk(struct zvm_machine *m, size_t i, struct zvm_err *err)
{
	return not_built(m, "disk", "CONFIG_ZVM_VIRTIO_BLK", err);
}
#endif

#ifdef CONFIG_ZVM_VIRTIO_CONSOLE
static ssize_t console_write(void *ctx, const struct iovec *iov, int iovcnt)
{
	struct zvm_machine *m = ctx;
	ssize_t total = 0;

	for (int i = 0; i < iovcnt; i++) {
		size_t n = zvm_tty_write(m->tty, iov[i].iov_base, iov[i].iov_len);

		total += (ssize_t)n;
		if (n < iov[i].iov_len)
			break;
	}
	return total;
}

static void console_rx_room(void *ctx)
{
	struct zvm_machine *m = ctx;

	zvm_tty_rx_room(m->tty);
}

static int create_console(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_console_cfg cfg = {
		.in_fd = -1,
		.out_fd = -1,
		.write = console_write,
		.rx_room = console_rx_room,
		.ctx = m,
	};
	struct zvm_virtio_env env;
	struct zvm_slot *slot = NULL;
	int ret;

	ret = slot_open(m, &slot, &env, err);
	if (ret < 0)
		return ret;
	ret = zvm_console_create(&env, &cfg, &slot->dev, err);
	if (ret < 0) {
		slot->dev = NULL;
		return ret;
	}
	m->vconsole = slot->dev;
	return slot_place(m, slot, err);
}
#else
static int create_console(struct zvm_machine *m, struct zvm_err *err)
{
	return not_built(m, "console.device", "CONFIG_ZVM_VIRTIO_CONSOLE", err);
}
#endif

#ifdef CONFIG_ZVM_VIRTIO_RNG
static int create_rng(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_virtio_env env;
	struct zvm_slot *slot = NULL;
	int ret;

	ret = slot_open(m, &slot, &env, err);
	if (ret < 0)
		return ret;
	ret = zvm_rng_create(&env, NULL, &slot->dev, err);
	if (ret < 0) {
		slot->dev = NULL;
		return ret;
	}
	return slot_place(m, slot, err);
}
#else
static int create_rng(struct zvm_machine *m, struct zvm_err *err)
{
	/* On by default: only who asks for it misses it. */
	return zvm_config_is_set(m->cfg, "rng") ? not_built(m, "rng", "CONFIG_ZVM_VIRTIO_RNG", err)
						: 0;
}
#endif

static int place_empty(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_region region = {
		.name = "empty virtio slots",
		.base = zvm_map[ZVM_MAP_VIRTIO].base + (uint64_t)m->nr_slots * ZVM_MAP_VIRTIO_SLOT,
		.size = (uint64_t)(ZVM_MAP_VIRTIO_SLOTS - m->nr_slots) * ZVM_MAP_VIRTIO_SLOT,
		.widths = ZVM_WIDTH_1_4,
		.ops = &empty_ops,
	};
	int ret;

	if (!region.size)
		return 0;
	ret = zvm_bus_add(&m->bus, &region);
	return ret < 0 ? zvm_err_set(err, ret, "cannot place %s", region.name) : 0;
}

int zvm_slots_create(struct zvm_machine *m, struct zvm_err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < m->cfg->nr_disks; i++)
		ret = create_disk(m, i, err);
	if (ret == 0 && m->cfg->console.device == ZVM_CONSOLE_VIRTIO)
		ret = create_console(m, err);
	if (ret == 0 && m->cfg->rng)
		ret = create_rng(m, err);
	return ret < 0 ? ret : place_empty(m, err);
}

void zvm_slots_destroy(struct zvm_machine *m)
{
	m->vconsole = NULL;
	m->nr_slots = 0;
	/* Not only up to nr_slots: the device of a failed placement is there as well. */
	for (unsigned int i = 0; i < ZVM_MAP_VIRTIO_SLOTS; i++) {
		zvm_virtio_destroy(m->slot[i].dev);
		m->slot[i].dev = NULL;
	}
}

void zvm_slots_reset(struct zvm_machine *m)
{
	for (unsigned int i = 0; i < m->nr_slots; i++)
		zvm_virtio_reset(m->slot[i].dev);
}

void zvm_slots_quiesce(struct zvm_machine *m)
{
	for (unsigned int i = 0; i < m->nr_slots; i++)
		zvm_virtio_quiesce(m->slot[i].dev);
}

void zvm_slots_resume(struct zvm_machine *m)
{
	for (unsigned int i = 0; i < m->nr_slots; i++)
		zvm_virtio_resume(m->slot[i].dev);
}
