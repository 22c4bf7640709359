/** numbers.h - private keys that programs have only as numbers. */
#ifndef KEYS_NUMBERS_H
#define KEYS_NUMBERS_H

#include "private.h"

/** @place: its process, address and proof. */
typedef void eg_private_each(void *context, const struct eg_privkey *key,
                             const struct eg_vault_key *place);
/** Call @each for those of each process that --pid chooses; one that several have, several times.
 * Leaves notes of what was not looked at. */
void eg_private_numbers(struct eg_run *r, eg_private_each *each, void *context);

#endif
