/** candidate.c - see candidate.h. */
#include "candidate.h"
#include <stdio.h>
#include <stdlib.h>

void linux_candidate_fini(struct eg_view *v, struct linux_candidate *g)
{
    eg_types_fini(&g->ts);
    eg_profile_free(g->symbols);
    eg_profile_free(g->types);
    eg_profile_free(g->exports);
    eg_profile_free(g->derived);
    g->symbols = g->types = g->exports = g->derived = NULL;
    if (g->space)
        eg_view_forget(v, g->space);
    eg_space_close(g->space);
    g->space = NULL;
}

void linux_use_types(struct linux_candidate *g)
{
    const struct eg_profile *p = g->given && g->given->types ? g->given->types : g->types;

    eg_types_fini(&g->ts);
    if (p)
        eg_types_init(&g->ts, p, NULL);
}

/* ---- by name ---- */

static bool symbol_in(const struct eg_profile *p, const char *name, uint64_t *addr)
{
    uint32_t iter = 0;
    const struct eg_symbol *s = p ? eg_profile_symbol(p, name, &iter) : NULL;

    if (s)
        *addr = s->addr;
    return s != NULL;
}

bool linux_given_shift(const struct linux_candidate *g, const struct eg_profile *p, uint64_t *shift)
{
    uint64_t linked, moved;

    if (!p->dwarf_symbols) {
        *shift = 0;
        return true;
    }
    if (g->given->options->has_kaslr) {
        *shift = g->given->options->kaslr;
        return true;
    }
    if (g->text.text && eg_vmcoreinfo_hex(&g->text, "KERNELOFFSET", shift))
        return true;
    if (symbol_in(p, "_stext", &linked) && symbol_in(g->symbols, "_stext", &moved)) {
        *shift = moved + g->shift - linked;
        return true;
    }
    if (g->init_task && symbol_in(p, "init_task", &linked)) {
        *shift = g->init_task - linked;
        return true;
    }
    if (g->start && symbol_in(p, "_text", &linked)) {
        *shift = g->start - linked;
        return true;
    }
    return false;
}

bool linux_sym(const struct linux_candidate *g, const char *name, uint64_t *va)
{
    const struct eg_symbol *s;
    uint32_t iter = 0;

    if (g->init_task && !strcmp(name, "init_task")) {
        *va = g->init_task;
        return true;
    }
    s = g->symbols ? eg_profile_symbol(g->symbols, name, &iter) : NULL;
    if (s) {
        *va = s->addr + g->shift;
        return true;
    }
    if (g->text.text && eg_vmcoreinfo_symbol(&g->text, name, va))
        return true;
    iter = 0;
    s = g->exports && g->has_delta ? eg_profile_symbol(g->exports, name, &iter) : NULL;
    if (s) {
        *va = s->addr + g->delta;
        return true;
    }
    iter = 0;
    s = g->derived ? eg_profile_symbol(g->derived, name, &iter) : NULL;
    if (s) {
        *va = s->addr;
        return true;
    }
    for (size_t i = 0; g->given && i < g->given->n_symbols; i++) {
        uint64_t shift;

        iter = 0;
        s = eg_profile_symbol(g->given->symbols[i], name, &iter);
        if (s && linux_given_shift(g, g->given->symbols[i], &shift)) {
            *va = s->addr + shift;
            return true;
        }
    }
    return false;
}

bool linux_sym_pa(const struct linux_candidate *g, const char *name, uint64_t *pa)
{
    const struct eg_profile *p = g->symbols_are_physical ? g->symbols : NULL;
    const struct eg_symbol *s;
    uint32_t iter = 0;
    uint64_t va;

    s = p ? eg_profile_symbol(p, name, &iter) : NULL;
    iter = 0;
    if (!s && g->exports)
        s = eg_profile_symbol(g->exports, name, &iter);
    if (s)
        *pa = s->addr;
    else if (g->has_delta && linux_sym(g, name, &va))
        *pa = va - g->delta;
    else
        return false;
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

/** The GNU build id in the image's notes (include/linux/elfnote.h, NT_GNU_BUILD_ID 3). */
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *g, char *hex,
                          size_t size)
{
    const bool big = g->paging.arch->model.big_endian;
    uint64_t from, to;
    uint8_t buf[4096];

    if (!linux_sym(g, "__start_notes", &from) || !linux_sym(g, "__stop_notes", &to) || to <= from ||
        to - from > sizeof buf || !eg_read(v, g->space, from, buf, (size_t)(to - from)))
        return false;
    for (size_t at = 0; eg_within(at, 16, to - from);) {
        const uint64_t name = eg_load_(buf + at, 4, big), desc = eg_load_(buf + at + 4, 4, big);
        const uint64_t data = at + 12 + (name + 3) / 4 * 4;

        if (!eg_within(data, desc, to - from))
            return false;
        if (eg_load_(buf + at + 8, 4, big) == 3 && name == 4 && !memcmp(buf + at + 12, "GNU", 4) &&
            desc * 2 < size) {
            for (size_t i = 0; i < desc; i++)
                snprintf(hex + 2 * i, 3, "%02x", buf[data + i]);
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
