/* guest_memory.c - where the memory of a guest is: in a file that QEMU shares, in QEMU's process,
 * or behind its monitor. Which of them is said by the map of QEMU's process (/proc/PID/maps): it
 * names the file behind an address, whether it is shared, and the place in it. */
#include "guest_memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECES_MAX = 1 << 16, FILES_MAX = 256, FDS_MAX = 1 << 16 };

/* ---- QEMU's addresses ---- */

static int add_piece(struct live_guest *g, uint64_t start, uint64_t last, uint64_t host,
                     struct eg_error *e)
{
    struct guest_piece *p = g->pieces.n < PIECES_MAX ? eg_vec_push(&g->pieces) : NULL;

    if (!p)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its pieces", g->where);
    *p = (struct guest_piece){ .start = start, .last = last, .host = host };
    return 0;
}

static int find_host_addresses(struct live_guest *g, struct eg_error *e)
{
    for (size_t i = 0; i < g->map.at.n; i++) {
        const struct guest_range *r = &g->map.at.at[i];
        char command[64];
        eg_cleanup(eg_free_) char *text = NULL;
        uint64_t host;
        int rc;

        snprintf(command, sizeof command, "gpa2hva 0x%" PRIx64, r->start);
        text = qmp_monitor(g->qmp, command, e);
        if (!text)
            return -EG_EUNSUP;
        if (!guest_host_address(text, &host) || host % 4096 || r->start % 4096)
            return eg_fail(e, EG_EFORMAT, "%s: no address in what `gpa2hva` says", g->where);
        if ((rc = add_piece(g, r->start, r->last, host, e)))
            return rc;
    }
    return 0;
}

/* ---- the map of its process ---- */

static int file_of(struct live_guest *g, dev_t dev, ino_t ino, size_t *out)
{
    struct guest_file *f;

    for (size_t i = 0; i < g->files.n; i++)
        if (g->files.at[i].dev == dev && g->files.at[i].ino == ino) {
            *out = i;
            return 0;
        }
    f = g->files.n < FILES_MAX ? eg_vec_push(&g->files) : NULL;
    if (!f)
        return -EG_ENOMEM;
    *f = (struct guest_file){ dev, ino, -1 };
    *out = g->files.n - 1;
    return 0;
}

/** Find the mappings of QEMU's process that the pieces are; a piece of several is cut. @return
 * false: not all are there, or not all are shared files. *@seen: all are there. */
static bool find_mappings(struct live_guest *g, FILE *maps, bool *seen)
{
    bool shared = true;
    size_t found = 0;
    char line[8192];

    while (fgets(line, sizeof line, maps)) {
        uint64_t from, to, offset, ino;
        unsigned major_, minor_;
        char flags[8];

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64, &from, &to,
                   flags, &offset, &major_, &minor_, &ino) != 7 ||
            to <= from)
            continue;
        for (size_t i = found; i < g->pieces.n; i++) {
            struct guest_piece *p = &g->pieces.at[i], done;
            uint64_t len = p->last - p->start + 1;

            if (p->host < from || p->host >= to)
                continue;
            done = *p;
            done.at = offset + (p->host - from);
            if (len > to - p->host) { // it goes on in the next mapping
                len = to - p->host;
                done.last = done.start + (len - 1);
                if (add_piece(g, p->start + len, p->last, p->host + len, NULL))
                    return *seen = false;
                p = &g->pieces.at[i];
            }
            shared &= flags[3] == 's' && ino &&
                      !file_of(g, makedev(major_, minor_), (ino_t)ino, &done.file);
            *p = g->pieces.at[found]; // what is found comes first
            g->pieces.at[found++] = done;
        }
    }
    *seen = found == g->pieces.n && found;
    return *seen && shared;
}

