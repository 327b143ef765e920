// SPDX-License-Identifier: GPL-2.0
/*
 * hmmtop shows the processes that hmm_mirror mirrors, and what their devices do.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include <hmm/version.h>

#include "report.h"
#include "sample.h"
#include "screen.h"

#define DEBUGFS		"/sys/kernel/debug"
#define STATS		DEBUGFS "/hmm_mirror/stats"
#define MODULE		"/sys/module/hmm_mirror"

#define MIN_DELAY	0.1
#define MAX_DELAY	3600

/**
 * struct options - the command line
 * @path: the file to read
 * @delay: seconds between two samples
 * @has_delay: the user has set @delay
 * @once: print a table and exit
 * @json: print JSON and exit
 */
struct options {
	const char *path;
	double delay;
	bool has_delay;
	bool once;
	bool json;
};

static void usage(FILE *out)
{
	fputs("Usage: hmmtop [OPTION]...\n"
	      "Show the processes whose memory is mirrored by devices, and the activity of\n"
	      "hmm_mirror for each of them.\n"
	      "\n"
	      "  -d, --delay SECONDS  time between two updates, 0.1 to 3600; default 2\n"
	      "  -o, --once           print one table and exit: totals, or with -d increases\n"
	      "                       per second\n"
	      "  -j, --json           the same as JSON, on one line; totals and, with -d,\n"
	      "                       increases per second\n"
	      "  -f, --file FILE      read this copy of " STATS "\n"
	      "  -h, --help           print this help and exit\n"
	      "  -V, --version        print the version and exit\n"
	      "\n"
	      "Keys: q quits, a blank updates at once.\n"
	      "\n"
	      "Exit status: 0 on success, 1 if there is nothing to read, 2 for a wrong command\n"
	      "line. hmmtop(8) describes the columns.\n", out);
}

static bool is_debugfs_mounted(void)
{
	struct statfs fs;

	return !statfs(DEBUGFS, &fs) && fs.f_type == DEBUGFS_MAGIC;
}

/* Prints why the file cannot be read, and what the user can do. */
static void explain(const char *path, int error)
{
	bool is_default = !strcmp(path, STATS);

	if (error == -EPROTO)
		fprintf(stderr, "hmmtop: %s has an unknown format\n", path);
	else if (is_default && error == -EACCES && geteuid())
		fputs("hmmtop: only root can read " STATS ": run hmmtop as root\n",
		      stderr);
	else if (is_default && error == -ENOENT && access(MODULE, F_OK))
		fputs("hmmtop: the module hmm_mirror is not loaded: run \"modprobe hmm_mirror\"\n",
		      stderr);
	else if (is_default && error == -ENOENT && !is_debugfs_mounted())
		fputs("hmmtop: debugfs is not mounted: run \"mount -t debugfs none " DEBUGFS "\"\n",
		      stderr);
	else if (is_default && error == -ENOENT)
		fputs("hmmtop: " STATS " does not exist: the loaded hmm_mirror is too old\n",
		      stderr);
	else
		fprintf(stderr, "hmmtop: cannot read %s: %s\n", path,
			strerror(-error));
}

static double seconds_between(const struct sample *before,
			      const struct sample *now)
{
	return (now->now_ns - before->now_ns) / 1e9;
}

static void sleep_for(double seconds)
{
	struct timespec left = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Prints one report. Returns 0 or -errno. */
static int print_once(const struct options *options)
{
	struct sample before = {}, now;
	int ret;

	ret = sample_read(&now, options->path);
	if (!ret && options->has_delay) {
		before = now;
		sleep_for(options->delay);
		ret = sample_read(&now, options->path);
		if (!ret)
			now.seconds = seconds_between(&before, &now);
	}
	if (!ret) {
		const struct sample *old = options->has_delay ? &before : NULL;

		if (options->json)
			report_json(stdout, &now, old);
		else
			report_table(stdout, &now, old, false);
		sample_free(&now);
	}
	sample_free(&before);
	return ret;
}

static char *draw_sample(const struct sample *now, const struct sample *before)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	report_table(out, now, before, true);
	fclose(out);
	if (text)
		screen_draw(text, TABLE_TITLES);
	return text;
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Waits for the next update, and draws again after a change of the size. */
static enum screen_event wait_for_update(double delay, const char *text)
{
	double end = now_seconds() + delay;
	enum screen_event event;

	while ((event = screen_wait(end - now_seconds())) == SCREEN_RESIZED)
		if (text)
			screen_draw(text, TABLE_TITLES);
	return event;
}

/* Shows the processes until the user quits. Returns 0 or -errno. */
static int show(const struct options *options)
{
	struct sample before = {}, now;
	bool has_before = false;
	int ret;

	ret = sample_read(&now, options->path);
	if (ret)
		return ret;
	screen_open();
	for (;;) {
		enum screen_event event;
		char *text;

		if (has_before)
			now.seconds = seconds_between(&before, &now);
		text = draw_sample(&now, has_before ? &before : NULL);
		event = wait_for_update(options->delay, text);
		free(text);
		sample_free(&before);
		before = now;
		has_before = true;
		if (event == SCREEN_QUIT)
			break;
		ret = sample_read(&now, options->path);
		if (ret)
			break;
	}
	sample_free(&before);
	screen_die_of_signal();
	return ret;
}

/* Returns false for a value that is not a permitted number. */
static bool parse_delay(const char *text, double *delay)
{
	char *end;

	*delay = strtod(text, &end);
	return end != text && !*end && *delay >= MIN_DELAY &&
	       *delay <= MAX_DELAY;
}

/* Returns -1 to continue, or the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "once", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "file", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "d:ojf:hV", names, NULL)) != -1) {
		switch (option) {
		case 'd':
			options->has_delay = true;
			if (parse_delay(optarg, &options->delay))
				break;
			fprintf(stderr, "hmmtop: \"%s\" is not a delay of 0.1 to 3600 seconds\n",
				optarg);
			return 2;
		case 'o':
			options->once = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 'f':
			options->path = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("hmmtop " HMM_MIRROR_VERSION_STRING);
			return 0;
		default:
			fputs("Try \"hmmtop --help\".\n", stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "hmmtop: unexpected argument \"%s\"\nTry \"hmmtop --help\".\n",
		argv[optind]);
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = { .path = STATS, .delay = 2 };
	int ret = parse_options(argc, argv, &options);

	if (ret >= 0)
		return ret;
	if (options.once || options.json) {
		ret = print_once(&options);
	} else {
		const char *problem = screen_problem();

		if (problem) {
			fprintf(stderr, "hmmtop: %s: use --once or --json\n",
				problem);
			return 1;
		}
		ret = show(&options);
	}
	if (ret) {
		explain(options.path, ret);
		return 1;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fputs("hmmtop: cannot write to the standard output\n", stderr);
		return 1;
	}
	return 0;
}
