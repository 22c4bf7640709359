/* recover - files as memory has them: the page cache, shared memory, what was swapped of it. */
#include "recover.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/mm.h"
#include "filter.h"

#define MANIFEST "manifest.jsonl"

EG_FIELD_AS(fs_type_flags, file_system_type, "fs_flags");

#define COLUMNS(C)                                                                                 \
    C(PATH, TEXT, "the file's first name, as the machine had it")                                  \
    C(FILE, TEXT, "where it was written, in the folder of -o or in the tar")                       \
    C(SIZE, INT, "bytes of the file")                                                              \
    C(INODE_PAGES, INT, "pages that the file's size takes", EG_MINOR)                              \
    C(CACHED_PAGES, INT, "of these, those that memory has: in the page cache")                     \
    C(DIRTY_PAGES, INT, "of these, those that were not written to the disk yet", EG_MINOR)         \
    C(SWAPPED_PAGES, INT, "pages of shared memory that were swapped out, and are in the file",     \
      EG_MINOR)                                                                                    \
    C(WHOLE, BOOL, "nothing of the file is missing")                                               \
    C(KNOWN, BOOL, "a list of --known has it: it was not written", EG_MINOR)                       \
    C(SHA256, TEXT, "digest of a file that is whole", EG_MINOR)                                    \
    C(INODE, INT, "number of the inode", EG_MINOR)                                                 \
    C(INODE_ADDRESS, ADDR, "address of the inode", EG_MINOR)                                       \
    C(SUPERBLOCK, ADDR, "address of its file system's super_block", EG_MINOR)
EG_COLUMNS(COLUMNS);

static uint64_t pages(const struct recover *x, uint64_t bytes)
{
    const unsigned shift = linux_page_shift(x->r);

    return (bytes >> shift) + !!(bytes & ((UINT64_C(1) << shift) - 1));
}

static void emit(struct recover *x, const struct recover_file *f)
{
    const struct linux_content *c = &x->content;
    char hex[65];

    eg_hex(hex, f->sums.of[EG_SHA256], 32);
    eg_row(
        x->r, .PATH = eg_text(f->names[0]), .FILE = f->known ? eg_text(NULL) : eg_text(f->out[0]),
        .SIZE = eg_uint(c->size), .INODE_PAGES = eg_uint(pages(x, c->size)),
        .CACHED_PAGES = eg_uint(pages(x, c->present - c->swapped)),
        .DIRTY_PAGES = eg_uint(pages(x, c->dirty)), .SWAPPED_PAGES = eg_uint(pages(x, c->swapped)),
        .WHOLE = eg_uint(c->whole), .KNOWN = eg_uint(f->known),
        .SHA256 = eg_text(f->summed ? hex : NULL), .INODE = eg_uint(f->in->ino),
        .INODE_ADDRESS = eg_uint(f->in->inode), .SUPERBLOCK = eg_uint(f->in->sb));
}

/* Is there anything of it? A file without bytes is there if its file system keeps files. */
static bool is_there(struct recover *x, const struct recover_file *f)
{
    enum { FS_REQUIRES_DEV = 1 }; // include/linux/fs.h
    uint32_t flags;

    if (!linux_content_of(x->r, f->inode, &x->content))
        return false;
    if (x->content.n_bad)
        eg_note(x->r,
                "the file with the inode at %#llx: %llu entries of its page cache lead to pages "
                "that are not its own: left out",
                (unsigned long long)f->in->inode, (unsigned long long)x->content.n_bad);
    if (x->content.size)
        return x->content.present || x->content.zeros;
    if ((f->mode & S_IFMT_) != S_IFREG_)
        return false;
    return linux_file_in_memory(x->r, f->inode) ||
           (eg_get(&flags, f->sb, super_block.s_type, fs_type_flags) && flags & FS_REQUIRES_DEV);
}

static void set_metadata(struct recover *x, struct recover_file *f)
{
    bool whole;

    f->n_xattrs = linux_xattrs(x->r, f->inode, &f->xattrs, &whole);
    if ((f->mode & S_IFMT_) == S_IFLNK_)
        f->target = linux_link_target(x->r, f->inode);
}

static bool write_file(struct recover *x, struct recover_file *f)
{
    set_metadata(x, f);
    recover_place(x, f);
    if (!f->known) {
        if (!(x->tar ? recover_to_tar(x, f) : recover_to_tree(x, f)))
            return false;
        x->n_files++;
        x->n_bytes += x->content.present;
    }
    recover_tell(x, f);
    emit(x, f);
    return true;
}

