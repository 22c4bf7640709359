/* sched/flags.c - bits and enumerations of tasks by name. */
#include "flags.h"

/* task_struct.flags (include/linux/sched.h); bits that were given away are not named. */
static const struct eg_constant task_flags[] = {
    { "PF_IDLE", PF_IDLE },
    { "PF_EXITING", PF_EXITING },
    { "PF_POSTCOREDUMP", 0x8 }, // 5.16
    { "PF_IO_WORKER", PF_IO_WORKER },
    { "PF_WQ_WORKER", PF_WQ_WORKER },
    { "PF_FORKNOEXEC", 0x40 },
    { "PF_SUPERPRIV", 0x100 },
    { "PF_DUMPCORE", 0x200 },
    { "PF_SIGNALED", 0x400 },
    { "PF_MEMALLOC", 0x800 },
    { "PF_KTHREAD", PF_KTHREAD },
    { "PF_RANDOMIZE", 0x00400000 },
    { "PF_NO_SETAFFINITY", 0x04000000 },
    { NULL, 0 },
};
EG_CONSTANTS(task_flags) = {
    .os = "linux",
    .help = "bits of task_struct.flags",
    .list = task_flags,
};

/* task_struct.exit_state */
const struct eg_constant linux_exit_states[] = {
    { "TASK_RUNNING", 0 },  { "EXIT_DEAD", 0x10 }, { "EXIT_ZOMBIE", 0x20 },
    { "EXIT_TRACE", 0x30 }, { NULL, 0 },
};
EG_CONSTANTS(exit_states) = {
    .os = "linux",
    .help = "values of task_struct.exit_state",
    .list = linux_exit_states,
};

/* task_struct.ptrace (include/linux/ptrace.h): the options of a tracer from bit 3 on. */
static const struct eg_constant ptrace_flags[] = {
    { "PT_PTRACED", 0x1 },
    { "PT_SEIZED", 0x10000 },
    { "PTRACE_O_TRACESYSGOOD", 0x1 << 3 },
    { "PTRACE_O_TRACEFORK", 0x2 << 3 },
    { "PTRACE_O_TRACEVFORK", 0x4 << 3 },
    { "PTRACE_O_TRACECLONE", 0x8 << 3 },
    { "PTRACE_O_TRACEEXEC", 0x10 << 3 },
    { "PTRACE_O_TRACEVFORKDONE", 0x20 << 3 },
    { "PTRACE_O_TRACEEXIT", 0x40 << 3 },
    { "PTRACE_O_TRACESECCOMP", 0x80 << 3 },
    { "PTRACE_O_EXITKILL", 0x100000 << 3 },
    { "PTRACE_O_SUSPEND_SECCOMP", 0x200000 << 3 },
    { NULL, 0 },
};
EG_CONSTANTS(ptrace_flags) = {
    .os = "linux",
    .help = "bits of task_struct.ptrace",
    .list = ptrace_flags,
};

/* include/uapi/asm-generic/resource.h, which x86, ARM and RISC-V have */
static const struct eg_constant rlimits[] = {
    { "RLIMIT_CPU", 0 },
    { "RLIMIT_FSIZE", 1 },
    { "RLIMIT_DATA", 2 },
    { "RLIMIT_STACK", 3 },
    { "RLIMIT_CORE", 4 },
    { "RLIMIT_RSS", 5 },
    { "RLIMIT_NPROC", 6 },
    { "RLIMIT_NOFILE", 7 },
    { "RLIMIT_MEMLOCK", 8 },
    { "RLIMIT_AS", 9 },
    { "RLIMIT_LOCKS", 10 },
    { "RLIMIT_SIGPENDING", 11 },
    { "RLIMIT_MSGQUEUE", 12 },
    { "RLIMIT_NICE", 13 },
    { "RLIMIT_RTPRIO", 14 },
    { "RLIMIT_RTTIME", 15 },
    { NULL, 0 },
};
EG_CONSTANTS(rlimits) = {
    .os = "linux",
    .help = "indexes of signal_struct.rlim",
    .list = rlimits,
};

/* include/uapi/linux/sched.h */
static const struct eg_constant clone_flags[] = {
    { "CLONE_VM", 0x100 },           { "CLONE_FS", 0x200 },
    { "CLONE_FILES", 0x400 },        { "CLONE_SIGHAND", 0x800 },
    { "CLONE_VFORK", 0x4000 },       { "CLONE_PARENT", 0x8000 },
    { "CLONE_THREAD", 0x10000 },     { "CLONE_NEWTIME", 0x80 },
    { "CLONE_NEWNS", 0x20000 },      { "CLONE_NEWCGROUP", 0x02000000 },
    { "CLONE_NEWUTS", 0x04000000 },  { "CLONE_NEWIPC", 0x08000000 },
    { "CLONE_NEWUSER", 0x10000000 }, { "CLONE_NEWPID", 0x20000000 },
    { "CLONE_NEWNET", 0x40000000 },  { NULL, 0 },
};
EG_CONSTANTS(clone_flags) = {
    .os = "linux",
    .help = "flags of clone(), which are also the kinds of namespaces",
    .list = clone_flags,
};

/* include/uapi/linux/capability.h, from bit 0 */
#define CAP(name, bit)                                                                             \
    {                                                                                              \
        name, UINT64_C(1) << (bit)                                                                 \
    }
const struct eg_constant linux_capabilities[] = {
    CAP("chown", 0),
    CAP("dac_override", 1),
    CAP("dac_read_search", 2),
    CAP("fowner", 3),
    CAP("fsetid", 4),
    CAP("kill", 5),
    CAP("setgid", 6),
    CAP("setuid", 7),
    CAP("setpcap", 8),
    CAP("linux_immutable", 9),
    CAP("net_bind_service", 10),
    CAP("net_broadcast", 11),
    CAP("net_admin", 12),
    CAP("net_raw", 13),
    CAP("ipc_lock", 14),
    CAP("ipc_owner", 15),
    CAP("sys_module", 16),
    CAP("sys_rawio", 17),
    CAP("sys_chroot", 18),
    CAP("sys_ptrace", 19),
    CAP("sys_pacct", 20),
    CAP("sys_admin", 21),
    CAP("sys_boot", 22),
    CAP("sys_nice", 23),
    CAP("sys_resource", 24),
    CAP("sys_time", 25),
    CAP("sys_tty_config", 26),
    CAP("mknod", 27),
    CAP("lease", 28),
    CAP("audit_write", 29),
    CAP("audit_control", 30),
    CAP("setfcap", 31),
    CAP("mac_override", 32),
    CAP("mac_admin", 33),
    CAP("syslog", 34),
    CAP("wake_alarm", 35),
    CAP("block_suspend", 36),
    CAP("audit_read", 37),
    CAP("perfmon", 38),
    CAP("bpf", 39),
    CAP("checkpoint_restore", 40),
    { NULL, 0 },
};
EG_CONSTANTS(capabilities) = {
    .os = "linux",
    .help = "bits of a set of capabilities: linux.caps(cred.cap_effective)",
    .list = linux_capabilities,
};
