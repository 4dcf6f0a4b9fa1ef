# SPDX-License-Identifier: GPL-2.0
# board: --timeout 900
# The bare-metal guests with 8 vCPUs on 2 CPUs, and a signal into a vCPU every 300 us.
. "$(dirname "$0")/lib.sh"

load_module
sh "$images/run" --stress --param "${ROUNDS:-1000}" --out /tmp/guests /dev/zvm \
	exits fault gic timer smp fp el0 its
status=$?
check module_unloads_afterwards rmmod zvm
[ $status = 0 ] || bad=$((bad + 1))
finish
