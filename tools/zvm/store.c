// SPDX-License-Identifier: GPL-2.0
/*
 * See store.h. One thread. A name comes from the command line: what could leave the store is
 * refused here.
 */
#include "tools/zvm/store.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As in vm.toml(5). */
static bool is_name(const char *s)
{
	size_t len = strlen(s), i;

	if (!len || len > 64 || s[0] == '.' || s[0] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	return true;
}

static int store_directory(char *dir, size_t size)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && data[0] == '/')
		return snprintf(dir, size, "%s/zvm", data);
	if (geteuid() == 0 || !home || home[0] != '/')
		return snprintf(dir, size, "/var/lib/zvm");
	return snprintf(dir, size, "%s/.local/share/zvm", home);
}

int zvm_store_path(char *path, size_t size, const char *name, const char *leaf, struct zvm_err *err)
{
	char dir[PATH_MAX];
	int n = store_directory(dir, sizeof(dir));

	if (name && !is_name(name))
		return zvm_err_set(
			err, EINVAL,
			"%s: a name has 1 to 64 letters, digits, '.', '_' or '-', and begins "
			"with a letter, a digit or '_'",
			name);
	if (n < (int)sizeof(dir))
		n = snprintf(path, size, "%s%s%s%s%s", dir, name ? "/" : "", name ? name : "",
			     leaf ? "/" : "", leaf ? leaf : "");
	if (n >= (int)size)
		return zvm_err_set(err, ENAMETOOLONG, "%s: the path is too long", dir);
	return 0;
}

bool zvm_store_has(const char *name)
{
	char path[PATH_MAX];

	return zvm_store_path(path, sizeof(path), name, ZVM_STORE_CONFIG, NULL) == 0 &&
	       access(path, F_OK) == 0;
}

int zvm_store_make(struct zvm_err *err)
{
	char path[PATH_MAX], *slash;
	int ret = zvm_store_path(path, sizeof(path), NULL, NULL, err);

	if (ret)
		return ret;
	for (slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return zvm_err_set(err, errno, "cannot make %s: %s", path, strerror(errno));
		if (!slash)
			return 0;
		*slash = '/';
	}
}
