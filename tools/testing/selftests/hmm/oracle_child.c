// SPDX-License-Identifier: GPL-2.0
/*
 * Forked children, which have a copy of the arena.
 *
 * A child reads some pages of its copy. Each page must have a content that the
 * original had at some moment during the fork. The parent and its devices must
 * not change these pages. Later the child writes to them, with a device of its
 * own or with the CPU. The mirrors of the parent must never return these
 * writes.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oracle_access.h"
#include "oracle_child.h"
#include "oracle_page.h"
#include "oracle_report.h"

struct oracle_saved {
	struct oracle_region *region;
	unsigned int index;
	/* content of the page; NULL if it cannot be read */
	__u64 *word;
	/* the page may become zeros later, because of MADV_FREE */
	bool may_vanish;
};

static char *saved_addr(struct oracle_worker *w,
			const struct oracle_saved *saved)
{
	return saved->region->mem + saved->index * w->oracle->page;
}

static void child_save(struct oracle_worker *w,
		       struct oracle_saved *saved, __u64 begin,
		       __u64 end)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	struct oracle_allowed allowed;
	struct oracle_saved *s;

	for (int i = 0; i < ORACLE_SAVED_PAGES; i++) {
		s = &saved[i];
		s->region = &oracle->region[oracle_pick(w, ORACLE_SHARED)];
		s->index = oracle_pick(w, s->region->npages);
		s->word = (__u64 *)(w->saved + i * oracle->page);
		if (oracle_load(s->word, saved_addr(w, s), words) !=
		    words) {
			s->word = NULL;
			continue;
		}
		oracle_judge(w, s->region, s->index, s->word, words, begin,
			     end, "child after fork");
		oracle_allowed(oracle, &s->region->slot[s->index], begin, end,
			       NULL, &allowed);
		s->may_vanish = allowed.anything ||
				oracle_is_allowed(&allowed, 0);
	}
}

/* Read memory of the parent through the parent's mirrors. */
static void child_read_parent(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	struct oracle_region *region;

	for (int i = 0; i < 8; i++) {
		region = &oracle->region[oracle_pick(w, ORACLE_KINDS)];
		oracle_read_pages(w, oracle->fd[i & 1], region,
				  oracle_pick(w, region->npages - 3), 4);
	}
}

static void child_compare(struct oracle_worker *w,
			  const struct oracle_saved *s,
			  const char *reader)
{
	struct oracle *oracle = w->oracle;
	const __u64 *word = (__u64 *)w->buf;

	for (size_t i = 0; i < oracle->page / sizeof(*word); i++) {
		if (word[i] == s->word[i] || (!word[i] && s->may_vanish))
			continue;
		oracle_fail(oracle, s->region, s->index, 1,
			    "%s: %s page %u word %zu was %016llx after the fork and is %016llx now",
			    reader, s->region->name, s->index, i, s->word[i],
			    word[i]);
		return;
	}
}

/* Only the child itself may change its copy. */
static void child_check_copy(struct oracle_worker *w, int fd,
			     const struct oracle_saved *s)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	int ret = hmm_read(fd, saved_addr(w, s), w->buf, 1, NULL);

	if (!s->word) {
		if (ret != -EFAULT)
			oracle_fail(oracle, s->region, s->index, 1,
				    "a child's READ of %s page %u, which it cannot read, returned %d",
				    s->region->name, s->index, ret);
		return;
	}
	if (ret)
		oracle_fail(oracle, s->region, s->index, 1,
			    "a child's READ of %s page %u returned %d",
			    s->region->name, s->index, ret);
	else
		child_compare(w, s, "child's READ");
	if (oracle_load(w->buf, saved_addr(w, s), words) == words)
		child_compare(w, s, "child");
	else
		oracle_fail(oracle, s->region, s->index, 1,
			    "a child can no longer read its copy of %s page %u",
			    s->region->name, s->index);
}

