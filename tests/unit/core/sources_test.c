/* sources_test.c - the same types from every source: DWARF, BTF, ISF and .egp, each written from
 * one profile (DWARF also as for debuggers) and read back, must say the same of every
 * named type, so of all that plugins use.
 *
 * The profiles: C declarations on three machines; what the compiler makes of lib/shapes.h; the
 * kernel of the bundled image; and with VMLINUX=FILE in the environment its real DWARF, which is
 * also compared with that image's own BTF when both are of one build. */
#include "../../../core/reader.h"
#include "../../../core/registry.h"
#include "../../../profiles/store.h"
#include "check.h"
#include "mkisf.h"
#include "mksource.h"
#include "mktypes.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct side {
    const struct eg_profile *profile;
    struct eg_types types;
    const char *what;
    bool pahole; // it makes one dimension of several
};

static char dir[] = "/tmp/sources_test.XXXXXX";

/* ---- comparing ---- */

static uint32_t strip(const struct side *s, uint32_t id)
{
    return eg_type_strip(&s->types, id);
}

// Past one array of however many dimensions; *@n: elements.
static uint32_t element(const struct side *s, uint32_t id, uint64_t *n)
{
    const struct eg_type *t;

    for (*n = 1; (t = eg_type(&s->types, id, NULL))->kind == EG_T_ARRAY; *n *= t->count)
        id = strip(s, eg_type_ref(&s->types, id));
    return id;
}

// Behind pointers and arrays, all that every source keeps is the kind and the name.
static bool same_target(const struct side *a, uint32_t x, const struct side *b, uint32_t y)
{
    for (int i = 0; i < 32; i++) {
        const struct eg_type *t = eg_type(&a->types, x = strip(a, x), NULL);
        const struct eg_type *u = eg_type(&b->types, y = strip(b, y), NULL);
        uint64_t n, m;

        if (t->kind == EG_T_FWD || u->kind == EG_T_FWD)
            return !strcmp(eg_type_name(&a->types, x), eg_type_name(&b->types, y));
        if (t->kind != u->kind)
            return false;
        if (t->kind == EG_T_ARRAY && (a->pahole || b->pahole)) {
            x = element(a, x, &n);
            y = element(b, y, &m);
        } else if (t->kind == EG_T_ARRAY) {
            n = t->count;
            m = u->count;
        }
        if (t->kind == EG_T_ARRAY && n != m)
            return false;
        if (t->kind != EG_T_PTR && t->kind != EG_T_ARRAY)
            return !strcmp(eg_type_name(&a->types, x), eg_type_name(&b->types, y));
        if (t->kind == EG_T_PTR || !(a->pahole || b->pahole)) {
            x = eg_type_ref(&a->types, x);
            y = eg_type_ref(&b->types, y);
        }
    }
    return true;
}

// Each member of @x, also those in anonymous structs, by its name in @whole of the other.
static bool same_members(const struct side *a, uint32_t x, uint64_t base, const struct side *b,
                         uint32_t whole)
{
    struct eg_member_at m, n;

    for (uint32_t i = 0; eg_type_member(&a->types, x, i, &m); i++) {
        struct eg_slot s, t;

        if (!*m.name) {
            if (!same_members(a, strip(a, m.type), base + m.bit_off, b, whole))
                return false;
            continue;
        }
        if (!eg_type_find(&b->types, whole, m.name, &n) || n.bit_off != base + m.bit_off ||
            n.bit_size != m.bit_size || !same_target(a, m.type, b, n.type))
            return false;
        m.bit_off += base;
        eg_types_member_slot(&a->types, &a->profile->model, 0, &m, &s);
        eg_types_member_slot(&b->types, &b->profile->model, 0, &n, &t);
        if ((a->pahole || b->pahole) && s.kind == EG_K_ARRAY && t.kind == EG_K_CHARS)
            t.kind = EG_K_ARRAY; // of more than one dimension
        if (s.off != t.off || s.size != t.size || s.kind != t.kind || s.shift != t.shift ||
            s.bits != t.bits)
            return false;
    }
    return true;
}

static bool same(const struct side *a, uint32_t x, const struct side *b, uint32_t y)
{
    const struct eg_type *t = eg_type(&a->types, x, NULL), *u = eg_type(&b->types, y, NULL);

    if (t->kind != u->kind || t->size != u->size || t->count != u->count)
        return false;
    if (t->kind != EG_T_ENUM)
        return same_members(a, x, 0, b, y);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct eg_enumerator *e = &a->profile->enumerators[t->first + i];
        const struct eg_enumerator *f = &b->profile->enumerators[u->first + i];

        if (e->value != f->value ||
            strcmp(a->profile->strings + e->name, b->profile->strings + f->name) != 0)
            return false;
    }
    return true;
}

