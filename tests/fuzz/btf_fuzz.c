/* btf_fuzz.c - any bytes as BTF of either byte order, and once more on top of itself; then all that
 * is asked of types. */
#include "../../profiles/btf.h"
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
    }
    return 0;
}
