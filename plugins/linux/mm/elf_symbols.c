/* elf_symbols.c - symbols and sections of ELF files. */
#include "elf.h"
#include <stdlib.h>
#include <string.h>

enum {
    SYMBOLS_MAX = 1 << 20,
    NAMES_MAX = 32 << 20, // bytes of the names of one table
    SECTIONS_MAX = 1 << 14,
    DT_HASH = 4,
    DT_STRTAB,
    DT_SYMTAB,
    DT_STRSZ = 10,
    DT_GNU_HASH = 0x6ffffef5,
    SHT_SYMTAB = 2,
};

static uint64_t number(const struct linux_elf *e, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, e->big_endian);
}

static unsigned symbol_size(const struct linux_elf *e)
{
    return e->wide ? 24 : 16;
}

static bool read_u32(struct eg_run *r, const struct linux_elf *e, uint64_t at, uint32_t *out)
{
    return eg_read_u32(eg_view_of(r), e->space, at, e->big_endian, out);
}

/* ---- how many dynamic symbols ---- */

/* DT_GNU_HASH (binutils, bfd/elflink.c): number of buckets, first hashed symbol, words of a Bloom
 * filter, its shift; the filter; buckets, each the first symbol of a chain; for each symbol a hash
 * whose lowest bit ends the chain. The last chain is that of the highest bucket. */
static uint64_t count_by_gnu_hash(struct eg_run *r, const struct linux_elf *e, uint64_t at)
{
    uint32_t n, first, filter, last = 0, hash = 0, bucket;
    uint64_t buckets;

    if (!read_u32(r, e, at, &n) || !read_u32(r, e, at + 4, &first) ||
        !read_u32(r, e, at + 8, &filter) || n > SYMBOLS_MAX || filter > SYMBOLS_MAX)
        return 0;
    buckets = at + 16 + (uint64_t)filter * (e->wide ? 8 : 4);
    for (uint32_t i = 0; i < n && read_u32(r, e, buckets + 4 * (uint64_t)i, &bucket); i++)
        last = EG_MAX(last, bucket);
    if (last < first || last > SYMBOLS_MAX)
        return 0;
    for (at = buckets + 4 * ((uint64_t)n + last - first); last < SYMBOLS_MAX; at += 4, last++)
        if (!read_u32(r, e, at, &hash) || hash & 1)
            return (uint64_t)last + (hash & 1);
    return 0;
}

bool linux_elf_dynamic_table(struct eg_run *r, const struct linux_elf *e,
                             struct linux_elf_table *out)
{
    uint64_t symbols, text, hash, at, between;
    uint32_t n;

    if (!linux_elf_dynamic(r, e, DT_SYMTAB, &symbols) ||
        !linux_elf_dynamic(r, e, DT_STRTAB, &text) ||
        !linux_elf_dynamic(r, e, DT_STRSZ, &out->text_len) ||
        !linux_elf_pointer(e, symbols, symbol_size(e), &out->at) ||
        !linux_elf_pointer(e, text, 1, &out->text))
        return false;
    out->n = 0;
    if (linux_elf_dynamic(r, e, DT_GNU_HASH, &hash) && linux_elf_pointer(e, hash, 16, &at))
        out->n = count_by_gnu_hash(r, e, at);
    if (!out->n && linux_elf_dynamic(r, e, DT_HASH, &hash) && linux_elf_pointer(e, hash, 8, &at) &&
        read_u32(r, e, at + 4, &n))
        out->n = n;
    // A program that exports nothing has an empty table of hashes. Linkers put the strings behind.
    between = out->text > out->at ? (out->text - out->at) / symbol_size(e) : 0;
    if (!out->n)
        out->n = between;
    out->n = EG_MIN(out->n, (uint64_t)SYMBOLS_MAX);
    return true;
}

/* ---- sections ---- */

struct section {
    uint32_t name, type, link;
    uint64_t vaddr, offset, size;
};

static bool section_at(struct eg_run *r, const struct linux_elf *e, unsigned i, struct section *out)
{
    const unsigned size = e->wide ? 64 : 40;
    uint64_t at;
    uint8_t p[64];

    if (!e->is_file || !e->shoff || e->section_size != size || !eg_add(e->at, e->shoff, &at) ||
        !eg_add(at, (uint64_t)i * size, &at) || !eg_read(eg_view_of(r), e->space, at, p, size))
        return false;
    *out = (struct section){
        .name = (uint32_t)number(e, p, 4),
        .type = (uint32_t)number(e, p + 4, 4),
        .link = (uint32_t)number(e, p + (e->wide ? 40 : 24), 4),
        .vaddr = e->wide ? number(e, p + 16, 8) : number(e, p + 12, 4),
        .offset = e->wide ? number(e, p + 24, 8) : number(e, p + 16, 4),
        .size = e->wide ? number(e, p + 32, 8) : number(e, p + 20, 4),
    };
    return eg_add(e->at, out->offset, &out->offset) && eg_add(out->offset, out->size, &at);
}

/* More than 0xff00 sections are counted in the first one. */
static unsigned count_sections(struct eg_run *r, const struct linux_elf *e)
{
    struct section s;

    if (!e->n_sections && section_at(r, e, 0, &s))
        return (unsigned)EG_MIN(s.size, (uint64_t)SECTIONS_MAX);
    return EG_MIN(e->n_sections, (unsigned)SECTIONS_MAX);
}

