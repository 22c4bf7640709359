/* tc_action.c - parameters of actions of traffic control (net/sched/act_*.c), as tc prints them. */
#include "../../../core/base.h"
#include "ip.h"
#include "tc.h"
#include <inttypes.h>

EG_TYPE_("act_mirred", tcf_mirred);
EG_TYPE_("act_police", tcf_police);
EG_TYPE_("act_skbedit", tcf_skbedit);
EG_TYPE_("act_gact", tcf_gact);
EG_TYPE_("act_nat", tcf_nat);
EG_TYPE_("act_pedit", tcf_pedit);
EG_TYPE_("act_vlan", tcf_vlan);

static bool number(struct eg_obj o, const char *path, int64_t *out)
{
    return eg_load(out, eg_path(o, path));
}

static void show(struct linux_text *t, struct eg_obj o, const char *path, const char *before)
{
    struct eg_obj m = eg_path(o, path);
    int64_t v;

    if (eg_load(&v, m))
        linux_text_add(t, " %s%" PRId64, before, v);
    else
        linux_text_add(t, " %s?", before);
}

static void mirred(struct linux_text *t, struct eg_obj o)
{
    static const char *const ways[] = { "?", "egress redirect", "egress mirror", "ingress redirect",
                                        "ingress mirror" };
    struct eg_obj dev = eg_deref(eg_path(o, "tcfm_dev"));
    const char *name = eg_string(t->r, eg_path(dev, "name"), 16);
    int64_t way = 0, block = 0;

    number(o, "tcfm_eaction", &way);
    linux_text_add(t, " %s to ", ways[way > 0 && way < 5 ? way : 0]);
    if (number(o, "tcfm_blockid", &block) && block) // since 6.8: all interfaces of a block
        linux_text_add(t, "block %" PRId64, block);
    else
        linux_text_add(t, "%s", name ? name : "?");
}

static void police(struct linux_text *t, struct eg_obj o)
{
    struct eg_obj p = eg_deref(eg_path(o, "params"));
    int64_t rate = 0, burst = 0, peak = 0, packets = 0;

    if (p.why) {
        linux_text_add(t, " ?");
        return;
    }
    // Before a member of its own said whether there is one, the rate was 0 then.
    if (number(p, "rate.rate_bytes_ps", &rate) && rate > 0) {
        linux_text_add(t, " rate ");
        linux_tc_rate(t, (uint64_t)rate);
        if (number(p, "tcfp_burst", &burst) && burst > 0)
            linux_text_add(t, " burst %.0fb", (double)rate * (double)burst / 1e9);
    }
    if (number(p, "peak.rate_bytes_ps", &peak) && peak > 0) {
        linux_text_add(t, " peakrate ");
        linux_tc_rate(t, (uint64_t)peak);
    }
    if (number(p, "ppsrate.rate_pkts_ps", &packets) && packets > 0)
        linux_text_add(t, " pkts_rate %" PRId64, packets);
    show(t, p, "tcfp_mtu", "mtu ");
}

static void skbedit(struct linux_text *t, struct eg_obj o)
{
    static const struct {
        unsigned flag;
        const char *member, *name;
    } edits[] = {
        { 1, "priority", "priority " }, { 2, "queue_mapping", "queue_mapping " },
        { 4, "mark", "mark " },         { 16, "mask", "mask " },
        { 8, "ptype", "ptype " },
    };
    struct eg_obj p = eg_deref(eg_path(o, "params"));
    int64_t flags;

    if (!number(p, "flags", &flags)) {
        linux_text_add(t, " ?");
        return;
    }
    for (size_t i = 0; i < countof(edits); i++)
        if ((uint64_t)flags & edits[i].flag)
            show(t, p, edits[i].member, edits[i].name);
    if (flags & 32)
        linux_text_add(t, " inheritdsfield");
}

static void gact(struct linux_text *t, struct eg_obj o)
{
    static const char *const types[] = { "none", "netrand", "determ" };
    int64_t type;

    // Only where it was built with probabilities.
    if (number(o, "tcfg_ptype", &type) && type) {
        linux_text_add(t, " random type %s", type == 1 || type == 2 ? types[type] : "?");
        show(t, o, "tcfg_pval", "val ");
    }
}

static void ip(struct linux_text *t, struct eg_obj o)
{
    uint8_t b[4];

    if (!o.why && eg_read(o.view, o.space, o.addr, b, sizeof b))
        linux_text_add(t, " %s", linux_ip_text(t->r, b, sizeof b));
    else
        linux_text_add(t, " ?");
}

