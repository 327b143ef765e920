// SPDX-License-Identifier: GPL-2.0
/*
 * The arena, and its description in reports.
 */
#include <stdio.h>

#include "diff_arena.h"

const char *const diff_kind_names[DIFF_KINDS] = {
	[DIFF_HOLE] = "hole",
	[DIFF_ANON] = "anonymous",
	[DIFF_SHARED] = "anonymous, shared",
	[DIFF_MEMFD_SHARED] = "memfd, shared",
	[DIFF_MEMFD_PRIVATE] = "memfd, private",
	[DIFF_RAMFS_SHARED] = "ramfs, shared",
	[DIFF_RAMFS_PRIVATE] = "ramfs, private",
	[DIFF_THP] = "huge pages",
	[DIFF_THP_SHARED] = "huge pages, shared",
	[DIFF_HUGETLB_SHARED] = "hugetlb, shared",
	[DIFF_HUGETLB_PRIVATE] = "hugetlb, private",
	[DIFF_DRIVER_SHARED] = "driver's VM_MIXEDMAP, shared",
	[DIFF_DRIVER_PRIVATE] = "driver's VM_MIXEDMAP, private",
	[DIFF_DRIVER_PFNMAP] = "driver's VM_PFNMAP",
	[DIFF_UFFD_WP] = "userfaultfd, write-protected",
};

static const char *const operation_names[DIFF_OPERATIONS] = {
	[DIFF_READ] = "read",
	[DIFF_WRITE] = "written",
	[DIFF_PROTECT] = "mprotect",
	[DIFF_PKEY] = "pkey",
	[DIFF_DROP] = "dontneed",
	[DIFF_FREE] = "free",
	[DIFF_LOCK] = "mlock",
	[DIFF_UNMAP] = "munmap",
	[DIFF_PAGEOUT] = "pageout",
	[DIFF_GUARD] = "guard",
	[DIFF_COLLAPSE] = "collapse",
	[DIFF_POISON] = "poison",
	[DIFF_WP] = "uffd-wp",
};

struct diff_arena diff_arena;

const char *diff_page_text(size_t index)
{
	const struct diff_page *page = &diff_arena.pages[index];
	static char line[256];
	int at;

	at = snprintf(line, sizeof(line), "%s, vma %s%s%s%s",
		      diff_kind_names[page->kind],
		      page->facts & DIFF_VMA ? "" : "none",
		      page->facts & DIFF_USABLE ? "r" :
		      page->facts & DIFF_CPU_READS ? "?" : "-",
		      page->facts & DIFF_WRITABLE ? "w" : "-",
		      page->facts & DIFF_FAILS ? ", fails" : "");
	for (int i = 0; i < DIFF_OPERATIONS; i++)
		if (page->operations & 1U << i && at < (int)sizeof(line))
			at += snprintf(line + at, sizeof(line) - at, ", %s",
				       operation_names[i]);
	return line;
}
