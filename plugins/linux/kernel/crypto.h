/** kernel/crypto.h - algorithms of the crypto API (include/linux/crypto.h). */
#ifndef EG_LINUX_CRYPTO_H
#define EG_LINUX_CRYPTO_H

#include "../../../core/engram.h"

EG_FIELDS(crypto_alg, cra_alignmask, cra_ctxsize, cra_driver_name, cra_flags, cra_list, cra_name,
          cra_priority, cra_type);

#endif
