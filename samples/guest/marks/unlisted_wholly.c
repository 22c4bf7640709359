// SPDX-License-Identifier: GPL-2.0
#define DEPTH 3
#define KIND  "unlisted_wholly"
#include "unlisted.c"
