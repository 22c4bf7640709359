/* code.c - the instructions of a BPF program: what they call, and their hash. */
#include "code.h"
#include "../../../core/base.h"
#include "../../../core/digest.h"
#include "../../../core/map.h"
#include "../../../core/profile.h"
#include "../text.h"
#include "all.h"
#include <string.h>

EG_FIELD_AS(prog_len, bpf_prog, "len");
EG_FIELD_AS(prog_insns, bpf_prog, "insnsi");
EG_FIELD_AS(prog_digest, bpf_prog, "digest"); // since 6.18
EG_FIELD_AS(aux_linfo, bpf_prog_aux, "linfo");
EG_FIELD_AS(aux_n_linfo, bpf_prog_aux, "nr_linfo");
EG_FIELD_AS(aux_linfo_first, bpf_prog_aux, "linfo_idx");
EG_FIELD_AS(aux_btf, bpf_prog_aux, "btf");
EG_FIELD_AS(btf_strings, btf, "strings");
EG_FIELDS(bpf_line_info, insn_off, file_name_off, line_off, line_col);
EG_TYPE(bpf_map);

enum { CHUNK = 512, MAPS_MAX = 1024, HELPERS_MAX = 64, LINES_MAX = 1 << 20, IDS_MAX = 512 };
enum { CALL = 0x85, CALLX = 0x8d, LD_IMM64 = 0x18, TAIL_CALL = 0xf5 };
enum { MOV_K = 0xb7, MOV32_K = 0xb4, JEQ_K = 0x15, JNE_K = 0x55, JEQ32_K = 0x16, JNE32_K = 0x56 };
enum { ERRNO_LAST = -4095, CONSTANTS_MAX = 64 };
// BPF_PSEUDO_…
enum { SRC_MAP = 1, SRC_MAP_VALUE = 2, SRC_FUNCTION = 1, SRC_KFUNC = 2 };

/* ---- reading ---- */

static void read_insns(struct linux_bpf_code *c, uint64_t at)
{
    const bool big = eg_binding_of(c->r)->model.big_endian;
    struct eg_view *v = eg_view_of(c->r);
    uint8_t raw[CHUNK * 8];

    for (size_t cap = 0; c->n < c->says && !eg_stopped(c->r);) {
        const uint32_t n = EG_MIN(c->says - c->n, (uint32_t)CHUNK);

        if (!eg_read(v, eg_kernel(c->r), at + 8 * (uint64_t)c->n, raw, 8 * (size_t)n))
            return;
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *p = raw + 8 * (size_t)i;

            c->at = eg_grow(c->r, c->at, c->n, &cap, sizeof *c->at);
            c->at[c->n++] = (struct linux_bpf_insn){
                .code = p[0],
                .dst = big ? p[1] >> 4 : p[1] & 15,
                .src = big ? p[1] & 15 : p[1] >> 4,
                .off = (int16_t)eg_load_(p + 2, 2, big),
                .imm = (int32_t)eg_load_(p + 4, 4, big),
            };
        }
    }
}

void linux_bpf_code(struct eg_run *r, struct eg_obj prog, struct linux_bpf_code *out)
{
    struct eg_obj insns = eg_at(prog, prog_insns), aux = eg_at(prog, bpf_prog_aux_at);
    uint32_t n = 0;

    *out = (struct linux_bpf_code){ .r = r, .prog = prog };
    eg_lookup(r, "__bpf_call_base", &out->base);
    if (insns.why || !eg_get(&out->says, prog, prog_len) || out->says > LINUX_BPF_INSNS_MAX)
        return;
    read_insns(out, insns.addr);
    eg_get(&n, aux, bpf_aux_n_maps);
    n = EG_MIN(n, (uint32_t)MAPS_MAX);
    out->maps = eg_tmp(r, (n + 1) * sizeof *out->maps);
    for (uint32_t i = 0; i < n; i++)
        if (eg_load(&out->maps[out->n_maps], eg_index(eg_at(aux, bpf_aux_maps), i)))
            out->n_maps++;
}

