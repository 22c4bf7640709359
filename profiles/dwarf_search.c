/* dwarf_search.c - where another file with debug data can be. */
#include "dwarf_files.h"
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

// Folders above the first file: a kernel's build folder is at most some ten above a module.
enum { ABOVE_MAX = 16 };

static const char debug[] = "/usr/lib/debug";

struct eg_elf *eg_dwarf_open_other(struct eg_dwarf_files *f, const char *path)
{
    struct eg_elf *elf, **to;
    const char *own;
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) // opening a device can do something
        return NULL;
    elf = calloc(1, sizeof *elf);
    own = eg_arena_strndup(&f->arena, path, strlen(path));
    to = elf && own && eg_elf_open(elf, own, NULL) == 0 ? eg_vec_push(&f->others) : NULL;
    if (to)
        return *to = elf;
    if (elf)
        eg_elf_close(elf);
    free(elf);
    return NULL;
}

void eg_dwarf_close_other(struct eg_dwarf_files *f)
{
    struct eg_elf *elf = f->others.at[--f->others.n];

    eg_elf_close(elf);
    free(elf);
}

static bool add(struct eg_dwarf_files *f, eg_dwarf_paths *to, const char *folder, const char *name)
{
    const char *path = eg_arena_strf(&f->paths, "%s/%s", folder, name), **place;

    place = path ? eg_vec_push(to) : NULL;
    if (place)
        *place = path;
    return place;
}

// As debuggers do: the first byte of a build id is a folder.
static bool add_by_id(struct eg_dwarf_files *f, eg_dwarf_paths *to, const char *folder,
                      const char *base, const char *id)
{
    const char *by_id = eg_arena_strf(&f->paths, ".build-id/%.2s/%s.debug", id, id + 2);
    const char *dwz = eg_arena_strf(&f->paths, ".dwz/%s", base);

    return by_id && dwz && add(f, to, folder, by_id) && add(f, to, folder, dwz);
}

bool eg_dwarf_search(struct eg_dwarf_files *f, const char *name, const char *folder, const char *id,
                     eg_dwarf_paths *to)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    char above[PATH_MAX];
    bool good = true;

    eg_arena_reset(&f->paths);
    // Nothing is beside bytes in memory.
    if (strlen(name) >= PATH_MAX || !f->first->n_maps || !realpath(f->first->path, above))
        return true;
    for (int i = 0; i < ABOVE_MAX && good && *above; i++) {
        *strrchr(above, '/') = 0;
        good = add(f, to, above, name) && (!slash || add(f, to, above, base)) &&
               (!id || add_by_id(f, to, above, base, id));
    }
    if (good && (folder || *name == '/'))
        good = add(f, to, *name == '/' ? "" : folder, name);
    return good && (!id || add_by_id(f, to, debug, base, id));
}
