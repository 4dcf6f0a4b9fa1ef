# SPDX-License-Identifier: GPL-2.0
# board: --machine virtualization=on,gic-version=2
# The module refuses to load where there is no GICv3.
. "$(dirname "$0")/lib.sh"

refuses 'GICv3'
finish
