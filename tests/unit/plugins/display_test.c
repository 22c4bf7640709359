/* display_test.c - frame buffers as pictures, the kernel's configuration, keyboards. */
#include "../../../core/base.h"
#include "../../../lua/library.h"
#include "check.h"
#include "config.h"
#include "mklinux.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { RAM = 1 << 20, WIDTH = 4, HEIGHT = 3 };

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/* ---- fbdev ---- */

static const char fb_types[] =
    "struct fb_bitfield { u32 offset, length, msb_right; };"
    "struct fb_var_screeninfo { u32 xres, yres, xres_virtual, yres_virtual, bits_per_pixel;"
    "  struct fb_bitfield red, green, blue; };"
    "struct fb_fix_screeninfo { char id[16]; unsigned long smem_start; u32 line_length; };"
    "struct fb_cmap { u32 len; u16 *red, *green, *blue; };"
    "struct fb_info { int node; struct fb_var_screeninfo var; struct fb_fix_screeninfo fix;"
    "  struct fb_cmap cmap; char *screen_base; unsigned long screen_size; u32 state; };"
    "struct list_of { struct fb_info *one; };";

#ifdef HAVE_PNG
static unsigned near_of(unsigned a, unsigned b, unsigned c) // of PNG's filter "Paeth"
{
    const int p = (int)a + (int)b - (int)c;
    const int pa = abs(p - (int)a), pb = abs(p - (int)b), pc = abs(p - (int)c);

    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* The pixels of a small picture: three bytes each. */
static void read_png(const char *path, uint8_t *rgb)
{
    static const uint8_t magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    uint8_t file[4096], packed[4096], raw[HEIGHT * (1 + 3 * WIDTH)];
    uLongf len = sizeof raw;
    FILE *f = fopen(path, "rb");
    size_t n, packed_len = 0;

    assert_non_null(f);
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    assert_memory_equal(file, magic, sizeof magic);
    for (size_t at = sizeof magic; at + 12 <= n;) {
        const uint32_t size = eg_be32(file + at);

        if (!memcmp(file + at + 4, "IHDR", 4)) {
            assert_int_equal(eg_be32(file + at + 8), WIDTH);
            assert_int_equal(eg_be32(file + at + 12), HEIGHT);
        }
        if (!memcmp(file + at + 4, "IDAT", 4)) {
            memcpy(packed + packed_len, file + at + 8, size);
            packed_len += size;
        }
        at += 12 + size;
    }
    assert_int_equal(uncompress(raw, &len, packed, packed_len), Z_OK);
    assert_int_equal(len, sizeof raw);
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned i = 0; i < 3 * WIDTH; i++) {
            const uint8_t *line = raw + y * (1 + 3 * WIDTH);
            uint8_t *out = rgb + y * 3 * WIDTH + i;
            const unsigned a = i >= 3 ? out[-3] : 0, b = y ? out[-3 * WIDTH] : 0;
            const unsigned c = y && i >= 3 ? out[-3 * WIDTH - 3] : 0;
            const unsigned add[] = { 0, a, b, (a + b) / 2, near_of(a, b, c) };

            assert_true(*line < 5);
            *out = (uint8_t)(line[1 + i] + add[*line]);
        }
}
#endif