/* Symbolic links: into a tar; a folder of them would lead a reader out of it. */
static bool write_link(struct recover *x, struct recover_file *f)
{
    set_metadata(x, f);
    if (!f->target || !f->n_names)
        return true;
    if (!x->tar) {
        f->out = eg_tmp(x->r, (f->n_names + 1) * sizeof *f->out); // nowhere
        recover_tell(x, f);
        return true;
    }
    recover_place(x, f);
    for (size_t i = 0; i < f->n_names; i++)
        if (!recover_entry_to_tar(x, f, f->out[i]))
            return false;
    recover_tell(x, f);
    return true;
}

static bool write_folder(struct recover *x, struct recover_file *f)
{
    bool ok = true;

    recover_place(x, f);
    for (size_t i = 0; ok && i < f->n_names; i++) {
        if (!f->out[i])
            continue;
        if (!f->xattrs)
            set_metadata(x, f);
        ok = x->tar ? recover_entry_to_tar(x, f, f->out[i])
                    : recover_folder_to_tree(x, f, f->out[i]);
    }
    return ok;
}

enum pass { SUMS, FILES, LINKS, FOLDERS };

static bool is_of_pass(const struct file_filter *s, unsigned type, enum pass pass)
{
    if (pass == FOLDERS)
        return type == S_IFDIR_;
    if (pass == LINKS)
        return type == S_IFLNK_ && file_filter_type(s, type, 0);
    return type != S_IFDIR_ && type != S_IFLNK_ && file_filter_type(s, type, S_IFREG_);
}

/* @return false: stop. */
static bool take(struct recover *x, struct file_filter *s, const struct linux_inode *in,
                 enum pass pass)
{
    struct recover_file f;
    uint64_t nth;
    unsigned type;

    if (!file_filter_inode(s, in) || !recover_look(x, in, &f))
        return true;
    type = f.mode & S_IFMT_;
    if (!is_of_pass(s, type, pass))
        return true;
    if (pass < LINKS && !is_there(x, &f))
        return !eg_stopped(x->r);
    recover_names(x, &f);
    if (pass != FOLDERS && !file_filter_names(s, f.names, f.n_names))
        return true;
    s->found |= pass != FOLDERS;
    if (pass == LINKS)
        return write_link(x, &f);
    if (pass == FOLDERS)
        return write_folder(x, &f);
    if (pass == FILES && eg_map_get(x->summed, in->inode, &nth)) {
        f.summed = true;
        f.sums = x->known.files.at[nth].sums;
        f.known = x->known.files.at[nth].known;
    } else {
        recover_sum(x, &f);
    }
    if (pass == FILES)
        return write_file(x, &f);
    if (f.summed) {
        nth = known_add(&x->known, &f.sums);
        if (nth == SIZE_MAX)
            eg_run_leave(x->r);
        eg_run_map_add(x->r, x->summed, in->inode, nth);
    }
    return true;
}

static bool go_through(struct recover *x, struct file_filter *s, enum pass pass)
{
    const struct linux_inodes *all = linux_inodes(x->r);

    for (size_t i = 0; all && i < all->n; i++) {
        if (pass == FILES)
            eg_progress(x->r, i, all->n);
        if (eg_stopped(x->r) || !take(x, s, &all->at[i], pass))
            return false;
    }
    return all != NULL;
}

static bool look_up_known(struct recover *x, struct file_filter *s)
{
    const char *list;

    if (!eg_arg_text_nth(x->r, "known", 0))
        return true;
    if (!x->digest)
        return eg_refused(x->r, "--known: this build makes no digests (libcrypto)") >= 0;
    for (size_t i = 0; (list = eg_arg_text_nth(x->r, "known", i)); i++)
        if (!known_open(x->r, &x->known, list))
            return false;
    if (!go_through(x, s, SUMS))
        return false;
    for (size_t i = 0; i < x->known.lists.n; i++)
        if (!known_read(x->r, &x->known, &x->known.lists.at[i]))
            return false;
    return true;
}

static void close_deferred(void *recover)
{
    struct recover *x = recover;

    eg_outnames_fini(&x->names);
    eg_digest_close(x->digest);
    linux_content_fini(&x->content);
    known_fini(&x->known);
}

