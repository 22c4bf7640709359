/** shell.h - a script that is typed line by line: one sandboxed state over one run, for as long as
 * both last.
 *
 *  It prints nothing: what it has to say goes through eg_shell_ops. */
#ifndef EG_LUA_SHELL_H
#define EG_LUA_SHELL_H

#include "../core/registry.h"
#include "../core/vec.h"

/** What the program around the shell does for it. Those that return an int have told the user what
 * failed when it is not 0. @r is the shell's run, inside eg_run_do(). */
struct eg_shell_ops {
    void (*print)(void *context, const char *text, size_t len); /**< fit for a terminal */
    void (*error)(void *context, const char *text);
    void (*note)(void *context, const char *text);
    int (*plugin)(void *context, const struct eg_plugin_reg *p, const struct eg_given_arg *args,
                  size_t n);
    int (*help)(void *context, const char *name); /**< of a plugin */
    void (*type)(void *context, uint32_t type);   /**< its definition */
    int (*object)(void *context, struct eg_run *r, struct eg_obj o, const char *name,
                  const char *type, unsigned depth);
    int (*bytes)(void *context, struct eg_run *r, struct eg_space *as, uint64_t at, uint64_t len);
    int (*code)(void *context, struct eg_run *r, struct eg_space *as, uint64_t at, uint64_t n);
};

struct eg_shell;
/** @ops and @context are borrowed, like @sys. */
int eg_shell_open(struct eg_shell **out, struct eg_system *sys, const struct eg_run_options *o,
                  const struct eg_shell_ops *ops, void *context, struct eg_error *e);
void eg_shell_close(struct eg_shell *s); /**< NULL-safe */

enum eg_shell_answer {
    EG_SHELL_OK,
    EG_SHELL_FAILED, /**< said; the shell goes on */
    EG_SHELL_MORE,   /**< the text is not complete: nothing was run */
    EG_SHELL_QUIT,   /**< it asked for the end, or no new run can be had */
};
/** Run @text, which is called @name in messages. @typed: values of an expression are printed, and a
 * statement may be the beginning of one. */
enum eg_shell_answer eg_shell_do(struct eg_shell *s, const char *name, const char *text, size_t len,
                                 bool typed);

/** What may stand where @text ends, instead of what it has from @from on. */
struct eg_shell_words {
    struct eg_arena arena;
    EG_VEC(const char *) at; /**< sorted, each once */
    size_t from;
    bool more; /**< there are too many to list */
};
/** Looks values up, and calls nothing. Give back what it found with eg_shell_words_fini. */
void eg_shell_complete(struct eg_shell *s, const char *text, struct eg_shell_words *out);
void eg_shell_words_fini(struct eg_shell_words *w);

#endif
