// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/hmm_mirror: the contexts, mirrors, intervals and
 * invalidations that exist, and the counters of each context.
 *
 * Contexts are walked under RCU. The files show data of contexts and the names
 * of tasks, and never access an mm. A reader therefore does not delay an exiting
 * process, and does not access memory that the exit frees.
 *
 * The files show addresses of processes, so only root may read them, whatever
 * the mode of the directory in which debugfs is mounted.
 */
#include <linux/debugfs.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/xarray.h>

#include "context.h"
#include "debugfs.h"
#include "process.h"

static struct dentry *hmm_debugfs_dir;

static unsigned long nr_intervals(struct hmm_context *context)
{
	struct hmm_mirror *mirror;
	unsigned long n = 0;

	lockdep_assert_held(&context->lock);
	hlist_for_each_entry(mirror, &context->mirrors, node)
		n += mirror->nr_intervals;
	return n;
}

/* One name and value per line; all values are 0 if nothing is mirrored. */
static int counts_show(struct seq_file *m, void *v)
{
	unsigned long contexts = 0, mirrors = 0, intervals = 0;
	struct hmm_context *context;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&hmm_contexts, id, context) {
		contexts++;
		spin_lock(&context->lock);
		mirrors += context->nr_mirrors;
		intervals += nr_intervals(context);
		spin_unlock(&context->lock);
	}
	rcu_read_unlock();

	seq_printf(m, "contexts %lu\n", contexts);
	seq_printf(m, "mirrors %lu\n", mirrors);
	seq_printf(m, "intervals %lu\n", intervals);
	/* Each context pins one mm while its notifiers are registered. */
	seq_printf(m, "pinned_mms %lu\n", contexts);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

static void *contexts_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	unsigned long id = *pos;

	rcu_read_lock();
	return xa_find(&hmm_contexts, &id, ULONG_MAX, XA_PRESENT);
}

/* Contexts may be created and freed between two reads, so continue by ID. */
static void *contexts_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct hmm_context *context = v;
	unsigned long id = context->id + 1UL;

	*pos = id;
	return xa_find(&hmm_contexts, &id, ULONG_MAX, XA_PRESENT);
}

static void contexts_stop(struct seq_file *m, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

/*
 * Maximum number of entries that are printed from each list. The limit bounds
 * the time for which context->lock is held.
 */
#define HMM_MAX_SHOWN	32

static void show_mirrors(struct seq_file *m, struct hmm_context *context)
{
	struct hmm_mirror *mirror;
	unsigned int n = 0;

	hlist_for_each_entry(mirror, &context->mirrors, node) {
		if (n++ == HMM_MAX_SHOWN) {
			seq_puts(m, "  mirror ...\n");
			break;
		}
		seq_printf(m, "  mirror ops %ps intervals %lu\n", mirror->ops,
			   mirror->nr_intervals);
	}
}

static void show_intervals(struct seq_file *m, struct hmm_context *context)
{
	struct rb_node *rb = rb_first_cached(&context->intervals);
	unsigned int n = 0;

	for (; rb; rb = rb_next(rb)) {
		struct hmm_interval_notifier *interval;

		if (n++ == HMM_MAX_SHOWN) {
			seq_puts(m, "  interval ...\n");
			break;
		}
		interval = container_of(rb, struct hmm_interval_notifier,
					rb);
		seq_printf(m, "  interval %#lx-%#lx seq %lu pins %u\n",
			   interval->start, interval->last,
			   interval->seq, interval->pins);
	}
}

/*
 * After the mm has exited, print no invalidations, because their ends may never
 * be delivered.
 */
static void show_invalidations(struct seq_file *m,
			       struct hmm_context *context)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	unsigned int slot;

	if (context->dead)
		return;
	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		struct hmm_invalidation *inv = &context->invalidations[slot];

		seq_printf(m, "  invalidation %#lx-%#lx%s%s\n", inv->start,
			   inv->last, inv->calling ? " in a callback" : "",
			   context->waited & BIT(slot) ? " waited for" : "");
	}
	if (context->overflowed)
		seq_printf(m, "  invalidations without a slot %u\n",
			   context->overflowed);
}

