// SPDX-License-Identifier: GPL-2.0
/*
 * The concurrent phase. One process has a wide mapping. Two of its threads
 * change this memory, a third one contends for the mmap lock, and a fourth one
 * makes API calls. Another process makes API calls, too.
 *
 * The checks hold in any order. Each page is tagged with its address or
 * contains zeros, so an entry for a page with another tag is stale. The read
 * must have written each entry that a reader reaches. Calls must return only
 * errors that apply.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_lib.h"
#include "property_race.h"
#include "property_race_call.h"
#include "property_race_change.h"

static void racer_init(struct racer *racer, struct race *race, unsigned int nr,
		       unsigned int stream)
{
	memset(racer, 0, sizeof(*racer));
	racer->race = race;
	racer->nr = nr;
	hmm_random_init(&racer->random, race->seed * 8 + stream);
}

/*
 * With one CPU, no TLB flush on another CPU is needed, so the threads make many
 * more changes. Tasks that wait for the mmap lock sleep, so the others can run.
 */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* The mirrored process. It exits while all objects are in use. */
static int mirrored(struct race *race, struct hmm_completion *ready,
		    struct hmm_completion *go)
{
	struct {
		struct hmm_thread thread;
		struct racer racer;
	} t[CHANGERS + 2];
	int (*const jobs[CHANGERS + 2])(void *) = {
		race_change, race_change, race_contend, race_calls,
	};

	if (race->seed % 2)
		stay_on_one_cpu();
	if (race_map(0, WIDE_PAGES) || hmm_complete(ready) ||
	    hmm_wait_for_completion(go))
		return 1;
	for (unsigned int i = 0; i < CHANGERS + 2; i++) {
		racer_init(&t[i].racer, race, i == CHANGERS + 1 ? 0 : i, i);
		if (hmm_thread_create(&t[i].thread, jobs[i], &t[i].racer))
			return 1;
	}
	for (unsigned int i = 0; i < CHANGERS + 2; i++)
		hmm_thread_start(&t[i].thread);
	for (unsigned int i = 0; i < CHANGERS + 2; i++)
		hmm_thread_join(&t[i].thread);
	return 0;
}

static bool race_open(struct race *race, pid_t pid)
{
	struct hmm_property_op op = race_op(HMM_PROPERTY_SPACE_OPEN, 0);

	op.start = pid;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op = race_op(HMM_PROPERTY_REGISTER, 0);
	op.kind = HMM_PROPERTY_MIRROR_PLAIN;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op.a = 1;
	op.kind = HMM_PROPERTY_MIRROR_SYNC;
	if (ioctl(race->fd, HMM_PROPERTY_OP, &op) || op.result)
		return false;
	op = race_op(HMM_PROPERTY_INSERT, CONTEND_INTERVAL);
	op.kind = HMM_PROPERTY_INTERVAL_SLOW;
	op.start = CONTEND_BASE;
	op.length = PROPERTY_PAGE;
	return !ioctl(race->fd, HMM_PROPERTY_OP, &op) && !op.result;
}

/* After the exit no range may be valid, and the device must hold no page. */
static void check_dead(struct race *race)
{
	for (unsigned int i = 0; i < CALLERS * OWN_RANGES; i++) {
		struct hmm_property_op op = race_op(HMM_PROPERTY_VERIFY, i);

		if (atomic_load(&race->fresh[i]) &&
		    !ioctl(race->fd, HMM_PROPERTY_OP, &op) && op.value)
			race_fail(race, "range %u is valid, but the process has exited",
				  i);
		op = race_op(HMM_PROPERTY_ACCESS, i);
		if (!ioctl(race->fd, HMM_PROPERTY_OP, &op) && op.value)
			race_fail(race, "the device holds range %u, but the process has exited",
				  i);
	}
}

static void race_run(struct race *race, __u64 ms)
{
	__u64 end = hmm_now_ms() + ms;
	struct hmm_completion ready, go;
	pid_t target, other;
	struct racer racer;

	if (hmm_completion_init(&ready) || hmm_completion_init(&go)) {
		race_fail(race, "cannot create the pipes");
		return;
	}
	fflush(stdout);
	target = hmm_fork();
	if (!target)
		_exit(mirrored(race, &ready, &go));
	hmm_wait_for_completion(&ready);
	if (!race_open(race, target))
		race_fail(race, "the process cannot be mirrored");
	other = hmm_fork();
	if (!other) {
		racer_init(&racer, race, 1, CHANGERS + 2);
		_exit(race_calls(&racer));
	}
	hmm_complete(&go);
	while (!atomic_load(&race->stop) && hmm_now_ms() < end)
		usleep(10000);
	atomic_store(&race->stop, true);
	if (hmm_wait_exit(target))
		race_fail(race, "the mirrored process died");
	atomic_store(&race->exited, true);
	if (hmm_wait_exit(other))
		race_fail(race, "the other process died");
	check_dead(race);
	for (int i = 0; i < 2; i++) {
		close(ready.fds[i]);
		close(go.fds[i]);
	}
}

int property_race(__u64 seed, __u64 ms, char *failure, size_t size)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (race == MAP_FAILED)
		return -ENOMEM;
	race->seed = seed;
	race->fd = open(HMM_PROPERTY_DEVICE, O_RDWR | O_CLOEXEC);
	if (race->fd < 0) {
		race_fail(race, "cannot open the device");
	} else {
		race_run(race, ms);
		close(race->fd);
	}
	if (hmm_debugfs_wait_count("contexts", 0) > 0)
		race_fail(race, "everything is closed, but a context still exists");
	printf("# seed %llu: %lu reads, %lu of them verified, %lu changes\n",
	       seed, race->reads, race->valid, race->changes);
	printf("# the device accessed %lu pages\n", race->held);
	if (!race->reads || !race->valid || !race->changes)
		race_fail(race, "too little was checked");
	snprintf(failure, size, "%s", race->failure);
	ret = atomic_load(&race->failed);
	munmap(race, sizeof(*race));
	return ret;
}
