# SPDX-License-Identifier: GPL-2.0
# The device library.

virtio-y := gmem.o queue.o core.o mmio.o

virtio-$(CONFIG_ZVM_VIRTIO_BLK) += blk/blk.o blk/request.o blk/image.o blk/pool.o blk/inplace.o
virtio-$(CONFIG_ZVM_BLK_LIBAIO) += blk/engine_libaio.o
virtio-$(CONFIG_ZVM_BLK_IO_URING) += blk/engine_uring.o
virtio-$(CONFIG_ZVM_VIRTIO_CONSOLE) += console.o
virtio-$(CONFIG_ZVM_VIRTIO_RNG) += rng.o

virtio-libs-$(CONFIG_ZVM_BLK_LIBAIO) += -laio
virtio-libs-$(CONFIG_ZVM_BLK_IO_URING) += -luring
virtio-libs := $(virtio-libs-y)
