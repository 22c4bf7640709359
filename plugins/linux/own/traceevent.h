/** own/traceevent.h - events of tracefs and perf, and the BPF programs that they run. */
#ifndef EG_LINUX_TRACEEVENT_H
#define EG_LINUX_TRACEEVENT_H

#include "../../../core/engram.h"

EG_FIELDS(tracepoint, ext, funcs, iterator, name, regfunc, static_call_key,
          unregfunc); // include/linux/tracepoint-defs.h; regfunc, unregfunc: in ext since 6.14

/** What a struct trace_event_call is: "event kprobes/mine, BPF program 7 lab"; NULL: it cannot be
 * read. */
EG_API const char *linux_trace_event(struct eg_run *r, struct eg_obj call);
/** Of a struct trace_probe, which probes of tracefs and perf have. */
EG_API const char *linux_trace_probe(struct eg_run *r, struct eg_obj probe);

#endif
