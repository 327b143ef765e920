/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of the collision protocol as src/core implements it. README.rst says
 * what is modelled, what is not, and which function each part stands for.
 *
 * One configuration (C_...) chooses a small instance, at most one mutant
 * (M_...) breaks one rule of the protocol, a variant (V_...) drops something
 * that is thought not to be a rule. scripts/model runs all of them.
 *
 * An atomic step holds at most one access that somebody without the lock can
 * tell from its neighbours. What else happens under the spinlock is put into
 * the same step, for nobody sees it half done; that keeps the state space
 * small without hiding an interleaving.
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
/* A walker has nothing to call yet, and drops the lock for a moment. */
#define RELAX		254
#define OVERFLOW	(1 << SLOTS)
#define BIT(n)		(1 << (n))

/* ------------------------------------------------------ what there is */

/* The context. */
byte inflight;
byte waited;		/* slots on whose end a reader waits */
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
 * Which dispatch called it last: a process here, and cleared when its dispatch
 * is over, where the kernel has a number that no other dispatch is given.
 */
byte called[INTERVALS];
/*
 * It is on the list of those that were updated under a dispatch, and which
 * processes have passed it in their pass over that list. The order of the list
 * is left out: an interval keeps its place, so each pass meets it once.
 */
bool moved[INTERVALS];
byte passed[INTERVALS];
byte pins[INTERVALS], users[INTERVALS];
bool removing[INTERVALS];
/* The memory is the owner's again: remove returned, or release was called. */
bool freed[INTERVALS];

/* A task is queued on context->wq and has not been woken since. */
bool asleep[TASKS];

/*
 * What the CPU maps, as a version of each page: an invalidation changes it
 * twice, so that half changed is a version too. And what the device maps, by
 * interval: there is no need to keep a version there, because assertions keep
 * it equal to the page's.
 */
byte page[ADDRESSES];
bool device[INTERVALS * ADDRESSES];
#define DEVICE(i, a)	device[(i) * ADDRESSES + (a)]

/* The driver's update lock. */
bool update_lock;

/* Scratch of one step each; no part of the state. */
hidden byte n, best, set;

/*
 * context->lock. The kernel's spinlock is first come, first served, and
 * progress depends on that: without it a reader could spin for ever although
 * every other task moves on. So where progress is checked it is a queue, with
 * the place of each process in it; where safety is, any order of arrival must
 * do, and a bit stands for the lock.
 */
#ifdef FAIR_LOCK
byte queued, place[FAIR_LOCK + 1];
hidden byte process;
#define QUEUE		d_step { queued++; place[_pid] = queued };
#define MINE		(place[_pid] == 1)
#define HOLD		skip
inline let_go()
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
#define LET_GO		let_go()
#else
bool lock;
#define QUEUE
#define MINE		(!lock)
#define HOLD		lock = 1
#define LET_GO		lock = 0
#endif

/* ------------------------------------------------------------- the tree */

/*
 * No finite instance gets anywhere near so many stamps: a walk that does will
 * never end.
 */
#define ORDERS	100
#define KEY(i)	(lo[i] * ORDERS + order[i])

/*
 * hmm_interval_iter_next(): the first interval that overlaps, whose key is
 * past the walk's, and that entered the tree at newest or earlier.
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

/* hmm_invalidations_overlapping(), into set. */
inline invalidations_of(l, h)
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
 * hmm_invalidation_begin() and hmm_invalidation_begin_overflow(), but for the bit in
 * inflight.
 */
inline enter(l, h, flag)
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
 * hmm_dispatch_begin() and hmm_dispatch_end(). A hit begins a dispatch in the
 * step that enters the invalidation.
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
 * The part of a start that enters the invalidation, looks whom it hits, and
 * raises their sequences: hmm_notifier_range_start(), hmm_intervals_collide() and
 * hmm_interval_collide(). The lock is dropped after each interval, as if
 * HMM_BATCH were 1, and before the callbacks: that includes all that can
 * happen when it is held for longer.
 */
