/* mkcode.c - code of the kernel, of a module, of nobody. */
#include "mkcode.h"
#include "../../core/registry.h"
#include "../../plugins/linux/state.h"
#include <stdio.h>
#include <stdlib.h>

static const char base[] =
    MK_LIST_TYPES "struct hlist_head { struct hlist_node *first; };"
                  "struct hlist_node { struct hlist_node *next, **pprev; };"
                  "struct module_layout { void *base; unsigned int size, text_size; };"
                  "struct bpf_prog_aux { u32 id; char name[16]; };"
                  "struct bpf_prog { u8 tag[8]; struct bpf_prog_aux *aux; };";
static const char module[] =
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct module_layout core_layout, init_layout; int num_tracepoints;"
    "  void **tracepoints_ptrs; };";

enum { RAM = 4 << 20, CODE = 0x4000, STEP = 0x40, TAINT_OUT_OF_TREE = 12 };

struct mk_code mk_code(const struct mk_machine *m, const char *types)
{
    struct mk_code c = { 0 };
    uint64_t head, one, link;
    char *text;

    if (asprintf(&text, "%s%s%s", base, strstr(types, "struct module {") ? "" : module, types) < 0)
        mk_fail("mkcode: out of memory");
    c.k = mk_new(m, RAM, text);
    free(text);
    c.kernel = c.next = mk_alloc_aligned(c.k, CODE, mk_page_size(c.k));
    c.end = c.kernel + CODE;
    c.module = mk_alloc(c.k, CODE);
    c.nobody = mk_alloc(c.k, CODE);
    head = mk_alloc(c.k, 2 * mk_model(c.k)->ptr_size);
    c.of = one = mk_object(c.k, "module");
    mk_puts(c.k, one, "module.name", "extra");
    mk_put(c.k, one, "module.taints", 1 << TAINT_OUT_OF_TREE);
    mk_put(c.k, one, "module.core_layout.base", c.module);
    mk_put(c.k, one, "module.core_layout.size", CODE);
    mk_put(c.k, one, "module.core_layout.text_size", CODE);
    link = mk_at(c.k, one, "module.list");
    mk_list(c.k, head, &link, 1);
    mk_symbol(c.k, "modules", head);
    head = mk_alloc(c.k, 2 * mk_model(c.k)->ptr_size);
    mk_list(c.k, head, NULL, 0);
    mk_symbol(c.k, "bpf_kallsyms", head); // so that code of BPF is known to be none
    return c;
}

uint64_t mk_function(struct mk_code *c, const char *name)
{
    uint64_t at = c->next;

    c->next += STEP;
    if (c->next > c->end)
        mk_fail("mkcode: too many functions");
    mk_symbol_sized(c->k, name, at, STEP);
    return at;
}

uint64_t mk_percpu(struct mk_code *c, const char *name, uint64_t size)
{
    const uint64_t at = mk_alloc(c->k, 2 * MK_CPU);

    if (size > MK_CPU)
        mk_fail("mkcode: %s is too large", name);
    mk_symbol_sized(c->k, name, at, (uint32_t)size);
    return at;
}

void mk_hlist_add(struct mk *k, uint64_t head, uint64_t node)
{
    const uint64_t word = mk_model(k)->ptr_size, first = mk_read_ptr(k, head);

    mk_write_ptr(k, node, first);
    mk_write_ptr(k, node + word, head);
    if (first)
        mk_write_ptr(k, first + word, node);
    mk_write_ptr(k, head, node);
}

/* Which columns: bits of their numbers, in the order of @columns. */
static int number(const char *plugin, const char *name, size_t len)
{
    const struct eg_column *c = eg_plugin_find(plugin)->plugin->columns;

    for (int i = 0; c[i].name; i++)
        if (strlen(c[i].name) == len && !strncmp(c[i].name, name, len))
            return i;
    mk_fail("mkcode: %s has no column %.*s", plugin, (int)len, name);
    return 0;
}

const char *mk_code_rows(struct mk_code *c, const char *plugin, const char *const *args,
                         const char *columns)
{
    static uint64_t cpus[] = { 0, MK_CPU };
    static char out[16384];
    const char *rows;
    size_t n = 0;

    if (!c->ready) {
        struct linux_state *s;

        mk_rows(c->k, "lsmod", NULL);
        s = linux_state(mk_system(c->k));
        s->image_start = c->kernel;
        s->image_end = c->end;
        s->percpu_offset = cpus;
        s->n_cpus = countof(cpus);
        c->ready = true;
    }
    rows = mk_rows(c->k, plugin, args);
    while (*rows && n + 1 < sizeof out) {
        const char *end = strchr(rows, '\n') ? strchr(rows, '\n') : rows + strlen(rows);

        for (const char *name = columns; *name; name += strspn(name, " ")) {
            const size_t len = strcspn(name, " ");
            const char *cell = rows;

            for (int skip = number(plugin, name, len); skip; skip--)
                cell = strchr(cell, '|') + 1;
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", name == columns ? "" : "|",
                                  (int)EG_MIN(strcspn(cell, "|\n"), (size_t)(end - cell)), cell);
            n = EG_MIN(n, sizeof out - 1);
            name += len;
        }
        if (*end && n + 1 < sizeof out)
            out[n++] = '\n';
        rows = *end ? end + 1 : end;
    }
    out[n] = 0;
    return out;
}
