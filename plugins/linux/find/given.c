/** given.c - types and symbols from files that the user named or that are in profile folders
 * (folders.c). */
#include "given.h"
#include "../../../core/reader.h"
#include "../../../profiles/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool linux_own(struct eg_system *sys, struct eg_profile *p)
{
    struct eg_profile **slot = eg_vec_push(&sys->profiles);

    if (!slot)
        eg_profile_free(p);
    else
        *slot = p;
    return slot != NULL;
}

static struct linux_given *given_new(struct eg_system *sys)
{
    struct linux_given *given = eg_arena_new(&sys->arena, struct linux_given);

    if (given)
        given->options = &sys->options;
    return given;
}

static void use(struct linux_given *given, const struct eg_profile *p)
{
    if (p->n_types > 1 && !given->types)
        given->types = p;
    if (p->n_symbols && given->n_symbols < countof(given->symbols))
        given->symbols[given->n_symbols++] = p;
}

/** An .egp file contains the profile of the kernel and those of its modules. */
static int read_stored(struct eg_system *sys, struct linux_given *given, const char *path,
                       struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_profile **all =
        calloc(EG_LAYERS_MAX, sizeof(struct eg_profile *));
    size_t n = EG_LAYERS_MAX;
    int rc;

    if (!all)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    rc = eg_store_read(path, all, &n, e);
    if (rc < 0)
        return rc;
    n = EG_MIN(n, (size_t)EG_LAYERS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!linux_own(sys, all[i])) {
            while (++i < n)
                eg_profile_free(all[i]);
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
        }
    if (!n)
        return 0;
    use(given, all[0]);
    if (n > 1 && !given->modules &&
        (given->modules = eg_arena_array(&sys->arena, struct eg_profile *, n))) {
        memcpy(given->modules, all + 1, (n - 1) * sizeof all[0]);
        given->n_modules = n - 1;
    }
    return 0;
}

static int read_one(struct eg_system *sys, struct linux_given *given, const char *path,
                    struct eg_error *e)
{
    const size_t len = strlen(path);
    struct eg_profile *p;
    char id[64];
    int rc;

    if ((len > 4 && !strcmp(path + len - 4, ".egp")) || eg_store_build_id(path, id))
        return read_stored(sys, given, path, e);
    rc = eg_profile_read(&p, path, sys->options.threads, e);
    if (rc < 0)
        return rc;
    if (!linux_own(sys, p))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    use(given, p);
    return 0;
}

int linux_given_read(struct eg_system *sys, struct linux_given **out, struct eg_error *e)
{
    const char *const paths[] = { sys->options.profile, sys->options.vmlinux,
                                  sys->options.system_map };
    struct linux_given *given = NULL;

    for (size_t i = 0; i < countof(paths); i++) {
        int rc;

        if (!paths[i])
            continue;
        if (!given && !(given = given_new(sys)))
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", paths[i]);
        rc = read_one(sys, given, paths[i], e);
        if (rc < 0)
            return rc;
    }
    *out = given;
    return 0;
}

int linux_given_file(struct eg_system *sys, const char *path, struct linux_given **out,
                     struct eg_error *e)
{
    struct linux_given *given = given_new(sys);
    int rc =
        given ? read_one(sys, given, path, e) : eg_fail(e, EG_ENOMEM, "%s: out of memory", path);

    if (rc == 0)
        *out = given;
    return rc;
}

void linux_compare_types(struct eg_system *sys, const struct eg_types *a, const struct eg_types *b)
{
    static const struct {
        const char *type, *member;
    } telling[] = {
        { "task_struct", "tasks" },
        { "task_struct", "pid" },
        { "task_struct", "comm" },
        { "task_struct", "mm" },
        { "task_struct", "real_parent" },
        { "mm_struct", "pgd" },
        { "mm_struct", "start_code" },
        { "module", "name" },
        { "module", "list" },
        { "file", "f_mode" },
        { "dentry", "d_name" },
        { "inode", "i_ino" },
        { "sock", "sk_prot" },
        { "cred", "uid" },
    };
    unsigned differ = 0, compared = 0;
    char first[160] = "";

    for (size_t i = 0; i < countof(telling); i++) {
        uint64_t x, y;

        if (!linux_member(a, telling[i].type, telling[i].member, &x, NULL) ||
            !linux_member(b, telling[i].type, telling[i].member, &y, NULL))
            continue;
        compared++;
        if (x != y && !differ++)
            snprintf(first, sizeof first, "%s.%s at %" PRIu64 ", not %" PRIu64, telling[i].type,
                     telling[i].member, x, y);
    }
    if (differ)
        eg_system_note(sys,
                       "the profile %s disagrees with the image's own BTF in %u of %u members "
                       "(%s): it is of another kernel; without it the image's own types are used",
                       a->layers[0].profile->source, differ, compared, first);
}
