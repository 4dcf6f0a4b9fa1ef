// SPDX-License-Identifier: GPL-2.0
/* The event loop, and console backends with a reader, without one, and with a slow one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/device/console_backend.h"
#include "vmm/run/unixsock.h"

static char dir[] = "/tmp/zvm-console.XXXXXX";
static struct zvm_loop loop;
static struct zvm_err err;

static struct {
	char in[64];
	size_t used, room;
	unsigned int ready;
} dev;

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

static int setup(void **state)
{
	memset(&dev, 0, sizeof(dev));
	dev.room = sizeof(dev.in);
	err.msg[0] = 0;
	return zvm_loop_init(&loop);
}

static int teardown(void **state)
{
	zvm_loop_fini(&loop);
	return 0;
}

/* Serve the loop until @done or for about @ms milliseconds without an event. */
static void spin(bool (*done)(void), int ms)
{
	struct epoll_event ev;

	while (!(done && done())) {
		if (epoll_wait(loop.epfd, &ev, 1, ms) != 1)
			return;
		((struct zvm_watch *)ev.data.ptr)->fn(ev.data.ptr, ev.events);
	}
}

static size_t dev_rx(void *opaque, const uint8_t *buf, size_t len)
{
	size_t n = 0;

	while (n < len && dev.used < dev.room)
		dev.in[dev.used++] = (char)buf[n++];
	return n;
}

static void dev_ready(void *opaque)
{
	dev.ready++;
}

static const struct zvm_tty_sink sink = { .rx = dev_rx, .tx_ready = dev_ready };

static void no_key(void *opaque, enum zvm_tty_key key)
{
	fail_msg("escape key %d without a terminal", key);
}

static char path[128];

static struct zvm_tty *open_tty(enum zvm_console_mode mode, const char *name)
{
	struct zvm_config_console cfg = { .mode = mode };
	struct zvm_tty *tty;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cfg.path = path;
	if (zvm_tty_open(&tty, &cfg, &loop, no_key, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	zvm_tty_connect(tty, &sink);
	return tty;
}

static int dial(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	spin(NULL, 20);
	return fd;
}

static size_t say(struct zvm_tty *tty, const char *text)
{
	return zvm_tty_write(tty, (const uint8_t *)text, strlen(text));
}

/* ---- loop ---- */

static struct zvm_watch first, second;
static unsigned int calls;

static void delete_the_other(struct zvm_watch *watch, uint32_t events)
{
	calls++;
	zvm_loop_del(&loop, watch == &first ? &second : &first);
	zvm_loop_del(&loop, watch);
}

static void loop_delivers_nothing_to_a_deleted_watch(void **state)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(zvm_loop_add(&loop, &first, p[0], EPOLLIN, delete_the_other, NULL), 0);
	assert_int_equal(zvm_loop_add(&loop, &second, p[1], EPOLLOUT, delete_the_other, NULL), 0);
	calls = 0;
	spin(NULL, 20);
	assert_int_equal(calls, 1);
	close(p[0]);
	close(p[1]);
}

static void quit_loop(void *opaque)
{
	calls++;
	zvm_loop_quit(&loop);
}

static void bell_ends_the_loop_however_often_it_rang(void **state)
{
	struct zvm_bell bell;

	calls = 0;
	assert_int_equal(zvm_bell_init(&bell, &loop, quit_loop, NULL), 0);
	zvm_bell_ring(&bell);
	zvm_bell_ring(&bell);
	assert_int_equal(zvm_loop_run(&loop), 0);
	assert_int_equal(calls, 1);
	zvm_bell_fini(&bell, &loop);
}

static void loop_refuses_a_regular_file(void **state)
{
	FILE *f = tmpfile();

	assert_int_equal(zvm_loop_add(&loop, &first, fileno(f), EPOLLIN, NULL, NULL), -EPERM);
	fclose(f);
}

/* ---- sockets left behind ---- */

static void stale_socket_is_replaced_a_live_one_and_a_file_are_not(void **state)
{
	int a, b;

	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(zvm_unix_listen(path, &a, &err), 0);
	assert_int_equal(zvm_unix_listen(path, &b, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "already running"));
	close(a); /* as kill -9 would: the name stays */
	assert_int_equal(zvm_unix_listen(path, &b, &err), 0);
	close(b);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(zvm_unix_listen(path, &b, &err), -EEXIST);
	unlink(path);
}

static void listening_socket_is_for_its_owner_alone(void **state)
{
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(zvm_unix_listen(path, &fd, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	unlink(path);
}

/* ---- backends ---- */

static void file_gets_all_output_across_two_runs(void **state)
{
	char buf[32] = "";
	int fd;

	for (int i = 0; i < 2; i++) {
		struct zvm_tty *tty = open_tty(ZVM_CONSOLE_FILE, "log");

		assert_int_equal(say(tty, "hello\n"), 6);
		zvm_tty_close(tty);
	}
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, buf, sizeof(buf)), 12);
	assert_string_equal(buf, "hello\nhello\n");
	close(fd);
	unlink(path);
}

static void full_ring_pushes_back_and_says_when_it_is_free(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_FILE, "log");
	size_t total = 0, n;
	struct stat st;

