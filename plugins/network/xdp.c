/* xdp - BPF programs that see packets in the driver or behind it, before all else
 * (net/core/dev.c, struct bpf_xdp_entity). */
#include "../linux/net/bpfprog.h"
#include "../linux/net/net.h"

EG_FIELD_AS(dev_xdp_state, net_device, "xdp_state");
EG_FIELD_AS(dev_xdp_prog, net_device, "xdp_prog");
EG_FIELD_AS(xdp_prog, bpf_xdp_entity, "prog");
EG_FIELD_AS(xdp_link, bpf_xdp_entity, "link");
EG_FIELD_AS(xdp_link_id, bpf_xdp_link, "link.id");
EG_FIELD_AS(xdp_link_prog, bpf_xdp_link, "link.prog");

#define COLUMNS(C)                                                                                 \
    C(NS, INT, "inode number of the network namespace")                                            \
    C(INTERFACE, TEXT, "where packets arrive")                                                     \
    C(IFINDEX, INT, "its number")                                                                  \
    C(KIND, TEXT, "\"generic\", \"driver\", \"offload\": who runs it")                             \
    C(BPF_ID, INT, "number of the program")                                                        \
    C(BPF_NAME, TEXT, "its name")                                                                  \
    C(TAG, TEXT, "hash of its instructions, as bpftool shows it")                                  \
    C(LINK_ID, INT, "number of the BPF link that holds it; none: it was set by itself")            \
    C(OFFSET, ADDR, "address of the bpf_prog", EG_MINOR)                                           \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { MODES = 3, DEVICES_MAX = 1 << 16 };

static void device(struct eg_run *r, struct eg_obj net, struct eg_obj dev)
{
    static const char *const modes[MODES] = { "generic", "driver", "offload" };
    struct eg_obj state = eg_at(dev, dev_xdp_state);
    uint64_t called = 0;

    eg_get(&called, dev, dev_xdp_prog);
    for (uint64_t i = 0; i < MODES && i < eg_count(state); i++) {
        struct eg_obj e = eg_index(state, i), link = eg_deref(eg_at(e, xdp_link));
        uint64_t prog = 0, of_link = 0;
        struct linux_bpfprog p;
        const char *hints = NULL;

        eg_get(&prog, e, xdp_prog);
        eg_get(&of_link, link, xdp_link_prog);
        if (!prog)
            prog = of_link;
        if (!prog && !(i == 0 && called))
            continue;
        // Of the generic kind the interface has the program that is called in a member of its own.
        if (i == 0 && called != prog) {
            hints = prog ? "another program is called than the one that is set"
                         : "a program is called that was not set";
            prog = called ? called : prog;
        }
        linux_bpfprog(r, prog, &p);
        eg_row(r, .NS = eg_val(net, net_inum), .INTERFACE = eg_val(dev, net_device.name),
               .IFINDEX = eg_val(dev, net_device.ifindex), .KIND = eg_text(modes[i]),
               .BPF_ID = p.id, .BPF_NAME = p.name, .TAG = p.tag,
               .LINK_ID = link.why == EG_NULL ? (struct eg_cell){ 0 } : eg_val(link, xdp_link_id),
               .OFFSET = eg_uint(prog), .HINTS = eg_text(hints));
    }
}

static int run(struct eg_run *r)
{
    struct eg_obj net, dev;

    linux_each_net(r, net)
    {
        unsigned n = 0;

        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            if (n++ > DEVICES_MAX)
                break;
            device(r, net, dev);
        }
    }
    return 0;
}

EG_PLUGIN(xdp) = {
    .os = "linux",
    .help = "List the XDP programs of interfaces",
    .manual = "A program of the driver that the interface runs on behalf of others (a dispatcher) "
              "is one row. Whether a program passes, drops or redirects packets is in its "
              "instructions, which are not shown. tc lists programs that see packets later, "
              "netfilter the hooks behind those.",
    .columns = columns,
    .needs = EG_NEEDS(dev_xdp_state, xdp_prog),
    .uses = EG_NAMES("nets"),
    .run = run,
    .key = EG_NAMES("NS", "IFINDEX", "KIND"),
};
