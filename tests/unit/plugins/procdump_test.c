/* procdump_test.c - core files: what is in them, what is not and is said to be missing; memory of
 * any size; threads; 32-bit programs; vector registers in the processor's compact format. */
#include "base.h"
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KERNEL_STACK = 0x4000,
    REGS = 168,
    PAGE = 0x1000,
    PT_LOAD = 1,
    PT_NOTE = 4,
    NT_PRSTATUS = 1,
    NT_PRFPREG = 2,
    NT_PRPSINFO = 3,
    NT_AUXV = 6,
    NT_FILE = 0x46494c45,
    NT_XSTATE = 0x202,
};
#define BIG   UINT64_C(0x100000000) // where a mapping of 3 GiB begins
#define STACK UINT64_C(0x7ffd00001000)

static const char *const types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS
    "union fpregs_state { unsigned char bytes[4096]; };"
    "struct fpstate { unsigned int size; u64 user_xfeatures; union fpregs_state regs; };"
    "struct fpu { struct fpstate *fpstate; };"
    "struct thread_struct { unsigned long sp; u16 es, ds, fsindex, gsindex;"
    "  unsigned long fsbase, gsbase; u32 pkru; struct fpu fpu; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
    "  unsigned int cpu; struct thread_struct thread;",
    "struct mm_struct {", "struct mm_struct { unsigned long saved_auxv[8];", NULL
};

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t task, mm, regs, fpstate;
    char dir[64];
    uint8_t *file; // the core file
    size_t size;
};

