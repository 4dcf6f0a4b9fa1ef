# SPDX-License-Identifier: GPL-2.0
#
# ZVM: the module, the VMM, the tools, the guests and the tests. Everything made is under build/.
#
#   make                    module for the board's kernel, zvm-run, tools, guests
#   make module             the module alone; REL=6.12 for another of the board's kernels, KDIR=
#                           (with ARCH, CROSS_COMPILE, CC as that kernel wants) for any kernel
#   make demo | check       see README.md
#   make V=1                show the commands
#
# What a directory is made of is said in its own fragment (vmm/vmm.mk, virtio/virtio.mk,
# tools/tools.mk, tests/unit/unit.mk, tests/fuzz/fuzz.mk), by objects relative to it:
#   vmm-y, vmm-$(CONFIG_ZVM_x)  of zvm-run and of the unit tests     vmm-libs    its -l options
#   vmm-run-y                   of zvm-run alone: needs arm64 KVM, or is main()
#   virtio-y, virtio-libs       the device library
#   zvm-y, zvm-libs             the zvm command, linked with vmm
#   unit-y                      unit tests: NAME is tests/unit/NAME.c (plus unit-NAME-y objects
#                               of that directory, unit-NAME-ldflags), linked with vmm and virtio
#   fuzz-y                      fuzzers, the same way: tests/fuzz/NAME.c

MAKEFLAGS += -r
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
.SECONDARY:

Q := $(if $(V),,@)
B := build
DEPS := $(B)/deps
REL ?= 6.1
CROSS ?= aarch64-linux-gnu-
PYTHON := /usr/bin/python3

.PHONY: all
all: module zvm-run tools guests

# Not needed to prepare or to tidy up, and making it needs a package.
ifneq ($(filter-out deps clean distclean %config,$(or $(MAKECMDGOALS),all)),)
include $(B)/config.mk
endif
-include vmm/vmm.mk
-include virtio/virtio.mk
-include tools/tools.mk
-include tests/unit/unit.mk
-include tests/fuzz/fuzz.mk
-include tests/guest/guest.mk
include tools/board/guest.mk
include tests/host/host.mk

# ---- dependencies ----------------------------------------------------------------------------

.PHONY: deps
deps:
	$(Q)tools/deps

# The first build installs; later ones look at a stamp only.
$(DEPS)/.done-kernel-%:
	$(Q)tools/deps
	$(Q)test -e $@ || tools/deps kernel $*

# ---- configuration ---------------------------------------------------------------------------
# .config is edited, build/config.mk and zvm_config.h are made from it.

CONFIG_H := $(B)/include/generated/zvm_config.h
KCONFIGS := Kconfig kmod/Kconfig vmm/Kconfig virtio/Kconfig
kconfig = KCONFIG_CONFIG=$(1) $(PYTHON) -m

CONFIG_FROM := $(firstword $(wildcard .config) configs/qemu_defconfig)
ifneq ($(CONFIG_FROM),$(shell cat $(B)/.config-from 2>/dev/null))
$(shell rm -f $(B)/config.mk)
endif

$(B)/config.mk: $(CONFIG_FROM) $(KCONFIGS)
	$(Q)tools/deps host
	@mkdir -p $(dir $(CONFIG_H))
	$(Q)$(call kconfig,$<) genconfig --header-path $(CONFIG_H) --config-out $@
	@echo $< >$(B)/.config-from

.PHONY: menuconfig oldconfig savedefconfig
menuconfig oldconfig:
	$(Q)tools/deps host
	$(Q)test -e .config || cp configs/qemu_defconfig .config
	$(Q)$(call kconfig,.config) $@ Kconfig

savedefconfig:
	$(Q)$(call kconfig,.config) savedefconfig --out $(B)/defconfig

%_defconfig: configs/%_defconfig
	$(Q)tools/deps host
	$(Q)$(call kconfig,.config) defconfig $<

# ---- module ----------------------------------------------------------------------------------
# Kbuild writes beside the sources, so each kernel gets a mirror of kmod/ made of links, with the
# ABI header (uapi/) and the configuration (config.mk, zvm_config.h) in it: complete by itself.

