// SPDX-License-Identifier: GPL-2.0
/*
 * zvm run: start zvm-run in the background and say whether the VM came up. One thread.
 *
 * The VM gets a session of its own and outlives the terminal. What zvm-run says goes to a log; if
 * it ends before it answers on its control socket, the log's last line is the reason.
 */
#include "tools/zvm/zvm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/zvm/client.h"
#include "tools/zvm/store.h"

#define SECONDS_TO_START 60

struct start {
	const char *device; /* NULL: zvm-run's default */
	bool foreground, pty;
	char config[PATH_MAX], log[PATH_MAX], program[PATH_MAX];
	char name[65];
};

/* @vm is the name of a VM in the store, or a path. */
static int locate(struct start *s, const char *vm, struct zvm_err *err)
{
	size_t len = strlen(vm);
	struct zvm_config *cfg;
	char dir[512];
	int ret;

	if (strchr(vm, '/') || (len > 5 && !strcmp(vm + len - 5, ".toml"))) {
		snprintf(s->config, sizeof(s->config), "%s", vm);
	} else if (zvm_store_path(s->config, sizeof(s->config), vm, ZVM_STORE_CONFIG, err) ||
		   zvm_store_path(s->log, sizeof(s->log), vm, ZVM_STORE_LOG, err)) {
		return -EINVAL;
	} else if (!zvm_store_has(vm)) {
		return zvm_err_set(err, ENOENT,
				   "there is no VM %s; make one with zvm new, or name a FILE.toml",
				   vm);
	}
	ret = zvm_config_load(s->config, &cfg, err);
	if (ret)
		return ret;
	snprintf(s->name, sizeof(s->name), "%s", cfg->name);
	s->pty = cfg->console.mode == ZVM_CONSOLE_STDIO;
	zvm_config_free(cfg);
	if (!s->log[0]) {
		zvm_client_directory(dir, sizeof(dir));
		mkdir(dir, 0700); /* zvm-run makes it otherwise */
		if (snprintf(s->log, sizeof(s->log), "%s/%s.log", dir, s->name) >=
		    (int)sizeof(s->log))
			return zvm_err_set(err, ENAMETOOLONG, "%s: too long", dir);
	}
	return 0;
}

/* zvm-run beside this program if it is there, else the one on the PATH. */
static void find_program(struct start *s)
{
	char self[PATH_MAX - 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		snprintf(s->program, sizeof(s->program), "%s/zvm-run", dirname(self));
		if (!access(s->program, X_OK))
			return;
	}
	snprintf(s->program, sizeof(s->program), "zvm-run");
}

static void become(struct start *s)
{
	const char *argv[8], **arg = argv;

	*arg++ = "zvm-run";
	if (s->device) {
		*arg++ = "--device";
		*arg++ = s->device;
	}
	if (!s->foreground && s->pty) { /* a background process has no terminal to give */
		*arg++ = "--console";
		*arg++ = "pty";
	}
	*arg++ = s->config;
	*arg = NULL;
	execvp(s->program, (char *const *)argv);
	fprintf(stderr, "zvm: cannot run %s: %s\n", s->program, strerror(errno));
	_exit(ZVM_EXIT_HOST);
}

/* In the child: away from the terminal, its words to the log. */
static void detach(int log)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(ZVM_EXIT_HOST);
	close(log);
	if (null > 2)
		close(null);
}

/* What the log ends with, as a line without its end. */
static void last_line(const char *path, char line[ZVM_ERR_MAX])
{
	FILE *f = fopen(path, "re");
	char next[ZVM_ERR_MAX];

	line[0] = '\0';
	while (f && fgets(next, sizeof(next), f)) {
		next[strcspn(next, "\n")] = '\0';
		if (next[0])
			snprintf(line, ZVM_ERR_MAX, "%s", next);
	}
	if (f)
		fclose(f);
}

static int report_end(const struct start *s, int status, struct zvm_err *err)
{
	const char *said;
	char line[ZVM_ERR_MAX];

	last_line(s->log, line);
	said = strncmp(line, "zvm-run: ", 9) ? line : line + 9;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (status == 0)
		printf("%s\n", said); /* a guest that was quick */
	else
		zvm_err_set(err, 0, "%.400s (all of it: %.80s)", said, s->log);
	return status;
}

/* Until the VM answers as the process @pid, or that has ended. */
static int wait_for(const struct start *s, pid_t pid, struct zvm_err *err)
{
	struct zvm_err ignored;
	json_t *reply;
	int status, i;

	for (i = 0; i < SECONDS_TO_START * 20; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return report_end(s, status, err);
		if (!zvm_client_ask(s->name, "status", &reply, &ignored)) {
			bool ours = zvm_client_number(reply, "pid") == pid;
			char console[65];

			zvm_client_text(reply, "console", console);
			json_decref(reply);
			if (ours) {
				printf("%s: runs as process %d", s->name, (int)pid);
				if (strcmp(console, "-"))
					printf("; zvm console %s", s->name);
				putchar('\n');
				return ZVM_EXIT_OK;
			}
		}
		usleep(50000);
	}
	zvm_err_set(err, 0, "%s: still not up after %d s; see %s", s->name, SECONDS_TO_START,
		    s->log);
	return ZVM_EXIT_HOST;
}

static int start(struct start *s, struct zvm_err *err)
{
	struct zvm_err ignored = { "" };
	json_t *reply;
	pid_t pid;
	int log;

	if (!zvm_client_ask(s->name, "status", &reply, &ignored)) {
		zvm_err_set(err, 0, "%s runs already, as process %lld", s->name,
			    zvm_client_number(reply, "pid"));
		json_decref(reply);
		return ZVM_EXIT_HOST;
	}
	log = open(s->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0) {
		zvm_err_set(err, errno, "%s: %s", s->log, strerror(errno));
		return ZVM_EXIT_HOST;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		detach(log);
		become(s);
	}
	close(log);
	if (pid < 0) {
		zvm_err_set(err, errno, "cannot fork: %s", strerror(errno));
		return ZVM_EXIT_HOST;
	}
	return wait_for(s, pid, err);
}

int zvm_run_main(int argc, char **argv, struct zvm_err *err)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "foreground", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	struct start s = { NULL };
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "d:f", options, NULL)) != -1) {
		if (c == 'd') {
			s.device = optarg;
		} else if (c == 'f') {
			s.foreground = true;
		} else {
			zvm_err_set(err, 0, "run: %s: there are --device PATH and --foreground",
				    argv[optind - 1]);
			return ZVM_EXIT_USER;
		}
	}
	if (optind != argc - 1) {
		zvm_err_set(err, 0, "run: name one VM or FILE.toml");
		return ZVM_EXIT_USER;
	}
	if (locate(&s, argv[optind], err))
		return ZVM_EXIT_USER;
	find_program(&s);
	if (s.foreground)
		become(&s);
	return start(&s, err);
}
