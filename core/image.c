/* image.c - opening a file: one container after another is opened until physical memory is
 * found. */
#include "image.h"
#include "drain.h"
#include "mapped.h"
#include "records.h"
#include "split.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int unknown(const char *name, struct eg_error *e)
{
    const struct eg_format_reg *f;
    char names[400] = "";
    size_t len = 0;

    for (size_t i = 0; (f = eg_format_nth(i)) && len < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "", f->name);
    return eg_fail(e, EG_EUSAGE, "--format %s: is not known: the formats are %s", name, names);
}

/** Put the name before the names so far: "LiME on zstd". */
static void name_format(struct eg_image *img, const char *desc)
{
    static const char on[] = " on ";
    const size_t len = strlen(desc), old = strlen(img->format), gap = old ? sizeof on - 1 : 0;

    if (len + gap + old >= sizeof img->format)
        return;
    memmove(img->format + len + gap, img->format, old + 1);
    memcpy(img->format, desc, len);
    memcpy(img->format + len, on, gap);
}

/** Is @as a space that can be used, and not one that the image owns already? */
static bool is_new_space(const struct eg_image *img, const struct eg_space *as)
{
    bool owned = as == img->kernel_va;

    for (size_t i = 0; i < img->n_files; i++)
        owned |= as == img->files[i];
    for (size_t i = 0; i < img->beside.n; i++)
        owned |= as == img->beside.at[i];
    return as && !owned && as->ops && as->ops->name && as->ops->extent;
}

/** Call a format's .open. A module may have written it: what it forgets must not become a crash. */
static int open_format(struct eg_space **out, struct eg_image *img, const struct eg_format_reg *f,
                       struct eg_space *file, const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_space *opened = NULL;
    int rc;

    eg_fail(e, EG_EFORMAT, "%s: %s: cannot be opened, and its format (%s) does not say why",
            img->path, f->format->desc, f->file);
    rc = f->format->open(&opened, img, file, o, e);
    if (rc)
        return rc < 0 ? rc : -EG_EFORMAT;
    if (!is_new_space(img, opened))
        return eg_fail(e, EG_EFORMAT,
                       "%s: %s: its format (%s) is faulty: .open gives no space of its own",
                       img->path, f->format->desc, f->file);
    *out = opened;
    return 0;
}

/** Open one format after another, beginning with the space in files[0]. */
static int stack(struct eg_image *img, const struct eg_open_options *o, struct eg_error *e)
{
    const struct eg_format_reg *forced = NULL;

    if (o->format && !(forced = eg_record_find(eg_format_records(), o->format)))
        return unknown(o->format, e);
    for (;;) {
        struct eg_space *file = img->files[img->n_files - 1], *opened = NULL;
        const struct eg_format_reg *f = forced;
        int score, rc;

        // --format names the format of the dump; containers around it are still probed.
        if (!forced || !forced->format->container || img->n_files > 1) {
            const struct eg_format_reg *found;

            rc = eg_format_probe(&found, &score, img->view, file, img->path,
                                 img->on_disk && img->n_files == 1, e);
            if (rc && !forced)
                return rc;
            if (!rc && !forced && score <= EG_GUESS) {
                const struct eg_format_reg *damaged = eg_format_damaged(img->view, file);

                found = damaged ? damaged : found;
            }
            if (!rc && (!forced || forced->format->container || found->format->container))
                f = found;
        }
        rc = open_format(&opened, img, f, file, o, e);
        if (rc)
            return rc;
        name_format(img, f->format->desc);
        if (!f->format->container) {
            img->phys = opened;
            return 0;
        }
        if (img->n_files == countof(img->files)) {
            eg_space_close(opened);
            return eg_fail(e, EG_EFORMAT, "%s: is packed more than %zu times", img->path,
                           countof(img->files) - 1);
        }
        img->files[img->n_files++] = opened;
    }
}

static struct eg_image *image_new(const char *name, struct eg_error *e)
{
    struct eg_image *img = calloc(1, sizeof *img);

    if (img) {
        img->path = strdup(name);
        img->view = malloc(sizeof *img->view);
        if (img->view)
            eg_view_init(img->view, NULL);
    }
    if (!img || !img->path || !img->view) {
        eg_image_close(img);
        eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
        return NULL;
    }
    return img;
}

/** What is needed only while opening. */
static void opened(struct eg_image *img)
{
    eg_view_fini(img->view);
    free(img->view);
    img->view = NULL;
}

/** Takes ownership of @img and @file. */
static int open_stack(struct eg_image **out, struct eg_image *img, struct eg_space *file,
                      const struct eg_open_options *o, struct eg_error *e)
{
    static const struct eg_open_options none;
    int rc;

    img->files[img->n_files++] = file;
    img->file_size = eg_space_size(file);
    rc = stack(img, o ? o : &none, e);
    if (img->view->starved)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    if (rc) {
        eg_image_close(img);
        return rc;
    }
    if (eg_is_copied(file)) {
        img->live = true;
        img->file_size = eg_mapped_bytes(img->view, img->phys); // /proc/kcore says 64 PiB
    }
    opened(img);
    *out = img;
    return 0;
}

/** Takes ownership of @img. */
static int open_source(struct eg_image **out, struct eg_image *img, const struct eg_source_reg *s,
                       const char *where, const struct eg_open_options *o, struct eg_error *e)
{
    static const struct eg_open_options none;
    int rc = 0;

    if (o && (o->format || o->offset))
        rc = eg_fail(e, EG_EUSAGE,
                     "%s: --format and --offset are for files: this is a %s, which says itself "
                     "where its memory is",
                     img->path, s->source->desc);
    if (!rc)
        rc = s->source->open(&img->phys, img, where, o ? o : &none, e);
    if (rc) {
        eg_image_close(img);
        return rc;
    }
    img->live = true;
    img->file_size = eg_mapped_bytes(img->view, img->phys);
    name_format(img, s->source->desc);
    opened(img);
    *out = img;
    return 0;
}

