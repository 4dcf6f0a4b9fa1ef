#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Hold ring-0 objects to their rules by looking at what the compiler made of them: no host thread
# or per-CPU pointer, no vector registers, no return addresses signed with keys that may be the
# guest's, no calls but to functions of ring 0.
# Usage: check-ring0.sh OBJDUMP OBJECT...   Prints each offence; status 1 if there is one.
set -eu

objdump=$1
shift
allowed='zvm_ring0_[a-z0-9_]*|zvm_fp_load'
bad=0

for obj in "$@"; do
	out=$("$objdump" -dr --no-show-raw-insn "$obj" | awk -v allowed="^(bl|b)[[:space:]].*<($allowed)([+].*)?>" \
		-v relok="^($allowed)([+-].*)?\$" '
		/^[0-9a-f]+ <.*>:$/ { fn = $2 }
		/sp_el0|tpidr_el|tpidrro/ { print fn " host thread pointer: " $0 }
		/\t(pac|aut|reta|bra[ab]|blra|eret|xpac)/ { print fn " pointer authentication: " $0 }
		# branches: the address of the target may look like a register
		/[ \t,{\[](v[0-9]+\.|q[0-9]+[,\] ]|d[0-9]+[,\] ]|s[0-9]+[,\] ])/ &&
		!/\t(mrs|msr|b|bl|b\.[a-z]+|cbn?z|tbn?z|adrp?)\t/ {
			print fn " vector register: " $0 }
		/\tblr\t|\tbr\t/ { print fn " indirect branch: " $0 }
		/R_AARCH64_(CALL26|JUMP26)/ {
			if ($3 !~ relok && $3 !~ /^\.text/) print fn " call out of ring 0: " $3 }
	')
	if [ -n "$out" ]; then
		printf '%s: not fit for ring 0:\n%s\n' "$obj" "$out" >&2
		bad=1
	fi
done
exit $bad
