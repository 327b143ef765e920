// SPDX-License-Identifier: GPL-2.0
/*
 * The arena and what the machine has to do for it: KSM at full speed, and
 * somewhere to swap to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/swap.h>
#include <unistd.h>

#include "hmm_random.h"
#include "oracle.h"

#define ORACLE_KSM	"/sys/kernel/mm/ksm/"
#define ORACLE_ZRAM	"/sys/block/zram0/"
#define ORACLE_SWAP_SIZE (32UL << 20)

static void *oracle_shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static bool oracle_map_shmem(struct oracle *oracle,
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

static bool oracle_new_region(struct oracle *oracle, enum oracle_kind kind)
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
		if (!oracle_map_shmem(oracle, region))
			return false;
		break;
	default:
		region->mem = hmm_map(region->npages);
	}
	region->slot = oracle_shared(region->npages * sizeof(*region->slot));
	region->op = oracle_shared(region->npages * sizeof(*region->op));
	if (!region->mem || !region->slot || !region->op)
		return false;
	if (kind == ORACLE_MERGED)
		madvise(region->mem, region->npages * oracle->page,
			MADV_MERGEABLE);
	/* In the beginning there are zeros. */
	for (unsigned int i = 0; i < region->npages; i++) {
		op = oracle_op_begin(oracle, &region->slot[i], 0);
		oracle_op_end(oracle, &region->slot[i], op, ORACLE_SURE);
	}
	return true;
}

static bool oracle_new_worker(struct oracle *oracle, unsigned int nr)
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
		    hmm_completion_init(&w->child[i].looked))
			return false;
	/* A child that has it, too, would keep the frames. */
	return w->buf && w->saved && w->poison &&
	       !madvise(w->poison, ORACLE_POISON_PAGES * oracle->page,
			MADV_DONTFORK);
}

/* NULL if there is no memory; the devices are still to be opened. */
struct oracle *oracle_new(__u64 seed, bool alone, unsigned int nworkers)
{
	struct oracle *oracle = oracle_shared(sizeof(*oracle));

	if (!oracle)
		return NULL;
	oracle->seed = seed;
	oracle->alone = alone;
	oracle->page = hmm_page_size();
	oracle->fd[0] = -1;
	oracle->fd[1] = -1;
	for (int i = 0; i < ORACLE_KINDS; i++)
		if (!oracle_new_region(oracle, i))
			return NULL;
	for (unsigned int i = 0; i < nworkers; i++)
		if (!oracle_new_worker(oracle, i))
			return NULL;
	return oracle;
}

/* What the process keeps is little, except for files and the arena. */
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
				close(child->looked.fds[end]);
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

/* Short enough to be typed. */
__u64 oracle_any_seed(void)
{
	__u32 seed = 0;

	/* Early in a guest there is no entropy, and a clock that always is. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = hmm_now_ms() * 2654435761U;
	return seed;
}

static long oracle_get(const char *dir, const char *name)
{
	char path[128];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static int oracle_put(const char *dir, const char *name, long value)
{
	char path[128], text[24];
	int fd, n, ret;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%ld", value);
	ret = write(fd, text, n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

static const char *const oracle_ksm_names[] = {
	"run", "sleep_millisecs", "pages_to_scan",
};

static long oracle_ksm_was[] = { -1, -1, -1 };

bool oracle_ksm_on(void)
{
	static const long now[] = { 1, 2, 4000 };

	for (int i = 0; i < 3; i++) {
		oracle_ksm_was[i] = oracle_get(ORACLE_KSM, oracle_ksm_names[i]);
		if (oracle_put(ORACLE_KSM, oracle_ksm_names[i], now[i]))
			return false;
	}
	return true;
}

void oracle_ksm_off(void)
{
	for (int i = 0; i < 3; i++)
		if (oracle_ksm_was[i] >= 0)
			oracle_put(ORACLE_KSM, oracle_ksm_names[i],
				   oracle_ksm_was[i]);
}

/* A page is merged if two scans have found it unchanged. */
void oracle_ksm_settle(void)
{
	long until = oracle_get(ORACLE_KSM, "full_scans") + 3;
	__u64 end = hmm_now_ms() + HMM_QUIET_MS;

	while (oracle_get(ORACLE_KSM, "full_scans") < until &&
	       hmm_now_ms() < end)
		usleep(2000);
}

long oracle_ksm_sharing(void)
{
	return oracle_get(ORACLE_KSM, "pages_sharing");
}

static bool oracle_has_swap(void)
{
	char line[256];
	FILE *file = fopen("/proc/swaps", "r");
	bool has;

	if (!file)
		return false;
	/* A line of headings, and one for each. */
	has = fgets(line, sizeof(line), file) &&
	      fgets(line, sizeof(line), file);
	fclose(file);
	return has;
}

/* What mkswap does. */
static int oracle_format_swap(const char *path, size_t size)
{
	size_t page = hmm_page_size();
	__u32 header[3] = { 1, size / page - 1, 0 };
	int fd = open(path, O_RDWR | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, header, sizeof(header), 1024) != sizeof(header) ||
	    pwrite(fd, "SWAPSPACE2", 10, page - 10) != 10 || fsync(fd))
		ret = -EIO;
	close(fd);
	return ret;
}

static bool oracle_swap_is_ours;

bool oracle_swap_on(const char **why)
{
	if (oracle_has_swap())
		return true;
	if (oracle_get(ORACLE_ZRAM, "disksize")) {
		*why = "neither swap nor an unused zram0";
		return false;
	}
	if (oracle_put(ORACLE_ZRAM, "disksize", ORACLE_SWAP_SIZE)) {
		*why = "zram0 cannot be set up";
		return false;
	}
	oracle_swap_is_ours = true;
	if (oracle_format_swap("/dev/zram0", ORACLE_SWAP_SIZE) ||
	    swapon("/dev/zram0", 0)) {
		*why = "zram0 cannot be swapped to";
		oracle_swap_off();
		return false;
	}
	return true;
}

void oracle_swap_off(void)
{
	if (!oracle_swap_is_ours)
		return;
	swapoff("/dev/zram0");
	oracle_put(ORACLE_ZRAM, "reset", 1);
	oracle_swap_is_ours = false;
}
