// SPDX-License-Identifier: GPL-2.0
/* marks_tables: changes tables of functions; each new function calls the one that was there.
 *
 *     insmod marks_tables.ko server=PID folder=PATH */
#include "marks.h"

#include <linux/binfmts.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_ldisc.h>
#include <net/protocol.h>
#include <net/sock.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: tables");

static int server;
static char *folder = "/";
module_param(server, int, 0444);
module_param(folder, charp, 0444);

/* ---- an entry of a table that the kernel has ------------------------------------------------ */

IN_PLACE(show)
IN_PLACE(show_udp)
IN_PLACE(iterate)
IN_PLACE(read)
IN_PLACE(lookup)
IN_PLACE(open)
IN_PLACE(receive)
IN_PLACE(write)
IN_PLACE(shutdown)
IN_PLACE(create)
IN_PLACE(statfs)
IN_PLACE(delete)
IN_PLACE(dirty)
IN_PLACE(action)
IN_PLACE(ready)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define DIRTY dirty_folio
#else
#define DIRTY set_page_dirty
#endif

#define ENTRY(kind, symbol, type, member, name) NAMED(kind, symbol, type, member, name)
#define NAMED(kind, symbol, type, member, name)                                                    \
    {                                                                                              \
        kind, symbol, #member, offsetof(struct type, member), (word)new_##name,                    \
            (word *)&first_##name                                                                  \
    }

static const struct entry {
    const char *kind, *table, *member;
    size_t offset;
    word new, *first;
} entries[] = {
    ENTRY("seq_show", "tcp4_seq_ops", seq_operations, show, show),
    ENTRY("seq_show", "udp_seq_ops", seq_operations, show, show_udp),
    ENTRY("file_operations", "proc_root_operations", file_operations, iterate_shared, iterate),
    ENTRY("file_operations", "kmsg_fops", file_operations, read, read),
    ENTRY("inode_operations", "proc_root_inode_operations", inode_operations, lookup, lookup),
    ENTRY("proc_ops", "modules_proc_ops", proc_ops, proc_open, open),
    ENTRY("super_operations", "shmem_ops", super_operations, statfs, statfs),
    ENTRY("dentry_operations", "pid_dentry_operations", dentry_operations, d_delete, delete),
    ENTRY("address_space_operations", "shmem_aops", address_space_operations, DIRTY, dirty),
    ENTRY("tty_operations", "con_ops", tty_operations, write, write),
    ENTRY("tty_ldisc", "n_tty_ops", tty_ldisc_ops, receive_buf2, receive),
    ENTRY("proto", "tcp_prot", proto, shutdown, shutdown),
    ENTRY("net_family", "inet_family_ops", net_proto_family, create, create),
    { "softirq", "softirq_vec", "IRQ_POLL", IRQ_POLL_SOFTIRQ * sizeof(struct softirq_action),
      (word)new_action, (word *)&first_action },
};

static void change_entry(const struct entry *e)
{
    word table = look_up(e->table), at = table + e->offset;

    if (!table || !*(word *)at)
        return;
    *e->first = *(word *)at;
    if (overwrite(at, &e->new, sizeof(e->new)))
        mark("\"%s\",\"symbol\":\"%s\",\"table\":\"%lx\",\"member\":\"%s\",\"entry\":\"%lx\","
             "\"was\":\"%lx\",\"is\":\"%lx\"",
             e->kind, e->table, table, e->member, at, *e->first, *(word *)at);
}

/* ---- tables that are copies in this module -------------------------------------------------- */

static struct file_operations folder_operations;
static struct proto_ops socket_operations;

static void copy_folder_operations(void)
{
    struct path path; /* kept: the inode stays in memory */
    struct inode *inode;
    word was;

    if (kern_path(folder, 0, &path))
        return;
    inode = d_inode(path.dentry);
    was = (word)inode->i_fop;
    folder_operations = *inode->i_fop;
    inode->i_fop = &folder_operations;
    mark("\"copied_fops\",\"path\":\"%s\",\"number\":%llu,\"inode\":\"%lx\",\"was\":\"%lx\",\"is\":"
         "\"%lx\"",
         folder, (unsigned long long)inode->i_ino, (word)inode, was, (word)inode->i_fop);
}

