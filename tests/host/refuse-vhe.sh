# SPDX-License-Identifier: GPL-2.0
# board: --cpu cortex-a72
# The module refuses to load where the CPU has no VHE.
. "$(dirname "$0")/lib.sh"

refuses 'VHE'
finish
