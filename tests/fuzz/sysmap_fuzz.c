/* sysmap_fuzz.c - any bytes as a System.map. */
#include "../../profiles/sysmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_profile *p;

    if (eg_sysmap_read(&p, (const char *)data, size, "fuzz", NULL) == 0)
        eg_profile_free(p);
    return 0;
}
