/** aes_decay.h - AES key schedules with wrong bits: of a memory that was without power for a while
 * (Halderman et al., "Lest We Remember", 2008).
 *
 *  A cell that loses its charge falls to its ground state, which is 0 or 1 for whole regions of a
 * memory. So a bit that is not in the ground state is what it was, nearly always. A schedule has
 * eleven times and more the bits of its key: the key is what explains them. */
#ifndef KEYS_AES_DECAY_H
#define KEYS_AES_DECAY_H

#include "aes.h"

enum { AES_FLIPS_MAX = 60 /**< beyond it nothing is found */, AES_DECAY_MAX = 70 };

struct eg_aes_decay {
    unsigned percent; /**< of the bits that are not in the ground state, so many flip, at most */
    int ground;       /**< the state to which bits fall: 0, 1; -1: it is not known */
    bool reverse;     /**< a few bits (one in a thousand) may have flipped away from it */
};

struct eg_aes_recovered {
    uint8_t key[AES_KEY_MAX];
    uint8_t ground;
    bool swapped;     /**< as struct eg_aes_schedule's */
    unsigned wrong;   /**< bits of the schedule that are not what the key says */
    unsigned reverse; /**< how many of these flipped away from the ground state */
    double chance;    /**< base-2 logarithm: how many of all keys of this length would explain the
                         bytes as well, if these were no schedule */
    double sure; /**< the probability that it is this key, and none of those that differ from it
                         in few bytes of the schedule */
};

/** How many steps eg_aes_recover() may do for one place: a second or two. */
enum { AES_WORK_MAX = 400000000 };

/** The key whose schedule (round by round, of eg_aes_size(@words) bytes) decayed to @bytes.
 * @work: how many steps may be done; what is left is written back.
 * @return false: none was found. */
EG_API bool eg_aes_recover(const uint8_t *bytes, unsigned words, const struct eg_aes_decay *decay,
                           uint64_t *work, struct eg_aes_recovered *out);

/** Call @each for each place at a multiple of 4 bytes where a schedule of @words words may have
 * decayed: a place that fits better than all others up to AES_DECAY_NEAR bytes around it, if
 * these are in @bytes. */
enum { AES_DECAY_NEAR = 64 };
typedef void eg_aes_each_decayed(void *context, size_t at, unsigned words);
EG_API void eg_aes_find_decayed(const uint8_t *bytes, size_t len, const struct eg_aes_decay *decay,
                                eg_aes_each_decayed *each, void *context);

#endif
