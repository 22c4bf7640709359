/* locks.c - locks and leases of files. */
#include "locks.h"

// What all kinds have is a file_lock_core since 6.9, which lies first in file_lock and file_lease.
EG_FIELD_AS(inode_locks, inode, "i_flctx");
EG_FIELDS(file_lock_context, flc_flock, flc_lease, flc_posix);
EG_FIELDS(file_lock_core, flc_blocked_member, flc_blocked_requests, flc_file, flc_flags, flc_list,
          flc_owner, flc_pid, flc_type);
EG_FIELDS(file_lock, fl_blocked_member, fl_blocked_requests, fl_end, fl_file, fl_flags, fl_list,
          fl_owner, fl_pid, fl_start, fl_type);
EG_FIELD_AS(lock_core, file_lock, "c");

enum flag {
    FL_POSIX = 1,
    FL_FLOCK = 2,
    FL_DELEG = 4,
    FL_ACCESS = 8,
    FL_LEASE = 32,
    FL_DOWNGRADE_PENDING = 256,
    FL_UNLOCK_PENDING = 512,
    FL_OFDLCK = 1024,
    FL_LAYOUT = 2048,
};
#define LAST_OFFSET INT64_MAX // OFFSET_MAX: to the end, however long the file becomes

#define EITHER(core, lock, member)                                                                 \
    (core.why ? eg_at(lock, file_lock.fl_##member) : eg_at(core, file_lock_core.flc_##member))

static const char *type_of(uint32_t flags)
{
    if (flags & FL_POSIX)
        return flags & FL_ACCESS ? "ACCESS" : flags & FL_OFDLCK ? "OFDLCK" : "POSIX";
    if (flags & FL_FLOCK)
        return "FLOCK";
    return flags & FL_DELEG    ? "DELEG"
           : flags & FL_LEASE  ? "LEASE"
           : flags & FL_LAYOUT ? "LAYOUT"
                               : "UNKNOWN";
}

void linux_lock_read(struct eg_run *r, struct eg_obj lock, struct linux_lock *out)
{
    static const char *const names[] = { "READ", "WRITE", "UNLCK" };
    struct eg_obj core = eg_at(lock, lock_core);
    uint32_t flags = 0, type = 0;
    int64_t end;

    *out = (struct linux_lock){ .lock = lock, .type = "UNKNOWN", .state = "held" };
    (void)r;
    out->pid = eg_cell_of(EITHER(core, lock, pid));
    if (!core.why)
        out->pid = eg_val(core, file_lock_core.flc_pid);
    eg_load(&out->file, EITHER(core, lock, file));
    eg_load(&out->owner, EITHER(core, lock, owner));
    if (!eg_load(&flags, EITHER(core, lock, flags)))
        return;
    out->type = type_of(flags);
    if (eg_load(&type, EITHER(core, lock, type)) && type < 3)
        out->access = names[type];
    if (flags & (FL_LEASE | FL_DELEG | FL_LAYOUT)) {
        const bool breaking = flags & (FL_UNLOCK_PENDING | FL_DOWNGRADE_PENDING);

        out->state = breaking ? "BREAKING" : out->file ? "ACTIVE" : "BREAKER";
        if (breaking) // what it becomes
            out->access = names[flags & FL_UNLOCK_PENDING ? 2 : 0];
        return;
    }
    if (!(flags & FL_POSIX))
        return;
    out->first = eg_val(lock, file_lock.fl_start);
    out->last = eg_val(lock, file_lock.fl_end);
    if (eg_get(&end, lock, file_lock.fl_end) && end == LAST_OFFSET)
        out->last = (struct eg_cell){ 0 };
}

/* A list's links are in file_lock_core where there is one: of both kinds of lock it is the
 * beginning. */
static struct eg_list_walk list_of(struct eg_run *r, struct eg_obj head, bool waiting)
{
    if (eg_has(r, lock_core))
        return waiting ? eg_list_begin_(head, eg_f_file_lock_core.flc_blocked_member.id)
                       : eg_list_begin_(head, eg_f_file_lock_core.flc_list.id);
    return waiting ? eg_list_begin_(head, eg_f_file_lock.fl_blocked_member.id)
                   : eg_list_begin_(head, eg_f_file_lock.fl_list.id);
}

static bool next_list(struct eg_run *r, struct linux_lock_walk *w)
{
    struct eg_obj context = eg_deref(eg_at(w->inode, inode_locks));
    struct eg_obj head;

    if (context.why || w->kind == 3)
        return false;
    head = w->kind == 0   ? eg_at(context, file_lock_context.flc_posix)
           : w->kind == 1 ? eg_at(context, file_lock_context.flc_flock)
                          : eg_at(context, file_lock_context.flc_lease);
    w->kind++;
    w->list = list_of(r, head, false);
    w->going = true;
    return true;
}

bool linux_next_lock(struct eg_run *r, struct linux_lock_walk *w, struct linux_lock *out)
{
    struct eg_obj lock;

    for (;;) {
        if (w->waits && eg_list_next_(&w->waiting, &lock)) {
            linux_lock_read(r, eg_object(r, file_lock, lock.addr), out);
            out->state = "waits";
            return true;
        }
        w->waits = false;
        if (w->going && eg_list_next_(&w->list, &lock)) {
            struct eg_obj head = eg_has(r, lock_core)
                                     ? eg_at(lock, file_lock_core.flc_blocked_requests)
                                     : eg_at(lock, file_lock.fl_blocked_requests);

            linux_lock_read(r, eg_object(r, file_lock, lock.addr), out);
            w->waiting = list_of(r, head, true);
            w->waits = !head.why;
            return true;
        }
        w->going = false;
        if (!next_list(r, w))
            return false;
    }
}
