// SPDX-License-Identifier: GPL-2.0
/*
 * read DEVICE [COMMAND...]: the driver of the client reads the memory of this process,
 * which then runs the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char data[] = "read by a driver that DKMS has built";
	char copy[sizeof(data)] = "";
	int fd, status;

	if (argc < 2)
		return 2;
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		printf("%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	if (pread(fd, copy, sizeof(copy), (uintptr_t)data) != sizeof(copy) ||
	    memcmp(copy, data, sizeof(copy))) {
		printf("read \"%s\": %s\n", copy, strerror(errno));
		return 1;
	}
	if (argc > 2) {
		if (!fork()) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
		if (wait(&status) < 0 || status)
			return 1;
	}
	close(fd);
	return 0;
}
