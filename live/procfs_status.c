/* procfs_status.c - /proc/PID/status and comm (fs/proc/array.c). A line that the image cannot tell
 * is left out: what the processor's mitigations mean for a thread, and what was added after its
 * members. */
#include "../plugins/linux/kernel/percpu.h"
#include "../plugins/linux/mm/mm.h"
#include "../plugins/linux/mm/slab.h"
#include "../plugins/linux/sched/cred.h"
#include "../plugins/linux/sched/kthread.h"
#include "../plugins/linux/sched/pid.h"
#include "../plugins/linux/sched/signal.h"
#include "../plugins/linux/sched/task.h"
#include "procfs_own.h"

EG_FIELD_AS(fs_umask, fs_struct, "umask");
EG_FIELD_AS(task_numa, task_struct, "numa_group");
EG_FIELD_AS(numa_gid, numa_group, "gid");
EG_FIELD_AS(task_ptrace, task_struct, "ptrace");
EG_FIELD_AS(task_parent, task_struct, "parent");
EG_FIELD_AS(st_suid, cred, "suid.val|suid");
EG_FIELD_AS(st_sgid, cred, "sgid.val|sgid");
EG_FIELD_AS(st_fsuid, cred, "fsuid.val|fsuid");
EG_FIELD_AS(st_fsgid, cred, "fsgid.val|fsgid");
EG_FIELD_AS(cred_groups, cred, "group_info");
EG_FIELD_AS(cred_user, cred, "user");
EG_FIELD_AS(user_pending, user_struct, "sigpending.counter"); // until 5.13
EG_FIELD_AS(cred_ucounts, cred, "ucounts");
EG_FIELD_AS(ucounts_of, ucounts, "rlimit|ucount"); // rlimit since 5.18
EG_ENUMERATOR(UCOUNT_RLIMIT_SIGPENDING, NULL);
EG_FIELDS(group_info, ngroups, gid);
EG_FIELD_AS(st_files, task_struct, "files");
EG_FIELD_AS(st_max_fds, fdtable, "max_fds");
EG_FIELD_AS(st_fdt, files_struct, "fdt");
EG_FIELD_AS(st_pending, task_struct, "pending");
EG_FIELD_AS(st_blocked, task_struct, "blocked");
EG_FIELD_AS(rlim_cur, rlimit, "rlim_cur");
EG_FIELDS(cred, cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient);
EG_FIELD_AS(st_atomic_flags, task_struct, "atomic_flags");
EG_FIELD_AS(st_seccomp, task_struct, "seccomp.mode");
EG_FIELD_AS(st_filters, task_struct, "seccomp.filter_count.counter");
EG_FIELD_AS(st_cpus, task_struct, "cpus_mask|cpus_allowed");
EG_FIELD_AS(st_mems, task_struct, "mems_allowed");
EG_FIELD_AS(st_nvcsw, task_struct, "nvcsw");
EG_FIELD_AS(st_nivcsw, task_struct, "nivcsw");
EG_FIELD_AS(st_pids, signal_struct, "pids");
EG_FIELD_AS(a_cpumask_var, cpuset, "cpus_allowed");
EG_FIELDS(pid, level, numbers);
EG_FIELDS(upid, nr, ns);
EG_FIELD_AS(mm_hiwater_vm, mm_struct, "hiwater_vm");
EG_FIELD_AS(mm_hiwater_rss, mm_struct, "hiwater_rss");
EG_FIELD_AS(mm_total_vm, mm_struct, "total_vm");
EG_FIELD_AS(mm_locked_vm, mm_struct, "locked_vm");
EG_FIELD_AS(mm_data_vm, mm_struct, "data_vm");
EG_FIELD_AS(mm_stack_vm, mm_struct, "stack_vm");
EG_FIELD_AS(mm_exec_vm, mm_struct, "exec_vm");
EG_FIELD_AS(mm_start_code, mm_struct, "start_code");
EG_FIELD_AS(mm_end_code, mm_struct, "end_code");
EG_FIELD_AS(mm_pinned, mm_struct, "pinned_vm.counter|pinned_vm");
EG_FIELD_AS(mm_pte, mm_struct, "pgtables_bytes.counter");
EG_FIELD_AS(mm_huge, mm_struct, "hugetlb_usage.counter");
EG_FIELD_AS(mm_core, mm_struct, "core_state");
EG_FIELD_AS(signal_core, signal_struct, "core_state"); // since 5.16
EG_SYMBOL(nr_cpu_ids, "unsigned int");
EG_FIELD_AS(cache_node, kmem_cache, "node|per_node"); // one for each possible node

