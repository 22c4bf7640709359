/* sched/cgroup.c - control groups: their paths, and what runtimes and systemd say in them.
 *
 * Shapes of paths: docker (daemon/oci_linux.go, libcontainer's systemd driver), podman and cri-o
 * (their cgroup managers), containerd's CRI plugin, kubelet (pkg/kubelet/cm), lxc (cgfsng.c),
 * systemd (src/basic/cgroup-util.c: cg_path_get_unit), Amazon ECS. */
#include "cgroup.h"
#include "../../../core/base.h"
#include <ctype.h>
#include <string.h>

EG_FIELDS(css_set, cgrp_links);
EG_FIELDS(cgroup, kn);
EG_FIELDS(cgrp_cset_link, cgrp, cgrp_link);
EG_FIELD_AS(kernfs_parent, kernfs_node, "__parent|parent"); // renamed in 6.15

enum { PATH_BYTES = 4096, NAME_BYTES = 255, ID_MIN = 12, ID_LEN = 64 }; // PATH_MAX, NAME_MAX

bool linux_next_cgroup(struct eg_run *r, struct eg_obj task, struct linux_cgroup_walk *w,
                       struct eg_obj *cgroup)
{
    struct eg_obj link;

    (void)r;
    if (!w->begun) {
        w->list = eg_list_begin_(eg_at(task, task_struct.cgroups, css_set.cgrp_links),
                                 eg_f_cgrp_cset_link.cgrp_link.id);
        w->begun = true;
    }
    while (eg_list_next_(&w->list, &link)) {
        *cgroup = eg_deref(eg_at(link, cgrp_cset_link.cgrp));
        if (!cgroup->why)
            return true;
    }
    return false;
}

const char *linux_cgroup_path(struct eg_run *r, struct eg_obj cgroup)
{
    struct eg_obj node = eg_deref(eg_at(cgroup, cgroup.kn));
    char path[PATH_BYTES]; // filled from its end
    size_t at = sizeof path - 1;

    path[at] = 0;
    while (!node.why) {
        struct eg_obj up = eg_at(node, kernfs_parent);
        const char *name;
        uint64_t parent;
        size_t len;

        if (!eg_load(&parent, up))
            return NULL;
        if (!parent)
            return path[at] ? eg_strf(r, "%s", path + at) : "/";
        name = eg_string(r, eg_at(node, kernfs_node.name), NAME_BYTES);
        len = name ? strlen(name) : 0;
        if (!len || len + 1 > at) // longer than the kernel allows: nodes in a circle
            return NULL;
        at -= len;
        memcpy(path + at, name, len);
        path[--at] = '/';
        node = eg_deref(up);
    }
    return NULL;
}

/* ---- what a path tells ---- */

/** A part of a path. */
struct part {
    const char *at;
    size_t len;
};

static struct part part(const char *at)
{
    return (struct part){ at, strcspn(at, "/") };
}

static bool is_hex(struct part p, size_t min)
{
    for (size_t i = 0; i < p.len; i++)
        if (!isxdigit((unsigned char)p.at[i]))
            return false;
    return p.len >= min;
}

/** What of @p is between @prefix and @suffix. */
static bool between(struct part p, const char *prefix, const char *suffix, struct part *out)
{
    const size_t a = strlen(prefix), b = strlen(suffix);

    if (p.len < a + b || memcmp(p.at, prefix, a) != 0 || memcmp(p.at + p.len - b, suffix, b) != 0)
        return false;
    *out = (struct part){ p.at + a, p.len - a - b };
    return true;
}

/** As much of @p as there is room for. @return how much. */
static size_t copy(char *out, size_t size, struct part p)
{
    const size_t n = EG_MIN(p.len, size - 1);

    memcpy(out, p.at, n);
    out[n] = 0;
    return n;
}

/** Parts of a path that are a container by themselves. The id is a hexadecimal number unless
 * @named. */
