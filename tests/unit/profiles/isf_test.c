/* isf_test.c - symbol files as dwarf2json writes them, in any order and in pieces of any size; what
 * does not add up. */
#include "../../../core/reader.h"
#include "../../../profiles/isf.h"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char document[] =
    "{\"metadata\":{\"linux\":{\"types\":[{\"kind\":\"dwarf\",\"name\":\"vmlinux\"}]},"
    "\"producer\":{\"name\":\"dwarf2json\",\"version\":\"0.9.0\"},\"format\":\"6.2.0\"},"
    // before what it refers to
    "\"user_types\":{"
    "\"list_head\":{\"size\":16,\"fields\":{"
    "\"prev\":{\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":\"struct\",\"name\":\"list_"
    "head\"}},\"offset\":8},"
    "\"next\":{\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":\"struct\",\"name\":\"list_"
    "head\"}},\"offset\":0}},\"kind\":\"struct\"},"
    "\"unnamed_5ad3\":{\"kind\":\"union\",\"size\":8,\"fields\":{"
    "\"inside\":{\"offset\":0,\"type\":{\"kind\":\"base\",\"name\":\"long int\"}}}},"
    "\"task\":{\"kind\":\"struct\",\"size\":128,\"fields\":{"
    "\"comm\":{\"offset\":16,\"type\":{\"count\":16,\"kind\":\"array\",\"subtype\":{\"kind\":"
    "\"base\",\"name\":\"char\"}}},"
    "\"flag\":{\"offset\":4,\"type\":{\"bit_length\":3,\"bit_position\":5,\"kind\":\"bitfield\","
    "\"type\":{\"kind\":\"base\",\"name\":\"unsigned int\"}}},"
    "\"broken\":{\"offset\":8,\"type\":{\"bit_length\":3,\"bit_position\":-8,\"kind\":\"bitfield\","
    "\"type\":{\"kind\":\"base\",\"name\":\"unsigned int\"}}},"
    "\"unnamed_field_20\":{\"anonymous\":true,\"offset\":32,\"type\":{\"kind\":\"union\",\"name\":"
    "\"unnamed_5ad3\"}},"
    "\"run\":{\"offset\":48,\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":\"function\"}}},"
    "\"any\":{\"offset\":56,\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":\"base\",\"name\":"
    "\"void\"}}},"
    "\"tasks\":{\"offset\":64,\"type\":{\"kind\":\"struct\",\"name\":\"list_head\"}},"
    "\"mode\":{\"offset\":80,\"type\":{\"kind\":\"enum\",\"name\":\"mode\"}},"
    "\"never\":{\"offset\":88,\"type\":{\"kind\":\"pointer\",\"subtype\":{\"kind\":\"union\","
    "\"name\":\"never\"}}}}}},"
    "\"enums\":{\"mode\":{\"base\":\"int\",\"constants\":{\"OFF\":-1,\"ON\":1},\"size\":4}},"
    "\"base_types\":{"
    "\"pointer\":{\"endian\":\"little\",\"kind\":\"int\",\"signed\":false,\"size\":8},"
    "\"void\":{\"endian\":\"little\",\"kind\":\"void\",\"signed\":false,\"size\":0},"
    "\"char\":{\"endian\":\"little\",\"kind\":\"char\",\"signed\":true,\"size\":1},"
    "\"double\":{\"endian\":\"little\",\"kind\":\"float\",\"signed\":true,\"size\":8},"
    "\"_Bool\":{\"endian\":\"little\",\"kind\":\"bool\",\"signed\":false,\"size\":1},"
    "\"unsigned int\":{\"endian\":\"little\",\"kind\":\"int\",\"signed\":false,\"size\":4},"
    "\"long int\":{\"endian\":\"little\",\"kind\":\"int\",\"signed\":true,\"size\":8}},"
    "\"symbols\":{"
    "\"init_task\":{\"address\":18446744071585024128,\"type\":{\"kind\":\"struct\",\"name\":"
    "\"task\"}},"
    "\"linux_banner\":{\"constant_data\":\"TGludXg=\",\"address\":18446744071588020416,\"type\":{"
    "\"kind\":\"base\",\"name\":\"void\"}},"
    "\"nowhere\":{\"address\":0,\"type\":{\"kind\":\"base\",\"name\":\"void\"}}}}";

