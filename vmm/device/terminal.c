// SPDX-License-Identifier: GPL-2.0
/*
 * Raw mode of the controlling terminal.
 *
 * zvm_terminal_raw() runs once on the main thread before others exist; the restoring side may run
 * in a signal handler on any thread, so it only reads what was stored before `raw` was set.
 */
#include "vmm/device/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios cooked, uncooked;
static int tty_fd = -1;
static atomic_bool raw;

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGQUIT };

void zvm_terminal_restore(void)
{
	int saved = errno;

	if (atomic_exchange(&raw, false))
		tcsetattr(tty_fd, TCSANOW, &cooked);
	errno = saved;
}

/* SA_RESETHAND: the second delivery is the default action, with the core dump it implies. */
static void on_deadly(int sig)
{
	zvm_terminal_restore();
	raise(sig);
}

/* The shell has used the terminal in between; tty_fd was set before this handler was. */
static void on_continue(int sig)
{
	int saved = errno;

	(void)sig;
	if (tcsetattr(tty_fd, TCSANOW, &uncooked) == 0)
		atomic_store(&raw, true);
	errno = saved;
}

int zvm_terminal_raw(int fd)
{
	struct sigaction sa;

	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &cooked) < 0)
		return -errno;
	tty_fd = fd;
	uncooked = cooked;
	cfmakeraw(&uncooked);
	/* Several programs may share this terminal's output: leave its newline handling alone. */
	uncooked.c_oflag = cooked.c_oflag;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_deadly;
	sa.sa_flags = SA_RESETHAND;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], &sa, NULL);
	sa.sa_handler = on_continue;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGCONT, &sa, NULL);
	/* A write to the terminal from the background must not stop the guest. */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGTTOU, &sa, NULL);
	atexit(zvm_terminal_restore);

	atomic_store(&raw, true);
	if (tcsetattr(fd, TCSANOW, &uncooked) < 0) {
		int ret = -errno;

		atomic_store(&raw, false);
		return ret;
	}
	return 0;
}