/* ---- calls ---- */

/* Of an instruction that takes two; a program that is cut off may end with the first half. */
static uint64_t wide_value(const struct linux_bpf_code *c, uint32_t i)
{
    const uint64_t low = (uint32_t)c->at[i].imm;

    return i + 1 < c->n ? low | (uint64_t)(uint32_t)c->at[i + 1].imm << 32 : low;
}

struct linux_bpf_call linux_bpf_call(const struct linux_bpf_code *c, uint32_t i)
{
    const struct linux_bpf_insn *in = &c->at[i];
    struct linux_bpf_call call = { .kind = LINUX_BPF_NO_CALL };
    const struct eg_types *ts = eg_binding_of(c->r)->types;

    if (in->code == TAIL_CALL)
        call.kind = LINUX_BPF_TAIL_CALL;
    if (in->code != CALL)
        return call;
    if (in->src == SRC_FUNCTION) {
        call.kind = LINUX_BPF_FUNCTION;
        return call;
    }
    call.kind = in->src == SRC_KFUNC ? LINUX_BPF_KFUNC : LINUX_BPF_HELPER;
    call.target = c->base ? c->base + (uint64_t)(int64_t)in->imm : 0;
    call.name = linux_bpf_symbol(c->r, call.target);
    // Where the JIT can call far functions, a kfunc stays the number of its type.
    if (call.kind == LINUX_BPF_KFUNC && (!call.name || strchr(call.name, '+'))) {
        const uint32_t id = (uint32_t)in->imm;

        call.target = 0;
        call.name = NULL;
        if (ts && in->off == 0 && id && id < ts->layers[0].end &&
            eg_type(ts, id, NULL)->kind == EG_T_FUNC)
            call.name = eg_type_name(ts, id);
    }
    return call;
}

const char *linux_bpf_helpers(const struct linux_bpf_code *c)
{
    struct linux_text text = { .r = c->r };
    struct eg_map *seen = eg_run_map(c->r);
    unsigned n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct linux_bpf_call call = linux_bpf_call(c, i);

        i += c->at[i].code == LD_IMM64;
        if ((call.kind != LINUX_BPF_HELPER && call.kind != LINUX_BPF_KFUNC) ||
            !eg_run_map_add(c->r, seen, call.target ? call.target : (uint32_t)c->at[i].imm, 1))
            continue;
        if (n++ == HELPERS_MAX) {
            linux_text_add(&text, ", …");
            break;
        }
        linux_text_add(&text, "%s%s", n > 1 ? ", " : "", call.name ? call.name : "?");
    }
    return n ? linux_text_of(&text) : NULL;
}

const char *linux_bpf_misuse(const struct linux_bpf_code *c)
{
    static const struct {
        const char *name, *says;
    } helpers[] = {
        { "bpf_probe_write_user", "writes memory of processes" },
        { "bpf_override_return", "changes what functions return" },
        { "bpf_send_signal", "sends signals" },
        { "bpf_send_signal_thread", "sends signals" },
        { "bpf_send_signal_task", "sends signals" },
        { "bpf_probe_write_kernel", "writes memory of the kernel" },
    };
    unsigned found = 0;
    const char *text = NULL;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct linux_bpf_call call = linux_bpf_call(c, i);

        i += c->at[i].code == LD_IMM64;
        for (unsigned h = 0; call.name && h < countof(helpers); h++)
            if (!strcmp(call.name, helpers[h].name))
                found |= 1u << h;
    }
    for (unsigned h = 0; h < countof(helpers); h++)
        if (found & 1u << h)
            text = eg_strf(c->r, "%s%s%s (%s)", text ? text : "", text ? "; " : "", helpers[h].says,
                           helpers[h].name);
    return text;
}

