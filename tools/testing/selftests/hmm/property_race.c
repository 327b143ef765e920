// SPDX-License-Identifier: GPL-2.0
/*
 * The concurrent phase. One process has a wide piece of memory. Two threads of
 * it change that memory, a third one wants the mmap lock for writing again and
 * again, and a fourth one makes calls of the API, as another process does.
 *
 * What is checked holds whatever the order: a page is tagged with its address
 * or contains zeros, so a page with another tag was taken back; each entry that
 * a reader comes to was written; calls return only errors that fit.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_lib.h"
#include "property_race.h"

/* Memory and interval of the thread that contends for the mmap lock. */
#define CONTEND_BASE	(PROPERTY_BASE + (1UL << 32))
#define CONTEND_INTERVAL (HMM_PROPERTY_INTERVALS - 1)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

void race_fail(struct race *race, const char *format, ...)
{
	va_list args;

	if (!atomic_exchange(&race->failed, true)) {
		va_start(args, format);
		vsnprintf(race->failure, sizeof(race->failure), format, args);
		va_end(args);
	}
	atomic_store(&race->stop, true);
}

static void racer_init(struct racer *racer, struct race *race, unsigned int nr,
		       unsigned int stream)
{
	memset(racer, 0, sizeof(*racer));
	racer->race = race;
	racer->nr = nr;
	hmm_random_init(&racer->random, race->seed * 8 + stream);
}

static char *wide_addr(unsigned int page)
{
	return (char *)PROPERTY_BASE + page * PROPERTY_PAGE;
}

static void tag(unsigned int page)
{
	__u64 *word = (void *)wide_addr(page);

	/* In one piece, as the device may read it at the same time. */
	__atomic_store_n(word, HMM_PROPERTY_TAG |
			 ((uintptr_t)word / PROPERTY_PAGE), __ATOMIC_RELAXED);
}

static int map_wide(unsigned int page, unsigned int n)
{
	const size_t size = n * PROPERTY_PAGE;

	if (mmap(wide_addr(page), size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		 0) == MAP_FAILED)
		return -errno;
	madvise(wide_addr(page), size, MADV_HUGEPAGE);
	return 0;
}

/* Each huge page is changed by one thread only. */
static bool owns_huge(const struct racer *racer, unsigned int huge)
{
	return huge < WIDE_HUGE &&
	       (huge + huge / PIECE_HUGE) % CHANGERS == racer->nr;
}

/* Mostly one that contains a boundary between two pieces of a read. */
static unsigned int choose_huge(struct racer *racer)
{
	unsigned int caller = racer_pick(racer, CALLERS), huge;

	huge = atomic_load(&racer->race->hot[caller]) / PROPERTY_HUGE;
	huge += racer_pick(racer, PIECES - 1) * PIECE_HUGE;
	if (racer_pick(racer, 8) && huge && owns_huge(racer, huge))
		return huge;
	/* Nothing is ever mapped in the first one: see make_range(). */
	do {
		huge = 1 + racer_pick(racer, WIDE_HUGE - 1);
	} while (!owns_huge(racer, huge));
	return huge;
}

static void fork_for_a_moment(struct racer *racer)
{
	pid_t pid = hmm_fork();

	if (!pid) {
		usleep(racer_pick(racer, 2000));
		_exit(0);
	}
	if (pid > 0)
		hmm_wait_exit(pid);
}

static void change_part(struct racer *racer, unsigned int page, unsigned int n)
{
	char *addr = wide_addr(page);
	const size_t size = n * PROPERTY_PAGE;

	switch (racer_pick(racer, 8)) {
	case 0:
		munmap(addr, size);
		sched_yield();
		if (map_wide(page, n))
			race_fail(racer->race, "mmap failed");
		break;
	case 1:
		mprotect(addr, size, racer_pick(racer, 2) ? PROT_READ : PROT_NONE);
		sched_yield();
		mprotect(addr, size, PROT_READ | PROT_WRITE);
		break;
	case 2:
		madvise(addr, size, MADV_FREE);
		break;
	case 3:
		madvise(addr, size, MADV_COLLAPSE);
		break;
	case 4:
		fork_for_a_moment(racer);
		break;
	default:
		madvise(addr, size, MADV_DONTNEED);
	}
}

