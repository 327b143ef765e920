// SPDX-License-Identifier: GPL-2.0
/*
 * Module initialization and exit.
 */
#include <linux/module.h>

#include <hmm/version.h>

#include "context.h"
#include "debugfs.h"
#include "lockdep.h"

static int __init hmm_mirror_init(void)
{
	int ret = hmm_contexts_init();

	if (ret)
		return ret;
	hmm_lockdep_init();
	hmm_debugfs_init();
	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		pr_info("hmm_mirror: CONFIG_DEVICE_PRIVATE is off: device-private memory and exclusive access are not available; everything else works\n");
	return 0;
}
module_init(hmm_mirror_init);

static void __exit hmm_mirror_exit(void)
{
	hmm_debugfs_exit();
	hmm_contexts_exit();
}
module_exit(hmm_mirror_exit);

MODULE_DESCRIPTION("Mirrors a process's address space for a device");
MODULE_AUTHOR("hmm-mirror developers");
MODULE_VERSION(HMM_MIRROR_VERSION_STRING);
MODULE_LICENSE("GPL");
