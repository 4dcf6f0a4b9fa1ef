# SPDX-License-Identifier: GPL-2.0
# board: --timeout 800
# The bare-metal guests with the module in its other modes: every vCPU evicted after each entry
# (residency=0), and guest memory not pinned but following the VMM's page tables (notifier=1).
. "$(dirname "$0")/lib.sh"

# guests PARAMETER PROGRAM...: their TAP, with the parameter in each name. Prints no plan: lines are
# numbered on by `result` and `finish` like all others.
guests() {
	mode=$1
	shift
	insmod /zvm.ko "$mode" || { echo "Bail out! cannot load zvm.ko $mode"; exit 1; }
	sh "$images/run" --out /tmp/guests /dev/zvm "$@" >/tmp/guests.tap
	while read -r line; do
		case $line in
		"ok "* | "not ok "*)
			name=${line#* - }
			count=$((count + 1))
			case $line in
			ok*) echo "ok $count - $mode $name" ;;
			*) echo "not ok $count - $mode $name"; bad=$((bad + 1)) ;;
			esac ;;
		"1.."*) ;;
		*) echo "$line" ;;
		esac
	done </tmp/guests.tap
	check "$mode module unloads" rmmod zvm
}

guests residency=0
guests notifier=1 exits fault smp hostile storm
finish
