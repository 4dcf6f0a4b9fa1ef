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
#include "vmm/run/log.h"

/* ---- the console's two ends ---- */

static size_t uart_tx(void *opaque, const uint8_t *buf, size_t len)
{
	struct zvm_machine *m = opaque;

	/* With a virtio console the UART is there, but nothing is plugged into it. */
	return m->vconsole ? len : zvm_tty_write(m->tty, buf, len);
}

static void uart_rx_room(void *opaque)
{
	struct zvm_machine *m = opaque;

	if (!m->vconsole)
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

#ifdef CONFIG_ZVM_VIRTIO_CONSOLE
static size_t tty_to_virtio(void *opaque, const uint8_t *buf, size_t len)
{
	struct zvm_machine *m = opaque;

	return zvm_console_input(m->vconsole, buf, len);
}

static void tty_to_virtio_ready(void *opaque)
{
	struct zvm_machine *m = opaque;

	zvm_console_writable(m->vconsole);
}
#else
/* Never called: m->vconsole cannot be there. */
static size_t tty_to_virtio(void *opaque, const uint8_t *buf, size_t len)
{
	return len;
}

static void tty_to_virtio_ready(void *opaque)
{
}
#endif

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
	struct zvm_pl011_wire wire = { .tx = uart_tx, .rx_room = uart_rx_room, .opaque = m };

	m->uart = zvm_pl011_create(&line, &wire);
	if (!m->uart)
		return zvm_err_set(err, ENOMEM, "pl011: out of memory");
	return add_region(m, ZVM_MAP_UART, ZVM_WIDTH_1_4, &zvm_pl011_ops, m->uart, err);
}

#ifdef CONFIG_ZVM_PL031
static int create_rtc(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_irqline line = line_of(m, ZVM_MAP_RTC);
	int ret = zvm_pl031_create(&m->rtc, &m->cfg->rtc, &line, m->loop, err);

	if (ret < 0)
		return ret;
	return add_region(m, ZVM_MAP_RTC, ZVM_WIDTH_1_4, &zvm_pl031_ops, m->rtc, err);
}
#else
static int create_rtc(struct zvm_machine *m, struct zvm_err *err)
{
	return 0;
}
#endif

#ifdef CONFIG_ZVM_PL061
static int create_gpio(struct zvm_machine *m, struct zvm_err *err)
{
	struct zvm_irqline line = line_of(m, ZVM_MAP_GPIO);

	m->gpio = zvm_pl061_create(&line);
	if (!m->gpio)
		return zvm_err_set(err, ENOMEM, "pl061: out of memory");
	return add_region(m, ZVM_MAP_GPIO, ZVM_WIDTH_1_4, &zvm_pl061_ops, m->gpio, err);
}
#else
static int create_gpio(struct zvm_machine *m, struct zvm_err *err)
{
	return 0;
}
#endif

/* On a vCPU thread. Without the memslot reads are slow but right; without its removal they are not.
 */
static void flash_show(void *opaque, bool array)
{
	struct zvm_flash_bank *bank = opaque;
	struct zvm_err err = { "" };

	if (zvm_machine_show_flash(bank, array, &err) < 0)
		zvm_log(ZVM_LOG_ERR, "flash%u: %s", bank->index, err.msg);
}

