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

/** Passwords are tried against the accounts' hashes, which costs time: a few seconds in all. Begin
 * with zeros. */
struct eg_trials {
    struct eg_account *accounts;
    size_t n;
    unsigned spent; /* milliseconds, roughly */
    bool begun;
};
/** Whose password is it? NULL: nobody's, or too much time was spent, or this build has no
 * crypt(3). */
const struct eg_account *eg_account_with(struct eg_vault *v, struct eg_trials *t,
                                         const char *password);

#endif
