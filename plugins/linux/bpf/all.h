/** bpf/all.h - every BPF program, map and link that any way leads to, and where programs are
 * attached: what the tables of the bpf() system call leave out is found too. */
#ifndef EG_LINUX_BPF_ALL_H
#define EG_LINUX_BPF_ALL_H

#include "../../../core/engram.h"

EG_FIELD_AS(bpf_prog_aux_at, bpf_prog, "aux");
EG_FIELD_AS(bpf_prog_type_at, bpf_prog, "type");
EG_FIELD_AS(bpf_prog_is_func, bpf_prog, "is_func");
EG_FIELD_AS(bpf_aux_prog, bpf_prog_aux, "prog");
EG_FIELD_AS(bpf_aux_id, bpf_prog_aux, "id");
EG_FIELD_AS(bpf_aux_refcnt, bpf_prog_aux, "refcnt.counter");
EG_FIELD_AS(bpf_aux_maps, bpf_prog_aux, "used_maps");
EG_FIELD_AS(bpf_aux_n_maps, bpf_prog_aux, "used_map_cnt");
EG_FIELD_AS(bpf_aux_funcs, bpf_prog_aux, "func");
EG_FIELD_AS(bpf_aux_n_funcs, bpf_prog_aux, "func_cnt");
EG_FIELD_AS(bpf_map_id, bpf_map, "id");
EG_FIELD_AS(bpf_map_ops_at, bpf_map, "ops");
EG_FIELD_AS(bpf_map_type_at, bpf_map, "map_type");
EG_FIELD_AS(bpf_map_entries, bpf_map, "max_entries");
EG_FIELD_AS(bpf_map_refcnt, bpf_map, "refcnt.counter");
EG_FIELD_AS(bpf_map_name, bpf_map, "name");
EG_FIELD_AS(bpf_link_id, bpf_link, "id");
EG_FIELD_AS(bpf_link_type_at, bpf_link, "type");
EG_FIELD_AS(bpf_link_prog, bpf_link, "prog");
EG_FIELD_AS(bpf_link_ops_at, bpf_link, "ops");
EG_FIELD_AS(bpf_link_refcnt, bpf_link, "refcnt.counter");

enum linux_bpf_from {       // bits: what leads to an object
    LINUX_BPF_TABLE = 1,    /**< prog_idr, map_idr, link_idr: all that bpf() gives by number */
    LINUX_BPF_SYMBOL = 2,   /**< a program's machine code in bpf_kallsyms */
    LINUX_BPF_ATTACHED = 4, /**< where programs are called from */
    LINUX_BPF_LINK = 8,     /**< a link */
    LINUX_BPF_PROGRAM = 16, /**< a program that uses a map */
    LINUX_BPF_MAP = 32,     /**< a map with programs or maps in it */
    LINUX_BPF_FILE = 64,    /**< an open file */
    LINUX_BPF_PINNED = 128, /**< a path in bpffs */
};
extern const struct eg_constant linux_bpf_from_names[];

struct linux_bpf_object {
    uint64_t at;
    unsigned from; /**< enum linux_bpf_from */
};
/** Objects of one kind, each once, in the order found: those of the table first, by number. */
struct linux_bpf_set {
    struct linux_bpf_object *at;
    size_t n, cap;
    struct eg_map *index;
    bool table; /**< the kernel's table is known, and was read */
};
/** A place where a program is called from. */
struct linux_bpf_attach {
    uint64_t prog, link;  /**< link: struct bpf_link that holds it there; 0: none */
    uint64_t at;          /**< what says so: trampoline, trace_event_call, bpf_prog_list, … */
    const char *kind;     /**< "fentry", "kprobe", "cgroup", "tc", "xdp", … */
    const char *where;    /**< "do_unlinkat", "cgroup_inet_egress /lab"; NULL: cannot be read */
    const char *function; /**< of where: the kernel's function or event; NULL: none */
    const char *hint;     /**< what is odd about the place itself; NULL: nothing */
};
/** Who keeps an object: an open file, or a path in bpffs. */
struct linux_bpf_keeper {
    uint64_t object, task; /**< task: 0: a path, or a file that no task has */
    uint64_t fd;           /**< UINT64_MAX: held in another way */
    const char *path;      /**< NULL: an open file */
};
struct linux_bpf {
    struct eg_run *r;
    struct linux_bpf_set progs, maps, links;
    struct linux_bpf_attach *attaches;
    size_t n_attaches, attaches_cap;
    struct eg_map *attached; /**< (program, place) that are in it */
    struct linux_bpf_keeper *keepers;
    size_t n_keepers, keepers_cap;
    bool full; /**< there are more than are looked at */
};
/** All of a system. It lives as long as the run. */
struct linux_bpf *linux_bpf(struct eg_run *r);

