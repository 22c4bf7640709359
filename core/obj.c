/* obj.c - cursors: the steps that are not on the fast path. */
#include "base.h"
#include "profile.h"
#include "space.h"
#include "system.h"
#include <stdlib.h>

const char *eg_why_text(enum eg_why why)
{
    // ORDER eg_why
    static const char *const text[] = {
        "readable",
        "not in the image",
        "excluded by the dump level",
        "the image file is cut off or cannot be read here",
        "not mapped",
        "not a canonical address",
        "a page table is not in the image",
        "swapped out",
        "under migration",
        "poisoned by a hardware error",
        "not in the page cache",
        "null pointer",
        "no such member in this kernel",
        "no such symbol in this kernel",
        "unknown type",
        "wrong type",
        "not a number",
        "impossible value",
    };

    return (size_t)why < countof(text) ? text[why] : "unknown";
}

static struct eg_obj fail(struct eg_obj o)
{
    return eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr);
}

/** The pointer stored at @o, or a bad cursor. */
static struct eg_obj follow(struct eg_obj o)
{
    const uint8_t *p = eg_bytes(o.view, o.space, o.addr, o.bind->model.ptr_size);

    if (!p)
        return fail(o);
    o.addr = eg_load_(p, o.bind->model.ptr_size, o.bind->model.big_endian);
    return o.addr ? o : eg_bad(o, EG_NULL, 0);
}

/** Make @o a cursor on a place of type @id. */
static struct eg_obj retype(struct eg_obj o, uint32_t id)
{
    struct eg_slot s;

    eg_types_slot(o.bind->types, &o.bind->model, id, &s);
    if (!s.kind)
        return eg_bad(o, s.why ? (enum eg_why)s.why : EG_NO_TYPE, o.addr);
    o.type = s.type;
    o.size = s.size;
    o.kind = s.kind;
    o.shift = o.bits = 0;
    return o;
}

/** Is @id what @other is? The BTF of a module has copies of structs of the kernel's that pahole did
 * not find to be the same (struct file in btrfs, 6.18): a pointer in the module's own structs leads
 * to the copy. */
static bool is_copy(const struct eg_binding *b, uint32_t id, uint32_t other)
{
    const char *name = eg_type_name(b->types, id), *of = eg_type_name(b->types, other);

    return name && of && !strcmp(name, of) &&
           eg_type_size(b->types, id, &b->model) == eg_type_size(b->types, other, &b->model);
}

/** One step of a path: the member of @s, from a struct or from a pointer to one. */
static struct eg_obj step(struct eg_obj o, const struct eg_slot *s, const struct eg_pathref *path)
{
    if (o.why)
        return o;
    if (!s->kind)
        return eg_bad(o, s->why ? (enum eg_why)s->why : EG_NO_MEMBER, o.addr);
    if (s->parent != o.type && is_copy(o.bind, o.type, s->parent))
        o.type = s->parent;
    if (s->parent != o.type || (o.kind != EG_K_PTR && o.kind != EG_K_STRUCT)) {
        const char *base = strrchr(path->file, '/');

        if (o.view->run)
            eg_failed(o.view->run, "%s:%d: a member of struct %s is read from %s",
                      base ? base + 1 : path->file, path->line,
                      eg_type_name(o.bind->types, s->parent),
                      o.type ? eg_type_name(o.bind->types, o.type) : "something untyped");
        return eg_bad(o, EG_WRONG_TYPE, o.addr);
    }
    if (o.kind == EG_K_PTR)
        o = follow(o);
    if (o.why)
        return o;
    o.addr += s->off;
    o.type = s->type;
    o.size = s->size;
    o.kind = s->kind;
    o.shift = s->shift;
    o.bits = s->bits;
    return o;
}

struct eg_obj eg_at_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                          uint64_t addr, uint64_t form, const struct eg_pathref *path)
{
    struct eg_obj o = { .view = v,
                        .space = as,
                        .bind = b,
                        .addr = addr,
                        .type = (uint32_t)form,
                        .kind = (uint8_t)(form >> 32),
                        .why = (uint8_t)(form >> 40) };

    for (uint32_t i = 0; i < path->n; i++)
        o = step(o, &b->slots[path->steps[i]->id], path);
    return o;
}

struct eg_number eg_number_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                                 uint64_t addr, uint64_t form, const struct eg_pathref *path)
{
    return eg_number_(eg_at_slow_(v, as, b, addr, form, path));
}

