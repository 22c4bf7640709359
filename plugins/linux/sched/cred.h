/** sched/cred.h - credentials: user and group ids, capabilities. */
#ifndef EG_LINUX_CRED_H
#define EG_LINUX_CRED_H

#include "../../../core/engram.h"

// kuid_t and kgid_t are structs since 3.5, whose only member is the number.
EG_FIELD_AS(cred_uid, cred, "uid.val|uid");
EG_FIELD_AS(cred_gid, cred, "gid.val|gid");
EG_FIELD_AS(cred_euid, cred, "euid.val|euid");
EG_FIELD_AS(cred_egid, cred, "egid.val|egid");
EG_FIELD_AS(cred_user_ns, cred, "user_ns");
EG_FIELD_AS(task_cred, task_struct, "cred"); // what it acts with; real_cred: what it is

/** A set of capabilities, a cursor on a kernel_cap_t (cred.cap_effective), as one number. */
EG_API struct eg_cell linux_caps(struct eg_run *r, struct eg_obj caps);
/** Its names: "chown,net_raw"; "" of an empty one, NULL where it cannot be read. */
EG_API const char *linux_caps_text(struct eg_run *r, struct eg_obj caps);

#endif