/* A huge page appears, which costs little as it is that of zeros; and goes. */
static void blink(struct racer *racer, unsigned int first)
{
	char byte;

	memcpy(&byte, wide_addr(first), 1);
	usleep(racer_pick(racer, 4000));
	madvise(wide_addr(first), PROPERTY_HUGE * PROPERTY_PAGE, MADV_DONTNEED);
	usleep(racer_pick(racer, 4000));
}

static int do_changes(void *arg)
{
	struct racer *racer = arg;

	while (!atomic_load(&racer->race->stop)) {
		unsigned int first = choose_huge(racer) * PROPERTY_HUGE;
		unsigned int page = racer_pick(racer, PROPERTY_HUGE), n;

		atomic_fetch_add(&racer->race->changes, 1);
		if (racer_pick(racer, 8)) {
			blink(racer, first);
			continue;
		}
		for (n = 1 + racer_pick(racer, 4); n; n--)
			tag(first + racer_pick(racer, PROPERTY_HUGE));
		if (!racer_pick(racer, 2)) {
			n = 1 + racer_pick(racer, PROPERTY_HUGE - page);
			change_part(racer, first + page, n);
		}
		/*
		 * Keep most of the memory empty, and without page tables:
		 * where there is a table of PTEs, no huge page is faulted in.
		 */
		if (racer_pick(racer, 8) && map_wide(first, PROPERTY_HUGE))
			race_fail(racer->race, "mmap failed");
	}
	return 0;
}

/*
 * A reader drops the mmap lock between two pieces if this thread waits for it.
 * The thread then holds the lock for the milliseconds that the callback of its
 * interval sleeps, while faults of other threads proceed under the lock of
 * their vma. As a real-time task it is handed the lock; otherwise the reader
 * mostly reacquires the lock before the thread has woken up.
 */
