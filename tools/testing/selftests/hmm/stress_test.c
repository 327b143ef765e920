// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices read and write a buffer while two threads of the process change
 * its mappings.
 *
 * A page contains one repeated stamp, or zeros after it was discarded. A stamp
 * includes the number of its page. During the test, only the devices write
 * stamps. They write whole pages with their update lock held, which blocks
 * invalidations. Therefore every page must contain one stamp of the right page,
 * or zeros. A lock for each chunk prevents the two devices from writing to a
 * page at the same time.
 */
#include <sys/uio.h>

#include "hmm_harness.h"

#define CHUNKS		16
#define CHUNK_PAGES	4
#define NPAGES		(CHUNKS * CHUNK_PAGES)
#define DURATION_MS	3000

static pthread_rwlock_t chunk_locks[CHUNKS];
static __u64 deadline;
static size_t page_size;
static char *mem;

struct worker {
	struct hmm_thread thread;
	__u64 random;
	char *buf;
	int fd;
	/*
	 * Counters for the log. They also show that the threads made progress.
	 */
	unsigned long commands, stamps, zeros, incomplete;
	/* The message of the first failure. */
	char failure[160];
};

static unsigned int pick(struct worker *w, unsigned int limit)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (w->random >> 20) % limit;
}

static __u64 stamp(struct worker *w, size_t index)
{
	return 0x5aULL << 56 | (__u64)index << 32 | (pick(w, 1U << 30) + 1);
}

static void put_stamp(char *page, __u64 value)
{
	for (size_t i = 0; i < page_size; i += sizeof(value))
		memcpy(page + i, &value, sizeof(value));
}

/* Returns whether the page contains one stamp of page index, or zeros. */
static bool page_is_whole(struct worker *w, const char *page, size_t index)
{
	__u64 first, value;

	memcpy(&first, page, sizeof(first));
	if (first)
		w->stamps++;
	else
		w->zeros++;
	if (first && first >> 32 != (0x5aULL << 24 | index)) {
		snprintf(w->failure, sizeof(w->failure), "page %zu has %#llx",
			 index, first);
		return false;
	}
	for (size_t i = 0; i < page_size; i += sizeof(value)) {
		memcpy(&value, page + i, sizeof(value));
		if (value != first) {
			snprintf(w->failure, sizeof(w->failure),
				 "page %zu: %#llx, but %#llx at %zu", index,
				 first, value, i);
			return false;
		}
	}
	return true;
}

static bool failed(struct worker *w, int ret, const char *what)
{
	if (!ret)
		return false;
	/* The other threads may have unmapped or write-protected the pages. */
	w->incomplete++;
	if (ret == -EFAULT || ret == -EPERM)
		return false;
	snprintf(w->failure, sizeof(w->failure), "%s: %s", what,
		 strerror(-ret));
	return true;
}

static int use_device(void *arg)
{
	struct worker *w = arg;
	struct hmm_dmirror_cmd cmd;
	size_t chunk, first, n;
	bool write, bad;

	while (!w->failure[0] && hmm_now_ms() < deadline) {
		chunk = pick(w, CHUNKS);
		first = chunk * CHUNK_PAGES + pick(w, CHUNK_PAGES);
		n = 1 + pick(w, (chunk + 1) * CHUNK_PAGES - first);
		write = pick(w, 2);
		w->commands++;
		if (write) {
			for (size_t i = 0; i < n; i++)
				put_stamp(w->buf + i * page_size,
					  stamp(w, first + i));
			pthread_rwlock_wrlock(&chunk_locks[chunk]);
			bad = failed(w, hmm_write(w->fd,
						  mem + first * page_size,
						  w->buf, n, &cmd), "WRITE");
		} else {
			memset(w->buf, 0xee, n * page_size);
			pthread_rwlock_rdlock(&chunk_locks[chunk]);
			bad = failed(w, hmm_read(w->fd, mem + first * page_size,
						 w->buf, n, &cmd), "READ");
		}
		pthread_rwlock_unlock(&chunk_locks[chunk]);
		if (bad)
			break;
		if (cmd.cpages > n)
			snprintf(w->failure, sizeof(w->failure),
				 "%llu pages of %zu", cmd.cpages, n);
		for (size_t i = 0; !write && i < cmd.cpages && i < n; i++)
			if (!page_is_whole(w, w->buf + i * page_size,
					   first + i))
				break;
	}
	return 0;
}