// Has it, and all that it holds by value, one definition? Of several ISF has the last.
static bool is_clear(const struct side *s, uint32_t id, int depth)
{
    const struct eg_type *t = eg_type(&s->types, id = strip(s, id), NULL);
    const char *name = eg_type_name(&s->types, id);
    struct eg_member_at m;
    uint64_t iter = 0;

    if (t->kind == EG_T_ARRAY)
        return is_clear(s, eg_type_ref(&s->types, id), depth);
    if (*name && eg_types_named(&s->types, name, NULL, 1u << t->kind, &iter) &&
        eg_types_named(&s->types, name, NULL, 1u << t->kind, &iter))
        return false;
    for (uint32_t i = 0; depth && t->kind != EG_T_FUNC && eg_type_member(&s->types, id, i, &m); i++)
        if (!is_clear(s, m.type, depth - 1))
            return false;
    return true;
}

// Each tagged type of @a is one of @b's of that name; if it is clear in @clear (may be NULL).
// @return how many were looked at.
static size_t all_in(const struct side *a, const struct side *b, const struct side *clear)
{
    size_t done = 0, bad = 0;

    for (uint32_t id = 1; id < a->profile->n_types; id++) {
        const struct eg_type *t = &a->profile->types[id];
        const char *name = a->profile->strings + t->name;
        uint64_t iter = 0;
        uint32_t other;
        bool found = false;

        if (!t->name || !(1u << t->kind & EG_TAGGED) || *name == '.') // a section's variables
            continue;
        if (clear && (other = eg_types_named(&clear->types, name, NULL, 1u << t->kind, &iter)) &&
            !is_clear(clear, other, 8))
            continue;
        iter = 0;
        while (!found && (other = eg_types_named(&b->types, name, NULL, 1u << t->kind, &iter)))
            found = same(a, id, b, other);
        if (!found && bad++ < 10)
            print_error("%s of %s is not in %s, or another\n", name, a->what, b->what);
        done++;
    }
    assert_int_equal(bad, 0);
    return done;
}

static void side_of(struct side *s, const struct eg_profile *p, const char *what)
{
    *s = (struct side){ .profile = p, .what = what };
    assert_int_equal(eg_types_init(&s->types, p, NULL), 0);
}

/* ---- the sources ---- */

static void save(const char *path, const struct mk_bytes *b)
{
    FILE *f = fopen(path, "wb");

    assert_true(f && fwrite(b->at, 1, b->n, f) == b->n && fclose(f) == 0);
}

static void write_source(const struct eg_profile *p, const char *kind, const char *path)
{
    struct mk_bytes b = { 0 };
    FILE *f;

    if (!strcmp(kind, "egp")) {
        assert_int_equal(eg_store_write(path, true, &p, 1, NULL), 0);
    } else if (!strcmp(kind, "json")) {
        assert_non_null(f = fopen(path, "w"));
        mk_isf(f, p);
        assert_int_equal(fclose(f), 0);
    } else {
        b = !strcmp(kind, "btf")       ? mk_btf(p)
            : !strcmp(kind, "written") ? mk_written(p)
                                       : mk_dwarf(p, NULL);
        save(path, &b);
        free(b.at);
    }
}

static bool has_isf(void)
{
    struct eg_profile *p;
    struct eg_error e;
    char path[128];

    snprintf(path, sizeof path, "%s/empty.json", dir);
    save(path, &(struct mk_bytes){ (uint8_t *)"{}", 2, 2 });
    eg_profile_read(&p, path, 1, &e);
    unlink(path);
    return e.code != EG_EUNSUP; // a build without yajl
}

static void every_source(const struct eg_profile *p, const char *what, size_t at_least)
{
    static const char *const kinds[] = { "egp", "btf", "elf", "written", "json" };
    struct side from;

    side_of(&from, p, what);
    for (size_t i = 0; i < countof(kinds) - !has_isf(); i++) {
        const bool isf = !strcmp(kinds[i], "json");
        struct eg_profile *back;
        struct eg_error e;
        struct side to;
        char path[128];
        size_t n;

        snprintf(path, sizeof path, "%s/x.%s", dir, kinds[i]);
        write_source(p, kinds[i], path);
        if (eg_profile_read(&back, path, 2, &e) < 0)
            fail_msg("%s: %s", what, e.text);
        assert_memory_equal(&back->model, &p->model, sizeof p->model);
        side_of(&to, back, kinds[i]);
        n = all_in(&from, &to, isf ? &from : NULL);
        assert_true(n >= at_least);
        all_in(&to, &from, isf ? &from : NULL);
        eg_types_fini(&to.types);
        eg_profile_free(back);
        unlink(path);
    }
    eg_types_fini(&from.types);
}

