/* tracee_user.c - where ELF files are mapped, and what their symbols say. A function is known by
 * its place in the file: so one search serves all processes, wherever they have the file. */
#include "tracee_user.h"
#include "../core/arch.h"
#include "../core/system.h"
#include "../plugins/linux/fs/file.h"
#include "../plugins/linux/fs/inode.h"
#include "../plugins/linux/mm/elf.h"
#include "../plugins/linux/mm/filemap.h"
#include "../plugins/linux/mm/flags.h"
#include "../plugins/linux/mm/mm.h"
#include "../plugins/linux/mm/vma.h"
#include "../plugins/linux/sched/task.h"
#include "../plugins/linux/user/minidebug.h"
#include <inttypes.h>
#include <string.h>

enum { MAPPINGS_MAX = 1 << 17, ARM64 = 183 }; // EM_AARCH64

/* ---- mappings ---- */

bool tracee_code_of(struct eg_run *r, struct eg_obj vma, struct tracee_code *out)
{
    uint64_t start, end, page, flags, file;

    if (!eg_get(&flags, vma, vm_area_struct.vm_flags) || !(flags & VM_EXEC) ||
        !eg_get(&file, vma, vm_area_struct.vm_file) || !file ||
        !eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || start >= end ||
        !eg_get(&page, vma, vm_area_struct.vm_pgoff))
        return false;
    *out = (struct tracee_code){ .first = start,
                                 .last = end - 1,
                                 .offset = page << linux_page_shift(r),
                                 .file = eg_deref(eg_at(vma, vm_area_struct.vm_file)) };
    out->inode = linux_file_data(r, out->file);
    return !out->inode.why;
}

static struct eg_obj mm_at(struct eg_run *r, uint64_t mm)
{
    return eg_object(r, mm_struct, mm);
}

bool tracee_code_at(struct eg_run *r, uint64_t mm, uint64_t address, struct tracee_code *out)
{
    struct eg_obj vma;
    unsigned n = 0;

    if (!mm)
        return false;
    linux_each_vma(r, mm_at(r, mm), vma) {
        uint64_t start, end;

        if (++n > MAPPINGS_MAX || eg_stopped(r))
            return false;
        if (!eg_get(&end, vma, vm_area_struct.vm_end) || address >= end)
            continue;
        return eg_get(&start, vma, vm_area_struct.vm_start) && address >= start &&
               tracee_code_of(r, vma, out);
    }
    return false;
}

void tracee_each_code(struct eg_run *r, uint64_t mm,
                      void (*take)(void *context, const struct tracee_code *code), void *context)
{
    struct tracee_code code;
    struct eg_obj vma;
    unsigned n = 0;

    linux_each_vma(r, mm_at(r, mm), vma) {
        if (++n > MAPPINGS_MAX || eg_stopped(r))
            return;
        if (tracee_code_of(r, vma, &code))
            take(context, &code);
    }
}

uint64_t tracee_mm_of_task(struct eg_run *r, struct eg_obj task)
{
    (void)r;
    return task.why ? 0 : eg_get_or((uint64_t)0, task, task_struct.mm);
}

uint64_t tracee_mm_of_vma(struct eg_obj vma)
{
    return eg_get_or((uint64_t)0, vma, vm_area_struct.vm_mm);
}

struct eg_obj tracee_vma(struct eg_run *r, uint64_t address)
{
    return eg_object(r, vm_area_struct, address);
}

struct eg_obj tracee_task_at(struct eg_run *r, uint64_t address)
{
    return eg_object(r, task_struct, address);
}

void tracee_each_mm(struct eg_run *r, void (*take)(void *context, uint64_t mm), void *context)
{
    struct eg_obj task, thread;

    linux_each_process(r, task) {
        uint64_t mm = tracee_mm_of_task(r, task);

        if (eg_stopped(r))
            return;
        if (mm) {
            take(context, mm);
            continue;
        }
        // The first thread may have ended before the others.
        linux_each_thread(r, task, thread)
            if ((mm = tracee_mm_of_task(r, thread))) {
                take(context, mm);
                break;
            }
    }
}

/* ---- files ---- */

const char *tracee_code_path(struct eg_run *r, const struct tracee_code *code)
{
    return linux_file_path(r, code->file, LINUX_NOBODY);
}

uint64_t tracee_code_mark(const struct tracee_code *code)
{
    uint64_t size = 0;

    linux_file_size(code->inode, &size);
    return eg_get_or((uint64_t)0, code->inode, inode.i_ino) ^ size << 32;
}

