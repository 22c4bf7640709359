/* sections.c - a table of sections for an ELF file of which parts are missing (System V gABI,
 * chapter 4). */
#include "sections_parts.h"
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
    SECTIONS_MOST = 256, // of a table that is made
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

static unsigned head_size(const struct linux_elf *e)
{
    return e->wide ? 64 : 40;
}

static void put_head(const struct linux_elf *e, uint8_t *p, const struct section *s)
{
    const unsigned word = e->wide ? 8 : 4;

    linux_sections_put(e, &p, 4, s->name_at);
    linux_sections_put(e, &p, 4, s->type);
    linux_sections_put(e, &p, word, s->flags);
    linux_sections_put(e, &p, word, s->vaddr);
    linux_sections_put(e, &p, word, s->offset);
    linux_sections_put(e, &p, word, s->size);
    linux_sections_put(e, &p, 4, s->link);
    linux_sections_put(e, &p, 4, s->info);
    linux_sections_put(e, &p, word, s->align);
    linux_sections_put(e, &p, word, s->entry);
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
    linux_sections_put(&k->e, &p, wide ? 8 : 4, at);
    p = out->head + (wide ? 58 : 46);
    linux_sections_put(&k->e, &p, 2, head_size(&k->e));
    linux_sections_put(&k->e, &p, 2, n);
    linux_sections_put(&k->e, &p, 2, names);
    return true;
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
        *bytes > LINUX_SECTION_MOST || !linux_content_has(k->c, e->shoff, *bytes))
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
    struct linux_frames frames;
    struct section s;

    if (!table)
        return false;
    s = get_head(&k->e, table + (size_t)k->e.section_names * size);
    if (s.type != SHT_STRTAB || !linux_content_has(k->c, s.offset, s.size))
        return false;
    k->useful = linux_sections_frames(k->r, &k->e, k->c, &frames);
    for (unsigned i = 1; i < n; i++) {
        s = get_head(&k->e, table + (size_t)i * size);
        if (s.type == SHT_NULL || s.type == ELF_NOBITS || linux_content_has(k->c, s.offset, s.size))
            continue;
        if (frames.len && s.offset == frames.at) {
            s.size = EG_MIN(s.size, frames.len);
            if (frames.made) {
                s.offset = k->out->at + bytes;
                s.flags &= ~(uint64_t)ELF_ALLOC; // it lies in no segment
            }
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
    const struct linux_elf_segment *load = linux_sections_load(&k->e, offset);
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
        linux_sections_put(&k->e, &to, 2, new);
        k->useful |= new != 0;
    }
}

static void add_symbols(struct making *k)
{
    const unsigned size = k->e.wide ? 24 : 16;
    struct section *symbols, *text;
    struct linux_elf_table t;

    if (!linux_elf_dynamic_table(k->r, &k->e, &t) || !t.n || !t.text_len ||
        t.n > LINUX_SECTION_MOST / size || t.text_len > LINUX_SECTION_MOST)
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
    linux_sections_copy(k->r, &k->e, k->c, t.at, symbols->made, symbols->size);
    linux_sections_copy(k->r, &k->e, k->c, t.text, text->made, text->size);
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
    struct linux_frames frames;
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
    if (linux_sections_frames(k->r, &k->e, k->c, &frames) &&
        (s = add_special(k, ".eh_frame", SHT_PROGBITS, frames.at, frames.len, !frames.made))) {
        made = frames.made;
        k->useful = true;
    }
    add_rest(k);
    if (s && made) {
        s->made = made;
        s->flags = 0; // gdb wants what is loaded to lie in a segment of the file
    }
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
