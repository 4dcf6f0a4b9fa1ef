# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# The ITS: attributes, MSIs, tables (its.c).
. "$(dirname "$0")/lib.sh"

load_module
/mnt/zvm/host-tests/its || bad=$((bad + 1))
check module_unloads rmmod zvm
finish