bool eg_value_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                    uint64_t addr, uint32_t size, uint32_t form, uint64_t *out)
{
    const uint8_t kind = (uint8_t)form, shift = (uint8_t)(form >> 8), bits = (uint8_t)(form >> 16);
    uint8_t why = (uint8_t)(form >> 24);
    const uint8_t *p;
    uint64_t value;

    if (!why && (kind < EG_K_UINT || kind > EG_K_PTR || size > 8 || !size || (size & (size - 1))))
        why = EG_NOT_SCALAR;
    if (why) {
        v->why = why;
        v->why_addr = addr;
        return false;
    }
    p = eg_bytes(v, as, addr, size);
    if (!p)
        return false;
    value = eg_load_(p, size, b->model.big_endian);
    if (bits || kind == EG_K_SINT) {
        const unsigned width = bits ? bits : 8 * size;

        value = value >> shift << (64 - width);
        value =
            kind == EG_K_SINT ? (uint64_t)((int64_t)value >> (64 - width)) : value >> (64 - width);
    }
    *out = value;
    return true;
}

struct eg_obj eg_deref(struct eg_obj o)
{
    if (o.why)
        return o;
    if (o.kind != EG_K_PTR)
        return eg_bad(o, EG_WRONG_TYPE, o.addr);
    o = follow(o);
    return o.why ? o : retype(o, o.type);
}

uint64_t eg_count(struct eg_obj o)
{
    struct eg_slot s;

    if (o.why || (o.kind != EG_K_ARRAY && o.kind != EG_K_CHARS))
        return 0;
    eg_types_slot(o.bind->types, &o.bind->model, o.type, &s);
    if (o.kind == EG_K_CHARS)
        return o.size;
    return s.size ? o.size / s.size : 0;
}

struct eg_obj eg_index(struct eg_obj o, uint64_t i)
{
    uint64_t off, size = o.size;
    bool array = o.kind == EG_K_ARRAY || o.kind == EG_K_CHARS;

    if (o.why)
        return o;
    if (!array && o.kind != EG_K_PTR)
        return eg_bad(o, EG_WRONG_TYPE, o.addr);
    if (!array)
        o = follow(o);
    if (!o.why)
        o = retype(o, o.type);
    if (o.why)
        return o;
    // An array of unknown length (a flexible member, an extern table) has size 0, so its end cannot
    // be checked.
    if (!eg_mul(i, o.size, &off) || (array && size && off >= size))
        return eg_bad(o, EG_BAD_VALUE, o.addr);
    o.addr += off;
    return o;
}

struct eg_obj eg_path(struct eg_obj o, const char *path)
{
    char name[128];

    while (*path && !o.why) {
        size_t n = strcspn(path, ".-[");
        struct eg_member_at m;
        struct eg_slot s;

        if (*path == '[') {
            char *end;
            uint64_t i = strtoull(path + 1, &end, 0);

            if (end == path + 1 || *end != ']')
                return eg_bad(o, EG_NO_MEMBER, o.addr);
            o = eg_index(o, i);
            path = end + 1;
        } else {
            if (n == 0 || n >= sizeof name)
                return eg_bad(o, EG_NO_MEMBER, o.addr);
            memcpy(name, path, n);
            name[n] = 0;
            if (o.kind == EG_K_PTR)
                o = eg_deref(o);
            if (o.why)
                return o;
            if (o.kind != EG_K_STRUCT || !eg_type_find(o.bind->types, o.type, name, &m))
                return eg_bad(o, EG_NO_MEMBER, o.addr);
            eg_types_member_slot(o.bind->types, &o.bind->model, o.type, &m, &s);
            if (!s.kind)
                return eg_bad(o, s.why ? (enum eg_why)s.why : EG_NO_TYPE, o.addr);
            o.addr += s.off;
            o.type = s.type;
            o.size = s.size;
            o.kind = s.kind;
            o.shift = s.shift;
            o.bits = s.bits;
            path += n;
        }
        if (path[0] == '.')
            path++;
        else if (path[0] == '-' && path[1] == '>')
            path += 2;
        else if (path[0] && path[0] != '[')
            return eg_bad(o, EG_NO_MEMBER, o.addr);
    }
    return o;
}

const struct eg_slot *eg_slot(struct eg_run *r, uint32_t id)
{
    return &eg_binding_of(r)->slots[id];
}

