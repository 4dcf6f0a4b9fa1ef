# SPDX-License-Identifier: GPL-2.0
# board: --timeout 300
# The guests' FP/SIMD registers while the host kernel uses the same registers itself: raid6_pq and
# xor measure their NEON routines whenever they are loaded, and the registers of host tasks that share
# the vCPUs' CPUs (fpreg.c). $FP_ROUNDS switches (default 20000; the
# release test uses 1000000) on each of 4 vCPUs on 2 CPUs, over again until the modules were loaded
# three times.
. "$(dirname "$0")/lib.sh"

rounds=${FP_ROUNDS:-20000}

neon_in_the_host() {
	n=0
	while [ -e /tmp/busy ]; do
		modprobe raid6_pq && rmmod raid6_pq || return 1
		n=$((n + 1))
		echo $n >/tmp/neon-loads
	done
}

signatures_hold() {
	touch /tmp/busy
	tasks=
	for cpu in 0 1; do
		/mnt/zvm/host-tests/fpreg $cpu >/tmp/fpreg-$cpu &
		tasks="$tasks $!"
	done
	echo 0 >/tmp/neon-loads
	neon_in_the_host 2>/tmp/neon.err &
	neon=$!
	# Again until the host has come to it: how fast either is depends on the machine.
	for _ in $(seq 50); do
		guest-run --device "$device" --vcpus 4 --timeout 86400 --param "$rounds" \
			"$images/tests/fp.img" >/tmp/fp.tap
		status=$?
		[ $status = 0 ] && ! grep -q '^not ok' /tmp/fp.tap || break
		[ "$(cat /tmp/neon-loads)" -lt 3 ] || break
	done
	rm /tmp/busy
	wait $neon || { cat /tmp/neon.err; return 1; }
	cat /tmp/fp.tap
	[ $status = 0 ] && ! grep -q '^not ok' /tmp/fp.tap
}

host_tasks_hold() {
	ret=0
	for task in $tasks; do
		kill "$task" 2>/dev/null
		wait "$task" || ret=1
	done
	cat /tmp/fpreg-*
	return $ret
}

host_used_neon() {
	dmesg | grep -c 'raid6: neonx.*gen' >/tmp/gens
	echo "$(cat /tmp/neon-loads) loads, $(cat /tmp/gens) measurements in the log"
	[ "$(cat /tmp/neon-loads)" -ge 3 ] && [ "$(cat /tmp/gens)" -ge 2 ]
}

load_module
check fp_registers_hold_while_the_host_kernel_uses_neon signatures_hold
check host_tasks_keep_theirs host_tasks_hold
check host_kernel_used_neon_meanwhile host_used_neon
grep '^# ' /tmp/fp.tap
sed 's/^/# raid6_pq loads: /' /tmp/neon-loads
finish
