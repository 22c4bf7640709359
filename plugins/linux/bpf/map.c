/* map.c - entries of BPF maps, type by type. */
#include "../../../core/map.h"
#include "../../../core/base.h"
#include "../../../core/run.h"
#include "../kernel/percpu.h"
#include "../net/net.h"
#include "../net/sock.h"
#include "../sched/cgroup.h"
#include "map_own.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(map_key_size, bpf_map, "key_size");
EG_FIELD_AS(map_value_size, bpf_map, "value_size");
EG_FIELD_AS(array_value, bpf_array, "value");
EG_FIELD_AS(array_step, bpf_array, "elem_size");
EG_FIELD_AS(array_pointers, bpf_array, "ptrs");
EG_FIELD_AS(hash_buckets, bpf_htab, "buckets");
EG_FIELD_AS(hash_n, bpf_htab, "n_buckets");
EG_FIELD_AS(bucket_first, bucket, "head.first");
EG_FIELD_AS(elem_next, htab_elem, "hash_node.next");
EG_FIELD_AS(elem_key, htab_elem, "key");
EG_FIELDS(lpm_trie, root, data_size);
EG_FIELDS(lpm_trie_node, child, prefixlen, flags, data);
EG_FIELDS(bpf_queue_stack, head, tail, size, elements);
EG_FIELD_AS(ring_of, bpf_ringbuf_map, "rb");
EG_FIELDS(bpf_ringbuf, mask, consumer_pos, producer_pos, data);
EG_FIELD_AS(stab_socks, bpf_stab, "sks");
EG_FIELD_AS(dtab_devices, bpf_dtab, "netdev_map");
EG_FIELD_AS(dtab_dev, bpf_dtab_netdev, "dev");
EG_FIELD_AS(reuse_pointers, reuseport_array, "ptrs");
EG_FIELD_AS(xsk_socks, xsk_map, "xsk_map");
EG_TYPE(bpf_array);
EG_TYPE(reuseport_array);
EG_TYPE(xsk_map);
EG_TYPE(cgroup);
EG_TYPE(bpf_htab);
EG_TYPE(bucket);
EG_TYPE(htab_elem);
EG_TYPE(bpf_ringbuf_map);
EG_TYPE(bpf_stab);
EG_TYPE(bpf_dtab);
EG_TYPE(bpf_dtab_netdev);

enum { DEPTH_MAX = 512, HEADER = 8, PREFIX_SHOWN = 16 };
enum { IS_INNER = 1 };                   // LPM_TREE_NODE_FLAG_IM
#define RING_BUSY    (UINT32_C(1) << 31) // BPF_RINGBUF_BUSY_BIT
#define RING_DISCARD (UINT32_C(1) << 30) // BPF_RINGBUF_DISCARD_BIT

bool linux_bpf_give(struct linux_bpf_walk *w, struct linux_bpf_entry e)
{
    if (!w->left) {
        eg_note(w->r, "map %s has more entries than are shown",
                linux_bpf_map_text(w->r, w->map.addr));
        return false;
    }
    w->left--;
    return !eg_stopped(w->r) && w->each(w->context, &e);
}

uint64_t linux_bpf_pointer(struct linux_bpf_walk *w, uint64_t at)
{
    uint64_t p;

    return eg_pointer_at(w->r, at, &p) ? p : 0;
}

static bool zeros(struct linux_bpf_walk *w, uint64_t at, uint32_t len)
{
    uint8_t bytes[256];

    for (uint32_t done = 0, n; done < len; done += n) {
        n = EG_MIN(len - done, (uint32_t)sizeof bytes);
        if (!eg_read(eg_view_of(w->r), eg_kernel(w->r), at + done, bytes, n))
            return false;
        for (uint32_t i = 0; i < n; i++)
            if (bytes[i])
                return false;
    }
    return true;
}

/** A value for each CPU, behind the per-CPU pointer at @at. */
static bool give_cpus(struct linux_bpf_walk *w, struct linux_bpf_entry e, uint64_t at)
{
    struct eg_obj base = w->map;
    unsigned cpu = ~0u;

    base.addr = linux_bpf_pointer(w, at);
    if (!base.addr)
        return true;
    while (linux_next_cpu(w->r, &cpu)) {
        struct eg_obj copy = linux_percpu(w->r, base, cpu);

        if (copy.why)
            continue;
        e.value_at = copy.addr;
        e.cpu = (int)cpu;
        e.zero = !e.key_at && zeros(w, e.value_at, w->value);
        if (!linux_bpf_give(w, e))
            return false;
    }
    return true;
}

