# SPDX-License-Identifier: GPL-2.0
# board: --smp 4 --mem 1024 --timeout 300 --dir kernels=deps/kernel
# The host leaves its kernel by kexec with guests at work, for the same kernel once more, which comes
# up on all CPUs and runs guests. This script goes on there: its command is in the second initramfs.
. "$(dirname "$0")/lib.sh"

# The initramfs of the board with another command in it.
second_initramfs() {
	mkdir -p /tmp/second/board
	cp /board/env /tmp/second/board/
	# the result of this check comes before the next one there
	echo "KEXECED=$((count + 1)) sh /mnt/share/kexec.sh" >/tmp/second/board/cmd
	cp /mnt/zvm/board/initramfs-"$BOARD_KERNEL".cpio /tmp/initrd &&
		(cd /tmp/second && find . | cpio -o -H newc) >>/tmp/initrd
}

starts_at_el2() {
	dmesg | grep -E 'CPU features: detected: Virtualization Host|All CPU\(s\) started'
	dmesg | grep -q 'All CPU(s) started at EL2'
}

# Of the guest's state, nothing is in the CPUs: their interrupts, timers, traps are the new kernel's.
guests_run_again() {
	insmod /zvm.ko || return 1
	guest_rounds=50 guests_start smp timer
	guests_stop 2 && rmmod zvm
}

if [ -n "${KEXECED:-}" ]; then
	count=$KEXECED
	result 0 the_new_kernel_comes_up
	check it_starts_at_EL2 starts_at_el2
	check it_has_all_cpus [ "$(cat /sys/devices/system/cpu/online)" = 0-3 ]
	check guests_run_on_it guests_run_again
	finish
fi

. /board/env
load_module
guest_rounds=50 guests_start smp timer
guest-run --device "$device" --vcpus 2 --timeout 900 "$images/tests/storm.img" >/dev/null 2>&1 &
check guests_are_at_work_when_the_host_leaves guests_at_work smp 2
check the_second_initramfs_is_made second_initramfs
[ $bad = 0 ] || finish
sleep 0.3 # for what is on its way to the console
/mnt/zvm/host-tests/kexec "/mnt/kernels/$BOARD_KERNEL/Image" /tmp/initrd >/tmp/kexec.out 2>&1
status=$?
if [ $status = 4 ]; then
	skip the_new_kernel_comes_up 'this kernel has no kexec'
else
	cat /tmp/kexec.out
	result 1 the_new_kernel_comes_up
fi
finish
