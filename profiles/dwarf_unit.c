/* dwarf_unit.c - units: selects those in C, and follows references from one to another. */
#include "dwarf_unit.h"
#include "dwarf_attr.h"
#include "dwarf_die.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// DWARF 6 numbers; libdwarf.h of 2021 does not have them.
enum { LANG_C17 = 0x2c, LANG_C23 = 0x3e };

/* ---- types in other units ---- */

static bool get_known(struct eg_dwarf_worker *w, uint64_t place)
{
    struct eg_dwarf_foreign *f = &w->shared->foreign;
    struct eg_raw_type *to = NULL;
    uint64_t i;

    pthread_mutex_lock(&w->shared->lock);
    if (eg_map_get(&f->index, place, &i) && (to = eg_vec_push(&w->raw.types)))
        *to = f->all.at[i];
    pthread_mutex_unlock(&w->shared->lock);
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
        pthread_mutex_lock(&w->shared->lock);
        if (good && eg_map_add(&f->index, t.at, f->all.n) == 1) {
            to = eg_vec_push(&f->all);
            good = to;
            if (to)
                *to = t;
        }
        pthread_mutex_unlock(&w->shared->lock);
    }
    return good;
}

// Make @unit the one that is read, through the second window.
static bool open_other(struct eg_dwarf_worker *w, size_t unit)
{
    const struct eg_dwarf_header *h = &w->shared->units.at[unit];

    w->unit = (struct eg_dwarf_unit){ &w->other, h->start, h->end };
    if (w->other.dbg && w->other.start == h->start)
        return true;
    eg_dwarf_window_close(&w->other);
    return eg_dwarf_window_open(&w->other, h->part, h->start, h->end, &w->error) ||
           eg_dwarf_fail(w, w->error);
}

bool eg_dwarf_visit(struct eg_dwarf_worker *w, uint64_t place, Dwarf_Die *die)
{
    const bool foreign = place < w->unit.start || place >= w->unit.end;

    // Only one unit at a time is visited: the entry of the first one is still in use.
    if (foreign &&
        (w->unit.window == &w->other || !open_other(w, eg_dwarf_unit_at(w->shared, place))))
        return false;
    return eg_dwarf_ok(w, dwarf_offdie_b(w->unit.window->dbg, place - w->unit.window->start,
                                         eg_dwarf_is_info(w->unit.window), die, &w->error));
}

static bool load(struct eg_raw_unit *raw, uint64_t place)
{
    struct eg_dwarf_worker *w = raw->context;
    const struct eg_dwarf_unit own = w->unit;
    const uint64_t budget = w->budget;
    const size_t n = raw->types.n;
    const bool foreign = place < own.start || place >= own.end;
    Dwarf_Die die;

    if (w->failed)
        return false;
    if (foreign && get_known(w, place))
        return true;
    if (eg_dwarf_visit(w, place, &die)) {
        w->budget = foreign ? w->unit.end - w->unit.start : budget;
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

// The id that a unit and its .dwo have in common is in the header or, before DWARF 5, an attribute.
static uint64_t split_id(struct eg_dwarf_worker *w, Dwarf_Die unit, const struct eg_dwarf_header *h)
{
    uint64_t id = h->id;

    if (!id)
        eg_dwarf_number(w, unit, DW_AT_GNU_dwo_id, &id);
    return id;
}

// @return whether it is a skeleton, which is kept for later.
static bool skeleton(struct eg_dwarf_worker *w, Dwarf_Die unit, const struct eg_dwarf_header *h)
{
    struct eg_dwarf_skeleton s = { .place = h->start }, *to;

    if (h->part->split)
        return false;
    s.name = eg_dwarf_text(w, unit, DW_AT_dwo_name);
    s.name = s.name ? s.name : eg_dwarf_text(w, unit, DW_AT_GNU_dwo_name);
    if (!s.name && h->kind != DW_UT_skeleton)
        return false;
    s.folder = eg_dwarf_text(w, unit, DW_AT_comp_dir);
    s.id = split_id(w, unit, h);
    pthread_mutex_lock(&w->shared->lock);
    to = eg_vec_push(&w->shared->skeletons);
    if (to)
        *to = s;
    pthread_mutex_unlock(&w->shared->lock);
    if (!to)
        eg_dwarf_say(w, "out of memory");
    return true;
}

static void read_unit(struct eg_dwarf_worker *w, Dwarf_Die unit, const struct eg_dwarf_header *h)
{
    Dwarf_Half tag = 0;
    Dwarf_Die die;

    eg_dwarf_ok(w, dwarf_tag(unit, &tag, &w->error));
    if ((tag != DW_TAG_compile_unit && tag != DW_TAG_partial_unit && tag != DW_TAG_skeleton_unit &&
         tag != DW_TAG_type_unit) ||
        !is_c(w, unit) || skeleton(w, unit, h))
        return;
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

// The next unit of the window, whose entry the caller frees.
static bool next_unit(struct eg_dwarf_worker *w, Dwarf_Die *die)
{
    Dwarf_Debug dbg = w->unit.window->dbg;
    const Dwarf_Bool info = eg_dwarf_is_info(w->unit.window);
    Dwarf_Unsigned length, type_place, next;
    Dwarf_Half version, address, size, extension, kind;
    Dwarf_Off abbrev;
    Dwarf_Sig8 signature;

    return eg_dwarf_ok(w, dwarf_next_cu_header_d(dbg, info, &length, &version, &abbrev, &address,
                                                 &size, &extension, &signature, &type_place, &next,
                                                 &kind, &w->error)) &&
           eg_dwarf_ok(w, dwarf_siblingof_b(dbg, NULL, info, die, &w->error));
}

bool eg_dwarf_read_units(struct eg_dwarf_worker *w, size_t from, size_t to)
{
    const struct eg_dwarf_header *h = w->shared->units.at;
    Dwarf_Die die;

    if (!eg_dwarf_window_open(&w->own, h[from].part, h[from].start, h[to - 1].end, &w->error))
        return eg_dwarf_fail(w, w->error);
    for (size_t i = from; i < to && !w->failed; i++) {
        w->unit = (struct eg_dwarf_unit){ &w->own, h[i].start, h[i].end };
        if (next_unit(w, &die)) {
            read_unit(w, die, &h[i]);
            dwarf_dealloc_die(die);
        }
        if (w->failed) {
            const size_t n = strlen(w->text);

            snprintf(w->text + n, sizeof w->text - n, " (unit at %#" PRIx64 ")",
                     h[i].start - h[i].part->place);
        }
    }
    eg_dwarf_window_close(&w->own);
    return !w->failed;
}

uint64_t eg_dwarf_split_id(struct eg_dwarf_worker *w, size_t unit)
{
    const struct eg_dwarf_header *h = &w->shared->units.at[unit];
    uint64_t id = 0;
    Dwarf_Die die;

    eg_dwarf_window_close(&w->other); // it may be past the first unit
    if (open_other(w, unit) && next_unit(w, &die)) {
        id = split_id(w, die, h);
        dwarf_dealloc_die(die);
    }
    eg_dwarf_window_close(&w->other);
    return id;
}

void eg_dwarf_worker_fini(struct eg_dwarf_worker *w)
{
    eg_dwarf_window_close(&w->other);
    eg_raw_unit_fini(&w->raw);
}
