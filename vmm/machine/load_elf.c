// SPDX-License-Identifier: GPL-2.0
/*
 * ELF64 programs for AArch64, statically linked to physical addresses.
 *
 * Main thread. Every offset, size and address of the file is checked without forming a sum that
 * could wrap; segments must lie in RAM and in the file, and apart from each other.
 *
 * Specification: System V ABI, chapter 5 (program loading); ELF for the Arm 64-bit Architecture.
 */
#include "vmm/machine/load.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SEGMENTS 64u

static int check_header(const Elf64_Ehdr *eh, struct zvm_err *err)
{
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB)
		return zvm_err_set(err, ENOEXEC, "not a little-endian 64-bit ELF file");
	if (eh->e_machine != EM_AARCH64)
		return zvm_err_set(err, ENOEXEC,
				   "an ELF file for machine %u; only AArch64 (183) can run here",
				   eh->e_machine);
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return zvm_err_set(err, ENOEXEC,
				   "an ELF file that is not executable; link it first");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > MAX_SEGMENTS)
		return zvm_err_set(
			err, ENOEXEC,
			"an ELF file with %u program headers of %u bytes; 1 to %u of %zu "
			"can be loaded",
			eh->e_phnum, eh->e_phentsize, MAX_SEGMENTS, sizeof(Elf64_Phdr));
	return 0;
}

static int check_segment(const Elf64_Phdr *ph, unsigned int i, uint64_t file_size,
			 const struct zvm_span *ram, struct zvm_err *err)
{
	if (ph->p_filesz > ph->p_memsz)
		return zvm_err_set(err, ENOEXEC, "segment %u is larger in the file than in memory",
				   i);
	if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset)
		return zvm_err_set(err, ENODATA,
				   "segment %u ends behind the end of the file: it is truncated; "
				   "copy it again",
				   i);
	if (!zvm_span_ptr(ram, ph->p_paddr, ph->p_memsz))
		return zvm_err_set(err, ENOSPC,
				   "segment %u (0x%llx bytes at 0x%llx) is outside RAM "
				   "(0x%llx-0x%llx); link it there or give the VM more memory",
				   i, (unsigned long long)ph->p_memsz,
				   (unsigned long long)ph->p_paddr, (unsigned long long)ram->ipa,
				   (unsigned long long)(ram->ipa + ram->size - 1));
	return 0;
}

static bool overlap(const Elf64_Phdr *a, const Elf64_Phdr *b)
{
	return a->p_paddr < b->p_paddr ? b->p_paddr - a->p_paddr < a->p_memsz
				       : a->p_paddr - b->p_paddr < b->p_memsz;
}

int zvm_load_elf(int fd, const struct zvm_span *ram, uint64_t *entry, uint64_t *start,
		 uint64_t *end, struct zvm_err *err)
{
	Elf64_Phdr ph[MAX_SEGMENTS];
	Elf64_Ehdr eh;
	unsigned int nr = 0;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return zvm_err_set(err, errno, "cannot read it: %s", strerror(errno));
	ret = zvm_load_pread(fd, &eh, sizeof(eh), 0);
	if (ret == 0)
		ret = check_header(&eh, err);
	else
		return zvm_err_set(err, ret,
				   "the file ends inside the ELF header: it is truncated; copy it "
				   "again");
	if (ret < 0)
		return ret;
	if (eh.e_phoff > (uint64_t)st.st_size ||
	    zvm_load_pread(fd, ph, eh.e_phnum * sizeof(ph[0]), eh.e_phoff) < 0)
		return zvm_err_set(
			err, ENODATA,
			"the file ends inside its program headers: it is truncated; copy "
			"it again");

	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz)
			continue;
		ret = check_segment(&ph[i], i, (uint64_t)st.st_size, ram, err);
		if (ret < 0)
			return ret;
		for (unsigned int k = 0; k < nr; k++)
			if (overlap(&ph[k], &ph[i]))
				return zvm_err_set(err, ENOEXEC,
						   "segment %u overlaps another one in memory", i);
		ph[nr++] = ph[i]; /* nr <= i: only what is behind us is overwritten */
	}
	if (!nr)
		return zvm_err_set(err, ENOEXEC, "an ELF file with nothing to load");

	*entry = eh.e_entry;
	*start = UINT64_MAX;
	*end = 0;
	for (unsigned int i = 0; i < nr; i++) {
		uint8_t *to = zvm_span_ptr(ram, ph[i].p_paddr, ph[i].p_memsz);

		ret = zvm_load_pread(fd, to, ph[i].p_filesz, ph[i].p_offset);
		if (ret < 0)
			return zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret));
		memset(to + ph[i].p_filesz, 0, ph[i].p_memsz - ph[i].p_filesz);
		if (ph[i].p_paddr < *start)
			*start = ph[i].p_paddr;
		if (ph[i].p_paddr + ph[i].p_memsz > *end)
			*end = ph[i].p_paddr + ph[i].p_memsz;
		/* The entry point is a virtual address; before the MMU is on only the physical
		 * counts. */
		if (eh.e_entry >= ph[i].p_vaddr && eh.e_entry - ph[i].p_vaddr < ph[i].p_memsz)
			*entry = ph[i].p_paddr + (eh.e_entry - ph[i].p_vaddr);
	}
	return 0;
}
