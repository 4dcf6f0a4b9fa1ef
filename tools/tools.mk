# SPDX-License-Identifier: GPL-2.0
# The zvm command; how this is read: top-level Makefile.

zvm-y += zvm/main.o zvm/check.o zvm/client.o zvm/console.o zvm/control.o zvm/doctor.o zvm/dry.o
zvm-y += zvm/explain.o zvm/new.o zvm/start.o zvm/store.o zvm/top.o

# config, machine and their loaders come from libvmm.a
zvm-libs += -lfdt -ljansson -lz
