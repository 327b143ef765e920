// SPDX-License-Identifier: GPL-2.0
/*
 * samples/template, the driver that authors copy. It is built outside of the
 * tree, against the installed headers.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "hmm_process.h"

#define PAGES	4

FIXTURE(template)
{
	size_t page;
	char *mem, *buf;
	int fd;
};

#define template_data FIXTURE_DATA(template)

FIXTURE_SETUP(template)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->fd = open("/dev/hmm_template", O_RDWR);
	ASSERT_LE(0, self->fd);
	self->mem = mmap(NULL, PAGES * self->page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	/* The pages differ, and no page is constant. */
	for (size_t i = 0; i < PAGES * self->page; i++)
		self->mem[i] = i % 251;
	self->buf = malloc(PAGES * self->page);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(template)
{
	free(self->buf);
	close(self->fd);
}

/* Makes the device read from the address @from of the process. */
static ssize_t device_read(template_data *self, const char *from, size_t size)
{
	ssize_t ret;

	memset(self->buf, 0, PAGES * self->page);
	ret = pread(self->fd, self->buf, size, (off_t)(uintptr_t)from);
	return ret < 0 ? -errno : ret;
}

/* The read covers more than one page, and neither end is aligned. */
TEST_F(template, reads_across_pages)
{
	size_t size = 2 * self->page;

	ASSERT_EQ((ssize_t)size, device_read(self, self->mem + 100, size));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + 100, size));
}

TEST_F(template, invalidated_pages_are_read_again)
{
	ssize_t size = PAGES * self->page;

	ASSERT_EQ(size, device_read(self, self->mem, size));
	ASSERT_EQ(0, madvise(self->mem + self->page, self->page,
			     MADV_DONTNEED));
	ASSERT_EQ(size, device_read(self, self->mem, size));
	EXPECT_EQ(0, memcmp(self->buf, self->mem, size));
	EXPECT_EQ(0, self->buf[self->page]);
}

/* The read ends at the hole, like a read at the end of a file. */
TEST_F(template, unmapped_pages_are_not_read)
{
	ssize_t size = PAGES * self->page;

	ASSERT_EQ(size, device_read(self, self->mem, size));
	ASSERT_EQ(0, munmap(self->mem + self->page, self->page));
	EXPECT_EQ((ssize_t)self->page, device_read(self, self->mem, size));
	EXPECT_EQ(-EFAULT, device_read(self, self->mem + self->page, 1));
}

TEST_F(template, another_process_reads_nothing)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(device_read(self, self->mem, 1) != -EPERM);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

TEST_HARNESS_MAIN
