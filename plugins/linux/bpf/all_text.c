/* all_text.c - names of what belongs to BPF. */
#include "../../../core/base.h"
#include "../../../core/profile.h"
#include "../kernel/codeof.h"
#include "../sched/task.h"
#include "../text.h"
#include "all.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(aux_name, bpf_prog_aux, "name");
EG_FIELD_AS(aux_btf, bpf_prog_aux, "btf");
EG_FIELD_AS(aux_info, bpf_prog_aux, "func_info");
EG_FIELD_AS(aux_n_info, bpf_prog_aux, "func_info_cnt");
EG_FIELD_AS(aux_index, bpf_prog_aux, "func_idx");
EG_FIELD_AS(info_type, bpf_func_info, "type_id");
EG_FIELD_AS(btf_types, btf, "types");
EG_FIELD_AS(btf_count, btf, "nr_types");
EG_FIELD_AS(btf_strings, btf, "strings");
EG_FIELD_AS(type_name, btf_type, "name_off");
EG_TYPE(bpf_prog);
EG_TYPE(bpf_map);

enum { NAME_MAX = 128, KEEPERS_SHOWN = 16 };

const char *linux_bpf_enum(struct eg_run *r, const char *type, const char *prefix, uint64_t value)
{
    const struct eg_types *ts = eg_binding_of(r)->types;
    uint64_t iter = 0;
    const uint32_t id = ts ? eg_types_named(ts, type, NULL, 1u << EG_T_ENUM, &iter) : 0;
    const char *name = id ? eg_type_enumerator(ts, id, (int64_t)value) : NULL;
    char *text;

    if (!name)
        return eg_strf(r, "%" PRIu64, value);
    if (!strncmp(name, prefix, strlen(prefix)))
        name += strlen(prefix);
    text = eg_strf(r, "%s", name);
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (strlen(text) > 11 && !strcmp(text + strlen(text) - 11, "_deprecated"))
        text[strlen(text) - 11] = 0;
    return text;
}

const char *linux_bpf_symbol(struct eg_run *r, uint64_t addr)
{
    struct linux_codeof code = { 0 };

    if (addr)
        linux_codeof(r, addr, &code);
    return code.symbol;
}

static bool among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* What a listing of files, programs, processes or connections, or a signal passes through, and what
 * decides who may look. Tools that observe attach to execve, openat, connect and the like, which
 * are not among these. */
const char *linux_bpf_dangerous(const char *function)
{
    static const char *const before[] = {
        "__x64_sys_",          "__ia32_sys_",         "__ia32_compat_sys_",
        "__arm64_sys_",        "__arm64_compat_sys_", "__riscv_sys_",
        "__se_sys_",           "__do_sys_",           "ksys_",
        "sys_enter_",          "sys_exit_",           "sys_",
        "syscalls:sys_enter_", "syscalls:sys_exit_",  "__sys_"
    };
    static const char *const calls[] = {
        "getdents", "getdents64", "bpf", "kill", "tkill", "tgkill"
    };
    static const char *const functions[] = {
        "filldir",       "filldir64",       "compat_filldir",  "iterate_dir",
        "next_tgid",     "tcp4_seq_show",   "tcp6_seq_show",   "verify_dirent_name",
        "udp4_seq_show", "udp6_seq_show",   "packet_seq_show", "inet_sk_diag_fill",
        "m_show",        "proc_pid_readdir"
    };
    static const char *const security[] = { "bpf_lsm_", "security_" };
    static const char *const decisions[] = { "bpf",           "bpf_map",
                                             "bpf_prog",      "bpf_map_create",
                                             "bpf_prog_load", "task_kill",
                                             "locked_down",   "ptrace_access_check",
                                             "syslog",        "kernel_read_file" };

    if (!function)
        return NULL;
    if (among(function, functions, countof(functions)))
        return function;
    for (size_t i = 0; i < countof(before); i++) {
        const size_t n = strlen(before[i]);

        if (!strncmp(function, before[i], n) && among(function + n, calls, countof(calls)))
            return function + n;
    }
    for (size_t i = 0; i < countof(security); i++) {
        const size_t n = strlen(security[i]);

        if (!strncmp(function, security[i], n) &&
            among(function + n, decisions, countof(decisions)))
            return function + n;
    }
    return NULL;
}

/* Paths stand behind each other with "; " between them. */
bool linux_bpf_odd_path(const char *paths)
{
    for (const char *c = paths; c && *c; c++)
        if ((*c == '/' && (c[1] == '.' || c[1] == ' ')) || (unsigned char)*c < ' ' || *c == 0x7f)
            return true;
    return false;
}

