# SPDX-License-Identifier: GPL-2.0
# board: --mem 512 --timeout 200
# A guest that needs more memory than the host has: the kernel ends its VMM, the memory comes back,
# and another VM can be run. $OOM_ROUNDS times (default 2).
. "$(dirname "$0")/lib.sh"

process=/mnt/zvm/host-tests/process

too_large() {
	# The report of the OOM killer has a call trace, which is no complaint here.
	dmesg -c >/dev/null
	dmesg -n 1
	$process fill 2000
	status=$?
	dmesg -n 7
	echo "status $status"
	dmesg | grep -E 'Out of memory|zvm'
	[ $status = 137 ] && dmesg | grep -q 'Out of memory: Killed process .*process' &&
		! dmesg | grep -E 'WARNING:|BUG:|Oops|blocked for more'
}

memory_comes_back() {
	before=$(free_kb)
	for i in $(seq "${OOM_ROUNDS:-2}"); do
		too_large || return 1
	done
	after=$(free_kb)
	echo "$before KiB before, $after KiB after; module users: $(module_users)"
	[ "$(module_users)" = 0 ] && [ $((before - after)) -lt 16384 ] &&
		[ -z "$(ls /sys/kernel/debug/zvm)" ]
}

load_module
echo 1 >/proc/sys/vm/overcommit_memory
check vmm_is_killed_and_all_memory_comes_back memory_comes_back
check the_next_guest_runs guest-run --mem 64 --timeout 120 "$images/tests/exits.img"
check module_unloads_afterwards rmmod zvm
finish
