// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations of a device. An open file mirrors the opener's mm.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "device.h"
#include "dmirror.h"
#include "file.h"
#include "ioctl.h"
#include "pagetable.h"

/* The longest mapping of the device, in bytes. */
#define DMIRROR_MAX_MMAP_SIZE	SZ_4M

/*
 * Callbacks acquire the update lock in reclaim. Record this order in lockdep
 * now, so that lockdep reports a sleeping allocation under the lock even
 * without memory pressure.
 */
static void dmirror_prime_lockdep(struct dmirror *dm)
{
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&dm->update_lock);
	fs_reclaim_release(GFP_KERNEL);
}

/*
 * Registering the mirror waits for the opener's mmap lock. The device is not a
 * misc device, because during this wait misc_open() would hold a mutex that all
 * misc devices share.
 */
static int dmirror_open(struct inode *inode, struct file *file)
{
	struct dmirror *dm;
	int ret;

	if (!current->mm)
		return -EINVAL;

	dm = kzalloc(sizeof(*dm), GFP_KERNEL_ACCOUNT);
	if (!dm)
		return -ENOMEM;

	dm->device = dmirror_device(iminor(inode));
	dm->mm = current->mm;
	mutex_init(&dm->update_lock);
	mutex_init(&dm->exclusive_lock);
	dm->claim = DMIRROR_NO_CLAIM;
	dm->devmem_limit = ~0ULL;
	dmirror_prime_lockdep(dm);
	/* User space determines the size of the table, so charge its memory. */
	xa_init_flags(&dm->table, XA_FLAGS_ACCOUNT);
	dmirror_stop_points_init(dm->stop_points);
	dm->task_size = current->mm->task_size;

	dm->mirror.ops = &dmirror_mirror_ops;
	ret = hmm_mirror_register(&dm->mirror, current->mm);
	if (ret)
		goto err_free;

	ret = hmm_interval_notifier_insert(&dm->interval, &dm->mirror, 0,
					   ULONG_MAX, &dmirror_interval_ops);
	if (ret)
		goto err_unregister;

	ret = dmirror_device_add_file(dm);
	if (ret)
		goto err_remove;

	mmgrab(dm->mm);
	file->private_data = dm;
	return 0;

err_remove:
	hmm_interval_notifier_remove(&dm->interval);
err_unregister:
	hmm_mirror_unregister(&dm->mirror);
err_free:
	mutex_destroy(&dm->exclusive_lock);
	mutex_destroy(&dm->update_lock);
	kfree(dm);
	return ret;
}

static int dmirror_close(struct inode *inode, struct file *file)
{
	struct dmirror *dm = file->private_data;

	dmirror_stop_points_close(dm->stop_points);
	WRITE_ONCE(dm->invalidate_delay_us, 0);
	dmirror_device_remove_file(dm);
	hmm_interval_notifier_remove(&dm->interval);
	hmm_mirror_unregister(&dm->mirror);

	/* No callback runs any more, and no other task uses the file. */
	xa_destroy(&dm->table);
	mmdrop(dm->mm);
	mutex_destroy(&dm->exclusive_lock);
	mutex_destroy(&dm->update_lock);
	kfree(dm);
	return 0;
}

/*
 * Map zeroed pages that do not belong to a file. vm_insert_page() sets
 * VM_MIXEDMAP in the vma, so that tests can mirror such a mapping.
 */
static int dmirror_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr;
	struct page *page;
	int ret = 0;

	if (vma->vm_end - vma->vm_start > DMIRROR_MAX_MMAP_SIZE)
		return -EINVAL;

	for (addr = vma->vm_start; !ret && addr < vma->vm_end;
	     addr += PAGE_SIZE) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		put_page(page);
	}
	return ret;
}

const struct file_operations dmirror_fops = {
	.owner = THIS_MODULE,
	.open = dmirror_open,
	.release = dmirror_close,
	.mmap = dmirror_mmap,
	.unlocked_ioctl = dmirror_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
