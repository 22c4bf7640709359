/* sysctl - kernel parameters at run time, as sysctl -a prints them (fs/proc/proc_sysctl.c). */
#include "../../core/base.h"
#include "../linux/fs/flags.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/time.h"
#include "../linux/net/net.h"
#include "../linux/sched/nsproxy.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

EG_FIELDS(ctl_table, procname, data, maxlen, mode, proc_handler);
EG_FIELDS(ctl_table_header, ctl_table, node);
EG_FIELDS(ctl_dir, header, root);
EG_FIELDS(ctl_node, node, header);
EG_FIELDS(ctl_table_set, dir);
EG_FIELDS(ctl_table_root, default_set);
EG_FIELDS(tcp_congestion_ops, name);
EG_FIELDS(Qdisc_ops, id);
EG_FIELD_AS(key_count, static_key, "enabled.counter");
EG_TYPE(static_key);
EG_FIELD_AS(net_sysctls, net, "sysctls");
EG_FIELD_AS(user_set, user_namespace, "set");
EG_FIELD_AS(user_inum, user_namespace, "ns.inum");
EG_FIELD_AS(ipc_set, ipc_namespace, "ipc_set"); // since 5.19
EG_FIELD_AS(mq_set, ipc_namespace, "mq_set");
EG_FIELD_AS(ipc_inum, ipc_namespace, "ns.inum");
EG_FIELD_AS(proxy_ipc, nsproxy, "ipc_ns");
EG_FIELD_AS(pid_set, pid_namespace, "set"); // since 6.14
EG_FIELD_AS(pid_inum, pid_namespace, "ns.inum");
EG_FIELD_AS(proxy_pid, nsproxy, "pid_ns_for_children");
EG_FIELD_AS(cred_ns, cred, "user_ns");
EG_SYMBOL(sysctl_table_root, "ctl_table_root");
EG_SYMBOL(tainted_mask, "unsigned long");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct ctl_table is", EG_MINOR)                                     \
    C(NS, INT, "the namespace with a value of its own: of the network, users, processes or IPC")   \
    C(KEY, TEXT, "the parameter, as sysctl -a has it")                                             \
    C(VALUE, TEXT, "its value; not computed where only the kernel's own code can make it")         \
    C(FILE_MODE, TEXT, "who may read and write it", EG_MINOR)                                      \
    C(HANDLER, TEXT, "the function that reads and writes it", EG_MINOR)                            \
    C(REASON, TEXT, "why VALUE may not be as sysctl -a shows it", EG_MINOR)                        \
    C(FUNCTION, ADDR, "where HANDLER is", EG_MINOR)                                                \
    C(HINTS, TEXT, "what is odd about HANDLER")
EG_COLUMNS(COLUMNS);

enum {
    DEPTH_MAX = 12,
    ENTRIES_MAX = 1 << 18,
    PATH_LEN = 1024,
    VALUE_LEN = 4096,
    VALUES_MAX = 512,
    HANDLERS_MAX = 256,
    SPACES_MAX = 4096,
};

/* ---- which function stands for which form (kernel/sysctl.c, and what wraps those) ---- */

enum form {
    UNKNOWN,
    TEXT,
    INT,
    UINT,
    LONG,
    U8,
    YES,
    JIFFIES,    // ticks, shown as seconds
    HZ_JIFFIES, // ticks, shown as hundredths of a second
    MS_JIFFIES, // ticks, shown as milliseconds
    LONG_MS,    // the same in longs
    BITMAP,
    STATIC_KEY,
    UUID,
    CONGESTION,
    QDISC,
    TAINT,
    HEX,
    REACHABLE, // ticks, shown as the end of the name says (net/core/neighbour.c, net/ipv6/ndisc.c)
    COMPUTED,
};

/* By a whole name, or by a part of one: many functions check what is written and leave the rest to
 * one of these. The first line that fits counts. */
