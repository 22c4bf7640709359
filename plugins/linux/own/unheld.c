/* unheld.c - open files that the slab allocator has, and no known holder.
 *
 *  Since 6.9 a freed file can be used again at once (SLAB_TYPESAFE_BY_RCU), and before it is freed
 * only after a grace period: so each object is asked for its count of users, too. A cache can be
 * merged with others, whose objects are no files. */
#include "unheld.h"
#include "../../../core/base.h"
#include "../../../core/map.h"
#include "../fs/inode.h"
#include "../mm/slab.h"

EG_FIELD_AS(file_users, file, "f_count.counter");
// Since 6.13: one less than the users, negative when there are none (include/linux/file_ref.h).
EG_FIELD_AS(file_users_less_one, file, "f_ref.refcnt.counter");
EG_FIELD_AS(file_path_dentry, file, "__f_path.dentry|f_path.dentry");
EG_FIELD_AS(file_own_inode, file, "f_inode");
EG_FIELD_AS(named_inode, dentry, "d_inode");
EG_FIELD_AS(backing_file, backing_file, "file"); // since 6.7
EG_TYPE(file);

enum { USERS_MAX = 1 << 30 };

/** In use, and with an inode and a name. Until 6.8 the name of a file below an overlay is the
 * overlay's (fs/open.c, open_with_fake_path), so that it may lead to another inode. */
static bool is_open(struct eg_obj file)
{
    uint64_t inode, sb, named;
    int64_t users;

    if (eg_get(&users, file, file_users_less_one))
        users = users < 0 ? 0 : users + 1;
    else if (!eg_get(&users, file, file_users))
        return false;
    return users > 0 && users < USERS_MAX && eg_get(&inode, file, file_own_inode) && inode &&
           eg_get(&sb, file, file_own_inode, inode.i_sb) && sb &&
           eg_get(&named, file, file_path_dentry, named_inode);
}

size_t linux_unheld_files(struct eg_run *r, const struct linux_holders *known, uint64_t **out)
{
    const struct {
        const char *name;
        uint64_t at;
    } caches[] = { { "filp", 0 },
                   { "bfilp", eg_has(r, backing_file) ? eg_offset(r, backing_file) : 0 } };
    struct eg_map *seen = eg_run_map(r);
    uint64_t *list = NULL;
    size_t n = 0, cap = 0;

    for (size_t i = 0; i < known->n; i++)
        if (known->at[i].file)
            eg_run_map_add(r, seen, known->at[i].file, 0);
    for (size_t c = 0; c < sizeof caches / sizeof *caches; c++) {
        struct eg_obj cache = linux_cache_named(r, caches[c].name);
        struct linux_slab_place *places;
        const size_t all = cache.why ? 0 : linux_slab_places(r, cache, &places);

        for (size_t i = 0; i < all && !eg_stopped(r); i++) {
            const uint64_t at = places[i].object + caches[c].at;

            if (places[i].free || !is_open(eg_object(r, file, at)) ||
                !eg_run_map_add(r, seen, at, 0))
                continue;
            list = eg_grow(r, list, n, &cap, sizeof *list);
            list[n++] = at;
        }
    }
    *out = list;
    return n;
}
