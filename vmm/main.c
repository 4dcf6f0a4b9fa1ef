// SPDX-License-Identifier: GPL-2.0
/*
 * zvm-run: options in, exit status out. The only file that prints and the only one that exits.
 *
 * The last line on standard error says why the guest ended; the exit statuses are part of the
 * interface (zvm-run(1)).
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/config.h"
#include "vmm/control/control.h"
#include "vmm/machine/machine.h"
#include "vmm/run/lifecycle.h"
#include "vmm/run/log.h"
#include "vmm/run/loop.h"
#include "vmm/sandbox.h"

#ifndef ZVM_VERSION
#define ZVM_VERSION "0.1"
#endif

#define THREAD_STACK (256u << 10)

enum exit_status {
	EXIT_POWEROFF = 0,
	EXIT_HOST = 1,
	EXIT_USER = 2, /* command line, vm.toml, or a file that it names */
	EXIT_CRASH = 3,
	EXIT_RESET = 4,
	EXIT_STOPPED = 5,
	EXIT_SIGNAL = 128, /* plus the signal's number */
};

struct options {
	const char *device;
	const char *dump_dtb;
	const char *console;
	const char *control;
	const char *file;
	bool check;
	bool no_sandbox;
	enum zvm_log_level log_level;
};

static const char usage[] =
	"Usage: zvm-run [OPTION]... FILE.toml\n"
	"Run the virtual machine that FILE.toml describes, in the foreground.\n\n"
	"  -d, --device PATH       KVM device to use (default: /dev/zvm)\n"
	"  -c, --console MODE      stdio, pty, none, socket:PATH or file:PATH, instead of\n"
	"                          what FILE.toml says\n"
	"      --control PATH      control socket, instead of NAME.sock in\n"
	"                          $XDG_RUNTIME_DIR/zvm or /run/zvm; none for no socket\n"
	"      --no-sandbox        keep privileges and all system calls, for debugging\n"
	"      --check             check FILE.toml and the images, run nothing\n"
	"      --dump-dtb FILE     write the guest's device tree to FILE, run nothing\n"
	"  -l, --log-level LEVEL   error, warning (default), info or debug\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n\n"
	"Exit status: 0 guest powered off, 1 host error, 2 usage or configuration error,\n"
	"3 guest crashed, 4 guest rebooted and on_reboot = \"exit\", 5 stopped by the user,\n"
	"128+N stopped by signal N. See zvm-run(1), vm.toml(5).\n";

static const char *const log_levels[] = { "error", "warning", "info", "debug" };

static int parse_log_level(const char *arg, enum zvm_log_level *level)
{
	for (size_t i = 0; i < sizeof(log_levels) / sizeof(log_levels[0]); i++) {
		if (strcmp(arg, log_levels[i]) == 0) {
			*level = (enum zvm_log_level)i;
			return 0;
		}
	}
	fprintf(stderr, "zvm-run: --log-level %s: give error, warning, info or debug\n", arg);
	return -EINVAL;
}

/* Any thread: one write, so that lines of two threads do not mix. */
static void log_line(enum zvm_log_level level, const char *line)
{
	fprintf(stderr, "zvm-run: %s: %s\n", log_levels[level], line);
}

static int parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_CHECK = 256, OPT_DUMP_DTB, OPT_CONTROL, OPT_NO_SANDBOX };
	static const struct option longopts[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "console", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "control", required_argument, NULL, OPT_CONTROL },
		{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "dump-dtb", required_argument, NULL, OPT_DUMP_DTB },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "d:c:l:hV", longopts, NULL)) != -1) {
		switch (c) {
		case 'd':
			o->device = optarg;
			break;
		case 'c':
			o->console = optarg;
			break;
		case 'l':
			if (parse_log_level(optarg, &o->log_level) < 0)
				return -EINVAL;
			break;
		case OPT_CONTROL:
			o->control = optarg;
			break;
		case OPT_NO_SANDBOX:
			o->no_sandbox = true;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case OPT_DUMP_DTB:
			o->dump_dtb = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			puts("zvm-run " ZVM_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return -EINVAL;
		}
	}
	if (optind != argc - 1) {
		fputs("zvm-run: give exactly one FILE.toml; zvm-run --help tells more\n", stderr);
		return -EINVAL;
	}
	o->file = argv[optind];
	return 0;
}

/* --console: the mode and, for two of them, the path after a colon. */
static int override_console(struct zvm_config *cfg, const char *arg, struct zvm_err *err)
{
	static const struct {
		const char *name;
		enum zvm_console_mode mode;
		bool needs_path;
	} modes[] = {
		{ "stdio", ZVM_CONSOLE_STDIO, false }, { "pty", ZVM_CONSOLE_PTY, false },
		{ "none", ZVM_CONSOLE_NONE, false },   { "socket", ZVM_CONSOLE_SOCKET, true },
		{ "file", ZVM_CONSOLE_FILE, true },
	};
	const char *colon = strchr(arg, ':');
	size_t len = colon ? (size_t)(colon - arg) : strlen(arg);
	char *path = NULL;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strlen(modes[i].name) != len || strncmp(modes[i].name, arg, len) != 0)
			continue;
		if (modes[i].needs_path != (colon && colon[1]))
			break;
		if (colon && !(path = strdup(colon + 1)))
			return zvm_err_set(err, ENOMEM, "out of memory");
		free(cfg->console.path);
		cfg->console.path = path;
		cfg->console.mode = modes[i].mode;
		return 0;
	}
	return zvm_err_set(err, EINVAL,
			   "--console %s: give stdio, pty, none, socket:PATH or file:PATH", arg);
}

