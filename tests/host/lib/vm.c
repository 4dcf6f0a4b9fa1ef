// SPDX-License-Identifier: GPL-2.0
/* See vm.h. Not thread-safe except vm_run() on different vCPUs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

const char *vm_device = "/dev/zvm";
int vm_dev;
static int tests, failures;
static size_t run_size;

#define CODE_SIZE 4096 /* the guests, in a page of their own */

/* x0 at, x1 end, x2 step, x3 value, x4 VM_DONE_IPA, x5 result */
asm(".section .rodata\n"
    ".balign 4096\n"
    "guest_write:\n"
    "0:	add x6, x3, x0\n"
    "	str x6, [x0]\n"
    "	add x0, x0, x2\n"
    "	cmp x0, x1\n"
    "	b.lo 0b\n"
    "	str x5, [x4]\n"
    "	b .\n"
    "guest_read:\n"
    "0:	ldr x6, [x0]\n"
    "	add x5, x5, x6\n"
    "	add x0, x0, x2\n"
    "	cmp x0, x1\n"
    "	b.lo 0b\n"
    "	str x5, [x4]\n"
    "	b .\n"
    "guest_exec:\n"
    "0:	blr x0\n"
    "	add x0, x0, x2\n"
    "	cmp x0, x1\n"
    "	b.lo 0b\n"
    "	str x5, [x4]\n"
    "	b .\n"
    ".balign 4096\n"
    ".previous\n");
extern const char guest_write[], guest_read[], guest_exec[];

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	va_end(ap);
	_exit(3);
}

void ok(bool good, const char *name)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++tests, name);
	fflush(stdout);
	failures += !good;
}

void skip(const char *name, const char *why)
{
	printf("ok %d %s # SKIP %s\n", ++tests, name, why);
	fflush(stdout);
}

int done(void)
{
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}

void vm_open_device(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--device"))
		vm_device = argv[2];
	else if (argc != 1)
		die("usage: %s [--device DEV]", argv[0]);
	vm_dev = open(vm_device, O_RDWR | O_CLOEXEC);
	if (vm_dev < 0)
		die("%s", vm_device);
	run_size = ioctl(vm_dev, KVM_GET_VCPU_MMAP_SIZE, 0);
}

void vm_set_reg(int vcpu, uint64_t id, uint64_t val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		die("KVM_SET_ONE_REG %llx", (unsigned long long)id);
}

uint64_t vm_get_reg(int vcpu, uint64_t id)
{
	uint64_t val = 0;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	if (ioctl(vcpu, KVM_GET_ONE_REG, &reg))
		die("KVM_GET_ONE_REG %llx", (unsigned long long)id);
	return val;
}

int vm_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t ipa, uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

void vm_create(struct vm *vm, unsigned int vcpus)
{
	struct kvm_vcpu_init init;
	unsigned int i;

	memset(vm, 0, sizeof(*vm));
	vm->fd = ioctl(vm_dev, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		die("KVM_CREATE_VM");
	vm->code = mem_map(CODE_SIZE, 4096);
	memcpy(vm->code, guest_write, CODE_SIZE);
	if (vm_slot(vm, 100, KVM_MEM_READONLY, VM_CODE_IPA, CODE_SIZE, vm->code))
		die("slot of the code");
	if (ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init))
		die("KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	for (i = 0; i < vcpus; i++) {
		vm->vcpu[i] = ioctl(vm->fd, KVM_CREATE_VCPU, i);
		if (vm->vcpu[i] < 0)
			die("KVM_CREATE_VCPU");
		if (ioctl(vm->vcpu[i], KVM_ARM_VCPU_INIT, &init))
			die("KVM_ARM_VCPU_INIT");
	}
	vm->nr_vcpus = vcpus;
	vm_map_run(vm);
}

void vm_map_run(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		vm->run[i] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu[i],
				  0);
		if (vm->run[i] == MAP_FAILED)
			die("mmap of the vCPU");
	}
}

