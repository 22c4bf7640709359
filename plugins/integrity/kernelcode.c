/* kernelcode - code of the kernel and of its modules that is not what it must be. */
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/module.h"
#include "../linux/kernel/patched.h"
#include "../linux/kernel/step.h"
#include "../linux/mm/elf.h"
#include "../linux/mm/filemap.h"
#include "../linux/own/code.h"
#include "../linux/own/kdiff.h"
#include "../linux/own/kmodule.h"
#include "../linux/own/ktext.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(its_old_pages, module, "its_page_array"); // until 6.15, in stable releases
EG_FIELD_AS(its_old_n_pages, module, "its_num_pages");
EG_FIELD_AS(its_pages, module, "arch.its_pages.pages|its_pages.pages");
EG_FIELD_AS(its_n_pages, module, "arch.its_pages.num|its_pages.num");

#define COLUMNS(C)                                                                                 \
    C(MODULE, TEXT, "whose code it is: kernel, or a module's name")                                \
    C(SYMBOL, TEXT, "the function that it is in")                                                  \
    C(ADDRESS, ADDR, "of the instruction")                                                         \
    C(KIND, TEXT, "what it is: call, jump, ftrace, jump label, static call, …")                    \
    C(BYTES, BYTES, "what is there")                                                               \
    C(DISASM, TEXT, "the same as instructions")                                                    \
    C(EXPECTED_BYTES, BYTES, "what the kernel's or the module's file has there", EG_ASKED)         \
    C(EXPECTED_DISASM, TEXT, "the same as instructions", EG_ASKED)                                 \
    C(DESTINATION, ADDR, "where it leads")                                                         \
    C(DESTINATION_NAME, TEXT, "what is there")                                                     \
    C(HINTS, TEXT, "what is odd about it")
EG_COLUMNS(COLUMNS);

enum { ROWS_MAX = 4096, ITS_MAX = 1024, NAMED = 16, TRIES_MAX = 16 };

struct looking {
    struct eg_run *r;
    struct linux_ktext text;
    const struct linux_patches *patches;
    uint64_t *its; /* pages with code that a module calls instead of a register's target */
    size_t n_its;
    struct linux_kdiffs diffs; /* from the files of the kernel and of modules */
    uint64_t rows, by_kind[8];
};

/* ---- what a finding leads to ---- */

/* Pages of indirect thunks that modules have outside of their code (its_init_mod(),
 * arch/x86/kernel/alternative.c, since 6.15 and in stable releases). */
static void find_its(struct looking *k)
{
    struct eg_run *r = k->r;
    struct eg_obj m;

    if (!eg_has(r, module.list) || (!eg_has(r, its_old_pages) && !eg_has(r, its_pages)))
        return;
    k->its = eg_tmp(r, ITS_MAX * sizeof *k->its);
    linux_each_module(r, m) {
        struct eg_obj pages = eg_has(r, its_pages) ? eg_at(m, its_pages) : eg_at(m, its_old_pages);
        int64_t n = 0;

        if (!eg_get(&n, m, its_n_pages) && !eg_get(&n, m, its_old_n_pages))
            continue;
        for (int64_t i = 0; i < n && i < ITS_MAX && k->n_its < ITS_MAX; i++)
            if (eg_load(&k->its[k->n_its], eg_index(pages, (uint64_t)i)))
                k->n_its++;
    }
}

static bool is_its(const struct looking *k, uint64_t addr)
{
    for (size_t i = 0; i < k->n_its; i++)
        if (addr - k->its[i] < 4096)
            return true;
    return false;
}

/* The record by which the kernel patches the instruction at @at; NULL: it patches none there. */
static const struct linux_patch *patch_at(const struct looking *k, uint64_t at, uint64_t *i)
{
    for (; *i < k->patches->n && k->patches->at[*i].at == at; ++*i)
        return &k->patches->at[(*i)++];
    return NULL;
}

