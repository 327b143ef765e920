// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of the concurrent phase that change memory, and the one that
 * contends for the mmap lock.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_lib.h"
#include "property_log.h"
#include "property_race_change.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static char *wide_addr(unsigned int page)
{
	return (char *)PROPERTY_BASE + page * PROPERTY_PAGE;
}

static void tag(unsigned int page)
{
	__u64 *word = (void *)wide_addr(page);

	/* Store atomically, because the device may read the word. */
	__atomic_store_n(word, HMM_PROPERTY_TAG |
			 ((uintptr_t)word / PROPERTY_PAGE), __ATOMIC_RELAXED);
}

int race_map(unsigned int page, unsigned int n)
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

/* Choose a huge page, mostly one in which a piece of a read ends. */
static unsigned int choose_huge(struct racer *racer)
{
	unsigned int caller = racer_pick(racer, CALLERS), huge;

	huge = atomic_load(&racer->race->boundary[caller]) / PROPERTY_HUGE;
	huge += racer_pick(racer, PIECES - 1) * PIECE_HUGE;
	if (racer_pick(racer, 8) && huge && owns_huge(racer, huge))
		return huge;
	/* No page is ever mapped in the first huge page: see make_range(). */
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
		if (race_map(page, n))
			race_fail(racer->race, "mmap failed");
		break;
	case 1:
		mprotect(addr, size,
			 racer_pick(racer, 2) ? PROT_READ : PROT_NONE);
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

/* Map the huge zero page, which is cheap, and drop it again. */
static void blink(struct racer *racer, unsigned int first)
{
	char byte;

	memcpy(&byte, wide_addr(first), 1);
	usleep(racer_pick(racer, 4000));
	madvise(wide_addr(first), PROPERTY_HUGE * PROPERTY_PAGE, MADV_DONTNEED);
	usleep(racer_pick(racer, 4000));
}

int race_change(void *arg)
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
		 * Keep most of the memory empty and without PTE tables: a fault
		 * maps no huge page where a PTE table exists.
		 */
		if (racer_pick(racer, 8) && race_map(first, PROPERTY_HUGE))
			race_fail(racer->race, "mmap failed");
	}
	return 0;
}

/*
 * A reader drops the mmap lock between two pieces if this thread waits for it.
 * The thread then holds the lock while the callback of its interval sleeps for
 * some milliseconds. Meanwhile, faults of other threads proceed under the lock
 * of their vma. The kernel hands the lock over to a waiting real-time task.
 * Without this priority, the reader would mostly reacquire the lock before the
 * thread has woken up.
 */
int race_contend(void *arg)
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
