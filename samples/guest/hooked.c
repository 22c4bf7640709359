/* hooked: processes that are not what their files say, each changed by itself as an intruder who
 * can write to its memory would.  Dynamic, without libc's start files, so that it runs with the
 * libc of any Debian.  Its first argument says which.
 *
 *     got        the entry of a called function in its own offset table leads to anonymous memory
 *     inline     a function of libc begins with a jump to anonymous memory
 *     mapped     a library that it mapped by hand, and a copy of it in anonymous memory
 *     hollow     other bytes where its code was */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ANSWER = 0x1ab, PAGE = 4096 };

extern const ElfW(Ehdr) __ehdr_start;
extern ElfW(Dyn) _DYNAMIC[];

static const char *which;

#define FACT(...)                                                                                  \
    do {                                                                                           \
        char line[512];                                                                            \
        int n = snprintf(line, sizeof line, __VA_ARGS__);                                          \
        int fd = open("/run/lab/facts.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);                    \
        write_all(fd, line, n);                                                                    \
        close(fd);                                                                                 \
    } while (0)

static void write_all(int fd, const char *line, int n)
{
    if (write(fd, line, (size_t)n) != n)
        _exit(3);
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    FACT("{\"kind\":\"failed\",\"actor\":\"hooked %s\",\"what\":\"%s\",\"why\":\"%s\"}\n", which,
         what, strerror(errno));
    _exit(1);
}

/* Anonymous memory with a function that returns ANSWER. */
static void *answering(void)
{
#ifdef __x86_64__
    static const uint8_t code[] = { 0xb8, 0xab, 0x01, 0, 0, 0xc3 }; // mov $0x1ab,%eax; ret
#else
    static const uint32_t code[] = { 0x52803560, 0xd65f03c0 }; // mov w0, #0x1ab; ret
#endif
    uint8_t *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    check(at != MAP_FAILED, "mmap");
    memcpy(at, code, sizeof code);
    check(mprotect(at, PAGE, PROT_READ | PROT_EXEC) == 0, "mprotect");
    __builtin___clear_cache((char *)at, (char *)at + PAGE);
    return at;
}

/* ---- got ---- */

static void got(void)
{
    const uint8_t *base = (const uint8_t *)&__ehdr_start;
    const ElfW(Rela) *rel = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *text = NULL;
    void *to = answering(), **slot = NULL;
    size_t bytes = 0;

    for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++) {
        const uint8_t *p = (const uint8_t *)d->d_un.d_ptr; // ld.so has added the base

        if (d->d_tag == DT_JMPREL)
            rel = (const void *)p;
        else if (d->d_tag == DT_PLTRELSZ)
            bytes = d->d_un.d_val;
        else if (d->d_tag == DT_SYMTAB)
            symbols = (const void *)p;
        else if (d->d_tag == DT_STRTAB)
            text = (const void *)p;
    }
    for (size_t i = 0; rel && i < bytes / sizeof *rel; i++)
        if (strcmp(text + symbols[ELF64_R_SYM(rel[i].r_info)].st_name, "getppid") == 0)
            slot = (void **)(uintptr_t)(base + rel[i].r_offset);
    check(slot != NULL, "no entry for getppid");
    check(mprotect((void *)((uintptr_t)slot & -PAGE), PAGE, PROT_READ | PROT_WRITE) == 0,
          "mprotect");
    *slot = to;
    check(getppid() == ANSWER, "it is not called");
    FACT("{\"kind\":\"hooked\",\"pid\":%d,\"what\":\"got\",\"symbol\":\"getppid\",\"at\":\"%p\","
         "\"to\":\"%p\"}\n",
         getpid(), (void *)slot, to);
}

/* ---- inline ---- */

static void in_line(void)
{
    uint8_t *at = (uint8_t *)(uintptr_t)&gethostname, *to = answering();
    uint8_t *page = (uint8_t *)((uintptr_t)at & -PAGE);
    char name[8];

    check(mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0, "mprotect");
#ifdef __x86_64__
    if (to - at - 5 == (int32_t)(to - at - 5)) {
        int32_t off = (int32_t)(to - at - 5);

        at[0] = 0xe9; // jmp
        memcpy(at + 1, &off, 4);
    } else {
        memcpy(at, "\x48\xb8", 2); // movabs to %rax; jmp *%rax
        memcpy(at + 2, &to, 8);
        memcpy(at + 10, "\xff\xe0", 2);
    }
#else
    memcpy(at, (uint32_t[]){ 0x58000050, 0xd61f0200 }, 8);     // ldr x16, +8; br x16
    memcpy(at + 8, &to, 8);
#endif
    __builtin___clear_cache((char *)at, (char *)at + 16);
    check(mprotect(page, 2 * PAGE, PROT_READ | PROT_EXEC) == 0, "mprotect");
    check(gethostname(name, sizeof name) == ANSWER, "it is not called");
    FACT("{\"kind\":\"hooked\",\"pid\":%d,\"what\":\"inline\",\"symbol\":\"gethostname\","
         "\"at\":\"%p\",\"to\":\"%p\"}\n",
         getpid(), (void *)at, (void *)to);
}

/* ---- mapped ---- */

static void mapped(void)
{
    static const char path[] = "/usr/lib/lab-preload.so";
    static uint8_t file[64 << 10];
    const ElfW(Ehdr) *h = (const void *)file;
    const ElfW(Phdr) * p;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, file, sizeof file);
    uint8_t *base, *copy;

    check(n > (ssize_t)sizeof *h && n < (ssize_t)sizeof file, path);
    p = (const void *)(file + h->e_phoff);
    base = mmap(NULL, sizeof file, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(base != MAP_FAILED, "mmap");
    for (int i = 0; i < h->e_phnum; i++) {
        const ElfW(Addr) from = p[i].p_vaddr & -PAGE, in = p[i].p_vaddr - from;

        if (p[i].p_type != PT_LOAD || !p[i].p_filesz)
            continue;
        check(mmap(base + from, p[i].p_filesz + in,
                   (p[i].p_flags & PF_R ? PROT_READ : 0) | (p[i].p_flags & PF_W ? PROT_WRITE : 0) |
                       (p[i].p_flags & PF_X ? PROT_EXEC : 0),
                   MAP_PRIVATE | MAP_FIXED, fd, (off_t)(p[i].p_offset - in)) != MAP_FAILED,
              "mmap of a segment");
    }
    FACT("{\"kind\":\"hooked\",\"pid\":%d,\"what\":\"mapped\",\"at\":\"%p\",\"path\":\"%s\"}\n",
         getpid(), (void *)base, path);
    copy = mmap(NULL, sizeof file, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(copy != MAP_FAILED, "mmap");
    memcpy(copy, file, (size_t)n);
    check(mprotect(copy, sizeof file, PROT_READ | PROT_EXEC) == 0, "mprotect");
    FACT("{\"kind\":\"hooked\",\"pid\":%d,\"what\":\"copied\",\"at\":\"%p\",\"path\":\"\"}\n",
         getpid(), (void *)copy);
}

/* ---- hollow ---- */

/* Two pages that nothing runs: where the other bytes go. */
extern const uint8_t room[2 * PAGE];
__asm__(".text\n.balign 4096\nroom: .fill 8192, 1, 0x1f\n");

static void hollow(void)
{
    const uint8_t *base = (const uint8_t *)&__ehdr_start;
    const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

    for (int i = 0; i < __ehdr_start.e_phnum; i++) {
        uint8_t *from = (uint8_t *)(uintptr_t)base + (p[i].p_vaddr & -PAGE), *new;
        size_t len = (p[i].p_vaddr & (PAGE - 1)) + p[i].p_memsz;

        if (p[i].p_type != PT_LOAD || !(p[i].p_flags & PF_X))
            continue;
        len = (len + PAGE - 1) & -PAGE;
        new = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(new != MAP_FAILED, "mmap");
        memcpy(new, from, len);
        memset(new + (room - from), 0x5a, sizeof room);
        memcpy(new + (room - from), "another program's code", 22);
        check(mprotect(new, len, PROT_READ | PROT_EXEC) == 0, "mprotect");
        __builtin___clear_cache((char *)new, (char *)new + len);
        // In one step: what runs meanwhile is alike in both.
        check(mremap(new, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, from) == from, "mremap");
        FACT("{\"kind\":\"hooked\",\"pid\":%d,\"what\":\"hollow\",\"at\":\"%p\",\"end\":\"%p\","
             "\"words\":\"%p\"}\n",
             getpid(), (void *)from, (void *)(from + len), (const void *)room);
    }
}

__attribute__((used)) static void begin(const uintptr_t *stack)
{
    which = stack[0] > 1 ? (const char *)stack[2] : "";
    if (!strcmp(which, "got"))
        got();
    else if (!strcmp(which, "inline"))
        in_line();
    else if (!strcmp(which, "mapped"))
        mapped();
    else if (!strcmp(which, "hollow"))
        hollow();
    for (;;)
        pause();
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call begin; hlt");
#else
__asm__(".globl _start\n_start: mov x29,#0; mov x30,#0; mov x0,sp; bl begin; brk #1");
#endif
