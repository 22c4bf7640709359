/* module.c - the list of loaded modules. */
#include "../linux.h"
#include "../state.h"

EG_FIELDS(module, list, name);
EG_TYPE(list_head);
EG_SYMBOL(modules, "list_head");

/* The list's head: by its symbol, or where the finder saw it. */
static struct eg_obj list_of_modules(struct eg_run *r)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    struct eg_obj head = eg_sym(r, modules);

    return head.why && s->modules ? eg_object(r, list_head, s->modules) : head;
}

bool linux_next_module(struct eg_run *r, struct linux_module_walk *w, struct eg_obj *module)
{
    uint8_t first;

    if (!w->begun) {
        w->list = eg_list_begin_(list_of_modules(r), eg_f_module.list.id);
        w->begun = true;
    }
    while (eg_list_next_(&w->list, module)) {
        if (eg_load(&first, eg_index(eg_at(*module, module.name), 0)))
            return true;
        eg_note(r, "the module at %#llx cannot be read: left out",
                (unsigned long long)module->addr);
    }
    return false;
}

static bool next_module(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_module(r, state, out);
}

EG_WALKER(modules) = {
    .os = "linux",
    .help = "loaded modules, the newest first",
    .elem = "module",
    .state = sizeof(struct linux_module_walk),
    .next = next_module,
};
