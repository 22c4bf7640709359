/* param.c - the values of a module's parameters (kernel/params.c). */
#include "../../../core/base.h"
#include "module.h"
#include <inttypes.h>
#include <stdio.h>

EG_FIELDS(kernel_param_ops, get);
EG_FIELDS(kparam_string, maxlen, string);
EG_FIELDS(kparam_array, max, elemsize, num, ops, elem);
EG_SYMBOL(param_get_byte, "void *");
EG_SYMBOL(param_get_short, "void *");
EG_SYMBOL(param_get_ushort, "void *");
EG_SYMBOL(param_get_int, "void *");
EG_SYMBOL(param_get_uint, "void *");
EG_SYMBOL(param_get_long, "void *");
EG_SYMBOL(param_get_ulong, "void *");
EG_SYMBOL(param_get_ullong, "void *");
EG_SYMBOL(param_get_hexint, "void *");
EG_SYMBOL(param_get_charp, "void *");
EG_SYMBOL(param_get_string, "void *");
EG_SYMBOL(param_get_bool, "void *");
EG_SYMBOL(param_get_invbool, "void *");
EG_SYMBOL(param_array_get, "void *");

enum { PARAMS_MAX = 4096, ELEMENTS_MAX = 4096, VALUE_MAX = 4096 };

/* How a value is read and written; the letter is of the shape, the number its bytes (0: a long). */
static const struct form {
    const struct eg_symref *get;
    char shape;
    uint8_t size;
    const char *name; // as module_param() has it
} forms[] = {
    { &eg_s_param_get_byte, 'u', 1, "byte" },       { &eg_s_param_get_short, 'd', 2, "short" },
    { &eg_s_param_get_ushort, 'u', 2, "ushort" },   { &eg_s_param_get_int, 'd', 4, "int" },
    { &eg_s_param_get_uint, 'u', 4, "uint" },       { &eg_s_param_get_long, 'd', 0, "long" },
    { &eg_s_param_get_ulong, 'u', 0, "ulong" },     { &eg_s_param_get_ullong, 'u', 8, "ullong" },
    { &eg_s_param_get_hexint, 'x', 4, "hexint" },   { &eg_s_param_get_charp, 'p', 0, "charp" },
    { &eg_s_param_get_string, 's', 0, "string" },   { &eg_s_param_get_bool, 'y', 1, "bool" },
    { &eg_s_param_get_invbool, 'n', 1, "invbool" }, { &eg_s_param_array_get, 'a', 0, "array" },
};

/* By the function that reads it, so that a module's own rules for writing do not matter. */
static const struct form *form_of(struct eg_run *r, struct eg_obj ops)
{
    uint64_t get;

    if (!eg_get(&get, ops, kernel_param_ops.get))
        return NULL;
    for (size_t i = 0; i < countof(forms); i++) {
        struct eg_obj fn = eg_sym_(r, forms[i].get->id);

        if (!fn.why && fn.addr == get)
            return &forms[i];
    }
    return NULL;
}

static const char *text_at(struct eg_run *r, uint64_t addr, size_t max)
{
    const char *s = eg_cstr(r, eg_kernel(r), addr, max);

    return s ? s : "?";
}

static const char *scalar(struct eg_run *r, const struct form *f, uint64_t at)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    const uint8_t size = f->size ? f->size : m->ptr_size;
    const uint8_t *p = eg_bytes(eg_view_of(r), eg_kernel(r), at, size);
    uint64_t v;

    if (!p)
        return "?";
    v = eg_load_(p, size, m->big_endian);
    switch (f->shape) {
    case 'd':
        return eg_strf(r, "%" PRId64, (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size));
    case 'x':
        return eg_strf(r, "%#08" PRIx64, v);
    case 'y':
        return v ? "Y" : "N";
    case 'n':
        return v ? "N" : "Y";
    case 'p':
        return v ? text_at(r, v, VALUE_MAX) : "(null)"; // the kernel prints it so
    default:
        return eg_strf(r, "%" PRIu64, v);
    }
}

