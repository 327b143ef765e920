/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle: what a page may have shown at some moment of an interval.
 *
 * Time is a counter that whoever asks for it raises. A slot is a page of the
 * process under test; its history holds what was done to it, each with the
 * times of its begin and its end. Somewhere in between it took effect, nobody
 * knows when:
 *
 *   write 1   |-----|
 *   zero            |---|
 *   write 2             |--------|
 *   read                     |-----|
 *
 * The read may have seen write 2, or the zero before it; not write 1, since
 * the zero has begun after that ended and has ended before the read began.
 *
 * A word of a page says whose it is, which write put it there, and where: so
 * a word that is out of place, of another page, or of nobody, shows.
 */
#ifndef _ORACLE_H
#define _ORACLE_H

#include "hmm_lib.h"

/* history of a slot */
#define ORACLE_OPS	24
#define ORACLE_IDS	12
#define ORACLE_WINDOWS	8
#define ORACLE_NEVER	(~0ULL)

enum oracle_outcome {
	ORACLE_FREE,		/* there is no such operation */
	ORACLE_PENDING,		/* it has not ended */
	ORACLE_SURE,		/* what was there before is gone */
	ORACLE_PERHAPS,		/* it may have taken effect, or in part */
	ORACLE_VOID,		/* it had no effect */
};

/* One thing that was done to the content of a slot. */
struct oracle_op {
	__u64 begin, end;
	__u32 nr;
	__u16 outcome;
	/* ids are known at its end only */
	__u8 late;
	__u8 nids;
	/* what may have been seen because of it; 0 is a page of zeros */
	__u32 ids[ORACLE_IDS];
};

enum {
	ORACLE_NO_WRITE = 1,	/* read-only: EPERM for a write */
	ORACLE_NO_ACCESS = 2,	/* PROT_NONE, or a hole: EFAULT */
	ORACLE_HOLE = 3,	/* to an access that is NO_ACCESS */
};

/*
 * A time in which a slot could not be accessed: perhaps since shutting, for
 * sure since shut, until opening, and perhaps until open.
 */
struct oracle_window {
	__u64 shutting, shut, opening, open;
	int what;
};

struct oracle_slot {
	int lock;
	__u32 ops;
	/* the last end of those that the history has forgotten */
	__u64 forgotten;
	__u32 windows;
	struct oracle_op op[ORACLE_OPS];
	struct oracle_window window[ORACLE_WINDOWS];
};

/* What a reader may have seen. */
struct oracle_allowed {
	/* the history does not reach back far enough to tell */
	bool anything;
	int nids;
	__u32 ids[64];
};

/* What the words of a page say. */
enum {
	ORACLE_OURS = 0x5a,
	ORACLE_CHILD = 0xc4,	/* a forked child wrote to its copy */
	ORACLE_POISON = 0xde,	/* memory that is none of the arena */
};

/* The arena. */
enum oracle_kind {
	ORACLE_SMALL,		/* anonymous, small pages */
	ORACLE_MERGED,		/* the same, with equal pages for KSM */
	ORACLE_HUGE,		/* anonymous, one huge page when it is whole */
	ORACLE_SHARED,		/* shmem */
	ORACLE_KINDS,
};

struct oracle_region {
	const char *name;
	char *mem;
	struct oracle_slot *slot;
	/* of the change in progress; with mutex */
	struct oracle_op **op;
	unsigned int npages;
	enum oracle_kind kind;
	int memfd;
	/* held by whoever changes the mappings of the region */
	pthread_mutex_t mutex;
	/* the pages that are kept from access just now, if away is not 0 */
	unsigned int first, away;
	/* by what: ORACLE_NO_WRITE and so on */
	int how;
};

#define ORACLE_BUF_PAGES	32
#define ORACLE_POISON_PAGES	16
#define ORACLE_LOG		256
#define ORACLE_CHILDREN		2
#define ORACLE_SAVED_PAGES	12
#define ORACLE_WORKERS		8

struct oracle_entry {
	__u64 begin, end;
	const char *what;
	__u32 id;
	__u16 first;
	__s16 n, ret;
	__u8 region;
};

struct oracle_child {
	pid_t pid;
	/* told to go on, and tells that it has looked around */
	struct hmm_completion go, looked;
};

/* One thread: all its decisions come from random, which comes of the seed. */
struct oracle_worker {
	struct hmm_thread thread;
	struct oracle *oracle;
	unsigned int nr;
	__u64 random;
	__u32 ids;
	char *buf;
	/* what a child saw first */
	char *saved;
	char *poison;
	bool poisoned;
	unsigned int sample;
	struct oracle_child child[ORACLE_CHILDREN];
	unsigned int logged;
	struct oracle_entry log[ORACLE_LOG];
};