inline enter_and_collide(l, h, flag, hit)
{
	QUEUE
	d_step {
		MINE -> HOLD;
		enter(l, h, flag);
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
			LET_GO
		};
		break
	:: else ->
#if defined(M_BUSY_LATE)
		seq[i]++;
		d_step { busy[i] = busy[i] | flag; LET_GO };
#elif defined(M_INFLIGHT_LATE)
		busy[i] = busy[i] | flag;
		seq[i]++;
		d_step { MARK(flag); LET_GO };
#elif defined(M_SEQ_AFTER_CALLBACK)
		d_step { busy[i] = busy[i] | flag; LET_GO };
#else
		busy[i] = busy[i] | flag;
		d_step { seq[i]++; LET_GO };
#endif
		QUEUE
		d_step { MINE -> HOLD; next_interval(l, h) }
	od
}

/* For the mutant that raises the sequence when the callbacks have run. */
inline raise_late(l, h)
{
	d_step {
		MINE ->
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
 * hmm_interval_unpin() and hmm_interval_dropped(); release says that
 * ops->release is to be called.
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

/* hmm_interval_released() */
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

/* hmm_dispatch_must_call(), of an interval on the list */
#ifdef M_CALL_AGAIN
#define CALLED(v)	false
#else
#define CALLED(v)	(called[v] == _pid)
#endif
#define OWES(v, l, h)	(in_tree[v] && lo[v] <= h && l <= hi[v] &&	\
			 inserted[v] <= began && order[v] > began &&	\
			 !CALLED(v))

/* One step of hmm_dispatch_moved(): the next interval on the list. */
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
		:: OWES(i, l, h)
		:: else -> i = RELAX
		fi
	:: else
	fi
#endif
}

/*
 * On to the next interval to call, pinned, or to the end of the dispatch: the
 * walk first, then the list. The lock is held from the last unpin on.
 */
inline advance(l, h)
{
	i = NONE;
	if
	:: !listed ->
		next_interval(l, h);
#ifdef M_WALK_AGAIN
		/* Walk again as long as anything was updated in the last pass. */
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

/* hmm_interval_list_moved(), for an update or, in a variant, an insert */
inline list_moved(v)
{
	if
	:: running ->
		moved[v] = 1;
#ifdef M_LIST_AGAIN
		/* To the end of the list, where every pass meets it once more. */
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
 * The stamp of an interval that enters the tree again. Where updates are
 * without end the stamps must not be: later than the dispatch is all that
 * counts.
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
		MINE ->
		HOLD;
		lo[v] = l;
		hi[v] = h;
		STAMP(v);
		invalidations_of(l, h);
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
		LET_GO
	}
}

/*
 * What a driver does in its callback: take the update lock, remove what the
 * device maps in the range, and let the lock go. Nothing it does in between
 * can be seen, so it is one step.
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
	/* This one updates the other interval before it lets go of the lock. */
	update(1 - v, lo[1 - v], hi[1 - v], true);
	update_lock = 0;
#endif
#ifdef C_MOVE
	/* This one moves itself, ahead of where the walk has come to. */
	if
	:: v == 1 && lo[1] == 0 -> update(1, 1, 1, true)
	:: else
	fi;
#endif
	assert(!freed[v])
}

/*
 * hmm_dispatch_run() and hmm_dispatch_single(), which is the same where there is
 * one interval to call. An interval that was not there when the invalidation
 * was entered needs no callback: its readers wait.
 */
inline dispatch(l, h, hit)
{
	if
	:: !hit
	:: else ->
		QUEUE
		d_step {
			MINE ->
#if defined(M_DISPATCH_FIRST)
			dispatch_begin(true);
#elif defined(M_LIST_LATE)
			running++;
#endif
			newest = began;
			key = 0;
			advance(l, h);
			LET_GO
		};
		do
		:: i == NONE -> break
		:: i == RELAX ->
			QUEUE
			d_step { MINE -> advance(l, h); LET_GO }
		:: else ->
			callback(i, l, h);
			QUEUE
#ifdef M_TOUCH_AFTER_UNPIN
			d_step { MINE -> unpin(i, rel); LET_GO };
			d_step { MINE -> assert(!freed[i]); advance(l, h) }
#else
			d_step {
				MINE ->
				unpin(i, rel);
				if
				:: !rel ->
#ifdef M_WALK_FOLLOWS
					key = KEY(i);
#endif
					advance(l, h)
				:: else
				fi;
				LET_GO
			};
			if
			:: rel ->
				released(i, rel);
				QUEUE
				d_step { MINE -> advance(l, h); LET_GO }
			:: else
			fi
#endif
		od;
		/* A break must not lead into a d_step. */
		key = 0;
		d_step { began = 0; listed = 0; newest = 0 }
	fi
}

