# SPDX-License-Identifier: GPL-2.0
# board: --timeout 600
# Random ioctls (fuzz-ioctl.c) with the module loaded in two ways: 15 seconds each, or what
# tests/run host/fuzz-ioctl:SECONDS says, in total. No complaint of the kernel, nothing left behind.
. "$(dirname "$0")/lib.sh"

seconds=$((${1:-30} / 2))
for args in '' 'notifier=1 residency=0 vmid_bits=4'; do
	echo "# insmod zvm.ko $args"
	# shellcheck disable=SC2086
	insmod /zvm.ko $args || { result 1 "module_loads_with_${args:-defaults}"; continue; }
	/mnt/zvm/host-tests/fuzz-ioctl --seconds $seconds || bad=$((bad + 1))
	check "no_vm_is_left_${args:-by default}" no_vm_left
	check "module_unloads_${args:-by default}" rmmod zvm
done
finish
