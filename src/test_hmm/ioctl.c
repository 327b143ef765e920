// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of include/uapi/hmm/test_hmm.h: one table of commands, and the
 * checks of their arguments.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "access.h"
#include "devmem.h"
#include "dmirror.h"
#include "exclusive.h"
#include "ioctl.h"
#include "migrate_to_dev.h"
#include "migrate_to_sys.h"
#include "pagetable.h"
#include "release.h"
#include "snapshot.h"

/*
 * The kernel's copy of an ioctl's argument. The number of the ioctl encodes the
 * size of the argument, and whether the argument is copied in, out or both.
 */
union dmirror_arg {
	struct hmm_dmirror_cmd cmd;
	struct hmm_dmirror_stats stats;
	struct hmm_dmirror_point point;
	struct hmm_dmirror_config config;
	struct hmm_dmirror_devmem devmem;
	u64 limit;
};

struct dmirror_ioctl {
	unsigned int nr;
	/*
	 * The caller needs CAP_SYS_RAWIO, because the ioctl can slow down or
	 * block the device, make its allocations fail, or evict the memory of
	 * other processes from it.
	 */
	bool privileged;
	/* optional */
	int (*check)(struct dmirror *dm, const union dmirror_arg *arg);
	/*
	 * Exactly one of the two is set: command if the argument is a struct
	 * hmm_dmirror_cmd, otherwise control.
	 */
	int (*command)(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
	int (*control)(struct dmirror *dm, union dmirror_arg *arg);
};

static int dmirror_check_addresses(struct dmirror *dm,
				   const union dmirror_arg *arg)
{
	const struct hmm_dmirror_cmd *cmd = &arg->cmd;

	if (!PAGE_ALIGNED(cmd->addr) || !cmd->npages ||
	    cmd->npages > dm->task_size >> PAGE_SHIFT)
		return -EINVAL;
	if (cmd->addr > dm->task_size - (cmd->npages << PAGE_SHIFT))
		return -EINVAL;
	return 0;
}

static int dmirror_check_buffer(const struct hmm_dmirror_cmd *cmd, u64 size)
{
	return access_ok(u64_to_user_ptr(cmd->ptr), size) ? 0 : -EFAULT;
}

/* The buffer holds the contents of the pages. */
static int dmirror_check_pages(struct dmirror *dm, const union dmirror_arg *arg)
{
	return dmirror_check_addresses(dm, arg) ?:
	       dmirror_check_buffer(&arg->cmd, arg->cmd.npages << PAGE_SHIFT);
}

/* The buffer holds one byte per page. */
static int dmirror_check_bytes(struct dmirror *dm, const union dmirror_arg *arg)
{
	return dmirror_check_addresses(dm, arg) ?:
	       dmirror_check_buffer(&arg->cmd, arg->cmd.npages);
}

static int dmirror_check_flags(struct dmirror *dm, const union dmirror_arg *arg)
{
	return arg->cmd.npages & ~(HMM_DMIRROR_FLAG_FAIL_ALLOC |
				   HMM_DMIRROR_FLAG_NO_HUGE) ? -EINVAL : 0;
}

static int dmirror_set_flags(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	WRITE_ONCE(dm->flags, cmd->npages);
	return 0;
}

static int dmirror_release_devmem(struct dmirror *dm,
				  struct hmm_dmirror_cmd *cmd)
{
	return dmirror_devmem_release(dm->device, dm);
}

static int dmirror_get_stats(struct dmirror *dm, union dmirror_arg *arg)
{
	arg->stats = (struct hmm_dmirror_stats) {
		.faults = atomic64_read(&dm->faults),
		.invalidations = atomic64_read(&dm->invalidations),
		.collisions = atomic64_read(&dm->collisions),
		.entries = atomic64_read(&dm->entries),
		.dropped = atomic64_read(&dm->dropped),
		.refused = atomic64_read(&dm->refused),
		.released = READ_ONCE(dm->released),
	};
	return 0;
}

static int dmirror_get_devmem_stats(struct dmirror *dm, union dmirror_arg *arg)
{
	arg->devmem.own = atomic64_read(&dm->own);
	dmirror_devmem_stats(dm->device, &arg->devmem);
	return 0;
}

static int dmirror_set_devmem_limit(struct dmirror *dm, union dmirror_arg *arg)
{
	WRITE_ONCE(dm->devmem_limit, arg->limit);
	return 0;
}

static int dmirror_check_config(struct dmirror *dm,
				const union dmirror_arg *arg)
{
	return arg->config.invalidate_delay_us > DMIRROR_MAX_DELAY_US ||
	       arg->config.refuse_nonblock > INT_MAX ? -EINVAL : 0;
}

static int dmirror_set_config(struct dmirror *dm, union dmirror_arg *arg)
{
	WRITE_ONCE(dm->invalidate_delay_us, arg->config.invalidate_delay_us);
	atomic_set(&dm->refuse_nonblock, arg->config.refuse_nonblock);
	return 0;
}

static int dmirror_check_point(struct dmirror *dm, const union dmirror_arg *arg)
{
	return arg->point.point < HMM_DMIRROR_POINTS ? 0 : -EINVAL;
}

static struct dmirror_stop_point *
dmirror_selected_point(struct dmirror *dm, const union dmirror_arg *arg)
{
	return &dm->stop_points[array_index_nospec(arg->point.point,
						   HMM_DMIRROR_POINTS)];
}

static int dmirror_stop_at(struct dmirror *dm, union dmirror_arg *arg)
{
	return dmirror_stop_point_arm(dmirror_selected_point(dm, arg));
}

static int dmirror_wait_at(struct dmirror *dm, union dmirror_arg *arg)
{
	return dmirror_stop_point_wait(dmirror_selected_point(dm, arg),
				       arg->point.timeout_ms);
}

static int dmirror_go_on(struct dmirror *dm, union dmirror_arg *arg)
{
	dmirror_stop_point_resume(dmirror_selected_point(dm, arg));
	return 0;
}

static const struct dmirror_ioctl dmirror_ioctls[] = {
	{
		.nr = HMM_DMIRROR_READ,
		.check = dmirror_check_pages,
		.command = dmirror_read,
	}, {
		.nr = HMM_DMIRROR_WRITE,
		.check = dmirror_check_pages,
		.command = dmirror_write,
	}, {
		.nr = HMM_DMIRROR_MIGRATE_TO_DEV,
		.check = dmirror_check_pages,
		.command = dmirror_migrate_to_dev,
	}, {
		.nr = HMM_DMIRROR_MIGRATE_TO_SYS,
		.check = dmirror_check_addresses,
		.command = dmirror_migrate_to_sys,
	}, {
		.nr = HMM_DMIRROR_SNAPSHOT,
		.check = dmirror_check_bytes,
		.command = dmirror_snapshot,
	}, {
		.nr = HMM_DMIRROR_EXCLUSIVE,
		.check = dmirror_check_pages,
		.command = dmirror_exclusive,
	}, {
		.nr = HMM_DMIRROR_CHECK_EXCLUSIVE,
		.check = dmirror_check_addresses,
		.command = dmirror_check_exclusive,
	}, {
		.nr = HMM_DMIRROR_RELEASE,
		.privileged = true,
		.command = dmirror_release_devmem,
	}, {
		.nr = HMM_DMIRROR_FLAGS,
		.privileged = true,
		.check = dmirror_check_flags,
		.command = dmirror_set_flags,
	}, {
		.nr = HMM_DMIRROR_READ_UNLOCKED,
		.check = dmirror_check_pages,
		.command = dmirror_read,
	}, {
		.nr = HMM_DMIRROR_STATS,
		.control = dmirror_get_stats,
	}, {
		.nr = HMM_DMIRROR_STOP_AT,
		.privileged = true,
		.check = dmirror_check_point,
		.control = dmirror_stop_at,
	}, {
		.nr = HMM_DMIRROR_WAIT_AT,
		.check = dmirror_check_point,
		.control = dmirror_wait_at,
	}, {
		.nr = HMM_DMIRROR_GO_ON,
		.check = dmirror_check_point,
		.control = dmirror_go_on,
	}, {
		.nr = HMM_DMIRROR_CONFIG,
		.privileged = true,
		.check = dmirror_check_config,
		.control = dmirror_set_config,
	}, {
		.nr = HMM_DMIRROR_CHECK,
		.check = dmirror_check_addresses,
		.command = dmirror_check,
	}, {
		.nr = HMM_DMIRROR_DEVMEM,
		.control = dmirror_get_devmem_stats,
	}, {
		.nr = HMM_DMIRROR_DEVMEM_LIMIT,
		.privileged = true,
		.control = dmirror_set_devmem_limit,
	},
};

static int dmirror_run(struct dmirror *dm, const struct dmirror_ioctl *ioctl,
		       union dmirror_arg *arg)
{
	int ret;

