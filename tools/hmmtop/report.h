/* SPDX-License-Identifier: GPL-2.0 */
/* Samples as text. */
#ifndef _HMMTOP_REPORT_H
#define _HMMTOP_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "sample.h"

/* The line of the table that has the titles of the columns. */
#define TABLE_TITLES	2

/*
 * Prints a table of totals, or of increases per second if @before is not NULL.
 * With @short_numbers, each column has a fixed width, and large numbers have
 * units.
 */
void report_table(FILE *out, const struct sample *now,
		  const struct sample *before, bool short_numbers);

/* Prints a JSON object, in one line. */
void report_json(FILE *out, const struct sample *now,
		 const struct sample *before);

#endif /* _HMMTOP_REPORT_H */
