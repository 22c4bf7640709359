/* notify.c - what inotify and fanotify watch. */
#include "notify.h"
#include "../sched/task.h"
#include "dentry.h"
#include "inode.h"
#include "mount.h"
#include "path.h"
#include "superblock.h"

EG_FIELD_AS(file_group, file, "private_data");
EG_FIELD_AS(group_marks, fsnotify_group, "marks_list");
EG_FIELDS(fsnotify_mark, connector, g_list, mask);
EG_FIELD_AS(mark_ignored, fsnotify_mark, "ignore_mask|ignored_mask"); // renamed in 6.0
EG_FIELD_AS(connector_type, fsnotify_mark_connector, "type");
EG_FIELD_AS(connector_object, fsnotify_mark_connector, "obj");
EG_FIELD_AS(inotify_mark, inotify_inode_mark, "fsn_mark");
EG_FIELD_AS(inotify_wd, inotify_inode_mark, "wd");
EG_FIELD_AS(inode_marks, inode, "i_fsnotify_marks");
EG_FIELD_AS(mount_marks, mount, "mnt_fsnotify_marks");
EG_FIELD_AS(sb_marks, super_block, "s_fsnotify_marks");
EG_FIELD_AS(sb_info, super_block, "s_fsnotify_info"); // since 6.10
EG_FIELD_AS(info_marks, fsnotify_sb_info, "sb_marks");
EG_FIELD_AS(marks_of, mnt_namespace, "n_fsnotify_marks");
EG_FIELD_AS(first_alias, inode, "i_dentry.first");
EG_TYPE(fsnotify_group);

static const struct eg_constant events[] = {
    // include/uapi/linux/inotify.h, include/linux/fsnotify_backend.h: the same bits
    { "ACCESS", 1 },
    { "MODIFY", 2 },
    { "ATTRIB", 4 },
    { "CLOSE_WRITE", 8 },
    { "CLOSE_NOWRITE", 16 },
    { "OPEN", 32 },
    { "MOVED_FROM", 64 },
    { "MOVED_TO", 128 },
    { "CREATE", 256 },
    { "DELETE", 512 },
    { "DELETE_SELF", 1024 },
    { "MOVE_SELF", 2048 },
    { "OPEN_EXEC", 0x1000 },
    { "UNMOUNT", 0x2000 },
    { "Q_OVERFLOW", 0x4000 },
    { "FS_ERROR", 0x8000 },
    { "OPEN_PERM", 0x10000 },
    { "ACCESS_PERM", 0x20000 },
    { "OPEN_EXEC_PERM", 0x40000 },
    { "PRE_ACCESS", 0x100000 },
    { "MNT_ATTACH", 0x1000000 },
    { "MNT_DETACH", 0x2000000 },
    { "EXCL_UNLINK", 0x4000000 },
    { "EVENT_ON_CHILD", 0x8000000 },
    { "RENAME", 0x10000000 },
    { "DN_MULTISHOT", 0x20000000 },
    { "ONDIR", 0x40000000 },
    { "ONESHOT", 0x80000000 },
    { NULL, 0 },
};

const char *linux_watch_text(struct eg_run *r, uint32_t mask)
{
    return eg_bits_text(r, events, mask, "|");
}

struct eg_obj linux_file_group(struct eg_run *r, struct eg_obj file)
{
    (void)r;
    return eg_deref(eg_cast(eg_at(file, file_group), fsnotify_group));
}

/** Does the pointer at @at lead to this connector? */
static bool leads(struct eg_obj pointer, uint64_t connector)
{
    uint64_t at;

    return eg_load(&at, pointer) && at == connector;
}

/* What has marks points to their connector, which points back: to that pointer until 6.9, to the
 * object itself since. So each is known by the other. */
