/** dwarf_files.h - the parts of a file's debug data, and the other files that it names: the one
 * that dwz moved common types to, .dwo files and .dwp packages (split DWARF).
 *
 *  Another file is looked for beside the first one, in the folders above it, where the first one
 * says that it is, and in /usr/lib/debug. It counts only with the right id. */
#ifndef EG_DWARF_FILES_H
#define EG_DWARF_FILES_H

#include "dwarf_unit.h"
#include "elf_file.h"

typedef EG_VEC(struct eg_dwarf_part *) eg_dwarf_parts;
typedef EG_VEC(const char *) eg_dwarf_paths;

/** A file with .dwo units. */
struct eg_dwarf_split_file {
    const char *path;
    bool taken; /**< its units are listed */
};

struct eg_dwarf_files {
    struct eg_dwarf *d;
    struct eg_elf *first;           /**< borrowed */
    EG_VEC(struct eg_elf *) others; /**< opened on the way */
    struct eg_arena arena;          /**< of parts, and paths of files that are open */
    struct eg_arena paths;          /**< of the search that is going on */
    struct eg_map found;            /**< ids of skeletons whose units are there */
    struct eg_map known;            /**< files that were looked into for .dwo units */
    struct eg_map held;             /**< ids of these units, to their file in @split */
    EG_VEC(struct eg_dwarf_split_file) split;
    struct eg_dwarf_package *package;
    bool asked; /**< for the package */
};
void eg_dwarf_files_fini(struct eg_dwarf_files *f);

/** List the units of the first file, and of the file of dwz if it names one. */
int eg_dwarf_files_open(struct eg_dwarf_files *f, struct eg_error *e);
/** List the units that the skeletons stand for that were found by now, and empty that list.
 * -EG_ENOTFOUND: a file is missing; @e names it and says what is lost. */
int eg_dwarf_files_split(struct eg_dwarf_files *f, struct eg_error *e);
/** Could all pages of all files be read? As eg_elf_check. */
int eg_dwarf_files_check(const struct eg_dwarf_files *f, struct eg_error *e);

/* ---- inside (dwarf_files.c, dwarf_search.c, dwarf_package.c) ---- */

/** Make the parts of a file: each section of units with what goes with it. @split: the sections of
 * a .dwo or .dwp. */
int eg_dwarf_parts_of(struct eg_dwarf_files *f, struct eg_elf *elf, bool split, eg_dwarf_parts *to,
                      struct eg_error *e);
/** List the units of these parts. */
int eg_dwarf_parts_list(struct eg_dwarf_files *f, const eg_dwarf_parts *parts, struct eg_error *e);

/** Open a regular file as ELF, and keep it. @return NULL: it is not there, or not one. */
struct eg_elf *eg_dwarf_open_other(struct eg_dwarf_files *f, const char *path);
/** Give it up again: it is the last that was opened. */
void eg_dwarf_close_other(struct eg_dwarf_files *f);

/** List paths at which @name may be: in the folder of the first file and in those above it, and in
 * @folder (may be NULL) or as it is. @id: hex of its build id, by which it is also looked for as
 * debuggers do; NULL: none. They are valid until the next search. @return false: out of memory. */
bool eg_dwarf_search(struct eg_dwarf_files *f, const char *name, const char *folder, const char *id,
                     eg_dwarf_paths *to);

/** The .dwp beside the first file; *@out is NULL when there is none. Lists its type units. */
int eg_dwarf_package_open(struct eg_dwarf_files *f, struct eg_dwarf_package **out,
                          struct eg_error *e);
void eg_dwarf_package_close(struct eg_dwarf_package *p); /**< NULL-safe */
/** List the unit with this id. @return 1; 0: it is not there; or an error. */
int eg_dwarf_package_add(struct eg_dwarf_files *f, const struct eg_dwarf_package *p, uint64_t id,
                         struct eg_error *e);

#endif
