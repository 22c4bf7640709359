/* rings_test.c - seccomp: chains of filters; io_uring: rings, and what waits in them. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

/* ---- seccomp ---- */

static const char *const filtered[] = {
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; struct seccomp seccomp; };"
    "struct count { int counter; }; struct refs { struct count refs; };"
    "struct sock_filter { u16 code; u8 jt, jf; u32 k; };"
    "struct sock_fprog_kern { u16 len; struct sock_filter *filter; };"
    "struct bpf_prog { u32 len; struct sock_fprog_kern *orig_prog; };"
    "struct seccomp_filter { struct refs users; u8 log; struct seccomp_filter *prev;"
    "  struct bpf_prog *prog; void *notif; };",
    "struct task_struct {",
    "struct seccomp { int mode; struct seccomp_filter *filter; }; struct task_struct {", NULL
};

static void put16(struct mk *k, uint64_t at, uint16_t v)
{
    const uint8_t low = (uint8_t)v, high = (uint8_t)(v >> 8);
    const uint8_t bytes[] = { mk_model(k)->big_endian ? high : low,
                              mk_model(k)->big_endian ? low : high };

    mk_write(k, at, bytes, 2);
}

struct insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

static uint64_t make_filter(struct mk_guest *g, const struct insn *code, size_t n, uint64_t prev)
{
    uint64_t filter = mk_object(g->k, "seccomp_filter"), prog = mk_object(g->k, "bpf_prog");
    uint64_t original = mk_object(g->k, "sock_fprog_kern"), at = mk_alloc(g->k, 8 * n);

    for (size_t i = 0; i < n; i++) {
        put16(g->k, at + 8 * i, code[i].code);
        mk_write(g->k, at + 8 * i + 2, &code[i].jt, 1);
        mk_write(g->k, at + 8 * i + 3, &code[i].jf, 1);
        mk_write_u32(g->k, at + 8 * i + 4, code[i].k);
    }
    mk_put(g->k, original, "sock_fprog_kern.len", n);
    mk_put(g->k, original, "sock_fprog_kern.filter", at);
    mk_put(g->k, prog, "bpf_prog.orig_prog", original);
    mk_put(g->k, filter, "seccomp_filter.prog", prog);
    mk_put(g->k, filter, "seccomp_filter.prev", prev);
    mk_put(g->k, filter, "seccomp_filter.users.refs.counter", 1);
    return filter;
}

static void seccomp(void **state)
{
    static const struct insn deny[] = {
        { 0x20, 0, 0, 0 },   { 0x15, 0, 1, 425 },     { 6, 0, 0, 0x50001 },
        { 0x15, 0, 1, 426 }, { 6, 0, 0, 0x80000000 }, { 6, 0, 0, 0x7fff0000 },
    };
    static const struct insn allow[] = { { 6, 0, 0, 0x7ffc0000 } };
    static const struct insn first[] = {
        { 0x20, 0, 0, 0 }, { 0x15, 0, 1, 0 }, { 6, 0, 0, 0x50001 }, { 6, 0, 0, 0x7fff0000 }
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, filtered);
        uint64_t a = mk_guest_task(&g, 5, "filter", 0), b = mk_guest_task(&g, 6, "strict", 0);
        uint64_t old, new;

        mk_guest_task(&g, 7, "plain", 0);
        old = make_filter(&g, allow, 1, 0);
        new = make_filter(&g, deny, 6, old);
        mk_put(g.k, old, "seccomp_filter.log", 1);
        mk_put(g.k, new, "seccomp_filter.notif", 0x1234);
        mk_put(g.k, a, "task_struct.seccomp.mode", 2);
        mk_put(g.k, a, "task_struct.seccomp.filter", new);
        mk_put(g.k, b, "task_struct.seccomp.mode", 1);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", NULL), 2, 4),
                            "filter|filter|0\nfilter|filter|1\nstrict|strict|");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "pid=5"), 6, 10),
                            "1|6|NOTIF|ALLOW|ERRNO(1): io_uring_setup; KILL_PROCESS: "
                            "io_uring_enter\n1|1|LOG|LOG|");
        assert_int_equal(mk_row_notes(NULL), 0);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "pid=5 disassemble"), 12, 13),
                            "0|ld nr\n1|jeq #0x1a9 jt 2 jf 3 ; io_uring_setup\n2|ret ERRNO(1)\n"
                            "3|jeq #0x1aa jt 4 jf 5 ; io_uring_enter\n4|ret KILL_PROCESS\n"
                            "5|ret ALLOW\n0|ret LOG");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "all pid=7"), 2, 3),
                            "plain|none");

        // What most calls get is the rule, whatever the first one gets.
        mk_put(g.k, a, "task_struct.seccomp.filter", make_filter(&g, first, 4, 0));
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "pid=5"), 9, 9), "ALLOW");
        mk_put(g.k, a, "task_struct.seccomp.filter", new);

        // A program that was not kept, or cannot be one.
        mk_put(g.k, mk_of(&g, old, "seccomp_filter.prog"), "bpf_prog.orig_prog", 0);
        mk_put(g.k, mk_of(&g, mk_of(&g, new, "seccomp_filter.prog"), "bpf_prog.orig_prog"),
               "sock_fprog_kern.len", 4097);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "pid=5"), 7, 10),
                            "-|NOTIF|-|-\n-|LOG|-|-");
        // A chain that leads back, and one that leads nowhere.
        mk_put(g.k, old, "seccomp_filter.prev", new);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "seccomp", "pid=5"), 4, 4), "0\n1");
        assert_int_equal(mk_row_notes("leads back into itself"), 1);
        mk_put(g.k, a, "task_struct.seccomp.filter", 0);
        assert_string_equal(mk_guest_rows(&g, "seccomp", "pid=5"), "");
        assert_int_equal(mk_row_notes("cannot be read to its end"), 1);
        mk_free(g.k);
    }
}

