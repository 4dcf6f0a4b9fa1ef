# SPDX-License-Identifier: GPL-2.0
# board: --kvm --timeout 120
# debug.c and serror.c on in-tree KVM: what they expect is what KVM does.
. "$(dirname "$0")/lib.sh"

need_kvm
/mnt/zvm/host-tests/debug --device /dev/kvm && /mnt/zvm/host-tests/serror --device /dev/kvm
