/* pages.c - what of a memory is in many files? pages RAW < NAMES
 *
 * For each name that it reads (a file, or FORMAT=FILE as for --format) it prints a line: a
 * character for each page of RAW that is not zeros ('=' the same, 'z' zeros, 'x' something else,
 * '?' unreadable, '-' a hole), a tab, the number of pages that RAW lacks, and after a tab each the
 * notes. For a file that is refused: "!" and the error. */
#include "../../core/image.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE = 4096, SECONDS = 20 };

static const uint8_t zeros[PAGE];

static void compare(struct eg_image *img, struct eg_view *v, struct eg_space *raw,
                    struct eg_view *w)
{
    static uint8_t a[PAGE], b[PAGE];
    uint64_t extra = 0;
    struct eg_extent x;

    for (uint64_t at = 0; at < eg_space_size(raw); at += PAGE) {
        bool present;

        if (eg_next_mapped(w, raw, at, UINT64_MAX, &x) && x.start > at)
            at = x.start & ~(uint64_t)(PAGE - 1);
        if (!eg_read(w, raw, at, a, PAGE) || !memcmp(a, zeros, PAGE))
            continue;
        present = eg_read(v, img->phys, at, b, PAGE);
        putchar(!present                  ? (v->why == EG_UNREADABLE ? '?' : '-')
                : !memcmp(a, b, PAGE)     ? '='
                : !memcmp(b, zeros, PAGE) ? 'z'
                                          : 'x');
    }
    for (uint64_t from = 0, pages = 0;
         pages < 4096 && eg_next_mapped(v, img->phys, from, UINT64_MAX, &x); from = x.last + 1) {
        const uint64_t start = EG_MAX(from, x.start) & ~(uint64_t)(PAGE - 1);

        for (uint64_t at = start; at <= x.last && pages < 4096; at += PAGE, pages++) {
            const bool known = eg_read(w, raw, at, a, PAGE) && memcmp(a, zeros, PAGE) != 0;

            extra += !known && eg_read(v, img->phys, at, b, PAGE) && memcmp(b, zeros, PAGE) != 0;
        }
        if (x.last >= img->phys->last)
            break;
    }
    printf("\t%" PRIu64, extra);
    for (size_t i = 0; i < img->notes.n; i++)
        printf("\t%s", img->notes.at[i]);
    putchar('\n');
}

int main(int argc, char **argv)
{
    const struct eg_open_options as_raw = { .quiet = true, .format = "raw", .threads = 1 };
    struct eg_view *v = malloc(sizeof *v), *w = malloc(sizeof *w);
    char line[4096];
    struct eg_image *raw;

    if (argc != 2 || !v || !w || eg_image_open(&raw, argv[1], &as_raw, NULL))
        return 2;
    eg_view_init(w, NULL);
    while (fgets(line, sizeof line, stdin)) {
        struct eg_open_options o = { .quiet = true, .threads = 1 };
        char *path = line, *equals = strchr(line, '=');
        struct eg_image *img;
        struct eg_error e;

        alarm(SECONDS); // a file that takes longer ends the program
        line[strcspn(line, "\n")] = 0;
        if (equals) {
            *equals = 0;
            o.format = line;
            path = equals + 1;
        }
        if (eg_image_open(&img, path, &o, &e)) {
            printf("!%s\n", e.text);
        } else {
            eg_view_init(v, NULL);
            compare(img, v, raw->phys, w);
            eg_view_fini(v);
            eg_image_close(img);
        }
        fflush(stdout);
    }
    eg_view_fini(w);
    eg_image_close(raw);
    free(v);
    free(w);
    return 0;
}
