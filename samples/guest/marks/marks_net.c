// SPDX-License-Identifier: GPL-2.0
/* marks_net: functions in sockets and interfaces, and in what protocols register.
 *
 *     insmod marks_net.ko server=PID listener=PID interface=NAME */
#include "marks.h"

#include <linux/fdtable.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/udp.h>
#include <linux/wait.h>
#include <net/fib_notifier.h>
#include <net/genetlink.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/pkt_sched.h>
#include <net/sch_generic.h>
#include <net/sock.h>
#include <net/tcp.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: network");

static int server, listener;
static char *interface = "";
module_param(server, int, 0444);
module_param(listener, int, 0444);
module_param(interface, charp, 0444);

/* ---- sockets of one process ----------------------------------------------------------------- */

static struct socket *socket_of(struct task_struct *t, int type)
{
    struct socket *found = NULL;
    struct fdtable *table;
    unsigned int i;

    rcu_read_lock();
    table = t && t->files ? rcu_dereference_raw(t->files->fdt) : NULL;
    for (i = 0; table && i < table->max_fds && !found; i++) {
        struct file *file = rcu_dereference_raw(table->fd[i]);

        if (file && S_ISSOCK(file_inode(file)->i_mode) &&
            SOCKET_I(file_inode(file))->ops->family == PF_INET &&
            SOCKET_I(file_inode(file))->type == type)
            found = SOCKET_I(file_inode(file));
    }
    rcu_read_unlock();
    return found;
}

static int new_encapsulated(struct sock *sk, struct sk_buff *skb)
{
    return 1;
}

static void (*first_shutdown)(struct sock *sk, int how);

static void new_shutdown(struct sock *sk, int how)
{
    first_shutdown(sk, how);
}

static int new_wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
    return 0;
}

static struct wait_queue_entry entry;

static void change_sockets(void)
{
    struct task_struct *t = get_pid_task(find_get_pid(server), PIDTYPE_PID);
    struct socket *stream = socket_of(t, SOCK_STREAM), *datagram = socket_of(t, SOCK_DGRAM);
    struct proto *copy;
    word was;

    if (datagram) {
        udp_sk(datagram->sk)->encap_rcv = new_encapsulated; /* no type: it is never called */
        mark("\"encap_rcv\",\"pid\":%d,\"sock\":\"%lx\",\"is\":\"%lx\"", server, (word)datagram->sk,
             (word)new_encapsulated);
    }
    copy = stream ? kmemdup(stream->sk->sk_prot, sizeof(*copy), GFP_KERNEL) : NULL;
    if (!copy)
        return;
    was = (word)stream->sk->sk_prot;
    first_shutdown = copy->shutdown;
    copy->shutdown = new_shutdown;
    stream->sk->sk_prot = copy;
    mark("\"copied_proto\",\"pid\":%d,\"sock\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\","
         "\"function\":\"%lx\"",
         server, (word)stream->sk, was, (word)copy, (word)new_shutdown);
    init_waitqueue_func_entry(&entry, new_wake);
    add_wait_queue(&rcu_dereference_raw(stream->sk->sk_wq)->wait, &entry);
    mark("\"wait_entry\",\"pid\":%d,\"structure\":\"%lx\",\"link\":\"%lx\",\"function\":\"%lx\"",
         server, (word)&entry, (word)&entry.entry, (word)new_wake);
}

/* A socket that listens is taken out of the table of those, as inet_unhash() does when it ends. */
static void hide_socket(void)
{
    struct task_struct *t = get_pid_task(find_get_pid(listener), PIDTYPE_PID);
    struct socket *stream = socket_of(t, SOCK_STREAM);
    void (*unhash)(struct sock *) = (void *)look_up("inet_unhash");

    if (!stream || !unhash || stream->sk->sk_state != TCP_LISTEN)
        return;
    unhash(stream->sk);
    mark("\"hidden_socket\",\"pid\":%d,\"sock\":\"%lx\",\"port\":%d", listener, (word)stream->sk,
         inet_sk(stream->sk)->inet_num);
}

