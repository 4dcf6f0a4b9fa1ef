#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# memory.sh - the memory tests in every way the module can be loaded that matters to memory.
#
# Runs on the board: /mnt/zvm/host-tests/memory.sh. The module is $ZVM_KO and not loaded. TAP of the
# failing tests only; last line: N passed, N failed, N skipped. Status 0 if none failed.

here=$(cd "$(dirname "$0")" && pwd)
pass=0 fail=0 skip=0

account() { # LABEL FILE
	pass=$((pass + $(grep '^ok' "$2" | grep -vc '# SKIP')))
	skip=$((skip + $(grep -c '^ok.*# SKIP' "$2")))
	fail=$((fail + $(grep -c -e '^not ok' -e '^Bail out' "$2")))
	grep -e '^not ok' -e '^Bail out' "$2" | sed "s/^/$1: /"
	grep -q '^1\.\.' "$2" || { fail=$((fail + 1)); echo "$1: ended without a plan"; }
}

for args in '' 'vmid_bits=3 residency=0' 'notifier=1'; do
	if ! insmod "$ZVM_KO" $args; then
		fail=$((fail + 1))
		echo "not ok insmod $args"
		continue
	fi
	"$here/memory" >/tmp/memory.tap 2>&1
	account "memory ${args:-(default)}" /tmp/memory.tap
	if [ -n "$(ls /sys/kernel/debug/zvm 2>/dev/null)" ]; then
		fail=$((fail + 1))
		echo "not ok VMs left in debugfs: $(ls /sys/kernel/debug/zvm)"
	fi
	rmmod zvm || { fail=$((fail + 1)); echo "not ok rmmod after $args"; }
done
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ]
