// SPDX-License-Identifier: GPL-2.0
/*
 * bench-mark COMMAND...: runs it on the board between the two markers of count.so, which so counts
 * all that the machine executes for it. The status is the command's.
 * bench-mark: the second marker alone, which in a guest says how much it was until here.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status = 1;
	pid_t pid;

	if (argc < 2) {
		__asm__ volatile("mov x28, x28" : : : "memory");
		return 0;
	}
	__asm__ volatile("mov x27, x27" : : : "memory");
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	__asm__ volatile("mov x28, x28" : : : "memory");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
