// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hmm_device.h"
#include "hmm_memory.h"
#include "hmm_system.h"
#include "hmm_thread.h"

/* Threads need little stack, and hmm_prefault() touches all of it. */
#define HMM_STACK_SIZE	(64 << 10)

static void *hmm_thread_main(void *arg)
{
	struct hmm_thread *thread = arg;

	thread->tid = syscall(SYS_gettid);
	sem_post(&thread->done);
	while (sem_wait(&thread->go))
		;
	__atomic_store_n(&thread->entered, 1, __ATOMIC_RELEASE);
	thread->result = thread->fn(thread->arg);
	sem_post(&thread->done);
	return NULL;
}

int hmm_thread_create(struct hmm_thread *thread, int (*fn)(void *arg),
		      void *arg)
{
	pthread_attr_t attr;
	int ret;

	memset(thread, 0, sizeof(*thread));
	thread->fn = fn;
	thread->arg = arg;
	sem_init(&thread->go, 0, 0);
	sem_init(&thread->done, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HMM_STACK_SIZE);
	ret = pthread_create(&thread->thread, &attr, hmm_thread_main, thread);
	pthread_attr_destroy(&attr);
	if (ret)
		return -ret;
	/* Wait, because a thread maps and touches memory while it starts. */
	while (sem_wait(&thread->done))
		;
	return 0;
}

void hmm_thread_start(struct hmm_thread *thread)
{
	sem_post(&thread->go);
}

int hmm_thread_wait_blocked(struct hmm_thread *thread)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	char path[64], stat[256], *state;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread->tid);
	while (hmm_now_ms() < end) {
		sched_yield();
		if (!__atomic_load_n(&thread->entered, __ATOMIC_ACQUIRE))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		length = read(fd, stat, sizeof(stat) - 1);
		close(fd);
		if (length <= 0)
			return -EIO;
		stat[length] = '\0';
		state = strrchr(stat, ')');
		if (state && (state[2] == 'S' || state[2] == 'D'))
			return 0;
	}
	return -ETIMEDOUT;
}

int hmm_thread_wait_done(struct hmm_thread *thread, unsigned int timeout_ms)
{
	struct timespec end;
	__u64 ns;

	clock_gettime(CLOCK_REALTIME, &end);
	ns = end.tv_nsec + timeout_ms % 1000 * 1000000ULL;
	end.tv_sec += timeout_ms / 1000 + ns / 1000000000;
	end.tv_nsec = ns % 1000000000;
	while (sem_timedwait(&thread->done, &end))
		if (errno != EINTR)
			return -errno;
	/* Let a second call return at once, too. */
	sem_post(&thread->done);
	return 0;
}

int hmm_thread_join(struct hmm_thread *thread)
{
	pthread_join(thread->thread, NULL);
	sem_destroy(&thread->go);
	sem_destroy(&thread->done);
	return thread->result;
}

int hmm_prefault(void)
{
	char stack[HMM_STACK_SIZE];

	/* Until now, only the part of the stack in use is mapped. */
	memset(stack, 0, sizeof(stack));
	__asm__ volatile("" : : "r" (stack) : "memory");
	/* mlockall() write-faults every writable private page. */
	if (mlockall(MCL_CURRENT) || munlockall())
		return -errno;
	return 0;
}

int hmm_access_run(void *arg)
{
	struct hmm_access *access = arg;

	return hmm_cmd(access->fd, access->request, access->addr, access->ptr,
		       access->npages, &access->cmd);
}

int hmm_madvise_run(void *arg)
{
	struct hmm_madvise *advice = arg;

	return madvise(advice->addr, advice->length, advice->advice) ?
	       -errno : 0;
}

void hmm_access_init(struct hmm_access *access, int fd,
		     unsigned long request, void *addr, void *ptr,
				   size_t npages)
{
	*access = (struct hmm_access) {
		.fd = fd,
		.request = request,
		.addr = addr,
		.ptr = ptr,
		.npages = npages,
	};
}

int hmm_take_mmap_lock_run(void *unused)
{
	size_t page = hmm_page_size();
	void *mem = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	(void)unused;
	if (mem == MAP_FAILED)
		return -errno;
	return munmap(mem, page) ? -errno : 0;
}