struct text {
    const char *p;
    size_t len, at, piece;
};

static long next(void *context, uint8_t *to, size_t room, struct eg_error *e)
{
    struct text *t = context;
    size_t n = EG_MIN(EG_MIN(t->piece, room), t->len - t->at);

    (void)e;
    memcpy(to, t->p + t->at, n);
    t->at += n;
    return (long)n;
}

static int read_(struct eg_profile **out, const char *p, size_t len, size_t piece,
                 struct eg_model *model, struct eg_error *e)
{
    struct text t = { p, len, 0, piece };
    const struct eg_isf_source from = { next, &t, "text" };

    return eg_isf_read(out, &from, model, e);
}

static void everything(void **state)
{
    static const struct {
        const char *path, *text;
        uint64_t bit_off;
        uint32_t bit_size;
    } want[] = {
        { "flag", "unsigned int flag", 37, 3 },  { "comm", "char comm[16]", 128, 0 },
        { "inside", "long int inside", 256, 0 }, { "run", "void (*run)(void)", 384, 0 },
        { "any", "void *any", 448, 0 },          { "tasks.prev", "struct list_head *prev", 576, 0 },
        { "mode", "enum mode mode", 640, 0 },    { "never", "union never *never", 704, 0 },
    };
    static const size_t pieces[] = { 1, 2, 3, 7, 64, 100000 };

    (void)state;
    for (size_t k = 0; k < countof(pieces); k++) {
        struct eg_model model = { 8, 8, false };
        const struct eg_symbol *s;
        struct eg_profile *p;
        struct eg_types ts;
        struct eg_error e;
        struct eg_member_at m;
        uint64_t iter = 0;
        uint32_t id, symbol = 0;

        if (read_(&p, document, strlen(document), pieces[k], &model, &e) != 0)
            fail_msg("%s", e.text);
        assert_int_equal(eg_types_init(&ts, p, &e), 0);
        id = eg_types_named(&ts, "task", NULL, EG_TAGGED, &iter);
        assert_int_equal(eg_type(&ts, id, NULL)->size, 128);
        for (size_t i = 0; i < countof(want); i++) {
            char text[128];

            if (!eg_type_find(&ts, id, want[i].path, &m))
                fail_msg("no %s", want[i].path);
            eg_type_declare(&ts, m.type, m.name, text, sizeof text);
            assert_string_equal(text, want[i].text);
            assert_int_equal(m.bit_off, want[i].bit_off);
            assert_int_equal(m.bit_size, want[i].bit_size);
        }
        assert_false(eg_type_find(&ts, id, "broken", &m)); // dwarf2json 0.8 and DWARF 5
        assert_true(eg_type_member(&ts, id, 0, &m));       // by their offsets
        assert_string_equal(m.name, "flag");
        iter = 0;
        id = eg_types_named(&ts, "mode", NULL, 1u << EG_T_ENUM, &iter);
        assert_string_equal(eg_type_enumerator(&ts, id, -1), "OFF");
        iter = 0;
        id = eg_types_named(&ts, "_Bool", NULL, 1u << EG_T_INT, &iter);
        assert_int_equal(eg_type(&ts, id, NULL)->flags, EG_TF_BOOL);
        iter = 0;
        assert_true(eg_types_named(&ts, "double", NULL, 1u << EG_T_FLOAT, &iter));
        s = eg_profile_symbol(p, "init_task", &symbol);
        assert_non_null(s);
        assert_true(s->addr == 18446744071585024128u);
        assert_int_equal(p->n_symbols, 2);
        assert_string_equal(p->banner, "Linux");
        iter = 0;
        assert_int_equal(eg_types_variable(&ts, "init_task"),
                         eg_types_named(&ts, "task", NULL, EG_TAGGED, &iter));
        assert_int_equal(eg_types_variable(&ts, "linux_banner"), 0); // void: not known
        assert_true(p->dwarf_symbols);
        eg_types_fini(&ts);
        eg_profile_free(p);
    }
}

static void cut(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(document); len++) {
        struct eg_model model = { 8, 8, false };
        struct eg_profile *p = NULL;
        struct eg_error e = { 0 };

        assert_int_equal(read_(&p, document, len, 50, &model, &e), -EG_EFORMAT);
        assert_true(!len || strstr(e.text, "cut off"));
        assert_null(p);
    }
}

