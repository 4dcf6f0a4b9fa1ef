# SPDX-License-Identifier: GPL-2.0
#
# What the tests of this directory share: TAP, the module, Linux guests. Sourced on the board.

images=/mnt/zvm/guest
device=${ZVM_DEVICE:-/dev/zvm}
count=0
bad=0
cr=$(printf '\r')

# result STATUS NAME: one line of TAP.
result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		bad=$((bad + 1))
	fi
}

# check NAME COMMAND...: the command's status is the result; its output is shown if it fails.
check() {
	check_name=$1
	shift
	if "$@" >/tmp/check.out 2>&1; then
		result 0 "$check_name"
	else
		result 1 "$check_name"
		tail -n 25 /tmp/check.out | tr -d "$cr" | sed 's/^/# /'
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# Every test on a kernel with kmemleak ends with one more result: nothing leaked.
kmemleak=/mnt/zvm/guest/kmemleak
sh $kmemleak clear

finish() {
	sh $kmemleak check >/tmp/kmemleak
	leaks=$?
	[ $leaks = 77 ] && [ -s /tmp/kmemleak ] && skip kmemleak_finds_nothing "$(cat /tmp/kmemleak)"
	if [ $leaks != 77 ]; then
		result $leaks kmemleak_finds_nothing
		sed 's/^/# /' /tmp/kmemleak
	fi
	echo "1..$count"
	[ $bad = 0 ]
	exit
}

# For tests of in-tree KVM: that is all of them on a kernel without it.
need_kvm() {
	[ ! -e /dev/kvm ] || return 0
	skip in_tree_kvm 'this kernel has none'
	finish
}

load_module() {
	[ "$device" = /dev/zvm ] || return 0
	insmod /zvm.ko || { echo "Bail out! cannot load zvm.ko: $(dmesg | tail -n 1)"; exit 1; }
}

# Time limits are for a kernel of usual speed; $GUEST_SLOW says how many times slower this one is. Its
# guests' watchdogs would count that, and a suspend, which lasts longer, as their own fault.
slow=${GUEST_SLOW:-1}
patience=
[ "$slow" = 1 ] || patience='rcupdate.rcu_cpu_stall_timeout=300 watchdog_thresh=60'

# vm_make DIR TOML VCPUS CMDLINE: a private copy of a guest in DIR (vm.toml, rootfs.ext4), started
# with CMDLINE added to its kernel command line.
vm_make() {
	mkdir -p "$1"
	cp "$images/rootfs.ext4" "$1/"
	sed -E -e "s#^((kernel|initrd|firmware) *= *\")#\\1$images/#" -e "s|^vcpus .*|vcpus = $3|" \
		-e "s|root=/dev/vda|& $4 $patience|" "$images/$2" >"$1/vm.toml"
}

# vm_run DIR SECONDS: runs it to its end; the console is in DIR/log. Status: that of zvm-run.
vm_run() {
	timeout $(($2 * slow)) zvm-run --device "$device" "$1/vm.toml" >"$1/log" 2>&1 </dev/null
	vm_status=$?
	tail -n 25 "$1/log"
	return $vm_status
}

# guest_test TOML VCPUS TEST SECONDS: the guest comes up with that many CPUs, its own test
# (tools/board/guest/tests) says ok, and it powers off.
guest_test() {
	vm_make /tmp/vm "$1" "$2" "zvm.test=$3"
	vm_run /tmp/vm "$4" || return 1
	grep -q "zvm-guest: up .* cpus=$2" /tmp/vm/log && grep -q "^zvm-test: $3 ok" /tmp/vm/log
}

# wait_for SECONDS PATTERN FILE
wait_for() {
	wait_end=$(($(date +%s) + $1 * slow))
	until grep -q "$2" "$3" 2>/dev/null; do
		[ "$(date +%s)" -lt $wait_end ] || return 1
		sleep 0.2
	done
}

# Free memory in KiB once caches are dropped, with the pages that each CPU has at hand (of 4 KiB):
# MemFree leaves out these, which come and go by megabytes.
free_kb() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '$1 == "MemFree:" { kb += $2 } $1 == "count:" { kb += 4 * $2 } END { print kb }' \
		/proc/meminfo /proc/zoneinfo
}

