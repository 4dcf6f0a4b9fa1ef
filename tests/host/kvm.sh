# SPDX-License-Identifier: GPL-2.0
# board: --kvm --timeout 400
# The same TOML files on in-tree KVM: what zvm-run needs is the KVM API and nothing more.
ZVM_DEVICE=/dev/kvm
. "$(dirname "$0")/lib.sh"

need_kvm
check linux_guest_runs_on_kvm guest_test linux.toml 2 boot 150
check newer_linux_guest_runs_on_kvm guest_test linux-6.12.toml 4 boot 150
finish
