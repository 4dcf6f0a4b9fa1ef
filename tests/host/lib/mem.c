// SPDX-License-Identifier: GPL-2.0
/*
 * See mem.h.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mem.h"

bool zvm, pinned;

void mem_init(int argc, char **argv)
{
	vm_open_device(argc, argv);
	zvm = strcmp(vm_device, "/dev/kvm");
	pinned = ioctl(vm_dev, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_MMU) == 0;
}

bool write_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

long pinned_now(void)
{
	write_text("/proc/sys/vm/stat_refresh", "1"); /* fold what each CPU counted */
	return proc_value("/proc/vmstat", "nr_foll_pin_acquired") -
	       proc_value("/proc/vmstat", "nr_foll_pin_released");
}

bool pins_return_to(long before)
{
	int i;

	for (i = 0; i < 100 && pinned_now() > before; i++)
		usleep(20000);
	if (pinned_now() > before)
		note("%ld pages pinned before, %ld now", before, pinned_now());
	return pinned_now() <= before;
}

bool holds(const char *mem, size_t size, size_t step, uint64_t ipa, uint64_t value)
{
	size_t i;

	for (i = 0; i < size; i += step) {
		if (*(const uint64_t *)(mem + i) != ipa + i + value) {
			note("offset %zx: %llx", i,
			     (unsigned long long)*(const uint64_t *)(mem + i));
			return false;
		}
	}
	return true;
}

void *race(void *arg)
{
	struct racer *r = arg;

	vm_load(r->vm, r->vcpu, VM_WRITE, r->start, r->end, r->step, r->value);
	r->ret = vm_run(r->vm, r->vcpu, &r->result);
	return NULL;
}
