/* keys - the vault: keys of the kernel and of programs, each with whose it is and how it was
 * proven. What finds them are the sources of vault.h. */
#include "../../core/base.h"
#include "../../core/outtree.h"
#include "../../core/records.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include "crypto.h"
#include "fingerprint.h"
#include "own.h"

EG_SECTION_(eg_key_source_reg, eg_key_sources);
static struct eg_records records = { __start_eg_key_sources, __stop_eg_key_sources };

const struct eg_key_source_reg *eg_key_source_next(const struct eg_key_source_reg *s)
{
    return eg_record_next(&records, s);
}

#define COLUMNS(C)                                                                                 \
    C(KIND, TEXT, "sort of key: dm-crypt, wireguard, TLS 1.3, ssh, …")                             \
    C(NAME, TEXT, "whose it is: a device, an interface, a connection, a user")                     \
    C(PURPOSE, TEXT, "what it is for there")                                                       \
    C(ALGORITHM, TEXT, "what it is used with")                                                     \
    C(KEY_BITS, INT, "length of the secret; of a private key, of all that it consists of")         \
    C(PID, INT, "process in whose memory it is; none: the kernel's")                               \
    C(COMM, TEXT, "that process's name")                                                           \
    C(ADDRESS, ADDR,                                                                               \
      "where it is, in the kernel's memory or the process's; none: it was computed", EG_MINOR)     \
    C(PHYSICAL, ADDR, "of what a search of memory found: where that is", EG_MINOR)                 \
    C(VERIFIED, TEXT, "how it was proven; empty: it was not, it is a candidate")                   \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256; not of passwords")         \
    C(SECRET, BYTES, "the key itself", EG_ASKED)                                                   \
    C(HINTS, TEXT, "what else is worth knowing", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { SOURCES_MAX = 255, TAG_BITS = 24, AROUND = 1 << 15 };
enum { ZEROS_MAX = 256 }; // that anything begins with

struct keys {
    const struct eg_key_source *of[SOURCES_MAX]; // those that search, by number
    size_t n;
    const struct eg_key_source *looks[SOURCES_MAX]; // those that look at processes
    struct linux_addresses places[SOURCES_MAX];     // that each of them has kept of one process
    size_t n_looks;
    struct eg_vault v;
};

/* ---- memory that is searched ---- */

/* Is there nothing in a page, and where what begins in it with zeros would go on? */
static bool is_empty(const struct eg_window *w, size_t at)
{
    const size_t n = EG_MIN(w->len - at, (size_t)EG_VIEW_PAGE + ZEROS_MAX);

    return !w->bytes[at] && !memcmp(w->bytes + at, w->bytes + at + 1, n - 1);
}

/* Half of a memory is zero as a rule: the sources do not see that. */
static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    const struct keys *k = state;
    struct eg_window part = *w;
    const size_t end = EG_MIN(w->to, w->len);

    (void)worker;
    for (part.from = w->from; part.from < end; part.from = part.to) {
        part.to = part.from;
        while (part.to < end && !is_empty(w, part.to))
            part.to += EG_MIN(end - part.to, (size_t)EG_VIEW_PAGE);
        for (size_t i = 0; part.to > part.from && i < k->n; i++)
            k->of[i]->search(&part, out, (uint32_t)i << TAG_BITS);
        while (part.to < end && is_empty(w, part.to))
            part.to += EG_MIN(end - part.to, (size_t)EG_VIEW_PAGE);
    }
}

/* ---- structures ---- */

/* One pass over its memory for all sources. */
static void look_at_process(struct keys *k, struct eg_key_process *p)
{
    struct linux_addresses *places = k->places;
    struct linux_user_piece piece = { 0 };
    void *notes[SOURCES_MAX] = { 0 };

    for (size_t i = 0; i < k->n_looks; i++)
        places[i].n = 0;
    while (linux_user_next(p->user, false, &piece))
        for (size_t i = 0; i < k->n_looks; i++)
            k->looks[i]->look(&k->v, p, &piece, &places[i]);
    for (size_t i = 0; i < k->n_looks; i++) {
        p->notes = &notes[i];
        for (size_t n = 0; n < places[i].n && !eg_stopped(k->v.r); n++)
            if (k->looks[i]->prove)
                k->looks[i]->prove(&k->v, p, places[i].at[n]);
        if (k->looks[i]->prove_all && places[i].n && !eg_stopped(k->v.r))
            k->looks[i]->prove_all(&k->v, p, &places[i]);
    }
}

static void look_at_processes(struct keys *k)
{
    struct eg_run *r = k->v.r;
    struct linux_user user = { 0 };
    struct eg_obj task;

    linux_each_process(r, task) {
        struct eg_key_process p = { .task = task, .user = &user };

        p.pid = eg_get_or((int64_t)-1, task, task_struct.tgid);
        p.comm = eg_string(r, eg_at(task, task_struct.comm), 16);
        if (!linux_pid_asked(r, task) || !linux_user_open(r, task, &user))
            continue;
        look_at_process(k, &p);
        linux_user_notes(&user, task);
    }
}

