// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and CPUs read and write the arena, and what they saw is judged.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "oracle.h"

/* No word of a page: what a READ that fails must leave alone. */
#define ORACLE_UNREAD	0xeeeeeeeeeeeeeeeeULL

static __thread sigjmp_buf *oracle_recover;

static void oracle_segv(int sig)
{
	if (oracle_recover)
		siglongjmp(*oracle_recover, 1);
	signal(sig, SIG_DFL);
}

/* From here on, accesses of this process may fail. */
void oracle_start(void)
{
	struct sigaction action = {
		.sa_handler = oracle_segv,
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
}

/*
 * Copy word by word between the arena and a buffer. Returns how many words
 * were done when an access failed; so the counter is no local variable, which
 * siglongjmp() would leave undefined.
 */
static size_t oracle_copy(void *to, const void *from, size_t words)
{
	static __thread size_t done;
	const __u64 *f = from;
	sigjmp_buf recover;
	__u64 *t = to;

	done = 0;
	if (!sigsetjmp(recover, 0)) {
		oracle_recover = &recover;
		while (__atomic_load_n(&done, __ATOMIC_RELAXED) < words) {
			size_t i = done;

			__atomic_store_n(&t[i],
					 __atomic_load_n(&f[i],
							 __ATOMIC_RELAXED),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&done, i + 1, __ATOMIC_SEQ_CST);
		}
	}
	oracle_recover = NULL;
	return done;
}

size_t oracle_load(void *to, const void *from, size_t words)
{
	return oracle_copy(to, from, words);
}

size_t oracle_store(void *to, const void *from, size_t words)
{
	return oracle_copy(to, from, words);
}

struct oracle_access {
	struct oracle_region *region;
	unsigned int first, n;
	/* -1: by the CPU */
	int fd;
	bool write;
	__u64 begin, end;
	/* how far it came, and why not further */
	unsigned int done;
	int ret;
	/* the words that the CPU did of the page at which it failed */
	size_t words;
};

static const char *oracle_name(struct oracle_worker *w,
			       const struct oracle_access *a)
{
	if (a->fd < 0)
		return a->write ? "CPU write" : "CPU read";
	if (a->fd == w->oracle->fd[0])
		return a->write ? "device 0 WRITE" : "device 0 READ";
	return a->write ? "device 1 WRITE" : "device 1 READ";
}

static void oracle_do(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64), copied = words;
	char *mem = a->region->mem + a->first * oracle->page;
	struct hmm_dmirror_cmd cmd;
	void *to, *from;

	a->begin = oracle_tick(oracle);
	if (a->fd >= 0) {
		a->ret = hmm_cmd(a->fd, a->write ? HMM_DMIRROR_WRITE :
						   HMM_DMIRROR_READ,
				 mem, w->buf, a->n, &cmd);
		a->done = cmd.cpages > a->n ? a->n + 1 : cmd.cpages;
	} else {
		for (a->done = 0; a->done < a->n; a->done++) {
			to = w->buf + a->done * oracle->page;
			from = mem + a->done * oracle->page;
			copied = a->write ? oracle_store(from, to, words) :
					    oracle_load(to, from, words);
			if (copied != words)
				break;
		}
		a->words = copied == words ? 0 : copied;
		a->ret = copied == words ? 0 : -EFAULT;
	}
	a->end = oracle_tick(oracle);
}

/* Did it succeed and fail where it had to? */
static bool oracle_judge_result(struct oracle_worker *w,
				struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	struct oracle_slot *slot = a->region->slot + a->first;
	int err = a->ret;

	oracle_count(oracle, a->fd < 0 ? ORACLE_COUNT_CPU :
					 ORACLE_COUNT_DEVICE, 1);
	for (unsigned int i = 0; i < a->done && i < a->n; i++) {
		if (!oracle_must_fail(&slot[i], a->begin, a->end, a->write))
			continue;
		oracle_wrong(oracle, a->region, a->first + i, 1,
			     "%s, time %llu to %llu, accessed %s page %u, which was out of reach all the time",
			     oracle_name(w, a), a->begin, a->end,
			     a->region->name, a->first + i);
		return false;
	}
	if (!a->ret && a->done == a->n)
		return true;

	oracle_count(oracle, ORACLE_COUNT_REFUSED, 1);
	if (a->ret && a->done < a->n) {
		/* A signal does not tell why. */
		if (a->fd < 0 && oracle_may_fail(&slot[a->done], a->begin,
						 a->end, a->write, -EPERM))
			return true;
		if (oracle_may_fail(&slot[a->done], a->begin, a->end, a->write,
				    err))
			return true;
	}
	oracle_wrong(oracle, a->region, a->first, a->n,
		     "%s, time %llu to %llu, of %u %s pages from %u returned %d after %u, and nothing explains that",
		     oracle_name(w, a), a->begin, a->end, a->n, a->region->name,
		     a->first, a->ret, a->done);
	return false;
}

