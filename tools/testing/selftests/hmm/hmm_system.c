// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "hmm_system.h"

#define HMM_COUNTS "/sys/kernel/debug/hmm_mirror/counts"

__u64 hmm_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

bool hmm_kernel_at_least(int major, int minor)
{
	int running_major = 0, running_minor = 0;
	struct utsname name;

	if (uname(&name) ||
	    sscanf(name.release, "%d.%d", &running_major, &running_minor) != 2)
		return false;
	return running_major > major ||
	       (running_major == major && running_minor >= minor);
}

int hmm_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long hmm_read_long(const char *path)
{
	long value = -EINVAL;
	FILE *file = fopen(path, "r");

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &value) != 1)
		value = -EINVAL;
	fclose(file);
	return value;
}

long hmm_debugfs_count(const char *name)
{
	char line[128], word[64];
	long value, found = -1;
	FILE *file = fopen(HMM_COUNTS, "r");

	if (!file)
		return -1;
	while (found < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", word, &value) == 2 &&
		    !strcmp(word, name))
			found = value;
	fclose(file);
	return found;
}

long hmm_debugfs_wait_count(const char *name, long max)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	long value = hmm_debugfs_count(name);

	/*
	 * Contexts are freed after a grace period, and nothing signals its end.
	 */
	while (value > max && hmm_now_ms() < end) {
		usleep(10000);
		value = hmm_debugfs_count(name);
	}
	return value;
}

int hmm_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

int hmm_kmsg_wait(int fd, const char *text, unsigned int timeout_ms)
{
	__u64 end = hmm_now_ms() + timeout_ms;
	char line[1024];
	ssize_t length;

	for (;;) {
		/*
		 * A read returns one record. EPIPE means that records were
		 * overwritten.
		 */
		length = read(fd, line, sizeof(line) - 1);
		if (length >= 0) {
			line[length] = '\0';
			if (strstr(line, text))
				return 0;
		} else if (errno == EAGAIN) {
			if (hmm_now_ms() > end)
				return -ETIMEDOUT;
			usleep(10000);
		} else if (errno != EPIPE && errno != EINTR) {
			return -errno;
		}
	}
}
