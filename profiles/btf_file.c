/* btf_file.c - BTF from files; and the reader of ELF files, which prefers DWARF. */
#include "btf_file.h"
#include "../core/reader.h"
#include "btf.h"
#include "dwarf.h"
#include "elf_file.h"
#include <elf.h>
#include <stdlib.h>

enum { BTF_MAGIC = 0xeb9f, FILE_MAX = 1 << 28 };

/** The bytes of a long, by the name that gcc or clang gives it; 0: there is none. */
static uint64_t size_of_long(const struct eg_profile *p)
{
    static const char *const names[] = { "long unsigned int", "unsigned long", "long int", "long" };

    for (size_t i = 0; i < countof(names); i++) {
        uint32_t iter = 0, id = eg_profile_type(p, names[i], 1u << EG_T_INT, &iter);

        if (id)
            return p->types[id].size;
    }
    return 0;
}

static int read_raw(struct eg_profile **out, const char *path, const struct eg_profile *base,
                    struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *bytes = NULL;
    struct eg_model model = { 8, 8, false };
    const char *file = strrchr(path, '/');
    size_t len;
    int rc = eg_reader_slurp(&bytes, &len, path, FILE_MAX, e);

    if (rc < 0)
        return rc;
    model.big_endian = len >= 2 && eg_be16(bytes) == BTF_MAGIC;
    file = file ? file + 1 : path;
    if (base)
        return eg_btf_read(out, bytes, len, base->model, base, file, path, e);
    rc = eg_btf_read(out, bytes, len, model, NULL, NULL, path, e);
    if (rc < 0 || size_of_long(*out) != 4)
        return rc;
    // BTF has no other evidence of the size of pointers.
    eg_profile_free(*out);
    model.ptr_size = model.long_size = 4;
    return eg_btf_read(out, bytes, len, model, NULL, NULL, path, e);
}

/** The same types, with symbols and a build id. */
static int add_symbols(struct eg_profile **p, const struct eg_elf *f, struct eg_error *e)
{
    const struct eg_profile *from = *p;
    struct eg_builder *b = eg_builder_new(f->model, f->path);
    char build_id[64];
    struct eg_type *types;
    struct eg_member *members;
    struct eg_profile *to;
    int rc;

    if (eg_elf_build_id(f, build_id))
        eg_builder_set_build_id(b, build_id);
    eg_builder_link_time(b);
    eg_builder_strings(b, from->strings, from->n_strings);
    types = eg_builder_types(b, from->n_types - 1);
    if (types)
        memcpy(types, from->types + 1, (from->n_types - 1) * sizeof *types);
    members = eg_builder_members(b, from->n_members);
    if (members)
        memcpy(members, from->members, from->n_members * sizeof *members);
    for (uint32_t i = 0; i < from->n_enumerators; i++)
        eg_builder_enumerator(b, from->enumerators[i].name, from->enumerators[i].value);
    eg_elf_symbols(f, b);
    rc = eg_builder_finish(b, &to, NULL, e);
    if (rc < 0)
        return rc;
    to->btf_strings = from->btf_strings; // the symbols' names came behind them
    eg_profile_free(*p);
    *p = to;
    return 0;
}

static int read_section(struct eg_profile **out, const char *path, const struct eg_profile *base,
                        struct eg_error *e)
{
    struct eg_profile *p = NULL;
    const uint8_t *bytes;
    char module[64];
    struct eg_elf f;
    uint64_t len;
    int rc = eg_elf_open(&f, path, e);

    if (rc < 0)
        return rc;
    eg_elf_module(&f, module, sizeof module);
    rc = eg_elf_section(&f, ".BTF", &bytes, &len, e);
    if (rc == 0 && !len && eg_elf_has(&f, ".debug_info.dwo"))
        rc = eg_fail(
            e, EG_EUSAGE,
            "%s: types that belong to another file, beside which it is found: give that one", path);
    if (rc == 0 && !len)
        rc = eg_fail(e, EG_ENOTFOUND,
                     "%s: no debug data: take the file of the -dbg or -debuginfo package", path);
    if (rc == 0 && f.relocatable && !base)
        rc = eg_fail(e, EG_EUSAGE, "%s: a module's BTF needs its kernel's: give that too", path);
    if (rc == 0)
        rc = eg_btf_read(&p, bytes, len, f.model, base, base ? module : NULL, path, e);
    if (rc == 0 && !base)
        rc = add_symbols(&p, &f, e);
    if (rc == 0)
        rc = eg_elf_check(&f, e);
    eg_elf_close(&f);
    if (rc == 0)
        *out = p;
    else
        eg_profile_free(p);
    return rc;
}

int eg_btf_file_read(struct eg_profile **out, const char *path, const struct eg_profile *base,
                     struct eg_error *e)
{
    struct eg_elf f;
    const bool elf = eg_elf_open(&f, path, NULL) == 0;

    eg_elf_close(&f);
    return elf ? read_section(out, path, base, e) : read_raw(out, path, base, e);
}

static int probe_raw(const uint8_t *head, size_t len, const char *path)
{
    uint64_t total;

    (void)path;
    return eg_btf_header(head, len, false, &total) || eg_btf_header(head, len, true, &total) ? 60
                                                                                             : 0;
}

static int read_raw_(struct eg_profile **out, const char *path, unsigned threads,
                     struct eg_error *e)
{
    (void)threads;
    return read_raw(out, path, NULL, e);
}

EG_READER(btf) = { .desc = "BTF", .probe = probe_raw, .read = read_raw_ };

static int probe_elf(const uint8_t *head, size_t len, const char *path)
{
    // A core is an image, not a source of types. e_type is at 16 in both classes.
    const bool big = len > EI_DATA && head[EI_DATA] == ELFDATA2MSB;

    (void)path;
    if (len < sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0)
        return 0;
    return (big ? eg_be16(head + 16) : eg_le16(head + 16)) == ET_CORE ? 0 : 60;
}

static int read_elf(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    struct eg_elf f;
    bool dwarf;
    int rc = eg_elf_open(&f, path, e);

    if (rc < 0)
        return rc;
    dwarf = eg_elf_has(&f, ".debug_info");
    eg_elf_close(&f);
    return dwarf ? eg_dwarf_read(out, path, threads, e) : read_section(out, path, NULL, e);
}

EG_READER(elf) = { .desc = "ELF file with DWARF or BTF: vmlinux with debug data",
                   .also = "dwarf vmlinux",
                   .probe = probe_elf,
                   .read = read_elf };
