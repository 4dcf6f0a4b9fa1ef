// SPDX-License-Identifier: GPL-2.0
/* The one instance of the tracepoints that stats/trace.h declares. */
#define CREATE_TRACE_POINTS
#include "trace.h"