static void fbdev(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        char folder[] = "/tmp/display_test.XXXXXX", path[64];
        struct mk *k = mk_new(m, RAM, fb_types);
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t fb = mk_object(k, "fb_info"), table = mk_alloc(k, 32 * ptr);
        const uint64_t pixels = mk_alloc(k, 256);

        mk_symbol(k, "registered_fb", table);
        mk_write_ptr(k, table + 2 * ptr, fb);
        mk_put(k, fb, "fb_info.node", 2);
        mk_puts(k, fb, "fb_info.fix.id", "a card");
        mk_put(k, fb, "fb_info.fix.line_length", 24); // 8 bytes more than the pixels of a line
        mk_put(k, fb, "fb_info.var.xres", WIDTH);
        mk_put(k, fb, "fb_info.var.yres", HEIGHT);
        mk_put(k, fb, "fb_info.var.bits_per_pixel", 32);
        mk_put(k, fb, "fb_info.var.red.offset", 16);
        mk_put(k, fb, "fb_info.var.red.length", 8);
        mk_put(k, fb, "fb_info.var.green.offset", 8);
        mk_put(k, fb, "fb_info.var.green.length", 8);
        mk_put(k, fb, "fb_info.var.blue.length", 8);
        mk_put(k, fb, "fb_info.screen_base", pixels);
        for (unsigned y = 0; y < HEIGHT; y++)
            for (unsigned x = 0; x < 6; x++)
                mk_write_u32(k, pixels + 24 * y + 4 * x,
                             x < WIDTH ? y << 16 | x << 8 | 0x80 : 0xffffffff);
        assert_string_equal(mk_columns(mk_rows(k, "fbdev", NULL), 1, 7),
                            "fbdev|fb2|a card|4|3|24|32");
        assert_string_equal(mk_columns(mk_rows(k, "fbdev", NULL), 10, 12), "3||");
#ifdef HAVE_PNG
        {
            uint8_t rgb[3 * WIDTH * HEIGHT];

            assert_non_null(mkdtemp(folder));
            mk_out_dir = folder;
            assert_string_equal(
                mk_columns(mk_rows(k, "fbdev", (const char *const[]){ "dump", NULL }), 11, 12),
                "fb2.png|");
            mk_out_dir = NULL;
            snprintf(path, sizeof path, "%s/fb2.png", folder);
            read_png(path, rgb);
            for (unsigned y = 0; y < HEIGHT; y++)
                for (unsigned x = 0; x < WIDTH; x++) {
                    assert_int_equal(rgb[3 * (y * WIDTH + x)], y);
                    assert_int_equal(rgb[3 * (y * WIDTH + x) + 1], x);
                    assert_int_equal(rgb[3 * (y * WIDTH + x) + 2], 0x80);
                }
            unlink(path);
            // Two places of the table lead to one.
            mk_write_ptr(k, table + 5 * ptr, fb);
            mk_out_dir = folder;
            assert_string_equal(
                mk_columns(mk_rows(k, "fbdev", (const char *const[]){ "dump", NULL }), 11, 11),
                "fb2.png\nfb2-5.png");
            mk_out_dir = NULL;
            mk_write_ptr(k, table + 5 * ptr, 0);
            unlink(path);
            snprintf(path, sizeof path, "%s/fb2-5.png", folder);
            unlink(path);
            rmdir(folder);
        }
#else
        (void)folder, (void)path;
#endif
        // Places that lead to one of the largest size: not each is read.
        mk_put(k, fb, "fb_info.var.xres", 16384);
        mk_put(k, fb, "fb_info.var.yres", 16384);
        mk_put(k, fb, "fb_info.fix.line_length", 4 * 16384);
        for (unsigned i = 0; i < 3; i++)
            mk_write_ptr(k, table + i * ptr, fb);
        assert_string_equal(
            mk_columns(mk_rows(k, "fbdev", NULL), 12, 12),
            "the pixels are in the graphics card, which an image of memory does not have\n"
            "the pixels are in the graphics card, which an image of memory does not have\n"
            "those before it have as many pixels as are read, 2 GiB");
        mk_write_ptr(k, table, 0);
        mk_write_ptr(k, table + ptr, 0);
        mk_put(k, fb, "fb_info.var.xres", WIDTH);
        mk_put(k, fb, "fb_info.var.yres", HEIGHT);
        mk_put(k, fb, "fb_info.fix.line_length", 24);
        // In the card; lines that overlap; a size that cannot be.
        mk_put(k, fb, "fb_info.screen_base", 0x1000);
        assert_string_equal(mk_columns(mk_rows(k, "fbdev", NULL), 10, 12),
                            "0||the pixels are in the graphics card, which an image of memory "
                            "does not have");
        mk_put(k, fb, "fb_info.screen_base", pixels);
        mk_put(k, fb, "fb_info.fix.line_length", 15);
        assert_non_null(strstr(mk_rows(k, "fbdev", NULL), "cannot be, or is not known here"));
        mk_put(k, fb, "fb_info.fix.line_length", 24);
        mk_put(k, fb, "fb_info.var.yres", 1 << 20);
        assert_non_null(strstr(mk_rows(k, "fbdev", NULL), "cannot be, or is not known here"));
        mk_free(k);
    }
}

/* ---- ikconfig ---- */

