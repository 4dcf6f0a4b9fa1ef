// SPDX-License-Identifier: GPL-2.0
/*
 * zvm new and zvm delete: VMs come into the store and leave it. One thread.
 *
 * A new VM is written and checked in a directory of its own and then renamed into place, so that
 * what is in the store is whole and a mistake leaves nothing behind.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/zvm/client.h"
#include "tools/zvm/store.h"

#define MAX_DISKS	32
#define SECONDS_TO_STOP 10

struct request {
	const char *name, *from;
	const char *kernel, *firmware, *image, *load, *entry;
	const char *initrd, *cmdline, *memory, *vcpus;
	const char *disk[MAX_DISKS];
	size_t nr_disks;
};

/* vm.toml is elsewhere than here: the path has to be absolute. A file that is not there is told
 * later. */
static void put_path(FILE *to, const char *key, const char *path)
{
	char whole[PATH_MAX];

	if (!path)
		return;
	fprintf(to, "%s = ", key);
	zvm_config_print_string(realpath(path, whole) ? whole : path, to);
	putc('\n', to);
}

static void put_text(FILE *to, const char *key, const char *text)
{
	if (!text)
		return;
	fprintf(to, "%s = ", key);
	zvm_config_print_string(text, to);
	putc('\n', to);
}

static void put_request(FILE *to, const struct request *r)
{
	size_t i;

	put_text(to, "name", r->name);
	if (r->vcpus)
		fprintf(to, "vcpus = %s\n", r->vcpus);
	put_text(to, "memory", r->memory ? r->memory : "512M");
	put_path(to, "kernel", r->kernel);
	put_path(to, "firmware", r->firmware);
	put_path(to, "image", r->image);
	put_text(to, "load", r->load);
	put_text(to, "entry", r->entry);
	put_path(to, "initrd", r->initrd);
	put_text(to, "cmdline", r->cmdline);
	for (i = 0; i < r->nr_disks; i++) {
		fputs("\n[[disk]]\n", to);
		put_path(to, "path", r->disk[i]);
	}
}

/* The text of the new vm.toml, allocated; it was checked as zvm check does. */
static int compose(const struct request *r, char **text, size_t *len, struct zvm_err *err)
{
	struct zvm_config *cfg = NULL, *whole = NULL;
	FILE *to = open_memstream(text, len);
	char *name;
	int ret = 0;

	if (!to)
		return zvm_err_set(err, ENOMEM, "out of memory");
	if (r->from) {
		ret = zvm_config_load(r->from, &cfg, err);
		name = ret ? NULL : strdup(r->name);
		if (name) {
			free(cfg->name);
			cfg->name = name;
			zvm_config_print(cfg, to);
		} else if (!ret) {
			ret = zvm_err_set(err, ENOMEM, "out of memory");
		}
		zvm_config_free(cfg);
	} else {
		put_request(to, r);
	}
	if (fclose(to) && !ret)
		ret = zvm_err_set(err, ENOMEM, "out of memory");
	if (!ret)
		ret = zvm_config_parse(r->name, *text, *len, &whole, err);
	if (!ret)
		ret = zvm_config_check_files(whole, err);
	zvm_config_free(whole);
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

static int write_file(const char *path, const char *text, size_t len, struct zvm_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), ret = 0;

	if (fd < 0)
		return zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
			break;
		}
		text += n;
		len -= (size_t)n;
	}
	if (!ret && fsync(fd))
		ret = zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	close(fd);
	return ret;
}

