/** vault.h - keys that structures of the kernel and of programs lead to: what `keys` lists and
 * exports.
 *
 *  A source is one file that knows one sort of keys and declares EG_KEY_SOURCE(name). It adds what
 * it finds; the vault shows it, once, without the secret unless the user asks. A source proves what
 * it can: a key without a proof is listed behind the others, as a candidate. */
#ifndef KEYS_VAULT_H
#define KEYS_VAULT_H

#include "../../core/scan.h"
#include "../linux/user/memory.h"

/** A process in whose memory sources look. */
struct eg_key_process {
    struct eg_obj task;
    int64_t pid;
    const char *comm;
    struct linux_user *user; /**< its own memory; reads go through user->space */
    void **notes; /**< what the source that is at work keeps of this process; at first NULL */
};

/** Sorts of proofs of what only looks like a key, of which an image can be full. */
enum eg_vault_work {
    EG_WORK_PRIVATE,
    EG_WORK_GPG,
    EG_WORK_TOKENS,
    EG_WORK_TLS,
    EG_WORK_SSH,
    EG_VAULT_WORKS
};
struct eg_tls_capture;
struct eg_vault {
    struct eg_run *r;
    struct eg_outtree *tree; /**< of --export; NULL: no files are wanted */
    bool exports; /**< files are wanted: a source that must work for them need not otherwise */
    const struct eg_tls_capture *capture; /**< of --pcap, opened by tls.c; NULL: none */
    struct eg_vault_own *own;
    unsigned slow; /**< what took long, as cipherkeys counts it */
    uint64_t work[EG_VAULT_WORKS];
};
/** May more be spent on this sort of proofs? @return false: with a note once; in all processes
 * together a minute or so was. */
bool eg_vault_may(struct eg_vault *v, enum eg_vault_work sort);
/** So many microseconds were, about: counted, not measured, so that each run finds the same. */
static inline void eg_vault_worked(struct eg_vault *v, enum eg_vault_work sort, uint64_t work)
{
    v->work[sort] += work;
}

enum { EG_SECRET_MAX = 1 << 16 };
struct eg_vault_key {
    const char *kind;    /**< sort of key, a word or few: "dm-crypt", "TLS 1.3", "wireguard" */
    const char *name;    /**< whose it is: "dm-0 vault", "wg0", "alice"; NULL: nobody's */
    const char *purpose; /**< what it does there: "volume key", "private key", the label of a
                              key log; NULL: the kind says it */
    const char *algorithm;
    uint64_t at;       /**< where the secret is, in the kernel's memory or the process's; 0: it was
                      computed */
    uint64_t physical; /**< of what a search found, its physical address */
    const struct eg_key_process *process; /**< NULL: the kernel */
    const void *secret;                   /**< @len bytes, at most EG_SECRET_MAX */
    size_t len;
    const char *proof; /**< how it was proven; NULL: it was not */
    const char *hints;
};
/** Add a key; all is copied. One that is there already (kind, secret, place) is not added again.
 * @return false: it was there, or is too long. */
bool eg_vault_add(struct eg_vault *v, const struct eg_vault_key *key);
/** Was a key with this secret added? */
bool eg_vault_knows(const struct eg_vault *v, const void *bytes, size_t len);
/** The same, or one that has it in it, at a multiple of 4: a key of a cipher may be a part of a
 * volume's. */
bool eg_vault_knows_part(const struct eg_vault *v, const void *bytes, size_t len);

/** Who uses the memory of a hit, as a name of it; NULL: not known, or without --owners. */
const char *eg_vault_owner(struct eg_vault *v, const struct eg_region *region,
                           const struct eg_hit *h);

/** With --export: add @len bytes to the file keys/@path below the folder, made with mode 0600. The
 * parts of a path may come from the image: what a file cannot be named is escaped. Does nothing
 * without --export. @what: a line for the manifest, what the file is for and the command that takes
 * it; NULL: it was said. */
void eg_vault_file(struct eg_vault *v, const char *path, const void *bytes, size_t len,
                   const char *what);
/** The same of a text. */
void eg_vault_text(struct eg_vault *v, const char *path, const char *text, const char *what);
/** Is there something in it already? */
bool eg_vault_has_file(const struct eg_vault *v, const char *path);

struct eg_key_source {
    /** Look at structures of the kernel and at files; once. May be NULL. */
    void (*find)(struct eg_vault *v);
    /** Look at a piece of a process's memory, whose bytes are valid until the next read: keep in
     * @out the addresses that deserve a closer look (linux_addresses_add(p->user, out, address)).
     * Pieces need not follow each other: what may cross their borders is judged by .prove. NULL:
     * this source does not look at processes. */
    void (*look)(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out);
    /** Read what is around an address that .look kept, and add the keys that are there. */
    void (*prove)(struct eg_vault *v, const struct eg_key_process *p, uint64_t at);
    /** Instead of .prove, where keys are proven by what is elsewhere in the process: all that .look
     * kept, in that order; not called when it kept nothing. */
    void (*prove_all)(struct eg_vault *v, const struct eg_key_process *p,
                      const struct linux_addresses *places);
    /** Search all physical memory, as struct eg_scan has it; threads call it. A hit's tag is @id
     * plus a number of the source's own, below 2^24. NULL: nothing is searched. */
    void (*search)(const struct eg_window *w, struct eg_hits *out, uint32_t id);
    /** What was found, in order, after all of the above; @tag: the source's own part. */
    void (*hit)(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag);
};
struct eg_key_source_reg {
    const char *name, *file;
    const struct eg_key_source *source;
};
/** `EG_KEY_SOURCE(wireguard) = { .find = find };` in one file; sources work in the order of their
 * names. */
#define EG_KEY_SOURCE(n)                                                                           \
    static const struct eg_key_source eg_key_source_##n;                                           \
    static const struct eg_key_source_reg eg_ksreg_##n = { #n, __FILE__, &eg_key_source_##n };     \
    EG_ENTRY(eg_key_sources, eg_key_source_reg, ks_##n) = &eg_ksreg_##n;                           \
    static const struct eg_key_source eg_key_source_##n

#endif
