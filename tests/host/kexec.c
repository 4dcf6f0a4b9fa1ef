// SPDX-License-Identifier: GPL-2.0
/*
 * kexec - leave this kernel for another one, with the command line and the device tree of this one.
 *
 *   kexec IMAGE INITRD
 *
 * An arm64 Image, not compressed, and the boot protocol of the kernel's Documentation/arm64/booting:
 * a few instructions of our own put the address of the device tree into x0. Does not return, or
 * ends with status 1 and says why; status 4: this kernel cannot.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define PAGE	 4096UL
#define BLOCK	 (2UL << 20)
#define ROOM	 (128UL << 20) /* for a file */
#define FROM_RAM (64UL << 20) /* the new kernel, from the start of memory */

/* What is started: x0 = device tree, x1 to x3 = 0, and on to the kernel. */
static struct {
	uint32_t insn[6];
	uint64_t fdt, kernel;
} entry_code = {
	.insn = {
		0x580000c0, /* ldr x0, fdt */
		0x580000e4, /* ldr x4, kernel */
		0xaa1f03e1, /* mov x1, xzr */
		0xaa1f03e2, /* mov x2, xzr */
		0xaa1f03e3, /* mov x3, xzr */
		0xd61f0080, /* br x4 */
	},
};

static struct kexec_segment segments[4];
static unsigned int nr_segments;
static uint64_t next_free;

static void *read_file(const char *path, size_t *len)
{
	char *buf = mem_map(ROOM, PAGE);
	int fd = open(path, O_RDONLY);
	ssize_t got = 1;

	if (fd < 0)
		die("%s", path);
	for (*len = 0; got > 0 && *len < ROOM; *len += (size_t)got) {
		got = read(fd, buf + *len, ROOM - *len);
		if (got < 0)
			die("%s", path);
	}
	close(fd);
	return buf;
}

/* Gives it the next place in physical memory. */
static uint64_t place(const void *buf, size_t len, size_t memlen, uint64_t offset)
{
	uint64_t at = next_free + offset;

	segments[nr_segments++] = (struct kexec_segment){
		.buf = buf, .bufsz = len, .mem = (void *)at, .memsz = (memlen + PAGE - 1) & ~(PAGE - 1),
	};
	next_free = (at + memlen + BLOCK - 1) & ~(BLOCK - 1);
	return at;
}

static uint64_t start_of_ram(void)
{
	FILE *f = fopen("/proc/iomem", "r");
	unsigned long long start, end;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "System RAM") && sscanf(line, "%llx-%llx", &start, &end) == 2 &&
		    end - start > 4 * FROM_RAM)
			return (start + BLOCK - 1) & ~(BLOCK - 1);
	die("no memory in /proc/iomem");
}

/* Overwrites a property that is a number, of 32 or 64 bits, wherever it is. */
static void set_property(char *fdt, const char *name, uint64_t val)
{
	const uint32_t *head = (const uint32_t *)fdt;
	uint32_t *p = (uint32_t *)(fdt + be32toh(head[2]));
	const char *strings = fdt + be32toh(head[3]);
	uint32_t len;

	for (;;) {
		switch (be32toh(*p++)) {
		case 1: /* a node begins */
			p += strlen((char *)p) / 4 + 1;
			break;
		case 2: /* a node ends */
		case 4: /* nothing */
			break;
		case 3: /* a property */
			len = be32toh(p[0]);
			if (!strcmp(strings + be32toh(p[1]), name)) {
				if (len == 8)
					p[2] = htobe32((uint32_t)(val >> 32));
				p[1 + len / 4] = htobe32((uint32_t)val);
				return;
			}
			p += 2 + (len + 3) / 4;
			break;
		default:
			die("the device tree has no %s", name);
		}
	}
}

int main(int argc, char **argv)
{
	size_t image_len, initrd_len, fdt_len;
	uint64_t initrd_at, entry, *head;
	char *image, *initrd, *fdt;

	if (argc != 3) {
		fprintf(stderr, "usage: kexec IMAGE INITRD\n");
		return 2;
	}
	image = read_file(argv[1], &image_len);
	initrd = read_file(argv[2], &initrd_len);
	fdt = read_file("/sys/firmware/fdt", &fdt_len);
	head = (uint64_t *)image; /* code, text_offset, image_size, flags, ..., magic */
	if (image_len < 64 || memcmp(image + 56, "ARM\x64", 4))
		die("%s is no arm64 Image", argv[1]);

	next_free = start_of_ram() + FROM_RAM;
	entry_code.kernel = place(image, image_len, head[2], head[1]);
	initrd_at = place(initrd, initrd_len, initrd_len, 0);
	set_property(fdt, "linux,initrd-start", initrd_at);
	set_property(fdt, "linux,initrd-end", initrd_at + initrd_len);
	entry_code.fdt = place(fdt, fdt_len, fdt_len, 0);
	entry = place(&entry_code, sizeof(entry_code), sizeof(entry_code), 0);

	if (syscall(SYS_kexec_load, entry, (unsigned long)nr_segments, segments, KEXEC_ARCH_AARCH64)) {
		perror("kexec_load");
		return errno == ENOSYS ? 4 : 1;
	}
	sync();
	reboot((int)RB_KEXEC);
	perror("kexec");
	return 1;
}