/* Half of a change of the page tables: whoever maps an older page is wrong. */
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
		MINE ->
		waited = waited & ~flag;
		LET_GO
	};
	WAKE_ALL
}

/*
 * hmm_invalidation_end_overflow(). It wakes whoever waits, so that nobody
 * asks for its bit in waited.
 */
inline end_overflow()
{
	QUEUE
	d_step {
		MINE ->
		overflowed--;
		if
#ifdef M_OVERFLOW_NOT_COUNTED
		:: inflight = inflight & ~OVERFLOW
#else
		:: !overflowed -> inflight = inflight & ~OVERFLOW
		:: else
#endif
		fi;
		LET_GO
	};
	WAKE_ALL
}

/* hmm_invalidation_end(), hmm_invalidation_end_slow() and ..._clear() */
inline leave(flag)
{
	if
	:: flag == OVERFLOW -> end_overflow()
	:: else ->
#ifdef M_WAITED_BEFORE_CLEAR
		slow = ((waited & flag) != 0);
#endif
		d_step {
			inflight = inflight & ~flag;
			/* Nothing may depend on what a free slot holds. */
			slot_lo[flag >> 1] = 0;
			slot_hi[flag >> 1] = 0
		};
#ifndef M_WAITED_BEFORE_CLEAR
		slow = ((waited & flag) != 0);
#endif
		if
		:: slow -> wake(flag)
		:: else
		fi
	fi;
	d_step { slow = 0; flag = 0 }
}

/* A dispatch that ends without a callback: it was refused, or has none. */
inline undispatched(hits)
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
#define START(l, h, flag, hit)	dispatch(l, h, 1); enter_and_collide(l, h, flag, hit); undispatched(hit)
#elif defined(M_SEQ_AFTER_CALLBACK)
#define START(l, h, flag, hit)	enter_and_collide(l, h, flag, hit); dispatch(l, h, hit); raise_late(l, h)
#else
#define START(l, h, flag, hit)	enter_and_collide(l, h, flag, hit); dispatch(l, h, hit)
#endif

#ifdef M_END_EARLY
#define CHANGE_AND_END(l, h, flag)	change(l, h); leave(flag); change(l, h)
#else
#define CHANGE_AND_END(l, h, flag)	change(l, h); change(l, h); leave(flag)
#endif

/* What a task that invalidates, or a part of it, remembers meanwhile. */
#define WALKER							\
	byte i = NONE, key, newest, began;			\
	bool slow, rel, listed

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

/* One invalidation within another, by the same task; the inner one refused. */
proctype nester(byte l; byte h; byte inner_l; byte inner_h)
{
	WALKER;
	byte flag, inner_flag;
	bool hit, inner_hit;

	START(l, h, flag, hit);
	if
	:: START(inner_l, inner_h, inner_flag, inner_hit);
	   CHANGE_AND_END(inner_l, inner_h, inner_flag)
	:: /* A start notifier refused: nothing changes, but the end comes. */
	   enter_and_collide(inner_l, inner_h, inner_flag, inner_hit);
	   undispatched(inner_hit);
	   leave(inner_flag)
	fi;
	CHANGE_AND_END(l, h, flag)
}

/*
 * Without callbacks and changes, where only the waiting counts. Once, or
 * without end.
 */
proctype stranger(byte l; byte h; bool endless)
{
	WALKER;
	byte flag;
	bool hit;

	do
	:: enter_and_collide(l, h, flag, hit);
	   undispatched(hit);
	   leave(flag);
	   if
	   :: endless
	   :: else -> break
	   fi
	od
}

/* -------------------------------------------------------------- a reader */

/* The three loads of hmm_interval_is_idle(), and what mutants make of them. */
#define LOAD_SEQ	s = seq[v]
#define LOAD_INFLIGHT	found = inflight
#define LOAD_BUSY	mine = busy[v]
#define LOAD_PAGE	version = page[a]

/*
 * hmm_interval_read_begin_slow(): under the lock, but an end does not take that, so what
 * it can tell apart is apart here too. At most three slots, so half of a bit
 * is its number.
 */
