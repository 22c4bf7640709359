/* bpf: bpf() by hand, and BTF: the kernel's read, our own written. */
#define _GNU_SOURCE
#include "bpf.h"
#include "scene.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int bpf(int command, union attributes *a)
{
    return (int)syscall(SYS_bpf, command, a, 152); /* up to and with the token of a program */
}

static int bpf_short(int command, union attributes *a)
{
    return (int)syscall(SYS_bpf, command, a, sizeof a->a);
}

uint32_t bpf_id(int fd)
{
    uint32_t info[64] = { 0 }; /* the second word of every kind */
    union attributes q = { .a = { .info = { (uint32_t)fd, sizeof info, (uintptr_t)info } } };
    return fd >= 0 && !bpf_short(BPF_OBJ_GET_INFO_BY_FD, &q) ? info[1] : 0;
}

int number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, text, sizeof text - 1) > 0, path);
    close(fd);
    return atoi(text);
}

/* ---- the kernel's types ---- */

static struct {
    struct btf_header *head;
    const struct btf_type **at;
    uint32_t count;
} kernel;

static const struct btf_type *after(const struct btf_type *t)
{
    static const uint8_t fixed[] = {
        [BTF_KIND_INT] = 4,      [BTF_KIND_ARRAY] = 12,   [BTF_KIND_VAR] = 4,
        [BTF_KIND_DECL_TAG] = 4, [BTF_KIND_TYPE_TAG] = 0, [BTF_KIND_ENUM64] = 0
    };
    static const uint8_t each[] = {
        [BTF_KIND_STRUCT] = 12,    [BTF_KIND_UNION] = 12,   [BTF_KIND_ENUM] = 8,
        [BTF_KIND_FUNC_PROTO] = 8, [BTF_KIND_DATASEC] = 12, [BTF_KIND_ENUM64] = 12
    };
    unsigned kind = BTF_INFO_KIND(t->info), size = sizeof *t;
    if (kind < sizeof fixed)
        size += fixed[kind];
    if (kind < sizeof each)
        size += each[kind] * BTF_INFO_VLEN(t->info);
    return (const void *)((const char *)t + size);
}

static void read_kernel(void)
{
    int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (kernel.head || fd < 0 || fstat(fd, &s))
        return;
    char *all = malloc((size_t)s.st_size);
    for (ssize_t n, at = 0;
         at < s.st_size && (n = read(fd, all + at, (size_t)(s.st_size - at))) > 0;)
        at += n;
    close(fd);
    kernel.head = (void *)all;
    const char *first = all + kernel.head->hdr_len + kernel.head->type_off;
    for (const struct btf_type *t = (const void *)first; (char *)t < first + kernel.head->type_len;
         t = after(t)) {
        if (!(kernel.count & (kernel.count + 1)))
            kernel.at = realloc(kernel.at, sizeof *kernel.at * 2 * (kernel.count + 1));
        kernel.at[++kernel.count] = t; /* numbers begin at 1 */
    }
}

static const char *kernel_name(uint32_t off)
{
    return (char *)kernel.head + kernel.head->hdr_len + kernel.head->str_off + off;
}

uint32_t kernel_type(unsigned kind, const char *name)
{
    read_kernel();
    for (uint32_t i = 1; kernel.head && i <= kernel.count; i++)
        if (BTF_INFO_KIND(kernel.at[i]->info) == kind &&
            !strcmp(kernel_name(kernel.at[i]->name_off), name))
            return i;
    return 0;
}

uint32_t kernel_size(uint32_t type)
{
    return type ? kernel.at[type]->size : 0;
}

bool kernel_member(uint32_t type, const char *name, uint32_t *number, uint32_t *offset)
{
    const struct btf_type *t = type ? kernel.at[type] : NULL;
    const struct btf_member *m = (const void *)(t + 1);
    for (uint32_t i = 0; t && i < BTF_INFO_VLEN(t->info); i++)
        if (!strcmp(kernel_name(m[i].name_off), name)) {
            *number = i;
            *offset = m[i].offset / 8;
            return true;
        }
    return false;
}

/* ---- our own types ---- */

enum { NAMES_MAX = 256 };

static struct {
    uint32_t word[128], words;
    char names[NAMES_MAX];
    uint32_t length;
} own;

