/* tracing_test.c - ftrace, kprobes: whose code they call, and what is close to it. */
#include "check.h"
#include "mkcode.h"
#include <stdio.h>

/* ---- ftrace ---- */

static const char ftrace_types[] =
    "struct ftrace_func_entry { struct hlist_node hlist; unsigned long ip, direct; };"
    "struct ftrace_hash { unsigned long size_bits; struct hlist_head *buckets;"
    "  unsigned long count; };"
    "struct ftrace_ops_hash { struct ftrace_hash *notrace_hash, *filter_hash; };"
    "struct ftrace_ops { void *func; struct ftrace_ops *next; unsigned long flags;"
    "  struct ftrace_ops_hash local_hash, *func_hash; unsigned long trampoline, trampoline_size;"
    "  struct list_head list, subop_list; unsigned long direct_call; };"
    "struct fgraph_ops { void *entryfunc, *retfunc; struct ftrace_ops ops; };"
    "struct fprobe { struct ftrace_ops ops; void *entry_handler, *exit_handler; };"
    "struct fprobe_hlist_node { struct hlist_node hlist; unsigned long addr; struct fprobe *fp; };"
    "struct fprobe_hlist { struct hlist_node hlist; struct fprobe *fp; int size;"
    "  struct fprobe_hlist_node array[2]; };"
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"
    "struct dyn_ftrace { unsigned long ip, flags; };"
    "struct trace_array { struct list_head list; char *name; struct ftrace_ops *ops; };";

enum { ENABLED = 1, IPMODIFY = 1 << 12, RECORDS = 4 };

struct traced {
    struct mk_code c;
    struct mk *k;
    uint64_t end, list, page, records, target, other, handler;
    unsigned n;
};

static uint64_t make_hash(struct traced *t, const uint64_t *ips, size_t n, uint64_t direct)
{
    const uint64_t word = mk_model(t->k)->ptr_size;
    uint64_t hash = mk_object(t->k, "ftrace_hash"), buckets = mk_alloc(t->k, 2 * word);

    mk_put(t->k, hash, "ftrace_hash.size_bits", 1);
    mk_put(t->k, hash, "ftrace_hash.buckets", buckets);
    for (size_t i = 0; i < n; i++) {
        uint64_t entry = mk_object(t->k, "ftrace_func_entry");

        mk_put(t->k, entry, "ftrace_func_entry.ip", ips[i]);
        mk_put(t->k, entry, "ftrace_func_entry.direct", direct);
        mk_hlist_add(t->k, buckets + (i & 1) * word, entry);
    }
    return hash;
}

/* At the front of the list. */
static uint64_t make_ops(struct traced *t, uint64_t func, uint64_t flags)
{
    uint64_t ops = mk_object(t->k, "ftrace_ops");

    mk_put(t->k, ops, "ftrace_ops.func", func);
    mk_put(t->k, ops, "ftrace_ops.flags", flags);
    mk_put(t->k, ops, "ftrace_ops.func_hash", mk_at(t->k, ops, "ftrace_ops.local_hash"));
    return ops;
}

static void hook(struct traced *t, uint64_t ops, uint64_t hash)
{
    mk_put(t->k, mk_at(t->k, ops, "ftrace_ops.local_hash"), "ftrace_ops_hash.filter_hash", hash);
}

static void enlist(struct traced *t, uint64_t ops)
{
    mk_put(t->k, ops, "ftrace_ops.next", mk_read_ptr(t->k, t->list));
    mk_write_ptr(t->k, t->list, ops);
}

static void record(struct traced *t, uint64_t ip, uint64_t flags)
{
    uint64_t at = t->records + t->n++ * 2 * mk_model(t->k)->ptr_size;

    mk_put(t->k, at, "dyn_ftrace.ip", ip);
    mk_put(t->k, at, "dyn_ftrace.flags", flags);
    mk_put(t->k, t->page, "ftrace_page.index", t->n);
}

static struct traced traced(const struct mk_machine *m)
{
    struct traced t = { .c = mk_code(m, ftrace_types) };
    uint64_t pages;