enum {
	ORACLE_COUNT_DEVICE,
	ORACLE_COUNT_CPU,
	ORACLE_COUNT_REFUSED,	/* accesses that failed, as they should */
	ORACLE_COUNT_WORDS,
	ORACLE_COUNT_UNJUDGED,	/* the history was too short */
	ORACLE_COUNT_CHANGES,
	ORACLE_COUNT_CHILDREN,
	ORACLE_COUNT_MOVED,
	ORACLE_COUNT_COLLAPSED,
	ORACLE_COUNT_FRAMES,	/* frames taken away and looked for */
	ORACLE_COUNT_REUSED,	/* that poison was then put into */
	ORACLE_COUNTS,
};

/* What all threads and the forked children share. */
struct oracle {
	__u64 clock;
	int stop;
	unsigned long count[ORACLE_COUNTS];
	__u64 seed;
	__u64 deadline;
	/* one thread: whatever is asked has one answer */
	bool alone;
	bool swap, ksm;
	size_t page;
	int fd[2];
	struct oracle_region region[ORACLE_KINDS];
	/* the first thing that was wrong, and where */
	char what[256];
	unsigned int what_region, what_first, what_n;
	/* a child works with a copy of the one that forked it */
	struct oracle_worker worker[ORACLE_WORKERS];
};

/* oracle_history.c */
__u64 oracle_tick(struct oracle *oracle);
struct oracle_op *oracle_op_begin(struct oracle *oracle,
				  struct oracle_slot *slot, long id);
void oracle_op_end(struct oracle *oracle, struct oracle_slot *slot,
		   struct oracle_op *op, enum oracle_outcome outcome);
void oracle_op_end_moved(struct oracle *oracle, struct oracle_slot *slot,
			 struct oracle_op *op,
			 const struct oracle_allowed *from);
void oracle_allowed(struct oracle *oracle, struct oracle_slot *slot,
		    __u64 begin, __u64 end, const struct oracle_op *except,
		    struct oracle_allowed *allowed);
bool oracle_is_allowed(const struct oracle_allowed *allowed, __u32 id);
void oracle_window_shut(struct oracle *oracle, struct oracle_slot *slot,
			int what);
void oracle_window_set(struct oracle *oracle, struct oracle_slot *slot,
		       size_t field);
bool oracle_may_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		     bool write, int err);
bool oracle_must_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		      bool write);

/* oracle_page.c */
__u64 oracle_word(int whose, __u32 id, unsigned int index);
bool oracle_decode(__u64 word, unsigned int index, int *whose, __u32 *id);
void oracle_fill(void *page, size_t size, int whose, __u32 id);
bool oracle_judge(struct oracle_worker *w, struct oracle_region *region,
		  unsigned int index, const void *page, size_t words,
		  __u64 begin, __u64 end, const char *reader);

/* oracle_access.c */
size_t oracle_load(void *to, const void *from, size_t words);
size_t oracle_store(void *to, const void *from, size_t words);
void oracle_access(struct oracle_worker *w);
void oracle_look(struct oracle_worker *w, int fd, struct oracle_region *region,
		 unsigned int first, unsigned int n);
void oracle_start(void);
void oracle_finish(struct oracle_worker *w);

/* oracle_change.c */
void oracle_change(struct oracle_worker *w);
void oracle_restore_all(struct oracle_worker *w);

/* oracle_poison.c */
void oracle_poison_before(struct oracle_worker *w, const char *mem,
			  unsigned int n);
void oracle_poison_after(struct oracle_worker *w);

/* oracle_child.c */
void oracle_fork(struct oracle_worker *w);
void oracle_reap(struct oracle_worker *w, struct oracle_child *child);
void oracle_reap_all(struct oracle_worker *w);

/* oracle_setup.c */
struct oracle *oracle_new(__u64 seed, bool alone, unsigned int nworkers);
void oracle_free(struct oracle *oracle);
__u64 oracle_any_seed(void);
bool oracle_ksm_on(void);
void oracle_ksm_off(void);
void oracle_ksm_settle(void);
long oracle_ksm_sharing(void);
bool oracle_swap_on(const char **why);
void oracle_swap_off(void);

/* oracle_report.c */
unsigned int oracle_pick(struct oracle_worker *w, unsigned int limit);
unsigned int oracle_pick_page(struct oracle_worker *w,
			      const struct oracle_region *region);
__u32 oracle_new_id(struct oracle_worker *w);
void oracle_log(struct oracle_worker *w, const char *what,
		const struct oracle_region *region, unsigned int first,
		unsigned int n, __u32 id, int ret, __u64 begin, __u64 end);
void oracle_wrong(struct oracle *oracle, const struct oracle_region *region,
		  unsigned int first, unsigned int n, const char *fmt, ...);
void oracle_report(struct oracle *oracle);
bool oracle_stopped(struct oracle *oracle);

static inline void oracle_count(struct oracle *oracle, int what,
				unsigned long n)
{
	__atomic_add_fetch(&oracle->count[what], n, __ATOMIC_RELAXED);
}

#endif /* _ORACLE_H */
