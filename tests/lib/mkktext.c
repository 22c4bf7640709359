/* mkktext.c - code of the kernel and of two modules, and records of what the kernel patches. */
#include "mkktext.h"
#include "../../plugins/linux/state.h"

const char mk_ktext_types[] = MK_LIST_TYPES MK_PATCHED_TYPES
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct module_memory mem[7]; struct jump_entry *jump_entries;"
    "  unsigned int num_jump_entries; void **its_page_array; int its_num_pages; struct list_head "
    "source_list, target_list; };"
    "struct bpf_ksym { unsigned long start, end; char name[64]; struct list_head lnode; };";

const struct mk_machine *mk_machine_named(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    return NULL;
}

void mk_ktext_code(struct mk_ktext *w, uint64_t at, const char *bytes, size_t len)
{
    mk_write(w->k, at, bytes, len);
}

/* A call, jump or branch with 4 bytes of displacement behind its @n bytes of opcode. */
void mk_ktext_leads(struct mk_ktext *w, uint64_t at, const char *opcode, size_t n, uint64_t target)
{
    mk_write(w->k, at, opcode, n);
    mk_write_u32(w->k, at + n, (uint32_t)(target - (at + n + 4)));
}

uint64_t mk_ktext_module(struct mk_ktext *w, const char *name, uint64_t base)
{
    uint64_t m = mk_object(w->k, "module");

    mk_puts(w->k, m, "module.name", name);
    mk_write_ptr(w->k, mk_at(w->k, m, "module.mem"), base);
    mk_write_u32(w->k, mk_at(w->k, m, "module.mem") + 8, 0x1000);
    mk_list(w->k, mk_at(w->k, m, "module.target_list"), NULL, 0);
    return m;
}

static void tables(struct mk_ktext *w)
{
    struct mk *k = w->k;
    uint64_t pages = mk_object(k, "ftrace_page"), pointer = mk_alloc(k, 8);

    w->record = mk_object(k, "dyn_ftrace");
    mk_put(k, w->record, "dyn_ftrace.ip", w->text + 2 * MK_FUNCTION);
    mk_put(k, pages, "ftrace_page.records", w->record);
    mk_put(k, pages, "ftrace_page.index", 1);
    mk_write_ptr(k, pointer, pages);
    mk_symbol(k, "ftrace_pages_start", pointer);
    w->key = mk_object(k, "static_key");
    w->jump = mk_object(k, "jump_entry");
    mk_put(k, w->jump, "jump_entry.code", w->text + 2 * MK_FUNCTION + 5 - w->jump);
    mk_put(k, w->jump, "jump_entry.target", w->text + 2 * MK_FUNCTION + 0x20 - (w->jump + 4));
    mk_put(k, w->jump, "jump_entry.key", w->key - (w->jump + 8));
    mk_symbol(k, "__start___jump_table", w->jump);
    mk_symbol(k, "__stop___jump_table", w->jump + 16);
    w->call_key = w->data + 0x100;
    mk_put(k, w->call_key, "static_call_key.func", w->text + MK_FUNCTION);
    mk_symbol_sized(k, "__SCK__hello", w->call_key, 16);
    w->site = mk_object(k, "static_call_site");
    mk_put(k, w->site, "static_call_site.addr", w->text + 2 * MK_FUNCTION + 10 - w->site);
    mk_put(k, w->site, "static_call_site.key", w->call_key - (w->site + 4));
    mk_symbol(k, "__start_static_call_sites", w->site);
    mk_symbol(k, "__stop_static_call_sites", w->site + 8);
    w->probes = mk_alloc(k, 64 * 8);
    mk_symbol_sized(k, "kprobe_table", w->probes, 64 * 8);
}

struct mk_ktext mk_ktext(void)
{
    struct mk_ktext w = { .k = mk_new(mk_machine_named("x86_64"), 4 << 20, mk_ktext_types) };
    struct mk *k = w.k;
    uint8_t fill[MK_TEXT];
    uint64_t nodes[2];

    memset(fill, 0xcc, sizeof fill);
    w.text = mk_alloc_aligned(k, MK_TEXT, 0x1000);
    w.data = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.module = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.other = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.head = mk_alloc(k, 16);
    mk_write(k, w.text, fill, MK_TEXT);
    mk_write(k, w.module, fill, 0x1000);
    mk_symbol(k, "_stext", w.text);
    mk_symbol(k, "first", w.text);
    mk_symbol(k, "second", w.text + MK_FUNCTION);
    mk_symbol(k, "patched", w.text + 2 * MK_FUNCTION);
    mk_symbol(k, "__SCT__hello", w.text + 3 * MK_FUNCTION);
    mk_symbol(k, "ftrace_caller", w.text + 4 * MK_FUNCTION);
    mk_symbol(k, "_etext", w.text + MK_TEXT);
    w.bpf = mk_alloc(k, 16);
    mk_list(k, w.bpf, NULL, 0);
    mk_symbol(k, "bpf_kallsyms", w.bpf);
    mk_ktext_code(&w, w.text, "\xc3", 1);
    mk_ktext_code(&w, w.text + MK_FUNCTION, "\x48\x89\xe5\xc3", 4); // mov rbp, rsp; ret
    mk_ktext_code(&w, w.text + 2 * MK_FUNCTION, "\x0f\x1f\x44\0\0\x0f\x1f\x44\0\0", 10);
    mk_ktext_leads(&w, w.text + 2 * MK_FUNCTION + 10, "\xe8", 1, w.text + MK_FUNCTION);
    mk_ktext_code(&w, w.text + 2 * MK_FUNCTION + 15, "\xc3", 1);
    mk_ktext_code(&w, w.text + 2 * MK_FUNCTION + 0x20, "\xc3", 1);
    mk_ktext_leads(&w, w.text + 3 * MK_FUNCTION, "\xe9", 1, w.text + MK_FUNCTION);
    mk_ktext_code(&w, w.text + 4 * MK_FUNCTION, "\xc3", 1);
    mk_ktext_leads(&w, w.module, "\xe8", 1, w.text + MK_FUNCTION);
    mk_ktext_code(&w, w.module + 5, "\xc3", 1);
    tables(&w);
    w.mod = mk_ktext_module(&w, "good", w.module);
    nodes[0] = mk_at(k, w.mod, "module.list");
    nodes[1] = mk_at(k, mk_ktext_module(&w, "other", w.other), "module.list");
    w.head = mk_alloc(k, 16);
    mk_list(k, w.head, nodes, 2);
    return w;
}

const char *mk_ktext_rows(struct mk_ktext *w, const char *plugin, const char *const *args)
{
    struct linux_state *s;

    mk_rows_may_fail = true;
    mk_rows(w->k, "modparams", NULL); // the first makes the system
    mk_rows_may_fail = false;
    s = linux_state(mk_system(w->k));
    s->modules = w->head;
    s->image_start = w->text;
    s->image_end = w->data + 0x1000;
    return mk_rows(w->k, plugin, args);
}