/* ---- io_uring ---- */

static const char *const ringed[] = {
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; struct files_struct *files; struct io_uring_task *io_uring;"
    "  void *worker_private; };"
    "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds; };"
    "struct files_struct { struct fdtable *fdt; struct file *fd_array[8]; };"
    "struct io_uring_task { struct xarray xa; struct io_wq *io_wq; };"
    "struct io_wq_work_node { struct io_wq_work_node *next; };"
    "struct io_wq_work_list { struct io_wq_work_node *first, *last; };"
    "struct io_wq_acct { u32 nr_workers; struct io_wq_work_list work_list; };"
    "struct io_wq { u64 state; struct io_wq_acct acct[2]; };"
    "struct io_tctx_node { struct task_struct *task; struct io_ring_ctx *ctx; };"
    "struct io_uring { u32 head, tail; };"
    "struct io_rings { struct io_uring sq, cq; };"
    "struct io_hash_bucket { u32 lock; struct hlist_head list; };"
    "struct io_hash_table { struct io_hash_bucket *hbs; unsigned hash_bits; };"
    "struct io_fixed_file { unsigned long file_ptr; };"
    "struct io_file_table { struct io_fixed_file *files; };"
    "struct io_mapped_ubuf { u64 ubuf, ubuf_end; };"
    "struct io_sq_data { struct task_struct *thread; };"
    "struct io_uring_sqe { u8 opcode, flags; int fd; u64 addr; u32 len; u64 user_data; };"
    "struct io_ring_ctx { unsigned flags, cached_sq_head, sq_entries, cq_entries;"
    "  unsigned nr_user_files, nr_user_bufs; struct io_rings *rings; u32 *sq_array;"
    "  struct io_uring_sqe *sq_sqes; struct io_hash_table cancel_table;"
    "  struct list_head timeout_list, ltimeout_list, defer_list;"
    "  struct io_file_table file_table; struct io_mapped_ubuf **user_bufs;"
    "  struct io_sq_data *sq_data; };"
    "struct io_timeout { struct file *file; struct list_head list; };"
    "struct io_wq_work { struct io_wq_work_node list; };"
    "struct io_cqe { u64 user_data; };"
    "struct io_kiocb { struct file *file; u64 room[4]; u8 opcode; struct io_cqe cqe;"
    "  struct io_ring_ctx *ctx; struct hlist_node hash_node; struct io_kiocb *link;"
    "  struct io_wq_work work; };"
    "struct io_worker { struct io_wq_work *cur_work; };"
    "struct io_defer_entry { struct list_head list; struct io_kiocb *req; };",
    "struct file { struct path f_path;",
    "struct file { void *f_op, *private_data; struct path f_path;", NULL
};

