// SPDX-License-Identifier: GPL-2.0
/*
 * A small but complete driver that driver authors can copy. The device
 * reads the memory of the process that opened it.
 *
 *	fd = open("/dev/hmm_template", O_RDWR);
 *	pread(fd, buffer, size, address);
 *
 * The device is imaginary. Its page table is an xarray, and the CPU copies the
 * data. Comments that begin with "Device:" mark where a driver accesses its
 * hardware.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include <hmm/interval.h>
#include <hmm/mirror.h>
#include <hmm/pfn.h>
#include <hmm/range.h>
#include <hmm/version.h>

#define TEMPLATE_NEEDS	HMM_MIRROR_VERSION_CODE(0, 2, 0)
#if HMM_MIRROR_VERSION < TEMPLATE_NEEDS
#error "this driver needs hmm-mirror 0.2 or later"
#endif

/* How long hmm_mirror_range_populate() may retry, in milliseconds. */
#define TEMPLATE_POPULATE_MS	10000

/**
 * struct template_client - an open file
 * @mirror: mirrors the process that opened the file
 * @interval: covers the whole address space of this process
 * @mm: the mm of this process, used only for comparison
 * @lock: protects @table, and the device's copy of the table
 * @table: the device page table: maps page numbers to struct page
 */
struct template_client {
	struct hmm_mirror mirror;
	struct hmm_interval_notifier interval;
	struct mm_struct *mm;
	/* the update lock */
	spinlock_t lock;
	struct xarray table;
};

/*
 * The page table entries in @range are about to change. This function is also
 * called when the process exits.
 */
static bool template_invalidate(struct hmm_interval_notifier *interval,
				const struct mmu_notifier_range *range)
{
	struct template_client *client =
		container_of(interval, struct template_client, interval);
	unsigned long first = range->start >> PAGE_SHIFT;
	unsigned long last = (range->end - 1) >> PAGE_SHIFT;
	unsigned long index;
	struct page *page;

	spin_lock(&client->lock);
	xa_for_each_range(&client->table, index, page, first, last)
		xa_erase(&client->table, index);
	/*
	 * Device: flush the device's TLB, and wait until the device no longer
	 * uses the pages.
	 */
	spin_unlock(&client->lock);
	return true;
}

static const struct hmm_interval_notifier_ops template_interval_ops = {
	.invalidate = template_invalidate,
};

/* Handle a fault of the device at @addr. */
static int template_fault(struct template_client *client, unsigned long addr)
{
	unsigned long entry;
	struct hmm_mirror_range range = {
		.start = addr,
		.end = addr + PAGE_SIZE,
		.pfns = &entry,
		.default_flags = HMM_MIRROR_PFN_REQ_FAULT,
	};
	bool valid;
	int ret;

	ret = hmm_mirror_range_bind(&range, &client->interval);
	if (ret)
		return ret;
	do {
		ret = hmm_mirror_range_populate(&range, TEMPLATE_POPULATE_MS);
		if (ret)
			return ret;
		spin_lock(&client->lock);
		valid = hmm_mirror_range_valid(&range);
		/* Device: program the entry into its page table. */
		if (valid)
			ret = xa_err(xa_store(&client->table,
					      addr >> PAGE_SHIFT,
					      hmm_mirror_pfn_to_page(entry),
					      GFP_ATOMIC));
		spin_unlock(&client->lock);
	} while (!valid && !fatal_signal_pending(current));
	return valid ? ret : -EINTR;
}

/*
 * Device: access memory. The page is not freed during the copy, because its
 * invalidation waits for the lock. Returns 0; -ENOENT if the device page table
 * has no entry; or another error if the page is not in the kernel's direct map,
 * for example because it belongs to memfd_secret().
 */
static int template_copy(struct template_client *client, void *to,
			 unsigned long addr, size_t size)
{
	struct page *page;
	int ret = -ENOENT;

	spin_lock(&client->lock);
	page = xa_load(&client->table, addr >> PAGE_SHIFT);
	if (page)
		ret = copy_from_kernel_nofault(to, page_address(page) +
					       offset_in_page(addr), size);
	spin_unlock(&client->lock);
	return ret;
}

static int template_read_page(struct template_client *client, void *to,
			      unsigned long addr, size_t size)
{
	int ret;

	while ((ret = template_copy(client, to, addr, size)) == -ENOENT) {
		ret = template_fault(client, addr & PAGE_MASK);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return ret;
}

static ssize_t template_read(struct file *file, char __user *to, size_t size,
			     loff_t *pos)
{
	struct template_client *client = file->private_data;
	unsigned long addr = untagged_addr((unsigned long)*pos);
	size_t done = 0, n;
	void *bounce;
	int ret = 0;

	/* Another process that has the descriptor must not access the mm. */
	if (client->mm != current->mm)
		return -EPERM;
	bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	while (done < size) {
		n = min(size - done, PAGE_SIZE - offset_in_page(addr));
		ret = template_read_page(client, bounce, addr, n);
		/* This may fault and cause a callback: do not hold the lock. */
		if (!ret && copy_to_user(to + done, bounce, n))
			ret = -EFAULT;
		if (ret)
			break;
		done += n;
		addr += n;
	}
	kfree(bounce);
	return done ? done : ret;
}

static int template_open(struct inode *inode, struct file *file)
{
	struct template_client *client;
	int ret;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	spin_lock_init(&client->lock);
	/* User space determines the size of the table, so charge its memory. */
	xa_init_flags(&client->table, XA_FLAGS_ACCOUNT);
	client->mm = current->mm;
	ret = hmm_mirror_register(&client->mirror, client->mm);
	if (ret)
		goto free;
	ret = hmm_interval_notifier_insert(&client->interval, &client->mirror,
					   0, ULONG_MAX, &template_interval_ops);
	if (ret)
		goto unregister;
	file->private_data = client;
	return 0;

unregister:
	hmm_mirror_unregister(&client->mirror);
free:
	kfree(client);
	return ret;
}

/* Remove the interval first. After that, no callback runs. */
static int template_close(struct inode *inode, struct file *file)
{
	struct template_client *client = file->private_data;

	hmm_interval_notifier_remove(&client->interval);
	hmm_mirror_unregister(&client->mirror);
	xa_destroy(&client->table);
	kfree(client);
	return 0;
}

static const struct file_operations template_fops = {
	.owner = THIS_MODULE,
	.open = template_open,
	.release = template_close,
	.read = template_read,
};

static struct miscdevice template_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_template",
	.fops = &template_fops,
	.mode = 0600,
};
module_misc_device(template_misc);

MODULE_DESCRIPTION("A small driver that mirrors a process with hmm_mirror");
MODULE_AUTHOR("hmm-mirror developers");
MODULE_LICENSE("GPL");
