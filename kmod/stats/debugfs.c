// SPDX-License-Identifier: GPL-2.0
/*
 * Counters in debugfs, one read-only file each. Made and removed with the VM and the vCPU; debugfs
 * itself keeps readers away from a file that is being removed.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>

#include "../zvm.h"

#ifdef CONFIG_ZVM_DEBUGFS

static struct dentry *stats_root;

int zvm_stats_init(void)
{
	stats_root = debugfs_create_dir("zvm", NULL);
	return 0; /* without debugfs there are no files, that is all */
}

void zvm_stats_exit(void)
{
	debugfs_remove_recursive(stats_root);
}

/* A folder `name` below `parent`; NULL if one VM outlived its number and has the name still. */
static struct dentry *folder(struct dentry *parent, const char *name)
{
	struct dentry *old, *dir;

	if (IS_ERR_OR_NULL(parent))
		return NULL;
	old = debugfs_lookup(name, parent);
	if (old) {
		dput(old);
		return NULL;
	}
	dir = debugfs_create_dir(name, parent);
	return IS_ERR(dir) ? NULL : dir;
}

void zvm_stats_vm_create(struct zvm_vm *vm)
{
	struct dentry *dir = folder(stats_root, vm->name);

	vm->stats.dentry = dir;
	if (!dir)
		return;
#define X(name, kind, desc) debugfs_create_u64(#name, 0444, dir, &vm->stats.name);
	ZVM_VM_STATS(X)
#undef X
}

void zvm_stats_vm_destroy(struct zvm_vm *vm)
{
	debugfs_remove_recursive(vm->stats.dentry);
}

void zvm_stats_vcpu_create(struct zvm_vcpu *v)
{
	struct dentry *dir;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", v->id);
	dir = folder(v->vm->stats.dentry, name);
	v->stats.dentry = dir;
	if (!dir)
		return;
#define X(name, desc) debugfs_create_u64(#name, 0444, dir, &v->stats.name);
	ZVM_VCPU_STATS(X)
#undef X
}

void zvm_stats_vcpu_destroy(struct zvm_vcpu *v)
{
	debugfs_remove_recursive(v->stats.dentry);
}

#else

int zvm_stats_init(void)
{
	return 0;
}

void zvm_stats_exit(void)
{
}

void zvm_stats_vm_create(struct zvm_vm *vm)
{
}

void zvm_stats_vm_destroy(struct zvm_vm *vm)
{
}

void zvm_stats_vcpu_create(struct zvm_vcpu *v)
{
}

void zvm_stats_vcpu_destroy(struct zvm_vcpu *v)
{
}

#endif