int32_t linux_bpf_refusal(const struct linux_bpf_code *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const struct linux_bpf_insn *in = &c->at[i];

        if ((in->code == MOV_K || in->code == MOV32_K) && !in->dst && in->imm < 0 &&
            in->imm >= ERRNO_LAST)
            return in->imm;
        i += in->code == LD_IMM64;
    }
    return 0;
}

/* Protocols of Ethernet, as a register has them and as the packet does; answers of helpers. */
static bool common(uint32_t value)
{
    static const uint16_t protocols[] = { 0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x8847, 0xffff };

    for (size_t i = 0; i < countof(protocols); i++)
        if (value == protocols[i] || value == __builtin_bswap16(protocols[i]))
            return true;
    return (int32_t)value <= UINT8_MAX && (int32_t)value >= ERRNO_LAST;
}

const char *linux_bpf_compares(const struct linux_bpf_code *c, bool *magic)
{
    struct linux_text text = { .r = c->r };
    struct eg_map *seen = eg_run_map(c->r);
    unsigned n = 0;

    for (uint32_t i = 0; i < c->n && n < CONSTANTS_MAX; i++) {
        const struct linux_bpf_insn *in = &c->at[i];
        const uint32_t value = (uint32_t)in->imm;

        i += in->code == LD_IMM64;
        if ((in->code != JEQ_K && in->code != JNE_K && in->code != JEQ32_K &&
             in->code != JNE32_K) ||
            common(value) || !eg_run_map_add(c->r, seen, value, 1))
            continue;
        *magic |= value > UINT16_MAX;
        linux_text_add(&text, "%s%#x", n++ ? ", " : "", value);
        if (value <= UINT16_MAX && !eg_binding_of(c->r)->model.big_endian)
            linux_text_add(&text, " (%u)", __builtin_bswap16((uint16_t)value));
    }
    return n ? linux_text_of(&text) : NULL;
}

/* ---- source ---- */

static const char *string_at(const struct linux_bpf_code *c, uint64_t strings, uint32_t off)
{
    return off ? eg_cstr(c->r, eg_kernel(c->r), strings + off, 256) : NULL;
}

const char *linux_bpf_source(const struct linux_bpf_code *c, uint32_t at)
{
    struct eg_obj aux = eg_at(c->prog, bpf_prog_aux_at), lines = eg_at(aux, aux_linfo), line;
    uint32_t n = 0, low = 0, high, off = 0, col = 0, text = 0, name = 0;
    const char *source, *file;
    uint64_t strings = 0;

    if (!eg_get(&n, aux, aux_n_linfo) || n > LINES_MAX ||
        !eg_get(&strings, aux, aux_btf, btf_strings) || !strings)
        return NULL;
    for (high = n; low < high;) { // they are sorted by instruction
        const uint32_t mid = low + (high - low) / 2;

        if (!eg_get(&off, eg_index(lines, mid), bpf_line_info.insn_off))
            return NULL;
        if (off < at)
            low = mid + 1;
        else
            high = mid;
    }
    line = eg_index(lines, low);
    if (low >= n || !eg_get(&off, line, bpf_line_info.insn_off) || off != at ||
        !eg_get(&text, line, bpf_line_info.line_off) ||
        !eg_get(&name, line, bpf_line_info.file_name_off) ||
        !eg_get(&col, line, bpf_line_info.line_col))
        return NULL;
    source = string_at(c, strings, text);
    file = string_at(c, strings, name);
    if (!source)
        return NULL;
    while (*source == ' ' || *source == '\t')
        source++;
    return eg_strf(c->r, "%s // %s:%u", source, file ? file : "?", col >> 10);
}

/* ---- the tag ---- */

/* The number of a helper by its function's name: what the program had before the verifier made it
 * an address. Helpers that have functions of other names have none. */
