/* derived_hooks.c - the conditions of variables that lead to functions: lists, arrays and tables of
 * what the kernel calls. derived.h lists them. */
#include "derived.h"
#include <string.h>

enum { NAME_LEN = 64, CHAIN_MAX = 4096, TREE_MAX = 64 };

bool derived_is_code(const struct derive *d, uint64_t va)
{
    struct eg_extent x;

    if (!(va >> (8 * d->model->ptr_size - 1)) || va % d->c->paging.arch->code_unit)
        return false;
    eg_extent_at(d->f->v, d->c->space, va, &x);
    return !x.why && x.flags & EG_X_EXEC;
}

/** Does one of @members of the object lead to code? */
static bool calls(const struct derive *d, const char *type, const char *members, uint64_t object)
{
    char name[NAME_LEN];
    uint64_t off, at;

    for (const char *p = members; *p;) {
        const size_t len = strcspn(p, "|");

        if (len >= sizeof name)
            return false;
        memcpy(name, p, len);
        name[len] = 0;
        if (derived_member(d, type, name, &off, NULL) && derived_pointer(d, object + off, &at) &&
            derived_is_code(d, at))
            return true;
        p += len + (p[len] == '|');
    }
    return false;
}

/** The same of what the test says of an object, or of one that it leads to; or its member t->key
 * leads to data. */
static bool object_calls(const struct derive *d, const struct test *t, uint64_t object)
{
    uint64_t off, at, first;

    if (!t->behind)
        return calls(d, t->type, t->calls, object) ||
               (t->key && derived_member(d, t->type, t->key, &off, NULL) &&
                derived_pointer(d, object + off, &at) && at && derived_pointer(d, at, &first));
    return derived_member(d, t->type, t->key, &off, NULL) &&
           derived_pointer(d, object + off, &object) && object &&
           calls(d, t->behind, t->calls, object);
}

/* ---- lists and arrays ---- */

/** Adds to @n how many elements it has. @number: what the member t->name of each has to have, as it
 * is or as the rest of a number in the byte order of networks; SIZE_MAX: anything. */
static bool list_at(const struct derive *d, const struct test *t, uint64_t va, size_t number,
                    unsigned *n)
{
    const struct eg_binding b = linux_binding(d->c);
    uint64_t link, name = 0;
    struct eg_list_walk w;
    struct eg_obj element;
    bool fit = true;
    uint8_t p[2];

    if (!derived_member(d, t->type, t->link, &link, NULL) ||
        (t->name && !derived_member(d, t->type, t->name, &name, NULL)))
        return false;
    w = linux_list(d->f->v, d->c->space, &b, va, link);
    while (fit && linux_spend(d->f, LINUX_ELEMENTS, 1) && eg_list_next_(&w, &element)) {
        fit = object_calls(d, t, element.addr);
        if (fit && number != SIZE_MAX)
            fit = eg_read(d->f->v, d->c->space, element.addr + name, p, sizeof p) &&
                  (eg_load_(p, 2, d->model->big_endian) == number || p[1] % t->count == number);
    }
    *n += (unsigned)w.n;
    return fit && !w.why;
}

/** A list that closes, each element of which leads to code: at least t->count. */
bool derived_list_calls(const struct derive *d, const struct test *t, uint64_t va)
{
    unsigned n = 0;

    return list_at(d, t, va, SIZE_MAX, &n) && n && n >= t->count;
}

/** An array of such lists, each with the elements whose number puts them there. */
bool derived_lists(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint64_t head = 2 * (uint64_t)d->model->ptr_size;
    unsigned n = 0, used = 0, before;

    for (size_t i = 0; i < t->count; i++) {
        before = n;
        if (!list_at(d, t, va + i * head, i, &n))
            return false;
        used += n > before;
    }
    *d->room = t->count * head;
    return used > 1;
}

/** A pointer to the first of structs that have a name and lead to the next. */
bool derived_chain_of(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t link, name, at, text;
    unsigned n = 0;

    if (!derived_member(d, t->type, t->link, &link, NULL) ||
        !derived_member(d, t->type, t->name, &name, NULL) || !derived_pointer(d, va, &at))
        return false;
    for (; at && n < CHAIN_MAX && linux_spend(d->f, LINUX_ELEMENTS, 1); n++)
        if (!derived_pointer(d, at + name, &text) || !derived_is_text(d, text) ||
            !derived_pointer(d, at + link, &at))
            return false;
    return n > 1 && !at;
}

