/* xattr.c - extended attributes of what memory knows of itself (tmpfs, fs/xattr.c), and access
 * control lists; where a symbolic link leads. */
#include "xattr.h"
#include "../../../core/run.h"
#include "../fs/inode.h"
#include "filemap.h"
#include "xattr_disk.h"
#include <stdlib.h>

// A list until 6.2, then a tree, since 7.1 a list of entries that a hash table has too.
EG_FIELD_AS(shmem_xattrs, shmem_inode_info, "xattrs");
EG_FIELD_AS(shmem_vfs_inode, shmem_inode_info, "vfs_inode");
EG_FIELDS(simple_xattrs, head, rb_root);
EG_FIELDS(simple_xattr, list, name, node, rb_node, size, value);
EG_FIELDS(posix_acl, a_count, a_entries);
EG_FIELDS(posix_acl_entry, e_tag, e_perm);
EG_FIELD_AS(acl_id, posix_acl_entry, "e_uid.val"); // a union with the group's
EG_FIELD_AS(inode_acl, inode, "i_acl");
EG_FIELD_AS(inode_default_acl, inode, "i_default_acl");
EG_FIELD_AS(inode_link, inode, "i_link");
EG_TYPE(shmem_inode_info);

enum {
    XATTRS_MAX = 1024,
    NAME_MAX_ = 255, // XATTR_NAME_MAX, XATTR_SIZE_MAX (include/uapi/linux/limits.h)
    VALUE_MAX = 65536,
    ACL_MAX = 4096,
    LINK_MAX_ = 4096,
};

void linux_xattr_add(struct linux_xattr_list *l, const char *name, const void *value, size_t len)
{
    uint8_t *copy;

    if (l->n == XATTRS_MAX || len > VALUE_MAX) {
        l->whole = false;
        return;
    }
    copy = eg_tmp(l->r, len + 1);
    if (len)
        memcpy(copy, value, len);
    l->at = eg_grow(l->r, l->at, l->n, &l->cap, sizeof *l->at);
    l->at[l->n++] = (struct linux_xattr){ name, copy, len };
}

static void add_simple(struct linux_xattr_list *l, struct eg_obj x)
{
    const char *name = eg_string(l->r, eg_at(x, simple_xattr.name), NAME_MAX_);
    struct eg_obj value = eg_at(x, simple_xattr.value);
    uint8_t bytes[VALUE_MAX];
    uint64_t size;

    if (!name || !eg_get(&size, x, simple_xattr.size) || size > sizeof bytes ||
        !eg_read(value.view, value.space, value.addr, bytes, (size_t)size)) {
        l->whole = false;
        return;
    }
    linux_xattr_add(l, name, bytes, (size_t)size);
}

static void add_memory(struct linux_xattr_list *l, struct eg_obj inode)
{
    struct eg_obj info = eg_container(inode, shmem_vfs_inode), at = eg_at(info, shmem_xattrs), x;

    if (!eg_has(l->r, simple_xattrs.head) && !eg_has(l->r, simple_xattrs.rb_root)) {
        eg_each_list(x, at, simple_xattr.node)
            add_simple(l, x);
    } else if (eg_has(l->r, simple_xattrs.rb_root)) {
        eg_each_rb(x, eg_at(at, simple_xattrs.rb_root), simple_xattr.rb_node)
            add_simple(l, x);
    } else {
        eg_each_list(x, eg_at(at, simple_xattrs.head), simple_xattr.list)
            add_simple(l, x);
    }
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* As programs get it (include/uapi/linux/posix_acl_xattr.h). */
static void add_acl(struct linux_xattr_list *l, struct eg_obj acl, const char *name)
{
    enum { VERSION = 2, HEAD = 4, ENTRY = 8 };
    uint64_t at;
    uint32_t n;
    uint8_t *bytes;

    if (!eg_load(&at, acl) || !at || at == UINT64_MAX) // none, or not cached
        return;
    acl = eg_deref(acl);
    if (!eg_get(&n, acl, posix_acl.a_count) || n > ACL_MAX)
        return;
    bytes = eg_tmp(l->r, HEAD + (size_t)n * ENTRY);
    bytes[0] = VERSION;
    for (uint32_t i = 0; i < n; i++) {
        struct eg_obj e = eg_index(eg_at(acl, posix_acl.a_entries), i);
        uint8_t *p = bytes + HEAD + (size_t)i * ENTRY;
        const uint32_t tag = eg_get_or(0u, e, posix_acl_entry.e_tag) & 0xffff;
        const uint32_t id = tag == 2 || tag == 8 ? eg_get_or(UINT32_MAX, e, acl_id) : UINT32_MAX;

        if (!tag)
            return;
        put16(p, tag);
        put16(p + 2, eg_get_or(0u, e, posix_acl_entry.e_perm));
        put16(p + 4, id);
        put16(p + 6, id >> 16);
    }
    linux_xattr_add(l, name, bytes, HEAD + (size_t)n * ENTRY);
}

static int by_name(const void *a, const void *b)
{
    const struct linux_xattr *x = a, *y = b;
    const int by = strcmp(x->name, y->name);

    return by ? by : (x->len > y->len) - (x->len < y->len);
}

size_t linux_xattrs(struct eg_run *r, struct eg_obj inode, struct linux_xattr **out, bool *whole)
{
    struct linux_xattr_list l = { .r = r };
    struct eg_obj sb = eg_at(inode, inode.i_sb);
    const char *fs = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 16);

    if (fs && (!strcmp(fs, "tmpfs") || !strcmp(fs, "devtmpfs")) && eg_has(r, shmem_xattrs)) {
        l.whole = true;
        add_memory(&l, inode);
    } else if (fs && (!strcmp(fs, "ext4") || !strcmp(fs, "ext3") || !strcmp(fs, "ext2"))) {
        linux_xattrs_ext4(&l, inode);
    } else if (fs && !strcmp(fs, "xfs")) {
        linux_xattrs_xfs(&l, inode);
    }
    add_acl(&l, eg_at(inode, inode_acl), "system.posix_acl_access");
    add_acl(&l, eg_at(inode, inode_default_acl), "system.posix_acl_default");
    if (l.n)
        qsort(l.at, l.n, sizeof *l.at, by_name);
    *out = l.at;
    *whole = l.whole;
    return l.n;
}

/* A short one is in the inode; a long one is the file's first page. */
const char *linux_link_target(struct eg_run *r, struct eg_obj inode)
{
    enum { S_IFMT = 0170000, S_IFLNK = 0120000 };
    struct eg_space *space;
    uint64_t size, at;
    const char *text;

    if ((eg_get_or(0u, inode, inode.i_mode) & S_IFMT) != S_IFLNK ||
        !eg_get(&size, inode, inode.i_size))
        return NULL;
    if (eg_get(&at, inode, inode_link) && at)
        return eg_cstr(r, eg_kernel(r), at, LINK_MAX_);
    text = linux_link_xfs(r, inode, size);
    if (text || !size || size > LINK_MAX_)
        return text;
    space = linux_file_space(r, inode);
    text = space ? eg_cstr(r, space, 0, (size_t)size) : NULL;
    return text && *text ? text : NULL;
}

EG_FUNCTION(link_target) = {
    .os = "linux",
    .help = "where a symbolic link leads; nil: it is none, or memory does not have it",
    .args = "inode",
    .text = linux_link_target,
};
