/* registered_test.c - binfmts and cryptos: what registers itself, and whose code it is. */
#include "check.h"
#include "mkguest.h"

static const char *const types[] = {
    "struct file_system_type { const char *name; };",
    "struct module_layout { void *base; unsigned int size, text_size; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct list_head source_list, target_list; struct module_layout core_layout; };"
    "struct linux_binfmt { struct list_head lh; struct module *module; void (*load_binary)(void);"
    "  void (*load_shlib)(void); void (*core_dump)(void); };"
    "struct cipher_alg { unsigned int min; void (*encrypt)(void); };"
    "struct crypto_alg { struct list_head cra_list; u32 cra_flags; int cra_priority;"
    "  struct { struct { int counter; } refs; } cra_refcnt; char cra_name[16]; char "
    "cra_driver_name[16]; void *cra_type;"
    "  union { struct cipher_alg cipher; unsigned long other[2]; }; void (*cra_init)(void);"
    "  struct module *cra_module; };"
    "struct shash_alg { void (*init)(void); void (*final)(void); struct crypto_alg base; };"
    "struct file_system_type { const char *name; };",
    NULL,
};

struct scene {
    struct mk_guest g;
    struct mk *k;
    uint64_t formats, algs, shash; /* the lists; crypto_shash_type */
    uint64_t first, second;        /* functions */
    uint64_t module, rk;           /* a module, and its code */
};

static uint64_t function(struct mk *k, const char *name)
{
    const uint64_t at = mk_alloc(k, 64);

    mk_symbol_sized(k, name, at, 64);
    return at;
}

static struct scene make(const struct mk_machine *m)
{
    struct scene s = { .g = mk_guest(m, types) };
    uint64_t list;

    s.k = s.g.k;
    s.formats = mk_object(s.k, "list_head");
    s.algs = mk_object(s.k, "list_head");
    s.shash = mk_alloc(s.k, 64);
    mk_symbol(s.k, "formats", s.formats);
    mk_symbol(s.k, "crypto_alg_list", s.algs);
    mk_symbol(s.k, "crypto_shash_type", s.shash);
    s.first = function(s.k, "load_first");
    s.second = function(s.k, "dump_second");
    mk_symbol(s.k, "_stext", s.first);
    mk_symbol(s.k, "_etext", s.second + 64);
    list = mk_object(s.k, "list_head");
    s.module = mk_object(s.k, "module");
    s.rk = mk_alloc_aligned(s.k, 512, 64);
    mk_puts(s.k, s.module, "module.name", "rk");
    mk_put(s.k, s.module, "module.core_layout.base", s.rk);
    mk_put(s.k, s.module, "module.core_layout.size", 512);
    mk_put(s.k, s.module, "module.core_layout.text_size", 256);
    mk_list_append(s.k, list, mk_at(s.k, s.module, "module.list"));
    mk_symbol(s.k, "modules", list);
    return s;
}

static const char *hints(struct scene *s, const char *plugin)
{
    return mk_columns(mk_guest_rows(&s->g, plugin, NULL), 7, 7);
}

static void binfmts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t f = mk_object(s.k, "linux_binfmt");

        mk_list_append(s.k, s.formats, mk_at(s.k, f, "linux_binfmt.lh"));
        mk_put(s.k, f, "linux_binfmt.load_binary", s.first);
        mk_put(s.k, f, "linux_binfmt.core_dump", s.second);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "binfmts", NULL), 3, 5),
                            "load_first|kernel|kernel");
        assert_string_equal(hints(&s, "binfmts"), "");
        mk_put(s.k, f, "linux_binfmt.core_dump", s.second + 4);
        assert_string_equal(hints(&s, "binfmts"), "inside a function: core_dump");
        mk_put(s.k, f, "linux_binfmt.core_dump", 0);
        mk_put(s.k, f, "linux_binfmt.load_binary", mk_alloc(s.k, 64));
        assert_string_equal(hints(&s, "binfmts"), "code of no module that is listed, nor of the "
                                                  "kernel, unless it is of BPF or ftrace");
        mk_put(s.k, f, "linux_binfmt.load_binary", s.rk);
        assert_string_equal(hints(&s, "binfmts"), "its code is not its owner's");
        mk_put(s.k, f, "linux_binfmt.module", s.module);
        assert_string_equal(hints(&s, "binfmts"), "");
        mk_free(s.k);
    }
}

static void cryptos(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t hash = mk_object(s.k, "shash_alg"), cipher = mk_object(s.k, "crypto_alg");
        const uint64_t base = mk_at(s.k, hash, "shash_alg.base");

        mk_list_append(s.k, s.algs, mk_at(s.k, base, "crypto_alg.cra_list"));
        mk_list_append(s.k, s.algs, mk_at(s.k, cipher, "crypto_alg.cra_list"));
        mk_puts(s.k, base, "crypto_alg.cra_name", "sha1");
        mk_puts(s.k, base, "crypto_alg.cra_driver_name", "sha1-generic");
        mk_put(s.k, base, "crypto_alg.cra_type", s.shash);
        mk_put(s.k, base, "crypto_alg.cra_module", s.module);
        mk_put(s.k, hash, "shash_alg.init", s.first);
        mk_puts(s.k, cipher, "crypto_alg.cra_name", "aes");
        mk_put(s.k, cipher, "crypto_alg.cra_priority", 100);
        // In a union with a function.
        mk_write_ptr(s.k, mk_at(s.k, cipher, "crypto_alg.other") + mk_model(s.k)->ptr_size, 5);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "cryptos", NULL), 0, 5),
                            "sha1|sha1-generic|shash|0|0|rk\naes||cipher|100|0|kernel");
        assert_string_equal(hints(&s, "cryptos"), "\n");
        mk_put(s.k, cipher, "crypto_alg.cra_type", s.formats); // a type that is not known here
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "cryptos", NULL), 2, 2),
                            "shash\nformats");
        mk_put(s.k, cipher, "crypto_alg.cra_type", 0);
        mk_put(s.k, hash, "shash_alg.final", s.second + 4);
        mk_put(s.k, cipher, "crypto_alg.cra_init", s.shash);
        assert_string_equal(hints(&s, "cryptos"),
                            "inside a function: final\nnot code but data: cra_init");
        mk_free(s.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(binfmts),
                                               cmocka_unit_test(cryptos) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
