/** text_types.c - the few types that VMCOREINFO describes: those of the log and of the kernel's
 * name. For kernels without any other types (kernel/printk/printk.c, kernel/vmcore_info.c). It
 * gives sizes and offsets; the kinds of members are the kernel's, which have not changed. */
#include "open.h"
#include <inttypes.h>
#include <stdio.h>

struct member {
    const char *type, *name;
    const char
        *of; /**< a type of below; "u8" to "u64", "long", "char"; "*type"; or "[NAME", an array of
                         char whose length is LENGTH(NAME) */
};
/* A type comes before its users. */
static const struct member members[] = {
    { "atomic_long_t", "counter", "long" },
    { "prb_data_blk_lpos", "begin", "long" },
    { "prb_data_blk_lpos", "next", "long" },
    { "prb_desc", "state_var", "atomic_long_t" },
    { "prb_desc", "text_blk_lpos", "prb_data_blk_lpos" },
    { "dev_printk_info", "subsystem", "[printk_info_subsystem" },
    { "dev_printk_info", "device", "[printk_info_device" },
    { "printk_info", "seq", "u64" },
    { "printk_info", "ts_nsec", "u64" },
    { "printk_info", "text_len", "u16" },
    { "printk_info", "caller_id", "u32" },
    { "printk_info", "dev_info", "dev_printk_info" },
    { "prb_desc_ring", "count_bits", "u32" },
    { "prb_desc_ring", "descs", "*prb_desc" },
    { "prb_desc_ring", "infos", "*printk_info" },
    { "prb_desc_ring", "head_id", "atomic_long_t" },
    { "prb_desc_ring", "tail_id", "atomic_long_t" },
    { "prb_data_ring", "size_bits", "u32" },
    { "prb_data_ring", "data", "*char" },
    { "printk_ringbuffer", "desc_ring", "prb_desc_ring" },
    { "printk_ringbuffer", "text_data_ring", "prb_data_ring" },
    { "printk_log", "ts_nsec", "u64" },
    { "printk_log", "len", "u16" },
    { "printk_log", "text_len", "u16" },
    { "printk_log", "dict_len", "u16" },
    { "uts_namespace", "name", "new_utsname" },
};
/* Behind text_len or dict_len both kinds of records have the facility, and a byte of five flags and
 * three bits of level. */
static const struct {
    const char *type, *behind;
} levels[] = { { "printk_info", "text_len" }, { "printk_log", "dict_len" } };

struct build {
    const struct eg_vmcoreinfo *text;
    const struct eg_model *model;
    struct eg_builder *b;
    struct {
        const char *name;
        uint32_t id;
        uint64_t size;
    } types[32];
    size_t n;
};

static uint32_t name_of(struct build *x, const char *s)
{
    return eg_builder_name(x->b, s, strlen(s));
}

static bool number(const struct build *x, const char *what, const char *type, const char *member,
                   uint64_t most, uint64_t *out)
{
    char key[96];
    int64_t value;

    snprintf(key, sizeof key, *member ? "%s(%s.%s)" : "%s(%s)", what, type, member);
    if (!eg_vmcoreinfo_number(x->text, key, &value) || value < 0 || (uint64_t)value > most)
        return false;
    *out = (uint64_t)value;
    return true;
}

static void add(struct build *x, const char *name, struct eg_type t)
{
    if (x->n == countof(x->types))
        return;
    if (*name)
        t.name = name_of(x, name);
    x->types[x->n].name = name;
    x->types[x->n].size = t.size;
    x->types[x->n++].id = eg_builder_type(x->b, &t);
}

static uint32_t find(const struct build *x, const char *name, uint64_t *size)
{
    for (size_t i = 0; i < x->n; i++)
        if (!strcmp(x->types[i].name, name)) {
            *size = x->types[i].size;
            return x->types[i].id;
        }
    return 0;
}

