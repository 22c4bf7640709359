/* btf_fuzz.c - any bytes as BTF of either byte order, and once more on top of itself; then all that
 * is asked of types, and writing them as DWARF. */
#include "../../profiles/btf.h"
#include "../../profiles/dwarf_write.h"
#include <stdlib.h>

enum { TYPES = 300, MEMBERS = 30 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct eg_types *ts, const struct eg_model *m)
{
    const struct eg_layer *last = &ts->layers[ts->n_layers - 1];
    uint64_t iter = 0;

    for (uint32_t id = 0; id < last->end && id < TYPES; id++) {
        const uint32_t kind = eg_type(ts, eg_type_strip(ts, id), NULL)->kind;
        struct eg_member_at at;
        struct eg_slot slot;
        char text[200];

        if (kind == EG_T_TYPEDEF || kind > EG_T_VAR)
            abort();
        if (eg_type_declare(ts, id, "x", text, sizeof text) < strnlen(text, sizeof text))
            abort();
        eg_types_slot(ts, m, id, &slot);
        if (eg_type_size(ts, id, m) > UINT32_MAX)
            abort();
        eg_type_enumerator(ts, id, 1);
        eg_type_find(ts, id, "a.b", &at);
        for (uint32_t i = 0; i < MEMBERS && eg_type_member(ts, id, i, &at); i++)
            eg_types_member_slot(ts, m, id, &at, &slot);
    }
    for (int i = 0; i < MEMBERS && eg_types_named(ts, "s", "module", EG_NAMED, &iter); i++)
        ;
}

/* Of two layers; the first two functions and variables of each. */
static void write_dwarf(const struct eg_types *ts)
{
    struct eg_dwarf_object objects[2][2] = { 0 };
    struct eg_dwarf_unit units[2] = { { "kernel", 0x1000, 0x2000, objects[0], 0 },
                                      { "module", 0, 0, objects[1], 0 } };
    struct eg_dwarf_sections out;

    for (size_t l = 0; l < 2; l++)
        for (uint32_t id = ts->layers[l].first; id < ts->layers[l].end && units[l].n < 2; id++) {
            const struct eg_type *t = eg_type(ts, id, NULL);
            const bool function = t->kind == EG_T_VOID && t->name && t->ref;

            if (function || t->kind == EG_T_VAR)
                objects[l][units[l].n++] = (struct eg_dwarf_object){
                    .addr = 0x1000, .type = eg_type_ref(ts, id), .record = id, .function = function
                };
        }
    if (eg_dwarf_write(&out, ts, units, NULL) == 0)
        eg_dwarf_sections_fini(&out);
}

static void write_types(const uint8_t *data, size_t size, const struct eg_model *m)
{
    struct eg_profile *p, *module;
    struct eg_types ts;

    if (eg_btf_read_qualified(&p, data, size, *m, NULL, NULL, "fuzz", NULL) < 0)
        return;
    if (eg_types_init(&ts, p, NULL) == 0) {
        if (eg_btf_read_qualified(&module, data, size, *m, p, "module", "fuzz", NULL) == 0) {
            if (eg_types_add(&ts, module, NULL) == 0)
                write_dwarf(&ts);
            eg_profile_free(module);
        }
        eg_types_fini(&ts);
    }
    eg_profile_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int big = 0; big < 2; big++) {
        const struct eg_model m = { big ? 4 : 8, big ? 4 : 8, big };
        struct eg_profile *p, *module;
        struct eg_types ts;
        uint64_t total;
        uint32_t n;

        eg_btf_header(data, size, big, &total);
        eg_btf_valid(data, size, big, &n);
        if (eg_btf_read(&p, data, size, m, NULL, NULL, "fuzz", NULL) < 0)
            continue;
        if (eg_types_init(&ts, p, NULL) == 0) {
            ask(&ts, &m);
            if (eg_btf_read(&module, data, size, m, p, "module", "fuzz", NULL) == 0) {
                if (eg_types_add(&ts, module, NULL) == 0)
                    ask(&ts, &m);
                eg_profile_free(module);
            }
            eg_types_fini(&ts);
        }
        eg_profile_free(p);
        write_types(data, size, &m);
    }
    return 0;
}
