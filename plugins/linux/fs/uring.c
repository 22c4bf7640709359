/* uring.c - rings of io_uring, and the files that are registered with one (io_uring/rsrc.h). */
#include "uring.h"
#include "../../../core/base.h"

EG_FIELD_AS(tctx_rings, io_uring_task, "xa");
EG_FIELD_AS(tctx_node_ctx, io_tctx_node, "ctx");
// What is registered: an array and its length until 6.12, then io_rsrc_data.
EG_FIELD_AS(ctx_nr_files, io_ring_ctx, "nr_user_files");
EG_FIELD_AS(ctx_files, io_ring_ctx, "file_table.files");
EG_FIELD_AS(ctx_file_data, io_ring_ctx, "file_table.data");
EG_FIELD_AS(rsrc_nr, io_rsrc_data, "nr");
EG_FIELD_AS(rsrc_nodes, io_rsrc_data, "nodes");
EG_FIELD_AS(node_file, io_rsrc_node, "file_ptr");
EG_FIELD_AS(fixed_file, io_fixed_file, "file_ptr");
EG_TYPE(io_tctx_node);
EG_TYPE(file);

enum { REGISTERED_MAX = 1 << 20 };

bool linux_next_used_ring(struct eg_run *r, struct linux_used_ring_walk *w, struct eg_obj *ctx)
{
    struct eg_entry entry;

    if (!w->begun) {
        struct eg_obj tctx = eg_deref(eg_at(w->task, task_io_uring));

        if (tctx.why)
            return false;
        w->rings = eg_xa_begin(eg_at(tctx, tctx_rings));
        w->begun = true;
    }
    while (eg_xa_next(&w->rings, &entry)) {
        *ctx =
            eg_deref(eg_at(eg_object(r, io_tctx_node, entry.value & ~UINT64_C(3)), tctx_node_ctx));
        if (!ctx->why)
            return true;
    }
    return false;
}

bool linux_next_ring_file(struct eg_run *r, struct linux_ring_file_walk *w, uint32_t *number,
                          struct eg_obj *file)
{
    enum { FLAGS = 7 }; // the kernel's, in the lowest bits of the pointer

    if (!w->begun) {
        if (eg_has(r, ctx_file_data))
            eg_get(&w->n, w->ctx, ctx_file_data, rsrc_nr);
        else
            eg_get(&w->n, w->ctx, ctx_nr_files);
        w->n = EG_MIN(w->n, REGISTERED_MAX);
        w->begun = true;
    }
    while (w->at < w->n && !eg_stopped(r)) {
        struct eg_obj place = eg_has(r, ctx_file_data)
                                  ? eg_index(eg_at(w->ctx, ctx_file_data, rsrc_nodes), w->at)
                                  : eg_index(eg_at(w->ctx, ctx_files), w->at);
        uint64_t at = 0;

        *number = w->at;
        if (eg_has(r, ctx_file_data)) {
            if (!eg_load(&at, place))
                break; // the array ends here, whatever the count says
            if (at)
                eg_get(&at, place, node_file);
        } else if (!eg_get(&at, place, fixed_file)) {
            break;
        }
        w->at++;
        at &= ~(uint64_t)FLAGS;
        if (at) {
            *file = eg_object(r, file, at);
            return true;
        }
    }
    return false;
}

static bool next_ring(struct eg_run *r, struct eg_obj task, void *state, struct eg_obj *out)
{
    struct linux_used_ring_walk *w = state;

    w->task = task;
    return linux_next_used_ring(r, w, out);
}

EG_WALKER(rings) = {
    .os = "linux",
    .help = "rings of io_uring that a thread has used",
    .arg = "task_struct",
    .elem = "io_ring_ctx",
    .needs = EG_NEEDS(task_io_uring, tctx_rings, tctx_node_ctx),
    .state = sizeof(struct linux_used_ring_walk),
    .next = next_ring,
};
