// SPDX-License-Identifier: GPL-2.0
/*
 * A thread of the concurrent phase that makes API calls: on objects of its own,
 * and sometimes on an interval of the other caller.
 */
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "property_call.h"
#include "property_log.h"
#include "property_race_call.h"
#include "property_race_state.h"

/* Returns false if the operation was refused or returned a wrong entry. */
static bool call(struct racer *racer, struct hmm_property_op *op)
{
	op->kworker = !racer_pick(racer, 3);
	if (ioctl(racer->race->fd, HMM_PROPERTY_OP, op))
		return false;
	if (op->wrong == HMM_PROPERTY_FINE)
		return true;
	race_fail(racer->race,
		  "operation %u: entry %u of %u of range %u, %#llx, %s (%#llx)",
		  op->opcode, op->wrong_page,
		  racer->npages[op->a % OWN_RANGES], op->a, op->wrong_entry,
		  property_wrong_name(op->wrong), op->wrong_first);
	return false;
}

static void expect_one_of(struct racer *racer, const struct hmm_property_op *op,
			  const int *results, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (op->result == results[i])
			return;
	/* The process may be exiting. */
	if (op->result == -ESRCH && atomic_load(&racer->race->stop))
		return;
	race_fail(racer->race, "operation %u returns %s", op->opcode,
		  property_errno(op->result));
}

static unsigned int own_interval(const struct racer *racer, unsigned int i)
{
	return racer->nr * OWN_INTERVALS + i;
}

static unsigned int own_range(const struct racer *racer, unsigned int i)
{
	return racer->nr * OWN_RANGES + i;
}

static const int success[] = { 0 };

static void drop_ranges(struct racer *racer)
{
	for (unsigned int i = 0; i < OWN_RANGES; i++) {
		struct hmm_property_op op =
			race_op(HMM_PROPERTY_RANGE_UNREGISTER,
				own_range(racer, i));

		if (racer->range[i])
			call(racer, &op);
		racer->range[i] = false;
	}
}

static void race_interval(struct racer *racer)
{
	unsigned int i = racer_pick(racer, OWN_INTERVALS);
	struct hmm_property_op op = race_op(HMM_PROPERTY_INSERT,
					    own_interval(racer, i));
	bool put;

	if (!racer->interval[i]) {
		op.kind = HMM_PROPERTY_INTERVAL_ONE_PASS + racer_pick(racer, 2);
		op.start = PROPERTY_BASE;
		op.length = WIDE_PAGES * PROPERTY_PAGE;
		if (!call(racer, &op))
			return;
		expect_one_of(racer, &op, success, 1);
		racer->interval[i] = !op.result;
		return;
	}
	if (racer_pick(racer, 4)) {
		/*
		 * Move the interval to a part of the memory or past the end of
		 * the memory, and back.
		 */
		op.opcode = HMM_PROPERTY_UPDATE;
		op.start = PROPERTY_BASE + racer_pick(racer, 2 * WIDE_PAGES) *
			   PROPERTY_PAGE;
		op.length = PIECE_PAGES * PROPERTY_PAGE;
		if (call(racer, &op))
			expect_one_of(racer, &op, success, 1);
		op.start = PROPERTY_BASE;
		op.length = WIDE_PAGES * PROPERTY_PAGE;
		if (call(racer, &op))
			expect_one_of(racer, &op, success, 1);
		return;
	}
	drop_ranges(racer);
	put = racer_pick(racer, 2);
	op.opcode = put ? HMM_PROPERTY_PUT : HMM_PROPERTY_REMOVE;
	if (!call(racer, &op))
		return;
	racer->interval[i] = false;
	if (op.value != put)
		race_fail(racer->race, "an interval was %sreleased",
			  op.value ? "" : "not ");
}

/* Move an interval that the other caller may use for a read, and call find. */
static void race_other(struct racer *racer)
{
	unsigned int nr = (!racer->nr) * OWN_INTERVALS +
			  racer_pick(racer, OWN_INTERVALS);
	struct hmm_property_op op = race_op(HMM_PROPERTY_UPDATE, nr);

	op.start = PROPERTY_BASE + racer_pick(racer, 2) * PROPERTY_PAGE;
	op.length = (WIDE_PAGES - racer_pick(racer, 2)) * PROPERTY_PAGE;
	call(racer, &op);
	op = race_op(HMM_PROPERTY_FIND, 0);
	op.b = 1;
	op.kind = HMM_PROPERTY_INTERVAL_ONE_PASS;
	op.start = PROPERTY_BASE;
	op.length = PROPERTY_BASE +
		    racer_pick(racer, WIDE_PAGES) * PROPERTY_PAGE;
	if (call(racer, &op) && op.value < -1)
		race_fail(racer->race, "find returns an interval that was never inserted");
}

