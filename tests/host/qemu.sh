# SPDX-License-Identifier: GPL-2.0
# board: --timeout 600 --mem 3072 --dir qemu=deps/qemu-arm64
# deps: qemu
# Debian's QEMU as a client of the module: Linux with PCI and an ITS boots on it, is stopped and
# watched, debugged, reset, saved and restored.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-qemu.sh"

boots() {
	serial_wait 150 'zvm-guest: up .* cpus=4' && serial_wait 60 'zvm-guest: alive'
}

messages_of() { grep -q "zvm-guest: messages of $1: [1-9]" /tmp/serial; }

# Stopped is stopped: nothing more comes out of it.
stops() {
	mon stop
	mon_wait 60 'info status' 'VM status: paused' || return 1
	before=$(wc -c </tmp/serial)
	sleep 2
	[ "$(wc -c </tmp/serial)" = "$before" ]
}

shows_registers() {
	mon_wait 60 'info registers -a' 'CPU#3' && grep -q 'PC=[0-9a-f]*[1-9a-f]' /tmp/mon.log
}

goes_on() {
	alive=$(grep -c 'zvm-guest: alive' /tmp/serial)
	mon cont
	serial_wait 60 'zvm-guest: alive' $((alive + 2))
}

debugs() {
	at=$(sed -n 's/^zvm-guest: address \([0-9a-f]*\) .*/\1/p' /tmp/serial)
	/mnt/zvm/host-tests/gdb-step /tmp/gdb "$at" && mon_wait 60 'info status' 'VM status: running'
}

resets() {
	mon system_reset
	serial_wait 150 'zvm-guest: up .* cpus=4' 2
}

quits() {
	mon quit
	qemu_end 60
}

uses_vhost() { cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep '^vhost-'; }

# While it runs: QEMU follows what the guest writes by the dirty log.
saves() {
	mon "migrate -d \"exec:cat >/tmp/state\""
	mon_wait 150 'info migrate' 'Migration status: completed' || return 1
	quits && mv /tmp/serial /tmp/serial.saved
	tail -n 3 /tmp/serial.saved
	! grep -q 'zvm-test:' /tmp/serial.saved
}

restores() {
	qemu /tmp/rootfs.ext4 compute -incoming 'exec:cat /tmp/state'
	serial_wait 200 'zvm-test: compute' && qemu_end 60
	qemu_status=$?
	tail -n 15 /tmp/serial
	[ $qemu_status = 0 ] && grep -q '^zvm-test: compute ok' /tmp/serial
}

load_module
qemu_prepare
cp $images/rootfs.ext4 /tmp/
qemu /tmp/rootfs.ext4 pci
check qemu_boots_linux_with_four_cpus boots
sed -n 's/^zvm-guest: /# /p' /tmp/serial | tr -d "$cr"
check disk_works_by_message messages_of virtio0
check network_works_by_message messages_of virtio1
check network_answers grep -q 'zvm-guest: ping ok' /tmp/serial
check qemu_stops_the_guest stops
check qemu_shows_the_registers_of_all_cpus shows_registers
check qemu_lets_the_guest_go_on goes_on
check debugger_breaks_and_steps_in_the_kernel debugs
sed -n 's/^.*: at 0x/# &/p' /tmp/check.out
check guest_goes_on_after_the_debugger goes_on
check qemu_resets_the_guest resets
check qemu_quits quits
# The second machine's network card is the kernel's, if it has one.
if modprobe tun && modprobe vhost_net; then
	qemu_net=tap,ifname=zvmtap,script=no,downscript=no,vhost=on
fi
qemu /tmp/rootfs.ext4 compute
check guest_computes serial_wait 150 'zvm-guest: round 20 '
if [ "$qemu_net" != user ]; then
	check network_is_with_vhost uses_vhost
else
	skip network_is_with_vhost "no vhost_net in this kernel"
fi
check qemu_saves_the_running_machine saves
check restored_machine_comes_to_the_right_result restores
check restored_machine_has_not_booted_again sh -c '! grep "zvm-guest: up" /tmp/serial'
if [ "$device" = /dev/zvm ]; then
	check module_has_no_users_left [ "$(module_users)" = 0 ]
	check module_unloads rmmod zvm
fi
finish
