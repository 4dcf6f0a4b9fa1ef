# SPDX-License-Identifier: GPL-2.0
# board: --mem 512 --timeout 200
# A guest that needs more memory than the host has: the kernel ends its VMM, the memory comes back,
# and another VM can be run. $OOM_ROUNDS times (default 2).
. "$(dirname "$0")/lib.sh"

process=/mnt/zvm/host-tests/process

too_large() {
	quiet $process fill 2000
	status=$?
	echo "status $status"
	grep -E 'Out of memory|zvm' /tmp/dmesg
	[ $status = 137 ] && grep -q 'Out of memory: Killed process .*process' /tmp/dmesg
}

memory_comes_back() {
	before=$(free_kb)
	for i in $(seq "${OOM_ROUNDS:-2}"); do
		too_large || return 1
	done
	after=$(free_kb)
	echo "$before KiB before, $after KiB after; module users: $(module_users)"
	no_vm_left && [ $((before - after)) -lt 16384 ]
}

load_module
echo 1 >/proc/sys/vm/overcommit_memory
check vmm_is_killed_and_all_memory_comes_back memory_comes_back
check the_next_guest_runs guest-run --mem 64 --timeout 120 "$images/tests/exits.img"
check module_unloads_afterwards rmmod zvm
finish
