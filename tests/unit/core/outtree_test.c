/* outtree_test.c - files below the folder of -o: what lies there already leads nowhere else. */
#include "../../../core/outtree.h"
#include "../../../core/run.h"
#include "check.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
    char top[64], dir[96], out[80]; // out: beside the folder of -o
    const char *path, *link;
    bool made, linked, folder;
};

static int work(struct eg_run *r, void *context)
{
    struct job *j = context;
    struct eg_outtree *t = eg_outtree_open(r, "-o", r->options->out_dir);
    int fd;

    if (!t)
        return r->status;
    fd = eg_outtree_create(t, j->path);
    j->made = fd >= 0 && write(fd, "new", 3) == 3;
    if (fd >= 0)
        close(fd);
    if (j->link)
        j->linked = eg_outtree_link(t, j->path, j->link);
    if (j->made) {
        fd = eg_outtree_folder(t, "made");
        j->folder = fd >= 0;
        close(fd);
    }
    return r->status;
}

static int run(struct job *j, bool replace)
{
    const struct eg_run_options options = { .out_dir = j->dir, .replace = replace };
    struct eg_run *r;
    struct eg_error e;
    int rc;

    j->made = j->linked = j->folder = false;
    assert_int_equal(eg_run_open(&r, NULL, &options, &e), 0);
    rc = eg_run_do(r, work, j);
    eg_run_close(r);
    return rc;
}

static bool is(const char *path, const char *bytes)
{
    char got[16] = "";
    FILE *f = fopen(path, "rb");

    if (!f)
        return false;
    fread(got, 1, sizeof got - 1, f);
    fclose(f);
    return !strcmp(got, bytes);
}

static void begin(struct job *j)
{
    FILE *f;

    *j = (struct job){ .top = "/tmp/engram-outtree-XXXXXX" };
    assert_non_null(mkdtemp(j->top));
    snprintf(j->dir, sizeof j->dir, "%s/o", j->top);
    snprintf(j->out, sizeof j->out, "%s/beside", j->top);
    assert_int_equal(mkdir(j->out, 0700), 0);
    assert_int_equal(mkdir(j->dir, 0700), 0);
    assert_int_equal(chdir(j->out), 0);
    f = fopen("kept", "wb");
    assert_non_null(f);
    fputs("old", f);
    fclose(f);
}

static void end(struct job *j)
{
    char text[128];

    assert_true(is("kept", "old")); // whatever happened
    assert_int_equal(access("evil", F_OK), -1);
    assert_int_equal(chdir("/"), 0);
    snprintf(text, sizeof text, "rm -rf %s", j->top);
    assert_int_equal(system(text), 0);
}

static void plain(void **state)
{
    struct job j;
    char path[128];

    (void)state;
    begin(&j);
    j.path = "files/a/b";
    j.link = "files/c/d";
    assert_int_equal(run(&j, false), 0);
    assert_true(j.made && j.linked && j.folder);
    snprintf(path, sizeof path, "%s/files/c/d", j.dir);
    assert_true(is(path, "new"));
    assert_int_equal(run(&j, false), -EG_EUSAGE); // it is there
    assert_false(j.made);
    assert_int_equal(run(&j, true), 0);
    end(&j);
}

/* A name that leads out is refused, should one ever come so far. */
static void bad_names(void **state)
{
    static const char *const paths[] = { "..",           "../evil", "files/../../evil", "",
                                         "files/..",     "/evil",   "files//evil",      "files/",
                                         "files/./evil", "." };
    struct job j;

    (void)state;
    for (size_t i = 0; i < countof(paths); i++) {
        begin(&j);
        j.path = paths[i];
        assert_int_not_equal(run(&j, true), 0);
        assert_false(j.made);
        end(&j);
    }
}

/* Symbolic links in the folder of -o are not followed, with --force neither. */
static void links(void **state)
{
    struct job j;
    char path[128];

    (void)state;
    begin(&j);
    snprintf(path, sizeof path, "%s/files", j.dir);
    assert_int_equal(symlink(j.out, path), 0);
    j.path = "files/kept";
    assert_int_equal(run(&j, true), -EG_EUSAGE);
    j.path = "files/evil";
    assert_int_equal(run(&j, true), -EG_EUSAGE);
    j.path = "good";
    j.link = "files/evil";
    assert_int_not_equal(run(&j, true), 0);
    assert_true(j.made && !j.linked);
    unlink(path);
    // Where the file itself would be: it is replaced, not what it leads to.
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/files/x", j.dir);
    assert_int_equal(symlink("../../beside/kept", path), 0);
    j.path = "files/x";
    j.link = NULL;
    assert_int_equal(run(&j, false), -EG_EUSAGE);
    assert_int_equal(run(&j, true), 0);
    assert_true(is(path, "new"));
    end(&j);
}

/* A file where a folder has to be, and the other way round. */
static void in_the_way(void **state)
{
    struct job j;

    (void)state;
    begin(&j);
    j.path = "files/a";
    assert_int_equal(run(&j, false), 0);
    j.path = "files/a/b";
    assert_int_equal(run(&j, true), -EG_EUSAGE);
    j.path = "files";
    assert_int_equal(run(&j, true), -EG_EUSAGE);
    end(&j);
}

static void no_folder(void **state)
{
    struct job j;

    (void)state;
    begin(&j);
    j.path = "x";
    snprintf(j.dir, sizeof j.dir, "%s/kept", j.out); // a file
    assert_int_equal(run(&j, true), -EG_EIO);
    end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),      cmocka_unit_test(bad_names), cmocka_unit_test(links),
        cmocka_unit_test(in_the_way), cmocka_unit_test(no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