KMOD_OUT := $(B)/kmod-$(if $(KDIR),$(notdir $(patsubst %/build,%,$(patsubst %/,%,$(KDIR)))),$(REL))

ifeq ($(KDIR),)
KMOD_MAKE = $(MAKE) -C $(abspath $(DEPS))/kernel/$(REL)/headers/ ARCH=arm64 \
	CROSS_COMPILE=$(CROSS) CC=$(abspath $(DEPS))/kernel/$(REL)/cc CONFIG_DEBUG_INFO_BTF_MODULES=
KMOD_NEEDS = $(DEPS)/.done-kernel-$(REL)
else
KMOD_MAKE = $(MAKE) -C $(KDIR)
endif
KMOD_MAKE += M=$(abspath $(KMOD_OUT))

.PHONY: module kmod-mirror
module: kmod-mirror $(KMOD_NEEDS)
	$(Q)+$(KMOD_MAKE) $(if $(V),V=1,-s) $(KMOD_FLAGS) modules

kmod-mirror:
	$(Q)mkdir -p $(KMOD_OUT)
	$(Q)find $(KMOD_OUT) -xtype l -delete
	$(Q)cp -rsf $(abspath kmod)/. $(KMOD_OUT)/
	$(Q)ln -sfn $(abspath include/uapi) $(KMOD_OUT)/uapi
	$(Q)ln -sf $(abspath $(B)/config.mk $(CONFIG_H)) $(KMOD_OUT)/

# ---- user space ------------------------------------------------------------------------------
# Three flavours of the same objects: arm64, host (unit tests, sanitizers), fuzz (libFuzzer).

CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -g -pthread -MMD -MP \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wundef -Wvla -Werror -Wno-unused-parameter \
	-Iinclude -Iinclude/uapi -I. -include $(CONFIG_H)
SYSROOT := $(DEPS)/sysroot

arm64-cc := $(CROSS)gcc
arm64-ar := $(CROSS)ar
arm64-cflags := -O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -isystem $(SYSROOT)/usr/include
arm64-ldflags := -pie -Wl,-z,relro,-z,now -L$(SYSROOT)/usr/lib/aarch64-linux-gnu \
	-Wl,-rpath-link,$(SYSROOT)/usr/lib/aarch64-linux-gnu
host-cc := gcc
host-ar := ar
host-cflags := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
host-ldflags := -fsanitize=address,undefined
fuzz-cc := clang
fuzz-ar := ar
fuzz-cflags := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz-ldflags := -fsanitize=fuzzer,address,undefined

objs = $(addprefix $(B)/$(1)/$(2)/,$(3))

# flavour F: how to make its objects and the two archives.
define flavour
$(B)/$(1)/%.o: %.c $(if $(filter arm64,$(1)),| $(DEPS)/.done-sysroot)
	@mkdir -p $$(@D)
	$(if $(V),,@echo "  CC      $$@")
	$(Q)$($(1)-cc) $(CFLAGS_ALL) $($(1)-cflags) -c -o $$@ $$<

$(B)/$(1)/libvmm.a: $(call objs,$(1),vmm,$(vmm-y))
$(B)/$(1)/libvirtio.a: $(call objs,$(1),virtio,$(virtio-y))
$(B)/$(1)/libvmm.a $(B)/$(1)/libvirtio.a:
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && $($(1)-ar) rcs $$@ $$^
endef
$(foreach f,arm64 host fuzz,$(eval $(call flavour,$(f))))

archives = $(B)/$(1)/libvmm.a $(B)/$(1)/libvirtio.a
libs = $(sort $(vmm-libs) $(virtio-libs))

define link
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD      $@")
	$(Q)$($(1)-cc) -pthread -o $@ $(filter %.o,$^) $(2) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $($(1)-ldflags) $(3)
endef

$(DEPS)/.done-sysroot:
	$(Q)tools/deps

.PHONY: zvm-run tools guests
guests: $(if $(wildcard tests/guest/guest.mk),guest-tests)
guests: host-tests
zvm-run: $(if $(vmm-run-y),$(B)/bin/zvm-run)
$(B)/bin/zvm-run: $(call objs,arm64,vmm,$(vmm-run-y)) $(call archives,arm64)
	$(call link,arm64,,$(libs))

