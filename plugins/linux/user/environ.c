/* environ.c - where a program's environment is now.
 *
 *  The C library's `environ` points to an array of "NAME=VALUE", a NULL behind them. At first it is
 * the array that exec laid on the stack, behind argc and argv (fs/binfmt_elf.c): changes of what is
 * there, and removals, happen in that one. With the first new name the library makes an array of
 * its own (glibc's stdlib/setenv.c, musl's src/env/putenv.c). */
#include "environ.h"
#include "../mm/mm.h"
#include <string.h>

enum { SETTINGS_MAX = 1 << 16, CANDIDATES_MAX = 64 };

static void add(struct linux_environ *e, struct linux_user *u, struct linux_setting s)
{
    e->found = eg_grow(u->run, e->found, e->n, &e->cap, sizeof *e->found);
    e->found[e->n++] = s;
}

/** Bytes before the first equals sign of the text at @at; -1: there is none, or it is no text. */
static int64_t name_length(struct linux_user *u, uint64_t at, size_t *len)
{
    struct eg_view *v = eg_view_of(u->run);
    char part[64];

    if (!linux_user_is_text(u, at, LINUX_SETTING_MAX, LINUX_TEXT_ANY, len))
        return -1;
    for (size_t i = 0; i < *len; i += sizeof part) {
        const size_t n = *len - i < sizeof part ? *len - i : sizeof part;
        const char *equals;

        if (!eg_read(v, u->space, at + i, part, n))
            return -1;
        equals = memchr(part, '=', n);
        if (equals)
            return (int64_t)(i + (size_t)(equals - part));
    }
    return -1;
}

/** Letters, digits and what else is in names that shells pass on: BASH_FUNC_name%%. */
static bool is_name(struct linux_user *u, uint64_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const uint8_t *p = eg_bytes(eg_view_of(u->run), u->space, at + i, 1);

        if (!p || (!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') && !(i && *p >= '0' && *p <= '9') &&
                   !memchr("_.-%()", *p, 6)))
            return false;
    }
    return len > 0;
}

/** An array of which each text has a name and an equals sign. @return how many; 0: it is none. */
static size_t array_length(struct linux_user *u, uint64_t array)
{
    size_t n, len;
    uint64_t text;
    int64_t name;

    for (n = 0; n < SETTINGS_MAX; n++) {
        if (!linux_user_word(u, array + n * u->ptr, &text))
            return 0;
        if (!text)
            return n;
        name = name_length(u, text, &len);
        if (name < 0 || !is_name(u, text, (size_t)name))
            return 0;
    }
    return 0;
}

/** The array that exec laid down; 0: it cannot be told where. @gone: where it ends at the latest,
 * if argc in front of it is 0 and the program has arguments: then the page has another content by
 * now, in an image of a machine that ran. Else 0. */
static uint64_t first_array(struct linux_user *u, uint64_t *gone)
{
    uint64_t stack, args, end, argc, argv;

    *gone = 0;
    if (!eg_get(&stack, u->mm, mm_struct.start_stack) ||
        !eg_get(&args, u->mm, mm_struct.arg_start) || !linux_user_word(u, stack, &argc) ||
        argc > SETTINGS_MAX * 32 || !linux_user_word(u, stack + u->ptr, &argv))
        return 0;
    if (!argc && eg_get(&end, u->mm, mm_struct.arg_end) && end > args)
        *gone = args;
    return !argc || argv == args ? stack + (argc + 2) * u->ptr : 0;
}

struct candidate {
    uint64_t array;
    size_t length, pointers;
};

/** The array, other than @first, that most variables point to. With setenv() two do: environ, and
 * the one by which the library knows that the array is its own. *@first becomes 0 where no variable
 * points there: then the program has cleared its environment, or is of another kind. */
