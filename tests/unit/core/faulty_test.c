/* faulty_test.c - formats and readers that break their contract: an error, or memory that cannot be
 * read, and no crash. */
#include "../../../core/reader.h"
#include "config.h"
#include "mkdump.h"
#include "mkfile.h"
#include "mkimage.h"
#include <unistd.h>

/* ---- formats: the byte behind "WRONG" says how ---- */

enum { SIZE = 64 << 10, MADE = 4096 };

static void wrong_extent(struct eg_view *v, struct eg_space *as, uint64_t addr,
                         struct eg_extent *out)
{
    static const uint8_t host[16] = "host";
    struct eg_space *below = as->below;

    (void)v;
    *out = (struct eg_extent){ .start = addr & ~UINT64_C(4095), .last = addr | 4095 };
    if (addr < MADE)
        out->why = EG_ABSENT; // one page that is right
    else
        switch ((uintptr_t)as->priv) {
        case 'a':
            out->last = SIZE; // one past the end
            out->zero = true;
            break;
        case 'b':
            break; // no answer
        case 'c':
            out->host = host;
            out->why = EG_ABSENT;
            break;
        case 'd':
            out->below = below;
            out->below_addr = UINT64_MAX - 100;
            break;
        case 'e':
            out->below = as; // for ever
            out->below_addr = out->start;
            break;
        case 'f':
            out->start = addr + 1;
            out->zero = true;
            break;
        default:
            out->made = true;
        }
}
static bool wrong_fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes,
                       size_t len)
{
    (void)v, (void)start;
    memset(bytes, 7, len + ((uintptr_t)as->priv == 'g' && !EG_SANITIZED));
    return true;
}
static const struct eg_space_ops wrong_ops = { .name = "wrong",
                                               .extent = wrong_extent,
                                               .fill = wrong_fill },
                                 no_fill = { .name = "wrong", .extent = wrong_extent },
                                 no_extent = { .name = "wrong", .fill = wrong_fill };

static int wrong_probe(const struct eg_head *h)
{
    return h->len == 8 && !memcmp(h->at, "WRONG", 5) ? 1000 : -5; // counts as 100, and as 0
}
static int wrong_open(struct eg_space **out, struct eg_image *image, struct eg_space *as,
                      const struct eg_open_options *o, struct eg_error *e)
{
    uint8_t how[8] = { 0 };
    struct eg_space *made;

    (void)o, (void)e;
    eg_read(image->view, as, 0, how, sizeof how);
    switch (how[5]) {
    case '0':
        return 0; // no space
    case '1':
        return 7; // fails by no rule
    case '2':
        return -EG_EIO; // says nothing
    case '3':
        *out = as; // which the image owns
        return 0;
    }
    if (how[5] == '4' || how[5] == '5') { // cannot be closed either
        static struct eg_space broken;

        broken.ops = how[5] == '4' ? NULL : &no_extent;
        *out = &broken;
        return 0;
    }
    made = calloc(1, sizeof *made);
    assert_non_null(made);
    *made = (struct eg_space){ how[5] == 'h' ? &no_fill : &wrong_ops, as, SIZE - 1, NULL };
    made->priv = (void *)(uintptr_t)how[5];
    *out = made;
    return 0;
}
EG_FORMAT(wrong) = {
    .desc = "wrong",
    .head = 8,
    .probe = wrong_probe,
    .open = wrong_open,
};

static void make_wrong(int how)
{
    clear();
    append("WRONG", 5);
    put((uint64_t)how, 3);
}

static int setup_own(void **state)
{
    // The first synthetic machine registers what this program declares.
    mk_free(mk_new(&mk_machines[0], 1 << 20, "struct a { int b; };"));
    return setup(state);
}

static void wrong_opens(void **state)
{
    static const char *const wants[] = {
        "test: wrong: its format (", // 0
        "test: wrong: cannot be opened, and its format (",
        "test: wrong: cannot be opened, and its format (",
        ".open gives no space of its own",
        ".open gives no space of its own",
        ".open gives no space of its own",
    };

    (void)state;
    for (unsigned i = 0; i < countof(wants); i++) {
        struct eg_error e = { 0 };

        make_wrong('0' + (int)i);
        assert_true(open_dump(&e) < 0);
        if (!strstr(e.text, wants[i]) || !strstr(e.text, "faulty_test.c"))
            fail_msg("%u: %s", i, e.text);
    }
}

