/** candidate.c - see candidate.h. */
#include "candidate.h"
#include <stdio.h>
#include <stdlib.h>

void linux_candidate_fini(struct eg_view *v, struct linux_candidate *c)
{
    eg_types_fini(&c->ts);
    eg_profile_free(c->symbols);
    eg_profile_free(c->types);
    eg_profile_free(c->exports);
    eg_profile_free(c->derived);
    c->symbols = c->types = c->exports = c->derived = NULL;
    c->symbols_are_physical = false; // both belong to the symbols just freed
    c->shift = 0;
    linux_space_close(v, c->space);
    c->space = NULL;
}

void linux_use_types(struct linux_candidate *c)
{
    const struct eg_profile *p = c->given && c->given->types ? c->given->types : c->types;

    eg_types_fini(&c->ts);
    if (p)
        eg_types_init(&c->ts, p, NULL);
}

/* ---- by name ---- */

/** The address of a symbol of @p, which may be NULL, plus @shift. */
static bool symbol_in(const struct eg_profile *p, uint64_t shift, const char *name, uint64_t *addr)
{
    uint32_t iter = 0;
    const struct eg_symbol *s = p ? eg_profile_symbol(p, name, &iter) : NULL;

    if (s)
        *addr = s->addr + shift;
    return s != NULL;
}

bool linux_given_shift(const struct linux_candidate *c, const struct eg_profile *p, uint64_t *shift)
{
    uint64_t linked, moved;

    if (!p->dwarf_symbols) {
        *shift = 0;
        return true;
    }
    if (c->given->options->has_kaslr) {
        *shift = c->given->options->kaslr;
        return true;
    }
    if (c->text.text && eg_vmcoreinfo_hex(&c->text, "KERNELOFFSET", shift))
        return true;
    if (symbol_in(p, 0, "_stext", &linked) && symbol_in(c->symbols, c->shift, "_stext", &moved)) {
        *shift = moved - linked;
        return true;
    }
    if (c->init_task && symbol_in(p, 0, "init_task", &linked)) {
        *shift = c->init_task - linked;
        return true;
    }
    if (c->start && symbol_in(p, 0, "_text", &linked)) {
        *shift = c->start - linked;
        return true;
    }
    return false;
}

bool linux_given_sym(const struct linux_candidate *c, const char *name, uint64_t *va)
{
    for (size_t i = 0; c->given && i < c->given->n_symbols; i++) {
        uint64_t linked, shift;

        if (symbol_in(c->given->symbols[i], 0, name, &linked) &&
            linux_given_shift(c, c->given->symbols[i], &shift)) {
            *va = linked + shift;
            return true;
        }
    }
    return false;
}

bool linux_sym(const struct linux_candidate *c, const char *name, uint64_t *va)
{
    if (c->init_task && !strcmp(name, "init_task")) {
        *va = c->init_task;
        return true;
    }
    return symbol_in(c->symbols, c->shift, name, va) ||
           (c->text.text && eg_vmcoreinfo_symbol(&c->text, name, va)) ||
           (c->has_delta && symbol_in(c->exports, c->delta, name, va)) ||
           symbol_in(c->derived, 0, name, va) || linux_given_sym(c, name, va);
}

bool linux_sym_pa(const struct linux_candidate *c, const char *name, uint64_t *pa)
{
    if ((c->symbols_are_physical && symbol_in(c->symbols, 0, name, pa)) ||
        symbol_in(c->exports, 0, name, pa))
        return true;
    if (!c->has_delta || !linux_sym(c, name, pa))
        return false;
    *pa -= c->delta;
    return true;
}

bool linux_member(const struct eg_types *ts, const char *type, const char *path, uint64_t *off,
                  uint64_t *size)
{
    struct eg_member_at m;
    uint64_t iter = 0;
    uint32_t id;

    if (!ts->n_layers)
        return false;
    while ((id = eg_types_named(ts, type, NULL, 1u << EG_T_STRUCT | 1u << EG_T_UNION, &iter)))
        if (eg_type_find(ts, id, path, &m)) {
            *off = m.bit_off / 8;
            if (size)
                *size = eg_type_size(ts, m.type, &ts->layers[0].profile->model);
            return true;
        }
    return false;
}

enum { NT_GNU_BUILD_ID = 3, NOTE_HEAD = 16, BUILD_ID_LEN = 20 /* SHA-1 */ };

/** Is @va in an ELF file, on its first or second page? The image holds some: its vDSOs, which have
 * build ids of their own. */
static bool in_vdso(struct eg_view *v, const struct linux_candidate *c, uint64_t va)
{
    enum { PAGE = 4096 };
    char magic[4];

    for (uint64_t back = 0; back <= PAGE; back += PAGE)
        if (eg_read(v, c->space, va / PAGE * PAGE - back, magic, sizeof magic) &&
            !memcmp(magic, "\177ELF", sizeof magic))
            return true;
    return false;
}

/** Notes of a build id in [@pieces->at, @pieces->last] that are not a vDSO's: their number, and the
 * last one's id. */