bool linux_elf_section(struct eg_run *r, const struct linux_elf *e, const char *name,
                       uint64_t *offset, uint64_t *size, uint64_t *vaddr)
{
    const unsigned n = count_sections(r, e);
    const size_t len = strlen(name) + 1;
    struct section s, names, first;
    char buf[64];

    if (len > sizeof buf || !n ||
        !section_at(r, e,
                    e->section_names == 0xffff && section_at(r, e, 0, &first) ? first.link
                                                                              : e->section_names,
                    &names))
        return false;
    for (unsigned i = 1; i < n && !eg_stopped(r); i++) {
        if (!section_at(r, e, i, &s))
            continue;
        if (s.type == ELF_NOBITS || !eg_within(s.name, len, names.size) ||
            !eg_read(eg_view_of(r), e->space, names.offset + s.name, buf, len) ||
            memcmp(buf, name, len) != 0)
            continue;
        *offset = s.offset;
        *size = s.size;
        *vaddr = s.vaddr;
        return true;
    }
    return false;
}

static bool static_table(struct eg_run *r, const struct linux_elf *e, struct linux_elf_table *out)
{
    const unsigned n = count_sections(r, e);
    struct section s, text;

    for (unsigned i = 1; i < n && !eg_stopped(r); i++) {
        if (!section_at(r, e, i, &s) || s.type != SHT_SYMTAB || s.link >= n ||
            !section_at(r, e, s.link, &text))
            continue;
        *out = (struct linux_elf_table){ s.offset,
                                         EG_MIN(s.size / symbol_size(e), (uint64_t)SYMBOLS_MAX),
                                         text.offset, text.size };
        return true;
    }
    return false;
}

/* ---- symbols ---- */

static bool read_symbol(struct eg_run *r, const struct linux_elf *e,
                        const struct linux_elf_table *t, uint64_t i, bool defined,
                        struct linux_elf_symbol *out)
{
    const unsigned size = symbol_size(e);
    const uint8_t *p = eg_bytes(eg_view_of(r), e->space, t->at + i * size, size);
    struct linux_elf_symbol s;
    uint64_t name;

    if (!p)
        return false;
    name = number(e, p, 4);
    s = (struct linux_elf_symbol){
        .value = e->wide ? number(e, p + 8, 8) : number(e, p + 4, 4),
        .size = e->wide ? number(e, p + 16, 8) : number(e, p + 8, 4),
        .type = p[e->wide ? 4 : 12] & 15,
        .bind = p[e->wide ? 4 : 12] >> 4,
        .section = (uint16_t)number(e, p + (e->wide ? 6 : 14), 2),
    };
    if ((defined && !s.section && !s.value) || !name || name >= t->text_len)
        return false;
    s.name = linux_elf_text(r, e->space, t->text + name, t->text_len - name);
    *out = s;
    return s.name && *s.name;
}

static int by_value(const void *a, const void *b)
{
    const struct linux_elf_symbol *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return strcmp(x->name, y->name);
}

size_t linux_elf_symbols(struct eg_run *r, const struct linux_elf *e, bool dynamic,
                         struct linux_elf_symbol **out)
{
    struct linux_elf_symbol *all = NULL, s;
    size_t n = 0, cap = 0, bytes = 0;
    struct linux_elf_table t;

    if (!(dynamic ? linux_elf_dynamic_table(r, e, &t) : static_table(r, e, &t)))
        return 0;
    for (uint64_t i = 1; i < t.n && !eg_stopped(r); i++) {
        if (!read_symbol(r, e, &t, i, true, &s))
            continue;
        bytes += strlen(s.name) + 1;
        if (bytes > NAMES_MAX) {
            eg_note(r, "an ELF file at %#llx: more than %d MiB of names: the rest is left out",
                    (unsigned long long)e->at, NAMES_MAX >> 20);
            break;
        }
        all = eg_grow(r, all, n, &cap, sizeof *all);
        all[n++] = s;
    }
    if (n)
        qsort(all, n, sizeof *all, by_value);
    *out = all;
    return n;
}

bool linux_elf_symbol_in(struct eg_run *r, const struct linux_elf *e,
                         const struct linux_elf_table *t, uint32_t i, struct linux_elf_symbol *out)
{
    return i < SYMBOLS_MAX && read_symbol(r, e, t, i, false, out);
}

bool linux_elf_symbol_at(struct eg_run *r, const struct linux_elf *e, uint32_t i,
                         struct linux_elf_symbol *out)
{
    struct linux_elf_table t;

    return i < SYMBOLS_MAX && linux_elf_dynamic_table(r, e, &t) &&
           read_symbol(r, e, &t, i, false, out);
}

const struct linux_elf_symbol *linux_elf_symbol_of(const struct linux_elf_symbol *table, size_t n,
                                                   uint64_t value)
{
    const size_t end = eg_lower_bound(n, i, table[i].value <= value);

    // Several may begin at one place: the largest is the last.
    for (size_t i = end; i-- > 0 && end - i <= 16;)
        if (value - table[i].value < EG_MAX(table[i].size, UINT64_C(1)))
            return &table[i];
    return NULL;
}
