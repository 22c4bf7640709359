/* dwarf_unit.c - units: lists them, selects those in C, and follows references from one to
 * another. */
#include "dwarf_unit.h"
#include "dwarf_die.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// DWARF 6 numbers; libdwarf.h of 2021 does not have them.
enum { LANG_C17 = 0x2c, LANG_C23 = 0x3e };

bool eg_dwarf_list_units(struct eg_dwarf *d, uint64_t *at)
{
    const uint8_t *p = d->bytes.at[EG_DW_INFO].p;
    const uint64_t len = d->bytes.at[EG_DW_INFO].len;
    const bool big = d->bytes.big_endian;

    for (*at = 0; *at < len;) {
        uint64_t unit = 0, head = 4, *to;

        if (len - *at >= 4)
            unit = big ? eg_be32(p + *at) : eg_le32(p + *at);
        if (unit == UINT32_MAX && len - *at >= 12) { // DWARF 5, 7.4: the 64-bit format
            unit = big ? eg_be64(p + *at + 4) : eg_le64(p + *at + 4);
            head = 12;
        }
        if (!unit || !eg_within(*at + head, unit, len) || !(to = eg_vec_push(&d->units)))
            return false;
        *to = *at;
        *at += head + unit;
    }
    return true;
}

uint64_t eg_dwarf_unit_end(const struct eg_dwarf *d, size_t unit)
{
    return unit + 1 < d->units.n ? d->units.at[unit + 1] : d->bytes.at[EG_DW_INFO].len;
}

// The unit that holds a place.
static size_t unit_at(const struct eg_dwarf *d, uint64_t place)
{
    const size_t after = eg_lower_bound(d->units.n, i, d->units.at[i] <= place);

    return after ? after - 1 : 0;
}

/* ---- types in other units ---- */

static bool get_known(struct eg_dwarf_worker *w, uint64_t place)
{
    struct eg_dwarf_foreign *f = &w->shared->foreign;
    struct eg_raw_type *to = NULL;
    uint64_t i;

    pthread_mutex_lock(&f->lock);
    if (eg_map_get(&f->index, place, &i) && (to = eg_vec_push(&w->raw.types)))
        *to = f->all.at[i];
    pthread_mutex_unlock(&f->lock);
    return to;
}

// Publish the keys of types read from other units.
static bool put_known(struct eg_dwarf_worker *w)
{
    struct eg_dwarf_foreign *f = &w->shared->foreign;
    bool good = true;

    for (size_t i = w->raw.sorted; i < w->raw.types.n && good; i++) {
        struct eg_raw_type t = w->raw.types.at[i], *to;

        if (t.kind == EG_RAW_KNOWN || (t.at >= w->unit.start && t.at < w->unit.end))
            continue;
        good = eg_raw_keys(&w->raw, i, t.key);
        t.kind = EG_RAW_KNOWN;
        t.known = (1 << EG_KEYS) - 1;
        pthread_mutex_lock(&f->lock);
        if (good && eg_map_add(&f->index, t.at, f->all.n) == 1) {
            to = eg_vec_push(&f->all);
            good = to;
            if (to)
                *to = t;
        }
        pthread_mutex_unlock(&f->lock);
    }
    return good;
}

static bool load(struct eg_raw_unit *raw, uint64_t place)
{
    struct eg_dwarf_worker *w = raw->context;
    const struct eg_dwarf_unit own = w->unit;
    const uint64_t budget = w->budget;
    const size_t n = raw->types.n;
    bool foreign = place < own.start || place >= own.end;
    Dwarf_Die die;

    if (w->failed)
        return false;
    if (foreign && get_known(w, place))
        return true;
    if (foreign) {
        const size_t unit = unit_at(w->shared, place);

        w->unit = (struct eg_dwarf_unit){ &w->other, w->shared->units.at[unit],
                                          eg_dwarf_unit_end(w->shared, unit) };
        w->budget = w->unit.end - w->unit.start;
        if (!w->other.dbg || w->other.start != w->unit.start) {
            eg_dwarf_window_close(&w->other);
            if (!eg_dwarf_window_open(&w->other, &w->shared->bytes, w->unit.start, w->unit.end,
                                      &w->error))
                return eg_dwarf_fail(w, w->error);
        }
    }
    if (eg_dwarf_ok(w, dwarf_offdie_b(w->unit.window->dbg, place - w->unit.window->start, 1, &die,
                                      &w->error))) {
        eg_dwarf_parse(w, die, 0);
        dwarf_dealloc_die(die);
    }
    if (foreign) {
        w->unit = own;
        w->budget = budget;
    }
    // Not a type: void.
    if (!w->failed && raw->types.n == n && eg_vec_push(&raw->types))
        raw->types.at[n].at = place;
    return !w->failed && raw->types.n > n;
}

