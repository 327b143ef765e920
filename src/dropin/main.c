// SPDX-License-Identifier: GPL-2.0
/*
 * Module initialization and exit.
 */
#include <linux/module.h>

#include <hmm/version.h>

#include "mirror.h"

static int __init hmm_dropin_init(void)
{
	return hmm_dropin_mirrors_init();
}
module_init(hmm_dropin_init);

static void __exit hmm_dropin_exit(void)
{
	hmm_dropin_mirrors_exit();
}
module_exit(hmm_dropin_exit);

MODULE_DESCRIPTION("The kernel's interface for mirroring on top of hmm_mirror");
MODULE_AUTHOR("hmm-mirror developers");
MODULE_VERSION(HMM_MIRROR_VERSION_STRING);
MODULE_LICENSE("GPL");