enum { LEVELS_MAX = 32, GROUPS_MAX = 65536, PGID = 2, SID = 3, RLIMIT_SIGPENDING_ = 11 };

/* ---- ids ---- */

int32_t procfs_pid_number(struct eg_run *r, struct eg_obj pid, uint32_t level, uint64_t ns)
{
    struct eg_obj numbers = eg_at(pid, pid.numbers), upid; // declared with one element, or none
    uint32_t deepest;
    int32_t nr = 0;

    if (numbers.why || !eg_get(&deepest, pid, pid.level) || level > deepest || level >= LEVELS_MAX)
        return 0;
    upid = eg_object(r, upid, numbers.addr + level * eg_size(r, upid));
    if (!ns || eg_get_or((uint64_t)0, upid, upid.ns) == ns)
        eg_get(&nr, upid, upid.nr);
    return nr;
}

/* Ids in every pid namespace that the process is in, the outermost first. */
static void ids(struct procfs_out *o, const char *name, struct eg_obj own, struct eg_obj other)
{
    struct eg_obj numbers = eg_at(own, pid.numbers);
    uint32_t level = 0;

    procfs_add(o, "%s", name);
    eg_get(&level, own, pid.level);
    for (uint32_t i = 0; !numbers.why && i <= level && i < LEVELS_MAX; i++) {
        struct eg_obj upid = eg_object(o->r, upid, numbers.addr + i * eg_size(o->r, upid));

        procfs_add(o, "\t%d",
                   procfs_pid_number(o->r, other, i, eg_get_or((uint64_t)0, upid, upid.ns)));
    }
    procfs_add(o, "\n");
}

static void all_ids(struct procfs_out *o, struct eg_obj task)
{
    struct eg_obj own = eg_deref(linux_task_pid(o->r, task));
    struct eg_obj leader = eg_deref(eg_at(task, task_struct.group_leader));
    struct eg_obj of = eg_at(task, task_struct.signal, st_pids);

    if (own.why)
        return;
    ids(o, "NStgid:", own, eg_deref(linux_task_pid(o->r, leader)));
    ids(o, "NSpid:", own, own);
    ids(o, "NSpgid:", own, eg_deref(eg_index(of, PGID)));
    ids(o, "NSsid:", own, eg_deref(eg_index(of, SID)));
}

static const char *state_text(char letter)
{
    static const char *const texts[] = { "R (running)", "S (sleeping)",     "D (disk sleep)",
                                         "T (stopped)", "t (tracing stop)", "X (dead)",
                                         "Z (zombie)",  "P (parked)",       "I (idle)" };

    for (size_t i = 0; i < countof(texts); i++)
        if (*texts[i] == letter)
            return texts[i];
    return NULL;
}

static void groups(struct procfs_out *o, struct eg_obj cred)
{
    struct eg_obj info = eg_deref(eg_at(cred, cred_groups)), gids = eg_at(info, group_info.gid);
    int32_t n = 0;
    uint32_t gid;

    if (!eg_get(&n, info, group_info.ngroups))
        return;
    procfs_add(o, "Groups:\t");
    for (int32_t i = 0; i < n && i < GROUPS_MAX; i++) { // kgid_t is a number
        if (!eg_read(eg_view_of(o->r), eg_kernel(o->r), gids.addr + 4 * (uint64_t)i, &gid, 4))
            break;
        if (gids.bind->model.big_endian)
            gid = __builtin_bswap32(gid);
        procfs_add(o, "%s%u", i ? " " : "", gid);
    }
    procfs_add(o, " \n");
}

