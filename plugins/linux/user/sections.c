/* sections.c - a table of sections for an ELF file of which parts are missing (System V gABI,
 * chapter 4; Linux Standard Base 5.0, 10.6). */
#include "sections.h"
#include "cfi_entry.h"
#include <string.h>

enum {
    SHT_NULL,
    SHT_PROGBITS,
    SHT_SYMTAB,
    SHT_STRTAB,
    SHT_DYNAMIC = 6,
    SHT_NOTE,
    SHT_DYNSYM = 11,
    SHF_WRITE = 1,
    SHF_COMPRESSED = 0x800,
    STT_TLS = 6,
    SHN_LORESERVE = 0xff00,
    SECTIONS_MOST = 256,   // of a table that is made
    TABLE_MOST = 16 << 20, // bytes of .dynsym, of .dynstr, of the file's own table
};

struct section {
    const char *name;
    uint32_t name_at, type, link, info;
    uint64_t flags, vaddr, offset, size, align, entry;
    uint8_t *made; /* its bytes are these; NULL: they are in the file at @offset */
};
struct making {
    struct eg_run *r;
    struct linux_elf e;
    const struct linux_content *c;
    struct linux_sections *out;
    struct section at[SECTIONS_MOST];
    unsigned n;
    bool useful;
};

static void put(const struct linux_elf *e, uint8_t **p, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        (*p)[e->big_endian ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
    *p += size;
}

static unsigned head_size(const struct linux_elf *e)
{
    return e->wide ? 64 : 40;
}

static void put_head(const struct linux_elf *e, uint8_t *p, const struct section *s)
{
    const unsigned word = e->wide ? 8 : 4;

    put(e, &p, 4, s->name_at);
    put(e, &p, 4, s->type);
    put(e, &p, word, s->flags);
    put(e, &p, word, s->vaddr);
    put(e, &p, word, s->offset);
    put(e, &p, word, s->size);
    put(e, &p, 4, s->link);
    put(e, &p, 4, s->info);
    put(e, &p, word, s->align);
    put(e, &p, word, s->entry);
}

static struct section get_head(const struct linux_elf *e, const uint8_t *p)
{
    const unsigned word = e->wide ? 8 : 4;
    const uint8_t *q = p + 8 + 4 * word;
    const bool big = e->big_endian;

    return (struct section){ .name_at = (uint32_t)eg_load_(p, 4, big),
                             .type = (uint32_t)eg_load_(p + 4, 4, big),
                             .flags = eg_load_(p + 8, word, big),
                             .vaddr = eg_load_(p + 8 + word, word, big),
                             .offset = eg_load_(p + 8 + 2 * word, word, big),
                             .size = eg_load_(p + 8 + 3 * word, word, big),
                             .link = (uint32_t)eg_load_(q, 4, big),
                             .info = (uint32_t)eg_load_(q + 4, 4, big),
                             .align = eg_load_(q + 8, word, big),
                             .entry = eg_load_(q + 8 + word, word, big) };
}

/* The ELF header, with another table of @n sections at @at. */
static bool set_table(struct making *k, uint64_t at, unsigned n, unsigned names)
{
    const bool wide = k->e.wide;
    struct linux_sections *out = k->out;
    uint8_t *p;

    out->head_len = wide ? 64 : 52;
    if (!eg_read(eg_view_of(k->r), k->e.space, 0, out->head, out->head_len))
        return false;
    p = out->head + (wide ? 40 : 32);
    put(&k->e, &p, wide ? 8 : 4, at);
    p = out->head + (wide ? 58 : 46);
    put(&k->e, &p, 2, head_size(&k->e));
    put(&k->e, &p, 2, n);
    put(&k->e, &p, 2, names);
    return true;
}

static const struct linux_elf_segment *load_of(const struct linux_elf *e, uint64_t offset)
{
    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];

        if (s->type == ELF_LOAD && offset >= s->offset && offset - s->offset < s->filesz)
            return s;
    }
    return NULL;
}

/* Bytes of the file, those that are there; the others are zeros. */
static void copy(struct making *k, uint64_t at, uint8_t *out, uint64_t len)
{
    struct eg_view *v = eg_view_of(k->r);

    for (uint64_t n = 0, some; n < len; n += some) {
        struct eg_extent x;

        eg_extent_at(v, k->e.space, at + n, &x);
        some = EG_MIN(len - n - 1, x.last - (at + n)) + 1;
        if (!x.why && linux_content_has(k->c, at + n, some))
            eg_read(v, k->e.space, at + n, out + n, some);
    }
}

