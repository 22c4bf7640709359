// SPDX-License-Identifier: GPL-2.0
/* marks_code: changes where the kernel's control flow goes: system calls, the IDT, the text of
 * functions, static calls. */
#include "marks.h"

#include <linux/ptrace.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("plants marks for integrity checks: code");

/* ---- a system call's entry in a table ------------------------------------------------------- */

#ifdef CONFIG_X86
enum { CALL = 171, COMPAT_CALL = 121 }; /* setdomainname */
#else
enum { CALL = 162 };
#endif
static long (*first_call)(const struct pt_regs *regs);

static long new_call(const struct pt_regs *regs)
{
    return first_call(regs);
}

static void change_call(const char *kind, const char *name, int number, void *new, void *first)
{
    unsigned long *table = (void *)look_up(name), entry = (unsigned long)new;

    if (!table)
        return;
    *(unsigned long *)first = table[number];
    if (overwrite((unsigned long)&table[number], &entry, sizeof(entry)))
        mark("\"%s\",\"table\":\"%s\",\"number\":%d,\"entry\":\"%lx\",\"was\":\"%lx\",\"is\":\"%"
             "lx\"",
             kind, name, number, (unsigned long)&table[number], *(unsigned long *)first,
             table[number]);
}

#ifdef CONFIG_X86

#include <asm/desc.h>
#include <asm/trapnr.h>
#include <linux/static_call.h>

static long (*first_compat)(const struct pt_regs *regs);
static long (*first_switched)(const struct pt_regs *regs);
static long (*first_switched_compat)(const struct pt_regs *regs);

static long new_compat(const struct pt_regs *regs)
{
    return first_compat(regs);
}

static long new_switched(const struct pt_regs *regs)
{
    return first_switched(regs);
}

static long new_switched_compat(const struct pt_regs *regs)
{
    return first_switched_compat(regs);
}

/* ---- the text of functions ------------------------------------------------------------------ */

/* Where the function ends. */
static unsigned long end_of(unsigned long at)
{
    int (*size_of)(unsigned long, unsigned long *, unsigned long *) =
        (void *)look_up("kallsyms_lookup_size_offset");
    unsigned long size = 0, offset;

    return size_of && size_of(at, &size, &offset) ? at + size : at;
}

/* Writes over a part of a function and says so. */
static void patch(const char *kind, const char *symbol, unsigned long start, unsigned long at,
                  const u8 *is, int size, unsigned long was_to, unsigned long to)
{
    u8 was[8];

    memcpy(was, (void *)at, size);
    if (overwrite(at, is, size))
        mark("\"%s\",\"symbol\":\"%s\",\"function\":\"%lx\",\"at\":\"%lx\",\"was\":\"%*ph\",\"is\":"
             "\"%*ph\","
             "\"was_to\":\"%lx\",\"to\":\"%lx\"",
             kind, symbol, start, at, size, was, size, (void *)at, was_to, to);
}

static void patch_branch(const char *kind, const char *symbol, unsigned long start,
                         unsigned long at, u8 opcode, unsigned long was_to, void *to)
{
    s32 distance = (s32)((unsigned long)to - (at + 5));
    u8 is[5] = { opcode };

    memcpy(is + 1, &distance, 4);
    patch(kind, symbol, start, at, is, 5, was_to, (unsigned long)to);
}

/* The first direct call or jump of a function that goes to @target (0: a call to the start of any
 * function); 0: none. */
static unsigned long find_branch(unsigned long start, unsigned long target, unsigned long *to)
{
    unsigned long at, size, offset, end = end_of(start);
    int (*size_of)(unsigned long, unsigned long *, unsigned long *) =
        (void *)look_up("kallsyms_lookup_size_offset");

    for (at = start + 5; at + 5 <= end; at++) { /* the first five bytes are those of ftrace */
        u8 opcode = *(u8 *)at;
        unsigned long there = at + 5 + *(s32 *)(at + 1);

        if (opcode != 0xe8 && (opcode != 0xe9 || !target))
            continue;
        if (target ? there != target : !size_of(there, &size, &offset) || offset)
            continue;
        *to = there;
        return at;
    }
    return 0;
}

/* One case of the switch that dispatches system calls. */
static void redirect_case(const char *kind, const char *dispatcher, const char *name, void *new,
                          void *first)
{
    unsigned long start = look_up(dispatcher), target = look_up(name), at, to;

    at = start && target ? find_branch(start, target, &to) : 0;
    if (!at)
        return;
    *(unsigned long *)first = target;
    patch_branch(kind, dispatcher, start, at, *(u8 *)at, target, new);
}

static noinline long new_acct(const struct pt_regs *regs)
{
    return -ENOSYS;
}

static noinline void new_callee(void)
{
}

/* A call in the middle of a function that never runs here. */
static void redirect_call(void)
{
    unsigned long start = look_up("kernel_halt"), to, at = start ? find_branch(start, 0, &to) : 0;

    if (at)
        patch_branch("patched_call", "kernel_halt", start, at, 0xe8, to, new_callee);
}

