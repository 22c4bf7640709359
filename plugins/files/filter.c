/* filter.c - see filter.h. */
#include "filter.h"
#include "../../core/base.h"
#include <fnmatch.h>

static const struct {
    unsigned type;
    const char *name;
} types[] = {
    // S_IFMT (include/uapi/linux/stat.h)
    { 0100000, "REG" }, { 0040000, "DIR" },  { 0120000, "LNK" },  { 0060000, "BLK" },
    { 0020000, "CHR" }, { 0010000, "FIFO" }, { 0140000, "SOCK" },
};
enum { TYPE_MASK = 0170000 };

const char *file_type_name(unsigned mode)
{
    for (size_t i = 0; i < countof(types); i++)
        if (types[i].type == (mode & TYPE_MASK))
            return types[i].name;
    return NULL;
}

/* One word of a list "REG,DIR". */
static unsigned bit_of(const char *s, size_t len)
{
    for (size_t i = 0; i < countof(types); i++)
        if (strlen(types[i].name) == len && !strncasecmp(s, types[i].name, len))
            return 1u << i;
    return 0;
}

bool file_filter_types(struct eg_run *r, unsigned *of)
{
    const char *list;

    for (size_t i = 0; (list = eg_arg_text_nth(r, "type", i)); i++)
        while (*list) {
            const size_t len = strcspn(list, ",");
            const unsigned bit = bit_of(list, len);

            if (!bit) {
                eg_refused(r, "--type %.*s: REG, DIR, LNK, BLK, CHR, FIFO and SOCK are types",
                           (int)len, list);
                return false;
            }
            *of |= bit;
            list += len + (list[len] == ',');
        }
    return true;
}

bool file_filter_open(struct eg_run *r, struct file_filter *f)
{
    *f = (struct file_filter){ .r = r, .by_path = eg_arg_text_nth(r, "path", 0) };
    return file_filter_types(r, &f->types);
}

void file_filter_done(const struct file_filter *f)
{
    uint64_t first, last;
    const bool asked = f->by_path || f->types || eg_arg_range(f->r, "inode", 0, &first, &last) ||
                       eg_arg_range(f->r, "superblock", 0, &first, &last);

    if (asked && !f->found && !eg_stopped(f->r))
        eg_note(f->r, "nothing that the options choose is in memory");
}

static bool in_list(struct eg_run *r, const char *name, uint64_t a, uint64_t b)
{
    uint64_t first, last;

    if (!eg_arg_range(r, name, 0, &first, &last))
        return true;
    for (size_t i = 0; eg_arg_range(r, name, i, &first, &last); i++)
        if ((a >= first && a <= last) || (b >= first && b <= last))
            return true;
    return false;
}

bool file_filter_inode(const struct file_filter *f, const struct linux_inode *in)
{
    return in_list(f->r, "inode", in->inode, in->ino) &&
           in_list(f->r, "superblock", in->sb, in->sb);
}

bool file_filter_type(const struct file_filter *f, unsigned type, unsigned usual)
{
    if (!f->types)
        return !usual || (type & TYPE_MASK) == usual;
    for (size_t i = 0; i < countof(types); i++)
        if (types[i].type == (type & TYPE_MASK))
            return f->types >> i & 1;
    return false;
}

bool file_filter_name(const struct file_filter *f, const char *path)
{
    const char *pattern;

    if (!f->by_path)
        return true;
    for (size_t i = 0; path && (pattern = eg_arg_text_nth(f->r, "path", i)); i++) {
        size_t len = strlen(pattern);

        if (!fnmatch(pattern, path, 0))
            return true;
        while (len && pattern[len - 1] == '/')
            len--;
        if (!strncmp(path, pattern, len) && path[len] == '/')
            return true;
    }
    return false;
}

bool file_filter_names(const struct file_filter *f, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (file_filter_name(f, names[i]))
            return true;
    return !f->by_path;
}
