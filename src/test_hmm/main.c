// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations of a device: open, close, and the ioctls of
 * include/uapi/hmm/test_hmm.h.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "access.h"
#include "devmem.h"
#include "dmirror.h"
#include "exclusive.h"
#include "pagetable.h"
#include "snapshot.h"

/*
 * The callbacks take the update lock under reclaim. Tell lockdep before the
 * first of them comes, and a sleeping allocation under that lock shows up
 * without memory pressure.
 */
static void dmirror_prime_lockdep(struct dmirror *dm)
{
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&dm->update_lock);
	fs_reclaim_release(GFP_KERNEL);
}

/*
 * Mirrors the opener's mm, and for that waits for its mmap lock. Nothing else
 * waits meanwhile: in the open of a misc device all other misc devices would.
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

	dm->device = dmirror_device_from_inode(inode);
	mutex_init(&dm->update_lock);
	mutex_init(&dm->exclusive_lock);
	dm->claim = DMIRROR_NO_CLAIM;
	dm->devmem_limit = ~0ULL;
	dmirror_prime_lockdep(dm);
	/* The table grows with what user space asks for: charge it. */
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

	mmgrab(current->mm);
	dm->mm = current->mm;
	dmirror_device_add_file(dm);
	file->private_data = dm;
	return 0;

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

	/* No callback runs any more, and nobody else has the file. */
	xa_destroy(&dm->table);
	mmdrop(dm->mm);
	mutex_destroy(&dm->exclusive_lock);
	mutex_destroy(&dm->update_lock);
	kfree(dm);
	return 0;
}

/* Addresses within the mirrored process, and a buffer within the caller. */
static int dmirror_check_cmd(struct dmirror *dm, unsigned int nr,
			     const struct hmm_dmirror_cmd *cmd)
{
	u64 size;

	if (!PAGE_ALIGNED(cmd->addr) || !cmd->npages ||
	    cmd->npages > dm->task_size >> PAGE_SHIFT)
		return -EINVAL;

	size = cmd->npages << PAGE_SHIFT;
	if (cmd->addr > dm->task_size - size)
		return -EINVAL;

	if (nr == HMM_DMIRROR_CHECK || nr == HMM_DMIRROR_CHECK_EXCLUSIVE ||
	    nr == HMM_DMIRROR_MIGRATE_TO_SYS)
		return 0;
	if (nr == HMM_DMIRROR_SNAPSHOT)
		size = cmd->npages;
	return access_ok(u64_to_user_ptr(cmd->ptr), size) ? 0 : -EFAULT;
}

static long dmirror_command(struct dmirror *dm, unsigned int nr,
			    struct hmm_dmirror_cmd __user *user)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	if (copy_from_user(&cmd, user, sizeof(cmd)))
		return -EFAULT;
	cmd.cpages = 0;
	cmd.faults = 0;

	ret = dmirror_check_cmd(dm, nr, &cmd);
	if (!ret) {
		switch (nr) {
		case HMM_DMIRROR_MIGRATE_TO_DEV:
			ret = dmirror_migrate_to_dev(dm, &cmd);
			break;
		case HMM_DMIRROR_MIGRATE_TO_SYS:
			ret = dmirror_migrate_to_sys(dm, &cmd);
			break;
		case HMM_DMIRROR_EXCLUSIVE:
			ret = dmirror_exclusive(dm, &cmd);
			break;
		case HMM_DMIRROR_CHECK_EXCLUSIVE:
			ret = dmirror_check_exclusive(dm, &cmd);
			break;
		case HMM_DMIRROR_READ:
		case HMM_DMIRROR_READ_UNLOCKED:
			ret = dmirror_read(dm, &cmd);
			break;
		case HMM_DMIRROR_WRITE:
			ret = dmirror_write(dm, &cmd);
			break;
		case HMM_DMIRROR_SNAPSHOT:
			ret = dmirror_snapshot(dm, &cmd);
			break;
		case HMM_DMIRROR_CHECK:
			ret = dmirror_check(dm, &cmd);
			break;
		}
	}

	/* How far it came is of interest on failure, too. */
	if (copy_to_user(user, &cmd, sizeof(cmd)))
		return -EFAULT;
	return ret;
}

/* Those that name no addresses. */
static long dmirror_device_command(struct dmirror *dm, unsigned int nr,
				   struct hmm_dmirror_cmd __user *user)
{
	struct hmm_dmirror_cmd cmd;
	int ret = 0;

	if (copy_from_user(&cmd, user, sizeof(cmd)))
		return -EFAULT;
	cmd.cpages = 0;
	cmd.faults = 0;

	if (nr == HMM_DMIRROR_RELEASE)
		ret = dmirror_devmem_release(dm->device, dm);
	else if (cmd.npages & ~(HMM_DMIRROR_FLAG_FAIL_ALLOC |
				 HMM_DMIRROR_FLAG_NO_HUGE))
		ret = -EINVAL;
	else
		WRITE_ONCE(dm->flags, cmd.npages);