static const struct {
    const char *prefix, *suffix, *runtime;
    bool named;
} shapes[] = {
    { "docker-", ".scope", "docker", false },
    { "libpod-conmon-", ".scope", "podman's monitor", false },
    { "libpod-", ".scope", "podman", false },
    { "libpod-", "", "podman", false },
    { "cri-containerd-", ".scope", "containerd", false },
    { "nerdctl-", ".scope", "containerd", false },
    { "crio-conmon-", ".scope", "cri-o's monitor", false },
    { "crio-", ".scope", "cri-o", false },
    { "crio-", "", "cri-o", false },
    { "lxc.payload.", "", "lxc", true },
    { "lxc.monitor.", "", "lxc's monitor", true },
    { "systemd-nspawn@", ".service", "systemd-nspawn", true },
    { "machine-qemu\\x2d", ".scope", "libvirt", true },
    { "machine-", ".scope", "systemd-nspawn or libvirt", true },
};
/** Parts whose child is one. */
static const struct {
    const char *name, *runtime;
    bool named;
} parents[] = {
    { "docker", "docker", false }, { "libpod_parent", "podman", false }, { "lxc", "lxc", true },
    { "garden", "garden", true },  { "mesos", "mesos", true },
};

static bool is(struct part p, const char *name)
{
    return p.len == strlen(name) && !memcmp(p.at, name, p.len);
}

/** "kubepods-burstable-pod1ab00000_0000_4000_8000_000000000001.slice", "pod1ab00000-…": the uid of
 * a pod. A static pod's has no dashes. */
static bool is_pod(struct part p, char *out, size_t size)
{
    struct part id;
    size_t n = 0;
    char plain[ID_LEN];

    if (between(p, "kubepods", ".slice", &id)) {
        const char *at = NULL;

        for (size_t i = 0; i + 4 < id.len; i++)
            if (!memcmp(id.at + i, "-pod", 4))
                at = id.at + i + 4;
        if (!at)
            return false;
        id = (struct part){ at, (size_t)(id.at + id.len - at) };
    } else if (!between(p, "pod", "", &id)) {
        return false;
    }
    if (id.len < 32 || id.len >= size || id.len >= sizeof plain)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.at[i] == '_' ? '-' : id.at[i];

        if (!isxdigit((unsigned char)c) && c != '-')
            return false;
        plain[n++] = c;
    }
    copy(out, size, (struct part){ plain, n });
    return true;
}

/** Is @p a container, with @up the part above it? */
static bool is_container(struct part p, struct part up, bool in_pod, struct linux_group_names *out)
{
    struct part id;

    for (size_t i = 0; i < countof(shapes); i++)
        if (between(p, shapes[i].prefix, shapes[i].suffix, &id) &&
            (shapes[i].named ? id.len > 0 : is_hex(id, ID_MIN))) {
            out->runtime = shapes[i].runtime;
            copy(out->container, sizeof out->container, id);
            return true;
        }
    for (size_t i = 0; i < countof(parents); i++)
        if (is(up, parents[i].name) && (parents[i].named ? p.len > 0 : is_hex(p, ID_MIN))) {
            out->runtime = parents[i].runtime;
            copy(out->container, sizeof out->container, p);
            return true;
        }
    // "cri-containerd:ID", behind a slice and a colon where a systemd driver was given no systemd.
    for (size_t i = 0; i < p.len; i++)
        if ((!i || p.at[i - 1] == ':') &&
            between((struct part){ p.at + i, p.len - i }, "cri-containerd:", "", &id) &&
            is_hex(id, ID_MIN)) {
            out->runtime = "containerd";
            copy(out->container, sizeof out->container, id);
            return true;
        }
    if (in_pod && is_hex(p, ID_MIN)) {
        out->runtime = "kubernetes";
        id = p;
    } else if (p.len == ID_LEN && is_hex(p, ID_LEN)) {
        out->runtime = "unknown";
        id = p;
    } else {
        return false;
    }
    copy(out->container, sizeof out->container, id);
    return true;
}

