// SPDX-License-Identifier: GPL-2.0
/* The driver in memory; see virtio_driver.h. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "virtio_driver.h"

#define GUARD	65536u
#define WAIT_MS 5000

static int env_watch(void *ctx, int fd, uint32_t events, zvm_virtio_fd_cb cb, void *arg)
{
	struct vdrv *d = ctx;
	struct stat st;
	unsigned int i;

	/* epoll refuses regular files. */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return -EPERM;
	for (i = 0; i < d->nr_watch && d->watch[i].fd != fd; i++)
		;
	assert_true(i < VDRV_MAX_WATCH);
	if (i == d->nr_watch)
		d->nr_watch++;
	d->watch[i].fd = fd;
	d->watch[i].events = events;
	d->watch[i].cb = cb;
	d->watch[i].arg = arg;
	return 0;
}

static void env_unwatch(void *ctx, int fd)
{
	struct vdrv *d = ctx;
	unsigned int i;

	for (i = 0; i < d->nr_watch; i++)
		if (d->watch[i].fd == fd) {
			d->watch[i] = d->watch[--d->nr_watch];
			return;
		}
}

static int env_bind(void *ctx, uint64_t offset, uint32_t queue, int fd, bool on)
{
	struct vdrv *d = ctx;

	assert_int_equal(offset, VIRTIO_MMIO_QUEUE_NOTIFY);
	assert_true(queue < ZVM_VIRTIO_MAX_QUEUES);
	if (!d->ioeventfd)
		return -ENOSYS;
	d->bound[queue] = on ? fd : -1;
	return 0;
}

static void env_log(void *ctx, enum zvm_virtio_log level, const char *msg)
{
	struct vdrv *d = ctx;

	pthread_mutex_lock(&d->log_lock);
	snprintf(d->log, sizeof(d->log), "%s", msg);
	d->logs++;
	pthread_mutex_unlock(&d->log_lock);
}

void vdrv_init(struct vdrv *d)
{
	unsigned int i;

	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->log_lock, NULL);
	d->map = mmap(NULL, VDRV_RAM_SIZE + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(d->map, MAP_FAILED);
	d->ram = d->map + GUARD;
	assert_int_equal(mprotect(d->ram, VDRV_RAM_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(zvm_gmem_add(&d->gmem, VDRV_RAM_IPA, VDRV_RAM_SIZE, d->ram, false, NULL),
			 0);
	for (i = 0; i < ZVM_VIRTIO_MAX_QUEUES; i++)
		d->bound[i] = -1;
	d->env = (struct zvm_virtio_env){
		.ctx = d,
		.watch = env_watch,
		.unwatch = env_unwatch,
		.bind_notify = env_bind,
		.irqfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.log = env_log,
		.gmem = &d->gmem,
	};
	assert_true(d->env.irqfd >= 0);
	vdrv_free_all(d);
}

void vdrv_fini(struct vdrv *d)
{
	unsigned int i;

	zvm_virtio_destroy(d->dev);
	assert_int_equal(d->nr_watch, 0);
	for (i = 0; i < ZVM_VIRTIO_MAX_QUEUES; i++)
		assert_int_equal(d->bound[i], -1);
	close(d->env.irqfd);
	pthread_mutex_destroy(&d->log_lock);
	munmap(d->map, VDRV_RAM_SIZE + 2 * GUARD);
}

uint32_t vdrv_rd(struct vdrv *d, uint64_t offset)
{
	uint32_t v = 0xdeadbeef;

	zvm_virtio_mmio_read(d->dev, offset, &v, sizeof(v));
	return v;
}

void vdrv_wr(struct vdrv *d, uint64_t offset, uint32_t v)
{
	zvm_virtio_mmio_write(d->dev, offset, &v, sizeof(v));
}

uint64_t vdrv_device_features(struct vdrv *d)
{
	uint64_t lo, hi;

	vdrv_wr(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	lo = vdrv_rd(d, VIRTIO_MMIO_DEVICE_FEATURES);
	vdrv_wr(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	hi = vdrv_rd(d, VIRTIO_MMIO_DEVICE_FEATURES);
	return hi << 32 | lo;
}

uint32_t vdrv_negotiate(struct vdrv *d, uint64_t features)
{
	uint32_t s = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	vdrv_wr(d, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_STATUS), 0);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, s);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES, features);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	vdrv_wr(d, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	vdrv_wr(d, VIRTIO_MMIO_STATUS, s | VIRTIO_CONFIG_S_FEATURES_OK);
	return vdrv_rd(d, VIRTIO_MMIO_STATUS);
}

void vdrv_queue_setup(struct vdrv *d, unsigned int qi, uint16_t num)
{
	struct vdrv_queue *q = &d->q[qi];

	*q = (struct vdrv_queue){
		.num = num,
		.desc = vdrv_alloc(d, num * 16u, 16),
		.avail = vdrv_alloc(d, 6 + num * 2u, 2),
		.used = vdrv_alloc(d, 6 + num * 8u, 4),
	};
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_SEL, qi);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_NUM, num);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_DESC_LOW, q->desc);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_DESC_HIGH, q->desc >> 32);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, q->avail);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, q->avail >> 32);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_USED_LOW, q->used);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_USED_HIGH, q->used >> 32);
	vdrv_wr(d, VIRTIO_MMIO_QUEUE_READY, 1);
}

