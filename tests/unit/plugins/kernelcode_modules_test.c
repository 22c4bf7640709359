/* kernelcode_modules_test.c - kernelcode --modules: each place of a module that the kernel patches,
 * and what nobody may write there; files that are not the module's, or damaged. */
#include "check.h"
#include "mkmodule.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { ADDRESS = 2, HINTS = 10, EXPECTED = 6 };

static char folder[64], inner[80], argument[80];

static const char differs[] = "differs from the module's file";

static void write_bytes(const char *name, const void *bytes, size_t len)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", inner, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static const char *rows_of(struct mk_module *m, const char *name)
{
    const char *args[] = { argument, NULL }, *out;
    char path[128];

    mk_module_settle(m);
    out = mk_rows(m->k, "kernelcode", args);
    snprintf(path, sizeof path, "%s/%s", inner, name);
    unlink(path);
    return out;
}

/* With the module's file below the folder, as @name. */
static const char *rows(struct mk_module *m, const char *name)
{
    write_bytes(name, m->file, m->len);
    return rows_of(m, name);
}

static const char *hints(const char *all)
{
    return mk_columns(all, HINTS, HINTS);
}

static struct mk_module *make(void)
{
    static struct mk_module m;

    m = (struct mk_module){ 0 };
    mk_module(&m);
    return &m;
}

static void as_loaded(void **state)
{
    struct mk_module *m = make();

    (void)state;
    assert_string_equal(rows(m, "mod-a.ko"), "");
    // .text, .altinstr_replacement, .exit.text; the call of ftrace became a nop.
    assert_int_equal(mk_row_notes("262 bytes of code were compared with files of 1 modules; "
                                  "differences that the kernel made: 1 patches at run time"),
                     1);
    assert_int_equal(mk_row_notes("no whole file to compare with (--modules DIR): 1: other"), 1);
    assert_int_equal(mk_row_notes("no known address"), 0);
    mk_free(m->k);
}

/* One place of memory: what stands there, and whether that is a row. */
static void places(void **state)
{
    static const struct {
        unsigned at;
        const char *bytes;
        size_t len;
        bool row;
    } cases[] = {
        { MK_MODULE_PLAIN, "\x31\xdb", 2, true }, // xor ebx, ebx
        { MK_MODULE_PLAIN, "\x31", 1, false },
        { 0x0d, "\x01", 1, true }, // another address
        { MK_MODULE_WIDE + 9, "\x7f", 1, true },
        { MK_MODULE_RETURN, "\xc3\xcc\xcc\xcc\xcc", 5, false },
        { MK_MODULE_RETURN, "\x0f\x1f\x44\0\0", 5, true },
        { MK_MODULE_ALT, "\x48\x89\xc8\x66\x90", 5, false },
        { MK_MODULE_ALT, "\x48\x89\xc8\x90\x90", 5, false },
        { MK_MODULE_ALT, "\x48\x89\xc9\x66\x90", 5, true },
        { MK_MODULE_ALT, "\x66\x90\x48\x89\xc8", 5, false },       // padding first
        { MK_MODULE_RETPOLINE, "\xff\xd0\x0f\x1f\x00", 5, false }, // call rax; nop
        { MK_MODULE_RETPOLINE, "\x0f\xae\xe8\xff\xd0", 5, false }, // lfence; call rax
        { MK_MODULE_RETPOLINE, "\xff\xd1\x0f\x1f\x00", 5, true },  // call rcx
        { MK_MODULE_RETPOLINE, "\x41\xff\xd0\x66\x90", 5, true },  // call r8
        { MK_MODULE_RETPOLINE, "\x31\xc0\x0f\x1f\x00", 5, true },  // xor eax, eax
        { MK_MODULE_LOCK, "\x3e", 1, false },
        { MK_MODULE_LOCK, "\x26", 1, true },
        { MK_MODULE_LOCK + 1, "\xfe", 1, true },
        { MK_MODULE_JUMP, "\x66\x90", 2, true }, // of two bytes, and then an instruction
        { MK_MODULE_ENDBR, "\x0f\x1f\x40\0", 4, false },
        { MK_MODULE_ENDBR, "\x31\xc0\x31\xc0", 4, true },
        { MK_MODULE_PLAIN, "\x3e", 1, true }, // no table has it
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_module *m = make();
        const char *all;

        mk_write(m->k, m->code + cases[i].at, cases[i].bytes, cases[i].len);
        all = rows(m, "mod_a.ko");
        if (cases[i].row != (strstr(all, differs) != NULL))
            fail_msg("case %zu: %s", i, all);
        mk_free(m->k);
    }
}

