/** mkcfi.h - the first page of an ELF program: its headers, and call frame information (.eh_frame,
 * and .eh_frame_hdr, which finds its entries). Little-endian. */
#ifndef MK_CFI_H
#define MK_CFI_H

#include <stdint.h>
#include <string.h>

struct mk_cfi {
    uint8_t bytes[0x1000];
    size_t at;  /**< where the next thing goes */
    size_t cie; /**< the last one */
};

static inline void mk_cfi_put(struct mk_cfi *c, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        c->bytes[c->at++] = i < sizeof value ? (uint8_t)(value >> 8 * i) : 0;
}

static inline void mk_cfi_bytes(struct mk_cfi *c, const void *p, size_t n)
{
    memcpy(c->bytes + c->at, p, n);
    c->at += n;
}

/* Its length is behind all of it known. */
static inline void mk_cfi_close(struct mk_cfi *c, size_t from)
{
    while (c->at % 4)
        c->at++;
    c->bytes[from] = (uint8_t)(c->at - from - 4);
}

/** What entries have in common. @rest: behind the augmentation: alignments, the column of the
 * return address, how addresses are written, how each function begins. */
static inline void mk_cfi_cie(struct mk_cfi *c, const char *augmentation, const char *rest,
                              size_t n)
{
    c->cie = c->at;
    mk_cfi_put(c, 0, 8);
    mk_cfi_put(c, 1, 1);
    mk_cfi_bytes(c, augmentation, strlen(augmentation) + 1);
    mk_cfi_bytes(c, rest, n);
    mk_cfi_close(c, c->cie);
}
/** Code by 1, data by -8, return address in 16, addresses of 4 bytes; CFA = SP + 8, the return
 * address below it. */
#define MK_CFI_X86_64(c, augmentation)                                                             \
    mk_cfi_cie((c), (augmentation), "\x01\x78\x10\x01\x03\x0c\x07\x08\x90\x01", 10)

/** A function's entry. @return where it is. */
static inline size_t mk_cfi_fde(struct mk_cfi *c, uint64_t first, uint64_t len, const void *code,
                                size_t n)
{
    const size_t at = c->at;

    mk_cfi_put(c, 0, 4);
    mk_cfi_put(c, c->at - c->cie, 4);
    mk_cfi_put(c, first, 4);
    mk_cfi_put(c, len, 4);
    mk_cfi_put(c, 0, 1); // no augmentation data
    mk_cfi_bytes(c, code, n);
    mk_cfi_close(c, at);
    return at;
}

/** The table at @at, of entries that begin at @frames. @base: where the page is in memory. */
static inline void mk_cfi_table(struct mk_cfi *c, uint64_t base, size_t at, size_t frames,
                                const size_t *entries, const uint64_t *first, unsigned n)
{
    c->at = at;
    mk_cfi_put(c, 0x3b030301, 4); // version 1; .eh_frame, number: 4 bytes; table: from here
    mk_cfi_put(c, base + frames, 4);
    mk_cfi_put(c, n, 4);
    for (unsigned i = 0; i < n; i++) {
        mk_cfi_put(c, first[i] - (base + at), 4);
        mk_cfi_put(c, entries[i] - at, 4);
    }
}

/* ---- the program's headers ---- */

static inline void mk_cfi_segment(struct mk_cfi *c, unsigned word, uint32_t type, uint64_t base,
                                  uint64_t offset, uint64_t size)
{
    const uint32_t flags = type == 1 ? 5 : 4; // PT_LOAD is code

    mk_cfi_put(c, type, 4);
    if (word == 8)
        mk_cfi_put(c, flags, 4);
    mk_cfi_put(c, offset, word);
    mk_cfi_put(c, base + offset, word);
    mk_cfi_put(c, base + offset, word);
    mk_cfi_put(c, size, word);
    mk_cfi_put(c, size, word);
    if (word == 4)
        mk_cfi_put(c, flags, 4);
    mk_cfi_put(c, 4, word);
}

/** ET_EXEC for e_machine @machine, of two pages from @base on, code in the second. @word: bytes of
 * an address. @table: its .eh_frame_hdr; 0: no header leads to one. */
static inline void mk_cfi_program(struct mk_cfi *c, unsigned word, unsigned machine, uint64_t base,
                                  size_t table)
{
    const uint8_t elf[] = { 0x7f, 'E', 'L', 'F', (uint8_t)(word / 4), 1, 1 };
    const size_t headers = word == 8 ? 64 : 52;

    memset(c, 0, sizeof *c);
    memcpy(c->bytes, elf, sizeof elf);
    c->at = 16;
    mk_cfi_put(c, 2, 2);
    mk_cfi_put(c, machine, 2);
    mk_cfi_put(c, 1, 4);
    mk_cfi_put(c, base + sizeof c->bytes, word);
    mk_cfi_put(c, headers, word);
    mk_cfi_put(c, 0, word + 4);
    mk_cfi_put(c, headers, 2);
    mk_cfi_put(c, word == 8 ? 56 : 32, 2);
    mk_cfi_put(c, table ? 2 : 1, 2);
    c->at = headers;
    mk_cfi_segment(c, word, 1, base, 0, 2 * sizeof c->bytes);
    if (table)
        mk_cfi_segment(c, word, 0x6474e550, base, table, 0x80); // PT_GNU_EH_FRAME
}

#endif
