/* mkvmlinux.c - writes a file with DWARF for the kernel of an image: its own types, and variables.
 * Usage: mkvmlinux IMAGE OUTPUT [VARIABLE STRUCT]... */
#include "image.h"
#include "mksource.h"
#include "mktypes.h"
#include "registry.h"
#include "system.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct mk_variable more[64] = { 0 };
    struct eg_image *img;
    struct eg_system *sys;
    struct eg_error e;
    struct mk_bytes b;
    FILE *f;

    if (argc < 3 || argc > 2 * (int)countof(more))
        mk_fail("usage: mkvmlinux IMAGE OUTPUT [VARIABLE STRUCT]...");
    if (eg_registry_init(&e) ||
        eg_image_open(&img, argv[1], &(struct eg_open_options){ .quiet = true }, &e) ||
        eg_system_open(&sys, img, &(struct eg_find_options){ .quiet = true }, &e))
        mk_fail("%s", e.text);
    for (int i = 0; i < (argc - 3) / 2; i++) {
        const char *type = argv[4 + 2 * i];
        uint64_t iter = 0;

        more[i].name = argv[3 + 2 * i];
        more[i].type = eg_types_named(&sys->types, type, NULL, 1u << EG_T_STRUCT, &iter);
        if (!more[i].type)
            mk_fail("%s: no such struct", type);
    }
    b = mk_dwarf(sys->types.layers[0].profile, more);
    f = fopen(argv[2], "wb");
    if (!f || fwrite(b.at, 1, b.n, f) != b.n || fclose(f))
        mk_fail("%s: cannot be written", argv[2]);
    free(b.at);
    eg_system_close(sys);
    eg_image_close(img);
    return 0;
}