/* A call of another function, where the file's symbols say which. */
static void calls(void **state)
{
    static const unsigned at[] = { MK_MODULE_OWN, MK_MODULE_OTHERS, MK_MODULE_RETPOLINE,
                                   MK_MODULE_CALL };

    (void)state;
    for (size_t i = 0; i < countof(at); i++) {
        struct mk_module *m = make();
        const uint64_t to = m->text + 0x600; // the thunk of rcx
        const uint64_t from = m->code + at[i];

        mk_write_u32(m->k, from + 1, (uint32_t)(to - (from + 5)));
        assert_non_null(strstr(rows(m, "mod_a.ko"), differs));
        mk_free(m->k);
    }
}

/* A thunk that was made at run time does for a call through a register. */
static void thunks(void **state)
{
    static const char *const made[] = { "\xff\xe0\xcc\xcc", "\xff\xe1\xcc\xcc",
                                        "\xff\xe0\x90\xcc" };

    (void)state;
    for (size_t i = 0; i < countof(made); i++) {
        struct mk_module *m = make();
        const uint64_t to = m->data + 0x800, from = m->code + MK_MODULE_RETPOLINE;

        mk_write(m->k, to, made[i], 4);
        mk_write_u32(m->k, from + 1, (uint32_t)(to - (from + 5)));
        assert_int_equal(strstr(rows(m, "mod_a.ko"), differs) != NULL, i > 0);
        mk_free(m->k);
    }
}

/* What is patched while the kernel runs, by its records; and only where the file has such a
 * place. */
static void live(void **state)
{
    (void)state;
    for (int elsewhere = 0; elsewhere <= 1; elsewhere++) {
        struct mk_module *m = make();
        const uint64_t at = m->code + (elsewhere ? MK_MODULE_PLAIN : MK_MODULE_FTRACE);
        const uint64_t to = m->text + 0x500; // ftrace_caller

        if (elsewhere) { // the place that the file has is as in the file
            mk_write(m->k, m->code, "\xe8", 1);
            mk_write_u32(m->k, m->code + 1, (uint32_t)(m->text - (m->code + 5)));
        }
        mk_put(m->k, m->record, "dyn_ftrace.ip", at);
        mk_put(m->k, m->record, "dyn_ftrace.flags", UINT64_C(1) << 31);
        mk_write(m->k, at, "\xe8", 1);
        mk_write_u32(m->k, at + 1, (uint32_t)(to - (at + 5)));
        assert_int_equal(strstr(rows(m, "mod_a.ko"), differs) != NULL, elsewhere);
        mk_free(m->k);
    }
    for (int on = 0; on <= 1; on++) { // a jump label
        struct mk_module *m = make();

        mk_put(m->k, m->static_key, "static_key.enabled.counter", (uint64_t)on);
        mk_write(m->k, m->code + MK_MODULE_JUMP, "\xe9\x03\0\0\0", 5);
        assert_int_equal(strstr(rows(m, "mod_a.ko"), differs) != NULL, !on);
        mk_free(m->k);
    }
    for (int other = 0; other <= 1; other++) { // a static call of its function
        struct mk_module *m = make();
        const uint64_t from = m->code + MK_MODULE_CALL, to = m->text + (other ? 0x600 : 0x100);

        mk_write_u32(m->k, from + 1, (uint32_t)(to - (from + 5)));
        assert_int_equal(strstr(rows(m, "mod_a.ko"), differs) != NULL, other);
        mk_free(m->k);
    }
}