    t.k = t.c.k;
    t.list = mk_alloc(t.k, 8);
    t.end = mk_object(t.k, "ftrace_ops");
    mk_write_ptr(t.k, t.list, t.end);
    mk_symbol(t.k, "ftrace_ops_list", t.list);
    mk_symbol(t.k, "ftrace_list_end", t.end);
    t.records = mk_alloc(t.k, RECORDS * 16);
    t.page = mk_object(t.k, "ftrace_page");
    mk_put(t.k, t.page, "ftrace_page.records", t.records);
    pages = mk_alloc(t.k, 8);
    mk_write_ptr(t.k, pages, t.page);
    mk_symbol(t.k, "ftrace_pages_start", pages);
    t.target = mk_function(&t.c, "target");
    t.other = mk_function(&t.c, "other");
    t.handler = mk_function(&t.c, "handler");
    return t;
}

static const char *const kinds = "KIND SYMBOL MODULE HOOKED_COUNT HOOKED HINTS";

static void ftrace_functions(void **state)
{
    enum { KERNEL, NOBODY, OUTSIDE, INSIDE };
    static const struct {
        int whose;
        uint64_t flags;
        const char *row;
    } cases[] = {
        { KERNEL, ENABLED, "ops|handler|kernel|2|target, other|" },
        { KERNEL, ENABLED | IPMODIFY, "ops|handler|kernel|2|target, other|" },
        { NOBODY, ENABLED, "ops|||2|target, other|" MK_NOBODY },
        { NOBODY, ENABLED | IPMODIFY,
          "ops|||2|target, other|" MK_NOBODY "; IPMODIFY outside of the kernel" },
        { OUTSIDE, ENABLED, "ops||extra|2|target, other|" MK_OUTSIDE },
        { INSIDE, ENABLED, "ops|handler+0x4|kernel|2|target, other|inside a function" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct traced t = traced(m);
        const uint64_t at[] = { t.handler, t.c.nobody, t.c.module, t.handler + 4 };
        const uint64_t ips[] = { t.target + 4, t.other }; // behind a landing place
        uint64_t ops = make_ops(&t, at[cases[i].whose], cases[i].flags);

        hook(&t, ops, make_hash(&t, ips, 2, 0));
        enlist(&t, ops);
        assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, kinds), cases[i].row);
        mk_free(t.k);
    }
}

/* What a record says of a function that one ops hooks, of one that none does, of nobody's. */
static void ftrace_records(void **state)
{
    static const struct {
        uint64_t flags;
        bool hooked;
        const char *hints; // NULL: no row
    } cases[] = {
        { 0, false, NULL },
        { UINT64_C(1) << 31 | 1, true, NULL },
        { 1 << 20, false, NULL }, // it was hooked once
        { 1, false, "hooked, but by no ops that is listed" },
        { UINT64_C(1) << 31 | 2, true, "more ops hook it than are listed" },
        { UINT64_C(1) << 31, false, "patched, but hooked by no ops that is listed" },
        { 1 << 26 | 1, true, "IPMODIFY, but no ops with it hooks it" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct traced t = traced(m);
        uint64_t ops = make_ops(&t, t.handler, ENABLED);
        char want[256] = "ops|handler|kernel|1|target|";

        hook(&t, ops, make_hash(&t, &t.target, 1, 0));
        enlist(&t, ops);
        record(&t, cases[i].hooked ? t.target : t.other, cases[i].flags);
        if (cases[i].hints)
            snprintf(want + strlen(want), sizeof want - strlen(want), "\nrecord|%s|1|%s|%s",
                     cases[i].hooked ? "handler|kernel" : "|", cases[i].hooked ? "target" : "other",
                     cases[i].hints);
        assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, kinds), want);
        mk_free(t.k);
    }
    mk_each_machine(m) // by an ops that is listed and not enabled, or spares the function
    {
        struct traced t = traced(m);
        uint64_t idle = make_ops(&t, t.handler, 0), spares = make_ops(&t, t.handler, ENABLED);

        hook(&t, idle, make_hash(&t, &t.target, 1, 0));
        enlist(&t, idle);
        hook(&t, spares, make_hash(&t, &t.target, 1, 0));
        mk_put(t.k, mk_at(t.k, spares, "ftrace_ops.local_hash"), "ftrace_ops_hash.notrace_hash",
               make_hash(&t, &t.target, 1, 0));
        enlist(&t, spares);
        record(&t, t.target, 1);
        assert_non_null(strstr(mk_code_rows(&t.c, "ftrace", NULL, "KIND HINTS"),
                               "record|hooked, but by no ops that is listed"));
        mk_free(t.k);
    }
    mk_each_machine(m)
    {
        struct traced t = traced(m);

        record(&t, t.c.nobody, 0);
        record(&t, t.c.module, 0);
        assert_non_null(
            strstr(mk_code_rows(&t.c, "ftrace", NULL, "KIND HINTS"), "record|of " MK_NOBODY));
        assert_null(strchr(mk_code_rows(&t.c, "ftrace", NULL, "KIND HINTS"), '\n'));
        mk_free(t.k);
    }
}