static void say_what_was_not(struct recover *x)
{
    if (!x->digest)
        eg_note(x->r, "this build makes no digests (libcrypto): the manifest has none");
    if (x->n_owners)
        eg_note(x->r,
                "%llu owners, modes or extended attributes could not be set in the folder: "
                "the manifest has them",
                (unsigned long long)x->n_owners);
    if (x->n_nobody)
        eg_note(x->r, "%llu entries of the tar have the owner or group 65534: memory has none",
                (unsigned long long)x->n_nobody);
    if (x->n_links)
        eg_note(x->r, "%llu hard links could not be made in the folder: the manifest has them",
                (unsigned long long)x->n_links);
}

static int run(struct eg_run *r)
{
    const char *tar = eg_arg_text(r, "tar");
    struct recover *x = eg_tmp(r, sizeof *x);
    struct file_filter s;

    *x = (struct recover){ .r = r, .preserve = eg_arg_flag(r, "preserve") };
    x->summed = eg_run_map(r);
    eg_run_defer(r, close_deferred, x);
    if (tar && !strcmp(tar, MANIFEST)) // with --force each would replace the other
        return eg_refused(r, "--tar " MANIFEST ": the manifest has this name");
    if (!file_filter_open(r, &s))
        return r->status;
    x->digest =
        eg_digest_open(eg_arg_text_nth(r, "known", 0) ? (1u << EG_DIGESTS) - 1 : 1u << EG_SHA256);
    if (!recover_find_overlaid(x) || !look_up_known(x, &s))
        return r->status;
    if (tar ? !(x->tar = recover_tar_begin(x, tar))
            : !(x->tree = eg_outtree_open(r, "-o", r->options->out_dir)))
        return r->status;
    x->manifest = eg_output(r, MANIFEST);
    if (!x->manifest)
        return r->status;
    if (go_through(x, &s, FILES) && go_through(x, &s, LINKS) && go_through(x, &s, FOLDERS) && tar)
        recover_tar_end(x);
    eg_output_done(r, x->manifest);
    file_filter_done(&s);
    say_what_was_not(x);
    return r->status;
}

EG_PLUGIN(recover) = {
    .os = "linux",
    .help = "Write files as memory has them: the page cache, shared memory, deleted files",
    .manual =
        "Under -o DIR, files/ has every regular file of which memory has a page, under its path "
        "from the root of the first mount namespace (unmounted-* where its file system is mounted "
        "nowhere; nameless/ where no name is known), or with --tar NAME one tar has them. Bytes "
        "are exact: large folios, shared memory that was swapped out, deleted files that are open "
        "or still cached. What memory does not have is a hole, and WHOLE is false; files of tmpfs "
        "and the like are whole, for what has no page there was never written. manifest.jsonl "
        "tells of each file its names as they were, its inode, mode, owner, times, extended "
        "attributes, the pages that were present, dirty, swapped or missing (with the reason), and "
        "the SHA-256 of a file that is whole. Names that would lead out of the folder, or that a "
        "disk cannot have, are changed (%2E%2E, NAME~2): the manifest has the true ones. A tar has "
        "modes, owners, times, attributes, hard and symbolic links as they were; folders get modes "
        "without setuid and times, and with --preserve the rest; symbolic links are in the "
        "manifest only. --type BLK writes what is cached of block devices. Files of an encrypted "
        "volume that is open are in clear. A page that the kernel is reading from the disk is "
        "missing; of one that was read or written block by block the blocks that are there count, "
        "and where that cannot be told it is listed as partial. A file of an overlay is the one "
        "of the layer below, under both names. Not seen: what only the disk has, and attributes "
        "that btrfs has, or xfs outside of its inodes. Compare with files and inodes.",
    .aliases = EG_NAMES("linux.pagecache.RecoverFs", "recoverfs", "linux_recover_filesystem",
                        "linux_find_file"),
    .columns = columns,
    .args = EG_ARGS(FILE_FILTER_ARGS,
                    EG_ARG(tar, TEXT, "into a tar of this name in the folder of -o"),
                    EG_ARG(known, FILE,
                           "leave out files whose digest is in this list (sha256sum, md5sum, "
                           "hashdeep, NSRL as text or SQLite)"),
                    EG_ARG(preserve, FLAG,
                           "in folders: owners, setuid and extended attributes too, as root")),
    .needs = EG_NEEDS(inode.i_mapping, inode.i_size, inode.i_mode, address_space.host),
    .asks = true,
    .uses = EG_NAMES("inodes"),
    .run = run,
};
