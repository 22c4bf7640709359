/* minidebug_test.c - symbols in an ELF file in xz in a section of another; sections that lie. */
#include "../../../plugins/linux/user/minidebug.h"
#include "check.h"
#include "config.h"
#include "mklinux.h"
#include "run.h"
#include <stdlib.h>
#ifdef HAVE_XZ
#include <lzma.h>
#endif

enum { MOST = 32768 };

struct file {
    uint8_t bytes[MOST];
    size_t n;
};

static void le(struct file *f, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        f->bytes[f->n++] = i < sizeof value ? (uint8_t)(value >> 8 * i) : 0;
}

struct part {
    const char *name;
    uint32_t type, link;
    const void *bytes;
    size_t len;
};

/* An ELF file of 64 bits with these sections, behind which come their names. */
static void make(struct file *f, const struct part *parts, unsigned n)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    char names[256] = "";
    size_t len = 1, at[8], name[8];

    memset(f, 0, sizeof *f);
    f->n = 64;
    for (unsigned i = 0; i < n; i++) {
        at[i] = f->n;
        memcpy(f->bytes + f->n, parts[i].bytes, parts[i].len);
        f->n += (parts[i].len + 7) & ~(size_t)7;
        name[i] = len;
        strcpy(names + len, parts[i].name);
        len += strlen(parts[i].name) + 1;
    }
    at[n] = f->n;
    memcpy(f->bytes + f->n, names, sizeof names);
    f->n += sizeof names;
    {
        const size_t headers = f->n;

        le(f, 0, 32);
        le(f, 0, 32);
        for (unsigned i = 0; i <= n; i++) {
            le(f, i < n ? name[i] : 0, 4);
            le(f, i < n ? parts[i].type : 3, 4);
            le(f, 0, 16);
            le(f, at[i], 8);
            le(f, i < n ? parts[i].len : sizeof names, 8);
            le(f, i < n ? parts[i].link : 0, 4);
            le(f, 0, 12);
            le(f, i < n && parts[i].type == 2 ? 24 : 0, 8);
        }
        len = f->n;
        f->n = 0;
        memcpy(f->bytes, ident, sizeof ident);
        f->n = 16;
        le(f, 3, 2);
        le(f, 62, 2);
        le(f, 1, 4);
        le(f, 0, 16);
        le(f, headers, 8);
        le(f, 0, 4);
        le(f, 64, 2);
        le(f, 56, 2);
        le(f, 0, 2);
        le(f, 64, 2);
        le(f, n + 2, 2);
        le(f, n + 1, 2);
        f->n = len;
    }
}

static struct mk *machine;

struct ask {
    const struct file *f;
    size_t n;
    int times; // in one run
    char first[32];
};

static int ask(struct eg_run *r, void *context)
{
    struct linux_elf_symbol *symbols = NULL;
    struct ask *a = context;
    struct eg_space *space;
    struct linux_elf file;

    assert_int_equal(eg_memory_open(&space, a->f->bytes, a->f->n, NULL), 0);
    assert_true(linux_elf_open(r, space, 0, true, &file));
    for (int i = 0; i <= a->times; i++)
        a->n = linux_minidebug_symbols(r, &file, &symbols);
    if (a->n)
        snprintf(a->first, sizeof a->first, "%s", symbols[0].name);
    eg_view_forget(eg_view_of(r), space);
    eg_space_close(space);
    return 0;
}

static struct ask symbols_of(const struct file *f)
{
    struct ask a = { .f = f };
    struct eg_run *r;

    assert_int_equal(eg_run_open(&r, mk_system(machine), NULL, NULL), 0);
    assert_int_equal(eg_run_do(r, ask, &a), 0);
    eg_run_close(r);
    return a;
}

#ifdef HAVE_XZ
static struct ask many_times(const struct file *f)
{
    const struct eg_run_options o = { .memory_limit = 32 << 20 };
    struct ask a = { .f = f, .times = 8 };
    struct eg_run *r;

    assert_int_equal(eg_run_open(&r, mk_system(machine), &o, NULL), 0);
    assert_int_equal(eg_run_do(r, ask, &a), 0);
    eg_run_close(r);
    return a;
}
#endif

static void symbols(void **state)
{
#ifdef HAVE_XZ
    struct file inner, outer;
    struct file table = { .n = 24 }; // the first symbol is none
    uint8_t packed[MOST];
    size_t len = 0;
    struct part parts[] = { { ".symtab", 2, 2, table.bytes, 0 },
                            { ".strtab", 3, 0, "\0helper\0other", 14 } };
    struct part in = { ".gnu_debugdata", 1, 0, packed, 0 };

    le(&table, 1, 4); // helper, a function in section 1
    le(&table, 2, 1);
    le(&table, 0, 1);
    le(&table, 1, 2);
    le(&table, 0x1000, 8);
    le(&table, 0x20, 8);
    parts[0].len = table.n;
    make(&inner, parts, 2);
    assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, inner.bytes, inner.n,
                                             packed, &len, sizeof packed),
                     LZMA_OK);
    in.len = len;
    make(&outer, &in, 1);
    assert_int_equal(symbols_of(&outer).n, 1);
    assert_string_equal(symbols_of(&outer).first, "helper");
    in.name = ".gnu_debuglink";
    make(&outer, &in, 1);
    assert_int_equal(symbols_of(&outer).n, 0);
    in.name = ".gnu_debugdata";
    for (size_t i = 0; i < len; i += 3) { // damaged anywhere: its checksum says so
        packed[i] ^= 0x55;
        make(&outer, &in, 1);
        assert_int_equal(symbols_of(&outer).n, 0);
        packed[i] ^= 0x55;
    }
    in.len = len - 1;
    make(&outer, &in, 1);
    assert_int_equal(symbols_of(&outer).n, 0);

    // 80 MiB of zeros in a few bytes
    {
        const size_t room = 80 << 20;
        uint8_t *zeros = calloc(1, room);

        len = 0;
        assert_non_null(zeros);
        assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_NONE, NULL, zeros, room, packed,
                                                 &len, sizeof packed),
                         LZMA_OK);
        in.len = len;
        make(&outer, &in, 1);
        assert_int_equal(symbols_of(&outer).n, 0);
        // Files that unpack to 48 MiB each: a run needs the memory of one, not that of all.
        len = 0;
        assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_NONE, NULL, zeros, 48 << 20, packed,
                                                 &len, sizeof packed),
                         LZMA_OK);
        in.len = len;
        make(&outer, &in, 1);
        assert_int_equal(many_times(&outer).n, 0);
        free(zeros);
    }
#endif
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(symbols) };
    int rc;

    machine = mk_new(&mk_machines[0], 1 << 20, MK_LIST_TYPES);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    mk_free(machine);
    return rc;
}
