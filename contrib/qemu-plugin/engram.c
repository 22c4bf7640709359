/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* engram.c - a plugin of QEMU's translator (TCG) that writes what happens at chosen places of a
 * guest into a ring in shared memory (../../live/ring.h). It decides nothing and decodes nothing:
 * places and filters come from Engram, which reads the ring in a process of its own.
 *
 *  Places are looked for when code is translated. For new ones all translated code is thrown away,
 * by qemu_plugin_reset(), which only a processor's thread may call. Each looks for changes when it
 * sleeps, wakes, translates, or returns from an interrupt: at each tick of its clock at least. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "guest.h"
#include "own.h"
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { HERE_MAX = 8, POLLS = 1000 };

static struct cpu {
    uint32_t ticket;
#if PLUGIN_API >= 2
    bool asked;
    GByteArray *bytes;
    struct qemu_plugin_register *regs[RING_REGS_MAX], *root;
#endif
} cpus[RING_CPUS];

/* ---- an event ---- */

struct about { /* what is found out once, for filters and for the record */
    unsigned cpu;
    struct ring_point p;
    uint64_t pc, root, task, entry; /* 0: not known */
    const uint8_t *at;              /* pt_regs, in @copy */
    uint8_t copy[RING_ENTRY_MAX];
    uint64_t address, value;
    uint8_t len, has_value;
};

#if PLUGIN_API >= 2
static const char *const x86_names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                         "rsp", "rbp", "r8",  "r9",  "r10", "r11",
                                         "r12", "r13", "r14", "r15", "rip", "eflags" };

static void ask_registers(struct cpu *cpu)
{
    GArray *all = qemu_plugin_get_registers();
    const qemu_plugin_reg_descriptor *d = (const void *)all->data;
    const bool x86 = machine == X86;

    cpu->bytes = g_byte_array_new();
    for (unsigned i = 0; i < all->len; i++) {
        unsigned n = RING_REGS_MAX, k;
        char end;

        if (x86) {
            for (n = 0; n < n_regs && strcmp(d[i].name, x86_names[n]); n++) {
            }
            if (!strcmp(d[i].name, "cr3"))
                cpu->root = d[i].handle;
        } else if (sscanf(d[i].name, "x%u%c", &k, &end) == 1 && k <= 30) {
            n = k;
        } else if (!strcmp(d[i].name, "sp") || !strcmp(d[i].name, "pc") ||
                   !strcmp(d[i].name, "cpsr")) {
            n = d[i].name[0] == 's' ? 31 : d[i].name[0] == 'p' ? 32 : 33;
        }
        if (n < n_regs && !cpu->regs[n])
            cpu->regs[n] = d[i].handle;
    }
    cpu->asked = true;
}

static uint64_t reg(struct cpu *cpu, struct qemu_plugin_register *which)
{
    uint64_t v = 0;

    if (!which)
        return 0;
    g_byte_array_set_size(cpu->bytes, 0);
    (void)qemu_plugin_read_register(which, cpu->bytes);
    memcpy(&v, cpu->bytes->data, cpu->bytes->len < sizeof v ? cpu->bytes->len : sizeof v);
    return v;
}
#endif

/* The guest's kernel memory at @va. */
static bool kernel_read(unsigned cpu, uint64_t va, void *to, size_t len)
{
    const struct ring_linux *os = &now.c.os;

    if (guest_mapped() && os->levels) {
        if (va - os->direct < os->direct_len)
            return guest_load(va - os->direct, to, len);
        return guest_read(os, os->root, va, to, len) == len;
    }
#if PLUGIN_API >= 4
    if (!cpus[cpu].asked)
        ask_registers(&cpus[cpu]);
    g_byte_array_set_size(cpus[cpu].bytes, 0);
    if (!qemu_plugin_read_memory_vaddr(va, cpus[cpu].bytes, len) || cpus[cpu].bytes->len < len)
        return false;
    memcpy(to, cpus[cpu].bytes->data, len);
    return true;
#else
    (void)cpu;
    return false;
#endif
}