/* ---- arrays ---- */

static void array(struct linux_bpf_walk *w)
{
    struct eg_obj array = eg_cast(w->map, bpf_array);
    const uint64_t first =
        w->percpu ? eg_at(array, array_pointers).addr : eg_at(array, array_value).addr;
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    uint32_t step = 0;

    if (!eg_get(&step, array, array_step) || step < w->value)
        return;
    for (uint32_t i = 0; i < w->entries && !eg_stopped(w->r); i++) {
        struct linux_bpf_entry e = { .key = eg_strf(w->r, "%u", i),
                                     .value_len = w->value,
                                     .cpu = -1 };

        if (w->percpu ? !give_cpus(w, e, first + (uint64_t)i * word) : false)
            return;
        if (w->percpu)
            continue;
        e.value_at = first + (uint64_t)i * step;
        e.zero = zeros(w, e.value_at, w->value);
        if (!linux_bpf_give(w, e))
            return;
    }
}

const char *linux_bpf_sock_text(struct linux_bpf_walk *w, uint64_t at)
{
    struct linux_sock s = { .family = NULL };

    if (!linux_sock_read(w->r, eg_object(w->r, sock, at), &s))
        return eg_strf(w->r, "socket at %#" PRIx64, at);
    return eg_strf(w->r, "socket %s %s at %#" PRIx64, s.family ? s.family : "?",
                   s.protocol ? s.protocol : "?", at);
}

const char *linux_bpf_device_text(struct linux_bpf_walk *w, uint64_t at)
{
    const char *name =
        eg_string(w->r, eg_at(eg_object(w->r, bpf_dtab_netdev, at), dtab_dev, net_device.name), 16);

    return name ? name : eg_strf(w->r, "interface at %#" PRIx64, at);
}

/** An array of pointers: of programs, maps, sockets, interfaces; of other things addresses. */
static void pointers(struct linux_bpf_walk *w, uint64_t first, const char *type)
{
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;

    for (uint32_t i = 0; i < w->entries && !eg_stopped(w->r); i++) {
        const uint64_t p = linux_bpf_pointer(w, first + (uint64_t)i * word);
        struct linux_bpf_entry e = { .key = eg_strf(w->r, "%u", i), .cpu = -1 };

        if (!p)
            continue;
        if (!strcmp(type, "prog_array"))
            e.value = eg_strf(w->r, "program %s", linux_bpf_prog_text(w->r, p));
        else if (!strcmp(type, "array_of_maps"))
            e.value = eg_strf(w->r, "map %s", linux_bpf_map_text(w->r, p));
        else if (!strcmp(type, "sockmap") || !strcmp(type, "xskmap") ||
                 !strcmp(type, "reuseport_sockarray"))
            e.value = linux_bpf_sock_text(w, p);
        else if (!strcmp(type, "cgroup_array"))
            e.value = linux_cgroup_path(w->r, eg_object(w->r, cgroup, p));
        else if (!strcmp(type, "devmap"))
            e.value = linux_bpf_device_text(w, p);
        if (!e.value)
            e.value = eg_strf(w->r, "%#" PRIx64, p);
        if (!linux_bpf_give(w, e))
            return;
    }
}

/* ---- hash tables ---- */

static bool element(struct linux_bpf_walk *w, struct eg_obj elem)
{
    const uint64_t key = eg_at(elem, elem_key).addr, value = key + (w->key + UINT32_C(7)) / 8 * 8;
    struct linux_bpf_entry e = {
        .key_at = key, .key_len = w->key, .value_len = w->value, .cpu = -1
    };

    if (w->percpu)
        return give_cpus(w, e, value);
    e.value_at = value;
    if (w->inner)
        e.value = eg_strf(w->r, "map %s", linux_bpf_map_text(w->r, linux_bpf_pointer(w, value)));
    return linux_bpf_give(w, e);
}

/* Each chain ends with an odd number. An element that moves while it is read may lead into another
 * chain: none is given twice. */
