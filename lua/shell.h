/** shell.h - the interactive shell: one sandboxed Lua state and one run for all lines.
 *
 *  It does not print by itself: all output goes through eg_shell_ops. */
#ifndef EG_LUA_SHELL_H
#define EG_LUA_SHELL_H

#include "../core/registry.h"
#include "../core/vec.h"

/** Callbacks into the program around the shell. Those that return an int have reported the error if
 * it is not 0. @r is the shell's run, inside eg_run_do(). */
struct eg_shell_ops {
    void (*print)(void *context, const char *text,
                  size_t len); /**< already escaped for a terminal */
    void (*error)(void *context, const char *text);
    void (*note)(void *context, const char *text);
    int (*plugin)(void *context, const struct eg_plugin_reg *p, const struct eg_given_arg *args,
                  size_t n);
    int (*help)(void *context, const char *name); /**< show the help of a plugin */
    void (*type)(void *context, uint32_t type);   /**< show the definition of a type */
    int (*object)(void *context, struct eg_run *r, struct eg_obj o, const char *name,
                  const char *type, unsigned depth);
    int (*bytes)(void *context, struct eg_run *r, struct eg_space *as, uint64_t at, uint64_t len);
    int (*code)(void *context, struct eg_run *r, struct eg_space *as, uint64_t at, uint64_t n);
};

struct eg_shell;
/** @ops, @context and @sys are borrowed until eg_shell_close. */
int eg_shell_open(struct eg_shell **out, struct eg_system *sys, const struct eg_run_options *o,
                  const struct eg_shell_ops *ops, void *context, struct eg_error *e);
void eg_shell_close(struct eg_shell *s); /**< NULL-safe */

enum eg_shell_answer {
    EG_SHELL_OK,
    EG_SHELL_FAILED, /**< the error was reported; the shell continues */
    EG_SHELL_MORE,   /**< the text is incomplete; nothing was run */
    EG_SHELL_QUIT,   /**< quit() was called, or no new run could be opened */
};
/** Run @text; messages name it @name. @typed: print the values of an expression, and accept
 * incomplete text (EG_SHELL_MORE). */
enum eg_shell_answer eg_shell_do(struct eg_shell *s, const char *name, const char *text, size_t len,
                                 bool typed);

/** Candidates for the end of a text: each replaces the text from @from on. */
struct eg_shell_words {
    struct eg_arena arena;
    EG_VEC(const char *) at; /**< sorted, each once */
    size_t from;
    bool more; /**< the list is truncated */
};
/** Complete @text without calling any function of the script. Free the result with
 * eg_shell_words_fini. */
void eg_shell_complete(struct eg_shell *s, const char *text, struct eg_shell_words *out);
void eg_shell_words_fini(struct eg_shell_words *w);

#endif