static void oracle_read(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	__u64 unread = ORACLE_UNREAD;
	char *page;

	for (unsigned int i = 0; i < a->n; i++)
		memcpy(w->buf + i * oracle->page, &unread, sizeof(unread));
	oracle_do(w, a);
	oracle_log(w, oracle_name(w, a), a->region, a->first, a->n, 0, a->ret,
		   a->begin, a->end);
	if (!oracle_judge_result(w, a))
		return;
	for (unsigned int i = 0; i < a->n; i++) {
		page = w->buf + i * oracle->page;
		if (i > a->done || (i == a->done && !a->words)) {
			if (memcmp(page, &unread, sizeof(unread)))
				oracle_wrong(oracle, a->region, a->first + i, 1,
					     "%s did %u pages, but returned page %u",
					     oracle_name(w, a), a->done, i);
		} else if (!oracle_judge(w, a->region, a->first + i, page,
					 i < a->done ? words : a->words,
					 a->begin, a->end, oracle_name(w, a))) {
			return;
		}
	}
}

static void oracle_write(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle_op *op[ORACLE_BUF_PAGES];
	struct oracle *oracle = w->oracle;
	enum oracle_outcome outcome;
	__u32 first = 0, id = 0;
	/* Equal pages are what KSM merges. */
	bool equal = a->region->kind == ORACLE_MERGED && oracle_pick(w, 4);
	unsigned int n;

	for (n = 0; n < a->n; n++) {
		if (!n || !equal)
			id = oracle_new_id(w);
		if (!n)
			first = id;
		oracle_fill(w->buf + n * oracle->page, oracle->page,
			    ORACLE_OURS, id);
		op[n] = oracle_op_begin(oracle,
					&a->region->slot[a->first + n], id);
		if (!op[n])
			break;
	}
	a->n = n;
	if (!n)
		return;

	oracle_do(w, a);
	for (unsigned int i = 0; i < n; i++) {
		outcome = ORACLE_VOID;
		if (i < a->done)
			outcome = ORACLE_SURE;
		else if (i == a->done && a->words)
			outcome = ORACLE_PERHAPS;
		oracle_op_end(oracle, &a->region->slot[a->first + i], op[i],
			      outcome);
	}
	oracle_log(w, oracle_name(w, a), a->region, a->first, n, first, a->ret,
		   a->begin, a->end);
	oracle_judge_result(w, a);
}

/* Read, and judge. fd is -1 for the CPU. */
void oracle_look(struct oracle_worker *w, int fd, struct oracle_region *region,
		 unsigned int first, unsigned int n)
{
	struct oracle_access a = {
		.region = region, .first = first, .n = n, .fd = fd,
	};

	oracle_read(w, &a);
}

/* One access: anywhere, by anything, either way. */
void oracle_access(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	struct oracle_access a = { .fd = -1 };
	unsigned int limit = 4;

	a.region = &oracle->region[oracle_pick(w, ORACLE_KINDS)];
	a.first = oracle_pick_page(w, a.region);
	if (!oracle_pick(w, 32))
		limit = ORACLE_BUF_PAGES;
	a.n = 1 + oracle_pick(w, limit);
	if (a.n > a.region->npages - a.first)
		a.n = a.region->npages - a.first;
	if (oracle_pick(w, 3))
		a.fd = oracle->fd[oracle_pick(w, 2)];
	a.write = oracle_pick(w, 2);
	if (a.write)
		oracle_write(w, &a);
	else
		oracle_read(w, &a);
}

/* Nothing is kept from access any more: all of it must be there. */
void oracle_finish(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	struct oracle_region *region;
	unsigned int n;
	long wrong;
	int fd;

	for (int r = 0; r < ORACLE_KINDS; r++) {
		region = &oracle->region[r];
		for (unsigned int at = 0; at < region->npages; at += n) {
			n = region->npages - at;
			if (n > ORACLE_BUF_PAGES)
				n = ORACLE_BUF_PAGES;
			for (fd = 0; fd < 2; fd++)
				oracle_look(w, oracle->fd[fd], region, at, n);
			oracle_look(w, -1, region, at, n);
			if (oracle_stopped(oracle))
				return;
		}
		for (fd = 0; fd < 2; fd++) {
			wrong = hmm_mismatches(oracle->fd[fd], region->mem,
					       region->npages);
			if (wrong)
				oracle_wrong(oracle, region, 0, region->npages,
					     "device %d has %ld wrong entries in %s",
					     fd, wrong, region->name);
		}
	}
}