static void hash(struct linux_bpf_walk *w)
{
    struct eg_obj table = eg_cast(w->map, bpf_htab), buckets = eg_at(table, hash_buckets);
    struct eg_map *seen = eg_run_map(w->r);
    uint32_t n = 0;

    eg_get(&n, table, hash_n);
    if (n > LINUX_BPF_BUCKETS_MAX) {
        eg_note(w->r, "map %s: more buckets than are looked at",
                linux_bpf_map_text(w->r, w->map.addr));
        n = LINUX_BPF_BUCKETS_MAX;
    }
    for (uint32_t i = 0; i < n && !eg_stopped(w->r); i++) {
        uint64_t at = 0;

        if (!eg_get(&at, eg_index(buckets, i), bucket_first)) {
            eg_note(w->r, "map %s: buckets from %u on cannot be read",
                    linux_bpf_map_text(w->r, w->map.addr), i);
            return;
        }
        while (at && !(at & 1)) {
            struct eg_obj elem = eg_object(w->r, htab_elem, at);

            if (seen->n > LINUX_BPF_CHAIN_MAX || !eg_run_map_add(w->r, seen, at, 1))
                break;
            if (!element(w, elem))
                return;
            if (!eg_get(&at, elem, elem_next)) {
                eg_note(w->r, "map %s: a chain of bucket %u cannot be read to its end",
                        linux_bpf_map_text(w->r, w->map.addr), i);
                break;
            }
        }
    }
}

/* ---- tries ---- */

static const char *prefix_text(struct linux_bpf_walk *w, uint64_t at, uint64_t len, uint32_t prefix)
{
    const char *text = "";

    for (uint64_t i = 0; i < len && i < PREFIX_SHOWN; i++) {
        const uint8_t *p = eg_bytes(eg_view_of(w->r), eg_kernel(w->r), at + i, 1);

        text = eg_strf(w->r, p ? "%s%02x" : "%s??", text, p ? *p : 0);
    }
    return eg_strf(w->r, "%s/%u", text, prefix);
}

static void trie(struct linux_bpf_walk *w)
{
    uint64_t todo[DEPTH_MAX], data = 0;
    struct eg_map *seen = eg_run_map(w->r);
    struct eg_obj lpm = eg_cast(w->map, lpm_trie);
    unsigned n = 0;

    eg_get(&data, lpm, lpm_trie.data_size);
    if (eg_get(&todo[0], lpm, lpm_trie.root) && todo[0] && data <= w->key)
        n = 1;
    while (n && !eg_stopped(w->r)) {
        struct eg_obj node = eg_object(w->r, lpm_trie_node, todo[--n]);
        const uint64_t at = eg_at(node, lpm_trie_node.data).addr;
        uint32_t prefix = 0;

        if (seen->n > LINUX_BPF_CHAIN_MAX || !eg_run_map_add(w->r, seen, node.addr, 1) ||
            !eg_get(&prefix, node, lpm_trie_node.prefixlen))
            continue;
        for (unsigned i = 2; i-- > 0;) {
            uint64_t child = 0;

            if (eg_load(&child, eg_index(eg_at(node, lpm_trie_node.child), i)) && child &&
                n < DEPTH_MAX)
                todo[n++] = child;
        }
        if (eg_get_or(UINT32_C(0), node, lpm_trie_node.flags) & IS_INNER)
            continue;
        if (!linux_bpf_give(w, (struct linux_bpf_entry){ .key = prefix_text(w, at, data, prefix),
                                                         .key_at = at,
                                                         .key_len = (uint32_t)data,
                                                         .value_at = at + data,
                                                         .value_len = w->value,
                                                         .cpu = -1 }))
            return;
    }
}

/* ---- queues, stacks, rings ---- */

/* The head is where the next one goes to; a stack is taken from there, a queue from its tail. */
static void queue(struct linux_bpf_walk *w, bool stack)
{
    struct eg_obj q = eg_cast(w->map, bpf_queue_stack);
    const uint64_t first = eg_at(q, bpf_queue_stack.elements).addr;
    uint32_t head = 0, tail = 0, size = 0, n;

    if (!eg_get(&head, q, bpf_queue_stack.head) || !eg_get(&tail, q, bpf_queue_stack.tail) ||
        !eg_get(&size, q, bpf_queue_stack.size) || !size || head >= size || tail >= size) {
        eg_note(w->r, "map %s: its positions cannot be", linux_bpf_map_text(w->r, w->map.addr));
        return;
    }
    n = stack ? head : head >= tail ? head - tail : size - tail + head;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t at = stack ? head - 1 - i : (tail + i) % size;

        if (!linux_bpf_give(w,
                            (struct linux_bpf_entry){ .key = eg_strf(w->r, "%u", i),
                                                      .value_at = first + (uint64_t)at * w->value,
                                                      .value_len = w->value,
                                                      .cpu = -1 }))
            return;
    }
}

/* Records that were written and not read yet: a length with two bits, then the place of the ring,
 * then the bytes (struct bpf_ringbuf_hdr). The pages are mapped twice, so none is in two parts. */
