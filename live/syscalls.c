/* syscalls.c - system calls of a Linux guest: their names, arguments and results as text. */
#include "syscalls.h"
#include "../plugins/linux/fs/flags.h"
#include "../plugins/linux/kernel/signature.h"
#include "../plugins/linux/sched/signal.h"
#include "../plugins/linux/sched/syscalls.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- what a call takes ---- */

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list))
            return true;
    return false;
}

static bool has(const char *type, const char *word)
{
    return strstr(type, word) != NULL;
}

/* The type is the kernel's; what an int means only its name says. */
static void classify(struct syscall_arg *a)
{
    static const char *const fds[] = { "fd",       "dfd",    "olddfd", "newdfd", "fildes",
                                       "oldfd",    "newfd",  "fd_in",  "fd_out", "in_fd",
                                       "out_fd",   "epfd",   "fdin",   "fdout",  "ufd",
                                       "from_dfd", "to_dfd", "sockfd", NULL };
    static const char *const data[] = { "buf",      "ubuf", "u_msg_ptr", "value", "data",
                                        "_payload", "addr", "optval",    NULL };
    const char *t = a->type;

    a->bits = 64;
    if (strchr(t, '*')) {
        const bool chars = has(t, "const char") && strchr(t, '*') == strrchr(t, '*');

        a->kind = chars && !is_one_of(a->name, data) ? SYSCALL_TEXT : SYSCALL_POINTER;
        return;
    }
    a->is_signed = !has(t, "unsigned") && !has(t, "size_t") && !has(t, "uid_t") &&
                   !has(t, "gid_t") && !has(t, "umode_t") && !has(t, "u32") && !has(t, "u64") &&
                   !has(t, "mode_t");
    if (has(t, "ssize_t"))
        a->is_signed = true;
    if (has(t, "int") || has(t, "pid_t") || has(t, "uid_t") || has(t, "gid_t") ||
        has(t, "clockid_t") || has(t, "key_t") || has(t, "u32") || has(t, "qid_t") ||
        has(t, "timer_t"))
        a->bits = 32;
    if (has(t, "umode_t"))
        a->bits = 16;
    if (is_one_of(a->name, fds) && a->bits == 32)
        a->kind = SYSCALL_FD, a->is_signed = true;
    else if (has(t, "umode_t"))
        a->kind = SYSCALL_MODE;
    else if (!strcmp(a->name, "prot"))
        a->kind = SYSCALL_PROT;
    else if (!strcmp(a->name, "sig") && !strcmp(t, "int"))
        a->kind = SYSCALL_SIGNAL;
}

static void classify_all(struct syscall *c)
{
    for (unsigned i = 0; i < c->n; i++)
        classify(&c->args[i]);
    for (unsigned i = 0; i < c->n; i++) // of these the kernel's own name says what flags are
        if (!strcmp(c->args[i].name, "flags") &&
            (!strcmp(c->name, "open") || !strcmp(c->name, "openat")))
            c->args[i].kind = SYSCALL_FLAGS_OPEN;
}

/* One parameter of a prototype: "const char *filename" → type and name. */
static bool parameter(struct eg_run *r, const char *p, size_t len, struct syscall_arg *out)
{
    size_t name = len;

    while (name && (isalnum((unsigned char)p[name - 1]) || p[name - 1] == '_'))
        name--;
    if (!name || name == len)
        return false;
    out->name = eg_strf(r, "%.*s", (int)(len - name), p + name);
    while (name && p[name - 1] == ' ')
        name--;
    out->type = eg_strf(r, "%.*s", (int)name, p);
    return true;
}

/* "long int __do_sys_openat(int dfd, const char *filename, …)" */
static bool of_prototype(struct eg_run *r, const char *text, struct syscall *out)
{
    const char *p = strchr(text, '('), *end;

    if (!p++ || !strcmp(p, "void)"))
        return p;
    for (out->n = 0; out->n < SYSCALL_ARGS; p = end + 1 + (end[1] == ' ')) { // never past its end
        unsigned depth = 0;

        for (end = p; *end && (depth || (*end != ',' && *end != ')')); end++)
            depth += (*end == '(') - (*end == ')');
        if (!*end || !parameter(r, p, (size_t)(end - p), &out->args[out->n++]))
            return false;
        if (*end == ')')
            return true;
    }
    return false;
}

static bool by_name(struct eg_run *r, struct syscall *c, const char *function)
{
    const char *text = linux_prototype(r, function);

    if (text && of_prototype(r, text, c))
        c->source = "BTF";
    else
        c->n = 0;
    return c->source;
}

/* The functions that a call's macro makes (include/linux/syscalls.h): which of them are left is the
 * compiler's choice. */
static void from_btf(struct eg_run *r, struct syscall *c, bool compat)
{
    if (compat && by_name(r, c, eg_strf(r, "__do_compat_sys_%s", c->name)))
        return;
    if (!by_name(r, c, eg_strf(r, "__do_sys_%s", c->name)))
        by_name(r, c, eg_strf(r, "__se_sys_%s", c->name));
}