static uint64_t make_request(struct mk_guest *g, uint64_t ctx, int opcode, uint64_t data)
{
    uint64_t q = mk_object(g->k, "io_kiocb");

    mk_put(g->k, q, "io_kiocb.ctx", ctx);
    mk_put(g->k, q, "io_kiocb.opcode", (uint64_t)opcode);
    mk_put(g->k, q, "io_kiocb.cqe.user_data", data);
    return q;
}

/** The second file of the process is a ring. */
static uint64_t make_ring(struct mk_guest *g, uint64_t task)
{
    static const char *const lists[] = { "io_ring_ctx.timeout_list", "io_ring_ctx.ltimeout_list",
                                         "io_ring_ctx.defer_list" };
    uint64_t ctx = mk_object(g->k, "io_ring_ctx"), rings = mk_object(g->k, "io_rings");
    uint64_t files = mk_object(g->k, "files_struct"), table = mk_object(g->k, "fdtable");
    uint64_t open = mk_alloc(g->k, 64), bits = mk_alloc(g->k, 64);
    uint64_t d = mk_guest_dentry(g, 0, "[io_uring]"), file = mk_guest_file(g, d);
    uint64_t ops = mk_object(g->k, "dentry_operations"), sb = mk_object(g->k, "super_block");
    uint64_t type = mk_object(g->k, "file_system_type");
    uint64_t plain = mk_guest_file(g, mk_guest_dentry(g, g->top, "plain"));

    mk_put(g->k, type, "file_system_type.name", mk_text(g->k, "anon_inodefs"));
    mk_put(g->k, sb, "super_block.s_type", type);
    mk_put(g->k, d, "dentry.d_sb", sb);
    mk_put(g->k, ops, "dentry_operations.d_dname", 0x1234);
    mk_put(g->k, d, "dentry.d_op", ops);
    mk_put(g->k, file, "file.private_data", ctx);
    mk_put(g->k, file, "file.f_op", 0x4444);
    mk_put(g->k, task, "task_struct.files", files);
    mk_put(g->k, files, "files_struct.fdt", table);
    mk_put(g->k, table, "fdtable.max_fds", 8);
    mk_put(g->k, table, "fdtable.fd", open);
    mk_put(g->k, table, "fdtable.open_fds", bits);
    mk_put(g->k, plain, "file.f_op", 0x5555);
    mk_write_ptr(g->k, bits, 3);
    mk_write_ptr(g->k, open, plain);
    mk_write_ptr(g->k, open + mk_model(g->k)->ptr_size, file);
    mk_put(g->k, ctx, "io_ring_ctx.rings", rings);
    for (size_t i = 0; i < countof(lists); i++)
        mk_list(g->k, mk_at(g->k, ctx, lists[i]), NULL, 0);
    return ctx;
}

