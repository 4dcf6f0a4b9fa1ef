# SPDX-License-Identifier: GPL-2.0
# board: --smp 4 --timeout 500
# Host CPUs that go and come back under running guests. $HOTPLUG_ROUNDS times (default 10), with
# the vCPUs' registers kept in the CPUs between entries and without.
. "$(dirname "$0")/lib.sh"

rounds=${HOTPLUG_ROUNDS:-10}
cpu_file() { echo "/sys/devices/system/cpu/cpu$1/online"; }

# Two of the four go at once, never CPU 0: there the test runs.
come_and_go() {
	insmod /zvm.ko residency="$1" || return 1
	guest_rounds=50 guests_start smp timer gic
	for i in $(seq "$rounds"); do
		for cpu in $((i % 3 + 1)) $(((i + 1) % 3 + 1)); do
			echo 0 >"$(cpu_file $cpu)" || { echo "cpu$cpu does not go"; return 1; }
		done
		usleep 20000
		for cpu in 1 2 3; do
			[ "$(cat "$(cpu_file $cpu)")" = 1 ] || echo 1 >"$(cpu_file $cpu)" || return 1
		done
		[ ! -e /tmp/guests.bad ] || break
	done
	guests_stop 3 && [ "$(cat /sys/devices/system/cpu/online)" = 0-3 ] && rmmod zvm
}

# The CPU that a vCPU was last on is gone when the vCPU goes on, and when its VM ends.
pinned_to_a_cpu_that_goes() {
	insmod /zvm.ko || return 1
	guest-run --device "$device" --vcpus 1 --timeout 900 "$images/tests/el0.img" >/tmp/el0 2>&1 &
	pid=$!
	for i in 1 2 3 4 5; do
		for cpu in 1 2 3; do
			for t in /proc/$pid/task/*; do
				taskset -p -c $cpu "${t##*/}" >/dev/null 2>&1
			done
			echo 0 >"$(cpu_file $cpu)" || return 1
			echo 1 >"$(cpu_file $cpu)" || return 1
		done
	done
	wait $pid || { cat /tmp/el0; return 1; }
	rmmod zvm
}

# What is set up per CPU when the module loads is set up for one that comes later, too.
late_cpu() {
	echo 0 >"$(cpu_file 3)" && insmod /zvm.ko && echo 1 >"$(cpu_file 3)" || return 1
	taskset -c 3 guest-run --device "$device" --vcpus 2 --timeout 600 "$images/tests/timer.img" \
		>/tmp/late 2>&1 || { cat /tmp/late; return 1; }
	echo 0 >"$(cpu_file 3)" && rmmod zvm && echo 1 >"$(cpu_file 3)" &&
		insmod /zvm.ko && rmmod zvm
}

for residency in 1 0; do
	check "cpus_come_and_go_under_guests_residency_$residency" come_and_go $residency
done
check a_vcpu_survives_the_cpu_it_was_on pinned_to_a_cpu_that_goes
check a_cpu_that_comes_after_the_module_runs_guests late_cpu
finish
