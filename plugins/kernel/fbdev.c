/* fbdev - frame buffers of the console and of graphics cards, as pictures (include/linux/fb.h,
 * include/drm/drm_framebuffer.h). */
#include "../../core/base.h"
#include "../linux/fs/file.h"
#include "../linux/mm/filemap.h"
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_PNG
#include <png.h>
#endif

EG_FIELDS(fb_info, node, screen_base);
EG_FIELD_AS(fb_id, fb_info, "fix.id");
EG_FIELD_AS(fb_start, fb_info, "fix.smem_start");
EG_FIELD_AS(fb_stride, fb_info, "fix.line_length");
EG_FIELD_AS(fb_xres, fb_info, "var.xres");
EG_FIELD_AS(fb_yres, fb_info, "var.yres");
EG_FIELD_AS(fb_bits, fb_info, "var.bits_per_pixel");
EG_FIELD_AS(fb_red_at, fb_info, "var.red.offset");
EG_FIELD_AS(fb_red, fb_info, "var.red.length");
EG_FIELD_AS(fb_green_at, fb_info, "var.green.offset");
EG_FIELD_AS(fb_green, fb_info, "var.green.length");
EG_FIELD_AS(fb_blue_at, fb_info, "var.blue.offset");
EG_FIELD_AS(fb_blue, fb_info, "var.blue.length");
EG_FIELD_AS(cmap_len, fb_info, "cmap.len");
EG_FIELD_AS(cmap_red, fb_info, "cmap.red");
EG_FIELD_AS(cmap_green, fb_info, "cmap.green");
EG_FIELD_AS(cmap_blue, fb_info, "cmap.blue");
EG_SYMBOL(registered_fb, "fb_info *[32]"); // FB_MAX
EG_FIELDS_OF("drm", drm_minor, dev);
EG_FIELD_AS_OF("drm", drm_fb_list, drm_device, "mode_config.fb_list");
EG_FIELDS_OF("drm", drm_framebuffer, head, width, height, pitches, offsets, obj, format);
EG_FIELD_AS_OF("drm", drm_format, drm_format_info, "format");
EG_FIELDS_OF("drm", drm_gem_object, filp);
EG_FIELD_AS_OF("drm", drm_driver_name, drm_device, "driver");
EG_FIELD_AS_OF("drm", drm_name, drm_driver, "name");
EG_SYMBOL(drm_minors_idr, "idr");   // until 6.11
EG_SYMBOL(drm_minors_xa, "xarray"); // since

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct fb_info or drm_framebuffer is", EG_MINOR)                    \
    C(TYPE, TEXT, "fbdev: the console's; drm: of a graphics card")                                 \
    C(NAME, TEXT, "fb0; of drm the card's driver")                                                 \
    C(DRIVER, TEXT, "as the driver names it")                                                      \
    C(WIDTH, INT, "pixels of a line")                                                              \
    C(HEIGHT, INT, "lines")                                                                        \
    C(STRIDE, INT, "bytes from a line to the next")                                                \
    C(PIXEL_BITS, INT, "bits of a pixel")                                                          \
    C(ADDRESS, ADDR, "where the pixels are; of drm in a file of shared memory", EG_MINOR)          \
    C(PHYSICAL, ADDR, "where the card has them", EG_MINOR)                                         \
    C(PRESENT_LINES, INT, "lines that can be read")                                                \
    C(FILE, TEXT, "the picture that was written", EG_ASKED)                                        \
    C(REASON, TEXT, "why there is no picture")
EG_COLUMNS(COLUMNS);

enum { SIDE_MAX = 16384, BUFFERS_MAX = 256, MINORS_MAX = 1024, DRM_XA_MAX = 64 };
static const uint64_t pixels_max = UINT64_C(2) << 30; // bytes of all pictures: some tens are usual

static const char too_many[] = "those before it have as many pixels as are read, 2 GiB";

/** Pixels somewhere. */
struct picture {
    struct eg_run *r;
    struct eg_space *space;
    uint64_t at;
    uint32_t width, height, stride, bits;
    struct {
        uint32_t at, bits;
    } part[3];             /**< red, green, blue */
    uint16_t palette[256]; /**< of 8 bits: the three, 5 bits each */
    bool has_palette;
};

static bool fits(const struct picture *p)
{
    return p->width && p->height && p->width <= SIDE_MAX && p->height <= SIDE_MAX &&
           (p->bits == 8 || p->bits == 16 || p->bits == 24 || p->bits == 32) &&
           p->stride >= (uint64_t)p->width * p->bits / 8 && p->stride <= 8 * SIDE_MAX;
}