static void from_metadata(const struct linux_syscall *m, struct syscall *c)
{
    c->n = m->n;
    for (unsigned i = 0; i < m->n; i++)
        c->args[i] = (struct syscall_arg){ .name = m->args[i], .type = m->types[i] };
    c->source = "the kernel's own description";
}

/* Of a 32-bit call: that of the 64-bit call with its name, where the kernel has no other. */
static void from_other(const struct syscalls *s, struct syscall *c)
{
    for (size_t i = 0; i < RING_CALLS && !c->source; i++) {
        const struct syscall *o = &s->of[0][i];

        if (o->name && o->source && !strcmp(o->name, c->name)) {
            c->n = o->n;
            memcpy(c->args, o->args, sizeof c->args);
            c->source = o->source;
        }
    }
}

struct syscalls *live_syscalls_open(struct eg_run *r)
{
    const bool arm = !strcmp(eg_system_of(r)->arch->name, "aarch64");
    const uint32_t audit[] = { arm ? LINUX_AUDIT_AARCH64 : LINUX_AUDIT_X86_64,
                               arm ? (uint32_t)LINUX_AUDIT_ARM : (uint32_t)LINUX_AUDIT_I386 };
    struct syscalls *s = eg_tmp(r, sizeof *s);

    for (unsigned kind = 0; kind < 2; kind++)
        for (uint32_t i = 0; i < RING_CALLS && !eg_stopped(r); i++) {
            struct syscall *c = &s->of[kind][i];
            struct linux_syscall m;

            c->name = linux_syscall_name(audit[kind], i);
            if (!kind && linux_syscall(r, i, &m)) {
                if (!c->name)
                    c->name = strncmp(m.name, "sys_", 4) ? m.name : m.name + 4;
                from_metadata(&m, c);
            }
            if (c->name && !c->source)
                from_btf(r, c, kind);
            if (c->name && !c->source && kind)
                from_other(s, c);
            if (c->source)
                classify_all(c);
        }
    return s;
}

void live_syscalls_texts(const struct syscalls *s, uint8_t out[2][RING_CALLS])
{
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned i = 0; i < RING_CALLS; i++) {
            out[kind][i] = 0;
            for (unsigned a = 0; a < s->of[kind][i].n; a++)
                if (s->of[kind][i].args[a].kind == SYSCALL_TEXT)
                    out[kind][i] |= (uint8_t)(1 << a);
        }
}

int live_syscalls_number(const struct syscalls *s, unsigned kind, const char *name)
{
    for (int i = 0; i < RING_CALLS; i++)
        if (s->of[kind & 1][i].name && !strcmp(s->of[kind & 1][i].name, name))
            return i;
    return -1;
}

/* ---- what a program gave ---- */

static uint64_t word(const struct ring_record *n, uint32_t at)
{
    return at + 8 <= n->entry_len ? eg_le64(n->entry + at) : 0;
}

bool live_syscall_of_record(struct eg_run *r, const struct ring_linux *os,
                            const struct ring_record *n, struct syscall_seen *out)
{
    const bool leaves = n->kind == RING_SYSRET;

    *out = (struct syscall_seen){ 0 };
    if (n->entry_len < os->entry_len || !n->entry_len)
        return false;
    out->kind = (word(n, os->mode) & os->mode_mask) == os->mode_32;
    out->number = (int64_t)word(n, os->number[out->kind][leaves]);
    out->value = (int64_t)word(n, os->result);
    if (os->number_len == 4)
        out->number = (int32_t)out->number;
    else if (!leaves && out->kind && out->number == -1) // x86: not yet moved to its place
        out->number = (int32_t)out->value;
    if (out->kind)
        out->value = (int32_t)out->value;
    for (unsigned i = 0; i < SYSCALL_ARGS; i++) {
        out->args[i] = word(n, i || !leaves || !os->first ? os->args[out->kind][i] : os->first);
        if (out->kind)
            out->args[i] = (uint32_t)out->args[i];
    }
    for (unsigned i = 0; i < RING_TEXTS; i++)
        if (n->texts >> i & 1)
            out->texts[n->text_arg[i]] = eg_strf(r, "%.*s%s", (int)n->text_len[i], n->text[i],
                                                 n->text_len[i] == RING_TEXT_MAX ? "..." : "");
    return true;
}

static const char *prot_text(struct eg_run *r, uint64_t v)
{
    if (!v || v & ~UINT64_C(7))
        return v ? eg_strf(r, "%#" PRIx64, v) : "PROT_NONE";
    return eg_strf(r, "%s%s%s%s%s", v & 1 ? "PROT_READ" : "", v & 1 && v & 6 ? "|" : "",
                   v & 2 ? "PROT_WRITE" : "", v & 2 && v & 4 ? "|" : "", v & 4 ? "PROT_EXEC" : "");
}

static const char *open_text(struct eg_run *r, uint32_t v)
{
    static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
    const char *rest = linux_open_flags(r, v & ~(uint32_t)(3 | LINUX_O_CLOEXEC));

    return eg_strf(r, "%s%s%s%s", access[v & 3], rest && *rest ? "|" : "", rest ? rest : "",
                   v & LINUX_O_CLOEXEC ? "|O_CLOEXEC" : "");
}

