/* bpf_test.c - BPF programs, maps and links: hidden ones, what they call and what calls them. */
#include "../../../plugins/linux/bpf/all.h"
#include "check.h"
#include "mkbpf.h"

static const char *const types[] = { "struct css_set *cgroups; };", MK_BPF_TYPES, NULL };

/** BPF_NAME and HINTS of each program. */
static const char *hints(struct world *w)
{
    static char text[2048];
    char rows[8192], *line, *rest = rows;
    size_t n = 0;

    snprintf(rows, sizeof rows, "%s", mk_guest_rows(&w->g, "bpfprogs", NULL));
    text[0] = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        char name[64], *hint;

        snprintf(name, sizeof name, "%s", mk_columns(line, 2, 2));
        hint = (char *)mk_columns(line, 24, 24);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s: %s", n ? "\n" : "", name, hint);
    }
    return text;
}

/* ---- programs ---- */

static void hidden(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);

        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: not in the table of programs");
        // One that ends leaves the table first; functions of a program are none.
        mk_put(w.k, aux_of(&w, 2), "bpf_prog_aux.refcnt.counter", 0);
        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: ");
        mk_put(w.k, w.prog[2], "bpf_prog.is_func", 1);
        assert_string_equal(hints(&w), "prog1: \nprog2: ");
        mk_free(w.k);
    }
}

static void helpers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);

        set_id(&w, 0, 3, w.prog[2]);
        insn(&w, w.prog[0], 0, 0x85, 0, 0x40);
        insn(&w, w.prog[1], 0, 0x85, 0, 0x80);
        assert_string_equal(
            hints(&w),
            "prog1: writes memory of processes (bpf_probe_write_user)\nprog2: \nprog3: ");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 13, 13),
                            "bpf_probe_write_user");
        // The second half of a wide instruction is no call, whatever it holds.
        insn(&w, w.prog[0], 0, 0x18, 0, 0);
        insn(&w, w.prog[0], 1, 0x85, 0, 0x40);
        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: ");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 13, 13), "");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=2 insns"), 25, 27),
                            "0||call bpf_ktime_get_ns\n1||exit");
        // More than can be read.
        mk_put(w.k, w.prog[1], "bpf_prog.len", 1 << 19);
        mk_guest_rows(&w.g, "bpfprogs", "id=2");
        assert_int_equal(mk_row_notes("instructions can be read"), 1);
        mk_free(w.k);
    }
}

static void dangers(void **state)
{
    static const struct {
        const char *function, *name;
    } cases[] = {
        { "__x64_sys_getdents64", "getdents64" },
        { "__x64_sys_openat", NULL },
        { "syscalls:sys_exit_bpf", "bpf" },
        { "sched:sys_exit_bpf", NULL },
        { "bpf_lsm_task_kill", "task_kill" },
        { "security_bpf_prog", "bpf_prog" },
        { "bpf_lsm_file_open", NULL },
        { "bpf_lsm_userns_create", NULL },
        { "tcp4_seq_show", "tcp4_seq_show" },
        { "tcp4_seq_next", NULL },
        { NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = linux_bpf_dangerous(cases[i].function);

        assert_string_equal(name ? name : "", cases[i].name ? cases[i].name : "");
    }
    assert_true(linux_bpf_odd_path("/sys/fs/bpf/.x"));
    assert_true(linux_bpf_odd_path("/sys/fs/bpf/x; /sys/fs/bpf/ y"));
    assert_true(linux_bpf_odd_path("/sys/fs/bpf/x\x1b[1m"));
    assert_false(linux_bpf_odd_path("/sys/fs/bpf/tc/globals/x.y; /sys/fs/bpf/z"));
    assert_false(linux_bpf_odd_path(NULL));
}

/** HINTS of the first program, and what it compares with. */
static const char *first(struct world *w)
{
    static char text[512];

    snprintf(text, sizeof text, "%s", mk_columns(mk_guest_rows(&w->g, "bpfprogs", "id=1"), 14, 14));
    snprintf(text + strlen(text), sizeof text - strlen(text), " %s",
             mk_columns(mk_guest_rows(&w->g, "bpfprogs", "id=1"), 24, 24));
    return text;
}

static void compares(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        const bool big = mk_model(w.k)->big_endian;

        mk_put(w.k, w.prog[0], "bpf_prog.type", 6);
        insn(&w, w.prog[0], 0, 0x15, 1, 0x1ab51ab5);
        assert_string_equal(first(&w), "0x1ab51ab5 compares packets with a number of four bytes");
        insn(&w, w.prog[0], 0, 0x15, 1, (int)0xdeadbeef);
        assert_string_equal(first(&w), "0xdeadbeef compares packets with a number of four bytes");
        insn(&w, w.prog[0], 0, 0x55, 1, 0x31d4);
        assert_string_equal(first(&w), big ? "0x31d4 " : "0x31d4 (54321) ");
        // Protocols, lengths, errors; a register; a program that is given no packets.
        for (unsigned i = 0; i < 3; i++) {
            insn(&w, w.prog[0], 0, 0x15, 1, (int[]){ 0xdd86, 255, -22 }[i]);
            assert_string_equal(first(&w), " ");
        }
        insn(&w, w.prog[0], 0, 0x1d, 1, 0x1ab51ab5);
        assert_string_equal(first(&w), " ");
        insn(&w, w.prog[0], 0, 0x15, 1, 0x1ab51ab5);
        mk_put(w.k, w.prog[0], "bpf_prog.type", 5);
        assert_string_equal(first(&w), " ");
        mk_free(w.k);
    }
}

