/** module_types.c - types of kernel modules: the split BTF that the kernel keeps for BPF. */
#include "../../../profiles/btf.h"
#include "given.h"
#include "open.h"
#include "windows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODULES_MAX = 1 << 14, BTF_MAX = 16 << 20, ALL_MAX = 256 << 20 };

/** Offsets in struct btf and struct btf_module. */
struct btfs {
    struct eg_system *sys;
    struct linux_state *state;
    pthread_mutex_t lock; /**< windows are searched by several threads */
    uint64_t link, btf;
    uint64_t data, data_size, name, name_len, kernel_btf, hdr;
};

/** Read the struct btf at @at. @return false: it is of a BPF program or of the kernel itself, or
 * damaged. */
static bool read_btf(const struct btfs *s, struct eg_view *v, struct eg_space *as, uint64_t at,
                     struct linux_module_btf *out)
{
    const struct eg_model *m = &s->sys->bind.model;
    uint8_t kernels = 0;

    *out = (struct linux_module_btf){ .size = 0 };
    return eg_read(v, as, at + s->kernel_btf, &kernels, 1) && kernels == 1 &&
           linux_ptr(v, as, m, at + s->data, &out->data) &&
           eg_read_u32(v, as, at + s->data_size, m->big_endian, &out->size) &&
           eg_read(v, as, at + s->name, out->name,
                   (size_t)EG_MIN(s->name_len, sizeof out->name - 1)) &&
           out->name[0] && strcmp(out->name, "vmlinux") != 0;
}

static void add_btf(struct btfs *s, const struct linux_module_btf *b)
{
    struct linux_module_btf *slot =
        s->state->module_btfs.n < MODULES_MAX ? eg_vec_push(&s->state->module_btfs) : NULL;

    if (slot)
        *slot = *b;
}

static void walk_btfs(struct btfs *s)
{
    struct eg_system *sys = s->sys;
    struct eg_list_walk list =
        linux_list(sys->view, sys->kernel, &sys->bind, s->state->btf_modules, s->link);
    struct linux_module_btf b;
    struct eg_obj each;
    uint64_t btf;

    for (unsigned n = 0; n < MODULES_MAX && eg_list_next_(&list, &each); n++)
        if (linux_ptr(sys->view, sys->kernel, &sys->bind.model, each.addr + s->btf, &btf) &&
            read_btf(s, sys->view, sys->kernel, btf, &b))
            add_btf(s, &b);
}

/** A BTF header in physical memory belongs to a struct btf if the pointer beside it leads to a
 * copy of the header. */
static void probe_struct_btf(void *context, struct eg_view *v, uint64_t pa)
{
    struct btfs *s = context;
    struct eg_system *sys = s->sys;
    uint8_t here[24], there[24];
    struct linux_module_btf b;

    if (pa < s->hdr || !eg_read(v, sys->image->phys, pa, here, sizeof here) ||
        !read_btf(s, v, sys->image->phys, pa - s->hdr, &b) ||
        !eg_read(v, sys->kernel, b.data, there, sizeof there) ||
        memcmp(here, there, sizeof here) != 0)
        return;
    pthread_mutex_lock(&s->lock);
    add_btf(s, &b);
    pthread_mutex_unlock(&s->lock);
}

static void see_window(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    const struct btfs *s = context;

    linux_each_btf(v, s->sys->bind.model.big_endian, pa, p, len, probe_struct_btf, context);
}

/** By name, then by address, so that the order does not depend on the threads. */
static int by_name(const void *a, const void *b)
{
    const struct linux_module_btf *x = a, *y = b;
    const int order = strcmp(x->name, y->name);

    return order ? order : x->data < y->data ? -1 : x->data > y->data;
}

static bool offsets(struct btfs *s)
{
    const struct eg_types *ts = &s->sys->types;

    return linux_member(ts, "btf_module", "list", &s->link, NULL) &&
           linux_member(ts, "btf_module", "btf", &s->btf, NULL) &&
           linux_member(ts, "btf", "data", &s->data, NULL) &&
           linux_member(ts, "btf", "hdr", &s->hdr, NULL) &&
           linux_member(ts, "btf", "data_size", &s->data_size, NULL) &&
           linux_member(ts, "btf", "kernel_btf", &s->kernel_btf, NULL) &&
           linux_member(ts, "btf", "name", &s->name, &s->name_len);
}

