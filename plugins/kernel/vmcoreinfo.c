/* vmcoreinfo - the kernel's note to its own crash dump, wherever it lies in memory. */
#include "../../profiles/vmcoreinfo.h"
#include "../../core/engram.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/system.h"

#define COLUMNS(C)                                                                                 \
    C(PHYSICAL, ADDR, "physical address of the page it is in; none: a note of the image's file")   \
    C(KEY, TEXT, "as the kernel wrote it")                                                         \
    C(VALUE, TEXT, "hexadecimal without 0x in SYMBOL() and KERNELOFFSET")
EG_COLUMNS(COLUMNS);

enum { PAGE = 4096, TEXT_MAX = 1 << 16 };

static void list(struct eg_run *r, struct eg_cell offset, const struct eg_vmcoreinfo *text)
{
    const char *key, *value;
    size_t at = 0, klen, vlen;

    while (eg_vmcoreinfo_next(text, &at, &key, &klen, &value, &vlen))
        eg_row(r, .PHYSICAL = offset, .KEY = eg_textn(key, klen), .VALUE = eg_textn(value, vlen));
}

/* @return is it one? */
static bool look_at(struct eg_run *r, uint64_t page, uint8_t *copy)
{
    struct eg_vmcoreinfo text;
    const uint8_t *p;
    bool bare;

    // One read of the page's head tells; the text is copied, for rows are written meanwhile.
    p = eg_bytes(eg_view_of(r), eg_physical(r), page, 24);
    if (!p || (__builtin_memcmp(p + 12, "VMCOREINFO", 10) && __builtin_memcmp(p, "OSRELEASE=", 10)))
        return false;
    if (!eg_read_some(eg_view_of(r), eg_physical(r), page, copy, TEXT_MAX, NULL) ||
        !eg_vmcoreinfo_page(copy, TEXT_MAX, &bare, &text))
        return false;
    list(r, eg_uint(page), &text);
    // The kernel keeps it in a page of its own, which was zeroed.
    for (p = (const uint8_t *)text.text + text.len; p < copy + PAGE; p++)
        if (*p) {
            eg_note(r, "the text in page %#llx is damaged: it goes on behind its end",
                    (unsigned long long)page);
            break;
        }
    return true;
}

/* Where the kernel that was found keeps its own, if it says so. */
static void look_for(struct eg_run *r, const char *symbol, const struct eg_map *seen)
{
    uint64_t at, page;

    if (!eg_lookup(r, symbol, &at) || !eg_pointer_at(r, at, &at))
        return;
    if (at && !(eg_translate(eg_view_of(r), eg_kernel(r), at, eg_physical(r), &page) &&
                eg_map_get(seen, page, &at)))
        eg_note(r, "the kernel's own, to which %s points, is lost or damaged", symbol);
}

static int run(struct eg_run *r)
{
    struct eg_space *phys = eg_physical(r);
    const char *note = eg_system_of(r)->image->vmcoreinfo;
    uint8_t *copy = eg_tmp(r, TEXT_MAX);
    struct eg_map *seen = eg_run_map(r);
    struct eg_extent x;

    if (note)
        list(r, (struct eg_cell){ 0 }, &(struct eg_vmcoreinfo){ note, __builtin_strlen(note) });
    for (uint64_t from = 0; eg_next_mapped(eg_view_of(r), phys, from, phys->last, &x);) {
        uint64_t page = eg_align_up(x.start, PAGE);

        for (; !x.zero && page >= x.start && page <= x.last && !eg_stopped(r); page += PAGE) {
            if (look_at(r, page, copy))
                eg_run_map_add(r, seen, page, 0);
            eg_progress(r, page, phys->last);
        }
        if (x.last == UINT64_MAX || eg_stopped(r))
            break;
        from = x.last + 1;
    }
    look_for(r, "vmcoreinfo_data", seen);
    look_for(r, "vmcoreinfo_note", seen);
    return 0;
}

EG_PLUGIN(vmcoreinfo) = {
    .help = "List VMCOREINFO notes: the file's own, and all that lie in memory",
    .manual =
        "Needs no symbols. Several notes: the second is the page that the kernel keeps without "
        "a header, others are of an earlier boot or a crash kernel.",
    .aliases = EG_NAMES("linux.vmcoreinfo.VMCoreInfo"),
    .columns = columns,
    .run = run,
};
