/* cfi.c - .eh_frame_hdr and .eh_frame (Linux Standard Base 5.0, 10.6; DWARF 5, 6.4): the entry of
 * a place in a program. */
#include "cfi_entry.h"
#include <stdlib.h>

enum {
    ENTRY_MOST = 1 << 16,  // bytes of one entry
    WALK_MOST = 1 << 18,   // entries read one by one, of one object
    AUGMENTATION_MOST = 8, // letters
};
/* Pointer encodings. */
enum { PE_OMIT = 0xff, PE_INDIRECT = 0x80, PE_PCREL = 0x10, PE_DATAREL = 0x30, PE_ABS = 0x00 };
uint64_t linux_cfi_fixed(struct linux_cfi_bytes *b, unsigned size)
{
    const uint8_t *p = NULL;

    if (!b->bad && b->at <= b->end && b->end - b->at >= size)
        p = eg_bytes(b->v, b->space, b->at, size);
    if (!p) {
        b->bad = true;
        return 0;
    }
    b->at += size;
    return eg_load_(p, size, b->big_endian);
}

static uint64_t leb(struct linux_cfi_bytes *b, bool is_signed)
{
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        const uint64_t byte = linux_cfi_fixed(b, 1);

        if (b->bad || shift > 63) {
            b->bad = true;
            return 0;
        }
        value |= (byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (is_signed && (byte & 0x40) && shift + 7 < 64)
            value |= ~UINT64_C(0) << (shift + 7);
        return value;
    }
}

uint64_t linux_cfi_uleb(struct linux_cfi_bytes *b)
{
    return leb(b, false);
}

int64_t linux_cfi_sleb(struct linux_cfi_bytes *b)
{
    return (int64_t)leb(b, true);
}

/* Only what lies in the object. */
static struct linux_cfi_bytes bytes_at(struct eg_view *v, const struct linux_cfi *t, uint64_t at)
{
    struct linux_cfi_bytes b = { v, t->space, at, t->last, t->big_endian, false };

    b.bad = at < t->first || at > t->last;
    return b;
}

/* The bytes of a value by the lower half of its encoding; 0: not of a fixed size. */
static unsigned encoded_size(const struct linux_cfi *t, uint8_t encoding)
{
    switch (encoding & 7) {
    case 0:
        return t->word;
    case 2:
        return 2;
    case 3:
        return 4;
    case 4:
        return 8;
    default:
        return 0;
    }
}

static uint64_t encoded_value(struct linux_cfi_bytes *b, const struct linux_cfi *t,
                              uint8_t encoding)
{
    const unsigned size = encoded_size(t, encoding);
    uint64_t value;

    if (!size)
        return encoding & 8 ? (uint64_t)linux_cfi_sleb(b) : linux_cfi_uleb(b);
    value = linux_cfi_fixed(b, size);
    if ((encoding & 8) && size < 8)
        value = (uint64_t)((int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size));
    return value;
}

uint64_t linux_cfi_pointer(struct linux_cfi_bytes *b, const struct linux_cfi *t, uint8_t encoding)
{
    const uint64_t at = b->at;
    uint64_t value = encoded_value(b, t, encoding);

    switch (encoding & 0x70) {
    case PE_ABS:
        break;
    case PE_PCREL:
        value += at;
        break;
    case PE_DATAREL:
        value += t->header;
        break;
    default:
        b->bad = true;
    }
    value = linux_cfi_narrow(t, value);
    if (encoding & PE_INDIRECT) {
        struct linux_cfi_bytes to = bytes_at(b->v, t, value);

        value = linux_cfi_fixed(&to, t->word);
        b->bad |= to.bad;
    }
    return value;
}

/* ---- entries ---- */

/* The length before an entry. @b then ends with it. @return false: the last one, or no entry. */
static bool open_entry(struct linux_cfi_bytes *b, bool *wide)
{
    uint64_t len = linux_cfi_fixed(b, 4);

    *wide = len == 0xffffffff;
    if (*wide)
        len = linux_cfi_fixed(b, 8);
    if (b->bad || len < 4 || len > b->end - b->at)
        return false;
    b->end = b->at + len;
    return true;
}

static const char *read_common(struct eg_view *v, const struct linux_cfi *t, uint64_t at,
                               struct linux_cfi_common *c)
{
    struct linux_cfi_bytes b = bytes_at(v, t, at);
    char letters[AUGMENTATION_MOST + 1] = "";
    uint64_t version, len, ra;
    bool wide;