static struct eg_obj from_slot(struct eg_run *r, struct eg_space *as, const struct eg_slot *s,
                               uint64_t addr, enum eg_why missing)
{
    struct eg_obj o = {
        .view = eg_view_of(r), .space = as, .bind = eg_binding_of(r), .addr = addr
    };

    if (!s->kind)
        return eg_bad(o, s->why ? (enum eg_why)s->why : missing, addr);
    if (!addr)
        return eg_bad(o, EG_NULL, 0);
    o.type = s->type;
    o.size = s->size;
    o.kind = s->kind;
    return o;
}

struct eg_obj eg_object_(struct eg_run *r, struct eg_space *as, uint32_t id, uint64_t addr)
{
    return from_slot(r, as, eg_slot(r, id), addr, EG_NO_TYPE);
}

struct eg_obj eg_sym_(struct eg_run *r, uint32_t id)
{
    const struct eg_slot *s = eg_slot(r, id);

    return from_slot(r, eg_kernel(r), s, s->off, EG_NO_SYMBOL);
}

struct eg_obj eg_variable(struct eg_run *r, const char *name)
{
    struct eg_obj o = { .view = eg_view_of(r), .space = eg_kernel(r), .bind = eg_binding_of(r) };
    char note[EG_VARIABLE_NOTE];
    struct eg_slot slot;
    uint64_t addr;

    if (!eg_system_variable(eg_system_of(r), name, NULL, &slot, note) && slot.why == EG_NO_SYMBOL &&
        eg_lookup(r, name, &addr))
        slot.why = EG_NO_TYPE; // a module's
    if (*note)
        eg_note(r, "%s", note);
    if (!slot.kind)
        return eg_bad(o, (enum eg_why)slot.why, 0);
    o.addr = slot.off;
    o.type = slot.type;
    o.size = slot.size;
    o.kind = slot.kind;
    return o;
}

bool eg_enum_(struct eg_run *r, uint32_t id, int64_t *out)
{
    const struct eg_slot *s = eg_slot(r, id);

    if (s->kind)
        *out = (int64_t)s->off;
    return s->kind;
}

struct eg_obj eg_cast_(struct eg_obj o, uint32_t id)
{
    const struct eg_slot *s = &o.bind->slots[id];

    if (o.why)
        return o;
    if (!s->kind)
        return eg_bad(o, s->why ? (enum eg_why)s->why : EG_NO_TYPE, o.addr);
    if (o.kind == EG_K_PTR ||
        ((o.kind == EG_K_UINT || o.kind == EG_K_SINT) && o.size == o.bind->model.ptr_size)) {
        o.kind = EG_K_PTR;
        o.type = s->type;
        return o;
    }
    o.kind = s->kind;
    o.type = s->type;
    o.size = s->size;
    o.shift = o.bits = 0;
    return o;
}

struct eg_obj eg_container_(struct eg_obj member, uint32_t id)
{
    const struct eg_slot *s = &member.bind->slots[id];

    if (member.why)
        return member;
    if (!s->kind)
        return eg_bad(member, s->why ? (enum eg_why)s->why : EG_NO_MEMBER, member.addr);
    if (member.kind == EG_K_PTR)
        member = follow(member);
    if (member.why)
        return member;
    member.addr -= s->off;
    return retype(member, s->parent);
}

char *eg_cstr(struct eg_run *r, struct eg_space *as, uint64_t addr, size_t max)
{
    struct eg_view *v = eg_view_of(r);
    size_t len = 0;
    char *s;

    // Two passes over the bytes, which are in the cache the second time, so that no buffer has to
    // grow.
    while (len < max) {
        size_t n = max - len;
        const uint8_t *p = addr + len < addr ? NULL : eg_map_some(v, as, addr + len, &n), *end;

        if (!p && !len)
            return NULL;
        if (!p)
            break;
        end = memchr(p, 0, n);
        len += end ? (size_t)(end - p) : n;
        if (end)
            break;
    }
    s = eg_tmp(r, len + 1);
    return eg_read(v, as, addr, s, len) ? s : NULL;
}

char *eg_string(struct eg_run *r, struct eg_obj o, size_t max)
{
    if (!o.why && o.kind == EG_K_PTR)
        o = follow(o);
    else if (!o.why && o.kind == EG_K_CHARS && o.size)
        max = EG_MIN(max, (size_t)o.size);
    else if (!o.why && o.kind != EG_K_CHARS)
        return NULL;
    return o.why ? NULL : eg_cstr(r, o.space, o.addr, max);
}