/* ---- .eh_frame ---- */

/* The part of it that has whole entries. Where others are missing in between, and where an entry's
 * common entry is missing, @made has an empty common entry of that length instead. */
struct frames {
    uint64_t at, len, end;
    uint8_t *made; /* NULL: nothing is missing */
    uint64_t *known;
    size_t n_known; /* where entries are, sorted */
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t end_of(const struct linux_elf_segment *s)
{
    return s->filesz > UINT64_MAX - s->offset ? 0 : s->offset + s->filesz;
}

/* By the header that PT_GNU_EH_FRAME names. Offsets of the file are as good as addresses, since
 * both tables are in one segment. */
static bool frames_of_header(struct making *k, struct linux_cfi *t, struct frames *f)
{
    struct linux_cfi_bytes b = { .v = eg_view_of(k->r),
                                 .space = k->e.space,
                                 .big_endian = k->e.big_endian };
    uint8_t encoding, count, entries;
    const struct linux_elf_segment *load;
    uint64_t n;

    for (unsigned i = 0; i < k->e.n_segments; i++)
        if (k->e.segments[i].type == ELF_EH_FRAME) {
            t->header = b.at = k->e.segments[i].offset;
            b.end = end_of(&k->e.segments[i]);
        }
    load = load_of(&k->e, b.at);
    if (!load || !b.end || linux_cfi_fixed(&b, 1) != 1)
        return false;
    encoding = (uint8_t)linux_cfi_fixed(&b, 1);
    count = (uint8_t)linux_cfi_fixed(&b, 1);
    entries = (uint8_t)linux_cfi_fixed(&b, 1);
    if (b.bad || encoding & 0x80 || !(encoding & 0x30))
        return false;
    f->at = linux_cfi_pointer(&b, t, encoding);
    f->end = end_of(load);
    if (b.bad || f->at < load->offset || f->at >= f->end)
        return false;
    n = count == 3 && entries == 0x3b ? linux_cfi_fixed(&b, 4) : 0; // as all linkers make it
    n = b.bad ? 0 : EG_MIN(n, (b.end - b.at) / 8);
    f->known = n ? eg_tmp(k->r, n * sizeof *f->known) : NULL;
    for (uint64_t i = 0, first = b.at; i < n; i++) {
        b.at = first + 8 * i + 4;
        b.bad = false;
        f->known[f->n_known] = t->header + (uint64_t)(int32_t)linux_cfi_fixed(&b, 4);
        f->n_known += !b.bad;
    }
    return true;
}

/* Of a program without a header: gcc links static ones so. */
static bool frames_of_shape(struct making *k, struct linux_cfi *t, struct frames *f)
{
    struct eg_view *v = eg_view_of(k->r);
    struct linux_cfi_place *places;
    size_t n;

    for (unsigned i = 0; i < k->e.n_segments; i++) {
        const struct linux_elf_segment *s = &k->e.segments[i];
        const uint64_t end = end_of(s);

        if (s->type != ELF_LOAD || s->flags & ELF_W || s->filesz > TABLE_MOST || !end)
            continue;
        n = linux_cfi_index(v, t, s->offset, end, NULL, 0);
        if (!n)
            continue;
        places = eg_tmp(k->r, n * sizeof *places);
        n = EG_MIN(n, linux_cfi_index(v, t, s->offset, end, places, n));
        f->known = eg_tmp(k->r, n * sizeof *f->known);
        f->at = f->end = end;
        for (size_t j = 0; j < n; j++) {
            struct linux_cfi_bytes b = { v,   k->e.space,      places[j].at + 4,
                                         end, k->e.big_endian, false };
            const uint64_t back = linux_cfi_fixed(&b, 4);

            f->known[f->n_known++] = places[j].at;
            if (!b.bad && back <= places[j].at + 4 - s->offset)
                f->at = EG_MIN(f->at, places[j].at + 4 - back);
        }
        return f->at < f->end;
    }
    return false;
}

/* A common entry that no other refers to, and whose instructions do nothing. */
static void put_nothing(struct making *k, uint8_t *p, uint64_t len)
{
    memset(p, 0, len);
    put(&k->e, &p, 4, len - 4);
    put(&k->e, &p, 4, 0);
    memcpy(p, "\1\0\1\1\20", 5); // version, no augmentation, alignments, return address
}

/* @return where the next entry is that is known; 0: nowhere. */
static uint64_t next_known(const struct frames *f, uint64_t behind)
{
    const size_t i = eg_lower_bound(f->n_known, n, f->known[n] <= behind);

    return i < f->n_known ? f->known[i] : 0;
}

static bool find_frames(struct making *k, struct frames *f)
{
    struct linux_cfi_bytes b = { .v = eg_view_of(k->r),
                                 .space = k->e.space,
                                 .big_endian = k->e.big_endian };
    struct linux_cfi t = { .space = k->e.space,
                           .last = k->c->size,
                           .word = k->e.wide ? 8 : 4,
                           .big_endian = k->e.big_endian };
    struct gap {
        uint64_t from, to;
    } *gaps = NULL;
    uint64_t *common = NULL, to;
    size_t n_common = 0, cap = 0, n_gaps = 0, gaps_cap = 0;

    *f = (struct frames){ 0 };
    if (!frames_of_header(k, &t, f)) {
        *f = (struct frames){ 0 };
        if (!frames_of_shape(k, &t, f))
            return false;
    }
    if (f->n_known)
        qsort(f->known, f->n_known, sizeof *f->known, by_number);
    for (uint64_t at = f->at; at < f->end && !eg_stopped(k->r); at = to) {
        uint64_t size, back;
        bool missing = false;
        size_t i;

        b.at = at;
        b.end = f->end;
        b.bad = false;
        size = linux_cfi_fixed(&b, 4);
        back = linux_cfi_fixed(&b, 4);
        if (b.bad ||
            (size > 4 && size < f->end - at - 4 && !linux_content_has(k->c, at, size + 4))) {
            to = next_known(f, at);
            if (!to || to >= f->end)
                break;
            missing = true;
        }
        if (!missing && (size < 8 || size > f->end - at - 4))
            break; // the end; the long form, which no linker writes
        if (!missing)
            to = at + 4 + size;
        if (!missing && !back) {
            common = eg_grow(k->r, common, n_common, &cap, sizeof *common);
            common[n_common++] = at;
        } else if (!missing) {
            i = eg_lower_bound(n_common, n, common[n] < at + 4 - back);
            missing = i == n_common || common[i] != at + 4 - back;
        }
        if (missing && (to - at < 16 || to - f->at > TABLE_MOST))
            break;
        if (missing) {
            gaps = eg_grow(k->r, gaps, n_gaps, &gaps_cap, sizeof *gaps);
            gaps[n_gaps++] = (struct gap){ at, to };
        }
        f->len = to - f->at;
    }
    if (n_gaps && f->len) {
        f->made = eg_tmp(k->r, f->len);
        memset(f->made, 0, f->len);
        copy(k, f->at, f->made, f->len);
        for (size_t i = 0; i < n_gaps && gaps[i].to - f->at <= f->len; i++)
            put_nothing(k, f->made + (gaps[i].from - f->at), gaps[i].to - gaps[i].from);
    }
    return n_common && f->len != 0;
}

/* ---- of the file's own table ---- */

static bool is_code_or_data(const struct section *s)
{
    return s->type == SHT_PROGBITS && s->flags & ELF_ALLOC;
}

/* Of a section that is not there nothing can be read, and what refers to it has no sense. */
static void empty(struct making *k, uint8_t *head, struct section *s)
{
    s->type = ELF_NOBITS;
    s->flags &= ~(uint64_t)SHF_COMPRESSED;
    put_head(&k->e, head, s);
    k->out->n_empty++;
}

static uint8_t *own_table(struct making *k, uint64_t *bytes)
{
    const struct linux_elf *e = &k->e;
    uint8_t *table;

    *bytes = (uint64_t)e->n_sections * e->section_size;
    if (!e->n_sections || e->section_size != head_size(e) || e->section_names >= e->n_sections ||
        *bytes > TABLE_MOST || !linux_content_has(k->c, e->shoff, *bytes))
        return NULL;
    table = eg_tmp(k->r, *bytes);
    return eg_read(eg_view_of(k->r), e->space, e->shoff, table, *bytes) ? table : NULL;
}

/* @return false: it is not there, or lacks the symbols. */
static bool use_own_table(struct making *k)
{
    const unsigned size = head_size(&k->e), n = k->e.n_sections;
    uint64_t bytes;
    uint8_t *table = own_table(k, &bytes);
    struct frames frames;
    struct section s;

    if (!table)
        return false;
    s = get_head(&k->e, table + (size_t)k->e.section_names * size);
    if (s.type != SHT_STRTAB || !linux_content_has(k->c, s.offset, s.size))
        return false;
    k->useful = find_frames(k, &frames);
    for (unsigned i = 1; i < n; i++) {
        s = get_head(&k->e, table + (size_t)i * size);
        if (s.type == SHT_NULL || s.type == ELF_NOBITS || linux_content_has(k->c, s.offset, s.size))
            continue;
        if (frames.len && s.offset == frames.at) {
            s.size = EG_MIN(s.size, frames.len);
            if (frames.made)
                s.offset = k->out->at + bytes;
            put_head(&k->e, table + (size_t)i * size, &s);
        } else if (!is_code_or_data(&s)) {
            empty(k, table + (size_t)i * size, &s);
        }
    }
    for (unsigned i = 1; i < n; i++) {
        struct section to;

        s = get_head(&k->e, table + (size_t)i * size);
        if (s.type == SHT_NULL || s.type == SHT_PROGBITS || s.type == ELF_NOBITS || !s.link ||
            s.link >= n)
            continue;
        to = get_head(&k->e, table + (size_t)s.link * size);
        if (to.type == ELF_NOBITS)
            empty(k, table + (size_t)i * size, &s);
    }
    for (unsigned i = 1; i < n; i++) {
        s = get_head(&k->e, table + (size_t)i * size);
        k->useful |= s.type == SHT_SYMTAB || s.type == SHT_DYNSYM;
    }
    k->out->own = true;
    k->out->bytes = table;
    k->out->len = bytes;
    if (frames.made) {
        k->out->len += frames.len;
        k->out->bytes = eg_tmp(k->r, k->out->len);
        memcpy(k->out->bytes, table, bytes);
        memcpy(k->out->bytes + bytes, frames.made, frames.len);
    }
    return k->useful && set_table(k, k->out->at, n, k->e.section_names);
}

/* ---- of a table that is made ---- */

static struct section *add(struct making *k, const char *name, uint32_t type, uint64_t flags)
{
    struct section *s = &k->at[k->n];

