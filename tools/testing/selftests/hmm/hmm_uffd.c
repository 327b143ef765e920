// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "hmm_system.h"
#include "hmm_uffd.h"

int hmm_uffd_open(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), ret;

	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		ret = -errno;
		close(uffd);
		return ret;
	}
	return uffd;
}

int hmm_uffd_register(int uffd, void *addr, size_t size, __u64 mode)
{
	struct uffdio_register arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = mode,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &arg) ? -errno : 0;
}

int hmm_uffd_wait(int uffd, void **addr, __u64 *flags)
{
	struct pollfd poller = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;
	int ret = poll(&poller, 1, HMM_TIMEOUT_MS);

	if (ret <= 0)
		return ret ? -errno : -ETIMEDOUT;
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -errno;
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return -EPROTO;
	if (addr)
		*addr = (void *)(uintptr_t)msg.arg.pagefault.address;
	if (flags)
		*flags = msg.arg.pagefault.flags;
	return 0;
}

int hmm_uffd_copy(int uffd, void *to, const void *from, size_t size)
{
	struct uffdio_copy arg = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
	};

	return ioctl(uffd, UFFDIO_COPY, &arg) ? -errno : 0;
}

int hmm_uffd_protect(int uffd, void *addr, size_t size, bool protect)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &arg) ? -errno : 0;
}

int hmm_uffd_continue(int uffd, void *addr, size_t size)
{
	struct uffdio_continue arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
	};

	return ioctl(uffd, UFFDIO_CONTINUE, &arg) ? -errno : 0;
}
