# SPDX-License-Identifier: GPL-2.0
# board: --smp 4 --timeout 500
# Host CPUs that go and come back under running guests. $HOTPLUG_ROUNDS times (default 10), with
# the vCPUs' registers kept in the CPUs between entries and without.
. "$(dirname "$0")/lib.sh"

rounds=${HOTPLUG_ROUNDS:-10}
cpu_file() { echo "/sys/devices/system/cpu/cpu$1/online"; }

all_cpus() {
	for cpu in 1 2 3; do
		[ "$(cat "$(cpu_file $cpu)")" = 1 ] || echo 1 >"$(cpu_file $cpu)" || return 1
	done
}

# Two of the four go at once, never CPU 0: there the test runs.
come_and_go() {
	insmod /zvm.ko residency="$1" || return 1
	guest_rounds=50 guests_start smp timer gic
	guests_at_work smp || return 1
	for i in $(seq "$rounds"); do
		for cpu in $((i % 3 + 1)) $(((i + 1) % 3 + 1)); do
			echo 0 >"$(cpu_file $cpu)" || { echo "cpu$cpu does not go"; return 1; }
		done
		usleep 20000
		all_cpus || return 1
		[ ! -e /tmp/guests.bad ] || break
	done
	guests_stop 3 && [ "$(cat /sys/devices/system/cpu/online)" = 0-3 ] && rmmod zvm
}

# CPU $1 goes under the threads of process $2, which were bound to it.
take_its_cpu() {
	for t in /proc/"$2"/task/*; do
		taskset -p -c "$1" "${t##*/}" >/dev/null || return 1
	done
	usleep 10000
	kill -0 "$2" && echo 0 >"$(cpu_file "$1")" && echo 1 >"$(cpu_file "$1")"
}

# The CPU that a vCPU was last on is gone when the vCPU goes on, and when its VM ends. At the end of
# each guest all its registers hold what they should; between two guests there is nobody to bind.
pinned_to_a_cpu_that_goes() {
	insmod /zvm.ko || return 1
	guest_vcpus=1 guest_rounds=20000 guests_start fp
	gone=0
	for i in $(seq $((10 * rounds))); do
		guests_at_work fp || return 1
		! take_its_cpu $((i % 3 + 1)) "$(pidof guest-run)" 2>/tmp/taken || gone=$((gone + 1))
		[ $gone -lt "$rounds" ] || break
	done
	echo "its CPU went $gone times" | tee /tmp/gone
	[ $gone = "$rounds" ] || { cat /tmp/taken; return 1; }
	guests_stop 1 && all_cpus && rmmod zvm
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
	guests_end
	all_cpus
done
check a_vcpu_survives_the_cpu_it_was_on pinned_to_a_cpu_that_goes
[ ! -e /tmp/gone ] || sed 's/^/# /' /tmp/gone
guests_end
all_cpus
check a_cpu_that_comes_after_the_module_runs_guests late_cpu
finish
