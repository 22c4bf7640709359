/* linux_kmsg_test.c - the kernel's log in both of its forms: whole, full, wrapped and broken. */
#include "check.h"
#include "mklinux.h"

static const char ring_types[] = MK_LIST_TYPES
    "typedef struct { long counter; } atomic_long_t;"
    "struct dev_printk_info { char subsystem[16]; char device[48]; };"
    "struct printk_info { u64 seq, ts_nsec; u16 text_len; u8 facility; u8 flags:5; u8 level:3;"
    "                     u32 caller_id; struct dev_printk_info dev_info; };"
    "struct prb_data_blk_lpos { unsigned long begin, next; };"
    "struct prb_desc { atomic_long_t state_var; struct prb_data_blk_lpos text_blk_lpos; };"
    "struct prb_data_ring { unsigned int size_bits; char *data; };"
    "struct prb_desc_ring { unsigned int count_bits; struct prb_desc *descs;"
    "                       struct printk_info *infos; atomic_long_t head_id, tail_id; };"
    "struct printk_ringbuffer { struct prb_desc_ring desc_ring;"
    "                           struct prb_data_ring text_data_ring; };";

enum { RAM = 1 << 20, COUNT_BITS = 3, SIZE_BITS = 8 };
enum { RESERVED, COMMITTED, FINALIZED, REUSABLE };

struct ring {
    struct mk *k;
    uint64_t rb, descs, infos, data, next, desc_size, info_size;
    unsigned word;
    bool strict;
};

static struct ring make_ring(const struct mk_machine *m)
{
    struct ring g = { .k = mk_new(m, RAM, ring_types) };
    uint64_t prb = mk_alloc(g.k, 8), two[2];

    g.word = mk_model(g.k)->ptr_size;
    g.rb = mk_object(g.k, "printk_ringbuffer");
    two[0] = mk_object(g.k, "prb_desc");
    g.desc_size = mk_at(g.k, 0, "prb_desc.text_blk_lpos") + 2 * g.word;
    g.descs = mk_alloc(g.k, g.desc_size << COUNT_BITS);
    two[0] = mk_object(g.k, "printk_info");
    two[1] = mk_object(g.k, "printk_info");
    g.info_size = two[1] - two[0];
    g.infos = mk_alloc(g.k, g.info_size << COUNT_BITS);
    g.data = mk_alloc(g.k, 1 << SIZE_BITS);
    mk_put(g.k, g.rb, "printk_ringbuffer.desc_ring.count_bits", COUNT_BITS);
    mk_put(g.k, g.rb, "printk_ringbuffer.desc_ring.descs", g.descs);
    mk_put(g.k, g.rb, "printk_ringbuffer.desc_ring.infos", g.infos);
    mk_put(g.k, g.rb, "printk_ringbuffer.text_data_ring.size_bits", SIZE_BITS);
    mk_put(g.k, g.rb, "printk_ringbuffer.text_data_ring.data", g.data);
    mk_write_ptr(g.k, prb, g.rb);
    mk_symbol(g.k, "prb", prb);
    return g;
}

static void set_ends(struct ring *g, uint64_t tail, uint64_t head)
{
    mk_put(g->k, g->rb, "printk_ringbuffer.desc_ring.tail_id.counter", tail);
    mk_put(g->k, g->rb, "printk_ringbuffer.desc_ring.head_id.counter", head);
}

static uint64_t desc_of(const struct ring *g, uint64_t id)
{
    return g->descs + (id & ((1 << COUNT_BITS) - 1)) * g->desc_size;
}

static uint64_t info_of(const struct ring *g, uint64_t id)
{
    return g->infos + (id & ((1 << COUNT_BITS) - 1)) * g->info_size;
}

static void set_state(struct ring *g, uint64_t id, uint64_t state)
{
    mk_put(g->k, desc_of(g, id), "prb_desc.state_var.counter", id | state << (8 * g->word - 2));
}

/** As data_alloc() does: a block that does not fit to the end lies at the start; kernels differ
 * over one that fits exactly. */