inline look(v, a)
{
	QUEUE
	d_step {
		MINE -> HOLD;
		invalidations_of(lo[v], hi[v]);
#if defined(M_WAIT_FOR_ALL)
		found = inflight;
#elif defined(M_BUSY_TRUSTED)
		found = busy[v] & inflight;
#else
		found = set;
#endif
		set = 0;
		mine = waited
	};
#ifdef M_WAITED_AFTER_CHECK
	found = found & inflight;
	waited = mine | found;
#else
	waited = mine | found;
#ifdef M_PAGES_BEFORE_RECHECK
	LOAD_PAGE;
#endif
#ifndef M_NO_RECHECK
	found = found & inflight;
#endif
#endif
	d_step {
		waited = mine | found;
#ifndef V_BUSY_NOT_CORRECTED
		busy[v] = found;
#endif
		s = seq[v];
		idle = !found;
		found = 0;
		mine = 0;
		LET_GO
	}
}

/*
 * hmm_interval_is_idle(). That it spares itself the load of busy when nothing is
 * in progress makes no difference: what it would load would not count.
 */
inline calm(v, a)
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
		idle = !found;
#elif defined(M_OVERFLOW_TESTED)
		idle = !((mine | OVERFLOW) & found);
#else
		idle = !(mine & found);
#endif
		found = 0;
		mine = 0
	}
}