static const struct mk_machine *x86(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

static struct world process(void)
{
    struct world w = { .g = mk_guest(x86(), types) };
    const uint64_t first = mk_alloc_aligned(w.k = w.g.k, KERNEL_STACK, KERNEL_STACK);
    const uint64_t stack = mk_alloc_aligned(w.k, KERNEL_STACK, KERNEL_STACK);

    mk_symbol(w.k, "__start_init_stack", first);
    mk_symbol(w.k, "__end_init_stack", first + KERNEL_STACK);
    w.task = mk_guest_task(&w.g, 7, "a/b", 0);
    w.mm = MK_MM(&w.g, w.task, "prog\0-x\0", "A=1\0");
    w.regs = stack + KERNEL_STACK - REGS;
    w.fpstate = mk_object(w.k, "fpstate");
    mk_put(w.k, w.task, "task_struct.stack", stack);
    mk_put(w.k, w.task, "task_struct.thread.fsbase", 0x7f0000001000);
    mk_put(w.k, w.task, "task_struct.thread.pkru", 0x55555554);
    mk_put(w.k, w.task, "task_struct.thread.fpu.fpstate", w.fpstate);
    mk_put(w.k, w.regs, "pt_regs.ip", 0x401000);
    mk_put(w.k, w.regs, "pt_regs.sp", STACK + 8);
    mk_put(w.k, w.regs, "pt_regs.r12", 0x1212);
    mk_put(w.k, w.regs, "pt_regs.cs", 0x33);
    mk_put(w.k, w.regs, "pt_regs.orig_ax", 35);
    strcpy(w.dir, "procdump.XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    return w;
}

static void *slurp(struct world *w, const char *name, size_t *size)
{
    char path[128];
    struct stat st;
    uint8_t *bytes;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    *size = (size_t)st.st_size;
    bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    bytes[*size] = 0;
    fclose(f);
    unlink(path);
    return bytes;
}

/* @return its row. */
static const char *dump(struct world *w)
{
    const char *rows;

    mk_out_dir = w->dir;
    rows = mk_guest_rows(&w->g, "procdump", "pid=7");
    mk_out_dir = NULL;
    w->file = slurp(w, "core.7.a_b", &w->size);
    return rows;
}

static void done(struct world *w)
{
    free(w->file);
    rmdir(w->dir);
    mk_free(w->k);
}

static bool wide(const struct world *w)
{
    return w->file[4] == 2;
}

static uint64_t field(const struct world *w, size_t at, unsigned size)
{
    assert_true(at + size <= w->size);
    return size == 8   ? eg_le64(w->file + at)
           : size == 4 ? eg_le32(w->file + at)
                       : eg_le16(w->file + at);
}

struct segment {
    uint64_t type, flags, offset, vaddr, filesz, memsz;
};
static size_t segments(const struct world *w)
{
    return (size_t)field(w, wide(w) ? 56 : 44, 2);
}
static struct segment segment(const struct world *w, size_t i)
{
    const size_t at = wide(w) ? 64 + 56 * i : 52 + 32 * i;

    if (!wide(w))
        return (struct segment){ field(w, at, 4),     field(w, at + 24, 4), field(w, at + 4, 4),
                                 field(w, at + 8, 4), field(w, at + 16, 4), field(w, at + 20, 4) };
    return (struct segment){ field(w, at, 4),      field(w, at + 4, 4),  field(w, at + 8, 8),
                             field(w, at + 16, 8), field(w, at + 32, 8), field(w, at + 40, 8) };
}

/* The @nth note of a type; its bytes. */
static const uint8_t *note(const struct world *w, uint32_t type, unsigned nth, size_t *len)
{
    const struct segment s = segment(w, 0);

    assert_int_equal(s.type, PT_NOTE);
    for (size_t at = s.offset; at < s.offset + s.filesz;) {
        const size_t name = eg_align_up(field(w, at, 4), 4);
        const uint8_t *bytes = w->file + at + 12 + name;

        *len = field(w, at + 4, 4);
        if (field(w, at + 8, 4) == type && !nth--)
            return bytes;
        at += 12 + name + eg_align_up(*len, 4);
    }
    return NULL;
}

/* The segment with @addr. */
static struct segment at(const struct world *w, uint64_t addr)
{
    for (size_t i = 1; i < segments(w); i++) {
        const struct segment s = segment(w, i);

        if (addr >= s.vaddr && addr - s.vaddr < s.memsz)
            return s;
    }
    return (struct segment){ 0 };
}

static void everything(void **state)
{
    struct world w = process();
    const uint64_t file = mk_guest_file(&w.g, mk_guest_dentry(&w.g, w.g.top, "data"));
    const char *row;
    struct segment s;
    const uint8_t *n;
    size_t len;
    char *holes;

    (void)state;
    mk_guest_vma(&w.g, w.mm, 0x10000000 / PAGE, 2, 5, file); // of which nothing is in memory
    mk_guest_vma(&w.g, w.mm, BIG / PAGE, (UINT64_C(3) << 30) / PAGE, 3, 0);
    mk_guest_vma(&w.g, w.mm, STACK / PAGE, 1, 3, 0);
    mk_guest_write(&w.g, w.mm, BIG + (UINT64_C(2) << 30) + 0x10, "in the middle", 13);
    mk_guest_write(&w.g, w.mm, STACK + 8, "on the stack", 12);
    mk_write_ptr(w.k, mk_at(w.k, w.mm, "mm_struct.saved_auxv"), 6);
    mk_write_ptr(w.k, mk_at(w.k, w.mm, "mm_struct.saved_auxv") + 8, PAGE);
    row = dump(&w);
    assert_string_equal(mk_columns(row, 0, 2), "7|a/b|core.7.a_b");
    assert_string_equal(mk_columns(row, 4, 8), "1|3|8192|8192|not in the page cache: 8192");
    assert_int_equal(field(&w, 16, 2), 4); // ET_CORE
    assert_int_equal(field(&w, 18, 2), 62);

    s = at(&w, STACK);
    assert_int_equal(s.flags, 6);
    assert_int_equal(s.filesz, PAGE);
    assert_memory_equal(w.file + s.offset + 8, "on the stack", 12);
    s = at(&w, BIG + (UINT64_C(2) << 30));
    assert_int_equal(s.filesz, PAGE);
    assert_memory_equal(w.file + s.offset + 0x10, "in the middle", 13);
    s = at(&w, BIG); // zeros, too many of them
    assert_int_equal(s.filesz, 0);
    assert_int_equal(s.memsz, UINT64_C(2) << 30);
    s = at(&w, 0x10000000); // not in the image: not in the file
    assert_int_equal(s.filesz, 0);
    assert_int_equal(s.memsz, 2 * PAGE);
    assert_int_equal(s.flags, 5);
    assert_true(w.size < 1 << 20);

    n = note(&w, NT_PRSTATUS, 0, &len);
    assert_int_equal(len, 336);
    assert_int_equal(eg_le32(n + 32), 7);
    assert_int_equal(eg_le64(n + 112 + 8 * 3), 0x1212); // r12
    assert_int_equal(eg_le64(n + 112 + 8 * 15), 35);    // orig_rax
    assert_int_equal(eg_le64(n + 112 + 8 * 16), 0x401000);
    assert_int_equal(eg_le64(n + 112 + 8 * 19), STACK + 8);
    assert_int_equal(eg_le64(n + 112 + 8 * 21), 0x7f0000001000);
    assert_null(note(&w, NT_PRSTATUS, 1, &len));
    n = note(&w, NT_PRPSINFO, 0, &len);
    assert_int_equal(len, 136);
    assert_string_equal((const char *)n + 40, "a/b");
    assert_string_equal((const char *)n + 56, "prog -x");
    n = note(&w, NT_AUXV, 0, &len);
    assert_int_equal(len, 32);
    assert_int_equal(eg_le64(n + 8), PAGE);
    n = note(&w, NT_FILE, 0, &len);
    assert_int_equal(len, 8 * 5 + 6);
    assert_int_equal(eg_le64(n), 1);
    assert_int_equal(eg_le64(n + 16), 0x10000000);
    assert_string_equal((const char *)n + 40, "/data");

    holes = slurp(&w, "core.7.a_b.missing.csv", &len);
    assert_string_equal(holes, "START,END,SIZE,REASON\n"
                               "0x10000000,0x10002000,8192,not in the page cache\n"
                               "0x100000000,0x180000000,2147483648,never written to: zeros\n"
                               "0x180001000,0x1c0000000,1073737728,never written to: zeros\n");
    free(holes);
    done(&w);
}

/* A leader that has ended, and a thread that has not. */
static void threads(void **state)
{
    struct world w = process();
    const uint64_t other = mk_alloc_aligned(w.k, KERNEL_STACK, KERNEL_STACK);
    const uint64_t t = mk_object(w.k, "task_struct"),
                   signal = mk_of(&w.g, w.task, "task_struct.signal");
    const char *row;
    size_t len;

    (void)state;
    mk_guest_vma(&w.g, w.mm, STACK / PAGE, 1, 3, 0);
    mk_guest_write(&w.g, w.mm, STACK, "x", 1);
    mk_put(w.k, t, "task_struct.pid", 8);
    mk_put(w.k, t, "task_struct.tgid", 7);
    mk_put(w.k, t, "task_struct.mm", w.mm);
    mk_put(w.k, t, "task_struct.stack", other);
    mk_put(w.k, t, "task_struct.signal", signal);
    mk_put(w.k, t, "task_struct.group_leader", w.task);
    mk_put(w.k, t, "task_struct.real_cred", mk_of(&w.g, w.task, "task_struct.real_cred"));
    mk_put(w.k, other + KERNEL_STACK - REGS, "pt_regs.ip", 0x402000);
    mk_put(w.k, other + KERNEL_STACK - REGS, "pt_regs.cs", 0x33);
    mk_list_append(w.k, mk_at(w.k, signal, "signal_struct.thread_head"),
                   mk_at(w.k, t, "task_struct.thread_node"));
    row = dump(&w);
    assert_string_equal(mk_columns(row, 4, 4), "2");
    assert_int_equal(eg_le32(note(&w, NT_PRSTATUS, 0, &len) + 32), 7);
    assert_int_equal(eg_le64(note(&w, NT_PRSTATUS, 1, &len) + 112 + 8 * 16), 0x402000);
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    free(w.file);
    mk_put(w.k, w.task, "task_struct.mm", 0);
    row = dump(&w);
    assert_string_equal(mk_columns(row, 4, 4), "1");
    assert_int_equal(eg_le32(note(&w, NT_PRSTATUS, 0, &len) + 32), 8);
    assert_null(note(&w, NT_PRSTATUS, 1, &len));
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    done(&w);
}

static void programs_of_32_bits(void **state)
{
    struct world w = process();
    const uint8_t *n;
    size_t len;

    (void)state;
    mk_put(w.k, w.regs, "pt_regs.cs", 0x23);
    mk_guest_vma(&w.g, w.mm, 0xfff00000 / PAGE, 1, 3, 0);
    mk_guest_write(&w.g, w.mm, 0xfff00000, "low", 3);
    dump(&w);
    assert_false(wide(&w));
    assert_int_equal(field(&w, 18, 2), 3); // EM_386
    n = note(&w, NT_PRSTATUS, 0, &len);
    assert_int_equal(len, 144);
    assert_int_equal(eg_le32(n + 24), 7);
    assert_int_equal(eg_le32(n + 72 + 4 * 12), 0x401000); // eip
    assert_non_null(note(&w, NT_PRPSINFO, 0, &len));
    assert_int_equal(len, 124);
    assert_non_null(note(&w, NT_PRFPREG, 0, &len));
    assert_int_equal(len, 108);
    assert_memory_equal(w.file + at(&w, 0xfff00000).offset, "low", 3);
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    done(&w);
}

/* In the compact format components follow each other: AVX-512's three begin at 576, 640 and 1152 if
 * AVX is not in use. */
static void vectors(void **state)
{
    struct world w = process();
    const uint64_t area = mk_at(w.k, w.fpstate, "fpstate.regs");
    uint8_t bytes[4096] = { [0] = 0x7f, [1] = 0x03, [24] = 0x80, [25] = 0x1f, [160] = 0xaa };
    const uint8_t *n;
    size_t len;

    (void)state;
    mk_put(w.k, w.fpstate, "fpstate.user_xfeatures", 0x2e7);
    bytes[512] = 0xe2;                // in use: SSE, AVX-512
    bytes[520] = 0xe7;                // room for: AVX too
    bytes[527] = 0x80;                // compact
    memset(bytes + 576 + 256, 5, 64); // behind AVX's room: masks
    memset(bytes + 576 + 320, 6, 512);
    mk_write(w.k, area, bytes, sizeof bytes);
    mk_guest_vma(&w.g, w.mm, STACK / PAGE, 1, 3, 0);
    mk_guest_write(&w.g, w.mm, STACK, "x", 1);
    dump(&w);
    n = note(&w, NT_PRFPREG, 0, &len);
    assert_int_equal(len, 512);
    assert_int_equal(n[160], 0xaa);
    n = note(&w, NT_XSTATE, 0, &len);
    assert_int_equal(len, 2696);
    assert_int_equal(eg_le64(n + 464), 0x2e7); // XCR0
    assert_int_equal(eg_le64(n + 512), 0x2e2); // PKRU, which is kept apart, too
    assert_int_equal(eg_le64(n + 520), 0);
    assert_int_equal(eg_le16(n), 0x37f); // x87 is as it begins
    assert_int_equal(n[576], 0);
    assert_int_equal(n[1088], 5);
    assert_int_equal(n[1151], 5);
    assert_int_equal(n[1152], 6);
    assert_int_equal(n[1663], 6);
    assert_int_equal(n[1664], 0);
    assert_int_equal(eg_le32(n + 2688), 0x55555554);
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    free(w.file);

    bytes[527] = 0; // not compact: each at its own place
    bytes[520] = 0;
    memset(bytes + 1088, 7, 64);
    mk_write(w.k, area, bytes, sizeof bytes);
    dump(&w);
    n = note(&w, NT_XSTATE, 0, &len);
    assert_int_equal(n[1088], 7);
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    free(w.file);

    bytes[540] = 1; // reserved: no header of XSAVE, so only what FXSAVE has
    mk_write(w.k, area, bytes, sizeof bytes);
    dump(&w);
    assert_null(note(&w, NT_XSTATE, 0, &len));
    assert_non_null(note(&w, NT_PRFPREG, 0, &len));
    free(slurp(&w, "core.7.a_b.missing.csv", &len));
    done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything),
        cmocka_unit_test(threads),
        cmocka_unit_test(programs_of_32_bits),
        cmocka_unit_test(vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
