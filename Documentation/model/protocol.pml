/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of the collision protocol as src/core implements it. README.rst lists
 * what is modelled, what is not, and the function that each part models.
 *
 * A configuration (C_...) selects a small instance. At most one mutant (M_...)
 * breaks one rule of the protocol, or one variant (V_...) makes a change that
 * is not expected to break a rule. scripts/model runs all of them.
 *
 * An atomic step has at most one access that a process without the lock can
 * observe separately. All other work under the spinlock is part of the same
 * step, because no process can observe intermediate states. This keeps the
 * state space small and hides no interleaving.
 */

/* ------------------------------------------------------------- instances */

#if defined(C_READERS)
#define SLOTS		2
#define INTERVALS	1
#define ADDRESSES	2
#define TASKS		2
#elif defined(C_NESTED)
#define SLOTS		2
#define INTERVALS	2
#define ADDRESSES	2
#define TASKS		2
#elif defined(C_OVERFLOW)
#define SLOTS		1
#define INTERVALS	1
#define ADDRESSES	2
#define TASKS		1
#elif defined(C_LIFE)
#define SLOTS		2
#define INTERVALS	1
#define ADDRESSES	1
#define TASKS		1
#elif defined(C_GROW)
#define SLOTS		2
#define INTERVALS	1
#define ADDRESSES	2
#define TASKS		2
#elif defined(C_MOVE) || defined(C_SHRINK)
#define SLOTS		2
#define INTERVALS	2
#define ADDRESSES	2
#define TASKS		2
#elif defined(C_EACH_OTHER)
#define SLOTS		1
#define INTERVALS	2
#define ADDRESSES	2
#define TASKS		1
#elif defined(C_EACH_OTHER_TWICE)
#define SLOTS		2
#define INTERVALS	2
#define ADDRESSES	2
#define TASKS		1
#elif defined(C_MERGE) || defined(C_REPLACE)
#define SLOTS		1
#define INTERVALS	3
#define ADDRESSES	2
#define TASKS		1
#elif defined(C_STORM)
#define SLOTS		1
#define INTERVALS	2
#define ADDRESSES	2
#define TASKS		1
#define FAIR_LOCK	3
#elif defined(C_PROGRESS)
#define SLOTS		2
#define INTERVALS	1
#define ADDRESSES	2
#define TASKS		1
#define FAIR_LOCK	4
#elif defined(C_CROWD) || defined(C_CROWD_OWN)
#define SLOTS		1
#define INTERVALS	1
#define ADDRESSES	2
#define TASKS		1
#define FAIR_LOCK	4
#else
#error "no configuration chosen"
#endif

#define NONE		255
/* A walk has found no callback to run yet, and drops the lock briefly. */
#define RELAX		254
#define OVERFLOW	(1 << SLOTS)
#define BIT(n)		(1 << (n))

/* -------------------------------------------------------------- the state */

/* The context. */
byte inflight;
byte waited;		/* slots whose end a reader waits for */
byte overflowed;
byte orders;		/* context->order */
byte running;		/* dispatches in context->dispatches */

/* The invalidations in progress, by slot. */
byte slot_lo[SLOTS], slot_hi[SLOTS];

/* The intervals. */
bool in_tree[INTERVALS];
byte lo[INTERVALS], hi[INTERVALS];
byte seq[INTERVALS], busy[INTERVALS];
byte order[INTERVALS], inserted[INTERVALS];
/*
 * The process whose dispatch last ran the interval's callback, or 0 after the
 * end of that dispatch. The kernel stores a number that is unique to the
 * dispatch.
 */
byte called[INTERVALS];
/*
 * Whether the interval is on the list of intervals that were updated during a
 * dispatch, and which processes have passed it in their pass over this list.
 * The order of the list is not modelled: an interval keeps its position, so
 * each pass reaches it once.
 */
bool moved[INTERVALS];
byte passed[INTERVALS];
byte pins[INTERVALS], users[INTERVALS];
bool removing[INTERVALS];
/* The owner may free the memory: remove returned, or release was called. */
bool freed[INTERVALS];

/* The task is queued on context->wq and has not been woken since. */
bool asleep[TASKS];

/*
 * The CPU's mapping, as a version of each page: an invalidation changes it
 * twice, so a partly changed page has a version of its own. The device's
 * mapping, for each interval, has no version: assertions ensure that it maps
 * the current version of the page.
 */
byte page[ADDRESSES];
bool device[INTERVALS * ADDRESSES];
#define DEVICE(i, a)	device[(i) * ADDRESSES + (a)]

/* The driver's update lock. */
bool update_lock;

/* Scratch variables of one step; not part of the state. */
hidden byte n, best, set;

