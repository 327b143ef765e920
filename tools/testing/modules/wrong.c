// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong drivers: each does one thing that may end in a deadlock some day. It
 * does it once, where no deadlock is near, and lockdep must tell.
 *
 * After its first report lockdep is off, so each needs a boot of its own.
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

static bool wrong_is_seen(void)
{
#ifdef CONFIG_LOCKDEP
	return debug_locks;
#else
	return false;
#endif
}

/*
 * An ordinary run: a mirror, an interval, one invalidation, whose callback
 * takes the update lock; and what the driver does wrong.
 */
static void wrong_run(void (*wrong)(struct api_mirror *mirror,
				    struct api_interval *interval))
{
	struct api_interval *interval;
	struct api_mirror *mirror;

	if (!wrong_is_seen()) {
		api_skip("lockdep is not there, or has reported something before");
		return;
	}
	mirror = api_mirror();
	interval = api_interval(mirror, 0, 8);
	interval->action = wrong_callback;
	EXPECT_EQ(0, api_write(0));
	EXPECT(wrong_is_seen());
	wrong(mirror, interval);
	EXPECT(!wrong_is_seen());
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

/* Waits for a callback that waits for the lock; today none runs. */
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
 * It would wait for itself for ever, report or not. So the mirror is one that
 * is not registered: it takes the same way up to the wait.
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

/* The lab reads the names here: one a line, right behind the brace. */
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
