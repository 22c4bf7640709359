/** verify.c - checks that a running kernel passes. A kernel file in memory, the remains of an
 * earlier boot, or part of a kernel fails some of them. */
#include "verify.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/** What all checks use. */
struct check {
    struct linux_finder *f;
    const struct linux_candidate *c;
    struct eg_candidate *entry;
    const struct eg_model *model;
    bool big;
};

static bool read_ptr(const struct check *k, uint64_t at, uint64_t *out)
{
    return linux_ptr(k->f->v, k->c->space, k->model, at, out);
}

static bool read_text(const struct check *k, uint64_t at, char *out, size_t size)
{
    if (eg_read_some(k->f->v, k->c->space, at, out, size - 1, NULL) == 0)
        return false;
    out[size - 1] = 0;
    return true;
}

/** Offset of the release in init_uts_ns, which is at @at: from the types, else from VMCOREINFO,
 * else from the name of the system, which is the first; and the fixed size of each name, 65 bytes
 * (include/uapi/linux/utsname.h). */
static uint64_t release_offset(const struct check *k, uint64_t at)
{
    static const char system[] = "Linux";
    uint64_t name, release;
    char text[sizeof system] = "";
    int64_t told;

    if (!linux_member(&k->c->ts, "uts_namespace", "name", &name, NULL)) {
        if (k->c->text.text &&
            eg_vmcoreinfo_number(&k->c->text, "OFFSET(uts_namespace.name)", &told))
            name = (uint64_t)told;
        else // until 5.18 behind a reference count
            name = read_text(k, at, text, sizeof text) && !strcmp(text, system) ? 0 : 4;
    }
    if (!linux_member(&k->c->ts, "new_utsname", "release", &release, NULL))
        release = 130;
    return name + release;
}

/** The release in init_uts_ns, if linux_banner is not known. */
static bool check_release(const struct check *k)
{
    char text[66] = "", told[66] = "";
    uint64_t at;

    if (!linux_sym(k->c, "init_uts_ns", &at))
        return eg_candidate_check(k->entry, "release", 10, false, "%s",
                                  "no symbol linux_banner or init_uts_ns");
    read_text(k, at + release_offset(k, at), text, sizeof text);
    if (k->c->text.text && eg_vmcoreinfo_text(&k->c->text, "OSRELEASE", told, sizeof told) &&
        strcmp(text, told))
        return eg_candidate_check(k->entry, "release", 10, false,
                                  "not in init_uts_ns at %#" PRIx64 "; VMCOREINFO has %s", at,
                                  told);
    snprintf(k->entry->release, sizeof k->entry->release, "%s", text);
    return eg_candidate_check(k->entry, "release", 10, text[0] >= '1' && text[0] <= '9',
                              "%s in init_uts_ns at %#" PRIx64, text, at);
}

/** "Linux version 6.1.0-…" has the release, which is kept. */
static bool check_banner(const struct check *k)
{
    char text[128], release[80];
    uint64_t va;
    int n;

    if (!linux_sym(k->c, "linux_banner", &va))
        return check_release(k);
    if (!read_text(k, va, text, sizeof text) || strncmp(text, "Linux version ", 14))
        return eg_candidate_check(k->entry, "banner", 10, false,
                                  "no banner at linux_banner, %#" PRIx64, va);
    n = (int)EG_MIN(strcspn(text + 14, " \n"), sizeof k->entry->release - 1);
    snprintf(k->entry->release, sizeof k->entry->release, "%.*s", n, text + 14);
    if (k->c->text.text && eg_vmcoreinfo_text(&k->c->text, "OSRELEASE", release, sizeof release) &&
        strcmp(release, k->entry->release))
        return eg_candidate_check(k->entry, "banner", 10, false, "%s; VMCOREINFO has %s",
                                  k->entry->release, release);
    return eg_candidate_check(k->entry, "banner", 10, true, "Linux version %s", k->entry->release);
}

