/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The validated description of one virtual machine.
 *
 * This is the contract between vm.toml and everything that acts on it. A struct zvm_config that
 * was handed out by zvm_config_load() has passed the schema: every number is in its range, every
 * enumeration holds one of its values, every path is resolved against the directory of the TOML
 * file, and the combinations that make no sense have been refused. What can only be known later
 * (the module's limits, the content of an image) is checked by the code that finds out, which
 * then calls zvm_config_blame() so that the user still reads file, line, column and key.
 *
 * Threads: loading happens once, before there are any; afterwards the object is read only and
 * may be read from any thread without a lock. zvm_config_free() must come last.
 *
 * Reference: vm.toml(5).
 */
#ifndef ZVM_VMM_CONFIG_H
#define ZVM_VMM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <zvm/err.h>

/* vCPUs: the redistributors' window and the tested range; the module may offer fewer. */
#define ZVM_CONFIG_MAX_VCPUS 8
/* virtio-mmio slots of the machine; disks, the console and the entropy source share them. */
#define ZVM_CONFIG_VIRTIO_SLOTS 32
/* How long a disk may be polled, in microseconds. */
#define ZVM_CONFIG_MAX_POLL 1000
/* Request queues of one disk. */
#define ZVM_CONFIG_MAX_QUEUES 8
/* VIRTIO_BLK_ID_BYTES: a longer serial number could not be told to the guest. */
#define ZVM_CONFIG_MAX_SERIAL 20
/* COMMAND_LINE_SIZE of Linux on arm64 less the terminating zero. */
#define ZVM_CONFIG_MAX_CMDLINE 2047
/* RAM of the virt machine: from 1 GiB up, at most 255 GiB of it. */
#define ZVM_CONFIG_RAM_BASE 0x40000000ULL
#define ZVM_CONFIG_RAM_MIN  (1ULL << 20)
#define ZVM_CONFIG_RAM_MAX  (255ULL << 30)
/* Largest host page: a memslot must consist of whole ones. */
#define ZVM_CONFIG_RAM_GRAIN (64ULL << 10)

enum zvm_disk_engine {
	ZVM_DISK_LIBAIO, /* default */
	ZVM_DISK_IO_URING,
	ZVM_DISK_THREADS,
};

enum zvm_disk_cache {
	ZVM_DISK_CACHE_NONE,	  /* O_DIRECT; default */
	ZVM_DISK_CACHE_WRITEBACK, /* through the host's page cache, FLUSH is fdatasync() */
};

struct zvm_config_disk {
	char *path; /* raw image or block device, never NULL */
	enum zvm_disk_engine engine;
	enum zvm_disk_cache cache;
	bool readonly;	     /* default false */
	bool discard;	     /* offer DISCARD and WRITE_ZEROES; default true, false if readonly */
	unsigned int queues; /* 1..ZVM_CONFIG_MAX_QUEUES; default 1 */
	unsigned int poll;   /* microseconds, 0..ZVM_CONFIG_MAX_POLL; default 0 */
	char *serial;	     /* 0..ZVM_CONFIG_MAX_SERIAL printable ASCII, never NULL; default "" */
};

enum zvm_console_mode {
	ZVM_CONSOLE_STDIO,  /* default; the terminal goes raw, Ctrl-A x leaves */
	ZVM_CONSOLE_PTY,    /* a new pty; path, if set, becomes a symbolic link to it */
	ZVM_CONSOLE_SOCKET, /* listen on the UNIX socket path */
	ZVM_CONSOLE_FILE,   /* append output to path, no input */
	ZVM_CONSOLE_NONE,   /* output is dropped, no input */
};

enum zvm_console_device {
	ZVM_CONSOLE_PL011,  /* default; ttyAMA0 */
	ZVM_CONSOLE_VIRTIO, /* hvc0; the PL011 stays in the machine, unconnected */
};

struct zvm_config_console {
	enum zvm_console_mode mode;
	enum zvm_console_device device;
	char *path; /* never NULL for socket and file, may be NULL for pty, NULL otherwise */
};

enum zvm_hugepages {
	ZVM_HUGEPAGES_THP, /* default: MADV_HUGEPAGE, falls back to small pages */
	ZVM_HUGEPAGES_OFF,
	ZVM_HUGEPAGES_2M, /* hugetlb pool of the host; memory is a multiple of the size */
	ZVM_HUGEPAGES_1G,
};

struct zvm_config_backing {
	enum zvm_hugepages hugepages;
	bool prefault; /* touch all of RAM before the guest starts; default false */
	bool lock;     /* mlock() RAM; default false */
};

/* Host CPUs that one vCPU thread may use: a sorted list without duplicates. */
struct zvm_config_cpus {
	unsigned int *cpu;
	size_t nr; /* 0: not bound */
};

struct zvm_config_vcpu {
	/* affinity[i] is for vCPU i, also for those that the file does not bind (nr == 0). */
	struct zvm_config_cpus affinity[ZVM_CONFIG_MAX_VCPUS];
	bool pmu;     /* performance counters, where the device has them; default true */
	int priority; /* 1..99: SCHED_FIFO at this priority; 0, the default: SCHED_OTHER */
};

enum zvm_rtc_base {
	ZVM_RTC_UTC,	   /* default */
	ZVM_RTC_LOCALTIME, /* the host's local time, for guests that expect it */
	ZVM_RTC_FIXED,	   /* starts at epoch and runs on */
};

struct zvm_config_rtc {
	enum zvm_rtc_base base;
	uint32_t epoch; /* seconds since 1970 UTC at the start of the VM, for ZVM_RTC_FIXED */
};

enum zvm_on_reboot {
	ZVM_ON_REBOOT_RESTART, /* default */
	ZVM_ON_REBOOT_EXIT,
};

/* A crash is an end that the guest did not ask for: the module gave up on it. */
enum zvm_on_crash {
	ZVM_ON_CRASH_EXIT, /* default; the exit status says crash */
	ZVM_ON_CRASH_RESTART,
};

struct zvm_config_source; /* where each key was written; private */

struct zvm_config {
	char *file; /* as given to zvm_config_load(), for messages */
	char *name; /* [A-Za-z0-9._-], 1..64 bytes; default: the file's name without .toml */

	unsigned int vcpus; /* 1..ZVM_CONFIG_MAX_VCPUS; default 1 */
	uint64_t memory;    /* bytes, RAM_MIN..RAM_MAX in steps of RAM_GRAIN; required */

	/* What the guest starts with: exactly one of the three is not NULL. */
	char *kernel;	/* arm64 Image, may be gzip'ed: arm64 boot protocol */
	char *firmware; /* raw, at address 0 */
	char *image;	/* ELF, or a raw binary, which has a load address */
	bool has_load;	/* raw image: first byte goes to load, inside RAM */
	bool has_entry; /* otherwise the ELF header's, or load */
	uint64_t load;	/* guest physical address */
	uint64_t entry; /* guest physical address */
	char *initrd;	/* NULL: none; only with kernel */
	char *cmdline;	/* never NULL, at most ZVM_CONFIG_MAX_CMDLINE bytes; default "" */
	char *dtb;	/* the user's own device tree; NULL: generate one */

	struct zvm_config_disk *disk;
	size_t nr_disks; /* 0..virtio slots less those of console and rng */
	struct zvm_config_console console;
	bool rng; /* a virtio entropy source; default true */
	struct zvm_config_backing backing;
	struct zvm_config_vcpu vcpu;
	struct zvm_config_rtc rtc;
	enum zvm_on_reboot on_reboot;
	enum zvm_on_crash on_crash;

	struct zvm_config_source *source;
};

/*
 * Read, parse and validate the file @path, then check the files that it names
 * (zvm_config_check_files()). Returns 0 and an object in *@out, which the caller gives to
 * zvm_config_free(); or -errno with the whole message in @err and *@out NULL. Every message
 * begins with file:line:column unless the file itself could not be read.
 */
int zvm_config_load(const char *path, struct zvm_config **out, struct zvm_err *err);

/*
 * The same from @len bytes of @text, without looking at any file that the text names. @path is
 * for messages, and its directory is what relative paths are resolved against. @text need not be
 * terminated and is not kept.
 */
int zvm_config_parse(const char *path, const char *text, size_t len, struct zvm_config **out,
		     struct zvm_err *err);

/*
 * Every file that @cfg names exists, has the right type, is not empty and can be opened for what
 * it is used for. This gives the early, friendly message; it does not replace the checks of the
 * code that opens the file later. 0, -ENOENT, -EACCES, -EINVAL...
 */
int zvm_config_check_files(const struct zvm_config *cfg, struct zvm_err *err);

/*
 * The guest's RAM fits into this host (MemTotal of /proc/meminfo, or the hugetlb pool when
 * hugepages names one). 0, or -ENOMEM with a message that says how much there is.
 */
int zvm_config_check_memory(const struct zvm_config *cfg, struct zvm_err *err);

/*
 * Put "file:line:column: key: " in front of @err: for errors that are found while acting on a
 * key. @key is as in vm.toml(5), "kernel", "console.path", "disk[1].path" (counted from 0). If
 * the file does not set that key, the table that it would be in, or the file alone, is named.
 * Returns @ret, so that a caller can end with return zvm_config_blame(...).
 */
int zvm_config_blame(const struct zvm_config *cfg, const char *key, int ret, struct zvm_err *err);

/* True if the file sets @key (same spelling), false if its value is a default. */
bool zvm_config_is_set(const struct zvm_config *cfg, const char *key);

/*
 * Write the effective configuration as TOML: every key, also those that were not set, each of
 * these marked with a comment that says it is a default. zvm_config_parse() reads the result
 * back to the same VM; paths come out absolute. Returns 0 or -EIO.
 */
int zvm_config_print(const struct zvm_config *cfg, FILE *to);

/* Write @s, UTF-8 without control characters, as a TOML string. */
void zvm_config_print_string(const char *s, FILE *to);

/* Write the list of all keys: name, type, range, default, what it is for. 0 or -EIO. */
int zvm_config_print_schema(FILE *to);

void zvm_config_free(struct zvm_config *cfg);

#endif
