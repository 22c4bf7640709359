/** image.h - an open image file: its format, its physical memory, and what it says of the machine.
 *
 *  An eg_image owns its spaces and hints; eg_image_close frees all. It has no types and no
 * operating system. */
#ifndef EG_IMAGE_H
#define EG_IMAGE_H

#include "cpu.h"
#include "space.h"
#include "vec.h"

struct eg_image;
/** A machine that runs while its memory is read, and can be told to stand still. */
struct eg_control {
    int (*pause)(struct eg_control *c, struct eg_error *e);
    int (*resume)(struct eg_control *c, uint64_t *ns, struct eg_error *e); /**< *@ns: it stood */
    /** Is it still there, and the same boot? @return false with *@why, a text that stays. */
    bool (*alive)(struct eg_control *c, const char **why);
};

struct eg_image {
    char *path;        /**< as the user gave it, for messages */
    bool on_disk;      /**< path is that of a file, which may have others beside it */
    bool live;         /**< the machine runs on: what is read may be other bytes soon */
    uint64_t unpacked; /**< bytes that were unpacked to a temporary file to open it */
    uint64_t file_size;
    char format[96];           /**< "ELF core on seekable zstd", outermost last */
    struct eg_space *files[8]; /**< from the bottom: file, decompressor, …; owned */
    size_t n_files;
    struct eg_space *phys; /**< owned */

    /* What a format sets in .open, if the file says it. */
    bool movable; /**< the address of the first byte is not known and 0 is assumed: see
                       eg_image_move() */
    EG_VEC(struct eg_cpu) cpus;
    char *vmcoreinfo;     /**< text of the file's VMCOREINFO note, in @arena; NULL: none */
    uint16_t elf_machine; /**< EM_… of the file's header; 0: none */
    bool virtual_only;    /**< no segment has a physical address (an old kcore): phys is empty */
    struct eg_space *kernel_va; /**< the file's own map of kernel addresses (kcore, -p dumps), owned
                                     by the image; NULL: none */

    EG_VEC(struct eg_space *) beside; /**< further files: eg_image_beside(); owned, closed last */
    EG_VEC(char *) notes;       /**< eg_image_note(): "truncated: the last range misses 12 MiB" */
    struct eg_arena arena;      /**< lives as long as the image; allocated from only while
                                           opening */
    struct eg_view *view;       /**< for reads of formats while opening; NULL afterwards */
    struct eg_control *control; /**< of a live machine; NULL: it cannot be stopped. The source's */
};

struct eg_open_options {
    const char *format;  /**< the only format to try; NULL: probe all */
    const char *tmp_dir; /**< --tmp, the folder for unpacked files; NULL: $TMPDIR or /var/tmp */
    uint64_t cache; /**< --cache: bytes of unpacked files to keep for the next command; 0: none */
    int64_t offset; /**< raw: physical address of the first byte; -N: the first N bytes have none */
    unsigned threads; /**< 0: all cores */
    bool quiet;       /**< no progress */
    bool live; /**< a file of one piece in which a running machine has its memory: holes of it are
                    filled from time to time */
};

/** @path may be "-", standard input. */
int eg_image_open(struct eg_image **out, const char *path, const struct eg_open_options *o,
                  struct eg_error *e);
/** The same for a space of bytes (tests, fuzzing). It takes ownership of @file, also when it
 * fails. */
int eg_image_open_space(struct eg_image **out, struct eg_space *file, const char *name,
                        const struct eg_open_options *o, struct eg_error *e);
void eg_image_close(struct eg_image *img);
/** Say what of the file is damaged, missing or assumed: where, and how many bytes. Only while
 * opening. After 1000 notes, one says that there were more. */
void eg_image_note(struct eg_image *img, const char *format, ...) EG_PRINTF(2, 3);

/** For formats of several files: open @name in the folder of the image. The image owns the space.
 * @return -EG_ENOTFOUND when there is no such file, or the image is not a file on disk. */
int eg_image_beside(struct eg_space **out, struct eg_image *img, const char *name,
                    struct eg_error *e);

/** A piece of a raw file, and where it is in physical memory. */
struct eg_image_range {
    uint64_t at; /**< in the file */
    uint64_t start, len;
};
/** Physical memory that @ranges of @file make. @return -EG_EUSAGE: they overlap, or are not all in
 * the file. */
