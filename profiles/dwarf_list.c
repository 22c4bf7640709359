/* dwarf_list.c - the headers of units (DWARF 5, 7.5.1; DWARF 4, 7.5.1). */
#include "dwarf_unit.h"

struct cursor {
    const uint8_t *p;
    uint64_t at, end;
    bool big, good;
};

static uint64_t take(struct cursor *c, unsigned bytes)
{
    const uint8_t *p = c->p + c->at;

    if (!c->good || c->end - c->at < bytes) {
        c->good = false;
        return 0;
    }
    c->at += bytes;
    switch (bytes) {
    case 1:
        return *p;
    case 2:
        return c->big ? eg_be16(p) : eg_le16(p);
    case 4:
        return c->big ? eg_be32(p) : eg_le32(p);
    default:
        return c->big ? eg_be64(p) : eg_le64(p);
    }
}

static bool has_id(uint8_t kind)
{
    return kind == DW_UT_type || kind == DW_UT_split_type || kind == DW_UT_skeleton ||
           kind == DW_UT_split_compile;
}

/** @c is at the header, and behind the unit afterwards. @type: of a type unit the offset of its
 * type from the start of the unit. */
static bool read_header(struct cursor *c, bool types, struct eg_dwarf_header *h, uint64_t *type)
{
    const uint64_t start = c->at, section = c->end;
    unsigned word = 4;
    uint64_t length = take(c, 4);
    uint16_t version;

    if (length == UINT32_MAX) { // 7.4: the 64-bit format
        length = take(c, 8);
        word = 8;
    }
    if (!c->good || !length || length > section - c->at)
        return false;
    c->end = c->at + length;
    version = (uint16_t)take(c, 2);
    h->kind = types ? DW_UT_type : DW_UT_compile;
    if (version >= 5) {
        h->kind = (uint8_t)take(c, 1);
        take(c, 1);
        take(c, word);
    } else {
        take(c, word);
        take(c, 1);
    }
    *type = 0;
    if (has_id(h->kind))
        h->id = take(c, 8);
    if (h->kind == DW_UT_type || h->kind == DW_UT_split_type) {
        *type = take(c, word);
        c->good = c->good && *type < c->end - start;
    }
    c->at = c->end;
    c->end = section;
    return c->good;
}

int eg_dwarf_list_units(struct eg_dwarf *d, struct eg_dwarf_part *part, uint64_t *at)
{
    struct cursor c = {
        .p = part->at[EG_DW_INFO].p,
        .end = part->at[EG_DW_INFO].len,
        .big = part->big_endian,
        .good = true,
    };

    part->place = d->end;
    if (!eg_add(d->end, c.end, &d->end))
        return -EG_EFORMAT;
    while (c.at < c.end) {
        struct eg_dwarf_header h = { .start = part->place + c.at, .part = part }, *to;
        uint64_t type;

        *at = c.at;
        if (!read_header(&c, part->types, &h, &type))
            return -EG_EFORMAT;
        h.end = part->place + c.at;
        to = eg_vec_push(&d->units);
        if (!to)
            return -EG_ENOMEM;
        *to = h;
        // Of equal signatures the first counts: these are the same type in several .dwo files.
        if (type && eg_map_add(&d->signatures, h.id, h.start + type) < 0)
            return -EG_ENOMEM;
    }
    return 0;
}

size_t eg_dwarf_unit_at(const struct eg_dwarf *d, uint64_t place)
{
    const size_t after = eg_lower_bound(d->units.n, i, d->units.at[i].start <= place);

    return after ? after - 1 : 0;
}
