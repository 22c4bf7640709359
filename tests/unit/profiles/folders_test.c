/* folders_test.c - of all files in a profile folder the one of this kernel is used, told by what is
 * in it; another kernel's never is. */
#include "../../../profiles/isf.h"
#include "check.h"
#include "mkisf.h"
#include "mkkernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char other[] = "Linux version 6.1.0-other (x@y) (gcc) #1 SMP\n";

static void base64(FILE *f, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t n = strlen(text) + 1; n; n -= EG_MIN(n, (size_t)3), text += 3) {
        uint32_t v = (uint32_t)(uint8_t)text[0] << 16;

        v |= n > 1 ? (uint32_t)(uint8_t)text[1] << 8 : 0;
        v |= n > 2 ? (uint8_t)text[2] : 0;
        fprintf(f, "%c%c%c%c", digits[v >> 18], digits[v >> 12 & 63],
                n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=');
    }
}

/* ISF of the kernel's own types and symbols, with a banner or (NULL) without one. */
static void write_isf(const char *path, const struct eg_system *sys, const char *banner)
{
    char *text, *at;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    mk_isf(f, sys->types.layers[0].profile);
    fclose(f);
    assert_non_null(at = strstr(text, "\"symbols\":{"));
    at += strlen("\"symbols\":{");
    assert_non_null(f = fopen(path, "w"));
    fwrite(text, 1, (size_t)(at - text), f);
    if (banner) {
        fputs("\"linux_banner\":{\"type\":{\"kind\":\"array\",\"count\":99,\"subtype\":{\"kind\":"
              "\"base\",\"name\":\"char\"}},\"address\":0,\"constant_data\":\"",
              f);
        base64(f, banner);
        fputs("\"},", f);
    }
    fputs(at, f);
    fclose(f);
    free(text);
}

struct folder {
    char path[64];
};

static void folder_init(struct folder *d)
{
    strcpy(d->path, "/tmp/folders_test.XXXXXX");
    assert_non_null(mkdtemp(d->path));
}

static const char *in(const struct folder *d, const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", d->path, name);
    return path;
}

static void folder_fini(const struct folder *d)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", d->path);
    assert_int_equal(system(command), 0);
}

static struct eg_system *open_with(const struct mk_kernel *k, const struct folder *d)
{
    const char *const dirs[] = { d->path };
    const struct eg_find_options o = {
        .profile_dirs = dirs, .n_profile_dirs = 1, .threads = 2, .quiet = true
    };

    return mk_kernel_open(k, MK_RAM, 0, &o);
}

/* What the types are of; "": there are none. */
static const char *source(const struct eg_system *sys)
{
    const struct eg_profile *p = sys->types.n_layers ? sys->types.layers[0].profile : NULL;

    return p && p->n_types > 1 && !p->partial && p->source ? p->source : "";
}

static size_t notes_with(const struct eg_system *sys, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < sys->notes.n; i++)
        n += strstr(sys->notes.at[i], text) != NULL;
    return n;
}

static void banner_of(struct eg_system *sys, char out[256])
{
    uint64_t va;

    memset(out, 0, 256);
    assert_true(eg_system_symbol(sys, "linux_banner", &va));
    eg_read_some(sys->view, sys->kernel, va, out, 255, NULL);
}

static void by_banner(void **state)
{
    static const struct {
        const char *name;
        bool own; /* banner, or another kernel's */
        const char *pack;
        bool used;
    } cases[] = {
        { "linux-6.1.0-test.json", true, NULL, true },
        { "6.1.0-test/linux.json", true, NULL, true },
        { "a.json", true, NULL, true },
        { "deep/er/b.json", true, NULL, true },
        { "linux-6.1.0-test.json", false, NULL, false },
        { "a.json", false, NULL, false },
        { "a.txt", true, NULL, false },
        { "a.json", true, "gzip", true },
        { "linux-6.1.0-test.json", true, "xz", true },
    };
    struct eg_system *whole;
    char banner[256];
    struct mk_kernel k;

    (void)state;
    mk_kernel_init(&k, 4);
    whole = mk_kernel_open(&k, MK_RAM, 0, NULL);
    banner_of(whole, banner);
    assert_non_null(strstr(banner, "6.1.0-test"));
    mk_kernel_no_btf(&k);
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_system *sys;
        struct folder d;
        char command[256];

        folder_init(&d);
        mkdir(in(&d, "6.1.0-test"), 0700);
        mkdir(in(&d, "deep"), 0700);
        mkdir(in(&d, "deep/er"), 0700);
        write_isf(in(&d, "zz-6.1.0-test.json"), whole, NULL); // says nothing of itself
        write_isf(in(&d, "0.json"), whole, other);
        write_isf(in(&d, cases[i].name), whole, cases[i].own ? banner : other);
        snprintf(command, sizeof command, "%s %s", cases[i].pack ? cases[i].pack : "true",
                 in(&d, cases[i].name));
        if (system(command) == 0) { // or that tool is not here
            sys = open_with(&k, &d);
            if ((strstr(source(sys), cases[i].name) != NULL) != cases[i].used ||
                (*source(sys) != 0) != cases[i].used)
                fail_msg("case %zu: types of '%s'", i, source(sys));
            assert_true(sys->os != NULL);
            mk_kernel_close(sys);
        }
        folder_fini(&d);
    }
    mk_kernel_close(whole);
    mk_kernel_fini(&k);
}