/* All or nothing: rename() does not replace a directory that has something in it. */
static int publish(const char *name, const char *text, size_t len, struct zvm_err *err)
{
	char store[PATH_MAX], dir[PATH_MAX], temp[PATH_MAX + 16], file[PATH_MAX + 32];
	int ret = zvm_store_make(err);

	if (!ret)
		ret = zvm_store_path(store, sizeof(store), NULL, NULL, err);
	if (!ret)
		ret = zvm_store_path(dir, sizeof(dir), name, NULL, err);
	if (ret)
		return ret;
	snprintf(temp, sizeof(temp), "%s/.new-XXXXXX", store);
	if (!mkdtemp(temp))
		return zvm_err_set(err, errno, "%s: %s", store, strerror(errno));
	snprintf(file, sizeof(file), "%s/" ZVM_STORE_CONFIG, temp);
	ret = write_file(file, text, len, err);
	if (!ret && chmod(temp, 0755))
		ret = zvm_err_set(err, errno, "%s: %s", temp, strerror(errno));
	if (!ret && rename(temp, dir)) {
		if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
			ret = zvm_err_set(
				err, EEXIST,
				"there is a VM %s already; zvm delete %s, or take another name",
				name, name);
		else
			ret = zvm_err_set(err, errno, "%s: %s", dir, strerror(errno));
	}
	if (ret) {
		unlink(file);
		rmdir(temp);
	}
	return ret;
}

static int parse(int argc, char **argv, struct request *r, struct zvm_err *err)
{
	enum {
		FROM = 256,
		KERNEL,
		FIRMWARE,
		IMAGE,
		LOAD,
		ENTRY,
		INITRD,
		CMDLINE,
		DISK,
		MEMORY,
		VCPUS
	};
	static const struct option options[] = {
		{ "from", required_argument, NULL, FROM },
		{ "kernel", required_argument, NULL, KERNEL },
		{ "firmware", required_argument, NULL, FIRMWARE },
		{ "image", required_argument, NULL, IMAGE },
		{ "load", required_argument, NULL, LOAD },
		{ "entry", required_argument, NULL, ENTRY },
		{ "initrd", required_argument, NULL, INITRD },
		{ "cmdline", required_argument, NULL, CMDLINE },
		{ "disk", required_argument, NULL, DISK },
		{ "memory", required_argument, NULL, MEMORY },
		{ "vcpus", required_argument, NULL, VCPUS },
		{ NULL, 0, NULL, 0 },
	};
	const char **field[] = { &r->from, &r->kernel, &r->firmware, &r->image,
				 &r->load, &r->entry,  &r->initrd,   &r->cmdline,
				 NULL,	   &r->memory, &r->vcpus };
	int c, given = 0;

	optind = 0; /* a new scan, options before and after the name */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return zvm_err_set(err, EINVAL,
					   "new: %s: no such option, or its value is missing",
					   argv[optind - 1]);
		given += c != FROM;
		if (c != DISK)
			*field[c - FROM] = optarg;
		else if (r->nr_disks < MAX_DISKS)
			r->disk[r->nr_disks++] = optarg;
		else
			return zvm_err_set(err, EINVAL, "new: more than %d disks", MAX_DISKS);
	}
	if (optind != argc - 1)
		return zvm_err_set(err, EINVAL, "new: give one name for the VM");
	r->name = argv[optind];
	if (r->from && given)
		return zvm_err_set(
			err, EINVAL,
			"new: --from takes everything from the file; edit the copy instead");
	if (!r->from && !r->kernel && !r->firmware && !r->image)
		return zvm_err_set(
			err, EINVAL,
			"new: say what it runs: --kernel, --firmware or --image, or --from "
			"FILE.toml");
	return 0;
}

/* zvm run and zvm check take such a word for a file here. */
static int must_not_look_like_a_file(const char *name, struct zvm_err *err)
{
	size_t len = strlen(name);

	if (len < 5 || strcmp(name + len - 5, ".toml"))
		return 0;
	return zvm_err_set(err, EINVAL,
			   "%s: the name of a VM does not end in .toml; to take a file, say "
			   "zvm new NAME --from %s",
			   name, name);
}