static void other_machines(void **state)
{
    static const char big[] =
        "{\"base_types\":{\"int\":{\"endian\":\"big\",\"kind\":\"int\",\"signed\":true,\"size\":4},"
        "\"pointer\":{\"size\":4,\"signed\":false,\"kind\":\"int\",\"endian\":\"big\"}},"
        "\"user_types\":{\"s\":{\"kind\":\"struct\",\"size\":8,\"fields\":{\"b\":{\"offset\":4,"
        "\"type\":{\"kind\":\"bitfield\",\"bit_position\":3,\"bit_length\":5,\"type\":{\"kind\":"
        "\"base\",\"name\":\"int\"}}},\"p\":{\"offset\":0,\"type\":{\"kind\":\"pointer\","
        "\"subtype\":{\"kind\":\"base\",\"name\":\"int\"}}}}}}}";
    struct eg_model model = { 8, 8, false };
    struct eg_member_at m;
    struct eg_profile *p;
    struct eg_types ts;
    struct eg_error e;
    uint64_t iter = 0;
    uint32_t id;

    (void)state;
    assert_int_equal(read_(&p, big, strlen(big), 9, &model, &e), 1);
    assert_int_equal(model.ptr_size, 4);
    assert_true(model.big_endian);
    assert_int_equal(read_(&p, big, strlen(big), 9, &model, &e), 0);
    assert_int_equal(eg_types_init(&ts, p, &e), 0);
    id = eg_types_named(&ts, "s", NULL, EG_TAGGED, &iter);
    assert_true(eg_type_find(&ts, id, "b", &m));
    assert_int_equal(m.bit_off, 32 + 24); // from the highest bit
    assert_true(eg_type_find(&ts, id, "p", &m));
    assert_int_equal(eg_type_size(&ts, m.type, &model), 4);
    eg_types_fini(&ts);
    eg_profile_free(p);
}

/** "base" of a pointer: the base type that it is as large as. */
static void pointers_of_their_own_size(void **state)
{
#define TO_INT   "\"subtype\":{\"kind\":\"base\",\"name\":\"int\"}}}"
#define UNSIGNED "\"signed\":false,\"kind\":\"int\",\"endian\":\"little\"}"
    static const char text[] =
        "{\"user_types\":{\"s\":{\"kind\":\"struct\",\"size\":32,\"fields\":{"
        "\"all\":{\"offset\":0,\"type\":{\"kind\":\"pointer\"," TO_INT ","
        "\"same\":{\"offset\":8,\"type\":{\"kind\":\"pointer\",\"base\":\"pointer\"," TO_INT ","
        "\"narrow\":{\"offset\":16,\"type\":{\"kind\":\"pointer\",\"base\":\"pointer32\"," TO_INT
        ","
        "\"odd\":{\"offset\":24,\"type\":{\"kind\":\"pointer\",\"base\":\"nosuch\"," TO_INT "}}},"
        "\"base_types\":{"
        "\"int\":{\"endian\":\"little\",\"kind\":\"int\",\"signed\":true,\"size\":4},"
        "\"pointer\":{\"size\":8," UNSIGNED ",\"pointer32\":{\"size\":4," UNSIGNED "}}";
    static const struct {
        const char *name;
        uint64_t size;
    } want[] = { { "all", 8 }, { "same", 8 }, { "narrow", 4 }, { "odd", 8 } };
    struct eg_model model = { 8, 8, false };
    struct eg_profile *p;
    struct eg_types ts;
    struct eg_error e;
    uint64_t iter = 0;
    uint32_t id;

    (void)state;
    assert_int_equal(read_(&p, text, strlen(text), 50, &model, &e), 0);
    assert_int_equal(eg_types_init(&ts, p, &e), 0);
    id = eg_types_named(&ts, "s", NULL, EG_TAGGED, &iter);
    for (size_t i = 0; i < countof(want); i++) {
        struct eg_member_at m;
        struct eg_slot slot;

        assert_true(eg_type_find(&ts, id, want[i].name, &m));
        assert_int_equal(eg_type_size(&ts, m.type, &model), want[i].size);
        eg_types_slot(&ts, &model, m.type, &slot);
        assert_int_equal(slot.kind, want[i].size == 8 ? EG_K_PTR : EG_K_UINT);
        assert_int_equal(slot.size, want[i].size);
    }
    eg_types_fini(&ts);
    eg_profile_free(p);
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "7",
        "{\"user_types\":{}}",
        "{\"user_types\":7}",
        "{\"user_types\":{\"s\":{}}} x",
        "{\"user_types\":{\"s\":{\"size\":1}}",
        "{\"symbols\":{\"x\":{\"address\":1}}}", // no types
        "\xff\xfe{}",
    };
    char deep[4096];

    (void)state;
    for (size_t i = 0; i < countof(cases) + 2; i++) {
        struct eg_model model = { 8, 8, false };
        struct eg_profile *p = NULL;
        struct eg_error e = { 0 };
        const char *text = i < countof(cases) ? cases[i] : deep;

        memset(deep, i == countof(cases) ? '[' : '{', sizeof deep - 1);
        deep[sizeof deep - 1] = 0;
        if (i == countof(cases) + 1)
            for (size_t k = 0; k + 5 < sizeof deep; k += 5)
                memcpy(deep + k, "{\"a\":", 5);
        if (read_(&p, text, strlen(text), 10, &model, &e) != -EG_EFORMAT)
            fail_msg("case %zu: %s", i, e.text);
        assert_null(p);
    }
}