static uint32_t name(const char *text)
{
    uint32_t at = own.length;
    if (!*text)
        return 0;
    strcpy(own.names + at, text);
    own.length += (uint32_t)strlen(text) + 1;
    return at;
}

static void add(unsigned count, const uint32_t *words)
{
    memcpy(own.word + own.words, words, 4 * count);
    own.words += count;
}
#define WORDS(...)        add(sizeof(uint32_t[]){ __VA_ARGS__ } / 4, (uint32_t[]){ __VA_ARGS__ })
#define INFO(kind, count) ((uint32_t)(kind) << 24 | (count))

int own_types(void)
{
    static int fd = -1;
    if (fd >= 0)
        return fd;
    own.length = 1;
    WORDS(name("int"), INFO(BTF_KIND_INT, 0), 4, BTF_INT_SIGNED << 24 | 32); /* 1 */
    WORDS(name("u32"), INFO(BTF_KIND_INT, 0), 4, 32);                        /* 2 */
    WORDS(name("char"), INFO(BTF_KIND_INT, 0), 1, 8);                        /* 3 */
    WORDS(0, INFO(BTF_KIND_ARRAY, 0), 0, 3, 2, 16);                          /* 4 */
    WORDS(name("u64"), INFO(BTF_KIND_INT, 0), 8, 64);                        /* 5 */
    WORDS(name("lab_record"), INFO(BTF_KIND_STRUCT, 3), sizeof(struct record), name("count"),
          5, /* 6 */
          0, name("pid"), 2, 64, name("comm"), 4, 96);
    WORDS(name("bpf_timer"), INFO(BTF_KIND_STRUCT, 1), 16, name("opaque"), 8, 0); /* 7 */
    WORDS(0, INFO(BTF_KIND_ARRAY, 0), 0, 5, 2, 2);                                /* 8 */
    WORDS(name("lab_timed"), INFO(BTF_KIND_STRUCT, 3), 32, name("fired"), 5, 0, name("timer"),
          7, /* 9 */
          64, name("words"), 5, 192);
    WORDS(0, INFO(BTF_KIND_PTR, 0), 0);                                                     /* 10 */
    WORDS(0, INFO(BTF_KIND_FUNC_PROTO, 1), 1, name("a"), 1);                                /* 11 */
    WORDS(name("lab_part"), INFO(BTF_KIND_FUNC, BTF_FUNC_GLOBAL), 11);                      /* 12 */
    WORDS(0, INFO(BTF_KIND_FUNC_PROTO, 1), 1, name("a"), 10);                               /* 13 */
    WORDS(name("lab_main"), INFO(BTF_KIND_FUNC, BTF_FUNC_GLOBAL), 13);                      /* 14 */
    WORDS(0, INFO(BTF_KIND_FUNC_PROTO, 3), 1, name("a"), 10, name("b"), 10, name("c"), 10); /* 15 */
    WORDS(name("lab_fire"), INFO(BTF_KIND_FUNC, BTF_FUNC_STATIC), 15);                      /* 16 */
    struct btf_header head = { .magic = BTF_MAGIC,
                               .version = 1,
                               .hdr_len = sizeof head,
                               .type_len = 4 * own.words,
                               .str_off = 4 * own.words,
                               .str_len = own.length };
    static char all[sizeof head + sizeof own.word + NAMES_MAX];
    memcpy(all, &head, sizeof head);
    memcpy(all + sizeof head, own.word, head.type_len);
    memcpy(all + sizeof head + head.type_len, own.names, own.length);
    static char log[4096];
    union attributes a = { .a = { .btf = (uintptr_t)all,
                                  .btf_size = (uint32_t)(sizeof head + head.type_len + own.length),
                                  .btf_log_buf = (uintptr_t)log,
                                  .btf_log_size = sizeof log,
                                  .btf_log_level = 1 } };
    fd = bpf_short(BPF_BTF_LOAD, &a);
    check(fd >= 0, "types of our own");
    if (fd < 0)
        fprintf(stderr, "bpf types: %s\n", log);
    return fd;
}

/* ---- maps and programs ---- */