tools: $(if $(zvm-y),$(B)/bin/zvm)
$(B)/bin/zvm: $(call objs,arm64,tools,$(zvm-y)) $(B)/arm64/libvmm.a
	$(call link,arm64,,$(zvm-libs))

# ---- unit tests and fuzzers --------------------------------------------------------------------

UNIT := $(addprefix $(B)/unit/,$(unit-y))
FUZZ := $(addprefix $(B)/fuzz/,$(fuzz-y))

.PHONY: unit check-unit fuzz check-fuzz
unit: $(UNIT)
$(UNIT): $(B)/unit/%: $(B)/host/tests/unit/%.o \
		$$(addprefix $(B)/host/tests/unit/,$$(unit-$$*-y)) $(call archives,host)
	$(call link,host,$(unit-$*-ldflags),-lcmocka $(libs))

check-unit: unit
	$(Q)for t in $(UNIT); do $$t || fail=1; done; exit $${fail:-0}

fuzz: $(FUZZ)
$(FUZZ): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o \
		$$(addprefix $(B)/fuzz/tests/fuzz/,$$(fuzz-$$*-y)) $(call archives,fuzz)
	$(call link,fuzz,$(fuzz-$*-ldflags),$(libs))

# ---- running --------------------------------------------------------------------------------------

.PHONY: demo
demo: all
	$(Q)tools/board/demo $(if $(BATCH),--batch)

.PHONY: bench
bench: module guests $(B)/bench/count.so
	$(Q)tests/bench/run --kernel $(REL)
	$(Q)tests/bench/system --kernel $(REL)
	$(Q)tests/bench/boot --kernel $(REL)

$(B)/bench/count.so: tests/bench/plugin/count.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)gcc -std=gnu11 -Wall -Wextra -Werror -O2 -fPIC -shared -fvisibility=hidden -o $@ $<

# make check SUITE="unit host/boot": see tests/run. make check-kernels KERNELS="5.10 sid": see
# tests/kernels.
.PHONY: check check-kernels check-debug print-unit-y print-fuzz-y
check-kernels: all
	$(Q)tests/kernels $(KERNELS)

# On kernels full of checks: tests/debug.
check-debug: all
	$(Q)tests/debug $(KERNELS)

check: all unit fuzz
	$(Q)tests/run $(SUITE)

# KVM's own selftests, of the kernel REL, on in-tree KVM and on the module.
.PHONY: check-kvm-selftests
check-kvm-selftests: all
	$(Q)tests/kvm-selftests --kernel $(REL) $(TESTS)

# Debian's QEMU, and that of its backports, with a Linux guest on the module, and moving one to in-tree
# KVM and back.
.PHONY: check-qemu
check-qemu: all
	$(Q)tests/run host/qemu host/qemu-new host/vhost
	$(Q)tests/qemu-move

# Linux guests beyond those of `make check`: old and new kernels, larger pages, 32-bit programs,
# perf; on the module and on in-tree KVM.
.PHONY: check-guests
check-guests: all other-guests
	$(Q)tests/run host/guests host/perf
	$(Q)HOST_ENV=ZVM_DEVICE=/dev/kvm BOARD_OPTIONS=--kvm tests/run host/guests host/perf

print-unit-y print-fuzz-y:
	@echo $($(@:print-%=%))

# ---- static checks --------------------------------------------------------------------------------
# clang-tidy and cppcheck on user space, sparse and W=1 on the module. Any finding fails.

LINT_C = $(addprefix vmm/,$(vmm-y:.o=.c) $(vmm-run-y:.o=.c)) $(addprefix virtio/,$(virtio-y:.o=.c)) \
	$(addprefix tools/,$(zvm-y:.o=.c))
LINT_STAMPS = $(patsubst %.c,$(B)/lint/%.ok,$(LINT_C))
TIDY_FLAGS = --target=aarch64-linux-gnu $(filter -std% -D% -I%,$(CFLAGS_ALL)) \
	-include $(CONFIG_H) -isystem $(SYSROOT)/usr/include -isystem /usr/aarch64-linux-gnu/include

.PHONY: lint lint-tidy lint-cppcheck lint-kmod
lint: lint-tidy lint-cppcheck lint-kmod