static void nat(struct linux_text *t, struct eg_obj o)
{
    // Since 6.9 the parameters are behind a pointer.
    struct eg_obj p = eg_path(o, "parms"), q = p.why == EG_NO_MEMBER ? o : eg_deref(p);
    struct eg_obj mask = eg_path(q, "mask");
    int64_t flags = 0;
    uint8_t b[4];

    number(q, "flags", &flags);
    linux_text_add(t, flags & 1 ? " egress" : " ingress");
    ip(t, eg_path(q, "old_addr"));
    if (!mask.why && eg_read(mask.view, mask.space, mask.addr, b, sizeof b)) {
        unsigned bits = 0;

        while (bits < 32 && b[bits / 8] >> (7 - bits % 8) & 1)
            bits++;
        linux_text_add(t, "/%u", bits);
    }
    ip(t, eg_path(q, "new_addr"));
}

static void pedit(struct linux_text *t, struct eg_obj o)
{
    enum { KEY = 24, MAX = 128 }; // struct tc_pedit_key (linux/tc_act/tc_pedit.h)
    static const char *const headers[] = { "", "eth", "ipv4", "ipv6", "tcp", "udp" };
    struct eg_obj p = eg_path(o, "parms"), q = p.why == EG_NO_MEMBER ? o : eg_deref(p);
    struct eg_obj keys = eg_deref(eg_path(q, "tcfp_keys"));
    struct eg_obj ex = eg_deref(eg_path(q, "tcfp_keys_ex"));
    const bool big = o.bind->model.big_endian;
    int64_t n = 0;

    if (!number(q, "tcfp_nkeys", &n)) {
        linux_text_add(t, " ?");
        return;
    }
    linux_text_add(t, " keys %" PRId64, n);
    for (int64_t i = 0; i < n && i < MAX; i++) {
        uint8_t b[KEY], x[8] = { 0 };
        uint32_t where = 0;

        if (keys.why ||
            !eg_read(keys.view, keys.space, keys.addr + (uint64_t)i * KEY, b, sizeof b)) {
            linux_text_add(t, " ?");
            return;
        }
        if (!ex.why && eg_read(ex.view, ex.space, ex.addr + (uint64_t)i * 8, x, sizeof x))
            where = (uint32_t)eg_load_(x, 4, big);
        // Bytes of the packet, in the order in which they are in it.
        linux_text_add(t, " at %s%s%d val %08x mask %08x",
                       where < countof(headers) ? headers[where] : "?", where ? "+" : "",
                       (int32_t)eg_load_(b + 8, 4, big), (uint32_t)eg_load_(b + 4, 4, true),
                       (uint32_t)eg_load_(b, 4, true));
    }
}

static void vlan(struct linux_text *t, struct eg_obj o)
{
    static const char *const what[] = { "?", "pop", "push", "modify", "pop_eth", "push_eth" };
    struct eg_obj p = eg_deref(eg_path(o, "vlan_p"));
    int64_t v = 0;

    number(p, "tcfv_action", &v);
    linux_text_add(t, " %s", what[v > 0 && v < 6 ? v : 0]);
    if (v == 2 || v == 3) {
        show(t, p, "tcfv_push_vid", "id ");
        show(t, p, "tcfv_push_prio", "priority ");
    }
}

const char *linux_tc_action(struct eg_run *r, const char *name, uint64_t action)
{
#define KIND(name)                                                                                 \
    {                                                                                              \
#name, &eg_t_tcf_##name, name                                                              \
    }
    static const struct {
        const char *name;
        const struct eg_typeref *type;
        void (*show)(struct linux_text *t, struct eg_obj o);
    } kinds[] = { KIND(mirred), KIND(police), KIND(skbedit), KIND(gact),
                  KIND(nat),    KIND(pedit),  KIND(vlan) };
#undef KIND
    struct linux_text t = { .r = r };

    for (size_t i = 0; i < countof(kinds); i++)
        if (!strcmp(kinds[i].name, name)) {
            // Each begins with its tc_action.
            struct eg_obj o = eg_object_(r, eg_kernel(r), kinds[i].type->id, action);

            if (o.why)
                return NULL;
            kinds[i].show(&t, o);
            return linux_text_of(&t);
        }
    return NULL;
}