/* Several files of this kernel: the first that gives its types is used; which were skipped is
 * said. */
static void first_that_helps(void **state)
{
    struct eg_system *whole, *sys;
    char banner[256];
    struct mk_kernel k;
    struct folder d;
    FILE *f;

    (void)state;
    mk_kernel_init(&k, 4);
    whole = mk_kernel_open(&k, MK_RAM, 0, NULL);
    banner_of(whole, banner);
    mk_kernel_no_btf(&k);
    folder_init(&d);
    for (int cut = 0; cut < 2; cut++) {
        assert_non_null(f = fopen(in(&d, cut ? "a-6.1.0-test.json" : "b-6.1.0-test.json"), "w"));
        fputs(
            "{\"base_types\":{\"int\":{\"size\":4,\"kind\":\"int\",\"signed\":true}},\"symbols\":{"
            "\"linux_banner\":{\"address\":0,\"constant_data\":\"",
            f);
        base64(f, banner);
        fputs(cut ? "\"}" : "\"}},\"user_types\":{},\"enums\":{}}", f);
        fclose(f);
    }
    sys = open_with(&k, &d); // none of them helps
    assert_string_equal(source(sys), "");
    assert_int_equal(notes_with(sys, "is used"), 0);
    mk_kernel_close(sys);
    write_isf(in(&d, "z-6.1.0-test.json"), whole, banner);
    sys = open_with(&k, &d);
    assert_non_null(strstr(source(sys), "z-6.1.0-test.json"));
    assert_int_equal(notes_with(sys, "a-6.1.0-test.json: cut off"), 1);
    assert_int_equal(notes_with(sys, "b-6.1.0-test.json: it is of this kernel, but has no types"),
                     1);
    assert_int_equal(notes_with(sys, "z-6.1.0-test.json is used"), 1);
    mk_kernel_close(sys);
    mk_kernel_close(whole);
    folder_fini(&d);
    mk_kernel_fini(&k);
}

/* A file that is named by the user and says that it is of another kernel is used, with a note. */
static void other_banner(void **state)
{
    struct eg_find_options o = { .threads = 2, .quiet = true };
    struct eg_system *whole, *sys;
    char banner[256];
    struct mk_kernel k;
    struct folder d;

    (void)state;
    mk_kernel_init(&k, 4);
    whole = mk_kernel_open(&k, MK_RAM, 0, NULL);
    banner_of(whole, banner);
    folder_init(&d);
    o.profile = in(&d, "given.json");
    for (int own = 0; own < 2; own++) {
        write_isf(o.profile, whole, own ? banner : other);
        sys = mk_kernel_open(&k, MK_RAM, 0, &o);
        assert_non_null(strstr(source(sys), "given.json"));
        assert_int_equal(notes_with(sys, "is of another kernel: \"Linux version 6.1.0-other"),
                         !own);
        mk_kernel_close(sys);
    }
    mk_kernel_close(whole);
    folder_fini(&d);
    mk_kernel_fini(&k);
}

/* The image's own types are there: no file is unpacked for what it has. */
static void own_types_first(void **state)
{
    struct eg_system *sys;
    struct mk_kernel k;
    struct folder d;
    FILE *f;

    (void)state;
    mk_kernel_init(&k, 4);
    folder_init(&d);
    assert_non_null(f = fopen(in(&d, "linux-6.1.0-test.json"), "w"));
    fputs("{ no JSON", f);
    fclose(f);
    sys = open_with(&k, &d);
    assert_non_null(strstr(source(sys), "BTF of the image"));
    assert_int_equal(notes_with(sys, "JSON"), 0);
    mk_kernel_close(sys);
    folder_fini(&d);
    mk_kernel_fini(&k);
}

