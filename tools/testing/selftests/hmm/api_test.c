// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the cases of hmm_api_test.ko, each in a separate process, and prints
 * the results. The module lists the cases and their requirements.
 *
 *	api_test [pattern...]
 *
 * Lockdep turns itself off after its first report. Therefore a case that
 * provokes a report runs only if a pattern matches its name, or if there is no
 * pattern and hmm.wrong=<case> on the kernel command line names it. In the
 * latter case, no other case runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../modules/hmm_api_test.h"
#include "hmm_lib.h"

/* Every wait in a case has its own timeout. This limit detects a hang. */
#define CASE_TIMEOUT_MS	(HMM_TEST_TIMEOUT_S * 1000)
/* A killed process that has not exited after this time hangs in the kernel. */
#define KILL_TIMEOUT_MS	HMM_TIMEOUT_MS

struct outcome {
	int result;
	char why[256];
};

static struct outcome *outcome;
/* A process could not be killed, so no more cases are run. */
static bool stuck;

static void conclude(int result, const char *why, int error)
{
	outcome->result = result;
	if (error)
		snprintf(outcome->why, sizeof(outcome->why), "%s: %s", why,
			 strerror(error));
	else
		snprintf(outcome->why, sizeof(outcome->why), "%s", why);
}

/* This function does not use stdio, because /dev/kmsg cannot seek. */
static void announce(const char *what, const char *word)
{
	char line[256];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int length;

	length = snprintf(line, sizeof(line), "%s%s\n", what, word);
	if (fd < 0 || write(fd, line, length) != length)
		fprintf(stderr, "# /dev/kmsg: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void *map_arena(void)
{
	const size_t align = HMM_API_ARENA_SIZE / 2;
	uintptr_t start;
	void *memory;

	memory = mmap(NULL, HMM_API_ARENA_SIZE + align, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	start = ((uintptr_t)memory + align - 1) & ~(align - 1);
	memory = mmap((void *)start, HMM_API_ARENA_SIZE,
		      PROT_READ | PROT_WRITE,
		      MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* Use small pages, unless a case requests huge pages. */
	madvise(memory, HMM_API_ARENA_SIZE, MADV_NOHUGEPAGE);
	if (mprotect((char *)memory + align - HMM_API_PAGE_SIZE,
		     HMM_API_PAGE_SIZE, PROT_NONE))
		return NULL;
	return memory;
}

/* The helper thread makes the system calls that the case requests. */
static void *helper(void *arg)
{
	struct hmm_api_syscall call = {};
	int fd = *(int *)arg;

	while (!ioctl(fd, HMM_API_SYSCALL, &call)) {
		long ret = syscall(call.nr, call.arg[0], call.arg[1],
				   call.arg[2]);

		call.result = ret < 0 ? -errno : ret;
	}
	return NULL;
}

/* Forks the child process. The case can use its mm and can kill it. */
static pid_t fork_child(int fd, bool blocked)
{
	struct hmm_completion gate;
	pid_t pid;

	if (hmm_completion_init(&gate))
		return -1;
	pid = hmm_fork();
	if (pid == 0) {
		if (ioctl(fd, HMM_API_SET_CHILD))
			_exit(1);
		hmm_complete(&gate);
		if (blocked)
			ioctl(fd, HMM_API_BLOCK_CHILD);
		for (;;)
			pause();
	}
	close(gate.fds[1]);
	if (pid > 0 && hmm_wait_for_completion(&gate)) {
		kill(pid, SIGKILL);
		hmm_wait_exit(pid);
		pid = -1;
	}
	return pid;
}

/* Runs in the process of the case. */
static void run_case(const struct hmm_api_case *info)
{
	struct hmm_api_run run = { .index = info->index };
	pthread_t thread;
	pid_t child = 0;
	int fd;

	fd = open(HMM_API_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return conclude(-1, HMM_API_DEVICE, errno);
	run.arena = (uintptr_t)map_arena();
	if (!run.arena)
		return conclude(-1, "mmap of the arena", errno);
	if (info->flags & HMM_API_CHILD) {
		child = fork_child(fd, info->flags & HMM_API_UNKILLABLE);
		if (child < 0)
			return conclude(-1, "fork of the child", errno);
	}
	if (info->flags & HMM_API_HELPER &&
	    pthread_create(&thread, NULL, helper, &fd))
		return conclude(-1, "helper thread", errno);

	if (ioctl(fd, HMM_API_RUN, &run))
		conclude(-1, errno == EBUSY ?
			 "a thread of an earlier case is still running" :
			 "HMM_API_RUN", errno);
	else
		conclude(run.result, run.why, 0);
	if (child) {
		kill(child, SIGKILL);
		hmm_wait_exit(child);
	}
}

/* After the process of a case has exited, no object of the core may remain. */
static void check_counts(bool deferred)
{
	static const char * const names[] = {
		"contexts", "mirrors", "intervals", "pinned_mms", NULL
	};
	char why[64];

	for (int i = 0; names[i]; i++) {
		long count = deferred ? hmm_debugfs_wait_count(names[i], 0) :
					hmm_debugfs_count(names[i]);

		if (count > 0 && outcome->result >= 0) {
			snprintf(why, sizeof(why), "%ld %s left", count,
				 names[i]);
			conclude(-1, why, 0);
		}
	}
}

/* Returns whether the process exits in time. Stores its exit status. */
static bool ends(pid_t pid, int *status, unsigned int timeout_ms)
{
	__u64 end = hmm_now_ms() + timeout_ms;

	while (!waitpid(pid, status, WNOHANG)) {
		if (hmm_now_ms() > end)
			return false;
		usleep(5000);
	}
	return true;
}

static void fork_case(const struct hmm_api_case *info)
{
	int status;
	pid_t pid;

	conclude(-1, "the case's process ended early", 0);
	pid = hmm_fork();
	if (pid < 0)
		return conclude(-1, "fork", errno);
	if (!pid) {
		run_case(info);
		_exit(0);
	}
	if (!ends(pid, &status, CASE_TIMEOUT_MS)) {
		kill(pid, SIGKILL);
		stuck = !ends(pid, &status, KILL_TIMEOUT_MS);
		conclude(-1, stuck ? "the case hangs in the kernel" :
			 "the case did not end", 0);
	} else if (status) {
		conclude(-1, "the case's process ended early", 0);
	}
	check_counts(info->flags & HMM_API_DEFERRED);
}

static void print_result(unsigned int number, const struct hmm_api_case *info)
{
	if (outcome->result < 0)
		printf("# %s\nnot ok %u - %s\n", outcome->why, number,
		       info->name);
	else if (outcome->result > 0)
		printf("ok %u - %s # SKIP %s\n", number, info->name,
		       outcome->why);
	else
		printf("ok %u - %s\n", number, info->name);
	fflush(stdout);
}

/* Announces the expected report to the check of the kernel log. */
static void run_announced(const struct hmm_api_case *info)
{
	/* WARN_ONCE() must be able to warn again. */
	int fd = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			conclude(-1, "clear_warn_once", errno);
		close(fd);
	}
	announce("hmm-expect-begin: ", info->expect);
	fork_case(info);
	announce("hmm-expect-end", "");
}

static bool have_lockdep(void)
{
	return !access("/proc/lockdep", F_OK);
}

static void run(unsigned int number, const struct hmm_api_case *info)
{
	if (info->flags & HMM_API_LOCKDEP && !have_lockdep())
		conclude(1, "this kernel has no lockdep", 0);
	else if (info->expect[0])
		run_announced(info);
	else
		fork_case(info);
	print_result(number, info);
}

static const char *wrong_case(void)
{
	static char line[4096];
	FILE *file = fopen("/proc/cmdline", "r");
	char *word;

	if (!file || !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	for (word = strtok(line, "\n "); word; word = strtok(NULL, "\n "))
		if (!strncmp(word, "hmm.wrong=", 10))
			return word + 10;
	return NULL;
}

static bool wanted(const struct hmm_api_case *info, const char *wrong,
		   int argc, char **argv)
{
	if (wrong)
		return !strcmp(info->name, wrong);
	for (int i = 1; i < argc; i++)
		if (!fnmatch(argv[i], info->name, 0))
			return true;
	return argc < 2 && !(info->flags & HMM_API_LOCKDEP);
}

int main(int argc, char **argv)
{
	const char *wrong = argc < 2 ? wrong_case() : NULL;
	unsigned int total = 0, number = 0, failed = 0;
	struct hmm_api_case info;
	int fd;

	printf("TAP version 13\n");
	fd = open(HMM_API_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		printf("1..0 # SKIP no %s: is hmm_api_test.ko loaded?\n",
		       HMM_API_DEVICE);
		return 4;
	}
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || outcome == MAP_FAILED) {
		perror(HMM_API_DEVICE);
		return 1;
	}

	memset(&info, 0, sizeof(info));
	for (; !ioctl(fd, HMM_API_CASE, &info); info.index++)
		total += wanted(&info, wrong, argc, argv);
	if (!total) {
		printf("Bail out! no such case\n");
		return 1;
	}
	printf("1..%u\n", total);
	fflush(stdout);
	memset(&info, 0, sizeof(info));
	for (; !ioctl(fd, HMM_API_CASE, &info); info.index++) {
		if (!wanted(&info, wrong, argc, argv))
			continue;
		run(++number, &info);
		failed += outcome->result < 0;
		if (stuck) {
			printf("Bail out! %s hangs\n", info.name);
			return 1;
		}
	}
	return failed ? 1 : 0;
}