/** An array of pointers, each of which is NULL or leads to a struct that leads to code. It ends
 * where one is neither, at the latest behind t->count of them. */
bool derived_array_calls(const struct derive *d, const struct test *t, uint64_t va)
{
    unsigned n = 0, i = 0;
    uint64_t at, off = 0;
    uint32_t number;

    if (t->name && !derived_member(d, t->type, t->name, &off, NULL))
        return false;
    for (; i < t->count && derived_pointer(d, va + i * d->model->ptr_size, &at); i++) {
        if (at && !(linux_spend(d->f, LINUX_ELEMENTS, 1) && at % d->model->ptr_size == 0 &&
                    object_calls(d, t, at) &&
                    (!t->name || (derived_word(d, at + off, &number) && number == i))))
            break;
        n += at != 0;
    }
    *d->room = (uint64_t)i * d->model->ptr_size;
    return n;
}

/** An array of t->count pointers to code, the function t->name among them. */
bool derived_functions(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t at, named;
    bool found;

    if (!derived_sym(d, t->name, &named))
        return false;
    found = false;
    for (unsigned i = 0; i < t->count; i++) {
        if (!derived_pointer(d, va + i * d->model->ptr_size, &at) || !derived_is_code(d, at))
            return false;
        found |= at == named;
    }
    *d->room = (uint64_t)t->count * d->model->ptr_size;
    return found;
}

bool derived_zeros(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t at = 0;

    for (unsigned i = 0; i < t->count && !at; i++)
        if (!derived_pointer(d, va + i * d->model->ptr_size, &at))
            return false;
    return !at;
}

bool derived_number(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t n;

    return derived_pointer(d, va, &n) && n >> t->count == 0;
}

/** The root of a tree has no parent (include/linux/rbtree.h: beside that pointer is its color). */
bool derived_tree_of(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { COLOR = 3 };
    uint64_t link, key, node, parent, at, first;

    return derived_member(d, t->type, t->link, &link, NULL) &&
           derived_member(d, t->type, t->key, &key, NULL) && derived_pointer(d, va, &node) &&
           node && !derived_in_image(d, node) && derived_pointer(d, node, &parent) &&
           !(parent & ~(uint64_t)COLOR) && derived_pointer(d, node - link + key, &at) && at &&
           derived_pointer(d, at, &first);
}

bool derived_pointer_says(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t at;

    return derived_pointer(d, va, &at) && at && derived_says(d, t, at);
}

/** 255 chains, each with a struct that leads to code (drivers/base/map.c). */
bool derived_numbers_map(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { MAJORS = 255 };
    uint64_t map, at;

    (void)t;
    if (!derived_pointer(d, va, &map) || derived_in_image(d, map))
        return false;
    for (unsigned i = 0; i < MAJORS; i++)
        if (!derived_pointer(d, map + i * d->model->ptr_size, &at) || !at ||
            !calls(d, "probe", "get", at))
            return false;
    return true;
}

/* ---- ftrace ---- */

/** Each calls code; the last one is that which does nothing, has no next, and is in the image. */
bool derived_ftrace_ops(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { STUB = 1 << 5 };
    uint64_t next, flags, at, bits = 0;

    (void)t;
    if (!derived_member(d, "ftrace_ops", "next", &next, NULL) ||
        !derived_member(d, "ftrace_ops", "flags", &flags, NULL) || !derived_pointer(d, va, &at))
        return false;
    for (unsigned n = 0; n < CHAIN_MAX && linux_spend(d->f, LINUX_ELEMENTS, 1); n++) {
        if (!at || !calls(d, "ftrace_ops", "func", at) || !derived_pointer(d, at + flags, &bits))
            return false;
        if (bits & STUB)
            return derived_in_image(d, at) && derived_pointer(d, at + next, &at) && !at;
        if (!derived_pointer(d, at + next, &at))
            return false;
    }
    return false;
}

