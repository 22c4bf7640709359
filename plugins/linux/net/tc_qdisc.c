/* tc_qdisc.c - options of queueing disciplines (net/sched/sch_*.c), as tc prints them. */
#include "../../../core/base.h"
#include "../kernel/time.h"
#include "tc.h"
#include <inttypes.h>

EG_FIELD_AS(qdisc_limit, Qdisc, "limit");
EG_TYPE_("sch_tbf", tbf_sched_data);
EG_TYPE_("sch_netem", netem_sched_data);
EG_TYPE_("sch_fq_codel", fq_codel_sched_data);
EG_TYPE_("sch_fq", fq_sched_data);
EG_TYPE_("sch_sfq", sfq_sched_data);
EG_TYPE_("sch_prio", prio_sched_data);
EG_TYPE_("sch_htb", htb_sched);

const char *linux_tc_handle(struct eg_run *r, uint32_t h)
{
    return !(h & 0xffff) ? eg_strf(r, "%x:", h >> 16)
           : h >> 16     ? eg_strf(r, "%x:%x", h >> 16, h & 0xffff)
                         : eg_strf(r, ":%x", h & 0xffff);
}

void linux_tc_rate(struct linux_text *t, uint64_t bytes)
{
    static const char *const units[] = { "bit", "Kbit", "Mbit", "Gbit", "Tbit" };
    uint64_t bits;
    size_t i = 0;

    if (__builtin_mul_overflow(bytes, 8u, &bits)) {
        linux_text_add(t, "%" PRIu64 "byte", bytes);
        return;
    }
    while (i + 1 < countof(units) && bits >= 1000 && bits % 1000 == 0) {
        bits /= 1000;
        i++;
    }
    linux_text_add(t, "%" PRIu64 "%s", bits, units[i]);
}

/* A member as a number. @return false: this kernel has it not, or it cannot be read; a member that
 * is there but unreadable is said. */
static bool number(struct linux_text *t, struct eg_obj o, const char *path, int64_t *out)
{
    struct eg_obj m = eg_path(o, path);

    if (eg_load(out, m))
        return true;
    if (m.why && m.why != EG_NO_MEMBER && m.why != EG_NO_TYPE)
        linux_text_add(t, " %s ?", path);
    return false;
}

static void show(struct linux_text *t, struct eg_obj o, const char *path, const char *before,
                 const char *after)
{
    int64_t v;

    if (number(t, o, path, &v))
        linux_text_add(t, " %s%" PRId64 "%s", before, v, after);
}

/* The same, unless it is 0, with which the kernel does not do it. */
static void show_set(struct linux_text *t, struct eg_obj o, const char *path, const char *before,
                     const char *after)
{
    int64_t v;

    if (number(t, o, path, &v) && v)
        linux_text_add(t, " %s%" PRId64 "%s", before, v, after);
}

static void duration(struct linux_text *t, const char *before, int64_t ns)
{
    const uint64_t n = ns < 0 ? 0 : (uint64_t)ns, us = n / 1000;

    if (n % 1000)
        linux_text_add(t, " %s%" PRIu64 "ns", before, n);
    else if (us >= 1000000 && us % 1000000 == 0)
        linux_text_add(t, " %s%" PRIu64 "s", before, us / 1000000);
    else if (us >= 1000 && us % 1000 == 0)
        linux_text_add(t, " %s%" PRIu64 "ms", before, us / 1000);
    else
        linux_text_add(t, " %s%" PRIu64 "us", before, us);
}

static void show_ns(struct linux_text *t, struct eg_obj o, const char *path, const char *before,
                    bool always)
{
    int64_t v;

    if (number(t, o, path, &v) && (v || always))
        duration(t, before, v);
}

static void show_rate(struct linux_text *t, struct eg_obj o, const char *path, const char *before)
{
    int64_t v;

    if (number(t, o, path, &v) && v) {
        linux_text_add(t, " %s", before);
        linux_tc_rate(t, (uint64_t)v);
    }
}