static const struct handler {
    const char *name;
    enum form form;
    bool part;
} known[] = {
    { "neigh_proc_dointvec_unres_qlen", COMPUTED, false },
    { "neigh_proc_base_reachable_time", REACHABLE, false },
    { "ndisc_ifinfo_sysctl_change", REACHABLE, false },
    { "dointvec_userhz_jiffies", HZ_JIFFIES, true },
    { "dointvec_ms_jiffies", MS_JIFFIES, true },
    { "dointvec_jiffies", JIFFIES, true },
    { "doulongvec_ms_jiffies", LONG_MS, true },
    { "dointvec", INT, true },
    { "douintvec", UINT, true },
    { "dolongvec", LONG, true },
    { "doulongvec", LONG, true },
    { "dou8vec", U8, true },
    { "proc_dobool", YES, false },
    { "proc_dostring", TEXT, false },
    { "proc_do_uts_string", TEXT, false },
    { "proc_dostring_coredump", TEXT, false },
    { "devkmsg_sysctl_set_loglvl", TEXT, false },
    { "proc_do_large_bitmap", BITMAP, false },
    { "proc_do_static_key", STATIC_KEY, false },
    { "bpf_stats_handler", STATIC_KEY, false },
    { "proc_do_uuid", UUID, false },
    { "proc_tcp_congestion_control", CONGESTION, false },
    { "proc_taint", TAINT, false },
    { "proc_dodebug", HEX, false },
    { "ipv4_ping_group_range", INT, false },
    { "ipv4_local_port_range", INT, false }, // until 6.7
    { "lowmem_reserve_ratio_sysctl_handler", INT, false },
    // What they show is not what lies at the table's data.
    { "watchdog", COMPUTED, true },
    { "proc_do_rss_key", COMPUTED, false },
    { "proc_fib_multipath_hash_seed", COMPUTED, false },
    { "nf_log_proc_dostring", COMPUTED, false },
    { "vsock_net_mode_string", COMPUTED, false },
    { "vsock_net_child_mode_string", COMPUTED, false },
    { "proc_sctp_do_hmac_alg", COMPUTED, false },
    { "sd_ctl_doflags", COMPUTED, false },
    { "sysctl_sys_info_handler", COMPUTED, false },
    { "sched_energy_aware_handler", COMPUTED, false },
};

/* Functions that know without the table where the value is. */
static const struct {
    const char *name, *variable;
    enum form form;
} elsewhere[] = {
    { "sysrq_sysctl_handler", "sysrq_enabled", INT },
    { "sysctl_max_threads", "max_threads", INT },
    { "set_default_qdisc", "default_qdisc_ops", QDISC },
};

struct walk {
    struct eg_run *r;
    struct eg_cell ns;
    uint64_t seen, computed;
    int64_t jiffy;
    char path[PATH_LEN];
    uint64_t sets[SPACES_MAX];
    size_t n_sets;
    struct {
        uint64_t at;
        const char *name;
        enum form form;
    } handlers[HANDLERS_MAX];
    size_t n_handlers;
};

static enum form form_named(const char *name)
{
    const size_t len = strcspn(name, " +");
    const char *at;

    for (size_t i = 0; i < countof(known); i++) {
        if (known[i].part ? (at = strstr(name, known[i].name)) && (size_t)(at - name) < len
                          : strlen(known[i].name) == len && !strncmp(known[i].name, name, len))
            return known[i].form;
    }
    return UNKNOWN;
}

static enum form form_of(struct walk *w, uint64_t at, const char **name)
{
    const char *s;

    for (size_t i = 0; i < w->n_handlers; i++)
        if (w->handlers[i].at == at) {
            *name = w->handlers[i].name;
            return w->handlers[i].form;
        }
    s = eg_name_of(w->r, at);
    *name = s ? s : eg_strf(w->r, "%#" PRIx64, at);
    if (w->n_handlers < HANDLERS_MAX) {
        w->handlers[w->n_handlers].at = at;
        w->handlers[w->n_handlers].name = *name;
        w->handlers[w->n_handlers++].form = s ? form_named(s) : UNKNOWN;
    }
    return s ? form_named(s) : UNKNOWN;
}

