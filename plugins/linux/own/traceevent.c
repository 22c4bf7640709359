/* traceevent.c - events of tracefs and perf (include/linux/trace_events.h). */
#include "traceevent.h"
#include "../net/bpfprog.h"

EG_FIELDS(trace_probe, event);      // kernel/trace/trace_probe.h
EG_FIELDS(trace_probe_event, call); // since 5.4
EG_FIELDS(trace_event_call, class, flags, name, prog_array, tp);
EG_FIELDS(trace_event_class, system);
EG_FIELDS(bpf_prog_array, items); // include/linux/bpf.h
EG_FIELDS(bpf_prog_array_item, prog);
EG_ENUMERATOR(TRACE_EVENT_FL_TRACEPOINT_BIT, NULL);

enum { NAME_MAX = 256, PROGRAMS_MAX = 64 }; // BPF_TRACE_MAX_PROGS (kernel/trace/bpf_trace.c)

static const char *programs(struct eg_run *r, struct eg_obj call, const char *text)
{
    struct eg_obj items = eg_at(call, trace_event_call.prog_array, bpf_prog_array.items);
    struct linux_bpfprog program;
    uint64_t at;

    for (unsigned i = 0; i < PROGRAMS_MAX && !items.why; i++) {
        if (!eg_get(&at, eg_index(items, i), bpf_prog_array_item.prog) || !at)
            break;
        linux_bpfprog(r, at, &program);
        if (program.text)
            text = eg_strf(r, "%s, %s", text, program.text);
    }
    return text;
}

const char *linux_trace_event(struct eg_run *r, struct eg_obj call)
{
    const char *system =
        eg_string(r, eg_at(call, trace_event_call.class, trace_event_class.system), NAME_MAX);
    struct eg_obj name = eg_at(call, trace_event_call.name);
    int64_t bit;
    uint32_t flags;
    const char *text;

    // One union: an event of a tracepoint has that, others a name.
    if (eg_get(&flags, call, trace_event_call.flags) &&
        eg_enum(r, TRACE_EVENT_FL_TRACEPOINT_BIT, &bit) && bit >= 0 && bit < 32 && flags >> bit & 1)
        name = eg_at(call, trace_event_call.tp, tracepoint.name);
    text = eg_string(r, name, NAME_MAX);
    if (!system || !text)
        return NULL;
    return programs(r, call, eg_strf(r, "event %s/%s", system, text));
}

const char *linux_trace_probe(struct eg_run *r, struct eg_obj probe)
{
    return linux_trace_event(r, eg_at(probe, trace_probe.event, trace_probe_event.call));
}