/** The page tables map symbols of the image to the addresses that the delta gives. */
static bool check_root(const struct check *k)
{
    static const char *const names[] = { "_stext",         "linux_banner", "init_task",
                                         "swapper_pg_dir", "init_top_pgt", "init_uts_ns",
                                         "modules",        "_etext" };
    unsigned n = 0;

    for (size_t i = 0; i < countof(names); i++) {
        uint64_t va, pa;

        if (!linux_sym(k->c, names[i], &va))
            continue;
        if (!eg_translate(k->f->v, k->c->space, va, k->f->phys, &pa))
            return eg_candidate_check(k->entry, "page tables", 10, false,
                                      "%s, %#" PRIx64 ", is not mapped", names[i], va);
        if (pa != va - k->c->delta)
            return eg_candidate_check(k->entry, "page tables", 10, false,
                                      "%s is mapped at %#" PRIx64 ", not at %#" PRIx64, names[i],
                                      pa, va - k->c->delta);
        n++;
    }
    return eg_candidate_check(k->entry, "page tables", 10, n >= 2,
                              "%u symbols are mapped as expected, %u levels, root %#" PRIx64, n,
                              k->c->paging.levels, k->c->paging.root);
}

static bool check_init_task(const struct check *k)
{
    const struct eg_types *ts = &k->c->ts;
    uint64_t at, off, size, parent = 0, leader = 0;
    uint32_t pid = 1;
    char comm[17] = "";

    if (!ts->n_layers) {
        eg_candidate_skip(k->entry, "init_task", "no types");
        return false;
    }
    if (!linux_sym(k->c, "init_task", &at))
        return eg_candidate_check(k->entry, "init_task", 20, false, "no symbol init_task");
    if (!linux_member(ts, "task_struct", "comm", &off, &size))
        return eg_candidate_check(k->entry, "init_task", 20, false, "no type task_struct");
    read_text(k, at + off, comm, sizeof comm);
    if (linux_member(ts, "task_struct", "pid", &off, NULL))
        eg_read_u32(k->f->v, k->c->space, at + off, k->big, &pid);
    if (linux_member(ts, "task_struct", "real_parent", &off, NULL))
        read_ptr(k, at + off, &parent);
    if (linux_member(ts, "task_struct", "group_leader", &off, NULL))
        read_ptr(k, at + off, &leader);
    if (strncmp(comm, "swapper", 7) || pid != 0 || parent != at || leader != at)
        return eg_candidate_check(k->entry, "init_task", 20, false,
                                  "at %#" PRIx64 ": pid %u, \"%s\", parent %#" PRIx64, at, pid,
                                  comm, parent);
    return eg_candidate_check(k->entry, "init_task", 20, true,
                              "pid 0, %s, its own parent, at %#" PRIx64, comm, at);
}

/** Walk the list at @head; @off is the offset of the list_head in an element. @return whether it
 * closes. *@n: the number of elements. *@one, if not NULL, is set if the u32 at offset @pid of
 * an element is 1. */
static bool closes(const struct check *k, uint64_t head, uint64_t off, uint64_t pid, uint64_t *n,
                   bool *one)
{
    const struct eg_binding b = linux_binding(k->c);
    struct eg_list_walk w = linux_list(k->f->v, k->c->space, &b, head, off);
    struct eg_obj element;
    uint32_t value;
    bool more = true;

    while ((more = linux_spend(k->f, LINUX_ELEMENTS, 1)) && eg_list_next_(&w, &element))
        if (one && !*one && eg_read_u32(k->f->v, k->c->space, element.addr + pid, k->big, &value))
            *one = value == 1;
    *n = w.n;
    return more && !w.why;
}

static void check_tasks(const struct check *k)
{
    const struct eg_types *ts = &k->c->ts;
    uint64_t at, tasks, pid, n;
    bool one = false;

    if (!ts->n_layers) {
        eg_candidate_skip(k->entry, "task list", "no types");
        return;
    }
    if (!linux_sym(k->c, "init_task", &at) ||
        !linux_member(ts, "task_struct", "tasks", &tasks, NULL) ||
        !linux_member(ts, "task_struct", "pid", &pid, NULL))
        eg_candidate_check(k->entry, "task list", 15, false, "no init_task, or no type for it");
    else if (!closes(k, at + tasks, tasks, pid, &n, &one))
        eg_candidate_check(k->entry, "task list", 15, false, "does not close");
    else
        eg_candidate_check(k->entry, "task list", 15, one, "closes, %" PRIu64 " processes%s", n,
                           one ? ", pid 1 among them" : ", but not pid 1");
}

