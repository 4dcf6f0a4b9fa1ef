// SPDX-License-Identifier: GPL-2.0
/*
 * zvm status, stop, list: the client of the control sockets against servers that answer well, badly
 * or not at all. Sockets are in a directory of its own; what is printed goes to a file and back.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/zvm/zvm.h"
#include "command.h"

static char root[] = "/tmp/zvm-test-control-XXXXXX";

static int make_root(void **state)
{
	char dir[PATH_MAX];

	if (!mkdtemp(root))
		return -1;
	snprintf(dir, sizeof(dir), "%s/zvm", root);
	return mkdir(dir, 0700) || setenv("XDG_RUNTIME_DIR", root, 1) ||
	       setenv("XDG_DATA_HOME", "/nowhere", 1);
}

static int remove_root(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static int listen_as(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/zvm/%s.sock", root, name);
	unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/*
 * A child that takes one connection on @name, reads the request and sends @reply @times times. Its
 * status is 0 if the request was @expected.
 */
static pid_t serve(const char *name, const char *expected, const char *reply, unsigned int times)
{
	int fd = listen_as(name), client;
	char request[64] = "";
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid) {
		close(fd);
		return pid;
	}
	client = accept(fd, NULL, NULL);
	if (client < 0 || recv(client, request, sizeof(request) - 1, 0) <= 0)
		_exit(2);
	while (times-- && send(client, reply, strlen(reply), MSG_NOSIGNAL) > 0)
		;
	_exit(strcmp(request, expected) != 0);
}

static void expect_served(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int ask(const char *command, const char *vm, char text[4096], struct zvm_err *err)
{
	return command_run(zvm_control_main, (char *[]){ (char *)command, (char *)vm, NULL }, text,
			   err);
}

static void reply_is_printed_a_value_in_a_line(void **state)
{
	struct zvm_err err;
	char text[4096];
	pid_t pid = serve("a", "stats\n",
			  "{\"ok\":true,\"mmio\":{\"holes\":3},\"vcpus\":[{\"exits\":1},{\"exits\":"
			  "2}],\"up\":1.5,\"console\":null,\"x\":false}\n",
			  1);

	assert_int_equal(ask("stats", "a", text, &err), ZVM_EXIT_OK);
	expect_served(pid);
	assert_string_equal(text, "mmio.holes\t3\nvcpus[0].exits\t1\nvcpus[1].exits\t2\nup\t1.500\n"
				  "console\t-\nx\tfalse\n");
}

static void vm_may_be_the_path_of_its_socket(void **state)
{
	char text[4096], path[PATH_MAX];
	struct zvm_err err;
	pid_t pid = serve("b", "pause\n", "{\"ok\":true}\n", 1);

	snprintf(path, sizeof(path), "%s/zvm/b.sock", root);
	assert_int_equal(ask("pause", path, text, &err), ZVM_EXIT_OK);
	expect_served(pid);
	assert_string_equal(text, "");
}

static void refusal_is_reported_with_its_reason(void **state)
{
	struct zvm_err err;
	char text[4096];
	pid_t pid = serve("a", "resume\n", "{\"ok\":false,\"error\":\"Invalid argument\"}\n", 1);

	assert_int_equal(ask("resume", "a", text, &err), ZVM_EXIT_HOST);
	expect_served(pid);
	assert_string_equal(err.msg, "a: resume: Invalid argument");
}

static void malformed_reply_is_an_error(void **state)
{
	static const char *const bad[] = { "nonsense\n", "[true]\n", "{\"ok\":true\n", "\n",
					   "{\"ok\":true,\"ok\":false}\n" };
	struct zvm_err err;
	char text[4096];
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pid = serve("a", "status\n", bad[i], 1);
		assert_int_equal(ask("status", "a", text, &err), ZVM_EXIT_HOST);
		expect_served(pid);
		assert_string_equal(err.msg, "a: the answer is no JSON object");
		assert_string_equal(text, "");
	}
}

