/** smb.h - the keys of a session of SMB 3, which derive from one (MS-SMB2, 3.1.4.2). */
#ifndef KEYS_SMB_H
#define KEYS_SMB_H

#include "../../core/base.h"

enum { SMB_SESSION_KEY = 16, SMB_KEY_MAX = 32, SMB_PREAUTH = 64 };
enum eg_smb_use { SMB_SIGNING, SMB_TO_SERVER, SMB_TO_CLIENT };
/** Does @key derive from a session's, which has SMB_SESSION_KEY bytes? @preauth: the digest of what
 * was sent before there was one, SMB_PREAUTH bytes; NULL: not known. @len: at most SMB_KEY_MAX. */
bool eg_smb_derives(enum eg_smb_use use, const uint8_t *session, const uint8_t *preauth,
                    const uint8_t *key, size_t len);
/** By its number in the protocol; NULL: none. *@len: bytes of its key. */
const char *eg_smb_cipher(uint16_t cipher, size_t *len);

#endif