static void io_uring(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, ringed);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), ctx = make_ring(&g, t), q[5], bucket, at;
        uint64_t lib = mk_guest_file(&g, mk_guest_dentry(&g, g.top, "lib"));
        uint64_t rings = mk_of(&g, ctx, "io_ring_ctx.rings"), sqes, buf, array, nodes[1];

        mk_put(g.k, ctx, "io_ring_ctx.flags", 0x402 & ~0x400);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 4, 5), "ring|1");
        for (int i = 0; i < 5; i++)
            q[i] = make_request(&g, ctx, 22 + i, (uint64_t)(10 + i));
        // One waits for a poll, with another linked behind it; one for a timeout; one for all.
        bucket = mk_alloc(g.k, 64);
        at = mk_at(g.k, bucket, "io_hash_bucket.list");
        mk_put(g.k, ctx, "io_ring_ctx.cancel_table.hbs", bucket);
        mk_write_ptr(g.k, at, mk_at(g.k, q[0], "io_kiocb.hash_node"));
        mk_put(g.k, q[0], "io_kiocb.hash_node.pprev", at);
        mk_put(g.k, q[0], "io_kiocb.file", lib);
        mk_put(g.k, q[0], "io_kiocb.link", q[1]);
        nodes[0] = q[2] + mk_at(g.k, 0, "io_timeout.list");
        mk_list(g.k, mk_at(g.k, ctx, "io_ring_ctx.timeout_list"), nodes, 1);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 7, 10),
                            "|||\nREAD|poll|/lib|0xa\nWRITE|the one before||0xb\n"
                            "FADVISE|timeout||0xc");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 18, 18),
                            "\nfiles\n\nfiles");
        mk_put(g.k, q[1], "io_kiocb.opcode", 27); // RECV
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 18, 18),
                            "\nfiles\nnetwork\nfiles");
        mk_put(g.k, q[1], "io_kiocb.opcode", 23);
        assert_int_equal(mk_row_notes(NULL), 0);

        // Two wait for a worker, one of them another ring's.
        {
            uint64_t tctx = mk_object(g.k, "io_uring_task"), wq = mk_object(g.k, "io_wq");
            uint64_t other = make_request(&g, 0x7777, 1, 99);

            mk_put(g.k, t, "task_struct.io_uring", tctx);
            mk_put(g.k, tctx, "io_uring_task.io_wq", wq);
            mk_put(g.k, mk_at(g.k, wq, "io_wq.acct"), "io_wq_acct.work_list.first",
                   mk_at(g.k, other, "io_kiocb.work"));
            mk_put(g.k, other, "io_kiocb.work.list.next", mk_at(g.k, q[3], "io_kiocb.work"));
            mk_put(g.k, q[3], "io_kiocb.work.list.next", mk_at(g.k, other, "io_kiocb.work"));
        }
        {
            const char *rows = mk_columns(mk_guest_rows(&g, "io_uring", NULL), 7, 10);

            assert_non_null(strstr(rows, "\nMADVISE|a free worker||0xd"));
            assert_null(strstr(rows, "0x63"));
        }
        assert_int_equal(mk_row_notes("is not of the ring"), 0);
        mk_put(g.k, t, "task_struct.io_uring", 0);

        // What was written and not taken, by the order that the program gave.
        sqes = mk_alloc(g.k, 4 * mk_at(g.k, 0, "io_uring_sqe.user_data") + 64);
        array = mk_alloc(g.k, 16);
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t e = sqes + i * (mk_at(g.k, 0, "io_uring_sqe.user_data") + 8);

            mk_put(g.k, e, "io_uring_sqe.opcode", 9 + i);
            mk_put(g.k, e, "io_uring_sqe.fd", 30 + i);
            mk_put(g.k, e, "io_uring_sqe.user_data", 20 + i);
            mk_write_u32(g.k, array + 4 * i, 3 - i);
        }
        mk_put(g.k, ctx, "io_ring_ctx.sq_sqes", sqes);
        mk_put(g.k, ctx, "io_ring_ctx.sq_array", array);
        mk_put(g.k, ctx, "io_ring_ctx.sq_entries", 4);
        mk_put(g.k, ctx, "io_ring_ctx.cached_sq_head", 5);
        mk_put(g.k, rings, "io_rings.sq.tail", 7);
        {
            const char *rows = mk_columns(mk_guest_rows(&g, "io_uring", NULL), 4, 10);

            assert_non_null(strstr(rows, "\nsubmission||2|TIMEOUT||fd 32|0x16\n"
                                         "submission||1|RECVMSG||fd 31|0x15"));
            assert_null(strstr(rows, "past"));
            rows = mk_columns(mk_guest_rows(&g, "io_uring", "past"), 4, 10);
            assert_non_null(strstr(rows, "\npast||0|SENDMSG||fd 30|0x14\n"
                                         "past||3|TIMEOUT_REMOVE||fd 33|0x17"));
        }
        // What is registered; the lowest bits are the kernel's.
        at = mk_alloc(g.k, 64);
        mk_write_ptr(g.k, at + mk_model(g.k)->ptr_size, lib | 3);
        mk_put(g.k, ctx, "io_ring_ctx.file_table.files", at);
        mk_put(g.k, ctx, "io_ring_ctx.nr_user_files", 2);
        at = mk_alloc(g.k, 64);
        buf = mk_object(g.k, "io_mapped_ubuf");
        mk_put(g.k, buf, "io_mapped_ubuf.ubuf", 0x1000);
        mk_put(g.k, buf, "io_mapped_ubuf.ubuf_end", 0x3000);
        mk_write_ptr(g.k, at, buf);
        mk_put(g.k, ctx, "io_ring_ctx.user_bufs", at);
        mk_put(g.k, ctx, "io_ring_ctx.nr_user_bufs", 1);
        {
            const char *rows = mk_columns(mk_guest_rows(&g, "io_uring", NULL), 4, 9);

            assert_non_null(strstr(rows, "\nfile||1|||/lib\nbuffer||0|||0x1000-0x3000"));
            assert_null(strstr(rows, "file||0"));
        }
        // Damage: a request of no ring, links that lead back, a queue that cannot be.
        mk_put(g.k, q[1], "io_kiocb.link", q[0]);
        mk_put(g.k, q[2], "io_kiocb.ctx", 0x8888);
        mk_put(g.k, ctx, "io_ring_ctx.sq_entries", 5);
        mk_put(g.k, ctx, "io_ring_ctx.nr_user_bufs", UINT32_MAX);
        mk_put(g.k, ctx, "io_ring_ctx.nr_user_files", UINT32_MAX);
        mk_put(g.k, ctx, "io_ring_ctx.file_table.files", 0x10);
        mk_guest_rows(&g, "io_uring", NULL);
        assert_int_equal(mk_row_notes("is not of the ring"), 1);
        assert_int_equal(mk_row_notes("cannot be as it says"), 1);
        mk_put(g.k, ctx, "io_ring_ctx.cancel_table.hash_bits", 40);
        assert_null(strstr(mk_guest_rows(&g, "io_uring", NULL), "request"));
        assert_string_equal(mk_guest_rows(&g, "io_uring", "pid=6"), "");
        mk_free(g.k);
    }
}

