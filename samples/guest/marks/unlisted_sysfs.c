// SPDX-License-Identifier: GPL-2.0
#define DEPTH 2
#define KIND  "unlisted_sysfs"
#include "unlisted.c"
