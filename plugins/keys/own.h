/** own.h - between vault.c and keys.c. */
#ifndef KEYS_OWN_H
#define KEYS_OWN_H

#include "vault.h"

struct eg_vault_own *eg_vault_open(struct eg_run *r);
/** Each key, what is proven first. */
typedef void eg_vault_emit(struct eg_vault *v, const struct eg_vault_key *key);
void eg_vault_each(struct eg_vault *v, eg_vault_emit *emit);
/** Write the files below v->tree, the folder @folder. @return false: the run failed. */
bool eg_vault_export(struct eg_vault *v, const char *folder);

/** The source behind @s in the order of their names; NULL: the first one, or there is none. */
EG_API const struct eg_key_source_reg *eg_key_source_next(const struct eg_key_source_reg *s);

#endif