/* ---- the profiles ---- */

static const char declarations[] =
    "typedef unsigned long word;"
    "struct list { struct list *next, *prev; };"
    "enum sign { MINUS = -3, PLUS = 3 };"
    "enum wide { WIDE = 0x123456789abcdef };"
    "union either { int f; char text[12]; };"
    "struct all { struct list l; unsigned one : 1; unsigned five : 5; u64 far : 40; s8 small;"
    " char letter; bool yes; word words[2][3]; enum sign s; void (*run)(int, char *);"
    " struct { int x; union { long y; short z; }; }; struct { u16 in; } named[3];"
    " union either e; struct never *nowhere; void *any; word *many[4]; };";

static void declared(void **state)
{
    static const struct eg_model models[] = {
        { 8, 8, false }, { 8, 8, true }, { 4, 4, false }, { 4, 4, true }
    };

    (void)state;
    for (size_t i = 0; i < countof(models); i++) {
        struct eg_profile *p = mk_types(&models[i], declarations, NULL, NULL);

        every_source(p, "declarations", 5);
        eg_profile_free(p);
    }
}

static void compiled(void **state)
{
    struct eg_profile *p;
    struct eg_error e;
    char path[4096];

    (void)state;
    snprintf(path, sizeof path, "%s/shapes_5.so", getenv("SHAPES_DIR"));
    if (eg_profile_read(&p, path, 1, &e) < 0)
        fail_msg("%s", e.text);
    every_source(p, path, 8);
    eg_profile_free(p);
}

// Every type that a plugin's handle names is there to be compared, but those of modules and of
// other kernels.
static size_t handles_of(const struct side *s)
{
    size_t n = 0;

    for (uint32_t id = 1; id < eg_handle_count(); id++) {
        const struct eg_handle *h = eg_handle(id);
        uint64_t iter = 0;

        n += h->kind == EG_H_FIELD && !h->module &&
             eg_types_named(&s->types, h->type, NULL, EG_TAGGED, &iter);
    }
    return n;
}

static void kernel(void **state)
{
    const char *vmlinux = getenv("VMLINUX");
    const struct eg_open_options open = { .quiet = true };
    const struct eg_find_options find = { .quiet = true };
    const struct eg_profile *own = NULL;
    struct eg_profile *dwarf = NULL, *again;
    struct eg_image *img = NULL;
    struct eg_system *sys = NULL;
    struct eg_error e;
    char pattern[4096];
    glob_t files = { 0 };

    (void)state;
    snprintf(pattern, sizeof pattern, "%s/samples/*[!r].zst", getenv("SOURCE_ROOT"));
    glob(pattern, 0, NULL, &files); // not the .tar.zst
    assert_int_equal(eg_registry_init(&e), 0);
    if (files.gl_pathc) {
        if (eg_image_open(&img, files.gl_pathv[0], &open, &e) < 0 ||
            eg_system_open(&sys, img, &find, &e) < 0)
            fail_msg("%s", e.text);
        assert_true(sys->types.n_layers);
        own = sys->types.layers[0].profile;
        every_source(own, files.gl_pathv[0], 5000);
        assert_true(handles_of(&(struct side){ own, sys->types, "" }) > 100);
    }
    if (vmlinux) {
        if (eg_profile_read(&dwarf, vmlinux, 0, &e) < 0)
            fail_msg("%s", e.text);
        every_source(dwarf, vmlinux, 5000);
        if (eg_profile_read(&again, vmlinux, 1, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(again->n_types, dwarf->n_types); // one thread, or all cores
        assert_memory_equal(again->types, dwarf->types, dwarf->n_types * sizeof *dwarf->types);
        assert_int_equal(again->n_members, dwarf->n_members);
        assert_memory_equal(again->members, dwarf->members,
                            dwarf->n_members * sizeof *dwarf->members);
        eg_profile_free(again);
    }
    if (own && dwarf && dwarf->build_id && !strcmp(sys->chosen->build_id, dwarf->build_id)) {
        struct side a, b;

        side_of(&a, dwarf, "DWARF");
        side_of(&b, own, "the image");
        a.pahole = b.pahole = true;
        assert_true(all_in(&a, &b, NULL) > 5000);
        eg_types_fini(&a.types);
        eg_types_fini(&b.types);
    }
    eg_profile_free(dwarf);
    eg_system_close(sys);
    eg_image_close(img);
    globfree(&files);
}

static int setup(void **state)
{
    (void)state;
    return !mkdtemp(dir);
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared),
        cmocka_unit_test(compiled),
        cmocka_unit_test(kernel),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
