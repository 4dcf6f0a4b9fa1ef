// SPDX-License-Identifier: GPL-2.0
/* virtio-console: both directions, on descriptors and on callbacks, and hosts that do not keep up.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/virtio_console.h>

#include <cmocka.h>

#include "virtio_driver.h"

#define RX  0
#define TX  1
#define NUM 8

struct fixture {
	struct vdrv d;
	int to_guest[2], from_guest[2]; /* pipes: [0] read, [1] write */

	/* The callback host. */
	char got[4096];
	size_t len, room; /* room: bytes it takes before it is full */
	int error;
	unsigned int rooms;
};

static struct fixture fx;

static void start(struct fixture *f, const struct zvm_console_cfg *cfg)
{
	uint64_t size = cfg->cols ? 1ULL << VIRTIO_CONSOLE_F_SIZE : 0;

	assert_int_equal(zvm_console_create(&f->d.env, cfg, &f->d.dev, NULL), 0);
	vdrv_start(&f->d, VDRV_FEATURES | size, 2, NUM);
	vdrv_settle(&f->d);
}

static int setup_pipes(void **state)
{
	struct zvm_console_cfg cfg = { 0 };

	memset(&fx, 0, sizeof(fx));
	vdrv_init(&fx.d);
	if (pipe2(fx.to_guest, O_NONBLOCK | O_CLOEXEC) ||
	    pipe2(fx.from_guest, O_NONBLOCK | O_CLOEXEC))
		return -1;
	cfg.in_fd = fx.to_guest[0];
	cfg.out_fd = fx.from_guest[1];
	start(&fx, &cfg);
	*state = &fx;
	return 0;
}

static int teardown_pipes(void **state)
{
	struct fixture *f = *state;

	vdrv_fini(&f->d);
	close(f->to_guest[0]);
	if (f->to_guest[1] >= 0)
		close(f->to_guest[1]);
	if (f->from_guest[0] >= 0)
		close(f->from_guest[0]);
	close(f->from_guest[1]);
	return 0;
}

static ssize_t host_write(void *ctx, const struct iovec *iov, int n)
{
	struct fixture *f = ctx;
	ssize_t done = 0;

	if (f->error)
		return -f->error;
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < iov[i].iov_len && f->room; j++, f->room--, done++)
			f->got[f->len++] = ((char *)iov[i].iov_base)[j];
	return done;
}

static void host_room(void *ctx)
{
	((struct fixture *)ctx)->rooms++;
}

static int setup_callbacks(void **state)
{
	struct zvm_console_cfg cfg = {
		.write = host_write, .rx_room = host_room, .ctx = &fx, .cols = 80, .rows = 25
	};

	memset(&fx, 0, sizeof(fx));
	fx.room = sizeof(fx.got);
	vdrv_init(&fx.d);
	start(&fx, &cfg);
	*state = &fx;
	return 0;
}

static int teardown_callbacks(void **state)
{
	vdrv_fini(&((struct fixture *)*state)->d);
	return 0;
}

static uint64_t text(struct vdrv *d, const char *s)
{
	uint64_t ipa = vdrv_alloc(d, strlen(s), 1);

	memcpy(vdrv_ptr(d, ipa), s, strlen(s));
	return ipa;
}

static void print(struct vdrv *d, const char *s)
{
	struct vdrv_buf b = { .ipa = text(d, s), .len = strlen(s) };

	vdrv_add(d, TX, &b, 1);
	vdrv_kick(d, TX);
}

static uint64_t offer(struct vdrv *d, uint32_t len)
{
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, len, 1), .len = len, .in = true };

	vdrv_add(d, RX, &b, 1);
	vdrv_kick(d, RX);
	return b.ipa;
}

static void expect_output(struct fixture *f, const char *s)
{
	char buf[256];
	ssize_t n;

	vdrv_settle(&f->d);
	n = read(f->from_guest[0], buf, sizeof(buf));
	assert_int_equal(n, strlen(s));
	assert_memory_equal(buf, s, n);
}

static void output_reaches_the_host_in_order(void **state)
{
	struct fixture *f = *state;
	struct vdrv_buf b[2] = { { .ipa = text(&f->d, "one "), .len = 4 },
				 { .ipa = text(&f->d, "two "), .len = 4 } };

	vdrv_add(&f->d, TX, b, 2);
	print(&f->d, "three");
	expect_output(f, "one two three");
	assert_int_equal(vdrv_used_idx(&f->d, TX), 2);
}

