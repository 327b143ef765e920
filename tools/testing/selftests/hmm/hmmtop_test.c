// SPDX-License-Identifier: GPL-2.0
/*
 * tools/hmmtop: its reports, compared with the debugfs file that it reads, its
 * error messages, and its use of the terminal.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "hmm_counters.h"
#include "hmm_harness.h"

/* The Debian package has it elsewhere. */
#ifndef HMMTOP
#define HMMTOP		"/bin/hmmtop"
#endif
#define NPAGES		4
#define OUTPUT_SIZE	(64 << 10)

/* What the child does before it executes hmmtop. */
enum setup { AS_IS, NOT_ROOT, NO_DEBUGFS, NO_MODULE };

FIXTURE(hmmtop) {
	pid_t owner;
	int *shared;
	char *mem;
	struct hmm_completion ready;
	struct hmm_completion end;
	char *output;
	char line[1024];
};

#define hmmtop_data FIXTURE_DATA(hmmtop)

/* The mirrored process is idle afterwards, so its counters do not change. */
static void owner(hmmtop_data *self)
{
	prctl(PR_SET_NAME, "a \"name\\");
	*self->shared = hmm_open(0);
	for (int i = 0; i < 7; i++)
		madvise(self->mem, hmm_page_size(), MADV_DONTNEED);
	hmm_complete(&self->ready);
	hmm_wait_for_completion(&self->end);
	_exit(0);
}

FIXTURE_SETUP(hmmtop)
{
	if (access(HMMTOP, X_OK))
		SKIP(return, "no " HMMTOP);
	if (access(HMM_STATS, R_OK))
		SKIP(return, "no " HMM_STATS);
	HMM_SKIP_WITHOUT_DEVICE(0);
	self->shared = hmm_map_shared(1);
	self->mem = hmm_map(NPAGES);
	self->output = malloc(OUTPUT_SIZE);
	ASSERT_NE(NULL, self->shared);
	ASSERT_NE(NULL, self->mem);
	ASSERT_NE(NULL, self->output);
	ASSERT_EQ(0, hmm_completion_init(&self->ready));
	ASSERT_EQ(0, hmm_completion_init(&self->end));
	self->owner = hmm_fork_sharing_files();
	ASSERT_LE(0, self->owner);
	if (!self->owner)
		owner(self);
	ASSERT_EQ(0, hmm_wait_for_completion(&self->ready));
	ASSERT_LE(0, *self->shared);
	ASSERT_EQ(0, hmm_counters_line(self->owner, self->line,
				       sizeof(self->line)));
}

FIXTURE_TEARDOWN(hmmtop)
{
	hmm_complete(&self->end);
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	close(*self->shared);
}

/* Changes what hmmtop finds, in mounts that only the child has. */
static int prepare(enum setup setup)
{
	if (setup == AS_IS)
		return 0;
	if (setup == NOT_ROOT)
		return setgid(65534) || setuid(65534);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	if (setup == NO_DEBUGFS)
		return umount2("/sys/kernel/debug", MNT_DETACH);
	if (umount2("/sys/kernel/debug", MNT_DETACH))
		return -1;
	return mount("none", "/sys/module", "tmpfs", 0, NULL);
}

/*
 * Runs hmmtop with one or two options. Stores its output and its messages, and
 * returns its exit status.
 */
static int run(hmmtop_data *self, enum setup setup, const char *first,
	       const char *second)
{
	size_t used = 0;
	ssize_t length;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = hmm_fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		if (prepare(setup))
			_exit(100);
		execl(HMMTOP, "hmmtop", first, second, NULL);
		_exit(101);
	}
	close(fds[1]);
	while ((length = read(fds[0], self->output + used,
			      OUTPUT_SIZE - 1 - used)) > 0)
		used += length;
	self->output[used] = '\0';
	close(fds[0]);
	return hmm_wait_exit(pid);
}

/* Returns the JSON object of the mirrored process, up to its end. */
static char *json_object(hmmtop_data *self)
{
	char pid[32], *object;

	snprintf(pid, sizeof(pid), "\"pid\":%d,", self->owner);
	object = strstr(self->output, pid);
	if (object) {
		char *end = strstr(object, ",{\"id\":");

		if (end)
			*end = '\0';
	}
	return object;
}

static long long json_value(const char *object, const char *key)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof(text), "\"%s\":", key);
	at = strstr(object, text);
	return at ? strtoll(at + strlen(text), NULL, 10) : -1;
}

