// SPDX-License-Identifier: GPL-2.0
/*
 * The state of the concurrent phase: see property_race_state.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "property_race_state.h"

void race_fail(struct race *race, const char *format, ...)
{
	va_list args;

	if (!atomic_exchange(&race->failed, true)) {
		va_start(args, format);
		vsnprintf(race->failure, sizeof(race->failure), format, args);
		va_end(args);
	}
	atomic_store(&race->stop, true);
}