/* Of the bytes that pictures may have together, those of this one. @return false: too many. */
static bool is_affordable(const struct picture *p, uint64_t *left)
{
    const uint64_t size = (uint64_t)p->height * p->width * 4;

    if (size > *left)
        return false;
    *left -= size;
    return true;
}

/* How many lines can be read whole. */
static uint32_t present(const struct picture *p, uint8_t *line)
{
    const size_t len = (size_t)p->width * p->bits / 8;
    uint32_t n = 0;

    for (uint32_t y = 0; y < p->height && !eg_stopped(p->r); y++)
        n += eg_read(eg_view_of(p->r), p->space, p->at + (uint64_t)y * p->stride, line, len);
    return n;
}

#ifdef HAVE_PNG
static uint8_t scaled(uint32_t pixel, uint32_t at, uint32_t bits)
{
    uint32_t v;

    if (!bits || bits > 16 || at > 31)
        return 0;
    v = pixel >> at & ((1u << bits) - 1);
    return (uint8_t)(v * 255 / ((1u << bits) - 1));
}

static void convert(const struct picture *p, const uint8_t *line, uint8_t *rgb)
{
    const unsigned bytes = p->bits / 8;
    const bool big = eg_binding_of(p->r)->model.big_endian;

    for (uint32_t x = 0; x < p->width; x++, line += bytes, rgb += 3) {
        uint32_t pixel = 0;

        for (unsigned i = 0; i < bytes; i++)
            pixel |= (uint32_t)line[big ? bytes - 1 - i : i] << 8 * i;
        if (p->bits == 8 && p->has_palette) {
            for (unsigned i = 0; i < 3; i++)
                rgb[i] = scaled(p->palette[pixel], 10 - 5 * i, 5);
        } else if (p->bits == 8) {
            rgb[0] = rgb[1] = rgb[2] = (uint8_t)pixel;
        } else {
            for (unsigned i = 0; i < 3; i++)
                rgb[i] = scaled(pixel, p->part[i].at, p->part[i].bits);
        }
    }
}

static void complain(png_structp png, png_const_charp text)
{
    (void)text;
    longjmp(png_jmpbuf(png), 1);
}

/* Nothing that may leave the run is called before the library has given back what it has. */
static bool write_png(const struct picture *p, FILE *f, uint8_t *line, uint8_t *rgb)
{
    const size_t len = (size_t)p->width * p->bits / 8;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, complain, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    struct eg_view *v = eg_view_of(p->r);

    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, f);
    png_set_compression_level(png, 3);
    png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < p->height; y++) {
        eg_read_some(v, p->space, p->at + (uint64_t)y * p->stride, line, len, NULL);
        convert(p, line, rgb);
        png_write_row(png, rgb);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}
#endif

/* @return the name of the file; NULL: none was asked for, or it cannot be, and *why says so. */
static const char *save(const struct picture *p, const char *name, uint32_t lines, uint8_t *line,
                        const char **why)
{
    if (!eg_arg_flag(p->r, "dump"))
        return NULL;
    if (!lines)
        return NULL;
#ifdef HAVE_PNG
    {
        uint8_t *rgb = eg_tmp(p->r, 3 * (size_t)p->width);
        const char *file = eg_strf(p->r, "%s.png", name);
        FILE *f = eg_output(p->r, file);

        if (!f)
            return NULL;
        if (!write_png(p, f, line, rgb))
            *why = "libpng could not write it";
        if (!eg_output_done(p->r, f))
            return NULL;
        return file;
    }
#else
    (void)name, (void)line;
    *why = "this program was built without libpng";
    return NULL;
#endif
}

/* ---- fbdev ---- */

static void palette(struct picture *p, struct eg_obj fb)
{
    const struct eg_obj parts[] = { eg_at(fb, cmap_red), eg_at(fb, cmap_green),
                                    eg_at(fb, cmap_blue) };
    uint32_t n = eg_get_or(0u, fb, cmap_len);

    for (uint32_t i = 0; i < EG_MIN(n, 256u); i++)
        for (unsigned k = 0; k < 3; k++) {
            uint16_t v;

            if (!eg_load(&v, eg_index(parts[k], i)))
                return;
            p->palette[i] = (uint16_t)(p->palette[i] | (v >> 11) << (10 - 5 * k));
            p->has_palette = true;
        }
}

