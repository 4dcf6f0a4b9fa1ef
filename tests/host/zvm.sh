# SPDX-License-Identifier: GPL-2.0
# board: --timeout 250 --mem 2500
# The zvm command on a host that can run VMs, and the examples of configs/vm that end by themselves.
. "$(dirname "$0")/lib.sh"

doctor_finds_fault_before_loading() {
	zvm doctor
	[ $? = 1 ]
}

all_examples_pass() {
	for f in "$images"/*.toml; do
		cp "$f" examples/
	done
	cp "$images/rootfs.ext4" "$images/data.img" examples/
	for f in "$images"/Image-* "$images"/initrd-* "$images/u-boot.bin" "$images/tests"; do
		ln -s "$f" examples/
	done
	zvm check examples/*.toml
}

explained_vm_is_the_same_vm() {
	zvm explain examples/linux-batch.toml >again.toml && zvm check again.toml &&
		grep -q '^# *0x000a000000-0x000a0001ff  virtio slot 0: disk\[0\]  SPI 16' again.toml &&
		grep -q '^memory = "256M"$' again.toml
}

bare_metal_example_passes() {
	zvm-run --device "$device" examples/bare-metal.toml >bare.log 2>&1 </dev/null
	status=$?
	tail -n 20 bare.log
	[ $status = 0 ] && grep -q '^ok 1 ' bare.log && ! grep -q '^not ok' bare.log
}

batch_example_writes_its_console_to_the_file() {
	timeout 120 zvm-run --device "$device" examples/linux-batch.toml </dev/null
	status=$?
	tail -n 20 examples/linux-batch.log
	[ $status = 0 ] && grep -q '^zvm-test: boot ok' examples/linux-batch.log
}

running_vm_is_listed_and_obeys() {
	zvm-run --device "$device" -c none examples/u-boot.toml >u-boot.log 2>&1 </dev/null &
	pid=$!
	sleep 3
	zvm list
	zvm list | grep -q "^u-boot  *running  *$pid " || return 1
	# Started by the system, asked by a user who has a directory of his own.
	XDG_RUNTIME_DIR=/tmp/vm zvm list | grep -q "^u-boot  *running  *$pid " || return 1
	XDG_RUNTIME_DIR=/tmp/vm zvm info u-boot | grep -q '^state.running' || return 1
	zvm pause u-boot && zvm info u-boot | grep -q '^state.paused' || return 1
	zvm resume u-boot && zvm reset u-boot || return 1
	sleep 1
	zvm info u-boot | grep -q '^resets.1$' || return 1
	zvm stop u-boot || return 1
	wait $pid
	status=$?
	zvm list
	[ $status = 5 ] && ! zvm list | grep -q u-boot && ! zvm info u-boot
}

# KiB that a process takes, without the guest's memory: mappings of 64 MiB and more.
own_memory() {
	awk '/^[0-9a-f]+-/ { big = 0 }
		/^Size:/ { big = $2 >= 65536 }
		/^Rss:/ { if (!big) kib += $2 }
		END { print kib + 0 }' "/proc/$1/smaps"
}

# Huge pages wherever one fits, and the disk engine with the most threads.
vmm_itself_takes_little_memory() {
	thp=/sys/kernel/mm/transparent_hugepage/enabled
	[ ! -w $thp ] || echo always >$thp
	sed -e 's/^name.*/name = "small"/' -e 's/^readonly.*/&\nengine = "threads"/' \
		examples/u-boot.toml >examples/small.toml
	zvm-run --device "$device" -c none examples/small.toml >small.log 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 100); do
		zvm info small | grep -q '^state.running' && break
		kill -0 $pid || break
		sleep 0.2
	done
	threads=$(ls "/proc/$pid/task" | wc -l)
	kib=$(own_memory $pid)
	zvm stop small
	wait $pid
	rm examples/small.toml
	cat small.log
	echo "$threads threads, $kib KiB"
	[ "$threads" -ge 6 ] && [ "$kib" -gt 0 ] && [ "$kib" -le 3072 ]
}

# In the background, kept under a name: up to U-Boot's prompt, typed at through zvm console.
named_vm_runs_in_the_background() {
	zvm new boot --from examples/u-boot.toml && zvm list | grep -q '^boot  *stopped' || return 1
	zvm run --device "$device" boot || return 1
	zvm info boot | grep -q '^state.running' || return 1
	! zvm run --device "$device" boot || return 1
	: >typed
	(for _ in $(seq 60); do printf '\r'; sleep 1; ! grep -q '^=> ' typed || break; done) |
		zvm console boot >typed
	zvm top -b -n 2 -d 1 >top
	cat top
	[ "$(grep -c '^boot  *running' top)" = 2 ] && grep -q '^=> ' typed || return 1
	! zvm delete boot && zvm list | grep -q '^boot  *running' || return 1
	# By another name in the store than it runs by.
	cp -r "$XDG_DATA_HOME/zvm/boot" "$XDG_DATA_HOME/zvm/alias"
	! zvm delete alias && rm -r "$XDG_DATA_HOME/zvm/alias"
}

running_vm_is_deleted_by_force_only() {
	zvm delete --force boot && ! zvm info boot && ! zvm list | grep -q '^boot ' &&
		[ ! -e "$XDG_DATA_HOME/zvm/boot" ] && [ -e examples/u-boot.toml ]
}

# In the sandbox to its last system call: the link goes, and the status is that of the guest's end.
pty_link_comes_and_goes() {
	sed -e 's/^name.*/name = "link"/' -e 's|^mode.*|mode = "pty"\npath = "/tmp/vm/tty"|' \
		examples/u-boot.toml >examples/link.toml
	zvm-run --device "$device" examples/link.toml >link.log 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 100); do
		[ ! -c /tmp/vm/tty ] || break
		kill -0 $pid || break
		sleep 0.2
	done
	ls -l /tmp/vm/tty && zvm stop link
	wait $pid
	status=$?
	cat link.log
	[ $status = 5 ] && [ ! -L /tmp/vm/tty ]
}

vm_that_cannot_start_says_why() {
	zvm new never --from examples/u-boot.toml && zvm run --device /dev/null never
	status=$?
	[ $status = 1 ] && zvm delete never
}

export XDG_DATA_HOME=/tmp/vm
mkdir -p /tmp/vm/examples
cd /tmp/vm || exit 1
[ "$device" != /dev/zvm ] || check doctor_misses_the_module doctor_finds_fault_before_loading
load_module
[ "$device" != /dev/zvm ] || check doctor_is_content_with_this_host zvm doctor
check every_example_passes_zvm_check all_examples_pass
check what_zvm_explain_prints_is_a_vm explained_vm_is_the_same_vm
check bare_metal_example_passes_its_tests bare_metal_example_passes
check batch_example_ends_and_logs batch_example_writes_its_console_to_the_file
check vm_is_listed_paused_reset_and_stopped running_vm_is_listed_and_obeys
check vmm_itself_takes_3_mib_at_most vmm_itself_takes_little_memory
check named_vm_runs_in_the_background named_vm_runs_in_the_background
check running_vm_is_deleted_by_force_only running_vm_is_deleted_by_force_only
check pty_link_comes_and_goes pty_link_comes_and_goes
check vm_that_cannot_start_says_why vm_that_cannot_start_says_why
finish