/** The type of a member, made where it is a pointer or an array. 0: it is not known. */
static uint32_t type_of(struct build *x, const char *of, uint64_t *size)
{
    enum { TEXT_MAX = 256 };
    uint64_t n;
    uint32_t id = find(x, *of == '[' ? "char" : *of == '*' ? of + 1 : of, size);

    if (*of == '*') {
        *size = x->model->ptr_size;
        return id ? eg_builder_type(x->b,
                                    &(struct eg_type){ .kind = EG_T_PTR, .size = *size, .ref = id })
                  : 0;
    }
    if (*of != '[')
        return id;
    if (!number(x, "LENGTH", of + 1, "", TEXT_MAX, &n))
        return 0;
    *size = n;
    return eg_builder_type(
        x->b, &(struct eg_type){ .kind = EG_T_ARRAY, .ref = id, .count = (uint32_t)n });
}

static void put(struct build *x, const char *name, uint32_t type, uint64_t bit, uint32_t bits)
{
    eg_builder_member(x->b, name_of(x, name), type, bit, bits);
}

/** The struct @members[@from] and those behind it are of. */
static void add_struct(struct build *x, size_t from, size_t n)
{
    enum { SIZE_MAX_ = 4096 };
    const char *type = members[from].type;
    struct eg_type t = { .kind = EG_T_STRUCT };
    uint32_t ids[8];
    uint64_t sizes[8], size = 0, off, byte;

    // Types of members come before the members, which have to follow each other.
    for (size_t i = 0; i < n && i < countof(ids); i++)
        ids[i] = type_of(x, members[from + i].of, &sizes[i]);
    t.first = eg_builder_member_count(x->b);
    for (size_t i = 0; i < n && i < countof(ids); i++) {
        if (!ids[i] || !number(x, "OFFSET", type, members[from + i].name, SIZE_MAX_, &off))
            continue;
        put(x, members[from + i].name, ids[i], 8 * off, 0);
        for (size_t k = 0; k < countof(levels); k++)
            if (!strcmp(levels[k].type, type) &&
                !strcmp(levels[k].behind, members[from + i].name)) {
                put(x, "facility", find(x, "u8", &byte), 8 * (off + 2), 0);
                put(x, "level", find(x, "u8", &byte), 8 * (off + 3) + 5, 3);
            }
        size = EG_MAX(size, off + sizes[i]); // where the text does not say it
    }
    t.count = eg_builder_member_count(x->b) - t.first;
    t.size = size;
    if (number(x, "SIZE", type, "", SIZE_MAX_, &size))
        t.size = size;
    if (t.count)
        add(x, type, t);
}

/** include/uapi/linux/utsname.h: six texts of 65 bytes. */
static void add_utsname(struct build *x)
{
    enum { LEN = 65 };
    static const char *const names[] = { "sysname", "nodename", "release",
                                         "version", "machine",  "domainname" };
    struct eg_type t = { .kind = EG_T_STRUCT, .size = countof(names) * LEN };
    uint64_t size;
    uint32_t text = eg_builder_type(
        x->b, &(struct eg_type){ .kind = EG_T_ARRAY, .ref = find(x, "char", &size), .count = LEN });

    t.first = eg_builder_member_count(x->b);
    t.count = countof(names);
    for (size_t i = 0; i < countof(names); i++)
        put(x, names[i], text, 8 * LEN * i, 0);
    add(x, "new_utsname", t);
}

struct eg_profile *linux_text_types(const struct eg_vmcoreinfo *text, const struct eg_model *m)
{
    static const struct {
        const char *name;
        uint8_t size, flags;
    } integers[] = { { "u8", 1, 0 },  { "u16", 2, 0 },           { "u32", 4, 0 },
                     { "u64", 8, 0 }, { "char", 1, EG_TF_CHAR }, { "long", 0, 0 } };
    struct build x = { .text = text, .model = m, .b = eg_builder_new(*m, "VMCOREINFO") };
    struct eg_profile *out;

    if (!x.b)
        return NULL;
    for (size_t i = 0; i < countof(integers); i++)
        add(&x, integers[i].name,
            (struct eg_type){ .kind = EG_T_INT,
                              .flags = integers[i].flags,
                              .size = integers[i].size ? integers[i].size : m->long_size });
    add_utsname(&x);
    for (size_t i = 0, n; i < countof(members); i += n) {
        for (n = 1; i + n < countof(members) && !strcmp(members[i].type, members[i + n].type); n++)
            ;
        add_struct(&x, i, n);
    }
    return eg_builder_finish(x.b, &out, NULL, NULL) == 0 ? out : NULL;
}