/*
 * Of every thread that does not choose its own: a default stack of 8 MiB can hold a huge page, and
 * with transparent huge pages always on the first call on it takes one.
 */
static int limit_stacks(void)
{
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	ret = pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (ret == 0)
		ret = pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return -ret;
}

static int exit_status(const struct zvm_lifecycle *lc)
{
	switch (lc->end) {
	case ZVM_END_POWEROFF:
		return EXIT_POWEROFF;
	case ZVM_END_CRASH:
		return EXIT_CRASH;
	case ZVM_END_RESET:
		return EXIT_RESET;
	case ZVM_END_STOP:
		return EXIT_STOPPED;
	case ZVM_END_SIGNAL:
		return EXIT_SIGNAL + lc->signal;
	case ZVM_END_HOST:
		break;
	}
	return EXIT_HOST;
}

/* Whose fault an error of building the machine is: whatever names a place in FILE.toml is his. */
static int status_of(const struct zvm_config *cfg, const struct zvm_err *err)
{
	size_t len = strlen(cfg->file);

	return strncmp(err->msg, cfg->file, len) == 0 && err->msg[len] == ':' ? EXIT_USER
									      : EXIT_HOST;
}

static int confine(const void *opaque)
{
	return zvm_sandbox_confine_vcpu(opaque);
}

/* The powered-off machine, from the first instruction of its guest to the last. */
static int run_machine(struct zvm_machine *m, struct zvm_lifecycle *lc, const struct options *o,
		       int *status, struct zvm_err *err)
{
	struct zvm_sandbox sandbox = { NULL };
	struct zvm_control *control = NULL;
	int ret = 0;

	if (!o->control || strcmp(o->control, "none") != 0)
		ret = zvm_control_open(&control, lc, o->control, err);
	if (ret == 0) {
		ret = zvm_tty_publish(m->tty, err);
		if (ret < 0)
			zvm_config_blame(m->cfg, "console", ret, err);
	}
	if (ret == 0)
		ret = zvm_machine_power_on(m, err);
	if (ret == 0 && !o->no_sandbox) {
		ret = zvm_sandbox_enter(&sandbox, m->cfg, err);
		m->vcpus.confine = confine;
		m->vcpus.confine_opaque = &sandbox;
	}
	if (ret == 0) {
		ret = zvm_lifecycle_run(lc, err);
		if (ret == 0) {
			zvm_err_set(err, 0, "%s (up %.1f s)", lc->text, zvm_lifecycle_uptime(lc));
			*status = exit_status(lc);
		}
	}
	zvm_machine_power_off(m);
	zvm_sandbox_fini(&sandbox);
	zvm_control_close(control);
	return ret;
}

static int run(struct zvm_config *cfg, const struct options *o, struct zvm_err *err)
{
	bool dry = o->check || o->dump_dtb;
	struct zvm_lifecycle lc;
	struct zvm_machine m;
	struct zvm_loop loop;
	int ret, status = -1;

	ret = zvm_loop_init(&loop);
	if (ret < 0) {
		zvm_err_set(err, ret, "cannot make an event loop: %s", strerror(-ret));
		return EXIT_HOST;
	}
	ret = zvm_machine_create(&m, cfg, dry ? NULL : o->device, &loop, zvm_lifecycle_key, &lc,
				 err);
	if (ret < 0)
		goto out_loop;
	if (dry) {
		ret = zvm_machine_load(&m, err);
		if (ret == 0 && o->dump_dtb)
			ret = zvm_machine_write_dtb(&m, o->dump_dtb, err);
		goto out_machine;
	}
	ret = zvm_lifecycle_init(&lc, &m, err);
	if (ret < 0)
		goto out_machine;
	ret = run_machine(&m, &lc, o, &status, err);
	zvm_lifecycle_fini(&lc);
out_machine:
	zvm_machine_destroy(&m);
out_loop:
	zvm_loop_fini(&loop);
	if (status < 0)
		status = ret < 0 ? status_of(cfg, err) : EXIT_POWEROFF;
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .device = "/dev/zvm", .log_level = ZVM_LOG_WARN };
	struct zvm_config *cfg = NULL;
	struct zvm_err err = { "" };
	int status = EXIT_USER;

	if (parse_options(argc, argv, &o) < 0)
		return EXIT_USER;
	zvm_log_open(o.log_level, log_line);
	signal(SIGPIPE, SIG_IGN);
	if (limit_stacks() < 0 || zvm_vcpu_setup_signals() < 0 ||
	    zvm_lifecycle_block_signals() < 0) {
		fputs("zvm-run: cannot set up threads and signals\n", stderr);
		return EXIT_HOST;
	}
	if (zvm_config_load(o.file, &cfg, &err) == 0 &&
	    (!o.console || override_console(cfg, o.console, &err) == 0))
		status = run(cfg, &o, &err);
	if (err.msg[0])
		fprintf(stderr, "zvm-run: %s%s%s\n", cfg ? cfg->name : "", cfg ? ": " : "",
			err.msg);
	zvm_config_free(cfg);
	return status;
}