	while ((n = say(tty, "0123456789")) == 10)
		total += n;
	total += n;
	assert_int_equal(dev.ready, 0);
	spin(NULL, 20);
	assert_int_equal(dev.ready, 1);
	assert_int_equal(say(tty, "x"), 1);
	zvm_tty_close(tty);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, total + 1); /* nothing lost, nothing twice */
	unlink(path);
}

static void socket_without_a_client_drops_output(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");

	for (int i = 0; i < 10000; i++)
		assert_int_equal(say(tty, "0123456789"), 10);
	zvm_tty_close(tty);
	assert_int_equal(access(path, F_OK), -1);
}

static void socket_carries_both_directions_and_survives_its_client(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");

	for (int i = 0; i < 2; i++) {
		char buf[16] = "";
		int fd = dial();

		dev.used = 0;
		say(tty, "out");
		assert_int_equal(write(fd, "in", 2), 2);
		spin(NULL, 20);
		assert_int_equal(read(fd, buf, sizeof(buf)), 3);
		assert_string_equal(buf, "out");
		assert_int_equal(dev.used, 2);
		close(fd);
		spin(NULL, 20);
	}
	zvm_tty_close(tty);
}

static void client_that_never_reads_delays_the_guest_only_for_a_while(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");
	static const uint8_t block[4096];
	unsigned int full = 0;
	int fd = dial();

	for (int i = 0; i < 400 && full < 3; i++) {
		full = zvm_tty_write(tty, block, sizeof(block)) < sizeof(block) ? full + 1 : 0;
		spin(NULL, 0);
	}
	assert_int_equal(full, 3);
	dev.ready = 0;
	spin(NULL, 800); /* the stall timer is among what happens */
	assert_true(dev.ready > 0);
	assert_int_equal(zvm_tty_write(tty, block, sizeof(block)), sizeof(block));
	close(fd);
	zvm_tty_close(tty);
}

static void input_waits_for_room_in_the_device(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");
	int fd = dial();

	dev.room = 4;
	assert_int_equal(write(fd, "0123456789", 10), 10);
	spin(NULL, 20);
	assert_int_equal(dev.used, 4);
	dev.room = sizeof(dev.in);
	zvm_tty_rx_room(tty);
	spin(NULL, 20);
	assert_memory_equal(dev.in, "0123456789", 10);
	assert_int_equal(dev.used, 10);
	close(fd);
	zvm_tty_close(tty);
}

static void input_of_a_client_that_left_is_not_lost(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");
	char text[300];
	int fd = dial();

	memset(text, 'x', sizeof(text)); /* more than the backend takes at once */
	dev.room = 4;
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	spin(NULL, 20);
	close(fd);
	spin(NULL, 20);
	for (size_t got = dev.used; got < sizeof(text); got += dev.used) {
		assert_int_equal(dev.used, 4);
		dev.used = 0;
		zvm_tty_rx_room(tty);
		spin(NULL, 20);
	}
	zvm_tty_close(tty);
}

static void guest_that_never_reads_keeps_no_client_out(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_SOCKET, "c");
	char buf[16] = "";
	int fd = dial();

	dev.room = 1;
	assert_int_equal(write(fd, "ab", 2), 2);
	spin(NULL, 20);
	close(fd);
	spin(NULL, 20);
	fd = dial();
	assert_int_equal(say(tty, "out"), 3);
	spin(NULL, 20);
	assert_int_equal(read(fd, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "out");
	assert_int_equal(write(fd, "cd", 2), 2);
	dev.room = sizeof(dev.in);
	zvm_tty_rx_room(tty);
	spin(NULL, 20);
	assert_int_equal(dev.used, 4);
	assert_memory_equal(dev.in, "abcd", 4);
	close(fd);
	zvm_tty_close(tty);
}