/** Is there such an object? A program's data leads back to it; maps and links have operations in
 * the kernel and a type that there is. */
bool linux_bpf_is_prog(struct eg_run *r, uint64_t at);
bool linux_bpf_is_map(struct eg_run *r, uint64_t at);
bool linux_bpf_is_link(struct eg_run *r, uint64_t at);

/** The object at @at of a set; NULL: it is not in it. */
struct linux_bpf_object *linux_bpf_find(const struct linux_bpf_set *set, uint64_t at);
/** Add an object that @from leads to. @return false: it was there, or there is no room. */
bool linux_bpf_add(struct linux_bpf *b, struct linux_bpf_set *set, uint64_t at, unsigned from);
/** Add a place, and its program and link with it. Each pair of program and @at once; what is no
 * program is left out. */
void linux_bpf_attach(struct linux_bpf *b, struct linux_bpf_attach a);

/** The parts of linux_bpf(), each a file. */
void linux_bpf_trampolines(struct linux_bpf *b);
void linux_bpf_tracing(struct linux_bpf *b);
uint64_t linux_bpf_perf_event(struct linux_bpf *b, struct eg_obj event);
void linux_bpf_multi(struct linux_bpf *b);
void linux_bpf_cgroups(struct linux_bpf *b);
void linux_bpf_network(struct linux_bpf *b);
void linux_bpf_socket(struct linux_bpf *b, struct eg_obj sock); /**< may be bad */
void linux_bpf_map_programs(struct linux_bpf *b, uint64_t map);
void linux_bpf_link_attach(struct linux_bpf *b, uint64_t link);

/** What an event of perf or a probe is about: "syscalls:sys_enter_kill", "vfs_read+0x10". */
struct linux_bpf_event {
    const char *kind, *where, *function;
};
struct linux_bpf_event linux_bpf_event(struct eg_run *r, struct eg_obj call);

/** "cgroup_inet_egress": the name of @value in the kernel's enumeration @type, in small letters
 * and without @prefix; a number where it has none. */
const char *linux_bpf_enum(struct eg_run *r, const char *type, const char *prefix, uint64_t value);
/** The symbol at a kernel address; NULL: none. */
const char *linux_bpf_symbol(struct eg_run *r, uint64_t addr);
/** Is it a function or event whose answers hide files, programs, processes or connections when a
 * program changes them, or with which security modules allow others to look? @return its short
 * name: "getdents64"; NULL: no. */
const char *linux_bpf_dangerous(const char *function);
/** Has a path in bpffs a name that listings leave out, or that no one can read? */
bool linux_bpf_odd_path(const char *paths);

/** "12 lab_cls": number and name of a program, map or link; never NULL. */
const char *linux_bpf_prog_text(struct eg_run *r, uint64_t prog);
/** The program with a number, 0: it is not known; and as text, "program 12 lab_cls". */
uint64_t linux_bpf_prog_of(const struct linux_bpf *b, uint32_t id);
const char *linux_bpf_prog_numbered(const struct linux_bpf *b, uint32_t id);
const char *linux_bpf_map_text(struct eg_run *r, uint64_t map);
/** The name of a program as its BTF has it, which may be longer than the 15 bytes that the kernel
 * keeps; NULL: it has none. */
const char *linux_bpf_prog_name(struct eg_run *r, struct eg_obj prog);
/** "1140 lab_bpf fd 21; /sys/fs/bpf/x": who keeps an object; NULL: nobody. *@task: of the first
 * process, a bad cursor: none. */
const char *linux_bpf_keepers(const struct linux_bpf *b, uint64_t object, bool pinned,
                              struct eg_obj *task);
/** May the object be shown: no processes were chosen, or one of them holds it? */
bool linux_bpf_kept_by_asked(const struct linux_bpf *b, uint64_t object);

#endif