    if (k->n == SECTIONS_MOST - 3) // .dynsym, .dynstr, .shstrtab
        return NULL;
    *s = (struct section){ .name = name, .type = type, .flags = flags, .align = 1 };
    k->n++;
    return s;
}

/* @whole: only if all of it is there. */
static struct section *add_special(struct making *k, const char *name, uint32_t type,
                                   uint64_t offset, uint64_t size, bool whole)
{
    const struct linux_elf_segment *load = load_of(&k->e, offset);
    struct section *s;

    if (!load || !size || !eg_within(offset - load->offset, size, load->filesz) ||
        (whole && !linux_content_has(k->c, offset, size)) ||
        !(s = add(k, name, type, ELF_ALLOC | (load->flags & ELF_W ? SHF_WRITE : 0))))
        return NULL;
    s->offset = offset;
    s->vaddr = load->vaddr + (offset - load->offset);
    s->size = size;
    if (type == SHT_DYNAMIC)
        s->entry = k->e.wide ? 16 : 8;
    return s;
}

/* The first special section that ends behind @offset. */
static const struct section *special_behind(const struct making *k, unsigned n, uint64_t offset)
{
    const struct section *out = NULL;

    for (unsigned i = 1; i < n; i++)
        if (k->at[i].offset + k->at[i].size > offset && (!out || k->at[i].offset < out->offset))
            out = &k->at[i];
    return out;
}

/* What the segments have beside the special sections, as code or data, there or not. */
static void add_rest(struct making *k)
{
    const unsigned special = k->n;

    for (unsigned i = 0; i < k->e.n_segments; i++) {
        const struct linux_elf_segment *load = &k->e.segments[i];
        const uint64_t flags = ELF_ALLOC | (load->flags & ELF_W ? SHF_WRITE : 0) |
                               (load->flags & ELF_X ? ELF_EXECINSTR : 0);
        uint64_t at = load->offset, end, behind;
        struct section *s;

        if (load->type != ELF_LOAD || !eg_add(at, load->filesz, &end) ||
            !eg_add(load->vaddr, load->memsz, &behind) || load->filesz > load->memsz)
            continue;
        while (at < end) {
            const struct section *stop = special_behind(k, special, at);
            const uint64_t to = stop ? EG_MIN(stop->offset, end) : end;

            if (to > at) {
                s = add(k,
                        load->flags & ELF_X   ? ".text"
                        : load->flags & ELF_W ? ".data"
                                              : ".rodata",
                        SHT_PROGBITS, flags);
                if (!s)
                    return;
                s->offset = at;
                s->vaddr = load->vaddr + (at - load->offset);
                s->size = to - at;
            }
            at = stop && stop->offset < end ? stop->offset + stop->size : end;
        }
        if (load->memsz > load->filesz && (s = add(k, ".bss", ELF_NOBITS, flags))) {
            s->offset = end;
            s->vaddr = load->vaddr + load->filesz;
            s->size = load->memsz - load->filesz;
        }
    }
}

/* The section of an address, which may also be the first one behind it. */
static unsigned section_of(const struct making *k, uint64_t vaddr)
{
    unsigned ends = 0;

    for (unsigned i = 1; i < k->n; i++) {
        const struct section *s = &k->at[i];

        if (s->flags & ELF_ALLOC && vaddr >= s->vaddr && vaddr - s->vaddr < s->size)
            return i;
        if (s->flags & ELF_ALLOC && vaddr - s->vaddr == s->size)
            ends = i;
    }
    return ends;
}

/* Symbols say in which section they are, by its number in a table that is not there. */
static void number_symbols(struct making *k, const struct linux_elf_table *t, uint8_t *symbols,
                           const uint8_t *text)
{
    const bool wide = k->e.wide, big = k->e.big_endian;
    const unsigned size = wide ? 24 : 16;
    const uint64_t text_len = t->text_len;

    for (uint64_t i = 0; i < t->n; i++) {
        uint8_t *p = symbols + i * size, *to = p + (wide ? 6 : 14);
        const uint64_t name = eg_load_(p, 4, big),
                       value = eg_load_(p + (wide ? 8 : 4), wide ? 8 : 4, big);
        const uint64_t old = eg_load_(to, 2, big);
        const uint8_t *nul = name < text_len ? memchr(text + name, 0, text_len - name) : NULL;
        const unsigned new = !old || old >= SHN_LORESERVE ? (unsigned)old : section_of(k, value);

        // Without its place or its name it is none.
        if (!nul || !linux_content_has(k->c, t->at + i * size, size) ||
            !linux_content_has(k->c, t->text + name, (uint64_t)(nul - (text + name)) + 1) ||
            (p[wide ? 4 : 12] & 15) == STT_TLS || (old && !new)) {
            memset(p, 0, size);
            continue;
        }
        put(&k->e, &to, 2, new);
        k->useful |= new != 0;
    }
}

static void add_symbols(struct making *k)
{
    const unsigned size = k->e.wide ? 24 : 16;
    struct section *symbols, *text;
    struct linux_elf_table t;

    if (!linux_elf_dynamic_table(k->r, &k->e, &t) || !t.n || !t.text_len ||
        t.n > TABLE_MOST / size || t.text_len > TABLE_MOST)
        return;
    symbols = &k->at[k->n];
    text = symbols + 1;
    *symbols = (struct section){ .name = ".dynsym",
                                 .type = SHT_DYNSYM,
                                 .link = k->n + 1,
                                 .info = 1,
                                 .align = 8,
                                 .entry = size,
                                 .size = t.n * size };
    *text =
        (struct section){ .name = ".dynstr", .type = SHT_STRTAB, .align = 1, .size = t.text_len };
    symbols->made = eg_tmp(k->r, symbols->size);
    text->made = eg_tmp(k->r, text->size);
    memset(symbols->made, 0, symbols->size);
    memset(text->made, 0, text->size);
    copy(k, t.at, symbols->made, symbols->size);
    copy(k, t.text, text->made, text->size);
    number_symbols(k, &t, symbols->made, text->made);
    for (unsigned i = 1; i < k->n; i++)
        if (k->at[i].type == SHT_DYNAMIC)
            k->at[i].link = k->n + 1;
    k->n += 2;
}

/* Names, sections that are made, the table. */
static bool lay_out(struct making *k)
{
    struct section *names = &k->at[k->n++];
    struct linux_sections *out = k->out;
    uint64_t at = 0, table;

    *names = (struct section){ .name = ".shstrtab", .type = SHT_STRTAB, .align = 1, .size = 1 };
    for (unsigned i = 1; i < k->n; i++) {
        k->at[i].name_at = (uint32_t)names->size;
        names->size += strlen(k->at[i].name) + 1;
    }
    names->made = eg_tmp(k->r, names->size);
    names->made[0] = 0;
    for (unsigned i = 1; i < k->n; i++)
        memcpy(names->made + k->at[i].name_at, k->at[i].name, strlen(k->at[i].name) + 1);
    for (unsigned i = 1; i < k->n; i++)
        if (k->at[i].made) {
            k->at[i].offset = out->at + at;
            at = (at + k->at[i].size + 7) & ~UINT64_C(7);
        }
    table = at;
    out->len = table + (uint64_t)k->n * head_size(&k->e);
    out->bytes = eg_tmp(k->r, out->len);
    memset(out->bytes, 0, out->len);
    for (unsigned i = 1; i < k->n; i++) {
        const struct section *s = &k->at[i];

        if (s->made)
            memcpy(out->bytes + (s->offset - out->at), s->made, s->size);
        put_head(&k->e, out->bytes + table + (size_t)i * head_size(&k->e), s);
    }
    return set_table(k, out->at + table, k->n, k->n - 1);
}

static bool make_table(struct making *k)
{
    struct section *s = NULL;
    struct frames frames;
    uint8_t *made = NULL;

    k->useful = false;
    *k->out = (struct linux_sections){ .at = k->out->at };
    k->n = 1;
    for (unsigned i = 0; i < k->e.n_segments; i++) {
        const struct linux_elf_segment *p = &k->e.segments[i];

        if (p->type == ELF_DYNAMIC)
            add_special(k, ".dynamic", SHT_DYNAMIC, p->offset, p->filesz, true);
        else if (p->type == ELF_INTERP)
            add_special(k, ".interp", SHT_PROGBITS, p->offset, p->filesz, true);
        else if (p->type == ELF_NOTE)
            add_special(k, ".note", SHT_NOTE, p->offset, p->filesz, true);
        else if (p->type == ELF_EH_FRAME)
            add_special(k, ".eh_frame_hdr", SHT_PROGBITS, p->offset, p->filesz, true);
    }
    if (find_frames(k, &frames) &&
        (s = add_special(k, ".eh_frame", SHT_PROGBITS, frames.at, frames.len, !frames.made))) {
        made = frames.made;
        k->useful = true;
    }
    add_rest(k);
    if (s)
        s->made = made;
    add_symbols(k);
    return k->useful && lay_out(k);
}

/* ---- */

static bool open_file(struct eg_run *r, struct eg_space *space, const struct linux_content *c,
                      struct linux_elf *out)
{
    return space && linux_elf_open(r, space, 0, true, out) && out->n_segments &&
           linux_content_has(c, 0, out->wide ? 64 : 52) &&
           linux_content_has(c, out->phoff, (uint64_t)out->n_segments * (out->wide ? 56 : 32));
}

bool linux_sections_whole(struct eg_run *r, struct eg_space *space, const struct linux_content *c)
{
    struct making k = { .r = r, .c = c };
    uint64_t bytes, at, len, vaddr;
    const uint8_t *table;

    if (!open_file(r, space, c, &k.e) || !(table = own_table(&k, &bytes)))
        return false;
    for (unsigned i = 1; i < k.e.n_sections; i++) {
        const struct section s = get_head(&k.e, table + (size_t)i * head_size(&k.e));

        if (s.type != SHT_NULL && s.type != ELF_NOBITS && !is_code_or_data(&s) &&
            !linux_content_has(c, s.offset, s.size))
            return false;
    }
    // How frames are unwound.
    return !linux_elf_section(r, &k.e, ".eh_frame", &at, &len, &vaddr) ||
           linux_content_has(c, at, len);
}

bool linux_sections_make(struct eg_run *r, struct eg_space *space, const struct linux_content *c,
                         struct linux_sections *out)
{
    struct making *k = eg_tmp(r, sizeof *k);

    memset(k, 0, sizeof *k);
    *k = (struct making){ .r = r, .c = c, .out = out };
    *out = (struct linux_sections){ .at = (c->size + 7) & ~UINT64_C(7) };
    return open_file(r, space, c, &k->e) && c->size < INT64_MAX &&
           (use_own_table(k) || make_table(k));
}