/** The first records of the first pages are of code, that of the very first of the kernel's. */
bool derived_ftrace_pages(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { PAGES = 16 };
    uint64_t next, records, ip, page, at;

    (void)t;
    if (!derived_member(d, "ftrace_page", "next", &next, NULL) ||
        !derived_member(d, "ftrace_page", "records", &records, NULL) ||
        !derived_member(d, "dyn_ftrace", "ip", &ip, NULL) || !derived_pointer(d, va, &page))
        return false;
    for (unsigned i = 0; i < PAGES; i++) {
        if (!page)
            return i;
        if (derived_in_image(d, page) || !derived_pointer(d, page + records, &at) ||
            !derived_pointer(d, at + ip, &at) || (!i && !derived_in_image(d, at)) ||
            !derived_is_code(d, at) || !derived_pointer(d, page + next, &page))
            return false;
    }
    return true;
}

/* ---- tables that the linker made ---- */

/** An entry of the table of tracepoints: a pointer, or a distance of 32 bits from itself
 * (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS, include/linux/tracepoint-defs.h). */
static bool leads_to_point(const struct derive *d, uint64_t va, bool relative)
{
    uint64_t name, at, text;
    uint32_t distance;

    if (!derived_member(d, "tracepoint", "name", &name, NULL))
        return false;
    if (relative) {
        if (!derived_word(d, va, &distance) || !distance)
            return false;
        at = va + (uint64_t)(int64_t)(int32_t)distance;
    } else if (!derived_pointer(d, va, &at)) {
        return false;
    }
    return at % d->model->ptr_size == 0 && derived_in_image(d, at) &&
           derived_pointer(d, at + name, &text) && derived_in_image(d, text) &&
           derived_is_text(d, text);
}

static bool is_border(const struct derive *d, uint64_t va, bool begins)
{
    for (unsigned relative = 0; relative < 2; relative++) {
        const unsigned size = relative ? 4 : d->model->ptr_size;

        if (leads_to_point(d, va, relative) == begins &&
            leads_to_point(d, va - size, relative) != begins)
            return true;
    }
    return false;
}

bool derived_points_first(const struct derive *d, const struct test *t, uint64_t va)
{
    (void)t;
    return is_border(d, va, true);
}

bool derived_points_end(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t first;

    (void)t;
    return derived_sym(d, "__start___tracepoints_ptrs", &first) && va > first &&
           is_border(d, va, false);
}

/** An entry of the table of jump labels: distances of 32 bits to the instruction and to where it
 * may jump, and a distance to the key, whose two lowest bits are flags
 * (include/linux/jump_label.h). */
static bool is_jump(const struct derive *d, uint64_t va)
{
    enum { FLAGS = 3 };
    uint64_t code, target, key, to;
    uint32_t a, b;

    if (!derived_member(d, "jump_entry", "code", &code, NULL) ||
        !derived_member(d, "jump_entry", "target", &target, NULL) ||
        !derived_member(d, "jump_entry", "key", &key, NULL) || !derived_word(d, va + code, &a) ||
        !derived_word(d, va + target, &b) || !derived_pointer(d, va + key, &to))
        return false;
    to = (to + va + key) & ~(uint64_t)FLAGS;
    return a && b && derived_in_image(d, va + code + (uint64_t)(int64_t)(int32_t)a) &&
           derived_in_image(d, va + target + (uint64_t)(int64_t)(int32_t)b) &&
           derived_in_image(d, to) && !derived_is_code(d, to);
}

bool derived_jumps_first(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint64_t size = derived_size(d, "jump_entry");

    (void)t;
    return size && is_jump(d, va) && is_jump(d, va + size) && !is_jump(d, va - size);
}

/** All from the first to there are jump labels. */
bool derived_jumps_end(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { JUMPS_MAX = 1 << 16 };
    const uint64_t size = derived_size(d, "jump_entry");
    uint64_t at;

    (void)t;
    if (!size || !derived_sym(d, "__start___jump_table", &at) || va <= at || (va - at) % size ||
        (va - at) / size > JUMPS_MAX || is_jump(d, va))
        return false;
    while (at < va && linux_spend(d->f, LINUX_ELEMENTS, 1) && is_jump(d, at))
        at += size;
    return at == va;
}

