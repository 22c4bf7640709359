/* sockets - every socket of every network namespace, with who has it open. */
#include "../../core/map.h"
#include "../linux/kernel/time.h"
#include "../linux/net/net.h"
#include "../linux/net/sock.h"
#include "../linux/net/sock_detail.h"
#include "../linux/net/tables.h"
#include "../linux/own/holders.h"
#include "../linux/own/socks.h"
#include "../linux/sched/task.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

EG_FIELD_AS(socket_flags, sock, "__sk_common.skc_flags");
EG_FIELD_AS(socket_port, sock, "__sk_common.skc_num");
EG_ENUMERATOR(SOCK_DEAD, "sock_flags");
EG_FIELD_AS_OF("vsock", vsock_waiting, vsock_sock, "accept_queue");
EG_TYPE_("vsock", vsock_sock);
EG_TYPE(file);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct sock is", EG_MINOR)                                          \
    C(NS, INT, "inode number of its network namespace", EG_MINOR)                                  \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(FD, INT, "descriptor by which the process has it open", EG_MINOR)                            \
    C(FAMILY, TEXT, "AF_INET, AF_UNIX, …")                                                         \
    C(TYPE, TEXT, "STREAM, DGRAM, RAW, SEQPACKET", EG_MINOR)                                       \
    C(PROTO, TEXT, "TCP, UDP, NETLINK_ROUTE; of packet sockets the Ethernet protocol")             \
    C(SOURCE_ADDR, TEXT, "own address; of a unix socket its name, @ for the null byte", EG_WHOLE)  \
    C(SOURCE_PORT, INT, "own port; of a unix socket its inode number")                             \
    C(DESTINATION_ADDR, TEXT, "the peer's address or name", EG_WHOLE)                              \
    C(DESTINATION_PORT, INT, "the peer's port; of a unix socket the peer's inode number")          \
    C(STATE, TEXT, "ESTABLISHED, LISTEN, TIME_WAIT, UNCONNECTED, …")                               \
    C(RECEIVE_QUEUE, INT, "bytes not read; of a listening socket connections not accepted",        \
      EG_MINOR)                                                                                    \
    C(SEND_QUEUE, INT, "bytes not acknowledged; of a listening socket how many may wait",          \
      EG_MINOR)                                                                                    \
    C(INODE, INT, "inode number, as in socket:[N]", EG_MINOR)                                      \
    C(UID, INT, "who made it", EG_MINOR)                                                           \
    C(HELD_BY, TEXT, "fd; passed: on its way to a process; ring; kernel; see the manual",          \
      EG_MINOR)                                                                                    \
    C(INTERFACE, TEXT, "that it is bound to", EG_MINOR)                                            \
    C(TIMER, TEXT, "on (retransmission), keepalive, timewait, persist", EG_MINOR)                  \
    C(EXPIRES, TIME, "when the timer does", EG_MINOR)                                              \
    C(RETRANSMITS, INT, "how often the last segment was sent again", EG_MINOR)                     \
    C(BYTES_SENT, INT, "bytes of data sent over a TCP connection so far", EG_MINOR)                \
    C(BYTES_RECEIVED, INT, "and received", EG_MINOR)                                               \
    C(LAST_SENT, TIME, "when TCP sent data last", EG_MINOR)                                        \
    C(LAST_RECEIVED, TIME, "when it received data last", EG_MINOR)                                 \
    C(OPTIONS, TEXT, "reuseaddr, nodelay, what TCP agreed on, …", EG_MINOR)                        \
    C(CONGESTION, TEXT, "congestion control of TCP", EG_MINOR)                                     \
    C(NETLINK_GROUPS, TEXT, "multicast groups of a netlink socket", EG_MINOR)                      \
    C(PASSED_FILES, INT, "files that wait in a unix socket's queue", EG_MINOR)                     \
    C(MARK, INT, "SO_MARK", EG_MINOR)                                                              \
    C(COOKIE, INT, "the number that ss shows as sk, in hex; given when first asked for", EG_MINOR) \
    C(CGROUP, TEXT, "control group that it was made in", EG_MINOR)                                 \
    C(TABLE, TEXT, "the kernel's tables that have it", EG_MINOR)                                   \
    C(LIFE, TEXT, "with --scan: living, unlisted, freed, leftover; see the manual", EG_ASKED)      \
    C(PHYSICAL, ADDR, "of a socket that --scan found: its physical address", EG_ASKED)             \
    C(SOCKET_FILTER, TEXT,                                                                         \
      "attached filter, and what chooses in a group of sockets (reuseport, fanout): classic BPF "  \
      "disassembled, or an eBPF program's number",                                                 \
      EG_MINOR | EG_LIST)                                                                          \
    C(HINTS, TEXT, "what is odd about the tables that have it")