static void check_modules(const struct check *k)
{
    uint64_t head, n;

    if (!linux_sym(k->c, "modules", &head)) {
        // Without types it is not known whether the kernel can have any.
        if (!k->c->ts.n_layers || linux_member(&k->c->ts, "module", "list", &n, NULL))
            eg_candidate_skip(k->entry, "module list", "no symbol modules");
        return;
    }
    if (closes(k, head, 0, 0, &n, NULL))
        eg_candidate_check(k->entry, "module list", 5, true, "closes, %" PRIu64, n);
    else
        eg_candidate_check(k->entry, "module list", 5, false, "does not close");
}

/** The linear map maps the page of the root to its own address. */
static void check_direct_map(const struct check *k)
{
    uint64_t va, pa;

    if (!k->c->arch->linear(k->f->v, k->f->phys, k->c, k->c->paging.root, &va)) {
        eg_candidate_skip(k->entry, "direct map", "where the kernel keeps it is not known");
        return;
    }
    eg_candidate_check(k->entry, "direct map", 10,
                       eg_translate(k->f->v, k->c->space, va, k->f->phys, &pa) &&
                           pa == k->c->paging.root,
                       "physical 0 is at %#" PRIx64, va - k->c->paging.root);
}

/** Seconds of the wall clock. tk_core is a struct tk_data since 6.13; before, an anonymous
 * structure with a sequence count before the timekeeper, and shadow_timekeeper is a copy of it
 * (kernel/time/timekeeping.c). */
static bool wall_clock(const struct check *k, uint64_t *sec)
{
    uint64_t at, off, xtime;

    if (!linux_member(&k->c->ts, "timekeeper", "xtime_sec", &xtime, NULL))
        return false;
    if (linux_sym(k->c, "shadow_timekeeper", &at))
        return read_ptr(k, at + xtime, sec);
    return (linux_sym(k->c, "tk_core", &at) || linux_sym(k->c, "timekeeper_data", &at)) &&
           linux_member(&k->c->ts, "tk_data", "timekeeper", &off, NULL) &&
           read_ptr(k, at + off + xtime, sec);
}

