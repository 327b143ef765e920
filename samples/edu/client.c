// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: open files of /dev/hmm_edu, and their ioctls.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "client.h"
#include "copy.h"
#include "device.h"
#include "test_ioctl.h"

/*
 * No callback is needed here. The device accesses only memory of buffers. Each
 * buffer has an interval, and the exit of the process invalidates all
 * intervals. A driver whose device has a context for the process stops the
 * context in @release.
 */
static const struct hmm_mirror_ops edu_mirror_ops = {};

/*
 * All misc devices are opened under one mutex. So do not wait here for a lock
 * that a process can hold for a long time, such as its mmap lock.
 */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu_device *edu = container_of(file->private_data,
					      struct edu_device, misc);
	struct edu_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->edu = edu;
	client->mirror.ops = &edu_mirror_ops;
	mutex_init(&client->ioctl_lock);
	spin_lock_init(&client->lock);
	INIT_LIST_HEAD(&client->buffers);
	INIT_LIST_HEAD(&client->mappings);
	/* edu_remove() waits in misc_deregister() until this open returns. */
	edu_device_get(edu);
	mutex_lock(&edu->clients_lock);
	list_add(&client->node, &edu->clients);
	mutex_unlock(&edu->clients_lock);
	file->private_data = client;
	return 0;
}

/* Returns -EMFILE if the process has the maximum number of clients. */
static int edu_set_mm(struct edu_client *client, struct mm_struct *mm)
{
	struct edu_device *edu = client->edu;
	struct edu_client *other;
	unsigned int n = 0;

	mutex_lock(&edu->clients_lock);
	list_for_each_entry(other, &edu->clients, node)
		n += other->mm == mm;
	if (n < EDU_CLIENTS_MAX)
		client->mm = mm;
	mutex_unlock(&edu->clients_lock);
	return n < EDU_CLIENTS_MAX ? 0 : -EMFILE;
}

/*
 * The first ioctl that is not for tests registers a mirror of the calling
 * process. From then on the file serves only this process: a child that
 * inherits the file cannot use it to access its parent's memory.
 */
static int edu_attach(struct edu_client *client)
{
	int ret;

	lockdep_assert_held(&client->ioctl_lock);
	if (client->mm)
		return client->mm == current->mm ? 0 : -EPERM;
	ret = hmm_mirror_register(&client->mirror, current->mm);
	if (ret)
		return ret;
	/* The mirror pins the mm, so its address cannot be used again. */
	ret = edu_set_mm(client, current->mm);
	if (ret)
		hmm_mirror_unregister(&client->mirror);
	return ret;
}

/* No ioctl is in progress. Release buffers, mirror and client in this order. */
static int edu_close(struct inode *inode, struct file *file)
{
	struct edu_client *client = file->private_data;
	struct edu_device *edu = client->edu;
	struct edu_buffer *buf, *next;

	mutex_lock(&client->ioctl_lock);
	list_for_each_entry_safe(buf, next, &client->buffers, node)
		edu_buffer_destroy(buf);
	mutex_unlock(&client->ioctl_lock);
	mutex_lock(&edu->clients_lock);
	list_del(&client->node);
	mutex_unlock(&edu->clients_lock);
	if (client->mm)
		hmm_mirror_unregister(&client->mirror);
	kfree(client);
	edu_device_put(edu);
	return 0;
}

static int edu_ioctl_register(struct edu_client *client, void __user *arg)
{
	struct hmm_edu_buffer buf;

	if (copy_from_user(&buf, arg, sizeof(buf)))
		return -EFAULT;
	if (buf.pad || (buf.flags & ~(HMM_EDU_WRITE | HMM_EDU_TEST_REQ_READ)))
		return -EINVAL;
	if ((buf.flags & HMM_EDU_TEST_REQ_READ) && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	return edu_buffer_create(client, untagged_addr(buf.addr), buf.length,
				 buf.flags);
}

static int edu_ioctl_unregister(struct edu_client *client, void __user *arg)
{
	struct edu_buffer *buf;
	u64 addr;

	if (copy_from_user(&addr, arg, sizeof(addr)))
		return -EFAULT;
	addr = untagged_addr(addr);
	buf = edu_buffer_find_start(client, addr);
	if (!buf)
		return -ENOENT;
	edu_buffer_destroy(buf);
	return 0;
}

static int edu_ioctl_copy(struct edu_client *client, void __user *arg)
{
	struct hmm_edu_copy copy;
	int ret;

	if (copy_from_user(&copy, arg, sizeof(copy)))
		return -EFAULT;
	copy.src = untagged_addr(copy.src);
	copy.dst = untagged_addr(copy.dst);
	ret = edu_copy(client, &copy);
	if (put_user(copy.copied, &((struct hmm_edu_copy __user *)arg)->copied))
		return -EFAULT;
	return ret;
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct edu_client *client = file->private_data;
	void __user *arg = (void __user *)user;
	long ret;

	ret = mutex_lock_killable(&client->ioctl_lock);
	if (ret)
		return ret;
	switch (cmd) {
	case HMM_EDU_REGISTER:
		ret = edu_attach(client) ?: edu_ioctl_register(client, arg);
		break;
	case HMM_EDU_UNREGISTER:
		ret = edu_attach(client) ?: edu_ioctl_unregister(client, arg);
		break;
	case HMM_EDU_COPY:
		ret = edu_attach(client) ?: edu_ioctl_copy(client, arg);
		break;
	default:
		ret = edu_test_ioctl(client, cmd, arg);
	}
	mutex_unlock(&client->ioctl_lock);
	return ret;
}

const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_close,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
