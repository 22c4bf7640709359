/* net.c - network namespaces: their list, their interfaces by number. */
#include "net.h"

EG_SYMBOL(net_namespace_list, "list_head");
EG_TYPE(hlist_head);

enum { INDEX_BUCKETS = 256 }; // NETDEV_HASHENTRIES (include/linux/netdevice.h)

bool linux_next_net(struct eg_run *r, struct linux_net_walk *w, struct eg_obj *net)
{
    if (!w->begun) {
        w->begun = true;
        w->list = eg_list_begin_(eg_sym(r, net_namespace_list), eg_f_net.list.id);
    }
    return eg_list_next_(&w->list, net);
}

const char *linux_ifname(struct eg_run *r, struct eg_obj net, int64_t ifindex)
{
    struct eg_obj device, heads = eg_deref(eg_at(net, net.dev_index_head));

    if (ifindex <= 0 || heads.why)
        return NULL;
    eg_each_hlist(
        device,
        eg_object(r, hlist_head,
                  heads.addr + (uint64_t)ifindex % INDEX_BUCKETS * eg_size(r, hlist_head)),
        net_device.index_hlist)
        if (eg_get_or((int64_t)0, device, net_device.ifindex) == ifindex)
            return eg_string(r, eg_at(device, net_device.name), 16);
    return NULL;
}

static bool next_net(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out)
{
    (void)arg;
    return linux_next_net(r, state, out);
}

EG_WALKER(nets) = {
    .os = "linux",
    .help = "network namespaces, also those that no task is in; the first one's first",
    .elem = "net",
    .needs = EG_NEEDS(net.list),
    .needs_symbols = EG_NEEDS_SYMBOLS(net_namespace_list),
    .state = sizeof(struct linux_net_walk),
    .next = next_net,
};

static struct eg_cell ifname_cell(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    uint64_t index;

    (void)n;
    return eg_load(&index, args[1]) ? eg_text(linux_ifname(r, args[0], (int64_t)index))
                                    : eg_cell_of(args[1]);
}

EG_FUNCTION(ifname) = {
    .os = "linux",
    .help = "the name of the interface of this number in a network namespace: \"eth0\"",
    .args = "net, ifindex",
    .returns = "text",
    .needs = EG_NEEDS(net.dev_index_head, net_device.index_hlist),
    .call = ifname_cell,
};
