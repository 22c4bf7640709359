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
    c->symbols_are_physical = false; // both are of symbols that were read without the shift
    c->shift = 0;
    if (c->space)
        eg_view_forget(v, c->space);
    eg_space_close(c->space);
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

static bool symbol_in(const struct eg_profile *p, const char *name, uint64_t *addr)
{
    uint32_t iter = 0;
    const struct eg_symbol *s = p ? eg_profile_symbol(p, name, &iter) : NULL;

    if (s)
        *addr = s->addr;
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
    if (symbol_in(p, "_stext", &linked) && symbol_in(c->symbols, "_stext", &moved)) {
        *shift = moved + c->shift - linked;
        return true;
    }
    if (c->init_task && symbol_in(p, "init_task", &linked)) {
        *shift = c->init_task - linked;
        return true;
    }
    if (c->start && symbol_in(p, "_text", &linked)) {
        *shift = c->start - linked;
        return true;
    }
    return false;
}

bool linux_sym(const struct linux_candidate *c, const char *name, uint64_t *va)
{
    const struct eg_symbol *s;
    uint32_t iter = 0;

    if (c->init_task && !strcmp(name, "init_task")) {
        *va = c->init_task;
        return true;
    }
    s = c->symbols ? eg_profile_symbol(c->symbols, name, &iter) : NULL;
    if (s) {
        *va = s->addr + c->shift;
        return true;
    }
    if (c->text.text && eg_vmcoreinfo_symbol(&c->text, name, va))
        return true;
    iter = 0;
    s = c->exports && c->has_delta ? eg_profile_symbol(c->exports, name, &iter) : NULL;
    if (s) {
        *va = s->addr + c->delta;
        return true;
    }
    iter = 0;
    s = c->derived ? eg_profile_symbol(c->derived, name, &iter) : NULL;
    if (s) {
        *va = s->addr;
        return true;
    }
    for (size_t i = 0; c->given && i < c->given->n_symbols; i++) {
        uint64_t shift;

        iter = 0;
        s = eg_profile_symbol(c->given->symbols[i], name, &iter);
        if (s && linux_given_shift(c, c->given->symbols[i], &shift)) {
            *va = s->addr + shift;
            return true;
        }
    }
    return false;
}

bool linux_sym_pa(const struct linux_candidate *c, const char *name, uint64_t *pa)
{
    const struct eg_profile *p = c->symbols_are_physical ? c->symbols : NULL;
    const struct eg_symbol *s;
    uint32_t iter = 0;
    uint64_t va;

    s = p ? eg_profile_symbol(p, name, &iter) : NULL;
    iter = 0;
    if (!s && c->exports)
        s = eg_profile_symbol(c->exports, name, &iter);
    if (s)
        *pa = s->addr;
    else if (c->has_delta && linux_sym(c, name, &va))
        *pa = va - c->delta;
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
bool linux_notes_build_id(struct eg_view *v, const struct linux_candidate *c, char *hex,
                          size_t size)
{
    const bool big = c->paging.arch->model.big_endian;
    uint64_t from, to;
    uint8_t buf[4096];

    if (!linux_sym(c, "__start_notes", &from) || !linux_sym(c, "__stop_notes", &to) || to <= from ||
        to - from > sizeof buf || !eg_read(v, c->space, from, buf, (size_t)(to - from)))
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