EG_COLUMNS(COLUMNS);

struct search {
    const struct linux_holders *holders;
    struct eg_map *seen;
    struct eg_map *passed; /**< sockets that wait in another one's queue */
    const char *family;
    bool *family_seen;
    unsigned known; /**< tables in which there is something */
    bool scan, chosen, tcp, udp, unix_, listening;
};

/* ---- options ---- */

/** Is @family, "AF_INET", one of @list: "inet,AF_INET6"? */
static bool is_one_of(const char *list, const char *family)
{
    for (size_t n; *list; list += n + (list[n] == ',')) {
        const bool prefix = strncasecmp(list, "AF_", 3) == 0;

        n = strcspn(list, ",");
        if (!strncasecmp(list, prefix ? family : family + (strncmp(family, "AF_", 3) ? 0 : 3), n) &&
            strlen(family) - (prefix || strncmp(family, "AF_", 3) ? 0 : 3) == n)
            return true;
    }
    return false;
}

static bool wanted(struct eg_run *r, const struct search *q, const struct linux_sock *s)
{
    const bool inet = s->family_number == LINUX_AF_INET || s->family_number == LINUX_AF_INET6;
    const uint32_t p = s->protocol_number;
    uint64_t ns;

    if (q->family && !is_one_of(q->family, s->family))
        return false;
    *q->family_seen = true;
    if (q->chosen && !(q->tcp && inet && (p == LINUX_IPPROTO_TCP || p == LINUX_IPPROTO_MPTCP)) &&
        !(q->udp && inet && s->type_number == LINUX_SOCK_DGRAM &&
          (p == LINUX_IPPROTO_UDP || p == LINUX_IPPROTO_UDPLITE)) &&
        !(q->unix_ && s->family_number == LINUX_AF_UNIX))
        return false;
    // As `ss -l`: what waits for somebody, with or without connections.
    if (q->listening && strcmp(s->state, "LISTEN") != 0 && strcmp(s->state, "UNCONNECTED") != 0)
        return false;
    if (!eg_arg_limits(r, "ns"))
        return true;
    return s->net.tag == EG_CELL_OBJ && eg_load(&ns, s->net.obj) &&
           eg_arg_match(r, "ns", (int64_t)ns);
}

/* ---- rows ---- */

static const char *how_held(const struct linux_holder *h)
{
    switch (h->how) {
    case LINUX_HOLD_FD:
        return "fd";
    case LINUX_HOLD_PASSED:
        return "passed";
    case LINUX_HOLD_RING:
        return "ring";
    default:
        return "kernel";
    }
}

/* Why a socket is open in no process. */
static const char *unheld(struct eg_run *r, const struct search *q, const struct linux_sock *s,
                          const struct linux_sock_detail *d)
{
    const uint64_t flags = eg_get_or((uint64_t)0, s->sock, socket_flags);
    uint64_t nothing;
    int64_t dead;

    if (s->size == LINUX_SOCK_TIMEWAIT)
        return "timewait";
    if (s->size == LINUX_SOCK_REQUEST)
        return "request";
    if (eg_map_get(q->passed, s->sock.addr, &nothing))
        return "passed";
    if (d->kernel)
        return "kernel";
    if (eg_enum(r, SOCK_DEAD, &dead) && dead >= 0 && dead < 64 && flags >> dead & 1)
        return "closed";
    return s->inode_address ? "nobody" : "unaccepted";
}

static struct eg_cell passed_files(struct eg_run *r, const struct linux_sock *s)
{
    struct eg_obj file;
    uint64_t n = 0;

    if (s->family_number != LINUX_AF_UNIX)
        return (struct eg_cell){ 0 };
    linux_each_passed_file(r, s->sock, file) n++;
    return eg_uint(n);
}