/* Probabilities are parts of 2^32. */
static void show_part(struct linux_text *t, struct eg_obj o, const char *path, const char *before)
{
    int64_t v;

    if (number(t, o, path, &v) && v)
        linux_text_add(t, " %s%.4g%%", before, (double)(uint32_t)v * 100 / UINT32_MAX);
}

/* CoDel's clock ticks in 1024 ns (include/net/codel.h). */
static void show_codel(struct linux_text *t, struct eg_obj o, const char *path, const char *before)
{
    int64_t v;

    // What is set in microseconds is rounded down to ticks, and shown back with that loss.
    if (number(t, o, path, &v))
        duration(t, before, ((uint32_t)v * INT64_C(1024) + 999) / 1000 * 1000);
}

/* ---- each kind ---- */

static void tbf(struct linux_text *t, struct eg_obj o)
{
    int64_t rate = 0, buffer = 0;

    show_rate(t, o, "rate.rate_bytes_ps", "rate ");
    // The bucket is kept as the time that it lasts.
    if (number(t, o, "rate.rate_bytes_ps", &rate) && number(t, o, "buffer", &buffer) && rate > 0 &&
        buffer > 0)
        linux_text_add(t, " burst %.0fb", (double)rate * (double)buffer / 1e9);
    show_rate(t, o, "peak.rate_bytes_ps", "peakrate ");
    show(t, o, "limit", "limit ", "b");
}

static void netem(struct linux_text *t, struct eg_obj o)
{
    show(t, o, "limit", "limit ", "");
    show_ns(t, o, "latency", "delay ", false);
    show_ns(t, o, "jitter", "jitter ", false);
    show_part(t, o, "delay_cor.rho", "delay correlation ");
    show_part(t, o, "loss", "loss ");
    show_part(t, o, "loss_cor.rho", "loss correlation ");
    show_set(t, o, "loss_model", "loss model ", "");
    show_part(t, o, "duplicate", "duplicate ");
    show_part(t, o, "dup_cor.rho", "duplicate correlation ");
    show_part(t, o, "reorder", "reorder ");
    show_part(t, o, "reorder_cor.rho", "reorder correlation ");
    show_part(t, o, "corrupt", "corrupt ");
    show_part(t, o, "corrupt_cor.rho", "corrupt correlation ");
    show_rate(t, o, "rate", "rate ");
    show_set(t, o, "gap", "gap ", "");
    show_set(t, o, "ecn", "ecn ", "");
    show_ns(t, o, "slot_config.min_delay", "slot ", false);
    show_ns(t, o, "slot_config.max_delay", "slot to ", false);
}

static void codel(struct linux_text *t, struct eg_obj o, const char *params)
{
    struct eg_obj p = eg_path(o, params);
    int64_t v;

    show_codel(t, p, "target", "target ");
    show_codel(t, p, "interval", "interval ");
    if (number(t, p, "ecn", &v) && v)
        linux_text_add(t, " ecn");
}

static void fq_codel(struct linux_text *t, struct eg_obj o)
{
    show(t, o, "flows_cnt", "flows ", "");
    show(t, o, "quantum", "quantum ", "");
    codel(t, o, "cparams");
    show(t, o, "memory_limit", "memory_limit ", "b");
    show(t, o, "drop_batch_size", "drop_batch ", "");
}

static void fq(struct linux_text *t, struct eg_obj o)
{
    int64_t log;

    show(t, o, "flow_plimit", "flow_limit ", "p");
    if (number(t, o, "fq_trees_log", &log) && log >= 0 && log < 32)
        linux_text_add(t, " buckets %u", 1u << log);
    show(t, o, "quantum", "quantum ", "b");
    show(t, o, "initial_quantum", "initial_quantum ", "b");
    if (number(t, o, "flow_max_rate", &log) && log != -1 && log)
        show_rate(t, o, "flow_max_rate", "maxrate ");
    if (number(t, o, "rate_enable", &log) && !log)
        linux_text_add(t, " nopacing");
    show_ns(t, o, "horizon", "horizon ", false);
}