static void log_record(struct ring *g, uint64_t id, const char *text)
{
    const uint64_t size = 1 << SIZE_BITS;
    const uint64_t block = (g->word + strlen(text) + g->word - 1) & ~(uint64_t)(g->word - 1);
    uint64_t begin = g->next, next = begin + block, at = begin & (size - 1);

    if (begin / size != (next - !g->strict) / size) {
        next = next / size * size + block;
        at = 0;
    }
    g->next = next;
    mk_write_ptr(g->k, g->data + at, id);
    mk_write(g->k, g->data + at + g->word, text, strlen(text));
    mk_put(g->k, desc_of(g, id), "prb_desc.text_blk_lpos.begin", begin);
    mk_put(g->k, desc_of(g, id), "prb_desc.text_blk_lpos.next", next);
    mk_put(g->k, info_of(g, id), "printk_info.seq", id);
    mk_put(g->k, info_of(g, id), "printk_info.ts_nsec", 1000000000 * id + 1234567);
    mk_put(g->k, info_of(g, id), "printk_info.text_len", strlen(text));
    mk_put(g->k, info_of(g, id), "printk_info.level", 6);
    mk_put(g->k, info_of(g, id), "printk_info.flags", 31);
    mk_put(g->k, info_of(g, id), "printk_info.caller_id", id & 1 ? 0x80000001 : 42);
    set_state(g, id, FINALIZED);
}

static void ring_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct ring g = make_ring(m);

        log_record(&g, 1, "first");
        log_record(&g, 2, "two\nlines");
        mk_puts(g.k, info_of(&g, 2), "printk_info.dev_info.subsystem", "pci");
        mk_puts(g.k, info_of(&g, 2), "printk_info.dev_info.device", "+pci:0000:00:01.0");
        mk_put(g.k, info_of(&g, 2), "printk_info.level", 3);
        mk_put(g.k, info_of(&g, 2), "printk_info.facility", 1);
        log_record(&g, 3, "the newest");
        set_state(&g, 3, COMMITTED);
        set_state(&g, 0, REUSABLE); // where the ring began: no record, and none lost
        set_ends(&g, 0, 3);
        assert_string_equal(mk_rows(g.k, "kmsg", NULL),
                            "1|kern|info|1.001234|-|||C1|||first\n"
                            "2|user|err|2.001234|-||42|T42|pci|+pci:0000:00:01.0|two\\x0alines\n"
                            "3|kern|info|3.001234|-|||C1|||the newest");
        assert_int_equal(mk_row_notes(NULL), 0);
        // Seconds that no clock reaches are not known, and not negative.
        mk_put(g.k, info_of(&g, 1), "printk_info.ts_nsec", UINT64_C(1) << 63);
        assert_string_equal(mk_columns(mk_rows(g.k, "kmsg", NULL), 0, 3),
                            "1|kern|info|-\n2|user|err|2.001234\n3|kern|info|3.001234");
        mk_free(g.k);
    }
}

static void fill(struct ring *g)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (uint64_t id = 1; id <= 300; id++) {
        uint64_t first = id < 4 ? 1 : id - 3;
        const char *rows;

        log_record(g, id, letters + id % 30);
        set_ends(g, first, id);
        rows = mk_rows(g->k, "kmsg", NULL);
        for (; first <= id; first++) {
            rows = strstr(rows, letters + first % 30);
            assert_non_null(rows);
            rows += strlen(letters + first % 30);
            assert_true(*rows == '\n' || !*rows);
        }
        assert_int_equal(mk_row_notes(NULL), 0);
    }
}

/** Texts of several lengths, so that blocks end at the ring's end and cross it. */
static void ring_wrapped(void **state)
{
    (void)state;
    mk_each_machine(m) for (int strict = 0; strict <= 1; strict++)
    {
        struct ring g = make_ring(m);

        g.strict = strict;
        fill(&g);
        mk_free(g.k);
    }
}

static void ring_broken(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct ring g = make_ring(m);
        uint64_t begin = 0;

        for (uint64_t id = 1; id <= 5; id++) {
            begin = g.next;
            log_record(&g, id, "text");
        }
        set_ends(&g, 1, 5);
        set_state(&g, 2, RESERVED);            // being written
        mk_write_ptr(g.k, g.data + begin, 77); // the newest's block is another's
        mk_put(g.k, desc_of(&g, 3), "prb_desc.text_blk_lpos.begin", 1); // its text found no room
        mk_put(g.k, desc_of(&g, 3), "prb_desc.text_blk_lpos.next", 1);
        mk_put(g.k, desc_of(&g, 4), "prb_desc.text_blk_lpos.begin", 3); // an empty line
        mk_put(g.k, desc_of(&g, 4), "prb_desc.text_blk_lpos.next", 3);
        assert_string_equal(mk_rows(g.k, "kmsg", NULL), "1|kern|info|1.001234|-|||C1|||text\n"
                                                        "4|kern|info|4.001234|-||42|T42|||");
        assert_int_equal(mk_row_notes("3 of the log's 5 records are not whole"), 1);

        mk_put(g.k, info_of(&g, 1), "printk_info.text_len", 65535); // no longer than its block
        assert_non_null(strstr(mk_rows(g.k, "kmsg", NULL), "text"));
        set_ends(&g, 1, 1 << 20);
        mk_rows(g.k, "kmsg", NULL);
        assert_int_equal(mk_row_notes("not believed"), 1);
        mk_put(g.k, g.rb, "printk_ringbuffer.desc_ring.count_bits", 60);
        assert_string_equal(mk_rows(g.k, "kmsg", NULL), "");
        assert_int_equal(mk_row_notes("cannot be read"), 1);
        mk_free(g.k);
    }
}

