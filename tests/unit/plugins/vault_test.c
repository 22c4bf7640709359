/* vault_test.c - keys are kept once, what is proven comes first, and files stay in their folder. */
#include "../../../core/outtree.h"
#include "../../../core/run.h"
#include "../../../plugins/keys/own.h"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct job {
    char dir[48], text[512];
    void (*work)(struct eg_vault *v, struct job *j);
};

static int work(struct eg_run *r, void *context)
{
    struct job *j = context;
    struct eg_vault v = { .r = r, .exports = true, .own = eg_vault_open(r) };

    j->work(&v, j);
    return r->status;
}

static int run(struct job *j)
{
    static const struct eg_run_options options = { .quiet = true };
    struct eg_run *r;
    struct eg_error e;
    int rc;

    assert_int_equal(eg_run_open(&r, NULL, &options, &e), 0);
    rc = eg_run_do(r, work, j);
    eg_run_close(r);
    return rc;
}

static struct eg_vault_key of(const char *secret, const char *proof)
{
    return (struct eg_vault_key){ "kind", "name", .secret = secret, .len = strlen(secret),
                                  .proof = proof };
}

static struct job *shown_in;

static void show(struct eg_vault *v, const struct eg_vault_key *k)
{
    char *text = shown_in->text;

    (void)v;
    snprintf(text + strlen(text), sizeof shown_in->text - strlen(text), "%.*s %s\n", (int)k->len,
             (const char *)k->secret, k->proof ? k->proof : "-");
}

static void keep(struct eg_vault *v, struct job *j)
{
    struct eg_vault_key k = of("candidate-of-one", NULL);
    static char large[EG_SECRET_MAX + 1];

    assert_true(eg_vault_add(v, &k));
    assert_false(eg_vault_add(v, &k)); // once
    k.at = 0x1000;
    assert_true(eg_vault_add(v, &k)); // at another place
    k = of("proven-secret-of-two", "computed");
    assert_true(eg_vault_add(v, &k));
    k.kind = "other";
    assert_true(eg_vault_add(v, &k)); // of another kind
    k = of("", "computed");
    assert_false(eg_vault_add(v, &k)); // no secret
    k.secret = large;
    k.len = sizeof large;
    assert_false(eg_vault_add(v, &k));
    k.len = EG_SECRET_MAX;
    k.proof = NULL;
    k.name = "zeros";

    assert_true(eg_vault_knows(v, "candidate-of-one", 16));
    assert_false(eg_vault_knows(v, "idate-of", 8));
    assert_true(eg_vault_knows_part(v, "candidate-of-one", 16));
    assert_true(eg_vault_knows_part(v, "idate-of", 8));  // in it, at 4
    assert_false(eg_vault_knows_part(v, "andidate", 8)); // in it, at 1
    assert_false(eg_vault_knows_part(v, "idate-ofX", 9));
    assert_false(eg_vault_knows_part(v, "candidate-of-one-and-more", 25));
    assert_false(eg_vault_knows_part(v, "cand", 4));
    shown_in = j;
    eg_vault_each(v, show);
}

static void once(void **state)
{
    struct job j = { .work = keep };

    (void)state;
    assert_int_equal(run(&j), 0);
    assert_string_equal(j.text, "proven-secret-of-two computed\n"
                                "proven-secret-of-two computed\n"
                                "candidate-of-one -\n"
                                "candidate-of-one -\n");
}

/* One secret at very many places takes no longer than many secrets; a candidate leaves room for
 * what is proven, files are found by their names. */
static void add_many(struct eg_vault *v, struct job *j)
{
    struct eg_vault_key k = of("one-secret", NULL);
    char path[32];

    for (k.at = 1; k.at <= 1 << 17; k.at++)
        assert_true(eg_vault_add(v, &k));
    assert_false(eg_vault_add(v, &k)); // a candidate too many
    k.proof = "computed";
    assert_true(eg_vault_add(v, &k));
    assert_true(eg_vault_knows(v, "one-secret", 10));
    for (unsigned i = 0; i < 1 << 17; i++) {
        snprintf(path, sizeof path, "many/%u", i);
        eg_vault_text(v, path, "a", NULL);
    }
    assert_true(eg_vault_has_file(v, "many/131071"));
    assert_false(eg_vault_has_file(v, "many/131072"));
    (void)j;
}

static void many(void **state)
{
    struct job j = { .work = add_many };
    const clock_t begun = clock();

    (void)state;
    assert_int_equal(run(&j), 0);
    assert_true((clock() - begun) / CLOCKS_PER_SEC < 15);
}

/* What is spent on one sort of proofs is bounded, and leaves the others theirs. */
static void work_much(struct eg_vault *v, struct job *j)
{
    (void)j;
    for (unsigned i = 0; i < 60; i++) {
        assert_true(eg_vault_may(v, EG_WORK_TLS));
        eg_vault_worked(v, EG_WORK_TLS, 1000000);
    }
    assert_false(eg_vault_may(v, EG_WORK_TLS));
    assert_false(eg_vault_may(v, EG_WORK_TLS));
    assert_true(eg_vault_may(v, EG_WORK_SSH));
}

static void work_ends(void **state)
{
    struct job j = { .work = work_much };

    (void)state;
    assert_int_equal(run(&j), 0);
}

static void add_files(struct eg_vault *v, struct job *j)
{
    eg_vault_text(v, "tls/keylog.txt", "one\n", "of Wireshark");
    eg_vault_text(v, "../../evil", "x", NULL);
    eg_vault_text(v, "/etc/evil", "y", "a \"name\"");
    eg_vault_text(v, "tls/keylog.txt", "two\n", "not said twice");
    eg_vault_text(v, "tls", "a file where a folder is", NULL);
    v->tree = eg_outtree_open_private(v->r, "--export", j->dir);
    if (v->tree)
        eg_vault_export(v, j->dir);
}

static const char *content(const char *dir, const char *path)
{
    static char text[512];
    struct stat st;
    FILE *f;

    snprintf(text, sizeof text, "%s/%s", dir, path);
    if (stat(text, &st) < 0)
        return "none";
    assert_int_equal(st.st_mode & 07777, 0600);
    f = fopen(text, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static void files(void **state)
{
    struct job j = { .dir = "/tmp/engram-vault-XXXXXX", .work = add_files };
    char command[64];
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(j.dir));
    assert_int_equal(run(&j), 0);
    assert_string_equal(content(j.dir, "keys/tls/keylog.txt"), "one\ntwo\n");
    assert_string_equal(content(j.dir, "keys/%2E%2E/%2E%2E/evil"), "x");
    assert_string_equal(content(j.dir, "keys/etc/evil"), "y");
    snprintf(command, sizeof command, "%s/keys/tls", j.dir);
    assert_int_equal(stat(command, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_string_equal(content(j.dir, "keys/tls~2"), "a file where a folder is");
    assert_non_null(strstr(content(j.dir, "manifest.jsonl"),
                           "{\"file\":\"keys/tls/keylog.txt\",\"size\":8,\"fingerprint\":\""));
    assert_non_null(strstr(content(j.dir, "manifest.jsonl"), "\"what\":\"a \\\"name\\\"\"}\n"));
    assert_int_equal(run(&j), -EG_EUSAGE); // what is there is not replaced
    snprintf(command, sizeof command, "rm -rf %s", j.dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once),
        cmocka_unit_test(many),
        cmocka_unit_test(work_ends),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