    *c = (struct linux_cfi_common){ .encoding = PE_ABS };
    if (!open_entry(&b, &wide) || b.end - b.at > ENTRY_MOST ||
        linux_cfi_fixed(&b, wide ? 8 : 4) != 0)
        return "its common entry (CIE) cannot be read";
    version = linux_cfi_fixed(&b, 1);
    for (int i = 0;; i++) {
        const char letter = (char)linux_cfi_fixed(&b, 1);

        if (!letter)
            break;
        if (i == AUGMENTATION_MOST)
            return "its common entry (CIE) has a long augmentation";
        letters[i] = letter;
    }
    if ((version != 1 && version != 3 && version != 4) || (*letters && *letters != 'z'))
        return "its common entry (CIE) is of an unknown version or augmentation";
    if (version == 4 && (linux_cfi_fixed(&b, 1) != t->word || linux_cfi_fixed(&b, 1) != 0))
        return "its common entry (CIE) is for another size of addresses";
    c->code_align = linux_cfi_uleb(&b);
    c->data_align = linux_cfi_sleb(&b);
    ra = version == 1 ? linux_cfi_fixed(&b, 1) : linux_cfi_uleb(&b);
    if (ra >= LINUX_CFI_REGISTERS)
        return "its return address is in no known register";
    c->ra = (uint8_t)ra;
    c->code = b;
    if (*letters) {
        len = linux_cfi_uleb(&b);
        if (b.bad || len > b.end - b.at)
            return "its common entry (CIE) is cut";
        c->has_data = true;
        c->code.at = b.at + len;
        b.end = c->code.at;
    }
    for (const char *p = letters + 1; *letters && *p; p++) {
        if (*p == 'R')
            c->encoding = (uint8_t)linux_cfi_fixed(&b, 1);
        else if (*p == 'L')
            linux_cfi_fixed(&b, 1);
        else if (*p == 'P')
            encoded_value(&b, t, (uint8_t)linux_cfi_fixed(&b, 1));
        else if (*p == 'S')
            c->is_signal = true;
        else if (*p != 'B' && *p != 'G') // AArch64: which key signs; tagged stacks
            break;                       // the rest has a length, so it can be left out
    }
    return b.bad ? "its common entry (CIE) is cut" : NULL;
}

/* The FDE at @at. */
static const char *read_entry(struct eg_view *v, const struct linux_cfi *t, uint64_t at,
                              struct linux_cfi_entry *e)
{
    struct linux_cfi_bytes b = bytes_at(v, t, at);
    uint64_t id, id_at, len;
    const char *why;
    bool wide;

    if (!open_entry(&b, &wide) || b.end - b.at > ENTRY_MOST)
        return "its table entry (FDE) cannot be read";
    id_at = b.at;
    id = linux_cfi_fixed(&b, wide ? 8 : 4);
    if (b.bad || !id)
        return "its table entry (FDE) cannot be read";
    why = read_common(v, t, id_at - id, &e->common);
    if (why)
        return why;
    e->first = linux_cfi_pointer(&b, t, e->common.encoding);
    len = encoded_value(&b, t, e->common.encoding & 0x0f);
    if (e->common.has_data) {
        const uint64_t skip = linux_cfi_uleb(&b);

        if (b.bad || skip > b.end - b.at)
            return "its table entry (FDE) is cut";
        b.at += skip;
    }
    if (b.bad || !eg_add(e->first, len, &e->end))
        return "its table entry (FDE) is cut";
    e->code = b;
    return NULL;
}

/* ---- finding one ---- */

/* The last FDE of the sorted table that begins at or before @pc. */
static bool search(struct eg_view *v, const struct linux_cfi *t, struct linux_cfi_bytes table,
                   uint8_t encoding, uint64_t count, uint64_t pc, uint64_t *fde, bool *bad)
{
    const unsigned size = encoded_size(t, encoding);
    uint64_t from = 0, to;

    *bad = !size || count > (table.end - table.at) / (2 * size);
    if (*bad)
        return false;
    to = count;
    while (from < to) {
        const uint64_t i = from + (to - from) / 2;
        struct linux_cfi_bytes b = bytes_at(v, t, table.at + i * 2 * size);
        const uint64_t begins = linux_cfi_pointer(&b, t, encoding & 0x7f);

        if (begins <= pc)
            *fde = linux_cfi_pointer(&b, t, encoding & 0x7f);
        *bad = b.bad;
        if (b.bad)
            return false;
        if (begins <= pc)
            from = i + 1;
        else
            to = i;
    }
    return from > 0;
}

