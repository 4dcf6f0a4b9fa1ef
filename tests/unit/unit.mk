# SPDX-License-Identifier: GPL-2.0
# Unit tests: cmocka, on the build machine, ASan and UBSan.

# virtio
unit-y += test_gmem test_queue test_mmio test_rng test_console test_blk
unit-test_mmio-y := virtio_driver.o
unit-test_rng-y := virtio_driver.o
unit-test_console-y := virtio_driver.o
unit-test_blk-y := virtio_driver.o blk_driver.o

# vmm/config
unit-y += test_toml_value test_toml_document test_schema test_schema_files test_schema_documents
