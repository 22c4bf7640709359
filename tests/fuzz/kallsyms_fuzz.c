/* kallsyms_fuzz.c - any bytes as memory that holds a symbol table: found by its shape; and at the
 * places that its first words say. */
#include "../../profiles/kallsyms.h"
#include <stdlib.h>

enum { PLACES = 8 }; // words at the start, for a table that no shape tells

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_table(struct eg_view *v, struct eg_kallsyms k)
{
    struct eg_profile *p;

    if (eg_kallsyms_read(&p, v, &k, 1, NULL) < 0)
        return;
    if (p->n_symbols != k.count)
        abort();
    for (uint32_t i = 0; i < p->n_symbols; i++) {
        const char *name = p->strings + p->symbols[i].name;
        uint32_t iter = 0;

        if (!*name || !eg_profile_symbol(p, name, &iter))
            abort();
    }
    eg_profile_symbol_at(p, p->symbols[0].addr);
    eg_profile_free(p);
}

static bool found(void *context, const struct eg_kallsyms *k)
{
    read_table(context, *k);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *as;

    if (!v || eg_memory_open(&as, data, size, NULL) < 0) {
        free(v);
        return 0;
    }
    eg_view_init(v, NULL);
    for (int big = 0; big < 2; big++) {
        eg_kallsyms_scan(v, as, 0, UINT64_MAX, big, found, v, NULL);
        if (size >= 4 * PLACES)
            read_table(v, (struct eg_kallsyms){ .space = as,
                                                .names = eg_le32(data),
                                                .num_syms = eg_le32(data + 4),
                                                .token_table = eg_le32(data + 8),
                                                .token_index = eg_le32(data + 12),
                                                .offsets = eg_le32(data + 16),
                                                .relative_base = eg_le32(data + 20),
                                                .form = data[24] % 5,
                                                .big_endian = big,
                                                .ptr_size = data[25] & 1 ? 4 : 8 });
    }
    eg_view_fini(v);
    eg_space_close(as);
    free(v);
    return 0;
}
