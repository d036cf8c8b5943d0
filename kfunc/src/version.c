// SPDX-License-Identifier: GPL-2.0-only
/*
 * What DKMS goes by. A module of the kernel's own tree has the kernel's version.
 */
#include <linux/module.h>

MODULE_VERSION("0.1.0");