/* ---- what protocols register ---------------------------------------------------------------- */

enum { NETLINK_FREE = 31, OPTION = 0x1ab, DIAG_FAMILY = AF_ROSE };

static void new_input(struct sk_buff *skb)
{
}

static int new_command(struct sk_buff *skb, struct genl_info *info)
{
    return 0;
}

static int new_option(struct sock *sk, int option, void __user *user, int *len)
{
    return -EOPNOTSUPP;
}

static int new_diag(struct sk_buff *skb, struct nlmsghdr *nlh)
{
    return -EOPNOTSUPP;
}

static int new_ulp(struct sock *sk)
{
    return -EOPNOTSUPP;
}

static int new_discipline(struct Qdisc *q, struct nlattr *options, struct netlink_ext_ack *ack)
{
    return -EOPNOTSUPP;
}

static int new_route(struct notifier_block *block, unsigned long code, void *param)
{
    return NOTIFY_DONE;
}

static rx_handler_result_t new_frame(struct sk_buff **skb)
{
    return RX_HANDLER_PASS;
}

static const struct genl_ops commands[] = { { .cmd = 1, .doit = new_command } };
static struct genl_family family = { .name = "lab",
                                     .version = 1,
                                     .module = THIS_MODULE,
                                     .ops = commands,
                                     .n_ops = ARRAY_SIZE(commands),
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
                                     .resv_start_op = 2
#endif
};
static struct nf_sockopt_ops option = {
    .pf = PF_INET, .get_optmin = OPTION, .get_optmax = OPTION + 1, .get = new_option
};
static struct sock_diag_handler diag = { .family = DIAG_FAMILY, .dump = new_diag };
static struct tcp_ulp_ops upper = { .name = "lab", .init = new_ulp };
static struct Qdisc_ops discipline = { .id = "lab", .init = new_discipline };
static struct notifier_block on_route = { .notifier_call = new_route };

static void mark_registered(const char *kind, const void *structure, const void *function)
{
    mark("\"%s\",\"structure\":\"%lx\",\"function\":\"%lx\"", kind, (word)structure,
         (word)function);
}

static void register_more(void)
{
    struct netlink_kernel_cfg config = { .input = new_input };
    struct net_device *device = dev_get_by_name(&init_net, interface); /* kept */
    struct sock *sock = netlink_kernel_create(&init_net, NETLINK_FREE, &config);

    if (sock)
        mark("\"netlink\",\"protocol\":%d,\"sock\":\"%lx\",\"is\":\"%lx\"", NETLINK_FREE,
             (word)sock, (word)new_input);
    if (!genl_register_family(&family))
        mark("\"genl\",\"structure\":\"%lx\",\"ops\":\"%lx\",\"function\":\"%lx\"", (word)&family,
             (word)commands, (word)new_command);
    if (!nf_register_sockopt(&option))
        mark_registered("nf_sockopt", &option, new_option);
    if (!sock_diag_register(&diag))
        mark_registered("sock_diag", &diag, new_diag);
    if (!tcp_register_ulp(&upper))
        mark_registered("tcp_ulp", &upper, new_ulp);
    if (!register_qdisc(&discipline))
        mark_registered("qdisc", &discipline, new_discipline);
    if (!register_fib_notifier(&init_net, &on_route, NULL, NULL))
        mark("\"fib_notifier\",\"block\":\"%lx\",\"function\":\"%lx\"", (word)&on_route,
             (word)new_route);
    rtnl_lock();
    if (device && !netdev_rx_handler_register(device, new_frame, NULL))
        mark("\"rx_handler\",\"interface\":\"%s\",\"device\":\"%lx\",\"is\":\"%lx\"", interface,
             (word)device, (word)new_frame);
    rtnl_unlock();
}

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    change_sockets();
    hide_socket();
    register_more();
    return 0;
}

module_init(plant); /* and no exit: it stays */
