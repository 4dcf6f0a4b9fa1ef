# SPDX-License-Identifier: GPL-2.0
# board: --idle --smp 1 --machine virtualization=on,gic-version=3,secure=on --append iomem=relaxed --timeout 300
# A CPU that enters an idle state in which it may lose what is in it (CPU_PM): the resident vCPU is
# evicted first, and interrupts of the module's that the redistributor has forgotten meanwhile, as
# after hibernation, are there again. QEMU's CPU loses nothing; the forgetting is done here.
#
# Where nobody is more secure than Linux, its GIC driver switches the redistributor off for the sleep
# and QEMU's never wakes again: hence the secure state, with which QEMU brings up one CPU only.
. "$(dirname "$0")/lib.sh"

state=/sys/devices/system/cpu/cpu0/cpuidle/state1
sleeps() { cat $state/usage; }
evictions() { cat /sys/kernel/debug/zvm/*/vcpu0/evictions 2>/dev/null; }

# halt_us=0: vCPUs that wait leave their CPU to the host's idle loop.
guests_sleep() {
	insmod /zvm.ko halt_us=0 || return 1
	before=$(sleeps)
	guest_vcpus=2 guests_start timer
	guests_stop 2
	status=$?
	echo "slept $(($(sleeps) - before)) times" | tee /tmp/slept
	[ $status = 0 ] && [ $(($(sleeps) - before)) -gt 10 ]
}

# There is nobody else on this CPU who would evict it.
evicted_by_sleep() {
	guest_vcpus=1 guests_start timer
	seen=1
	for _ in $(seq 100); do
		first=$(evictions)
		usleep 100000
		second=$(evictions)
		echo "$first evictions, then $second"
		[ "${second:-0}" -le "${first:-0}" ] || { seen=0; break; }
	done
	guests_stop 1 && [ $seen = 0 ]
}

# The SGI frame of this CPU's redistributor on QEMU's virt board, and the module's PPIs in it.
frame=0x080b0000
at() { printf '0x%x' $((frame + $1)); }
enabled() { echo $(($(devmem "$(at 0x100)" 32) & ours)); }
ours=$((1 << 25 | 1 << 27 | 1 << 30))
maint=$((0x400 + 25))

forgotten_interrupts_return() {
	[ "$(enabled)" = $ours ] || { echo "$(enabled) are enabled, not $ours"; return 1; }
	prio=$(devmem "$(at $maint)" 8)
	[ "$prio" != 0xA0 ] || { echo 'there is no doorbell on this board'; return 1; }
	devmem "$(at 0x180)" 32 $ours
	devmem "$(at $maint)" 8 0xa0
	before=$(sleeps)
	for _ in $(seq 100); do
		[ "$(sleeps)" -le $((before + 1)) ] || break
		usleep 20000
	done
	echo "enabled $(enabled) of $ours, priority $(devmem "$(at $maint)" 8), before $prio"
	[ "$(enabled)" = $ours ] && [ "$(devmem "$(at $maint)" 8)" = "$prio" ]
}

timers_work() {
	guests_start timer
	guests_stop 1
}

check the_board_has_an_idle_state [ -e /proc/device-tree/cpus/cpu@0/cpu-idle-states ]
driver=$(cat /sys/devices/system/cpu/cpuidle/current_driver 2>/dev/null)
if [ "${driver:-none}" = none ]; then
	skip guests_work_on_a_cpu_that_sleeps 'this kernel has no driver for idle states'
	finish
fi
check guests_work_on_a_cpu_that_sleeps guests_sleep
sed 's/^/# /' /tmp/slept
check a_vcpu_is_evicted_before_its_cpu_sleeps evicted_by_sleep
check interrupts_that_a_sleep_forgot_are_enabled_again forgotten_interrupts_return
check timers_of_guests_work_after_it timers_work
check module_unloads_afterwards rmmod zvm
finish
