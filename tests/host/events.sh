# SPDX-License-Identifier: GPL-2.0
# board: --timeout 200
# irqfd, ioeventfd, routing, interrupt lines and statistics descriptors (events.c); interrupt status
# words (status.c).
. "$(dirname "$0")/lib.sh"

load_module
/mnt/zvm/host-tests/events || bad=$((bad + 1))
/mnt/zvm/host-tests/status || bad=$((bad + 1))
check module_unloads rmmod zvm
finish
