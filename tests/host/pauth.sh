# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# Pointer authentication keys of two VMs and of the host on one CPU: each VM's guest checks its own
# after every exit, guest-run those of its threads, and the host kernel signs its return addresses.
. "$(dirname "$0")/lib.sh"

# one PARAM: a VM whose keys follow from it, every thread on CPU 0.
one() {
	taskset -c 0 guest-run --device "$device" --vcpus 2 --timeout 3600 --pauth --param "$1" \
		"$images/tests/pauth.img" >"/tmp/pauth$1" 2>&1
}

two_vms() {
	one 1 &
	other=$!
	one 2
	status=$?
	wait $other && [ $status = 0 ] || { cat /tmp/pauth1 /tmp/pauth2; return 1; }
}

used() {
	cat /tmp/pauth1
	grep -q '^ok [0-9]* the keys stay over exits of all kinds' /tmp/pauth1
}

kernel_has_pauth() {
	grep -qw paca /proc/cpuinfo
}

load_module
check two_vms_on_one_cpu_keep_their_keys two_vms
if kernel_has_pauth; then
	check the_guests_had_keys used
else
	skip the_guests_had_keys "this CPU has none"
fi
finish
