/** sched/uts.h - what the kernel calls itself (uname). */
#ifndef EG_LINUX_UTS_H
#define EG_LINUX_UTS_H

#include "../../../core/cursor.h"

EG_FIELD_AS(uts_nodename, uts_namespace, "name.nodename");
EG_FIELD_AS(uts_release, uts_namespace, "name.release");
EG_FIELD_AS(uts_version, uts_namespace, "name.version");
EG_SYMBOL(init_uts_ns, "uts_namespace");

#endif
