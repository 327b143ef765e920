// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation of a run.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "hmm_random.h"
#include "oracle_setup.h"

static void *map_shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static bool map_shmem(struct oracle *oracle,
		      struct oracle_region *region)
{
	size_t size = region->npages * oracle->page;

	region->memfd = memfd_create("oracle", MFD_CLOEXEC);
	region->mem = hmm_map(region->npages);
	return region->memfd >= 0 && region->mem &&
	       !ftruncate(region->memfd, size) &&
	       mmap(region->mem, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, region->memfd, 0) != MAP_FAILED;
}

static bool new_region(struct oracle *oracle, enum oracle_kind kind)
{
	static const char *const names[] = {
		"small", "merged", "huge", "shared",
	};
	static const unsigned int npages[] = { 32, 32, 512, 16 };
	struct oracle_region *region = &oracle->region[kind];
	struct oracle_op *op;
	const char *why;
	size_t size;

	region->name = names[kind];
	region->kind = kind;
	region->npages = npages[kind];
	region->memfd = -1;
	pthread_mutex_init(&region->mutex, NULL);
	switch (kind) {
	case ORACLE_HUGE:
		region->mem = hmm_map_huge(&size, &why);
		if (region->mem && size / oracle->page < region->npages)
			region->npages = size / oracle->page;
		else if (!region->mem)
			region->mem = hmm_map(region->npages);
		break;
	case ORACLE_SHARED:
		if (!map_shmem(oracle, region))
			return false;
		break;
	default:
		region->mem = hmm_map(region->npages);
	}
	region->slot = map_shared(region->npages * sizeof(*region->slot));
	region->op = map_shared(region->npages * sizeof(*region->op));
	if (!region->mem || !region->slot || !region->op)
		return false;
	if (kind == ORACLE_MERGED)
		madvise(region->mem, region->npages * oracle->page,
			MADV_MERGEABLE);
	/* At first, all pages are zeros. */
	for (unsigned int i = 0; i < region->npages; i++) {
		op = oracle_op_begin(oracle, &region->slot[i], 0);
		oracle_op_end(oracle, &region->slot[i], op, ORACLE_DONE);
	}
	return true;
}

static bool new_worker(struct oracle *oracle, unsigned int nr)
{
	struct oracle_worker *w = &oracle->worker[nr];

	w->oracle = oracle;
	w->nr = nr;
	hmm_random_init(&w->random, oracle->seed * 16 + nr);
	w->buf = hmm_map(ORACLE_BUF_PAGES);
	w->saved = hmm_map(ORACLE_SAVED_PAGES);
	w->poison = hmm_map(ORACLE_POISON_PAGES);
	for (int i = 0; i < ORACLE_CHILDREN; i++)
		if (hmm_completion_init(&w->child[i].go) ||
		    hmm_completion_init(&w->child[i].saved))
			return false;
	/* If a child shared this memory, its page frames would not be freed. */
	return w->buf && w->saved && w->poison &&
	       !madvise(w->poison, ORACLE_POISON_PAGES * oracle->page,
			MADV_DONTFORK);
}

struct oracle *oracle_new(__u64 seed, bool alone, unsigned int nworkers)
{
	struct oracle *oracle = map_shared(sizeof(*oracle));

	if (!oracle)
		return NULL;
	oracle->seed = seed;
	oracle->alone = alone;
	oracle->page = hmm_page_size();
	oracle->fd[0] = -1;
	oracle->fd[1] = -1;
	for (int i = 0; i < ORACLE_KINDS; i++)
		if (!new_region(oracle, i))
			return NULL;
	for (unsigned int i = 0; i < nworkers; i++)
		if (!new_worker(oracle, i))
			return NULL;
	return oracle;
}

void oracle_free(struct oracle *oracle)
{
	struct oracle_region *region;
	struct oracle_child *child;

	for (int i = 0; i < 2; i++)
		if (oracle->fd[i] >= 0)
			close(oracle->fd[i]);
	for (int i = 0; i < ORACLE_KINDS; i++) {
		region = &oracle->region[i];
		munmap(region->mem, region->npages * oracle->page);
		munmap(region->slot, region->npages * sizeof(*region->slot));
		munmap(region->op, region->npages * sizeof(*region->op));
		if (region->memfd >= 0)
			close(region->memfd);
	}
	for (int i = 0; i < ORACLE_WORKERS; i++) {
		if (!oracle->worker[i].oracle)
			continue;
		for (int k = 0; k < ORACLE_CHILDREN; k++) {
			child = &oracle->worker[i].child[k];
			for (int end = 0; end < 2; end++) {
				close(child->go.fds[end]);
				close(child->saved.fds[end]);
			}
		}
		munmap(oracle->worker[i].buf, ORACLE_BUF_PAGES * oracle->page);
		munmap(oracle->worker[i].saved,
		       ORACLE_SAVED_PAGES * oracle->page);
		munmap(oracle->worker[i].poison,
		       ORACLE_POISON_PAGES * oracle->page);
	}
	munmap(oracle, sizeof(*oracle));
}

__u64 oracle_random_seed(void)
{
	__u32 seed = 0;

	/* Soon after boot, there may be no entropy yet. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = hmm_now_ms() * 2654435761U;
	return seed;
}
