// SPDX-License-Identifier: GPL-2.0
/*
 * Forked children: what they have is a copy, and nobody else's business.
 *
 * A child looks at some pages of its copy, which must be as they were at some
 * moment of the fork. They must stay so, whatever the parent and its devices
 * do, until the child itself writes to them, by a device of its own or not;
 * and that must never show in the parent's mirrors.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oracle.h"

struct oracle_saved {
	struct oracle_region *region;
	unsigned int index;
	/* it could be read, and is where */
	__u64 *word;
	/* MADV_FREE: it may still turn to zeros */
	bool may_vanish;
};

static char *oracle_saved_at(struct oracle_worker *w,
			     const struct oracle_saved *saved)
{
	return saved->region->mem + saved->index * w->oracle->page;
}

static void oracle_child_save(struct oracle_worker *w,
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
		if (oracle_load(s->word, oracle_saved_at(w, s), words) !=
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

/* The parent's memory, by the parent's mirror. */
static void oracle_child_look_at_parent(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	struct oracle_region *region;

	for (int i = 0; i < 8; i++) {
		region = &oracle->region[oracle_pick(w, ORACLE_KINDS)];
		oracle_look(w, oracle->fd[i & 1], region,
			    oracle_pick(w, region->npages - 3), 4);
	}
}

static void oracle_child_compare(struct oracle_worker *w,
				 const struct oracle_saved *s,
				 const char *reader)
{
	struct oracle *oracle = w->oracle;
	const __u64 *word = (__u64 *)w->buf;

	for (size_t i = 0; i < oracle->page / sizeof(*word); i++) {
		if (word[i] == s->word[i] || (!word[i] && s->may_vanish))
			continue;
		oracle_wrong(oracle, s->region, s->index, 1,
			     "%s: %s page %u word %zu was %016llx after the fork and is %016llx now",
			     reader, s->region->name, s->index, i, s->word[i],
			     word[i]);
		return;
	}
}

/* Nothing but what the child itself did may change its copy. */
static void oracle_child_frozen(struct oracle_worker *w, int fd,
				const struct oracle_saved *s)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	int ret = hmm_read(fd, oracle_saved_at(w, s), w->buf, 1, NULL);

	if (!s->word) {
		if (ret != -EFAULT)
			oracle_wrong(oracle, s->region, s->index, 1,
				     "a child's READ of %s page %u, which it cannot read: %d",
				     s->region->name, s->index, ret);
		return;
	}
	if (ret)
		oracle_wrong(oracle, s->region, s->index, 1,
			     "a child's READ of %s page %u: %d",
			     s->region->name, s->index, ret);
	else
		oracle_child_compare(w, s, "child's READ");
	oracle_load(w->buf, oracle_saved_at(w, s), words);
	oracle_child_compare(w, s, "child");
}

static void oracle_child_write(struct oracle_worker *w, int fd,
			       const struct oracle_saved *s)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	char *mem = oracle_saved_at(w, s), *back = w->buf + oracle->page;
	__u32 id = oracle_new_id(w);

	if (!s->word)
		return;
	oracle_fill(w->buf, oracle->page, ORACLE_CHILD, id);
	memset(back, 0, oracle->page);
	/* It may be read-only in the copy, too. */
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
		oracle_wrong(oracle, s->region, s->index, 1,
			     "a child wrote %s page %u and did not find that there",
			     s->region->name, s->index);
}

static void oracle_child(struct oracle_worker *parent,
			 struct oracle_child *child, __u64 begin)
{
	/* Not what the parent's thread goes on with. */
	static struct oracle_worker copy;
	static struct oracle_saved saved[ORACLE_SAVED_PAGES];
	struct oracle_worker *w = &copy;
	struct oracle *oracle = parent->oracle;
	int fd;

	copy = *parent;
	/* From here on, no copy is made any more. */
	oracle_child_save(w, saved, begin, oracle_tick(oracle));
	if (oracle->alone) {
		hmm_complete(&child->looked);
		hmm_wait_for_completion(&child->go);
	}
	oracle_child_look_at_parent(w);
	fd = hmm_open(oracle_pick(w, 2));
	if (fd < 0) {
		oracle_wrong(oracle, NULL, 0, 0, "a child opens the device: %s",
			     strerror(-fd));
		return;
	}
	for (int i = 0; i < ORACLE_SAVED_PAGES; i++)
		oracle_child_frozen(w, fd, &saved[i]);
	for (int i = 0; i < ORACLE_SAVED_PAGES; i++)
		oracle_child_write(w, fd, &saved[i]);
	oracle_child_look_at_parent(w);
	/* Its memory goes at once, in its exit, or with the device open. */
	if (oracle_pick(w, 2))
		close(fd);
	for (int i = 0; i < ORACLE_SHARED && oracle_pick(w, 2); i++)
		munmap(oracle->region[i].mem,
		       oracle->region[i].npages * oracle->page);
}

/* Fork, or end a child if there are enough. */
void oracle_fork(struct oracle_worker *w)
{
	struct oracle_child *child = &w->child[oracle_pick(w,
							   ORACLE_CHILDREN)];
	struct pollfd looked = { .fd = child->looked.fds[0], .events = POLLIN };
	struct oracle *oracle = w->oracle;
	__u64 begin;
	pid_t pid;

	if (child->pid) {
		oracle_reap(w, child);
		return;
	}
	begin = oracle_tick(oracle);
	pid = hmm_fork();
	if (!pid) {
		oracle_child(w, child, begin);
		_exit(0);
	}
	if (pid < 0) {
		oracle_wrong(oracle, NULL, 0, 0, "fork: %s", strerror(errno));
		return;
	}
	child->pid = pid;
	oracle_count(oracle, ORACLE_COUNT_CHILDREN, 1);
	if (oracle->alone) {
		if (poll(&looked, 1, HMM_TIMEOUT_MS) != 1)
			oracle_wrong(oracle, NULL, 0, 0,
				     "a child does not come up");
		else
			hmm_wait_for_completion(&child->looked);
	}
	/* Not the pid: a replay has others. */
	oracle_log(w, "fork", NULL, 0, 0, child - w->child, 0, begin,
		   oracle_tick(oracle));
}

void oracle_reap(struct oracle_worker *w, struct oracle_child *child)
{
	struct oracle *oracle = w->oracle;
	__u64 begin = oracle_tick(oracle);
	int status;

	if (oracle->alone)
		hmm_complete(&child->go);
	status = hmm_wait_exit(child->pid);
	if (status)
		oracle_wrong(oracle, NULL, 0, 0, "a child ended with %d",
			     status);
	oracle_log(w, "child's end", NULL, 0, 0, child - w->child, status, begin,
		   oracle_tick(oracle));
	child->pid = 0;
}

void oracle_reap_all(struct oracle_worker *w)
{
	for (int i = 0; i < ORACLE_CHILDREN; i++)
		if (w->child[i].pid)
			oracle_reap(w, &w->child[i]);
}