static uint64_t pointed_to(struct linux_user *u, uint64_t *first)
{
    struct candidate list[CANDIDATES_MAX], *best = NULL;
    struct linux_user_piece p = { 0 };
    struct linux_addresses words = { 0 };
    bool named = false;
    size_t n = 0;

    while (linux_user_next(u, true, &p))
        for (size_t i = 0; i < p.len; i += u->ptr) {
            const uint64_t w = linux_user_load(u, p.bytes + i);

            if (w && w == *first)
                named = true;
            else if (w && w % u->ptr == 0 && linux_user_range(u, w))
                linux_addresses_add(u, &words, w);
        }
    for (size_t i = 0; i < words.n && !eg_stopped(u->run); i++) {
        size_t k = 0, length;

        while (k < n && list[k].array != words.at[i])
            k++;
        if (k < n)
            list[k].pointers++;
        else if (n < CANDIDATES_MAX && (length = array_length(u, words.at[i])) > 0)
            list[n++] = (struct candidate){ words.at[i], length, 1 };
    }
    if (!named)
        *first = 0;
    for (size_t k = 0; k < n; k++)
        if (!best || list[k].pointers > best->pointers ||
            (list[k].pointers == best->pointers && list[k].length > best->length))
            best = &list[k];
    return best ? best->array : 0;
}

/** Is what should be a text at @at not there? Empty ones, and those too long, are. */
static bool is_lost(struct linux_user *u, uint64_t at)
{
    const uint64_t next = (at | 0xfff) + 1;
    const uint8_t *p = eg_bytes(eg_view_of(u->run), u->space, at, 1);

    return !p || (*p && !eg_bytes(eg_view_of(u->run), u->space, next, 1));
}

static void read_array(struct linux_user *u, struct linux_environ *e)
{
    for (size_t i = 0; e->array && i < SETTINGS_MAX && !eg_stopped(u->run); i++) {
        struct linux_setting s = { 0 };
        int64_t name;
        size_t len;

        if (!linux_user_word(u, e->array + i * u->ptr, &s.name)) {
            e->lost++;
            break;
        }
        if (!s.name)
            break;
        name = name_length(u, s.name, &len);
        if (name < 0 && !linux_user_is_text(u, s.name, LINUX_SETTING_MAX, LINUX_TEXT_ANY, &len)) {
            e->lost += is_lost(u, s.name);
            continue;
        }
        s.name_len = name < 0 ? len : (size_t)name;
        s.value = name < 0 ? 0 : s.name + s.name_len + 1;
        add(e, u, s);
    }
}

/** What bash would give to a command that it starts. */
static bool read_shell(struct linux_user *u, struct linux_environ *e)
{
    const size_t n = linux_shell_find(u, &e->shell);

    for (size_t i = 0; i < n; i++) {
        const struct linux_shell_item *item = &e->shell.found[i];
        struct linux_setting s = { .name = item->name, .value = item->value };

        if (item->kind == LINUX_SHELL_VARIABLE && item->value &&
            (item->attributes & LINUX_SHELL_EXPORTED) &&
            !(item->attributes & (LINUX_SHELL_INVISIBLE | LINUX_SHELL_FUNCTION)) &&
            linux_user_is_text(u, s.name, LINUX_SETTING_MAX, LINUX_TEXT_ANY, &s.name_len))
            add(e, u, s);
    }
    return e->n > 0;
}

size_t linux_environ_find(struct linux_user *u, struct linux_environ *e)
{
    uint64_t first, variable, gone, stack;

    e->n = e->lost = 0;
    e->array = 0;
    e->from = LINUX_ENVIRON_SHELL;
    if (read_shell(u, e))
        return e->n;
    first = first_array(u, &gone);
    e->from = LINUX_ENVIRON_SYMBOL;
    if (!linux_environ_variable(u, e, &variable) || !linux_user_word(u, variable, &e->array)) {
        e->from = LINUX_ENVIRON_POINTER;
        e->array = pointed_to(u, &first);
    }
    if (!e->array && e->from == LINUX_ENVIRON_POINTER) {
        e->from = first ? LINUX_ENVIRON_STACK : LINUX_ENVIRON_NONE;
        e->array = first;
    }
    read_array(u, e);
    if (gone && !e->n && eg_get(&stack, u->mm, mm_struct.start_stack) && e->array >= stack &&
        e->array < gone)
        e->lost++;
    return e->n;
}