static void input_reaches_the_guest(void **state)
{
	struct fixture *f = *state;
	uint64_t at = offer(&f->d, 64);
	uint32_t len;

	assert_int_equal(write(f->to_guest[1], "hello", 5), 5);
	assert_true(vdrv_wait(&f->d, RX, NULL, &len));
	assert_int_equal(len, 5);
	assert_memory_equal(vdrv_ptr(&f->d, at), "hello", 5);
}

static void input_is_cut_to_the_guest_s_buffers(void **state)
{
	struct fixture *f = *state;
	uint64_t a = offer(&f->d, 3), b;
	uint32_t len;

	assert_int_equal(write(f->to_guest[1], "abcdefgh", 8), 8);
	assert_true(vdrv_wait(&f->d, RX, NULL, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(vdrv_ptr(&f->d, a), "abc", 3);
	/* The rest waits for the next buffer; the loop does not spin on it. */
	assert_int_equal(vdrv_loop(&f->d, 0), 0);
	b = offer(&f->d, 16);
	assert_true(vdrv_wait(&f->d, RX, NULL, &len));
	assert_int_equal(len, 5);
	assert_memory_equal(vdrv_ptr(&f->d, b), "defgh", 5);
}

static void input_before_the_guest_has_buffers_waits_without_spinning(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	assert_int_equal(write(f->to_guest[1], "x", 1), 1);
	vdrv_settle(&f->d);
	assert_int_equal(vdrv_loop(&f->d, 0), 0);
	at = offer(&f->d, 4);
	assert_true(vdrv_wait(&f->d, RX, NULL, NULL));
	assert_int_equal(*(char *)vdrv_ptr(&f->d, at), 'x');
}

static void zero_length_input_buffers_are_returned_and_skipped(void **state)
{
	struct fixture *f = *state;
	uint64_t at;
	uint32_t len;

	offer(&f->d, 0);
	at = offer(&f->d, 4);
	assert_int_equal(write(f->to_guest[1], "yz", 2), 2);
	assert_true(vdrv_wait(&f->d, RX, NULL, &len));
	assert_int_equal(len, 0);
	assert_true(vdrv_wait(&f->d, RX, NULL, &len));
	assert_int_equal(len, 2);
	assert_memory_equal(vdrv_ptr(&f->d, at), "yz", 2);
}

static void full_host_holds_the_chain_until_it_drains(void **state)
{
	struct fixture *f = *state;
	struct vdrv *d = &f->d;
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 256 << 10, 1), .len = 256 << 10 };
	uint64_t sum = 0;
	char buf[8192];
	ssize_t n;

	memset(vdrv_ptr(d, b.ipa), 'a', b.len);
	vdrv_add(d, TX, &b, 1);
	print(d, "end");
	vdrv_settle(d);
	assert_int_equal(vdrv_used_idx(d, TX), 0);
	assert_int_equal(vdrv_loop(d, 0), 0);
	for (int i = 0; i < 1000 && sum < b.len + 3; i++) {
		while ((n = read(f->from_guest[0], buf, sizeof(buf))) > 0)
			sum += n;
		vdrv_settle(d);
	}
	assert_int_equal(sum, b.len + 3);
	assert_int_equal(vdrv_used_idx(d, TX), 2);
}

static void end_of_input_is_noticed_once_and_output_goes_on(void **state)
{
	struct fixture *f = *state;

	offer(&f->d, 16);
	close(f->to_guest[1]);
	f->to_guest[1] = -1;
	vdrv_settle(&f->d);
	assert_non_null(strstr(f->d.log, "end of input"));
	offer(&f->d, 16);
	vdrv_settle(&f->d);
	assert_int_equal(f->d.logs, 1);
	print(&f->d, "still here");
	expect_output(f, "still here");
}

static void output_to_a_host_that_is_gone_is_dropped(void **state)
{
	struct fixture *f = *state;

	close(f->from_guest[0]);
	f->from_guest[0] = -1;
	print(&f->d, "lost");
	print(&f->d, "lost");
	vdrv_settle(&f->d);
	assert_int_equal(vdrv_used_idx(&f->d, TX), 2);
	assert_int_equal(f->d.logs, 1);
	assert_non_null(strstr(f->d.log, "output is lost"));
}

