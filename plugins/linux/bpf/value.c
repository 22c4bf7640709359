/* value.c - values by their types. */
#include "value.h"
#include "../../../core/base.h"
#include "../../../core/map.h"
#include "../../../core/profile.h"
#include "../../../core/run.h"
#include "../../../profiles/btf.h"
#include "../text.h"
#include "all.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(btf_data, btf, "data");
EG_FIELD_AS(btf_data_size, btf, "data_size");
EG_FIELD_AS(timer_code, bpf_hrtimer, "cb.callback_fn|callback_fn"); // cb: since 6.10
EG_FIELD_AS(timer_prog, bpf_hrtimer, "cb.prog|prog");
EG_FIELD_AS(work_code, bpf_work, "cb.callback_fn");
EG_FIELD_AS(work_prog, bpf_work, "cb.prog");
EG_TYPE(bpf_hrtimer);
EG_TYPE(bpf_work);
EG_TYPE(btf);

enum { BTF_MAX = 16 << 20, DEPTH_MAX = 8, ELEMENTS_MAX = 64, VALUE_TEXT_MAX = 1 << 14 };

struct linux_bpf_types {
    struct eg_profile *profile;
    struct eg_types ts;
};

static void forget(void *p)
{
    struct linux_bpf_types *t = p;

    eg_types_fini(&t->ts);
    eg_profile_free(t->profile);
}

struct linux_bpf_types *linux_bpf_types(struct eg_run *r, uint64_t at)
{
    struct eg_obj btf = eg_object(r, btf, at);
    struct linux_bpf_types *t = eg_tmp(r, sizeof *t);
    uint64_t data = 0;
    uint32_t size = 0;
    uint8_t *bytes;
    struct eg_error e;

    if (!at || !eg_get(&data, btf, btf_data) || !eg_get(&size, btf, btf_data_size) || !data ||
        size > BTF_MAX)
        return NULL;
    // What a count claims is not allocated before its ends can be read.
    if (!size || !eg_bytes(eg_view_of(r), eg_kernel(r), data, 1) ||
        !eg_bytes(eg_view_of(r), eg_kernel(r), data + size - 1, 1))
        return NULL;
    bytes = eg_tmp(r, size);
    if (!eg_read(eg_view_of(r), eg_kernel(r), data, bytes, size) ||
        eg_btf_read(&t->profile, bytes, size, eg_binding_of(r)->model, NULL, NULL, "BTF of a map",
                    &e))
        return NULL;
    if (eg_types_init(&t->ts, t->profile, &e)) {
        eg_profile_free(t->profile);
        return NULL;
    }
    eg_run_defer(r, forget, t);
    return t;
}

/* ---- without types ---- */

static bool is_text(const uint8_t *p, size_t len)
{
    const size_t n = strnlen((const char *)p, len);

    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x20 || p[i] > 0x7e)
            return false;
    for (size_t i = n; i < len; i++)
        if (p[i])
            return false;
    return n >= 3;
}

static void raw(struct linux_text *out, const uint8_t *p, size_t len)
{
    const bool big = eg_binding_of(out->r)->model.big_endian;
    const size_t shown = EG_MIN(len, (size_t)256);

    if (len == 1 || len == 2 || len == 4 || len == 8) {
        linux_text_add(out, "%" PRIu64, eg_load_(p, (unsigned)len, big));
        return;
    }
    if (is_text(p, len)) {
        linux_text_add(out, "\"%.*s\"", (int)strnlen((const char *)p, len), (const char *)p);
        return;
    }
    for (size_t i = 0; i < shown; i++)
        linux_text_add(out, "%02x", p[i]);
    if (shown < len)
        linux_text_add(out, "…");
}

/* ---- with types ---- */

struct decoder {
    const struct eg_types *ts;
    const struct eg_model *m;
    struct linux_text out;
    const uint8_t *bytes;
    size_t len;
};

static void decode(struct decoder *d, uint32_t id, uint64_t at, unsigned depth);

static void number(struct decoder *d, const struct eg_slot *s, uint64_t at)
{
    uint64_t v;

    if (s->size > 8 || at + s->size > d->len || !s->size || s->size & (s->size - 1)) {
        linux_text_add(&d->out, "?");
        return;
    }
    v = eg_load_(d->bytes + at, s->size, d->m->big_endian);
    if (s->bits)
        v = v >> s->shift & ((UINT64_C(1) << s->bits) - 1);
    if (s->kind == EG_K_PTR)
        linux_text_add(&d->out, "%#" PRIx64, v);
    else if (s->kind == EG_K_SINT && !s->bits)
        linux_text_add(&d->out, "%" PRId64,
                       (int64_t)(v << (64 - 8 * s->size)) >> (64 - 8 * s->size));
    else
        linux_text_add(&d->out, "%" PRIu64, v);
}

/* A timer or work of a program is a pointer in a value (kernel/bpf/helpers.c): what it will call.
 * @return false: the type is neither. */
