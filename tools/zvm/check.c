// SPDX-License-Identifier: GPL-2.0
/*
 * zvm check: everything about a VM that can be wrong before it runs. One thread.
 *
 * The same code as in zvm-run decides: schema, files, images, device tree, and the host's memory.
 */
#include "tools/zvm/zvm.h"

static int check_file(const char *path, struct zvm_err *err)
{
	struct zvm_config *cfg;
	struct zvm_dry dry;
	int ret;

	ret = zvm_config_load(path, &cfg, err);
	if (ret < 0)
		return ret;
	ret = zvm_dry_load(&dry, cfg, err);
	if (ret == 0) {
		zvm_dry_free(&dry);
		ret = zvm_config_check_memory(cfg, err);
	}
	zvm_config_free(cfg);
	return ret;
}

/* All files are checked, whatever the first ones say. */
int zvm_check_main(int argc, char **argv, struct zvm_err *err)
{
	int status = ZVM_EXIT_OK, i;

	if (argc < 2) {
		zvm_err_set(err, 0, "check: name at least one FILE.toml");
		return ZVM_EXIT_USER;
	}
	for (i = 1; i < argc; i++) {
		struct zvm_err reason = { "" };

		if (check_file(argv[i], &reason) == 0) {
			printf("%s: ok\n", argv[i]);
			continue;
		}
		fflush(stdout);
		fprintf(stderr, "%s\n", reason.msg);
		status = ZVM_EXIT_USER;
	}
	return status;
}