/** Open the files of the mappings by the descriptors that QEMU has of them. */
static bool open_files(struct live_guest *g)
{
    size_t missing = g->files.n, looked = 0;
    struct dirent *entry;
    char path[320];
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)g->pid);
    folder = opendir(path);
    while (folder && missing && (entry = readdir(folder)) && looked++ < FDS_MAX) {
        struct stat st;

        snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)g->pid, entry->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        for (size_t i = 0; i < g->files.n; i++) {
            struct guest_file *f = &g->files.at[i];

            // The map shows the device of the file's memory, stat() may show another (btrfs).
            if (f->fd >= 0 || st.st_ino != f->ino || st.st_dev != f->dev)
                continue;
            f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
            if (f->fd >= 0 && (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
                               st.st_ino != f->ino || st.st_dev != f->dev))
                eg_close_fd_(&f->fd), f->fd = -1; // it was another's meanwhile
            missing -= f->fd >= 0;
        }
    }
    if (folder)
        closedir(folder);
    return !missing;
}

static bool can_read_process(struct live_guest *g)
{
    const struct guest_piece *p = &g->pieces.at[0];
    uint64_t word;
    const struct iovec to = { &word, sizeof word },
                       from = { (void *)(uintptr_t)p->host, sizeof word };

    return process_vm_readv(g->pid, &to, 1, &from, 1, 0) == (ssize_t)sizeof word;
}

/* ---- without a process: files that QEMU names ---- */

static struct qmp_value *property(struct live_guest *g, const char *id, const char *name)
{
    struct qmp_value *v = NULL;
    char arguments[300];

    if (strpbrk(id, "\"\\/") || (size_t)snprintf(arguments, sizeof arguments,
                                                 "{\"path\":\"/objects/%s\",\"property\":\"%s\"}",
                                                 id, name) >= sizeof arguments)
        return NULL;
    return qmp_call(g->qmp, &v, "qom-get", arguments, -1, NULL) ? NULL : v;
}

/** Open the file of a block by the path that QEMU says, if it is shared and large enough. */
static bool open_named(struct live_guest *g, const struct guest_range *r, size_t *out)
{
    struct qmp_value *path = property(g, r->block, "mem-path"),
                     *share = property(g, r->block, "share");
    const char *name = qmp_text(qmp_member(path, "return"));
    const bool shared = qmp_true(qmp_member(share, "return"));
    eg_cleanup(eg_close_fd_) int fd = -1;
    struct stat st;
    bool ok = false;

    if (name && shared && *name == '/')
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        eg_within(r->at, r->last - r->start + 1, (uint64_t)st.st_size) &&
        !file_of(g, st.st_dev, st.st_ino, out)) {
        struct guest_file *f = &g->files.at[*out];

        if (f->fd < 0) {
            f->fd = fd;
            fd = -1;
        }
        ok = true;
    }
    qmp_free(path);
    qmp_free(share);
    return ok;
}

static bool by_names(struct live_guest *g)
{
    g->pieces.n = 0;
    for (size_t i = 0; i < g->map.at.n; i++) {
        const struct guest_range *r = &g->map.at.at[i];
        struct guest_piece *p;
        size_t file;

        if (!open_named(g, r, &file) || !(p = eg_vec_push(&g->pieces)))
            return false;
        *p = (struct guest_piece){ .start = r->start, .last = r->last, .at = r->at, .file = file };
    }
    return true;
}

/* ---- the choice ---- */

/** libvirt keeps the number of QEMU's process in a file. */
static pid_t libvirt_pid(const char *where)
{
    const char *user = getenv("XDG_RUNTIME_DIR"), *name = strchr(where, ':') + 1;
    pid_t pid = 0;

    for (int i = 0; i < 2 && !pid && !strchr(name, '/'); i++) {
        char path[512];
        FILE *f;
        int n;

        if (i ? !user || (size_t)snprintf(path, sizeof path, "%s/libvirt/qemu/run/%s.pid", user,
                                          name) >= sizeof path
              : (size_t)snprintf(path, sizeof path, "/run/libvirt/qemu/%s.pid", name) >=
                    sizeof path)
            continue;
        f = fopen(path, "re");
        if (f && fscanf(f, "%d", &n) == 1 && n > 0)
            pid = n;
        if (f)
            fclose(f);
    }
    return pid;
}