/* ---- a unit ---- */

static bool is_c(struct eg_dwarf_worker *w, Dwarf_Die unit)
{
    uint64_t language = DW_LANG_C; // a part that dwz cut out may not say

    eg_dwarf_number(w, unit, DW_AT_language, &language);
    return language == DW_LANG_C || language == DW_LANG_C89 || language == DW_LANG_C99 ||
           language == DW_LANG_C11 || language == LANG_C17 || language == LANG_C23;
}

static void read_unit(struct eg_dwarf_worker *w, Dwarf_Die unit)
{
    Dwarf_Half tag = 0;
    Dwarf_Bool split = false, old_split = false;
    Dwarf_Die die;

    eg_dwarf_ok(w, dwarf_tag(unit, &tag, &w->error));
    if ((tag != DW_TAG_compile_unit && tag != DW_TAG_partial_unit && tag != DW_TAG_skeleton_unit) ||
        !is_c(w, unit))
        return;
    eg_dwarf_ok(w, dwarf_hasattr(unit, DW_AT_dwo_name, &split, &w->error));
    eg_dwarf_ok(w, dwarf_hasattr(unit, DW_AT_GNU_dwo_name, &old_split, &w->error));
    if (split || old_split) {
        eg_dwarf_say(w, "its types are in .dwo files (split DWARF): use the kernel's BTF");
        return;
    }
    eg_raw_unit_clear(&w->raw);
    w->raw.load = load;
    w->raw.context = w;
    w->budget = 4 * (w->unit.end - w->unit.start);
    for (bool more = eg_dwarf_child(w, unit, &die); more; more = eg_dwarf_next(w, &die))
        eg_dwarf_parse(w, die, 0);
    w->raw.sorted = w->raw.types.n;
    if (!w->failed && !(eg_merger_add(&w->shared->merger, &w->raw, &w->seen) && put_known(w)) &&
        !w->failed)
        eg_dwarf_say(w, "out of memory");
}

bool eg_dwarf_read_units(struct eg_dwarf_worker *w, size_t from, size_t to)
{
    const uint64_t start = w->shared->units.at[from], end = eg_dwarf_unit_end(w->shared, to - 1);

    if (!eg_dwarf_window_open(&w->own, &w->shared->bytes, start, end, &w->error))
        return eg_dwarf_fail(w, w->error);
    for (size_t i = from; i < to && !w->failed; i++) {
        Dwarf_Unsigned length, type_place, next;
        Dwarf_Half version, address, size, extension, kind;
        Dwarf_Off abbrev;
        Dwarf_Sig8 signature;
        Dwarf_Die die;

        w->unit = (struct eg_dwarf_unit){ &w->own, w->shared->units.at[i],
                                          eg_dwarf_unit_end(w->shared, i) };
        if (!eg_dwarf_ok(w, dwarf_next_cu_header_d(w->own.dbg, 1, &length, &version, &abbrev,
                                                   &address, &size, &extension, &signature,
                                                   &type_place, &next, &kind, &w->error)))
            break;
        if (eg_dwarf_ok(w, dwarf_siblingof_b(w->own.dbg, NULL, 1, &die, &w->error))) {
            read_unit(w, die);
            dwarf_dealloc_die(die);
        }
        if (w->failed) {
            const size_t n = strlen(w->text);

            snprintf(w->text + n, sizeof w->text - n, " (unit at %#" PRIx64 ")", w->unit.start);
        }
    }
    eg_dwarf_window_close(&w->own);
    return !w->failed;
}

void eg_dwarf_worker_fini(struct eg_dwarf_worker *w)
{
    eg_dwarf_window_close(&w->other);
    eg_raw_unit_fini(&w->raw);
}
