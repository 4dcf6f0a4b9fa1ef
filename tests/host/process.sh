# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# A VMM that forks and executes, that is not root, and that lives in a user namespace or under a
# limit (process.c).
. "$(dirname "$0")/lib.sh"

process=/mnt/zvm/host-tests/process

# tap PROGRAM...: its TAP as ours, numbered on.
tap() {
	"$@" >/tmp/tap
	tap_status=$?
	while read -r line; do
		case $line in
		"ok "* | "not ok "*)
			name=${line#*ok }
			name=${name#* }
			case $line in ok*) result 0 "$name" ;; *) result 1 "$name" ;; esac ;;
		"1.."*) ;;
		*) echo "$line" ;;
		esac
	done </tmp/tap
	[ $tap_status = 0 ] || result 1 "$(basename "$1") $2 ends with status 0"
}

nothing_is_left() {
	ls /sys/kernel/debug/zvm
	[ "$(module_users)" = 0 ] && [ -z "$(ls /sys/kernel/debug/zvm)" ]
}

as_member() { $process as 1000 108 "$@"; }

other_users_are_refused() {
	$process as 1000 1000 guest-run "$images/tests/exits.img" >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	[ $status = 3 ] && grep -q 'Permission denied' /tmp/user
}

# 128 MiB of guest memory, of which this guest touches a few.
member_runs_guests() {
	as_member guest-run "$images/tests/timer.img" --vcpus 2 >/tmp/user 2>&1 ||
		{ cat /tmp/user; return 1; }
	! grep '^not ok' /tmp/user
}

limit_holds_for_members() {
	dmesg -c >/dev/null
	(ulimit -l 4096; as_member $process fill 16) >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	dmesg
	[ $status != 0 ] && dmesg | grep -q 'zvm: .*RLIMIT_MEMLOCK' && nothing_is_left &&
		(ulimit -l 65536; as_member $process fill 16)
}

# Root of a user namespace is nobody outside: the limit is that of its user.
limit_holds_in_a_user_namespace() {
	[ -e /proc/self/ns/user ] || { echo 'no user namespaces'; return 0; }
	(ulimit -l 4096
	as_member unshare -U -r $process fill 16) >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	[ $status != 0 ] && (ulimit -l 65536
	as_member unshare -U -r $process fill 16)
}

# What a VM costs is its cgroup's: RAM, page tables, vCPUs.
memory_is_the_cgroups() {
	cg=/sys/fs/cgroup/vm
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir $cg || return 1
	sh -c "echo \$\$ >$cg/cgroup.procs; exec $process fill 64" || return 1
	cat $cg/memory.peak 2>/dev/null
	[ ! -e $cg/memory.peak ] || [ "$(cat $cg/memory.peak)" -gt $((64 << 20)) ] || return 1
	# Half of it is not enough: the kernel ends that VMM, and nobody else.
	echo 32M >$cg/memory.max
	dmesg -n 1
	sh -c "echo \$\$ >$cg/cgroup.procs; exec $process fill 64"
	status=$?
	dmesg -n 7
	echo "status $status"
	grep oom_kill $cg/memory.events
	[ $status = 137 ] && grep -q '^oom_kill 1$' $cg/memory.events && rmdir $cg && nothing_is_left
}

# A guest's time is its cgroup's, like any thread's.
time_is_the_cgroups() {
	cg=/sys/fs/cgroup/time
	mkdir $cg || return 1
	sh -c "echo \$\$ >$cg/cgroup.procs; exec guest-run $images/tests/exits.img" >/tmp/user 2>&1 ||
		{ cat /tmp/user; return 1; }
	cat $cg/cpu.stat
	[ "$(sed -n 's/^usage_usec //p' $cg/cpu.stat)" -gt 10000 ] && rmdir $cg
}

# No descriptor for the device, the VM, the vCPU: each time all that was made before it goes.
descriptors_run_out() {
	for n in 3 4 5; do
		(ulimit -n $n; $process fill 1) && return 1
		nothing_is_left || return 1
	done
	(ulimit -n 64; $process fill 1) && nothing_is_left
}

load_module
tap $process fork
tap $process exec
check nothing_is_left_of_them nothing_is_left
chgrp 108 /dev/zvm
check users_outside_the_group_are_refused other_users_are_refused
check a_member_of_the_group_runs_guests member_runs_guests
check a_member_is_bound_by_RLIMIT_MEMLOCK limit_holds_for_members
check a_user_namespace_does_not_lift_the_limit limit_holds_in_a_user_namespace
check nothing_is_left_when_RLIMIT_NOFILE_is_met descriptors_run_out
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
	check time_of_a_vm_is_its_cgroups time_is_the_cgroups
else
	skip time_of_a_vm_is_its_cgroups 'no cgroups'
fi
if grep -q memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	check memory_of_a_vm_is_its_cgroups memory_is_the_cgroups
else
	skip memory_of_a_vm_is_its_cgroups 'no memory controller'
fi
check module_unloads_afterwards rmmod zvm
finish
