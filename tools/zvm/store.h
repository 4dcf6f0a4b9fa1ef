/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where VMs are kept that were made with zvm new: NAME/vm.toml, and beside it the log of its last
 * run, in $XDG_DATA_HOME/zvm; without that variable in /var/lib/zvm for root and in
 * ~/.local/share/zvm for others. A plain FILE.toml anywhere else is as good for zvm run.
 */
#ifndef ZVM_TOOLS_STORE_H
#define ZVM_TOOLS_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include <zvm/err.h>

#define ZVM_STORE_CONFIG "vm.toml"
#define ZVM_STORE_LOG	 "log"

/*
 * The path of @leaf of the VM @name, of its directory if @leaf is NULL, of the store if both are.
 * 0; -EINVAL for what is no name of a VM; -ENAMETOOLONG.
 */
int zvm_store_path(char *path, size_t size, const char *name, const char *leaf,
		   struct zvm_err *err);

/* Is there a VM of that name? */
bool zvm_store_has(const char *name);

/* The store and the directories above it. 0 or -errno. */
int zvm_store_make(struct zvm_err *err);

#endif