# guests_start PROGRAM...: bare-metal guests at work in the background, one after another and over
# again, until guests_stop. $guest_rounds is their --param, $guest_vcpus their size.
guests_start() {
	rm -f /tmp/guests.*
	touch /tmp/guests.go
	echo 0 >/tmp/guests.count
	(
		while [ -e /tmp/guests.go ]; do
			for g; do
				guest-run --device "$device" --vcpus "${guest_vcpus:-4}" \
					--timeout 900 ${guest_rounds:+--param $guest_rounds} \
					"$images/tests/$g.img" >"/tmp/guests.$g" 2>&1 &&
					! grep '^not ok' "/tmp/guests.$g" ||
					{ cp "/tmp/guests.$g" /tmp/guests.bad; exit 1; }
				echo $(($(cat /tmp/guests.count) + 1)) >/tmp/guests.count
				[ -e /tmp/guests.go ] || break
			done
		done
	) &
	guests_pid=$!
}

# guests_at_work PROGRAM [N]: it has its first result, and N guests (default 1) are running.
guests_at_work() {
	until grep -q '^ok' "/tmp/guests.$1" 2>/dev/null &&
		[ "$(pidof guest-run | wc -w)" = "${2:-1}" ]; do
		[ ! -e /tmp/guests.bad ] || { cat /tmp/guests.bad; return 1; }
		usleep 50000
	done
}

# guests_stop N: all of them passed, and there were at least N programs.
guests_stop() {
	until [ "$(cat /tmp/guests.count)" -ge "$1" ] || [ -e /tmp/guests.bad ]; do
		sleep 0.2
	done
	rm -f /tmp/guests.go
	wait $guests_pid || { grep -v '^ok' /tmp/guests.bad; return 1; }
	echo "$(cat /tmp/guests.count) guest programs passed"
}

# What a check that failed left behind, so that the next one is of itself.
guests_end() {
	rm -f /tmp/guests.go
	killall -q -9 guest-run
	wait
	rmmod zvm 2>/dev/null
}

# The module has forgotten all VMs. Its directory must be there: an empty list proves nothing.
no_vm_left() {
	ls /sys/kernel/debug/zvm
	[ "$(module_users)" = 0 ] && [ -d /sys/kernel/debug/zvm ] && [ -z "$(ls /sys/kernel/debug/zvm)" ]
}

# quiet COMMAND...: the OOM killer's report, which has a call trace, stays off the console, where the
# board would take it for a complaint. What is one is looked for here instead.
quiet() {
	dmesg -c >/dev/null
	dmesg -n 1
	"$@"
	quiet_status=$?
	dmesg -n 7
	dmesg >/tmp/dmesg
	! grep -E 'WARNING:|BUG:|Oops|KASAN|UBSAN|rcu:.*stall|blocked for more' /tmp/dmesg || return 99
	return $quiet_status
}

module_users() { awk '$1 == "zvm" { print $3 }' /proc/modules; }

# refuses PATTERN: loading fails with exactly one line of the module, which names PATTERN, and
# leaves nothing behind. (busybox insmod tries two system calls, so the line may come twice.)
refuses() {
	dmesg -c >/dev/null
	insmod /zvm.ko 2>/dev/null
	result $((! $?)) module_refuses_to_load
	dmesg | sed -n 's/^\[[^]]*\] //; /^zvm: /{/taints kernel\|verification failed/!p}' |
		uniq >/tmp/lines
	sed 's/^/# /' /tmp/lines
	check refusal_is_one_line_that_names_the_reason \
		sh -c "[ \$(wc -l </tmp/lines) = 1 ] && grep -q '$1' /tmp/lines"
	check refusal_leaves_nothing_behind sh -c '! grep -q "^zvm " /proc/modules && [ ! -e /dev/zvm ]'
}
