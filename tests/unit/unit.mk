# SPDX-License-Identifier: GPL-2.0
# Unit tests: cmocka, on the build machine, ASan and UBSan.

# virtio
unit-y += test_gmem test_queue
unit-$(CONFIG_ZVM_VIRTIO_RNG) += test_mmio test_rng
unit-$(CONFIG_ZVM_VIRTIO_CONSOLE) += test_console
unit-$(CONFIG_ZVM_VIRTIO_BLK) += test_blk test_blk_create test_virtio_threads
unit-$(CONFIG_ZVM_BLK_LIBAIO) += test_blk_faults test_blk_inplace
unit-test_mmio-y := virtio_driver.o
unit-test_rng-y := virtio_driver.o
unit-test_console-y := virtio_driver.o
unit-test_blk-y := virtio_driver.o blk_driver.o
unit-test_blk_create-y := virtio_driver.o blk_driver.o
unit-test_virtio_threads-y := virtio_driver.o blk_driver.o
unit-test_blk_faults-y := virtio_driver.o blk_driver.o
unit-test_blk_faults-ldflags := -Wl,--wrap=preadv64v2,--wrap=pwritev64v2,--wrap=pwrite64 \
	-Wl,--wrap=fdatasync,--wrap=fallocate64,--wrap=io_submit
unit-test_blk_inplace-y := virtio_driver.o blk_driver.o
unit-test_blk_inplace-ldflags := -Wl,--wrap=preadv64v2,--wrap=io_submit

# vmm/config
unit-y += test_toml_value test_toml_document
unit-y += test_schema test_schema_refusal test_schema_files test_schema_documents
unit-y += test_schema_memory
unit-test_schema_memory-ldflags := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup,--wrap=asprintf

# tools/zvm
unit-y += test_zvm_doctor test_zvm_control test_zvm_store test_command_documents
unit-test_zvm_control-y := command.o ../../tools/zvm/client.o ../../tools/zvm/control.o ../../tools/zvm/store.o
unit-test_zvm_control-ldflags := -ljansson
unit-test_zvm_store-y := command.o ../../tools/zvm/client.o ../../tools/zvm/control.o \
	../../tools/zvm/new.o ../../tools/zvm/store.o
unit-test_zvm_store-ldflags := -ljansson
unit-test_zvm_doctor-y := ../../tools/zvm/doctor.o
# vmm
unit-y += test_console_backend test_devices test_fdt test_load test_pl011 test_sandbox
unit-test_sandbox-y := ../../vmm/sandbox.o

# kmod: what compiles outside the kernel
unit-y += test_vgic_pick
