# SPDX-License-Identifier: GPL-2.0
# board: --append isolcpus=nohz,domain,1 --timeout 120
# A busy guest on a CPU of its own exits for what the host wants from that CPU and for its own timer,
# once each, and for nothing else. Counters against counters, so it does not matter how long it takes.
. "$(dirname "$0")/lib.sh"

counter() { cat /sys/kernel/debug/zvm/*/vcpu0/"$1"; }

# Interrupts that the host has taken on CPU 1, of all kinds.
host_irqs() {
	awk 'NR > 1 && $3 ~ /^[0-9]+$/ { n += $3 } END { print n + 0 }' /proc/interrupts
}

# guest N: tests/bench/steady.c on CPU 1, steady when this returns.
guest() {
	taskset -c 1 guest-run --timeout 100 --param "$1" /mnt/zvm/guest/bench/steady.img >steady.log 2>&1 &
	pid=$!
	until grep -q '^steady' steady.log; do
		kill -0 $pid || return 1
		sleep 0.1
	done
	sleep 0.5
}

stop() {
	kill $pid
	wait $pid
	rm -f steady.log
}

# What is compared is read in this order, so that the span of an upper bound holds the other's.
watch() {
	host=$(host_irqs)
	timer=$(counter vtimer_irqs)
	irqs=$(counter irq_exits)
	all=$(($(counter exits) + $(counter ring0_exits)))
	sleep 3
	all=$(($(counter exits) + $(counter ring0_exits) - all))
	irqs=$(($(counter irq_exits) - irqs))
	timer=$(($(counter vtimer_irqs) - timer))
	host=$(($(host_irqs) - host))
	echo "$all exits: $irqs for interrupts of the host, which had $host, $timer of the guest's timer"
}

busy_guest_exits_for_the_host_alone() {
	guest 500 || return 1
	ticks=$(counter vtimer_irqs)
	watch
	stop
	[ "$timer" = 0 ] && [ "$all" -le $((irqs + 2)) ] && [ "$irqs" -le $((host + 2)) ]
}

tick_is_one_interrupt() {
	echo "500 ticks, $ticks interrupts"
	[ "$ticks" = 500 ]
}

tick_is_one_exit() {
	guest 0 || return 1
	watch
	stop
	[ "$timer" -ge 10 ] && [ "$all" -le $((irqs + timer + 2)) ] && [ "$irqs" -le $((host + 2)) ]
}

cd /tmp || exit 1
load_module
mount -t debugfs none /sys/kernel/debug 2>/dev/null
check busy_guest_exits_for_the_host_alone busy_guest_exits_for_the_host_alone
check timer_tick_is_one_interrupt_to_the_module tick_is_one_interrupt
check timer_tick_is_one_exit tick_is_one_exit
finish
