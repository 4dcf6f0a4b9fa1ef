# SPDX-License-Identifier: GPL-2.0
# board: --smp 2 --timeout 200
# The host reboots with guests at work. The machine ends with that, so the results are written
# before; a reboot that hangs or complains fails the suite from outside.
. "$(dirname "$0")/lib.sh"

load_module
guest_vcpus=4 guest_rounds=50 guests_start smp timer
guest-run --device "$device" --vcpus 2 --timeout 900 "$images/tests/storm.img" >/dev/null 2>&1 &
check guests_are_at_work_when_the_host_reboots guests_at_work smp 2
echo "1..$count"
sleep 0.3
for p in /dev/vport*p1; do
	echo $bad >"$p"
done
reboot -f
sleep 100