/* Of files whose names say nothing not all are unpacked, and a note says so. */
static void many(void **state)
{
    struct eg_system *whole, *sys;
    char banner[256];
    struct mk_kernel k;
    struct folder d;

    (void)state;
    mk_kernel_init(&k, 4);
    whole = mk_kernel_open(&k, MK_RAM, 0, NULL);
    banner_of(whole, banner);
    mk_kernel_no_btf(&k);
    folder_init(&d);
    for (int i = 0; i < 70; i++) {
        char name[32];
        FILE *f;

        snprintf(name, sizeof name, "%02d.json", i);
        assert_non_null(f = fopen(in(&d, name), "w"));
        fputs(i % 2 ? "" : "{\"symbols\":{\"linux_banner\":{\"constant_data\":\"TGludXg=\"}}}", f);
        fclose(f);
    }
    sys = open_with(&k, &d);
    assert_string_equal(source(sys), "");
    assert_int_equal(notes_with(sys, "6 ISF files whose names do not contain 6.1.0-test"), 1);
    mk_kernel_close(sys);
    write_isf(in(&d, "v6.1.0.json"), whole, banner); // comes before them
    sys = open_with(&k, &d);
    assert_non_null(strstr(source(sys), "v6.1.0.json"));
    mk_kernel_close(sys);
    mk_kernel_close(whole);
    folder_fini(&d);
    mk_kernel_fini(&k);
}

/* Where kallsyms is lost, a System.map of the release that VMCOREINFO names; it has to fit. */
static void system_map(void **state)
{
    struct eg_system *whole, *sys;
    struct mk_kernel k;
    struct folder d;

    (void)state;
    mk_kernel_init(&k, 4);
    whole = mk_kernel_open(&k, MK_RAM, 0, NULL);
    mk_kernel_no_kallsyms(&k);
    for (int wrong = 0; wrong < 2; wrong++) {
        const struct eg_symbols *s = &whole->symbols.at[0];
        uint64_t va;
        FILE *f;

        folder_init(&d);
        assert_non_null(f = fopen(in(&d, "System.map-6.1.0-test"), "w"));
        for (uint32_t i = 0; i < s->profile->n_symbols; i++)
            fprintf(f, "%016llx T %s\n",
                    (unsigned long long)(s->profile->symbols[i].addr + s->shift -
                                         whole->chosen->kaslr + (wrong ? 0x3000u : 0)),
                    s->profile->strings + s->profile->symbols[i].name);
        fclose(f);
        sys = open_with(&k, &d);
        assert_non_null(sys->os);
        assert_int_equal(eg_system_symbol(sys, "modules", &va), !wrong);
        assert_int_equal(notes_with(sys, "is of another kernel"), wrong);
        mk_kernel_close(sys);
        folder_fini(&d);
    }
    mk_kernel_close(whole);
    mk_kernel_fini(&k);
}

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

static void banner_of_text(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: none */
    } cases[] = {
        { "{\"linux_banner\":{\"constant_data\":\"TGludXg=\"}}", "Linux" },
        { "\"linux_banner\" : { \"type\" : {\"constant_data\":\"QQ==\"}, \"constant_data\" : "
          "\"TGludXggdmVyc2lvbiAxCng=\" }",
          "Linux version 1" },
        { "\"linux_banner\",\"linux_banner\":{\"a\":\"\\\"}\",\"constant_data\":\"QUI=\"}", "AB" },
        { "\"linux_banner\":{\"address\":1},\"x\":{\"constant_data\":\"QUI=\"}", NULL },
        { "\"linux_banner\":{\"constant_data\":7}", NULL },
        { "\"linux_banner\":{\"constant_data\":\"\"}", NULL },
        { "\"linux_banner\":{\"constant_data\":\"!!!!\"}", NULL },
        { "\"linux_banner\":{\"constant_data\":\"TGlu", NULL },
        { "\"linux_banner\":{", NULL },
        { "\"linux_banner\"", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        for (size_t pad = 0; pad < 600000; pad += 199993)
            for (size_t piece = 1 + (pad ? 4000 : 0); piece < 300000; piece *= 7) {
                const size_t len = strlen(cases[i].text);
                char *all = malloc(pad + len + 1), out[64] = "";
                struct text t = { all, pad + len, 0, piece };
                const struct eg_isf_source from = { next, &t, "text" };
                bool found;

                memset(all, ' ', pad);
                memcpy(all + pad, cases[i].text, len + 1);
                found = eg_isf_banner_in(&from, out, sizeof out);
                if (found != (cases[i].want != NULL) || (found && strcmp(out, cases[i].want) != 0))
                    fail_msg("case %zu, behind %zu, in %zu: '%s'", i, pad, piece, out);
                free(all);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_that_helps),
        cmocka_unit_test(other_banner),
        cmocka_unit_test(by_banner),
        cmocka_unit_test(own_types_first),
        cmocka_unit_test(many),
        cmocka_unit_test(system_map),
        cmocka_unit_test(banner_of_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
