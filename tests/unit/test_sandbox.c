// SPDX-License-Identifier: GPL-2.0
/* What a process can still do in the sandbox, each in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/sandbox.h"

#define OK     1 /* the child says so; anything else is not what was wanted */
#define NO_BOX 2

/* Runs @fn in the sandbox; returns its exit status, or minus the signal that ended it. */
static int confined(int (*fn)(void))
{
	struct zvm_config cfg = { .memory = 1 << 20 };
	struct zvm_sandbox box = { NULL };
	struct zvm_err err = { "" };
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		close(STDERR_FILENO); /* the sandbox's last words are expected */
		if (zvm_sandbox_enter(&box, &cfg, &err) < 0)
			_exit(NO_BOX);
		_exit(fn());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void *thread(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	void *ret = NULL;
	pthread_t t;
	int arg;

	if (pthread_create(&t, NULL, thread, &arg) || pthread_join(t, &ret))
		return 0;
	return ret == &arg ? OK : 0;
}

static int open_file(void)
{
	return open("/dev/null", O_RDONLY) < 0 && errno == EACCES ? OK : 0;
}

static int raise_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1) == 0 ? OK : 0;
}

static int make_process(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int make_user_namespace(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static int leave_for_a_user_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int signal_another_process(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int run_program(void)
{
	char *argv[] = { "true", NULL };

	return execv("/bin/true", argv);
}

static int type_on_the_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static void what_a_vm_needs_is_allowed(void **state)
{
	assert_int_equal(confined(start_thread), OK);
	assert_int_equal(confined(raise_signal), OK);
}

static void opening_a_file_fails(void **state)
{
	assert_int_equal(confined(open_file), OK);
}

static void processes_and_namespaces_cannot_be_made(void **state)
{
	assert_int_equal(confined(make_process), -SIGSYS);
	assert_int_equal(confined(make_user_namespace), -SIGSYS);
	assert_int_equal(confined(leave_for_a_user_namespace), -SIGSYS);
	assert_int_equal(confined(run_program), -SIGSYS);
}

static void others_cannot_be_reached(void **state)
{
	assert_int_equal(confined(signal_another_process), -SIGSYS);
	assert_int_equal(confined(make_socket), -SIGSYS);
	assert_int_equal(confined(type_on_the_terminal), -SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_vm_needs_is_allowed),
		cmocka_unit_test(opening_a_file_fails),
		cmocka_unit_test(processes_and_namespaces_cannot_be_made),
		cmocka_unit_test(others_cannot_be_reached),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