/* Without a table to search. */
static const char *walk(struct eg_view *v, struct linux_cfi *t, uint64_t at, uint64_t pc,
                        struct linux_cfi_entry *e)
{
    for (;; t->walked++) {
        struct linux_cfi_bytes b = bytes_at(v, t, at);
        const uint64_t here = at;
        bool wide;

        if (t->walked == WALK_MOST)
            return "its table has more entries than are looked at";
        if (!open_entry(&b, &wide))
            return "no call frame information for this place";
        at = b.end;
        if (linux_cfi_fixed(&b, 4) && !read_entry(v, t, here, e) && pc >= e->first && pc < e->end)
            return NULL;
    }
}

const char *linux_cfi_entry_at(struct eg_view *v, struct linux_cfi *t, uint64_t pc,
                               struct linux_cfi_entry *e)
{
    struct linux_cfi_bytes b = bytes_at(v, t, t->header);
    uint64_t frames, count, fde;
    size_t i;
    uint8_t enc_frames, enc_count, enc_table;
    bool bad;
    const char *why;

    if (!t->header) {
        i = eg_lower_bound(t->n_index, j, t->index[j].end <= pc - t->first);
        if (i == t->n_index || t->index[i].first > pc - t->first)
            return "no call frame information for this place";
        return read_entry(v, t, t->first + t->index[i].at, e);
    }
    if (linux_cfi_fixed(&b, 1) != 1)
        return "the header of its call frame information cannot be read";
    enc_frames = (uint8_t)linux_cfi_fixed(&b, 1);
    enc_count = (uint8_t)linux_cfi_fixed(&b, 1);
    enc_table = (uint8_t)linux_cfi_fixed(&b, 1);
    frames = linux_cfi_pointer(&b, t, enc_frames);
    if (b.bad)
        return "the header of its call frame information cannot be read";
    if (enc_count == PE_OMIT || enc_table == PE_OMIT || !encoded_size(t, enc_table))
        return walk(v, t, frames, pc, e);
    count = linux_cfi_pointer(&b, t, enc_count);
    b.end = EG_MIN(b.end, t->header + EG_MIN(t->header_len, t->last - t->header));
    if (b.bad || b.at > b.end)
        return "the header of its call frame information cannot be read";
    if (!search(v, t, b, enc_table, count, pc, &fde, &bad))
        return bad ? "the table of its call frame information cannot be read"
                   : "no call frame information for this place";
    why = read_entry(v, t, fde, e);
    if (why)
        return why;
    return pc >= e->first && pc < e->end ? NULL : "no call frame information for this place";
}

/* ---- without a header ---- */

/* Is there a CIE at @at, and behind it an FDE that belongs to it? */
static bool begins_at(struct eg_view *v, const struct linux_cfi *t, uint64_t at)
{
    struct linux_cfi_bytes b = bytes_at(v, t, at);
    const uint64_t len = linux_cfi_fixed(&b, 4);
    struct linux_cfi_common c;
    uint64_t id;

    if (len < 8 || len > 64 || linux_cfi_fixed(&b, 4) || linux_cfi_fixed(&b, 1) != 1 ||
        linux_cfi_fixed(&b, 1) != 'z' || b.bad || read_common(v, t, at, &c))
        return false;
    b = bytes_at(v, t, at + 4 + len);
    linux_cfi_fixed(&b, 4);
    id = linux_cfi_fixed(&b, 4);
    return !b.bad && id == len + 8;
}

static int by_place(const void *a, const void *b)
{
    const struct linux_cfi_place *x = a, *y = b;

    return (x->end > y->end) - (x->end < y->end);
}

size_t linux_cfi_index(struct eg_view *v, const struct linux_cfi *t, uint64_t from, uint64_t to,
                       struct linux_cfi_place *out, size_t max)
{
    uint64_t at = eg_align_up(from, 4);
    size_t n = 0;
    bool inside = false, wide;

    for (unsigned i = 0; at >= from && at < to && n < WALK_MOST; i++) {
        struct linux_cfi_bytes b = bytes_at(v, t, at);
        struct linux_cfi_entry e;

        if (!inside && !eg_bytes(v, t->space, at, 4))
            at |= EG_VIEW_PAGE - 4; // the rest of the page
        inside = inside || begins_at(v, t, at);
        if (!inside || !open_entry(&b, &wide)) {
            inside = false;
            at += 4;
            continue;
        }
        if (linux_cfi_fixed(&b, 4) && !read_entry(v, t, at, &e) && e.first >= t->first &&
            e.end > e.first) {
            if (n < max)
                out[n] =
                    (struct linux_cfi_place){ e.first - t->first, e.end - t->first, at - t->first };
            n++;
        }
        at = b.end;
    }
    if (max)
        qsort(out, EG_MIN(n, max), sizeof *out, by_place);
    return n;
}
