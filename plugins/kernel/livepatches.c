/* livepatches - functions that livepatches replace (kernel/livepatch/core.c). */
#include "../linux/kernel/hook.h"
#include "../linux/text.h"
#include <string.h>

EG_FIELDS(klp_patch, enabled, forced, list, mod, obj_list, replace); // include/linux/livepatch.h
EG_FIELDS(klp_object, func_list, mod, name, node, patched);
EG_FIELDS(klp_func, new_func, node, nop, old_func, old_name, patched, transition);
EG_FIELD_AS(patch_module, module, "name");
EG_SYMBOL(klp_patches, "list_head");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct klp_func is", EG_MINOR)                                      \
    C(NAME, TEXT, "the livepatch: its module")                                                     \
    C(OBJECT, TEXT, "\"vmlinux\", or the module that is patched")                                  \
    C(ADDRESS, ADDR, "of the function that is replaced; unset: its module is not loaded",          \
      EG_MINOR)                                                                                    \
    C(HOOKED, TEXT, "its name")                                                                    \
    C(FUNCTION, ADDR, "what is called instead", EG_MINOR)                                          \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(FLAGS, FLAGS, "ENABLED, REPLACE, FORCED: the patch; PATCHED, TRANSITION, NOP: the function") \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

static void flag(struct linux_text *text, struct eg_obj at, const char *name)
{
    uint8_t set;

    if (eg_load(&set, at) && set)
        linux_text_add(text, "%s%s", text->n ? " " : "", name);
}

static void show(struct eg_run *r, struct eg_obj patch, struct eg_obj object, struct eg_obj func)
{
    const char *name = eg_string(r, eg_at(patch, klp_patch.mod, patch_module), 64), *hints;
    struct eg_obj of = eg_at(object, klp_object.name);
    struct linux_text text = { .r = r };
    struct linux_hook h;
    uint64_t old = 0, named = 0;
    uint8_t nop = 0;

    flag(&text, eg_at(patch, klp_patch.enabled), "ENABLED");
    flag(&text, eg_at(patch, klp_patch.replace), "REPLACE");
    flag(&text, eg_at(patch, klp_patch.forced), "FORCED");
    flag(&text, eg_at(func, klp_func.patched), "PATCHED");
    flag(&text, eg_at(func, klp_func.transition), "TRANSITION");
    flag(&text, eg_at(func, klp_func.nop), "NOP");
    linux_hook(r, eg_at(func, klp_func.new_func), &h);
    hints = h.code.hint;
    // One of type nop undoes an earlier patch: it leads to the old function.
    eg_get(&nop, func, klp_func.nop);
    if (!nop && !hints && name && (!h.code.module || strcmp(h.code.module, name) != 0))
        hints = "not code of the livepatch's module";
    eg_get(&old, func, klp_func.old_func);
    eg_load(&named, of);
    eg_row(r, .OFFSET = eg_addr(func), .NAME = eg_text(name),
           .OBJECT = named ? eg_cell_of(of) : eg_text("vmlinux"),
           .ADDRESS = old ? eg_uint(old) : (struct eg_cell){ 0 },
           .HOOKED = eg_val(func, klp_func.old_name), .FUNCTION = eg_val(func, klp_func.new_func),
           .SYMBOL = eg_text(h.code.symbol), .MODULE = eg_text(h.code.module),
           .FLAGS = eg_text(linux_text_of(&text)), .HINTS = eg_text(hints));
}

static int run(struct eg_run *r)
{
    struct eg_obj patch, object, func;

    eg_each_list(patch, eg_sym(r, klp_patches), klp_patch.list)
        eg_each_list(object, eg_at(patch, klp_patch.obj_list), klp_object.node)
            eg_each_list(func, eg_at(object, klp_object.func_list), klp_func.node)
                show(r, patch, object, func);
    return 0;
}

EG_PLUGIN(livepatches) = {
    .os = "linux",
    .help = "List functions that livepatches replace, and whose code stands in for them",
    .manual = "One row for each function of each livepatch on the kernel's list (klp_patches). "
              "HINTS has something where the new function is code of no module that is listed, of "
              "another one than the livepatch's, or of a module that did not come with the "
              "kernel. It cannot see a patch that was taken from the list: its ftrace_ops is in "
              "ftrace, where klp_ftrace_handler is what is called.",
    .aliases = EG_NAMES("klp"),
    .columns = columns,
    .needs = EG_NEEDS(klp_patch.obj_list, klp_object.func_list, klp_func.new_func),
    .needs_symbols = EG_NEEDS_SYMBOLS(klp_patches),
    .run = run,
};
