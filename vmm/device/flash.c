// SPDX-License-Identifier: GPL-2.0
/*
 * NOR flash: the command state machine and the CFI answers.
 *
 * Called by vCPU threads; flash->lock covers all state and is held while show() changes the
 * memslot. Offsets come checked from the bus; block and buffer arithmetic stays inside the array
 * because both sizes are powers of two and every offset is masked or below size.
 *
 * Both chips always get the same command, so the low byte of a write is the command, and answers
 * are the same in both halves of the bus.
 *
 * Specification: JEDEC JESD68.01 (CFI), Intel StrataFlash J3 data sheet, "Command Definitions".
 */
#include "vmm/device/flash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SR_READY	  0x80u
#define SR_ERASE_FAILED	  0x20u
#define SR_PROGRAM_FAILED 0x10u
#define SR_LOCKED	  0x02u
#define SR_SEQUENCE	  (SR_ERASE_FAILED | SR_PROGRAM_FAILED)

/* Words that a buffered program takes at once; CFI says 2^5 bytes for each chip. */
#define BUFFER_WORDS	 16u
#define CFI_BUFFER_SHIFT 5u

#define ID_MANUFACTURER 0x89u
#define ID_DEVICE	0x18u

enum mode {
	MODE_ARRAY,
	MODE_STATUS,
	MODE_ID,
	MODE_CFI,
	MODE_PROGRAM,	/* the next write is the data */
	MODE_ERASE,	/* the next write confirms */
	MODE_LOCK,	/* the next write says which lock command */
	MODE_BUF_COUNT, /* the next write is the number of words less one */
	MODE_BUF_DATA,	/* buf_left words follow */
	MODE_BUF_CONFIRM,
};

struct zvm_flash {
	pthread_mutex_t lock;
	struct zvm_flash_params p;
	enum mode mode;
	uint8_t status;
	unsigned int buf_left;
	uint8_t cfi[0x40];
};

static void set_mode(struct zvm_flash *f, enum mode mode)
{
	bool was = f->mode == MODE_ARRAY, is = mode == MODE_ARRAY;

	f->mode = mode;
	if (was != is && f->p.show)
		f->p.show(f->p.opaque, is);
}

static void program(struct zvm_flash *f, uint64_t off, unsigned int width, uint64_t val)
{
	if (f->p.locked) {
		f->status |= SR_PROGRAM_FAILED | SR_LOCKED;
		return;
	}
	/* Programming only clears bits. */
	for (unsigned int i = 0; i < width; i++)
		f->p.data[off + i] &= (uint8_t)(val >> (8 * i));
}

static void erase(struct zvm_flash *f, uint64_t off)
{
	if (f->p.locked)
		f->status |= SR_ERASE_FAILED | SR_LOCKED;
	else
		memset(f->p.data + (off & ~(uint64_t)(ZVM_FLASH_BLOCK - 1)), 0xff, ZVM_FLASH_BLOCK);
}

/* A command in a mode that waits for none. */
static void command(struct zvm_flash *f, uint8_t cmd)
{
	static const struct {
		uint8_t cmd;
		enum mode mode;
	} commands[] = {
		{ 0xff, MODE_ARRAY },	{ 0xf0, MODE_ARRAY },	  { 0x00, MODE_ARRAY },
		{ 0x70, MODE_STATUS },	{ 0x90, MODE_ID },	  { 0x98, MODE_CFI },
		{ 0x10, MODE_PROGRAM }, { 0x40, MODE_PROGRAM },	  { 0x20, MODE_ERASE },
		{ 0x60, MODE_LOCK },	{ 0xe8, MODE_BUF_COUNT },
	};

	if (cmd == 0x50) {
		f->status = SR_READY;
		set_mode(f, MODE_ARRAY);
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].cmd == cmd) {
			set_mode(f, commands[i].mode);
			return;
		}
	}
	set_mode(f, MODE_ARRAY);
}