static void object_of(struct eg_run *r, struct eg_obj connector, struct linux_mark *out)
{
    uint64_t at;
    struct eg_obj sb;

    if (!eg_get(&at, connector, connector_object) || !at)
        return;
    if (leads(eg_at(eg_object(r, inode, at), inode_marks), connector.addr)) {
        out->what = LINUX_WATCHED_INODE;
        out->object = at;
        return;
    }
    // Of a mount it is the part that file systems see.
    if (leads(eg_at(eg_object(r, mount, at - eg_offset(r, mount.mnt)), mount_marks),
              connector.addr)) {
        out->what = LINUX_WATCHED_MOUNT;
        out->object = at - eg_offset(r, mount.mnt);
        return;
    }
    sb = eg_object(r, super_block, at);
    if (leads(eg_at(sb, sb_marks), connector.addr) ||
        leads(eg_at(sb, sb_info, info_marks), connector.addr)) {
        out->what = LINUX_WATCHED_SUPERBLOCK;
        out->object = at;
        return;
    }
    if (leads(eg_at(eg_object(r, mnt_namespace, at), marks_of), connector.addr)) {
        out->what = LINUX_WATCHED_NAMESPACE;
        out->object = at;
        return;
    }
}

/* The same until 6.9: the kind is what its number says (enum fsnotify_obj_type). */
static void pointer_of(struct eg_run *r, struct eg_obj connector, struct linux_mark *out)
{
    uint64_t at, back;
    uint32_t type;

    if (!eg_get(&at, connector, connector_object) || !at ||
        !eg_get(&type, connector, connector_type) ||
        !eg_read(connector.view, connector.space, at, &back, sizeof back))
        return;
    back = eg_load_((const uint8_t *)&back, eg_binding_of(r)->model.ptr_size,
                    eg_binding_of(r)->model.big_endian);
    if (back != connector.addr)
        return;
    if (type == 0 && eg_has(r, inode_marks)) {
        out->what = LINUX_WATCHED_INODE;
        out->object = at - eg_offset(r, inode_marks);
    } else if (type == 1 && eg_has(r, mount_marks)) {
        out->what = LINUX_WATCHED_MOUNT;
        out->object = at - eg_offset(r, mount_marks);
    } else if (type == 2 && eg_has(r, sb_marks)) {
        out->what = LINUX_WATCHED_SUPERBLOCK;
        out->object = at - eg_offset(r, sb_marks);
    }
}

bool linux_next_mark(struct eg_run *r, struct linux_mark_walk *w, struct linux_mark *out)
{
    struct eg_obj mark, connector;

    if (!w->begun) {
        w->list = eg_list_begin_(eg_at(w->group, group_marks), eg_f_fsnotify_mark.g_list.id);
        w->begun = true;
    }
    if (!eg_list_next_(&w->list, &mark))
        return false;
    *out = (struct linux_mark){ .mark = mark };
    eg_get(&out->mask, mark, fsnotify_mark.mask);
    eg_get(&out->ignored, mark, mark_ignored);
    connector = eg_deref(eg_at(mark, fsnotify_mark.connector));
    if (!connector.why) {
        object_of(r, connector, out);
        if (!out->object)
            pointer_of(r, connector, out);
    }
    return true;
}

struct eg_cell linux_mark_wd(struct eg_run *r, const struct linux_mark *m)
{
    (void)r;
    return eg_val(eg_container(m->mark, inotify_mark), inotify_wd);
}

const char *linux_mark_path(struct eg_run *r, const struct linux_mark *m)
{
    bool reached;

    switch (m->what) {
    case LINUX_WATCHED_INODE: {
        uint64_t node, off = eg_offset(r, dentry_alias);

        if (!eg_has(r, dentry_alias) ||
            !eg_get(&node, eg_object(r, inode, m->object), first_alias) || node < off)
            return NULL;
        return linux_dentry_where(r, eg_object(r, dentry, node - off));
    }
    case LINUX_WATCHED_MOUNT:
        return linux_mount_point(r, eg_object(r, mount, m->object), LINUX_NOBODY, &reached);
    case LINUX_WATCHED_SUPERBLOCK:
        return linux_superblock_where(r, eg_object(r, super_block, m->object));
    default:
        return NULL;
    }
}
