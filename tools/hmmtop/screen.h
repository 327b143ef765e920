/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The terminal, controlled by the escape sequences of a VT100. All of its
 * successors and emulators understand them, also at the end of a serial line.
 */
#ifndef _HMMTOP_SCREEN_H
#define _HMMTOP_SCREEN_H

#include <stddef.h>

enum screen_event {
	SCREEN_TIMEOUT,		/* the time is over, or a key asks for an update */
	SCREEN_RESIZED,		/* draw the same text again */
	SCREEN_QUIT,
};

/* Returns why the standard output cannot be used as a screen, or NULL. */
const char *screen_problem(void);

/* Saves the state of the terminal, and restores it again. */
void screen_open(void);
void screen_close(void);

/*
 * Draws as much of the text as fits. The line with this number, from 0, is
 * highlighted.
 */
void screen_draw(const char *text, size_t highlighted);

/* Waits until there is something to do, but not longer than this. */
enum screen_event screen_wait(double seconds);

/* If a signal was the reason to quit, restores the terminal and dies of it. */
void screen_die_of_signal(void);

#endif /* _HMMTOP_SCREEN_H */