int map(struct map m)
{
    union attributes a = { .a = { .map_type = m.type,
                                  .key_size = m.key,
                                  .value_size = m.value,
                                  .max_entries = m.count,
                                  .map_flags = m.flags,
                                  .inner_map_fd = m.inner,
                                  .btf_key_type_id = m.key_type,
                                  .btf_value_type_id = m.value_type,
                                  .btf_vmlinux_value_type_id = m.kernel_type,
                                  .map_extra = m.extra } };
    if (m.value_type || m.kernel_type)
        a.a.btf_fd = (uint32_t)own_types();
    if (m.token) {
        a.a.map_flags |= 0x10000; /* BPF_F_TOKEN_FD */
        a.word[19] = (uint32_t)m.token;
    }
    strncpy(a.a.map_name, m.name, sizeof a.a.map_name - 1);
    int fd = m.token ? bpf(BPF_MAP_CREATE, &a) : bpf_short(BPF_MAP_CREATE, &a);
    check(fd >= 0, m.name);
    if (fd >= 0)
        fact("{\"kind\":\"bpf-map\",\"pid\":%d,\"id\":%u,\"name\":\"%s\",\"type\":%u,\"key\":%u,"
             "\"value\":%u,\"entries\":%u}",
             getpid(), bpf_id(fd), m.name, m.type, m.key, m.value, m.count);
    return fd;
}

void put(int fd, const void *key, const void *value)
{
    union attributes a = {
        .a = { .map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)value }
    };
    check(!bpf_short(BPF_MAP_UPDATE_ELEM, &a), "map entry");
}

static const char *hex(const void *bytes, unsigned count)
{
    static char text[2][513];
    static unsigned which;
    char *out = text[which++ & 1];
    *out = 0;
    for (unsigned i = 0; i < count && i < 256; i++)
        sprintf(out + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
    return out;
}

void put_told(int fd, const void *key, unsigned key_size, const void *value, unsigned value_size)
{
    put(fd, key, value);
    fact("{\"kind\":\"bpf-entry\",\"map\":%u,\"key\":\"%s\",\"value\":\"%s\"}", bpf_id(fd),
         hex(key, key_size), hex(value, value_size));
}

int program(struct program p)
{
    static char log[65536];
    struct bpf_func_info functions[2];
    union attributes a = { .a = { .prog_type = p.type,
                                  .insns = (uintptr_t)p.code,
                                  .insn_cnt = p.count,
                                  .license = (uintptr_t) "GPL",
                                  .log_buf = (uintptr_t)log,
                                  .log_size = sizeof log,
                                  .log_level = 1,
                                  .prog_flags = p.flags,
                                  .expected_attach_type = p.attach,
                                  .attach_btf_id = p.to_type,
                                  .attach_prog_fd = p.to_program } };
    for (unsigned i = 0; i < 2; i++)
        functions[i] = (struct bpf_func_info){ p.functions[i][0], p.functions[i][1] };
    if (p.functions[0][1]) {
        a.a.prog_btf_fd = (uint32_t)own_types();
        a.a.func_info = (uintptr_t)functions;
        a.a.func_info_rec_size = sizeof *functions;
        a.a.func_info_cnt = p.functions[1][1] ? 2 : 1;
    }
    if (p.token) {
        a.a.prog_flags |= 0x10000;
        a.word[36] = (uint32_t)p.token;
    }
    strncpy(a.a.prog_name, p.name, sizeof a.a.prog_name - 1);
    *log = 0;
    int fd = p.token ? bpf(BPF_PROG_LOAD, &a) : bpf_short(BPF_PROG_LOAD, &a);
    check(fd >= 0, p.name);
    if (fd < 0)
        fprintf(stderr, "program %s: %s\n", p.name, log);
    else
        fact("{\"kind\":\"bpf-program\",\"pid\":%d,\"id\":%u,\"name\":\"%s\",\"type\":%u}",
             getpid(), bpf_id(fd), p.name, p.type);
    return fd;
}

int answering(const char *name, unsigned type, unsigned attach, uint32_t to_type, int answer)
{
    const struct bpf_insn code[] = { SET(0, answer), RETURN };
    return program((struct program){ .name = name,
                                     .type = type,
                                     .attach = attach,
                                     .to_type = to_type,
                                     .code = code,
                                     .count = COUNT(code) });
}

void tell_place(int program, int link, const char *how, const char *where)
{
    if (program < 0 || link == -1)
        return;
    fact("{\"kind\":\"bpf-at\",\"pid\":%d,\"program\":%u,\"link\":%u,\"how\":\"%s\",\"where\":\"%"
         "s\"}",
         getpid(), bpf_id(program), bpf_id(link), how, where);
}
