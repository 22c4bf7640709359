/* btf_module_test.c - the BTF of a module, on top of its kernel's. */
#include "../../../core/reader.h"
#include "../../../profiles/btf_file.h"
#include "btf_writer.h"
#include <elf.h>
#include <unistd.h>

static void module(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer *w = begin(big), *s = begin(big);
        struct eg_profile *base, *p;
        struct eg_member_at m;
        struct eg_types ts;
        uint64_t iter = 0;
        uint32_t id, in_base;

        integer(w, "int", 4, 1);        // 1
        type(w, CONST, "", 0, 1);       // 2
        type(w, STRUCT, "known", 1, 4); // 3
        in_base = str(w, "field");
        word(w, in_base);
        word(w, 1);
        word(w, 0);
        base = read_(w, NULL);

        s->base_strings = w->strings_len;
        s->strings_len = 0;            // a module's strings need not begin with an empty one
        type(s, STRUCT, "own", 2, 16); // 4
        word(s, in_base);
        word(s, 2);
        word(s, 0);
        member(s, "pointer", 5, 64);
        type(s, PTR, "", 0, 3); // 5
        p = read_(s, base);
        assert_int_equal(p->base_count, 4);
        assert_string_equal(p->module, "module");
        assert_int_equal(eg_types_init(&ts, base, NULL), 0);
        assert_int_equal(eg_types_add(&ts, p, NULL), 0);
        id = eg_types_named(&ts, "own", NULL, EG_TAGGED, &iter);
        assert_int_equal(id, 4);
        assert_true(eg_type_find(&ts, id, "field", &m) && m.type == 1);
        assert_true(eg_type_find(&ts, id, "pointer", &m) && m.bit_off == 64);
        declared(&ts, m.type, "struct known *x");
        eg_types_fini(&ts);
        eg_profile_free(p);
        eg_profile_free(base);
        free(s);
        free(w);
    }
}

/** A file of one's own in /tmp, of @n bytes. */
static void put_file(char *path, const void *bytes, size_t n)
{
    const int fd = mkstemp(path);

    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

/** A vmlinux with BTF and symbols but without DWARF: the names of its symbols come behind those of
 * its types, and a module's BTF counts on from the types' alone. */
static void module_of_a_file(void **state)
{
    static const char names[] = "\0.BTF\0.symtab\0.strtab\0";
    struct {
        Elf64_Ehdr head;
        Elf64_Shdr sections[4];
        Elf64_Sym symbols[2];
        char names[32];
        uint8_t btf[1024];
    } file = { .head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                         .e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_shoff = sizeof(Elf64_Ehdr),
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = 4,
                         .e_shstrndx = 3 } };
    char kernel[] = "/tmp/btf_test.XXXXXX", module_[] = "/tmp/btf_test.XXXXXX";
    struct writer *w = begin(false), *s = begin(false);
    struct eg_profile *base, *p;
    struct eg_error e;
    size_t len;
    uint32_t iter = 0;

    (void)state;
    integer(w, "int", 4, 1);
    len = bytes_of(w);
    assert_true(len <= sizeof file.btf);
    memcpy(file.btf, w->file, len);
    memcpy(file.names, names, sizeof names);
    file.sections[1] = (Elf64_Shdr){ .sh_name = 1,
                                     .sh_type = SHT_PROGBITS,
                                     .sh_offset = (size_t)((char *)file.btf - (char *)&file),
                                     .sh_size = len };
    file.sections[2] = (Elf64_Shdr){ .sh_name = 6,
                                     .sh_type = SHT_SYMTAB,
                                     .sh_offset = (size_t)((char *)file.symbols - (char *)&file),
                                     .sh_size = sizeof file.symbols,
                                     .sh_link = 3,
                                     .sh_entsize = sizeof(Elf64_Sym) };
    file.sections[3] = (Elf64_Shdr){ .sh_name = 14,
                                     .sh_type = SHT_STRTAB,
                                     .sh_offset = (size_t)(file.names - (char *)&file),
                                     .sh_size = sizeof file.names };
    file.symbols[1] = (Elf64_Sym){ .st_name = 2, .st_shndx = SHN_ABS, .st_value = 0x1000 };
    put_file(kernel, &file, sizeof file);
    if (eg_btf_file_read(&base, kernel, NULL, &e) < 0)
        fail_msg("%s", e.text);
    assert_non_null(eg_profile_symbol(base, "BTF", &iter));
    assert_true(base->n_strings > base->btf_strings);

    s->base_strings = w->strings_len;
    s->strings_len = 0;
    type(s, STRUCT, "own", 1, 4);
    member(s, "counter", 1, 0);
    put_file(module_, s->file, bytes_of(s));
    if (eg_btf_file_read(&p, module_, base, &e) < 0)
        fail_msg("%s", e.text);
    iter = 0;
    assert_int_equal(eg_profile_type(p, "own", EG_TAGGED, &iter), 2);
    assert_string_equal(p->strings + p->members[0].name, "counter");
    eg_profile_free(p);
    eg_profile_free(base);
    unlink(kernel);
    unlink(module_);
    free(s);
    free(w);
}