/* Every function but one; a function graph below an ops; a trampoline of one that is not listed. */
static void ftrace_others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct traced t = traced(m);
        uint64_t ops = make_ops(&t, t.handler, ENABLED), graph = mk_object(t.k, "fgraph_ops");
        uint64_t lost = make_ops(&t, t.handler, ENABLED), idle = make_ops(&t, t.handler, 0);
        uint64_t head = mk_alloc(t.k, 16), links[2], direct = mk_alloc(t.k, 8);

        mk_put(t.k, mk_at(t.k, ops, "ftrace_ops.local_hash"), "ftrace_ops_hash.notrace_hash",
               make_hash(&t, &t.other, 1, 0));
        enlist(&t, ops);
        mk_put(t.k, graph, "fgraph_ops.entryfunc", t.c.nobody);
        links[0] = mk_at(t.k, mk_at(t.k, graph, "fgraph_ops.ops"), "ftrace_ops.list");
        mk_list(t.k, mk_at(t.k, ops, "ftrace_ops.subop_list"), links, 1);
        links[0] = mk_at(t.k, lost, "ftrace_ops.list");
        links[1] = mk_at(t.k, idle, "ftrace_ops.list");
        mk_list(t.k, head, links, 2);
        mk_symbol(t.k, "ftrace_ops_trampoline_list", head);
        mk_write_ptr(t.k, direct, make_hash(&t, &t.other, 1, t.c.nobody));
        mk_symbol(t.k, "direct_functions", direct);
        record(&t, t.target, 1);
        record(&t, t.other, 1);
        assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, kinds),
                            "ops|handler|kernel||every function but 1|\n"
                            "graph||||every function|" MK_NOBODY "\n"
                            "ops|handler|kernel||every function|enabled, but not on "
                            "ftrace_ops_list\n"
                            "direct|||1|other|" MK_NOBODY "\n"
                            "record|||1|other|hooked, but by no ops that is listed");
        // Since 6.19 bit 0 says that it is jumped to.
        mk_write_ptr(t.k, direct, make_hash(&t, &t.other, 1, t.handler | 1));
        assert_non_null(
            strstr(mk_code_rows(&t.c, "ftrace", NULL, kinds), "direct|handler|kernel|1|other|\n"));
        mk_free(t.k);
    }
}

/* What an ops has besides its function: trampoline, direct call, trace instance, fprobe. */
static void ftrace_members(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i < 6; i++)
    {
        static const char *const rows[] = {
            "handler|every function||trampoline: " MK_NOBODY,
            "handler|every function||",
            "handler|every function||direct call: " MK_OUTSIDE,
            "handler|every function|trace instance mine|",
            "fprobe_handler|every function|handler|exit handler: " MK_NOBODY,
            "handler|every function|the first trace instance|",
        };
        struct traced t = traced(m);
        uint64_t fprobe = mk_object(t.k, "fprobe"), head = mk_alloc(t.k, 16), name, instance, link;
        uint64_t ops = i == 4 ? mk_at(t.k, fprobe, "fprobe.ops") : make_ops(&t, t.handler, ENABLED);

        mk_put(t.k, ops, "ftrace_ops.trampoline", i == 0 ? t.c.nobody : i == 1 ? t.other : 0);
        mk_put(t.k, ops, "ftrace_ops.direct_call", i == 2 ? t.c.module : 0);
        if (i == 4) {
            mk_put(t.k, ops, "ftrace_ops.func", mk_function(&t.c, "fprobe_handler"));
            mk_put(t.k, ops, "ftrace_ops.flags", ENABLED);
            mk_put(t.k, fprobe, "fprobe.entry_handler", t.handler);
            mk_put(t.k, fprobe, "fprobe.exit_handler", t.c.nobody);
        }
        name = mk_alloc(t.k, 16);
        mk_write(t.k, name, "mine", 5);
        instance = mk_object(t.k, "trace_array");
        mk_put(t.k, instance, "trace_array.name", i == 3 ? name : 0);
        mk_put(t.k, instance, "trace_array.ops", i == 3 || i == 5 ? ops : t.end);
        link = mk_at(t.k, instance, "trace_array.list");
        mk_list(t.k, head, &link, 1);
        mk_symbol(t.k, "ftrace_trace_arrays", head);
        enlist(&t, ops);
        assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, "SYMBOL HOOKED DETAIL HINTS"),
                            rows[i]);
        mk_free(t.k);
    }
}