/* ---- before 5.10 ---- */

static const char buffer_types[] =
    MK_LIST_TYPES "struct printk_log { u64 ts_nsec; u16 len, text_len, dict_len; u8 facility;"
                  "                    u8 flags:5; u8 level:3; };";

enum { BUFFER = 256 };

struct buffer {
    struct mk *k;
    uint64_t at, first, next, seq;
    unsigned head;
};

static struct buffer make_buffer(const struct mk_machine *m)
{
    struct buffer b = { .k = mk_new(m, RAM, buffer_types) };
    uint64_t log_buf = mk_alloc(b.k, 8), len = mk_alloc(b.k, 4);

    b.at = mk_alloc(b.k, BUFFER);
    b.head = 16;
    b.first = mk_alloc(b.k, 4);
    b.next = mk_alloc(b.k, 4);
    b.seq = mk_alloc(b.k, 8);
    mk_write_ptr(b.k, log_buf, b.at);
    mk_write_u32(b.k, len, BUFFER);
    mk_symbol(b.k, "log_buf", log_buf);
    mk_symbol(b.k, "log_buf_len", len);
    mk_symbol(b.k, "log_first_idx", b.first);
    mk_symbol(b.k, "log_next_idx", b.next);
    mk_symbol(b.k, "log_first_seq", b.seq);
    return b;
}

/** @return where the next record goes. */
static uint32_t put(struct buffer *b, uint32_t at, const char *text, const char *dict,
                    size_t dict_len)
{
    const uint32_t len = (uint32_t)((b->head + strlen(text) + dict_len + 7) & ~(size_t)7);
    const uint64_t log = b->at + at;

    mk_put(b->k, log, "printk_log.ts_nsec", 5000000000);
    mk_put(b->k, log, "printk_log.len", len);
    mk_put(b->k, log, "printk_log.text_len", strlen(text));
    mk_put(b->k, log, "printk_log.dict_len", dict_len);
    mk_put(b->k, log, "printk_log.level", 4);
    mk_write(b->k, log + b->head, text, strlen(text));
    mk_write(b->k, log + b->head + strlen(text), dict, dict_len);
    return at + len;
}

static void buffer(void **state)
{
    static const char dict[] = "SUBSYSTEM=net\0DEVICE=n3";

    (void)state;
    mk_each_machine(m)
    {
        struct buffer b = make_buffer(m);
        uint32_t at = put(&b, 64, "older", "", 0);

        at = put(&b, at, "about a device", dict, sizeof dict - 1);
        mk_put(b.k, b.at + at, "printk_log.len", 0); // the rest is at the start
        mk_write_u32(b.k, b.first, 64);
        mk_write_u32(b.k, b.next, put(&b, 0, "newest", "", 0));
        assert_string_equal(mk_rows(b.k, "kmsg", NULL),
                            "0|kern|warn|5.000000|-||||||older\n"
                            "1|kern|warn|5.000000|-||||net|n3|about a device\n"
                            "2|kern|warn|5.000000|-||||||newest");
        assert_int_equal(mk_row_notes(NULL), 0);

        mk_put(b.k, b.at + 64, "printk_log.text_len", 60000);
        assert_string_equal(mk_rows(b.k, "kmsg", NULL), "");
        assert_int_equal(mk_row_notes("broke at record 0"), 1);
        mk_put(b.k, b.at + 64, "printk_log.len", 0); // two ends that never meet
        mk_put(b.k, b.at, "printk_log.len", 0);
        assert_string_equal(mk_rows(b.k, "kmsg", NULL), "");
        mk_write_u32(b.k, b.first, 4000000000u);
        mk_rows(b.k, "kmsg", NULL);
        assert_int_equal(mk_row_notes("broke"), 1);
        mk_free(b.k);
    }
}

/* A kernel that was built without a log is no kernel whose types are missing. */
static void no_log(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, MK_LIST_TYPES "struct task_struct { char comm[16]; };");

        assert_string_equal(mk_rows(k, "kmsg", NULL), "");
        assert_int_equal(mk_row_notes("built without a log"), 1);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_whole), cmocka_unit_test(ring_wrapped), cmocka_unit_test(ring_broken),
        cmocka_unit_test(buffer),     cmocka_unit_test(no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
