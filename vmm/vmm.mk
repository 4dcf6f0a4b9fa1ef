# SPDX-License-Identifier: GPL-2.0
# The VMM; how this is read: top-level Makefile.

# config: vm.toml
vmm-y += config/config.o config/files.o config/print.o config/rules.o config/schema.o
vmm-y += config/source.o config/value.o
vmm-y += config/toml.o config/toml_datetime.o config/toml_number.o config/toml_scan.o
vmm-y += config/toml_string.o config/toml_table.o