// All of its names are its kernel's; on top of another kernel they would be parts of names.
static void module_without_names(void **state)
{
    const struct eg_model model = { 8, 8, false };
    struct writer *w = begin(false), *s = begin(false), *other = begin(false);
    struct eg_profile *base, *p = NULL, *wrong;
    struct eg_error e = { 0 };
    uint32_t name;

    (void)state;
    integer(w, "int", 4, 1);
    name = str(w, "known");
    base = read_(w, NULL);
    integer(other, "integer", 4, 1);
    str(other, "well known");
    wrong = read_(other, NULL);
    s->strings_len = 0;
    word(s, name); // a typedef
    word(s, TYPEDEF << 24);
    word(s, 1);
    s->n = 1;
    p = read_(s, base);
    assert_string_equal(p->strings + p->types[0].name, "known");
    eg_profile_free(p);
    p = NULL;
    assert_int_equal(eg_btf_read(&p, s->file, bytes_of(s), model, wrong, "module", "test", &e),
                     -EG_EFORMAT);
    assert_int_equal(eg_btf_read(&p, s->file, bytes_of(s), model, NULL, NULL, "test", &e),
                     -EG_EFORMAT); // a kernel without names
    assert_null(p);
    s->types_len = 0; // cast_common of 7.3: a header alone
    p = read_(s, base);
    assert_int_equal(p->n_types, 0);
    eg_profile_free(p);
    eg_profile_free(wrong);
    eg_profile_free(base);
    free(other);
    free(s);
    free(w);
}

/** A module's names and types count on from its kernel's: alone they would be other ones. */
static void module_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const struct eg_model model = { 8, 8, i % 2 };
        struct writer *s = begin(i % 2);
        char path[] = "/tmp/btf_test.XXXXXX";
        struct eg_profile *p = NULL;
        struct eg_error e = { 0 };
        size_t len;

        s->base_strings = 100;
        s->strings_len = 0;
        type(s, i < 2 ? STRUCT : TYPEDEF, "own", i < 2, 4);
        if (i < 2)
            member(s, "counter", 1, 0);
        len = bytes_of(s);
        assert_int_equal(eg_btf_read(&p, s->file, len, model, NULL, NULL, "test", &e), -EG_EUSAGE);
        put_file(path, s->file, len);
        assert_int_equal(eg_profile_read(&p, path, 1, &e), -EG_EUSAGE);
        assert_non_null(strstr(e.text, "needs its kernel's"));
        unlink(path);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module),
        cmocka_unit_test(module_of_a_file),
        cmocka_unit_test(module_without_names),
        cmocka_unit_test(module_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
