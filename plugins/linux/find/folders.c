/** folders.c - find the files in the profile folders that belong to this kernel: by the build id
 * in an .egp or ELF file, or the banner in an ISF file. A file's name only affects the order in
 * which files are read. */
#include "../../../profiles/elf_file.h"
#include "../../../profiles/isf.h"
#include "../../../profiles/store.h"
#include "given.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* An ISF file has its banner at the end of some 50 MB of JSON, so only UNNAMED_MAX files are
 * unpacked whose names do not contain the kernel's release. */
enum { FILES_MAX = 1 << 16, DEPTH_MAX = 8, UNNAMED_MAX = 64, BANNER = 512 };

struct file {
    const char *path;
    enum { EGP, ELF, ISF, SYSTEM_MAP } kind;
    bool looked, rejected;
    char *identity; /* build id or banner; owned; NULL: none */
    struct linux_given *given;
};
struct linux_folders {
    EG_VEC(struct file) files; /* sorted by path within each folder */
};

/* ---- listing the folders ---- */

static bool has_magic(const char *path, const char *magic, size_t len)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);
    char head[8];

    return fd >= 0 && pread(fd, head, len, 0) == (ssize_t)len && !memcmp(head, magic, len);
}

static void add(struct linux_folders *d, const char *path, const char *name)
{
    struct file file = { .path = path };
    struct file *place;
    char id[64];

    if (eg_isf_name(name)) {
        file.kind = ISF;
    } else if (!strncmp(name, "System.map", 10)) {
        file.kind = SYSTEM_MAP;
    } else if (has_magic(path, "\177ELF", 4)) {
        file.kind = ELF;
    } else if (eg_store_build_id(path, id)) {
        file.looked = true;
        file.identity = strdup(id);
    } else {
        return;
    }
    if ((place = eg_vec_push(&d->files)))
        *place = file;
    else
        free(file.identity);
}

