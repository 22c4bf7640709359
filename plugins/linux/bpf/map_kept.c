/* map_kept.c - entries of maps that are built in ways of their own: local storage, struct_ops,
 * arenas, bloom filters, tables of sockets, interfaces, processors and call stacks. */
#include "../../../core/base.h"
#include "../../../core/map.h"
#include "../../../core/space.h"
#include "../fs/inode.h"
#include "../fs/inodes.h"
#include "../mm/mm.h"
#include "../net/net.h"
#include "../sched/cgroup.h"
#include "../sched/task.h"
#include "../text.h"
#include "map_own.h"
#include "ops.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(storage_buckets, bpf_local_storage_map, "buckets");
EG_FIELD_AS(storage_log, bpf_local_storage_map, "bucket_log");
EG_FIELD_AS(storage_list, bpf_local_storage_map_bucket, "list");
EG_FIELD_AS(storage_node, bpf_local_storage_elem, "map_node");
EG_FIELD_AS(storage_of, bpf_local_storage_elem, "local_storage");
EG_FIELD_AS(storage_data, bpf_local_storage_elem, "sdata.data");
EG_FIELD_AS(storage_owner, bpf_local_storage, "owner");
EG_FIELD_AS(arena_start, bpf_arena, "user_vm_start");
EG_FIELD_AS(arena_end, bpf_arena, "user_vm_end");
EG_FIELD_AS(arena_area, bpf_arena, "kern_vm");
EG_FIELD_AS(area_addr, vm_struct, "addr");
EG_FIELDS(bpf_bloom_filter, bitset_mask, nr_hash_funcs, bitset);
EG_FIELD_AS(shash_buckets, bpf_shtab, "buckets");
EG_FIELD_AS(shash_count, bpf_shtab, "buckets_num");
EG_FIELD_AS(shash_head, bpf_shtab_bucket, "head");
EG_FIELD_AS(shash_node, bpf_shtab_elem, "node");
EG_FIELD_AS(shash_sock, bpf_shtab_elem, "sk");
EG_FIELD_AS(shash_key, bpf_shtab_elem, "key");
EG_FIELD_AS(dhash_heads, bpf_dtab, "dev_index_head");
EG_FIELD_AS(dhash_count, bpf_dtab, "n_buckets");
EG_FIELD_AS(dhash_node, bpf_dtab_netdev, "index_hlist");
EG_FIELD_AS(dhash_index, bpf_dtab_netdev, "idx");
EG_FIELD_AS(cpus_at, bpf_cpu_map, "cpu_map");
EG_FIELD_AS(cpu_size, bpf_cpu_map_entry, "value.qsize");
EG_FIELD_AS(cpu_prog, bpf_cpu_map_entry, "prog");
EG_FIELD_AS(stacks_at, bpf_stack_map, "buckets");
EG_FIELD_AS(stacks_count, bpf_stack_map, "n_buckets");
EG_FIELDS(stack_map_bucket, nr, data);
EG_TYPE(bpf_local_storage_map);
EG_TYPE(bpf_arena);
EG_TYPE(bpf_shtab);
EG_TYPE(bpf_dtab);
EG_TYPE(bpf_cpu_map);
EG_TYPE(bpf_cpu_map_entry);
EG_TYPE(bpf_stack_map);
EG_TYPE(cgroup);

enum { FRAMES_SHOWN = 64, PAGES_MAX = 1 << 20 };

/* ---- what a program keeps with a task, an inode, a socket, a control group ---- */

static const char *task_text(struct linux_bpf_walk *w, uint64_t at)
{
    struct eg_obj task = eg_object(w->r, task_struct, at);
    const char *comm = eg_string(w->r, eg_at(task, task_struct.comm), 16);

    return eg_strf(w->r, "task %" PRId64 " %s", eg_get_or((int64_t)-1, task, task_struct.pid),
                   comm ? comm : "?");
}

