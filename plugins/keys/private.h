/** private.h - a private key as a row of `keys`, and as the file of --export. */
#ifndef KEYS_PRIVATE_H
#define KEYS_PRIVATE_H

#include "privkey.h"
#include "vault.h"

/** Add a key, in whatever form it was found, unless a source has added it. @place: what else is
 * known of it: where it is, who has it; its kind and secret are not asked. */
void eg_vault_private(struct eg_vault *v, const struct eg_privkey *key,
                      const struct eg_vault_key *place);

/** Look for keys as files have them: a hit's tag is its form, plus @id. */
void eg_private_search(const struct eg_window *w, struct eg_hits *out, uint32_t id);

#endif
