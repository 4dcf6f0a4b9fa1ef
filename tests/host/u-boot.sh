# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# Debian's U-Boot for QEMU's virt machine reaches its prompt, finds the disk, and powers off.
. "$(dirname "$0")/lib.sh"

u_boot() {
	vm_make /tmp/vm u-boot.toml 1 ''
	mkfifo /tmp/vm/keys
	timeout 120 zvm-run --device "$device" /tmp/vm/vm.toml >/tmp/vm/log 2>&1 </tmp/vm/keys &
	pid=$!
	exec 4>/tmp/vm/keys
	# Any key stops the count-down.
	wait_for 60 'Hit any key' /tmp/vm/log && printf ' \r' >&4
	wait_for 30 '^=> ' /tmp/vm/log && printf 'virtio info\r' >&4
	wait_for 30 'Capacity: 64' /tmp/vm/log && printf 'poweroff\r' >&4
	wait $pid
	status=$?
	exec 4>&-
	tail -n 30 /tmp/vm/log
	[ $status = 0 ]
}

load_module
check u_boot_reaches_its_prompt_and_sees_the_disk u_boot
finish
