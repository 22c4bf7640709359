/** dwarf_merge.h - merges the types of thousands of units into one set without duplicates.
 *
 *  The types of a unit are raw: they refer to each other by offset in .debug_info. Each gets a key
 * (a hash) that is equal for equal definitions in any unit. A merger keeps one type of each key,
 * the one with the lowest offset, so that the result does not depend on the order of the work. */
#ifndef EG_DWARF_MERGE_H
#define EG_DWARF_MERGE_H

#include "../core/arena.h"
#include "../core/map.h"
#include "../core/profile.h"
#include "../core/vec.h"
#include <pthread.h>

/** What a key covers. A struct that is the target of a pointer counts by name only, or else every
 * struct would include the whole program; one that is a member by value counts with its members. */
enum eg_key {
    EG_KEY_NAME,  /**< as the target of a pointer: structs, unions and enums by name only */
    EG_KEY_VALUE, /**< as a member by value: structs, unions and enums by their members */
    EG_KEY_EXACT, /**< with the targets of pointers as this unit defines them */
    EG_KEYS,
};

/** A kind in addition to eg_type_kind: the type's keys are known, and another worker adds it. */
enum { EG_RAW_KNOWN = 255 };

/** Names point into the sections of the file or the strings of a profile, which live longer. */
struct eg_raw_type {
    uint64_t at;      /**< its offset in .debug_info; unique */
    uint64_t size;    /**< bytes, as in eg_type */
    uint64_t ref;     /**< offset of the type that it refers to; 0: void */
    const char *name; /**< NULL: anonymous */
    uint32_t first, count;
    uint8_t kind;  /**< enum eg_type_kind; EG_T_VOID: the same as @ref (const, volatile …) */
    uint8_t flags; /**< enum eg_type_flags */
    uint8_t tag;   /**< EG_T_STRUCT, EG_T_UNION, EG_T_ENUM: for these, and for declarations of
                        them */
    uint8_t known; /**< bits: 1 << enum eg_key */
    uint8_t open;  /**< the same bits, set while a key is being computed */
    uint64_t key[EG_KEYS];
};
struct eg_raw_member {
    const char *name;
    uint64_t ref;
    uint64_t bit_off; /**< of an enumerator: its value */
    uint32_t bit_size;
};

struct eg_raw_unit {
    EG_VEC(struct eg_raw_type) types;
    EG_VEC(struct eg_raw_member) members;
    size_t sorted;       /**< types with lower indexes are sorted by offset; the others were loaded
                              one by one */
    struct eg_map extra; /**< offset to index, for those others */
    /** Push the type at offset @place of another unit; NULL: no other units. @return false: it
     * could not. */
    bool (*load)(struct eg_raw_unit *u, uint64_t place);
    void *context; /**< of load */
};
void eg_raw_unit_clear(struct eg_raw_unit *u); /**< keeps the memory for the next unit */
void eg_raw_unit_fini(struct eg_raw_unit *u);
/** Compute all keys of type @i. @return false: out of memory, or a load failed. */
bool eg_raw_keys(struct eg_raw_unit *u, size_t i, uint64_t keys[EG_KEYS]);

enum { EG_MERGER_SHARDS = 64, EG_MERGER_SEEN = 1 << 12 };

struct eg_merger {
    struct eg_merger_shard {
        pthread_mutex_t lock;
        struct eg_map index; /**< exact key to index in all */
        EG_VEC(struct eg_merged) all;
        struct eg_arena arena;
    } shards[EG_MERGER_SHARDS];
};
/** What one thread has added already, so that it need not take the lock. Initially zeroed. */
struct eg_merger_seen {
    uint64_t keys[EG_MERGER_SEEN];
};

void eg_merger_init(struct eg_merger *m);
void eg_merger_fini(struct eg_merger *m);
/** Start with the types of a profile, which keep their ids and are not pushed again. @return false:
 * out of memory. */
bool eg_merger_seed(struct eg_merger *m, const struct eg_profile *base);
/** Add all types of a unit and those that they refer to. Callable from any thread. @return false:
 * out of memory, or a load failed. */
bool eg_merger_add(struct eg_merger *m, struct eg_raw_unit *u, struct eg_merger_seen *seen);
/** Push the merged types; the first gets id @first_id. @return false: out of memory. */
bool eg_merger_push(struct eg_merger *m, uint32_t first_id, struct eg_builder *b);

#endif
