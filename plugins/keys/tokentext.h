/** tokentext.h - texts that let their bearer in, by what their service says of their form: tokens
 * with a prefix, and JSON Web Tokens. */
#ifndef KEYS_TOKENTEXT_H
#define KEYS_TOKENTEXT_H

#include "../../core/engram.h"

enum { EG_TOKEN_MAX = 8192, EG_TOKEN_WORD = 128 };
struct eg_token {
    const char *purpose; /**< "GitHub token", "JSON Web Token" */
    const char *proof;   /**< what was computed; NULL: the form only */
    size_t len;
    char algorithm[16];       /**< of a JSON Web Token its alg, else "" */
    char name[EG_TOKEN_WORD]; /**< of a JSON Web Token its subject, else "" */
    char claims[EG_TOKEN_WORD];
};
/** Does @p, of which @n bytes can be read, begin with a token that is whole? What stands before it
 * is the caller's business: eg_is_word() must be false for it. */
EG_API bool eg_token_read(const uint8_t *p, size_t n, struct eg_token *out);
/** Is it a character that tokens have? */
EG_API bool eg_is_word(uint8_t c);

/** An access key of AWS: @p has the id's 20 characters. */
EG_API bool eg_aws_id(const uint8_t *p, size_t n);
/** The secret of such a key is 40 characters of base64: the first place in @p that has exactly as
 * many, and as many different ones as chance gives; NULL: none. */
EG_API const uint8_t *eg_aws_secret(const uint8_t *p, size_t n);
enum { EG_AWS_ID = 20, EG_AWS_SECRET = 40 };

#endif
