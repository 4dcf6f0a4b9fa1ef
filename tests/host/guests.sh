# SPDX-License-Identifier: GPL-2.0
# board: --timeout 1500 --dir armhf=deps/armhf
# deps: armhf
# Linux guests of all kinds: the oldest and the newest of Debian's kernels, kernels with larger pages,
# 32-bit programs. `make check-guests` makes what they need and runs this on both devices.
. "$(dirname "$0")/lib.sh"

# other_guest KERNEL VCPUS TEST [DISK]: guest_test with build/guest/Image-KERNEL.
other_guest() {
	vm_make /tmp/vm linux.toml "$2" "rw zvm.test=$3"
	sed -i "s/Image-6\.1/Image-$1/; s/initrd-6\.1\.img/initrd-$1.img/" /tmp/vm/vm.toml
	[ -e "$images/initrd-$1.img" ] || sed -i '/^initrd/d' /tmp/vm/vm.toml
	[ -z "${4:-}" ] || printf '[[disk]]\npath = "%s"\nreadonly = true\n' "$4" >>/tmp/vm/vm.toml
	vm_run /tmp/vm 200 || return 1
	grep -q "zvm-guest: up .* cpus=$2" /tmp/vm/log && grep -q "^zvm-test: $3 ok" /tmp/vm/log
}

# What the guest's kernel says of itself.
says() { tr -d "$cr" </tmp/vm/log | sed -n "s/^zvm-guest: \($1\)/# \1/p"; }

load_module
for kernel in ${KERNELS:-5.10 sid 16k 64k}; do
	for n in 1 4; do
		check "guest_with_kernel_${kernel}_runs_with_${n}_vcpus" other_guest $kernel $n load
		says up
	done
done
# The program is a disk of whole sectors.
dd if=/mnt/armhf/bin/busybox of=/tmp/armhf.img bs=4096 conv=sync 2>/dev/null
for n in 1 4; do
	check "32_bit_programs_run_in_a_guest_with_${n}_vcpus" other_guest 6.1 $n armhf /tmp/armhf.img
done
finish
