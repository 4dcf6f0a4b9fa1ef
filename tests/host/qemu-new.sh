# SPDX-License-Identifier: GPL-2.0
# board: --timeout 600 --mem 3072 --dir qemu=deps/qemu-arm64-new
# deps: qemu-arm64-new
# qemu.sh with the QEMU of the backports suite, which can be told the device's name.
qemu_accel=kvm,device=${ZVM_DEVICE:-/dev/zvm}
. "$(dirname "$0")/qemu.sh"
