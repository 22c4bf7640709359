/* banner - the kernel's own line about itself. */
#include "../../core/engram.h"
#include "../linux/sched/uts.h"
#include "../linux/state.h"
#include <string.h>

EG_SYMBOL(linux_banner, "char"); // its first one: the length differs from kernel to kernel

enum { BANNER_MAX = 512 };

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where it is, in the kernel's own addresses")                                  \
    C(BANNER, TEXT, "as /proc/version")
EG_COLUMNS(COLUMNS);

/* Of a kernel whose symbols name functions only: the text in its image that ends as the banner
 * does, in the version and a line's end. Copies in the log do not, nor does the banner of a build
 * without a date that 6.1 keeps beside it (init/version.c). */
static bool search(struct eg_run *r, const char *begin, const char *ending, uint64_t *found)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    const size_t n = strlen(begin), tail = strlen(ending);
    size_t len;

    for (uint64_t at = s->image_start; at < s->image_end && !eg_stopped(r);) {
        const char *p;

        len = s->image_end - at;
        p = (const char *)eg_map_some(eg_view_of(r), eg_kernel(r), at, &len);
        for (const char *hit = p; p && (hit = memmem(hit, len - (size_t)(hit - p), begin, n));
             hit++) {
            const size_t left = len - (size_t)(hit - p), end = strnlen(hit, left);

            if (end < left && end < BANNER_MAX && end >= tail &&
                memcmp(hit + end - tail, ending, tail) == 0) {
                *found = at + (size_t)(hit - p);
                return true;
            }
        }
        // What goes across the end of what is contiguous is met again.
        if (!p)
            at += EG_VIEW_PAGE - at % EG_VIEW_PAGE;
        else
            at += len > 2 * BANNER_MAX && at + len < s->image_end ? len - BANNER_MAX : len;
    }
    return false;
}

static int run(struct eg_run *r)
{
    struct eg_obj uts = eg_sym(r, init_uts_ns), banner = eg_sym(r, linux_banner);
    const char *release = eg_string(r, eg_at(uts, uts_release), 65), *text;
    const char *version = eg_string(r, eg_at(uts, uts_version), 65);
    const char *ending = version ? eg_strf(r, " %s\n", version) : "\n";
    uint64_t at = banner.addr;
    const char *found = eg_system_of(r)->chosen->release;
    size_t len;

    if (banner.why &&
        !search(r, eg_strf(r, "Linux version %s (", release ? release : found), ending, &at))
        return eg_failed(r, "no symbol linux_banner, and no such text in the kernel's image");
    text = eg_cstr(r, eg_kernel(r), at, BANNER_MAX);
    if (!text)
        return eg_failed(r, "linux_banner at %#llx cannot be read", (unsigned long long)at);
    len = strlen(text);
    while (len && text[len - 1] == '\n')
        len--;
    eg_row(r, .OFFSET = eg_uint(at), .BANNER = eg_textn(text, len));
    return 0;
}

EG_PLUGIN(banner) = {
    .os = "linux",
    .help = "Print the banner of the kernel that was found",
    .aliases = EG_NAMES("banners.Banners", "banners"),
    .columns = columns,
    .run = run,
};