/* ---- security modules (security/security.c) ---- */

/** Until 6.11: a struct of lists, one for each question. Each first element leads back to its
 * list, and calls code. */
bool derived_hook_heads(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { FEW = 8 };
    const unsigned ptr = d->model->ptr_size;
    const uint64_t size = derived_size(d, t->type);
    uint64_t link, hook, node, back, at;
    unsigned used = 0;

    if (!size || !derived_member(d, "security_hook_list", "list", &link, NULL) ||
        !derived_member(d, "security_hook_list", "hook", &hook, NULL))
        return false;
    for (uint64_t off = 0; off < size; off += ptr) {
        if (!linux_spend(d->f, LINUX_ELEMENTS, 1) || !derived_pointer(d, va + off, &node))
            return false;
        if (!node)
            continue;
        if (!derived_pointer(d, node + ptr, &back) || back != va + off ||
            !derived_pointer(d, node - link + hook, &at) || !derived_is_code(d, at))
            return false;
        used++;
    }
    *d->room = size;
    return used >= FEW;
}

/** Since 6.12: a struct of arrays of calls, each of which has a key, and those that somebody
 * registered for an element that is of the array's first call. */
bool derived_hook_calls(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { FEW = 8 };
    const uint64_t size = derived_size(d, t->type), step = derived_size(d, "lsm_static_call");
    uint64_t key, hl, hook, calls_, at, own, to;
    unsigned used = 0;

    if (!size || !step || size % step || !derived_member(d, "lsm_static_call", "key", &key, NULL) ||
        !derived_member(d, "lsm_static_call", "hl", &hl, NULL) ||
        !derived_member(d, "security_hook_list", "hook", &hook, NULL) ||
        !derived_member(d, "security_hook_list", "scalls", &calls_, NULL))
        return false;
    for (uint64_t off = 0; off < size; off += step) {
        if (!linux_spend(d->f, LINUX_ELEMENTS, 1) || !derived_pointer(d, va + off + key, &at) ||
            !derived_in_image(d, at) || !derived_pointer(d, va + off + hl, &at))
            return false;
        if (!at)
            continue;
        if (!derived_pointer(d, at + calls_, &own) || own < va || own >= va + size ||
            (own - va) % step || !derived_pointer(d, at + hook, &to) || !derived_is_code(d, to))
            return false;
        used++;
    }
    *d->room = size;
    return used >= FEW;
}

/* ---- what is told of system calls and their tasks ---- */

/** What the kernel tells its tracers of system calls (include/trace/syscall.h): most of the first
 * ones have their own number and the name of a function. */
bool derived_call_records(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { LOOKED_AT = 64 };
    const unsigned ptr = d->model->ptr_size;
    uint64_t number, name, table, at, text;
    unsigned n = 0;
    uint32_t own;
    char word[4];

    (void)t;
    if (!derived_member(d, "syscall_metadata", "syscall_nr", &number, NULL) ||
        !derived_member(d, "syscall_metadata", "name", &name, NULL) ||
        !derived_pointer(d, va, &table) || !table || derived_in_image(d, table))
        return false;
    for (uint32_t i = 0; i < LOOKED_AT; i++)
        n += derived_pointer(d, table + i * ptr, &at) && derived_in_image(d, at) &&
             derived_word(d, at + number, &own) && own == i &&
             derived_pointer(d, at + name, &text) &&
             eg_read(d->f->v, d->c->space, text, word, sizeof word) && !memcmp(word, "sys_", 4);
    return n > LOOKED_AT / 2;
}

/** The first CPU's copy leads to a task: at the end of its stack is a word
 * (set_task_stack_end_magic in kernel/fork.c). */
bool derived_task_of_cpu(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint32_t stack_end_magic = 0x57ac6e9d; // include/uapi/linux/magic.h
    uint64_t stack, at, offset;
    uint32_t word;

    (void)t;
    return derived_member(d, "task_struct", "stack", &stack, NULL) &&
           derived_sym(d, "__per_cpu_offset", &at) && derived_pointer(d, at, &offset) &&
           derived_pointer(d, va + offset, &at) && at && derived_pointer(d, at + stack, &at) &&
           derived_word(d, at, &word) && word == stack_end_magic;
}
