/** mkqemu.h - a QEMU for its plugin: callbacks are kept and called when a test says so,
 * registers and memory are arrays; and a guest of one megabyte, in which a task is on each of
 * two processors. It is one of x86-64, or with MKQEMU_ARM of AArch64. */
#ifndef MKQEMU_H
#define MKQEMU_H

#include "../../contrib/qemu-plugin/own.h"
#include "check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a QEMU ---- */

enum { CALLBACKS = 64, INSNS = 8, MEMORY = 1 << 20, SMALL = 64 };

struct qemu_plugin_insn {
    uint64_t va;
    uint8_t bytes[4];
    size_t len;
};
struct qemu_plugin_tb {
    struct qemu_plugin_insn insns[INSNS];
    size_t n;
};
static struct {
    void (*exec)(unsigned, void *);
    void (*store)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *);
    uint64_t va;
    void *own;
} callbacks[CALLBACKS];
static size_t n_callbacks;
static unsigned n_resets;
static void (*on_translate)(qemu_plugin_id_t, struct qemu_plugin_tb *);
static cpu_cb on_idle, on_resume;
static uint64_t stored;

void qemu_plugin_reset(qemu_plugin_id_t id, plugin_cb cb)
{
    n_callbacks = 0;
    on_translate = NULL;
    on_idle = on_resume = NULL;
    n_resets++;
    cb(id);
}
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t id, cpu_cb cb)
{
    (void)id;
    on_idle = cb;
}
void qemu_plugin_register_vcpu_resume_cb(qemu_plugin_id_t id, cpu_cb cb)
{
    (void)id;
    on_resume = cb;
}
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *))
{
    (void)id;
    on_translate = cb;
}
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb)
{
    return tb->n;
}
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb)
{
    return tb->insns[0].va;
}
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i)
{
    return (struct qemu_plugin_insn *)(uintptr_t)&tb->insns[i];
}
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn)
{
    return insn->va;
}
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn)
{
    return insn->len;
}
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len)
{
    memcpy(to, insn->bytes, len);
    return len;
}
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned, void *),
                                            enum qemu_plugin_cb_flags flags, void *own)
{
    (void)flags;
    assert_true(n_callbacks < CALLBACKS);
    callbacks[n_callbacks].exec = cb;
    callbacks[n_callbacks].store = NULL;
    callbacks[n_callbacks].va = insn->va;
    callbacks[n_callbacks++].own = own;
}
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*cb)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *),
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                      void *own)
{
    (void)flags;
    assert_int_equal(rw, MEM_W);
    assert_true(n_callbacks < CALLBACKS);
    callbacks[n_callbacks].exec = NULL;
    callbacks[n_callbacks].store = cb;
    callbacks[n_callbacks].va = insn->va;
    callbacks[n_callbacks++].own = own;
}
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info)
{
    return info;
}
qemu_plugin_mem_value qemu_plugin_mem_get_value(qemu_plugin_meminfo_t info)
{
    return (qemu_plugin_mem_value){ .type = (int)info, .data.u64 = stored };
}

struct qemu_plugin_register {
    uint64_t value;
};
#ifdef MKQEMU_ARM
static const char *const reg_names[] = { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",
                                         "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13",
                                         "x14", "x15", "x16", "x17", "x18", "x19", "x20",
                                         "x21", "x22", "x23", "x24", "x25", "x26", "x27",
                                         "x28", "x29", "x30", "sp",  "pc",  "cpsr" };
#else
static const char *const reg_names[] = { "rax", "rbx", "rcx", "rdx",    "rsi", "rdi", "rbp",
                                         "rsp", "r8",  "r9",  "r10",    "r11", "r12", "r13",
                                         "r14", "r15", "rip", "eflags", "cr3" };
#endif
enum { REGS = sizeof reg_names / sizeof *reg_names };
static struct qemu_plugin_register regs[REGS];
static qemu_plugin_reg_descriptor descriptors[REGS];
static GArray all = { (char *)descriptors, REGS };

GByteArray *g_byte_array_new(void)
{
    static uint8_t bytes[4096];
    GByteArray *a = calloc(1, sizeof *a);

    a->data = bytes;
    return a;
}
GByteArray *g_byte_array_set_size(GByteArray *a, unsigned len)
{
    a->len = len;
    return a;
}
GArray *qemu_plugin_get_registers(void)
{
    for (size_t i = 0; i < REGS; i++)
        descriptors[i] = (qemu_plugin_reg_descriptor){ &regs[i], reg_names[i], "core" };
    return &all;
}
int qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *to)
{
    memcpy(to->data + to->len, &handle->value, 8);
    to->len += 8;
    return 8;
}
bool qemu_plugin_read_memory_vaddr(uint64_t addr, GByteArray *to, size_t len)
{
    (void)addr;
    (void)to;
    (void)len;
    return false; // all is read from the file
}

/* Code at these addresses is translated anew, and nothing else is. */
static void translate(const uint64_t *at, size_t n)
{
    struct qemu_plugin_tb tb = { .n = n };

    n_callbacks = 0;
    for (size_t i = 0; i < n; i++)
        tb.insns[i] = (struct qemu_plugin_insn){ at[i], { 0x90 }, 1 };
    on_translate(1, &tb);
}
static inline void translate_bytes(uint64_t at, const uint8_t bytes[4])
{
    struct qemu_plugin_tb tb = { .insns = { { .va = at, .len = 4 } }, .n = 1 };

    n_callbacks = 0;
    memcpy(tb.insns[0].bytes, bytes, 4);
    on_translate(1, &tb);
}
static void execute(unsigned cpu, uint64_t at)
{
    for (size_t i = 0; i < n_callbacks; i++)
        if (callbacks[i].va == at && callbacks[i].exec)
            callbacks[i].exec(cpu, callbacks[i].own);
}
static inline void store(unsigned cpu, uint64_t at, uint64_t va, unsigned shift, uint64_t value)
{
    stored = value;
    for (size_t i = 0; i < n_callbacks; i++)
        if (callbacks[i].va == at && callbacks[i].store)
            callbacks[i].store(cpu, shift, va, callbacks[i].own);
}