static bool read_here(struct looking *k, uint64_t at, uint8_t *bytes, size_t *len)
{
    const struct linux_ktext_part *p = linux_ktext_at(&k->text, at);

    if (!p || !linux_ktext_there(p, at))
        return false;
    *len = EG_MIN(*len, (size_t)(p->last - at) + 1);
    memcpy(bytes, p->bytes + (at - p->first), *len);
    return true;
}

/* Is the instruction at @at the kernel's own patch, and what it has to be? */
static bool explained(struct looking *k, uint64_t at, uint64_t target)
{
    uint8_t bytes[LINUX_PATCH_BYTES];
    size_t len = sizeof bytes;
    uint64_t i = linux_patch_from(k->patches, at);
    const struct linux_patch *p;
    struct linux_codeof code;

    while ((p = patch_at(k, at, &i)))
        if (p->kind == LINUX_PATCH_KPROBE
                ? !target || linux_whose_code(linux_codes(k->r), target, NULL) == LINUX_CODE_KPROBES
                : read_here(k, at, bytes, &len) && !linux_patch_hint(k->r, p, bytes, len))
            return true;
    // DEFINE_BPF_DISPATCHER (include/linux/bpf.h): a function that BPF makes jump into its code.
    linux_codeof(k->r, at, &code);
    return linux_whose_code(linux_codes(k->r), target, NULL) == LINUX_CODE_BPF && code.symbol &&
           !strncmp(code.symbol, "bpf_dispatcher_", 15);
}

/* What is odd about code of @who that leads to @target; NULL: nothing. */
static const char *lead_hint(struct looking *k, const struct linux_ktext_found *f)
{
    const char *who = k->text.parts[f->part].who, *owner;
    const bool kernel = f->part == 0;

    switch (linux_whose_code(linux_codes(k->r), f->target, &owner)) {
    case LINUX_CODE_KERNEL:
        // AArch64's compilers and assembler write it too: cpu_resume does.
        return kernel && f->what == LINUX_KTEXT_FAR && eg_system_of(k->r)->arch->code_unit == 1
                   ? "a jump with the whole address"
                   : NULL;
    case LINUX_CODE_STARTUP: // code for start-up that is still called has ended long ago
        return NULL;
    case LINUX_CODE_MODULE:
        if (kernel)
            return "leads into a module";
        return strcmp(who, owner) != 0 && !linux_uses_module(k->r, who, owner)
                   ? "leads into a module that it does not use"
                   : NULL;
    case LINUX_CODE_DATA:
        return "leads into data";
    case LINUX_CODE_PROGRAMS:
        return "leads to no address of the kernel";
    case LINUX_CODE_BPF:
    case LINUX_CODE_FTRACE:
    case LINUX_CODE_KPROBES:
        return !(k->patches->found & 1u << LINUX_PATCH_FTRACE)
                   ? NULL // nor can it be told
                   : "leads to code made at run time, and the kernel has no record of that";
    default:
        return is_its(k, f->target) ? NULL : "leads to code of nobody";
    }
}

/* A pointer by which code goes on is the kernel's or its own module's. */
static const char *slot_hint(struct looking *k, const struct linux_ktext_found *f)
{
    const char *who = k->text.parts[f->part].who, *owner = NULL;

    linux_whose_code(linux_codes(k->r), f->target, &owner);
    if (!owner)
        return "goes by a pointer in memory of nobody";
    if (!strcmp(owner, "kernel") || !strcmp(owner, who) ||
        (f->part && linux_uses_module(k->r, who, owner)))
        return NULL;
    return "goes by a pointer in a module";
}

static const char *found_hint(struct looking *k, const struct linux_ktext_found *f)
{
    const char *hint;

    switch ((enum linux_ktext_what)f->what) {
    case LINUX_KTEXT_INSIDE:
        return explained(k, f->at, f->target) ? NULL : "leads into the middle of an instruction";
    case LINUX_KTEXT_STOPS:
        return !(k->patches->found & 1u << LINUX_PATCH_KPROBE) || explained(k, f->at, 0)
                   ? NULL
                   : "a breakpoint, and no kprobe has it";
    case LINUX_KTEXT_SLOT:
        return slot_hint(k, f);
    default:
        hint = lead_hint(k, f);
        return hint && explained(k, f->at, f->target) ? NULL : hint;
    }
}

