// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

#define ENTER	"\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE	"\033[0m\033[?7h\033[?25h\033[?1049l"

/* Signals that end the program. SIGTSTP and SIGWINCH are handled as well. */
static const int fatal_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static atomic_int fatal, resized, stopped;
static sigset_t unblocked;
static struct termios saved;
static bool is_open, has_keys;

/* All signals are blocked, except while screen_wait() sleeps. */
static void handle(int signal)
{
	if (signal == SIGWINCH)
		resized = 1;
	else if (signal == SIGTSTP)
		stopped = 1;
	else
		fatal = signal;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = handle };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(int); i++) {
		sigaddset(&blocked, fatal_signals[i]);
		sigaction(fatal_signals[i], &action, NULL);
	}
	sigaddset(&blocked, SIGWINCH);
	sigaction(SIGWINCH, &action, NULL);
	sigaddset(&blocked, SIGTSTP);
	sigaction(SIGTSTP, &action, NULL);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(int); i++)
		sigdelset(&unblocked, fatal_signals[i]);
	sigdelset(&unblocked, SIGWINCH);
	sigdelset(&unblocked, SIGTSTP);
}

static void write_all(const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(STDOUT_FILENO, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			/* The terminal is gone. */
			if (!fatal)
				fatal = SIGHUP;
			return;
		}
		text += written;
		length -= written;
	}
}

const char *screen_problem(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO))
		return "the standard output is not a terminal";
	if (term && !strcmp(term, "dumb"))
		return "the terminal cannot move the cursor (TERM=dumb)";
	return NULL;
}

static void enter(void)
{
	struct termios raw = saved;

	/* Keys work without Enter. ^C and ^Z still send signals. */
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	write_all(ENTER, strlen(ENTER));
	is_open = true;
}

void screen_open(void)
{
	has_keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &saved);
	catch_signals();
	enter();
}

void screen_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	write_all(LEAVE, strlen(LEAVE));
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* A serial line does not know its size. */
static size_t dimension(unsigned short known, const char *variable,
			size_t standard)
{
	const char *value = getenv(variable);

	if (known)
		return known;
	return value && atoi(value) > 0 ? (size_t)atoi(value) : standard;
}

void screen_draw(const char *text, size_t highlighted)
{
	struct winsize size = {};
	size_t rows, columns, length, line = 0;
	char *drawn = NULL;
	FILE *out;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	rows = dimension(size.ws_row, "LINES", 24);
	columns = dimension(size.ws_col, "COLUMNS", 80);
	out = open_memstream(&drawn, &length);
	if (!out)
		return;
	fputs("\033[H", out);
	for (; *text && line < rows; line++) {
		size_t width = strcspn(text, "\n");

		fprintf(out, "%s%s%.*s\033[K%s", line ? "\r\n" : "",
			line == highlighted ? "\033[7m" : "",
			(int)(width < columns ? width : columns), text,
			line == highlighted ? "\033[0m" : "");
		text += width + (text[width] == '\n');
	}
	/* Erase the rest. The last line may end at the last column. */
	if (line < rows)
		fputs("\r\n\033[J", out);
	if (!fclose(out))
		write_all(drawn, length);
	free(drawn);
}

static void suspend(void)
{
	stopped = 0;
	screen_close();
	kill(getpid(), SIGSTOP);
	/* Another program may have changed the terminal. */
	if (has_keys)
		tcgetattr(STDIN_FILENO, &saved);
	enter();
	resized = 1;
}

/* Returns SCREEN_RESIZED for a key without a meaning. */
static enum screen_event read_key(void)
{
	char key;
	ssize_t length = read(STDIN_FILENO, &key, 1);

	if (length < 0)
		return errno == EINTR || errno == EAGAIN ? SCREEN_RESIZED :
		       SCREEN_QUIT;
	if (!length || key == 'q' || key == 'Q')
		return SCREEN_QUIT;
	return key == ' ' || key == '\n' ? SCREEN_TIMEOUT : SCREEN_RESIZED;
}

enum screen_event screen_wait(double seconds)
{
	struct timespec left = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	int ready;

	if (seconds < 0)
		left = (struct timespec){};
	ready = ppoll(&keys, has_keys, &left, &unblocked);
	if (fatal)
		return SCREEN_QUIT;
	if (stopped)
		suspend();
	if (resized) {
		resized = 0;
		return SCREEN_RESIZED;
	}
	if (ready > 0)
		return read_key();
	return ready ? SCREEN_RESIZED : SCREEN_TIMEOUT;
}

void screen_die_of_signal(void)
{
	sigset_t set;

	screen_close();
	if (!fatal)
		return;
	signal(fatal, SIG_DFL);
	raise(fatal);
	sigemptyset(&set);
	sigaddset(&set, fatal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