static void gather(struct linux_folders *d, struct eg_arena *a, const char *folder, unsigned depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat st;

    while (dir && d->files.n < FILES_MAX && (entry = readdir(dir))) {
        char *path;

        if (entry->d_name[0] == '.' || !(path = eg_arena_strf(a, "%s/%s", folder, entry->d_name)) ||
            lstat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            gather(d, a, path, depth + 1);
        else if (!stat(path, &st) && S_ISREG(st.st_mode))
            add(d, path, entry->d_name);
    }
    if (dir)
        closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

/* The files of all folders, which are listed once. */
static struct linux_folders *folders(struct linux_finder *f)
{
    struct linux_folders *d = f->folders;

    if (d || !(d = calloc(1, sizeof *d)))
        return d;
    for (size_t i = 0; i < f->sys->options.n_profile_dirs; i++) {
        const size_t first = d->files.n;

        gather(d, &f->sys->arena, f->sys->options.profile_dirs[i], 0);
        if (d->files.n > first)
            qsort(d->files.at + first, d->files.n - first, sizeof *d->files.at, by_path);
    }
    if (d->files.n == FILES_MAX)
        eg_system_note(
            f->sys,
            "profile folders: more than %d files: the rest were ignored; use a folder with "
            "symbol files only",
            FILES_MAX);
    return f->folders = d;
}

void linux_folders_free(struct linux_finder *f)
{
    for (size_t i = 0; f->folders && i < f->folders->files.n; i++)
        free(f->folders->files.at[i].identity);
    if (f->folders)
        eg_vec_fini(&f->folders->files);
    free(f->folders);
    f->folders = NULL;
}

/* ---- the identity of a file ---- */

static void look(struct file *file)
{
    char text[BANNER] = "";
    struct eg_elf elf;

    if (file->looked)
        return;
    file->looked = true;
    if (file->kind == ISF && !eg_isf_banner(file->path, text, sizeof text))
        text[0] = 0;
    if (file->kind == ELF && eg_elf_open(&elf, file->path, NULL) == 0) {
        if (elf.relocatable || !eg_elf_build_id(&elf, text))
            text[0] = 0;
        eg_elf_close(&elf);
    }
    file->identity = *text ? strdup(text) : NULL;
}

/* ---- the identity of the kernel ---- */

/* The first line of the kernel's banner: at its symbol, else the first such text in the
 * read-only part of the image. "": none. */
static void banner_of(struct linux_finder *f, const struct linux_candidate *c, char out[BANNER])
{
    static const char begins[] = "Linux version ";
    uint64_t at;

    memset(out, 0, BANNER);
    if (linux_sym(c, "linux_banner", &at)) {
        eg_read_some(f->v, c->space, at, out, BANNER - 1, NULL);
    } else {
        struct linux_pieces ro = { f->v, f->phys, c->ro_from, c->ro_to, !c->ro_to };
        const uint8_t *p, *hit;
        uint64_t pa;
        size_t n;

        while (!*out && (p = linux_next_piece(&ro, &pa, &n)))
            if ((hit = memmem(p, n, begins, sizeof begins - 1)))
                eg_read_some(f->v, f->phys, pa + (uint64_t)(hit - p), out, BANNER - 1, NULL);
    }
    out[strcspn(out, "\n")] = 0;
    if (strncmp(out, begins, sizeof begins - 1) != 0)
        out[0] = 0;
}

/* ---- choosing a file ---- */

struct search {
    struct linux_finder *finder;
    struct linux_folders *in;
    const char *build_id;
    char banner[BANNER]; /* "": not read yet */
    EG_VEC(size_t) unnamed;
    struct eg_progress_line *progress;
};

static bool fits(const struct search *s, const struct file *file)
{
    const char *own = file->kind == ISF ? s->banner : s->build_id;

    return !file->rejected && file->identity && *own && !strcmp(file->identity, own);
}

static int look_at(void *context, size_t piece, unsigned worker)
{
    struct search *s = context;
    struct file *file = &s->in->files.at[s->unnamed.at[piece]];

    (void)worker;
    if (eg_cancelled)
        return 1;
    look(file);
    eg_progress_add(s->progress, 1);
    return fits(s, file);
}

static struct file *first_of(const struct search *s, bool types)
{
    for (size_t i = 0; i < s->in->files.n; i++) {
        struct file *file = &s->in->files.at[i];

        if (file->looked && fits(s, file) && (types || file->kind == EGP))
            return file;
    }
    return NULL;
}

static bool names(const struct file *file, const char *text, size_t len)
{
    return len && memmem(file->path, strlen(file->path), text, len);
}

/* Look for an ISF file of this kernel: first those whose names contain the release, one by one;
 * then the others, those whose names contain the version first. */
static struct file *unpacked(struct search *s)
{
    struct linux_finder *f = s->finder;
    const char *release = s->banner + EG_MIN(strlen(s->banner), sizeof "Linux version " - 1);
    const size_t len = strcspn(release, " "), version = strspn(release, "0123456789.");
    struct file *file;
    size_t left_out = 0;

    s->unnamed.n = 0;
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < s->in->files.n && !eg_cancelled; i++) {
            size_t *place;

            file = &s->in->files.at[i];
            if (file->kind != ISF || pass != (names(file, release, len)       ? 0
                                              : names(file, release, version) ? 1
                                                                              : 2))
                continue;
            if (!pass)
                look(file);
            if (!pass && fits(s, file))
                return file;
            if (pass && s->unnamed.n == UNNAMED_MAX)
                left_out++;
            else if (pass && (place = eg_vec_push(&s->unnamed)))
                *place = i;
        }
    s->progress = eg_progress_begin("symbol files", s->unnamed.n, "files", f->sys->options.quiet);
    if (s->unnamed.n)
        eg_parallel(f->sys->options.threads, s->unnamed.n, look_at, s);
    eg_progress_end(s->progress);
    file = first_of(s, true);
    if (!file && left_out)
        eg_system_note(f->sys,
                       "profile folders: %zu ISF files whose names do not contain %.*s were not "
                       "read: rename the right one, or give it with --profile",
                       left_out, (int)len, release);
    return file;
}

/* Only the name of a System.map tells which kernel it belongs to. Its symbols are checked like
 * all others: the banner must be at its address. */
static struct file *named_map(const struct search *s, const char *release)
{
    for (size_t i = 0; *release && i < s->in->files.n; i++) {
        const char *name = strrchr(s->in->files.at[i].path, '/') + 1;

        if (s->in->files.at[i].kind == SYSTEM_MAP && !s->in->files.at[i].rejected &&
            !strncmp(name, "System.map-", 11) && !strcmp(name + 11, release))
            return &s->in->files.at[i];
    }
    return NULL;
}

/* Does it have the types by which processes are found? Without them it does not help if the
 * image has no types of its own. */
static bool has_types(const struct linux_given *given)
{
    static const char *const members[] = { "tasks", "comm" };
    struct eg_types ts;
    bool has = given->types && eg_types_init(&ts, given->types, NULL) == 0;
    uint64_t off;

    for (size_t i = 0; has && i < countof(members); i++)
        has = linux_member(&ts, "task_struct", members[i], &off, NULL);
    if (given->types)
        eg_types_fini(&ts);
    return has;
}

/* Read a file whose identity is that of this kernel. @return false: it cannot be used, and a
 * note says why. */
static bool read_it(struct linux_finder *f, struct file *file, bool needs_types)
{
    struct eg_error e;

    if (!file->given && linux_given_file(f->sys, file->path, &file->given, &e) < 0)
        eg_system_note(f->sys, "profile folders: skipped %s", e.text);
    else if (needs_types && file->kind != SYSTEM_MAP && !has_types(file->given))
        eg_system_note(f->sys,
                       "profile folders: skipped %s: it is of this kernel, but has no types of "
                       "processes",
                       file->path);
    else
        return true;
    file->rejected = true;
    return false;
}

/* The next file that may belong to the kernel and was not rejected. */
static struct file *next_file(struct search *s, const struct linux_candidate *c)
{
    struct linux_finder *f = s->finder;
    struct file *file = first_of(s, false);
    char release[80] = "";

    if (!file && !c->types) {
        if (!*s->banner)
            banner_of(f, c, s->banner);
        for (size_t i = 0; i < s->in->files.n; i++)
            if (s->in->files.at[i].kind == ELF)
                look(&s->in->files.at[i]);
        file = first_of(s, true);
        if (!file && *s->banner)
            file = unpacked(s);
    }
    if (!file && !c->symbols && c->text.text &&
        eg_vmcoreinfo_text(&c->text, "OSRELEASE", release, sizeof release))
        file = named_map(s, release);
    return file;
}

const struct linux_given *linux_given_find(struct linux_finder *f, const struct linux_candidate *c)
{
    struct search s = { .finder = f, .build_id = c->notes_id };
    struct file *file = NULL;
    bool skipped = false;

    if (!f->sys->options.n_profile_dirs || !(s.in = folders(f)))
        return NULL;
    while ((file = next_file(&s, c)) && !read_it(f, file, !c->types))
        skipped = true;
    if (file && skipped)
        eg_system_note(f->sys, "profile folders: %s is used", file->path);
    eg_vec_fini(&s.unnamed);
    return file ? file->given : NULL;
}
