/** wallet.h - private keys as texts whose checksum says that they are: of Bitcoin (WIF, BIP 32,
 * BIP 39) and of age. */
#ifndef KEYS_WALLET_H
#define KEYS_WALLET_H

#include "../../core/engram.h"

/** By their form alone; all of these: the length, 0: none is here. What stands before @p must be
 * no letter or digit. */
EG_API size_t eg_wif_form(const uint8_t *p, size_t n);
EG_API size_t eg_xprv_form(const uint8_t *p, size_t n);
/** Also its checksum. */
EG_API size_t eg_age_form(const uint8_t *p, size_t n);

/** Is the checksum right, and has the key the form that its first byte tells? @what: "Bitcoin
 * private key, compressed". */
EG_API bool eg_base58_key(const uint8_t *p, size_t n, const char **what);

/** A word's number in the English list of BIP 39; -1: none. */
EG_API int eg_bip39_word(const uint8_t *p, size_t n);
/** The first 12, 15, 18, 21 or 24 words of the list in a row that @p has, with one blank between
 * and no other word of it beside them. @return their length, 0: none; @at: where they begin. */
EG_API size_t eg_bip39_form(const uint8_t *p, size_t n, size_t *at);
/** Do the last bits fit the SHA-256 of the others? */
EG_API bool eg_bip39_check(const uint8_t *p, size_t n);
enum { EG_BIP39_MAX = 24 * 9 };

#endif