static uint32_t helper_id(const struct linux_bpf_code *c, const char *name)
{
    const struct eg_types *ts = eg_binding_of(c->r)->types;
    uint64_t iter = 0;
    const uint32_t type = ts ? eg_types_named(ts, "bpf_func_id", NULL, 1u << EG_T_ENUM, &iter) : 0;

    for (uint32_t id = 1; type && id < IDS_MAX; id++) {
        const char *e = eg_type_enumerator(ts, type, id);

        if (!e)
            return 0;
        if (!strncmp(e, "BPF_FUNC_", 9) && !strncmp(name, "bpf_", 4) && !strcmp(e + 9, name + 4))
            return id;
    }
    return 0;
}

/** What the value of a wide instruction was before it became an address: a map, memory in a map,
 * or what it is. */
static uint8_t wide_source(const struct linux_bpf_code *c, uint32_t i)
{
    const uint64_t value = wide_value(c, i);

    for (uint32_t m = 0; m < c->n_maps; m++)
        if (value == c->maps[m])
            return SRC_MAP;
    // Memory of an array lies behind its struct.
    for (uint32_t m = 0; m < c->n_maps; m++)
        if (value > c->maps[m] && value - c->maps[m] < 1 << 22)
            return SRC_MAP_VALUE;
    return c->at[i].src;
}

static bool original(const struct linux_bpf_code *c, uint32_t i, uint8_t out[16])
{
    const bool big = eg_binding_of(c->r)->model.big_endian;
    struct linux_bpf_insn in = c->at[i];
    const struct linux_bpf_call call = linux_bpf_call(c, i);

    if (in.code == LD_IMM64) {
        in.src = wide_source(c, i);
        if (in.src == SRC_MAP || in.src == SRC_MAP_VALUE)
            in.imm = 0;
    } else if (call.kind == LINUX_BPF_FUNCTION) { // the distance is kept here, the function there
        in.imm = in.off;
        in.off = 0;
    } else if (call.kind == LINUX_BPF_HELPER) {
        in.imm = call.name ? (int32_t)helper_id(c, call.name) : 0;
        if (!in.imm)
            return false;
    } else if (call.kind != LINUX_BPF_NO_CALL) {
        return false;
    }
    out[0] = in.code;
    out[1] = (uint8_t)(big ? in.dst << 4 | in.src : in.src << 4 | in.dst);
    for (unsigned b = 0; b < 2; b++)
        out[2 + b] = (uint8_t)((uint16_t)in.off >> 8 * (big ? 1 - b : b));
    for (unsigned b = 0; b < 4; b++)
        out[4 + b] = (uint8_t)((uint32_t)in.imm >> 8 * (big ? 3 - b : b));
    return true;
}

const char *linux_bpf_tag(const struct linux_bpf_code *c)
{
    const unsigned kind = eg_has(c->r, prog_digest) ? EG_SHA256 : EG_SHA1;
    struct eg_digest *d = c->n && c->n == c->says ? eg_digest_open(1u << kind) : NULL;
    struct eg_sums sums;
    bool good = d && eg_digest_begin(d);
    char *text;

    for (uint32_t i = 0; good && i < c->n; i++) {
        uint8_t insn[16];

        good = original(c, i, insn) && eg_digest_add(d, insn, 8);
        if (good && c->at[i].code == LD_IMM64 && ++i < c->n) {
            const uint8_t source = wide_source(c, i - 1);

            memset(insn, 0, sizeof insn);
            if (source != SRC_MAP && source != SRC_MAP_VALUE && source != LINUX_BPF_CALLBACK)
                good = original(c, i, insn);
            good = good && eg_digest_add(d, insn, 8);
        }
    }
    good = good && eg_digest_end(d, &sums);
    eg_digest_close(d);
    if (!good)
        return NULL;
    text = eg_tmp(c->r, 17);
    for (unsigned i = 0; i < 8; i++) {
        text[2 * i] = "0123456789abcdef"[sums.of[kind][i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[sums.of[kind][i] & 15];
    }
    return text;
}
