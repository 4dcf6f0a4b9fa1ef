// SPDX-License-Identifier: GPL-2.0
/*
 * zvm info, list, stats, pause...: what VMs say of themselves, and what they are told. One thread.
 */
#include "tools/zvm/zvm.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/zvm/client.h"
#include "tools/zvm/store.h"

/* A line for each value, named as in "vcpus[0].exits". jansson bounds the depth. */
static void print_flat(const char *name, const json_t *value)
{
	char below[256];
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		/* jansson has no iteration that takes const. */
		json_object_foreach((json_t *)value, key, item)
		{
			if (!name[0] && !strcmp(key, "ok"))
				continue;
			snprintf(below, sizeof(below), "%s%s%s", name, name[0] ? "." : "", key);
			print_flat(below, item);
		}
		return;
	case JSON_ARRAY:
		json_array_foreach(value, i, item)
		{
			snprintf(below, sizeof(below), "%s[%zu]", name, i);
			print_flat(below, item);
		}
		return;
	default:
		break;
	}
	zvm_client_print_text(name);
	putchar('\t');
	if (json_is_string(value))
		zvm_client_print_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		printf("%.3f", json_real_value(value));
	else
		fputs(json_is_true(value) ? "true" : json_is_false(value) ? "false" : "-", stdout);
	putchar('\n');
}

static int needs_one_vm(int argc, char **argv, struct zvm_err *err)
{
	if (argc == 2)
		return 0;
	return zvm_err_set(err, EINVAL, "%s: name one VM; zvm list shows those that run", argv[0]);
}

int zvm_control_main(int argc, char **argv, struct zvm_err *err)
{
	json_t *reply;

	if (needs_one_vm(argc, argv, err))
		return ZVM_EXIT_USER;
	if (zvm_client_ask(argv[1], argv[0], &reply, err) < 0)
		return ZVM_EXIT_HOST;
	print_flat("", reply);
	json_decref(reply);
	return ZVM_EXIT_OK;
}

/* A VM of the store that does not run is described by its file. */
static int describe_stopped(const char *name, struct zvm_err *err)
{
	struct zvm_config *cfg;
	char path[PATH_MAX];
	int ret = zvm_store_path(path, sizeof(path), name, ZVM_STORE_CONFIG, err);

	if (!ret)
		ret = zvm_config_load(path, &cfg, err);
	if (ret)
		return ZVM_EXIT_USER;
	printf("name\t%s\nstate\tstopped\nconfig\t%s\nvcpus\t%u\nmemory\t%llu\n", name, path,
	       cfg->vcpus, (unsigned long long)cfg->memory);
	zvm_config_free(cfg);
	return ZVM_EXIT_OK;
}

int zvm_info_main(int argc, char **argv, struct zvm_err *err)
{
	json_t *reply;
	int ret;

	if (needs_one_vm(argc, argv, err))
		return ZVM_EXIT_USER;
	ret = zvm_client_ask(argv[1], "status", &reply, err);
	if ((ret == -ENOENT || ret == -ECONNREFUSED) && zvm_store_has(argv[1])) {
		err->msg[0] = '\0';
		return describe_stopped(argv[1], err);
	}
	if (ret)
		return ZVM_EXIT_HOST;
	print_flat("", reply);
	json_decref(reply);
	return ZVM_EXIT_OK;
}

/* ---- list ---- */

struct seen {
	char (*name)[65]; /* of the VMs that run */
	size_t nr;
};

static int print_row(const char *vm, const json_t *status, void *opaque)
{
	struct seen *seen = opaque;
	char name[65], state[65], (*more)[65];

	(void)vm;
	printf("%-20s %-8s %7lld %5lld %6lld MiB %7lld s\n", zvm_client_text(status, "name", name),
	       zvm_client_text(status, "state", state), zvm_client_number(status, "pid"),
	       zvm_client_number(status, "vcpus"), zvm_client_number(status, "memory") >> 20,
	       zvm_client_number(status, "uptime"));
	more = realloc(seen->name, (seen->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	seen->name = more;
	snprintf(seen->name[seen->nr++], sizeof(*more), "%s", name);
	return 0;
}

static bool is_seen(const struct seen *seen, const char *name)
{
	size_t i;

	for (i = 0; i < seen->nr; i++)
		if (!strcmp(seen->name[i], name))
			return true;
	return false;
}

static void print_stopped(const struct seen *seen)
{
	struct dirent **entry;
	char dir[PATH_MAX];
	int nr, i;

	if (zvm_store_path(dir, sizeof(dir), NULL, NULL, NULL))
		return;
	nr = scandir(dir, &entry, NULL, alphasort);
	for (i = 0; i < nr; i++) {
		if (zvm_store_has(entry[i]->d_name) && !is_seen(seen, entry[i]->d_name))
			printf("%-20s %-8s %7s %5s %10s %9s\n", entry[i]->d_name, "stopped", "-",
			       "-", "-", "-");
		free(entry[i]);
	}
	if (nr >= 0)
		free(entry);
}

int zvm_list_main(int argc, char **argv, struct zvm_err *err)
{
	struct seen seen = { NULL, 0 };
	int ret;

	if (argc != 1) {
		zvm_err_set(err, 0, "list: takes no argument");
		return ZVM_EXIT_USER;
	}
	printf("%-20s %-8s %7s %5s %10s %9s\n", "NAME", "STATE", "PID", "VCPUS", "MEMORY",
	       "UPTIME");
	ret = zvm_client_each(print_row, &seen, err);
	if (!ret)
		print_stopped(&seen);
	free(seen.name);
	return ret ? ZVM_EXIT_HOST : ZVM_EXIT_OK;
}
