/** privkey.h - is it a private key? libcrypto reads what der.h finds, and computes what the parts
 * of a key say of each other. */
#ifndef KEYS_PRIVKEY_H
#define KEYS_PRIVKEY_H

#include "forms.h"

struct eg_privkey {
    char form[24];      /**< "PEM PKCS#8", "DER SEC1", "OpenSSH", "PuTTY 3", "PGP" */
    char algorithm[32]; /**< "RSA-2048", "EC P-256"; "": encrypted, and not said outside */
    bool encrypted;
    const char *proof; /**< what was computed; NULL: nothing could be */
    char public[64];   /**< as `ssh-keygen -l` prints it; "": SSH has no such keys, or encrypted */
    char comment[256]; /**< OpenSSH's, cut */
    size_t der_len;    /**< 0: encrypted */
    uint8_t der[KEY_MAX];  /**< as PKCS#8, whatever the form: what tells which keys are the same */
    char pem[2 * KEY_MAX]; /**< PKCS#8; of what is encrypted, as it was found; "": too long */
    uint64_t work;         /**< what it took to judge, about in microseconds; also if it is none */
};
/** What is spent on hits of one search: an image can be full of what looks like keys. */
#define EG_PRIVKEY_WORK_MAX UINT64_C(60000000)
/** @p has the @len bytes that eg_key_size() measured. @return false: it is none, or its parts do
 * not belong together. A build without libcrypto finds none. */
EG_API bool eg_privkey_read(enum eg_key_form form, const uint8_t *p, size_t len,
                            struct eg_privkey *out);
/** The fingerprint of a public key, as SSH sends it, in the form of `ssh-keygen -l`; "": no
 * libcrypto. */
enum { EG_FINGERPRINT_MAX = 64 };
EG_API void eg_ssh_fingerprint(struct eg_key_bytes public, char out[EG_FINGERPRINT_MAX]);

#endif
