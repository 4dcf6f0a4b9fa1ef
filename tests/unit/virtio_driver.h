/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest driver in memory, for tests of the virtio devices: RAM between guard pages, the services
 * of struct zvm_virtio_env over poll(2), and rings that can be driven correctly or wrongly.
 *
 * One thread: MMIO calls and the event loop take turns. A test that breaks a rule writes the ring
 * itself with vdrv_desc() and vdrv_make_available().
 */
#ifndef ZVM_TESTS_VIRTIO_DRIVER_H
#define ZVM_TESTS_VIRTIO_DRIVER_H

#include <pthread.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <zvm/virtio.h>

#define VDRV_RAM_IPA   0x40000000ULL
#define VDRV_RAM_SIZE  (4u << 20)
#define VDRV_FEATURES  (1ULL << VIRTIO_F_VERSION_1)
#define VDRV_INDIRECT  (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define VDRV_EVENT_IDX (1ULL << VIRTIO_RING_F_EVENT_IDX)
#define VDRV_MAX_WATCH 64

struct vdrv_queue {
	uint16_t num;
	uint64_t desc, avail, used; /* IPA */
	uint16_t avail_idx, used_idx;
	uint16_t next_desc;
};

struct vdrv {
	uint8_t *map, *ram;
	struct zvm_gmem gmem;
	struct zvm_virtio_env env;
	struct zvm_virtio_dev *dev;
	uint64_t next_free; /* IPA */
	struct {
		int fd;
		uint32_t events;
		zvm_virtio_fd_cb cb;
		void *arg;
	} watch[VDRV_MAX_WATCH];
	unsigned int nr_watch;
	bool ioeventfd; /* bind_notify succeeds */
	int bound[ZVM_VIRTIO_MAX_QUEUES];
	pthread_mutex_t log_lock;
	char log[256]; /* the last line */
	unsigned int logs;
	struct vdrv_queue q[ZVM_VIRTIO_MAX_QUEUES];
};

/* One buffer of a chain. */
struct vdrv_buf {
	uint64_t ipa;
	uint32_t len;
	bool in; /* device writes it */
};

void vdrv_init(struct vdrv *d);
/* Destroys the device, and fails when it left a watch or a doorbell behind. */
void vdrv_fini(struct vdrv *d);

uint32_t vdrv_rd(struct vdrv *d, uint64_t offset);
void vdrv_wr(struct vdrv *d, uint64_t offset, uint32_t v);
uint64_t vdrv_device_features(struct vdrv *d);

/* Reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK. Returns the status that is read back. */
uint32_t vdrv_negotiate(struct vdrv *d, uint64_t features);
void vdrv_queue_setup(struct vdrv *d, unsigned int qi, uint16_t num);
void vdrv_driver_ok(struct vdrv *d);
/* All of it with queues of num entries; fails the test when the device does not agree. */
void vdrv_start(struct vdrv *d, uint64_t features, unsigned int queues, uint16_t num);

/* Zeroed guest memory that is never given back. */
uint64_t vdrv_alloc(struct vdrv *d, uint32_t size, uint32_t align);
void *vdrv_ptr(struct vdrv *d, uint64_t ipa);
/* Starts handing out memory from the beginning again; rings must be set up anew. */
void vdrv_free_all(struct vdrv *d);

void vdrv_desc(struct vdrv *d, unsigned int qi, uint16_t i, uint64_t addr, uint32_t len,
	       uint16_t flags, uint16_t next);
void vdrv_make_available(struct vdrv *d, unsigned int qi, uint16_t head);
/* Writes a chain of descriptors, makes it available, returns its head. No doorbell. */
uint16_t vdrv_add(struct vdrv *d, unsigned int qi, const struct vdrv_buf *buf, unsigned int n);
/* The same through an indirect table. */
uint16_t vdrv_add_indirect(struct vdrv *d, unsigned int qi, const struct vdrv_buf *buf,
			   unsigned int n);
void vdrv_kick(struct vdrv *d, unsigned int qi);

/* One turn of the event loop; returns the number of callbacks. */
unsigned int vdrv_loop(struct vdrv *d, int timeout_ms);
/* Turns the loop until nothing is ready. */
void vdrv_settle(struct vdrv *d);
/* Waits up to 5 s for the next used entry. False: none came. */
bool vdrv_wait(struct vdrv *d, unsigned int qi, uint16_t *head, uint32_t *len);
uint16_t vdrv_used_idx(struct vdrv *d, unsigned int qi);

/* Interrupts raised since the last call. */
unsigned int vdrv_irqs(struct vdrv *d);
bool vdrv_needs_reset(struct vdrv *d);
/* Does the last line say this? For devices that log on a thread of their own. */
bool vdrv_logged(struct vdrv *d, const char *text);

#endif /* ZVM_TESTS_VIRTIO_DRIVER_H */
