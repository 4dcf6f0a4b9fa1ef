# SPDX-License-Identifier: GPL-2.0
# board: --timeout 300
# A VMM that is killed leaves nothing behind.
. "$(dirname "$0")/lib.sh"

start_and_kill() {
	vm_make /tmp/vm linux.toml 2 zvm.test=idle
	zvm-run --device "$device" /tmp/vm/vm.toml >/tmp/vm/log 2>&1 </dev/null &
	pid=$!
	wait_for 90 '^zvm-guest: alive' /tmp/vm/log || { tail -n 20 /tmp/vm/log; kill -9 $pid; return 1; }
	kill -"$1" $pid
	wait $pid
	killed_status=$?
	rm -rf /tmp/vm
}

# Each guest touches far more than 64 MiB of its RAM. The kernel's own caches move by some MiB; that
# not a page stays pinned or charged is held exactly by memlife.c.
returns_everything() {
	start_and_kill KILL || return 1
	before=$(free_kb)
	start_and_kill KILL && start_and_kill KILL || return 1
	after=$(free_kb)
	echo "$before KiB before, $after KiB after; module users: $(module_users)"
	no_vm_left && [ $((before - after)) -lt 32768 ] && ! pidof zvm-run
}

ends_in_order() {
	start_and_kill TERM || return 1
	echo "status $killed_status"
	[ $killed_status = $((128 + 15)) ] && no_vm_left
}

load_module
check killed_vmm_returns_memory_and_references returns_everything
check sigterm_ends_the_vm_with_a_status_of_its_own ends_in_order
check module_unloads_afterwards rmmod zvm
finish
