/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* guest.c - the guest's memory in a mapped file, and the page tables of x86-64 and AArch64 in it. */
#include "guest.h"
#include "own.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t *map;
static uint64_t size;
static struct ring_range parts[RING_RANGES];
static unsigned n_parts;

bool guest_mapped(void)
{
    return map != NULL;
}

bool guest_map(const char *path)
{
    struct stat st;
    void *at;
    const int fd = map ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (map || fd < 0)
        return map != NULL;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0) {
        close(fd);
        return false;
    }
    at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return false;
    map = at;
    size = (uint64_t)st.st_size;
    return true;
}

void guest_ranges(const struct ring_range *ranges, unsigned n)
{
    n_parts = n < RING_RANGES ? n : RING_RANGES;
    memcpy(parts, ranges, n_parts * sizeof *parts);
}

const uint8_t *guest_physical(uint64_t at, size_t len)
{
    if (!map)
        return NULL;
    for (unsigned i = 0; i < n_parts; i++)
        if (at - parts[i].start < parts[i].len) {
            if (len > parts[i].len - (at - parts[i].start))
                return NULL;
            at = parts[i].at + (at - parts[i].start);
            return at < size && len <= size - at ? map + at : NULL;
        }
    return !n_parts && at < size && len <= size - at ? map + at : NULL;
}

bool guest_load(uint64_t at, void *to, size_t len)
{
    const uint8_t *p = guest_physical(at, len);

    if (p)
        memcpy(to, p, len);
    return p != NULL;
}

/* The bits of an entry that are an address: AArch64 has those above 48 elsewhere if pages have 64K,
 * or virtual addresses 52 bits (LPA2). */
static uint64_t address_of(uint64_t e, const struct ring_linux *os)
{
    const uint64_t page = (UINT64_C(1) << os->page_shift) - 1;

    if (machine != ARM64)
        return e & UINT64_C(0x000ffffffffff000);
    if (os->page_shift == 16)
        return (e & UINT64_C(0x0000ffffffff0000)) | (e >> 12 & 15) << 48;
    if (os->va_bits > 48)
        return (e & UINT64_C(0x0003ffffffffffff) & ~page) | (e >> 8 & 3) << 50;
    return e & UINT64_C(0x0000ffffffffffff) & ~page;
}

/* The physical address of @va, and how many bytes from there on are in one piece. */
static bool translate(const struct ring_linux *os, uint64_t root, uint64_t va, uint64_t *pa,
                      uint64_t *left)
{
    const bool arm = machine == ARM64;
    const unsigned page = arm ? os->page_shift : 12, bits = page - 3;
    uint64_t table = arm ? root : root & UINT64_C(0x000ffffffffff000), e;

    if (os->levels < 2 || os->levels > 5 || (arm && (page < 12 || page > 16 || os->va_bits > 52)))
        return false;
    if (arm) // without a tag
        va &= (UINT64_C(1) << os->va_bits) - 1;
    for (unsigned level = os->levels; level-- > 0;) {
        const unsigned shift = page + bits * level;
        const uint64_t mask = (UINT64_C(1) << shift) - 1, n = UINT64_C(1) << bits;

        if (!guest_load(table + 8 * (va >> shift & (n - 1)), &e, sizeof e) || !(e & 1))
            return false;
        if (!level || (arm ? !(e & 2) : level <= 2 && e & 0x80)) {
            *pa = (address_of(e, os) & ~mask) | (va & mask);
            *left = mask + 1 - (va & mask);
            return true;
        }
        table = address_of(e, os);
    }
    return false;
}

size_t guest_read(const struct ring_linux *os, uint64_t root, uint64_t va, void *to, size_t len)
{
    size_t done = 0;

    while (done < len) {
        uint64_t pa, left;

        if (!translate(os, root, va + done, &pa, &left))
            break;
        if (left > len - done)
            left = len - done;
        if (!guest_load(pa, (char *)to + done, (size_t)left))
            break;
        done += (size_t)left;
    }
    return done;
}
