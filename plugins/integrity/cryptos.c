/* cryptos - algorithms of the kernel's crypto API, as /proc/crypto has them (crypto/proc.c). */
#include "../../core/profile.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/crypto.h"
#include "../linux/kernel/fnmembers.h"
#include "../linux/kernel/module.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(alg_refcount, crypto_alg, "cra_refcnt.refs.counter|cra_refcnt.counter");
EG_FIELD_AS(alg_module, crypto_alg, "cra_module");
EG_FIELD_AS(owner_name, module, "name");
EG_SYMBOL(crypto_alg_list, "list_head");

#define COLUMNS(C)                                                                                 \
    C(NAME, TEXT, "what it computes: \"cbc(aes)\"")                                                \
    C(DRIVER, TEXT, "which implementation: \"cbc-aes-aesni\"")                                     \
    C(KIND, TEXT, "skcipher, shash, aead and others; by the kernel's symbol of it")                \
    C(PRIORITY, INT, "of implementations the highest is used first")                               \
    C(REFERENCES, INT, "how many users it has, by its own count")                                  \
    C(MODULE, TEXT, "whose it is, as it says itself: \"kernel\", or a module")                     \
    C(OFFSET, ADDR, "where the struct crypto_alg is", EG_MINOR)                                    \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { ALGS_MAX = 1 << 14, NAME_LEN = 128 };

/* The struct around a crypto_alg, by the symbol of its type; @base: the member that it is. */
static const struct {
    const char *symbol, *kind, *type, *base;
} kinds[] = {
    { "crypto_skcipher_type", "skcipher", "skcipher_alg", "base" },
    { "crypto_lskcipher_type", "lskcipher", "lskcipher_alg", "co.base" },
    { "crypto_aead_type", "aead", "aead_alg", "base" },
    { "crypto_shash_type", "shash", "shash_alg", "base" },
    { "crypto_ahash_type", "ahash", "ahash_alg", "halg.base" },
    { "crypto_rng_type", "rng", "rng_alg", "base" },
    { "crypto_akcipher_type", "akcipher", "akcipher_alg", "base" },
    { "crypto_sig_type", "sig", "sig_alg", "base" },
    { "crypto_kpp_type", "kpp", "kpp_alg", "base" },
    { "crypto_scomp_type", "scomp", "scomp_alg", "base" },
    { "crypto_acomp_type", "acomp", "acomp_alg", "base" },
};

/** What of an algorithm's struct leads to functions. */
struct shape {
    const char *kind;
    uint64_t type;   /* address of its crypto_type; 0: it has none */
    uint64_t before; /* bytes of the struct before the crypto_alg */
    const struct linux_fnmembers *members;
};

static size_t shapes_of(struct eg_run *r, struct shape *out)
{
    const struct eg_types *ts = &eg_system_of(r)->types;
    struct eg_member_at m;
    uint64_t iter = 0, at;
    uint32_t id = eg_types_named(ts, "crypto_alg", NULL, 1u << EG_T_STRUCT, &iter);
    size_t n = 0;

    out[n++] = (struct shape){ "cipher", 0, 0, linux_fnmembers(r, id) };
    for (size_t i = 0; i < countof(kinds); i++) {
        iter = 0;
        id = eg_types_named(ts, kinds[i].type, NULL, 1u << EG_T_STRUCT, &iter);
        if (id && eg_type_find(ts, id, kinds[i].base, &m) &&
            eg_system_symbol(eg_system_of(r), kinds[i].symbol, &at))
            out[n++] = (struct shape){ kinds[i].kind, at, m.bit_off / 8, linux_fnmembers(r, id) };
    }
    return n;
}

static const char *hints_of(struct eg_run *r, uint64_t base, const struct shape *s)
{
    const struct linux_codes *codes = linux_codes(r);
    const char *hints = NULL;

    for (uint32_t i = 0; i < s->members->n; i++) {
        const struct linux_fnmember *m = &s->members->at[i];
        struct linux_codeof code;
        const char *hint;
        uint64_t to;

        if (!m->function || !eg_pointer_at(r, base + m->off, &to) || !to ||
            ((m->maybe || m->table) && linux_whose_code(codes, to, NULL) != LINUX_CODE_MODULE))
            continue;
        linux_codeof(r, to, &code);
        hint = linux_pointer_hint(r, base + m->off, &code);
        if (hint)
            hints = linux_hints(r, hints, eg_strf(r, "%s: %s", hint, m->name));
    }
    return hints;
}

static int run(struct eg_run *r)
{
    struct shape shapes[countof(kinds) + 1];
    const size_t n_shapes = shapes_of(r, shapes);
    struct eg_obj alg;
    unsigned n = 0;

    eg_each_list(alg, eg_sym(r, crypto_alg_list), crypto_alg.cra_list) {
        const uint64_t type = eg_get_or((uint64_t)0, alg, crypto_alg.cra_type);
        const uint64_t owner = eg_get_or((uint64_t)0, alg, alg_module);
        const struct shape *s = &shapes[0];
        const char *name = NULL;

        if (n++ == ALGS_MAX) {
            eg_note(r, "only the first %d algorithms are shown", ALGS_MAX);
            break;
        }
        for (size_t i = 1; i < n_shapes; i++)
            if (shapes[i].type == type)
                s = &shapes[i];
        if (type && s == &shapes[0])
            name = eg_name_of(r, type);
        eg_row(r, .NAME = eg_val(alg, crypto_alg.cra_name),
               .DRIVER = eg_val(alg, crypto_alg.cra_driver_name),
               .KIND = eg_text(name ? name : s->kind),
               .PRIORITY = eg_val(alg, crypto_alg.cra_priority),
               .REFERENCES = eg_val(alg, alg_refcount),
               .MODULE = owner ? eg_val(alg, alg_module, owner_name) : eg_text("kernel"),
               .OFFSET = eg_addr(alg), .HINTS = eg_text(hints_of(r, alg.addr - s->before, s)));
    }
    return 0;
}

EG_PLUGIN(cryptos) = {
    .os = "linux",
    .help = "List algorithms of the kernel's crypto API, and functions of theirs that are odd",
    .manual =
        "As /proc/crypto, the newest first. All functions of an algorithm are looked at; HINTS "
        "names those whose code is of no module that is listed, begins inside a function, or "
        "is of a module that did not come with the kernel.\n"
        "What it cannot see: an algorithm that was taken out of the list, functions of a kind "
        "whose type this kernel has no symbol for, and code that was changed in place.",
    .aliases = EG_NAMES("crypto", "crypto_algs"),
    .looks_for = EG_NAMES("hooks in tables of functions"),
    .columns = columns,
    .needs = EG_NEEDS(crypto_alg.cra_list, crypto_alg.cra_name),
    .needs_symbols = EG_NEEDS_SYMBOLS(crypto_alg_list),
    .run = run,
};
