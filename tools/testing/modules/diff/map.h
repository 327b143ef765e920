/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HMM_DIFF_MAP_H
#define _HMM_DIFF_MAP_H

struct file;
struct vm_area_struct;

int diff_map_init(void);
void diff_map_exit(void);
int diff_map(struct file *file, struct vm_area_struct *vma);

#endif /* _HMM_DIFF_MAP_H */