int zvm_new_main(int argc, char **argv, struct zvm_err *err)
{
	struct request r = { NULL };
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;

	if (parse(argc, argv, &r, err) || !r.name || must_not_look_like_a_file(r.name, err) ||
	    zvm_store_path(path, sizeof(path), r.name, ZVM_STORE_CONFIG, err) ||
	    compose(&r, &text, &len, err))
		return ZVM_EXIT_USER;
	if (publish(r.name, text, len, err)) {
		free(text);
		return ZVM_EXIT_HOST;
	}
	free(text);
	printf("%s\n", path);
	return ZVM_EXIT_OK;
}

/* ---- delete ---- */

/* The name that a VM of the store would run by: its file may have been given another one. */
static void running_name(const char *name, char *runs_as, size_t size)
{
	struct zvm_config *cfg = NULL;
	struct zvm_err ignored = { "" };
	char path[PATH_MAX];

	snprintf(runs_as, size, "%s", name);
	if (zvm_store_path(path, sizeof(path), name, ZVM_STORE_CONFIG, &ignored) ||
	    zvm_config_load(path, &cfg, &ignored))
		return;
	snprintf(runs_as, size, "%s", cfg->name);
	zvm_config_free(cfg);
}

/* The process of the VM that runs by that name, 0 if none does, or -errno. */
static long long runs(const char *name, struct zvm_err *err)
{
	struct zvm_err why = { "" };
	json_t *reply;
	long long pid;
	int ret;

	ret = zvm_client_ask(name, "status", &reply, &why);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return 0;
	if (ret)
		return zvm_err_set(err, ret, "%s", why.msg);
	pid = zvm_client_number(reply, "pid");
	json_decref(reply);
	return pid ? pid : 1;
}

/* No VM runs by that name, or not any more. */
static int must_be_down(const char *name, bool force, struct zvm_err *err)
{
	long long pid = runs(name, err);
	json_t *reply;

	if (pid <= 0)
		return (int)pid;
	if (!force)
		return zvm_err_set(err, EBUSY, "%s runs; zvm stop %s first, or zvm delete --force",
				   name, name);
	if (!zvm_client_ask(name, "stop", &reply, err))
		json_decref(reply);
	for (int i = 0; i < SECONDS_TO_STOP * 10; i++) {
		if (runs(name, err) != pid) {
			err->msg[0] = '\0';
			return 0;
		}
		usleep(100000);
	}
	return zvm_err_set(err, EBUSY, "%s does not end", name);
}

int zvm_delete_main(int argc, char **argv, struct zvm_err *err)
{
	char dir[PATH_MAX], path[PATH_MAX], runs_as[65];
	const char *name = NULL;
	bool force = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--force"))
			force = true;
		else if (!name && argv[i][0] != '-')
			name = argv[i];
		else
			name = "";
	}
	if (!name || !name[0]) {
		zvm_err_set(err, 0, "delete: name one VM that zvm new has made");
		return ZVM_EXIT_USER;
	}
	if (zvm_store_path(dir, sizeof(dir), name, NULL, err))
		return ZVM_EXIT_USER;
	if (!zvm_store_has(name)) {
		zvm_err_set(err, 0, "there is no VM %s; zvm list shows those that there are", name);
		return ZVM_EXIT_USER;
	}
	running_name(name, runs_as, sizeof(runs_as));
	if (must_be_down(name, force, err) ||
	    (strcmp(name, runs_as) && must_be_down(runs_as, force, err)))
		return ZVM_EXIT_HOST;
	zvm_store_path(path, sizeof(path), name, ZVM_STORE_LOG, NULL);
	if (unlink(path) && errno != ENOENT)
		goto fail;
	zvm_store_path(path, sizeof(path), name, ZVM_STORE_CONFIG, NULL);
	if (unlink(path))
		goto fail;
	if (rmdir(dir)) {
		zvm_err_set(err, 0, "%s is deleted; %s stays, because there are other files in it",
			    name, dir);
		return errno == ENOTEMPTY || errno == EEXIST ? ZVM_EXIT_OK : ZVM_EXIT_HOST;
	}
	return ZVM_EXIT_OK;
fail:
	zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	return ZVM_EXIT_HOST;
}