/*
 * context->lock. The kernel's spinlock is first come, first served, and
 * progress depends on this: otherwise a reader could spin forever although
 * every other task moves on. In searches for progress the lock is therefore a
 * queue, with the position of each process. Safety must hold for any order of
 * arrival, so in other searches the lock is a bit.
 */
#ifdef FAIR_LOCK
byte queued, place[FAIR_LOCK + 1];
hidden byte process;
#define QUEUE		d_step { queued++; place[_pid] = queued };
#define GRANTED		(place[_pid] == 1)
#define HOLD		skip
inline unlock()
{
	queued--;
	process = 0;
	do
	:: process <= FAIR_LOCK ->
		if
		:: place[process] -> place[process] = place[process] - 1
		:: else
		fi;
		process++
	:: else -> break
	od;
	process = 0
}
#define UNLOCK		unlock()
#else
bool lock;
#define QUEUE
#define GRANTED		(!lock)
#define HOLD		lock = 1
#define UNLOCK		lock = 0
#endif

/* ------------------------------------------------------------- the tree */

/* A finite instance uses far fewer stamps: only an endless walk gets here. */
#define ORDERS	100
#define KEY(i)	(lo[i] * ORDERS + order[i])

/*
 * hmm_interval_iter_next(): find the first overlapping interval with a key
 * above that of the walk and with a stamp of at most newest.
 */
inline next_interval(l, h)
{
	i = NONE;
	best = 255;
	n = 0;
	do
	:: n < INTERVALS ->
		if
		:: in_tree[n] && lo[n] <= h && l <= hi[n] &&
		   order[n] <= newest &&
#ifdef M_WALK_AGAIN
		   (newest == 255 || called[n] != _pid) &&
#endif
		   KEY(n) > key && KEY(n) < best ->
			best = KEY(n);
			i = n
		:: else
		fi;
		n++
	:: else -> break
	od;
	if
	:: i != NONE -> key = best
	:: else
	fi;
	n = 0;
	best = 0
}

