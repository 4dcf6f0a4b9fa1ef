# SPDX-License-Identifier: GPL-2.0
# board: --kvm
# The module refuses to load where in-tree KVM is active.
. "$(dirname "$0")/lib.sh"

need_kvm
refuses 'kvm-arm.mode=none'
finish
