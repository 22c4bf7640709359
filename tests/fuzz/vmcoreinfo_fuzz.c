/* vmcoreinfo_fuzz.c - any bytes as a page with the kernel's note; every line by its key. */
#include "../../profiles/vmcoreinfo.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *key, *value;
    struct eg_vmcoreinfo v;
    size_t at = 0, klen, vlen;
    bool bare;

    if (!eg_vmcoreinfo_page(data, size, &bare, &v))
        return 0;
    while (eg_vmcoreinfo_next(&v, &at, &key, &klen, &value, &vlen)) {
        char name[64], text[64];
        uint64_t u;
        int64_t n;

        if (key + klen + 1 != value || value + vlen > (const char *)data + size)
            abort();
        if (klen >= sizeof name)
            continue;
        memcpy(name, key, klen);
        name[klen] = 0;
        eg_vmcoreinfo_text(&v, name, text, sizeof text);
        eg_vmcoreinfo_hex(&v, name, &u);
        eg_vmcoreinfo_number(&v, name, &n);
        eg_vmcoreinfo_symbol(&v, name, &u);
    }
    return 0;
}
