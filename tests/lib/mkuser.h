/** mkuser.h - a process's own memory on a synthetic machine, laid down word by word. */
#ifndef MK_USER_H
#define MK_USER_H

#include "mkguest.h"

enum { MK_HEAP_PAGE = 2000, MK_DATA_PAGE = 3001, MK_USER_PAGES = 6 };

/** A process with a program's variables (of a file) and other memory, neither of them [heap]. */
struct mk_user {
    struct mk_guest g;
    uint64_t task, mm;
    uint64_t data, heap; /**< first addresses */
    uint64_t at;         /**< where the next thing in the heap goes */
    unsigned ptr;        /**< bytes of a pointer of the process */
};
/** @ptr: 4 for a 32-bit process; 0: as the machine has it. */
static inline struct mk_user mk_user(const struct mk_machine *m, unsigned ptr)
{
    static const char *const edits[] = { "struct file *exe_file;",
                                         "struct file *exe_file; unsigned long task_size;", NULL };
    struct mk_user u = { .g = mk_guest(m, edits) };
    uint64_t dentry = mk_guest_dentry(&u.g, u.g.top, "prog");

    u.ptr = ptr ? ptr : mk_model(u.g.k)->ptr_size;
    u.task = mk_guest_task(&u.g, 7, "prog", 0);
    u.mm = MK_MM(&u.g, u.task, "prog\0", "A=1\0B=2\0");
    mk_put(u.g.k, u.mm, "mm_struct.exe_file", mk_guest_file(&u.g, dentry));
    mk_put(u.g.k, u.mm, "mm_struct.task_size", ptr == 4 ? 0xffffe000 : UINT64_MAX >> 17);
    u.heap = MK_HEAP_PAGE * u.g.page;
    u.data = MK_DATA_PAGE * u.g.page;
    mk_guest_vma(&u.g, u.mm, 1000, 1, 3, 0); // the stack
    mk_guest_vma(&u.g, u.mm, MK_HEAP_PAGE, MK_USER_PAGES, 3, 0);
    mk_guest_vma(&u.g, u.mm, MK_DATA_PAGE, 1, 3, mk_guest_file(&u.g, dentry));
    u.at = u.heap + 64;
    return u;
}
/** An integer of @size bytes, in the machine's byte order. */
static inline void mk_user_int(struct mk_user *u, uint64_t va, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[mk_model(u->g.k)->big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
    mk_guest_write(&u->g, u->mm, va, bytes, size);
}
/** The @i-th word of what is at @va. */
static inline void mk_user_word(struct mk_user *u, uint64_t va, uint64_t i, uint64_t value)
{
    mk_user_int(u, va + i * u->ptr, u->ptr, value);
}
/** Room for @len bytes, as an allocator gives it: within one page. */
static inline uint64_t mk_user_room(struct mk_user *u, uint64_t len)
{
    uint64_t at = (u->at + 15) & ~UINT64_C(15);

    if (at % u->g.page + len > u->g.page)
        at = (at / u->g.page + 1) * u->g.page;
    u->at = at + len;
    return at;
}
static inline uint64_t mk_user_text(struct mk_user *u, const char *s)
{
    uint64_t at = mk_user_room(u, strlen(s) + 1);

    mk_guest_write(&u->g, u->mm, at, s, strlen(s) + 1);
    return at;
}
/** @n words; those behind are zero. */
static inline uint64_t mk_user_words(struct mk_user *u, const uint64_t *words, size_t n)
{
    uint64_t at = mk_user_room(u, (n + 1) * u->ptr);

    for (size_t i = 0; i < n; i++)
        mk_user_word(u, at, i, words[i]);
    mk_user_word(u, at, n, 0);
    return at;
}
#define MK_WORDS(u, ...)                                                                           \
    mk_user_words((u), (const uint64_t[]){ __VA_ARGS__ },                                          \
                  sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
/** A variable of the program. */
static inline void mk_user_variable(struct mk_user *u, uint64_t i, uint64_t value)
{
    mk_user_word(u, u->data, i, value);
}

/** For each machine, its own processes, and on 64-bit ones of this byte order 32-bit ones. */
#define mk_each_user(m, p) mk_each_machine(m) for (unsigned p = 0; p <= 4; p += 4)

#endif
