/* inodepages - the pages that memory has of a file. */
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/mm/content.h"
#include "../linux/mm/copy.h"
#include "../linux/mm/mm.h"
#include "filter.h"
#include <stdio.h>
#include <unistd.h>

#define COLUMNS(C)                                                                                 \
    C(INODE, INT, "inode number")                                                                  \
    C(INODE_ADDRESS, ADDR, "address of the inode", EG_MINOR)                                       \
    C(PATH, TEXT, "the file's first name")                                                         \
    C(MAPPING, ADDR, "its address_space", EG_MINOR)                                                \
    C(INDEX, INT, "number of the page in the file")                                                \
    C(PAGE, ADDR, "address of its struct page")                                                    \
    C(PHYSICAL, ADDR, "physical address of the page; why it is not there, if it is not")           \
    C(FOLIO_PAGES, INT, "pages of the file that its entry in the page cache stands for")           \
    C(PAGE_FLAGS, FLAGS, "flags, by this kernel's names")                                          \
    C(FILE, TEXT, "the file that --dump wrote, in the folder of -o", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { ENTRY_MAX = 1 << 20 }; // pages of one entry: no folio has so many, only damage claims it

struct pages {
    struct eg_run *r;
    const char *flags[64];
    unsigned n_flags;
    struct linux_content content;
};

static const char *flags_text(const struct pages *p, uint64_t bits)
{
    const char *text = NULL;

    for (unsigned i = 0; i < p->n_flags; i++)
        if (bits >> i & 1 && p->flags[i])
            text = text ? eg_strf(p->r, "%s,%s", text, p->flags[i]) : p->flags[i];
    return text ? text : "";
}

static bool put(void *context, uint64_t at, const void *bytes, size_t len)
{
    FILE *f = context;

    return fseeko(f, (off_t)at, SEEK_SET) == 0 && fwrite(bytes, 1, len, f) == len;
}

/* @return the file's name; NULL: the run failed. */
static const char *dump(struct pages *p, const struct linux_inode *in)
{
    struct eg_run *r = p->r;
    const char *name = eg_strf(r, "inode_%llu_0x%llx.bin", (unsigned long long)in->ino,
                               (unsigned long long)in->inode);
    FILE *f;
    bool ok = true;

    if (!linux_content_of(r, eg_object(r, inode, in->inode), &p->content))
        return NULL;
    f = eg_output(r, name);
    for (size_t i = 0; f && ok && i < p->content.parts.n; i++)
        ok = linux_content_read(r, &p->content.parts.at[i], put, f);
    ok = ok && f && fflush(f) == 0;
    if (f && ok && ftruncate(fileno(f), (off_t)p->content.size) != 0) {
        eg_note(r, "%s: a file cannot have %llu bytes here: it ends with its last page", name,
                (unsigned long long)p->content.size);
        ok = ftruncate(fileno(f), (off_t)p->content.end) == 0;
    }
    if (f && !ok && !eg_stopped(r))
        eg_failed(r, "%s could not be written: is the disk full?", name);
    return f && eg_output_done(r, f) && ok ? name : NULL;
}

static void show(struct pages *p, const struct linux_inode *in, const char *path, const char *file)
{
    struct eg_run *r = p->r;
    struct linux_cached_walk w;
    struct linux_cached c;

    if (!linux_cached_begin(r, eg_object(r, inode, in->inode), &w)) {
        eg_note(r, "the page cache of the inode at %#llx cannot be read",
                (unsigned long long)in->inode);
        return;
    }
    w.beyond = true;
    while (linux_cached_next(&w, &c)) {
        const char *flags = c.why ? NULL : flags_text(p, c.flags);

        for (uint64_t i = c.first; i - c.first < ENTRY_MAX && !eg_stopped(r); i++) {
            const uint64_t pfn = c.at + (i - c.first);

            eg_row(r, .INODE = eg_uint(in->ino), .INODE_ADDRESS = eg_uint(in->inode),
                   .PATH = eg_text(path), .MAPPING = eg_uint(w.mapping), .INDEX = eg_uint(i),
                   .PAGE =
                       c.why ? eg_missing(c.why, c.entry) : eg_uint(w.m->base + pfn * w.m->size),
                   .PHYSICAL = c.why ? eg_missing(c.why, c.entry) : eg_uint(pfn << w.m->shift),
                   .FOLIO_PAGES = eg_uint(c.last - c.first + 1), .PAGE_FLAGS = eg_text(flags),
                   .FILE = eg_text(file));
            if (i == c.last || c.why == EG_BAD_VALUE)
                break;
        }
    }
    if (w.n_bad)
        eg_note(r,
                "the file with the inode at %#llx: %llu entries of its page cache lead to pages "
                "that are not its own",
                (unsigned long long)in->inode, (unsigned long long)w.n_bad);
}

static void close_deferred(void *content)
{
    linux_content_fini(content);
}

static int run(struct eg_run *r)
{
    const struct linux_inodes *all;
    struct pages *p = eg_tmp(r, sizeof *p);
    struct file_filter filter;
    size_t found = 0;

    p->r = r;
    eg_run_defer(r, close_deferred, &p->content);
    if (!eg_arg_text_nth(r, "path", 0) && !eg_arg_text_nth(r, "inode", 0))
        return eg_refused(r, "say of which file: --inode NUMBER or address, or --path PATH");
    if (!file_filter_open(r, &filter))
        return r->status;
    p->n_flags = linux_page_flags(r, p->flags);
    all = linux_inodes(r);
    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++) {
        const struct linux_inode *in = &all->at[i];
        struct eg_obj inode = eg_object(r, inode, in->inode);
        const char *path, *first = NULL, *file = NULL;
        bool fits = !filter.by_path;

        if (!file_filter_inode(&filter, in) ||
            !file_filter_type(&filter, eg_get_or(0u, inode, inode.i_mode), 0))
            continue;
        linux_each_name(r, inode, path)
        {
            first = first ? first : path;
            fits |= file_filter_name(&filter, path);
        }
        if (!fits)
            continue;
        found++;
        if (eg_arg_flag(r, "dump") && !(file = dump(p, in)) && eg_stopped(r))
            break;
        show(p, in, first, file);
    }
    if (all && !found && !eg_stopped(r))
        eg_note(r, "memory has no such inode");
    return r->status;
}

EG_PLUGIN(inodepages) = {
    .os = "linux",
    .help = "List the pages that memory has of a file, or write them",
    .manual =
        "One row for each page that is in the page cache, also of large folios and behind the "
        "file's end; of shared memory that was swapped out PHYSICAL is missing, with that reason. "
        "A "
        "page that is not the file's own, as damage has it, is one row without an address. --dump "
        "writes the file below -o: holes where memory has nothing; recover does it with "
        "names, times and a manifest. pagecache goes the other way, from a page to its file.",
    .aliases = EG_NAMES("linux.pagecache.InodePages"),
    .columns = columns,
    .args = EG_ARGS(FILE_FILTER_ARGS, EG_ARG(dump, FLAG, "write each file into the folder of -o")),
    .needs = EG_NEEDS(inode.i_mapping, inode.i_size, address_space.host),
    .asks = true,
    .uses = EG_NAMES("inodes"),
    .run = run,
};
