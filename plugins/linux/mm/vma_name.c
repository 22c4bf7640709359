/* vma_name.c - the name of a mapping, as /proc/PID/maps has it (fs/proc/task_mmu.c). */
#include "../fs/file.h"
#include "../sched/task.h"
#include "mm.h"
#include "vma.h"

EG_FIELDS(vm_operations_struct, name);
EG_FIELDS(anon_vma_name, name);
EG_SYMBOL(special_mapping_name, "void *");
EG_SYMBOL(gate_vma_name, "void *");

enum { NAME_MAX_ = 80 }; // ANON_VMA_NAME_MAX_LEN; names of special mappings are shorter

static struct eg_cell formatted(struct eg_run *r, const char *format, struct eg_obj text)
{
    const char *s = eg_string(r, text, NAME_MAX_);

    if (!s && !text.why && text.kind == EG_K_CHARS) // of a size that is not known
        return eg_missing((enum eg_why)text.view->why, text.view->why_addr);
    if (!s)
        return eg_cell_of(text);
    return eg_text(eg_strf(r, "%s%s%s", format, s, *format ? "]" : ""));
}

/* A name that the process itself gave (PR_SET_VMA, since 5.17): false when there is none. */
static bool given_name(struct eg_run *r, struct eg_obj vma, struct eg_obj *name)
{
    uint64_t p;

    // Until 6.2 the name shares its place with a file mapping's tree links.
    if (!eg_get(&p, vma, vm_area_struct.anon_name) || !p ||
        (eg_offset(r, vm_area_struct.anon_name) == eg_offset(r, vm_area_struct.shared) &&
         eg_get_or((uint64_t)1, vma, vm_area_struct.vm_file)))
        return false;
    *name = eg_at(vma, vm_area_struct.anon_name, anon_vma_name.name);
    return true;
}

static struct eg_cell file_cell(struct eg_run *r, struct eg_obj vma, struct eg_obj file)
{
    struct eg_obj name;
    const char *path;

    if (given_name(r, vma, &name))
        return formatted(r, "[anon_shmem:", name);
    path = linux_file_path(r, file, LINUX_NOBODY);
    return path ? eg_text(path) : eg_missing(EG_UNREADABLE, file.addr);
}

/** Where special_mapping_name is not known: only special mappings have such names, "[vdso]". */
static bool in_brackets(struct eg_run *r, struct eg_obj name)
{
    const char *s = eg_string(r, name, NAME_MAX_);

    return s && *s == '[' && s[__builtin_strlen(s) - 1] == ']';
}

static struct eg_cell anonymous_cell(struct eg_run *r, struct eg_obj mm, struct eg_obj vma)
{
    struct eg_obj special = eg_cast(eg_at(vma, vm_area_struct.vm_private_data), vm_special_mapping);
    struct eg_obj called = eg_sym(r, special_mapping_name);
    struct eg_obj namer = eg_at(vma, vm_area_struct.vm_ops, vm_operations_struct.name), name;
    uint64_t fn = 0, start, end, brk, brk_end, stack;

    if (!eg_load(&fn, namer) && namer.why != EG_NULL)
        return eg_cell_of(namer);
    if (fn && fn == eg_sym(r, gate_vma_name).addr)
        return eg_text("[vsyscall]");
    if (fn &&
        (called.why ? in_brackets(r, eg_at(special, vm_special_mapping.name)) : fn == called.addr))
        return formatted(r, "", eg_at(special, vm_special_mapping.name));
    if (fn)
        return eg_missing(EG_NO_SYMBOL, fn);
    if (!eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || !eg_get(&brk, mm, mm_struct.start_brk) ||
        !eg_get(&brk_end, mm, mm_struct.brk) || !eg_get(&stack, mm, mm_struct.start_stack))
        return eg_missing(EG_UNREADABLE, vma.addr);
    if (start <= brk_end && end >= brk)
        return eg_text("[heap]");
    if (start <= stack && end >= stack)
        return eg_text("[stack]");
    return given_name(r, vma, &name) ? formatted(r, "[anon:", name) : eg_text("");
}

struct eg_cell linux_vma_name(struct eg_run *r, struct eg_obj mm, struct eg_obj vma)
{
    struct eg_obj file = eg_at(vma, vm_area_struct.vm_file);
    uint64_t at;

    return !eg_load(&at, file) || at ? file_cell(r, vma, file) : anonymous_cell(r, mm, vma);
}

static struct eg_cell vma_name(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return linux_vma_name(r, args[0], args[1]);
}

EG_FUNCTION(vma_name) = {
    .os = "linux",
    .help = "what /proc/PID/maps calls a mapping: a path, \"[heap]\", \"[stack]\"",
    .args = "mm, vma",
    .returns = "text",
    .call = vma_name,
};
