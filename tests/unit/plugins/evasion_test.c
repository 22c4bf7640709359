/* evasion_test.c - protection, persistence: each thing that is odd, and what is close to it. */
#include "check.h"
#include "mkcache.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const edits[] = {
    "struct hlist_node {",
    "struct cgroup_root { struct list_head root_list; char release_agent_path[64]; };"
    "struct selinux_state { bool enforcing, initialized; };"
    "enum lockdown_reason { LOCKDOWN_NONE, LOCKDOWN_INTEGRITY_MAX = 20,"
    "                       LOCKDOWN_CONFIDENTIALITY_MAX = 27 };"
    "struct hlist_node {",
    NULL,
};

/** A log of one record. */
static void put_log(struct mk_guest *g, const char *text)
{
    const unsigned word = mk_model(g->k)->ptr_size;
    uint64_t prb = mk_alloc(g->k, 8), rb = mk_object(g->k, "printk_ringbuffer");
    uint64_t descs = mk_alloc(g->k, (uint64_t)8 * 3 * word), infos = mk_alloc(g->k, 8 * 128);
    uint64_t data = mk_alloc(g->k, 512), desc = descs + (uint64_t)3 * word;
    uint64_t info = infos + mk_at(g->k, 0, "printk_info.dev_info") + 64;

    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.count_bits", 3);
    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.descs", descs);
    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.infos", infos);
    mk_put(g->k, rb, "printk_ringbuffer.text_data_ring.size_bits", 9);
    mk_put(g->k, rb, "printk_ringbuffer.text_data_ring.data", data);
    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.tail_id.counter", 1);
    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.head_id.counter", 1);
    mk_write_ptr(g->k, prb, rb);
    mk_symbol(g->k, "prb", prb);
    mk_write_ptr(g->k, data, 1);
    mk_write(g->k, data + word, text, strlen(text));
    mk_put(g->k, desc, "prb_desc.text_blk_lpos.begin", 0);
    mk_put(g->k, desc, "prb_desc.text_blk_lpos.next", 256);
    mk_put(g->k, desc, "prb_desc.state_var.counter", 1 | UINT64_C(2) << (8 * word - 2));
    mk_put(g->k, info, "printk_info.seq", 1);
    mk_put(g->k, info, "printk_info.text_len", strlen(text));
}

static void put_symbol(struct mk_guest *g, const char *name, const void *bytes, size_t len)
{
    uint64_t at = mk_alloc(g->k, 512);

    mk_write(g->k, at, bytes, len);
    mk_symbol(g->k, name, at);
}

