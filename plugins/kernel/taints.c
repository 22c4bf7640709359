/* taints - what taints the kernel, by its own mask, by its modules and by its log. */
#include "../../core/base.h"
#include "../linux/kernel/flags.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/module.h"
#include "../linux/kernel/printk.h"
#include <string.h>

EG_FIELD_AS(taint_bits, module, "taints");
EG_SYMBOL(tainted_mask, "unsigned long");

#define COLUMNS(C)                                                                                 \
    C(BIT, INT, "its number in the mask")                                                          \
    C(TAINTS, FLAGS, "its letter")                                                                 \
    C(IN_MASK, BOOL, "the kernel's mask has it: /proc/sys/kernel/tainted")                         \
    C(MEANING, TEXT, "what it stands for")                                                         \
    C(MODULES, TEXT, "modules that have it, also those that hide", EG_LIST)                        \
    C(TEXT, TEXT, "the first line of the log that says so")                                        \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { BITS = 20, NAMES_MAX = 64, NAME_MAX = 64 };
enum { FIRMWARE = 11, WARNED = 9, STAGING = 10 };

/* From bit 0 (Documentation/admin-guide/tainted-kernels.rst, taint_flags in kernel/panic.c). */
static const char *const meanings[BITS] = {
    "a module under another licence than the GPL was loaded",
    "a module was loaded by force",
    "the processor or the system is not meant for this",
    "a module was removed by force",
    "the processor reported a machine check",
    "a page had a wrong reference or flags",
    "a program asked for it",
    "the kernel died: an oops or BUG",
    "a table of ACPI was replaced",
    "the kernel warned",
    "a module of the staging tree was loaded",
    "a bug of the firmware was worked around",
    "a module that is not of the kernel's tree was loaded",
    "a module without a valid signature was loaded",
    "a CPU did not get out of a loop (soft lockup)",
    "the kernel was patched while it ran",
    "what the distribution means by it",
    "the layout of structures was randomized",
    "a module for tests was loaded",
    "a program sent commands to firmware",
};

/** Lines that the kernel writes when it sets a bit: both texts are in it. */
static const struct line {
    uint8_t bit;
    const char *text, *also;
    bool begins; /* the line begins with text */
} lines[] = {
    { 0, ": module license '", "taints kernel", false }, // kernel/module/main.c
    { 1, ": kernel tainted.", "", false },
    { 12, ": loading out-of-tree module taints kernel", "", false },
    { 13, ": module verification failed: ", "tainting kernel", false },
    { STAGING, ": module is from the staging directory", "", false },
    { 15, ": tainting kernel with TAINT_LIVEPATCH", "", false },
    { 18, ": loading test module taints kernel", "", false }, // 6.0
    { 14, "watchdog: BUG: soft lockup - CPU#", "", true },    // kernel/watchdog.c
    { 5, "BUG: Bad page state in process", "", true },        // mm/page_alloc.c
    { 5, "BUG: Bad page map in process", "", true },          // mm/memory.c
    { 7, "Oops: ", "[#", true },                              // arch/…, die()
    { 7, "Internal error: ", "[#", true },                    // arm64
    { WARNED, "WARNING: CPU: ", " PID: ", true },             // kernel/panic.c
    { WARNED, "WARNING: ", ", CPU#", true },                  // since 6.18
    { 16, "Using fanotify permission checks may lead to", "tainting kernel", false }, // of Debian
};

struct taints {
    uint64_t mask;
    bool has_mask;
    struct {
        const char *line, *names;
        unsigned n, lacked; /* modules; whose bit the mask lacks: all of them, or none */
        bool cleared;       /* the module that the line names has it no more */
    } bits[BITS];
    unsigned unknown; /* bits of modules beyond those with a name */
};

/* ---- the log ---- */

static bool says(const struct linux_log_record *rec, const struct line *l)
{
    const char *at = memmem(rec->text, rec->len, l->text, strlen(l->text));

    return at && (!l->begins || at == rec->text) &&
           memmem(rec->text, rec->len, l->also, strlen(l->also));
}

/* Programs can write to /dev/kmsg, but not as the kernel, whose facility is 0. */
static void see(struct eg_run *r, void *state, const struct linux_log_record *rec)
{
    struct taints *t = state;

    if (rec->facility)
        return;
    for (size_t i = 0; i < countof(lines); i++)
        if (!t->bits[lines[i].bit].line && says(rec, &lines[i])) {
            const char *end = memchr(rec->text, '\n', rec->len);

            t->bits[lines[i].bit].line =
                eg_strf(r, "%.*s", (int)(end ? (size_t)(end - rec->text) : rec->len), rec->text);
        }
}

/* ---- modules ---- */