/* @slot: its place in the table, which is its number, too, unless something is damaged. */
static void console(struct eg_run *r, struct eg_obj fb, uint64_t slot, uint64_t *left)
{
    struct picture p = { .r = r, .space = eg_kernel(r) };
    const char *why = NULL, *file = NULL;
    struct eg_cell lines = { 0 };
    uint32_t node = 0, n;

    eg_get(&node, fb, fb_info.node);
    if (!eg_get(&p.at, fb, fb_info.screen_base) || !eg_get(&p.width, fb, fb_xres) ||
        !eg_get(&p.height, fb, fb_yres) || !eg_get(&p.stride, fb, fb_stride) ||
        !eg_get(&p.bits, fb, fb_bits))
        why = "its struct cannot be read";
    p.part[0].at = eg_get_or(16u, fb, fb_red_at);
    p.part[0].bits = eg_get_or(8u, fb, fb_red);
    p.part[1].at = eg_get_or(8u, fb, fb_green_at);
    p.part[1].bits = eg_get_or(8u, fb, fb_green);
    p.part[2].at = eg_get_or(0u, fb, fb_blue_at);
    p.part[2].bits = eg_get_or(8u, fb, fb_blue);
    if (!why && !fits(&p))
        why = "its size or the form of its pixels cannot be, or is not known here";
    if (!why && !p.at)
        why = "it has no address in the kernel";
    if (!why && !is_affordable(&p, left))
        why = too_many;
    if (!why) {
        uint8_t *line = eg_tmp(r, (size_t)p.width * 4);

        palette(&p, fb);
        n = present(&p, line);
        lines = eg_uint(n);
        if (!n)
            why = "the pixels are in the graphics card, which an image of memory does not have";
        file = save(&p,
                    node == slot ? eg_strf(r, "fb%" PRIu32, node)
                                 : eg_strf(r, "fb%" PRIu32 "-%" PRIu64, node, slot),
                    n, line, &why);
    }
    eg_row(r, .OFFSET = eg_addr(fb), .TYPE = eg_text("fbdev"),
           .NAME = eg_text(eg_strf(r, "fb%" PRIu32, node)), .DRIVER = eg_val(fb, fb_id),
           .WIDTH = eg_val(fb, fb_xres), .HEIGHT = eg_val(fb, fb_yres),
           .STRIDE = eg_val(fb, fb_stride), .PIXEL_BITS = eg_val(fb, fb_bits),
           .ADDRESS = eg_val(fb, fb_info.screen_base), .PHYSICAL = eg_val(fb, fb_start),
           .PRESENT_LINES = lines, .FILE = eg_text(file), .REASON = eg_text(why));
}

/* ---- DRM: each frame buffer that a program or the console made ---- */

/* Four letters (include/uapi/drm/drm_fourcc.h), and where the parts of a pixel are. */
static const struct {
    char code[5];
    uint8_t bits, at[3], len[3];
} formats[] = {
    { "XR24", 32, { 16, 8, 0 }, { 8, 8, 8 } },  { "AR24", 32, { 16, 8, 0 }, { 8, 8, 8 } },
    { "XB24", 32, { 0, 8, 16 }, { 8, 8, 8 } },  { "AB24", 32, { 0, 8, 16 }, { 8, 8, 8 } },
    { "RG16", 16, { 11, 5, 0 }, { 5, 6, 5 } },  { "RG24", 24, { 16, 8, 0 }, { 8, 8, 8 } },
    { "BG24", 24, { 0, 8, 16 }, { 8, 8, 8 } },  { "XR30", 32, { 20, 10, 0 }, { 10, 10, 10 } },
    { "BX24", 32, { 8, 16, 24 }, { 8, 8, 8 } }, { "XR15", 16, { 10, 5, 0 }, { 5, 5, 5 } },
};

