/* elfsyms.c - symbols, build id and module name of an ELF file. */
#include "elf_file.h"
#include <ctype.h>
#include <gelf.h>

static const Elf_Data *notes_of(Elf_Scn *s)
{
    GElf_Shdr h;

    return gelf_getshdr(s, &h) && h.sh_type == SHT_NOTE ? elf_getdata(s, NULL) : NULL;
}

bool eg_elf_build_id(const struct eg_elf *f, char *hex)
{
    for (Elf_Scn *s = NULL; (s = elf_nextscn(f->elf, s));) {
        const Elf_Data *d = notes_of(s);
        size_t at = 0, name, desc;
        GElf_Nhdr n;

        while (d && d->d_buf && (at = gelf_getnote((Elf_Data *)d, at, &n, &name, &desc)) > 0) {
            const uint8_t *id = (const uint8_t *)d->d_buf + desc;

            if (n.n_type != NT_GNU_BUILD_ID || n.n_namesz != 4 ||
                memcmp((const char *)d->d_buf + name, "GNU", 4) != 0 || n.n_descsz < 8 ||
                n.n_descsz > 31)
                continue;
            eg_hex(hex, id, n.n_descsz);
            return true;
        }
    }
    return false;
}

void eg_elf_module(struct eg_elf *f, char *name, size_t size)
{
    const char *file = strrchr(f->path, '/');
    const uint8_t *info;
    uint64_t len;
    size_t n = 0;

    *name = 0;
    if (!f->relocatable)
        return;
    if (eg_elf_section(f, ".modinfo", &info, &len, NULL) == 0)
        for (uint64_t at = 0; at < len;) {
            const char *text = (const char *)info + at;
            size_t l = strnlen(text, len - at);

            if (l > 5 && l - 5 < size && !memcmp(text, "name=", 5)) {
                memcpy(name, text + 5, l - 5);
                name[l - 5] = 0;
                return;
            }
            at += l + 1;
        }
    for (file = file ? file + 1 : f->path; file[n] && file[n] != '.' && n + 1 < size; n++)
        name[n] = file[n] == '-' ? '_' : file[n]; // scripts/Makefile.lib: name-fix
    name[n] = 0;
}

// The letter that nm prints. A file of debug data has only the headers of most sections, so it is
// found from their names and flags.
static char letter(const struct eg_elf *f, const GElf_Sym *s)
{
    const unsigned bind = GELF_ST_BIND(s->st_info), type = GELF_ST_TYPE(s->st_info);
    size_t names;
    GElf_Shdr h;
    Elf_Scn *scn;
    const char *name;
    char c;

    if (bind == STB_WEAK)
        return type == STT_OBJECT ? 'V' : 'W';
    if (s->st_shndx == SHN_ABS)
        return bind == STB_LOCAL ? 'a' : 'A';
    scn = elf_getscn(f->elf, s->st_shndx);
    if (!scn || !gelf_getshdr(scn, &h) || elf_getshdrstrndx(f->elf, &names) != 0)
        return '?';
    name = elf_strptr(f->elf, names, h.sh_name);
    if (h.sh_flags & SHF_EXECINSTR)
        c = 't';
    else if (name && !strncmp(name, ".bss", 4))
        c = 'b';
    else
        c = h.sh_flags & SHF_WRITE ? 'd' : 'r';
    return bind == STB_LOCAL ? c : (char)toupper(c);
}

void eg_elf_symbols(const struct eg_elf *f, struct eg_builder *b)
{
    Elf_Scn *table = NULL;
    GElf_Shdr h, best = { 0 };
    Elf_Data *d;

    if (f->relocatable)
        return;
    for (Elf_Scn *s = NULL; (s = elf_nextscn(f->elf, s));)
        if (gelf_getshdr(s, &h) &&
            (h.sh_type == SHT_SYMTAB || (h.sh_type == SHT_DYNSYM && !table))) {
            table = s;
            best = h;
        }
    d = table && best.sh_entsize ? elf_getdata(table, NULL) : NULL;
    if (!d)
        return;
    eg_builder_expect(b, 0, 0, d->d_size / best.sh_entsize);
    for (size_t i = 1; i < d->d_size / best.sh_entsize; i++) {
        GElf_Sym s;
        const char *name;

        if (!gelf_getsym(d, (int)i, &s) || s.st_shndx == SHN_UNDEF ||
            GELF_ST_TYPE(s.st_info) == STT_FILE || GELF_ST_TYPE(s.st_info) == STT_SECTION)
            continue;
        name = elf_strptr(f->elf, best.sh_link, s.st_name);
        // "$x" and the like mark code and data for disassemblers (ELF for the Arm 64-bit
        // Architecture, 5.5.4).
        if (name && *name && *name != '$')
            eg_builder_symbol(b, eg_builder_name(b, name, strlen(name)), s.st_value,
                              (uint32_t)EG_MIN(s.st_size, (uint64_t)UINT32_MAX), letter(f, &s));
    }
}
