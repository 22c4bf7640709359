/* kernelbpf_test.c - kernelcode: code of BPF without a symbol, and direct calls that are jumps. */
#include "check.h"
#include "mkcode.h"
#include <string.h>

static const char types[] =
    "struct dyn_ftrace { unsigned long ip, flags; };"
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"
    "struct xarray { unsigned int xa_flags; void *xa_head; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"
    "enum bpf_map_type { BPF_MAP_TYPE_STRUCT_OPS = 26 };"
    "struct bpf_map { u32 map_type; };"
    "struct bpf_struct_ops_map { struct bpf_map map; void *image; };";

static struct mk_code make(const struct mk_machine *m, unsigned type, bool direct)
{
    struct mk_code c = mk_code(m, types);
    uint64_t pages = mk_object(c.k, "ftrace_page"), record = mk_object(c.k, "dyn_ftrace");
    uint64_t pointer = mk_alloc(c.k, 8), maps = mk_object(c.k, "idr");
    uint64_t map = mk_object(c.k, "bpf_struct_ops_map"), at;
    uint64_t image = mk_alloc_aligned(c.k, 0x1000, 0x1000);
    uint8_t fill[0x4000];

    memset(fill, 0xcc, sizeof fill);
    mk_write(c.k, c.kernel, fill, sizeof fill);
    mk_symbol(c.k, "_stext", c.kernel);
    mk_symbol(c.k, "_etext", c.end);
    at = mk_function(&c, "patched");
    mk_put(c.k, map, "bpf_struct_ops_map.map.map_type", type);
    mk_put(c.k, map, "bpf_struct_ops_map.image", image);
    mk_put(c.k, maps, "idr.idr_rt.xa_head", map);
    mk_symbol(c.k, "map_idr", maps);
    mk_put(c.k, record, "dyn_ftrace.ip", at);
    mk_put(c.k, record, "dyn_ftrace.flags", UINT64_C(1) << 31 | (uint64_t)direct << 23);
    mk_put(c.k, pages, "ftrace_page.records", record);
    mk_put(c.k, pages, "ftrace_page.index", 1);
    mk_write_ptr(c.k, pointer, pages);
    mk_symbol(c.k, "ftrace_pages_start", pointer);
    mk_write(c.k, at, "\xe9", 1); // jmp
    mk_write_u32(c.k, at + 1, (uint32_t)(image + 0x10 - (at + 5)));
    mk_write(c.k, at + 5, "\xc3", 1);
    return c;
}

static void jumps(void **state)
{
    static const struct {
        unsigned type;
        bool direct;
        const char *hint;
    } cases[] = {
        { 26, true, "" },
        { 26, false,
          "neither a call of ftrace nor a nop; leads to code made at run time, and the kernel has "
          "no record of that" },
        { 1, true, "calls other code than ftrace's; leads to code of nobody" },
    };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; m->arch && !strcmp(m->arch, "x86_64") && i < countof(cases); i++) {
            struct mk_code c = make(m, cases[i].type, cases[i].direct);

            assert_string_equal(mk_code_rows(&c, "kernelcode", NULL, "HINTS"), cases[i].hint);
            mk_free(c.k);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(jumps) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
