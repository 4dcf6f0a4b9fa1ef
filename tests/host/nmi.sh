# SPDX-License-Identifier: GPL-2.0
# board: --timeout 600
# Guests while the PMU interrupts every CPU all the time. On a host with pseudo-NMI
# (BOARD_OPTIONS="--kernel product --append irqchip.gicv3_pseudo_nmi=1") these are NMIs: they come
# while the module has "interrupts off", between its half-switched worlds, and in the guest.
. "$(dirname "$0")/lib.sh"

cycles=${NMI_CYCLES:-300000}
wanted=${NMI_COUNT:-500}

pmu_interrupts() {
	awk '/arm-pmu|armv8.*pmu/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' \
		/proc/interrupts
}

# Until so many interrupts have come: how fast that is depends on the machine.
guests_run() {
	for _ in $(seq 40); do
		sh /mnt/zvm/guest/run --param 2000 "$device" fp timer gic smp || return 1
		[ $(($(pmu_interrupts) - before)) -lt "$wanted" ] || return 0
	done
	return 1
}

load_module
/mnt/zvm/host-tests/nmi "$cycles" >/tmp/nmi.out 2>/tmp/nmi.err &
nmi=$!
for _ in $(seq 100); do
	[ ! -s /tmp/nmi.out ] && [ -e /proc/$nmi ] || break
	sleep 0.1
done
if [ -s /tmp/nmi.out ]; then
	before=$(pmu_interrupts)
	check guests_hold_while_the_pmu_interrupts guests_run
	echo "# PMU interrupts: $(($(pmu_interrupts) - before)), NMIs:" \
		"$(dmesg | grep -q 'using NMIs' && echo yes || echo no)"
	kill $nmi
	check module_unloads rmmod zvm
else
	skip guests_hold_while_the_pmu_interrupts "$(cat /tmp/nmi.err)"
fi
finish