static void check_clock(const struct check *k)
{
    uint64_t sec;
    time_t t;
    struct tm tm;
    char text[32] = "";

    if (!wall_clock(k, &sec)) {
        eg_candidate_skip(k->entry, "clock", "its symbol or its type is not known");
        return;
    }
    t = (time_t)sec;
    if (sec < UINT64_C(1) << 40 && gmtime_r(&t, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    else
        snprintf(text, sizeof text, "%" PRIu64 " s since 1970", sec);
    k->entry->clock = sec;
    eg_candidate_check(k->entry, "clock", 5, sec > 946684800 && sec < UINT64_C(4102444800), "%s",
                       text);
}

/** kallsyms and VMCOREINFO have the same address for _stext. */
static void check_kaslr(const struct check *k)
{
    uint64_t text, own, slide;
    const struct eg_symbol *s;
    uint32_t iter = 0;

    if (!k->c->text.text)
        eg_candidate_skip(k->entry, "KASLR", "no VMCOREINFO");
    if (!(k->c->text.text && eg_vmcoreinfo_hex(&k->c->text, "KERNELOFFSET", &slide)) &&
        !(k->c->arch->slide && k->c->arch->slide(k->f->v, k->f->phys, k->c, &slide)))
        return;
    k->entry->kaslr = slide;
    k->entry->has_kaslr = true;
    s = k->c->symbols && k->c->text.text ? eg_profile_symbol(k->c->symbols, "_stext", &iter) : NULL;
    if (!s || !eg_vmcoreinfo_symbol(&k->c->text, "_stext", &text))
        return;
    own = s->addr + k->c->shift;
    eg_candidate_check(k->entry, "KASLR", 5, own == text,
                       "_stext at %#" PRIx64 ", moved by %#" PRIx64, own, slide);
}

static void check_build_id(const struct check *k)
{
    const char *own = k->c->notes_id;
    char text[48];

    snprintf(k->entry->build_id, sizeof k->entry->build_id, "%s", own);
    if (!k->c->text.text)
        eg_candidate_skip(k->entry, "build id", "no VMCOREINFO");
    if (!k->c->text.text || !eg_vmcoreinfo_text(&k->c->text, "BUILD-ID", text, sizeof text))
        return;
    snprintf(k->entry->build_id, sizeof k->entry->build_id, "%s", text);
    if (*own)
        eg_candidate_check(
            k->entry, "build id", 5, !strcmp(own, text), "%s in the kernel's notes%s%s", own,
            strcmp(own, text) ? ", VMCOREINFO: " : "", strcmp(own, text) ? text : "");
}

/** The CPUs' page tables map this kernel. */
static void check_cpus(const struct check *k)
{
    const struct eg_image *img = k->f->sys->image;
    unsigned n = 0, agree = 0;
    uint64_t at, pa;

    if (!linux_sym(k->c, "init_task", &at))
        return;
    for (size_t i = 0; i < img->cpus.n; i++) {
        const struct eg_cpu *cpu = &img->cpus.at[i];
        bool same = false;

        if (!cpu->root || cpu->arch != k->c->paging.arch)
            continue;
        n++;
        for (unsigned half = 0; half < 2 && !same; half++) {
            struct eg_paging p = k->c->paging;
            struct eg_space *as;

            p.root = half ? cpu->root & ~k->c->arch->user_half : cpu->root;
            if (eg_paging_open(&as, NULL, k->f->phys, &p, NULL) < 0)
                continue;
            same = eg_translate(k->f->v, as, at, k->f->phys, &pa) && pa == at - k->c->delta;
            linux_space_close(k->f->v, as);
        }
        agree += same;
    }
    if (n)
        eg_candidate_check(k->entry, "CPUs", 5, agree == n, "%u of %u run on its page tables",
                           agree, n);
}

void linux_check(struct linux_finder *f, const struct linux_candidate *c,
                 struct eg_candidate *entry)
{
    const struct eg_model *model = &c->paging.arch->model;
    const struct check k = { f, c, entry, model, model->big_endian };
    const struct eg_profile *symbols = c->symbols;
    bool banner, root, init_task;
    uint64_t va;

    if (!symbols && c->given && c->given->n_symbols)
        symbols = c->given->symbols[0];
    if (c->text.text)
        eg_vmcoreinfo_text(&c->text, "OSRELEASE", entry->release, sizeof entry->release);
    if (!c->space && !c->symbols_are_physical && linux_sym(c, "_stext", &va) &&
        !linux_in_image(c->arch, va)) {
        eg_candidate_check(entry, "processor", 10, false,
                           "_stext at %#" PRIx64 " is not where kernels of %s are", va,
                           c->arch->name);
        return;
    }
    if (!c->space) {
        eg_candidate_check(entry, "page tables", 10, false, "%s", "no page-table root was found");
        return;
    }
    root = check_root(&k);
    banner = check_banner(&k);
    eg_candidate_check(entry, "symbols", 5, symbols != NULL, "%s",
                       symbols ? symbols->source : c->no_symbols.text);
    eg_candidate_check(entry, "types", 5, c->ts.n_layers != 0, "%s",
                       c->ts.n_layers ? c->ts.layers[0].profile->source : c->no_types.text);
    init_task = check_init_task(&k);
    check_tasks(&k);
    check_modules(&k);
    check_direct_map(&k);
    check_clock(&k);
    check_kaslr(&k);
    check_build_id(&k);
    check_cpus(&k);
    entry->opens = root && banner && (init_task || !c->ts.n_layers);
}