/* ---- values ---- */

static bool number(struct walk *w, uint64_t at, unsigned size, bool sign, int64_t *out)
{
    const uint8_t *p = eg_bytes(eg_view_of(w->r), eg_kernel(w->r), at, size);
    uint64_t v;

    if (!p)
        return false;
    v = eg_load_(p, size, eg_binding_of(w->r)->model.big_endian);
    *out = sign ? (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size) : (int64_t)v;
    return true;
}

static int64_t scaled(const struct walk *w, int64_t ticks, int64_t unit_ns)
{
    int64_t ns;

    return __builtin_mul_overflow(ticks, w->jiffy, &ns) ? INT64_MAX : ns / unit_ns;
}

static struct eg_cell unreadable(struct walk *w)
{
    struct eg_view *v = eg_view_of(w->r);

    return eg_missing(v->why ? (enum eg_why)v->why : EG_BAD_VALUE, v->why_addr);
}

/* With a blank between two, where the kernel has a tab. */
static struct eg_cell numbers(struct walk *w, enum form form, uint64_t data, uint64_t maxlen)
{
    const unsigned lsize = eg_binding_of(w->r)->model.long_size;
    const unsigned size = form == LONG || form == LONG_MS ? lsize
                          : form == U8 || form == YES     ? 1
                                                          : 4;
    const bool ticks = form == JIFFIES || form == HZ_JIFFIES || form == MS_JIFFIES;
    const uint64_t n = form == U8 || form == YES ? 1 : maxlen / size;
    char text[VALUE_LEN];
    size_t len = 0;
    int64_t v;

    if (n > VALUES_MAX)
        return eg_missing(EG_BAD_VALUE, data);
    if ((ticks || form == LONG_MS) && !w->jiffy)
        return eg_missing(EG_NO_SYMBOL, 0);
    for (uint64_t i = 0; i < n && len < sizeof text; i++) {
        if (!number(w, data + i * size, size, form == INT || ticks, &v))
            return unreadable(w);
        if (form == JIFFIES)
            v = scaled(w, v, 1000000000);
        else if (form == HZ_JIFFIES)
            v = scaled(w, v, 10000000);
        else if (form == MS_JIFFIES || form == LONG_MS)
            v = scaled(w, v, 1000000);
        len += (size_t)snprintf(text + len, sizeof text - len,
                                form == LONG || form == LONG_MS ? "%s%" PRIu64 : "%s%" PRId64,
                                i ? " " : "", v);
    }
    return eg_text(eg_strf(w->r, "%.*s", (int)EG_MIN(len, sizeof text - 1), text));
}

/* Ranges of the bits that are set: "1-3,7"; @bits of them, at the pointer at @data. */
static struct eg_cell bitmap(struct walk *w, uint64_t data, uint64_t bits)
{
    enum { BITS_MAX = 1 << 16 };
    char text[VALUE_LEN];
    size_t len = 0;
    int64_t at, from = -1;

    if (bits > BITS_MAX)
        return eg_missing(EG_BAD_VALUE, data);
    if (!number(w, data, eg_binding_of(w->r)->model.ptr_size, false, &at))
        return unreadable(w);
    text[0] = 0;
    for (uint64_t i = 0; i <= bits && len < sizeof text; i++) {
        int64_t byte = 0;

        if (i < bits && at && !number(w, (uint64_t)at + i / 8, 1, false, &byte))
            return unreadable(w);
        if (byte >> i % 8 & 1) {
            from = from < 0 ? (int64_t)i : from;
            continue;
        }
        if (from >= 0)
            len +=
                (size_t)snprintf(text + len, sizeof text - len,
                                 from == (int64_t)i - 1 ? "%s%" PRId64 : "%s%" PRId64 "-%" PRId64,
                                 len ? "," : "", from, (int64_t)i - 1);
        from = -1;
    }
    return eg_text(eg_strf(w->r, "%.*s", (int)EG_MIN(len, sizeof text - 1), text));
}