// Symbols of another system are no kernel's that is read here.
static void other_systems(void **state)
{
    static const struct {
        const char *key, *name;
    } cases[] = { { "windows", "Windows" }, { "mac", "macOS" } };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_model model = { 8, 8, false };
        struct eg_profile *p = NULL;
        struct eg_error e;
        char text[256];

        snprintf(
            text, sizeof text,
            "{\"metadata\":{\"%s\":{}},\"user_types\":{\"proc\":{\"size\":1,\"kind\":\"struct\","
            "\"fields\":{}}}}",
            cases[i].key);
        assert_int_equal(read_(&p, text, strlen(text), 10, &model, &e), -EG_EUNSUP);
        assert_non_null(strstr(e.text, cases[i].name));
        assert_null(p);
    }
}

// `{"base_types":{"int":{"size":4,"kind":"int","signed":true}}}` by xz.
static const uint8_t packed[] = {
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21,
    0x01, 0x0c, 0x00, 0x00, 0x00, 0x8f, 0x98, 0x41, 0x9c, 0xe0, 0x00, 0x3b, 0x00, 0x38, 0x5d,
    0x00, 0x3d, 0x88, 0x88, 0x46, 0x54, 0x6c, 0x05, 0x56, 0x16, 0x4b, 0x4c, 0xe7, 0x76, 0xac,
    0x32, 0xdc, 0xdb, 0xd1, 0xfa, 0xd3, 0x28, 0xe9, 0x39, 0x85, 0xb1, 0x9c, 0x0d, 0x4e, 0x28,
    0x4e, 0x5b, 0xbf, 0xe4, 0x9d, 0x25, 0x54, 0xd4, 0xb2, 0xd5, 0x33, 0x75, 0x87, 0x7d, 0xa6,
    0x9e, 0xb1, 0x2b, 0x5a, 0x4a, 0xfe, 0x23, 0x38, 0x47, 0x17, 0xf7, 0x00, 0x00, 0xc6, 0x12,
    0xf9, 0x1b, 0xa3, 0xb8, 0xd8, 0xdf, 0x00, 0x01, 0x54, 0x3c, 0xfc, 0x51, 0x3e, 0xd1, 0x1f,
    0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
};

static void files(void **state)
{
    char path[] = "/tmp/isf_test.XXXXXX.json.xz";
    struct eg_profile *p = NULL;
    struct eg_error e;
    uint32_t iter = 0;
    int fd = mkstemps(path, 8);

    (void)state;
    assert_true(fd >= 0 && write(fd, packed, sizeof packed) == sizeof packed);
    if (eg_profile_read(&p, path, 1, &e) < 0)
        fail_msg("%s", e.text);
    assert_true(eg_profile_type(p, "int", EG_NAMED, &iter));
    eg_profile_free(p);
    for (size_t len = sizeof packed - 1; len; len--) {
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything),
        cmocka_unit_test(cut),
        cmocka_unit_test(other_machines),
        cmocka_unit_test(other_systems),
        cmocka_unit_test(pointers_of_their_own_size),
        cmocka_unit_test(refused),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
