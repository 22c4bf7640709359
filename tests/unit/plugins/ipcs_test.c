/* ipcs_test.c - objects of System V by the tables of each ipc namespace: what is removed is not
 * shown, counts that lie end. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const with_ipc[] = {
    "struct ipc_namespace { struct ns_common ns; };",
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent; void *array;"
    "  void *slots[64]; };"
    "struct kern_ipc_perm { u8 deleted; int id, key; kuid_t uid, gid; u16 mode; };"
    "struct ipc_ids { struct idr ipcs_idr; };"
    "struct shmid_kernel { struct kern_ipc_perm shm_perm; struct file *shm_file;"
    "  unsigned long shm_nattch, shm_segsz; s64 shm_atim, shm_dtim, shm_ctim;"
    "  struct pid *shm_cprid, *shm_lprid; };"
    "struct sem { int semval; struct list_head pending_alter, pending_const; s64 sem_otime;"
    "  struct pid *sempid; };"
    "struct sem_array { struct kern_ipc_perm sem_perm; s64 sem_ctime; int sem_nsems;"
    "  struct sem sems[3]; };"
    "struct msg_msgseg { struct msg_msgseg *next; };"
    "struct msg_msg { struct list_head m_list; long m_type; unsigned long m_ts;"
    "  struct msg_msgseg *next; void *security; };"
    "struct msg_queue { struct kern_ipc_perm q_perm; s64 q_stime, q_rtime, q_ctime;"
    "  unsigned long q_cbytes, q_qnum; struct pid *q_lspid, *q_lrpid;"
    "  struct list_head q_messages; };"
    "struct ipc_namespace { struct ns_common ns; struct ipc_ids ids[3]; };",
    "struct ns_common { void *ops; unsigned int inum; };",
    "struct ns_tree_root { void *ns_rb; struct list_head ns_list_head; };"
    "struct ns_tree_node { void *ns_node; struct list_head ns_list_entry; };"
    "struct ns_common { void *ops; unsigned int inum; struct ns_tree_node ns_tree_node; };",
    NULL
};

/** The only object of a table: the entry is in the root itself. */
static uint64_t add(struct mk_guest *g, int table, const char *type, const char *perm, int key,
                    uint64_t mode)
{
    uint64_t o = mk_object(g->k, type), ns = mk_of(g, g->proxy, "nsproxy.ipc_ns"), at;
    const uint64_t one = mk_at(g->k, 0, "idr.idr_base") + mk_model(g->k)->ptr_size;
    char name[64];

    at = mk_at(g->k, ns, "ipc_namespace.ids") + (uint64_t)table * one;
    mk_write_ptr(g->k, mk_at(g->k, at, "xarray.xa_head"), o);
    snprintf(name, sizeof name, "%s.key", perm);
    mk_put(g->k, o, name, (uint64_t)key);
    snprintf(name, sizeof name, "%s.id", perm);
    mk_put(g->k, o, name, (uint64_t)(40 + table));
    snprintf(name, sizeof name, "%s.mode", perm);
    mk_put(g->k, o, name, mode);
    return o;
}

static void ipcs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, with_ipc);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), ns = mk_object(g.k, "ipc_namespace");
        uint64_t shm, sem, msg, message = mk_object(g.k, "msg_msg"), node, first;

        mk_put(g.k, g.proxy, "nsproxy.ipc_ns", ns);
        mk_put(g.k, ns, "ipc_namespace.ns.inum", 99);
        shm = add(&g, 2, "shmid_kernel", "shmid_kernel.shm_perm", 0x1ab, 01640);
        mk_put(g.k, shm, "shmid_kernel.shm_segsz", 8192);
        mk_put(g.k, shm, "shmid_kernel.shm_nattch", 3);
        mk_put(g.k, shm, "shmid_kernel.shm_cprid", mk_of(&g, t, "task_struct.thread_pid"));
        mk_put(g.k, shm, "shmid_kernel.shm_atim", 1);
        sem = add(&g, 0, "sem_array", "sem_array.sem_perm", -2, 0600);
        mk_put(g.k, sem, "sem_array.sem_nsems", 1);
        first = mk_at(g.k, sem, "sem_array.sems");
        mk_put(g.k, first, "sem.semval", 7);
        mk_list(g.k, mk_at(g.k, first, "sem.pending_alter"), NULL, 0);
        mk_list(g.k, mk_at(g.k, first, "sem.pending_const"), NULL, 0);
        msg = add(&g, 1, "msg_queue", "msg_queue.q_perm", 5, 0600);
        mk_put(g.k, msg, "msg_queue.q_qnum", 1);
        mk_put(g.k, msg, "msg_queue.q_cbytes", 11);
        mk_put(g.k, message, "msg_msg.m_type", 3);
        mk_put(g.k, message, "msg_msg.m_ts", 11);
        node = mk_at(g.k, message, "msg_msg.m_list");
        mk_list(g.k, mk_at(g.k, msg, "msg_queue.q_messages"), &node, 1);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "ipcs", NULL), 1, 13),
                            "99|shm|0x000001ab|42|0|0|rw-r-----|8192|3|5||"
                            "|1970-01-01T00:00:01Z\n"
                            "99|sem|0xfffffffe|40|0|0|rw-------||1||||\n"
                            "99|msg|0x00000005|41|0|0|rw-------|11|1||||");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "ipcs", NULL), 16, 16),
                            "dest\n7\ntype 3, 11 bytes");
        // Removed, and not freed yet; a set that claims more than its memory.
        mk_put(g.k, shm, "shmid_kernel.shm_perm.deleted", 1);
        mk_put(g.k, sem, "sem_array.sem_nsems", 0x7fffffff);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "ipcs", NULL), 2, 2), "sem\nmsg");
        mk_free(g.k);
    }
}

