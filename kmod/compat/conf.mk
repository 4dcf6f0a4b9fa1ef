# SPDX-License-Identifier: GPL-2.0
# Included by kmod/Kbuild after zvm-y is complete: makes zvm_conf.h before any object of the module.

zvm-conf := $(obj)/compat/zvm_conf.h

quiet_cmd_zvm_conf = PROBE   $@
      cmd_zvm_conf = mkdir -p $(dir $@) && \
	$(CONFIG_SHELL) $(src)/compat/probe.sh $(src)/compat/probe.c $@ \
	$(CC) $(filter-out -Wp$(comma)-MMD%,$(c_flags))

targets += compat/zvm_conf.h
$(zvm-conf): $(src)/compat/probe.sh $(src)/compat/probe.c FORCE
	$(call if_changed,zvm_conf)

$(addprefix $(obj)/,$(zvm-y)): $(zvm-conf)
ccflags-y += -I$(obj)/compat
clean-files += compat/zvm_conf.h
