/* store_test.c - what is stored is what is read; damage is an error or changes nothing, and never
 * more than that. */
#include "../../../core/reader.h"
#include "../../../profiles/store.h"
#include "check.h"
#include "mktypes.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct eg_model model = { 8, 8, false };
static char dir[64], path[128];
static struct eg_profile *kernel, *module;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/store_test.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/a.egp", dir);
    kernel = mk_types(&model,
                      "struct list { struct list *next, *prev; };"
                      "enum colour { RED, GREEN = 7 };"
                      "struct task { int pid : 5; char comm[16]; struct list tasks; "
                      "enum colour c; union { long a; char b; }; void (*run)(int); };",
                      NULL, NULL);
    kernel->build_id = strdup("00112233445566778899");
    kernel->dwarf_symbols = true;
    module = mk_types(&model, "struct own { struct task *t; int more; };", kernel, "ext9");
    return !kernel || !module;
}

static int teardown(void **state)
{
    (void)state;
    eg_profile_free(module);
    eg_profile_free(kernel);
    unlink(path);
    return rmdir(dir); // nothing else may be left in it
}

static void write_both(void)
{
    const struct eg_profile *both[] = { kernel, module };
    struct eg_error e;

    if (eg_store_write(path, true, both, 2, &e) < 0)
        fail_msg("%s", e.text);
}

static void same(const struct eg_profile *a, const struct eg_profile *b)
{
    assert_int_equal(a->n_types, b->n_types);
    assert_memory_equal(a->types, b->types, a->n_types * sizeof *a->types);
    assert_int_equal(a->n_members, b->n_members);
    assert_memory_equal(a->members, b->members, a->n_members * sizeof *a->members);
    assert_int_equal(a->n_enumerators, b->n_enumerators);
    if (a->n_enumerators)
        assert_memory_equal(a->enumerators, b->enumerators,
                            a->n_enumerators * sizeof *a->enumerators);
    assert_int_equal(a->n_strings, b->n_strings);
    assert_memory_equal(a->strings, b->strings, a->n_strings);
    assert_int_equal(a->n_type_hash, b->n_type_hash);
    assert_memory_equal(a->type_hash, b->type_hash, a->n_type_hash * sizeof *a->type_hash);
    assert_int_equal(a->n_symbols, b->n_symbols);
    assert_int_equal(a->base_count, b->base_count);
    assert_int_equal(a->dwarf_symbols, b->dwarf_symbols);
    assert_memory_equal(&a->model, &b->model, sizeof a->model);
}