/* ---- a guest: 1 MiB, a task on each of two processors ---- */

#define DIRECT   UINT64_C(0xffff888000000000)
#define VMALLOC  UINT64_C(0xffffc90000000000)
#define USER     UINT64_C(0x7fff00001000)
#define CALL_AT  UINT64_C(0xffffffff81000000)
#define LEAVE_AT UINT64_C(0xffffffff81000100)
enum {
    ROOT = 0x1000,
    CURRENT = 0x9000,
    TASK = 0xa000,
    MM = 0xb000,
    STACK = 0x10000,
    TEXT = 0x20000,
    STACK_OF = 16,
    MM_OF = 24,
    PID_OF = 32,
    TGID_OF = 36,
    COMM_OF = 40,
#ifdef MKQEMU_ARM
    OPENAT = 56,
    RAM = 1 << 30, /* where memory begins */
    ENTRY_LEN = 304,
    PSTATE = 264,
    ORIG_X0 = 272,
    SYSCALLNO = 280,
#else
    OPENAT = 257,
    RAM = 0,
    ENTRY_LEN = 168,
    ORIG_AX = 120,
#endif
    ENTRY_OF = 0x4000 - ENTRY_LEN,
};
static uint8_t guest[MEMORY];
static char memory_path[64], ring_path[64];

static void put64(uint64_t at, uint64_t v)
{
    memcpy(guest + at, &v, 8);
}
/* One page at @va of the tables at ROOT; tables are at 0x2000 and on. The lowest bits say on x86-64
 * that it is there and can be written to, on AArch64 that it is there and a table or page. */
static void map(uint64_t va, uint64_t pa)
{
    static uint64_t next_table = 0x2000;
    uint64_t table = ROOT, e;

    for (int level = 3; level; level--) {
        const uint64_t at = table + 8 * (va >> (12 + 9 * level) & 511);

        memcpy(&e, guest + at, 8);
        if (!e) {
            e = (RAM + next_table) | 7;
            next_table += 0x1000;
            put64(at, e);
        }
        table = (e & ~UINT64_C(0xfff)) - RAM;
    }
    put64(table + 8 * (va >> 12 & 511), (RAM + pa) | 7);
}

static void write_guest(void)
{
    const int fd = open(memory_path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && write(fd, guest, MEMORY) == MEMORY);
    close(fd);
}

static const struct ring_linux os = {
    .current = { RAM + CURRENT, RAM + CURRENT + 8 },
    .root = RAM + ROOT,
    .direct = DIRECT - RAM,
    .direct_len = RAM + MEMORY,
    .levels = 4,
    .page_shift = 12,
    .va_bits = 48,
    .stack = STACK_OF,
    .mm = MM_OF,
    .pid = PID_OF,
    .tgid = TGID_OF,
    .comm = COMM_OF,
    .pgd = 8,
    .entry = ENTRY_OF,
    .entry_len = ENTRY_LEN,
#ifdef MKQEMU_ARM
    .number = { { 8 * 8, SYSCALLNO }, { 8 * 7, SYSCALLNO } },
    .number_len = 4,
    .result = 0,
    .args = { { 0, 8, 16, 24, 32, 40 }, { 0, 8, 16, 24, 32, 40 } },
    .first = ORIG_X0,
    .mode = PSTATE,
    .mode_mask = 0x10,
    .mode_32 = 0x10,
#else
    .number = { { ORIG_AX, ORIG_AX }, { ORIG_AX, ORIG_AX } },
    .number_len = 8,
    .result = 80,
    .args = { { 112, 104, 96, 56, 72, 64 }, { 40, 88, 96, 104, 112, 32 } },
    .mode = 136,
    .mode_mask = 0xffff,
    .mode_32 = 0x23,
#endif
};

static void make_guest(void)
{
    static const char path[] = "/etc/passwd";
    const uint64_t entry = STACK + ENTRY_OF;

    memset(guest, 0, sizeof guest);
    for (int i = 0; i < 4; i++)
        map(VMALLOC + 0x1000 * (uint64_t)i, STACK + 0x1000 * (uint64_t)i);
    map(USER, TEXT);
    put64(CURRENT, DIRECT + TASK);
    put64(CURRENT + 8, DIRECT + TASK);
    put64(TASK + STACK_OF, VMALLOC);
    put64(TASK + MM_OF, DIRECT + MM);
    put64(TASK + PID_OF, 42 | UINT64_C(41) << 32);
    memcpy(guest + TASK + COMM_OF, "actor", 6);
    put64(MM + 8, DIRECT + ROOT);
    put64(entry + os.number[0][0], OPENAT);
    put64(entry + os.args[0][0], (uint64_t)-100);
    put64(entry + os.args[0][1], USER + 0xff0); // 16 bytes before a hole
    memcpy(guest + TEXT + 0xff0, path, sizeof path);
    write_guest();
}

#endif
