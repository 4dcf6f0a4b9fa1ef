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

as_member() { $process as 1000 108 "$@"; }

other_users_are_refused() {
	$process as 1000 1000 guest-run "$images/tests/exits.img" >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	[ $status = 3 ] && grep -q 'Permission denied' /tmp/user
}

# 128 MiB of guest memory, of which this guest touches a few: the limit is what kernels since 5.16 set.
member_runs_guests() {
	(ulimit -l 8192
	as_member guest-run "$images/tests/timer.img" --vcpus 2) >/tmp/user 2>&1 ||
		{ cat /tmp/user; return 1; }
	! grep '^not ok' /tmp/user
}

limit_holds_for_members() {
	dmesg -c >/dev/null
	(ulimit -l 4096; as_member $process fill 16) >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	dmesg
	[ $status != 0 ] && dmesg | grep -q 'zvm: .*RLIMIT_MEMLOCK' && no_vm_left &&
		(ulimit -l 65536; as_member $process fill 16)
}

# A member's VMM with its sandbox, its lock, its control socket, asked and ended by the zvm command.
member_runs_a_linux_guest() {
	vm_make /tmp/vm linux.toml 2 zvm.test=idle
	chown -R 1000 /tmp/vm
	(ulimit -l 600000
	as_member env XDG_RUNTIME_DIR=/tmp/vm zvm-run --device "$device" /tmp/vm/vm.toml) \
		>/tmp/vm.log 2>&1 </dev/null &
	pid=$!
	wait_for 90 '^zvm-guest: alive' /tmp/vm.log || { tail -n 20 /tmp/vm.log; killall zvm-run; return 1; }
	ps -o user,comm | grep zvm-run
	as_member env XDG_RUNTIME_DIR=/tmp/vm zvm list >/tmp/list
	cat /tmp/list
	as_member env XDG_RUNTIME_DIR=/tmp/vm zvm stop linux || killall zvm-run
	wait $pid
	status=$?
	tail -n 3 /tmp/vm.log
	[ $status = 5 ] && grep -q '^linux  *running' /tmp/list && rm -r /tmp/vm && no_vm_left
}

# Root of a user namespace is nobody outside: the limit is that of its user.
limit_holds_in_a_user_namespace() {
	(ulimit -l 4096
	as_member unshare -U -r $process fill 16) >/tmp/user 2>&1
	status=$?
	cat /tmp/user
	[ $status != 0 ] && (ulimit -l 65536
	as_member unshare -U -r $process fill 16)
}

# in_cgroup NAME COMMAND...
in_cgroup() {
	cg=/sys/fs/cgroup/$1
	shift
	sh -c 'echo $$ >'"$cg"'/cgroup.procs; exec "$@"' sh "$@"
}

# A VM's RAM is its cgroup's: half of it is not enough, and the kernel ends that VMM and nobody else.
memory_is_the_cgroups() {
	mkdir -p /sys/fs/cgroup/vm || return 1
	in_cgroup vm $process fill 64 || return 1
	echo 32M >/sys/fs/cgroup/vm/memory.max
	quiet in_cgroup vm $process fill 64
	status=$?
	echo "status $status"
	grep oom_kill $cg/memory.events
	[ $status = 137 ] && grep -q '^oom_kill 1$' $cg/memory.events && rmdir $cg && no_vm_left
}

# So is what the module takes for its vCPUs and for its tables: as process.c counts it.
kernel_memory_is_the_cgroups() {
	mkdir -p /sys/fs/cgroup/cost || return 1
	in_cgroup cost $process cost /sys/fs/cgroup/cost/memory.stat >/tmp/cost
	status=$?
	cat /tmp/cost
	[ $status = 0 ] && rmdir $cg && no_vm_left
}

# usage [QUOTA]: microseconds of CPU that a guest takes which is lost in a loop for 3 seconds.
usage() {
	mkdir /sys/fs/cgroup/time
	[ -z "${1:-}" ] || echo "$1 100000" >/sys/fs/cgroup/time/cpu.max
	in_cgroup time guest-run --device "$device" --vcpus 1 --timeout 3 "$images/tests/storm.img" \
		>/dev/null 2>&1
	sed -n 's/^usage_usec //p' $cg/cpu.stat
	rmdir $cg
}

# A guest's time is its cgroup's, like any thread's, and limited as theirs.
time_is_the_cgroups() {
	all=$(usage)
	echo "$all us"
	[ "$all" -gt 2000000 ]
}

limit_of_time_holds() {
	part=$(usage 20000)
	echo "$part us with a fifth of a CPU, $all us without a limit"
	[ "$part" -gt 100000 ] && [ "$part" -lt $((all / 2)) ]
}

# No descriptor for the device, the VM, the vCPU: each time all that was made before it goes.
descriptors_run_out() {
	for n in 3 4 5; do
		(ulimit -n $n; $process fill 1) && return 1
		no_vm_left || return 1
	done
	(ulimit -n 64; $process fill 1) && no_vm_left
}

load_module
tap $process fork
tap $process exec
check nothing_is_left_of_them no_vm_left
chgrp 108 /dev/zvm
check users_outside_the_group_are_refused other_users_are_refused
check a_member_of_the_group_runs_guests member_runs_guests
check a_member_runs_a_linux_guest member_runs_a_linux_guest
check a_member_is_bound_by_RLIMIT_MEMLOCK limit_holds_for_members
if [ -e /proc/self/ns/user ]; then
	check a_user_namespace_does_not_lift_the_limit limit_holds_in_a_user_namespace
else
	skip a_user_namespace_does_not_lift_the_limit 'no user namespaces'
fi
check nothing_is_left_when_RLIMIT_NOFILE_is_met descriptors_run_out
if grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	check time_of_a_vm_is_its_cgroups time_is_the_cgroups
	mkdir /sys/fs/cgroup/time
	if [ -e /sys/fs/cgroup/time/cpu.max ]; then
		rmdir /sys/fs/cgroup/time
		check a_cgroups_limit_of_time_holds_for_a_vm limit_of_time_holds
	else
		rmdir /sys/fs/cgroup/time
		skip a_cgroups_limit_of_time_holds_for_a_vm 'this kernel has none (CFS_BANDWIDTH)'
	fi
else
	skip time_of_a_vm_is_its_cgroups 'no controller of CPU time'
fi
if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	check memory_of_a_vm_is_its_cgroups memory_is_the_cgroups
else
	skip memory_of_a_vm_is_its_cgroups 'no memory controller'
fi
if grep -q '^kernel ' /sys/fs/cgroup/memory.stat 2>/dev/null; then
	check kernel_memory_of_a_vm_is_its_cgroups kernel_memory_is_the_cgroups
else
	skip kernel_memory_of_a_vm_is_its_cgroups 'this kernel does not tell (before 5.18)'
fi
check module_unloads_afterwards rmmod zvm
finish