size_t tracee_code_functions(struct eg_run *r, const struct tracee_code *code,
                             void (*take)(void *context, const char *name, uint64_t offset),
                             void *context)
{
    struct eg_space *space = linux_file_space(r, code->inode);
    struct linux_elf_symbol *of[2];
    struct linux_elf e;
    size_t n[2], all = 0;

    if (!space || !linux_elf_open(r, space, 0, true, &e) || !e.wide ||
        e.machine != eg_system_of(r)->arch->elf_machine)
        return 0;
    n[0] = linux_elf_symbols(r, &e, true, &of[0]);
    n[1] = linux_elf_symbols(r, &e, false, &of[1]);
    if (!n[1])
        n[1] = linux_minidebug_symbols(r, &e, &of[1]);
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < n[t]; i++) {
            const struct linux_elf_symbol *s = &of[t][i];
            uint64_t at;

            if (s->type != ELF_FUNC || !s->section || !linux_elf_place(&e, s->value, 1, &at))
                continue;
            take(context, s->name, at);
            all++;
        }
    return all;
}

/* ---- a call ---- */

/* How far below the stack pointer the first instruction of a function stores: x86's push; AArch64's
 * stp and str with a new stack pointer. 0: it does not. */
static uint64_t pushes(bool arm, const uint8_t *code)
{
    enum { SP = 31 };
    const uint32_t word = eg_le32(code), top = word >> 22;
    int32_t by = 0;

    if (!arm)
        return (code[0] & 0xf8) == 0x50 || (code[0] == 0x41 && (code[1] & 0xf8) == 0x50) ? 8 : 0;
    if ((word >> 5 & 31) != SP)
        return 0;
    if (top == 0x2a6 || top == 0x1b6) // stp, pairs of x or of d: seven bits, of 8 bytes
        by = 8 * ((int32_t)(word << 10) >> 25);
    else if (word >> 21 == 0x7c0 && (word >> 10 & 3) == 3) // str: nine bits
        by = (int32_t)(word << 11) >> 23;
    return by < 0 ? (uint64_t)-by : 0;
}

bool tracee_executes(struct eg_run *r, uint64_t mm, const struct event *ev)
{
    struct eg_space *space = linux_mm_space(r, mm_at(r, mm));
    struct eg_extent x;
    uint8_t code[4];
    uint64_t sp, by;

    if (!space || !eg_read_some(eg_view_of(r), space, ev->address, code, sizeof code, NULL))
        return false;
    by = pushes(eg_system_of(r)->arch->elf_machine == ARM64, code);
    if (!by ||
        (!tracee_register(&ev->state, "rsp", &sp) && !tracee_register(&ev->state, "sp", &sp)))
        return true;
    eg_extent_at(eg_view_of(r), space, sp - by, &x);
    return !x.why && x.flags & EG_X_WRITE;
}

struct eg_space *tracee_user_space(struct eg_run *r, struct eg_obj task)
{
    const uint64_t mm = tracee_mm_of_task(r, task);

    return mm ? linux_mm_backed_space(r, mm_at(r, mm)) : NULL;
}

void tracee_enter_user(struct eg_run *r, const struct event *ev, struct eg_obj task,
                       struct tracee_call *out)
{
    struct eg_space *space = tracee_user_space(r, task);
    uint64_t sp;

    *out = (struct tracee_call){ .state = ev->state };
    if (tracee_register(&ev->state, "rsp", &sp)) { // the call pushed it
        if (space && eg_read_u64(eg_view_of(r), space, sp, false, &out->returns_to))
            out->sp = sp + 8;
    } else if (tracee_register(&ev->state, "sp", &sp) &&
               tracee_register(&ev->state, "x30", &out->returns_to)) {
        out->returns_to = tracee_plain(r, out->returns_to);
        out->sp = sp;
    }
}

const char *tracee_user_place(struct eg_run *r, struct eg_obj task, uint64_t address)
{
    struct tracee_code code;
    const char *path, *slash;

    if (!tracee_code_at(r, tracee_mm_of_task(r, task), address, &code) ||
        !(path = tracee_code_path(r, &code)))
        return NULL;
    slash = strrchr(path, '/');
    return eg_strf(r, "%s+%#" PRIx64, slash ? slash + 1 : path, address - code.first + code.offset);
}