static void child_write(struct oracle_worker *w, int fd,
			const struct oracle_saved *s)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	char *mem = saved_addr(w, s), *back = w->buf + oracle->page;
	__u32 id = oracle_new_id(w);

	if (!s->word)
		return;
	oracle_fill(w->buf, oracle->page, ORACLE_CHILD, id);
	memset(back, 0, oracle->page);
	/* The copy may be read-only, so a write may fail. */
	if (oracle_pick(w, 2)) {
		if (hmm_write(fd, mem, w->buf, 1, NULL))
			return;
		oracle_load(back, mem, words);
	} else {
		if (oracle_store(mem, w->buf, words) != words)
			return;
		hmm_read(fd, mem, back, 1, NULL);
	}
	if (memcmp(back, w->buf, oracle->page))
		oracle_fail(oracle, s->region, s->index, 1,
			    "a child wrote %s page %u and read back something else",
			    s->region->name, s->index);
}

static void run_child(struct oracle_worker *parent,
		      struct oracle_child *child, __u64 begin)
{
	/* The parent's thread continues to use the original worker. */
	static struct oracle_worker copy;
	static struct oracle_saved saved[ORACLE_SAVED_PAGES];
	struct oracle_worker *w = &copy;
	struct oracle *oracle = parent->oracle;
	int fd;

	copy = *parent;
	/* The fork has returned, so the copy is complete. */
	child_save(w, saved, begin, oracle_tick(oracle));
	if (oracle->alone) {
		hmm_complete(&child->saved);
		hmm_wait_for_completion(&child->go);
	}
	child_read_parent(w);
	fd = hmm_open(oracle_pick(w, 2));
	if (fd < 0) {
		oracle_fail(oracle, NULL, 0, 0, "a child cannot open the device: %s",
			    strerror(-fd));
		return;
	}
	for (int i = 0; i < ORACLE_SAVED_PAGES; i++)
		child_check_copy(w, fd, &saved[i]);
	for (int i = 0; i < ORACLE_SAVED_PAGES; i++)
		child_write(w, fd, &saved[i]);
	child_read_parent(w);
	/* Tear down the memory with the device open or closed. */
	if (oracle_pick(w, 2))
		close(fd);
	for (int i = 0; i < ORACLE_SHARED && oracle_pick(w, 2); i++)
		munmap(oracle->region[i].mem,
		       oracle->region[i].npages * oracle->page);
}

static void reap(struct oracle_worker *w, struct oracle_child *child)
{
	struct oracle *oracle = w->oracle;
	__u64 begin = oracle_tick(oracle);
	int status;

	if (oracle->alone)
		hmm_complete(&child->go);
	status = hmm_wait_exit(child->pid);
	if (status)
		oracle_fail(oracle, NULL, 0, 0, "a child exited with %d",
			    status);
	oracle_log(w, "child's exit", NULL, 0, 0, child - w->child, status,
		   begin,
		   oracle_tick(oracle));
	child->pid = 0;
}

void oracle_fork(struct oracle_worker *w)
{
	struct oracle_child *child = &w->child[oracle_pick(w,
							   ORACLE_CHILDREN)];
	struct pollfd poll_saved = {
		.fd = child->saved.fds[0],
		.events = POLLIN,
	};
	struct oracle *oracle = w->oracle;
	__u64 begin;
	pid_t pid;

	if (child->pid) {
		reap(w, child);
		return;
	}
	begin = oracle_tick(oracle);
	pid = hmm_fork();
	if (!pid) {
		run_child(w, child, begin);
		_exit(0);
	}
	if (pid < 0) {
		oracle_fail(oracle, NULL, 0, 0, "fork: %s", strerror(errno));
		return;
	}
	child->pid = pid;
	oracle_count(oracle, ORACLE_COUNT_CHILDREN, 1);
	if (oracle->alone) {
		if (poll(&poll_saved, 1, HMM_TIMEOUT_MS) != 1)
			oracle_fail(oracle, NULL, 0, 0,
				    "a child did not start");
		else
			hmm_wait_for_completion(&child->saved);
	}
	/* Log the index of the child: process IDs differ in a replay. */
	oracle_log(w, "fork", NULL, 0, 0, child - w->child, 0, begin,
		   oracle_tick(oracle));
}

void oracle_reap_all(struct oracle_worker *w)
{
	for (int i = 0; i < ORACLE_CHILDREN; i++)
		if (w->child[i].pid)
			reap(w, &w->child[i]);
}