/* A namespace that no task is in, and one of a task, are in the tree that 6.19 has. */
static void without_tasks(void **state)
{
    (void)state;
    for (int tree = 0; tree < 2; tree++)
        mk_each_machine(m)
        {
            struct mk_guest g = mk_guest(m, with_ipc);
            uint64_t ns = mk_object(g.k, "ipc_namespace"), kept = mk_object(g.k, "ipc_namespace");
            uint64_t root = mk_object(g.k, "ns_tree_root"), links[2];

            mk_guest_task(&g, 5, "prog", 0);
            mk_put(g.k, g.proxy, "nsproxy.ipc_ns", kept); // for add()
            mk_put(g.k, kept, "ipc_namespace.ns.inum", 77);
            add(&g, 2, "shmid_kernel", "shmid_kernel.shm_perm", 3, 0600);
            mk_put(g.k, g.proxy, "nsproxy.ipc_ns", ns);
            mk_put(g.k, ns, "ipc_namespace.ns.inum", 99);
            add(&g, 2, "shmid_kernel", "shmid_kernel.shm_perm", 4, 0600);
            links[0] = mk_at(g.k, ns, "ipc_namespace.ns.ns_tree_node.ns_list_entry");
            links[1] = mk_at(g.k, kept, "ipc_namespace.ns.ns_tree_node.ns_list_entry");
            mk_list(g.k, mk_at(g.k, root, "ns_tree_root.ns_list_head"), links, 2);
            if (tree)
                mk_symbol(g.k, "ipc_ns_tree", root);
            assert_string_equal(mk_columns(mk_guest_rows(&g, "ipcs", NULL), 1, 3),
                                tree ? "99|shm|0x00000004\n77|shm|0x00000003"
                                     : "99|shm|0x00000004");
            mk_free(g.k);
        }
}

/* As damaged images have them: queues of one number have files of their own, and a place that
 * several numbers lead to is one object. */
static void same_numbers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, with_ipc);
        const unsigned ptr = mk_model(g.k)->ptr_size;
        uint64_t ns = mk_object(g.k, "ipc_namespace"), node = mk_object(g.k, "xa_node"), q[2], at;
        const uint64_t slots = mk_at(g.k, node, "xa_node.slots");
        char folder[] = "/tmp/ipcs_test.XXXXXX", text[64];
        const char *rows;

        mk_guest_task(&g, 5, "prog", 0);
        mk_put(g.k, g.proxy, "nsproxy.ipc_ns", ns);
        mk_put(g.k, ns, "ipc_namespace.ns.inum", 99);
        for (unsigned i = 0; i < 2; i++) {
            uint64_t message = mk_object(g.k, "msg_msg");
            uint64_t link = mk_at(g.k, message, "msg_msg.m_list");

            q[i] = add(&g, 1, "msg_queue", "msg_queue.q_perm", (int)i, 0600);
            mk_put(g.k, q[i], "msg_queue.q_qnum", 1);
            mk_put(g.k, message, "msg_msg.m_ts", 1);
            mk_list(g.k, mk_at(g.k, q[i], "msg_queue.q_messages"), &link, 1);
        }
        at = mk_at(g.k, ns, "ipc_namespace.ids") + mk_at(g.k, 0, "idr.idr_base") + ptr;
        mk_write_ptr(g.k, mk_at(g.k, at, "xarray.xa_head"), node | 2);
        for (unsigned i = 0; i < 64; i++)
            mk_write_ptr(g.k, slots + i * ptr, q[i % 2]);
        assert_non_null(mkdtemp(folder));
        mk_out_dir = folder;
        rows = mk_guest_rows(&g, "ipcs", "data");
        mk_out_dir = NULL;
        assert_string_equal(mk_columns(rows, 1, 4), "99|msg|0x00000000|41\n99|msg|0x00000001|41");
        assert_non_null(strstr(rows, "|msg-99-41.bin"));
        assert_non_null(strstr(rows, "|msg-99-41-"));
        snprintf(text, sizeof text, "rm -r %s", folder);
        assert_int_equal(system(text), 0);
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ipcs), cmocka_unit_test(without_tasks),
                                        cmocka_unit_test(same_numbers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