static int contexts_show(struct seq_file *m, void *v)
{
	struct hmm_context *context = v;

	spin_lock(&context->lock);
	seq_printf(m, "context %u%s mirrors %lu intervals %lu\n", context->id,
		   context->dead ? " dead" : "", context->nr_mirrors,
		   nr_intervals(context));
	seq_printf(m, "  invalidations %llu hits %llu refused %llu updates %llu waits %llu\n",
		   context->nr_invalidations, context->nr_hits,
		   context->nr_refused, context->nr_updates, context->nr_waits);
	show_mirrors(m, context);
	show_intervals(m, context);
	show_invalidations(m, context);
	spin_unlock(&context->lock);
	return 0;
}

static const struct seq_operations contexts_sops = {
	.start = contexts_start,
	.next = contexts_next,
	.stop = contexts_stop,
	.show = contexts_show,
};
DEFINE_SEQ_ATTRIBUTE(contexts);

/* Everything that would end a value or a line, or confuse a terminal. */
#define HMM_ESCAPED \
	"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020" \
	"\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037 \\\177"

/*
 * Show "detached" while the mm exists, but the process that is recorded does not
 * use it: the process has exited or executed another program, and another user
 * of the mm remains; or no process used the mm when it was first mirrored.
 */
static void show_process(struct seq_file *m, const struct hmm_context *context,
			 bool dead)
{
	struct hmm_process process = context->process;
	bool uses = hmm_process_refresh(&process, context->mm);

	seq_printf(m, "pid=%d name=", process.pid);
	seq_escape(m, process.comm, HMM_ESCAPED);
	seq_printf(m, " state=%s", dead ? "exited" :
		   uses ? "running" : "detached");
}

static void show_reader_stats(struct seq_file *m, struct hmm_stats *stats)
{
	seq_printf(m, " collisions=%lld faults=%lld waits=%lld waiting=%lld",
		   atomic64_read(&stats->collisions),
		   atomic64_read(&stats->faults),
		   atomic64_read(&stats->waits),
		   atomic64_read(&stats->waiting));
	seq_printf(m, " waited_ns=%lld longest_wait_ns=%lld",
		   atomic64_read(&stats->waited_ns),
		   atomic64_read(&stats->longest_wait_ns));
}

/*
 * One line for each context, of keys and values. The format is stable:
 * Documentation/tracing.rst describes it, and tools/hmmtop parses it.
 */
static int stats_show(struct seq_file *m, void *v)
{
	struct hmm_context *context = v;

	seq_printf(m, "id=%u since_ns=%llu ", context->id, context->since_ns);
	show_process(m, context, READ_ONCE(context->dead));
	spin_lock(&context->lock);
	seq_printf(m, " mirrors=%lu intervals=%lu", context->nr_mirrors,
		   nr_intervals(context));
	seq_printf(m, " invalidations=%llu hits=%llu callbacks=%llu refused=%llu",
		   context->nr_invalidations, context->nr_hits,
		   context->nr_callbacks, context->nr_refused);
	spin_unlock(&context->lock);
	show_reader_stats(m, &context->stats);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations stats_sops = {
	.start = contexts_start,
	.next = contexts_next,
	.stop = contexts_stop,
	.show = stats_show,
};
DEFINE_SEQ_ATTRIBUTE(stats);

/* Failures are ignored: without debugfs, all these calls do nothing. */
void hmm_debugfs_init(void)
{
	hmm_debugfs_dir = debugfs_create_dir("hmm_mirror", NULL);
	debugfs_create_file("counts", 0400, hmm_debugfs_dir, NULL,
			    &counts_fops);
	debugfs_create_file("contexts", 0400, hmm_debugfs_dir, NULL,
			    &contexts_fops);
	debugfs_create_file("stats", 0400, hmm_debugfs_dir, NULL, &stats_fops);
}

void hmm_debugfs_exit(void)
{
	debugfs_remove(hmm_debugfs_dir);
}
