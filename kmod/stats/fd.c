// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_STATS_FD: the counters as a binary file that describes itself.
 *
 * Layout (Documentation/virt/kvm/api.rst of the kernel): header, identification string,
 * descriptors, one 64-bit value for each descriptor. Everything but the values is constant. The
 * descriptor holds a reference to the VM, so the counters are there as long as it is open.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../zvm.h"

#ifdef CONFIG_ZVM_STATS

#define NAME_SIZE 48

struct entry {
	const char *name;
	u32 flags;
	u32 offset; /* of the counter in its structure */
};

#define KIND_COUNT (KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define KIND_GAUGE (KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define KIND_BYTES (KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2)

static const struct entry vm_entries[] = {
#define X(name, kind, desc) { #name, KIND_##kind, offsetof(struct zvm_vm_stats, name) },
	ZVM_VM_STATS(X)
#undef X
};

static const struct entry vcpu_entries[] = {
#define X(name, desc) { #name, KIND_COUNT, offsetof(struct zvm_vcpu_stats, name) },
	ZVM_VCPU_STATS(X)
#undef X
};

/* private_data of the file */
struct stats_file {
	struct zvm_vm *vm;
	const struct entry *entries;
	u32 nr;
	const void *counters;
	char id[NAME_SIZE];
};

static size_t desc_size(void)
{
	/* Not sizeof: some kernels declare the name with its length, some without. */
	return offsetof(struct kvm_stats_desc, name) + NAME_SIZE;
}

static ssize_t stats_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	const struct stats_file *sf = file->private_data;
	struct kvm_stats_header header = {
		.name_size = NAME_SIZE,
		.num_desc = sf->nr,
		.id_offset = sizeof(header),
		.desc_offset = sizeof(header) + NAME_SIZE,
	};
	size_t size;
	ssize_t ret;
	u8 *image;
	u32 i;

	header.data_offset = header.desc_offset + sf->nr * desc_size();
	size = header.data_offset + sf->nr * sizeof(u64);
	image = kzalloc(size, GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	memcpy(image, &header, sizeof(header));
	memcpy(image + header.id_offset, sf->id, NAME_SIZE);
	for (i = 0; i < sf->nr; i++) {
		const struct entry *e = &sf->entries[i];
		struct kvm_stats_desc *d = (void *)(image + header.desc_offset + i * desc_size());
		u64 val = READ_ONCE(*(const u64 *)(sf->counters + e->offset));

		d->flags = e->flags;
		d->size = 1;
		d->offset = i * sizeof(u64);
		strscpy((char *)d + offsetof(struct kvm_stats_desc, name), e->name, NAME_SIZE);
		memcpy(image + header.data_offset + i * sizeof(u64), &val, sizeof(val));
	}
	ret = simple_read_from_buffer(buf, len, pos, image, size);
	kfree(image);
	return ret;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct stats_file *sf = file->private_data;

	zvm_vm_put(sf->vm);
	kfree(sf);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

static int stats_open(struct zvm_vm *vm, struct stats_file *from)
{
	struct stats_file *sf = kmemdup(from, sizeof(*from), GFP_KERNEL_ACCOUNT);
	struct file *file;
	int fd;

	if (!sf)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_free;
	/* pread() is how clients read it, hence not anon_inode_getfd() */
	file = anon_inode_getfile("zvm-stats", &stats_fops, sf, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto err_free;
	}
	file->f_mode |= FMODE_PREAD;
	zvm_vm_get(vm);
	fd_install(fd, file);
	return fd;

err_free:
	kfree(sf);
	return fd;
}

int zvm_stats_vm_fd(struct zvm_vm *vm)
{
	struct stats_file sf = {
		.vm = vm,
		.entries = vm_entries,
		.nr = ARRAY_SIZE(vm_entries),
		.counters = &vm->stats,
	};

	snprintf(sf.id, sizeof(sf.id), "kvm-%s", vm->name);
	return stats_open(vm, &sf);
}

int zvm_stats_vcpu_fd(struct zvm_vcpu *v)
{
	struct stats_file sf = {
		.vm = v->vm,
		.entries = vcpu_entries,
		.nr = ARRAY_SIZE(vcpu_entries),
		.counters = &v->stats,
	};

	snprintf(sf.id, sizeof(sf.id), "kvm-%s/vcpu-%u", v->vm->name, v->id);
	return stats_open(v->vm, &sf);
}

#else

int zvm_stats_vm_fd(struct zvm_vm *vm)
{
	return -ENOTTY;
}

int zvm_stats_vcpu_fd(struct zvm_vcpu *v)
{
	return -ENOTTY;
}

#endif