static int do_contend(void *arg)
{
	const struct sched_param fifo = { .sched_priority = 1 };
	struct racer *racer = arg;
	char *mem = (char *)CONTEND_BASE;

	if (sched_setscheduler(0, SCHED_FIFO, &fifo) ||
	    mmap(mem, PROPERTY_PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED) {
		race_fail(racer->race, "no contention for the mmap lock: %s",
			  property_errno(-errno));
		return -errno;
	}
	memset(mem, 1, PROPERTY_PAGE);
	while (!atomic_load(&racer->race->stop)) {
		mprotect(mem, PROPERTY_PAGE, PROT_READ);
		mprotect(mem, PROPERTY_PAGE, PROT_READ | PROT_WRITE);
	}
	return 0;
}

/*
 * On one CPU nothing has to be flushed on another one, so much more happens;
 * what waits for the mmap lock lets the others run.
 */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* The process that is mirrored. It exits with everything in use. */
static int mirrored(struct race *race, struct hmm_completion *ready,
		    struct hmm_completion *go)
{
	struct {
		struct hmm_thread thread;
		struct racer racer;
	} t[CHANGERS + 2];
	int (*const jobs[CHANGERS + 2])(void *) = {
		do_changes, do_changes, do_contend, race_calls,
	};

	if (race->seed % 2)
		stay_on_one_cpu();
	if (map_wide(0, WIDE_PAGES) || hmm_complete(ready) ||
	    hmm_wait_for_completion(go))
		return 1;
	for (unsigned int i = 0; i < CHANGERS + 2; i++) {
		racer_init(&t[i].racer, race, i == CHANGERS + 1 ? 0 : i, i);
		if (hmm_thread_create(&t[i].thread, jobs[i], &t[i].racer))
			return 1;
	}
	for (unsigned int i = 0; i < CHANGERS + 2; i++)
		hmm_thread_start(&t[i].thread);
	for (unsigned int i = 0; i < CHANGERS + 2; i++)
		hmm_thread_join(&t[i].thread);
	return 0;
}

static bool race_open(struct race *race, pid_t pid)
{
	struct hmm_property_op op = race_op(HMM_PROPERTY_SPACE_OPEN, 0);

	op.start = pid;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op = race_op(HMM_PROPERTY_REGISTER, 0);
	op.kind = HMM_PROPERTY_MIRROR_PLAIN;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op.a = 1;
	op.kind = HMM_PROPERTY_MIRROR_SYNC;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op = race_op(HMM_PROPERTY_INSERT, CONTEND_INTERVAL);
	op.kind = HMM_PROPERTY_INTERVAL_SLOW;
	op.start = CONTEND_BASE;
	op.length = PROPERTY_PAGE;
	return !ioctl(race->fd, HMM_PROPERTY_OP, &op) && !op.result;
}

/* Nothing of a process that has exited may be valid, or held by the device. */
static void check_dead(struct race *race)
{
	for (unsigned int i = 0; i < CALLERS * OWN_RANGES; i++) {
		struct hmm_property_op op = race_op(HMM_PROPERTY_VERIFY, i);

		if (atomic_load(&race->fresh[i]) &&
		    !ioctl(race->fd, HMM_PROPERTY_OP, &op) && op.value)
			race_fail(race, "range %u is valid, but the process has exited",
				  i);
		op = race_op(HMM_PROPERTY_ACCESS, i);
		if (!ioctl(race->fd, HMM_PROPERTY_OP, &op) && op.value)
			race_fail(race, "the device holds range %u, but the process has exited",
				  i);
	}
}

static void race_run(struct race *race, __u64 ms)
{
	__u64 end = hmm_now_ms() + ms;
	struct hmm_completion ready, go;
	pid_t target, other;
	struct racer racer;

	if (hmm_completion_init(&ready) || hmm_completion_init(&go)) {
		race_fail(race, "no pipes are to be had");
		return;
	}
	fflush(stdout);
	target = hmm_fork();
	if (!target)
		_exit(mirrored(race, &ready, &go));
	hmm_wait_for_completion(&ready);
	if (!race_open(race, target))
		race_fail(race, "the process cannot be mirrored");
	other = hmm_fork();
	if (!other) {
		racer_init(&racer, race, 1, CHANGERS + 2);
		_exit(race_calls(&racer));
	}
	hmm_complete(&go);
	while (!atomic_load(&race->stop) && hmm_now_ms() < end)
		usleep(10000);
	atomic_store(&race->stop, true);
	if (hmm_wait_exit(target))
		race_fail(race, "the process that is mirrored died");
	atomic_store(&race->exited, true);
	if (hmm_wait_exit(other))
		race_fail(race, "the other process died");
	check_dead(race);
	for (int i = 0; i < 2; i++) {
		close(ready.fds[i]);
		close(go.fds[i]);
	}
}

int property_race(__u64 seed, __u64 ms, char *failure, size_t size)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (race == MAP_FAILED)
		return -ENOMEM;
	race->seed = seed;
	race->fd = open(HMM_PROPERTY_DEVICE, O_RDWR | O_CLOEXEC);
	if (race->fd < 0)
		race_fail(race, "no device");
	else
		race_run(race, ms);
	close(race->fd);
	if (hmm_debugfs_wait_count("contexts", 0) > 0)
		race_fail(race, "all is closed, but there is a context");
	printf("# seed %llu: %lu reads, %lu of them verified, %lu changes\n",
	       seed, race->reads, race->valid, race->changes);
	printf("# the device accessed %lu pages\n", race->held);
	if (!race->reads || !race->valid || !race->changes)
		race_fail(race, "there was too little to be judged");
	snprintf(failure, size, "%s", race->failure);
	ret = atomic_load(&race->failed);
	munmap(race, sizeof(*race));
	return ret;
}