static unsigned build_ids_in(struct linux_pieces *pieces, const struct linux_candidate *c,
                             uint8_t id[BUILD_ID_LEN])
{
    const bool big = c->paging.arch->model.big_endian;
    uint8_t begin[NOTE_HEAD] = { [12] = 'G', 'N', 'U', 0 };
    const uint8_t *p, *hit;
    unsigned n = 0;
    uint64_t va;
    size_t len;

    for (unsigned i = 0; i < 3; i++)
        begin[4 * i + (big ? 3 : 0)] = (const uint8_t[]){ 4, BUILD_ID_LEN, NT_GNU_BUILD_ID }[i];
    while (n < 2 && (p = linux_next_piece(pieces, &va, &len))) {
        if (!(hit = memmem(p, len, begin, sizeof begin)))
            continue;
        va += (uint64_t)(hit - p);
        n += !in_vdso(pieces->v, c, va) &&
             eg_read(pieces->v, c->space, va + NOTE_HEAD, id, BUILD_ID_LEN);
        pieces->at = va + 1; // continue behind it
        pieces->done = va == pieces->last;
    }
    return n;
}

/** No symbol says where the notes are: the only one of a build id in the image's read-only data. */
static bool search_build_id(struct eg_view *v, const struct linux_candidate *c,
                            uint8_t id[BUILD_ID_LEN])
{
    enum { PIECES_MAX = 1 << 16 };
    uint8_t one[BUILD_ID_LEN];
    struct eg_extent x;
    unsigned n = 0;

    for (uint64_t i = 0, from = c->start;
         n < 2 && i < PIECES_MAX && from < c->end &&
         eg_next_mapped(v, c->space, from, c->end - 1, &x) && x.last < UINT64_MAX;
         i++, from = x.last + 1) {
        struct linux_pieces ro = { v, c->space, EG_MAX(x.start, from), EG_MIN(x.last, c->end - 1),
                                   x.flags & (EG_X_WRITE | EG_X_EXEC) };
        const unsigned found = build_ids_in(&ro, c, one);

        if (found)
            memcpy(id, one, sizeof one);
        n += found;
    }
    return n == 1;
}

/** include/linux/elfnote.h */
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *c, char *hex,
                          size_t size)
{
    const bool big = c->paging.arch->model.big_endian;
    uint64_t from, to;
    uint8_t buf[4096];

    if (!linux_sym(c, "__start_notes", &from) || !linux_sym(c, "__stop_notes", &to)) {
        if (size <= 2 * BUILD_ID_LEN || !search_build_id(v, c, buf))
            return false;
        eg_hex(hex, buf, BUILD_ID_LEN);
        return true;
    }
    if (to <= from || to - from > sizeof buf ||
        !eg_read(v, c->space, from, buf, (size_t)(to - from)))
        return false;
    for (size_t at = 0; eg_within(at, 16, to - from);) {
        const uint64_t name = eg_load_(buf + at, 4, big), desc = eg_load_(buf + at + 4, 4, big);
        const uint64_t data = at + 12 + (name + 3) / 4 * 4;

        if (!eg_within(data, desc, to - from))
            return false;
        if (eg_load_(buf + at + 8, 4, big) == NT_GNU_BUILD_ID && name == 4 &&
            !memcmp(buf + at + 12, "GNU", 4) && desc * 2 < size) {
            eg_hex(hex, buf + data, (size_t)desc);
            return true;
        }
        at = data + (desc + 3) / 4 * 4;
    }
    return false;
}

/* ---- reading ---- */

bool linux_ptr(struct eg_view *v, struct eg_space *as, const struct eg_model *m, uint64_t at,
               uint64_t *out)
{
    uint32_t word;

    if (m->ptr_size == 8)
        return eg_read_u64(v, as, at, m->big_endian, out);
    if (!eg_read_u32(v, as, at, m->big_endian, &word))
        return false;
    *out = word;
    return true;
}

const uint8_t *linux_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t len,
                           void **owned)
{
    const uint8_t *first = NULL;
    uint64_t done = 0;

    *owned = NULL;
    while (done < len) {
        size_t n = (size_t)(len - done);
        const uint8_t *p = eg_map_some(v, as, at + done, &n);

        if (!p)
            return NULL;
        if (!first)
            first = p;
        if (p != first + done)
            break;
        done += n;
    }
    if (done == len && len)
        return first;
    *owned = malloc(len ? (size_t)len : 1);
    if (!*owned || !eg_read(v, as, at, *owned, (size_t)len)) {
        free(*owned);
        *owned = NULL;
    }
    return *owned;
}

const uint8_t *linux_next_piece(struct linux_pieces *i, uint64_t *at, size_t *len)
{
    while (!i->done && i->at <= i->last) {
        size_t n = (size_t)EG_MIN(i->last - i->at, (uint64_t)SIZE_MAX - 1) + 1;
        const uint8_t *p = eg_map_some(i->v, i->as, i->at, &n);

        *at = i->at;
        *len = n;
        if (!p)
            n = (size_t)(EG_VIEW_PAGE - (i->at & (EG_VIEW_PAGE - 1)));
        i->done = i->last - i->at < n;
        i->at += n;
        if (p)
            return p;
    }
    return NULL;
}

void linux_space_close(struct eg_view *v, struct eg_space *as)
{
    if (as)
        eg_view_forget(v, as);
    eg_space_close(as);
}

/** Nothing is written through it: a binding without handles resolves nothing. */
struct eg_binding linux_binding(const struct linux_candidate *c)
{
    return (struct eg_binding){ .model = c->paging.arch->model,
                                .types = (struct eg_types *)&c->ts };
}

struct eg_list_walk linux_list(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                               uint64_t head, uint64_t off)
{
    const struct eg_obj at = { .view = v,
                               .space = as,
                               .bind = b,
                               .addr = head,
                               .size = 2u * b->model.ptr_size,
                               .kind = EG_K_STRUCT };
    const struct eg_link link = { "list_head", "next", { .off = off, .kind = EG_K_STRUCT } };

    return eg_list_begin(at, &link);
}
