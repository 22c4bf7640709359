/** dwarf_merge.h - the types of thousands of units become one set: equal definitions are one type.
 *
 *  A unit's types are raw: they refer to each other by their places in .debug_info. Each gets a key
 * that is equal for equal definitions, whatever unit they stand in; a merger keeps one of each key,
 * that of the lowest place, so that the result does not depend on the order of work. */
#ifndef EG_DWARF_MERGE_H
#define EG_DWARF_MERGE_H

#include "../core/arena.h"
#include "../core/map.h"
#include "../core/profile.h"
#include "../core/vec.h"
#include <pthread.h>

/** How closely a key looks. A struct is known by its name behind a pointer, else every struct would
 * hold the whole program; by its members where it is held by value. */
enum eg_key {
    EG_KEY_NAME,  /**< as behind a pointer: tags by name alone */
    EG_KEY_VALUE, /**< as held by value: tags by their members */
    EG_KEY_EXACT, /**< pointers too lead to what this unit defines */
    EG_KEYS,
};

/** A kind beside eg_type_kind: its keys are known, and it has been given elsewhere. */
enum { EG_RAW_KNOWN = 255 };

/** Names point into the file's sections (or a profile's strings), which outlive all this. */
struct eg_raw_type {
    uint64_t at;      /**< its place; unique */
    uint64_t size;    /**< bytes; as eg_type */
    uint64_t ref;     /**< place of what it refers to; 0: void */
    const char *name; /**< NULL: anonymous */
    uint32_t first, count;
    uint8_t kind;  /**< enum eg_type_kind; EG_T_VOID stands for @ref itself (const, volatile …) */
    uint8_t flags; /**< enum eg_type_flags */
    uint8_t tag;   /**< EG_T_STRUCT, EG_T_UNION, EG_T_ENUM: of these, and of what is declared */
    uint8_t known; /**< bits: 1 << enum eg_key */
    uint8_t open;  /**< the same, while a key is being made */
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
    size_t sorted;       /**< types below are in order of place; those behind came one by one */
    struct eg_map extra; /**< place to index, of those behind */
    /** Push the type at @place, which the unit itself has not; NULL: there is no more. @return
     * false: cannot. */
    bool (*load)(struct eg_raw_unit *u, uint64_t place);
    void *context; /**< of load */
};
void eg_raw_unit_clear(struct eg_raw_unit *u); /**< keeps the memory for the next */
void eg_raw_unit_fini(struct eg_raw_unit *u);
/** All keys of type @i. @return false: cannot. */
bool eg_raw_keys(struct eg_raw_unit *u, size_t i, uint64_t keys[EG_KEYS]);

enum { EG_MERGER_SHARDS = 64, EG_MERGER_SEEN = 1 << 12 };

struct eg_merger {
    struct eg_merger_shard {
        pthread_mutex_t lock;
        struct eg_map index; /**< exact key to number in all */
        EG_VEC(struct eg_merged) all;
        struct eg_arena arena;
    } shards[EG_MERGER_SHARDS];
};
/** What one thread has given already: saves the lock. Zeroed at first. */
struct eg_merger_seen {
    uint64_t keys[EG_MERGER_SEEN];
};

void eg_merger_init(struct eg_merger *m);
void eg_merger_fini(struct eg_merger *m);
/** Begin with a profile's types, which keep their ids and are not pushed again. @return false: out
 * of memory. */
bool eg_merger_seed(struct eg_merger *m, const struct eg_profile *base);
/** Add all of a unit's types, and those that they lead to. From any thread. @return false: out of
 * memory, or a load failed. */
bool eg_merger_add(struct eg_merger *m, struct eg_raw_unit *u, struct eg_merger_seen *seen);
/** Push what came together; the first has id @first_id. @return false: out of memory. */
bool eg_merger_push(struct eg_merger *m, uint32_t first_id, struct eg_builder *b);

#endif
