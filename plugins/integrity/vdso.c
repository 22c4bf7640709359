/* vdso - the code that the kernel maps into every process, against the kernel's own. */
#include "../linux/mm/vdso.h"
#include "../../core/space.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/vma.h"
#include "../linux/own/code.h"
#include "../linux/own/kdiff.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(mm_vdso, mm_struct, "context.vdso");
EG_FIELD_AS(mm_image, mm_struct, "context.vdso_image"); // x86
EG_FIELDS(vdso_image, alt, alt_len, data, size);        // arch/x86/include/asm/vdso.h

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(ADDRESS, ADDR, "the page in the process; where bytes differ, the first")                     \
    C(PHYSICAL, ADDR, "where that page is")                                                        \
    C(BYTES, BYTES, "what the process has there")                                                  \
    C(EXPECTED_BYTES, BYTES, "what the kernel, or its file, has there")                            \
    C(DISASM, TEXT, "BYTES as instructions", EG_MINOR)                                             \
    C(HINTS, TEXT, "what is odd: which page is not what it must be")
EG_COLUMNS(COLUMNS);

enum { SHOWN = 16, PAGES_MAX = 64, IMAGES_MAX = 4 };

struct looking {
    struct eg_run *r;
    uint64_t processes, pages, unread, page; /* page: bytes */
    uint8_t *pages_of[2];                    /* one page of the process, and the kernel's */
    bool all;
    struct eg_obj images[IMAGES_MAX]; /* that processes have: of 64 bits, of 32 */
    unsigned n_images;
};

static struct eg_cell excerpt(const struct looking *k, const uint8_t *page, uint64_t off)
{
    const size_t n = (size_t)EG_MIN((uint64_t)SHOWN, k->page - off);
    uint8_t *copy = eg_tmp(k->r, n);

    return eg_blob(memcpy(copy, page + off, n), n);
}

static void show(struct looking *k, struct eg_obj task, uint64_t va, struct eg_space *user,
                 struct eg_space *kernel, uint64_t at)
{
    struct eg_run *r = k->r;
    uint8_t *mine = k->pages_of[0], *its = k->pages_of[1];
    const char *hint = "";
    bool differs;
    uint64_t pa = 0, kernel_pa = 0, off = 0;
    bool there;

    if (!eg_translate(eg_view_of(r), user, va, eg_physical(r), &pa)) // not used yet, or swapped
        return;
    there = kernel == eg_physical(r) ||
            eg_translate(eg_view_of(r), kernel, at, eg_physical(r), &kernel_pa);
    kernel_pa = kernel == eg_physical(r) ? at : kernel_pa;
    k->pages++;
    if (!there || !eg_read(eg_view_of(r), user, va, mine, k->page) ||
        !eg_read(eg_view_of(r), kernel, at, its, k->page)) {
        k->unread++;
        return;
    }
    while (off < k->page && mine[off] == its[off])
        off++;
    differs = off < k->page;
    if (differs)
        hint = "code differs from the kernel's";
    else if (pa != kernel_pa)
        hint = "a page of its own, not the kernel's";
    off = differs ? off : 0;
    if (!*hint && !k->all)
        return;
    eg_row(r, .PID = eg_val(task, task_struct.tgid), .COMM = eg_val(task, task_struct.comm),
           .ADDRESS = eg_uint(va + off), .PHYSICAL = eg_uint(pa + off),
           .BYTES = excerpt(k, mine, off), .EXPECTED_BYTES = excerpt(k, its, off),
           .DISASM = differs ? eg_text(linux_code_text(
                                   r, false, mine + off,
                                   (size_t)EG_MIN((uint64_t)SHOWN, k->page - off), va + off, 4))
                             : (struct eg_cell){ 0 },
           .HINTS = eg_text(hint));
}

static void remember_image(struct looking *k, struct eg_obj mm)
{
    const struct eg_obj image = eg_deref(eg_at(mm, mm_image));

    for (unsigned i = 0; i < k->n_images; i++)
        if (k->images[i].addr == image.addr)
            return;
    if (!image.why && k->n_images < IMAGES_MAX)
        k->images[k->n_images++] = image;
}

static void look(struct looking *k, struct eg_obj task)
{
    struct eg_run *r = k->r;
    struct eg_obj mm = eg_at(task, task_struct.mm), vma;
    struct eg_space *user;
    uint64_t vdso, start, end, at;

    if (!eg_get(&vdso, mm, mm_vdso) || !vdso || !(user = linux_task_space(r, task)))
        return;
    remember_image(k, mm);
    linux_each_vma(r, mm, vma) {
        if (!eg_get(&start, vma, vm_area_struct.vm_start) || start != vdso ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || end <= start)
            continue;
        k->processes++;
        for (uint64_t i = 0; i < PAGES_MAX && i < (end - start) / k->page; i++) {
            struct eg_space *kernel = linux_vdso_place(r, mm, vma, i * k->page, &at);

            if (kernel)
                show(k, task, start + i * k->page, user, kernel, at);
        }
        return;
    }
}

