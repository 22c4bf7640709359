/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* guest.h - the guest's memory, read where QEMU keeps it: the file that it shares, mapped.
 * Addresses and tables come from the guest: an address that is not there is a read that fails. */
#ifndef GUEST_H
#define GUEST_H

#include "../../live/ring.h"
#include <stdbool.h>
#include <stddef.h>

bool guest_map(const char *path); /* once; false: it cannot be mapped */
bool guest_mapped(void);
/* Which part of the file is where; none: it is one piece from 0 on. */
void guest_ranges(const struct ring_range *ranges, unsigned n);
const uint8_t *guest_physical(uint64_t at, size_t len); /* NULL: not all there */
bool guest_load(uint64_t at, void *to, size_t len);
/* By the page tables at @root, of the kind that @os says. @return how many bytes could be read. */
size_t guest_read(const struct ring_linux *os, uint64_t root, uint64_t va, void *to, size_t len);

#endif
