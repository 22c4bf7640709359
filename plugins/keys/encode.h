/** encode.h - puts keys together as der.h takes them apart. */
#ifndef KEYS_ENCODE_H
#define KEYS_ENCODE_H

#include "der.h"

struct eg_key_buf {
    size_t n;
    bool full; /**< something had no room: it is not whole */
    uint8_t at[KEY_MAX];
};
EG_API void eg_key_put(struct eg_key_buf *b, const void *bytes, size_t n);
EG_API void eg_key_put_der(struct eg_key_buf *b, uint8_t tag, const void *bytes, size_t n);
EG_API void eg_key_put_ssh(struct eg_key_buf *b, const void *bytes, size_t n);

#endif