/* Make a wide, compact and mostly unaligned range, or a short range. */
static void make_range(struct racer *racer, unsigned int i)
{
	static const int results[] = { 0, -EINVAL };
	unsigned int interval = racer_pick(racer, OWN_INTERVALS);
	bool wide = racer_pick(racer, 4), bind = racer_pick(racer, 3);
	struct hmm_property_op op = race_op(bind ? HMM_PROPERTY_RANGE_BIND :
					    HMM_PROPERTY_RANGE_REGISTER,
					    own_range(racer, i));
	unsigned int first, n;

	if (bind && !racer->interval[interval])
		return;
	/*
	 * A read under the mmap lock begins at the first hole. A wide range
	 * mostly begins in the first huge page, where no page is mapped, so
	 * that the boundaries of the pieces of the read are known. A short
	 * range begins later, because it may fault pages in.
	 */
	if (wide)
		first = 1 + racer_pick(racer, racer_pick(racer, 4) ?
				       PROPERTY_HUGE - 1 : WIDE_PAGES / 8);
	else
		first = PROPERTY_HUGE +
			racer_pick(racer, WIDE_PAGES - PROPERTY_HUGE - 1);
	n = 1 + racer_pick(racer, wide ? WIDE_PAGES - PIECE_PAGES : 1024);
	if (wide)
		n += PIECE_PAGES;
	if (n > WIDE_PAGES - first)
		n = WIDE_PAGES - first;
	atomic_store(&racer->race->fresh[own_range(racer, i)], false);
	op.b = bind ? own_interval(racer, interval) : 1;
	op.kind = wide || racer_pick(racer, 2);
	op.start = PROPERTY_BASE + first * PROPERTY_PAGE;
	op.length = op.start + n * PROPERTY_PAGE;
	racer->first[i] = first;
	racer->npages[i] = n;
	if (!call(racer, &op))
		return;
	expect_one_of(racer, &op, results, bind ? 2 : 1);
	racer->range[i] = !op.result;
}

static void use_device(struct racer *racer, unsigned int i)
{
	struct hmm_property_op op = race_op(HMM_PROPERTY_PROGRAM,
					    own_range(racer, i));

	call(racer, &op);
	sched_yield();
	op.opcode = HMM_PROPERTY_ACCESS;
	if (call(racer, &op))
		atomic_fetch_add(&racer->race->held, op.value);
	if (racer->npages[i] > 1024 || racer_pick(racer, 4))
		return;
	op.opcode = HMM_PROPERTY_DMA_MAP;
	op.kind = racer_pick(racer, 3);
	if (!call(racer, &op) || op.result)
		return;
	sched_yield();
	op.opcode = HMM_PROPERTY_DMA_UNMAP;
	op.start = 0;
	op.length = ~0ULL;
	call(racer, &op);
}

static void read_range(struct racer *racer, unsigned int i)
{
	static const int results[] = {
		0, -EBUSY, -EFAULT, -EPERM, -ENOENT,
	};
	struct hmm_property_op op = race_op(HMM_PROPERTY_WAIT,
					    own_range(racer, i));
	bool wide = racer->npages[i] > 1024;
	atomic_bool *fresh = &racer->race->fresh[own_range(racer, i)];

	atomic_store(fresh, false);
	if (wide)
		atomic_store(&racer->race->boundary[racer->nr],
			     racer->first[i] + PIECE_PAGES);
	/* Fault in only short ranges: wide ones need too much memory. */
	if (!wide && racer_pick(racer, 2)) {
		op.opcode = HMM_PROPERTY_POPULATE;
		op.default_flags = HMM_PROPERTY_REQ_VALID;
		if (!racer_pick(racer, 2))
			op.default_flags |= HMM_PROPERTY_REQ_WRITE;
	} else {
		if (!call(racer, &op) || op.result)
			return;
		op.opcode = HMM_PROPERTY_SNAPSHOT;
	}
	if (!call(racer, &op))
		return;
	expect_one_of(racer, &op, results, 5);
	if (op.result)
		return;
	atomic_store(fresh, true);
	atomic_fetch_add(&racer->race->reads, 1);
	op.opcode = HMM_PROPERTY_VERIFY;
	if (call(racer, &op))
		atomic_fetch_add(&racer->race->valid, op.value);
	/* Rarely use the device with a wide range, because this is slow. */
	if (!racer_pick(racer, wide ? 16 : 3))
		use_device(racer, i);
}

int race_calls(void *arg)
{
	struct racer *racer = arg;
	struct race *race = racer->race;
	unsigned int i = 0;

	while (!atomic_load(&race->failed) &&
	       !atomic_load(racer->nr ? &race->exited : &race->stop)) {
		/* Use a range several times, like a driver that retries. */
		if (!racer_pick(racer, 32))
			i = racer_pick(racer, OWN_RANGES);
		if (!racer_pick(racer, 64))
			race_interval(racer);
		else if (!racer_pick(racer, 64))
			race_other(racer);
		else if (!racer->range[i])
			make_range(racer, i);
		else
			read_range(racer, i);
	}
	return 0;
}