const char *linux_bpf_prog_name(struct eg_run *r, struct eg_obj prog)
{
    struct eg_obj aux = eg_at(prog, bpf_prog_aux_at), btf = eg_deref(eg_at(aux, aux_btf)), type;
    uint32_t index = 0, n = 0, id = 0, off = 0, types = 0;
    const char *kept = eg_string(r, eg_at(aux, aux_name), 16), *name = NULL;

    // That of a function is its program's; one that has room is whole.
    eg_get(&index, aux, aux_index);
    if (kept && *kept && strlen(kept) < 15 && !index)
        return kept;
    if (eg_get(&n, aux, aux_n_info) && index < n &&
        eg_get(&id, eg_index(eg_at(aux, aux_info), index), info_type) &&
        eg_get(&types, btf, btf_count) && id < types) {
        type = eg_deref(eg_index(eg_at(btf, btf_types), id));
        if (eg_get(&off, type, type_name) && off) {
            uint64_t strings = 0;

            if (eg_get(&strings, btf, btf_strings) && strings)
                name = eg_cstr(r, eg_kernel(r), strings + off, NAME_MAX);
        }
    }
    if (!name || !*name)
        name = kept;
    return name && *name ? name : NULL;
}

const char *linux_bpf_prog_text(struct eg_run *r, uint64_t at)
{
    struct eg_obj prog = eg_object(r, bpf_prog, at);
    const char *name = linux_bpf_prog_name(r, prog);
    uint32_t id;

    if (!eg_get(&id, prog, bpf_prog_aux_at, bpf_aux_id))
        return eg_strf(r, "at %#" PRIx64, at);
    return eg_strf(r, "%u%s%s", id, name ? " " : "", name ? name : "");
}

uint64_t linux_bpf_prog_of(const struct linux_bpf *b, uint32_t id)
{
    for (size_t i = 0; i < b->progs.n; i++) {
        const uint64_t at = b->progs.at[i].at;

        if (eg_get_or(UINT32_C(0), eg_object(b->r, bpf_prog, at), bpf_prog_aux_at, bpf_aux_id) ==
            id)
            return at;
    }
    return 0;
}

const char *linux_bpf_prog_numbered(const struct linux_bpf *b, uint32_t id)
{
    const uint64_t at = linux_bpf_prog_of(b, id);

    return at ? eg_strf(b->r, "program %s", linux_bpf_prog_text(b->r, at))
              : eg_strf(b->r, "program %u", id);
}

const char *linux_bpf_map_text(struct eg_run *r, uint64_t at)
{
    struct eg_obj map = eg_object(r, bpf_map, at);
    const char *name = eg_string(r, eg_at(map, bpf_map_name), 16);
    uint32_t id;

    if (!eg_get(&id, map, bpf_map_id))
        return eg_strf(r, "at %#" PRIx64, at);
    return eg_strf(r, "%u%s%s", id, name && *name ? " " : "", name ? name : "");
}

const char *linux_bpf_keepers(const struct linux_bpf *b, uint64_t object, bool pinned,
                              struct eg_obj *task)
{
    struct linux_text text = { .r = b->r };
    unsigned n = 0;

    *task = (struct eg_obj){ .why = EG_NULL };
    for (size_t i = 0; i < b->n_keepers; i++) {
        const struct linux_bpf_keeper *k = &b->keepers[i];
        struct eg_obj holder;
        const char *comm;

        if (k->object != object || pinned != (k->path != NULL) || n++ > KEEPERS_SHOWN)
            continue;
        if (n > 1)
            linux_text_add(&text, "; ");
        if (n > KEEPERS_SHOWN) {
            linux_text_add(&text, "…");
            continue;
        }
        if (k->path) {
            linux_text_add(&text, "%s", k->path);
            continue;
        }
        holder = eg_object(b->r, task_struct, k->task);
        comm = k->task ? eg_string(b->r, eg_at(holder, task_struct.comm), 16) : NULL;
        if (k->task && task->why)
            *task = holder;
        if (!k->task) {
            linux_text_add(&text, "a file of no process");
            continue;
        }
        linux_text_add(&text, "%" PRId64 " %s", eg_get_or((int64_t)-1, holder, task_struct.tgid),
                       comm ? comm : "?");
        if (k->fd != UINT64_MAX)
            linux_text_add(&text, " fd %" PRIu64, k->fd);
    }
    return n ? linux_text_of(&text) : NULL;
}

bool linux_bpf_kept_by_asked(const struct linux_bpf *b, uint64_t object)
{
    if (!eg_arg_limits(b->r, "pid"))
        return true;
    for (size_t i = 0; i < b->n_keepers; i++) {
        const struct linux_bpf_keeper *k = &b->keepers[i];
        struct eg_obj task = eg_object(b->r, task_struct, k->task);

        if (k->object == object && k->task &&
            eg_arg_match(b->r, "pid", eg_get_or((int64_t)-1, task, task_struct.tgid)))
            return true;
    }
    return false;
}