static struct eg_cell when(struct eg_run *r, struct eg_obj expires)
{
    return expires.why == EG_NULL ? (struct eg_cell){ 0 }
                                  : linux_wall_of(r, LINUX_JIFFIES, expires);
}

/* The last 2^32 ticks, of which TCP keeps 32 bits. */
static struct eg_cell last(struct eg_run *r, struct eg_obj ticks)
{
    int64_t wall, up, ns, ago;
    uint64_t now;
    uint32_t v;

    if (ticks.why == EG_NULL)
        return (struct eg_cell){ 0 };
    if (!eg_load(&v, ticks))
        return eg_cell_of(ticks);
    if (!linux_now(r, &wall, &up) || !linux_jiffies(r, &now, &ns))
        return eg_missing(EG_NO_SYMBOL, 0);
    if (!v)
        return (struct eg_cell){ 0 }; // never
    if (__builtin_mul_overflow((int64_t)(uint32_t)((uint32_t)now - v), ns, &ago) ||
        __builtin_sub_overflow(wall, ago, &wall))
        return eg_missing(EG_BAD_VALUE, ticks.addr);
    return eg_int(wall);
}

/* What a row says beside what the socket says of itself. */
struct said {
    const char *tables, *life;
    struct eg_cell physical, passed;
    bool vanished;    /**< nobody can hold it any more */
    const char *held; /**< HELD_BY, where that is known */
    const char *hint; /**< what is odd about its tables */
};

static void emit(struct eg_run *r, const struct search *q, const struct linux_sock *s,
                 const struct linux_sock_detail *d, const struct said *said,
                 const struct linux_holder *h)
{
    const bool fd = h && h->how == LINUX_HOLD_FD;
    struct eg_obj task = h && h->task ? eg_object(r, task_struct, h->task) : LINUX_NOBODY;

    eg_row(r, .OFFSET = eg_addr(s->sock), .NS = s->net,
           .PID = h && h->task ? linux_pid(task) : (struct eg_cell){ 0 },
           .COMM = h && h->task ? linux_comm(task) : (struct eg_cell){ 0 },
           .FD = fd ? eg_uint(h->number) : (struct eg_cell){ 0 }, .FAMILY = eg_text(s->family),
           .TYPE = eg_text(s->type), .PROTO = eg_text(s->protocol), .SOURCE_ADDR = s->source,
           .SOURCE_PORT = s->source_port, .DESTINATION_ADDR = s->destination,
           .DESTINATION_PORT = s->destination_port, .STATE = eg_text(s->state),
           .RECEIVE_QUEUE = d->receive_queue, .SEND_QUEUE = d->send_queue, .INODE = s->inode,
           .UID = s->uid,
           .HELD_BY = eg_text(said->held       ? said->held
                              : h              ? how_held(h)
                              : said->vanished ? NULL
                                               : unheld(r, q, s, d)),
           .INTERFACE = eg_text(d->interface), .TIMER = eg_text(d->timer),
           .EXPIRES = when(r, d->expires), .RETRANSMITS = d->retransmits,
           .BYTES_SENT = d->bytes_sent, .BYTES_RECEIVED = d->bytes_received,
           .LAST_SENT = last(r, d->last_sent), .LAST_RECEIVED = last(r, d->last_received),
           .OPTIONS = eg_text(d->options), .CONGESTION = eg_text(d->congestion),
           .NETLINK_GROUPS = eg_text(d->groups), .PASSED_FILES = said->passed, .MARK = d->mark,
           .COOKIE = s->cookie, .CGROUP = eg_text(d->cgroup), .TABLE = eg_text(said->tables),
           .LIFE = eg_text(said->life), .PHYSICAL = said->physical,
           .SOCKET_FILTER = eg_text(d->filter), .HINTS = eg_text(said->hint));
}

static bool asked(struct eg_run *r, const struct linux_holder *h)
{
    return h->task ? linux_pid_asked(r, eg_object(r, task_struct, h->task))
                   : !eg_arg_limits(r, "pid");
}