/*
 * The child gets a consistent copy of each page, so its pages are whole, too.
 */
static int check_child(struct worker *w)
{
	struct iovec to = { w->buf, page_size }, from = { mem, page_size };
	pid_t pid = hmm_fork();

	if (pid)
		return pid < 0 ? -errno : hmm_wait_exit(pid);
	for (size_t i = 0; i < NPAGES; i++) {
		from.iov_base = mem + i * page_size;
		/* process_vm_readv() fails for a hole. */
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
		    (ssize_t)page_size && !page_is_whole(w, w->buf, i))
			_exit(1);
	}
	_exit(0);
}

static int change_mappings(void *arg)
{
	struct worker *w = arg;
	size_t first, size;
	int ret;
	char *at;

	while (!w->failure[0] && hmm_now_ms() < deadline) {
		first = pick(w, NPAGES);
		size = (1 + pick(w, NPAGES - first)) * page_size;
		at = mem + first * page_size;
		w->commands++;
		ret = 0;
		switch (pick(w, 16)) {
		case 0:
			ret = check_child(w);
			break;
		case 1 ... 4:
			/*
			 * mprotect() fails if the other thread has unmapped a
			 * part.
			 */
			mprotect(at, size, PROT_READ);
			mprotect(at, size, PROT_READ | PROT_WRITE);
			break;
		case 5 ... 8:
			size = page_size;
			if (munmap(at, size))
				ret = -errno;
			__attribute__((fallthrough));
		case 9 ... 10:
			size = page_size;
			if (mmap(at, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				 0) == MAP_FAILED)
				ret = -errno;
			break;
		default:
			madvise(at, page_size, MADV_DONTNEED);
		}
		if (ret)
			snprintf(w->failure, sizeof(w->failure), "returned %d",
				 ret);
	}
	return 0;
}

TEST(devices_see_no_torn_pages)
{
	static int (*const jobs[])(void *) = {
		use_device, use_device, change_mappings, change_mappings,
	};
	static struct worker workers[ARRAY_SIZE(jobs)];
	const char *given = getenv("HMM_SEED");
	struct hmm_dmirror_stats stats;
	unsigned long seed;

	seed = given ? strtoul(given, NULL, 0) : (unsigned long)hmm_now_ms();
	TH_LOG("HMM_SEED=%lu", seed);
	page_size = hmm_page_size();
	mem = hmm_map(NPAGES);
	ASSERT_NE(NULL, mem);
	for (int i = 0; i < CHUNKS; i++)
		pthread_rwlock_init(&chunk_locks[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct worker *w = &workers[i];

		w->random = (seed + i + 1) * 0x9e3779b97f4a7c15ULL;
		w->buf = hmm_map(CHUNK_PAGES);
		ASSERT_NE(NULL, w->buf);
		w->fd = -1;
		if (jobs[i] == use_device)
			HMM_OPEN_OR_SKIP(w->fd, i);
		ASSERT_EQ(0, hmm_thread_create(&w->thread, jobs[i], w));
	}
	for (size_t i = 0; i < NPAGES; i++)
		put_stamp(mem + i * page_size, stamp(&workers[0], i));

	deadline = hmm_now_ms() + DURATION_MS;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		hmm_thread_start(&workers[i].thread);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct worker *w = &workers[i];

		EXPECT_EQ(0, hmm_thread_join(&w->thread));
		EXPECT_STREQ("", w->failure);
		EXPECT_LT(0, w->commands);
		if (w->fd < 0) {
			TH_LOG("process: %lu changes", w->commands);
			continue;
		}
		EXPECT_LT(0, w->stamps);
		EXPECT_EQ(0, hmm_mismatches(w->fd, mem, NPAGES));
		ASSERT_EQ(0, hmm_stats(w->fd, &stats));
		EXPECT_LT(0, stats.invalidations);
		TH_LOG("device: %lu commands, %lu of them incomplete",
		       w->commands, w->incomplete);
		TH_LOG("  pages read: %lu with a stamp, %lu zero", w->stamps,
		       w->zeros);
		TH_LOG("  %llu invalidations, %llu collisions",
		       stats.invalidations, stats.collisions);
	}
}

TEST_HARNESS_MAIN