static const char *name_of(struct eg_run *r, struct eg_obj task)
{
    const struct eg_cell name = linux_task_name(r, task);

    if (name.tag == EG_CELL_TEXT)
        return eg_strf(r, "%.*s", (int)name.bytes.len, (const char *)name.bytes.p);
    return eg_string(r, eg_at(task, task_struct.comm), 64);
}

static void who(struct procfs_out *o, struct eg_obj task)
{
    struct eg_obj cred = eg_at(task, task_struct.real_cred), parent = linux_parent(o->r, task);
    const char *name = name_of(o->r, task), *state = state_text(linux_task_state(o->r, task));
    uint32_t mask, traced = 0, max = 0;

    procfs_add(o, "Name:\t");
    procfs_name(o, name ? name : "");
    procfs_add(o, "\n");
    if (eg_get(&mask, task, task_struct.fs, fs_umask))
        procfs_add(o, "Umask:\t%#04o\n", mask);
    if (state)
        procfs_add(o, "State:\t%s\n", state);
    procfs_add(o, "Tgid:\t%d\n", eg_get_or(0, task, task_struct.tgid));
    if (eg_has(o->r, task_numa))
        procfs_add(o, "Ngid:\t%d\n", eg_get_or(0, task, task_numa, numa_gid));
    procfs_add(o, "Pid:\t%d\n", eg_get_or(0, task, task_struct.pid));
    procfs_add(o, "PPid:\t%d\n", eg_get_or(0, parent, task_struct.tgid));
    if (eg_get(&traced, task, task_ptrace))
        procfs_add(o, "TracerPid:\t%d\n",
                   traced ? eg_get_or(0, task, task_parent, task_struct.pid) : 0);
    procfs_add(o, "Uid:\t%u\t%u\t%u\t%u\n", eg_get_or(0u, cred, cred_uid),
               eg_get_or(0u, cred, cred_euid), eg_get_or(0u, cred, st_suid),
               eg_get_or(0u, cred, st_fsuid));
    procfs_add(o, "Gid:\t%u\t%u\t%u\t%u\n", eg_get_or(0u, cred, cred_gid),
               eg_get_or(0u, cred, cred_egid), eg_get_or(0u, cred, st_sgid),
               eg_get_or(0u, cred, st_fsgid));
    eg_get(&max, task, st_files, st_fdt, st_max_fds);
    procfs_add(o, "FDSize:\t%u\n", max);
    groups(o, cred);
    all_ids(o, task);
}

bool procfs_comm(struct procfs_out *o, const struct procfs_task *t)
{
    const char *name = name_of(o->r, t->task);

    procfs_add(o, "%s\n", name ? name : "");
    return name != NULL;
}

/* ---- memory ---- */

static void kilobytes(struct procfs_out *o, const char *name, uint64_t kb)
{
    procfs_add(o, "%s:\t%8llu kB\n", name, (unsigned long long)kb);
}