/* The constant that an instruction loads: a string's address becomes one byte more. */
static void change_constant(void)
{
    unsigned long start = look_up("kernel_power_off"), at, end = start ? end_of(start) : 0;

    for (at = start + 5; at + 7 <= end; at++) {
        const u8 *p = (void *)at;
        u8 is[7];

        if (!(p[0] == 0x48 && ((p[1] == 0xc7 && p[2] == 0xc7) || (p[1] == 0x8d && p[2] == 0x3d))))
            continue;
        memcpy(is, p, 7);
        is[3]++;
        patch("patched_constant", "kernel_power_off", start, at, is, 7, 0, 0);
        return;
    }
}

/* A jump at the entry of a function of another module. */
static void patch_module(void)
{
    unsigned long at = look_up("dummy_change_carrier");

    if (at)
        patch_branch("patched_module", "dummy_change_carrier", at, at, 0xe9, 0, new_callee);
}

/* ---- the interrupt descriptor table --------------------------------------------------------- */

/* Never runs: no device has the vectors. */
static noinline void new_gate(void)
{
    for (;;)
        cpu_relax();
}

static void change_gate(int vector)
{
    gate_desc *table = (void *)look_up("idt_table"), gate;
    unsigned long to = (unsigned long)new_gate, was;

    if (!table)
        return;
    was = gate_offset(&table[vector]);
    gate = table[vector].bits.p ? table[vector] : table[X86_TRAP_OF];
    gate.offset_low = to & 0xffff;
    gate.offset_middle = to >> 16 & 0xffff;
    gate.offset_high = to >> 32;
    if (overwrite((unsigned long)&table[vector], &gate, sizeof(gate)))
        mark("\"idt\",\"vector\":%d,\"gate\":\"%lx\",\"was\":\"%lx\",\"is\":\"%lx\"", vector,
             (unsigned long)&table[vector], was, gate_offset(&table[vector]));
}

/* ---- static calls --------------------------------------------------------------------------- */

/* Never runs: the emulator has no performance counters. */
static noinline void new_static(void *a, void *b)
{
}

static void change_static_call(void)
{
    void (*update)(struct static_call_key *, void *, void *) =
        (void *)look_up("__static_call_update");
    const char *name = look_up("__SCK__x86_pmu_swap_task_ctx") ? "swap_task_ctx" : "pebs_aliases";
    char key_name[48], trampoline_name[48];
    struct static_call_key *key;
    void *trampoline, *was;

    snprintf(key_name, sizeof(key_name), "__SCK__x86_pmu_%s", name);
    snprintf(trampoline_name, sizeof(trampoline_name), "__SCT__x86_pmu_%s", name);
    key = (void *)look_up(key_name);
    trampoline = (void *)look_up(trampoline_name);
    if (!update || !key || !trampoline)
        return;
    was = key->func;
    update(key, trampoline, new_static);
    mark("\"static_call\",\"symbol\":\"x86_pmu_%s\",\"key\":\"%lx\",\"trampoline\":\"%"
         "lx\",\"was\":\"%lx\","
         "\"is\":\"%lx\"",
         name, (unsigned long)key, (unsigned long)trampoline, (unsigned long)was,
         (unsigned long)key->func);
}

/* One site of another key is written over; the key says what it said. */
static void change_static_site(void)
{
    unsigned long key = look_up("__SCK__x86_pmu_commit_scheduling");
    struct static_call_site *site = (void *)look_up("__start_static_call_sites"),
                            *end = (void *)look_up("__stop_static_call_sites");

    for (; key && site < end; site++) {
        unsigned long at = (unsigned long)&site->addr + site->addr;
        unsigned long of = ((unsigned long)&site->key + site->key) & ~3ul;

        if (of != key)
            continue;
        patch_branch("static_site", "x86_pmu_commit_scheduling", at, at, 0xe8, 0, new_static);
        return;
    }
}

static void change_processor_code(void)
{
    unsigned long acct = look_up("__x64_sys_acct");

    change_call("compat_syscall", "ia32_sys_call_table", COMPAT_CALL, new_compat, &first_compat);
    redirect_case("syscall_case", "x64_sys_call", "__x64_sys_vhangup", new_switched,
                  &first_switched);
    redirect_case("compat_case", "ia32_sys_call", "__ia32_sys_sethostname", new_switched_compat,
                  &first_switched_compat);
    if (acct)
        patch_branch("patched", "__x64_sys_acct", acct, acct, 0xe9, 0, new_acct);
    redirect_call();
    change_constant();
    patch_module();
    change_gate(22); /* reserved: it was not present */
    change_gate(0xd7);
    change_static_call();
    change_static_site();
}

#else
static void change_processor_code(void)
{
}
#endif

static int __init plant(void)
{
    if (!in_the_farm())
        return -EPERM;
    mark_module(THIS_MODULE);
    change_call("syscall", "sys_call_table", CALL, new_call, &first_call);
    change_processor_code();
    return 0;
}

module_init(plant); /* and no exit: it stays */
