// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "hmm_lib.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Threads here do little, and hmm_prefault() has to touch all of it. */
#define HMM_STACK_SIZE	(64 << 10)

#define HMM_COUNTS "/sys/kernel/debug/hmm_mirror/counts"

int hmm_open(int unit)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/hmm_dmirror%d", unit);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int hmm_cmd(int fd, unsigned long request, const void *addr, const void *ptr,
	    size_t npages, struct hmm_dmirror_cmd *out)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)ptr,
		.npages = npages,
		/* The device must set these itself. */
		.cpages = ~0ULL,
		.faults = ~0ULL,
	};
	int ret = ioctl(fd, request, &cmd) ? -errno : 0;

	if (out)
		*out = cmd;
	return ret;
}

int hmm_read(int fd, const void *addr, void *ptr, size_t npages,
	     struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_READ, addr, ptr, npages, out);
}

int hmm_write(int fd, const void *addr, const void *ptr, size_t npages,
	      struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_WRITE, addr, ptr, npages, out);
}

int hmm_snapshot(int fd, const void *addr, __u8 *prot, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	/* A value that the device never writes. */
	memset(prot, 0xaa, npages);
	ret = hmm_cmd(fd, HMM_DMIRROR_SNAPSHOT, addr, prot, npages, &cmd);
	if (!ret && cmd.cpages != npages)
		return -EIO;
	return ret;
}

int hmm_stats(int fd, struct hmm_dmirror_stats *stats)
{
	memset(stats, 0xff, sizeof(*stats));
	return ioctl(fd, HMM_DMIRROR_STATS, stats) ? -errno : 0;
}

long hmm_entries(int fd, const void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	ret = hmm_cmd(fd, HMM_DMIRROR_CHECK, addr, NULL, npages, &cmd);
	return ret ? ret : (long)cmd.cpages;
}

long hmm_mismatches(int fd, const void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	ret = hmm_cmd(fd, HMM_DMIRROR_CHECK, addr, NULL, npages, &cmd);
	return ret ? ret : (long)cmd.faults;
}

static int hmm_point(int fd, unsigned long request, unsigned int point,
		     unsigned int timeout_ms)
{
	struct hmm_dmirror_point arg = {
		.point = point,
		.timeout_ms = timeout_ms,
	};

	return ioctl(fd, request, &arg) ? -errno : 0;
}

int hmm_stop_at(int fd, unsigned int point)
{
	return hmm_point(fd, HMM_DMIRROR_STOP_AT, point, 0);
}

int hmm_wait_at(int fd, unsigned int point, unsigned int timeout_ms)
{
	return hmm_point(fd, HMM_DMIRROR_WAIT_AT, point, timeout_ms);
}

int hmm_resume(int fd, unsigned int point)
{
	return hmm_point(fd, HMM_DMIRROR_GO_ON, point, 0);
}

