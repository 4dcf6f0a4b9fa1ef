# SPDX-License-Identifier: GPL-2.0
# board: --timeout 120
# A VMM debugs its guest (debug.c); no debug exception may reach the host's kernel. And what else it
# may do to a vCPU: SErrors, aborts, power states (serror.c).
. "$(dirname "$0")/lib.sh"

load_module
/mnt/zvm/host-tests/debug || bad=$((bad + 1))
/mnt/zvm/host-tests/serror || bad=$((bad + 1))
check module_unloads rmmod zvm
finish
