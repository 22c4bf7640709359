/** user/journal.h - files of systemd's journal, of which memory may hold a part only (systemd:
 * docs/JOURNAL_FILE_FORMAT.md).
 *
 *  Entries are found by what each of them must say of itself, not by the file's indexes: a page
 * that is missing costs what lies in it and nothing else. */
#ifndef EG_LINUX_JOURNAL_H
#define EG_LINUX_JOURNAL_H

#include "../../../core/space.h"

struct linux_journal {
    struct eg_view *view;
    struct eg_space *file;
    uint64_t size;                  /**< of the file */
    uint64_t header, tail_seqnum;   /**< bytes of its header; the newest entry's number */
    uint64_t first_usec, last_usec; /**< times of the oldest and newest entry; 0: not known */
    uint64_t n_entries;             /**< as the header counts them */
    bool compact;                   /**< since systemd 252: numbers of 32 bits */
    bool known;                     /**< the header could be read */
    uint64_t referred, unpacked;    /**< bytes of references and of packed fields that were read */
    bool excess; /**< more than a file of this size can have: nothing is read any more */
};
/** @return false: it is no journal. A header that cannot be read is no reason. */
bool linux_journal_open(struct linux_journal *j, struct eg_view *v, struct eg_space *file,
                        uint64_t size);

struct linux_journal_entry {
    uint64_t offset, seqnum;
    uint64_t realtime;   /**< µs since 1970 UTC */
    uint64_t items;      /**< how many fields it has */
    uint64_t item_bytes; /**< of a reference to one */
};
enum { LINUX_JOURNAL_ENTRY = 3 }; /**< the first 8 bytes of each, as a number */
/** Is there an entry at @offset, a multiple of 8? */
bool linux_journal_entry_at(const struct linux_journal *j, uint64_t offset,
                            struct linux_journal_entry *out);

enum linux_journal_field {
    LINUX_JOURNAL_FIELD,    /**< it could be read */
    LINUX_JOURNAL_ABSENT,   /**< its place cannot be read */
    LINUX_JOURNAL_DAMAGED,  /**< it is no field, or does not unpack */
    LINUX_JOURNAL_NO_CODEC, /**< this program was built without what unpacks it */
};
/** The @i-th field of an entry: "MESSAGE=…", each asked for once. Entries that overlap, or all
 * refer to what takes long to unpack, end with @j->excess. @out: room for @max bytes, of which
 * *@len are used; a longer one is cut. */
enum linux_journal_field linux_journal_field(struct linux_journal *j,
                                             const struct linux_journal_entry *e, uint64_t i,
                                             uint8_t *out, size_t max, size_t *len);

#endif