/* hmm_interval_read_begin() */
inline read_begin(me, v, a)
{
	calm(v, a);
	waits = !idle;
#ifdef M_NO_WAIT
	waits = 0;
#endif
	if
	:: waits ->
		look(v, a);
		do
		:: idle -> break
		:: else ->
#ifdef M_CHECK_BEFORE_QUEUE
			look(v, a);
			if
			:: !idle -> asleep[me] = 1; !asleep[me]
			:: else
			fi
#else
			asleep[me] = 1;
			look(v, a);
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
/* Who had to look under the lock reads after it, as ever. */
#define READ_PAGES	if :: waits -> LOAD_PAGE :: else fi
#elif defined(M_PAGES_BEFORE_RECHECK)
#define READ_PAGES	if :: !waits -> LOAD_PAGE :: else fi
#else
#define READ_PAGES	LOAD_PAGE
#endif

/*
 * What a driver does to map an address through an interval, again and again
 * until it does not collide. The driver knows the bounds, and gives up when
 * the address is no longer within them.
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
	   idle = (seq[v] == s);
	   d_step { !update_lock -> update_lock = 1 };
#elif defined(M_NO_RETRY)
	   d_step { !update_lock -> update_lock = 1; idle = 1 };
#else
	   d_step { !update_lock -> update_lock = 1; idle = (seq[v] == s) };
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
		s = 0;
		waits = 0
	   };
	   if
	   :: idle -> break
	   :: else
	   fi
	od
}

#define READER					\
	byte s, found, mine, version;		\
	bool idle, waits

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
		MINE ->
		lo[v] = l;
		hi[v] = h;
		orders++;
		order[v] = orders;
		inserted[v] = orders;
		users[v] = 1;
		seq[v] = 1;
#ifndef M_INSERT_NO_BUSY
		invalidations_of(l, h);
		busy[v] = set;
		set = 0;
#endif
#ifdef V_INSERT_LISTED
		inserted[v] = 0;
		list_moved(v);
#endif
		in_tree[v] = 1;
		LET_GO
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
		MINE ->
		in_tree[v] = 0;
		moved[v] = 0;
		removing[v] = 1;
		users[v]--;
		unused = REMOVABLE(v);
		LET_GO
	};
	do
	:: unused -> break
	:: else ->
		asleep[me] = 1;
		QUEUE
		d_step { MINE -> unused = REMOVABLE(v); LET_GO };
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
		MINE ->
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
		LET_GO
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

/* hmm_interval_notifier_find(), a look at what it found, and a put. */
proctype finder(byte v)
{
	bool found, rel;

	QUEUE
	d_step {
		MINE ->
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
		LET_GO
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
 * Grows an interval, with the update lock held: who looked at the bounds in
 * the midst of the update then asks for a retry after it.
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
 * Shrinks an interval. What it maps outside is removed before, and the update
 * lock is held over both, or a reader would map it again in between.
 */
proctype shrinker(byte v; byte keep; byte drop)
{
	d_step { !update_lock -> update_lock = 1; DEVICE(v, drop) = 0 };
	update(v, keep, keep, false);
	update_lock = 0
}

/*
 * Lets one interval take over what another maps: a grown neighbour, or a new
 * one in its place.
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

/* One invalidation, and a task that updates an interval of it without end. */
proctype invalidator_once(byte l; byte h)
{
	WALKER;
	byte flag;
	bool hit;

	START(l, h, flag, hit);
	done = 1;
	leave(flag)
}

proctype updater(byte v)
{
	do
	:: update(v, 0, 0, false);
	   update(v, 1, 1, false)
	od
}

ltl no_dispatch_goes_on_for_ever { <> done }
#elif defined(FAIR_LOCK)
bool done;

/* A reader that collides with one invalidation, among others without end. */
proctype reader_once(byte me; byte v; byte a)
{
	READER;

	populate(me, v, a);
	done = 1
}

ltl no_reader_starves { <> done }
#endif

inline present(v, l, h)
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
		/* Two readers of one interval correct the same busy. */
		present(0, 0, 1);
		run reader(0, 0, 0);
		run reader(1, 0, 1);
		run invalidator(0, 1, 1);
		run invalidator(0, 0, 1)
#elif defined(C_NESTED)
		present(0, 0, 1);
		present(1, 1, 1);
		run reader(0, 0, 0);
		run reader(1, 1, 1);
		run nester(0, 1, 0, 0)
#elif defined(C_OVERFLOW)
		present(0, 0, 1);
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
		/* The one that grows is the older: its old stamp is behind. */
		present(0, 1, 1);
		present(1, 0, 0);
		run reader(0, 0, 1);
		run reader(1, 0, 0);
		run grower(0, 0, 1);
		run invalidator(0, 1, 1)
#elif defined(C_GROW)
		present(0, 1, 1);
		run reader(0, 0, 1);
		run reader(1, 0, 0);
		run grower(0, 0, 1);
		run invalidator(0, 0, 1)
#elif defined(C_SHRINK)
		present(0, 0, 1);
		run reader(0, 0, 1);
		run shrinker(0, 0, 1);
		run invalidator(1, 1, 1);
		run invalidator(0, 0, 1)
#elif defined(C_EACH_OTHER)
		present(0, 0, 0);
		present(1, 1, 1);
		DEVICE(0, 0) = 1;
		DEVICE(1, 1) = 1;
		run reader(0, 1, 1);
		run invalidator(0, 1, 1)
#elif defined(C_EACH_OTHER_TWICE)
		present(0, 0, 0);
		present(1, 1, 1);
		run invalidator(0, 1, 1);
		run invalidator(0, 1, 1)
#elif defined(C_STORM)
		/* Enough for two batches, where the kernel needs 64 and one. */
		present(0, 0, 0);
		present(1, 1, 1);
		run invalidator_once(0, 1);
		run updater(1)
#elif defined(C_MERGE)
		present(0, 0, 0);
		present(1, 1, 1);
		DEVICE(1, 1) = 1;
		run merger(1, 0, 1);
		run invalidator(0, 1, 1)
#elif defined(C_REPLACE)
		present(0, 0, 0);
		present(1, 1, 1);
		DEVICE(1, 1) = 1;
		run merger(1, 2, 1);
		run invalidator(0, 1, 1)
#elif defined(C_PROGRESS)
		/* The one of its own leaves a stale bit for the others to use. */
		present(0, 0, 0);
		run reader_once(0, 0, 0);
		run stranger(0, 0, 0);
		run stranger(1, 1, 1);
		run stranger(1, 1, 1)
#elif defined(C_CROWD_OWN)
		/* Likewise, and one that makes the reader look. */
		present(0, 0, 0);
		run reader_once(0, 0, 0);
		run stranger(0, 0, 0);
		run stranger(1, 1, 1);
		run stranger(1, 1, 1)
#elif defined(C_CROWD)
		/* More in progress than there are slots, all the time. */
		present(0, 0, 0);
		run reader_once(0, 0, 0);
		run stranger(1, 1, 1);
		run stranger(1, 1, 1);
		run stranger(1, 1, 1)
#endif
	}
}
