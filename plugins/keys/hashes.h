/** hashes.h - accounts and their password hashes, of the files that the page cache holds. */
#ifndef KEYS_HASHES_H
#define KEYS_HASHES_H

#include "crypthash.h"
#include "vault.h"

struct eg_account {
    const char *name, *path; /**< whose it is, and the file */
    const char *hash;        /**< alone, without marks of locked accounts */
    struct eg_crypt_hash form;
    bool locked; /**< a mark before the hash lets no password fit */
};
/** All of them, in the run's memory; those of the current files before those of saved ones. */
size_t eg_accounts(struct eg_vault *v, struct eg_account **out);

/** Which account's hash is this password's? Trials cost time: @budget, in milliseconds, becomes
 * less by each. NULL: none, or this build has no crypt(3). */
const struct eg_account *eg_account_with(const struct eg_account *a, size_t n, const char *password,
                                         unsigned *budget);

#endif