static const char *array(struct eg_run *r, struct eg_obj arr)
{
    const struct form *f = form_of(r, eg_at(arr, kparam_array.ops));
    uint32_t n, max, size;
    uint64_t elem, num;
    size_t len = 0;
    char *text;

    if (!f || f->shape == 'a' || f->shape == 's' || !eg_get(&max, arr, kparam_array.max) ||
        !eg_get(&size, arr, kparam_array.elemsize) || !eg_get(&elem, arr, kparam_array.elem) ||
        !eg_get(&num, arr, kparam_array.num))
        return "?";
    n = max;
    if (num && !eg_load(&n, eg_deref(eg_at(arr, kparam_array.num))))
        return "?";
    n = EG_MIN(EG_MIN(n, max), ELEMENTS_MAX);
    text = eg_tmp(r, VALUE_MAX);
    for (uint32_t i = 0; i < n && len < VALUE_MAX - 1; i++)
        len += (size_t)snprintf(text + len, VALUE_MAX - len, "%s%s", i ? "," : "",
                                scalar(r, f, elem + (uint64_t)i * size));
    return text;
}

static const char *value(struct eg_run *r, struct eg_obj kp)
{
    const struct form *f = form_of(r, eg_at(kp, kernel_param.ops));
    uint64_t arg;

    if (!f || !eg_get(&arg, kp, kernel_param.arg))
        return "?";
    if (f->shape == 's') {
        struct eg_obj s = eg_object(r, kparam_string, arg);
        uint64_t at;

        return eg_get(&at, s, kparam_string.string)
                   ? text_at(r, at, EG_MIN(eg_get_or(0u, s, kparam_string.maxlen), VALUE_MAX))
                   : "?";
    }
    return f->shape == 'a' ? array(r, eg_object(r, kparam_array, arg)) : scalar(r, f, arg);
}

struct eg_cell linux_param_value(struct eg_run *r, struct eg_obj kp)
{
    const char *text = value(r, kp);
    struct eg_view *v = eg_view_of(r);

    if (text[0] != '?' || text[1])
        return eg_text(text);
    if (!form_of(r, eg_at(kp, kernel_param.ops)))
        return (struct eg_cell){ 0 };
    value(r, kp); // once more, for the reason
    return eg_missing(v->why ? (enum eg_why)v->why : EG_BAD_VALUE, v->why_addr);
}

const char *linux_param_type(struct eg_run *r, struct eg_obj kp)
{
    const struct form *f = form_of(r, eg_at(kp, kernel_param.ops));
    const char *name;
    uint64_t get;

    if (f && f->shape == 'a') {
        uint64_t arg;

        f = eg_get(&arg, kp, kernel_param.arg)
                ? form_of(r, eg_at(eg_object(r, kparam_array, arg), kparam_array.ops))
                : NULL;
        return f ? eg_strf(r, "array of %s", f->name) : "array";
    }
    if (f)
        return f->name;
    if (!eg_get(&get, kp, kernel_param.ops, kernel_param_ops.get) || !get)
        return NULL;
    name = eg_name_of(r, get);
    return name ? name : eg_strf(r, "%#" PRIx64, get);
}

struct eg_cell linux_params(struct eg_run *r, struct eg_obj module)
{
    struct eg_obj kp = eg_at(module, module.kp);
    size_t len = 0, cap = 0;
    char *text = "";
    uint32_t n;

    if (!eg_get(&n, module, module.num_kp))
        return eg_val(module, module.num_kp);
    if (n > PARAMS_MAX)
        return eg_missing(EG_BAD_VALUE, eg_at(module, module.num_kp).addr);
    for (uint32_t i = 0; i < n; i++) {
        struct eg_obj p = eg_index(kp, i);
        const char *name = eg_string(r, eg_at(p, kernel_param.name), 256);
        const char *one;
        size_t more;

        if (!name)
            return eg_val(p, kernel_param.name);
        one = eg_strf(r, "%s%s=%s", len ? " " : "", name, value(r, p));
        more = __builtin_strlen(one);
        if (len + more + 1 > cap) {
            char *larger = eg_tmp(r, cap = 2 * (len + more + 1));

            __builtin_memcpy(larger, text, len);
            text = larger;
        }
        __builtin_memcpy(text + len, one, more + 1);
        len += more;
    }
    return eg_textn(text, len);
}

EG_FUNCTION(params) = {
    .os = "linux",
    .help = "the values of a module's parameters: \"a=1 b=Y\"",
    .args = "module",
    .returns = "text",
    .cell = linux_params,
};
