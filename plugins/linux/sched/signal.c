/* sched/signal.c - names of signals, and sets of them. */
#include "signal.h"

/* include/uapi/asm-generic/signal.h, which x86, ARM and RISC-V follow. */
static const char *const names[] = {
    "SIG0",      "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
};
enum { SIGRTMIN_LIBC = 34, SIGNALS = 64 }; // the C library keeps 32 and 33 for itself

const char *linux_signal_name(struct eg_run *r, uint64_t number)
{
    if (number < sizeof names / sizeof *names)
        return names[number];
    if (number == SIGRTMIN_LIBC)
        return "SIGRTMIN";
    if (number > SIGRTMIN_LIBC && number <= SIGNALS)
        return eg_strf(r, "SIGRTMIN+%u", (unsigned)number - SIGRTMIN_LIBC);
    return eg_strf(r, "SIG%llu", (unsigned long long)number);
}

EG_FIELD_AS(sigset_words, sigset_t, "sig");

bool linux_sigset(struct eg_obj set, uint64_t *out)
{
    struct eg_obj words = eg_at(set, sigset_words);
    const unsigned size = set.bind->model.long_size;
    uint64_t low, high = 0;

    if (!eg_load(&low, eg_index(words, 0)))
        return false;
    if (size == 4 && !eg_load(&high, eg_index(words, 1)))
        return false;
    *out = size == 4 ? high << 32 | low : low;
    return true;
}

EG_FIELD_AS(signal_sighand, task_struct, "sighand");
EG_FIELD_AS(sighand_action, sighand_struct, "action");
EG_FIELD_AS(signal_handler, k_sigaction, "sa.sa_handler"); // a macro of libc

bool linux_signal_actions(struct eg_run *r, struct eg_obj task, uint64_t *ignored, uint64_t *caught)
{
    struct eg_obj all = eg_at(task, signal_sighand, sighand_action);
    uint64_t handler;

    (void)r;
    *ignored = *caught = 0;
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (!eg_get(&handler, eg_index(all, i), signal_handler))
            return false;
        if (handler == 1) // SIG_IGN
            *ignored |= UINT64_C(1) << i;
        else if (handler > 1)
            *caught |= UINT64_C(1) << i;
    }
    return true;
}

const char *linux_sigset_text(struct eg_run *r, uint64_t set)
{
    const bool most = __builtin_popcountll(set) > SIGNALS / 2;
    const char *text = "";

    for (unsigned i = 0; i < SIGNALS; i++)
        if ((set >> i & 1) != most)
            text = eg_strf(r, "%s%s%s", text, *text ? "," : "", linux_signal_name(r, i + 1));
    if (most)
        return *text ? eg_strf(r, "all but %s", text) : "all";
    return text;
}

static struct eg_cell name_of(struct eg_run *r, struct eg_obj number)
{
    uint64_t v;

    return eg_load(&v, number) ? eg_text(linux_signal_name(r, v)) : eg_cell_of(number);
}
EG_FUNCTION(signal_name) = {
    .os = "linux",
    .help = "the name of a signal, of a cursor on its number: \"SIGINT\"",
    .args = "number",
    .returns = "text",
    .cell = name_of,
};

static const char *set_text(struct eg_run *r, struct eg_obj set)
{
    uint64_t v;

    return linux_sigset(set, &v) ? linux_sigset_text(r, v) : NULL;
}
EG_FUNCTION(sigset) = {
    .os = "linux",
    .help = "the names of the signals of a sigset_t: \"SIGINT,SIGTERM\"",
    .args = "set",
    .text = set_text,
};