void vm_unmap_run(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		munmap(vm->run[i], run_size);
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	vm_unmap_run(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		close(vm->vcpu[i]);
	close(vm->fd);
	munmap(vm->code, CODE_SIZE);
}

void vm_load(struct vm *vm, unsigned int vcpu, enum vm_program prog, uint64_t start, uint64_t end,
	     uint64_t step, uint64_t value)
{
	const char *entry[] = { guest_write, guest_read, guest_exec };
	int fd = vm->vcpu[vcpu];

	vm_set_reg(fd, VM_CORE(regs.regs[0]), start);
	vm_set_reg(fd, VM_CORE(regs.regs[1]), end);
	vm_set_reg(fd, VM_CORE(regs.regs[2]), step);
	vm_set_reg(fd, VM_CORE(regs.regs[3]), value);
	vm_set_reg(fd, VM_CORE(regs.regs[4]), VM_DONE_IPA);
	vm_set_reg(fd, VM_CORE(regs.regs[5]), 0);
	vm_set_reg(fd, VM_CORE(regs.pc), VM_CODE_IPA + ((uintptr_t)entry[prog] & (CODE_SIZE - 1)));
}

void vm_complete(struct vm *vm, unsigned int vcpu)
{
	struct kvm_run *run = vm->run[vcpu];

	run->immediate_exit = 1;
	if (!ioctl(vm->vcpu[vcpu], KVM_RUN, 0) || errno != EINTR)
		die("KVM_RUN with immediate_exit");
	run->immediate_exit = 0;
}

int vm_run(struct vm *vm, unsigned int vcpu, uint64_t *result)
{
	struct kvm_run *run = vm->run[vcpu];
	int ret = 0;

	while (ioctl(vm->vcpu[vcpu], KVM_RUN, 0)) {
		if (errno != EINTR)
			return -errno;
	}
	if (run->exit_reason != KVM_EXIT_MMIO)
		die("exit reason %u", run->exit_reason);
	if (run->mmio.phys_addr != VM_DONE_IPA)
		ret = 1;
	else
		memcpy(result, run->mmio.data, sizeof(*result));
	vm_complete(vm, vcpu);
	return ret;
}

uint64_t vm_do(struct vm *vm, unsigned int vcpu, enum vm_program prog, uint64_t start,
	       uint64_t end, uint64_t step, uint64_t value)
{
	uint64_t result = 0;
	int ret;

	vm_load(vm, vcpu, prog, start, end, step, value);
	ret = vm_run(vm, vcpu, &result);
	if (ret) {
		errno = ret < 0 ? -ret : 0;
		die("guest program %d at %llx ended with %d", prog, (unsigned long long)start, ret);
	}
	return result;
}

int64_t vm_stat(struct vm *vm, const char *name)
{
	struct kvm_stats_header h;
	int fd = ioctl(vm->fd, KVM_GET_STATS_FD, 0);
	int64_t val = -1;
	char *desc;
	uint32_t i;

	if (fd < 0)
		return -1;
	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		die("statistics header");
	desc = malloc(sizeof(struct kvm_stats_desc) + h.name_size);
	for (i = 0; i < h.num_desc; i++) {
		size_t size = sizeof(struct kvm_stats_desc) + h.name_size;
		struct kvm_stats_desc *d = (void *)desc;

		if (pread(fd, desc, size, h.desc_offset + i * size) != (ssize_t)size)
			die("statistics descriptor");
		if (!strcmp(desc + sizeof(*d), name) &&
		    pread(fd, &val, sizeof(val), h.data_offset + d->offset) != sizeof(val))
			die("statistics value");
	}
	free(desc);
	close(fd);
	return val;
}

unsigned int slowness(void)
{
	const char *slow = getenv("GUEST_SLOW");
	long n = slow ? atol(slow) : 1;

	return n < 1 ? 1 : n > 100 ? 100 : (unsigned int)n;
}

void *mem_map(size_t size, size_t align)
{
	char *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)p + align - 1) & -align);

	if (p == MAP_FAILED)
		die("mmap of %zu bytes", size);
	if (at != p)
		munmap(p, at - p);
	munmap(at + size, p + align - at);
	return at;
}

long proc_value(const char *file, const char *name)
{
	char line[256];
	long val = -1;
	size_t len = strlen(name);
	FILE *f = fopen(file, "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && (line[len] == ':' || line[len] == ' '))
			sscanf(line + len + 1, "%ld", &val);
	fclose(f);
	return val;
}
