# SPDX-License-Identifier: GPL-2.0
# Fuzzers: libFuzzer, ASan and UBSan. NAME starts from tests/fuzz/corpus/NAME.

fuzz-y += fuzz_toml
