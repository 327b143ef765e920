/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The version of the API. All strings and numbers, including MODULE_VERSION()
 * of the modules, derive from the three macros at the top.
 */
#ifndef _HMM_VERSION_H
#define _HMM_VERSION_H

#define HMM_MIRROR_VERSION_MAJOR	0
#define HMM_MIRROR_VERSION_MINOR	2
#define HMM_MIRROR_VERSION_PATCH	0

/**
 * HMM_MIRROR_VERSION_CODE() - a version as a number that can be compared
 * @major: major version
 * @minor: minor version, 0 to 255
 * @patch: patch level, 0 to 255
 *
 * Use it in preprocessor conditions::
 *
 *	#if HMM_MIRROR_VERSION >= HMM_MIRROR_VERSION_CODE(0, 2, 0)
 *
 * Context: any; it is a constant expression.
 *
 * Return: a number that is greater for a later version.
 *
 * Since: 0.2
 */
#define HMM_MIRROR_VERSION_CODE(major, minor, patch) \
	(((major) << 16) + ((minor) << 8) + (patch))

/**
 * HMM_MIRROR_VERSION - the version of these headers, as a number
 *
 * A driver that supports several versions of hmm-mirror compares this macro
 * with HMM_MIRROR_VERSION_CODE(). Versions before 0.2 do not have this header.
 *
 * Since: 0.2
 */
#define HMM_MIRROR_VERSION					\
	HMM_MIRROR_VERSION_CODE(HMM_MIRROR_VERSION_MAJOR,	\
				HMM_MIRROR_VERSION_MINOR,	\
				HMM_MIRROR_VERSION_PATCH)

/**
 * HMM_MIRROR_VERSION_STRING - the version of these headers, as a string
 *
 * The version of the loaded module is in /sys/module/hmm_mirror/version.
 *
 * Since: 0.2
 */
#define HMM_MIRROR_VERSION_STRING			\
	__HMM_STRING(HMM_MIRROR_VERSION_MAJOR) "."	\
	__HMM_STRING(HMM_MIRROR_VERSION_MINOR) "."	\
	__HMM_STRING(HMM_MIRROR_VERSION_PATCH)

/* Two steps are needed to expand a macro before it becomes a string. */
#define __HMM_STRING(x)		__HMM_STRING_1(x)
#define __HMM_STRING_1(x)	#x

#endif /* _HMM_VERSION_H */
