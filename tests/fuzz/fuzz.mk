# SPDX-License-Identifier: GPL-2.0
# Fuzzers: libFuzzer, ASan and UBSan. NAME starts from tests/fuzz/corpus/NAME.
# FUZZ_SECONDS=N make check SUITE=fuzz runs each for N seconds. To keep what a longer run learnt:
#   build/fuzz/NAME -use_counters=0 -set_cover_merge=1 NEW-CORPUS FOUND tests/fuzz/corpus/NAME

fuzz-y += fuzz_toml

fuzz-$(CONFIG_ZVM_VIRTIO_BLK) += fuzz_virtio_blk
fuzz-fuzz_virtio_blk-y := virtio_harness.o
ifeq ($(CONFIG_ZVM_VIRTIO_CONSOLE)$(CONFIG_ZVM_VIRTIO_RNG),yy)
fuzz-y += fuzz_virtio_mmio
endif
fuzz-fuzz_virtio_mmio-y := virtio_harness.o
