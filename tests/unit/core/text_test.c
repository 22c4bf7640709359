/* text_test.c - columns that only some options have, in the table for people. */
#include "check.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>

#define NUMBER(v)                                                                                  \
    {                                                                                              \
        .tag = EG_V_INT, .i = (v)                                                                  \
    }
#define TEXT(s)                                                                                    \
    {                                                                                              \
        .tag = EG_V_TEXT, .bytes = {(const uint8_t *)(s), sizeof(s) - 1 }                          \
    }
#define NONE                                                                                       \
    {                                                                                              \
        .tag = EG_V_NONE                                                                           \
    }

/** A column of an option is left out where no row has it; one that comes late is named. */
static void text_asked(void **state)
{
    static const struct eg_column asked[] = { { "N", EG_COL_INT, "" },
                                              { "NEVER", EG_COL_INT, "", EG_ASKED },
                                              { "LATE", EG_COL_TEXT, "", EG_ASKED | EG_LIST },
                                              { "HERE", EG_COL_TEXT, "", EG_ASKED },
                                              { NULL, EG_COL_INT, NULL } };
    const struct eg_value first[] = { NUMBER(1), NONE, NONE, TEXT("h") };
    const struct eg_value last[] = { NUMBER(2), NONE, TEXT("l"), NONE };
    const struct eg_renderer *r = eg_renderer_find("text");

    (void)state;
    for (int rows = 1; rows < 1000; rows += 500) {
        const struct eg_result_head h = { .plugin = "x", .columns = asked, .n_columns = 4 };
        void *s = calloc(1, r->state);
        const bool late = rows > 500;
        size_t len;
        char *out;
        FILE *f = open_memstream(&out, &len);

        r->head(s, f, &h);
        for (int i = 0; i < rows; i++)
            r->row(s, f, &h, 0, first);
        r->row(s, f, &h, 0, last);
        r->tail(s, f, &h, NULL, NULL);
        fclose(f);
        assert_memory_equal(out, late ? "N  HERE\n1  h\n" : "N  LATE  HERE\n1        h\n",
                            late ? 13 : 25);
        assert_true(late ==
                    (strstr(out, "when the table began: LATE (--columns shows it)\n") != NULL));
        assert_null(strstr(out, "NEVER"));
        free(out);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
