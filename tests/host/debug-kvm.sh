# SPDX-License-Identifier: GPL-2.0
# board: --kvm --timeout 120
# debug.c on in-tree KVM: what it expects is what KVM does.
/mnt/zvm/host-tests/debug --device /dev/kvm