static struct eg_cell uuid(struct walk *w, uint64_t data)
{
    uint8_t u[16];

    if (!eg_read(eg_view_of(w->r), eg_kernel(w->r), data, u, sizeof u))
        return unreadable(w);
    return eg_text(eg_strf(
        w->r, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
        u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]));
}

/* The name of the object that the pointer at @data leads to. */
static struct eg_cell named(struct walk *w, enum form form, uint64_t data)
{
    int64_t at;

    if (!number(w, data, eg_binding_of(w->r)->model.ptr_size, false, &at))
        return unreadable(w);
    if (form == CONGESTION)
        return eg_val(eg_object(w->r, tcp_congestion_ops, (uint64_t)at), tcp_congestion_ops.name);
    return eg_val(eg_object(w->r, Qdisc_ops, (uint64_t)at), Qdisc_ops.id);
}

static struct eg_cell static_key_on(struct walk *w, uint64_t data)
{
    struct eg_obj key = eg_at(eg_object(w->r, static_key, data), key_count);
    int32_t n;

    return eg_load(&n, key) ? eg_text(n ? "1" : "0") : eg_cell_of(key);
}

static struct eg_cell text(struct walk *w, uint64_t data, uint64_t maxlen)
{
    const char *s = "";

    if (maxlen)
        s = eg_cstr(w->r, eg_kernel(w->r), data, (size_t)EG_MIN(maxlen, (uint64_t)VALUE_LEN));
    return s ? eg_text(s) : unreadable(w);
}

static struct eg_cell formatted(struct walk *w, enum form form, uint64_t data, uint64_t maxlen)
{
    int64_t v;

    switch (form) {
    case TEXT:
        return text(w, data, maxlen);
    case BITMAP:
        return bitmap(w, data, maxlen);
    case CONGESTION:
    case QDISC:
        return named(w, form, data);
    case STATIC_KEY:
        return static_key_on(w, data);
    case UUID:
        return uuid(w, data);
    case HEX:
        if (!number(w, data, 4, false, &v))
            return unreadable(w);
        return eg_text(eg_strf(w->r, "0x%04" PRIx64, (uint64_t)v));
    default:
        return numbers(w, form, data, maxlen);
    }
}

static enum form by_size(struct walk *w, uint64_t maxlen)
{
    if (maxlen == 1)
        return U8;
    if (maxlen == 4)
        return INT;
    return maxlen == eg_binding_of(w->r)->model.long_size ? LONG : COMPUTED;
}

static struct eg_cell value(struct walk *w, struct eg_obj entry, enum form form,
                            const char *handler, const char **reason)
{
    const char *name = strrchr(w->path, '.');
    uint64_t data, maxlen, at;

    if (form == TAINT) {
        struct eg_obj mask = eg_sym(w->r, tainted_mask);

        return eg_load(&at, mask) ? eg_text(eg_strf(w->r, "%" PRIu64, at)) : eg_cell_of(mask);
    }
    for (size_t i = 0; handler && i < countof(elsewhere); i++)
        if (!strcmp(elsewhere[i].name, handler) && eg_lookup(w->r, elsewhere[i].variable, &at))
            return formatted(w, elsewhere[i].form, at, 4);
    if (!eg_get(&data, entry, ctl_table.data))
        return eg_val(entry, ctl_table.data);
    if (!eg_get(&maxlen, entry, ctl_table.maxlen))
        return eg_val(entry, ctl_table.maxlen);
    if (form == REACHABLE)
        form = !name || !strcmp(name, ".retrans_time") ? INT
               : strstr(name, "_ms")                   ? MS_JIFFIES
                                                       : JIFFIES;
    if (form == UNKNOWN && data && (form = by_size(w, maxlen)) != COMPUTED)
        *reason = "a number of this size: in which form HANDLER shows it is not known";
    if (form == COMPUTED || !data || (!maxlen && form >= INT && form <= LONG_MS)) {
        w->computed++;
        return (struct eg_cell){ 0 };
    }
    return formatted(w, form, data, maxlen);
}