static void find_task(struct about *a)
{
    const uint64_t at = now.c.os.current[a->cpu];

    if (a->task || !at || !now.c.os.levels)
        return;
    if (guest_mapped())
        (void)guest_load(at, &a->task, 8);
    else
        (void)kernel_read(a->cpu, now.c.os.direct + at, &a->task, 8);
}

static void find_entry(struct about *a)
{
    uint64_t stack;
    const uint32_t len = now.c.os.entry_len < RING_ENTRY_MAX ? now.c.os.entry_len : RING_ENTRY_MAX;

    find_task(a);
    if (a->entry || !a->task || !kernel_read(a->cpu, a->task + now.c.os.stack, &stack, 8))
        return;
    if (kernel_read(a->cpu, stack + now.c.os.entry, a->copy, len)) {
        a->entry = stack + now.c.os.entry;
        a->at = a->copy;
    }
}

/* The page tables of the process: of cr3 where that can be read, else those of its mm. */
static uint64_t find_root(struct about *a)
{
    uint64_t mm, pgd;

    if (a->root)
        return a->root;
#if PLUGIN_API >= 2
    if (!cpus[a->cpu].asked)
        ask_registers(&cpus[a->cpu]);
    a->root = reg(&cpus[a->cpu], cpus[a->cpu].root) & UINT64_C(0x000ffffffffff000);
    if (a->root)
        return a->root;
#endif
    find_task(a);
    if (a->task && kernel_read(a->cpu, a->task + now.c.os.mm, &mm, 8) && mm &&
        kernel_read(a->cpu, mm + now.c.os.pgd, &pgd, 8) &&
        pgd - now.c.os.direct < now.c.os.direct_len)
        a->root = pgd - now.c.os.direct;
    return a->root;
}

static uint64_t entry_word(const struct about *a, uint32_t at)
{
    uint64_t v = 0;

    if (a->at && at <= RING_ENTRY_MAX - sizeof v)
        memcpy(&v, a->at + at, sizeof v);
    return v;
}

/* Of a call: on x86 the 32-bit entries of some kernels have not yet moved it from where the result
 * will be. */
static uint64_t number_of(const struct about *a)
{
    const struct ring_linux *os = &now.c.os;
    const uint64_t n = entry_word(a, os->number[a->p.abi & 1][a->p.kind == RING_SYSRET]);

    if (os->number_len == 4)
        return (uint64_t)(int64_t)(int32_t)n;
    return a->p.abi && n == UINT64_MAX ? (uint32_t)entry_word(a, os->result) : n;
}

/* With page table isolation a program runs on the second of two pages. */
static bool in_space(struct about *a)
{
    const uint64_t root = find_root(a), page = 0x1000;

    return !a->p.root || root == a->p.root || root == (a->p.root | page);
}

/* Of a return: is it the one of another frame? */
static bool other_frame(unsigned n, const struct ring_point *p)
{
#if PLUGIN_API >= 2
    struct cpu *cpu = &cpus[n];

    if (!p->sp)
        return false;
    if (!cpu->asked)
        ask_registers(cpu);
    return reg(cpu, cpu->regs[machine == X86 ? 6 : 31]) != p->sp;
#else
    (void)n;
    (void)p;
    return false;
#endif
}

static bool is_wanted(struct about *a)
{
    if (a->p.root && !in_space(a))
        return false;
    if (a->p.kind == RING_SYSCALL || a->p.kind == RING_SYSRET) {
        uint64_t n;

        find_entry(a);
        n = number_of(a);
        if (a->at && n < RING_CALLS && !(now.c.calls[a->p.abi & 1][n / 64] >> n % 64 & 1))
            return false;
    }
    return true;
}

static struct ring_record *take(uint64_t *seq)
{
    uint64_t h = LOAD(&head->head);

