# SPDX-License-Identifier: GPL-2.0
# Unit tests: cmocka, on the build machine, ASan and UBSan.

# virtio
unit-y += test_gmem test_queue

# vmm/config
unit-y += test_toml_value test_toml_document test_schema test_schema_files test_schema_documents
