// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of API calls and changes of address spaces, checked step by
 * step against a model (property.h says how), then all at once, with checks
 * that hold whatever the order.
 *
 *   HMM_PROPERTY_SEED  run only this seed, from the environment; the word
 *                      hmm.seed= on the kernel's command line does the same
 *   HMM_PROPERTY_MS    how long each phase of a seed may take, in milliseconds
 *
 * A seed decides all of the first phase, so a failure of it can be replayed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest.h>

#include "hmm_lib.h"
#include "hmm_random.h"
#include "property.h"

#define STEPS		4000
#define STEPS_MS	5000
#define RACE_MS		5000
#define SEEDS		3

/* The process that has exited is replaced by another. */
static void replace_agent(struct property *p, unsigned int agent)
{
	struct hmm_property_op *op;

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used && p->mirror[i].space == agent)
			property_drop_mirror(p, i);
	if (p->failure[0])
		return;
	property_op(p, HMM_PROPERTY_SPACE_CLOSE, agent);
	property_note(p, "close space %u", agent);
	if (!property_call(p, PROPERTY_MIRRORS))
		return;
	if (!property_agent_start(p, agent)) {
		property_fail(p, "no process is to be had");
		return;
	}
	op = property_op(p, HMM_PROPERTY_SPACE_OPEN, agent);
	op->start = p->space[agent].pid;
	property_note(p, "open space %u", agent);
	if (!property_call(p, PROPERTY_MIRRORS))
		return;
	property_expect(p, 1, 0);
	p->space[agent].limit = op->value;
	p->space[agent].open = true;
}

static void one_step(struct property *p)
{
	if (!p->space[1].alive && property_once_in(p, 40)) {
		replace_agent(p, 1);
	} else if (p->space[1].alive && property_once_in(p, 300)) {
		property_exit_agent(p, 1);
	} else {
		switch (property_pick(p, 20)) {
		case 0:
		case 1:
			property_use_mirror(p);
			break;
		case 2:
		case 3:
		case 4:
		case 5:
			property_use_interval(p);
			break;
		case 6:
		case 7:
		case 8:
		case 9:
		case 10:
		case 11:
		case 12:
			property_use_range(p);
			break;
		default:
			property_change(p);
			/* A call does this by itself. */
			if (!p->failure[0] && property_look(p))
				property_changed(p);
		}
	}
	if (!p->failure[0])
		property_check_device(p);
}

static void open_spaces(struct property *p)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		struct hmm_property_op *op =
			property_op(p, HMM_PROPERTY_SPACE_OPEN, i);

		op->start = p->space[i].pid;
		property_note(p, "open space %u", i);
		if (!property_call(p, PROPERTY_MIRRORS))
			return;
		property_expect(p, 1, 0);
		p->space[i].limit = op->value;
		p->space[i].open = true;
	}
}

/* What the module counts must be nothing once all is unregistered. */
static void check_counts(struct property *p)
{
	static const char *const names[] = {
		"contexts", "mirrors", "intervals", "pinned_mms",
	};

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used && !p->failure[0])
			property_drop_mirror(p, i);
	for (unsigned int i = 0; i < 4 && !p->failure[0]; i++)
		if (hmm_debugfs_wait_count(names[i], 0) > 0)
			property_fail(p, "all is unregistered, but %s is %ld",
				      names[i], hmm_debugfs_count(names[i]));
}

static bool run_steps(__u64 seed, __u64 ms)
{
	/* Of all seeds: steps, pages that the device held, calls refused. */
	static unsigned long steps, held, refused;
	static struct property run;
	struct property *p = &run;
	__u64 end = hmm_now_ms() + ms;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	hmm_random_init(&p->random, seed);
	p->fd = open(HMM_PROPERTY_DEVICE, O_RDWR | O_CLOEXEC);
	if (p->fd < 0 || property_agents_start(p)) {
		ksft_print_msg("neither device nor processes are to be had\n");
		return false;
	}
	open_spaces(p);
	/* So that there is something to work with from the start. */
	for (unsigned int i = 0; i < 2 * PROPERTY_MIRRORS; i++)
		property_use_mirror(p);
	while (!p->failure[0] && hmm_now_ms() < end &&
	       (ms > STEPS_MS || p->step < STEPS))
		one_step(p);
	check_counts(p);
	if (p->failure[0])
		property_report(p);
	property_agents_end(p);
	close(p->fd);
	ksft_print_msg("seed %llu: %u steps, %lu calls refused\n", seed, p->step,
		       p->refused);
	ksft_print_msg("%lu pages compared, %lu of them held by the device\n",
		       p->pages, p->device_pages);
	ksft_print_msg("%lu pages were moved while they were looked at\n",
		       p->unsteady);
	ksft_print_msg("%lu of %lu checks found valid what could be\n",
		       p->valid, p->checks);
	/* Or else it is not much of a test; a slow machine comes to little. */
	steps += p->step;
	held += p->device_pages;
	refused += p->refused;
	if (!p->failure[0] && (p->valid < p->checks / 2 ||
			       (steps > 5000 && (!held || !refused)))) {
		ksft_print_msg("there was too little to be judged\n");
		return false;
	}
	return !p->failure[0];
}

static bool run_race(__u64 seed, __u64 ms)
{
	char failure[400] = "";

	if (!property_race(seed, ms, failure, sizeof(failure)))
		return true;
	ksft_print_msg("seed %llu, all at once: %s\n", seed, failure);
	return false;
}

int main(void)
{
	const char *word = getenv("HMM_PROPERTY_MS");
	__u64 ms = word ? strtoull(word, NULL, 0) : 0;
	__u64 seeds[SEEDS] = { 1, 2, 3 };
	unsigned int n = SEEDS;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	fd = open(HMM_PROPERTY_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("no " HMM_PROPERTY_DEVICE ": is hmm_property_test.ko loaded?\n");
	close(fd);
	if (hmm_given_seed(getenv("HMM_PROPERTY_SEED"), &seeds[0]))
		n = 1;
	ksft_set_plan(2 * n);
	for (unsigned int i = 0; i < n; i++) {
		ksft_test_result(run_steps(seeds[i], ms ? ms : STEPS_MS),
				 "r49_r50_step_by_step.seed_%llu\n", seeds[i]);
		ksft_test_result(run_race(seeds[i], ms ? ms : RACE_MS),
				 "r51_all_at_once.seed_%llu\n", seeds[i]);
	}
	ksft_finished();
}
