/* vmcoreinfo - the kernel's note to its own crash dump, wherever it lies in memory. */
#include "../../profiles/vmcoreinfo.h"
#include "../../core/system.h"

#define COLUMNS(C)                                                                                 \
    C(Offset, ADDR, "physical address of the page it is in; none: a note of the image's file")     \
    C(Key, TEXT, "as the kernel wrote it")                                                         \
    C(Value, TEXT, "hexadecimal without 0x in SYMBOL() and KERNELOFFSET")
EG_COLUMNS(COLUMNS);

enum { PAGE = 4096, TEXT_MAX = 1 << 16 };

static void list(struct eg_run *r, struct eg_cell offset, const struct eg_vmcoreinfo *text)
{
    const char *key, *value;
    size_t at = 0, klen, vlen;

    while (eg_vmcoreinfo_next(text, &at, &key, &klen, &value, &vlen))
        eg_row(r, .Offset = offset, .Key = eg_textn(key, klen), .Value = eg_textn(value, vlen));
}

static void look_at(struct eg_run *r, uint64_t page, uint8_t *copy)
{
    struct eg_vmcoreinfo text;
    const uint8_t *p;
    bool bare;

    // One read of the page's head tells; the text is copied, for rows are written meanwhile.
    p = eg_bytes(eg_view_of(r), eg_physical(r), page, 24);
    if (!p || (__builtin_memcmp(p + 12, "VMCOREINFO", 10) && __builtin_memcmp(p, "OSRELEASE=", 10)))
        return;
    if (eg_read_some(eg_view_of(r), eg_physical(r), page, copy, TEXT_MAX, NULL) &&
        eg_vmcoreinfo_page(copy, TEXT_MAX, &bare, &text))
        list(r, eg_uint(page), &text);
}

static int run(struct eg_run *r)
{
    struct eg_space *phys = eg_physical(r);
    const char *note = eg_system_of(r)->image->vmcoreinfo;
    uint8_t *copy = eg_tmp(r, TEXT_MAX);
    struct eg_extent x;

    if (note)
        list(r, (struct eg_cell){ 0 }, &(struct eg_vmcoreinfo){ note, __builtin_strlen(note) });
    for (uint64_t from = 0; eg_next_mapped(eg_view_of(r), phys, from, phys->last, &x);) {
        uint64_t page = eg_align_up(x.start, PAGE);

        for (; !x.zero && page >= x.start && page <= x.last && !eg_stopped(r); page += PAGE) {
            look_at(r, page, copy);
            eg_progress(r, page, phys->last);
        }
        if (x.last == UINT64_MAX || eg_stopped(r))
            break;
        from = x.last + 1;
    }
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
