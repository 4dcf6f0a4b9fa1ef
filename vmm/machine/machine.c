// SPDX-License-Identifier: GPL-2.0
/*
 * Building a machine from its configuration, and taking it apart. Main thread, no locks; the vCPU
 * threads start after zvm_machine_create() and are gone before zvm_machine_destroy().
 */
#include "vmm/machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/machine/map.h"
#include "vmm/machine/ram.h"

/* ---- the console's two ends ---- */

static size_t uart_tx(void *opaque, const uint8_t *buf, size_t len)
{
	struct zvm_machine *m = opaque;

	return zvm_tty_write(m->tty, buf, len);
}

static void uart_rx_room(void *opaque)
{
	struct zvm_machine *m = opaque;

	zvm_tty_rx_room(m->tty);
}

static size_t tty_to_uart(void *opaque, const uint8_t *buf, size_t len)
{
	struct zvm_machine *m = opaque;

	return zvm_pl011_rx(m->uart, buf, len);
}

static void tty_to_uart_ready(void *opaque)
{
	struct zvm_machine *m = opaque;

	zvm_pl011_tx_ready(m->uart);
}

static void tty_to_uart_break(void *opaque)
{
	struct zvm_machine *m = opaque;

	zvm_pl011_break(m->uart);
}

/* ---- devices ---- */

static int add_region(struct zvm_machine *m, enum zvm_map_id id, unsigned int widths,
		      const struct zvm_mmio_ops *ops, void *dev, struct zvm_err *err)
{
	struct zvm_region region = {
		.name = zvm_map[id].name,
		.base = zvm_map[id].base,
		.size = zvm_map[id].size,
		.widths = widths,
		.ops = ops,
		.dev = dev,
	};
	int ret = zvm_bus_add(&m->bus, &region);

	if (ret < 0)
		return zvm_err_set(err, ret, "cannot place %s: %s", region.name, strerror(-ret));
	return 0;
}

static struct zvm_irqline line_of(struct zvm_machine *m, enum zvm_map_id id)
{
	return (struct zvm_irqline){
		.set = zvm_irq_set_level,
		.opaque = &m->irq,
		.irq = (unsigned int)zvm_map[id].spi,
	};
}

static int create_uart(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_irqline line = line_of(m, ZVM_MAP_UART);
	struct zvm_pl011_wire wire = {
		.tx = uart_tx, .rx_room = uart_rx_room, .opaque = m
	};

	m->uart = zvm_pl011_create(&line, &wire);
	if (!m->uart)
		return zvm_err_set(err, ENOMEM, "pl011: out of memory");
	return add_region(m, ZVM_MAP_UART, ZVM_WIDTH_1_4, &zvm_pl011_ops, m->uart, err);
}

static void connect_console(struct zvm_machine *m)
{
	struct zvm_tty_sink sink = {
		.rx = tty_to_uart,
		.tx_ready = tty_to_uart_ready,
		.brk = tty_to_uart_break,
		.opaque = m,
	};

	zvm_tty_connect(m->tty, &sink);
}

/* ---- memory ---- */

static int map_memory(struct zvm_machine *m, struct zvm_err *err)
{
	const struct zvm_config *cfg = m->cfg;
	uint8_t *hva;
	int ret;

	ret = zvm_config_check_memory(cfg, err);
	if (ret < 0)
		return ret;
	ret = zvm_ram_map(zvm_map[ZVM_MAP_RAM].base, cfg->memory, &cfg->backing, &hva, err);
	if (ret < 0)
		return zvm_config_blame(cfg, "memory", ret, err);
	m->ram = (struct zvm_span){
		.ipa = zvm_map[ZVM_MAP_RAM].base, .size = cfg->memory, .hva = hva
	};
	return zvm_gmem_add(&m->gmem, m->ram.ipa, m->ram.size, m->ram.hva, false, err);
}

/* ---- the machine ---- */