static bool ends(struct part p, const char *with)
{
    const size_t n = strlen(with);

    return p.len > n && !memcmp(p.at + p.len - n, with, n);
}

static bool is_unit(struct part p)
{
    return ends(p, ".service") || ends(p, ".scope") || ends(p, ".socket") || ends(p, ".mount") ||
           ends(p, ".swap");
}

/** The first part that is no slice, if it is a unit; of a user's manager also its unit. systemd
 * puts "_" before names that the kernel would take for files of its own. */
static void find_unit(const char *path, struct linux_group_names *out)
{
    size_t used = 0, copied;

    for (const char *at = path; *at;) {
        struct part p = part(at += *at == '/');

        at += p.len;
        if (!p.len || ends(p, ".slice"))
            continue;
        if (p.len > 1 && *p.at == '_')
            p = (struct part){ p.at + 1, p.len - 1 };
        if (!is_unit(p))
            return;
        if (used)
            out->unit[used++] = '/';
        copied = copy(out->unit + used, sizeof out->unit - used, p);
        if (used || strncmp(out->unit, "user@", 5) != 0 || copied + 2 > sizeof out->unit - 1)
            return;
        used = copied;
    }
}

void linux_group_names(const char *path, struct linux_group_names *out)
{
    struct part up = { "", 0 };
    bool in_pod = false;

    *out = (struct linux_group_names){ 0 };
    // The innermost container: one may run others.
    for (const char *at = path; *at;) {
        const struct part p = part(at += *at == '/');

        at += p.len;
        if (is_pod(p, out->pod, sizeof out->pod))
            in_pod = true;
        is_container(p, up, in_pod, out);
        up = p;
    }
    find_unit(path, out);
}

/* ---- the same by name ---- */

static bool next_cgroup(struct eg_run *r, struct eg_obj task, void *state, struct eg_obj *out)
{
    return linux_next_cgroup(r, task, state, out);
}

EG_WALKER(cgroups) = {
    .os = "linux",
    .help = "control groups of a task, one in each hierarchy",
    .arg = "task_struct",
    .elem = "cgroup",
    .needs = EG_NEEDS(task_struct.cgroups, css_set.cgrp_links, cgrp_cset_link.cgrp),
    .state = sizeof(struct linux_cgroup_walk),
    .next = next_cgroup,
};

EG_FUNCTION(cgroup_path) = {
    .os = "linux",
    .help = "a control group's path from the root of its hierarchy",
    .args = "cgroup",
    .needs = EG_NEEDS(cgroup.kn, kernfs_node.name),
    .text = linux_cgroup_path,
};

static bool names_of(struct eg_run *r, struct eg_obj cgroup, struct linux_group_names *out)
{
    const char *path = linux_cgroup_path(r, cgroup);

    if (path)
        linux_group_names(path, out);
    return path;
}

static const char *container(struct eg_run *r, struct eg_obj cgroup)
{
    struct linux_group_names names;

    return names_of(r, cgroup, &names) ? eg_strf(r, "%s", names.container) : NULL;
}

EG_FUNCTION(container) = {
    .os = "linux",
    .help = "what in the path of a control group looks like a container's id; \"\": nothing",
    .args = "cgroup",
    .needs = EG_NEEDS(cgroup.kn, kernfs_node.name),
    .text = container,
};

static const char *container_runtime(struct eg_run *r, struct eg_obj cgroup)
{
    struct linux_group_names names;

    return !names_of(r, cgroup, &names) ? NULL : names.runtime ? names.runtime : "";
}

EG_FUNCTION(container_runtime) = {
    .os = "linux",
    .help = "what makes groups with such paths: docker, podman; \"\": it is no container's",
    .args = "cgroup",
    .needs = EG_NEEDS(cgroup.kn, kernfs_node.name),
    .text = container_runtime,
};