/** If @path is a folder with a file that a format knows by its name, that file is meant. @return
 * false: out of memory. */
static bool enter_folder(struct eg_image *img)
{
    const struct eg_format_reg *f;
    struct stat st;

    if (stat(img->path, &st) != 0 || !S_ISDIR(st.st_mode))
        return true;
    for (size_t i = 0; (f = eg_format_nth(i)); i++) {
        char *path;

        if (!f->format->folder)
            continue;
        if (asprintf(&path, "%s/%s", img->path, f->format->folder) < 0)
            return false;
        if (access(path, F_OK) == 0) {
            free(img->path);
            img->path = path;
            return true;
        }
        free(path);
    }
    return true;
}

static int open_live(struct eg_space **out, const char *path, struct eg_error *e)
{
    const int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);

    return fd < 0 ? eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno))
                  : eg_file_open_live(out, fd, path, e);
}

int eg_image_open(struct eg_image **out, const char *path, const struct eg_open_options *o,
                  struct eg_error *e)
{
    struct eg_image *img = image_new(path, e);
    const struct eg_source_reg *source;
    struct eg_space *file;
    const char *where;
    int rc;

    if (!img)
        return -EG_ENOMEM;
    if ((source = eg_source_find(path, &where)))
        return open_source(out, img, source, where, o, e);
    img->on_disk = !eg_is_stream(path);
    if (!img->on_disk)
        rc = eg_drain(&file, path, o ? o->tmp_dir : NULL, o && o->quiet, e);
    else if (!enter_folder(img))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    else if (o && o->live)
        rc = open_live(&file, img->path, e);
    else
        rc = eg_split_open(&file, img, img->path, e);
    if (rc) {
        eg_image_close(img);
        return rc;
    }
    return open_stack(out, img, file, o, e);
}

int eg_image_open_space(struct eg_image **out, struct eg_space *file, const char *name,
                        const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_image *img = image_new(name, e);

    if (!img) {
        eg_space_close(file);
        return -EG_ENOMEM;
    }
    return open_stack(out, img, file, o, e);
}

void eg_image_close(struct eg_image *img)
{
    if (!img)
        return;
    if (img->view)
        eg_view_fini(img->view);
    free(img->view);
    eg_space_close(img->kernel_va);
    eg_space_close(img->phys);
    while (img->n_files)
        eg_space_close(img->files[--img->n_files]);
    while (img->beside.n)
        eg_space_close(img->beside.at[--img->beside.n]);
    eg_vec_fini(&img->beside);
    eg_vec_fini(&img->cpus);
    eg_vec_fini(&img->notes);
    eg_arena_fini(&img->arena);
    free(img->path);
    free(img);
}

int eg_image_beside(struct eg_space **out, struct eg_image *img, const char *name,
                    struct eg_error *e)
{
    const char *slash = img->on_disk ? strrchr(img->path, '/') : NULL;
    const int folder = slash ? (int)(slash - img->path) + 1 : 0;
    struct eg_space **slot;
    char *path;
    int rc;

    if (!img->on_disk || !*name || strchr(name, '/'))
        return eg_fail(e, EG_ENOTFOUND, "%s: there is no file %s beside it", img->path, name);
    path = eg_arena_strf(&img->arena, "%.*s%s", folder, img->path, name);
    slot = path ? eg_vec_push(&img->beside) : NULL;
    if (!slot)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    *slot = NULL;
    if (access(path, F_OK) != 0)
        return eg_fail(e, EG_ENOTFOUND, "%s: %s", path, strerror(errno));
    rc = eg_file_open(slot, path, e);
    if (!rc)
        *out = *slot;
    return rc;
}

int eg_image_ranges_open(struct eg_space **out, const char *name, struct eg_space *file,
                         const struct eg_image_range *ranges, size_t n, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = calloc(n ? n : 1, sizeof *segs);
    size_t overlaps = 0;
    int rc;

    if (!segs)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < n; i++) {
        const struct eg_image_range *r = &ranges[i];

        segs[i] = (struct eg_segment){
            .start = r->start, .below = file, .below_addr = r->at, .stored = r->len
        };
        if (!r->len || !eg_within(r->at, r->len, eg_space_size(file)) ||
            !eg_add(r->start, r->len - 1, &segs[i].last))
            return eg_fail(e, EG_EUSAGE,
                           "%s: %#" PRIx64 " bytes at %#" PRIx64
                           " of the file cannot be at %#" PRIx64,
                           name, r->len, r->at, r->start);
    }
    rc = eg_segments_open(out, name, segs, n, &overlaps, e);
    if (!rc && overlaps) {
        eg_space_close(*out);
        rc = eg_fail(e, EG_EUSAGE, "%s: ranges of memory overlap", name);
    }
    return rc;
}

int eg_image_move(struct eg_image *img, const struct eg_image_range *ranges, size_t n,
                  struct eg_error *e)
{
    struct eg_space *moved, **old = eg_vec_push(&img->beside);
    int rc;

    if (!old)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    *old = NULL;
    if (!img->movable)
        return eg_fail(e, EG_EUSAGE, "%s: says itself where its memory belongs", img->path);
    rc = eg_image_ranges_open(&moved, img->path, img->files[img->n_files - 1], ranges, n, e);
    if (rc)
        return rc;
    *old = img->phys;
    img->phys = moved;
    img->movable = false;
    return 0;
}