/* The associations of a socket that has several, as `ss` shows them below it. */
static void show_peers(struct eg_run *r, const struct search *q, const struct linux_sock *s,
                       const struct said *of)
{
    const struct linux_sock_detail d = { .options = "",
                                         .expires = eg_bad(s->sock, EG_NULL, 0),
                                         .last_sent = eg_bad(s->sock, EG_NULL, 0),
                                         .last_received = eg_bad(s->sock, EG_NULL, 0) };
    const struct said said = { of->tables, of->life, { 0 }, { 0 }, false, "association" };
    struct linux_sctp_walk w = { 0 };
    struct linux_sock peer;

    while (linux_next_sctp_peer(r, &w, s, &peer))
        emit(r, q, &peer, &d, &said, NULL);
}

/* What ss and /proc/net read is the first of these tables; connections and those that listen are in
 * one of their own and, as all that have a port, in bind; UDP in two. */
static const char *hint_of(const struct search *q, const struct linux_sock *s, unsigned tables)
{
    const bool inet = s->family_number == LINUX_AF_INET || s->family_number == LINUX_AF_INET6;
    unsigned must = 0;

    if (s->size != LINUX_SOCK_FULL || q->scan)
        return NULL;
    if (inet && s->type_number == LINUX_SOCK_STREAM && s->protocol_number == LINUX_IPPROTO_TCP &&
        s->state_number != LINUX_TCP_CLOSE)
        must = s->state_number == LINUX_TCP_LISTEN ? LINUX_TABLE_LISTEN : LINUX_TABLE_EHASH;
    else if (inet && s->protocol_number == LINUX_IPPROTO_UDP &&
             s->source_port.tag == EG_CELL_UINT && s->source_port.u)
        must = LINUX_TABLE_UDP | LINUX_TABLE_UDP2;
    else if (inet && s->type_number == LINUX_SOCK_RAW)
        must = LINUX_TABLE_RAW;
    else if (s->family_number == LINUX_AF_PACKET)
        must = LINUX_TABLE_PACKET;
    else if (s->family_number == LINUX_AF_UNIX)
        must = LINUX_TABLE_UNIX;
    must &= q->known & ~tables; // a table of which nothing is known says nothing
    return !must ? NULL
                 : "not in the table by which the kernel finds it, and ss and /proc/net list it";
}

static void show(struct eg_run *r, const struct search *q, struct eg_obj sock, unsigned tables)
{
    struct said said = {
        linux_tables_text(r, tables), q->scan ? "living" : NULL, { 0 }, { 0 }, false
    };
    const struct linux_holder *h = NULL;
    struct linux_sock_detail d;
    struct linux_sock s;
    size_t n = 0, any = 0;

    if (!linux_sock_read(r, sock, &s)) {
        eg_row(r, .OFFSET = eg_addr(sock), .FAMILY = eg_missing(EG_UNREADABLE, sock.addr),
               .TABLE = eg_text(said.tables));
        return;
    }
    if (!wanted(r, q, &s))
        return;
    said.hint = hint_of(q, &s, tables);
    if (s.inode_address)
        h = linux_holders_of(q->holders, s.inode_address, &n);
    if (eg_arg_limits(r, "pid")) {
        for (size_t i = 0; i < n; i++)
            any += asked(r, &h[i]);
        if (!any)
            return;
    }
    linux_sock_details(r, &s, &d);
    said.passed = passed_files(r, &s);
    for (size_t i = 0; i < n; i++)
        if (asked(r, &h[i]))
            emit(r, q, &s, &d, &said, &h[i]);
    if (!n)
        emit(r, q, &s, &d, &said, NULL);
    show_peers(r, q, &s, &said);
}

/* Connections of vsock that nobody accepted: their tables are variables of a module, whose symbols
 * not all kernels keep. */
static void show_waiting(struct eg_run *r, const struct search *q, struct eg_obj sock)
{
    struct eg_obj child;

    if (eg_get_or(0u, sock, sock_family) != LINUX_AF_VSOCK || !eg_has(r, vsock_waiting) ||
        eg_get_or(0u, sock, sock_state) != LINUX_TCP_LISTEN)
        return;
    eg_each_list(child, eg_at(eg_cast(sock, vsock_sock), vsock_waiting), vsock_waiting)
        if (eg_run_map_add(r, q->seen, child.addr, 0))
            show(r, q, eg_object(r, sock, child.addr), 0);
}