/* "NAME: loading out-of-tree module taints kernel." (kernel/module/main.c) */
static bool names(const char *line, const char *module)
{
    const size_t n = module ? strlen(module) : 0;

    return n && !strncmp(line, module, n) && line[n] == ':';
}

static void add_module(struct eg_run *r, struct taints *t, const struct linux_mod *m)
{
    uint64_t taints;

    if (!m->addr || !eg_get(&taints, linux_mod_module(r, m), taint_bits))
        return;
    if (taints >> BITS)
        t->unknown++;
    for (unsigned i = 0; i < BITS; i++) {
        const char *all = t->bits[i].names;

        if (!(taints >> i & 1)) {
            t->bits[i].cleared |= t->bits[i].line && names(t->bits[i].line, m->name);
            continue;
        }
        if (t->bits[i].n++ < NAMES_MAX)
            t->bits[i].names =
                eg_strf(r, "%s%s%s", all ? all : "", all ? " " : "", m->name ? m->name : "?");
    }
}

/* ---- rows ---- */

/* WARN_TAINT() sets another bit instead of W (include/asm-generic/bug.h). */
static bool explains(uint64_t mask, unsigned bit)
{
    const uint64_t others = bit == WARNED ? 1u << FIRMWARE | 1u << STAGING : 0;

    return mask & (UINT64_C(1) << bit | others);
}

static const char *hints_of(struct eg_run *r, const struct taints *t, unsigned bit)
{
    const char *of_module =
        t->bits[bit].cleared ? "the log says it of a module, which lacks it" : NULL;

    if (!t->has_mask)
        return of_module;
    if (t->bits[bit].n && !(t->mask >> bit & 1))
        of_module = linux_hints(r, of_module, "a module has it, the kernel's mask lacks it");
    if (!t->bits[bit].line || explains(t->mask, bit))
        return of_module;
    return eg_strf(r, "%s%sthe log says it, the kernel's mask lacks it", of_module ? of_module : "",
                   of_module ? "; " : "");
}

static void emit(struct eg_run *r, const struct taints *t, unsigned bit)
{
    const struct eg_cell none = { 0 };

    eg_row(r, .BIT = eg_uint(bit), .TAINTS = eg_text(eg_constant_name(linux_taints, 1u << bit)),
           .IN_MASK = t->has_mask                      ? eg_uint(t->mask >> bit & 1)
                      : eg_has_symbol(r, tainted_mask) ? eg_cell_of(eg_sym(r, tainted_mask))
                                                       : none,
           .MEANING = eg_text(meanings[bit]), .MODULES = eg_text(t->bits[bit].names),
           .TEXT = eg_text(t->bits[bit].line), .HINTS = eg_text(hints_of(r, t, bit)));
}

static int run(struct eg_run *r)
{
    const struct linux_mods *all = linux_mods(r);
    struct taints *t = eg_tmp(r, sizeof *t);
    unsigned rows = 0;

    t->has_mask = eg_load(&t->mask, eg_sym(r, tainted_mask));
    if (!linux_log_ring(r, see, t) && !linux_log_buffer(r, see, t))
        eg_note(r, "the kernel's log is not known: its lines are not compared");
    for (size_t i = 0; all && i < all->n; i++)
        add_module(r, t, &all->at[i]);
    if (!t->has_mask)
        eg_note(r, "the kernel's mask of taints cannot be read: nothing is compared with it");
    for (unsigned i = 0; i < BITS; i++)
        if (eg_arg_flag(r, "all") || t->mask >> i & 1 || t->bits[i].n || t->bits[i].line) {
            emit(r, t, i);
            rows++;
        }
    if (t->has_mask && t->mask >> BITS)
        eg_note(r, "the kernel's mask has bits that are not known: %#llx",
                (unsigned long long)(t->mask >> BITS << BITS));
    if (t->unknown)
        eg_note(r, "%u modules have taints that are not known", t->unknown);
    if (t->has_mask && !rows)
        eg_note(r, "the kernel is not tainted");
    return 0;
}

EG_PLUGIN(taints) = {
    .os = "linux",
    .help = "Show what taints the kernel, and whether its mask, its modules and its log agree",
    .manual =
        "Each bit that the kernel's mask, a module or a line of the log has; --all: every bit. A "
        "module's own taints and what was logged when it was loaded stay when somebody clears the "
        "mask; and the log names the first module that was not signed or not of the kernel's tree. "
        "A mask that was cleared before a log of that time was written over, when the module "
        "has gone or has cleared its own, is not seen. A bit without modules is of one that was "
        "removed, or of no module.",
    .looks_for = EG_NAMES("cleared taints"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also bits that nothing has")),
    .uses = EG_NAMES("modules"),
    .run = run,
    .key = EG_NAMES("BIT"),
};
