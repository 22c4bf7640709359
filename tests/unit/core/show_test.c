/* show_test.c - types as text: every sort, holes and padding, nothing that moves a terminal, and an
 * end to what a hostile profile can make. */
#include "../../../core/show.h"
#include "check.h"
#include "mktypes.h"
#include <stdlib.h>

static const struct eg_model model = { 8, 8, false };

static char *shown(const struct eg_profile *p, const char *name, bool nested)
{
    struct eg_types ts;
    uint64_t iter = 0;
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    uint32_t id;

    assert_non_null(f);
    assert_int_equal(eg_types_init(&ts, p, NULL), 0);
    id = eg_types_named(&ts, name, NULL, EG_NAMED, &iter);
    assert_int_not_equal(id, 0);
    eg_show_type(f, &ts, &model, id, nested);
    fclose(f);
    eg_types_fini(&ts);
    return text;
}

static void every_sort(void **state)
{
    static const char declarations[] =
        "struct list { struct list *next, *prev; };"
        "enum colour { RED = -1, GREEN = 7 };"
        "typedef unsigned int word;"
        "typedef struct { int counter; } atomic;"
        "typedef struct list chain;"
        "struct all { char c; struct list l[2]; unsigned a : 3; unsigned b : 5;"
        " union { long x; struct { short y; }; }; void (*run)(void); char end; };";
    static const struct {
        const char *name, *text;
        bool nested;
    } want[] = {
        { "list",
          "struct list {\n"
          "    struct list *next;                          /*      0       8 */\n"
          "    struct list *prev;                          /*      8       8 */\n"
          "}; /* size: 16, members: 2 */\n",
          false },
        { "colour", "enum colour {\n    RED = -1,\n    GREEN = 7,\n}; /* size: 4, values: 2 */\n",
          false },
        { "word", "typedef unsigned int word;\nunsigned int; /* size: 4 */\n", false },
        { "atomic",
          "typedef struct {\n"
          "    int counter;                                /*      0       4 */\n"
          "} atomic; /* size: 4, members: 1 */\n",
          false },
        { "chain",
          "typedef struct list chain;\n"
          "struct list {\n"
          "    struct list *next;                          /*      0       8 */\n"
          "    struct list *prev;                          /*      8       8 */\n"
          "}; /* size: 16, members: 2 */\n",
          false },
        { "all",
          "struct all {\n"
          "    char c;                                     /*      0       1 */\n"
          "\n"
          "    /* 7 bytes hole */\n"
          "    struct list l[2];                           /*      8      32 */\n"
          "    unsigned int a : 3;                         /*     40: 0    4 */\n"
          "    unsigned int b : 5;                         /*     40: 3    4 */\n"
          "\n"
          "    /* 7 bytes hole */\n"
          "    union {\n"
          "        long int x;                             /*     48       8 */\n"
          "        struct {\n"
          "            short int y;                        /*     48       2 */\n"
          "        };                                      /*     48       2 */\n"
          "    };                                          /*     48       8 */\n"
          "    void (*run)(void);                          /*     56       8 */\n"
          "    char end;                                   /*     64       1 */\n"
          "\n"
          "    /* 7 bytes padding */\n"
          "}; /* size: 72, members: 7, holes: 2 (14 bytes, 0 bits) */\n",
          false },
        { "all",
          "struct all {\n"
          "    char c;                                     /*      0       1 */\n"
          "\n"
          "    /* 7 bytes hole */\n"
          "    struct list {\n"
          "        struct list *next;                      /*      8       8 */\n"
          "        struct list *prev;                      /*     16       8 */\n"
          "    } l[2];                                     /*      8      32 */\n",
          true },
    };
    struct eg_profile *p = mk_types(&model, declarations, NULL, NULL);

    (void)state;
    for (size_t i = 0; i < countof(want); i++) {
        char *text = shown(p, want[i].name, want[i].nested);

        if (want[i].nested)
            text[strlen(want[i].text)] = 0;
        assert_string_equal(text, want[i].text);
        free(text);
    }
    eg_profile_free(p);
}

// Names are bytes of a stranger's file.
static void harmless(void **state)
{
    static const char evil[] = "\x1b[2J\n";
    struct eg_builder *b = eg_builder_new(model, "test");
    const uint32_t name = eg_builder_name(b, evil, strlen(evil));
    struct eg_type t = { .kind = EG_T_STRUCT, .name = name, .size = 4, .count = 1 };
    struct eg_profile *p;
    char *text;

    (void)state;
    eg_builder_type(b, &t);
    eg_builder_type(b, &(struct eg_type){ .kind = EG_T_INT, .name = name, .size = 4 });
    eg_builder_member(b, name, 2, 0, 0);
    assert_int_equal(eg_builder_finish(b, &p, NULL, NULL), 0);
    text = shown(p, evil, true);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "\\x1b[2J\\x0a"));
    free(text);
    eg_profile_free(p);
}

// Each holds the next eight times, and nothing has a size: 8^40 lines.
static void an_end(void **state)
{
    struct eg_builder *b = eg_builder_new(model, "test");
    struct eg_profile *p;
    char *text;

    (void)state;
    for (uint32_t i = 1; i <= 40; i++) {
        char name[8];
        int n = snprintf(name, sizeof name, "s%u", i);
        struct eg_type t = { .kind = EG_T_STRUCT,
                             .name = eg_builder_name(b, name, (size_t)n),
                             .first = eg_builder_member_count(b),
                             .count = 8 };

        eg_builder_type(b, &t);
        for (int k = 0; k < 8; k++)
            eg_builder_member(b, t.name, i < 40 ? i + 1 : 0, 0, 0);
    }
    assert_int_equal(eg_builder_finish(b, &p, NULL, NULL), 0);
    text = shown(p, "s1", true);
    assert_true(strlen(text) < 100 << 20);
    assert_non_null(strstr(text, "too long to be shown"));
    free(text);
    eg_profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sort),
        cmocka_unit_test(harmless),
        cmocka_unit_test(an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
