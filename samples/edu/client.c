// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: who has /dev/hmm_edu open, and what they ask for.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"

/*
 * Nothing to hear of here. All that the device may use is in buffers, each has
 * an interval, and the exit of the process invalidates them like anything
 * else. A driver with more than that in the device stops it in @release.
 */
static const struct hmm_mirror_ops edu_mirror_ops = {};

/* A file mirrors the process that opened it, and serves nobody else. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu_device *edu = container_of(file->private_data,
					      struct edu_device, misc);
	struct edu_client *client;
	int ret;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->edu = edu;
	client->mm = current->mm;
	mutex_init(&client->lock);
	INIT_LIST_HEAD(&client->buffers);
	client->mirror.ops = &edu_mirror_ops;
	ret = hmm_mirror_register(&client->mirror, current->mm);
	if (ret) {
		kfree(client);
		return ret;
	}
	/* Opening keeps misc_deregister(), and so edu_remove(), out. */
	kref_get(&edu->kref);
	mutex_lock(&edu->update_lock);
	list_add(&client->node, &edu->clients);
	mutex_unlock(&edu->update_lock);
	file->private_data = client;
	return 0;
}

/* The opposite order: buffers, the mirror, the client. */
static int edu_close(struct inode *inode, struct file *file)
{
	struct edu_client *client = file->private_data;
	struct edu_device *edu = client->edu;
	struct edu_buffer *buf, *next;

	list_for_each_entry_safe(buf, next, &client->buffers, node)
		edu_buffer_free(buf);
	mutex_lock(&edu->update_lock);
	list_del(&client->node);
	mutex_unlock(&edu->update_lock);
	hmm_mirror_unregister(&client->mirror);
	kfree(client);
	kref_put(&edu->kref, edu_free);
	return 0;
}

static int edu_register(struct edu_client *client, void __user *arg)
{
	struct hmm_edu_buffer buf;

	if (copy_from_user(&buf, arg, sizeof(buf)))
		return -EFAULT;
	if (buf.pad || (buf.flags & ~(HMM_EDU_WRITE | HMM_EDU_TEST_ASK_READ)))
		return -EINVAL;
	if ((buf.flags & HMM_EDU_TEST_ASK_READ) && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	return edu_buffer_create(client, buf.addr, buf.length, buf.flags);
}

static int edu_unregister(struct edu_client *client, void __user *arg)
{
	struct edu_buffer *buf;
	u64 addr;

	if (copy_from_user(&addr, arg, sizeof(addr)))
		return -EFAULT;
	buf = edu_buffer_find(client, addr, PAGE_SIZE, 0);
	if (!buf || buf->range.start != addr)
		return -ENOENT;
	edu_buffer_free(buf);
	return 0;
}

static int edu_ioctl_copy(struct edu_client *client, void __user *arg)
{
	struct hmm_edu_copy copy;
	int ret;

	if (copy_from_user(&copy, arg, sizeof(copy)))
		return -EFAULT;
	ret = edu_copy(client, &copy);
	/* No lock that a callback takes is held, so this may fault. */
	if (copy_to_user(arg, &copy, sizeof(copy)))
		return -EFAULT;
	return ret;
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct edu_client *client = file->private_data;
	void __user *arg = (void __user *)user;
	long ret;

	ret = mutex_lock_killable(&client->lock);
	if (ret)
		return ret;
	/* A child that inherited the file has no business in its parent. */
	if (current->mm != client->mm && cmd != HMM_EDU_TEST_STATS)
		ret = -EPERM;
	else if (cmd == HMM_EDU_REGISTER)
		ret = edu_register(client, arg);
	else if (cmd == HMM_EDU_UNREGISTER)
		ret = edu_unregister(client, arg);
	else if (cmd == HMM_EDU_COPY)
		ret = edu_ioctl_copy(client, arg);
	else
		ret = edu_test_ioctl(client, cmd, arg);
	mutex_unlock(&client->lock);
	return ret;
}

const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_close,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