static void reply_that_ends_early_or_never_is_an_error(void **state)
{
	struct zvm_err err;
	char text[4096];
	pid_t pid;

	pid = serve("a", "status\n", "{\"ok\":tr", 1);
	assert_int_equal(ask("status", "a", text, &err), ZVM_EXIT_HOST);
	expect_served(pid);
	assert_string_equal(err.msg, "a: the answer ends in the middle");
	/* More than any reply has, and no end in sight. */
	pid = serve("a", "status\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		    1000000);
	assert_int_equal(ask("status", "a", text, &err), ZVM_EXIT_HOST);
	expect_served(pid);
	assert_string_equal(err.msg, "a: the answer ends in the middle");
}

static void text_from_a_vm_cannot_steer_a_terminal(void **state)
{
	struct zvm_err err;
	char text[4096];
	pid_t pid = serve("a", "status\n", "{\"ok\":true,\"name\":\"\\u001b[2J\"}\n", 1);

	assert_int_equal(ask("status", "a", text, &err), ZVM_EXIT_OK);
	expect_served(pid);
	assert_string_equal(text, "name\t?[2J\n");
}

static void vm_that_does_not_run_is_an_error(void **state)
{
	char text[4096], message[256];
	struct zvm_err err;

	assert_int_equal(ask("status", "ghost", text, &err), ZVM_EXIT_HOST);
	snprintf(message, sizeof(message),
		 "no VM listens on %s/zvm/ghost.sock; zvm list shows those that run", root);
	assert_string_equal(err.msg, message);
	/* A socket that its VM left behind. */
	close(listen_as("stale"));
	assert_int_equal(ask("status", "stale", text, &err), ZVM_EXIT_HOST);
	assert_non_null(strstr(err.msg, "no VM listens on"));
}

static void list_shows_those_that_answer(void **state)
{
	struct zvm_err err;
	char text[4096];
	pid_t good, bad;

	close(listen_as("stale"));
	bad = serve("bad", "status\n", "nonsense\n", 1);
	good = serve("good", "status\n",
		     "{\"ok\":true,\"name\":\"good\",\"state\":\"paused\",\"pid\":7,\"vcpus\":2,"
		     "\"memory\":536870912,\"uptime\":61.7}\n",
		     1);
	assert_int_equal(command_run(zvm_list_main, (char *[]){ "list", NULL }, text, &err),
			 ZVM_EXIT_OK);
	expect_served(good);
	expect_served(bad);
	assert_string_equal(text,
			    "NAME                 STATE        PID VCPUS     MEMORY    UPTIME\n"
			    "good                 paused         7     2    512 MiB      61 s\n");
}

static void commands_check_their_arguments(void **state)
{
	struct zvm_err err;
	char text[4096];

	assert_int_equal(command_run(zvm_control_main, (char *[]){ "stop", NULL }, text, &err),
			 ZVM_EXIT_USER);
	assert_string_equal(err.msg, "stop: name one VM; zvm list shows those that run");
	assert_int_equal(command_run(zvm_list_main, (char *[]){ "list", "x", NULL }, text, &err),
			 ZVM_EXIT_USER);
	assert_string_equal(err.msg, "list: takes no argument");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_is_printed_a_value_in_a_line),
		cmocka_unit_test(vm_may_be_the_path_of_its_socket),
		cmocka_unit_test(refusal_is_reported_with_its_reason),
		cmocka_unit_test(malformed_reply_is_an_error),
		cmocka_unit_test(reply_that_ends_early_or_never_is_an_error),
		cmocka_unit_test(text_from_a_vm_cannot_steer_a_terminal),
		cmocka_unit_test(vm_that_does_not_run_is_an_error),
		cmocka_unit_test(list_shows_those_that_answer),
		cmocka_unit_test(commands_check_their_arguments),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