/* Standard input and output are these pipes' ends for a while; nothing may be printed meanwhile. */
static void reader_that_leaves_lets_the_guest_go_on(void **state)
{
	struct zvm_config_console cfg = { .mode = ZVM_CONSOLE_STDIO };
	int in[2], out[2], saved[2], opened;
	unsigned int held = 0, ready = 0;
	struct zvm_tty *tty;
	char buf[4096];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	memset(buf, 'x', sizeof(buf));
	fflush(stdout);
	saved[0] = dup(STDIN_FILENO);
	saved[1] = dup(STDOUT_FILENO);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(out[1]);
	opened = zvm_tty_open(&tty, &cfg, &loop, no_key, NULL, &err);
	if (opened == 0) {
		zvm_tty_connect(tty, &sink);
		for (; held < 100; held++) {
			if (zvm_tty_write(tty, (uint8_t *)buf, sizeof(buf)) < sizeof(buf))
				break;
			spin(NULL, 5);
		}
		dev.ready = 0;
		close(out[0]);
		spin(NULL, 20);
		ready = dev.ready;
		zvm_tty_close(tty);
	}
	dup2(saved[0], STDIN_FILENO);
	dup2(saved[1], STDOUT_FILENO);
	close(saved[0]);
	close(saved[1]);
	close(in[0]);
	close(in[1]);
	assert_int_equal(opened, 0);
	assert_true(held < 100);
	assert_true(ready > 0);
}

static void fifo_without_a_reader_is_refused_one_with_is_kept(void **state)
{
	char buf[16];
	int fd;
	struct zvm_config_console cfg = { .mode = ZVM_CONSOLE_FILE, .path = path };
	struct zvm_tty *tty;

	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(zvm_tty_open(&tty, &cfg, &loop, no_key, NULL, &err), -ENXIO);
	assert_non_null(strstr(err.msg, "a FIFO without a reader"));
	assert_null(tty);

	/* One that comes back reads on, whatever happened between. */
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	tty = open_tty(ZVM_CONSOLE_FILE, "fifo");
	close(fd);
	assert_int_equal(say(tty, "lost"), 4);
	spin(NULL, 20);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(say(tty, "seen"), 4);
	spin(NULL, 20);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "seen", 4);
	close(fd);
	zvm_tty_close(tty);
	unlink(path);
}

static void pty_link_of_another_is_left_alone(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_PTY, "pty");
	char to[64] = "";

	/* Not published: this VM turned out to run already. */
	assert_int_equal(symlink("/dev/pts/4711", path), 0);
	zvm_tty_close(tty);
	assert_int_equal(readlink(path, to, sizeof(to)), 13);
	unlink(path);

	tty = open_tty(ZVM_CONSOLE_PTY, "pty");
	assert_int_equal(zvm_tty_publish(tty, &err), 0);
	unlink(path);
	usleep(20000); /* the clock of the file system ticks on: the inode may well be the same */
	assert_int_equal(symlink("/dev/pts/4711", path), 0);
	zvm_tty_close(tty);
	assert_int_equal(unlink(path), 0);

	tty = open_tty(ZVM_CONSOLE_PTY, "pty");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(zvm_tty_publish(tty, &err), -EEXIST);
	zvm_tty_close(tty);
	assert_int_equal(readlink(path, to, sizeof(to)), 11);
	unlink(path);
}

static void pty_is_found_through_its_link_and_passes_bytes_unchanged(void **state)
{
	struct zvm_tty *tty = open_tty(ZVM_CONSOLE_PTY, "pty");
	char buf[16];
	int fd;

	assert_int_equal(symlink("/dev/pts/4711", path), 0); /* of an earlier run */
	assert_int_equal(zvm_tty_publish(tty, &err), 0);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(fd >= 0);
	say(tty, "a\nb\001");
	assert_int_equal(write(fd, "\003\r\001x", 4),
			 4); /* no signal, no CR to LF, no escape key */
	spin(NULL, 50);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "a\nb\001", 4);
	assert_int_equal(dev.used, 4);
	assert_memory_equal(dev.in, "\003\r\001x", 4);
	close(fd);
	zvm_tty_close(tty);
	assert_int_equal(access(path, F_OK), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(loop_delivers_nothing_to_a_deleted_watch),
		T(bell_ends_the_loop_however_often_it_rang),
		T(loop_refuses_a_regular_file),
		T(stale_socket_is_replaced_a_live_one_and_a_file_are_not),
		T(listening_socket_is_for_its_owner_alone),
		T(file_gets_all_output_across_two_runs),
		T(full_ring_pushes_back_and_says_when_it_is_free),
		T(socket_without_a_client_drops_output),
		T(socket_carries_both_directions_and_survives_its_client),
		T(client_that_never_reads_delays_the_guest_only_for_a_while),
		T(input_waits_for_room_in_the_device),
		T(input_of_a_client_that_left_is_not_lost),
		T(guest_that_never_reads_keeps_no_client_out),
		T(reader_that_leaves_lets_the_guest_go_on),
		T(fifo_without_a_reader_is_refused_one_with_is_kept),
		T(pty_link_of_another_is_left_alone),
		T(pty_is_found_through_its_link_and_passes_bytes_unchanged),
	};

	return cmocka_run_group_tests_name("console backend", tests, make_dir, remove_dir);
}
