/* kmodule_find_test.c - files that may be of modules: those of which the page cache has pages. */
#include "../../../plugins/linux/mm/filemap.h"
#include "../../../plugins/linux/own/kmodule.h"
#include "check.h"
#include "mkcache.h"
#include <string.h>

static const struct mk_machine *x86_64(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

static int look(struct eg_run *r, void *context)
{
    struct linux_kmodule_files files;
    struct linux_kelf elf;
    struct eg_space *space;
    uint64_t size;

    (void)context;
    linux_kmodule_cached(r, &files);
    assert_int_equal(files.n, 3);
    assert_string_equal(files.at[0].name, "kvm_intel");
    assert_string_equal(files.at[0].path, "/kvm-intel.ko");
    assert_string_equal(files.at[1].name, "kvm_intel");
    assert_string_equal(files.at[1].path, "/kvm-intel.ko.xz");
    assert_string_equal(files.at[2].name, "nf_tables");
    assert_int_equal(linux_kmodule_first(&files, "kvm_intel"), 0);
    assert_int_equal(linux_kmodule_first(&files, "nf_tables"), 2);
    assert_int_equal(linux_kmodule_first(&files, "zram"), 3);
    // As long as the file is, of which all is there.
    space = linux_file_space(r, files.at[0].inode);
    assert_non_null(space);
    assert_true(linux_file_size(files.at[0].inode, &size));
    linux_kelf_open(r, space, size, &elf);
    assert_true(linux_kelf_read(r, &elf, 1 << 20));
    assert_int_equal(elf.len, 5000);
    assert_int_equal(elf.image[0], 'a');
    assert_int_equal(elf.image[4999], 'b');
    assert_false(linux_kelf_sections(r, &elf));
    linux_kelf_close(r, &elf);
    // The second page of this one is not there; the other is too large.
    space = linux_file_space(r, files.at[2].inode);
    linux_kelf_open(r, space, 5000, &elf);
    assert_false(linux_kelf_read(r, &elf, 1 << 20));
    linux_kelf_close(r, &elf);
    linux_kelf_open(r, space, 4096, &elf);
    assert_false(linux_kelf_read(r, &elf, 4095));
    linux_kelf_close(r, &elf);
    return 0;
}

static void cached(void **state)
{
    static const struct {
        const char *name, *pages;
    } files[] = {
        { "nf-tables.ko", "c" },   { "kvm-intel.ko.xz", "ab" }, { "kvm-intel.ko", "ab" },
        { "nothing.ko", "" },      { "notes.txt", "ab" },       { ".ko", "a" },
        { "kvm.ko.gz.part", "a" },
    };
    struct mk_cache w;

    (void)state;
    mk_cache_begin(&w, x86_64(), "ext4");
    for (size_t i = 0; i < countof(files); i++) {
        const uint64_t dentry = mk_cache_file(&w, 0, files[i].name, MK_REG, 5000);

        if (*files[i].pages)
            mk_cache_folio(&w, dentry, 0, (unsigned)strlen(files[i].pages), files[i].pages,
                           MK_FRESH);
    }
    mk_guest_rows(&w.g, "pslist", NULL); // the system is made
    assert_int_equal(eg_run_do(mk_run(w.k), look, NULL), 0);
    mk_cache_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(cached) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