/* ---- the tree ---- */

/* A table of the kernel has the kernel's functions. */
static const char *hints_of(struct walk *w, struct eg_obj entry, uint64_t handler)
{
    const struct linux_codes *codes = linux_codes(w->r);
    const char *who;
    struct linux_codeof code;

    if (linux_whose_code(codes, handler, NULL) == LINUX_CODE_KERNEL)
        return NULL;
    linux_codeof(w->r, handler, &code);
    if (code.kind == LINUX_CODE_MODULE &&
        linux_whose_code(codes, entry.addr, &who) == LINUX_CODE_DATA && !strcmp(who, "kernel"))
        return linux_hints(w->r, "a table of the kernel leads into a module", code.hint);
    return code.hint;
}

static void show(struct walk *w, struct eg_obj entry)
{
    struct eg_cell file_mode = eg_val(entry, ctl_table.mode), got;
    const char *name = NULL, *reason = NULL, *hints = NULL;
    enum form form = COMPUTED;
    uint64_t handler = 0;
    uint16_t mode;

    if (eg_get(&handler, entry, ctl_table.proc_handler) && handler) {
        form = form_of(w, handler, &name);
        hints = hints_of(w, entry, handler);
    }
    if (eg_get(&mode, entry, ctl_table.mode))
        file_mode = eg_text(eg_strf(w->r, "-%s", linux_permissions(w->r, mode)));
    got = value(w, entry, form, name, &reason);
    eg_row(w->r, .OFFSET = eg_addr(entry), .NS = w->ns,
           .KEY = eg_text(eg_strf(w->r, "%s", w->path)), .VALUE = got, .FILE_MODE = file_mode,
           .HANDLER = eg_text(name), .REASON = eg_text(reason),
           .FUNCTION = handler ? eg_uint(handler) : (struct eg_cell){ 0 }, .HINTS = eg_text(hints));
}

/* A name's dots are slashes, and the slashes of the path dots, as sysctl -a has them. */
static bool append(struct walk *w, size_t *len, const char *name)
{
    const size_t more = strlen(name);

    if (*len + more + 2 > sizeof w->path)
        return false;
    if (*len)
        w->path[(*len)++] = '.';
    for (size_t i = 0; i <= more; i++)
        w->path[*len + i] = name[i] == '.' ? '/' : name[i];
    *len += more;
    return true;
}

static void directory(struct walk *w, struct eg_obj dir, size_t len, unsigned depth)
{
    enum { FMT = 0170000, DIR = 0040000, LINK = 0120000 };
    const uint32_t size = eg_size(w->r, ctl_node), step = eg_size(w->r, ctl_table);
    struct eg_obj node;

    eg_each_rb(node, eg_at(dir, ctl_dir.root), ctl_node.node) {
        struct eg_obj header = eg_deref(eg_at(node, ctl_node.header)), entry;
        uint64_t first, table, i;
        size_t end = len;
        const char *name;
        uint16_t mode;

        if (w->seen++ >= ENTRIES_MAX)
            return;
        if (!eg_get(&first, header, ctl_table_header.node) ||
            !eg_get(&table, header, ctl_table_header.ctl_table) || node.addr < first || !size ||
            (i = (node.addr - first) / size) >= ENTRIES_MAX) {
            eg_note(w->r, "sysctl: an entry below \"%.*s\" has no table that can be read", (int)len,
                    w->path);
            continue;
        }
        entry = eg_object(w->r, ctl_table, table + i * step);
        name = eg_string(w->r, eg_at(entry, ctl_table.procname), 256);
        if (!name || !*name || !eg_get(&mode, entry, ctl_table.mode) || !append(w, &end, name)) {
            eg_note(w->r, "sysctl: an entry below \"%.*s\" has no name that can be read", (int)len,
                    w->path);
            continue;
        }
        if ((mode & FMT) == DIR) {
            if (depth < DEPTH_MAX)
                directory(w, eg_container(header, ctl_dir.header), end, depth + 1);
            else
                eg_note(w->r, "sysctl: below \"%s\" are more folders than the kernel makes",
                        w->path);
        } else if ((mode & FMT) != LINK) { // a link stands for what a namespace has itself
            show(w, entry);
        }
        w->path[len] = 0;
    }
}

