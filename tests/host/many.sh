# SPDX-License-Identifier: GPL-2.0
# board: --mem 3072 --timeout 580
# Several VMs, and more vCPUs than CPUs.
. "$(dirname "$0")/lib.sh"

two_at_once() {
	vm_make /tmp/a linux.toml 2 zvm.test=load
	vm_make /tmp/b linux-6.12.toml 2 zvm.test=load
	vm_run /tmp/a 240 >/tmp/a.tail &
	pid=$!
	vm_run /tmp/b 240 || { cat /tmp/a.tail; return 1; }
	wait $pid || { cat /tmp/a.tail; return 1; }
	grep -q '^zvm-test: load ok' /tmp/a/log && grep -q '^zvm-test: load ok' /tmp/b/log
}

load_module
check two_vms_at_once_do_not_disturb_each_other two_at_once
check eight_vcpus_on_two_cpus_under_load guest_test linux.toml 8 load 300
finish
