// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_bench.ko does the same work with hmm-mirror and with the kernel's own
 * functions, so that a program can compare them. See hmm_bench.h.
 */
#include <linux/fs.h>
#include <linux/hmm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bench.h"

static const struct hmm_mirror_ops bench_mirror_ops;

static int bench_side(struct bench *bench, unsigned long side)
{
	int ret = 0;

	if (bench->mm || side > HMM_BENCH_KERNEL)
		return -EINVAL;
	if (side == HMM_BENCH_OURS) {
		bench->mirror.ops = &bench_mirror_ops;
		ret = hmm_mirror_register(&bench->mirror, current->mm);
		if (ret)
			return ret;
	}
	bench->side = side;
	bench->mm = current->mm;
	mmgrab(bench->mm);
	return 0;
}

/*
 * The definitions of the shared structures are private to their owners, so use
 * the size of the allocations.
 */
static int bench_sizes(struct bench *bench, struct hmm_bench_sizes *sizes)
{
	if (!bench->mm)
		return -EINVAL;
	if (bench->side == HMM_BENCH_OURS)
		sizes->shared = ksize(bench->mirror.context);
	else if (bench->mm->notifier_subscriptions)
		sizes->shared = ksize(bench->mm->notifier_subscriptions);
	sizes->ours_interval = sizeof(struct hmm_interval_notifier);
	sizes->ours_mirror = sizeof(struct hmm_mirror);
	sizes->ours_range = sizeof(struct hmm_mirror_range);
	sizes->kernel_interval = sizeof(struct mmu_interval_notifier);
	sizes->kernel_notifier = sizeof(struct mmu_notifier);
	sizes->kernel_range = sizeof(struct hmm_range);
	return 0;
}

union bench_arg {
	struct hmm_bench_intervals intervals;
	struct hmm_bench_read read;
	struct hmm_bench_wait wait;
	struct hmm_bench_range range;
	struct hmm_bench_hold hold;
	struct hmm_bench_latency latency;
	struct hmm_bench_sizes sizes;
};

/* Commands that run under the lock of the open file */
static int bench_locked(struct bench *bench, unsigned int nr,
			unsigned long side, union bench_arg *arg)
{
	switch (nr) {
	case HMM_BENCH_SIDE:
		return bench_side(bench, side);
	case HMM_BENCH_INSERT:
		return bench_insert(bench, &arg->intervals);
	case HMM_BENCH_CHURN:
		return bench_churn(bench, &arg->intervals);
	case HMM_BENCH_HOLD:
		return bench_hold(bench, &arg->hold);
	case HMM_BENCH_HOLD_END:
		return bench_hold_end(bench, &arg->hold);
	case HMM_BENCH_LATENCY:
		return bench_latency_start(&arg->latency);
	case HMM_BENCH_LATENCY_END:
		return bench_latency_end(&arg->latency);
	case HMM_BENCH_SIZES:
		return bench_sizes(bench, &arg->sizes);
	}
	return -ENOTTY;
}

static long bench_ioctl(struct file *file, unsigned int nr, unsigned long value)
{
	struct bench *bench = file->private_data;
	void __user *user = (void __user *)value;
	union bench_arg arg = {};
	int ret;

	if (_IOC_SIZE(nr) > sizeof(arg))
		return -ENOTTY;
	if ((_IOC_DIR(nr) & _IOC_WRITE) &&
	    copy_from_user(&arg, user, _IOC_SIZE(nr)))
		return -EFAULT;

	switch (nr) {
	case HMM_BENCH_READ:
		ret = bench_read(bench, &arg.read);
		break;
	case HMM_BENCH_WAIT:
		ret = bench_wait(bench, &arg.wait);
		break;
	case HMM_BENCH_RANGE:
		ret = bench_range(bench, &arg.range);
		break;
	default:
		mutex_lock(&bench->lock);
		ret = bench_locked(bench, nr, value, &arg);
		mutex_unlock(&bench->lock);
	}
	if (!ret && (_IOC_DIR(nr) & _IOC_READ) &&
	    copy_to_user(user, &arg, _IOC_SIZE(nr)))
		ret = -EFAULT;
	return ret;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench *bench = kzalloc(sizeof(*bench), GFP_KERNEL);

	if (!bench)
		return -ENOMEM;
	mutex_init(&bench->lock);
	file->private_data = bench;
	return 0;
}

static int bench_release(struct inode *inode, struct file *file)
{
	struct bench *bench = file->private_data;
	struct hmm_bench_hold hold;

	if (bench->mm) {
		bench_hold_end(bench, &hold);
		bench_remove_all(bench);
		if (bench->side == HMM_BENCH_OURS)
			hmm_mirror_unregister(&bench->mirror);
		mmdrop(bench->mm);
	}
	kfree(bench);
	return 0;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.release = bench_release,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_bench",
	.fops = &bench_fops,
	.mode = 0600,
};
module_misc_device(bench_device);

MODULE_DESCRIPTION("Measures hmm-mirror beside the kernel's own HMM");
MODULE_LICENSE("GPL");
