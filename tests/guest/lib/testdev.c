// SPDX-License-Identifier: GPL-2.0
/* See testdev.h. `present` is written once at boot. */
#include "exc.h"
#include "testdev.h"

static bool present;

void testdev_probe(void)
{
	u32 magic = 0;
	const struct exc_info *e = EXC_TRY(magic = mmio_read32(TESTDEV_BASE + TD_MAGIC));

	present = !e->count && magic == TESTDEV_MAGIC;
}

bool testdev_present(void)
{
	return present;
}

u32 testdev_read(u32 reg)
{
	return present ? mmio_read32(TESTDEV_BASE + reg) : 0;
}

void testdev_write(u32 reg, u32 v)
{
	if (present)
		mmio_write32(TESTDEV_BASE + reg, v);
}

void testdev_exit(u32 status)
{
	testdev_write(TD_EXIT, status);
}