/** Find the BTF of all loaded modules (since 5.11): by the kernel's list, or, if its symbol is
 * not known, by a search for each struct btf. */
static void find_btfs(struct eg_system *sys)
{
    struct btfs s = { .sys = sys, .state = linux_state(sys), .lock = PTHREAD_MUTEX_INITIALIZER };
    struct linux_finder f = { .sys = sys, .v = sys->view, .phys = sys->image->phys };
    struct linux_windows w;

    if (s.state->has_module_btfs)
        return;
    s.state->has_module_btfs = true;
    if (!offsets(&s))
        return;
    if (s.state->btf_modules) {
        walk_btfs(&s);
    } else if (linux_windows_init(&w, &f, 0, f.phys->last)) {
        while (linux_windows_scan(&w, "looking for types of modules", see_window, &s))
            ;
        linux_windows_fini(&w);
        if (s.state->module_btfs.n > 1)
            qsort(s.state->module_btfs.at, s.state->module_btfs.n, sizeof *s.state->module_btfs.at,
                  by_name);
    }
    if (s.state->module_btfs.n == MODULES_MAX)
        eg_system_note(sys, "types of modules: those of more than %d modules were not read",
                       MODULES_MAX);
}

static bool has_layer(const struct eg_system *sys, const char *module)
{
    for (size_t i = 1; i < sys->types.n_layers; i++)
        if (sys->types.layers[i].profile->module &&
            !strcmp(sys->types.layers[i].profile->module, module))
            return true;
    return false;
}

static int add_layer(struct eg_system *sys, const struct linux_module_btf *b, struct eg_error *e)
{
    struct eg_profile *p;
    char source[96];
    const uint8_t *bytes;
    void *owned;
    int rc;

    if (b->size > BTF_MAX ||
        !(bytes = linux_bytes(sys->view, sys->kernel, b->data, b->size, &owned)))
        return eg_fail(e, EG_EFORMAT, "%s: its BTF at %#" PRIx64 " cannot be read", b->name,
                       b->data);
    snprintf(source, sizeof source, "BTF of %s in the image", b->name);
    rc = eg_btf_read(&p, bytes, b->size, sys->bind.model, sys->types.layers[0].profile, b->name,
                     source, e);
    free(owned);
    return rc < 0 ? rc : eg_system_add_profile(sys, p, 0, e);
}

/** Is the base the image's own BTF? Ids and offsets of split BTF continue those of vmlinux's
 * BTF. */
static bool base_is_btf(const struct eg_system *sys)
{
    const struct linux_state *s = linux_state(sys);

    return s && s->btf && sys->types.n_layers && sys->types.layers[0].profile == s->btf;
}

static size_t load_all(struct eg_system *sys)
{
    const struct linux_state *s = linux_state(sys);
    uint64_t bytes = 0;
    size_t n = 0;

    if (base_is_btf(sys)) {
        find_btfs(sys);
        for (size_t i = 0; i < s->module_btfs.n && sys->types.n_layers < EG_LAYERS_MAX; i++)
            if (!has_layer(sys, s->module_btfs.at[i].name) &&
                (bytes += s->module_btfs.at[i].size) <= ALL_MAX)
                add_layer(sys, &s->module_btfs.at[i], NULL);
    }
    for (size_t i = 1; i < sys->types.n_layers; i++)
        n += sys->types.layers[i].profile->module != NULL;
    return n;
}

int linux_module_types(struct eg_system *sys, const char *module, struct eg_error *e)
{
    const struct linux_state *s = linux_state(sys);

    if (!module)
        return load_all(sys) ? 0 : eg_fail(e, EG_ENOTFOUND, "types of modules: none in the image");
    if (has_layer(sys, module))
        return 0;
    if (!base_is_btf(sys))
        return eg_fail(e, EG_ENOTFOUND,
                       "types of module %s: not in the profile; `engram profile make VMLINUX "
                       "MODULE` makes one with them",
                       module);
    find_btfs(sys);
    for (size_t i = 0; i < s->module_btfs.n; i++)
        if (!strcmp(s->module_btfs.at[i].name, module))
            return add_layer(sys, &s->module_btfs.at[i], e);
    return eg_fail(e, EG_ENOTFOUND,
                   "types of module %s: not loaded, or its BTF is not in the image", module);
}
