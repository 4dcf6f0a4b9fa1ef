# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# Timers of VMs that have no vGIC (timers.c), and of a guest that comes to the CPU after them.
. "$(dirname "$0")/lib.sh"

next_guest_has_its_timers() {
	timeout $((60 * slow)) taskset -c 0 guest-run --device "$device" --vcpus 2 --timeout 600 \
		"$images/tests/timer.img" >/tmp/timer.tap
	status=$?
	cat /tmp/timer.tap
	[ $status = 0 ] && ! grep -q '^not ok' /tmp/timer.tap
}

load_module
check timers_without_a_vgic /mnt/zvm/host-tests/timers
check next_guest_on_the_cpu_has_its_timers next_guest_has_its_timers
finish
