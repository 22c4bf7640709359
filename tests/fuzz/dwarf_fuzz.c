/* dwarf_fuzz.c - any bytes as an ELF file: its sections, symbols and notes, its DWARF through
 * libdwarf, and as a module on top of what an equal file gave. */
#include "../../profiles/dwarf.h"
#include "../../profiles/elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libdwarf of 2021 loses its first error where it makes a second of it.
const char *__lsan_default_suppressions(void)
{
    return "leak:libdwarf.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_profile *p = NULL, *module = NULL;
    struct eg_error e;
    struct eg_elf f;

    if (eg_elf_open_bytes(&f, data, size, "fuzz", &e) < 0)
        return 0;
    if (eg_dwarf_read_elf(&p, &f, NULL, 2, &e) == 0 && f.relocatable)
        eg_dwarf_read_elf(&module, &f, p, 1, &e);
    eg_profile_free(module);
    eg_profile_free(p);
    eg_elf_close(&f);
    return 0;
}
