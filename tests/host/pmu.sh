# SPDX-License-Identifier: GPL-2.0
# board: --timeout 600
# A Linux guest counts with its PMU as programs do, and two of them on one CPU see what they take
# from each other.
. "$(dirname "$0")/lib.sh"

counts() {
	guest_test linux.toml 2 perf 200 || return 1
	sed -n 's/^perf-count: \(.*\)\r*$/# \1/p' /tmp/vm/log >/tmp/counts
}

# The second keeps the CPU busy until the first has seen enough.
steals() {
	for n in a b; do
		vm_make "/tmp/$n" linux.toml 1 zvm.test=steal
		sed -i "s/^name .*/name = \"steal-$n\"/" "/tmp/$n/vm.toml"
		printf '[vcpu]\naffinity = [1]\n' >>"/tmp/$n/vm.toml"
	done
	zvm-run --device "$device" /tmp/b/vm.toml >/tmp/b/log 2>&1 </dev/null &
	other=$!
	vm_run /tmp/a 500
	kill $other 2>/dev/null # unless it has seen enough itself
	wait $other
	grep -q '^zvm-test: steal ok' /tmp/a/log || return 1
	sed -n 's/^steal: \(.*\)\r*$/# \1/p' /tmp/a/log >/tmp/steal
}

load_module
/mnt/zvm/host-tests/perf-hold &
trap "kill $! 2>/dev/null" EXIT
check linux_guest_counts_and_samples counts
cat /tmp/counts
if [ -e /proc/schedstat ]; then
	check linux_guests_on_one_cpu_see_stolen_time steals
	cat /tmp/steal
else
	skip linux_guests_on_one_cpu_see_stolen_time 'this kernel does not count it (SCHEDSTATS)'
fi
finish
