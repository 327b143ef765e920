// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hmm_memory.h"
#include "hmm_node.h"

#ifndef MPOL_MF_MOVE_ALL
#define MPOL_MF_MOVE_ALL 4
#endif

int hmm_last_node(void)
{
	char path[64];
	int node = 0;

	do {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d",
			 node + 1);
	} while (!access(path, F_OK) && ++node);
	return node;
}

int hmm_node_of(const void *addr)
{
	int status = -ENOENT;

	if (syscall(SYS_move_pages, 0, 1UL, &addr, NULL, &status, 0))
		return -errno;
	return status;
}

int hmm_move_to_node(void *addr, size_t npages, int node)
{
	void **pages = calloc(npages, sizeof(*pages));
	int *nodes = calloc(npages, sizeof(*nodes));
	int *status = calloc(npages, sizeof(*status));
	int missing = -ENOMEM;

	if (!pages || !nodes || !status)
		goto out;
	for (size_t i = 0; i < npages; i++) {
		pages[i] = (char *)addr + i * hmm_page_size();
		nodes[i] = node;
		status[i] = -EIO;
	}
	missing = syscall(SYS_move_pages, 0, npages, pages, nodes, status,
			  MPOL_MF_MOVE_ALL) < 0 ? -errno : 0;
	for (size_t i = 0; missing >= 0 && i < npages; i++)
		missing += status[i] != node;
out:
	free(status);
	free(nodes);
	free(pages);
	return missing;
}
