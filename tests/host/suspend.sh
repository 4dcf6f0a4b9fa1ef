# SPDX-License-Identifier: GPL-2.0
# board: --smp 2 --initramfs --mem 1536 --timeout 300
# The host suspends to idle and resumes by its clock's alarm with a guest at work. $SUSPEND_ROUNDS
# times (default 3). Everything is in the initramfs: the board's shares do not survive a suspend.
. "$(dirname "$0")/lib.sh"

rounds=${SUSPEND_ROUNDS:-3}
rtc=/sys/class/rtc/rtc0

suspend_once() {
	echo 0 >$rtc/wakealarm
	echo +$((2 * slow)) >$rtc/wakealarm || { echo "no alarm"; return 1; }
	echo freeze >/sys/power/state || { echo 'the kernel refuses to suspend'; return 1; }
}

suspends() { sed -n 's/^success: //p' /sys/kernel/debug/suspend_stats 2>/dev/null; }

with_a_guest_at_work() {
	insmod /zvm.ko residency="$1" || return 1
	before=$(suspends)
	guest_vcpus=2 guest_rounds=50 guests_start timer smp
	for i in $(seq "$rounds"); do
		guests_at_work timer || return 1
		suspend_once || return 1
		usleep 300000
		[ ! -e /tmp/guests.bad ] || break
	done
	guests_stop 2 || return 1
	echo "suspended: $(($(suspends) - before))"
	[ $(($(suspends) - before)) = "$rounds" ] && rmmod zvm
}

# alive N: the Linux guest has said so N times in all.
alive() {
	for _ in $(seq $((60 * slow))); do
		[ "$(grep -c '^zvm-guest: alive' /tmp/vm/log)" -lt "$1" ] || return 0
		sleep 1
	done
	tail -n 20 /tmp/vm/log
	return 1
}

# A Linux guest sees that time has passed, and nothing else.
with_a_linux_guest() {
	insmod /zvm.ko || return 1
	vm_make /tmp/vm linux.toml 2 zvm.test=idle
	zvm-run --device "$device" /tmp/vm/vm.toml >/tmp/vm/log 2>&1 </dev/null &
	pid=$!
	for i in $(seq "$rounds"); do
		alive $(($(grep -c '^zvm-guest: alive' /tmp/vm/log) + 2)) && suspend_once || return 1
	done
	alive $(($(grep -c '^zvm-guest: alive' /tmp/vm/log) + 2)) || return 1
	zvm stop linux
	wait $pid
	status=$?
	! grep -iE 'stall|lockup|WARNING|BUG:|unstable|hung' /tmp/vm/log && [ $status = 5 ] && rmmod zvm
}

if [ ! -w /sys/power/state ] || [ ! -e $rtc/wakealarm ]; then
	skip guests_work_on_after_suspend_to_idle 'no suspend or no alarm on this kernel'
else
	for residency in 1 0; do
		check "guests_work_on_after_suspend_to_idle_residency_$residency" \
			with_a_guest_at_work $residency
		guests_end
	done
	check a_linux_guest_goes_on_after_suspend_to_idle with_a_linux_guest
fi
finish