int eg_image_ranges_open(struct eg_space **out, const char *name, struct eg_space *file,
                         const struct eg_image_range *ranges, size_t n, struct eg_error *e);
/** Let a movable image's memory consist of @ranges from now on. No system may be open. Spaces from
 * before stay valid. */
int eg_image_move(struct eg_image *img, const struct eg_image_range *ranges, size_t n,
                  struct eg_error *e);

/* ---- formats: each is one file with one declaration, in this tree or in a module ---- */

/** The most bytes that a probe can ask for. */
enum { EG_HEAD_MAX = 1 << 16 };

/** What a probe gets: the first bytes of a file, and its path if it is one on disk. */
struct eg_head {
    const uint8_t *at;
    size_t len;
    uint64_t size;    /**< of the file; 0: not known until it is unpacked */
    const char *path; /**< NULL: the bytes are inside another file, or in memory */
};
struct eg_format {
    const char *desc;   /**< shown to the user: "LiME", "ELF core" */
    const char *suffix; /**< the usual end of its files' names: ".lime"; NULL: none */
    const char
        *folder;    /**< a folder with a file of this name is such a dump, and the file is what is
                             opened when the folder is named; NULL: none */
    bool container; /**< it holds another file (zstd): open gives the bytes of that file, which
                             is probed again, not physical memory */
    size_t head;    /**< bytes that probe wants, at most EG_HEAD_MAX; a short file has fewer */
    /** How sure it is: 0 (it is not) to 100; 1 means "nothing else fits" (raw). The best score
     * wins; two formats with the same best score are an error. It must not keep pointers to @h. */
    int (*probe)(const struct eg_head *h);
    /** Make a space over @file: of physical memory, or of the bytes that a container holds. Read
     * through img->view. The image owns @file, and *@out from then on: its close() frees what is
     * private to it, not the space below. Notes and what the file says of the machine go to @img.
     * @return 0; or `return eg_fail(e, EG_EFORMAT, "…")`, with all freed. */
    int (*open)(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                const struct eg_open_options *o, struct eg_error *e);
    /** Called when no probe is sure and the file cannot be raw memory: is it of this format, with
     * its beginning damaged or lost? It may read the whole file. NULL: no. */
    bool (*damaged)(struct eg_view *v, struct eg_space *file);
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
struct eg_records;
struct eg_records *eg_format_records(void); /**< for the registry: modules' are added here */

/** The format with the best score for @file, and its score; an error when two have the same. @name
 * is for messages; @on_disk: it is also the path of @file. */
int eg_format_probe(const struct eg_format_reg **out, int *score, struct eg_view *v,
                    struct eg_space *file, const char *name, bool on_disk, struct eg_error *e);
/** The format whose .damaged says so; NULL: none, or @file may well be raw memory: whole pages, the
 * first of which can be read. */
const struct eg_format_reg *eg_format_damaged(struct eg_view *v, struct eg_space *file);

/* ---- sources: machines that are not a file; each is one file with one declaration ---- */

struct eg_source {
    const char *desc;  /**< shown to the user, as a format's: "running guest of QEMU" */
    const char *where; /**< what stands behind the name and a colon: "SOCKET" */
    /** Is this what is opened when a file of that path is named (a device)? NULL: no. */
    bool (*is)(const char *path);
    /** Make a space of physical memory, and set img->live. What lives as long as the image is a
     * space in img->beside. Errors and ownership as of eg_format.open. */
    int (*open)(struct eg_space **out, struct eg_image *img, const char *where,
                const struct eg_open_options *o, struct eg_error *e);
};
struct eg_source_reg {
    const char *name, *file;
    const struct eg_source *source;
};
/** `EG_SOURCE(qmp) = { … };`: `engram qmp:WHERE`, unless a file has that name. */
#define EG_SOURCE(n)                                                                               \
    static const struct eg_source eg_source_##n;                                                   \
    static const struct eg_source_reg eg_sreg_##n = { #n, __FILE__, &eg_source_##n };              \
    EG_ENTRY(eg_sources, eg_source_reg, src_##n) = &eg_sreg_##n;                                   \
    static const struct eg_source eg_source_##n
const struct eg_source_reg *eg_source_nth(size_t i); /**< sorted by name; NULL past the end */
/** The source that @path names, and *@where behind its name and colon. NULL: it is a file. */
const struct eg_source_reg *eg_source_find(const char *path, const char **where);

#endif
