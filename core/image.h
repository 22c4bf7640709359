/** image.h - a file opened: its format, its physical memory, what the format's notes say of the
 * machine.
 *
 *  An eg_image owns its spaces and hints; eg_image_close gives back all. It holds no types and no
 * operating system. */
#ifndef EG_IMAGE_H
#define EG_IMAGE_H

#include "arch.h"
#include "vec.h"

struct eg_image {
    char *path;
    bool on_disk; /**< path is a file's: there may be others beside it */
    uint64_t file_size;
    char format[96];           /**< "ELF core on seekable zstd", outermost last */
    struct eg_space *files[8]; /**< bottom first: file, decompressor, … ; owned */
    size_t n_files;
    struct eg_space *phys; /**< owned */
    bool movable;          /**< where phys begins is not known, 0 is assumed: see eg_image_move() */
    EG_VEC(struct eg_cpu) cpus;
    char *vmcoreinfo;     /**< text of a VMCOREINFO note of the container; NULL */
    uint16_t elf_machine; /**< of the container's header; 0: it has none */
    bool virtual_only;    /**< no segment says its physical address (an old kcore): phys is empty */
    struct eg_space
        *kernel_va; /**< the container's own map of kernel addresses (kcore, -p dumps); NULL */
    EG_VEC(struct eg_space *) beside; /**< further files, see eg_image_beside(); owned */
    EG_VEC(char *) notes;             /**< e.g. "truncated: the last range misses 12 MiB" */
    struct eg_arena arena;            /**< lives as long as the image; used while opening only */
    struct eg_view *view;             /**< for formats to read by while opening; NULL afterwards */
};

struct eg_open_options {
    const char *format;  /**< force; NULL: probe */
    const char *tmp_dir; /**< --tmp, for what must be unpacked; NULL: $TMPDIR or /var/tmp */
    uint64_t offset;     /**< raw: the physical address of the first byte */
    unsigned threads;    /**< 0: all cores */
    bool quiet;          /**< no progress */
};

int eg_image_open(struct eg_image **out, const char *path, const struct eg_open_options *o,
                  struct eg_error *e);
/** The same of a space of bytes (tests, fuzzing); takes @file over in every case. */
int eg_image_open_space(struct eg_image **out, struct eg_space *file, const char *name,
                        const struct eg_open_options *o, struct eg_error *e);
void eg_image_close(struct eg_image *img);
void eg_image_note(struct eg_image *img, const char *format, ...) EG_PRINTF(2, 3);

/** For formats of several files: open @name in the image's own folder. The image owns the space.
 * @return -EG_ENOTFOUND when there is none, or the image is no file on disk. */
int eg_image_beside(struct eg_space **out, struct eg_image *img, const char *name,
                    struct eg_error *e);

/** Let a movable image's memory begin at physical @base from now on: while no system is open. The
 * spaces before stay valid. */
int eg_image_move(struct eg_image *img, uint64_t base, struct eg_error *e);

/* ---- formats: one file, one declaration ---- */

/** What a probe sees: the first bytes of a file, and its name where it is one on disk. */
struct eg_head {
    const uint8_t *at;
    size_t len;
    uint64_t size;    /**< of the file; 0: not known before it is unpacked */
    const char *path; /**< NULL: it is inside another file, or in memory */
};
struct eg_format {
    const char *desc;   /**< "LiME physical memory dump" */
    const char *suffix; /**< what users call such files: ".lime"; NULL */
    bool container;     /**< open gives bytes of another file (zstd), not physical memory */
    size_t head;        /**< bytes that probe wants, at most 64 KiB */
    /** 0..100; 1 is "nothing else fits" (raw). Equal best scores are an error. */
    int (*probe)(const struct eg_head *h);
    /** Open @file (borrowed: the image keeps it). @img takes hints and notes. */
    int (*open)(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                const struct eg_open_options *o, struct eg_error *e);
};
struct eg_format_reg {
    const char *name, *file;
    const struct eg_format *format;
};
#define EG_FORMAT(n)                                                                               \
    static const struct eg_format eg_format_##n;                                                   \
    static const struct eg_format_reg eg_freg_##n = { #n, __FILE__, &eg_format_##n };              \
    EG_ENTRY(eg_formats, eg_format_reg, fmt_##n) = &eg_freg_##n;                                   \
    static const struct eg_format eg_format_##n
const struct eg_format_reg *eg_format_nth(size_t i); /**< sorted by name; NULL past the end */

/** The format that scores best for @file, and its score; an error when two are equal. @name is for
 * messages; @on_disk: it is the path of just this file. */
int eg_format_probe(const struct eg_format_reg **out, int *score, struct eg_view *v,
                    struct eg_space *file, const char *name, bool on_disk, struct eg_error *e);

#endif
