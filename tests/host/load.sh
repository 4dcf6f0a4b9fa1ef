# SPDX-License-Identifier: GPL-2.0
# board: --timeout 300
# Loading and unloading the module, $LOADS times (default 100).
. "$(dirname "$0")/lib.sh"

loads=${LOADS:-100}

# Memory that a load loses shows the better the more loads there are: half a page each is found by
# 1000.
many_times() {
	insmod /zvm.ko && rmmod zvm
	before=$(free_kb)
	for i in $(seq "$loads"); do
		insmod /zvm.ko && [ -c /dev/zvm ] && rmmod zvm && [ ! -e /dev/zvm ] ||
			{ echo "round $i"; return 1; }
	done
	after=$(free_kb)
}

# stays_while WHAT: nothing is left of a VM but that (process.c), and the module does not go.
stays_while() {
	insmod /zvm.ko && mkfifo /tmp/hold || return 1
	/mnt/zvm/host-tests/process hold "$1" </tmp/hold >/tmp/held 2>&1 &
	exec 3>/tmp/hold
	wait_for 10 . /tmp/held
	cat /tmp/held
	grep -q '^held' /tmp/held && ! rmmod zvm && [ "$(module_users)" -gt 0 ]
	stayed=$?
	exec 3>&-
	wait
	rm -f /tmp/hold /tmp/held
	rmmod zvm && return $stayed
}

check "module_loads_and_unloads_${loads}_times" many_times
if grep -qw kasan_report /proc/kallsyms; then
	skip module_returns_its_memory 'KASAN keeps freed memory for a while'
else
	echo "# $before KiB before, $after KiB after $loads loads"
	check module_returns_its_memory [ $((before - after)) -lt 2048 ]
fi
for what in device vm vcpu run vgic stats; do
	check module_stays_while_somebody_holds_a_$what stays_while $what
done
finish
