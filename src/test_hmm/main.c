// SPDX-License-Identifier: GPL-2.0
/*
 * test_hmm: a device that does not exist, and mirrors processes all the same.
 *
 * It is a driver like any other: all that it knows of a process comes from
 * include/hmm. User space makes it read and write the process's memory with
 * the ioctls of include/uapi/hmm/test_hmm.h.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmirror.h"

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

static int dmirror_open(struct inode *inode, struct file *file)
{
	struct dmirror *dm;
	int ret;

	if (!current->mm)
		return -EINVAL;

	dm = kzalloc(sizeof(*dm), GFP_KERNEL_ACCOUNT);
	if (!dm)
		return -ENOMEM;

	mutex_init(&dm->update_lock);
	dmirror_prime_lockdep(dm);
	/* The table grows with what user space asks for: charge it. */
	xa_init_flags(&dm->table, XA_FLAGS_ACCOUNT);
	dmirror_points_init(dm);
	dm->task_size = current->mm->task_size;

	dm->mirror.ops = &dmirror_mirror_ops;
	ret = hmm_mirror_register(&dm->mirror, current->mm);
	if (ret)
		goto err_free;

	ret = hmm_interval_notifier_insert(&dm->interval, &dm->mirror, 0,
					   ULONG_MAX, &dmirror_interval_ops);
	if (ret)
		goto err_unregister;

	file->private_data = dm;
	return 0;

err_unregister:
	hmm_mirror_unregister(&dm->mirror);
err_free:
	mutex_destroy(&dm->update_lock);
	kfree(dm);
	return ret;
}

static int dmirror_close(struct inode *inode, struct file *file)
{
	struct dmirror *dm = file->private_data;

	dmirror_points_close(dm);
	hmm_interval_notifier_remove(&dm->interval);
	hmm_mirror_unregister(&dm->mirror);

	/* No callback runs any more, and nobody else has the file. */
	xa_destroy(&dm->table);
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

	if (nr == HMM_DMIRROR_CHECK)
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
		case HMM_DMIRROR_READ:
			ret = dmirror_access(dm, &cmd, false);
			break;
		case HMM_DMIRROR_WRITE:
			ret = dmirror_access(dm, &cmd, true);
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
	struct dmirror_point *point;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.point >= HMM_DMIRROR_POINTS)
		return -EINVAL;
	point = &dm->points[array_index_nospec(arg.point, HMM_DMIRROR_POINTS)];

	switch (nr) {
	case HMM_DMIRROR_STOP_AT:
		return dmirror_point_arm(point);
	case HMM_DMIRROR_WAIT_AT:
		return dmirror_point_wait(point, arg.timeout_ms);
	default:
		dmirror_point_go_on(point);
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

static long dmirror_ioctl(struct file *file, unsigned int nr,
			  unsigned long arg)
{
	struct dmirror *dm = file->private_data;
	void __user *user = (void __user *)arg;

	switch (nr) {
	case HMM_DMIRROR_READ:
	case HMM_DMIRROR_WRITE:
	case HMM_DMIRROR_SNAPSHOT:
	case HMM_DMIRROR_CHECK:
		return dmirror_command(dm, nr, user);
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

static const struct file_operations dmirror_fops = {
	.owner = THIS_MODULE,
	.open = dmirror_open,
	.release = dmirror_close,
	.unlocked_ioctl = dmirror_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice dmirror_devices[] = {
	{
		.minor = MISC_DYNAMIC_MINOR,
		.name = "hmm_dmirror0",
		.fops = &dmirror_fops,
	},
	{
		.minor = MISC_DYNAMIC_MINOR,
		.name = "hmm_dmirror1",
		.fops = &dmirror_fops,
	},
};

static int __init dmirror_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(dmirror_devices); i++) {
		ret = misc_register(&dmirror_devices[i]);
		if (ret)
			goto err;
	}
	return 0;

err:
	while (i--)
		misc_deregister(&dmirror_devices[i]);
	return ret;
}

static void __exit dmirror_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dmirror_devices); i++)
		misc_deregister(&dmirror_devices[i]);
	/* Each close has waited for its callbacks; this costs nothing. */
	hmm_mirror_synchronize();
}

module_init(dmirror_init);
module_exit(dmirror_exit);
MODULE_DESCRIPTION("Dummy device for tests of hmm_mirror");
MODULE_LICENSE("GPL");