const char *live_syscall_arg_text(struct eg_run *r, const struct syscall *c,
                                  const struct syscall_seen *seen, unsigned i)
{
    enum { AT_FDCWD_ = -100 };
    const struct syscall_arg *a = &c->args[i];
    uint64_t v = seen->args[i];
    int64_t s;

    if (a->bits && a->bits < 64)
        v &= (UINT64_C(1) << a->bits) - 1;
    s = a->bits == 32 || seen->kind ? (int32_t)v : (int64_t)v;
    switch (i < c->n ? a->kind : SYSCALL_POINTER) {
    case SYSCALL_TEXT:
        if (seen->texts[i])
            return eg_strf(r, "\"%s\"", seen->texts[i]);
        return v ? eg_strf(r, "%#" PRIx64, v) : "NULL";
    case SYSCALL_POINTER:
        return v ? eg_strf(r, "%#" PRIx64, v) : "NULL";
    case SYSCALL_FD:
        return s == AT_FDCWD_ ? "AT_FDCWD" : eg_strf(r, "%" PRId64, s);
    case SYSCALL_FLAGS_OPEN:
        return open_text(r, (uint32_t)v);
    case SYSCALL_MODE:
        return eg_strf(r, "0%" PRIo64, v);
    case SYSCALL_PROT:
        return prot_text(r, v);
    case SYSCALL_SIGNAL:
        return v ? linux_signal_name(r, v) : "0";
    default:
        return a->is_signed ? eg_strf(r, "%" PRId64, s)
               : v >> 20    ? eg_strf(r, "%#" PRIx64, v)
                            : eg_strf(r, "%" PRIu64, v);
    }
}

const char *live_syscall_args_text(struct eg_run *r, const struct syscall *c,
                                   const struct syscall_seen *seen)
{
    const unsigned n = c->source ? c->n : SYSCALL_ARGS;
    const char *text = "";

    for (unsigned i = 0; i < n; i++)
        text = eg_strf(r, "%s%s%s", text, i ? ", " : "", live_syscall_arg_text(r, c, seen, i));
    return text;
}

/* include/uapi/asm-generic/errno-base.h, errno.h, and include/linux/errno.h, of which programs see
 * none: a call that was interrupted is begun again. */
static const char *error_name(int64_t n)
{
    static const char *const names[] = {
        NULL,      "EPERM",        "ENOENT", "ESRCH",  "EINTR",     "EIO",     "ENXIO",
        "E2BIG",   "ENOEXEC",      "EBADF",  "ECHILD", "EAGAIN",    "ENOMEM",  "EACCES",
        "EFAULT",  "ENOTBLK",      "EBUSY",  "EEXIST", "EXDEV",     "ENODEV",  "ENOTDIR",
        "EISDIR",  "EINVAL",       "ENFILE", "EMFILE", "ENOTTY",    "ETXTBSY", "EFBIG",
        "ENOSPC",  "ESPIPE",       "EROFS",  "EMLINK", "EPIPE",     "EDOM",    "ERANGE",
        "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP",
    };
    static const struct {
        int n;
        const char *name;
    } more[] = {
        { 61, "ENODATA" },         { 62, "ETIME" },
        { 71, "EPROTO" },          { 75, "EOVERFLOW" },
        { 84, "EILSEQ" },          { 88, "ENOTSOCK" },
        { 90, "EMSGSIZE" },        { 92, "ENOPROTOOPT" },
        { 93, "EPROTONOSUPPORT" }, { 95, "EOPNOTSUPP" },
        { 97, "EAFNOSUPPORT" },    { 98, "EADDRINUSE" },
        { 99, "EADDRNOTAVAIL" },   { 100, "ENETDOWN" },
        { 101, "ENETUNREACH" },    { 103, "ECONNABORTED" },
        { 104, "ECONNRESET" },     { 105, "ENOBUFS" },
        { 106, "EISCONN" },        { 107, "ENOTCONN" },
        { 110, "ETIMEDOUT" },      { 111, "ECONNREFUSED" },
        { 112, "EHOSTDOWN" },      { 113, "EHOSTUNREACH" },
        { 114, "EALREADY" },       { 115, "EINPROGRESS" },
        { 116, "ESTALE" },         { 125, "ECANCELED" },
        { 512, "ERESTARTSYS" },    { 513, "ERESTARTNOINTR" },
        { 514, "ERESTARTNOHAND" }, { 516, "ERESTART_RESTARTBLOCK" },
    };

    if (n > 0 && n < (int64_t)countof(names))
        return names[n];
    for (size_t i = 0; i < countof(more); i++)
        if (more[i].n == n)
            return more[i].name;
    return NULL;
}

const char *live_syscall_value_text(struct eg_run *r, int64_t value)
{
    const char *name = value < 0 && value >= -4095 ? error_name(-value) : NULL;

    if (name)
        return eg_strf(r, "-1 %s", name);
    return value > 0xfffff || value < -4095 ? eg_strf(r, "%#" PRIx64, (uint64_t)value)
                                            : eg_strf(r, "%" PRId64, value);
}
