# SPDX-License-Identifier: GPL-2.0
# board: --timeout 300
# Loading and unloading the module, $LOADS times (default 100).
. "$(dirname "$0")/lib.sh"

loads=${LOADS:-100}

many_times() {
	for i in $(seq "$loads"); do
		insmod /zvm.ko && [ -c /dev/zvm ] && rmmod zvm && [ ! -e /dev/zvm ] ||
			{ echo "round $i"; return 1; }
	done
}

returns_its_memory() {
	insmod /zvm.ko && rmmod zvm
	before=$(free_kb)
	for i in $(seq 20); do
		insmod /zvm.ko && rmmod zvm || return 1
	done
	after=$(free_kb)
	echo "$before KiB before, $after KiB after"
	[ $((before - after)) -lt 2048 ]
}

stays_while_open() {
	insmod /zvm.ko
	exec 3<>/dev/zvm
	rmmod zvm && return 1
	exec 3>&-
	rmmod zvm
}

check "module_loads_and_unloads_${loads}_times" many_times
if grep -qw kasan_report /proc/kallsyms; then
	skip module_returns_its_memory 'KASAN keeps freed memory for a while'
else
	check module_returns_its_memory returns_its_memory
fi
check module_stays_while_its_device_is_open stays_while_open
finish