static void memory(struct procfs_out *o, struct eg_obj mm, struct eg_obj task)
{
    const unsigned kb = linux_page_shift(o->r) - 10; // of a page: log2
    const struct procfs_rss rss = procfs_rss(o->r, mm);
    const uint64_t resident = (uint64_t)(rss.of[0] + rss.of[1] + rss.of[3]), page = 1024u << kb;
    const uint64_t total = eg_get_or((uint64_t)0, mm, mm_total_vm);
    const uint64_t exec = eg_get_or((uint64_t)0, mm, mm_exec_vm) << kb;
    uint64_t first = 0, last = 0, text, core = 0, huge;

    eg_get(&first, mm, mm_start_code);
    eg_get(&last, mm, mm_end_code);
    text = last >= first ? (eg_align_up(last, page) - (first & ~(page - 1))) >> 10 : 0;
    text = EG_MIN(text, exec);
    kilobytes(o, "VmPeak", EG_MAX(total, eg_get_or((uint64_t)0, mm, mm_hiwater_vm)) << kb);
    kilobytes(o, "VmSize", total << kb);
    kilobytes(o, "VmLck", eg_get_or((uint64_t)0, mm, mm_locked_vm) << kb);
    kilobytes(o, "VmPin", eg_get_or((uint64_t)0, mm, mm_pinned) << kb);
    kilobytes(o, "VmHWM", EG_MAX(resident, eg_get_or((uint64_t)0, mm, mm_hiwater_rss)) << kb);
    kilobytes(o, "VmRSS", resident << kb);
    kilobytes(o, "RssAnon", (uint64_t)rss.of[1] << kb);
    kilobytes(o, "RssFile", (uint64_t)rss.of[0] << kb);
    kilobytes(o, "RssShmem", (uint64_t)rss.of[3] << kb);
    kilobytes(o, "VmData", eg_get_or((uint64_t)0, mm, mm_data_vm) << kb);
    kilobytes(o, "VmStk", eg_get_or((uint64_t)0, mm, mm_stack_vm) << kb);
    kilobytes(o, "VmExe", text);
    kilobytes(o, "VmLib", exec - text);
    kilobytes(o, "VmPTE", eg_get_or((uint64_t)0, mm, mm_pte) >> 10);
    kilobytes(o, "VmSwap", (uint64_t)rss.of[2] << kb);
    if (eg_get(&huge, mm, mm_huge))
        kilobytes(o, "HugetlbPages", huge << kb);
    if (eg_get(&core, mm, mm_core) || eg_get(&core, task, task_struct.signal, signal_core))
        procfs_add(o, "CoreDumping:\t%d\n", core != 0);
}

/* ---- signals, rights ---- */

static void set(struct procfs_out *o, const char *name, struct eg_obj at)
{
    uint64_t bits;

    if (linux_sigset(at, &bits))
        procfs_add(o, "%s:\t%016llx\n", name, (unsigned long long)bits);
}

static bool queued(struct eg_run *r, struct eg_obj task, uint64_t *out)
{
    struct eg_obj cred = eg_at(task, task_struct.real_cred), all;
    int64_t which;

    if (eg_get(out, cred, cred_user, user_pending))
        return true;
    all = eg_at(cred, cred_ucounts, ucounts_of);
    if (!eg_enum(r, UCOUNT_RLIMIT_SIGPENDING, &which) || which < 0)
        return false;
    all = eg_index(all, (uint64_t)which); // atomic_long_t
    return !all.why && eg_uint_at(r, all.addr, all.bind->model.long_size, out);
}

static void signals(struct procfs_out *o, struct eg_obj task)
{
    struct eg_obj signal = eg_deref(eg_at(task, task_struct.signal));
    uint64_t ignored, caught, n, most;

    procfs_add(o, "Threads:\t%d\n", eg_get_or(0, task, task_struct.signal, signal_threads));
    if (queued(o->r, task, &n) &&
        eg_get(&most, eg_index(eg_at(signal, signal_struct.rlim), RLIMIT_SIGPENDING_), rlim_cur))
        procfs_add(o, "SigQ:\t%llu/%llu\n", (unsigned long long)n, (unsigned long long)most);
    set(o, "SigPnd", eg_at(task, st_pending, sigpending.signal));
    set(o, "ShdPnd", eg_at(signal, signal_struct.shared_pending, sigpending.signal));
    set(o, "SigBlk", eg_at(task, st_blocked));
    if (linux_signal_actions(o->r, task, &ignored, &caught))
        procfs_add(o, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)ignored,
                   (unsigned long long)caught);
}

static void caps(struct procfs_out *o, const char *name, struct eg_obj at)
{
    const struct eg_cell c = linux_caps(o->r, at);
    uint64_t bits;

    if (c.tag == EG_CELL_UINT)
        bits = c.u;
    else if (c.tag != EG_CELL_OBJ || !eg_load(&bits, c.obj))
        return;
    procfs_add(o, "%s:\t%016llx\n", name, (unsigned long long)bits);
}

