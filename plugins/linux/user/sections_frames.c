/* sections_frames.c - .eh_frame of a file of which parts are missing (Linux Standard Base 5.0,
 * 10.6). */
#include "cfi_entry.h"
#include "sections_parts.h"
#include <stdlib.h>
#include <string.h>

const struct linux_elf_segment *linux_sections_load(const struct linux_elf *e, uint64_t offset)
{
    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];

        if (s->type == ELF_LOAD && offset >= s->offset && offset - s->offset < s->filesz)
            return s;
    }
    return NULL;
}

void linux_sections_copy(struct eg_run *r, const struct linux_elf *e, const struct linux_content *c,
                         uint64_t at, uint8_t *out, uint64_t len)
{
    struct eg_view *v = eg_view_of(r);

    for (uint64_t n = 0, some; n < len; n += some) {
        struct eg_extent x;

        eg_extent_at(v, e->space, at + n, &x);
        some = EG_MIN(len - n - 1, x.last - (at + n)) + 1;
        if (!x.why && linux_content_has(c, at + n, some))
            eg_read(v, e->space, at + n, out + n, some);
    }
}

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
static bool frames_of_header(struct eg_run *r, const struct linux_elf *e, struct linux_cfi *t,
                             struct linux_frames *f)
{
    struct linux_cfi_bytes b = { .v = eg_view_of(r),
                                 .space = e->space,
                                 .big_endian = e->big_endian };
    uint8_t encoding, count, entries;
    const struct linux_elf_segment *load;
    uint64_t n;

    for (unsigned i = 0; i < e->n_segments; i++)
        if (e->segments[i].type == ELF_EH_FRAME) {
            t->header = b.at = e->segments[i].offset;
            b.end = end_of(&e->segments[i]);
        }
    load = linux_sections_load(e, b.at);
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
    f->known = n ? eg_tmp(r, n * sizeof *f->known) : NULL;
    for (uint64_t i = 0, first = b.at; i < n; i++) {
        b.at = first + 8 * i + 4;
        b.bad = false;
        f->known[f->n_known] = t->header + (uint64_t)(int32_t)linux_cfi_fixed(&b, 4);
        f->n_known += !b.bad;
    }
    return true;
}

/* Of a program without a header: gcc links static ones so. */
static bool frames_of_shape(struct eg_run *r, const struct linux_elf *e, struct linux_cfi *t,
                            struct linux_frames *f)
{
    struct eg_view *v = eg_view_of(r);
    struct linux_cfi_place *places;
    size_t n;

    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];
        const uint64_t end = end_of(s);

        if (s->type != ELF_LOAD || s->flags & ELF_W || s->filesz > LINUX_SECTION_MOST || !end)
            continue;
        n = linux_cfi_index(v, t, s->offset, end, NULL, 0);
        if (!n)
            continue;
        places = eg_tmp(r, n * sizeof *places);
        n = EG_MIN(n, linux_cfi_index(v, t, s->offset, end, places, n));
        f->known = eg_tmp(r, n * sizeof *f->known);
        f->at = f->end = end;
        for (size_t j = 0; j < n; j++) {
            struct linux_cfi_bytes b = { v, e->space, places[j].at + 4, end, e->big_endian, false };
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
static void put_nothing(const struct linux_elf *e, uint8_t *p, uint64_t len)
{
    memset(p, 0, len);
    linux_sections_put(e, &p, 4, len - 4);
    linux_sections_put(e, &p, 4, 0);
    memcpy(p, "\1\0\1\1\20", 5); // version, no augmentation, alignments, return address
}

/* @return where the next entry is that is known; 0: nowhere. */
static uint64_t next_known(const struct linux_frames *f, uint64_t behind)
{
    const size_t i = eg_lower_bound(f->n_known, n, f->known[n] <= behind);

    return i < f->n_known ? f->known[i] : 0;
}

bool linux_sections_frames(struct eg_run *r, const struct linux_elf *e,
                           const struct linux_content *c, struct linux_frames *f)
{
    struct linux_cfi_bytes b = { .v = eg_view_of(r),
                                 .space = e->space,
                                 .big_endian = e->big_endian };
    struct linux_cfi t = {
        .space = e->space, .last = c->size, .word = e->wide ? 8 : 4, .big_endian = e->big_endian
    };
    struct gap {
        uint64_t from, to;
    } *gaps = NULL;
    uint64_t *common = NULL, to;
    size_t n_common = 0, cap = 0, n_gaps = 0, gaps_cap = 0;

    *f = (struct linux_frames){ 0 };
    if (!frames_of_header(r, e, &t, f)) {
        *f = (struct linux_frames){ 0 };
        if (!frames_of_shape(r, e, &t, f))
            return false;
    }
    if (f->n_known)
        qsort(f->known, f->n_known, sizeof *f->known, by_number);
    for (uint64_t at = f->at; at < f->end && !eg_stopped(r); at = to) {
        uint64_t size, back;
        bool missing = false;
        size_t i;

        b.at = at;
        b.end = f->end;
        b.bad = false;
        size = linux_cfi_fixed(&b, 4);
        back = linux_cfi_fixed(&b, 4);
        if (b.bad || (size > 4 && size < f->end - at - 4 && !linux_content_has(c, at, size + 4))) {
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
            common = eg_grow(r, common, n_common, &cap, sizeof *common);
            common[n_common++] = at;
        } else if (!missing) {
            i = eg_lower_bound(n_common, n, common[n] < at + 4 - back);
            missing = i == n_common || common[i] != at + 4 - back;
        }
        if (missing && (to - at < 16 || to - f->at > LINUX_SECTION_MOST))
            break;
        if (missing) {
            gaps = eg_grow(r, gaps, n_gaps, &gaps_cap, sizeof *gaps);
            gaps[n_gaps++] = (struct gap){ at, to };
        }
        f->len = to - f->at;
    }
    if (n_gaps && f->len) {
        f->made = eg_tmp(r, f->len);
        memset(f->made, 0, f->len);
        linux_sections_copy(r, e, c, f->at, f->made, f->len);
        for (size_t i = 0; i < n_gaps && gaps[i].to - f->at <= f->len; i++)
            put_nothing(e, f->made + (gaps[i].from - f->at), gaps[i].to - gaps[i].from);
    }
    return n_common && f->len != 0;
}