static void priomap(struct linux_text *t, struct eg_obj map)
{
    uint8_t bytes[16];

    if (map.why || map.size != sizeof bytes)
        return;
    linux_text_add(t, " priomap");
    if (!eg_read(map.view, map.space, map.addr, bytes, sizeof bytes)) {
        linux_text_add(t, " ?");
        return;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        linux_text_add(t, " %u", bytes[i]);
}

static void prio(struct linux_text *t, struct eg_obj o)
{
    show(t, o, "bands", "bands ", "");
    priomap(t, eg_path(o, "prio2band"));
}

static void sfq(struct linux_text *t, struct eg_obj o)
{
    int64_t period, jiffy;

    show(t, o, "limit", "limit ", "p");
    show(t, o, "quantum", "quantum ", "b");
    show(t, o, "maxdepth", "depth ", "");
    show(t, o, "maxflows", "flows ", "");
    show(t, o, "divisor", "divisor ", "");
    if (number(t, o, "perturb_period", &period) && period > 0 && linux_jiffy(t->r, &jiffy))
        linux_text_add(t, " perturb %.0fsec", (double)period * (double)jiffy / 1e9);
}

static void htb(struct linux_text *t, struct eg_obj o)
{
    int64_t v;

    show(t, o, "rate2quantum", "r2q ", "");
    if (number(t, o, "defcls", &v))
        linux_text_add(t, v ? " default %#x" : " default %x", (unsigned)v);
    show(t, o, "direct_pkts", "direct_packets_stat ", "");
    show(t, o, "direct_qlen", "direct_qlen ", "");
}

const char *linux_tc_qdisc(struct eg_run *r, const char *name, struct eg_obj qdisc, uint64_t priv)
{
#define KIND(name, type, show, limit)                                                              \
    {                                                                                              \
#name, &eg_t_##type, show, limit                                                           \
    }
    static const struct {
        const char *name;
        const struct eg_typeref *type;
        void (*show)(struct linux_text *t, struct eg_obj o);
        const char
            *limit; /**< unit of the limit that the discipline itself has; NULL: it has none */
    } kinds[] = {
        KIND(tbf, tbf_sched_data, tbf, NULL),
        KIND(netem, netem_sched_data, netem, NULL),
        KIND(fq_codel, fq_codel_sched_data, fq_codel, "p"),
        KIND(fq, fq_sched_data, fq, "p"),
        KIND(sfq, sfq_sched_data, sfq, NULL),
        KIND(prio, prio_sched_data, prio, NULL),
        KIND(htb, htb_sched, htb, NULL),
    };
#undef KIND
    static const char *const silent[] = { "noqueue", "ingress", "clsact", "mq", "drr", "multiq" };
    struct linux_text t = { .r = r };
    uint32_t limit;
    const char *unit = !strcmp(name, "pfifo") || !strcmp(name, "pfifo_head_drop") ? "p"
                       : !strcmp(name, "bfifo")                                   ? "b"
                                                                                  : NULL;

    for (size_t i = 0; i < countof(silent); i++)
        if (!strcmp(silent[i], name))
            return "";
    // Its map of bands is a constant of the kernel.
    if (!strcmp(name, "pfifo_fast"))
        return " bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1";
    for (size_t i = 0; i < countof(kinds); i++)
        if (!strcmp(kinds[i].name, name)) {
            struct eg_obj o = eg_object_(r, eg_kernel(r), kinds[i].type->id, priv);

            if (o.why)
                return NULL;
            if (kinds[i].limit && eg_get(&limit, qdisc, qdisc_limit))
                linux_text_add(&t, " limit %u%s", limit, kinds[i].limit);
            kinds[i].show(&t, o);
            return linux_text_of(&t);
        }
    if (!unit)
        return NULL;
    if (eg_get(&limit, qdisc, qdisc_limit))
        linux_text_add(&t, " limit %u%s", limit, unit);
    return linux_text_of(&t);
}
