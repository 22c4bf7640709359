/* binfmts - who may load programs: the kernel's list of binary formats (fs/exec.c). */
#include "../linux/kernel/hook.h"
#include "../linux/kernel/kallsyms.h"
#include "../linux/kernel/module.h"
#include <string.h>

EG_FIELDS(linux_binfmt, lh, load_binary, load_shlib, core_dump);
EG_FIELD_AS(format_module, linux_binfmt, "module");
EG_FIELD_AS(format_owner, module, "name");
EG_SYMBOL(formats, "list_head");
EG_TYPE(list_head);

#define COLUMNS(C)                                                                                 \
    C(INDEX, INT, "which one is asked, in their order: the first that knows a program loads it")   \
    C(TABLE, TEXT, "the format's symbol: \"elf_format\"")                                          \
    C(FUNCTION, ADDR, "what loads a program", EG_MINOR)                                            \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is: \"kernel\", or a module that is listed")                    \
    C(OWNER, TEXT, "whose the format says it is")                                                  \
    C(OFFSET, ADDR, "where the struct linux_binfmt is", EG_MINOR)                                  \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { FORMATS_MAX = 256 };

/* @hints, and what is odd about the pointer at @at, of the role @what. */
static const char *look(struct eg_run *r, const char *hints, struct eg_obj at, const char *what)
{
    struct linux_hook h;
    const char *hint = linux_hook(r, at, &h) ? linux_pointer_hint(r, at.addr, &h.code) : NULL;

    return hint ? linux_hints(r, hints, eg_strf(r, "%s: %s", hint, what)) : hints;
}

static int run(struct eg_run *r)
{
    struct eg_obj f;
    uint64_t head = 0;
    unsigned n = 0;

    linux_list_named(r, "formats", &head); // a driver has a variable of this name too
    eg_each_list(f, eg_object(r, list_head, head), linux_binfmt.lh) {
        struct eg_obj load = eg_at(f, linux_binfmt.load_binary);
        struct linux_hook h;
        const char *hints =
            linux_hook(r, load, &h) ? linux_pointer_hint(r, load.addr, &h.code) : NULL;
        const uint64_t owner = eg_get_or((uint64_t)0, f, format_module);
        const char *module =
            owner ? eg_string(r, eg_at(f, format_module, format_owner), 64) : "kernel";

        if (n == FORMATS_MAX) {
            eg_note(r, "only the first %d formats are shown", FORMATS_MAX);
            break;
        }
        hints = look(r, hints, eg_at(f, linux_binfmt.core_dump), "core_dump");
        if (eg_has(r, linux_binfmt.load_shlib)) // until 6.14
            hints = look(r, hints, eg_at(f, linux_binfmt.load_shlib), "load_shlib");
        if (h.code.module && module && strcmp(h.code.module, module) != 0)
            hints = linux_hints(r, hints, "its code is not its owner's");
        eg_row(r, .INDEX = eg_uint(n++), .TABLE = eg_text(eg_name_of(r, f.addr)),
               .FUNCTION = eg_cell_of(load), .SYMBOL = eg_text(h.code.symbol),
               .MODULE = eg_text(h.code.module), .OWNER = eg_text(module), .OFFSET = eg_addr(f),
               .HINTS = eg_text(hints));
    }
    return 0;
}

EG_PLUGIN(binfmts) = {
    .os = "linux",
    .help = "List the binary formats that the kernel loads programs of, and whose code does it",
    .manual = "The kernel asks each format in turn whether it can load a program; one that stands "
              "first sees every program that is run. Usual are elf, script, misc and compat_elf. "
              "HINTS has something where the code is of no module that is listed, begins inside a "
              "function, is of a module that did not come with the kernel, or is not of the module "
              "that the format names as its owner.\n"
              "What it cannot see: what was registered with binfmt_misc, which is loaded by "
              "load_misc_binary; code that was changed in place.",
    .aliases = EG_NAMES("check_binfmt"),
    .looks_for = EG_NAMES("hooks in tables of functions"),
    .columns = columns,
    .needs = EG_NEEDS(linux_binfmt.lh, linux_binfmt.load_binary),
    .needs_symbols = EG_NEEDS_SYMBOLS(formats),
    .run = run,
};
