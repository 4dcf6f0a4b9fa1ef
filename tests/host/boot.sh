# SPDX-License-Identifier: GPL-2.0
# board: --timeout 400
# A Linux guest comes up with the CPUs it was given, sleeps and wakes, and ends by itself.
. "$(dirname "$0")/lib.sh"

load_module
for n in 1 2 4; do
	check "guest_boots_with_${n}_vcpus" guest_test linux.toml $n boot 120
done
check guest_of_a_newer_kernel_boots guest_test linux-6.12.toml 2 boot 120
check guest_sleeps_and_wakes guest_test linux.toml 2 mem 250
finish
