# SPDX-License-Identifier: GPL-2.0
# Programs of the host tests (build/host-tests/NAME): tests/host/NAME.c linked with all of
# tests/host/lib and of tests/host/NAME, if there is one, static, the compiler alone. Scripts of
# tests/host start them on the board.

HOST_TESTS := $(patsubst tests/host/%.c,$(B)/host-tests/%,$(wildcard tests/host/*.c))
HOST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread -Wall -Wextra -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror -Itests/host -Itests/host/lib -Iinclude/uapi
HOST_LIB := $(wildcard tests/host/lib/*.c)

.PHONY: host-tests
host-tests: $(HOST_TESTS)

$(HOST_TESTS): $(B)/host-tests/%: tests/host/%.c $(HOST_LIB) $$(wildcard tests/host/$$*/*.c) \
		$(wildcard tests/host/lib/*.h) $$(wildcard tests/host/$$*/*.h)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc $(HOST_CFLAGS) -static -o $@ $(filter %.c,$^)