size_t hmm_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static void *hmm_map_guarded(size_t size, size_t align, int flags)
{
	size_t page = hmm_page_size();
	uintptr_t base;
	void *mem;

	mem = mmap(NULL, size + align + page, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	base = ((uintptr_t)mem + page + align - 1) & ~(align - 1);
	mem = mmap((void *)base, size, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_ANONYMOUS | flags, -1, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

void *hmm_map(size_t npages)
{
	size_t page = hmm_page_size();
	void *mem = hmm_map_guarded(npages * page, page, MAP_PRIVATE);

	/* A kernel without huge pages refuses, and there is nothing to do. */
	if (mem)
		madvise(mem, npages * page, MADV_NOHUGEPAGE);
	return mem;
}

void *hmm_map_shared(size_t npages)
{
	size_t page = hmm_page_size();
	void *mem = hmm_map_guarded(npages * page, page, MAP_SHARED);

	if (mem)
		madvise(mem, npages * page, MADV_NOHUGEPAGE);
	return mem;
}

size_t hmm_huge_size(void)
{
	const char *path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
	size_t size = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		return 0;
	if (fscanf(file, "%zu", &size) != 1)
		size = 0;
	fclose(file);
	return size;
}

/* What smaps says of the mapping that begins at or before addr. */
bool hmm_is_huge(const void *addr)
{
	unsigned long start, end, kb;
	bool ours = false, huge = false;
	char line[256];
	FILE *file = fopen("/proc/self/smaps", "r");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			ours = (uintptr_t)addr >= start &&
			       (uintptr_t)addr < end;
		else if (ours && sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			huge = kb > 0;
	}
	fclose(file);
	return huge;
}

void *hmm_map_huge(size_t *size, const char **why)
{
	void *mem;

	*size = hmm_huge_size();
	if (!*size) {
		*why = "this kernel has no transparent huge pages";
		return NULL;
	}
	mem = hmm_map_guarded(*size, *size, MAP_PRIVATE);
	if (!mem || madvise(mem, *size, MADV_HUGEPAGE)) {
		*why = "madvise(MADV_HUGEPAGE) is refused";
		return NULL;
	}
	memset(mem, 0, *size);
	if (!hmm_is_huge(mem))
		madvise(mem, *size, MADV_COLLAPSE);
	if (!hmm_is_huge(mem)) {
		*why = "no huge page is to be had, not by MADV_COLLAPSE either";
		return NULL;
	}
	return mem;
}

__u64 hmm_pfn(const void *addr)
{
	__u64 entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t offset = (uintptr_t)addr / hmm_page_size() * sizeof(entry);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), offset) != sizeof(entry))
		entry = 0;
	close(fd);
	/* Bit 63: present. Bits 0 to 54: the frame. */
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

static __u64 hmm_word(unsigned int seed, size_t index)
{
	__u64 word = ((__u64)seed << 40) + index + 1;

	word *= 0x9e3779b97f4a7c15ULL;
	word ^= word >> 29;
	word *= 0xbf58476d1ce4e5b9ULL;
	return word ^ word >> 32;
}

void hmm_fill(void *mem, size_t npages, unsigned int seed, size_t first)
{
	size_t words = hmm_page_size() / sizeof(__u64);
	char *to = mem;
	__u64 word;

	for (size_t i = 0; i < npages * words; i++) {
		word = hmm_word(seed, first * words + i);
		/* mem need not be aligned. */
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
}

static bool hmm_is_word(const void *mem, size_t index, __u64 want)
{
	size_t offset = index * sizeof(want);
	__u64 seen;

	memcpy(&seen, (const char *)mem + offset, sizeof(seen));
	if (seen == want)
		return true;
	printf("# offset %#zx: %#018llx, expected %#018llx\n", offset, seen,
	       want);
	return false;
}

bool hmm_is_filled(const void *mem, size_t npages, unsigned int seed,
		   size_t first)
{
	size_t words = hmm_page_size() / sizeof(__u64);

	for (size_t i = 0; i < npages * words; i++)
		if (!hmm_is_word(mem, i, hmm_word(seed, first * words + i)))
			return false;
	return true;
}

bool hmm_is_filled_with(const void *mem, size_t npages, __u8 byte)
{
	const __u64 want = byte * 0x0101010101010101ULL;
	size_t words = npages * hmm_page_size() / sizeof(want);

	for (size_t i = 0; i < words; i++)
		if (!hmm_is_word(mem, i, want))
			return false;
	return true;
}

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
	/* Until it has started, it maps and touches memory of its own. */
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
	/* The next to ask is told the same. */
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

	/* The stack is mapped only as far down as it has been used. */
	memset(stack, 0, sizeof(stack));
	__asm__ volatile("" : : "r" (stack) : "memory");
	/* Locking writes to all that is writable; only that is wanted. */
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

pid_t hmm_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

pid_t hmm_fork_sharing_files(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

int hmm_wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1000 - errno;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int hmm_completion_init(struct hmm_completion *gate)
{
	return pipe(gate->fds) ? -errno : 0;
}

int hmm_complete(struct hmm_completion *gate)
{
	return write(gate->fds[1], "", 1) == 1 ? 0 : -errno;
}

int hmm_wait_for_completion(struct hmm_completion *gate)
{
	char byte;

	return read(gate->fds[0], &byte, 1) == 1 ? 0 : -EPIPE;
}

__u64 hmm_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
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

long hmm_debugfs_wait_count(const char *name, long limit)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	long value = hmm_debugfs_count(name);

	/* Freeing waits for readers that we cannot see, so only time tells. */
	while (value > limit && hmm_now_ms() < end) {
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
		/* One record at a time. EPIPE: some have been overwritten. */
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

int hmm_drop_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	data[capability / 32].inheritable &= ~(1U << capability % 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
