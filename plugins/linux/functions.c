/* functions.c - what Linux's layer answers about cursors, for scripts: linux.path(file.f_path). */
#include "../../core/registry.h"
#include "linux.h"

/** The @i-th argument, or nobody. */
static struct eg_obj given(const struct eg_obj *args, unsigned n, unsigned i)
{
    return i < n ? args[i] : LINUX_NOBODY;
}

/** Text, or why there is none. */
static struct eg_cell text_of(const char *text, struct eg_obj o)
{
    if (text)
        return eg_text(text);
    return eg_missing(o.why ? (enum eg_why)o.why : EG_UNREADABLE, o.addr);
}

static struct eg_cell path(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    return text_of(linux_path(r, args[0], given(args, n, 1)), args[0]);
}

EG_FUNCTION(path) = {
    .os = "linux",
    .help = "the path that a struct path stands for, seen from a task's root (else from init's)",
    .args = "path [, task]",
    .min = 1,
    .max = 2,
    .call = path,
};

static struct eg_cell file_path(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    return text_of(linux_file_path(r, args[0], given(args, n, 1)), args[0]);
}

EG_FUNCTION(file_path) = {
    .os = "linux",
    .help = "the path of a struct file: \"/usr/bin/x (deleted)\", \"socket:[12]\"",
    .args = "file [, task]",
    .min = 1,
    .max = 2,
    .call = file_path,
};

static struct eg_cell dentry_path(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return text_of(linux_dentry_path(r, args[0]), args[0]);
}

EG_FUNCTION(dentry_path) = {
    .os = "linux",
    .help = "a dentry's path in its own file system",
    .args = "dentry",
    .min = 1,
    .max = 1,
    .call = dentry_path,
};

static struct eg_cell vma_name(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return linux_vma_name(r, args[0], args[1]);
}

EG_FUNCTION(vma_name) = {
    .os = "linux",
    .help = "what /proc/PID/maps calls a mapping: a path, \"[heap]\", \"[stack]\"",
    .args = "mm, vma",
    .min = 2,
    .max = 2,
    .call = vma_name,
};

static struct eg_cell state(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    const char letter = linux_task_state(r, args[0]);

    (void)n;
    return letter == '?' ? eg_missing(EG_UNREADABLE, args[0].addr)
                         : eg_text(eg_strf(r, "%c", letter));
}

EG_FUNCTION(state) = {
    .os = "linux",
    .help = "a task's state as in /proc/PID/stat: R S D T t X Z P I",
    .args = "task",
    .min = 1,
    .max = 1,
    .call = state,
};

static struct eg_cell is_kthread(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return args[0].why ? eg_cell_of(args[0]) : eg_int(linux_task_is_kthread(r, args[0]));
}

EG_FUNCTION(is_kthread) = {
    .os = "linux",
    .help = "1 for a kernel thread, else 0",
    .args = "task",
    .min = 1,
    .max = 1,
    .call = is_kthread,
};

static struct eg_cell boot_time(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    int64_t ns;

    (void)args, (void)n;
    return linux_boot_time(r, &ns) ? eg_int(ns) : eg_missing(EG_NO_SYMBOL, 0);
}

EG_FUNCTION(boot_time) = {
    .os = "linux",
    .help = "when the machine was started: ns since 1970 UTC",
    .args = "",
    .call = boot_time,
};

static struct eg_cell now(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    int64_t wall, up;

    (void)args, (void)n;
    return linux_now(r, &wall, &up) ? eg_int(wall) : eg_missing(EG_NO_SYMBOL, 0);
}

EG_FUNCTION(now) = {
    .os = "linux",
    .help = "the clock when the image froze: ns since 1970 UTC",
    .args = "",
    .call = now,
};

static struct eg_cell page_shift(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)args, (void)n;
    return eg_int(linux_page_shift(r));
}

EG_FUNCTION(page_shift) = {
    .os = "linux",
    .help = "log2 of the kernel's page size",
    .args = "",
    .call = page_shift,
};
