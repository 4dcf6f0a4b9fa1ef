# SPDX-License-Identifier: GPL-2.0
# board: --timeout 400
# What guest memory is made of (backing.c), with memory pinned and with memory that follows the VMM.
. "$(dirname "$0")/lib.sh"

# Swap on compressed memory, and a file system of a disk; without the modules their tests are skipped.
modprobe zram && echo 256M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null &&
	swapon /dev/zram0
mkdir -p /tmp/ext4
cp "$images/rootfs.ext4" /tmp/ext4.img
modprobe loop && modprobe ext4 && mount -o loop -t ext4 /tmp/ext4.img /tmp/ext4

if [ "$device" = /dev/zvm ]; then
	for args in notifier=0 notifier=1; do
		echo "# insmod zvm.ko $args"
		insmod /zvm.ko $args || { result 1 "module_loads_with_$args"; continue; }
		/mnt/zvm/host-tests/backing || bad=$((bad + 1))
		check "module_unloads_$args" rmmod zvm
	done
else
	/mnt/zvm/host-tests/backing --device "$device" || bad=$((bad + 1))
fi
swapoff /dev/zram0 2>/dev/null
umount /tmp/ext4 2>/dev/null
finish