void vdrv_driver_ok(struct vdrv *d)
{
	vdrv_wr(d, VIRTIO_MMIO_STATUS, vdrv_rd(d, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
}

void vdrv_start(struct vdrv *d, uint64_t features, unsigned int queues, uint16_t num)
{
	unsigned int i;

	assert_true(vdrv_negotiate(d, features) & VIRTIO_CONFIG_S_FEATURES_OK);
	vdrv_free_all(d);
	for (i = 0; i < queues; i++)
		vdrv_queue_setup(d, i, num);
	vdrv_driver_ok(d);
	assert_false(vdrv_needs_reset(d));
}

uint64_t vdrv_alloc(struct vdrv *d, uint32_t size, uint32_t align)
{
	uint64_t ipa = (d->next_free + align - 1) / align * align;

	d->next_free = ipa + size;
	assert_true(d->next_free <= VDRV_RAM_IPA + VDRV_RAM_SIZE);
	memset(vdrv_ptr(d, ipa), 0, size);
	return ipa;
}

void *vdrv_ptr(struct vdrv *d, uint64_t ipa)
{
	return d->ram + (ipa - VDRV_RAM_IPA);
}

void vdrv_free_all(struct vdrv *d)
{
	d->next_free = VDRV_RAM_IPA;
}

void vdrv_desc(struct vdrv *d, unsigned int qi, uint16_t i, uint64_t addr, uint32_t len,
	       uint16_t flags, uint16_t next)
{
	struct vring_desc *desc = vdrv_ptr(d, d->q[qi].desc);

	desc[i] = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

void vdrv_make_available(struct vdrv *d, unsigned int qi, uint16_t head)
{
	struct vdrv_queue *q = &d->q[qi];
	uint16_t *avail = vdrv_ptr(d, q->avail);

	avail[2 + q->avail_idx % q->num] = head;
	q->avail_idx++;
	zvm_le16_store_release(&avail[1], q->avail_idx);
}

static uint16_t take_desc(struct vdrv_queue *q)
{
	uint16_t i = q->next_desc;

	q->next_desc = (i + 1) % q->num;
	return i;
}

uint16_t vdrv_add(struct vdrv *d, unsigned int qi, const struct vdrv_buf *buf, unsigned int n)
{
	struct vdrv_queue *q = &d->q[qi];
	uint16_t head = q->next_desc;
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint16_t at = take_desc(q);

		vdrv_desc(d, qi, at, buf[i].ipa, buf[i].len,
			  (buf[i].in ? VRING_DESC_F_WRITE : 0) |
				  (i + 1 < n ? VRING_DESC_F_NEXT : 0),
			  q->next_desc);
	}
	vdrv_make_available(d, qi, head);
	return head;
}

uint16_t vdrv_add_indirect(struct vdrv *d, unsigned int qi, const struct vdrv_buf *buf,
			   unsigned int n)
{
	uint64_t ipa = vdrv_alloc(d, n * sizeof(struct vring_desc), 16);
	struct vring_desc *table = vdrv_ptr(d, ipa);
	uint16_t head = take_desc(&d->q[qi]);
	unsigned int i;

	for (i = 0; i < n; i++)
		table[i] = (struct vring_desc){
			.addr = buf[i].ipa,
			.len = buf[i].len,
			.flags = (buf[i].in ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0),
			.next = i + 1,
		};
	vdrv_desc(d, qi, head, ipa, n * sizeof(table[0]), VRING_DESC_F_INDIRECT, 0);
	vdrv_make_available(d, qi, head);
	return head;
}

void vdrv_kick(struct vdrv *d, unsigned int qi)
{
	static const uint64_t one = 1;

	if (d->bound[qi] >= 0)
		assert_int_equal(write(d->bound[qi], &one, sizeof(one)), sizeof(one));
	else
		vdrv_wr(d, VIRTIO_MMIO_QUEUE_NOTIFY, qi);
}

unsigned int vdrv_loop(struct vdrv *d, int timeout_ms)
{
	struct pollfd p[VDRV_MAX_WATCH];
	unsigned int i, j, n = d->nr_watch, called = 0;

	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = d->watch[i].fd, .events = d->watch[i].events };
	if (poll(p, n, timeout_ms) <= 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (!p[i].revents)
			continue;
		/* A callback before may have changed the table. */
		for (j = 0; j < d->nr_watch && d->watch[j].fd != p[i].fd; j++)
			;
		if (j == d->nr_watch)
			continue;
		d->watch[j].cb(d->watch[j].arg, p[i].revents);
		called++;
	}
	return called;
}

void vdrv_settle(struct vdrv *d)
{
	unsigned int turns = 0;

	while (vdrv_loop(d, 0))
		assert_true(++turns < 100000);
}

uint16_t vdrv_used_idx(struct vdrv *d, unsigned int qi)
{
	return zvm_le16_load_acquire((uint16_t *)vdrv_ptr(d, d->q[qi].used) + 1);
}

bool vdrv_wait(struct vdrv *d, unsigned int qi, uint16_t *head, uint32_t *len)
{
	struct vdrv_queue *q = &d->q[qi];
	struct timespec t0, t;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	while (vdrv_used_idx(d, qi) == q->used_idx) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		if ((t.tv_sec - t0.tv_sec) * 1000 + (t.tv_nsec - t0.tv_nsec) / 1000000 > WAIT_MS)
			return false;
		vdrv_loop(d, 1);
	}
	if (head || len) {
		uint32_t *e = vdrv_ptr(d, q->used + 4 + q->used_idx % q->num * 8u);

		if (head)
			*head = e[0];
		if (len)
			*len = e[1];
	}
	q->used_idx++;
	return true;
}

unsigned int vdrv_irqs(struct vdrv *d)
{
	uint64_t n;

	return read(d->env.irqfd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

bool vdrv_needs_reset(struct vdrv *d)
{
	return vdrv_rd(d, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool vdrv_logged(struct vdrv *d, const char *text)
{
	bool found;

	pthread_mutex_lock(&d->log_lock);
	found = strstr(d->log, text);
	pthread_mutex_unlock(&d->log_lock);
	return found;
}