/* A count of open files that was damaged: all kernel threads share such a table. */
static void wild_table(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, ringed);
        uint64_t t = mk_guest_task(&g, 5, "prog", 0), files, table, own, bits;
        const unsigned ptr = mk_model(g.k)->ptr_size;

        make_ring(&g, t);
        files = mk_of(&g, t, "task_struct.files");
        table = mk_of(&g, files, "files_struct.fdt");
        own = mk_at(g.k, files, "files_struct.fd_array");
        mk_write_ptr(g.k, own + ptr, mk_read_ptr(g.k, mk_of(&g, table, "fdtable.fd") + ptr));
        bits = mk_alloc(g.k, 4096);
        for (unsigned i = 0; i < 4096; i += ptr)
            mk_write_ptr(g.k, bits + i, ptr == 8 ? UINT64_MAX : UINT32_MAX);
        mk_put(g.k, table, "fdtable.open_fds", bits);
        mk_put(g.k, table, "fdtable.max_fds", 8);
        // As many as are in the files_struct itself.
        mk_put(g.k, table, "fdtable.fd", own);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 4, 4), "ring");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_put(g.k, table, "fdtable.max_fds", 0x7fffffff);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "io_uring", NULL), 4, 4), "ring");
        assert_int_equal(mk_row_notes("a table of 2147483647 open files 8 were looked at"), 1);
        // A table of its own, that does not have so many.
        own = mk_alloc(g.k, 64);
        mk_write_ptr(g.k, own + ptr,
                     mk_read_ptr(g.k, mk_at(g.k, files, "files_struct.fd_array") + ptr));
        mk_put(g.k, table, "fdtable.fd", own);
        assert_non_null(strstr(mk_guest_rows(&g, "io_uring", NULL), "ring"));
        assert_int_equal(mk_row_notes("most of its 16777216 open files cannot be read"), 1);
        mk_put(g.k, table, "fdtable.max_fds", 1000); // a hole of the image: each is told
        mk_guest_rows(&g, "io_uring", NULL);
        assert_int_equal(mk_row_notes("most of its"), 0);
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seccomp),
        cmocka_unit_test(io_uring),
        cmocka_unit_test(wild_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