static const char *inode_text(struct linux_bpf_walk *w, uint64_t at)
{
    struct eg_obj inode = eg_object(w->r, inode, at);
    const char *path = NULL;

    linux_each_name(w->r, inode, path) break;
    return eg_strf(w->r, "inode %" PRIu64 "%s%s", eg_get_or((uint64_t)0, inode, inode.i_ino),
                   path ? " " : "", path ? path : "");
}

static const char *group_text(struct linux_bpf_walk *w, uint64_t at)
{
    const char *path = linux_cgroup_path(w->r, eg_object(w->r, cgroup, at));

    return eg_strf(w->r, "group %s", path ? path : "?");
}

/** What an element is kept with; NULL: with something that is being freed. */
static const char *owner_text(struct linux_bpf_walk *w, struct eg_obj elem, const char *type)
{
    uint64_t owner = 0;

    if (!eg_get(&owner, elem, storage_of, storage_owner) || !owner)
        return NULL;
    return !strcmp(type, "task_storage")    ? task_text(w, owner)
           : !strcmp(type, "inode_storage") ? inode_text(w, owner)
           : !strcmp(type, "cgrp_storage")  ? group_text(w, owner)
                                            : linux_bpf_sock_text(w, owner);
}

static void storage(struct linux_bpf_walk *w, const char *type)
{
    struct eg_obj map = eg_cast(w->map, bpf_local_storage_map), elem;
    struct eg_map *seen = eg_run_map(w->r);
    uint32_t log = 0;

    if (!eg_get(&log, map, storage_log) || log > 24)
        return;
    for (uint32_t i = 0; i < UINT32_C(1) << log && !eg_stopped(w->r); i++) {
        struct eg_obj bucket = eg_index(eg_at(map, storage_buckets), i);

        eg_each_hlist(elem, eg_at(bucket, storage_list), storage_node) {
            const char *owner = owner_text(w, elem, type);

            if (seen->n > LINUX_BPF_CHAIN_MAX || !eg_run_map_add(w->r, seen, elem.addr, 1))
                break;
            if (!linux_bpf_give(
                    w, (struct linux_bpf_entry){ .key = owner ? owner : "nothing that is known",
                                                 .value_at = eg_at(elem, storage_data).addr,
                                                 .value_len = w->value,
                                                 .cpu = -1 }))
                return;
        }
    }
}

/* ---- struct_ops ---- */

static void struct_ops(struct linux_bpf_walk *w)
{
    struct linux_bpf_ops ops;
    struct linux_bpf_op op;

    if (!linux_bpf_ops(w->r, w->map, &ops)) {
        eg_note(w->r, "map %s: its functions cannot be read",
                linux_bpf_map_text(w->r, w->map.addr));
        return;
    }
    if (!linux_bpf_give(w, (struct linux_bpf_entry){
                               .key = ops.name, .value = ops.state ? ops.state : "?", .cpu = -1 }))
        return;
    while (linux_bpf_ops_next(&ops, &op) && !eg_stopped(w->r))
        if (!linux_bpf_give(
                w, (struct linux_bpf_entry){
                       .key = op.member ? op.member : "?",
                       .value = op.program ? linux_bpf_prog_numbered(w->b, op.program) : op.value,
                       .cpu = -1 }))
            return;
}

/* ---- arenas ---- */

/* A program adds the low 32 bits of a process's address to the beginning of the kernel's area,
 * which lies behind half of a guard: what an instruction can reach (kernel/bpf/arena.c). */