static void flash_write(void *dev, uint64_t off, unsigned int width, uint64_t val)
{
	struct zvm_flash *f = dev;
	uint8_t cmd = (uint8_t)val;

	pthread_mutex_lock(&f->lock);
	switch (f->mode) {
	case MODE_PROGRAM:
		program(f, off, width, val);
		set_mode(f, MODE_STATUS);
		break;
	case MODE_ERASE:
		if (cmd == 0xd0)
			erase(f, off);
		else
			f->status |= SR_SEQUENCE;
		set_mode(f, MODE_STATUS);
		break;
	case MODE_LOCK:
		/* Locks are not kept: unlocking something locked shows when it is programmed. */
		if (cmd != 0x01 && cmd != 0xd0 && cmd != 0x2f)
			f->status |= SR_SEQUENCE;
		set_mode(f, MODE_STATUS);
		break;
	case MODE_BUF_COUNT:
		f->buf_left = (val & 0xffff) + 1;
		if (f->buf_left > BUFFER_WORDS * 2) {
			f->status |= SR_SEQUENCE;
			set_mode(f, MODE_STATUS);
		} else {
			set_mode(f, MODE_BUF_DATA);
		}
		break;
	case MODE_BUF_DATA:
		program(f, off, width, val);
		if (!--f->buf_left)
			set_mode(f, MODE_BUF_CONFIRM);
		break;
	case MODE_BUF_CONFIRM:
		if (cmd != 0xd0)
			f->status |= SR_SEQUENCE;
		set_mode(f, MODE_STATUS);
		break;
	default:
		command(f, cmd);
	}
	pthread_mutex_unlock(&f->lock);
}

static uint64_t array_read(const struct zvm_flash *f, uint64_t off, unsigned int width)
{
	uint64_t val = 0;

	memcpy(&val, f->p.data + off, width);
	return val;
}

/* One answer of a chip on each of the two halves of the bus, seen through @width bytes at @off. */
static uint64_t both_chips(uint32_t val, uint64_t off, unsigned int width)
{
	uint64_t bus = val | (uint64_t)val << 16 | (uint64_t)val << 32 | (uint64_t)val << 48;

	bus >>= 8 * (off & 1);
	return width == 8 ? bus : bus & ((1ULL << (8 * width)) - 1);
}

static uint32_t id_answer(uint64_t word)
{
	switch (word & 0xff) {
	case 0:
		return ID_MANUFACTURER;
	case 1:
		return ID_DEVICE;
	default:
		return 0; /* lock configuration of a block: unlocked */
	}
}

static uint64_t flash_read(void *dev, uint64_t off, unsigned int width)
{
	struct zvm_flash *f = dev;
	uint64_t word = off / 4, val;

	pthread_mutex_lock(&f->lock);
	switch (f->mode) {
	case MODE_ARRAY:
		val = array_read(f, off, width);
		break;
	case MODE_ID:
		val = both_chips(id_answer(word), off, width);
		break;
	case MODE_CFI:
		val = both_chips(word < sizeof(f->cfi) ? f->cfi[word] : 0, off, width);
		break;
	default:
		val = both_chips(f->status, off, width);
	}
	pthread_mutex_unlock(&f->lock);
	return val;
}

const struct zvm_mmio_ops zvm_flash_ops = { .read = flash_read, .write = flash_write };

static void fill_cfi(struct zvm_flash *f)
{
	unsigned int blocks = (unsigned int)(f->p.size / ZVM_FLASH_BLOCK) - 1;
	unsigned int chip_block = ZVM_FLASH_BLOCK / 2 / 256;
	uint8_t *c = f->cfi;

	c[0x10] = 'Q';
	c[0x11] = 'R';
	c[0x12] = 'Y';
	c[0x13] = 1;	/* Intel extended command set */
	c[0x15] = 0x31; /* where its own table is */
	c[0x1b] = 0x45; /* 4.5 to 5.5 V */
	c[0x1c] = 0x55;
	c[0x1f] = 7; /* typical times, 2^n us for a word and a buffer, 2^n ms for a block */
	c[0x20] = 7;
	c[0x21] = 10;
	c[0x23] = 4; /* the longest are 2^4 times that */
	c[0x24] = 4;
	c[0x25] = 4;
	c[0x27] = (uint8_t)__builtin_ctzll(f->p.size / 2);
	c[0x28] = 2; /* x8 and x16 */
	c[0x2a] = CFI_BUFFER_SHIFT;
	c[0x2c] = 1; /* regions of equal blocks */
	c[0x2d] = (uint8_t)blocks;
	c[0x2e] = (uint8_t)(blocks >> 8);
	c[0x2f] = (uint8_t)chip_block;
	c[0x30] = (uint8_t)(chip_block >> 8);
	c[0x31] = 'P';
	c[0x32] = 'R';
	c[0x33] = 'I';
	c[0x34] = '1';
	c[0x35] = '0';
}

struct zvm_flash *zvm_flash_create(const struct zvm_flash_params *params)
{
	struct zvm_flash *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	f->p = *params;
	f->status = SR_READY;
	fill_cfi(f);
	return f;
}

void zvm_flash_destroy(struct zvm_flash *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void zvm_flash_reset(struct zvm_flash *f)
{
	pthread_mutex_lock(&f->lock);
	f->mode = MODE_ARRAY;
	f->status = SR_READY;
	pthread_mutex_unlock(&f->lock);
}