lint-tidy: $(LINT_STAMPS)
$(LINT_STAMPS): $(B)/lint/%.ok: %.c tools/clang-tidy.yaml $(B)/config.mk
	@mkdir -p $(@D)
	@echo "  TIDY    $<"
	$(Q)clang-tidy --quiet --config-file=tools/clang-tidy.yaml $< -- $(TIDY_FLAGS) >$@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@

lint-cppcheck: $(B)/config.mk
	@echo "  CPPCHECK"
	$(Q)cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress=varFuncNullUB --error-exitcode=1 \
		-Iinclude -I. -D_GNU_SOURCE -D__aarch64__ --include=$(CONFIG_H) \
		vmm virtio tools tests/unit tests/fuzz tests/guest/runner tests/host

# A mirror of its own, built from nothing each time: warnings come with compilations only. Locks
# that are taken on a condition, or given on to another function, are beyond -Wcontext.
lint-kmod: $(DEPS)/.done-kernel-$(REL)
	@echo "  SPARSE  kmod"
	$(Q)rm -rf $(B)/lint/kmod && mkdir -p $(B)/lint
	$(Q)$(MAKE) --no-print-directory module KMOD_OUT=$(B)/lint/kmod \
		KMOD_FLAGS="C=2 CF=-Wno-context W=1" >$(B)/lint/kmod.log 2>&1 || { cat $(B)/lint/kmod.log; exit 1; }
	$(Q)! grep -E '(warning|error):' $(B)/lint/kmod.log | grep -F /kmod/ | grep -v /headers-root/

# ---- installing -----------------------------------------------------------------------------------
# For the board that ZVM runs on: DESTDIR is its root file system, or a package's.

PREFIX ?= /usr
MAN := $(wildcard Documentation/man/*.[1-9])
VERSION := 0.1
DKMS := $(DESTDIR)/usr/src/zvm-$(VERSION)

.PHONY: install dkms
install: zvm-run tools
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/zvm
	install -m 755 $(wildcard $(B)/bin/zvm-run $(B)/bin/zvm) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 configs/vm/*.toml $(DESTDIR)$(PREFIX)/share/zvm/
	$(foreach m,$(MAN),install -D -m 644 $(m) \
		$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m));)
	install -D -m 644 tools/completion/zvm $(DESTDIR)$(PREFIX)/share/bash-completion/completions/zvm
	ln -sf zvm $(DESTDIR)$(PREFIX)/share/bash-completion/completions/zvm-run
	install -D -m 644 tools/systemd/zvm@.service $(DESTDIR)$(PREFIX)/lib/systemd/system/zvm@.service
	install -D -m 644 tools/systemd/60-zvm.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-zvm.rules
	install -D -m 644 tools/systemd/zvm.conf $(DESTDIR)$(PREFIX)/lib/modules-load.d/zvm.conf

# The module's sources where dkms finds them: it builds them there for each kernel it installs.
dkms: $(B)/config.mk
	install -d $(DKMS)
	cp -rL kmod/. $(DKMS)/
	$(if $(wildcard include/uapi),mkdir -p $(DKMS)/uapi && cp -rL include/uapi/. $(DKMS)/uapi/)
	install -m 644 $(B)/config.mk $(CONFIG_H) $(DKMS)/
	printf '%s\n' 'PACKAGE_NAME="zvm"' 'PACKAGE_VERSION="$(VERSION)"' \
		'BUILT_MODULE_NAME[0]="zvm"' 'DEST_MODULE_LOCATION[0]="/updates"' \
		'MAKE[0]="make -C $${kernel_source_dir} M=$${dkms_tree}/zvm/$(VERSION)/build modules"' \
		'CLEAN="make -C $${kernel_source_dir} M=$${dkms_tree}/zvm/$(VERSION)/build clean"' \
		'AUTOINSTALL="yes"' >$(DKMS)/dkms.conf
	@echo "now: dkms install zvm/$(VERSION)"

# ---- the rest ------------------------------------------------------------------------------------

.PHONY: clean distclean
clean:
	rm -rf $(filter-out $(DEPS),$(wildcard $(B)/*))
distclean: clean
	rm -rf $(B) .config .config.old

-include $(shell find $(B)/arm64 $(B)/host $(B)/fuzz -name '*.d' 2>/dev/null)