int guest_memory_find(struct live_guest *g, struct eg_error *e)
{
    bool seen = false, shared;
    char path[64];
    FILE *maps;
    int rc;

    g->pid = strncmp(g->where, "libvirt:", 8) ? qmp_pid(g->qmp) : libvirt_pid(g->where);
    if (g->pid) {
        if ((rc = find_host_addresses(g, e)))
            return rc;
        snprintf(path, sizeof path, "/proc/%d/maps", (int)g->pid);
        maps = fopen(path, "re");
        shared = maps && find_mappings(g, maps, &seen);
        g->why_slow = !maps ? "QEMU's process may not be looked at: another user's, or "
                              "kernel.yama.ptrace_scope"
                            : "the process behind the monitor is not QEMU's";
        if (maps)
            fclose(maps);
        if (shared && open_files(g)) {
            g->way = LIVE_SHARED;
            return 0;
        }
        if (seen && can_read_process(g)) {
            g->way = LIVE_PROCESS;
            return 0;
        }
        if (seen)
            g->why_slow = "QEMU's memory may not be read: another user's process, or "
                          "kernel.yama.ptrace_scope";
    } else {
        g->why_slow = "QEMU's process is not known, and it shares no file";
    }
    if ((g->pid || qmp_is_here(g->qmp)) && by_names(g)) {
        g->way = LIVE_SHARED;
        return 0;
    }
    g->way = LIVE_MONITOR;
    return 0;
}

void guest_memory_fini(struct live_guest *g)
{
    for (size_t i = 0; i < g->files.n; i++)
        eg_close_fd_(&g->files.at[i].fd);
    while (g->spaces.n)
        eg_space_close(g->spaces.at[--g->spaces.n]);
    guest_pages_free(g->pages);
    eg_vec_fini(&g->spaces);
    eg_vec_fini(&g->files);
    eg_vec_fini(&g->pieces);
}

/* ---- the space ---- */

static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    const struct live_guest *g = priv;
    const struct iovec ours = { to, len }, theirs = { (void *)(uintptr_t)at, len };

    return process_vm_readv(g->pid, &ours, 1, &theirs, 1, 0) == (ssize_t)len;
}

static int add_space(struct live_guest *g, struct eg_space *as, struct eg_error *e)
{
    struct eg_space **slot = eg_vec_push(&g->spaces);

    if (slot)
        *slot = as;
    else
        eg_space_close(as);
    return slot ? 0 : eg_fail(e, EG_ENOMEM, "%s: out of memory", g->where);
}

static int open_below(struct live_guest *g, struct eg_error *e)
{
    struct eg_space *as;
    int rc = 0;

    if (g->way == LIVE_PROCESS) {
        rc = eg_copied_open(&as, g->where, UINT64_C(1) << 57, &(struct eg_copier){ copy, NULL, g },
                            e);
        return rc ? rc : add_space(g, as, e);
    }
    for (size_t i = 0; i < g->files.n && !rc; i++) {
        const int fd = g->files.at[i].fd;

        g->files.at[i].fd = -1;
        rc = eg_file_open_live(&as, fd, g->where, e);
        if (!rc)
            rc = add_space(g, as, e);
    }
    return rc;
}

int live_guest_memory(struct live_guest *g, struct eg_space **out, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = NULL;
    size_t overlaps = 0;
    int rc = 0;

    if (g->way == LIVE_MONITOR)
        return guest_pages_open(out, g, e);
    if (!g->spaces.n)
        rc = open_below(g, e);
    if (rc)
        return rc;
    segs = calloc(g->pieces.n, sizeof *segs);
    if (!segs)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", g->where);
    for (size_t i = 0; i < g->pieces.n; i++) {
        const struct guest_piece *p = &g->pieces.at[i];
        const bool process = g->way == LIVE_PROCESS;
        struct eg_space *below = g->spaces.at[process ? 0 : p->file];
        const uint64_t at = process ? p->host : p->at, len = p->last - p->start + 1;

        if (!eg_within(at, len, eg_space_size(below)))
            return eg_fail(e, EG_EFORMAT, "%s: the file of its memory is shorter than it",
                           g->where);
        segs[i] = (struct eg_segment){ p->start, p->last, below, at, len, EG_OK };
    }
    return eg_segments_open(out, g->where, segs, g->pieces.n, &overlaps, e);
}