	if (ioctl->command) {
		arg->cmd.cpages = 0;
		arg->cmd.faults = 0;
	}
	ret = ioctl->check ? ioctl->check(dm, arg) : 0;
	if (ret)
		return ret;
	return ioctl->command ? ioctl->command(dm, &arg->cmd) :
				ioctl->control(dm, arg);
}

static int dmirror_run_user(struct dmirror *dm,
			    const struct dmirror_ioctl *ioctl,
			    void __user *user)
{
	unsigned int dir = _IOC_DIR(ioctl->nr);
	size_t size = _IOC_SIZE(ioctl->nr);
	union dmirror_arg arg = {};
	int ret;

	if (ioctl->privileged && !capable(CAP_SYS_RAWIO))
		return -EPERM;

	if ((dir & _IOC_WRITE) && copy_from_user(&arg, user, size))
		return -EFAULT;
	ret = dmirror_run(dm, ioctl, &arg);
	/* A command that fails reports how many pages it has processed. */
	if ((dir & _IOC_READ) && copy_to_user(user, &arg, size))
		return -EFAULT;
	return ret;
}

long dmirror_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dmirror_ioctls); i++) {
		if (dmirror_ioctls[i].nr == nr)
			return dmirror_run_user(file->private_data,
						&dmirror_ioctls[i],
						(void __user *)arg);
	}
	return -ENOTTY;
}