/* AArch64: words at places of the module, and which are rows. */
static void aarch64(void **state)
{
    static const struct {
        uint32_t at, word;
        bool row;
    } cases[] = {
        { MK_MODULE_PLAIN, 0xaa0203e0, false },
        { MK_MODULE_PLAIN, 0xaa0303e0, true },
        { MK_MODULE_ALT, 0xaa0303e0, false }, // its replacement
        { MK_MODULE_ALT, 0xd503201f, true },
        { MK_MODULE_NOPS, 0xd503201f, false },
        { MK_MODULE_NOPS, 0xaa1e03ea, true }, // mov x10, x30
        { MK_MODULE_NOPS + 4, 0xaa1e03e9, true },
        { MK_MODULE_NEAR, 0x94000001, true },
        { MK_MODULE_PAGE, 0xb0000001, true },
        { MK_MODULE_JUMP, 0x14000002, true },       // the key says that it is a nop
        { MK_MODULE_VENEER + 4, 0x91000610, true }, // leads elsewhere
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        static struct mk_module m;
        const char *all;

        m = (struct mk_module){ .arm64 = true };
        mk_module(&m);
        mk_write_u32(m.k, m.code + cases[i].at, cases[i].word);
        all = rows(&m, "mod_a.ko");
        if (cases[i].row != (strstr(all, differs) != NULL))
            fail_msg("case %zu: %s", i, all);
        assert_int_equal(mk_row_notes("compared with files of 1 modules"), 1);
        mk_free(m.k);
    }
}

/* The record says where the call is: behind so many bytes of the file's nops; before the function
 * is a pointer. */
static void aarch64_ftrace(void **state)
{
    static const struct {
        unsigned ip;  // of the record, in .text
        bool pointer; // is at the beginning
        bool row;
    } cases[] = {
        { 0x04, false, false }, { 0x30, false, true }, { 0x0c, true, false }, { 0x04, true, true }
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        static struct mk_module m;
        uint64_t at, to;

        m = (struct mk_module){ .arm64 = true };
        mk_module(&m);
        at = m.code + cases[i].ip;
        to = m.text + 0x500; // ftrace_caller
        if (cases[i].ip != 4)
            mk_write_u32(m.k, m.code, 0xd503201f);
        if (cases[i].pointer)
            mk_write_ptr(m.k, m.code, m.data);
        mk_put(m.k, m.record, "dyn_ftrace.ip", at);
        mk_put(m.k, m.record, "dyn_ftrace.flags", UINT64_C(1) << 31);
        mk_write_u32(m.k, at, 0x94000000 | ((uint32_t)((to - at) >> 2) & 0x3ffffff));
        assert_int_equal(strstr(rows(&m, "mod_a.ko"), differs) != NULL, cases[i].row);
        mk_free(m.k);
    }
}

/* The row has what the file has. */
static void expected(void **state)
{
    struct mk_module *m = make();

    (void)state;
    mk_write(m->k, m->code + MK_MODULE_PLAIN, "\x31\xdb", 2);
    assert_string_equal(mk_columns(rows(m, "mod_a.ko"), EXPECTED, EXPECTED), "31c0");
    mk_free(m->k);
}

/* A file of another build, which memory does not have to be like. */
static void another(void **state)
{
    enum { NOTE = 4, MODINFO = 15, HEADERS = 0x100 };

    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct mk_module *m = make();
        uint8_t *note = m->file + HEADERS + 64 * NOTE;
        const uint8_t *info = m->file + HEADERS + 64 * MODINFO;
        const uint64_t mine = mk_alloc(m->k, 8);

        mk_write(m->k, m->code + MK_MODULE_PLAIN, "\x31\xdb", 2);
        if (kind == 0) // its build id
            m->file[eg_le64(note + 24) + 20] ^= 1;
        else
            memset(note, 0, 4); // it has none
        if (kind == 1) {        // its source's version
            mk_write(m->k, mine, "ABD", 4);
            mk_put(m->k, m->module, "module.srcversion", mine);
        }
        if (kind == 2) // its kernel: neither has a version of the source
            m->file[eg_le64(info + 24) + 26] ^= 1;
        if (kind == 4) // 6.10
            m->file[eg_le64(info + 24) + 27] = '0';
        assert_int_equal(strstr(rows(m, "mod_a.ko"), differs) != NULL, kind == 3);
        assert_int_equal(mk_row_notes(kind == 2 || kind == 4
                                          ? "mod_a.ko: it is of another kernel"
                                          : "mod_a.ko: it is of another build of this module"),
                         kind != 3);
        mk_free(m->k);
    }
}