    do {
        if (h - LOAD(&control->tail) >= n_records) {
            if (ADD(&head->lost, 1) % 4096 == 0 && now.owned && !engram_is_there())
                *seq = 0;
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&head->head, &h, h + 1, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    *seq = h + 1;
    return &records[h & (n_records - 1)];
}

static void add_texts(struct about *a, struct ring_record *r)
{
    const uint64_t n = number_of(a);
    const uint8_t mask = a->at && n < RING_CALLS ? now.c.texts[a->p.abi & 1][n] : 0;
    unsigned k = 0;

    for (unsigned i = 0; i < 6 && k < RING_TEXTS; i++) {
        const uint64_t va = entry_word(a, now.c.os.args[a->p.abi & 1][i]);
        size_t got = 0;

        if (!(mask >> i & 1))
            continue;
        if (guest_mapped() && now.c.os.levels)
            got = guest_read(&now.c.os, find_root(a), va, r->text[k], RING_TEXT_MAX);
        else
            while (got < RING_TEXT_MAX && kernel_read(a->cpu, va + got, r->text[k] + got, 1) &&
                   r->text[k][got++]) {
            }
        r->text_arg[k] = (uint8_t)i;
        r->text_len[k] = (uint16_t)strnlen(r->text[k], got);
        if (r->text_len[k] < got || got == RING_TEXT_MAX) // else its end is not there
            r->texts |= (uint8_t)(1 << k);
        k++;
    }
}

static void fill(struct about *a, struct ring_record *r)
{
    struct timespec t = { 0, 0 };

    memset((char *)r + sizeof r->seq, 0, offsetof(struct ring_record, regs) - sizeof r->seq);
    if (now.c.timed)
        clock_gettime(CLOCK_MONOTONIC, &t);
    r->time = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    r->lost = LOAD(&head->lost);
    r->kind = a->p.kind;
    r->point = a->p.id;
    r->cpu = a->cpu;
    r->pc = a->pc;
    r->address = a->address;
    r->value = a->value;
    r->len = a->len;
    r->has_value = a->has_value;
#if PLUGIN_API >= 2
    if (a->p.want & RING_WANT_REGS) {
        struct cpu *cpu = &cpus[a->cpu];

        if (!cpu->asked)
            ask_registers(cpu);
        for (unsigned i = 0; i < n_regs; i++)
            r->regs[i] = reg(cpu, cpu->regs[i]);
        r->n_regs = (uint8_t)n_regs;
    }
#endif
    if (a->p.want & RING_WANT_ENTRY)
        find_entry(a);
    if (a->p.want & RING_WANT_ENTRY && a->at) {
        const uint32_t len =
            now.c.os.entry_len < RING_ENTRY_MAX ? now.c.os.entry_len : RING_ENTRY_MAX;

        memcpy(r->entry, a->at, len);
        r->entry_len = (uint16_t)len;
    }
    find_task(a);
    r->task = a->task;
    r->root = a->p.want & (RING_WANT_TEXT | RING_WANT_REGS) ? find_root(a) : a->root;
    if (a->p.want & RING_WANT_TASK && a->task) {
        (void)kernel_read(a->cpu, a->task + now.c.os.pid, &r->pid, 4);
        (void)kernel_read(a->cpu, a->task + now.c.os.tgid, &r->tgid, 4);
        (void)kernel_read(a->cpu, a->task + now.c.os.comm, r->comm, sizeof r->comm);
    }
    if (a->p.want & RING_WANT_TEXT && a->p.kind == RING_SYSCALL)
        add_texts(a, r);
}

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *ts)
{
    return syscall(SYS_futex, word, op, value, ts, NULL, 0);
}

/* Until Engram has handled the event, which knows it by @ticket. */
static void wait_for_answer(unsigned cpu, uint32_t ticket)
{
    enum { SPINS = 2000, SLICE_MS = 50 };
    const struct timespec slice = { 0, SLICE_MS * 1000000L };
    uint32_t *word = &control->answered[cpu];
    const uint32_t most = now.c.timeout_ms;
    uint32_t a;

    ADD(&head->asked, 1);
    (void)futex(&head->asked, FUTEX_WAKE, 1, NULL);
    for (int i = 0; i < SPINS && LOAD(word) != ticket; i++)
        ring_pause();
    for (uint32_t ms = 0; (a = LOAD(word)) != ticket;) {
        if (!futex(word, FUTEX_WAIT, a, &slice) || errno != ETIMEDOUT)
            continue;
        ms += SLICE_MS;
        if (!engram_is_there() || ms >= most) {
            ADD(&head->timeouts, 1);
            disarm();
            return;
        }
    }
}

static void event(struct about *a)
{
    struct ring_record *r = NULL;
    uint64_t seq = 1;
    uint32_t ticket = 0;

    pthread_rwlock_rdlock(&lock);
    if (is_wanted(a) && (r = take(&seq))) {
        fill(a, r);
        if (a->p.want & RING_WANT_SYNC && now.owned) {
            ticket = ++cpus[a->cpu].ticket ? cpus[a->cpu].ticket : ++cpus[a->cpu].ticket;
            r->ticket = ticket;
        }
        STORE(&r->seq, seq);
    }
    pthread_rwlock_unlock(&lock);
    if (!r && !seq)
        disarm();
    if (ticket) {
        wait_for_answer(a->cpu, ticket);
        // The answer can be new points, which are to count from the next instruction on.
        for (int i = 0; i < POLLS && !poll_control(); i++) {
        }
    }
}

/* ---- what QEMU calls ---- */

/* @s NULL: what is at the program's counter, which is exact to the page, and @at in that. */
static void at_slot(unsigned cpu, const struct slot *s, uint64_t at)
{
    struct about a[HERE_MAX];
    unsigned n = 0;

    if (cpu >= RING_CPUS)
        return;
    pthread_rwlock_rdlock(&lock);
#if PLUGIN_API >= 2
    if (!s) {
        struct cpu *c = &cpus[cpu];
        const uint64_t page = ~UINT64_C(0xfff);

        if (!c->asked)
            ask_registers(c);
        s = find_slot((reg(c, c->regs[machine == X86 ? 16 : 32]) & page) | at);
    }
#else
    (void)at;
#endif
    for (uint16_t i = s ? s->first : NONE; i != NONE && n < HERE_MAX; i = now.next[i]) {
        if (other_frame(cpu, &now.c.points[i])) // there can be many
            continue;
        memset(&a[n], 0, offsetof(struct about, copy));
        a[n].address = a[n].value = a[n].len = a[n].has_value = 0;
        a[n].cpu = cpu;
        a[n].p = now.c.points[i];
        a[n].pc = s->address;
        n++;
    }
    pthread_rwlock_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        event(&a[i]);
}

static void at_point(unsigned cpu, void *own)
{
    at_slot(cpu, &now.slots[(uintptr_t)own], 0);
}

static void at_place_in_page(unsigned cpu, void *own)
{
    at_slot(cpu, NULL, (uintptr_t)own);
}

static void at_store(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t va, void *own)
{
    const uint64_t len = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
    struct about a[HERE_MAX];
    unsigned n = 0;

    if (va > LOAD(&write_last) || va + len - 1 < LOAD(&write_first) || cpu >= RING_CPUS)
        return;
    pthread_rwlock_rdlock(&lock);
    for (unsigned i = 0; i < now.n_writes && n < HERE_MAX; i++) {
        const struct ring_point *p = &now.c.points[now.writes[i]];

        if (va + len - 1 < p->address || va > p->address + p->len - 1)
            continue;
        memset(&a[n], 0, offsetof(struct about, copy));
        a[n].cpu = cpu;
        a[n].p = *p;
        a[n].pc = (uintptr_t)own;
        a[n].address = va;
        a[n].len = (uint8_t)len;
#if PLUGIN_API >= 4
        a[n].value = qemu_plugin_mem_get_value(info).data.u64;
        a[n].has_value = 1;
        if (len < 8)
            a[n].value &= (UINT64_C(1) << 8 * len) - 1;
#else
        a[n].value = 0;
        a[n].has_value = len <= 8 && kernel_read(cpu, va, &a[n].value, len);
#endif
        n++;
    }
    pthread_rwlock_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        event(&a[i]);
}

static void at_interrupt_return(unsigned cpu, void *own)
{
    (void)cpu;
    (void)own;
    poll_control();
}

static void at_boot(unsigned cpu, void *own)
{
    struct about a;

    (void)own;
    if (cpu >= RING_CPUS || !LOAD(&head->applied))
        return;
    memset(&a, 0, sizeof a);
    a.cpu = cpu;
    a.p.kind = RING_RESET;
    a.p.id = UINT32_MAX; // it is of no point
    event(&a);
}

static bool is(const struct qemu_plugin_insn *insn, const void *want, size_t len)
{
    uint8_t bytes[4];

    if (qemu_plugin_insn_size(insn) != len)
        return false;
#if PLUGIN_API >= 3
    if (qemu_plugin_insn_data(insn, bytes, len) != len)
        return false;
#else
    memcpy(bytes, qemu_plugin_insn_data(insn), len);
#endif
    return !memcmp(bytes, want, len);
}

static bool is_interrupt_return(const struct qemu_plugin_insn *insn)
{
    static const uint8_t iretq[] = { 0x48, 0xcf }, eret[] = { 0xe0, 0x03, 0x9f, 0xd6 };

    return machine == X86 ? is(insn, iretq, sizeof iretq) : is(insn, eret, sizeof eret);
}

/* Where a processor begins behind a reset: x86's vector; on QEMU's AArch64 machines the firmware's
 * memory, or at the beginning of RAM QEMU's own words to a kernel: `ldr x0, .+24`. */
static bool is_reset(const struct qemu_plugin_insn *insn)
{
    static const uint8_t words[] = { 0xc0, 0x00, 0x00, 0x58 };
    const uint64_t at = qemu_plugin_insn_vaddr(insn);

    if (machine == X86)
        return at == UINT64_C(0xfffffff0);
    return machine == ARM64 && (!at || (at == 1 << 30 && is(insn, words, sizeof words)));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    const size_t n = qemu_plugin_tb_n_insns(tb);
    struct qemu_plugin_insn *insn;
    uint64_t first, last;

    (void)id;
    if (!n)
        return;
    poll_control();
    first = qemu_plugin_tb_vaddr(tb);
    insn = qemu_plugin_tb_get_insn(tb, n - 1);
    last = qemu_plugin_insn_vaddr(insn);
    if (is_interrupt_return(insn))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, at_interrupt_return, CB_NO_REGS, NULL);
    pthread_rwlock_rdlock(&lock);
    insn = qemu_plugin_tb_get_insn(tb, 0);
    if (is_reset(insn))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, at_boot, CB_NO_REGS, NULL);
    if (now.n_slots && first <= now.highest && (last >= now.lowest || last < first))
        for (size_t i = 0; i < n; i++) {
            struct slot *s;

            insn = qemu_plugin_tb_get_insn(tb, i);
            s = find_slot(qemu_plugin_insn_vaddr(insn));
            if (s)
                qemu_plugin_register_vcpu_insn_exec_cb(insn, at_point, CB_R_REGS,
                                                       (void *)(uintptr_t)(s - now.slots));
        }
    for (size_t i = 0; is_programs(first) && i < n; i++) {
        uint64_t at;

        insn = qemu_plugin_tb_get_insn(tb, i);
        at = qemu_plugin_insn_vaddr(insn) % 4096;
        if (now.low[at / 64] >> at % 64 & 1)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_place_in_page, CB_R_REGS,
                                                   (void *)(uintptr_t)at);
    }
    for (size_t i = 0; now.n_writes && i < n; i++) {
        insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_mem_cb(insn, at_store, CB_R_REGS, MEM_W,
                                         (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
    }
    pthread_rwlock_unlock(&lock);
}

CPU_CB(slept_or_woke)
{
    UNUSED;
    (void)cpu;
    poll_control();
}

void install_callbacks(void)
{
    qemu_plugin_register_vcpu_idle_cb(self, slept_or_woke OWN);
    qemu_plugin_register_vcpu_resume_cb(self, slept_or_woke OWN);
    qemu_plugin_register_vcpu_tb_trans_cb(self, translated);
}
