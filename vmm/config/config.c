// SPDX-License-Identifier: GPL-2.0
/*
 * From a file to a struct zvm_config, and back to text.
 *
 * The entry to vmm/config for zvm-run and zvm: see config.h. Called on one thread; no locks. The
 * file is read with a limit and handed to toml.c, schema.c and rules.c, which trust nothing in
 * it.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"

void zvm_config_free(struct zvm_config *cfg)
{
	size_t i;

	if (!cfg)
		return;
	for (i = 0; i < cfg->nr_disks; i++) {
		free(cfg->disk[i].path);
		free(cfg->disk[i].serial);
	}
	for (i = 0; i < ZVM_CONFIG_MAX_VCPUS; i++)
		free(cfg->vcpu.affinity[i].cpu);
	free(cfg->disk);
	free(cfg->console.path);
	free(cfg->file);
	free(cfg->name);
	free(cfg->kernel);
	free(cfg->firmware);
	free(cfg->image);
	free(cfg->initrd);
	free(cfg->cmdline);
	free(cfg->dtb);
	schema_source_free(cfg);
	free(cfg);
}

/* "dir/my vm.toml" becomes "my-vm". */
static int default_name(struct zvm_config *cfg, struct zvm_err *err)
{
	const char *slash = strrchr(cfg->file, '/'), *base = slash ? slash + 1 : cfg->file;
	size_t len = strlen(base);
	char *c;

	if (len >= 5 && !strcmp(base + len - 5, ".toml"))
		len -= 5;
	cfg->name = len ? strndup(base, len < 64 ? len : 64) : strdup("vm");
	if (!cfg->name)
		return schema_no_memory(cfg, err);
	for (c = cfg->name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			*c = '-';
	if (cfg->name[0] == '-' || cfg->name[0] == '.')
		cfg->name[0] = '_';
	return 0;
}

int zvm_config_parse(const char *path, const char *text, size_t len, struct zvm_config **out,
		     struct zvm_err *err)
{
	struct zvm_toml_value *root;
	struct zvm_config *cfg;
	int ret;

	*out = NULL;
	ret = zvm_toml_parse(path, text, len, &root, err);
	if (ret)
		return ret;
	cfg = calloc(1, sizeof(*cfg));
	if (cfg)
		cfg->file = strdup(path);
	if (!cfg || !cfg->file) {
		ret = zvm_err_set(err, ENOMEM, "%s: out of memory", path);
		goto fail;
	}
	ret = schema_apply(cfg, root, err);
	if (!ret)
		ret = schema_check_rules(cfg, err);
	if (!ret && !cfg->name)
		ret = default_name(cfg, err);
	if (ret)
		goto fail;
	zvm_toml_free(root);
	*out = cfg;
	return 0;
fail:
	zvm_config_free(cfg);
	zvm_toml_free(root);
	return ret;
}

/* One byte more than the parser takes is enough to let it say so. */
static int read_file(const char *path, char **text, size_t *len, struct zvm_err *err)
{
	size_t limit = ZVM_TOML_MAX_BYTES + 1;
	struct stat st;
	ssize_t n;
	int fd, ret = 0;
	char *buf;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		close(fd);
		return zvm_err_set(err, EISDIR, "%s: is a directory; name the file in it", path);
	}
	buf = malloc(limit);
	if (!buf) {
		close(fd);
		return zvm_err_set(err, ENOMEM, "%s: out of memory", path);
	}
	*len = 0;
	do {
		n = read(fd, buf + *len, limit - *len);
		if (n > 0)
			*len += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		ret = zvm_err_set(err, errno, "%s: %s", path, strerror(errno));
	close(fd);
	if (ret)
		free(buf);
	else
		*text = buf;
	return ret;
}

int zvm_config_load(const char *path, struct zvm_config **out, struct zvm_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int ret;

	*out = NULL;
	ret = read_file(path, &text, &len, err);
	if (ret)
		return ret;
	ret = zvm_config_parse(path, text, len, out, err);
	free(text);
	if (ret)
		return ret;
	ret = zvm_config_check_files(*out, err);
	if (ret) {
		zvm_config_free(*out);
		*out = NULL;
	}
	return ret;
}