static void reset_while_the_host_is_full_forgets_the_chain(void **state)
{
	struct fixture *f = *state;
	struct vdrv *d = &f->d;
	struct vdrv_buf b = { .ipa = vdrv_alloc(d, 256 << 10, 1), .len = 256 << 10 };
	char buf[8192];

	vdrv_add(d, TX, &b, 1);
	vdrv_kick(d, TX);
	vdrv_settle(d);
	vdrv_start(d, VDRV_FEATURES, 2, NUM);
	while (read(f->from_guest[0], buf, sizeof(buf)) > 0)
		;
	print(d, "fresh");
	expect_output(f, "fresh");
	assert_int_equal(vdrv_used_idx(d, TX), 1);
}

static void paused_console_keeps_input_and_output(void **state)
{
	struct fixture *f = *state;
	char c;

	offer(&f->d, 16);
	vdrv_settle(&f->d);
	zvm_virtio_quiesce(f->d.dev);
	assert_int_equal(write(f->to_guest[1], "in", 2), 2);
	print(&f->d, "out");
	vdrv_settle(&f->d);
	assert_int_equal(vdrv_used_idx(&f->d, RX), 0);
	assert_int_equal(read(f->from_guest[0], &c, 1), -1);
	zvm_virtio_resume(f->d.dev);
	assert_true(vdrv_wait(&f->d, RX, NULL, NULL));
	expect_output(f, "out");
}

static void hostile_transmit_chain_stops_the_device(void **state)
{
	struct fixture *f = *state;
	struct vdrv_buf b = { .ipa = VDRV_RAM_IPA + VDRV_RAM_SIZE - 1, .len = 2 };

	vdrv_add(&f->d, TX, &b, 1);
	vdrv_kick(&f->d, TX);
	vdrv_settle(&f->d);
	assert_true(vdrv_needs_reset(&f->d));
	assert_int_equal(write(f->to_guest[1], "x", 1), 1);
	vdrv_settle(&f->d);
}

static void one_descriptor_can_be_both_ways(void **state)
{
	struct zvm_console_cfg cfg = { 0 };
	struct fixture *f = &fx;
	int sv[2];
	char buf[16];
	uint64_t at;

	memset(f, 0, sizeof(*f));
	vdrv_init(&f->d);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	cfg.in_fd = cfg.out_fd = sv[0];
	start(f, &cfg);
	at = offer(&f->d, 16);
	print(&f->d, "ping");
	vdrv_settle(&f->d);
	assert_int_equal(read(sv[1], buf, sizeof(buf)), 4);
	assert_int_equal(write(sv[1], "pong", 4), 4);
	assert_true(vdrv_wait(&f->d, RX, NULL, NULL));
	assert_memory_equal(vdrv_ptr(&f->d, at), "pong", 4);
	vdrv_fini(&f->d);
	close(sv[0]);
	close(sv[1]);
}

static void regular_files_can_be_input_and_output(void **state)
{
	struct zvm_console_cfg cfg = { 0 };
	char name[] = "/tmp/zvm-console-XXXXXX", buf[16] = { 0 };
	struct fixture *f = &fx;
	uint64_t at;
	int fd;

	memset(f, 0, sizeof(*f));
	vdrv_init(&f->d);
	fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, "typed", 5), 5);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	cfg.in_fd = cfg.out_fd = fd;
	start(f, &cfg);
	at = offer(&f->d, 16);
	assert_true(vdrv_wait(&f->d, RX, NULL, NULL));
	assert_memory_equal(vdrv_ptr(&f->d, at), "typed", 5);
	print(&f->d, "+log");
	vdrv_settle(&f->d);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), 9);
	assert_string_equal(buf, "typed+log");
	vdrv_fini(&f->d);
	close(fd);
}

static void console_without_host_swallows_output(void **state)
{
	struct zvm_console_cfg cfg = { .in_fd = -1, .out_fd = -1 };
	struct fixture *f = &fx;

	memset(f, 0, sizeof(*f));
	vdrv_init(&f->d);
	start(f, &cfg);
	offer(&f->d, 16);
	print(&f->d, "into the void");
	vdrv_settle(&f->d);
	assert_int_equal(vdrv_used_idx(&f->d, TX), 1);
	assert_int_equal(f->d.logs, 0);
	vdrv_fini(&f->d);
}