static bool deferred(struct decoder *d, uint32_t id, uint64_t at)
{
    const char *type = eg_type_name(d->ts, id), *function;
    const bool timer = type && !strcmp(type, "bpf_timer");
    struct eg_run *r = d->out.r;
    uint64_t object = 0, code = 0, prog = 0;
    struct eg_obj o;

    if ((!timer && (!type || strcmp(type, "bpf_wq") != 0)) || d->len - at < d->m->ptr_size)
        return false;
    object = eg_load_(d->bytes + at, d->m->ptr_size, d->m->big_endian);
    o = timer ? eg_object(r, bpf_hrtimer, object) : eg_object(r, bpf_work, object);
    if (!object) {
        linux_text_add(&d->out, "not set up");
        return true;
    }
    if (timer ? !eg_get(&code, o, timer_code) : !eg_get(&code, o, work_code))
        return false;
    if (timer ? !eg_get(&prog, o, timer_prog) : !eg_get(&prog, o, work_prog))
        prog = 0;
    function = linux_bpf_symbol(r, code);
    linux_text_add(&d->out, "%s calls %s", timer ? "timer" : "work",
                   function ? function : "nothing");
    if (prog)
        linux_text_add(&d->out, " of program %s", linux_bpf_prog_text(r, prog));
    return true;
}

static void members(struct decoder *d, uint32_t id, uint64_t at, unsigned depth)
{
    struct eg_member_at m;

    linux_text_add(&d->out, "{");
    for (uint32_t i = 0; i < ELEMENTS_MAX && eg_type_member(d->ts, id, i, &m); i++) {
        struct eg_slot s;

        linux_text_add(&d->out, i ? ", " : " ");
        if (m.name && *m.name)
            linux_text_add(&d->out, ".%s = ", m.name);
        if (m.bit_size) {
            eg_types_member_slot(d->ts, d->m, id, &m, &s);
            number(d, &s, at + s.off);
        } else {
            decode(d, m.type, at + m.bit_off / 8, depth + 1);
        }
    }
    linux_text_add(&d->out, " }");
}

static void array(struct decoder *d, const struct eg_slot *s, uint64_t at, unsigned depth)
{
    const uint64_t size = eg_type_size(d->ts, s->type, d->m);
    const uint64_t n = size ? s->size / size : 0;

    linux_text_add(&d->out, "[");
    for (uint64_t i = 0; i < n; i++) {
        if (i == ELEMENTS_MAX) {
            linux_text_add(&d->out, ", …");
            break;
        }
        linux_text_add(&d->out, i ? ", " : " ");
        decode(d, s->type, at + i * size, depth + 1);
    }
    linux_text_add(&d->out, " ]");
}

static void decode(struct decoder *d, uint32_t id, uint64_t at, unsigned depth)
{
    struct eg_slot s;

    if (depth > DEPTH_MAX || d->out.n > VALUE_TEXT_MAX) {
        linux_text_add(&d->out, "…");
        return;
    }
    eg_types_slot(d->ts, d->m, id, &s);
    if (at >= d->len || s.size > d->len - at) {
        linux_text_add(&d->out, "?");
        return;
    }
    if (s.kind == EG_K_STRUCT && deferred(d, eg_type_strip(d->ts, id), at))
        return;
    if (s.kind == EG_K_STRUCT)
        members(d, eg_type_strip(d->ts, id), at, depth);
    else if (s.kind == EG_K_ARRAY)
        array(d, &s, at, depth);
    else if (s.kind == EG_K_CHARS && is_text(d->bytes + at, s.size))
        linux_text_add(&d->out, "\"%.*s\"", (int)strnlen((const char *)d->bytes + at, s.size),
                       (const char *)d->bytes + at);
    else if (s.kind == EG_K_CHARS || s.kind == EG_K_FLOAT || !s.kind)
        raw(&d->out, d->bytes + at, s.size);
    else
        number(d, &s, at);
}

static const char *value(struct eg_run *r, const struct eg_types *ts, uint32_t id,
                         const uint8_t *bytes, size_t len)
{
    struct decoder d = {
        .ts = ts, .m = &eg_binding_of(r)->model, .out = { .r = r }, .bytes = bytes, .len = len
    };

    if (ts)
        decode(&d, id, 0, 0);
    else
        raw(&d.out, bytes, len);
    return linux_text_of(&d.out);
}

const char *linux_bpf_value(struct eg_run *r, const struct linux_bpf_types *types, uint32_t id,
                            const uint8_t *bytes, size_t len)
{
    const bool known = types && id && id < types->profile->n_types;

    return value(r, known ? &types->ts : NULL, id, bytes, len);
}

const char *linux_bpf_kernel_value(struct eg_run *r, uint32_t id, const uint8_t *bytes, size_t len)
{
    return value(r, id ? eg_binding_of(r)->types : NULL, id, bytes, len);
}
