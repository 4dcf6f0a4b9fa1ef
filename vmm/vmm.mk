# SPDX-License-Identifier: GPL-2.0
# The VMM; how this is read: top-level Makefile. What needs arm64's KVM headers, or is main(), is in
# vmm-run-y; the rest is tested on the build machine too.

# config: vm.toml
vmm-y += config/config.o config/files.o config/print.o config/rules.o config/schema.o
vmm-y += config/source.o config/value.o
vmm-y += config/toml.o config/toml_datetime.o config/toml_number.o config/toml_scan.o
vmm-y += config/toml_string.o config/toml_table.o

# device: what answers the guest's accesses
vmm-y += device/bus.o device/console_backend.o device/console_open.o device/flash.o device/pl011.o
vmm-y += device/terminal.o
vmm-$(CONFIG_ZVM_PL031) += device/pl031.o
vmm-$(CONFIG_ZVM_PL061) += device/pl061.o

# machine: address map, memory, images, device tree
vmm-y += machine/fdt.o machine/load.o machine/load_elf.o machine/load_linux.o machine/map.o
vmm-y += machine/ram.o
vmm-run-y += machine/machine.o machine/reset.o machine/virtio.o

# run: threads, events, KVM
vmm-y += run/log.o run/loop.o run/unixsock.o
vmm-run-y += run/irq.o run/kvm.o run/lifecycle.o run/vcpu.o
vmm-run-y += main.o sandbox.o

# control: the socket
vmm-run-y += control/control.o

vmm-libs += -lfdt -lseccomp -lz