static void set(struct walk *w, struct eg_obj set_, struct eg_cell ns)
{
    if (set_.why)
        return;
    for (size_t i = 0; i < w->n_sets; i++)
        if (w->sets[i] == set_.addr)
            return;
    if (w->n_sets == SPACES_MAX) {
        eg_note(w->r, "sysctl: only the first %d namespaces are shown", SPACES_MAX);
        return;
    }
    w->sets[w->n_sets++] = set_.addr;
    w->ns = ns;
    w->path[0] = 0;
    directory(w, eg_at(set_, ctl_table_set.dir), 0, 0);
}

static int run(struct eg_run *r)
{
    struct walk *w = eg_tmp(r, sizeof *w);
    struct eg_obj net, task;

    w->r = r;
    if (!linux_jiffy(r, &w->jiffy))
        eg_note(r, "sysctl: how long a tick is is not known: values that count them are missing");
    set(w, eg_at(eg_sym(r, sysctl_table_root), ctl_table_root.default_set), (struct eg_cell){ 0 });
    linux_each_net(r, net) set(w, eg_at(net, net_sysctls), eg_val(net, net_inum));
    linux_each_process(r, task) {
        struct eg_obj user = eg_deref(eg_at(task, task_struct.real_cred, cred_ns));
        struct eg_obj pids = eg_deref(eg_at(task, task_struct.nsproxy, proxy_pid));
        struct eg_obj ipc = eg_deref(eg_at(task, task_struct.nsproxy, proxy_ipc));

        set(w, eg_at(user, user_set), eg_val(user, user_inum));
        set(w, eg_at(pids, pid_set), eg_val(pids, pid_inum));
        set(w, eg_at(ipc, ipc_set), eg_val(ipc, ipc_inum));
        set(w, eg_at(ipc, mq_set), eg_val(ipc, ipc_inum));
    }
    if (w->seen > ENTRIES_MAX)
        eg_note(r, "sysctl: only the first %d parameters are shown", ENTRIES_MAX);
    if (w->computed)
        eg_note(r,
                "%llu values are made by the kernel's own code when they are read, and lie "
                "nowhere as they are shown: HANDLER names it",
                (unsigned long long)w->computed);
    return 0;
}

EG_PLUGIN(sysctl) = {
    .os = "linux",
    .help = "List the kernel's parameters and their values, as sysctl -a does",
    .manual =
        "The values of now, which /etc/sysctl.conf need not have. Those without NS are the whole "
        "system's; each network namespace, and each user and IPC namespace that a process is in, "
        "has its own. A parameter whose HANDLER is in a module, or nowhere that has a name, was "
        "registered by that; HINTS has something where it is code of no module that is listed, of "
        "one that did not come with the kernel, or where a table of the kernel leads into a "
        "module. Values that count CPUs' shares together (fs.file-nr) are as the "
        "kernel last wrote them down.",
    .aliases = EG_NAMES("linux.sysctl.Sysctl"),
    .columns = columns,
    .needs = EG_NEEDS(ctl_table.procname, ctl_node.node, ctl_dir.root),
    .needs_symbols = EG_NEEDS_SYMBOLS(sysctl_table_root),
    .run = run,
    .key = EG_NAMES("NS", "KEY"),
};