static void ikconfig(void **state)
{
    static const char config[] = "#\n# Automatically generated file\n#\nCONFIG_A=y\nCONFIG_B=m\n"
                                 "# CONFIG_C is not set\nCONFIG_D=\"a word\"\nCONFIG_E=0x10\n"
                                 "# CONFIG_ is mentioned\n";

    (void)state;
    mk_each_machine(m) for (int marked = 0; marked <= 1; marked++)
    {
        struct mk *k = mk_new(m, RAM, "struct nothing { int x; };");
        const uint64_t at = mk_alloc(k, 1024);
        uint8_t packed[512];
        z_stream z = { .next_in = (Bytef *)(uintptr_t)config,
                       .avail_in = sizeof config - 1,
                       .next_out = packed,
                       .avail_out = sizeof packed };

        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                         Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        deflateEnd(&z);
        mk_write(k, at, "IKCFG_ST", 8);
        mk_write(k, at + 8, packed, sizeof packed - z.avail_out);
        mk_write(k, at + 8 + sizeof packed - z.avail_out, "IKCFG_ED", 8);
        mk_symbol(k, "kernel_config_data", marked ? at : at + 8);
        assert_string_equal(mk_rows(k, "ikconfig", NULL),
                            "CONFIG_A|y\nCONFIG_B|m\nCONFIG_C|n\nCONFIG_D|a word\nCONFIG_E|0x10");
        assert_int_equal(mk_row_notes(NULL), 0);
        // Cut, and damaged.
        mk_write(k, at + 8 + sizeof packed - z.avail_out, "IKCFG_XX", 8);
        mk_rows(k, "ikconfig", NULL);
        assert_int_equal(mk_row_notes("the mark behind"), 1);
        mk_write(k, at + 20, "\xff\xff\xff\xff", 4);
        mk_rows(k, "ikconfig", NULL);
        assert_int_equal(mk_row_notes("does not unpack to its end"), 1);
        mk_free(k);
    }
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, "struct nothing { int x; };");
        const uint64_t page = mk_page_size(k);

        mk_symbol(k, "another", mk_alloc(k, 8));
        mk_user_map(k, m, mk_user_root(k, m), 64 * page, mk_alloc_aligned(k, page, page));
        assert_string_equal(mk_rows(k, "ikconfig", NULL), "");
        assert_int_equal(mk_row_notes("does not have its configuration in memory"), 1);
        mk_free(k);
    }
}

/* ---- keyboard ---- */

static const char key_types[] = MK_LIST_TYPES
    "struct notifier_block { void *notifier_call; struct notifier_block *next; int priority; };"
    "struct atomic_notifier_head { int lock; struct notifier_block *head; };"
    "struct kbd_struct { u8 ledflagstate, kbdmode; };"
    "struct input_dev { char *name; unsigned long key[12]; struct list_head node; };";

static void keyboard(void **state)
{
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_lua_add_own(&e), 0);
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, key_types);
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t list = mk_object(k, "atomic_notifier_head"), head = mk_alloc(k, 2 * ptr);
        const uint64_t one = mk_object(k, "notifier_block"), two = mk_object(k, "notifier_block");
        const uint64_t table = mk_alloc(k, 63 * 2), shown = mk_alloc(k, 4), fn = mk_alloc(k, 16);
        const uint64_t dev = mk_object(k, "input_dev");
        const uint8_t state_[] = { 2 | 4, 3 };
        uint64_t link = mk_at(k, dev, "input_dev.node");

        mk_symbol(k, "keyboard_notifier_list", list);
        mk_symbol(k, "kbd_table", table);
        mk_symbol(k, "fg_console", shown);
        mk_symbol(k, "input_dev_list", head);
        mk_symbol_sized(k, "a_listener", fn, 16);
        mk_write_u32(k, shown, 1);
        mk_write(k, table + 2, state_, 2);
        mk_put(k, list, "atomic_notifier_head.head", one);
        mk_put(k, one, "notifier_block.notifier_call", fn);
        mk_put(k, one, "notifier_block.priority", 7);
        mk_put(k, one, "notifier_block.next", two);
        mk_put(k, two, "notifier_block.notifier_call", 0x5000);
        mk_put(k, dev, "input_dev.name", text(k, "Keys"));
        mk_write_ptr(k, mk_at(k, dev, "input_dev.key"), 1 << 30 | 1 << 3);
        mk_list(k, head, &link, 1);
        assert_string_equal(mk_columns(mk_rows(k, "keyboard", NULL), 1, 7),
                            "notifier||a_listener|7|||\nnotifier||0x5000|0|||\n"
                            "console|tty2||||NUM,CAPS|UNICODE\ndevice|Keys|||3 30||");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_put(k, two, "notifier_block.next", one);
        mk_rows(k, "keyboard", NULL);
        assert_int_equal(mk_row_notes("does not end"), 1);
        mk_put(k, list, "atomic_notifier_head.head", 0);
        mk_write_ptr(k, mk_at(k, dev, "input_dev.key"), 0);
        assert_string_equal(mk_columns(mk_rows(k, "keyboard", NULL), 1, 5),
                            "console|tty2|||\ndevice|Keys|||");
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fbdev),
        cmocka_unit_test(ikconfig),
        cmocka_unit_test(keyboard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