static void arena(struct linux_bpf_walk *w)
{
    struct eg_obj map = eg_cast(w->map, bpf_arena);
    const uint64_t page = UINT64_C(1) << linux_page_shift(w->r);
    uint64_t from = 0, to = 0, area = 0, left = PAGES_MAX;
    struct eg_extent x;

    if (!eg_get(&from, map, arena_start) || !eg_get(&to, map, arena_end) ||
        !eg_get(&area, map, arena_area, area_addr) || to < from || to - from > UINT32_MAX)
        return;
    area += EG_MAX(UINT64_C(1) << 16, 2 * page) / 2;
    while (from < to && left-- && !eg_stopped(w->r)) {
        const uint64_t at = area + (uint32_t)from;
        uint64_t step = page;

        eg_extent_at(eg_view_of(w->r), eg_kernel(w->r), at, &x);
        if (x.why) {
            step = (x.last - at) / page * page + page;
        } else if (!linux_bpf_give(
                       w, (struct linux_bpf_entry){ .key = eg_strf(w->r, "%#" PRIx64, from),
                                                    .value_at = at,
                                                    .value_len = (uint32_t)page,
                                                    .cpu = -1 })) {
            return;
        }
        from += EG_MIN(step, to - from);
    }
}

/* ---- bloom filters ---- */

static void bloom(struct linux_bpf_walk *w)
{
    struct eg_obj map = eg_cast(w->map, bpf_bloom_filter);
    struct eg_obj bits = eg_at(map, bpf_bloom_filter.bitset);
    uint64_t set = 0, step = 4096;
    uint32_t mask = 0, hashes = 0;
    uint8_t bytes[4096];

    if (bits.why || !eg_get(&mask, map, bpf_bloom_filter.bitset_mask) ||
        !eg_get(&hashes, map, bpf_bloom_filter.nr_hash_funcs))
        return;
    for (uint64_t at = 0, n = ((uint64_t)mask + 8) / 8; at < n && !eg_stopped(w->r); at += step) {
        step = EG_MIN(n - at, (uint64_t)sizeof bytes);
        if (!eg_read(eg_view_of(w->r), eg_kernel(w->r), bits.addr + at, bytes, step)) {
            eg_note(w->r, "map %s: bits from %" PRIu64 " on cannot be read",
                    linux_bpf_map_text(w->r, w->map.addr), 8 * at);
            break;
        }
        for (uint64_t i = 0; i < step; i++)
            set += (uint64_t)__builtin_popcount(bytes[i]);
    }
    linux_bpf_give(w, (struct linux_bpf_entry){
                          .key = "bits",
                          .value = eg_strf(w->r, "%" PRIu64 " of %" PRIu64 " set, %u for a value",
                                           set, (uint64_t)mask + 1, hashes),
                          .cpu = -1 });
}

/* ---- tables of sockets, interfaces, processors ---- */

static void sock_hash(struct linux_bpf_walk *w)
{
    struct eg_obj map = eg_cast(w->map, bpf_shtab), elem;
    struct eg_map *seen = eg_run_map(w->r);
    uint32_t n = 0;

    eg_get(&n, map, shash_count);
    for (uint32_t i = 0; i < n && i < LINUX_BPF_BUCKETS_MAX && !eg_stopped(w->r); i++) {
        eg_each_hlist(elem, eg_at(eg_index(eg_at(map, shash_buckets), i), shash_head), shash_node) {
            uint64_t sock = 0;

            if (seen->n > LINUX_BPF_CHAIN_MAX || !eg_run_map_add(w->r, seen, elem.addr, 1))
                break;
            eg_get(&sock, elem, shash_sock);
            if (!linux_bpf_give(w, (struct linux_bpf_entry){ .key_at = eg_at(elem, shash_key).addr,
                                                             .key_len = w->key,
                                                             .value = linux_bpf_sock_text(w, sock),
                                                             .cpu = -1 }))
                return;
        }
    }
}

static void device_hash(struct linux_bpf_walk *w)
{
    struct eg_obj map = eg_cast(w->map, bpf_dtab), elem;
    struct eg_map *seen = eg_run_map(w->r);
    uint32_t n = 0;

    eg_get(&n, map, dhash_count);
    for (uint32_t i = 0; i < n && i < LINUX_BPF_BUCKETS_MAX && !eg_stopped(w->r); i++) {
        eg_each_hlist(elem, eg_index(eg_at(map, dhash_heads), i), dhash_node) {
            uint32_t index = 0;

            if (seen->n > LINUX_BPF_CHAIN_MAX || !eg_run_map_add(w->r, seen, elem.addr, 1))
                break;
            eg_get(&index, elem, dhash_index);
            if (!linux_bpf_give(
                    w, (struct linux_bpf_entry){ .key = eg_strf(w->r, "%u", index),
                                                 .value = linux_bpf_device_text(w, elem.addr),
                                                 .cpu = -1 }))
                return;
        }
    }
}

