# SPDX-License-Identifier: GPL-2.0
# board: --machine gic-version=3
# The module refuses to load where the kernel does not run at EL2.
. "$(dirname "$0")/lib.sh"

refuses 'EL2'
finish