/* ---- rows ---- */

static void show(struct looking *k, uint64_t at, const char *kind, uint64_t target,
                 const char *hints, const struct linux_kdiff *d)
{
    struct eg_run *r = k->r;
    uint8_t *bytes = eg_tmp(r, EG_INSTRUCTION_MAX);
    size_t len = EG_INSTRUCTION_MAX;
    struct linux_codeof code, to;
    struct linux_step s;
    const bool there = read_here(k, at, bytes, &len);
    const struct eg_cell gone = eg_missing(EG_UNREADABLE, at);

    if (k->rows++ >= ROWS_MAX)
        return;
    if (there && linux_step_at(eg_system_of(r)->arch, bytes, len, at, &s)) {
        len = s.size;
        target = s.direct ? s.target : target;
    }
    linux_codeof(r, at, &code);
    linux_codeof(r, target, &to);
    eg_row(r, .MODULE = eg_text(code.module), .SYMBOL = eg_text(code.symbol),
           .ADDRESS = eg_uint(at), .KIND = eg_text(kind),
           .BYTES = there ? eg_blob(bytes, len) : gone,
           .DISASM = there ? eg_text(linux_code_text(r, false, bytes, len, at, 1)) : gone,
           .EXPECTED_BYTES = d ? eg_blob(d->expected, d->len) : (struct eg_cell){ 0 },
           .EXPECTED_DISASM = d ? eg_text(linux_code_text(r, false, d->expected, d->len, at, 4))
                                : (struct eg_cell){ 0 },
           .DESTINATION = target ? eg_uint(target) : (struct eg_cell){ 0 },
           .DESTINATION_NAME = target ? eg_text(to.symbol   ? to.symbol
                                                : to.module ? to.module
                                                            : "nobody's")
                                      : (struct eg_cell){ 0 },
           .HINTS = eg_text(hints ? hints : ""));
}

static const char *const kinds[] = {
    [LINUX_KTEXT_CALL] = "call",        [LINUX_KTEXT_JUMP] = "jump",
    [LINUX_KTEXT_FAR] = "far jump",     [LINUX_KTEXT_INSIDE] = "jump",
    [LINUX_KTEXT_STOPS] = "breakpoint", [LINUX_KTEXT_SLOT] = "pointer",
};

/* What the kernel's records say of the code at @at. */
static const char *records_hint(struct looking *k, uint64_t at, uint64_t *i, const char **kind)
{
    uint8_t bytes[LINUX_PATCH_BYTES];
    const char *hints = NULL;
    const struct linux_patch *p;

    while ((p = patch_at(k, at, i))) {
        size_t len = sizeof bytes;

        if (!read_here(k, at, bytes, &len))
            continue;
        k->by_kind[p->kind]++;
        *kind = *kind ? *kind : eg_constant_name(linux_patch_kinds, p->kind);
        hints = linux_hints(k->r, hints, linux_patch_hint(k->r, p, bytes, len));
    }
    return hints;
}

