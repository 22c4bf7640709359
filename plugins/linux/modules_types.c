/** modules_types.c - types of modules: their split BTF, as the kernel keeps it for bpf. */
#include "open.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODULES_MAX = 1 << 14, BTF_MAX = 64 << 20 };

/** One struct btf (kernel/bpf/btf.c) of a module. */
struct module_btf {
    char name[64];
    uint64_t data;
    uint32_t size;
};
struct btfs {
    struct eg_system *sys;
    EG_VEC(struct module_btf) list;
    uint64_t link, btf, data, data_size, name, name_len; /* offsets */
};

static void see_btf_module(void *context, uint64_t node)
{
    struct btfs *s = context;
    struct eg_system *sys = s->sys;
    const struct eg_model *m = &sys->bind.model;
    struct module_btf b = { .size = 0 };
    uint64_t btf;
    struct module_btf *slot;

    if (!linux_ptr(sys->view, sys->kernel, m, node - s->link + s->btf, &btf) ||
        !linux_ptr(sys->view, sys->kernel, m, btf + s->data, &b.data) ||
        !eg_read_u32(sys->view, sys->kernel, btf + s->data_size, m->big_endian, &b.size) ||
        !eg_read(sys->view, sys->kernel, btf + s->name, b.name,
                 (size_t)EG_MIN(s->name_len, sizeof b.name - 1)))
        return;
    slot = eg_vec_push(&s->list);
    if (slot)
        *slot = b;
}

/** The BTF of all loaded modules, by the kernel's own list (5.11 and later). */
static bool list_btfs(struct eg_system *sys, struct btfs *s)
{
    const uint64_t head = linux_state(sys)->btf_modules;

    *s = (struct btfs){ .sys = sys };
    if (!head || !linux_member(&sys->types, "btf_module", "list", &s->link, NULL) ||
        !linux_member(&sys->types, "btf_module", "btf", &s->btf, NULL) ||
        !linux_member(&sys->types, "btf", "data", &s->data, NULL) ||
        !linux_member(&sys->types, "btf", "data_size", &s->data_size, NULL) ||
        !linux_member(&sys->types, "btf", "name", &s->name, &s->name_len))
        return false;
    linux_list(sys->view, sys->kernel, &sys->bind.model, head, MODULES_MAX, see_btf_module, s);
    return true;
}

static bool has_layer(const struct eg_system *sys, const char *module)
{
    for (size_t i = 1; i < sys->types.n_layers; i++)
        if (sys->types.layers[i].profile->module &&
            !strcmp(sys->types.layers[i].profile->module, module))
            return true;
    return false;
}

static int add_layer(struct eg_system *sys, const struct module_btf *b, struct eg_error *e)
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

/** Split BTF counts on from the vmlinux BTF of the same kernel, and on nothing else. */
static bool base_is_btf(const struct eg_system *sys)
{
    const struct linux_state *s = linux_state(sys);

    return s && s->btf && sys->types.n_layers && sys->types.layers[0].profile == s->btf;
}

int linux_module_types(struct eg_system *sys, const char *module, struct eg_error *e)
{
    struct btfs s;
    int rc = 1;

    if (has_layer(sys, module))
        return 0;
    if (!base_is_btf(sys))
        return eg_fail(e, EG_ENOTFOUND,
                       "types of module %s: they are not in the profile; `engram profile make "
                       "VMLINUX MODULE` adds a module's",
                       module);
    if (list_btfs(sys, &s)) {
        for (size_t i = 0; i < s.list.n && rc > 0; i++)
            if (!strcmp(s.list.at[i].name, module))
                rc = add_layer(sys, &s.list.at[i], e);
    }
    eg_vec_fini(&s.list);
    return rc > 0
               ? eg_fail(e, EG_ENOTFOUND,
                         "types of module %s: not loaded, or its BTF is not in the image", module)
               : rc;
}

size_t linux_load_all_module_types(struct eg_system *sys)
{
    struct btfs s;
    size_t n = 0;

    if (base_is_btf(sys) && list_btfs(sys, &s)) {
        for (size_t i = 0; i < s.list.n; i++)
            if (!has_layer(sys, s.list.at[i].name))
                add_layer(sys, &s.list.at[i], NULL);
        eg_vec_fini(&s.list);
    }
    for (size_t i = 1; i < sys->types.n_layers; i++)
        n += sys->types.layers[i].profile->module != NULL;
    return n;
}
