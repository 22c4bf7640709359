/* elf_fuzz.c - any bytes as an ELF file, and as one that is mapped. */
#include "../../plugins/linux/mm/elf.h"
#include "mkimage.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct eg_run *r, const struct linux_elf *e)
{
    struct linux_elf_symbol *s, one;
    struct linux_elf_reloc rel;
    uint64_t offset, bytes, vaddr;
    size_t n = linux_elf_symbols(r, e, true, &s);

    for (size_t i = 0; i < n; i++)
        if (!s[i].name[0] || (i && s[i].value < s[i - 1].value))
            abort();
    if (n)
        linux_elf_symbol_of(s, n, s[n / 2].value);
    linux_elf_symbols(r, e, false, &s);
    linux_elf_symbol_at(r, e, 3, &one);
    linux_elf_section(r, e, ".gnu_debugdata", &offset, &bytes, &vaddr);
    n = 0;
    linux_elf_each_reloc(r, e, rel) if (++n > 3 << 20) abort();
}

static int open_both(struct eg_run *r, void *context)
{
    struct eg_space *s = context;
    struct linux_elf e;

    if (linux_elf_open(r, s, 0, true, &e))
        look(r, &e);
    if (linux_elf_open(r, s, 0, false, &e))
        look(r, &e);
    if (linux_elf_of_headers(r, s, 64, 4, true, false, &e))
        look(r, &e);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mk *k;
    struct eg_space *s;
    struct eg_run *r;

    if (!k)
        k = mk_new(&mk_machines[0], 1 << 20,
                   "struct list_head { struct list_head *next, *prev; };");
    if (!size || eg_memory_open(&s, data, size, NULL) < 0)
        return 0;
    r = mk_run(k);
    if (eg_run_do(r, open_both, s) != 0)
        abort();
    eg_view_forget(eg_view_of(r), s);
    eg_space_close(s);
    return 0;
}