/** @value: of 32 bits; of selinux_state the two members, each a byte. */
static void put_number(struct mk_guest *g, const char *name, uint32_t value)
{
    uint64_t at = mk_alloc(g->k, 64);

    if (!strcmp(name, "mmap_min_addr")) {
        mk_write_ptr(g->k, at, value);
    } else if (!strcmp(name, "selinux_state") || !strcmp(name, "kprobes_all_disarmed")) {
        mk_write(g->k, at, (const uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
    } else {
        mk_write_u32(g->k, at, value);
    }
    mk_symbol(g->k, name, at);
}

static void protection(void **state)
{
    static const struct {
        const char *symbol;
        uint32_t value;
        const char *line, *log, *row;
    } cases[] = {
        { "selinux_state", 0x0101, "quiet", "", "selinux|enforcing|enforcing|" },
        { "selinux_state", 0x0001, "quiet", "",
          "selinux|permissive|enforcing|a policy is loaded and not enforced" },
        { "selinux_state", 0x0001, "enforcing=1", "",
          "selinux|permissive|enforcing|switched off after boot: the command line says "
          "enforcing=1" },
        { "selinux_state", 0x0001, "enforcing=0", "audit: enforcing=0 old_enforcing=1 auid=0",
          "selinux|permissive|enforcing|switched off after boot: the log says so" },
        { "selinux_state", 0x0100, "quiet", "SELinux:  Initializing.", "selinux|no policy||" },
        { "selinux_state", 0x0100, "quiet", "SELinux:  policy capability open_perms=1",
          "selinux|no policy||the log says that a policy was loaded, and none is" },
        { "kernel_locked_down", 0, "quiet", "Kernel is not locked", "lockdown|none||" },
        { "kernel_locked_down", 20, "lockdown=integrity", "", "lockdown|integrity|integrity|" },
        { "kernel_locked_down", 0, "lockdown=integrity", "",
          "lockdown|none|integrity|switched off after boot: the command line says "
          "lockdown=integrity" },
        { "kernel_locked_down", 0, "quiet",
          "Kernel is locked down from EFI Secure Boot; see man kernel_lockdown.7",
          "lockdown|none|locked down|switched off after boot: the log says that the kernel was "
          "locked down from EFI Secure Boot" },
        { "kernel_locked_down", 99, "quiet", "", "lockdown|99||no level of it" },
        { "apparmor_enabled", 1, "quiet", "AppArmor: AppArmor initialized", "apparmor|on|on|" },
        { "apparmor_enabled", 0, "apparmor=0", "AppArmor: AppArmor disabled", "apparmor|off||" },
        { "apparmor_enabled", 0, "quiet", "AppArmor: AppArmor initialized",
          "apparmor|off||switched off after boot: the log says that it was initialized" },
        { "audit_enabled", 0, "audit=0", "", "audit|off||" },
        { "audit_enabled", 0, "audit=1", "",
          "audit|off|on|switched off after boot: the command line says audit=1" },
        { "audit_enabled", 0, "quiet", "audit: op=set audit_enabled=0 old=1 auid=0",
          "audit|off||switched off after boot: the log says so" },
        { "audit_enabled", 1, "audit=1", "audit: op=set audit_enabled=1 old=0 auid=0",
          "audit|on|on|" },
        { "kptr_restrict", 2, "quiet", "", "kptr_restrict|2||" },
        { "mmap_min_addr", 65536, "quiet", "", "mmap_min_addr|65536|at least 4096|" },
        { "mmap_min_addr", 0, "quiet", "",
          "mmap_min_addr|0|at least 4096|programs may map address 0" },
        { "randomize_va_space", 0, "norandmaps", "", "randomize_va_space|0|at least 2|" },
        { "randomize_va_space", 0, "quiet", "",
          "randomize_va_space|0|at least 2|addresses of programs are not random" },
        { "ftrace_enabled", 1, "quiet", "", "ftrace|on|on|" },
        { "ftrace_enabled", 0, "quiet", "", "ftrace|off|on|switched off after boot" },
        { "kprobes_all_disarmed", 0, "quiet", "", "kprobes|on|on|" },
        { "kprobes_all_disarmed", 0x0100, "quiet", "",
          "kprobes|disarmed|on|switched off after boot" },
        { "nothing", 0, "quiet", "LKRG: ALIVE: LKRG initialized successfully",
          "lkrg|not loaded|loaded|the log says that it was loaded, and it is not on the list of "
          "modules" },
        { "nothing", 0, "quiet", "no LKRG unloaded", "" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, edits);
        uint64_t line = mk_alloc(g.k, 8);

        mk_guest_task(&g, 1, "init", 0);
        put_number(&g, cases[i].symbol, cases[i].value);
        mk_write_ptr(g.k, line, mk_text(g.k, cases[i].line));
        mk_symbol(g.k, "saved_command_line", line);
        put_log(&g, cases[i].log);
        assert_string_equal(mk_guest_rows(&g, "protection", NULL), cases[i].row);
        mk_free(g.k);
    }
}

static void settings(void **state)
{
    static const struct {
        const char *symbol, *text, *row;
    } cases[] = {
        { "core_pattern", "core", "kernel|core_pattern||core||||" },
        { "core_pattern", "|/usr/lib/systemd/systemd-coredump %P",
          "kernel|core_pattern||\\x7c/usr/lib/systemd/systemd-coredump %P||||" },
        { "core_pattern", "|/usr/lib/systemd/systemd-coredumps %P",
          "kernel|core_pattern||\\x7c/usr/lib/systemd/systemd-coredumps %P|core|||a program is "
          "run for every crash, and none that is known" },
        { "modprobe_path", "/sbin/modprobe", "kernel|modprobe_path||/sbin/modprobe||||" },
        { "modprobe_path", "/tmp/x",
          "kernel|modprobe_path||/tmp/x|/sbin/modprobe|||another program than the kernel's own "
          "setting" },
        { "uevent_helper", "", "kernel|uevent_helper||||||" },
        { "uevent_helper", "/tmp/x",
          "kernel|uevent_helper||/tmp/x||||another program than the kernel's own setting" },
        { "poweroff_cmd", "/sbin/poweroff", "kernel|poweroff_cmd||/sbin/poweroff||||" },
        { "poweroff_cmd", "/sbin/poweroffs",
          "kernel|poweroff_cmd||/sbin/poweroffs|/sbin/poweroff|||another program than the "
          "kernel's own setting" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        const char *rows;

        mk_guest_task(&g, 1, "init", 0);
        put_symbol(&g, cases[i].symbol, cases[i].text, strlen(cases[i].text) + 1);
        rows = mk_guest_rows(&g, "persistence", NULL);
        if (!strchr(cases[i].text, '|'))
            assert_string_equal(rows, cases[i].row);
        else // a bar is the test's own sign between cells
            assert_int_equal(strstr(rows, "none that is known") != NULL,
                             strstr(cases[i].row, "none that is known") != NULL);
        mk_free(g.k);
    }
}

/** A program whose parent is a thread of the kernel. */
static void helper(void **state)
{
    (void)state;
    mk_each_machine(m) for (int kernel = 0; kernel < 2; kernel++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), parent = mk_guest_task(&g, 9, "w", init);
        uint64_t child = mk_guest_task(&g, 50, "evil", parent);

        mk_put(g.k, parent, "task_struct.flags", kernel ? MK_KTHREAD : 0);
        MK_MM(&g, child, "evil\0-x\0", "");
        assert_string_equal(mk_guest_rows(&g, "persistence", NULL),
                            kernel ? "helper|evil|-|evil -x||||a program that the kernel started "
                                     "runs on"
                                   : "");
        mk_free(g.k);
    }
}

/** Booted a day after 1970, and taken two hours later. */
static void put_clock(struct mk_cache *w)
{
    mk_put(w->k, w->clock, "timekeeper.xtime_sec", 86400 + 7200);
    mk_put(w->k, w->clock, "timekeeper.tkr_mono.shift", 8);
    mk_put(w->k, w->clock, "timekeeper.offs_real", 86400000000000);
    mk_put(w->k, w->clock, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-86400);
}

static void startup_files(void **state)
{
    enum { BEFORE = 80000, AFTER = 90000, NEVER = 200000 };
    static const struct {
        const char *fs, *folder, *name;
        uint64_t mtime, ctime;
        const char *hint; // NULL: no row
    } cases[] = {
        { "ext4", "etc", "crontab", AFTER, AFTER, "changed after boot" },
        { "ext4", "etc", "crontab", BEFORE, BEFORE, NULL },
        { "ext4", "etc", "crontab", NEVER, NEVER, NULL }, // later than the image
        { "ext4", "etc", "crontabs", AFTER, AFTER, NULL },
        { "ext4", "opt", "crontab", AFTER, AFTER, NULL },
        { "ext4", "etc", "rc.local", BEFORE, AFTER, "put there, or its time set back, after boot" },
        { "tmpfs", "etc", "rc.local", BEFORE, AFTER, NULL },
        { "tmpfs", "etc", "rc.local", AFTER, AFTER, "changed after boot" },
        { "ext4", ".ssh", "authorized_keys", AFTER, AFTER, "changed after boot" },
        { "ext4", ".ssh", "known_hosts", AFTER, AFTER, NULL },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_cache w = { 0 };
        uint64_t inode, d;
        const char *rows;

        mk_cache_begin(&w, m, cases[i].fs);
        put_clock(&w);
        d = mk_cache_file(&w, mk_guest_dentry(&w.g, w.g.top, cases[i].folder), cases[i].name,
                          MK_REG, 100);
        inode = mk_cache_inode(&w, d);
        mk_put(w.k, inode, "inode.i_mtime_sec", cases[i].mtime);
        mk_put(w.k, inode, "inode.i_ctime_sec", cases[i].ctime);
        rows = mk_guest_rows(&w.g, "persistence", NULL);
        if (!cases[i].hint)
            assert_string_equal(rows, "");
        else if (!strstr(rows, cases[i].hint) || !strstr(rows, cases[i].name))
            fail_msg("'%s' is not in '%s'", cases[i].hint, rows);
        assert_non_null(strstr(mk_guest_rows(&w.g, "persistence", "all"),
                               cases[i].folder[0] == 'o' || !strcmp(cases[i].name, "crontabs") ||
                                       !strcmp(cases[i].name, "known_hosts")
                                   ? ""
                                   : cases[i].name));
        mk_cache_end(&w);
    }
}

static void put_text(struct mk_cache *w, uint64_t dentry, const char *text)
{
    const uint64_t pfn = mk_cache_folio(w, dentry, 0, 1, "-", MK_FRESH);
    size_t len;

    memcpy(mk_ram(w->k, &len) + pfn * w->g.page, text, strlen(text));
}

/** A setting against the files that sysctl reads at boot. */
static void configured(void **state)
{
    static const struct {
        uint32_t value;
        struct {
            const char *folder, *name, *text; // below /etc, or /usr/lib
        } files[2];
        const char *hint;
    } cases[] = {
        { 0,
          { { "etc", "10-a.conf", "kernel.kptr_restrict = 2\n" } },
          "/etc/sysctl.d/10-a.conf says 2" },
        { 1, { { "etc", "10-a.conf", "kernel.kptr_restrict = 2\n" } }, "" },
        { 0, { { "etc", "10-a.conf", "kernel.kptr_restrict = 0\n" } }, "" },
        { 0,
          { { "etc", "10-a.conf", "-kernel/kptr_restrict=1" } },
          "/etc/sysctl.d/10-a.conf says 1" },
        { 0, { { "etc", "10-a.conf", "# kernel.kptr_restrict = 2\nkernel.other = 1\n" } }, "" },
        { 0, { { "etc", "10-a.txt", "kernel.kptr_restrict = 2\n" } }, "" },
        { 0,
          { { "etc", "10-a.conf", "kernel.kptr_restrict = 2" },
            { "lib", "20-b.conf", "kernel.kptr_restrict = 0" } },
          "" },
        { 0,
          { { "etc", "10-a.conf", "kernel.kptr_restrict = 2" },
            { "lib", "10-a.conf", "kernel.kptr_restrict = 0" } },
          "/etc/sysctl.d/10-a.conf says 2" },
        { 0,
          { { "lib", "10-a.conf", "kernel.kptr_restrict = 0" },
            { "etc", "10-a.conf", "kernel.kptr_restrict = 2" } },
          "/etc/sysctl.d/10-a.conf says 2" },
        { 0,
          { { "lib", "99-z.conf", "kernel.kptr_restrict = 2" },
            { "top", "sysctl.conf", "kernel.kptr_restrict = 0" } },
          "" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_cache w = { 0 };
        uint64_t etc, lib;
        char want[128] = "";

        mk_cache_begin(&w, m, "ext4");
        etc = mk_guest_dentry(&w.g, w.g.top, "etc");
        lib = mk_guest_dentry(&w.g, w.g.top, "lib");
        for (unsigned n = 0; n < 2 && cases[i].files[n].text; n++) {
            const char *folder = cases[i].files[n].folder, *text = cases[i].files[n].text;
            const uint64_t in =
                strcmp(folder, "top")
                    ? mk_guest_dentry(&w.g, strcmp(folder, "lib") ? etc : lib, "sysctl.d")
                    : etc;

            put_text(&w, mk_cache_file(&w, in, cases[i].files[n].name, MK_REG, strlen(text)), text);
        }
        mk_write_u32(w.k, w.setting, cases[i].value);
        if (*cases[i].hint)
            snprintf(want, sizeof want, "switched off after boot: %s", cases[i].hint);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "protection", NULL), 3, 3), want);
        mk_cache_end(&w);
    }
}