/* All three are sorted by address: the kernel's records, what the code shows, what differs. */
static void show_all(struct looking *k, bool all)
{
    const struct linux_ktext *t = &k->text;
    uint64_t i = 0;
    size_t j = 0, d = 0;

    while (!eg_stopped(k->r)) {
        uint64_t at = UINT64_MAX, target = 0;
        const struct linux_kdiff *differs = NULL;
        const char *hints, *kind = NULL, *one;

        at = i < k->patches->n ? EG_MIN(at, k->patches->at[i].at) : at;
        at = j < t->n_found ? EG_MIN(at, t->found[j].at) : at;
        at = d < k->diffs.n ? EG_MIN(at, k->diffs.at[d].at) : at;
        if (i >= k->patches->n && j >= t->n_found && d >= k->diffs.n)
            return;
        hints = records_hint(k, at, &i, &kind);
        for (; j < t->n_found && t->found[j].at == at; j++) {
            one = found_hint(k, &t->found[j]);
            hints = linux_hints(k->r, hints, one);
            kind = one && !kind ? kinds[t->found[j].what] : kind;
            target = t->found[j].target;
        }
        if (d < k->diffs.n && k->diffs.at[d].at == at) {
            differs = &k->diffs.at[d++];
            hints = linux_hints(k->r, hints,
                                differs->module ? "differs from the module's file"
                                                : "differs from the kernel's file");
            kind = kind ? kind : "code";
        }
        if (kind && (hints || all))
            show(k, at, kind, target, hints, differs);
    }
}

/* ---- files ---- */

/* What is left of the differences of @what that the kernel made itself. */
static void say_explained(struct looking *k, const char *what, const struct linux_kdiffs *before)
{
    const struct linux_kdiffs *d = &k->diffs;
    const char *text = "";

    for (size_t i = 0; i < LINUX_KDIFF_KINDS; i++)
        if (d->explained[i] > before->explained[i])
            text = eg_strf(k->r, "%s%s%" PRIu64 " %s", text, *text ? ", " : "",
                           d->explained[i] - before->explained[i], linux_kdiff_names[i]);
    eg_note(k->r,
            "kernelcode: %" PRIu64 " bytes of code were compared with %s; differences that the "
            "kernel made: %s",
            d->compared - before->compared, what, *text ? text : "none");
}

static int compare(struct looking *k, const char *path)
{
    struct eg_run *r = k->r;
    const struct linux_kdiffs none = { 0 };
    const char *why = NULL;
    struct linux_kfile file;

    if (!linux_kfile_open(r, path, &file, &why))
        return eg_failed(r, "--against %s: %s", path, why);
    if (!linux_kdiff(r, &k->text.parts[0], &file, &k->diffs))
        return eg_failed(r, "--against %s: it has no code where this kernel has it", path);
    say_explained(k, path, &none);
    if (k->diffs.cut || k->diffs.n > 1000)
        eg_note(r, "kernelcode: very much differs: %s may be of another kernel", path);
    return 0;
}

/* Modules and the files that were looked at for them. */
struct comparing {
    struct looking *k;
    struct linux_kmodule_files folder, cached;
    struct linux_kexports exports;
    uint64_t n, n_without, unknown;
    const char *without; /* some of the modules that were not compared */
};

/* What the page cache has is often not whole: that is no news. */
static bool compare_file(struct comparing *c, struct eg_obj module, const char *name,
                         const struct linux_kmodule_file *f)
{
    struct eg_run *r = c->k->r;
    const struct linux_ktext *t = &c->k->text;
    const bool cached = !f->inode.why;
    struct eg_space *space = cached ? linux_file_space(r, f->inode) : NULL;
    struct linux_kfile file = { 0 };
    struct linux_kelf elf = { 0 };
    const char *why = NULL;
    uint64_t size;
    bool done = false;

    if (space && linux_file_size(f->inode, &size))
        linux_kelf_open(r, space, size, &elf);
    if ((cached ? elf.file != NULL : linux_kelf_open_path(r, f->path, &elf, &why)) &&
        linux_kmodule_of(r, &elf, module, &c->exports, &file, &why)) {
        for (size_t i = 1; i < t->n_parts; i++)
            if (!strcmp(t->parts[i].who, name))
                done |= linux_kdiff(r, &t->parts[i], &file, &c->k->diffs);
        why = "it has no code where the module has it";
        c->unknown += file.unknown;
    }
    linux_kelf_close(r, &elf);
    if (!done && (!cached || file.other))
        eg_note(r, "kernelcode: %s was not compared with %s%s: %s", name,
                cached ? "the page cache's " : "", f->path, why);
    return done;
}