	if (copy_to_user(user, &cmd, sizeof(cmd)))
		return -EFAULT;
	return ret;
}

static long dmirror_devmem(struct dmirror *dm,
			   struct hmm_dmirror_devmem __user *user)
{
	struct hmm_dmirror_devmem stats = {
		.own = atomic64_read(&dm->own),
	};

	dmirror_devmem_stats(dm->device, &stats);
	return copy_to_user(user, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long dmirror_limit(struct dmirror *dm, u64 __user *user)
{
	u64 limit;

	if (copy_from_user(&limit, user, sizeof(limit)))
		return -EFAULT;
	WRITE_ONCE(dm->devmem_limit, limit);
	return 0;
}

static long dmirror_stats(struct dmirror *dm,
			  struct hmm_dmirror_stats __user *user)
{
	struct hmm_dmirror_stats stats = {
		.faults = atomic64_read(&dm->faults),
		.invalidations = atomic64_read(&dm->invalidations),
		.collisions = atomic64_read(&dm->collisions),
		.entries = atomic64_read(&dm->entries),
		.dropped = atomic64_read(&dm->dropped),
		.refused = atomic64_read(&dm->refused),
		.released = READ_ONCE(dm->released),
	};

	return copy_to_user(user, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long dmirror_control_point(struct dmirror *dm, unsigned int nr,
				  struct hmm_dmirror_point __user *user)
{
	struct hmm_dmirror_point arg;
	struct dmirror_stop_point *point;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.point >= HMM_DMIRROR_POINTS)
		return -EINVAL;
	point = &dm->stop_points[array_index_nospec(arg.point,
						     HMM_DMIRROR_POINTS)];

	switch (nr) {
	case HMM_DMIRROR_STOP_AT:
		return dmirror_stop_point_arm(point);
	case HMM_DMIRROR_WAIT_AT:
		return dmirror_stop_point_wait(point, arg.timeout_ms);
	default:
		dmirror_stop_point_resume(point);
		return 0;
	}
}

static long dmirror_configure(struct dmirror *dm,
			      struct hmm_dmirror_config __user *user)
{
	struct hmm_dmirror_config config;

	if (copy_from_user(&config, user, sizeof(config)))
		return -EFAULT;
	if (config.invalidate_delay_us > DMIRROR_MAX_DELAY_US ||
	    config.refuse_nonblock > INT_MAX)
		return -EINVAL;

	WRITE_ONCE(dm->invalidate_delay_us, config.invalidate_delay_us);
	atomic_set(&dm->refuse_nonblock, config.refuse_nonblock);
	return 0;
}

/*
 * Commands that make the device slow or stuck, or that take the memory of other
 * processes from it, need the capability to program hardware. Commands that
 * end a stop need none.
 */
static bool dmirror_is_privileged(unsigned int nr)
{
	switch (nr) {
	case HMM_DMIRROR_RELEASE:
	case HMM_DMIRROR_FLAGS:
	case HMM_DMIRROR_DEVMEM_LIMIT:
	case HMM_DMIRROR_STOP_AT:
	case HMM_DMIRROR_CONFIG:
		return true;
	default:
		return false;
	}
}

static long dmirror_ioctl(struct file *file, unsigned int nr,
			  unsigned long arg)
{
	struct dmirror *dm = file->private_data;
	void __user *user = (void __user *)arg;

	if (dmirror_is_privileged(nr) && !capable(CAP_SYS_RAWIO))
		return -EPERM;

	switch (nr) {
	case HMM_DMIRROR_READ:
	case HMM_DMIRROR_READ_UNLOCKED:
	case HMM_DMIRROR_WRITE:
	case HMM_DMIRROR_MIGRATE_TO_DEV:
	case HMM_DMIRROR_MIGRATE_TO_SYS:
	case HMM_DMIRROR_SNAPSHOT:
	case HMM_DMIRROR_EXCLUSIVE:
	case HMM_DMIRROR_CHECK_EXCLUSIVE:
	case HMM_DMIRROR_CHECK:
		return dmirror_command(dm, nr, user);
	case HMM_DMIRROR_RELEASE:
	case HMM_DMIRROR_FLAGS:
		return dmirror_device_command(dm, nr, user);
	case HMM_DMIRROR_DEVMEM:
		return dmirror_devmem(dm, user);
	case HMM_DMIRROR_DEVMEM_LIMIT:
		return dmirror_limit(dm, user);
	case HMM_DMIRROR_STATS:
		return dmirror_stats(dm, user);
	case HMM_DMIRROR_STOP_AT:
	case HMM_DMIRROR_WAIT_AT:
	case HMM_DMIRROR_GO_ON:
		return dmirror_control_point(dm, nr, user);
	case HMM_DMIRROR_CONFIG:
		return dmirror_configure(dm, user);
	default:
		return -ENOTTY;
	}
}

const struct file_operations dmirror_fops = {
	.owner = THIS_MODULE,
	.open = dmirror_open,
	.release = dmirror_close,
	.mmap = dmirror_mmap,
	.unlocked_ioctl = dmirror_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
