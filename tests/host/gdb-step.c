// SPDX-License-Identifier: GPL-2.0
/*
 * gdb-step SOCKET ADDRESS - what a debugger does with a guest, by GDB's remote protocol: breakpoints
 * at ADDRESS, one in memory and one in a debug register, and single steps from there. ADDRESS is
 * the first instruction of a kernel function that runs with interrupts masked, so a step leads to
 * the next instruction. Leaves the guest running. The status is 0 if all of it was as it should be.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STEPS 8
#define PC_IN_G (32 * 16) /* x0 to x30 and sp before it, 16 digits each */

static int sock;
static char packet[8192];

static char next_char(void)
{
	char c;

	if (read(sock, &c, 1) != 1)
		errx(1, "the stub has gone");
	return c;
}

static void say(const char *text)
{
	if (write(sock, text, strlen(text)) != (ssize_t)strlen(text))
		err(1, "write");
}

/* The next packet into packet[]. */
static void receive(void)
{
	size_t n = 0;
	char c;

	while (next_char() != '$')
		;
	while ((c = next_char()) != '#')
		if (n < sizeof(packet) - 1)
			packet[n++] = c;
	packet[n] = 0;
	next_char();
	next_char();
	say("+");
}

/*
 * A request and its answer, which must begin with `want`. The stub tells a stop of its own accord
 * when a debugger comes to a running guest.
 */
static void ask(const char *request, const char *want)
{
	char out[128];
	uint8_t sum = 0;
	const char *p;

	for (p = request; *p; p++)
		sum += (uint8_t)*p;
	snprintf(out, sizeof(out), "$%s#%02x", request, sum);
	say(out);
	do
		receive();
	while (packet[0] == 'T' && strncmp(packet, want, strlen(want)));
	if (strncmp(packet, want, strlen(want)))
		errx(1, "'%s' is answered by '%s', not by '%s'", request, packet, want);
}

/* The program counter of the thread that stopped, whose number goes to `thread`. */
static uint64_t stopped_at(unsigned int *thread)
{
	const char *at = strstr(packet, "thread:");
	uint64_t pc = 0;
	char select[16];
	int i;

	if (!at || sscanf(at, "thread:%x", thread) != 1)
		errx(1, "no thread in '%s'", packet);
	snprintf(select, sizeof(select), "Hg%x", *thread);
	ask(select, "OK");
	ask("g", "");
	if (strlen(packet) < PC_IN_G + 16)
		errx(1, "too few registers: %zu digits", strlen(packet));
	for (i = 7; i >= 0; i--) {
		unsigned int byte;

		if (sscanf(packet + PC_IN_G + 2 * i, "%2x", &byte) != 1)
			errx(1, "no number: '%.16s'", packet + PC_IN_G);
		pc = pc << 8 | byte;
	}
	return pc;
}

static void expect(const char *what, uint64_t pc, uint64_t want)
{
	printf("%s: at %#llx\n", what, (unsigned long long)pc);
	if (pc != want)
		errx(1, "%s: not at %#llx", what, (unsigned long long)want);
}

/* `kind`: 0 in memory, 1 in a register. */
static void break_and_step(const char *what, int kind, uint64_t addr)
{
	unsigned int thread, other;
	char insert[64], request[64];
	uint64_t pc, before;
	int i;

	snprintf(insert, sizeof(insert), "Z%d,%llx,4", kind, (unsigned long long)addr);
	ask(insert, "OK");
	ask("vCont;c", "T05");
	expect(what, stopped_at(&thread), addr);
	insert[0] = 'z';
	ask(insert, "OK");

	snprintf(request, sizeof(request), "vCont;s:%x", thread);
	for (i = 0, pc = addr; i < STEPS; i++) {
		before = pc;
		ask(request, "T05");
		pc = stopped_at(&other);
		if (other != thread)
			errx(1, "thread %u was stepped and %u stopped", thread, other);
		if (!i)
			expect("one step", pc, addr + 4);
		else if (pc == before || !(pc >> 63))
			errx(1, "step %d: from %#llx to %#llx", i + 1, (unsigned long long)before,
			     (unsigned long long)pc);
	}
	printf("%d steps: at %#llx\n", STEPS, (unsigned long long)pc);
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint64_t at;

	if (argc != 3)
		errx(2, "usage: gdb-step SOCKET ADDRESS");
	at = strtoull(argv[2], NULL, 16);
	alarm(120);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "%s", argv[1]);
	ask("qSupported", "PacketSize");
	ask("?", "T05");
	break_and_step("breakpoint in memory", 0, at);
	break_and_step("breakpoint in a register", 1, at);
	ask("D", "OK");
	return 0;
}