static void rights(struct procfs_out *o, struct eg_obj task)
{
    struct eg_obj cred = eg_deref(eg_at(task, task_struct.real_cred)), flags;
    uint64_t bits = 0;
    int32_t n;

    caps(o, "CapInh", eg_at(cred, cred.cap_inheritable));
    caps(o, "CapPrm", eg_at(cred, cred.cap_permitted));
    caps(o, "CapEff", eg_at(cred, cred.cap_effective));
    caps(o, "CapBnd", eg_at(cred, cred.cap_bset));
    caps(o, "CapAmb", eg_at(cred, cred.cap_ambient));
    flags = eg_at(task, st_atomic_flags); // bit 0: PFA_NO_NEW_PRIVS
    if (eg_load(&bits, flags))
        procfs_add(o, "NoNewPrivs:\t%d\n", (int)(bits & 1));
    if (eg_get(&n, task, st_seccomp))
        procfs_add(o, "Seccomp:\t%d\n", n);
    if (eg_get(&n, task, st_filters))
        procfs_add(o, "Seccomp_filters:\t%d\n", n);
}

/* ---- where it may run ---- */

/* %*pb: words of 32 bits, the highest first, the first one as wide as it must be. */
static void bitmap(struct procfs_out *o, const char *name, struct eg_obj bits, uint32_t n)
{
    uint64_t from, to;

    if (bits.why || !n)
        return;
    procfs_add(o, "%s:\t", name);
    for (uint32_t at = (n - 1) / 32 * 32;; at -= 32) {
        const uint32_t width = EG_MIN(n - at, 32u);
        uint32_t word = 0;

        for (from = at; (from = eg_next_bit(bits, from, at + width)) < at + width; from++)
            word |= UINT32_C(1) << (from - at);
        procfs_add(o, "%0*x%s", (int)(width + 3) / 4, word, at ? "," : "\n");
        if (!at)
            break;
    }
    procfs_add(o, "%s_list:\t", name);
    for (from = 0; (from = eg_next_bit(bits, from, n)) < n; from = to) {
        for (to = from + 1; to < n && eg_next_bit(bits, to, n) == to; to++)
            ;
        procfs_add(o, "%s%llu", o->at[o->n - 1] == '\t' ? "" : ",", (unsigned long long)from);
        if (to - from > 1)
            procfs_add(o, "-%llu", (unsigned long long)to - 1);
    }
    procfs_add(o, "\n");
}

static void places(struct procfs_out *o, struct eg_obj task)
{
    enum { MOST = 1 << 16 };
    struct eg_obj cpus = eg_at(task, st_cpus), mems = eg_at(task, st_mems);
    const struct eg_slot *var = eg_slot(o->r, eg_f_a_cpumask_var.id);
    uint32_t n = 0, nodes = 0;
    struct eg_obj cache;

    // Masks that are part of a struct have as many bits as the kernel was built for.
    if (var->kind && var->kind != EG_K_PTR)
        n = cpus.size * 8;
    else if (!eg_has_symbol(o->r, nr_cpu_ids) || !eg_load(&n, eg_sym(o->r, nr_cpu_ids)))
        for (unsigned cpu = ~0u; linux_next_cpu(o->r, &cpu);)
            n = cpu + 1;
    bitmap(o, "Cpus_allowed", cpus, EG_MIN(EG_MIN(n, cpus.size * 8), (uint32_t)MOST));
    if (mems.why)
        return;
    linux_each_cache(o->r, cache)
    {
        nodes = (uint32_t)EG_MIN(eg_count(eg_at(cache, cache_node)), (uint64_t)MOST);
        break;
    }
    bitmap(o, "Mems_allowed", mems, nodes ? EG_MIN(nodes, mems.size * 8) : mems.size * 8);
}

bool procfs_status(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = eg_deref(eg_at(t->task, task_struct.mm));
    uint64_t n;

    who(o, t->task);
    if (!mm.why)
        memory(o, mm, t->task);
    signals(o, t->task);
    rights(o, t->task);
    places(o, t->task);
    if (eg_get(&n, t->task, st_nvcsw))
        procfs_add(o, "voluntary_ctxt_switches:\t%llu\n", (unsigned long long)n);
    if (eg_get(&n, t->task, st_nivcsw))
        procfs_add(o, "nonvoluntary_ctxt_switches:\t%llu\n", (unsigned long long)n);
    return true;
}
