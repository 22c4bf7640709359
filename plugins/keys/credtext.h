/** credtext.h - passwords and tokens in the files that programs keep them in: which files, and
 * their lines. */
#ifndef KEYS_CREDTEXT_H
#define KEYS_CREDTEXT_H

#include "../../core/engram.h"

struct eg_cred_format;
/** Can a file of this name, without its folder, be one? */
EG_API bool eg_cred_may(const char *name);
/** Which one it is by its path; NULL: none. */
EG_API const struct eg_cred_format *eg_cred_format(const char *path);
/** "git", ".pgpass": what it is of. */
EG_API const char *eg_cred_program(const struct eg_cred_format *f);

enum { EG_CRED_MAX = 512 };
struct eg_cred {
    bool password;          /**< else a token */
    const char *word;       /**< what the file calls it: "password", "token" */
    char name[EG_CRED_MAX]; /**< the account, the machine, the section: what tells whose it is */
    char secret[EG_CRED_MAX];
};
/** Call @use for each of them in the file's @n bytes. */
EG_API void eg_cred_each(const struct eg_cred_format *f, const char *text, size_t n,
                         void (*use)(void *context, const struct eg_cred *c), void *context);

#endif