static int create_flash(struct zvm_machine *m, struct zvm_err *err)
{
	for (unsigned int i = 0; i < ZVM_FLASH_BANKS; i++) {
		struct zvm_flash_bank *bank = &m->flash[i];
		struct zvm_flash_params params = {
			.data = bank->mem.hva,
			.size = bank->mem.size,
			.locked = i == 0,
			.show = flash_show,
			.opaque = bank,
		};
		int ret;

		if (!bank->mem.hva)
			continue;
		bank->dev = zvm_flash_create(&params);
		if (!bank->dev)
			return zvm_err_set(err, ENOMEM, "flash: out of memory");
		ret = add_region(m, ZVM_MAP_FLASH0 + i, ZVM_WIDTH_1_4 | ZVM_WIDTH_8, &zvm_flash_ops,
				 bank->dev, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int create_devices(struct zvm_machine *m, struct zvm_err *err)
{
	int ret = create_uart(m, err);

	if (ret == 0)
		ret = create_rtc(m, err);
	if (ret == 0)
		ret = create_gpio(m, err);
	if (ret == 0)
		ret = create_flash(m, err);
	if (ret == 0)
		ret = zvm_slots_create(m, err);
	return ret;
}

static void connect_console(struct zvm_machine *m)
{
	static const struct zvm_tty_sink uart = {
		.rx = tty_to_uart,
		.tx_ready = tty_to_uart_ready,
		.brk = tty_to_uart_break,
	}, virtio = {
		.rx = tty_to_virtio,
		.tx_ready = tty_to_virtio_ready,
	};
	struct zvm_tty_sink sink = m->vconsole ? virtio : uart;

	sink.opaque = m;
	zvm_tty_connect(m->tty, &sink);
}

/* ---- memory ---- */

static int map_flash(struct zvm_machine *m, unsigned int i, struct zvm_err *err)
{
	static const struct zvm_config_backing backing = { .hugepages = ZVM_HUGEPAGES_OFF };
	const struct zvm_map_entry *e = &zvm_map[ZVM_MAP_FLASH0 + i];
	struct zvm_flash_bank *bank = &m->flash[i];
	uint8_t *hva;
	int ret;

	ret = zvm_ram_map(e->base, e->size, &backing, &hva, err);
	if (ret < 0)
		return zvm_config_blame(m->cfg, "firmware", ret, err);
	bank->m = m;
	bank->index = i;
	bank->mem = (struct zvm_span){ .ipa = e->base, .size = e->size, .hva = hva };
	return zvm_gmem_add(&m->gmem, e->base, e->size, hva, true, err);
}

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
	m->ram = (struct zvm_span){ .ipa = zvm_map[ZVM_MAP_RAM].base,
				    .size = cfg->memory,
				    .hva = hva };
	ret = zvm_gmem_add(&m->gmem, m->ram.ipa, m->ram.size, m->ram.hva, false, err);
	for (unsigned int i = 0; ret == 0 && cfg->firmware && i < ZVM_FLASH_BANKS; i++)
		ret = map_flash(m, i, err);
	return ret;
}

/* Not in gmem: no device has any business there. */
static int map_pvtime(struct zvm_machine *m, struct zvm_err *err)
{
	static const struct zvm_config_backing backing = { .hugepages = ZVM_HUGEPAGES_OFF };
	const struct zvm_map_entry *e = &zvm_map[ZVM_MAP_PVTIME];
	uint8_t *hva;
	int ret;

	if (!m->kvm.steal_time)
		return 0;
	ret = zvm_ram_map(e->base, e->size, &backing, &hva, err);
	if (ret == 0)
		m->pvtime = (struct zvm_span){ .ipa = e->base, .size = e->size, .hva = hva };
	return ret;
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
	if (cfg->firmware && !m->kvm.readonly_mem) {
		ret = zvm_err_set(err, ENOTSUP,
				  "%s has no KVM_CAP_READONLY_MEM, which flash for firmware needs",
				  device);
		zvm_config_blame(cfg, "firmware", ret, err);
		goto fail;
	}
	ret = map_pvtime(m, err);
	if (ret < 0)
		goto fail;
	ret = create_devices(m, err);
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
	zvm_slots_destroy(m);
	for (unsigned int i = 0; i < ZVM_FLASH_BANKS; i++) {
		zvm_flash_destroy(m->flash[i].dev);
		zvm_ram_unmap(m->flash[i].mem.hva, m->flash[i].mem.size);
	}
	zvm_pl061_destroy(m->gpio);
	zvm_pl031_destroy(m->rtc);
	zvm_pl011_destroy(m->uart);
	zvm_tty_close(m->tty);
	zvm_irq_fini(&m->irq);
	zvm_vcpu_group_fini(&m->vcpus);
	zvm_kvm_close(&m->kvm);
	zvm_ram_unmap(m->pvtime.hva, m->pvtime.size);
	zvm_ram_unmap(m->ram.hva, m->ram.size);
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
		.flash = m->flash[0].mem.hva,
		.pmu = zvm_machine_has_pmu(m),
		.virtio = m->nr_slots,
	};
	void *dtb, *user;
	size_t len = 0;
	int ret;

	ret = zvm_load(&m->images, cfg, &m->ram, &m->flash[0].mem, &m->boot, err);
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
