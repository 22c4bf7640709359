/* recover_manifest.c - a line of JSON for each file: whose it is, what of it was in memory, where
 * it went, and its digest. */
#include "../../core/json.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/mm.h"
#include "recover.h"
#include <inttypes.h>
#include <time.h>

/* A text; where it is not UTF-8, its bytes behind it. */
static void text(FILE *f, const char *name, const char *s)
{
    fprintf(f, "\"%s\":", name);
    if (!s) {
        fputs("null", f);
        return;
    }
    if (eg_json_text(f, s, strlen(s)))
        return;
    fprintf(f, ",\"%s_raw\":\"", name);
    for (; *s; s++)
        fprintf(f, "%02x", (unsigned)(uint8_t)*s);
    putc('"', f);
}

/* null: it cannot be read. */
static void number(FILE *f, const char *name, bool is_known, uint32_t value)
{
    if (is_known)
        fprintf(f, ",\"%s\":%" PRIu32, name, value);
    else
        fprintf(f, ",\"%s\":null", name);
}

static void names(FILE *f, const struct recover_file *file)
{
    fputs(",\"names\":[", f);
    for (size_t i = 0; i < file->n_names; i++) {
        fputs(i ? ",{" : "{", f);
        text(f, "path", file->names[i]);
        if (!file->known) {
            putc(',', f);
            text(f, "file", file->out[i]);
        }
        putc('}', f);
    }
    putc(']', f);
}

static void times(FILE *f, const struct recover_file *file)
{
    static const char *const keys[RECOVER_TIMES] = { "atime", "mtime", "ctime", "btime" };
    for (int i = 0; i < RECOVER_TIMES; i++) {
        const struct timespec at = recover_time(file, (enum linux_inode_time)i);
        char buf[32];
        struct tm tm;

        if (file->has_time[i] && gmtime_r(&at.tv_sec, &tm) &&
            strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%S", &tm))
            fprintf(f, ",\"%s\":\"%s.%09ldZ\"", keys[i], buf, at.tv_nsec);
    }
}

static void xattrs(FILE *f, const struct recover_file *file)
{
    if (!file->n_xattrs)
        return;
    fputs(",\"xattrs\":[", f);
    for (size_t i = 0; i < file->n_xattrs; i++) {
        fputs(i ? ",{" : "{", f);
        text(f, "name", file->xattrs[i].name);
        fputs(",\"value_hex\":\"", f);
        for (size_t k = 0; k < file->xattrs[i].len; k++)
            fprintf(f, "%02x", file->xattrs[i].value[k]);
        fputs("\"}", f);
    }
    putc(']', f);
}

static bool is_present(const struct linux_content_part *p)
{
    return p->kind <= LINUX_CONTENT_SWAPPED;
}
static bool is_dirty(const struct linux_content_part *p)
{
    return p->dirty;
}
static bool is_swapped(const struct linux_content_part *p)
{
    return p->kind == LINUX_CONTENT_SWAPPED;
}
static bool is_partial(const struct linux_content_part *p)
{
    return p->partial;
}
static bool is_zeros(const struct linux_content_part *p)
{
    return p->kind == LINUX_CONTENT_ZEROS;
}

/* Ranges of pages, first and last, that are so. */
static void ranges(const struct recover *x, const char *key,
                   bool (*is)(const struct linux_content_part *p))
{
    const struct linux_content *c = &x->content;
    const unsigned shift = linux_page_shift(x->r);
    uint64_t first = 0, end = 0;
    bool open = false, any = false;

    fprintf(x->manifest, ",\"%s\":[", key);
    for (size_t i = 0; i <= c->parts.n; i++) {
        const struct linux_content_part *p = i < c->parts.n ? &c->parts.at[i] : NULL;
        const bool so = p && is(p);

        if (open && !(so && p->first == end)) {
            fprintf(x->manifest, "%s[%" PRIu64 ",%" PRIu64 "]", any ? "," : "", first >> shift,
                    (end - 1) >> shift);
            open = false;
            any = true;
        }
        if (!so)
            continue;
        if (!open)
            first = p->first;
        open = true;
        end = p->first + p->len;
    }
    putc(']', x->manifest);
}

/* Missing ones, with the reason. */
static void missing(const struct recover *x)
{
    const struct linux_content *c = &x->content;
    const unsigned shift = linux_page_shift(x->r);
    bool any = false;

    fputs(",\"missing\":[", x->manifest);
    for (size_t i = 0; i < c->parts.n; i++) {
        const struct linux_content_part *p = &c->parts.at[i];

        if (p->kind != LINUX_CONTENT_MISSING)
            continue;
        fprintf(x->manifest, "%s[%" PRIu64 ",%" PRIu64 ",\"%s\"]", any ? "," : "",
                p->first >> shift, (p->first + p->len - 1) >> shift,
                eg_why_text((enum eg_why)p->why));
        any = true;
    }
    putc(']', x->manifest);
}

void recover_tell(struct recover *x, const struct recover_file *file)
{
    const struct linux_content *c = &x->content;
    const char *const type =
        eg_string(x->r, eg_at(file->sb, super_block.s_type, file_system_type.name), 32);
    FILE *f = x->manifest;
    uint32_t dev = 0;
    char hex[65];

    putc('{', f);
    text(f, "path", file->n_names ? file->names[0] : NULL);
    names(f, file);
    fprintf(f, ",\"superblock\":\"0x%" PRIx64 "\",\"fstype\":", file->in->sb);
    eg_json_string(f, type);
    if (eg_get(&dev, file->sb, super_block.s_dev))
        fprintf(f, ",\"major\":%" PRIu32 ",\"minor\":%" PRIu32, linux_major(dev), linux_minor(dev));
    fprintf(f, ",\"inode\":\"%" PRIu64 "\",\"inode_address\":\"0x%" PRIx64 "\"", file->in->ino,
            file->in->inode);
    fprintf(f, ",\"mode\":\"%06" PRIo32 "\"", file->mode);
    number(f, "uid", file->has_uid, file->uid);
    number(f, "gid", file->has_gid, file->gid);
    number(f, "links", file->has_links, file->links);
    fprintf(f, ",\"size\":\"%" PRIu64 "\"", file->size);
    times(f, file);
    if ((file->mode & S_IFMT_) == S_IFLNK_) {
        putc(',', f);
        text(f, "target", file->target);
    }
    xattrs(f, file);
    if ((file->mode & S_IFMT_) != S_IFLNK_) {
        fprintf(f, ",\"page_size\":%u,\"whole\":%s,\"known\":%s", 1u << linux_page_shift(x->r),
                c->whole ? "true" : "false", file->known ? "true" : "false");
        ranges(x, "present", is_present);
        ranges(x, "dirty", is_dirty);
        ranges(x, "swapped", is_swapped);
        ranges(x, "zeros", is_zeros);
        ranges(x, "partial", is_partial);
        missing(x);
        if (!file->known)
            fprintf(f, ",\"written_size\":\"%" PRIu64 "\"", file->end);
        eg_hex(hex, file->sums.of[EG_SHA256], 32);
        fprintf(f, ",\"sha256\":");
        eg_json_string(f, file->summed ? hex : NULL);
    }
    fputs("}\n", f);
}
