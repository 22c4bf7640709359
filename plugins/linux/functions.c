/* functions.c - what Linux's layer answers about cursors, for scripts: linux.path(file.f_path). */
#include "../../core/registry.h"
#include "kernel/param.h"
#include "linux.h"
#include "mm/page.h"

EG_FIELDS(task_struct, mm);
EG_FIELDS(mm_struct, exe_file, env_start, env_end);

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

/** A cell that names a place because it could not be read: as a row would have it. */
static struct eg_cell unread(struct eg_cell cell)
{
    struct eg_obj o = cell.obj;
    uint64_t at;

    if (cell.tag != EG_CELL_OBJ || o.why)
        return cell;
    if (o.kind == EG_K_PTR && eg_load(&at, o)) {
        if (!at)
            return eg_missing(EG_NULL, 0);
        o.addr = at;
    }
    if (!eg_bytes(o.view, o.space, o.addr, 1))
        return eg_missing((enum eg_why)o.view->why, o.view->why_addr);
    return cell;
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
    return unread(linux_vma_name(r, args[0], args[1]));
}

EG_FUNCTION(vma_name) = {
    .os = "linux",
    .help = "what /proc/PID/maps calls a mapping: a path, \"[heap]\", \"[stack]\"",
    .args = "mm, vma",
    .min = 2,
    .max = 2,
    .call = vma_name,
};

static struct eg_cell file_inode(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return eg_cell_of(linux_file_inode(r, args[0]));
}

EG_FUNCTION(file_inode) = {
    .os = "linux",
    .help = "the inode of a struct file that its user sees",
    .args = "file",
    .min = 1,
    .max = 1,
    .call = file_inode,
};

static struct eg_cell file_gone(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return args[0].why ? eg_cell_of(args[0]) : eg_text(linux_file_gone(r, args[0]));
}

EG_FUNCTION(file_gone) = {
    .os = "linux",
    .help = "why a struct file is in no folder: removed, memfd, …; nil when "
            "it is in one",
    .args = "file",
    .min = 1,
    .max = 1,
    .call = file_gone,
};

static struct eg_cell exe(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    const struct eg_obj file = eg_deref(eg_at(args[0], task_struct.mm, mm_struct.exe_file));

    (void)n;
    return file.why ? eg_cell_of(file) : text_of(linux_file_path(r, file, LINUX_NOBODY), file);
}

EG_FUNCTION(exe) = {
    .os = "linux",
    .help = "the path of the program that a task runs, as in /proc/PID/exe",
    .args = "task",
    .min = 1,
    .max = 1,
    .call = exe,
};

static struct eg_cell args_(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len;
    const char *s = linux_command_line(r, args[0], &buf, &len, &missing);

    (void)n;
    return s ? eg_textn(s, len) : missing;
}

EG_FUNCTION(args) = {
    .os = "linux",
    .help = "a task's command line, arguments apart by \\0",
    .args = "task",
    .min = 1,
    .max = 1,
    .call = args_,
};

static struct eg_cell environ_(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    struct eg_obj mm = eg_at(args[0], task_struct.mm), end_at = eg_at(mm, mm_struct.env_end);
    struct eg_space *user = linux_mm_space(r, mm);
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    uint64_t start, end;
    size_t len;
    char *s;

    (void)n;
    if (!eg_get(&start, mm, mm_struct.env_start) || !eg_load(&end, end_at))
        return eg_cell_of(end_at);
    if (!user)
        return eg_missing(EG_TABLE_MISSING, mm.addr);
    if (start >= end)
        return eg_text("");
    s = linux_user_bytes(r, user, start, end, &buf, &len, &missing);
    if (!s || len < end - start)
        linux_note_cut(r, args[0], "environment", &missing);
    return s ? eg_textn(s, len) : missing;
}

EG_FUNCTION(environ) = {
    .os = "linux",
    .help = "the environment that a task was started with: NAME=VALUE, apart by \\0",
    .args = "task",
    .min = 1,
    .max = 1,
    .call = environ_,
};

static struct eg_cell params(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)n;
    return unread(linux_params(r, args[0]));
}

EG_FUNCTION(params) = {
    .os = "linux",
    .help = "the values of a module's parameters: \"a=1 b=Y\"",
    .args = "module",
    .min = 1,
    .max = 1,
    .call = params,
};

static struct eg_cell page_address(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    struct linux_memmap m;
    struct linux_area *areas;
    uint64_t at = args[0].addr;
    size_t n_areas;

    (void)n;
    if (args[0].why || (args[0].kind == EG_K_PTR && !eg_load(&at, args[0])))
        return eg_cell_of(args[0]);
    n_areas = linux_areas(r, &areas);
    linux_memmap_open(r, &m, areas, n_areas);
    return m.found && m.size && at >= m.base && (at - m.base) / m.size < UINT64_C(1) << 40
               ? eg_uint((at - m.base) / m.size << m.shift)
               : eg_missing(EG_BAD_VALUE, at);
}

EG_FUNCTION(page_address) = {
    .os = "linux",
    .help = "where in physical memory the page of a struct page is",
    .args = "page",
    .min = 1,
    .max = 1,
    .call = page_address,
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