static void packed(void **state)
{
    static uint8_t out[0x3000];

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct mk_module *m = make();
        const char *name = kind ? "mod_a.ko.zst" : "mod_a.ko.gz";
        z_stream z = {
            .next_in = m->file, .avail_in = (uInt)m->len, .next_out = out, .avail_out = sizeof out
        };
        size_t n;

        if (kind) {
            n = ZSTD_compress(out, sizeof out, m->file, m->len, 1);
        } else {
            assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
            assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
            n = z.total_out;
            deflateEnd(&z);
        }
        mk_write(m->k, m->code + MK_MODULE_PLAIN, "\x31\xdb", 2);
        write_bytes(name, out, n);
        assert_string_equal(hints(rows_of(m, name)), differs);
        write_bytes(name, out, n / 2);
        assert_string_equal(rows_of(m, name), "");
        assert_int_equal(mk_row_notes("mod_a was not compared"), 1);
        mk_free(m->k);
    }
}

/* What is unpacked may be much more than what is packed: the section headers are at its end. */
static void unpacked_large(void **state)
{
    enum { LARGE = 3 << 20, HEADERS = 0x100, BYTES = 0x800 };
    struct mk_module *m = make();
    uint8_t *large = calloc(1, LARGE), *out = malloc(LARGE);
    const uint64_t at = LARGE - BYTES;
    size_t n;

    (void)state;
    assert_true(large && out);
    memcpy(large, m->file, m->len);
    memcpy(large + at, m->file + HEADERS, BYTES);
    memcpy(large + 40, &at, sizeof at);
    n = ZSTD_compress(out, LARGE, large, LARGE, 1);
    mk_write(m->k, m->code + MK_MODULE_PLAIN, "\x31\xdb", 2);
    write_bytes("mod_a.ko.zst", out, n);
    assert_string_equal(hints(rows_of(m, "mod_a.ko.zst")), differs);
    z_stream z = { .next_in = large, .avail_in = LARGE, .next_out = out, .avail_out = LARGE };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    write_bytes("mod_a.ko.gz", out, z.total_out);
    assert_string_equal(hints(rows_of(m, "mod_a.ko.gz")), differs);
    free(large);
    free(out);
    mk_free(m->k);
}

/* Any byte of the headers and tables may be anything. */
static void damaged(void **state)
{
    struct mk_module *m = make();
    static const uint8_t values[] = { 0, 0x7f, 0xff };

    (void)state;
    for (size_t at = 0; at < 0xf00; at += 7) {
        const uint8_t was = m->file[at];

        m->file[at] = values[at % countof(values)];
        rows(m, "mod_a.ko");
        m->file[at] = was;
    }
    m->len /= 2;
    assert_string_equal(rows(m, "mod_a.ko"), "");
    assert_int_equal(mk_row_notes("mod_a was not compared"), 1);
    mk_free(m->k);
}

/* Without the list of its sections, and a folder that is none. */
static void nothing(void **state)
{
    struct mk_module *m = make();
    const char *args[] = { "modules=/nonexistent", NULL };

    (void)state;
    mk_put(m->k, m->module, "module.sect_attrs", 0);
    assert_string_equal(rows(m, "mod_a.ko"), "");
    assert_int_equal(mk_row_notes("no list of this module's sections"), 1);
    mk_rows_may_fail = true;
    mk_rows(m->k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "/nonexistent"));
    mk_rows_may_fail = false;
    mk_free(m->k);
}

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kernelcode.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(inner, sizeof inner, "%s/kernel", folder);
    snprintf(argument, sizeof argument, "modules=%s", folder);
    return mkdir(inner, 0700);
}

static int end(void **state)
{
    (void)state;
    return rmdir(inner) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_loaded),      cmocka_unit_test(places),
        cmocka_unit_test(calls),          cmocka_unit_test(thunks),
        cmocka_unit_test(live),           cmocka_unit_test(expected),
        cmocka_unit_test(another),        cmocka_unit_test(packed),
        cmocka_unit_test(unpacked_large), cmocka_unit_test(damaged),
        cmocka_unit_test(nothing),        cmocka_unit_test(aarch64),
        cmocka_unit_test(aarch64_ftrace),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
