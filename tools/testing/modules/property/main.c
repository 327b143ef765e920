// SPDX-License-Identifier: GPL-2.0
/*
 * The device of property_test. Each ioctl performs one operation.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "device.h"
#include "objects.h"
#include "ranges.h"

/* The kernel's own workqueues are not meant for work that sleeps for long. */
static struct workqueue_struct *property_wq;

/* An operation that a worker performs. */
struct property_work {
	struct work_struct work;
	struct property_call *call;
	int ret;
};

static int property_call(struct property_call *call)
{
	switch (call->op.opcode) {
	case HMM_PROPERTY_SPACE_OPEN:
	case HMM_PROPERTY_SPACE_CLOSE:
		return property_space(call);
	case HMM_PROPERTY_REGISTER:
	case HMM_PROPERTY_UNREGISTER:
		return property_mirror(call);
	case HMM_PROPERTY_FIND:
		return property_find(call);
	case HMM_PROPERTY_PUT_FOUND:
		return property_put_found(call);
	case HMM_PROPERTY_STATE:
		return property_state(call);
	}
	if (call->op.opcode < HMM_PROPERTY_FIND ||
	    call->op.opcode == HMM_PROPERTY_BEGIN ||
	    call->op.opcode == HMM_PROPERTY_RETRY)
		return property_interval(call);
	return property_range(call);
}

/* Returns true if the operation holds property->objects for writing. */
static bool property_is_exclusive(const struct hmm_property_op *op)
{
	if (op->opcode == HMM_PROPERTY_FIND)
		return !op->b;
	return op->opcode <= HMM_PROPERTY_UNREGISTER ||
	       op->opcode == HMM_PROPERTY_PUT_FOUND;
}

static int property_locked_call(struct property_call *call)
{
	struct rw_semaphore *objects = &call->property->objects;
	int ret;

	if (property_is_exclusive(&call->op)) {
		down_write(objects);
		ret = property_call(call);
		up_write(objects);
	} else {
		down_read(objects);
		ret = property_call(call);
		up_read(objects);
	}
	return ret;
}

static void property_work(struct work_struct *work)
{
	struct property_work *w = container_of(work, struct property_work,
					       work);

	w->ret = property_locked_call(w->call);
}

static int property_by_kworker(struct property_call *call)
{
	struct property_work w = { .call = call };

	INIT_WORK_ONSTACK(&w.work, property_work);
	queue_work(property_wq, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	return w.ret;
}

static int property_buffers(struct property_call *call)
{
	struct hmm_property_op *op = &call->op;

	if (op->opcode >= HMM_PROPERTY_OPS ||
	    op->max_entries > HMM_PROPERTY_MAX_PAGES)
		return -EINVAL;
	op->nr_entries = 0;
	op->result = 0;
	op->value = 0;
	op->mapped = 0;
	op->wrong = HMM_PROPERTY_FINE;
	if (op->requests) {
		call->requests = kvmalloc(op->max_entries, GFP_KERNEL);
		if (!call->requests)
			return -ENOMEM;
		return copy_from_user(call->requests,
				      u64_to_user_ptr(op->requests),
				      op->max_entries) ? -EFAULT : 0;
	}
	if (!op->entries) {
		op->max_entries = 0;
		return 0;
	}
	call->entries = kvmalloc_array(op->max_entries,
				       sizeof(*call->entries), GFP_KERNEL);
	return call->entries ? 0 : -ENOMEM;
}

static int property_results(const struct property_call *call,
			    struct hmm_property_op __user *arg)
{
	const struct hmm_property_op *op = &call->op;

	if (call->entries &&
	    copy_to_user(u64_to_user_ptr(op->entries), call->entries,
			 op->nr_entries * sizeof(*call->entries)))
		return -EFAULT;
	return copy_to_user(arg, op, sizeof(*op)) ? -EFAULT : 0;
}

static long property_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct property_call call = { .property = file->private_data };
	int ret;

	if (cmd != HMM_PROPERTY_OP)
		return -ENOTTY;
	if (copy_from_user(&call.op, (void __user *)arg, sizeof(call.op)))
		return -EFAULT;
	ret = property_buffers(&call);
	if (!ret && call.op.kworker)
		ret = property_by_kworker(&call);
	else if (!ret)
		ret = property_locked_call(&call);
	if (!ret)
		ret = property_results(&call, (void __user *)arg);
	kvfree(call.requests);
	kvfree(call.entries);
	return ret;
}

static int property_open(struct inode *inode, struct file *file)
{
	struct property *property = kvzalloc(sizeof(*property), GFP_KERNEL);

	if (!property)
		return -ENOMEM;
	property_init(property);
	file->private_data = property;
	return 0;
}

static int property_close(struct inode *inode, struct file *file)
{
	struct property *property = file->private_data;

	property_destroy(property);
	/* Wait until the release callbacks of its intervals have returned. */
	hmm_mirror_synchronize();
	kvfree(property);
	return 0;
}

static const struct file_operations property_fops = {
	.owner = THIS_MODULE,
	.open = property_open,
	.release = property_close,
	.unlocked_ioctl = property_ioctl,
};

static struct miscdevice property_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_property",
	.fops = &property_fops,
	.mode = 0600,
};

static int __init property_module_init(void)
{
	int ret = -ENOMEM;

	property_wq = alloc_workqueue("hmm_property", WQ_UNBOUND, 0);
	if (!property_wq)
		return ret;
	ret = property_device_init();
	if (ret)
		goto err_wq;
	ret = misc_register(&property_misc);
	if (ret)
		goto err_device;
	return 0;

err_device:
	property_device_exit();
err_wq:
	destroy_workqueue(property_wq);
	return ret;
}
module_init(property_module_init);

static void __exit property_module_exit(void)
{
	misc_deregister(&property_misc);
	property_device_exit();
	destroy_workqueue(property_wq);
}
module_exit(property_module_exit);

MODULE_DESCRIPTION("Makes the API calls that property_test chooses");
MODULE_LICENSE("GPL");