/* What is left of sockets, and those in use that nothing leads to. */
static void show_scanned(struct eg_run *r, const struct search *q)
{
    static const char *const lives[] = {
        [LINUX_SOCK_ALLOCATED] = "unlisted",
        [LINUX_SOCK_FREED] = "freed",
        [LINUX_SOCK_LEFTOVER] = "leftover",
    };
    struct linux_sock_trace *found;
    const size_t n = linux_sock_scan(r, q->seen, &found);
    struct linux_sock_detail d;
    struct linux_sock s;

    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        const struct said said = { "",
                                   lives[found[i].life],
                                   eg_uint(found[i].pa),
                                   { 0 },
                                   found[i].life != LINUX_SOCK_ALLOCATED,
                                   NULL };

        if (!linux_sock_read(r, eg_object(r, sock, found[i].va), &s) || !wanted(r, q, &s))
            continue;
        linux_sock_details(r, &s, &d);
        emit(r, q, &s, &d, &said, NULL);
    }
}

/* Holders know what waits in queues of sockets that a process has; this finds those in queues of
 * sockets that are on their way themselves. */
static void find_passed(struct eg_run *r, const struct search *q,
                        const struct linux_table_socks *all)
{
    struct eg_obj file, sock;

    for (size_t i = 0; i < all->n && !eg_stopped(r); i++)
        if (all->at[i].tables & LINUX_TABLE_UNIX)
            linux_each_passed_file(r, eg_object(r, sock, all->at[i].sock), file)
            {
                sock = linux_file_sock(r, file);
                if (!sock.why)
                    eg_run_map_add(r, q->passed, sock.addr, 0);
            }
}

/* ---- order ---- */

/* Hash tables have no order that tells anything. By their namespace, the machine's own first, and
 * their own port, what listens stands above its connections; sockets of other families stay as
 * their tables have them. */
struct place {
    size_t i;
    uint32_t group, net, port;
    bool connected;
};

static int by_port(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->net != y->net)
        return x->net < y->net ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    if (x->connected != y->connected)
        return x->connected ? 1 : -1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static const struct place *in_order(struct eg_run *r, const struct linux_table_socks *all)
{
    const uint32_t tcp = LINUX_TABLE_EHASH | LINUX_TABLE_LISTEN | LINUX_TABLE_BIND;
    const uint32_t udp = LINUX_TABLE_UDP | LINUX_TABLE_UDP2 | LINUX_TABLE_UDP4;
    struct place *at = eg_tmp(r, (all->n + 1) * sizeof *at);

    for (size_t i = 0; i < all->n; i++) {
        const uint32_t tables = (uint32_t)all->at[i].tables;
        const uint32_t group = tables & tcp ? 0 : tables & udp ? 1 : 2;

        at[i] = (struct place){ .net = eg_get_or(0u, eg_object(r, sock, all->at[i].sock), sock_net,
                                                 net_inum),
                                .i = i,
                                .group = group,
                                .connected = !(tables & LINUX_TABLE_LISTEN) };
        if (group < 2)
            at[i].port =
                (uint32_t)eg_get_or((uint64_t)0, eg_object(r, sock, all->at[i].sock), socket_port);
    }
    if (all->n)
        qsort(at, all->n, sizeof *at, by_port);
    return at;
}

static int run(struct eg_run *r)
{
    const struct linux_table_socks *all = linux_table_socks(r);
    bool family_seen = false;
    struct search q = {
        .family_seen = &family_seen,
        .holders = linux_holders(r),
        .family = eg_arg_text(r, "family"),
        .tcp = eg_arg_flag(r, "tcp"),
        .udp = eg_arg_flag(r, "udp"),
        .unix_ = eg_arg_flag(r, "unix"),
        .listening = eg_arg_flag(r, "listening"),
        .scan = eg_arg_flag(r, "scan"),
        .seen = eg_run_map(r),
        .passed = eg_run_map(r),
    };
    const struct place *order;
    struct eg_obj sock;

    if (!all || !q.holders)
        return 0;
    find_passed(r, &q, all);
    q.chosen = q.tcp || q.udp || q.unix_;
    order = in_order(r, all);
    for (size_t i = 0; i < all->n; i++)
        q.known |= all->at[i].tables;
    for (size_t k = 0; k < all->n && !eg_stopped(r); k++) {
        const size_t i = order[k].i;

        eg_run_map_add(r, q.seen, all->at[i].sock, 0);
        show(r, &q, eg_object(r, sock, all->at[i].sock), all->at[i].tables);
    }
    // Those of families without a table, and those that are bound to nothing.
    for (size_t i = 0; i < q.holders->n && !eg_stopped(r); i++) {
        if (!q.holders->at[i].file)
            continue;
        sock = linux_file_sock(r, eg_object(r, file, q.holders->at[i].file));
        if (!sock.why && eg_run_map_add(r, q.seen, sock.addr, 0)) {
            show(r, &q, sock, 0);
            show_waiting(r, &q, sock);
        }
    }
    if (q.scan && !eg_arg_limits(r, "pid"))
        show_scanned(r, &q);
    if (q.family && !family_seen && !eg_stopped(r))
        eg_note(r, "--family %s: no socket is of such a family", q.family);
    return 0;
}

