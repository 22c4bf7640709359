/** sched/nsproxy.h - the namespaces of a task. */
#ifndef EG_LINUX_NSPROXY_H
#define EG_LINUX_NSPROXY_H

#include "../../../core/cursor.h"

EG_FIELDS(nsproxy, mnt_ns, time_ns); // time_ns since 5.6

#endif