static void card_buffer(struct eg_run *r, struct eg_obj fb, const char *driver, uint64_t *left)
{
    struct picture p = { .r = r };
    struct eg_obj object = eg_deref(eg_index(eg_at(fb, drm_framebuffer.obj), 0)), file;
    struct eg_cell lines = { 0 };
    const char *why = NULL, *name = NULL;
    uint32_t code = 0, offset = 0, n;
    uint64_t filp = 0;

    if (!eg_get(&p.width, fb, drm_framebuffer.width) ||
        !eg_get(&p.height, fb, drm_framebuffer.height) ||
        !eg_load(&p.stride, eg_index(eg_at(fb, drm_framebuffer.pitches), 0)) ||
        !eg_load(&offset, eg_index(eg_at(fb, drm_framebuffer.offsets), 0)) ||
        !eg_get(&code, fb, drm_framebuffer.format, drm_format))
        why = "its struct cannot be read";
    for (size_t i = 0; i < countof(formats); i++)
        if (eg_le32(formats[i].code) == code) {
            p.bits = formats[i].bits;
            for (unsigned k = 0; k < 3; k++) {
                p.part[k].at = formats[i].at[k];
                p.part[k].bits = formats[i].len[k];
            }
        }
    p.at = offset;
    if (!why && !fits(&p))
        why = "its size or the form of its pixels cannot be, or is not known here";
    if (!why && (!eg_get(&filp, object, drm_gem_object.filp) || !filp))
        why = "the pixels are in the graphics card, which an image of memory does not have";
    if (!why && !is_affordable(&p, left))
        why = too_many;
    if (!why) {
        uint8_t *line = eg_tmp(r, (size_t)p.width * 4);

        file = linux_file_data(r, eg_deref(eg_at(object, drm_gem_object.filp)));
        p.space = linux_file_space(r, file);
        n = p.space ? present(&p, line) : 0;
        lines = eg_uint(n);
        if (!n)
            why = "none of its pages is in memory";
        else
            name = save(&p, eg_strf(r, "drm-%" PRIx64, fb.addr), n, line, &why);
    }
    eg_row(r, .OFFSET = eg_addr(fb), .TYPE = eg_text("drm"), .NAME = eg_text(driver),
           .DRIVER = eg_text(driver), .WIDTH = eg_val(fb, drm_framebuffer.width),
           .HEIGHT = eg_val(fb, drm_framebuffer.height),
           .STRIDE = eg_cell_of(eg_index(eg_at(fb, drm_framebuffer.pitches), 0)),
           .PIXEL_BITS = p.bits ? eg_uint(p.bits) : (struct eg_cell){ 0 }, .PRESENT_LINES = lines,
           .FILE = eg_text(name), .REASON = eg_text(why));
}

static void card(struct eg_run *r, struct eg_obj dev, uint64_t *left)
{
    const char *driver = eg_string(r, eg_at(dev, drm_driver_name, drm_name), 64);
    struct eg_obj fb;
    unsigned n = 0;

    eg_each_list(fb, eg_at(dev, drm_fb_list), drm_framebuffer.head) {
        if (n++ == BUFFERS_MAX) {
            eg_note(r, "only the first %d frame buffers of %s are shown", BUFFERS_MAX,
                    driver ? driver : "?");
            return;
        }
        card_buffer(r, fb, driver ? driver : "?", left);
    }
}

static void cards(struct eg_run *r, uint64_t *left)
{
    struct eg_obj minors = eg_sym(r, drm_minors_idr), dev;
    uint64_t seen[DRM_XA_MAX];
    struct eg_entry e;
    unsigned n = 0, k, steps = 0;

    if (minors.why)
        minors = eg_sym(r, drm_minors_xa);
    if (minors.why || !eg_has(r, drm_minor.dev))
        return; // no card
    eg_each_xa(e, minors) {
        dev = eg_deref(eg_at(eg_object(r, drm_minor, e.value), drm_minor.dev));
        if (dev.why || steps++ > MINORS_MAX)
            continue;
        for (k = 0; k < n && seen[k] != dev.addr; k++)
            ;
        if (k < n || n == DRM_XA_MAX)
            continue;
        seen[n++] = dev.addr;
        card(r, dev, left);
    }
}

static int run(struct eg_run *r)
{
    struct eg_obj table = eg_sym(r, registered_fb);
    uint64_t left = pixels_max;

    if (table.why)
        eg_note(r, "registered_fb is not known: frame buffers of the console are missing");
    for (uint64_t i = 0; !table.why && i < eg_count(table); i++) {
        struct eg_obj fb = eg_deref(eg_index(table, i));

        if (!fb.why)
            console(r, fb, i, &left);
    }
    cards(r, &left);
    return 0;
}

EG_PLUGIN(fbdev) = {
    .os = "linux",
    .help = "List frame buffers, and with --dump write what was on the screen as PNG",
    .manual =
        "The console's, and those that programs made for a graphics card through DRM. A line of "
        "pixels begins STRIDE bytes behind the one before. Lines that cannot be read are black; "
        "PRESENT_LINES counts the others. Memory of a graphics card itself is not in an image of "
        "memory, and REASON says so; what a driver keeps beside it is.",
    .aliases = EG_NAMES("linux.graphics.fbdev.Fbdev"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(dump, FLAG, "write each as a picture into the folder of -o")),
    .run = run,
};
