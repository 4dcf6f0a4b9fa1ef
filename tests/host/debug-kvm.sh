# SPDX-License-Identifier: GPL-2.0
# board: --kvm --timeout 120
# debug.c and serror.c on in-tree KVM: what they expect is what KVM does, but for that of 5.10.
. "$(dirname "$0")/lib.sh"

need_kvm
case $(uname -r) in
5.*)
	skip debug_registers_and_steps 'the KVM of 5.10 steps over device accesses and exceptions'
	finish
	;;
esac
/mnt/zvm/host-tests/debug --device /dev/kvm && /mnt/zvm/host-tests/serror --device /dev/kvm