/* Since 6.14 fprobes are in a table of their own; until 6.9 there is one function graph. */
static void ftrace_tables(void **state)
{
    (void)state;
    mk_each_machine(m) for (int idle = 0; idle < 2; idle++)
    {
        struct traced t = traced(m);
        const uint64_t word = mk_model(t.k)->ptr_size;
        uint64_t probe = mk_object(t.k, "fprobe"), node = mk_object(t.k, "fprobe_hlist");
        uint64_t table = mk_alloc(t.k, 64 * word), graph = mk_alloc(t.k, 2 * word);

        mk_symbol_sized(t.k, "fprobe_table", table, (uint32_t)(64 * word));
        mk_put(t.k, probe, "fprobe.entry_handler", t.c.module);
        mk_put(t.k, probe, "fprobe.exit_handler", t.handler);
        mk_put(t.k, node, "fprobe_hlist.fp", probe);
        mk_put(t.k, node, "fprobe_hlist.size", 2);
        mk_put(t.k, mk_at(t.k, node, "fprobe_hlist.array"), "fprobe_hlist_node.addr", t.target);
        mk_hlist_add(t.k, table + 63 * word, mk_at(t.k, node, "fprobe_hlist.hlist"));
        mk_write_ptr(t.k, graph, t.c.nobody);
        mk_write_ptr(t.k, graph + word, idle ? mk_function(&t.c, "ftrace_stub") : t.handler);
        mk_symbol(t.k, "ftrace_graph_entry", graph);
        mk_symbol(t.k, "ftrace_graph_return", graph + word);
        assert_string_equal(
            mk_code_rows(&t.c, "ftrace", NULL, kinds),
            idle ? "graph||||"
                   "|" MK_NOBODY "\n"
                   "fprobe||extra|2|target and 1 more|entry handler: " MK_OUTSIDE "\n"
                   "fprobe return|handler|kernel|2|target and 1 more|entry handler: " MK_OUTSIDE
                 : "graph||||"
                   "|" MK_NOBODY "\n"
                   "graph return|handler|kernel|||\n"
                   "fprobe||extra|2|target and 1 more|entry handler: " MK_OUTSIDE "\n"
                   "fprobe return|handler|kernel|2|target and 1 more|entry handler: " MK_OUTSIDE);
        mk_free(t.k);
    }
}

/* --all: a row for each function; --records: what the records say, each function once. */
static void ftrace_arguments(void **state)
{
    static const char *const all[] = { "all", NULL }, *const records[] = { "records", "", NULL };

    (void)state;
    mk_each_machine(m)
    {
        struct traced t = traced(m);
        const uint64_t ips[] = { t.target, t.other };
        uint64_t ops = make_ops(&t, t.handler, ENABLED);

        hook(&t, ops, make_hash(&t, ips, 2, 0));
        enlist(&t, ops);
        record(&t, t.target, UINT64_C(1) << 31 | 1);
        record(&t, t.target, UINT64_C(1) << 31 | 1);
        record(&t, t.handler, 0);
        assert_string_equal(mk_code_rows(&t.c, "ftrace", all, kinds),
                            "ops|handler|kernel|2|target|\nops|handler|kernel|2|other|");
        assert_string_equal(mk_code_rows(&t.c, "ftrace", records, "KIND SYMBOL HOOKED OPS FLAGS"),
                            "record|handler|target|1|ENABLED");
        mk_free(t.k);
    }
}

static void put_call(struct traced *t, uint64_t at, uint64_t to)
{
    const uint32_t distance = (uint32_t)(to - (at + 5));
    const uint8_t code[] = { 0xe8,
                             (uint8_t)distance,
                             (uint8_t)(distance >> 8),
                             (uint8_t)(distance >> 16),
                             (uint8_t)(distance >> 24),
                             0xc3 };

    mk_write(t->k, at, code, sizeof code);
}