static void machine_code(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        uint64_t at;
        // push rbp; mov rbp, rsp; mov eax, 0x12345678; call; leave; ret
        uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xb8, 0x78, 0x56, 0x34,
                           0x12, 0xe8, 0,    0,    0,    0,    0xc9, 0xc3 };

        if (!m->arch || strcmp(m->arch, "x86_64") != 0)
            continue;
        w = make(m, types);
        at = mk_alloc(w.k, 64);
        mk_put(w.k, w.prog[0], "bpf_prog.jited", 1);
        mk_put(w.k, w.prog[0], "bpf_prog.jited_len", sizeof code);
        mk_put(w.k, w.prog[0], "bpf_prog.bpf_func", at);
        mk_put(w.k, w.prog[0], "bpf_prog.len", 3);
        insn(&w, w.prog[0], 0, 0xb7, 0, 0x12345678);
        insn(&w, w.prog[0], 1, 0x85, 0, 0x80);
        insn(&w, w.prog[0], 2, 0x95, 0, 0);
        for (unsigned i = 0; i < 4; i++)
            code[10 + i] = (uint8_t)((w.base + 0x80 - (at + 14)) >> 8 * i);
        mk_write(w.k, at, code, sizeof code);
        assert_string_equal(first(&w), " ");
        // Another number; none is looked for where numbers are blinded.
        mk_write(w.k, at + 5, "\x79", 1);
        assert_string_equal(first(&w),
                            " machine code lacks 0x12345678, which its instructions have");
        mk_put(w.k, w.prog[0], "bpf_prog.blinded", 1);
        assert_string_equal(first(&w), " ");
        // No call.
        mk_write(w.k, at + 9, "\x90\x90\x90\x90\x90", 5);
        assert_string_equal(
            first(&w), " machine code does not call bpf_ktime_get_ns, which its instructions do");
        mk_free(w.k);
    }
}

static uint64_t make_event(struct world *w, const char *system, const char *name, uint64_t prog)
{
    uint64_t call = mk_object(w->k, "trace_event_call"), array = mk_object(w->k, "bpf_prog_array");
    uint64_t class = mk_object(w->k, "trace_event_class");

    mk_put(w->k, class, "trace_event_class.system", mk_text(w->k, system));
    mk_put(w->k, call, "trace_event_call.class", class);
    mk_put(w->k, call, "trace_event_call.name", mk_text(w->k, name));
    mk_put(w->k, call, "trace_event_call.prog_array", array);
    mk_write_ptr(w->k, mk_at(w->k, array, "bpf_prog_array.items"), prog);
    mk_list_append(w->k, w->events, mk_at(w->k, call, "trace_event_call.list"));
    return call;
}

static void attached(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t copy;

        set_id(&w, 0, 3, w.prog[2]);
        make_event(&w, "syscalls", "sys_exit_getdents64", w.prog[0]);
        make_event(&w, "syscalls", "sys_enter_execve", w.prog[1]);
        // A program that only an event has, and one that was freed: its data leads elsewhere.
        make_event(&w, "sched", "sched_switch", w.prog[3]);
        copy = mk_object(w.k, "bpf_prog");
        mk_put(w.k, copy, "bpf_prog.aux", aux_of(&w, 0));
        make_event(&w, "sched", "sched_wakeup", copy);
        make_event(&w, "sched", "sched_waking", w.events);
        assert_string_equal(hints(&w), "prog1: attached to getdents64\nprog2: \nprog3: \n"
                                       "prog4: not in the table of programs");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", NULL), 11, 11),
                            "tracepoint syscalls:sys_exit_getdents64\n"
                            "tracepoint syscalls:sys_enter_execve\n\n"
                            "tracepoint sched:sched_switch");
        mk_free(w.k);
    }
}

/* ---- maps ---- */

