# SPDX-License-Identifier: GPL-2.0
#
# Debian's QEMU on the board. It lies with its libraries at /mnt/qemu (# board: --dir
# qemu=deps/qemu-arm64, # deps: qemu) and has that as its root. It opens /dev/kvm, even if $qemu_accel
# names another device: QEMU 10 asks it what the host's CPU can do.

qemu_root=/mnt/qemu
qemu_net=user
qemu_cpu=host
qemu_accel=${qemu_accel:-kvm}

qemu_prepare() {
	[ "$device" = /dev/kvm ] || ln -sf "${device#/dev/}" /dev/kvm
	for d in dev proc sys tmp; do
		mount --bind /$d $qemu_root/$d
	done
	mount -t tmpfs mnt $qemu_root/mnt
	mkdir $qemu_root/mnt/zvm
	mount --bind /mnt/zvm $qemu_root/mnt/zvm
}

# qemu DISK TEST [OPTION...]: a Linux guest with four CPUs, a disk and a network card on PCI, that
# runs TEST; in the background, its console in /tmp/serial. A monitor reads what mon() writes and
# answers in /tmp/mon.log; a debugger may come to /tmp/gdb.
qemu() {
	disk=$1 guest=$2
	shift 2
	rm -f /tmp/mon.in /tmp/mon.out /tmp/serial /tmp/mon.log /tmp/gdb
	mkfifo /tmp/mon.in /tmp/mon.out
	cat /tmp/mon.out >/tmp/mon.log &
	mon_pid=$!
	exec 7<>/tmp/mon.in
	chroot $qemu_root /usr/bin/qemu-system-aarch64 -M virt,gic-version=3 -accel $qemu_accel \
		-cpu $qemu_cpu -smp 4 -m 192 -nodefaults -display none \
		-serial file:/tmp/serial -monitor pipe:/tmp/mon \
		-chardev socket,id=gdb,path=/tmp/gdb,server=on,wait=off -gdb chardev:gdb \
		-kernel $images/Image-6.1 -initrd $images/initrd-6.1.img \
		-append "console=ttyAMA0 root=/dev/vda kpti=off quiet zvm.test=$guest" \
		-drive "file=$disk,format=raw,if=none,id=d0" -device virtio-blk-pci,drive=d0 \
		-netdev "$qemu_net,id=n0" -device virtio-net-pci,netdev=n0,romfile= \
		"$@" </dev/null >/tmp/qemu.log 2>&1 7>&- &
	qemu_pid=$!
	case $qemu_net in tap*) tap_up ;; esac
}

# The board's end of the cable: the guests look for 10.0.2.2, and a restored one for the address it
# had before.
tap_up() {
	for n in $(seq 100); do
		! ip link set zvmtap address 02:00:00:00:00:01 up 2>/dev/null || break
		sleep 0.3
	done
	ip addr add 10.0.2.2/24 dev zvmtap
}

mon() { echo "$*" >&7; }

# mon_wait SECONDS COMMAND PATTERN: repeats the command until the monitor says PATTERN.
mon_wait() {
	mon_end=$(($(date +%s) + $1))
	mon_from=$(wc -c </tmp/mon.log)
	while [ "$(date +%s)" -lt $mon_end ] && kill -0 $qemu_pid; do
		mon "$2"
		sleep 0.5
		! tail -c +$((mon_from + 1)) /tmp/mon.log | grep -q "$3" || return 0
	done
	tail -n 5 /tmp/mon.log
	return 1
}

# qemu_end SECONDS: it ends by itself; the status is its.
qemu_end() {
	qemu_until=$(($(date +%s) + $1))
	while kill -0 $qemu_pid 2>/dev/null; do
		[ "$(date +%s)" -lt $qemu_until ] || { echo "QEMU does not end"; kill -9 $qemu_pid; break; }
		sleep 0.3
	done
	wait $qemu_pid
	qemu_status=$?
	exec 7>&-
	kill $mon_pid 2>/dev/null
	return $qemu_status
}

# serial_wait SECONDS PATTERN [COUNT]: the console has said it so many times.
serial_wait() {
	serial_end=$(($(date +%s) + $1))
	until [ "$(grep -c "$2" /tmp/serial 2>/dev/null)" -ge "${3:-1}" ] 2>/dev/null; do
		[ "$(date +%s)" -lt $serial_end ] && kill -0 $qemu_pid 2>/dev/null ||
			{ tail -n 15 /tmp/serial; cat /tmp/qemu.log; return 1; }
		sleep 0.3
	done
}