/* The trampoline of an ops calls its function, or what of the kernel does. */
static void trampolines(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct traced t = traced(m);
        const uint64_t ops = make_ops(&t, t.c.module, ENABLED), at = mk_function(&t.c, "copied");

        if (!strncmp(m->name, "x86_64", 6)) {
            hook(&t, ops, make_hash(&t, &t.target, 1, 0));
            enlist(&t, ops);
            record(&t, t.target, 1);
            mk_put(t.k, ops, "ftrace_ops.trampoline", at);
            mk_put(t.k, ops, "ftrace_ops.trampoline_size", 20);
            put_call(&t, at, t.c.module);
            assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, "HINTS"), MK_OUTSIDE);
            put_call(&t, at, t.handler);
            assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, "HINTS"), MK_OUTSIDE);
            put_call(&t, at, t.c.module + 0x40);
            assert_string_equal(mk_code_rows(&t.c, "ftrace", NULL, "HINTS"),
                                MK_OUTSIDE "; trampoline: leads to extra, not to the function");
        }
        mk_free(t.k);
    }
}

static void ftrace_damage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct traced t = traced(m);
        uint64_t one = make_ops(&t, t.handler, ENABLED), hash = make_hash(&t, &t.target, 1, 0);

        mk_put(t.k, hash, "ftrace_hash.size_bits", 60);
        hook(&t, one, hash);
        enlist(&t, one);
        mk_put(t.k, one, "ftrace_ops.next", one);
        mk_put(t.k, t.page, "ftrace_page.index", 0x7fffffff);
        mk_put(t.k, t.page, "ftrace_page.next", t.page);
        mk_code_rows(&t.c, "ftrace", NULL, kinds);
        assert_int_equal(mk_row_notes("it goes in a circle"), 1);
        assert_int_equal(mk_row_notes("the functions in the hash"), 1);
        assert_int_equal(mk_row_notes("pages of its records go in a circle"), 1);
        mk_put(t.k, t.page, "ftrace_page.index", 0);
        mk_put(t.k, t.page, "ftrace_page.next", 8);
        mk_code_rows(&t.c, "ftrace", NULL, kinds);
        assert_int_equal(mk_row_notes("pages of its records end too early"), 1);
        mk_free(t.k);
    }
}

/* ---- kprobes ---- */

static const char kprobe_types[] =
    "struct kprobe { struct hlist_node hlist; struct list_head list; void *addr, *pre_handler,"
    "  *post_handler; u32 flags; };"
    "struct kretprobe { struct kprobe kp; void *handler, *entry_handler; };"
    "struct kprobe_blacklist_entry { struct list_head list; unsigned long start_addr, end_addr; };"
    "struct trace_event_class { char *system; };"
    "struct trace_event_call { struct trace_event_class *class; char *name; int flags; };"
    "struct trace_probe_event { struct trace_event_call call; };"
    "struct trace_probe { struct trace_probe_event *event; };"
    "struct trace_kprobe { void *devent; struct kretprobe rp; struct trace_probe tp; };";

struct probed {
    struct mk_code c;
    struct mk *k;
    uint64_t table, target, forbidden, handler, aggregate, returns, dispatcher;
};

static struct probed probed(const struct mk_machine *m)
{
    struct probed p = { .c = mk_code(m, kprobe_types) };
    uint64_t black, head, link;

    p.k = p.c.k;
    p.table = mk_alloc(p.k, 64 * 8);
    mk_symbol(p.k, "kprobe_table", p.table);
    p.target = mk_function(&p.c, "target");
    p.forbidden = mk_function(&p.c, "forbidden");
    p.handler = mk_function(&p.c, "handler");
    p.aggregate = mk_function(&p.c, "aggr_pre_handler");
    p.returns = mk_function(&p.c, "pre_handler_kretprobe");
    p.dispatcher = mk_function(&p.c, "kprobe_dispatcher");
    black = mk_object(p.k, "kprobe_blacklist_entry");
    mk_put(p.k, black, "kprobe_blacklist_entry.start_addr", p.forbidden);
    mk_put(p.k, black, "kprobe_blacklist_entry.end_addr", p.forbidden + 0x10);
    head = mk_alloc(p.k, 16);
    link = mk_at(p.k, black, "kprobe_blacklist_entry.list");
    mk_list(p.k, head, &link, 1);
    mk_symbol(p.k, "kprobe_blacklist", head);
    return p;
}

