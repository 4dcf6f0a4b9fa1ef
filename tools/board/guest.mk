# SPDX-License-Identifier: GPL-2.0
#
# Linux guests for the demo and the tests, in build/guest: Debian's own kernels (Image-REL), an
# initrd with the drivers that these keep as modules (initrd-REL.img), a small root file system
# (rootfs.ext4), an empty disk (data.img), Debian's U-Boot (u-boot.bin), and the TOML files of
# configs/vm, whose paths are relative to themselves. Nothing here needs to be root.

LINUX_RELS := 6.1 6.12
G := $(B)/guest
GUEST_SRC := tools/board/guest
U := $(DEPS)/userland

.PHONY: linux-guests
linux-guests: $(foreach r,$(LINUX_RELS),$(G)/Image-$(r) $(G)/initrd-$(r).img) $(G)/rootfs.ext4 \
	$(G)/u-boot.bin $(G)/data.img $(patsubst configs/vm/%,$(G)/%,$(wildcard configs/vm/*.toml))
guests: linux-guests

$(DEPS)/.done-userland $(DEPS)/.done-firmware:
	$(Q)tools/deps

$(G)/Image-%: $(DEPS)/.done-kernel-%
	@mkdir -p $(@D)
	$(Q)cp $(DEPS)/kernel/$*/Image $@

$(G)/initrd-%.img: $(DEPS)/.done-kernel-% $(DEPS)/.done-userland tools/board/initramfs \
		$(GUEST_SRC)/initrd-init tools/board/guest.mk
	@mkdir -p $(@D)
	$(Q)tools/board/initramfs $@ dir:proc dir:sys dir:dev dir:root \
		file:init:$(GUEST_SRC)/initrd-init:755 \
		busybox:$(U)/bin/busybox:$(U)/busybox.applets \
		"mods:$(DEPS)/kernel/$*:$$(cat $(DEPS)/kernel/$*/version):$(strip \
		)virtio_mmio,virtio_pci,virtio_blk,virtio_net,virtio_console,virtio_rng,crc32c_generic?,ext4"

# Guests that CI leaves out (make check-guests): other kernels of Debian's, and kernels of our own
# with larger pages, which need no initrd.
OTHER_RELS := 5.10 sid
PAGE_SIZES := 16k 64k

.PHONY: other-guests
other-guests: $(foreach r,$(OTHER_RELS),$(G)/Image-$(r) $(G)/initrd-$(r).img) \
	$(PAGE_SIZES:%=$(G)/Image-%) $(G)/perf.ext4

$(PAGE_SIZES:%=$(G)/Image-%): $(G)/Image-%: tools/board/guest-kernel tools/board/guest-kernel.config
	@mkdir -p $(@D)
	$(Q)tools/board/guest-kernel $*
	$(Q)cp $(DEPS)/guest-kernel/$*/Image $@

# Program and where it lies in Debian's packages; libraries follow by themselves.
ROOTFS_PROGRAMS := bin/lsblk bin/findmnt usr/bin/lscpu usr/bin/taskset sbin/blkdiscard sbin/fstrim \
	sbin/e2fsck
ROOTFS_SOURCES := $(wildcard $(addprefix $(GUEST_SRC)/,rcS console inittab tests/*))

$(G)/perf-count: $(GUEST_SRC)/perf-count.c
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -o $@ $<

$(G)/rootfs.ext4: $(DEPS)/.done-userland tools/board/initramfs $(ROOTFS_SOURCES) tools/board/guest.mk \
		$(G)/perf-count $(B)/bin/bench-mark
	@mkdir -p $(@D)
	$(Q)tools/board/initramfs $@.cpio dir:proc dir:sys dir:dev dir:run dir:tmp:1777 dir:var \
		dir:root:700 dir:mnt \
		file:sbin/console:$(GUEST_SRC)/console:755 \
		file:etc/init.d/rcS:$(GUEST_SRC)/rcS:755 \
		file:etc/inittab:$(GUEST_SRC)/inittab:644 \
		$(foreach p,$(ROOTFS_PROGRAMS),file:$(p):$(U)/$(p):755 elf:$(U)/$(p):$(U)) \
		file:bin/perf-count:$(G)/perf-count:755 file:bin/bench-mark:$(B)/bin/bench-mark:755 \
		tree:usr/lib/zvm-tests:$(GUEST_SRC)/tests \
		busybox:$(U)/bin/busybox:$(U)/busybox.applets
	$(Q)rm -rf $@.dir && mkdir $@.dir && (cd $@.dir && cpio -id --quiet <../$(@F).cpio)
	$(Q)echo guest >$@.dir/etc/hostname
	$(Q)echo 'root::0:0:root:/root:/bin/sh' >$@.dir/etc/passwd
	$(Q)truncate -s 64M $@.tmp && /sbin/mke2fs -q -t ext4 -L zvm-root -E root_owner=0:0 -d $@.dir $@.tmp
	$(Q)rm -rf $@.dir $@.cpio && mv $@.tmp $@

# A disk with perf on it, to be the root of that program.
$(DEPS)/.done-perf:
	$(Q)tools/deps perf

P := $(DEPS)/perf
$(G)/perf.ext4: $(DEPS)/.done-perf $(DEPS)/.done-userland tools/board/initramfs tools/board/guest.mk
	@mkdir -p $(@D)
	$(Q)tools/board/initramfs $@.cpio dir:proc dir:sys dir:tmp \
		file:bin/perf:$(P)/usr/bin/perf:755 elf:$(P)/usr/bin/perf:$(P) \
		busybox:$(U)/bin/busybox:$(U)/busybox.applets
	$(Q)rm -rf $@.dir && mkdir $@.dir && (cd $@.dir && cpio -id --quiet <../$(@F).cpio)
	$(Q)truncate -s 64M $@.tmp && /sbin/mke2fs -q -t ext4 -E root_owner=0:0 -d $@.dir $@.tmp
	$(Q)rm -rf $@.dir $@.cpio && mv $@.tmp $@

$(G)/u-boot.bin: $(DEPS)/.done-firmware
	@mkdir -p $(@D)
	$(Q)cp $(DEPS)/firmware/usr/lib/u-boot/qemu_arm64/u-boot.bin $@

$(G)/data.img:
	@mkdir -p $(@D)
	$(Q)truncate -s 64M $@

$(G)/%.toml: configs/vm/%.toml
	@mkdir -p $(@D)
	$(Q)cp $< $@
