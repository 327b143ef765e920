// SPDX-License-Identifier: GPL-2.0
/*
 * The agents: processes that carry out orders, one step at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hmm_lib.h"
#include "property_agent.h"
#include "property_log.h"

/* Detects a hang. Even a slow machine must not reach this limit. */
#define PROPERTY_TIMEOUT_S	240

static char *agent_addr(unsigned int page)
{
	return (char *)PROPERTY_BASE + page * PROPERTY_PAGE;
}

static int agent_map(const struct property_mailbox *box)
{
	int flags = MAP_ANONYMOUS | MAP_FIXED |
		    (box->shared ? MAP_SHARED : MAP_PRIVATE);

	return mmap(agent_addr(box->first), box->n * PROPERTY_PAGE, box->arg,
		    flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

/* Unmap the target first, so that it is also unmapped if mremap() fails. */
static int agent_move(const struct property_mailbox *box)
{
	size_t size = box->n * PROPERTY_PAGE;

	if (munmap(agent_addr(box->to), size))
		return -errno;
	return mremap(agent_addr(box->first), size, size,
		      MREMAP_MAYMOVE | MREMAP_FIXED,
		      agent_addr(box->to)) == MAP_FAILED ? -errno : 0;
}

static void agent_write(const struct property_mailbox *box)
{
	for (unsigned int i = 0; i < box->n; i++) {
		const __u64 words[] = { box->stamp + i, ~(box->stamp + i) };
		char *addr = agent_addr(box->first + i);

		memcpy(addr, &words[0], sizeof(words[0]));
		memcpy(addr + HMM_PROPERTY_SECOND, &words[1], sizeof(words[1]));
	}
}

static void agent_read(struct property_mailbox *box)
{
	for (unsigned int i = 0; i < box->n; i++) {
		const char *addr = agent_addr(box->first + i);

		memcpy(&box->words[i][0], addr, sizeof(box->words[i][0]));
		memcpy(&box->words[i][1], addr + HMM_PROPERTY_SECOND,
		       sizeof(box->words[i][1]));
	}
}

/* Returned instead of an error: the child posts box->done. */
#define AGENT_CHILD_ANSWERS	1

/* The child keeps its copy of the arena and changes a part of it. */
static int agent_fork(struct property_mailbox *box, pid_t *child)
{
	*child = hmm_fork();
	if (*child < 0)
		return -errno;
	if (*child)
		return AGENT_CHILD_ANSWERS;
	agent_write(box);
	box->result = 0;
	sem_post(&box->done);
	for (;;)
		pause();
}

static int agent_reap(pid_t child)
{
	kill(child, SIGKILL);
	return hmm_wait_exit(child) == -SIGKILL ? 0 : -ECHILD;
}

static int carry_out(struct property_mailbox *box, int fd, pid_t *child)
{
	size_t size = box->n * PROPERTY_PAGE;
	char *addr = agent_addr(box->first);

	switch (box->order) {
	case PROPERTY_CALL:
		return ioctl(fd, HMM_PROPERTY_OP, &box->op) ? -errno : 0;
	case PROPERTY_MAP:
		return agent_map(box);
	case PROPERTY_UNMAP:
		return munmap(addr, size) ? -errno : 0;
	case PROPERTY_PROTECT:
		return mprotect(addr, size, box->arg) ? -errno : 0;
	case PROPERTY_ADVISE:
		return madvise(addr, size, box->arg) ? -errno : 0;
	case PROPERTY_WRITE:
		agent_write(box);
		return 0;
	case PROPERTY_READ:
		agent_read(box);
		return 0;
	case PROPERTY_MOVE:
		return agent_move(box);
	case PROPERTY_FORK:
		return agent_fork(box, child);
	case PROPERTY_REAP:
		return agent_reap(*child);
	case PROPERTY_EXIT:
		_exit(0);
	}
	return -EINVAL;
}

static void agent_run(struct property_mailbox *box, int fd)
{
	pid_t child = -1;
	int ret;

	for (;;) {
		while (sem_wait(&box->go))
			;
		ret = carry_out(box, fd, &child);
		if (ret == AGENT_CHILD_ANSWERS)
			continue;
		box->result = ret;
		sem_post(&box->done);
	}
}

bool property_agent_start(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	char path[64];

	memset(space, 0, sizeof(*space));
	space->pagemap = -1;
	if (sem_init(&box->go, 1, 0) || sem_init(&box->done, 1, 0))
		return false;
	fflush(stdout);
	space->pid = hmm_fork();
	if (!space->pid)
		agent_run(box, p->fd);
	if (space->pid < 0)
		return false;
	space->alive = true;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", space->pid);
	space->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	return space->pagemap >= 0;
}

static int start_agents(struct property *p)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		p->space[i].pagemap = -1;
		p->mailbox[i] = MAP_FAILED;
	}
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		p->mailbox[i] = mmap(NULL, sizeof(*p->mailbox[i]),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p->mailbox[i] == MAP_FAILED)
			return -ENOMEM;
	}
	/* An agent maps both mailboxes but uses only its own. */
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++)
		if (!property_agent_start(p, i))
			return -EAGAIN;
	return 0;
}

int property_agents_start(struct property *p)
{
	int ret = start_agents(p);

	if (ret)
		property_agents_end(p);
	return ret;
}

void property_agents_end(struct property *p)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		struct property_space *space = &p->space[i];

		if (space->alive) {
			kill(space->pid, SIGKILL);
			hmm_wait_exit(space->pid);
		}
		if (space->pagemap >= 0)
			close(space->pagemap);
		if (p->mailbox[i] != MAP_FAILED)
			munmap(p->mailbox[i], sizeof(*p->mailbox[i]));
	}
}

static bool agent_died(const struct property_space *space)
{
	siginfo_t info = {};

	return waitid(P_PID, space->pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

static bool wait_for_agent(struct property *p, unsigned int agent)
{
	__u64 end = hmm_now_ms() + PROPERTY_TIMEOUT_S * 1000;
	struct timespec until;

	while (hmm_now_ms() < end) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (!sem_timedwait(&p->mailbox[agent]->done, &until))
			return true;
		if (errno == ETIMEDOUT && agent_died(&p->space[agent])) {
			property_fail(p, "agent %u died", agent);
			return false;
		}
	}
	property_fail(p, "agent %u did not carry out its order within %d s", agent,
		      PROPERTY_TIMEOUT_S);
	return false;
}

bool property_order(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];

	sem_post(&box->go);
	if (box->order == PROPERTY_EXIT) {
		hmm_wait_exit(space->pid);
		space->alive = false;
		space->child = false;
		close(space->pagemap);
		space->pagemap = -1;
		return true;
	}
	return wait_for_agent(p, agent);
}

bool property_read_pagemap(struct property *p)
{
	const off_t where = PROPERTY_BASE / PROPERTY_PAGE * sizeof(__u64);

	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		struct property_space *space = &p->space[i];

		memcpy(space->before, space->map, sizeof(space->map));
		if (!space->alive) {
			memset(space->map, 0, sizeof(space->map));
			continue;
		}
		if (pread(space->pagemap, space->map, sizeof(space->map),
			  where) != sizeof(space->map)) {
			property_fail(p, "cannot read the pagemap of agent %u",
				      i);
			return false;
		}
	}
	return true;
}
