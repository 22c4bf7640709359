/* pagecache - whose a page of physical memory is: which file, where in it. */
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/page.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(AT, ADDR, "the address that was asked for: physical, or of the kernel's")                    \
    C(PHYSICAL, ADDR, "where that is in physical memory")                                          \
    C(PAGE, ADDR, "address of the page's struct page", EG_MINOR)                                   \
    C(USE, TEXT, "what the page is used for, where it is no file's")                               \
    C(INODE, INT, "inode number of the file")                                                      \
    C(INODE_ADDRESS, ADDR, "address of the inode", EG_MINOR)                                       \
    C(SUPERBLOCK, ADDR, "address of its file system's super_block", EG_MINOR)                      \
    C(FSTYPE, TEXT, "kind of file system", EG_MINOR)                                               \
    C(INDEX, INT, "number of the page in the file", EG_MINOR)                                      \
    C(FILE_OFFSET, INT, "where in the file the address is")                                        \
    C(PAGE_FLAGS, FLAGS, "flags, by this kernel's names", EG_MINOR)                                \
    C(PATH, TEXT, "one of the file's names")
EG_COLUMNS(COLUMNS);

struct search {
    struct eg_run *r;
    const struct linux_memmap *m;
    const char *flags[64];
    unsigned n_flags;
};

/* A struct page stands for its page; another address of the kernel for where it leads. */
static bool physical(struct search *s, uint64_t at, uint64_t *pa)
{
    const uint64_t array = s->m->size << (48 - s->m->shift); // of 256 TiB of memory

    if (!(at >> 63)) {
        *pa = at;
        return true;
    }
    if (at >= s->m->base && at - s->m->base < array) {
        *pa = (at - s->m->base) / s->m->size << s->m->shift;
        return true;
    }
    return eg_translate(eg_view_of(s->r), eg_kernel(s->r), at, eg_physical(s->r), pa);
}

static const char *use_text(const struct linux_page *p)
{
    static const char *const names[] = {
        [LINUX_PAGE_UNKNOWN] = "unknown",   [LINUX_PAGE_NONE] = "no struct page",
        [LINUX_PAGE_FREE] = "free",         [LINUX_PAGE_SLAB] = "slab",
        [LINUX_PAGE_FILE] = "file",         [LINUX_PAGE_ANON] = "anonymous",
        [LINUX_PAGE_RESERVED] = "reserved", [LINUX_PAGE_UNREFERENCED] = "unreferenced",
    };

    return p->use == LINUX_PAGE_TYPED ? p->name : names[p->use];
}

static const char *flags_of(struct search *s, uint64_t pfn)
{
    struct linux_page_state state;
    const char *text = NULL;

    if (!linux_page_state(s->r, s->m, pfn, &state))
        return NULL;
    for (unsigned i = 0; i < s->n_flags; i++)
        if (state.flags >> i & 1 && s->flags[i])
            text = text ? eg_strf(s->r, "%s,%s", text, s->flags[i]) : s->flags[i];
    return text;
}

static void look(struct search *s, uint64_t at)
{
    struct eg_run *r = s->r;
    struct linux_page p;
    struct eg_obj sb;
    uint64_t pa, index, pfn;
    const char *path;
    struct row row = { .AT = eg_uint(at) };
    bool any = false;

    if (!physical(s, at, &pa)) {
        const struct eg_view *v = eg_view_of(r);

        eg_row(r, .AT = eg_uint(at), .PHYSICAL = eg_missing((enum eg_why)v->why, v->why_addr));
        return;
    }
    pfn = pa >> s->m->shift;
    linux_page_at(r, s->m, pa, &p);
    row.PHYSICAL = eg_uint(pa);
    row.USE = eg_text(use_text(&p));
    row.PAGE_FLAGS = eg_text(flags_of(s, pfn));
    if (p.use != LINUX_PAGE_NONE)
        row.PAGE = eg_uint(s->m->base + pfn * s->m->size);
    if (p.use == LINUX_PAGE_FILE) {
        sb = eg_deref(eg_at(p.inode, inode.i_sb));
        index = p.index + (pfn - (p.first >> s->m->shift));
        row.INODE = eg_val(p.inode, inode.i_ino);
        row.INODE_ADDRESS = eg_addr(p.inode);
        row.SUPERBLOCK = eg_addr(sb);
        row.FSTYPE = linux_superblock_type(r, sb);
        row.INDEX = eg_uint(index);
        row.FILE_OFFSET =
            eg_uint((index << s->m->shift) | (pa & ((UINT64_C(1) << s->m->shift) - 1)));
        linux_each_name(r, p.inode, path)
        {
            row.PATH = eg_text(path);
            eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                     sizeof row / sizeof(struct eg_cell));
            any = true;
        }
    }
    if (!any)
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    struct search s = { .r = r, .m = linux_memmap(r) };
    uint64_t at, last;

    if (!eg_arg_range(r, "at", 0, &at, &last))
        return eg_refused(r, "--at ADDRESS[,ADDRESS] says what to look for");
    if (!s.m || !s.m->found)
        return r->status;
    s.n_flags = linux_page_flags(r, s.flags);
    for (size_t i = 0; eg_arg_range(r, "at", i, &at, &last) && !eg_stopped(r); i++) {
        look(&s, at);
        while ((last ^ at) >> s.m->shift && !eg_stopped(r)) {
            at = (at | ((UINT64_C(1) << s.m->shift) - 1)) + 1;
            look(&s, at);
        }
    }
    return r->status;
}

EG_PLUGIN(pagecache) = {
    .os = "linux",
    .help = "Say of which file a page of physical memory is, and where in it",
    .manual =
        "For a hit of a search in physical memory: the file, the offset in it, and each name that "
        "memory knows of it. An address from 0x8000000000000000 on is one of the kernel's: where "
        "it "
        "leads, or if it is a struct page the page of that. A range is looked at page by page. "
        "What a page says of itself is checked against the file's inode; a page that was taken "
        "from its file keeps nothing of it. USE says what a page that is no file's is used for; "
        "whatis tells who.",
    .aliases = EG_NAMES("pageowner"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(at, ADDR, "what to look for; of a range each page")),
    .needs = EG_NEEDS(page.mapping, inode.i_mapping, address_space.host),
    .asks = true,
    .run = run,
};