/* ---- the kernel's own pages against its file ---- */

static void show_difference(struct looking *k, const struct linux_kdiff *d, const uint8_t *live)
{
    struct eg_run *r = k->r;
    uint64_t pa;
    const bool there = eg_translate(eg_view_of(r), eg_kernel(r), d->at, eg_physical(r), &pa);

    eg_row(r, .ADDRESS = eg_uint(d->at), .PHYSICAL = there ? eg_uint(pa) : (struct eg_cell){ 0 },
           .BYTES = eg_blob(live, d->len), .EXPECTED_BYTES = eg_blob(d->expected, d->len),
           .DISASM = eg_text(linux_code_text(r, false, live, d->len, d->at, 4)),
           .HINTS = eg_text("the kernel's own differs from its file"));
}

/* The image is code with alternatives of its own (arch/x86/entry/vdso/vma.c). @return bytes that
 * were compared. */
static uint64_t compare_image(struct looking *k, struct eg_obj image,
                              const struct linux_kfile *kernel)
{
    struct eg_run *r = k->r;
    struct linux_kdiffs diffs = { 0 };
    uint64_t at, size, alt, alt_len;
    const uint8_t *bytes;
    uint8_t *live;

    if (!eg_get(&at, image, vdso_image.data) || !eg_get(&size, image, vdso_image.size) ||
        !eg_get(&alt, image, vdso_image.alt) || !eg_get(&alt_len, image, vdso_image.alt_len) ||
        !size || size > PAGES_MAX * k->page || !eg_within(alt, alt_len, size) ||
        !(bytes = linux_kfile_at(kernel, at, (size_t)size)))
        return 0;
    live = eg_tmp(r, (size_t)size + EG_INSTRUCTION_MAX);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, live, (size_t)size))
        return 0;
    linux_kdiff(r,
                &(struct linux_ktext_part){ .first = at,
                                            .last = at + size - 1,
                                            .who = "vdso",
                                            .bytes = live,
                                            .missing = eg_tmp(r, size / 4096 + 2),
                                            .starts = eg_tmp(r, (size_t)size) },
                &(struct linux_kfile){
                    .sections = (struct linux_kfile_section[]){ { ".text", at, size, bytes, true },
                                                                { ".altinstructions", at + alt,
                                                                  alt_len, bytes + alt, false } },
                    .n_sections = 2,
                    .relocated = true },
                &diffs);
    for (size_t i = 0; i < diffs.n; i++)
        show_difference(k, &diffs.at[i], live + (diffs.at[i].at - at));
    return size;
}

static int compare(struct looking *k, const char *path)
{
    struct linux_kfile kernel;
    const char *why = NULL;
    uint64_t bytes = 0;

    if (!linux_kfile_open(k->r, path, &kernel, &why))
        return eg_failed(k->r, "--against %s: %s", path, why);
    for (unsigned i = 0; i < k->n_images; i++)
        bytes += compare_image(k, k->images[i], &kernel);
    eg_note(k->r, "vdso: %" PRIu64 " bytes of the kernel's own images were compared with %s", bytes,
            path);
    return 0;
}

static int run(struct eg_run *r)
{
    const char *file = eg_arg_text(r, "against");
    struct looking k = { .r = r,
                         .page = UINT64_C(1) << linux_page_shift(r),
                         .all = eg_arg_flag(r, "all") };
    struct eg_obj task;

    k.pages_of[0] = eg_tmp(r, k.page);
    k.pages_of[1] = eg_tmp(r, k.page);
    linux_each_process(r, task) {
        if (linux_pid_asked(r, task))
            look(&k, task);
    }
    eg_note(r, "vdso: %" PRIu64 " pages of %" PRIu64 " processes were compared with the kernel's",
            k.pages - k.unread, k.processes);
    if (k.unread)
        eg_note(r, "vdso: %" PRIu64 " pages could not be read, and were not compared", k.unread);
    return file ? compare(&k, file) : 0;
}

EG_PLUGIN(vdso) = {
    .os = "linux",
    .help = "Find processes whose vdso is not the kernel's",
    .manual =
        "The vdso is code that the kernel maps into every process, the same pages for all. A row "
        "is "
        "a page of a process that is another than the kernel's: what a debugger writes there, a "
        "breakpoint of a uprobe or injected code gives the process a copy of its own. Pages that a "
        "process has not used are not in its page tables and are left out; --all shows every one "
        "that is. A change of the kernel's own pages, which all processes then have, is seen with "
        "--against, the vmlinux or vmlinuz of an x86-64 kernel: what differs from it, and is no "
        "alternative for this processor, is a row without a process.",
    .looks_for = EG_NAMES("changed kernel code"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(all, FLAG, "also pages with nothing odd"),
                    EG_ARG(against, FILE, "compare the kernel's own with this vmlinux or vmlinuz")),
    .needs = EG_NEEDS(mm_vdso),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
