# SPDX-License-Identifier: GPL-2.0
# board: --timeout 400 --mem 3072 --dir qemu=deps/qemu-arm64
# deps: qemu
# Debian's QEMU with a network card whose queues are the host kernel's (vhost-net): the guest's
# doorbells are ioeventfds, its interrupts irqfds, and no packet goes through QEMU.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-qemu.sh"

# vhost-net's worker is a thread of the kernel's, or of QEMU's since 6.4.
has_worker() { cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep '^vhost-'; }

# The counter N of the interface goes up: packets of the guest that the board answered.
packets() {
	was=$(cat /sys/class/net/zvmtap/statistics/$1)
	echo "$1 $was"
	[ "$was" -gt 2 ]
}

quits() {
	mon quit
	qemu_end 60
}

if ! modprobe tun || ! modprobe vhost_net; then
	skip guest_reaches_the_board_by_vhost "no vhost_net in this kernel"
	finish
fi
load_module
qemu_prepare
cp $images/rootfs.ext4 /tmp/
qemu_net=tap,ifname=zvmtap,script=no,downscript=no,vhost=on
qemu /tmp/rootfs.ext4 pci
check guest_boots serial_wait 150 'zvm-guest: up .* cpus=4'
check queues_are_the_kernels has_worker
check guest_reaches_the_board_by_vhost serial_wait 100 'zvm-guest: ping ok'
check card_works_by_message serial_wait 60 'zvm-guest: messages of virtio1: [1-9]'
check packets_come_from_the_guest packets rx_packets
check packets_go_to_the_guest packets tx_packets
check qemu_quits quits
if [ "$device" = /dev/zvm ]; then
	check module_unloads rmmod zvm
fi
finish
