# SPDX-License-Identifier: GPL-2.0
# board: --timeout 400
# What the guest writes to its disk is there after a reset, with every engine.
. "$(dirname "$0")/lib.sh"

across_a_reboot() {
	vm_make /tmp/vm linux.toml 2 zvm.test=reboot
	sed -i "s|^cache .*|&\nengine = \"$1\"|" /tmp/vm/vm.toml
	vm_run /tmp/vm 150 || return 1
	grep -q '^zvm-test: first start done' /tmp/vm/log &&
		grep -q '^zvm-test: second start' /tmp/vm/log &&
		grep -q '^zvm-test: reboot ok' /tmp/vm/log
}

load_module
for engine in libaio io_uring threads; do
	check "disk_keeps_its_data_across_a_reset_with_$engine" across_a_reboot $engine
done
finish