/** What else is said of a file: of its bits, and of what passwd has in it. */
static void odd_files(void **state)
{
    enum { BEFORE = 80000, AFTER = 90000, IMMUTABLE = 8, APPEND = 4, SETUID = 0104755 };
    static const struct {
        const char *folder, *name;
        unsigned mode, flags, mtime;
        const char *text, *row;
    } cases[] = {
        { "bin", "x", SETUID, 0, AFTER, NULL,
          "program|changed after boot; gives its owner's rights" },
        { "bin", "x", 0102755, 0, AFTER, NULL, "program|changed after boot" },
        { "bin", "x", SETUID, 0, BEFORE, NULL, "|" },
        { "sbin", "x", MK_REG, 0, AFTER, NULL, "program|changed after boot" },
        { "etc", "crontab", MK_REG, IMMUTABLE, BEFORE, NULL,
          "cron|immutable: nobody can change or remove it" },
        { "etc", "crontab", MK_REG, APPEND, BEFORE, NULL, "|" },
        { "etc", "gitconfig", MK_REG, IMMUTABLE, AFTER, NULL,
          "git|changed after boot; immutable: nobody can change or remove it" },
        { "etc", "passwd", MK_REG, 0, BEFORE, "root:x:0:0::\nmail:x:00:0::\nx:x:100:0::\n",
          "login|has root's number: mail" },
        { "etc", "passwd", MK_REG, 0, BEFORE, "root:x:0:0::\nx:x:100:0::\n", "|" },
        { "etc", "shadow", MK_REG, 0, BEFORE, "mail:x:0:0::\n", "|" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_cache w = { 0 };
        uint64_t inode, d;
        const char *rows;
        char want[16];

        mk_cache_begin(&w, m, "ext4");
        put_clock(&w);
        d = mk_cache_file(&w, mk_guest_dentry(&w.g, w.g.top, cases[i].folder), cases[i].name,
                          cases[i].mode, cases[i].text ? strlen(cases[i].text) : 100);
        inode = mk_cache_inode(&w, d);
        mk_put(w.k, inode, "inode.i_mtime_sec", cases[i].mtime);
        mk_put(w.k, inode, "inode.i_ctime_sec", cases[i].mtime);
        mk_put(w.k, inode, "inode.i_flags", cases[i].flags);
        if (cases[i].text)
            put_text(&w, d, cases[i].text);
        rows = mk_guest_rows(&w.g, "persistence", NULL);
        snprintf(want, sizeof want, "%.*s", (int)strcspn(cases[i].row, "|"), cases[i].row);
        assert_string_equal(mk_columns(rows, 0, 0), want);
        assert_string_equal(mk_columns(rows, 7, 7), strchr(cases[i].row, '|') + 1);
        mk_cache_end(&w);
    }
}

static void put_entry(struct mk_cache *w, uint64_t at, const char *type, const char *member,
                      uint64_t value)
{
    char name[64];

    snprintf(name, sizeof name, "%s.%s", type, member);
    mk_put(w->k, at, name, value);
}

/** Entries of binfmt_misc: what they take, and what they start. */
static void interpreters(void **state)
{
    enum { ENABLED = 1, MAGIC = 2, CREDENTIALS = 1 << 29, OPENED = 1 << 28 };
    static const struct entry {
        uint32_t flags;
        int offset, size;
        const char *magic, *mask, *interpreter, *row;
    } cases[] = {
        { ENABLED | MAGIC | CREDENTIALS | OPENED, 0, 4, "LABX", NULL, "/usr/bin/x",
          "flags CF; files with 4c414258 at 0|" },
        { ENABLED | MAGIC, 0, 4, "LABX", NULL, "/tmp/x",
          "files with 4c414258 at 0|the interpreter is where it does not belong" },
        { ENABLED | MAGIC, 0, 4, "LABX", NULL, "/usr/lib/.x",
          "files with 4c414258 at 0|the interpreter is where it does not belong" },
        { ENABLED | UINT32_C(1) << 31, 0, 3, "lab", NULL, "/usr/bin/x",
          "flags P; files that end in .lab|" },
        { ENABLED | MAGIC, 0, 2, "#!", NULL, "/usr/bin/x", "files with 2321 at 0|takes scripts" },
        { ENABLED | MAGIC, 0, 4, "\177ELF", NULL, "/usr/bin/x",
          "files with 7f454c46 at 0|takes programs that the machine runs by itself" },
        { ENABLED | MAGIC, 18, 2, "\x3e", NULL, "/usr/bin/x",
          "files with 3e00 at 18|takes programs that the machine runs by itself" },
        { ENABLED | MAGIC, 18, 2, "\x28", NULL, "/usr/bin/x", "files with 2800 at 18|" },
        { ENABLED | MAGIC, 18, 2, "\x3f", "\xfe\xff", "/usr/bin/x", // of two that differ in a bit
          "files with 3f00 at 18|takes programs that the machine runs by itself" },
        { ENABLED | MAGIC, 0, 300, "LABX", NULL, "/usr/bin/x", "|" }, // longer than one can be
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < 2 * countof(cases); i++)
    {
        const struct entry *c = &cases[i / 2];
        const char *type = i % 2 ? "binfmt_misc_entry" : "Node"; // since 7.3, before
        struct mk_cache w = { 0 };
        uint64_t d, node, magic;
        const char *rows;
        char said[256];

        mk_cache_begin_edited(&w, m, "binfmt_misc", "struct Node {",
                              i % 2 ? "struct binfmt_misc_entry {" : "struct Node {");
        mk_puts(w.k, w.uts, "uts_namespace.name.machine", "x86_64");
        node = mk_object(w.k, type);
        put_entry(&w, node, type, "flags", c->flags);
        put_entry(&w, node, type, "offset", (uint64_t)c->offset);
        put_entry(&w, node, type, "size", (uint64_t)c->size);
        magic = mk_alloc(w.k, 512);
        mk_write(w.k, magic, c->magic, strlen(c->magic) + 1);
        put_entry(&w, node, type, "magic", magic);
        if (c->mask) {
            magic = mk_alloc(w.k, 8);
            mk_write(w.k, magic, c->mask, 2);
            put_entry(&w, node, type, "mask", magic);
        }
        put_entry(&w, node, type, "interpreter", mk_text(w.k, c->interpreter));
        mk_cache_file(&w, w.g.top, "register", MK_REG, 0);
        d = mk_cache_file(&w, w.g.top, "lab", MK_REG, 0);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_private", node);
        rows = mk_guest_rows(&w.g, "persistence", NULL);
        assert_string_equal(mk_columns(rows, 2, 2), c->interpreter);
        snprintf(said, sizeof said, "%s|", mk_columns(rows, 3, 3));
        assert_string_equal(strcat(said, mk_columns(rows, 7, 7)), c->row);
        mk_cache_end(&w);
    }
}

/** The program that a hierarchy of control groups of version 1 starts. */
static void release_agent(void **state)
{
    static const struct {
        const char *text, *row;
    } cases[] = {
        { "", "" },
        { "/usr/lib/systemd/systemd-cgroups-agent",
          "kernel|release_agent||/usr/lib/systemd/systemd-cgroups-agent||||" },
        { "/tmp/x", "kernel|release_agent||/tmp/x||||another program than those of "
                    "systemd, OpenRC and Slurm" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, edits);
        const uint64_t roots = mk_object(g.k, "list_head"), root = mk_object(g.k, "cgroup_root");
        uint64_t node = mk_at(g.k, root, "cgroup_root.root_list");

        mk_list(g.k, roots, &node, 1);
        mk_symbol(g.k, "cgroup_roots", roots);
        mk_puts(g.k, root, "cgroup_root.release_agent_path", cases[i].text);
        mk_guest_task(&g, 1, "init", 0);
        assert_string_equal(mk_guest_rows(&g, "persistence", NULL), cases[i].row);
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protection),   cmocka_unit_test(settings),
        cmocka_unit_test(helper),       cmocka_unit_test(startup_files),
        cmocka_unit_test(configured),   cmocka_unit_test(odd_files),
        cmocka_unit_test(interpreters), cmocka_unit_test(release_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