/* Before the search: what structures lead to is not told again for its bytes, and a wrong --disk
 * is told before the work is done. */
static void look_at_structures(struct keys *k)
{
    const struct eg_key_source_reg *s = NULL;

    while ((s = eg_record_next(&records, s)) && !eg_stopped(k->v.r))
        if (s->source->find)
            s->source->find(&k->v);
    look_at_processes(k);
}

static int begin(struct eg_run *r, void **state)
{
    struct keys *k = *state = eg_tmp(r, sizeof *k);
    const struct eg_key_source_reg *s = NULL;
    const char *folder = eg_arg_text(r, "export");

    eg_crypto_note(r);
    k->v = (struct eg_vault){ .r = r, .exports = folder != NULL, .own = eg_vault_open(r) };
    if (folder && *folder == '-')
        return eg_refused(r, "--export %s: a folder's name is wanted; ./%s if that is one", folder,
                          folder);
    // before the work is done
    if (folder && !(k->v.tree = eg_outtree_open_private(r, "--export", folder)))
        return -1;
    while ((s = eg_record_next(&records, s))) {
        if (s->source->search && k->n < SOURCES_MAX)
            k->of[k->n++] = s->source;
        if (s->source->look && k->n_looks < SOURCES_MAX)
            k->looks[k->n_looks++] = s->source;
    }
    look_at_structures(k);
    return eg_stopped(r) ? -1 : 0;
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    struct keys *k = state;
    const size_t id = h->tag >> TAG_BITS;

    (void)r;
    if (id < k->n)
        k->of[id]->hit(&k->v, region, h, h->tag & ((1u << TAG_BITS) - 1));
}

/* ---- rows ---- */

/* People choose passwords: who has a fingerprint of one can guess it, and the length helps. */
static bool is_chosen(const struct eg_vault_key *k)
{
    return !strcmp(k->kind, "password") || !strcmp(k->kind, "gpg passphrase") ||
           (k->purpose && (strstr(k->purpose, "password") || strstr(k->purpose, ": psk")));
}

static void emit(struct eg_vault *v, const struct eg_vault_key *key)
{
    const bool chosen = is_chosen(key);
    const struct eg_cell none = { 0 };
    const struct eg_key_process *p = key->process;

    eg_row(v->r, .KIND = eg_text(key->kind), .NAME = eg_text(key->name),
           .PURPOSE = eg_text(key->purpose), .ALGORITHM = eg_text(key->algorithm),
           .KEY_BITS = chosen ? none : eg_uint(8 * key->len), .PID = p ? eg_int(p->pid) : none,
           .COMM = p ? eg_text(p->comm) : none, .ADDRESS = key->at ? eg_uint(key->at) : none,
           .PHYSICAL = key->physical ? eg_uint(key->physical) : none,
           .VERIFIED = eg_text(key->proof),
           .FINGERPRINT = chosen ? none : eg_text(eg_key_fingerprint(v->r, key->secret, key->len)),
           .SECRET = eg_arg_flag(v->r, "show") ? eg_blob(key->secret, key->len) : none,
           .HINTS = eg_text(key->hints));
}

static int done(struct eg_run *r, void *state)
{
    struct keys *k = state;
    const char *folder = eg_arg_text(r, "export");

    eg_vault_each(&k->v, emit);
    if (folder && !eg_stopped(r) && !eg_vault_export(&k->v, folder))
        return -1;
    return 0;
}

static const struct eg_scan scan = {
    .before = AROUND,
    .behind = AROUND,
    .begin = begin,
    .look = look,
    .hit = hit,
    .done = done,
};

EG_PLUGIN(keys) = {
    .os = "linux",
    .help = "List encryption keys of the kernel and of programs, and write them for other tools",
    .manual =
        "What the kernel's and programs' own structures lead to, by KIND, and what a search of\n"
        "memory finds besides. VERIFIED says how a key was proven; what could not be proven is a\n"
        "candidate and comes last. volumekeys, keyrings, wireguard, aeskeys and privatekeys tell\n"
        "more of their keys.\n"
        "Keys are shown by fingerprints, for a terminal and its scrollback are read by others;\n"
        "they can be compared and passed on. A password could be guessed by one: it has none.\n"
        "--show prints the keys themselves, --export writes all of them, whatever --filter says,\n"
        "into a folder for the programs that use them, readable by its owner only: its\n"
        "manifest.jsonl says what each file is for.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT,
                           "of programs, only these processes; what the kernel has is shown too"),
                    EG_ARG(owners, FLAG, "of what a search finds, who uses the memory"),
                    EG_ARG(show, FLAG, "print the keys too: they are secrets"),
                    EG_ARG(export, FILE, "write the keys into this folder, for other tools"),
                    EG_ARG(disk, FILE, "file with an encrypted volume: proves its keys"),
                    EG_ARG(pcap, FILE, "file with captured packets: proves secrets of TLS")),
    .looks_for = EG_NAMES("encryption keys"),
    .uses = EG_NAMES("tasks", "vmas"),
    .scan = &scan,
};
