# SPDX-License-Identifier: GPL-2.0
# board: --timeout 500
# Guest memory (memory.c, memlife.c) with the module loaded in each way that matters to it.
. "$(dirname "$0")/lib.sh"

for args in '' 'vmid_bits=3 residency=0' 'notifier=1'; do
	echo "# insmod zvm.ko $args"
	# shellcheck disable=SC2086
	insmod /zvm.ko $args || { result 1 "module_loads_with_${args:-defaults}"; continue; }
	/mnt/zvm/host-tests/memory || bad=$((bad + 1))
	/mnt/zvm/host-tests/memlife || bad=$((bad + 1))
	check "no_vm_is_left_in_debugfs_${args:-by default}" no_vm_left
	check "module_unloads_${args:-by default}" rmmod zvm
done
finish