static void round_trip(void **state)
{
    struct eg_profile *back[4];
    struct eg_error e;
    size_t n = countof(back);
    char hex[64];

    (void)state;
    write_both();
    if (eg_store_read(path, back, &n, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(n, 2);
    same(back[0], kernel);
    same(back[1], module);
    assert_null(back[0]->module);
    assert_string_equal(back[1]->module, "ext9");
    assert_string_equal(back[0]->build_id, "00112233445566778899");
    assert_null(back[1]->build_id);
    assert_true(eg_store_build_id(path, hex));
    assert_string_equal(hex, "00112233445566778899");
    eg_profile_free(back[1]);
    eg_profile_free(back[0]);
}

static void only_the_first(void **state)
{
    struct eg_profile *one;
    struct eg_error e;
    size_t n = 1;

    (void)state;
    write_both();
    assert_int_equal(eg_store_read(path, &one, &n, &e), 0);
    assert_int_equal(n, 2);
    eg_profile_free(one);
    assert_int_equal(eg_profile_read(&one, path, 1, &e), 0); // by its head
    same(one, kernel);
    eg_profile_free(one);
}

/** Files of the first version, in which variables had no records, are still read. */
static void first_version(void **state)
{
    char file[512];
    struct eg_profile *one;
    struct eg_error e;
    uint32_t iter = 0, pair;
    size_t n = 1;

    (void)state;
    snprintf(file, sizeof file, "%s/tests/lib/version1.egp", getenv("SOURCE_ROOT"));
    if (eg_store_read(file, &one, &n, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(n, 1);
    assert_string_equal(one->module, "x");
    pair = eg_profile_type(one, "pair", 1u << EG_T_STRUCT, &iter);
    assert_int_not_equal(pair, 0);
    assert_int_equal(one->types[pair - one->base_count].size, 8);
    eg_profile_free(one);
}

static uint8_t *bytes_of(size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p = malloc(1 << 20);

    assert_true(f && p);
    *len = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

// @return the status of reading all of it.
static int try(const uint8_t *p, size_t len)
{
    struct eg_profile *back[4];
    struct eg_error e;
    size_t n = countof(back);
    int rc = eg_store_read_bytes(p, len, "case", back, &n, &e);

    while (rc == 0 && n)
        eg_profile_free(back[--n]);
    return rc;
}

static void damage(void **state)
{
    size_t len;
    uint8_t *p, *copy;

    (void)state;
    write_both();
    p = bytes_of(&len);
    assert_int_equal(try(p, len), 0);
    for (size_t cut = 0; cut < len; cut++) { // a copy of its own, for the sanitizers
        copy = malloc(cut + 1);
        memcpy(copy, p, cut);
        assert_int_not_equal(try(copy, cut), 0);
        free(copy);
    }
    for (size_t at = 0; at < len; at++)
        for (int bit = 0; bit < 8; bit++) {
            p[at] ^= (uint8_t)(1 << bit);
            // The head has a hash; frames have none, and some of their bits mean nothing.
            if (try(p, len) == 0 && at < 24 + 2 * 72)
                fail_msg("bit %d of byte %zu changes nothing", bit, at);
            p[at] ^= (uint8_t)(1 << bit);
        }
    free(p);
}

// Numbers in the head that do not add up, with the hash made right again.
static void lies(void **state)
{
    static const struct {
        uint16_t at;
        uint8_t len;
        uint64_t value;
    } cases[] = {
        { 8, 4, 3 },                  // version
        { 8, 4, 0 },                  //
        { 12, 4, 0 },                 // no profile
        { 12, 4, 3 },                 // more than there are
        { 12, 4, UINT32_MAX },        //
        { 16, 4, UINT32_MAX },        // head
        { 24, 8, UINT64_MAX },        // frame
        { 32, 8, UINT64_MAX },        // its bytes
        { 40, 8, UINT64_MAX },        // block
        { 48, 4, UINT32_MAX },        // types
        { 64, 4, 3 },                 // slots of an index
        { 72, 4, 0 },                 // strings
        { 80, 1, 3 },                 // pointers
        { 84, 4, UINT32_MAX },        // module's name
        { 88, 4, 1 << 20 },           // build id
        { 24 + 72 + 52, 4, 1 },       // base of the module
        { 24 + 72 + 52, 4, 1 << 30 }, //
    };
    size_t len;
    uint8_t *p, *copy;

    (void)state;
    write_both();
    p = bytes_of(&len);
    copy = malloc(len);
    for (size_t i = 0; i < countof(cases); i++) {
        uint32_t head, hash;

        memcpy(copy, p, len);
        for (unsigned k = 0; k < cases[i].len; k++)
            copy[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
        head = eg_le32(copy + 16);
        hash = eg_hash(copy + 24, head > 24 && head <= len ? head - 24 : 0);
        for (unsigned k = 0; k < 4; k++)
            copy[20 + k] = (uint8_t)(hash >> 8 * k);
        if (try(copy, len) == 0)
            fail_msg("case %zu is believed", i);
    }
    free(copy);
    free(p);
}

static void strings_without_an_end(void **state)
{
    struct eg_profile torn = *kernel;
    const struct eg_profile *one[] = { &torn };
    char *strings = malloc(kernel->n_strings);
    size_t len;
    uint8_t *p;

    (void)state;
    for (int end = 0; end < 2; end++) {
        memcpy(strings, kernel->strings, kernel->n_strings);
        strings[end ? kernel->n_strings - 1 : 0] = 'x';
        torn.strings = strings;
        assert_int_equal(eg_store_write(path, true, one, 1, NULL), 0);
        p = bytes_of(&len);
        assert_int_equal(try(p, len), -EG_EFORMAT);
        free(p);
    }
    free(strings);
}

static void cannot_write(void **state)
{
    const struct eg_profile *one[] = { kernel };
    struct eg_error e;
    char nowhere[160];

    (void)state;
    snprintf(nowhere, sizeof nowhere, "%s/none/a.egp", dir);
    assert_int_equal(eg_store_write(nowhere, true, one, 1, &e), -EG_EIO);
    assert_int_equal(eg_store_write(dir, true, one, 1, &e), -EG_EUSAGE); // a folder
    snprintf(nowhere, sizeof nowhere, "%s/fifo", dir);
    assert_int_equal(mkfifo(nowhere, 0600), 0);
    assert_int_equal(eg_store_write(nowhere, true, one, 1, &e), -EG_EUSAGE);
    assert_int_equal(unlink(nowhere), 0);
    assert_int_equal(eg_store_write(path, true, one, 0, &e), -EG_EUSAGE);
    write_both();
    assert_int_equal(eg_store_write(path, false, one, 1, &e), -EG_EUSAGE); // it is there
    assert_string_equal(strstr(e.text, ": "), ": already exists: --force replaces it");
    assert_false(eg_store_build_id("/dev/null", nowhere));
    assert_false(eg_store_build_id("/proc/self/exe", nowhere));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),    cmocka_unit_test(only_the_first),
        cmocka_unit_test(first_version), cmocka_unit_test(damage),
        cmocka_unit_test(lies),          cmocka_unit_test(strings_without_an_end),
        cmocka_unit_test(cannot_write),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