/* hmm_invalidations_overlapping(); the result is in set. */
inline invalidations_overlapping(l, h)
{
	set = inflight & OVERFLOW;
	n = 0;
	do
	:: n < SLOTS ->
		if
		:: (inflight & BIT(n)) && slot_lo[n] <= h && l <= slot_hi[n] ->
			set = set | BIT(n)
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

inline wake_all()
{
	n = 0;
	do
	:: n < TASKS -> asleep[n] = 0; n++
	:: else -> break
	od;
	n = 0
}

/* ------------------------------------------------------ an invalidation */

/*
 * hmm_invalidation_begin() and hmm_invalidation_begin_overflow(), without
 * setting the bit in inflight.
 */
inline invalidation_begin(l, h, flag)
{
	n = 0;
	do
	:: n < SLOTS && (inflight & BIT(n)) -> n++
	:: else -> break
	od;
	if
	:: n < SLOTS ->
		flag = BIT(n);
		slot_lo[n] = l;
		slot_hi[n] = h
	:: else ->
		flag = OVERFLOW;
		overflowed++
	fi;
	n = 0
}

#if defined(M_OVERFLOW_IGNORED)
#define MARK(flag)	inflight = inflight | (flag & ~OVERFLOW)
#else
#define MARK(flag)	inflight = inflight | flag
#endif

/*
 * hmm_dispatch_begin(). If an interval overlaps, the dispatch begins in the
 * same step as the invalidation.
 */
inline dispatch_begin(hits)
{
	if
	:: hits ->
		began = orders;
		listed = 0;
#ifndef M_LIST_LATE
		running++
#else
		skip
#endif
	:: else
	fi
}

/* hmm_dispatch_end() */
inline dispatch_end()
{
	running--;
	n = 0;
	do
	:: n < INTERVALS ->
		if
		:: called[n] == _pid -> called[n] = 0
		:: else
		fi;
		passed[n] = passed[n] & ~BIT(_pid);
		if
		:: !running -> moved[n] = 0
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

/*
 * The part of a start that begins the invalidation, finds the overlapping
 * intervals and raises their sequences: hmm_notifier_range_start(),
 * hmm_intervals_collide() and hmm_interval_collide(). The lock is dropped after
 * each interval, as if HMM_BATCH were 1, and before the callbacks. This
 * includes every interleaving that is possible with a larger batch.
 */
inline begin_and_collide(l, h, flag, hit)
{
	QUEUE
	d_step {
		GRANTED -> HOLD;
		invalidation_begin(l, h, flag);
#ifndef M_INFLIGHT_LATE
		MARK(flag);
#endif
		key = 0;
		newest = 255;
		next_interval(l, h);
		hit = (i != NONE);
		dispatch_begin(hit)
	};
	do
	:: i == NONE ->
		d_step {
#ifdef M_INFLIGHT_LATE
			MARK(flag);
#endif
			UNLOCK
		};
		break
	:: else ->
#if defined(M_BUSY_LATE)
		seq[i]++;
		d_step { busy[i] = busy[i] | flag; UNLOCK };
#elif defined(M_INFLIGHT_LATE)
		busy[i] = busy[i] | flag;
		seq[i]++;
		d_step { MARK(flag); UNLOCK };
#elif defined(M_SEQ_AFTER_CALLBACK)
		d_step { busy[i] = busy[i] | flag; UNLOCK };
#else
		busy[i] = busy[i] | flag;
		d_step { seq[i]++; UNLOCK };
#endif
		QUEUE
		d_step { GRANTED -> HOLD; next_interval(l, h) }
	od
}

/* Used by the mutant that raises the sequence after the callbacks. */
inline raise_late(l, h)
{
	d_step {
		GRANTED ->
		n = 0;
		do
		:: n < INTERVALS ->
			if
			:: in_tree[n] && lo[n] <= h && l <= hi[n] -> seq[n]++
			:: else
			fi;
			n++
		:: else -> break
		od;
		n = 0
	}
}

/*
 * hmm_interval_unpin() and hmm_interval_put_last(). Sets release if the
 * caller has to call ops->release.
 */
inline unpin(v, release)
{
	assert(!freed[v]);
	pins[v]--;
	release = 0;
	if
	:: !pins[v] && !users[v] ->
		if
		:: removing[v] ->
#ifndef M_UNPIN_NO_WAKE
			wake_all()
#else
			skip
#endif
		:: else -> release = 1
		fi
	:: else
	fi
}

/* hmm_interval_release() */
inline released(v, release)
{
	if
	:: release ->
		d_step {
			assert(!freed[v] && !pins[v] && !in_tree[v]);
			freed[v] = 1;
			release = 0
		}
	:: else
	fi
}

/* hmm_dispatch_must_call(), for an interval on the list */
#ifdef M_CALL_AGAIN
#define CALLED(v)	false
#else
#define CALLED(v)	(called[v] == _pid)
#endif
#define MUST_CALL(v, l, h)	(in_tree[v] && lo[v] <= h && l <= hi[v] &&	\
			 inserted[v] <= began && order[v] > began &&	\
			 !CALLED(v))

/* One step of hmm_dispatch_updated(): handle the next interval on the list. */
inline next_moved(l, h)
{
	i = NONE;
#ifndef M_NO_LIST
	n = 0;
	do
	:: n < INTERVALS ->
		if
		:: moved[n] && !(passed[n] & BIT(_pid)) -> i = n; break
		:: else -> n++
		fi
	:: else -> break
	od;
	n = 0;
	if
	:: i != NONE ->
		passed[i] = passed[i] | BIT(_pid);
		if
		:: MUST_CALL(i, l, h)
		:: else -> i = RELAX
		fi
	:: else
	fi
#endif
}

/*
 * Find and pin the next interval whose callback must run, first in the walk and
 * then on the list. If no such interval is left, end the dispatch. The lock is
 * has been held since the last unpin.
 */
inline advance(l, h)
{
	i = NONE;
	if
	:: !listed ->
		next_interval(l, h);
#ifdef M_WALK_AGAIN
		/* Walk again if an interval was updated during the last pass. */
		if
		:: i == NONE && updated ->
			updated = 0;
			key = 0;
			newest = 254;
			i = RELAX
		:: else
		fi
#else
		listed = (i == NONE)
#endif
	:: else
	fi;
	if
	:: listed -> next_moved(l, h)
	:: else
	fi;
	if
	:: i == NONE -> dispatch_end()
	:: i == RELAX
	:: else ->
		assert(!freed[i]);
		pins[i]++;
		called[i] = _pid
	fi
}

/* hmm_interval_list_updated(), for an update or, in one variant, an insert */
inline list_moved(v)
{
	if
	:: running ->
		moved[v] = 1;
#ifdef M_LIST_AGAIN
		/* Move it to the end of the list: every pass reaches it again. */
		passed[v] = 0
#else
		skip
#endif
	:: else
	fi
}

#ifdef M_WALK_AGAIN
bool updated;
#define NOTE_UPDATE	updated = 1
#else
#define NOTE_UPDATE	skip
#endif

/*
 * Assign the stamp of an interval that enters the tree again. If the number of
 * updates is unlimited, all of them use one stamp: it only has to be above that
 * of the dispatch.
 */
#if defined(M_UPDATE_NO_STAMP)
#define STAMP(v)	skip
#elif defined(C_STORM)
#define STAMP(v)	order[v] = INTERVALS + 1
#else
#define STAMP(v)	orders++; assert(orders < ORDERS); order[v] = orders
#endif

/* hmm_interval_notifier_update() */
inline update(v, l, h, own)
{
	QUEUE
	d_step {
		GRANTED ->
		HOLD;
		lo[v] = l;
		hi[v] = h;
		STAMP(v);
		invalidations_overlapping(l, h);
#ifndef M_UPDATE_NO_BUSY
		busy[v] = set;
#endif
#ifdef M_LIST_NOT_OWN
		if
		:: !own -> list_moved(v)
		:: else
		fi;
#else
		list_moved(v);
#endif
		NOTE_UPDATE;
		set = 0
	};
	d_step {
#if !defined(M_UPDATE_NO_SEQ) && !defined(C_STORM)
		seq[v]++;
#endif
		UNLOCK
	}
}

/*
 * The driver's callback: acquire the update lock, remove the mappings of the
 * device in the range, and drop the lock. No other process can observe the
 * states in between, so this is one step.
 */
inline callback(v, l, h)
{
	d_step {
#ifndef M_CALLBACK_UNLOCKED
		!update_lock ->
#endif
		assert(!freed[v]);
		n = l;
		do
		:: n <= h -> DEVICE(v, n) = 0; n++
		:: else -> break
		od;
#if defined(C_EACH_OTHER) || defined(C_EACH_OTHER_TWICE)
		update_lock = 1;
#endif
		n = 0
	};
#if defined(C_EACH_OTHER) || defined(C_EACH_OTHER_TWICE)
	/* This callback updates the other interval with the lock held. */
	update(1 - v, lo[1 - v], hi[1 - v], true);
	update_lock = 0;
#endif
#ifdef C_MOVE
	/* This callback moves its own interval to an address ahead of the walk. */
	if
	:: v == 1 && lo[1] == 0 -> update(1, 1, 1, true)
	:: else
	fi;
#endif
	assert(!freed[v])
}

/*
 * hmm_dispatch_run(), and hmm_dispatch_single(), which does the same for a
 * single interval. An interval that was inserted after the invalidation began
 * needs no callback, because its readers wait.
 */
inline dispatch(l, h, hit)
{
	if
	:: !hit
	:: else ->
		QUEUE
		d_step {
			GRANTED ->
#if defined(M_DISPATCH_FIRST)
			dispatch_begin(true);
#elif defined(M_LIST_LATE)
			running++;
#endif
			newest = began;
			key = 0;
			advance(l, h);
			UNLOCK
		};
		do
		:: i == NONE -> break
		:: i == RELAX ->
			QUEUE
			d_step { GRANTED -> advance(l, h); UNLOCK }
		:: else ->
			callback(i, l, h);
			QUEUE
#ifdef M_TOUCH_AFTER_UNPIN
			d_step { GRANTED -> unpin(i, rel); UNLOCK };
			d_step { GRANTED -> assert(!freed[i]); advance(l, h) }
#else
			d_step {
				GRANTED ->
				unpin(i, rel);
				if
				:: !rel ->
#ifdef M_WALK_FOLLOWS
					key = KEY(i);
#endif
					advance(l, h)
				:: else
				fi;
				UNLOCK
			};
			if
			:: rel ->
				released(i, rel);
				QUEUE
				d_step { GRANTED -> advance(l, h); UNLOCK }
			:: else
			fi
#endif
		od;
		/* A break must not lead into a d_step. */
		key = 0;
		d_step { began = 0; listed = 0; newest = 0 }
	fi
}

/* Half of a change of the page tables. No device may map an older version. */
inline change(l, h)
{
	d_step {
		n = l;
		do
		:: n <= h ->
			page[n]++;
			best = 0;
			do
			:: best < INTERVALS ->
				assert(!DEVICE(best, n));
				best++
			:: else -> break
			od;
			n++
		:: else -> break
		od;
		n = 0;
		best = 0
	}
}

#ifdef M_END_NO_WAKE
#define WAKE_ALL	skip
#else
#define WAKE_ALL	d_step { wake_all() }
#endif

/* hmm_invalidation_wake() */
inline wake(flag)
{
	QUEUE
	d_step {
		GRANTED ->
		waited = waited & ~flag;
		UNLOCK
	};
	WAKE_ALL
}

/*
 * hmm_invalidation_end_overflow(). It always wakes all waiters, so it does not
 * use its bit in waited.
 */
inline end_overflow()
{
	QUEUE
	d_step {
		GRANTED ->
		overflowed--;
		if
#ifdef M_OVERFLOW_NOT_COUNTED
		:: inflight = inflight & ~OVERFLOW
#else
		:: !overflowed -> inflight = inflight & ~OVERFLOW
		:: else
#endif
		fi;
		UNLOCK
	};
	WAKE_ALL
}

/*
 * hmm_invalidation_end(), hmm_invalidation_end_slot() and
 * hmm_invalidation_end_slow(). There are at most three slots, so the number of
 * a slot is half of its bit.
 */
inline invalidation_end(flag)
{
	if
	:: flag == OVERFLOW -> end_overflow()
	:: else ->
#ifdef M_WAITED_BEFORE_CLEAR
		must_wake = ((waited & flag) != 0);
#endif
		d_step {
			inflight = inflight & ~flag;
			/* Nothing may depend on the contents of a free slot. */
			slot_lo[flag >> 1] = 0;
			slot_hi[flag >> 1] = 0
		};
#ifndef M_WAITED_BEFORE_CLEAR
		must_wake = ((waited & flag) != 0);
#endif
		if
		:: must_wake -> wake(flag)
		:: else
		fi
	fi;
	d_step { must_wake = 0; flag = 0 }
}

/*
 * End a dispatch without callbacks: the invalidation was refused, or no
 * callback has to run.
 */
inline dispatch_cancel(hits)
{
	key = 0;
	d_step {
		if
		:: hits -> dispatch_end()
		:: else
		fi;
		hits = 0;
		began = 0;
		newest = 0
	}
}

#if defined(M_DISPATCH_FIRST)
#define START(l, h, flag, hit)	dispatch(l, h, 1);			\
				begin_and_collide(l, h, flag, hit);	\
				dispatch_cancel(hit)
#elif defined(M_SEQ_AFTER_CALLBACK)
#define START(l, h, flag, hit)	begin_and_collide(l, h, flag, hit);	\
				dispatch(l, h, hit);			\
				raise_late(l, h)
#else
#define START(l, h, flag, hit)	begin_and_collide(l, h, flag, hit); dispatch(l, h, hit)
#endif

#ifdef M_END_EARLY
#define CHANGE_AND_END(l, h, flag)	change(l, h); invalidation_end(flag); change(l, h)
#else
#define CHANGE_AND_END(l, h, flag)	change(l, h); change(l, h); invalidation_end(flag)
#endif

/* The local variables of an invalidating task. */
#define WALKER							\
	byte i = NONE, key, newest, began;			\
	bool must_wake, rel, listed

proctype invalidator(byte l; byte h; byte times)
{
	WALKER;
	byte flag;
	bool hit;

	do
	:: times ->
		START(l, h, flag, hit);
		CHANGE_AND_END(l, h, flag);
		times--
	:: else -> break
	od
}

/* A task invalidates within an invalidation; the inner one may be refused. */
proctype nested_invalidator(byte l; byte h; byte inner_l; byte inner_h)
{
	WALKER;
	byte flag, inner_flag;
	bool hit, inner_hit;

	START(l, h, flag, hit);
	if
	:: START(inner_l, inner_h, inner_flag, inner_hit);
	   CHANGE_AND_END(inner_l, inner_h, inner_flag)
	:: /* A start notifier refuses: no page changes, but the end is called. */
	   begin_and_collide(inner_l, inner_h, inner_flag, inner_hit);
	   dispatch_cancel(inner_hit);
	   invalidation_end(inner_flag)
	fi;
	CHANGE_AND_END(l, h, flag)
}

/*
 * One invalidation, or an endless series. They run no callbacks and change no
 * pages, because they are used where only the waiting of readers matters.
 */
proctype unrelated_invalidator(byte l; byte h; bool endless)
{
	WALKER;
	byte flag;
	bool hit;

	do
	:: begin_and_collide(l, h, flag, hit);
	   dispatch_cancel(hit);
	   invalidation_end(flag);
	   if
	   :: endless
	   :: else -> break
	   fi
	od
}

/* -------------------------------------------------------------- a reader */

/* The three loads of hmm_interval_is_idle(), which the mutants reorder. */
#define LOAD_SEQ	read_seq = seq[v]
#define LOAD_INFLIGHT	pending = inflight
#define LOAD_BUSY	mask = busy[v]
#define LOAD_PAGE	version = page[a]

/*
 * hmm_interval_read_begin_slow(). It holds the lock, but an end does not
 * acquire it, so the accesses that an end can observe are separate steps.
 */
inline read_begin_slow(v, a)
{
	QUEUE
	d_step {
		GRANTED -> HOLD;
		invalidations_overlapping(lo[v], hi[v]);
#if defined(M_WAIT_FOR_ALL)
		pending = inflight;
#elif defined(M_BUSY_TRUSTED)
		pending = busy[v] & inflight;
#else
		pending = set;
#endif
		set = 0;
		mask = waited
	};
#ifdef M_WAITED_AFTER_CHECK
	pending = pending & inflight;
	waited = mask | pending;
#else
	waited = mask | pending;
#ifdef M_PAGES_BEFORE_RECHECK
	LOAD_PAGE;
#endif
#ifndef M_NO_RECHECK
	pending = pending & inflight;
#endif
#endif
	d_step {
		waited = mask | pending;
#ifndef V_BUSY_NOT_CORRECTED
		busy[v] = pending;
#endif
		read_seq = seq[v];
		idle = !pending;
		pending = 0;
		mask = 0;
		UNLOCK
	}
}

/*
 * hmm_interval_is_idle(). The kernel does not load busy when nothing is in
 * progress. This makes no difference here, because the loaded value is not used
 * in this case.
 */
inline is_idle(v, a)
{
#if defined(M_INFLIGHT_BEFORE_SEQ)
	LOAD_INFLIGHT;
	LOAD_SEQ;
	LOAD_BUSY;
#elif defined(M_BUSY_BEFORE_SEQ)
	LOAD_BUSY;
	LOAD_SEQ;
	LOAD_INFLIGHT;
#elif defined(V_BUSY_BEFORE_INFLIGHT)
	LOAD_SEQ;
	LOAD_BUSY;
	LOAD_INFLIGHT;
#elif defined(M_PAGES_BEFORE_INFLIGHT)
	LOAD_SEQ;
	LOAD_PAGE;
	LOAD_INFLIGHT;
	LOAD_BUSY;
#elif defined(M_PAGES_BEFORE_BUSY)
	LOAD_SEQ;
	LOAD_INFLIGHT;
	LOAD_PAGE;
	LOAD_BUSY;
#else
	LOAD_SEQ;
	LOAD_INFLIGHT;
	LOAD_BUSY;
#endif
	d_step {
#if defined(M_WAIT_FOR_ALL)
		idle = !pending;
#elif defined(M_OVERFLOW_TESTED)
		idle = !((mask | OVERFLOW) & pending);
#else
		idle = !(mask & pending);
#endif
		pending = 0;
		mask = 0
	}
}

/* hmm_interval_read_begin() */
inline read_begin(me, v, a)
{
	is_idle(v, a);
	slow_path = !idle;
#ifdef M_NO_WAIT
	slow_path = 0;
#endif
	if
	:: slow_path ->
		read_begin_slow(v, a);
		do
		:: idle -> break
		:: else ->
#ifdef M_CHECK_BEFORE_QUEUE
			read_begin_slow(v, a);
			if
			:: !idle -> asleep[me] = 1; !asleep[me]
			:: else
			fi
#else
			asleep[me] = 1;
			read_begin_slow(v, a);
			if
			:: !idle -> !asleep[me]
			:: else -> asleep[me] = 0
			fi
#endif
		od
	:: else
	fi
}

#if defined(M_PAGES_BEFORE_INFLIGHT) || defined(M_PAGES_BEFORE_BUSY)
/* A reader that takes the slow path always reads the pages afterwards. */
#define READ_PAGES	if :: slow_path -> LOAD_PAGE :: else fi
#elif defined(M_PAGES_BEFORE_RECHECK)
#define READ_PAGES	if :: !slow_path -> LOAD_PAGE :: else fi
#else
#define READ_PAGES	LOAD_PAGE
#endif

/*
 * The driver's loop that maps an address through an interval, until a read does
 * not collide. The driver reads the bounds, and stops if the address is outside
 * of them.
 */
inline populate(me, v, a)
{
	do
	:: read_begin(me, v, a);
	   if
	   :: a < lo[v] || a > hi[v] -> break
	   :: else
	   fi;
	   READ_PAGES;
#if defined(M_RETRY_UNLOCKED)
	   idle = (seq[v] == read_seq);
	   d_step { !update_lock -> update_lock = 1 };
#elif defined(M_NO_RETRY)
	   d_step { !update_lock -> update_lock = 1; idle = 1 };
#else
	   d_step { !update_lock -> update_lock = 1; idle = (seq[v] == read_seq) };
#endif
	   d_step {
		if
		:: idle ->
			assert(!freed[v]);
			assert(version == page[a]);
			DEVICE(v, a) = 1
		:: else
		fi;
		update_lock = 0;
		version = 0;
		read_seq = 0;
		slow_path = 0
	   };
	   if
	   :: idle -> break
	   :: else
	   fi
	od
}

#define READER					\
	byte read_seq, pending, mask, version;	\
	bool idle, slow_path

proctype reader(byte me; byte v; byte a)
{
	READER;

	populate(me, v, a)
}

/* ------------------------------------------------- changes of the tree */

/* hmm_interval_notifier_insert() */
inline insert(v, l, h)
{
	QUEUE
	d_step {
		GRANTED ->
		lo[v] = l;
		hi[v] = h;
		orders++;
		order[v] = orders;
		inserted[v] = orders;
		users[v] = 1;
		seq[v] = 1;
#ifndef M_INSERT_NO_BUSY
		invalidations_overlapping(l, h);
		busy[v] = set;
		set = 0;
#endif
#ifdef V_INSERT_LISTED
		inserted[v] = 0;
		list_moved(v);
#endif
		in_tree[v] = 1;
		UNLOCK
	}
}

#if defined(M_REMOVE_NO_PINS)
#define REMOVABLE(v)	(!users[v])
#elif defined(M_REMOVE_NO_USERS)
#define REMOVABLE(v)	(!pins[v])
#else
#define REMOVABLE(v)	(!pins[v] && !users[v])
#endif

/* hmm_interval_notifier_remove() */
inline remove(me, v)
{
	QUEUE
	d_step {
		GRANTED ->
		in_tree[v] = 0;
		moved[v] = 0;
		removing[v] = 1;
		users[v]--;
		unused = REMOVABLE(v);
		UNLOCK
	};
	do
	:: unused -> break
	:: else ->
		asleep[me] = 1;
		QUEUE
		d_step { GRANTED -> unused = REMOVABLE(v); UNLOCK };
		if
		:: !unused -> !asleep[me]
		:: else -> asleep[me] = 0
		fi
	od;
	atomic {
		assert(!freed[v]);
		freed[v] = 1
	}
}

#ifdef M_PUT_NO_PINS
#define PINNED(v)	0
#else
#define PINNED(v)	pins[v]
#endif

/* hmm_interval_notifier_put() */
inline put(v, release)
{
	QUEUE
	d_step {
		GRANTED ->
		assert(!freed[v]);
		users[v]--;
		if
		:: !users[v] ->
			in_tree[v] = 0;
			moved[v] = 0;
			if
			:: PINNED(v)
			:: !PINNED(v) && removing[v] -> wake_all()
			:: !PINNED(v) && !removing[v] -> release = 1
			fi
		:: else
		fi;
		UNLOCK
	};
	released(v, release)
}

/* The life of an interval: insert, map through it, unmap, remove or put. */
proctype owner(byte me; byte v; byte a)
{
	READER;
	bool unused, rel;

	insert(v, a, a);
	populate(me, v, a);
	atomic { !update_lock -> DEVICE(v, a) = 0 };
	if
	:: remove(me, v)
	:: put(v, rel)
	fi
}

/* hmm_interval_notifier_find(), an access to the result, and a put. */
proctype finder(byte v)
{
	bool found, rel;

	QUEUE
	d_step {
		GRANTED ->
		found = in_tree[v];
		if
		:: found ->
			assert(!freed[v]);
#ifndef M_FIND_NO_REFERENCE
			users[v]++
#else
			skip
#endif
		:: else
		fi;
		UNLOCK
	};
	if
	:: found ->
		assert(!freed[v]);
#ifndef M_FIND_NO_REFERENCE
		put(v, rel)
#endif
	:: else
	fi
}

/*
 * Grows an interval with the update lock held. A reader that reads the bounds
 * during the update acquires the lock after the update, and detects the
 * collision.
 */
proctype grower(byte v; byte l; byte h)
{
#ifndef M_UPDATE_UNLOCKED
	d_step { !update_lock -> update_lock = 1 };
#endif
	update(v, l, h, false);
#ifndef M_UPDATE_UNLOCKED
	update_lock = 0
#endif
}

/*
 * Shrinks an interval, after it has removed the mappings outside of the new
 * bounds. The update lock is held during both steps, so that no reader maps the
 * address again in between.
 */
proctype shrinker(byte v; byte keep; byte drop)
{
	d_step { !update_lock -> update_lock = 1; DEVICE(v, drop) = 0 };
	update(v, keep, keep, false);
	update_lock = 0
}

/*
 * One interval takes over the mapping of another: a neighbour that grows, or a
 * new interval in its place.
 */
proctype merger(byte from; byte into; byte a)
{
	bool unused;

	d_step { !update_lock -> update_lock = 1 };
#ifdef C_MERGE
	update(into, 0, 1, false);
#else
	insert(into, a, a);
#endif
	d_step {
		DEVICE(into, a) = DEVICE(from, a);
		DEVICE(from, a) = 0;
		update_lock = 0
	};
	remove(0, from)
}

/* -------------------------------------------------------------- the runs */

#ifdef C_STORM
bool done;

/* One invalidation. Meanwhile the updater updates an interval without end. */
proctype invalidator_once(byte l; byte h)
{
	WALKER;
	byte flag;
	bool hit;

	START(l, h, flag, hit);
	done = 1;
	invalidation_end(flag)
}

proctype updater(byte v)
{
	do
	:: update(v, 0, 0, false);
	   update(v, 1, 1, false)
	od
}

ltl every_dispatch_ends { <> done }
#elif defined(FAIR_LOCK)
bool done;

/* A reader, which must finish while other tasks invalidate without end. */
proctype reader_once(byte me; byte v; byte a)
{
	READER;

	populate(me, v, a);
	done = 1
}

ltl no_reader_starves { <> done }
#endif

inline add_interval(v, l, h)
{
	orders++;
	order[v] = orders;
	inserted[v] = orders;
	lo[v] = l;
	hi[v] = h;
	seq[v] = 1;
	users[v] = 1;
	in_tree[v] = 1
}

init {
	atomic {
#if defined(C_READERS)
		/* Two readers correct busy of the same interval. */
		add_interval(0, 0, 1);
		run reader(0, 0, 0);
		run reader(1, 0, 1);
		run invalidator(0, 1, 1);
		run invalidator(0, 0, 1)
#elif defined(C_NESTED)
		add_interval(0, 0, 1);
		add_interval(1, 1, 1);
		run reader(0, 0, 0);
		run reader(1, 1, 1);
		run nested_invalidator(0, 1, 0, 0)
#elif defined(C_OVERFLOW)
		add_interval(0, 0, 1);
		run reader(0, 0, 0);
		run invalidator(0, 0, 1);
		run invalidator(0, 1, 1);
		run invalidator(1, 1, 1)
#elif defined(C_LIFE)
		run owner(0, 0, 0);
		run finder(0);
		run invalidator(0, 0, 1);
		run invalidator(0, 0, 1)
#elif defined(C_MOVE)
		/*
		 * Interval 0 has the older stamp. If it kept this stamp when it
		 * grew to address 0, a walk at interval 1 would miss it.
		 */
		add_interval(0, 1, 1);
		add_interval(1, 0, 0);
		run reader(0, 0, 1);
		run reader(1, 0, 0);
		run grower(0, 0, 1);
		run invalidator(0, 1, 1)
#elif defined(C_GROW)
		add_interval(0, 1, 1);
		run reader(0, 0, 1);
		run reader(1, 0, 0);
		run grower(0, 0, 1);
		run invalidator(0, 0, 1)
#elif defined(C_SHRINK)
		add_interval(0, 0, 1);
		run reader(0, 0, 1);
		run shrinker(0, 0, 1);
		run invalidator(1, 1, 1);
		run invalidator(0, 0, 1)
#elif defined(C_EACH_OTHER)
		add_interval(0, 0, 0);
		add_interval(1, 1, 1);
		DEVICE(0, 0) = 1;
		DEVICE(1, 1) = 1;
		run reader(0, 1, 1);
		run invalidator(0, 1, 1)
#elif defined(C_EACH_OTHER_TWICE)
		add_interval(0, 0, 0);
		add_interval(1, 1, 1);
		run invalidator(0, 1, 1);
		run invalidator(0, 1, 1)
#elif defined(C_STORM)
		/* Here two intervals need two batches; in the kernel, 65 do. */
		add_interval(0, 0, 0);
		add_interval(1, 1, 1);
		run invalidator_once(0, 1);
		run updater(1)
#elif defined(C_MERGE)
		add_interval(0, 0, 0);
		add_interval(1, 1, 1);
		DEVICE(1, 1) = 1;
		run merger(1, 0, 1);
		run invalidator(0, 1, 1)
#elif defined(C_REPLACE)
		add_interval(0, 0, 0);
		add_interval(1, 1, 1);
		DEVICE(1, 1) = 1;
		run merger(1, 2, 1);
		run invalidator(0, 1, 1)
#elif defined(C_PROGRESS)
		/*
		 * The first invalidation overlaps the interval. The others
		 * reuse its slot, so that its bit in busy is stale.
		 */
		add_interval(0, 0, 0);
		run reader_once(0, 0, 0);
		run unrelated_invalidator(0, 0, 0);
		run unrelated_invalidator(1, 1, 1);
		run unrelated_invalidator(1, 1, 1)
#elif defined(C_CROWD_OWN)
		/* One invalidation overlaps and sends the reader to the slow path. */
		add_interval(0, 0, 0);
		run reader_once(0, 0, 0);
		run unrelated_invalidator(0, 0, 0);
		run unrelated_invalidator(1, 1, 1);
		run unrelated_invalidator(1, 1, 1)
#elif defined(C_CROWD)
		/* Three tasks share one slot: some invalidations have no slot. */
		add_interval(0, 0, 0);
		run reader_once(0, 0, 0);
		run unrelated_invalidator(1, 1, 1);
		run unrelated_invalidator(1, 1, 1);
		run unrelated_invalidator(1, 1, 1)
#endif
	}
}