static void use(struct world *w, unsigned prog, uint64_t map)
{
    uint64_t list = mk_alloc(w->k, 8);

    mk_write_ptr(w->k, list, map);
    mk_put(w->k, aux_of(w, prog), "bpf_prog_aux.used_maps", list);
    mk_put(w->k, aux_of(w, prog), "bpf_prog_aux.used_map_cnt", 1);
}

static void maps(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t table = make_map(&w, "bpf_htab", 1, 1, 4, 8, 16), elem[2];
        uint64_t array = make_map(&w, "bpf_array", 2, 2, 4, 8, 3);
        uint64_t buckets = mk_alloc(w.k, 256), at = mk_at(w.k, array, "bpf_array.value");

        use(&w, 1, array); // which is not in the table
        set_id(&w, 1, 1, table);
        mk_put(w.k, table, "bpf_htab.buckets", buckets);
        mk_put(w.k, table, "bpf_htab.n_buckets", 2);
        for (unsigned i = 0; i < 2; i++) {
            elem[i] = mk_object(w.k, "htab_elem");
            mk_put(w.k, elem[i], "htab_elem.hash_node.next", i ? 1 : elem[0]);
            mk_write_u32(w.k, mk_at(w.k, elem[i], "htab_elem.key"), 7 + i);
            mk_write(w.k, mk_at(w.k, elem[i], "htab_elem.key") + 8, "words", 6);
        }
        mk_put(w.k, elem[0], "htab_elem.hash_node.next", 1);
        mk_put(w.k, elem[1], "htab_elem.hash_node.next", elem[0]);
        mk_write_ptr(w.k, buckets, elem[1]);
        mk_write_ptr(w.k, buckets + mk_at(w.k, 0, "bucket.head") + mk_model(w.k)->ptr_size, 3);
        mk_put(w.k, array, "bpf_array.elem_size", 8);
        mk_write(w.k, at + 8, "word two", 8);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 2, 2), "table\narray");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 14, 14),
                            "\nnot in the table of maps");
        mk_put(w.k, array, "bpf_map.map_flags", 1); // BPF_F_NO_PREALLOC
        assert_null(strstr(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 6, 6), "frozen"));
        mk_put(w.k, array, "bpf_map.frozen", 1);
        assert_non_null(strstr(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 6, 6), ",frozen"));
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 11, 11), "\n2 prog2");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=1 contents"), 15, 15),
                            "8\n7");
        mk_guest_rows(&w.g, "bpfmaps", "id=2 contents");
        assert_int_equal(mk_row_notes("2 elements that are zero"), 1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=2 contents all"), 15, 15),
                            "0\n1\n2");
        // A chain that leads back, and one whose map is being freed.
        mk_put(w.k, elem[0], "htab_elem.hash_node.next", elem[1]);
        mk_put(w.k, array, "bpf_map.refcnt.counter", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=1 contents"), 15, 15),
                            "8\n7");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 14, 14), "\n");
        mk_free(w.k);
    }
}

/* ---- links ---- */

static void links(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t link = mk_object(w.k, "bpf_link");

        set_id(&w, 0, 3, w.prog[2]);
        mk_put(w.k, link, "bpf_link.ops", w.ops);
        mk_put(w.k, link, "bpf_link.id", 9);
        mk_put(w.k, link, "bpf_link.prog", w.prog[0]);
        mk_put(w.k, link, "bpf_link.refcnt.counter", 1);
        make_event(&w, "syscalls", "sys_enter_kill", w.prog[1]);
        make_event(&w, "sched", "sched_switch", w.prog[2]);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY "\n" NOBODY);
        // A link that only its table has, and one that is being freed.
        set_id(&w, 2, 9, link);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY "\n" NOBODY
                            "\nno process and no path holds the link");
        mk_put(w.k, link, "bpf_link.refcnt.counter", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY "\n" NOBODY "\n");
        // One that the table lacks, and a program's array has.
        set_id(&w, 2, 9, 0);
        mk_put(w.k, link, "bpf_link.refcnt.counter", 1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY "\n" NOBODY);
        mk_put(w.k, link, "bpf_link.refcnt.counter", 0);
        set_id(&w, 2, 9, link);
        // What has no operations is no link.
        mk_put(w.k, link, "bpf_link.ops", 0x1000);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY "\n" NOBODY);
        assert_int_equal(mk_row_notes("link_idr: number 9 leads to"), 1);
        // The program is hidden too.
        set_id(&w, 0, 3, 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill; " NOBODY
                            "\nthe program is not in the table of programs; " NOBODY);
        mk_free(w.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(dangers), cmocka_unit_test(compares), cmocka_unit_test(machine_code),
        cmocka_unit_test(hidden),  cmocka_unit_test(helpers),  cmocka_unit_test(attached),
        cmocka_unit_test(maps),    cmocka_unit_test(links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
