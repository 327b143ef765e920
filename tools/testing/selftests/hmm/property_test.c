// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of API calls and changes of address spaces. In the first
 * phase they run step by step and are checked against a model, see property.h.
 * In the second phase they run concurrently, with checks that hold in any
 * order.
 *
 *   HMM_PROPERTY_SEED  run this seed only. hmm.seed= on the kernel's command
 *                      line does the same.
 *   HMM_PROPERTY_MS    how long each phase of a seed may take, in milliseconds
 *
 * Both are environment variables. The first phase depends only on the seed and
 * on the results of the calls, so its failures can mostly be replayed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../modules/property/hmm_property_test.h"
#include "hmm_ksft.h"
#include "hmm_random.h"
#include "hmm_system.h"
#include "property_agent.h"
#include "property_log.h"
#include "property_mirror.h"
#include "property_race.h"
#include "property_step.h"

#define STEPS		4000
#define STEPS_MS	5000
#define RACE_MS		5000
#define SEEDS		3

static bool run_steps(__u64 seed, __u64 ms)
{
	/* Sums over all seeds. held: number of pages that the device held. */
	static unsigned long steps, held, refused;
	static struct property run;
	struct property *p = &run;
	__u64 end = hmm_now_ms() + ms;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	hmm_random_init(&p->random, seed);
	p->fd = open(HMM_PROPERTY_DEVICE, O_RDWR | O_CLOEXEC);
	if (p->fd < 0 || property_agents_start(p)) {
		ksft_print_msg("cannot open the device or start the processes\n");
		if (p->fd >= 0)
			close(p->fd);
		return false;
	}
	property_open_spaces(p);
	/* Begin with some mirrors. */
	for (unsigned int i = 0; i < 2 * PROPERTY_MIRRORS; i++)
		property_use_mirror(p);
	while (!p->failure[0] && hmm_now_ms() < end &&
	       (ms > STEPS_MS || p->step < STEPS))
		property_one_step(p);
	property_check_counts(p);
	if (p->failure[0])
		property_report(p);
	property_agents_end(p);
	close(p->fd);
	ksft_print_msg("seed %llu: %u steps, %lu calls refused\n", seed,
		       p->step, p->refused);
	ksft_print_msg("%lu pages compared, %lu of them held by the device\n",
		       p->pages, p->device_pages);
	ksft_print_msg("%lu pages changed during a comparison\n",
		       p->unsteady);
	ksft_print_msg("%lu of %lu ranges and intervals that could be valid were valid\n",
		       p->valid, p->checks);
	/* Require enough checks. A slow machine runs few steps. */
	steps += p->step;
	held += p->device_pages;
	refused += p->refused;
	if (!p->failure[0] && (p->valid < p->checks / 2 ||
			       (steps > 5000 && (!held || !refused)))) {
		ksft_print_msg("too little was checked\n");
		return false;
	}
	return !p->failure[0];
}

static bool run_race(__u64 seed, __u64 ms)
{
	char failure[400] = "";

	if (!property_race(seed, ms, failure, sizeof(failure)))
		return true;
	ksft_print_msg("seed %llu, concurrent phase: %s\n", seed, failure);
	return false;
}

int main(void)
{
	const char *word = getenv("HMM_PROPERTY_MS");
	__u64 ms = word ? strtoull(word, NULL, 0) : 0;
	__u64 seeds[SEEDS] = { 1, 2, 3 };
	unsigned int n = SEEDS;

	close(hmm_ksft_open(HMM_PROPERTY_DEVICE, "hmm_property_test.ko"));
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