int zvm_machine_create(struct zvm_machine *m, const struct zvm_config *cfg, const char *device,
		       struct zvm_loop *loop, void (*key)(void *opaque, enum zvm_tty_key key),
		       void *opaque, struct zvm_err *err)
{
	int ret;

	memset(m, 0, sizeof(*m));
	m->cfg = cfg;
	m->loop = loop;
	m->vm = m->gic = m->kvm.fd = -1;
	m->images = (struct zvm_images){ -1, -1, -1 };
	zvm_bus_init(&m->bus);
	zvm_irq_init(&m->irq);
	zvm_vcpu_group_init(&m->vcpus, &m->kvm, cfg, &m->bus);

	ret = zvm_images_open(&m->images, cfg, err);
	if (ret < 0)
		goto fail;
	ret = map_memory(m, err);
	if (ret < 0)
		goto fail;
	if (!device)
		return 0;

	ret = zvm_kvm_open(&m->kvm, device, err);
	if (ret < 0)
		goto fail;
	if (cfg->vcpus > m->kvm.max_vcpus) {
		ret = zvm_err_set(err, EINVAL, "%u vCPUs, but %s offers at most %u", cfg->vcpus,
				  device, m->kvm.max_vcpus);
		zvm_config_blame(cfg, "vcpus", ret, err);
		goto fail;
	}
	ret = create_uart(m, err);
	if (ret < 0)
		goto fail;
	/* Last: from here on the terminal is raw, and an error message would look torn. */
	ret = zvm_tty_open(&m->tty, &cfg->console, loop, key, opaque, err);
	if (ret < 0) {
		zvm_config_blame(cfg, "console", ret, err);
		goto fail;
	}
	connect_console(m);
	return 0;
fail:
	zvm_machine_destroy(m);
	return ret;
}

void zvm_machine_destroy(struct zvm_machine *m)
{
	if (m->tty)
		zvm_tty_connect(m->tty, NULL);
	zvm_tty_close(m->tty);
	m->tty = NULL;
	zvm_pl011_destroy(m->uart);
	m->uart = NULL;
	zvm_irq_fini(&m->irq);
	zvm_vcpu_group_fini(&m->vcpus);
	zvm_kvm_close(&m->kvm);
	zvm_ram_unmap(m->ram.hva, m->ram.size);
	m->ram.hva = NULL;
	zvm_images_close(&m->images);
}

static int read_user_dtb(const struct zvm_machine *m, void **dtb, size_t *len, struct zvm_err *err)
{
	struct stat st;
	int ret = 0;

	*dtb = NULL;
	if (fstat(m->images.dtb, &st) < 0)
		ret = -errno;
	else if (st.st_size <= 0 || st.st_size > ZVM_DTB_MAX)
		ret = -EFBIG;
	if (ret == 0) {
		*len = (size_t)st.st_size;
		*dtb = malloc(*len);
		ret = *dtb ? zvm_load_pread(m->images.dtb, *dtb, *len, 0) : -ENOMEM;
	}
	if (ret < 0) {
		free(*dtb);
		*dtb = NULL;
		return zvm_err_set(err, ret, "cannot read it: %s", strerror(-ret));
	}
	return 0;
}

int zvm_machine_load(struct zvm_machine *m, struct zvm_err *err)
{
	const struct zvm_config *cfg = m->cfg;
	uint8_t seed[ZVM_FDT_SEED];
	struct zvm_fdt_params params = {
		.cfg = cfg,
		.ram_size = m->ram.size,
	};
	void *dtb, *user;
	size_t len = 0;
	int ret;

	ret = zvm_load(&m->images, cfg, &m->ram, &m->ram, &m->boot, err);
	if (ret < 0)
		return ret;
	params.initrd = m->boot.initrd;
	params.initrd_size = m->boot.initrd_size;
	for (unsigned int i = 0; i < cfg->vcpus; i++)
		params.mpidr[i] = zvm_machine_mpidr(m, i);
	if (getrandom(seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		params.seed = seed;

	dtb = zvm_span_ptr(&m->ram, m->boot.dtb, ZVM_DTB_MAX);
	if (m->images.dtb < 0)
		return zvm_fdt_build(&params, dtb, ZVM_DTB_MAX, err);

	ret = read_user_dtb(m, &user, &len, err);
	if (ret == 0)
		ret = zvm_fdt_patch(&params, user, len, dtb, ZVM_DTB_MAX, err);
	free(user);
	if (ret < 0) {
		zvm_err_push(err, "%s", cfg->dtb);
		return zvm_config_blame(cfg, "dtb", ret, err);
	}
	return 0;
}

int zvm_machine_write_dtb(const struct zvm_machine *m, const char *path, struct zvm_err *err)
{
	const uint8_t *dtb = zvm_span_ptr(&m->ram, m->boot.dtb, ZVM_DTB_MAX);
	size_t len = fdt_totalsize(dtb);
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return zvm_err_set(err, errno, "cannot create %s: %s", path, strerror(errno));
	for (size_t at = 0; at < len && ret == 0;) {
		ssize_t n = write(fd, dtb + at, len - at);

		if (n < 0 && errno != EINTR)
			ret = -errno;
		else if (n > 0)
			at += (size_t)n;
	}
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	return ret < 0 ? zvm_err_set(err, ret, "cannot write %s: %s", path, strerror(-ret)) : 0;
}