TEST_F(hmmtop, json_has_every_number_of_the_file)
{
	static const char *const keys[] = {
		"since_ns", "mirrors", "intervals", "invalidations", "hits",
		"callbacks", "refused", "collisions", "faults", "waits",
		"waiting", "waited_ns", "longest_wait_ns",
	};
	char *object;

	ASSERT_EQ(0, run(self, AS_IS, "--json", NULL));
	EXPECT_EQ(0, strncmp(self->output, "{\"format\":1,", 12));
	EXPECT_STREQ("]}\n", self->output + strlen(self->output) - 3);
	object = json_object(self);
	ASSERT_NE(NULL, object);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		EXPECT_EQ(hmm_counters_value(self->line, keys[i]),
			  json_value(object, keys[i]))
			TH_LOG("%s", keys[i]);
	}
	EXPECT_LE(7, json_value(object, "callbacks"));
	EXPECT_NE(NULL, strstr(object, "\"name\":\"a \\u0022name\\u005c\""));
	EXPECT_NE(NULL, strstr(object, "\"state\":\"running\""));
	EXPECT_EQ(NULL, strstr(object, "per_second"));
}

/* Nothing happens between the two samples, so only the totals are not 0. */
TEST_F(hmmtop, json_has_rates_with_a_delay)
{
	char *object, *rates;

	ASSERT_EQ(0, run(self, AS_IS, "--json", "-d0.3"));
	object = json_object(self);
	ASSERT_NE(NULL, object);
	rates = strstr(object, "\"per_second\":{");
	ASSERT_NE(NULL, rates);
	EXPECT_LE(7, json_value(object, "callbacks"));
	EXPECT_EQ(0, json_value(rates, "callbacks"));
	EXPECT_EQ(0, json_value(rates, "invalidations"));
	EXPECT_EQ(-1, json_value(rates, "mirrors"));
}

/* Returns the row of the process in a table, or NULL. */
static char *table_row(hmmtop_data *self)
{
	char pid[32], *row;

	snprintf(pid, sizeof(pid), "%7d ", self->owner);
	row = strstr(self->output, pid);
	if (row)
		row[strcspn(row, "\n")] = '\0';
	return row;
}

TEST_F(hmmtop, table_has_the_numbers_of_the_file)
{
	long long invalidations, callbacks, mirrors, intervals;
	char state, name[64], *row;
	int fields;

	ASSERT_EQ(0, run(self, AS_IS, "--once", NULL));
	row = table_row(self);
	ASSERT_NE(NULL, row);
	fields = sscanf(row, "%*d %c %lld %lld %lld %lld %*d %*d %*d %*d %*s %*d %63s",
			&state, &mirrors, &intervals, &invalidations,
			&callbacks, name);
	ASSERT_EQ(6, fields);
	EXPECT_EQ('R', state);
	EXPECT_EQ(1, mirrors);
	EXPECT_EQ(1, intervals);
	EXPECT_EQ(hmm_counters_value(self->line, "invalidations"),
		  invalidations);
	EXPECT_EQ(hmm_counters_value(self->line, "callbacks"), callbacks);
	EXPECT_STREQ("a_\"name\\", name);
}

TEST_F(hmmtop, table_shows_an_exited_process)
{
	char *row;

	hmm_complete(&self->end);
	ASSERT_EQ(0, hmm_wait_exit(self->owner));
	ASSERT_EQ(0, run(self, AS_IS, "--once", NULL));
	row = table_row(self);
	ASSERT_NE(NULL, row);
	EXPECT_EQ('X', row[8]);
	/* For the teardown. */
	self->owner = hmm_fork();
	if (!self->owner)
		_exit(0);
}

TEST_F(hmmtop, errors_name_the_cause)
{
	EXPECT_EQ(1, run(self, NOT_ROOT, "--once", NULL));
	EXPECT_NE(NULL, strstr(self->output, "as root"));
	EXPECT_EQ(1, run(self, NO_DEBUGFS, "--once", NULL));
	EXPECT_NE(NULL, strstr(self->output, "debugfs is not mounted"));
	EXPECT_EQ(1, run(self, NO_MODULE, "--once", NULL));
	EXPECT_NE(NULL, strstr(self->output, "hmm_mirror is not loaded"));
	EXPECT_EQ(1, run(self, AS_IS, "-d1", NULL));
	EXPECT_NE(NULL, strstr(self->output, "not a terminal"));
	EXPECT_EQ(1, run(self, AS_IS, "--once", "--file=/proc/cmdline"));
	EXPECT_NE(NULL, strstr(self->output, "unknown format"));
	EXPECT_EQ(2, run(self, AS_IS, "--once", "-d0"));
	EXPECT_EQ(2, run(self, AS_IS, "--no-such-option", NULL));
	EXPECT_EQ(2, run(self, AS_IS, "argument", NULL));
	EXPECT_EQ(0, run(self, AS_IS, "--help", NULL));
	EXPECT_NE(NULL, strstr(self->output, "--json"));
}

