/* banner - the kernel's own line about itself. */
#include "linux.h"

EG_SYMBOL(linux_banner, "char[512]");
EG_SYMBOL(init_uts_ns, "uts_namespace");
EG_FIELD_AS(uts_sysname, uts_namespace, "name.sysname");
EG_FIELD_AS(uts_release, uts_namespace, "name.release");
EG_FIELD_AS(uts_version, uts_namespace, "name.version");

#define COLUMNS(C)                                                                                 \
    C(Offset, ADDR, "where it is, in the kernel's own addresses")                                  \
    C(Banner, TEXT, "as /proc/version; of a kernel that does not name it, what uname says")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    struct eg_obj banner = eg_sym(r, linux_banner), uts = eg_sym(r, init_uts_ns);
    const char *text = eg_string(r, banner, 512), *name, *release, *version;

    if (text) {
        size_t len = __builtin_strlen(text);

        while (len && text[len - 1] == '\n')
            len--;
        eg_row(r, .Offset = eg_addr(banner), .Banner = eg_textn(text, len));
        return 0;
    }
    name = eg_string(r, eg_at(uts, uts_sysname), 65);
    release = eg_string(r, eg_at(uts, uts_release), 65);
    version = eg_string(r, eg_at(uts, uts_version), 65);
    if (!name || !release || !version)
        return eg_failed(r, "neither linux_banner nor init_uts_ns can be read");
    eg_row(r, .Offset = eg_addr(uts),
           .Banner = eg_text(eg_strf(r, "%s version %s %s", name, release, version)));
    return 0;
}

EG_PLUGIN(banner) = {
    .os = "linux",
    .help = "Print the banner of the kernel that was found",
    .aliases = EG_NAMES("banners.Banners", "banners"),
    .columns = columns,
    .run = run,
};
