/* ops.c - tables of functions that programs take the place of. */
#include "ops.h"
#include "../../../core/base.h"
#include "../../../core/profile.h"
#include "../../../core/run.h"
#include "all.h"
#include "value.h"

EG_FIELD_AS(ops_value, bpf_struct_ops_map, "uvalue");
EG_FIELD_AS(ops_kernel, bpf_struct_ops_map, "kvalue");
EG_FIELD_AS(ops_desc, bpf_struct_ops_map, "st_ops_desc"); // since 6.9
EG_FIELD_AS(ops_type, bpf_struct_ops_map, "st_ops");
EG_FIELD_AS(desc_type, bpf_struct_ops_desc, "st_ops");
EG_FIELD_AS(ops_data, bpf_struct_ops_value, "data");
EG_FIELD_AS(ops_state, bpf_struct_ops_value, "common.state|state");
EG_FIELD_AS(type_name, bpf_struct_ops, "name");
EG_TYPE(bpf_struct_ops_map);

enum { NAME_MAX = 128, VALUE_MAX = 4096 };

bool linux_bpf_ops(struct eg_run *r, struct eg_obj map, struct linux_bpf_ops *out)
{
    const struct eg_types *ts = eg_binding_of(r)->types;
    struct eg_obj m = eg_cast(map, bpf_struct_ops_map), data = eg_at(m, ops_value, ops_data);
    struct eg_obj ops = eg_has(r, ops_desc) ? eg_at(m, ops_desc, desc_type, type_name)
                                            : eg_at(m, ops_type, type_name);
    uint64_t state, iter = 0;

    *out = (struct linux_bpf_ops){ .r = r, .name = eg_string(r, ops, NAME_MAX) };
    if (!ts || !out->name || data.why)
        return false;
    if (eg_get(&state, m, ops_kernel, ops_state))
        out->state = linux_bpf_enum(r, "bpf_struct_ops_state", "BPF_STRUCT_OPS_STATE_", state);
    out->type = eg_types_named(ts, out->name, NULL, 1u << EG_T_STRUCT, &iter);
    out->at = data.addr;
    return out->type != 0;
}

static bool is_function(const struct eg_types *ts, uint32_t type)
{
    const uint32_t id = eg_type_strip(ts, type);

    return eg_type(ts, id, NULL)->kind == EG_T_PTR &&
           eg_type(ts, eg_type_strip(ts, eg_type_ref(ts, id)), NULL)->kind == EG_T_FUNC;
}

static bool zeros(const uint8_t *p, size_t n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return !n;
}

bool linux_bpf_ops_next(struct linux_bpf_ops *o, struct linux_bpf_op *out)
{
    const struct eg_types *ts = eg_binding_of(o->r)->types;
    const struct eg_model *model = &eg_binding_of(o->r)->model;
    struct eg_member_at m;

    while (eg_type_member(ts, o->type, o->next, &m)) {
        const uint64_t at = o->at + m.bit_off / 8, size = eg_type_size(ts, m.type, model);
        uint8_t bytes[VALUE_MAX];

        o->next++;
        if (m.bit_size || !size || size > sizeof bytes ||
            !eg_read(eg_view_of(o->r), eg_kernel(o->r), at, bytes, size) || zeros(bytes, size))
            continue;
        *out = (struct linux_bpf_op){ .member = m.name, .member_at = at };
        if (is_function(ts, m.type))
            out->program = (uint32_t)eg_load_(bytes, (unsigned)size, model->big_endian);
        else
            out->value = linux_bpf_kernel_value(o->r, m.type, bytes, size);
        return true;
    }
    return false;
}
