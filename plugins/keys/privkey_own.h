/** privkey_own.h - between the files of privkey. */
#ifndef KEYS_PRIVKEY_OWN_H
#define KEYS_PRIVKEY_OWN_H

#include "privkey.h"

/** A key whose parts were taken apart: is it one, and what is it? */
bool eg_privkey_openssh(const struct eg_openssh *o, struct eg_privkey *out);
/** What a public key that stands beside a private one says. */
void eg_privkey_public(struct eg_key_bytes blob, struct eg_privkey *out);
/** The forms of forms.h. */
bool eg_privkey_form(enum eg_key_form form, struct eg_key_bytes bytes, struct eg_privkey *out);

#endif
