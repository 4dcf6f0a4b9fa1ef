# SPDX-License-Identifier: GPL-2.0
# board: --timeout 1500 --mem 3072 --icount
# deps: perf
# Debian's perf in a Linux guest. QEMU's CPUs count instructions with -icount only.
. "$(dirname "$0")/lib.sh"

counts() {
	vm_make /tmp/vm linux.toml 1 zvm.test=perf-stat
	printf '[[disk]]\npath = "%s/perf.ext4"\nreadonly = true\n' $images >>/tmp/vm/vm.toml
	vm_run /tmp/vm 1200 || return 1
	tr -d "$cr" </tmp/vm/log | sed -n '/Performance counter/,/^zvm-test/s/^/# /p' >/tmp/counts
	grep -q '^zvm-test: perf-stat ok' /tmp/vm/log
}

load_module
check perf_stat_counts_in_a_linux_guest counts
cat /tmp/counts
finish
