/* endless_test.c - page tables that lead in circles map far more than there is: each plugin that
 * goes through the memory of processes comes to an end, and says that it left some out. */
#include "check.h"
#include "mkimage.h"
#include "mkuser.h"
#include <stdlib.h>
#include <unistd.h>

enum { SECONDS = 100 }; // far more than it takes; without a limit it would be weeks

static const struct mk_machine *x86(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

/** The lower half of a process's table, all of @entry; 0: the table itself. */
static void fill(struct mk_user *u, uint64_t entry)
{
    uint64_t root;

    mk_guest_rows(&u->g, "pslist", NULL); // maps what was written
    root = mk_of(&u->g, u->mm, "mm_struct.pgd");
    if (!entry)
        entry = mk_entry(u->g.m, mk_physical(u->g.k, root), true);
    for (uint64_t i = 0; i < 256; i++) {
        uint8_t bytes[8];

        for (unsigned k = 0; k < 8; k++)
            bytes[k] = (uint8_t)(entry >> 8 * k);
        mk_write(u->g.k, root + 8 * i, bytes, 8);
    }
}

static struct mk_user endless(void)
{
    struct mk_user u = mk_user(x86(), 8);

    mk_guest_vma(&u.g, u.mm, 5000, UINT64_C(1) << 33, 3, 0);
    mk_guest_vma(&u.g, u.mm, UINT64_C(1) << 34, UINT64_C(1) << 33, 3,
                 mk_guest_file(&u.g, mk_guest_dentry(&u.g, u.g.top, "lib")));
    return u;
}

static void searches(void **state)
{
    static const char *const asked[][2] = {
        { "bash", NULL },    { "bash", "env" },     { "bash", "hash" },  { "envars", "now" },
        { "heap", NULL },    { "hollowing", NULL }, { "plthook", NULL }, { "library_list", NULL },
        { "maps", "smaps" }, { "malfind", NULL },
    };
    struct mk_user u = endless();

    (void)state;
    fill(&u, 0);
    for (size_t i = 0; i < countof(asked); i++) {
        alarm(SECONDS);
        mk_guest_rows(&u.g, asked[i][0], asked[i][1]);
        alarm(0);
        if (i < 5)
            assert_int_equal(mk_row_notes("its page tables map more than 4 times"), 1);
    }
    mk_free(u.g.k);
}

/* Each process of many has such tables: all of them together come to an end too. */
static void many(void **state)
{
    enum { PROCESSES = 200 };
    struct mk_user u = endless();

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        const uint64_t task = mk_guest_task(&u.g, 100 + i, "again", 0);

        mk_put(u.g.k, task, "task_struct.mm", u.mm);
    }
    fill(&u, 0);
    alarm(SECONDS);
    mk_guest_rows(&u.g, "keys", NULL);
    alarm(0);
    assert_int_equal(mk_row_notes("have gone through more than 128 times"), 1);
    mk_free(u.g.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
