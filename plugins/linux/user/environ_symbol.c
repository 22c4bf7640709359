/* environ_symbol.c - the C library's variable `environ` by its symbol: of the program, which has a
 * copy of the variable where it uses it, else of a library. */
#include "../../../core/map.h"
#include "../fs/file.h"
#include "../mm/elf.h"
#include "../mm/filemap.h"
#include "../mm/vma.h"
#include "environ.h"
#include <string.h>

static bool is_environ(const char *name)
{
    return !strcmp(name, "environ") || !strcmp(name, "__environ") || !strcmp(name, "_environ");
}

/** The lowest address that a segment is loaded at. */
static uint64_t base_of(const struct linux_elf *e)
{
    uint64_t base = UINT64_MAX;

    for (unsigned i = 0; i < e->n_segments; i++)
        if (e->segments[i].type == ELF_LOAD && e->segments[i].vaddr - e->segments[i].offset < base)
            base = e->segments[i].vaddr - e->segments[i].offset;
    return base;
}

/** Bytes from an object's beginning to the variable; 0: it has none. */
static uint64_t in_table(struct eg_run *r, const struct linux_elf *e, bool dynamic)
{
    struct linux_elf_symbol *all;
    const size_t n = linux_elf_symbols(r, e, dynamic, &all);
    const uint64_t base = base_of(e);

    for (size_t i = 0; i < n; i++)
        if (all[i].section && all[i].value > base && is_environ(all[i].name))
            return all[i].value - base;
    return 0;
}

/** The same of the object at @vma, which is mapped from @inode: once for each file. */
static uint64_t in_object(struct linux_user *u, struct linux_environ *e, uint64_t start,
                          struct eg_obj inode)
{
    struct eg_space *file;
    struct linux_elf elf;
    uint64_t offset = 0;

    if (!e->known)
        e->known = eg_run_map(u->run);
    if (eg_map_get(e->known, inode.addr, &offset))
        return offset;
    if (linux_elf_open(u->run, u->space, start, false, &elf)) {
        offset = in_table(u->run, &elf, true);
        file = offset ? NULL : linux_file_space(u->run, inode);
        if (file && linux_elf_open(u->run, file, 0, true, &elf))
            offset = in_table(u->run, &elf, false); // a static program
    }
    eg_run_map_add(u->run, e->known, inode.addr, offset);
    return offset;
}

bool linux_environ_variable(struct linux_user *u, struct linux_environ *e, uint64_t *at)
{
    const struct eg_obj exe = eg_deref(eg_at(u->mm, mm_struct.exe_file));
    const uint64_t program = exe.why ? 0 : linux_file_data(u->run, exe).addr;
    struct eg_obj vma;
    bool found = false;

    linux_each_vma(u->run, u->mm, vma) {
        struct eg_obj file = eg_deref(eg_at(vma, vm_area_struct.vm_file)), inode;
        uint64_t start, offset;

        if (file.why || eg_get_or(UINT64_C(1), vma, vm_area_struct.vm_pgoff) != 0 ||
            !eg_get(&start, vma, vm_area_struct.vm_start))
            continue;
        inode = linux_file_data(u->run, file);
        if (inode.why || (found && inode.addr != program))
            continue;
        offset = in_object(u, e, start, inode);
        if (!offset)
            continue;
        *at = start + offset;
        found = true;
        if (inode.addr == program)
            break;
    }
    return found;
}