static uint64_t make_probe(struct probed *p, const char *type, uint64_t addr, uint64_t handler)
{
    uint64_t probe = mk_object(p->k, type);

    mk_put(p->k, probe, "kprobe.addr", addr);
    mk_put(p->k, probe, "kprobe.pre_handler", handler);
    return probe;
}

static void kprobes(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i < 8; i++)
    {
        static const char *const rows[] = {
            "kprobe|target|handler|kernel|",
            "kprobe|target|||" MK_NOBODY,
            "kprobe|forbidden|handler|kernel|where the kernel forbids probes",
            "kprobe|forbidden+0x10|handler|kernel|",
            "kprobe|target|handler|kernel|post handler: " MK_OUTSIDE,
            "kprobe|handler|kernel|in " MK_NOBODY,
            "kretprobe|target|handler|kernel|entry handler: " MK_NOBODY,
            "kretprobe|target|||" MK_NOBODY,
        };
        struct probed p = probed(m);
        const uint64_t at[] = { p.target, p.target,   p.forbidden, p.forbidden + 0x10,
                                p.target, p.c.nobody, p.target,    p.target };
        uint64_t probe = make_probe(&p, "kretprobe", at[i],
                                    i == 1   ? p.c.nobody
                                    : i >= 6 ? p.returns
                                             : p.handler);

        mk_put(p.k, probe, "kprobe.post_handler", i == 4 ? p.c.module : 0);
        mk_put(p.k, probe, "kretprobe.handler", i == 7 ? p.c.nobody : p.handler);
        mk_put(p.k, probe, "kretprobe.entry_handler", i == 6 ? p.c.nobody : 0);
        mk_hlist_add(p.k, p.table + (uint64_t)i * mk_model(p.k)->ptr_size, probe);
        assert_string_equal(
            mk_code_rows(&p.c, "kprobes", NULL,
                         i == 5 ? "KIND SYMBOL MODULE HINTS" : "KIND HOOKED SYMBOL MODULE HINTS"),
            rows[i]);
        assert_int_equal(mk_row_notes("forbids"), 0);
        mk_free(p.k);
    }
}

/* Two at one place, of which one is an event's. */
static void kprobes_of_events(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct probed p = probed(m);
        uint64_t both = make_probe(&p, "kprobe", p.target, p.aggregate), links[2];
        uint64_t one = make_probe(&p, "kprobe", p.target, p.c.module);
        uint64_t trace = mk_object(p.k, "trace_kprobe"), class, event, call, name;
        uint64_t of = mk_at(p.k, trace, "trace_kprobe.rp");

        name = mk_alloc(p.k, 32);
        mk_write(p.k, name, "mine", 5);
        class = mk_object(p.k, "trace_event_class");
        event = mk_object(p.k, "trace_probe_event");
        call = mk_at(p.k, event, "trace_probe_event.call");
        mk_put(p.k, class, "trace_event_class.system", name);
        mk_put(p.k, call, "trace_event_call.class", class);
        mk_put(p.k, call, "trace_event_call.name", name);
        mk_put(p.k, mk_at(p.k, trace, "trace_kprobe.tp"), "trace_probe.event", event);
        mk_put(p.k, of, "kprobe.addr", p.target);
        mk_put(p.k, of, "kprobe.pre_handler", p.dispatcher);
        mk_put(p.k, both, "kprobe.flags", 8);
        mk_put(p.k, one, "kprobe.flags", 2);
        links[0] = mk_at(p.k, of, "kprobe.list");
        links[1] = mk_at(p.k, one, "kprobe.list");
        mk_list(p.k, mk_at(p.k, both, "kprobe.list"), links, 2);
        mk_hlist_add(p.k, p.table, both);
        assert_string_equal(mk_code_rows(&p.c, "kprobes", NULL, "SYMBOL MODULE FLAGS DETAIL HINTS"),
                            "kprobe_dispatcher|kernel|FTRACE|event mine/mine|\n"
                            "|extra|DISABLED FTRACE||" MK_OUTSIDE);
        mk_free(p.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ftrace_functions), cmocka_unit_test(ftrace_records),
        cmocka_unit_test(ftrace_others),    cmocka_unit_test(trampolines),
        cmocka_unit_test(ftrace_damage),    cmocka_unit_test(ftrace_members),
        cmocka_unit_test(ftrace_tables),    cmocka_unit_test(ftrace_arguments),
        cmocka_unit_test(kprobes),          cmocka_unit_test(kprobes_of_events),

    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