static bool compare_with(struct comparing *c, struct eg_obj module, const char *name,
                         const struct linux_kmodule_files *files)
{
    unsigned tries = 0;

    for (size_t i = linux_kmodule_first(files, name);
         i < files->n && !strcmp(files->at[i].name, name) && tries++ < TRIES_MAX &&
         !eg_stopped(c->k->r);
         i++)
        if (compare_file(c, module, name, &files->at[i]))
            return true;
    return false;
}

static void say_compared(struct comparing *c, const struct linux_kdiffs *before)
{
    struct eg_run *r = c->k->r;

    if (c->n)
        say_explained(c->k, eg_strf(r, "files of %" PRIu64 " modules", c->n), before);
    if (c->n_without)
        eg_note(r,
                "kernelcode: modules of which there was no whole file to compare with (--modules "
                "DIR): %" PRIu64 ": %s%s",
                c->n_without, c->without, c->n_without > NAMED ? ", …" : "");
    if (c->unknown)
        eg_note(r,
                "kernelcode: places in modules that lead to what has no known address, and were "
                "not compared: %" PRIu64,
                c->unknown);
    if (c->folder.cut || c->cached.cut)
        eg_note(r, "kernelcode: there are more files of modules than were looked at");
}

static int by_place(const void *a, const void *b)
{
    const struct linux_kdiff *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* With the files of a folder, else with what the page cache holds of the file. */
static int compare_modules(struct looking *k, const char *folder)
{
    struct eg_run *r = k->r;
    const struct linux_kdiffs before = k->diffs;
    struct comparing c = { .k = k };
    struct eg_obj m;

    if (!eg_has(r, module.list))
        return folder ? eg_failed(r, "--modules: this kernel has no modules") : 0;
    if (folder && !linux_kmodule_folder(r, folder, &c.folder))
        return eg_failed(r, "--modules %s: the folder cannot be read", folder);
    linux_kmodule_cached(r, &c.cached);
    linux_kexports(r, &c.exports);
    linux_each_module(r, m) {
        const char *name = eg_string(r, eg_at(m, module.name), 64);

        if (!name)
            continue;
        if (compare_with(&c, m, name, &c.folder) || compare_with(&c, m, name, &c.cached))
            c.n++;
        else if (c.n_without++ < NAMED)
            c.without = c.without ? eg_strf(r, "%s, %s", c.without, name) : name;
    }
    if (k->diffs.n)
        qsort(k->diffs.at, k->diffs.n, sizeof *k->diffs.at, by_place);
    say_compared(&c, &before);
    return 0;
}

static void say(struct looking *k)
{
    const struct linux_ktext *t = &k->text;
    struct eg_run *r = k->r;
    const char *missing = NULL;

    for (const struct eg_constant *c = linux_patch_kinds; c->name; c++)
        if (!((k->patches->found | k->patches->none) & 1u << c->value))
            missing = eg_strf(r, "%s%s%s", missing ? missing : "", missing ? ", " : "", c->name);
    if (missing)
        eg_note(r,
                "kernelcode: no records are known of: %s; such places were not compared. A "
                "System.map of this kernel (--system-map) may name them",
                missing);
    eg_note(r,
            "kernelcode: %" PRIu64 " functions of the kernel and %zu parts of modules, %" PRIu64
            " instructions; patched by the kernel: %" PRIu64 " places of ftrace, %" PRIu64
            " jump labels, %" PRIu64 " static calls, %" PRIu64 " trampolines, %" PRIu64 " kprobes",
            t->n_functions, t->n_parts - 1, t->n_steps, k->by_kind[LINUX_PATCH_FTRACE],
            k->by_kind[LINUX_PATCH_JUMP], k->by_kind[LINUX_PATCH_CALL],
            k->by_kind[LINUX_PATCH_TRAMPOLINE], k->by_kind[LINUX_PATCH_KPROBE]);
    if (t->n_missing)
        eg_note(r,
                "kernelcode: pages of code that cannot be read, and were not looked at: %" PRIu64,
                t->n_missing);
    if (t->n_undecoded)
        eg_note(r,
                "kernelcode: functions with bytes that are no instructions, behind which nothing "
                "was looked at: %" PRIu64,
                t->n_undecoded);
    if (t->cut || k->rows > ROWS_MAX)
        eg_note(r, "kernelcode: there is more than is shown");
}

static int run(struct eg_run *r)
{
    struct looking k = { .r = r, .patches = linux_patches(r) };
    const char *file = eg_arg_text(r, "against");
    int rc;

    if (!k.patches)
        return eg_failed(r, "out of memory");
    if (!linux_ktext(r, &k.text))
        return eg_failed(r, "the code of this kernel cannot be found, or this processor's "
                            "instructions are not known");
    find_its(&k);
    rc = file ? compare(&k, file) : 0;
    rc = rc ? rc : compare_modules(&k, eg_arg_text(r, "modules"));
    if (rc)
        return rc;
    show_all(&k, eg_arg_flag(r, "all"));
    say(&k);
    return 0;
}

EG_PLUGIN(kernelcode) = {
    .os = "linux",
    .help = "Find code of the kernel and its modules that was changed",
    .manual =
        "Every instruction of the kernel and of its modules is decoded, function by function, and "
        "each call, jump and branch followed: one that leads out of the kernel, into data, to "
        "memory of nobody, from the kernel into a module, from a module into one that it does not "
        "use, or into the middle of an instruction is a row; so are a jump with the whole address "
        "in it, one by a pointer in a module, a breakpoint that no kprobe has, and a place of "
        "ftrace, a jump label or a static call that holds what the kernel does not write there. "
        "--all shows each place that the "
        "kernel itself patches. Without a file it does not see code that was changed and stays "
        "within the kernel: another constant, a condition turned round, a call of another function "
        "of the kernel. With --against all of the kernel's code is compared with the kernel's "
        "file: of x86-64 a vmlinux with code or the vmlinuz (gzip, xz, zstd or lz4; a vmlinuz has "
        "its own relocations), of AArch64 the boot image, packed or not. Modules are "
        "compared with their files where the page cache has those whole, and with --modules DIR "
        "with the files NAME.ko, .ko.xz, .ko.zst and .ko.gz "
        "in and below that folder first (lib/modules of the kernel's package): each section with "
        "code is relocated to where the module has it, by the symbols of the kernel and of other "
        "modules. A file whose build id (else srcversion, else kernel release) is not the module's "
        "is not compared, and a note says so. What alternatives, paravirt, retpolines, returns, "
        "call thunks, locks, landing places, run-time constants, ftrace, jump labels, static calls "
        "and kprobes explain is counted, of modules only at places that the file's own tables "
        "name; the rest are rows with both. A change that was made to the file too is not seen, "
        "nor what lies between two sections of a module. Neither follows jumps through "
        "registers, which lead where data says. Modules that are not listed are not looked at: "
        "hidden_modules finds them. Of AArch64 conditional branches are not followed, nor what is "
        "behind a return in a function and no jump leads to, which may be data; and what functions "
        "of the kernel write in place of code (alternatives with a callback) is told by the kind "
        "of the instruction alone. Where the kernel keeps no names of its variables (notes say "
        "so), places that it patches are not compared.",
    .aliases = EG_NAMES("check_text", "linux.check_inline_kernel", "check_inline_kernel"),
    .looks_for = EG_NAMES("changed kernel code"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also each place that the kernel itself patches"),
                    EG_ARG(against, FILE,
                           "compare the kernel's code with this vmlinux, vmlinuz or Image"),
                    EG_ARG(modules, FILE,
                           "compare modules with the .ko, .ko.xz, .ko.zst, .ko.gz in this folder")),
    .run = run,
};
