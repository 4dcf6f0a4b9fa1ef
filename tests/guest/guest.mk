# SPDX-License-Identifier: GPL-2.0
# Bare-metal guests (build/guest/tests/*.img) and their runner (build/bin/guest-run), for arm64.
# A program is tests/guest/NAME.c linked with all of tests/guest/lib. Needs the compiler alone.

GUEST_PROGRAMS := $(patsubst tests/guest/%.c,%,$(wildcard tests/guest/*.c))
GUEST_LIB := $(patsubst tests/guest/lib/%,$(B)/guest/lib/%.o,$(basename $(wildcard tests/guest/lib/*.[cS])))
GUEST_IMAGES := $(GUEST_PROGRAMS:%=$(B)/guest/tests/%.img)
BENCH_IMAGES := $(patsubst tests/bench/%.c,$(B)/guest/bench/%.img,$(wildcard tests/bench/*.c))

GUEST_CFLAGS := -std=gnu11 -O2 -g -MMD -MP -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wvla -Werror -Wno-unused-parameter \
	-march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mstrict-align \
	-ffreestanding -fno-builtin -fno-pie -fno-stack-protector -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -Itests/guest/lib
GUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,--no-warn-rwx-segments -T tests/guest/lib/guest.lds
GUEST_RUN_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DGUEST_RUNNER -O2 -g -pthread -Wall -Wextra \
	-Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror -Itests/guest/lib

.PHONY: guest-tests
guest-tests: $(GUEST_IMAGES) $(BENCH_IMAGES) $(B)/bin/guest-run $(B)/bin/bench-mark $(B)/guest/run $(B)/guest/kmemleak \
	$(B)/guest/differences.txt

$(B)/guest/lib/%.o: tests/guest/lib/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc $(GUEST_CFLAGS) -c -o $@ $<

$(B)/guest/lib/%.o: tests/guest/lib/%.S
	@mkdir -p $(@D)
	$(if $(V),,@echo "  AS      $@")
	$(Q)$(CROSS)gcc $(GUEST_CFLAGS) -c -o $@ $<

$(B)/guest/tests/%.o: tests/guest/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc $(GUEST_CFLAGS) -c -o $@ $<

$(B)/guest/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc $(GUEST_CFLAGS) -c -o $@ $<

$(B)/guest/bench/%.elf: $(B)/guest/bench/%.o $(GUEST_LIB) tests/guest/lib/guest.lds
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CROSS)gcc $(GUEST_LDFLAGS) -o $@ $(filter %.o,$^)

$(B)/guest/bench/%.img: $(B)/guest/bench/%.elf
	$(Q)$(CROSS)objcopy -O binary $< $@

$(B)/guest/tests/%.elf: $(B)/guest/tests/%.o $(GUEST_LIB) tests/guest/lib/guest.lds
	$(if $(V),,@echo "  LD      $@")
	$(Q)$(CROSS)gcc $(GUEST_LDFLAGS) -o $@ $(filter %.o,$^)

$(B)/guest/tests/%.img: $(B)/guest/tests/%.elf
	$(Q)$(CROSS)objcopy -O binary $< $@

$(B)/bin/guest-run: $(wildcard tests/guest/runner/*.c tests/guest/runner/*.h) tests/guest/lib/testdev.h
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc $(GUEST_RUN_CFLAGS) -static -o $@ $(filter %.c,$^)

$(B)/bin/bench-mark: tests/bench/plugin/mark.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC      $@")
	$(Q)$(CROSS)gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -o $@ $<

# The script and its list go where the board sees them.
$(B)/guest/%: tests/guest/%
	@mkdir -p $(@D)
	$(Q)cp --remove-destination $< $@

.PRECIOUS: $(B)/guest/tests/%.elf $(B)/guest/tests/%.o
-include $(wildcard $(B)/guest/lib/*.d $(B)/guest/bench/*.d $(B)/guest/tests/*.d)
