/* ikconfig - the configuration that the kernel was built with, as /proc/config.gz has it
 * (kernel/configs.c). */
#include "../../core/base.h"
#include "../../core/space.h"
#include "../linux/state.h"
#include <string.h>
#include <zlib.h>

#define COLUMNS(C)                                                                                 \
    C(KEY, TEXT, "the option: CONFIG_KALLSYMS")                                                    \
    C(VALUE, TEXT, "y: built in, m: a module, n: is not set; or what it is set to")
EG_COLUMNS(COLUMNS);

enum { PACKED_MAX = 1 << 20, CONFIG_MAX = 4 << 20, MARK = 8, LINE_MAX_ = 4096 };
static const char begin[] = "IKCFG_ST", end[] = "IKCFG_ED";

/* The mark in the kernel's image, where no symbol tells it: followed by what gzip begins with. */
static uint64_t search(struct eg_run *r)
{
    const struct linux_state *s = linux_state(eg_system_of(r));
    struct eg_view *v = eg_view_of(r);
    uint8_t bytes[EG_VIEW_PAGE + MARK + 2];

    for (uint64_t at = s->image_start & ~(uint64_t)(EG_VIEW_PAGE - 1);
         at < s->image_end && !eg_stopped(r); at += EG_VIEW_PAGE) {
        const uint8_t *p = bytes, *last = bytes + EG_VIEW_PAGE;

        if (eg_read_some(v, eg_kernel(r), at, bytes, sizeof bytes, NULL) < MARK + 2)
            continue;
        for (; p < last && (p = memchr(p, 'I', (size_t)(last - p))); p++)
            if (!memcmp(p, begin, MARK) && p[MARK] == 0x1f && p[MARK + 1] == 0x8b)
                return at + (uint64_t)(p - bytes) + MARK;
    }
    return 0;
}

/* @return the text; NULL: it does not unpack, and the run has a note. */
static char *unpack(struct eg_run *r, uint64_t at, size_t *len)
{
    uint8_t *packed = eg_tmp(r, PACKED_MAX);
    char *text = eg_tmp(r, CONFIG_MAX + 1);
    enum eg_why why = EG_OK;
    z_stream z = { .next_in = packed, .next_out = (Bytef *)text, .avail_out = CONFIG_MAX };
    int rc;

    eg_read_some(eg_view_of(r), eg_kernel(r), at, packed, PACKED_MAX, &why);
    z.avail_in = PACKED_MAX;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) { // with gzip's header
        eg_note(r, "no memory to unpack the configuration");
        return NULL;
    }
    rc = inflate(&z, Z_FINISH);
    *len = CONFIG_MAX - z.avail_out;
    inflateEnd(&z);
    if (rc == Z_STREAM_END && (size_t)(PACKED_MAX - z.avail_in) + MARK <= PACKED_MAX &&
        memcmp(packed + (PACKED_MAX - z.avail_in), end, MARK) != 0)
        eg_note(r, "the mark behind the configuration is missing");
    if (rc != Z_STREAM_END)
        eg_note(r, "the configuration does not unpack to its end (%s): %zu bytes of it are shown",
                why ? eg_why_text(why) : "damaged", *len);
    return text;
}

/* "CONFIG_A=y", "CONFIG_B="text"", "# CONFIG_C is not set". */
static void line(struct eg_run *r, char *s)
{
    char *value = strchr(s, '='), *not ;

    if (!strncmp(s, "CONFIG_", 7) && value) {
        size_t n;

        *value++ = 0;
        n = strlen(value);
        if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
            value[n - 1] = 0;
            value++;
        }
        eg_row(r, .KEY = eg_text(s), .VALUE = eg_text(value));
    } else if (!strncmp(s, "# CONFIG_", 9) && (not = strstr(s, " is not set"))) {
        *not = 0;
        eg_row(r, .KEY = eg_text(s + 2), .VALUE = eg_text("n"));
    }
}

static int run(struct eg_run *r)
{
    uint64_t at = 0;
    size_t len = 0;
    char *text, *next;

    // In the kernel's image, or in the module "configs".
    if (!eg_lookup(r, "kernel_config_data", &at))
        at = search(r);
    if (at) {
        char mark[MARK + 1] = "";

        if (eg_read(eg_view_of(r), eg_kernel(r), at, mark, MARK) && !memcmp(mark, begin, MARK))
            at += MARK; // until 5.1 the symbol was that of the mark
    }
    if (!at) {
        eg_note(r, "this kernel does not have its configuration in memory: it was built without "
                   "CONFIG_IKCONFIG, or the module \"configs\" is not loaded; /boot/config-RELEASE "
                   "on its disk has it");
        return 0;
    }
    text = unpack(r, at, &len);
    if (!text)
        return 0;
    text[len] = 0;
    for (char *s = text; s < text + len && !eg_stopped(r); s = next) {
        char *nl = memchr(s, '\n', (size_t)(text + len - s));

        next = nl ? nl + 1 : text + len;
        if (nl)
            *nl = 0;
        if (next - s < LINE_MAX_ && strlen(s) + 1 >= (size_t)(next - s) - !nl)
            line(r, s);
    }
    return 0;
}

EG_PLUGIN(ikconfig) = {
    .os = "linux",
    .help = "List the options that the kernel was built with",
    .manual = "From the kernel's image or the module \"configs\", where the kernel was built with "
              "CONFIG_IKCONFIG. Many distributions build it without: a note says so, and nothing "
              "is guessed.",
    .aliases = EG_NAMES("linux.ikconfig.IKConfig"),
    .columns = columns,
    .run = run,
};
