/* smb.c - keys of SMB 3: see smb.h. */
#include "smb.h"
#include "crypto.h"
#include <string.h>

/* What each key is derived for: of SMB 3.0 and 3.0.2, and of 3.1.1, whose other input is the digest
 * of what was sent before. The zero behind each text belongs to it. */
static const struct {
    const char *label, *context, *newer;
    uint8_t label_len, context_len, newer_len;
} uses[] = { { "SMB2AESCMAC", "SmbSign", "SMBSigningKey", 12, 8, 14 },
             { "SMB2AESCCM", "ServerIn ", "SMBC2SCipherKey", 11, 10, 16 },
             { "SMB2AESCCM", "ServerOut", "SMBS2CCipherKey", 11, 10, 16 } };

/* SP 800-108, counter mode with HMAC-SHA256, one block. */
bool eg_smb_derives(enum eg_smb_use use, const uint8_t *session, const uint8_t *preauth,
                    const uint8_t *key, size_t len)
{
    uint8_t in[4 + 16 + 1 + SMB_PREAUTH + 4], out[SMB_KEY_MAX];

    for (unsigned newer = 0; newer < (preauth ? 2 : 1); newer++) {
        const size_t label = newer ? uses[use].newer_len : uses[use].label_len;
        const size_t context = newer ? SMB_PREAUTH : uses[use].context_len;
        size_t n = 4;

        memset(in, 0, sizeof in);
        in[3] = 1;
        memcpy(in + n, newer ? uses[use].newer : uses[use].label, label);
        n += label + 1;
        memcpy(in + n, newer ? (const void *)preauth : uses[use].context, context);
        n += context;
        in[n + 2] = (uint8_t)(8 * len >> 8);
        in[n + 3] = (uint8_t)(8 * len);
        if (eg_crypto_hmac("sha256", session, SMB_SESSION_KEY, in, n + 4, out) &&
            !memcmp(out, key, len))
            return true;
    }
    return false;
}

const char *eg_smb_cipher(uint16_t cipher, size_t *len)
{
    static const char *const names[] = { NULL, "AES-128-CCM", "AES-128-GCM", "AES-256-CCM",
                                         "AES-256-GCM" };

    *len = cipher > 2 ? SMB_KEY_MAX : SMB_KEY_MAX / 2;
    return cipher < countof(names) ? names[cipher] : NULL;
}