static void ring(struct linux_bpf_walk *w)
{
    struct eg_obj rb = eg_deref(eg_at(eg_cast(w->map, bpf_ringbuf_map), ring_of));
    const uint64_t data = eg_at(rb, bpf_ringbuf.data).addr;
    uint64_t mask = 0, from = 0, to = 0;

    if (!eg_get(&mask, rb, bpf_ringbuf.mask) || !eg_get(&from, rb, bpf_ringbuf.consumer_pos) ||
        !eg_get(&to, rb, bpf_ringbuf.producer_pos)) {
        eg_note(w->r, "map %s: its ring cannot be read", linux_bpf_map_text(w->r, w->map.addr));
        return;
    }
    eg_note(w->r, "map %s: read up to %" PRIu64 ", written up to %" PRIu64,
            linux_bpf_map_text(w->r, w->map.addr), from, to);
    if (to - from > mask + 1)
        return;
    while (from < to && !eg_stopped(w->r)) {
        uint64_t at = data + (from & mask);
        const uint8_t *p = eg_bytes(eg_view_of(w->r), eg_kernel(w->r), at, 4);
        uint32_t len = p ? (uint32_t)eg_load_(p, 4, eg_binding_of(w->r)->model.big_endian) : 0;
        const bool busy = len & RING_BUSY, discarded = len & RING_DISCARD;

        len &= ~(RING_BUSY | RING_DISCARD);
        if (!p || len > to - from)
            return;
        if (!linux_bpf_give(w, (struct linux_bpf_entry){ .key = eg_strf(w->r, "%" PRIu64 "%s", from,
                                                                        busy ? " (being written)"
                                                                        : discarded ? " (discarded)"
                                                                                    : ""),
                                                         .value_at = at + HEADER,
                                                         .value_len = len,
                                                         .cpu = -1 }))
            return;
        from += (len + HEADER + UINT64_C(7)) / 8 * 8;
    }
}

/* ---- by type ---- */

bool linux_bpf_entries(struct linux_bpf *b, struct eg_obj map, uint64_t max,
                       linux_bpf_entry_fn *each, void *context)
{
    struct linux_bpf_walk w = {
        .b = b, .r = b->r, .map = map, .left = max, .each = each, .context = context
    };
    uint64_t type = 0;
    const char *name;

    if (!eg_get(&type, map, bpf_map_type_at) || !eg_get(&w.key, map, map_key_size) ||
        !eg_get(&w.value, map, map_value_size) || !eg_get(&w.entries, map, bpf_map_entries))
        return false;
    name = linux_bpf_enum(b->r, "bpf_map_type", "BPF_MAP_TYPE_", type);
    w.percpu = strstr(name, "percpu") != NULL;
    w.inner = !strcmp(name, "hash_of_maps");
    if (!strcmp(name, "array") || !strcmp(name, "percpu_array"))
        array(&w);
    else if (!strcmp(name, "hash") || !strcmp(name, "percpu_hash") || !strcmp(name, "lru_hash") ||
             !strcmp(name, "lru_percpu_hash") || w.inner)
        hash(&w);
    else if (!strcmp(name, "lpm_trie"))
        trie(&w);
    else if (!strcmp(name, "queue") || !strcmp(name, "stack"))
        queue(&w, !strcmp(name, "stack"));
    else if (!strcmp(name, "ringbuf") || !strcmp(name, "user_ringbuf"))
        ring(&w);
    else if (!strcmp(name, "prog_array") || !strcmp(name, "array_of_maps") ||
             !strcmp(name, "perf_event_array") || !strcmp(name, "cgroup_array"))
        pointers(&w, eg_at(eg_cast(map, bpf_array), array_pointers).addr, name);
    else if (!strcmp(name, "sockmap"))
        pointers(&w, eg_deref(eg_at(eg_cast(map, bpf_stab), stab_socks)).addr, name);
    else if (!strcmp(name, "devmap"))
        pointers(&w, eg_deref(eg_at(eg_cast(map, bpf_dtab), dtab_devices)).addr, name);
    else if (!strcmp(name, "reuseport_sockarray"))
        pointers(&w, eg_at(eg_cast(map, reuseport_array), reuse_pointers).addr, name);
    else if (!strcmp(name, "xskmap"))
        pointers(&w, eg_at(eg_cast(map, xsk_map), xsk_socks).addr, name);
    else
        return linux_bpf_kept_entries(&w, name);
    return true;
}
