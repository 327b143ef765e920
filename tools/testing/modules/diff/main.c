// SPDX-License-Identifier: GPL-2.0
/*
 * The device. An ioctl makes several reads, one after the other.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel.h"
#include "map.h"
#include "ours.h"

/**
 * struct diff_memory - the memory of one ioctl
 * @run: the ioctl's argument
 * @pages: the requests
 * @pfns: entries of the current call, in the format of its implementation
 * @entries: entries of all calls, in the common format
 */
struct diff_memory {
	struct hmm_diff_run run;
	u8 *pages;
	unsigned long *pfns;
	u64 *entries;
};

static int diff_check(const struct hmm_diff_run *run)
{
	const unsigned int known = HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE |
				   HMM_DIFF_REQ_JUNK;
	unsigned int i;

	/* A range must leave room for the wider interval on both sides. */
	if (!PAGE_ALIGNED(run->start) || run->start < PAGE_SIZE ||
	    !run->npages || run->npages > HMM_DIFF_MAX_PAGES ||
	    run->start + ((run->npages + 1) << PAGE_SHIFT) > TASK_SIZE ||
	    run->start > TASK_SIZE)
		return -EINVAL;
	if (run->default_flags & ~known || run->mask & ~known ||
	    run->reserved || !run->ncalls || run->ncalls > HMM_DIFF_MAX_CALLS)
		return -EINVAL;
	for (i = 0; i < run->ncalls; i++)
		if (run->calls[i].way >= HMM_DIFF_WAYS ||
		    run->calls[i].mode > HMM_DIFF_FAULT)
			return -EINVAL;
	return 0;
}

/*
 * Do not access user memory between the calls, because a page fault could
 * change the entries that the next call reads.
 */
static int diff_calls(struct diff_memory *memory)
{
	struct hmm_diff_run *run = &memory->run;
	struct diff_request request = {
		.start = run->start,
		.npages = run->npages,
		.pages = memory->pages,
		.default_flags = run->default_flags,
		.mask = run->mask,
	};
	struct diff_kernel *kernel = diff_kernel_open(&request);
	unsigned int i;

	if (IS_ERR(kernel))
		return PTR_ERR(kernel);
	for (i = 0; i < run->ncalls; i++) {
		struct hmm_diff_call *call = &run->calls[i];
		u64 *entries = memory->entries + i * run->npages;

		request.fault = call->mode == HMM_DIFF_FAULT;
		if (call->way == HMM_DIFF_KERNEL)
			call->result = diff_kernel(kernel, &request,
						   memory->pfns, entries);
		else
			call->result = diff_ours(&request, call->way,
						 memory->pfns, entries);
		call->changed = diff_kernel_changed(kernel);
	}
	diff_kernel_close(kernel);
	return 0;
}

static int diff_results(const struct diff_memory *memory)
{
	const struct hmm_diff_run *run = &memory->run;
	size_t size = run->npages * sizeof(u64);
	unsigned int i;

	for (i = 0; i < run->ncalls; i++)
		if (copy_to_user(u64_to_user_ptr(run->calls[i].entries),
				 memory->entries + i * run->npages, size))
			return -EFAULT;
	return 0;
}

static long diff_run(struct hmm_diff_run __user *arg)
{
	struct diff_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	struct hmm_diff_run *run;
	long ret = -EFAULT;

	if (!memory)
		return -ENOMEM;
	run = &memory->run;
	if (copy_from_user(run, arg, sizeof(*run)))
		goto out;
	ret = diff_check(run);
	if (ret)
		goto out;

	ret = -ENOMEM;
	memory->pages = kvmalloc(run->npages, GFP_KERNEL);
	memory->pfns = kvcalloc(run->npages, sizeof(*memory->pfns),
				GFP_KERNEL);
	memory->entries = kvcalloc(run->npages * run->ncalls,
				   sizeof(*memory->entries), GFP_KERNEL);
	if (!memory->pages || !memory->pfns || !memory->entries)
		goto out;

	ret = -EFAULT;
	if (copy_from_user(memory->pages, u64_to_user_ptr(run->requests),
			   run->npages))
		goto out;
	ret = diff_calls(memory);
	if (!ret)
		ret = diff_results(memory);
	if (!ret && copy_to_user(arg, run, sizeof(*run)))
		ret = -EFAULT;
out:
	kvfree(memory->entries);
	kvfree(memory->pfns);
	kvfree(memory->pages);
	kfree(memory);
	return ret;
}

static long diff_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == HMM_DIFF_RUN)
		return diff_run((void __user *)arg);
	return -ENOTTY;
}

static const struct file_operations diff_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = diff_ioctl,
	.mmap = diff_map,
};

static struct miscdevice diff_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_diff",
	.fops = &diff_fops,
	.mode = 0600,
};

static int __init diff_init(void)
{
	int ret = diff_map_init();

	if (ret)
		return ret;
	ret = misc_register(&diff_device);
	if (ret)
		diff_map_exit();
	return ret;
}
module_init(diff_init);

static void __exit diff_exit(void)
{
	misc_deregister(&diff_device);
	diff_map_exit();
}
module_exit(diff_exit);

MODULE_DESCRIPTION("hmm-mirror compared with the kernel's own HMM");
MODULE_LICENSE("GPL");