/* The first socket of the Internet that a process has open. */
static struct socket *socket_of(struct task_struct *t, int *number)
{
    struct socket *found = NULL;
    struct fdtable *table;
    unsigned int i;

    rcu_read_lock();
    table = t->files ? rcu_dereference_raw(t->files->fdt) : NULL;
    for (i = 0; table && i < table->max_fds && !found; i++) {
        struct file *file = rcu_dereference_raw(table->fd[i]);

        if (file && S_ISSOCK(file_inode(file)->i_mode) &&
            SOCKET_I(file_inode(file))->ops->family == PF_INET)
            found = SOCKET_I(file_inode(file));
        *number = i;
    }
    rcu_read_unlock();
    return found;
}

static void change_socket(void)
{
    struct task_struct *t = get_pid_task(find_get_pid(server), PIDTYPE_PID);
    struct socket *socket;
    int number;
    word was;

    socket = t ? socket_of(t, &number) : NULL;
    if (!socket)
        return;
    was = (word)socket->ops;
    socket_operations = *socket->ops;
    socket->ops = &socket_operations;
    mark("\"copied_proto_ops\",\"pid\":%d,\"fd\":%d,\"socket\":\"%lx\",\"was\":\"%lx\",\"is\":\"%"
         "lx\"",
         server, number, (word)socket, was, (word)socket->ops);
    first_ready = (void *)socket->sk->sk_data_ready;
    socket->sk->sk_data_ready = (void *)new_ready;
    mark("\"sk_data_ready\",\"pid\":%d,\"fd\":%d,\"sock\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"",
         server, number, (word)socket->sk, (word)first_ready, (word)socket->sk->sk_data_ready);
}

/* ---- what is registered as a driver does it ------------------------------------------------- */

static int new_packet(struct sk_buff *skb, struct net_device *device, struct packet_type *type,
                      struct net_device *first)
{
    kfree_skb(skb);
    return 0;
}

static int new_handler(struct sk_buff *skb)
{
    kfree_skb(skb);
    return 0;
}

static int new_binary(struct linux_binprm *binary)
{
    return -ENOEXEC;
}

static struct packet_type packets = { .func = new_packet };
static const struct net_protocol protocol = {
    .handler = new_handler,
    .no_policy = 1,
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
    .netns_ok = 1,
#endif
};
static struct linux_binfmt format = { .module = THIS_MODULE, .load_binary = new_binary };

enum { EXPERIMENTAL_TYPE = 0x88b5, EXPERIMENTAL_PROTOCOL = 253 };

static void register_more(void)
{
    packets.type = htons(EXPERIMENTAL_TYPE);
    dev_add_pack(&packets);
    mark("\"packet_type\",\"type\":\"%x\",\"structure\":\"%lx\",\"function\":\"%lx\"",
         EXPERIMENTAL_TYPE, (word)&packets, (word)new_packet);
    if (!inet_add_protocol(&protocol, EXPERIMENTAL_PROTOCOL))
        mark("\"protocol\",\"number\":%d,\"structure\":\"%lx\",\"function\":\"%lx\"",
             EXPERIMENTAL_PROTOCOL, (word)&protocol, (word)new_handler);
    insert_binfmt(&format);
    mark("\"binfmt\",\"structure\":\"%lx\",\"function\":\"%lx\"", (word)&format, (word)new_binary);
}

static int __init plant(void)
{
    size_t i;

    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    for (i = 0; i < ARRAY_SIZE(entries); i++)
        change_entry(&entries[i]);
    copy_folder_operations();
    change_socket();
    register_more();
    return 0;
}

module_init(plant); /* and no exit: it stays */