static void callbacks_take_output_and_ask_for_patience(void **state)
{
	struct fixture *f = *state;

	f->room = 3;
	print(&f->d, "abcdef");
	vdrv_settle(&f->d);
	assert_int_equal(f->len, 3);
	assert_int_equal(vdrv_used_idx(&f->d, TX), 0);
	f->room = 100;
	zvm_console_writable(f->d.dev);
	assert_int_equal(f->len, 6);
	assert_memory_equal(f->got, "abcdef", 6);
	assert_int_equal(vdrv_used_idx(&f->d, TX), 1);
}

static void callback_that_fails_loses_output_only(void **state)
{
	struct fixture *f = *state;

	f->error = EIO;
	print(&f->d, "abcdef");
	vdrv_settle(&f->d);
	assert_int_equal(vdrv_used_idx(&f->d, TX), 1);
	assert_false(vdrv_needs_reset(&f->d));
}

static void rx_room_is_called_once_for_refused_input(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	assert_int_equal(zvm_console_input(f->d.dev, "abc", 3), 0);
	assert_int_equal(f->rooms, 0);
	at = offer(&f->d, 2);
	vdrv_settle(&f->d);
	assert_int_equal(f->rooms, 1);
	assert_int_equal(zvm_console_input(f->d.dev, "abc", 3), 2);
	assert_memory_equal(vdrv_ptr(&f->d, at), "ab", 2);
	offer(&f->d, 8);
	vdrv_settle(&f->d);
	assert_int_equal(f->rooms, 2);
	assert_int_equal(zvm_console_input(f->d.dev, "c", 1), 1);
	offer(&f->d, 8);
	vdrv_settle(&f->d);
	assert_int_equal(f->rooms, 2);
}

static void size_is_offered_and_its_change_announced(void **state)
{
	struct fixture *f = *state;
	struct vdrv *d = &f->d;
	uint32_t gen = vdrv_rd(d, VIRTIO_MMIO_CONFIG_GENERATION);
	uint16_t v;

	assert_true(vdrv_device_features(d) & 1ULL << VIRTIO_CONSOLE_F_SIZE);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_CONFIG), 25 << 16 | 80);
	vdrv_irqs(d);
	zvm_console_resize(d->dev, 132, 43);
	assert_int_equal(vdrv_irqs(d), 1);
	assert_true(vdrv_rd(d, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
	assert_int_not_equal(vdrv_rd(d, VIRTIO_MMIO_CONFIG_GENERATION), gen);
	zvm_virtio_mmio_read(d->dev, VIRTIO_MMIO_CONFIG + 2, &v, 2);
	assert_int_equal(v, 43);
	zvm_console_resize(d->dev, 132, 43);
	assert_int_equal(vdrv_irqs(d), 0);
	/* The guest cannot write it. */
	vdrv_wr(d, VIRTIO_MMIO_CONFIG, 0);
	assert_int_equal(vdrv_rd(d, VIRTIO_MMIO_CONFIG), 43 << 16 | 132);
}

#define P(f) cmocka_unit_test_setup_teardown(f, setup_pipes, teardown_pipes)
#define C(f) cmocka_unit_test_setup_teardown(f, setup_callbacks, teardown_callbacks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		P(output_reaches_the_host_in_order),
		P(input_reaches_the_guest),
		P(input_is_cut_to_the_guest_s_buffers),
		P(input_before_the_guest_has_buffers_waits_without_spinning),
		P(zero_length_input_buffers_are_returned_and_skipped),
		P(full_host_holds_the_chain_until_it_drains),
		P(end_of_input_is_noticed_once_and_output_goes_on),
		P(output_to_a_host_that_is_gone_is_dropped),
		P(reset_while_the_host_is_full_forgets_the_chain),
		P(paused_console_keeps_input_and_output),
		P(hostile_transmit_chain_stops_the_device),
		cmocka_unit_test(one_descriptor_can_be_both_ways),
		cmocka_unit_test(regular_files_can_be_input_and_output),
		cmocka_unit_test(console_without_host_swallows_output),
		C(callbacks_take_output_and_ask_for_patience),
		C(callback_that_fails_loses_output_only),
		C(rx_room_is_called_once_for_refused_input),
		C(size_is_offered_and_its_change_announced),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("virtio-console", tests, NULL, NULL);
}