EG_PLUGIN(sockets) = {
    .os = "linux",
    .help = "List the sockets of all network namespaces, with who has them open",
    .manual =
        "Takes sockets from the kernel's own tables, in every network namespace: connections, "
        "listening and bound sockets, TIME_WAIT and half-open connections of TCP, DCCP and MPTCP; "
        "UDP and UDP-Lite by all their tables; raw, ping, packet, unix, netlink, vsock, XDP, SCTP "
        "and Bluetooth sockets; and from descriptors those that are in no table: of other "
        "families, and those that are bound to nothing yet. A socket that several descriptors "
        "lead to has a row for each. Those of TCP and UDP stand in the order of their namespace "
        "and own "
        "ports.\n\n"
        "HELD_BY: fd: a process has it open; passed: it was sent over a unix socket, and nobody "
        "received it yet; ring: io_uring has it; kernel: the kernel made it for itself, as "
        "WireGuard and netlink do; unaccepted: a connection that accept() has not given out yet; "
        "closed: its program closed it, and TCP has not finished; timewait, request: a record in "
        "place of a socket; association: one of several of an SCTP socket, which stands above it; "
        "nobody: none of these, which a hidden process would cause as well.\n\n"
        "TABLE is empty for a socket that no table has. A connection whose socket is in the table "
        "bind, and not in ehash, was taken out of what ss and /proc/net show: HINTS says so, and "
        "of "
        "one that listens, of UDP and of packet sockets, where the same table has others. Compare "
        "with lsof, and with a capture of the network. What was closed before the image was taken "
        "is "
        "here only as far as the kernel keeps it (TIME_WAIT, 60 seconds), and with --scan.\n\n"
        "--scan also searches physical memory, for the kernel's protocols (struct proto) and what "
        "points to them. LIFE: living: as above; unlisted: in use, but in no table and open in no "
        "process: by HELD_BY the kernel's own, which send resets and the like, closed ones that "
        "wait to be freed, records of connections that nobody accepted yet; one that nobody holds "
        "was hidden; freed: a free object "
        "of its slab cache, whose members are those that it had at the end, as far as they were "
        "not overwritten; leftover: in memory that is no such object any more. Counts of queues, "
        "timers and options are as ss -aeimo shows them.",
    .aliases = EG_NAMES("linux.sockstat.Sockstat", "netstat", "ss", "linux.sockscan.Sockscan"),
    .looks_for = EG_NAMES("sockets"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only sockets that these processes have open"),
                    EG_ARG(ns, INT, "only of these network namespaces"),
                    EG_ARG(family, TEXT, "only of these: inet, inet6, unix, netlink, packet…"),
                    EG_ARG(tcp, FLAG, "TCP and MPTCP; with --udp, --unix those too"),
                    EG_ARG(udp, FLAG, "UDP and UDP-Lite"), EG_ARG(unix, FLAG, "unix sockets"),
                    EG_ARG(scan, FLAG, "also what memory holds of sockets that were closed"),
                    EG_ARG(listening, FLAG, "only listening ones, and those without a peer")),
    .needs = EG_NEEDS(sock_family, sock_state, sock.sk_type),
    .uses = EG_NAMES("socks"),
    .run = run,
    .key = EG_NAMES("OFFSET", "INODE", "PID", "FD"),
    .moves = EG_NAMES("RECEIVE_QUEUE", "SEND_QUEUE", "TIMER", "EXPIRES", "RETRANSMITS",
                      "BYTES_SENT", "BYTES_RECEIVED", "LAST_SENT", "LAST_RECEIVED", "COOKIE"),
};
