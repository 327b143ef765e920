// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers with locking bugs. Each case runs the buggy code once, in a situation
 * without an actual deadlock, and lockdep must report the bug.
 *
 * Lockdep turns itself off after the first report, so each case needs a
 * separate boot.
 */
#include <linux/debug_locks.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "api.h"

/* The update lock of these drivers. */
static DEFINE_MUTEX(wrong_update);

static void wrong_callback(struct api_interval *interval,
			   const struct mmu_notifier_range *range)
{
	mutex_lock(&wrong_update);
	mutex_unlock(&wrong_update);
}

static bool wrong_lockdep_active(void)
{
#ifdef CONFIG_LOCKDEP
	return debug_locks;
#else
	return false;
#endif
}

/*
 * Run one invalidation whose callback acquires the update lock, and then the
 * buggy code @wrong.
 */
static void wrong_run(void (*wrong)(struct api_mirror *mirror,
				    struct api_interval *interval))
{
	struct api_interval *interval;
	struct api_mirror *mirror;

	if (!wrong_lockdep_active()) {
		api_skip("lockdep is off or not built in");
		return;
	}
	mirror = api_mirror();
	interval = api_interval(mirror, 0, 8);
	interval->action = wrong_callback;
	EXPECT_EQ(0, api_write(0));
	EXPECT(wrong_lockdep_active());
	wrong(mirror, interval);
	EXPECT(!wrong_lockdep_active());
	api_remove(interval);
	api_unregister(mirror);
}

static void wrong_allocate(struct api_mirror *mirror,
			   struct api_interval *interval)
{
	void *memory;

	mutex_lock(&wrong_update);
	memory = kmalloc(64, GFP_KERNEL);
	mutex_unlock(&wrong_update);
	kfree(memory);
}

static void r42_allocate_under_the_update_lock(void)
{
	wrong_run(wrong_allocate);
}

static void wrong_lock_mm(struct api_mirror *mirror,
			  struct api_interval *interval)
{
	mutex_lock(&wrong_update);
	mmap_read_lock(current->mm);
	mmap_read_unlock(current->mm);
	mutex_unlock(&wrong_update);
}

static void r42_mmap_lock_under_the_update_lock(void)
{
	wrong_run(wrong_lock_mm);
}

/*
 * Remove waits for callbacks, which acquire the update lock. No callback is
 * running here.
 */
static void wrong_remove(struct api_mirror *mirror,
			 struct api_interval *interval)
{
	struct api_interval *other = api_interval(mirror, 20, 1);

	mutex_lock(&wrong_update);
	api_remove(other);
	mutex_unlock(&wrong_update);
}

static void r25_remove_under_the_update_lock(void)
{
	wrong_run(wrong_remove);
}

static void wrong_read_begin(struct api_mirror *mirror,
			     struct api_interval *interval)
{
	mutex_lock(&wrong_update);
	hmm_interval_read_begin(&interval->notifier);
	mutex_unlock(&wrong_update);
}

static void r25_read_begin_under_the_update_lock(void)
{
	wrong_run(wrong_read_begin);
}

static void wrong_unregister_callback(struct api_interval *interval,
				      const struct mmu_notifier_range *range)
{
	api_unregister(interval->data);
}

/*
 * In a callback, unregister would wait forever for this callback. With a mirror
 * that is not registered, it runs the same code up to the wait.
 */
static void wrong_unregister(struct api_mirror *mirror,
			     struct api_interval *interval)
{
	interval->data = api_mirror_new();
	interval->action = wrong_unregister_callback;
	EXPECT_EQ(0, api_write(1));
}

static void r25_unregister_in_a_callback(void)
{
	wrong_run(wrong_unregister);
}

static void wrong_unregister_locked(struct api_mirror *mirror,
				    struct api_interval *interval)
{
	struct api_mirror *other = api_mirror();

	mutex_lock(&wrong_update);
	api_unregister(other);
	mutex_unlock(&wrong_update);
}

static void r25_unregister_under_the_update_lock(void)
{
	wrong_run(wrong_unregister_locked);
}

#define WRONG_CIRCLE	"possible circular locking dependency"
#define WRONG_NESTING	"possible recursive locking|unregistered, but not registered"

/*
 * The lab parses these names. A line must contain only the brace, the name and
 * a comma.
 */
const struct api_case api_wrong_cases[] = {
	{ "r42_allocate_under_the_update_lock",
	  r42_allocate_under_the_update_lock, HMM_API_LOCKDEP, WRONG_CIRCLE },
	{ "r42_mmap_lock_under_the_update_lock",
	  r42_mmap_lock_under_the_update_lock, HMM_API_LOCKDEP, WRONG_CIRCLE },
	{ "r25_unregister_in_a_callback",
	  r25_unregister_in_a_callback, HMM_API_LOCKDEP, WRONG_NESTING },
	{ "r25_unregister_under_the_update_lock",
	  r25_unregister_under_the_update_lock, HMM_API_LOCKDEP,
	  WRONG_CIRCLE },
	{ "r25_remove_under_the_update_lock",
	  r25_remove_under_the_update_lock, HMM_API_LOCKDEP, WRONG_CIRCLE },
	{ "r25_read_begin_under_the_update_lock",
	  r25_read_begin_under_the_update_lock, HMM_API_LOCKDEP,
	  WRONG_CIRCLE },
	{}
};
