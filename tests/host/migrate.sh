# SPDX-License-Identifier: GPL-2.0
# board: --smp 3 --timeout 500
# Every thread of a VMM is sent to another CPU every millisecond (migrate.c) while its guest works,
# with the vCPUs' registers kept in the CPUs between entries and without. $MIGRATE_TURNS rounds of
# the three guests each (default 1).
. "$(dirname "$0")/lib.sh"

turns=${MIGRATE_TURNS:-1}

one_guest() {
	guest-run --device "$device" --vcpus 4 --timeout 900 --param 50 "$images/tests/$1.img" \
		>/tmp/guest.tap 2>&1 &
	pid=$!
	/mnt/zvm/host-tests/migrate $pid 1000 >/tmp/moves || return 1
	wait $pid && ! grep '^not ok' /tmp/guest.tap || { cat /tmp/guest.tap; return 1; }
	cat /tmp/moves >>/tmp/all-moves
}

always_elsewhere() {
	insmod /zvm.ko residency="$1" || return 1
	rm -f /tmp/all-moves
	for i in $(seq "$turns"); do
		for g in smp timer fp; do
			one_guest $g || { echo "$g, round $i"; return 1; }
		done
	done
	rmmod zvm && awk '{ n += $1; r += $4 } END { print n " moves in " r " rounds"; exit n < r }' /tmp/all-moves
}

for residency in 1 0; do
	check "guests_whose_threads_move_every_ms_residency_$residency" always_elsewhere $residency
	[ ! -e /tmp/all-moves ] ||
		awk '{ n += $1; r += $4 } END { print "# " n " moves in " r " rounds" }' /tmp/all-moves
done
finish
