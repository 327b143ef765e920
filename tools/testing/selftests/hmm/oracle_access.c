// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to the arena by devices and CPUs, and the checks of their results.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "oracle_access.h"
#include "oracle_page.h"
#include "oracle_report.h"

/* A mark, which no page contains. A READ that fails must not overwrite it. */
#define ORACLE_UNREAD	0xeeeeeeeeeeeeeeeeULL

static __thread sigjmp_buf *recover_point;

static void on_segv(int sig)
{
	if (recover_point)
		siglongjmp(*recover_point, 1);
	signal(sig, SIG_DFL);
}

void oracle_start(void)
{
	struct sigaction action = {
		.sa_handler = on_segv,
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
}

/*
 * Copy word by word between the arena and a buffer, until an access fails.
 * Returns the number of copied words. The counter is static, because
 * siglongjmp() leaves local variables undefined.
 */
static size_t copy_words(void *to, const void *from, size_t words)
{
	static __thread size_t done;
	const __u64 *f = from;
	sigjmp_buf recover;
	__u64 *t = to;

	done = 0;
	if (!sigsetjmp(recover, 0)) {
		recover_point = &recover;
		while (__atomic_load_n(&done, __ATOMIC_RELAXED) < words) {
			size_t i = done;

			__atomic_store_n(&t[i],
					 __atomic_load_n(&f[i],
							 __ATOMIC_RELAXED),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&done, i + 1, __ATOMIC_SEQ_CST);
		}
	}
	recover_point = NULL;
	return done;
}

size_t oracle_load(void *to, const void *from, size_t words)
{
	return copy_words(to, from, words);
}

size_t oracle_store(void *to, const void *from, size_t words)
{
	return copy_words(to, from, words);
}

struct oracle_access {
	struct oracle_region *region;
	unsigned int first, n;
	/* descriptor of a device, or ORACLE_CPU */
	int fd;
	bool write;
	__u64 begin, end;
	/* number of pages that were accessed, and the error */
	unsigned int done;
	int ret;
	/* number of words that the CPU copied of the page at which it failed */
	size_t words;
};

static const char *access_name(struct oracle_worker *w,
			       const struct oracle_access *a)
{
	if (a->fd == ORACLE_CPU)
		return a->write ? "CPU write" : "CPU read";
	if (a->fd == w->oracle->fd[0])
		return a->write ? "device 0 WRITE" : "device 0 READ";
	return a->write ? "device 1 WRITE" : "device 1 READ";
}

static void perform(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64), copied = words;
	char *mem = a->region->mem + a->first * oracle->page;
	struct hmm_dmirror_cmd cmd;
	void *to, *from;

	a->begin = oracle_tick(oracle);
	if (a->fd != ORACLE_CPU) {
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

/* Check that each page succeeded or failed as its history requires. */
static bool judge_result(struct oracle_worker *w,
			 struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	struct oracle_slot *slot = a->region->slot + a->first;
	int err = a->ret;

	oracle_count(oracle, a->fd == ORACLE_CPU ? ORACLE_COUNT_CPU :
		     ORACLE_COUNT_DEVICE, 1);
	for (unsigned int i = 0; i < a->done && i < a->n; i++) {
		if (!oracle_must_fail(&slot[i], a->begin, a->end, a->write))
			continue;
		oracle_fail(oracle, a->region, a->first + i, 1,
			    "%s, time %llu to %llu, accessed %s page %u, although this access had to fail",
			    access_name(w, a), a->begin, a->end,
			    a->region->name, a->first + i);
		return false;
	}
	if (!a->ret && a->done == a->n)
		return true;

	oracle_count(oracle, ORACLE_COUNT_REFUSED, 1);
	if (a->ret && a->done < a->n) {
		/* A CPU write may also fail because the page is read-only. */
		if (a->fd == ORACLE_CPU &&
		    oracle_may_fail(&slot[a->done], a->begin,
				    a->end, a->write, -EPERM))
			return true;
		if (oracle_may_fail(&slot[a->done], a->begin, a->end, a->write,
				    err))
			return true;
	}
	oracle_fail(oracle, a->region, a->first, a->n,
		    "%s, time %llu to %llu, of %u %s pages from %u returned %d after %u pages, which is not an allowed result",
		    access_name(w, a), a->begin, a->end, a->n, a->region->name,
		    a->first, a->ret, a->done);
	return false;
}

static void read_pages(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	__u64 unread = ORACLE_UNREAD;
	char *page;

	for (unsigned int i = 0; i < a->n; i++)
		memcpy(w->buf + i * oracle->page, &unread, sizeof(unread));
	perform(w, a);
	oracle_log(w, access_name(w, a), a->region, a->first, a->n, 0, a->ret,
		   a->begin, a->end);
	if (!judge_result(w, a))
		return;
	for (unsigned int i = 0; i < a->n; i++) {
		page = w->buf + i * oracle->page;
		if (i > a->done || (i == a->done && !a->words)) {
			if (memcmp(page, &unread, sizeof(unread)))
				oracle_fail(oracle, a->region, a->first + i, 1,
					    "%s read %u pages, but overwrote the buffer of page %u",
					    access_name(w, a), a->done, i);
		} else if (!oracle_judge(w, a->region, a->first + i, page,
					 i < a->done ? words : a->words,
					 a->begin, a->end, access_name(w, a))) {
			return;
		}
	}
}

static void write_pages(struct oracle_worker *w, struct oracle_access *a)
{
	struct oracle_op *op[ORACLE_BUF_PAGES];
	struct oracle *oracle = w->oracle;
	enum oracle_outcome outcome;
	__u32 first = 0, id = 0;
	/* KSM merges equal pages. */
	bool equal = a->region->kind == ORACLE_MERGED && oracle_pick(w, 4);
	unsigned int n;

	for (n = 0; n < a->n; n++) {
		if (!n || !equal)
			id = oracle_new_id(w);
		if (!n)
			first = id;
		oracle_fill(w->buf + n * oracle->page, oracle->page,
			    ORACLE_ARENA, id);
		op[n] = oracle_op_begin(oracle,
					&a->region->slot[a->first + n], id);
		if (!op[n])
			break;
	}
	a->n = n;
	if (!n)
		return;

	perform(w, a);
	for (unsigned int i = 0; i < n; i++) {
		outcome = ORACLE_NO_EFFECT;
		if (i < a->done)
			outcome = ORACLE_DONE;
		else if (i == a->done && a->words)
			outcome = ORACLE_MAYBE;
		oracle_op_end(oracle, &a->region->slot[a->first + i], op[i],
			      outcome);
	}
	oracle_log(w, access_name(w, a), a->region, a->first, n, first, a->ret,
		   a->begin, a->end);
	judge_result(w, a);
}

void oracle_read_pages(struct oracle_worker *w, int fd,
		       struct oracle_region *region, unsigned int first,
		       unsigned int n)
{
	struct oracle_access a = {
		.region = region, .first = first, .n = n, .fd = fd,
	};

	read_pages(w, &a);
}

void oracle_access(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	struct oracle_access a = { .fd = ORACLE_CPU };
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
		write_pages(w, &a);
	else
		read_pages(w, &a);
}

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
				oracle_read_pages(w, oracle->fd[fd], region,
						  at, n);
			oracle_read_pages(w, ORACLE_CPU, region, at, n);
			if (oracle_stopped(oracle))
				return;
		}
		for (fd = 0; fd < 2; fd++) {
			wrong = hmm_mismatches(oracle->fd[fd], region->mem,
					       region->npages);
			if (wrong)
				oracle_fail(oracle, region, 0, region->npages,
					    "device %d has %ld wrong entries in %s",
					    fd, wrong, region->name);
		}
	}
}
