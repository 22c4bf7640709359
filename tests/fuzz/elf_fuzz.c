/* elf_fuzz.c - any bytes as an ELF file, as one that is mapped, and as one of which parts are
 * missing. */
#include "../../plugins/linux/user/sections.h"
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

struct input {
    struct eg_space *space;
    const uint8_t *data;
    size_t size;
};

/* The last byte says which eighths are missing. */
static void mend(struct eg_run *r, const struct input *in)
{
    const uint64_t step = in->size / 8 + 1;
    struct linux_content_part parts[8];
    struct linux_content c = { .size = in->size, .parts.at = parts };
    struct linux_sections out;
    uint64_t table;

    for (uint64_t at = 0; at < in->size; at += step)
        parts[c.parts.n] =
            (struct linux_content_part){ .first = at,
                                         .len = EG_MIN(step, in->size - at),
                                         .kind = in->data[in->size - 1] >> c.parts.n & 1
                                                     ? LINUX_CONTENT_MISSING
                                                     : LINUX_CONTENT_BYTES },
        c.parts.n++;
    linux_sections_whole(r, in->space, &c);
    if (!linux_sections_make(r, in->space, &c, &out))
        return;
    table = eg_load_(out.head + (out.head_len == 64 ? 40 : 32), out.head_len == 64 ? 8 : 4,
                     out.head[5] == 2);
    if (out.at < in->size || table < out.at || table - out.at > out.len || out.at % 8 ||
        !linux_content_has(&c, 0, out.head_len))
        abort();
}

static int open_both(struct eg_run *r, void *context)
{
    const struct input *in = context;
    struct eg_space *s = in->space;
    struct linux_elf e;

    mend(r, in);

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
    struct input in = { .data = data, .size = size };
    struct eg_space *s;
    struct eg_run *r;

    if (!k)
        k = mk_new(&mk_machines[0], 1 << 20,
                   "struct list_head { struct list_head *next, *prev; };");
    if (!size || eg_memory_open(&s, data, size, NULL) < 0)
        return 0;
    r = mk_run(k);
    in.space = s;
    if (eg_run_do(r, open_both, &in) != 0)
        abort();
    eg_view_forget(eg_view_of(r), s);
    eg_space_close(s);
    return 0;
}