/* A pseudo-terminal on which hmmtop runs. */
struct terminal {
	int master;
	int slave;
	pid_t pid;
	struct termios before;
};

static int terminal_start(struct terminal *terminal)
{
	struct winsize size = { .ws_row = 10, .ws_col = 120 };
	char path[64];

	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	terminal->master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal->master < 0 || grantpt(terminal->master) ||
	    unlockpt(terminal->master) ||
	    ptsname_r(terminal->master, path, sizeof(path)))
		return -ENODEV;
	terminal->slave = open(path, O_RDWR | O_NOCTTY);
	if (terminal->slave < 0)
		return -ENODEV;
	ioctl(terminal->slave, TIOCSWINSZ, &size);
	tcgetattr(terminal->slave, &terminal->before);
	terminal->pid = hmm_fork();
	if (!terminal->pid) {
		setsid();
		ioctl(terminal->slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(terminal->slave, fd);
		setenv("TERM", "vt100", 1);
		execl(HMMTOP, "hmmtop", "-d1", NULL);
		_exit(101);
	}
	return terminal->pid < 0 ? -errno : 0;
}

/* Appends to the output until it contains the text. */
static bool terminal_shows(struct terminal *terminal, hmmtop_data *self,
			   const char *text)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	size_t used = 0;

	while (hmm_now_ms() < end) {
		struct pollfd fd = { .fd = terminal->master, .events = POLLIN };
		ssize_t length;

		if (poll(&fd, 1, 1000) <= 0)
			continue;
		length = read(terminal->master, self->output + used,
			      OUTPUT_SIZE - 1 - used);
		if (length <= 0)
			return false;
		used += length;
		self->output[used] = '\0';
		if (strstr(self->output, text))
			return true;
	}
	return false;
}

static bool terminal_is_restored(const struct terminal *terminal)
{
	struct termios now;

	return !tcgetattr(terminal->slave, &now) &&
	       now.c_lflag == terminal->before.c_lflag;
}

#define CURSOR_ON	"\033[?25h"

TEST_F(hmmtop, q_quits_and_restores_the_terminal)
{
	struct terminal terminal;

	if (terminal_start(&terminal))
		SKIP(return, "no pseudo-terminal");
	EXPECT_TRUE(terminal_shows(&terminal, self, "a_\"name\\"));
	/* The second update shows rates. */
	EXPECT_TRUE(terminal_shows(&terminal, self, "INV/s"));
	EXPECT_FALSE(terminal_is_restored(&terminal));
	ASSERT_EQ(1, write(terminal.master, "q", 1));
	EXPECT_TRUE(terminal_shows(&terminal, self, CURSOR_ON));
	EXPECT_EQ(0, hmm_wait_exit(terminal.pid));
	EXPECT_TRUE(terminal_is_restored(&terminal));
}

TEST_F(hmmtop, interrupt_restores_the_terminal)
{
	struct terminal terminal;

	if (terminal_start(&terminal))
		SKIP(return, "no pseudo-terminal");
	EXPECT_TRUE(terminal_shows(&terminal, self, "hmmtop - "));
	ASSERT_EQ(1, write(terminal.master, "\003", 1));
	EXPECT_TRUE(terminal_shows(&terminal, self, CURSOR_ON));
	EXPECT_EQ(-SIGINT, hmm_wait_exit(terminal.pid));
	EXPECT_TRUE(terminal_is_restored(&terminal));
}

/* Two rows have no room for the titles of the table. */
TEST_F(hmmtop, screen_follows_the_size_of_the_terminal)
{
	struct winsize size = { .ws_row = 2, .ws_col = 8 };
	struct terminal terminal;

	if (terminal_start(&terminal))
		SKIP(return, "no pseudo-terminal");
	EXPECT_TRUE(terminal_shows(&terminal, self, "INV/s"));
	ASSERT_EQ(0, ioctl(terminal.master, TIOCSWINSZ, &size));
	EXPECT_TRUE(terminal_shows(&terminal, self, "\033[Hhmmtop -\033[K"));
	ASSERT_EQ(1, write(terminal.master, "q", 1));
	EXPECT_TRUE(terminal_shows(&terminal, self, CURSOR_ON));
	EXPECT_EQ(NULL, strstr(self->output, "INV/s"));
	EXPECT_EQ(0, hmm_wait_exit(terminal.pid));
}

TEST_HARNESS_MAIN