/** Memory for which a format gives an impossible extent is unreadable, and searches of it end. */
static void wrong_extents(void **state)
{
    (void)state;
    for (const char *how = EG_SANITIZED ? "abcdefh" : "abcdefgh"; *how; how++) {
        struct eg_extent x;

        make_wrong(*how);
        open_ok();
        assert_string_equal(img->format, "wrong");
        assert_int_equal(peek(0), -EG_ABSENT);
        assert_int_equal(peek(MADE), -EG_UNREADABLE);
        assert_int_equal(peek(SIZE - 1), -EG_UNREADABLE);
        assert_int_equal(peek(SIZE), -EG_ABSENT);
        if (*how < 'e') { // not those that only reading finds out
            assert_false(eg_next_mapped(view, img->phys, 0, UINT64_MAX, &x));
            assert_int_equal(view->why, EG_OK);
        }
    }
}

/** Whoever reads the result is told. */
static void wrong_is_noted(void **state)
{
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct a { int b; };");
    struct eg_run *r = mk_run(k);
    uint8_t byte;

    (void)state;
    for (const char *how = EG_SANITIZED ? "a" : "ag"; *how; how++) {
        make_wrong(*how);
        open_ok();
        assert_false(eg_read(eg_view_of(r), img->phys, MADE, &byte, 1));
        eg_view_forget(eg_view_of(r), img->phys);
    }
    assert_int_equal(mk_notes(r, "wrong: the format is faulty: it gives an impossible extent "
                                 "for 0x1000"),
                     1);
    assert_int_equal(mk_notes(r, "wrong: the format is faulty: asked for 4096 bytes at 0x1000, it "
                                 "wrote more"),
                     !EG_SANITIZED);
    mk_free(k);
}

/** The highest score is 100, whatever a probe says: two that say so are told to the user. */
static int sure(const struct eg_head *h)
{
    return h->len == 8 && !memcmp(h->at, "WRONG6", 6) ? 100 : 0;
}
EG_FORMAT(wrong_too) = { .desc = "wrong too", .head = 8, .probe = sure, .open = wrong_open };

static void scores(void **state)
{
    struct eg_error e = { 0 };

    (void)state;
    make_wrong('6');
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_string_equal(e.text, "test: could be wrong or wrong_too: name one with --format");
    assert_int_equal(open_as("wrong", &e), 0);
}

/* ---- readers ---- */

static int wrong_reader_probe(const uint8_t *head, size_t len, const char *path)
{
    (void)path;
    return len > 5 && !memcmp(head, "WRONG", 5) ? 300 : 0;
}
static int wrong_read(struct eg_profile **out, const char *path, unsigned threads,
                      struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *text = NULL;
    size_t len;

    (void)out, (void)threads;
    assert_int_equal(eg_reader_slurp(&text, &len, path, 100, e), 0);
    e->text[0] = 0;
    return text[5] == '0' ? 0 : text[5] == '1' ? 5 : -EG_EIO;
}
EG_READER(wrong) = { .desc = "wrong", .probe = wrong_reader_probe, .read = wrong_read };

static void wrong_readers(void **state)
{
    char path[] = "/tmp/engram-module-XXXXXX";
    struct eg_profile *p = NULL;
    struct eg_error e;

    (void)state;
    close(mkstemp(path));
    write_text(path, "WRONG0");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, ": wrong: its reader ("));
    assert_non_null(strstr(e.text, "is faulty: .read gives no profile"));
    write_text(path, "WRONG1");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    write_text(path, "WRONG2");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EIO);
    assert_null(p);
    write_text(path, "none of all");
    assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "BTF, Engram profile, ELF file with DWARF or BTF"));
    assert_non_null(strstr(e.text, ", System.map, "));
    assert_non_null(strstr(e.text, ", wrong"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_opens),    cmocka_unit_test(wrong_extents),
        cmocka_unit_test(wrong_is_noted), cmocka_unit_test(scores),
        cmocka_unit_test(wrong_readers),
    };

    return cmocka_run_group_tests(tests, setup_own, teardown);
}