static void processors(struct linux_bpf_walk *w)
{
    const uint64_t first = eg_deref(eg_at(eg_cast(w->map, bpf_cpu_map), cpus_at)).addr;
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;

    for (uint32_t i = 0; first && i < w->entries && !eg_stopped(w->r); i++) {
        const uint64_t at = linux_bpf_pointer(w, first + (uint64_t)i * word);
        struct eg_obj e = eg_object(w->r, bpf_cpu_map_entry, at);
        uint64_t prog = 0;

        if (!at)
            continue;
        eg_get(&prog, e, cpu_prog);
        if (!linux_bpf_give(w, (struct linux_bpf_entry){
                                   .key = eg_strf(w->r, "%u", i),
                                   .value = eg_strf(w->r, "queue of %u%s%s",
                                                    eg_get_or(UINT32_C(0), e, cpu_size),
                                                    prog ? ", program " : "",
                                                    prog ? linux_bpf_prog_text(w->r, prog) : ""),
                                   .cpu = -1 }))
            return;
    }
}

/* ---- call stacks ---- */

static const char *frames(struct linux_bpf_walk *w, struct eg_obj bucket)
{
    struct linux_text text = { .r = w->r };
    const uint64_t data = eg_at(bucket, stack_map_bucket.data).addr;
    uint32_t n = 0;

    eg_get(&n, bucket, stack_map_bucket.nr);
    for (uint32_t i = 0; i < n && i < FRAMES_SHOWN && 8 * i < w->value; i++) {
        const uint64_t at = linux_bpf_pointer(w, data + 8 * (uint64_t)i);
        const char *symbol = linux_bpf_symbol(w->r, at);

        if (i)
            linux_text_add(&text, ", ");
        if (symbol)
            linux_text_add(&text, "%s", symbol);
        else
            linux_text_add(&text, "%#" PRIx64, at);
    }
    return linux_text_of(&text);
}

static void stacks(struct linux_bpf_walk *w)
{
    struct eg_obj map = eg_cast(w->map, bpf_stack_map);
    const uint64_t first = eg_at(map, stacks_at).addr;
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    uint32_t n = 0;

    eg_get(&n, map, stacks_count);
    for (uint32_t i = 0; first && i < n && i < LINUX_BPF_BUCKETS_MAX && !eg_stopped(w->r); i++) {
        const uint64_t at = linux_bpf_pointer(w, first + (uint64_t)i * word);

        if (at && !linux_bpf_give(w, (struct linux_bpf_entry){
                                         .key = eg_strf(w->r, "%u", i),
                                         .value = frames(w, eg_object(w->r, stack_map_bucket, at)),
                                         .cpu = -1 }))
            return;
    }
}

bool linux_bpf_kept_entries(struct linux_bpf_walk *w, const char *type)
{
    const size_t n = strlen(type);

    if (n > 8 && !strcmp(type + n - 8, "_storage") && !strstr(type, "cgroup"))
        storage(w, type);
    else if (!strcmp(type, "struct_ops"))
        struct_ops(w);
    else if (!strcmp(type, "arena"))
        arena(w);
    else if (!strcmp(type, "bloom_filter"))
        bloom(w);
    else if (!strcmp(type, "sockhash"))
        sock_hash(w);
    else if (!strcmp(type, "devmap_hash"))
        device_hash(w);
    else if (!strcmp(type, "cpumap"))
        processors(w);
    else if (!strcmp(type, "stack_trace"))
        stacks(w);
    else
        return false;
    return true;
}
